//! The job queue, as administrators see it.

use serde_json::json;

use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn administrators_see_jobs_and_retry_or_delete_them(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    // Of a kind that nobody does here: a newer version may.
    let add = |n: i64, dead: &str| {
        format!(
            "insert into jobs (kind, payload, created_at, due_at, attempts, last_error, dead_at)
             values ('of_later', '{{\"n\":{n}}}', 1, 1, 3, 'it did not work', {dead});"
        )
    };
    app.database.run(&[add(1, "5"), add(2, "5"), add(3, "null")].concat()).await;
    eve.get_json("/admin/jobs").await.expect(403);
    let dead = ada.get_json("/admin/jobs?filter=dead").await.expect(200).json();
    assert_eq!(dead["counts"], json!({ "waiting": 1, "running": 0, "dead": 2 }));
    let jobs = dead["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2);
    assert_eq!(
        (&jobs[0]["kind"], &jobs[0]["state"], &jobs[0]["error"]),
        (&json!("of_later"), &json!("dead"), &json!("it did not work"))
    );
    let page = ada.get("/admin/jobs").await;
    assert!(page.expect(200).body.contains("it did not work"));
    assert!(ada.get_json("/admin").await.json()["warnings"].to_string().contains("dead_jobs"));
    let id = |at: usize| jobs[at]["id"].as_str().unwrap().to_owned();
    ada.post(&format!("/admin/jobs/{}/retry", id(0)), &[]).await.expect(303);
    ada.post(&format!("/admin/jobs/{}/delete", id(1)), &[]).await.expect(303);
    ada.post("/admin/jobs/999999/retry", &[]).await.expect(404);
    let all = ada.get_json("/admin/jobs").await.json();
    assert_eq!(all["counts"], json!({ "waiting": 2, "running": 0, "dead": 0 }));
    let log = ada.get_json("/admin/audit").await.json();
    let actions: Vec<_> = log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).take(2).collect();
    assert_eq!(actions, ["job.delete", "job.retry"]);
}
