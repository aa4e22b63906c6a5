//! A SQLite file that another program holds.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::harness::{Load, TestApp};
use crate::once;

#[apply(once)]
async fn while_another_program_holds_the_file_posts_fail_clearly_and_reads_go_on(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let before = socket.post("general", "before", "1").await;
    let mut other = SqliteConnectOptions::new().filename(app.database.file()).connect().await.expect("the file is there");
    other.execute("begin immediate").await.expect("nobody writes now");
    let post = json!({ "room": "general", "body": "while held", "nonce": "2" });
    let (answer, form) = tokio::join!(socket.ask("message", post.clone()), ada.write("general", "by form"));
    assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
    form.expect(503);
    assert!(form.body.contains(form.header("x-request-id")), "its page names the request, as the log does: {form:?}");
    let page = ada.get_json("/rooms/general").await.expect(200).json();
    assert_eq!(page["messages"].as_array().expect("messages").last(), Some(&before));
    assert_eq!(socket.ok("history", json!({ "room": "general" })).await["messages"].as_array().map(Vec::len), Some(2));
    other.execute("rollback").await.expect("it can let go");
    let message = socket.ok("message", post).await["message"].take();
    assert_eq!(message["seq"], 3, "no place was lost");
    app.database.check_rooms().await;
}

#[apply(once)]
async fn nothing_is_lost_when_another_program_holds_the_file_again_and_again(app: &TestApp) {
    let mut load = Load::gather(app, 2).await;
    let (witness, room) = load.witness();
    let witness = witness.join(&room).await.0;
    let mut other = SqliteConnectOptions::new().filename(app.database.file()).connect().await.expect("the file is there");
    load.during(async {
        for round in 1..=5 {
            witness.first(round * 20, "message").await;
            other.execute("begin immediate").await.expect("it gets its turn");
            app.stranger().get("/healthz").await.expect(200);
            other.execute("rollback").await.expect("it can let go");
        }
    })
    .await;
    app.database.check(&mut load).await;
}
