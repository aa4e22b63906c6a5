//! Messages are reported, and those who moderate act on it.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, TestApp};

async fn reports(person: &Person, path: &str) -> Vec<Value> {
    person.get_json(path).await.expect(200).json()["reports"].as_array().expect("a list").clone()
}

#[apply(everywhere)]
async fn a_report_keeps_the_text_and_reaches_those_who_moderate(app: &TestApp) {
    let (ada, eve, rosa) = (app.register("ada").await, app.register("eve").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let vault = ada.create_room("Vault", "private").await;
    ada.post(&format!("/rooms/{vault}/members"), &[("username", "eve")]).await.expect(303);
    let (socket, _) = ada.join(&vault).await;
    let seq = socket.post(&vault, "something rude", "1").await["seq"].as_i64().expect("a seq");
    let own = eve.join(&vault).await.0.post(&vault, "mine", "2").await["seq"].as_i64().expect("a seq");
    let path = format!("/rooms/{vault}/{seq}/report");
    for (reason, status) in [("", 422), (&*"x".repeat(501), 422)] {
        eve.post(&path, &[("reason", reason)]).await.expect(status);
    }
    eve.post(&format!("/rooms/{vault}/{own}/report"), &[("reason", "rude")]).await.expect(422);
    eve.post(&format!("/rooms/{vault}/1/report"), &[("reason", "rude")]).await.expect(422);
    rosa.post(&path, &[("reason", "rude")]).await.expect(404);
    for _ in 0..2 {
        let location = eve.post(&path, &[("reason", "It’s rude")]).await.expect(303).location();
        assert_eq!(location, format!("/rooms/{vault}/{seq}/more#report"));
    }
    socket.ok("edit", json!({ "room": vault, "seq": seq, "body": "something nice" })).await;
    assert!(eve.get(&format!("/rooms/{vault}/{seq}/more")).await.expect(200).body.contains("hasn’t been reviewed yet"));
    // The administrator reads what was reported, and no more of the room.
    let queue = reports(&rosa, "/admin/reports").await;
    assert_eq!(queue.len(), 1);
    assert_eq!((&queue[0]["body"], &queue[0]["reason"]), (&json!("something rude"), &json!("It’s rude")));
    assert_eq!((&queue[0]["author"]["username"], &queue[0]["reporter"]), (&json!("ada"), &json!("eve")));
    let page = rosa.get("/admin/reports").await;
    assert!(page.expect(200).body.contains("something rude") && !page.body.contains(&format!("/rooms/{vault}/{seq}")));
    rosa.get(&format!("/rooms/{vault}/{seq}")).await.expect(404);
    // The owner has the room's queue; members and others have none.
    let of_room = format!("/rooms/{vault}/reports");
    assert_eq!(reports(&ada, &of_room).await.len(), 1);
    ada.get(&of_room).await.expect(200);
    eve.get(&of_room).await.expect(403);
    rosa.get(&of_room).await.expect(404);
    eve.get("/admin/reports").await.expect(403);
    ada.get("/admin/reports").await.expect(403);
    let id = queue[0]["id"].as_str().expect("an id").to_owned();
    let close = |action| [("action", action)];
    eve.post(&format!("{of_room}/{id}/close"), &close("dismiss")).await.expect(403);
    ada.post(&format!("/admin/reports/{id}/close"), &close("dismiss")).await.expect(403);
    ada.post(&format!("/rooms/general/reports/{id}/close"), &close("dismiss")).await.expect(403);
    rosa.post("/admin/reports/999/close", &close("dismiss")).await.expect(404);
    rosa.post(&format!("/admin/reports/{id}/close"), &close("shout")).await.expect(422);
    // Deleted by somebody who is not in the room.
    assert_eq!(rosa.post(&format!("/admin/reports/{id}/close"), &close("delete")).await.expect(303).location(), "/admin/reports");
    socket.next_where("message", |it| it["seq"] == seq && it["deleted_at"].is_string()).await;
    assert!(reports(&rosa, "/admin/reports").await.is_empty());
    let closed = reports(&rosa, "/admin/reports?filter=closed").await;
    assert_eq!((&closed[0]["outcome"], &closed[0]["closed_by"]), (&json!("deleted"), &json!("rosa")));
    assert!(eve.get(&format!("/rooms/{vault}/{seq}/more")).await.expect(200).body.contains("it was reviewed"));
    let recorded = app.database.rows("audit").await;
    let of =
        |action: &str| recorded.iter().filter(|row| row["action"] == action).map(|row| row["actor"].clone()).collect::<Vec<_>>();
    assert_eq!(
        (of("message.report"), of("report.close"), of("message.delete")),
        (vec![json!("eve")], vec![json!("rosa")], vec![json!("rosa")])
    );
    assert!(!format!("{recorded:?}").contains("something"));
}

#[apply(everywhere)]
async fn reports_are_dismissed_or_end_in_a_ban_and_come_in_pages(app: &TestApp) {
    let (ada, eve, rosa) = (app.register("ada").await, app.register("eve").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    ada.enter("general").await;
    for body in ["one", "two"] {
        ada.write("general", body).await.expect(303);
    }
    let messages = eve.get_json("/rooms/general").await.json()["messages"].clone();
    for message in messages.as_array().unwrap().iter().filter(|message| message["kind"] == "text") {
        eve.post(&format!("/rooms/general/{}/report", message["seq"]), &[("reason", "rude")]).await.expect(303);
    }
    let queue = reports(&rosa, "/admin/reports").await;
    assert_eq!(queue.iter().map(|report| &report["body"]).collect::<Vec<_>>(), ["two", "one"]);
    let close = async |at: usize, action| {
        let path = format!("/admin/reports/{}/close", queue[at]["id"].as_str().unwrap());
        rosa.post(&path, &[("action", action)]).await.expect(303);
    };
    close(1, "dismiss").await;
    // Whoever reported it can do so again.
    eve.post(&format!("/rooms/general/{}/report", queue[1]["seq"]), &[("reason", "still rude")]).await.expect(303);
    close(0, "ban").await;
    ada.get("/rooms").await.expect(303);
    let outcomes: Vec<_> =
        reports(&rosa, "/admin/reports?filter=closed").await.iter().map(|report| report["outcome"].clone()).collect();
    assert_eq!(outcomes, ["banned", "dismissed"]);
    for seq in 1000..1055 {
        app.database
            .run(&format!(
                "insert into reports (room_id, seq, body, author_id, reporter_id, reason, created_at)
                 select rooms.id, {seq}, 'x', users.id, users.id, 'x', 0 from rooms, users where slug = 'general' and username = 'eve'"
            ))
            .await;
    }
    let first = rosa.get_json("/admin/reports").await.expect(200).json();
    assert_eq!((first["reports"].as_array().map(Vec::len), &first["more"]), (Some(50), &json!(true)));
    let second = rosa.get_json(&format!("/admin/reports?before={}", first["next"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((second["reports"].as_array().map(Vec::len), &second["next"]), (Some(6), &Value::Null));
    for wrong in ["?filter=tall", "?before=x"] {
        assert_eq!(rosa.get_json(&format!("/admin/reports{wrong}")).await.expect(422).code(), "invalid");
    }
}
