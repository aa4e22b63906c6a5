//! What a connection may not do, above all before anybody has been let in with it: then it is closed, and little has been kept of it.

use tokio_tungstenite::tungstenite::{Bytes, Message as Frame};

use crate::both;
use crate::harness::packet::Packet;
use crate::harness::socket::Refusal;
use crate::harness::{Socket, TestApp};
use crate::once;

async fn stranger(app: &TestApp) -> Socket {
    Socket::open(app, "", Some(&app.origin)).await.expect("the transport opens")
}

#[apply(both)]
async fn binary_packets_close_the_connection_before_log_in_and_after(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    let frames = [
        Frame::text(r#"451-/chat,["message",{"room":"general","body":{"_placeholder":true,"num":0},"nonce":"b"}]"#),
        Frame::text(r#"450-/chat,["message",{"room":"general","body":"binary","nonce":"b"}]"#),
        Frame::text("461-/chat,7[]"),
        Frame::binary(Bytes::from_static(&[7; 1000])),
        Frame::binary(Bytes::new()),
    ];
    for frame in frames {
        let outside = stranger(app).await;
        outside.frame(frame.clone()).await;
        outside.is_cut().await;
        let (inside, _) = ada.join("general").await;
        inside.frame(frame).await;
        inside.is_cut().await;
    }
    witness.post("general", "the end", "end").await;
    witness.hears("the end").await;
    assert!(witness.peek_at("message").iter().all(|it| it["body"] != "binary"), "{:?}", witness.peek());
}

#[apply(both)]
async fn another_namespace_closes_the_connection_before_log_in_and_after(app: &TestApp) {
    let ada = app.register("ada").await;
    for packet in
        ["40/elsewhere,", "40", r#"40{"token":"x"}"#, "40/chat2,", r#"42["message",{}]"#, "41/elsewhere,", "43/elsewhere,1[]"]
    {
        let outside = stranger(app).await;
        outside.raw(packet).await;
        outside.is_cut().await;
        let (inside, _) = ada.join("general").await;
        inside.raw(packet).await;
        inside.is_cut().await;
    }
}

#[apply(both)]
async fn who_asks_for_a_short_namespace_is_told_and_a_long_one_is_not_repeated(app: &TestApp) {
    let socket = stranger(app).await;
    socket.raw("40/elsewhere,").await;
    let told = socket.packet(|packet| matches!(packet, Packet::Refused(..))).await;
    assert!(matches!(&told, Packet::Refused(namespace, _) if namespace == "/elsewhere"), "{told:?}");
    let socket = stranger(app).await;
    socket.raw(&format!("40/{},", "n".repeat(8000))).await;
    assert_eq!(socket.admission().await, Err(Refusal::Closed));
    socket.is_cut().await;
}

#[apply(both)]
async fn who_is_refused_again_and_again_is_cut(app: &TestApp) {
    let socket = stranger(app).await;
    // One that comes before the last one is answered is not heard, and counts.
    for _ in 0..20 {
        socket.raw("40/chat,").await;
    }
    socket.is_cut().await;
    let mut refused = 0;
    while let Err(Refusal::ConnectError(data)) = socket.admission().await {
        assert_eq!(data["message"], "unauthenticated");
        refused += 1;
    }
    assert!(refused <= 8, "{refused}");
}

#[apply(both)]
async fn whoever_leaves_and_comes_back_all_the_time_is_cut(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for _ in 0..20 {
        socket.raw("41/chat,").await;
        socket.raw("40/chat,").await;
    }
    socket.is_cut().await;
    ada.socket().await;
}

/// The server cuts it, though it has a farewell to write that nobody reads.
#[apply(once)]
async fn who_reads_nothing_is_cut_all_the_same(app: &TestApp) {
    let refused = ["40/elsewhere,", "451-/chat,[]", "42[]"];
    for packet in refused {
        let socket = stranger(app).await;
        socket.set_reading(false);
        socket.raw(packet).await;
        // The network tells by itself when the other side is gone: writing fails.
        while socket.is_taken("3").await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

#[apply(once)]
async fn only_little_is_taken_before_log_in(app: &TestApp) {
    let ada = app.register("ada").await;
    let long = "x".repeat(20_000);
    for cookies in [String::new(), ada.cookies()] {
        // In one packet, in many, and in one that never comes to its end.
        let socket = Socket::open(app, &cookies, Some(&app.origin)).await.expect("the transport opens");
        socket.raw(&format!(r#"40/chat,{{"token":"{long}"}}"#)).await;
        assert!(socket.admission().await.is_err());
        let socket = Socket::open(app, &cookies, Some(&app.origin)).await.expect("the transport opens");
        while socket.is_taken(&"3".repeat(1000)).await {}
        socket.is_cut().await;
    }
    // Whoever is in may send what a message can be.
    let (socket, _) = ada.join("general").await;
    socket.refused("message", serde_json::json!({ "room": "general", "body": long, "nonce": "1" })).await;
    socket.post("general", &"x".repeat(8000), "2").await;
}
