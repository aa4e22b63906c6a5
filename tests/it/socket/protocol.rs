//! Packets that break the protocol: the connection may end, the server must not mind.

use proof::client::Raw;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::both;
use crate::harness::{DEADLINE, Socket, TestApp, malformed};

async fn is_well(app: &TestApp, witness: &Socket, number: usize) {
    witness.post("general", &format!("still well {number}"), &format!("w{number}")).await;
    witness.hears(&format!("still well {number}")).await;
    app.stranger().get("/healthz").await.expect(200);
}

#[apply(both)]
async fn malformed_packets_hurt_nobody_else(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (witness, _) = ada.join("general").await;
    let (mut socket, _) = eve.join("general").await;
    let corpus = malformed::packets();
    for (number, packet) in corpus.iter().enumerate() {
        socket.raw(packet).await;
        // Either it goes on, or it was hung up on.
        let goes_on = tokio::select! {
            answer = async { socket.send("history", json!({ "room": "general" })).await.outcome().await } => answer.is_some(),
            () = socket.is_out() => false,
        };
        if !goes_on || socket.has_ended() {
            socket = eve.join("general").await.0;
        }
        if number % 20 == 0 {
            is_well(app, &witness, number).await;
        }
    }
    is_well(app, &witness, corpus.len()).await;
    assert!(witness.peek_at("message").iter().all(|it| it["kind"] != "text"), "{:?}", witness.peek());
}

#[apply(both)]
async fn malformed_packets_before_a_welcome_hurt_nobody_else(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    for packet in malformed::packets() {
        let socket = Socket::open(app, "", None).await.expect("the transport opens");
        socket.raw(&packet).await;
        socket.raw("40/chat,").await;
        drop(socket.admission().await);
    }
    is_well(app, &witness, 1).await;
}

#[apply(both)]
async fn binary_frames_and_attachments_are_no_events(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    for announced in [
        "",
        "451-/chat,0[\"message\",{\"_placeholder\":true,\"num\":0}]",
        "453-/chat,[\"message\",{\"_placeholder\":true,\"num\":7}]",
    ] {
        for bytes in [&b""[..], b"4", b"\x04", b"42/chat,[\"join\"]", &[0xff; 1000], &[0; 30_000]] {
            let (socket, _) = ada.join("general").await;
            if !announced.is_empty() {
                socket.raw(announced).await;
            }
            socket.frame(Frame::binary(bytes.to_vec())).await;
            tokio::select! {
                answer = async { socket.send("history", json!({ "room": "general" })).await.outcome().await } => drop(answer),
                () = socket.is_out() => {}
            }
        }
    }
    is_well(app, &witness, 1).await;
}

#[apply(both)]
async fn frames_that_break_the_protocol_end_the_connection(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    let wrong: [(&str, &[u8]); 9] = [
        ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0]),
        ("a reserved bit", &[0xc1, 0x80, 0, 0, 0, 0]),
        ("a frame without a mask", &[0x81, 0x01, b'2']),
        ("a ping in pieces", &[0x09, 0x80, 0, 0, 0, 0]),
        ("a ping of 126 bytes", &[0x89, 0xfe, 0, 126, 0, 0, 0, 0]),
        ("a piece of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("a beginning inside of another", &[0x01, 0x80, 0, 0, 0, 0, 0x01, 0x80, 0, 0, 0, 0]),
        ("a close with half a code", &[0x88, 0x81, 0, 0, 0, 0, 3]),
        ("bytes that are no text", &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]),
    ];
    for (what, bytes) in wrong {
        for cookies in [&*ada.cookies(), ""] {
            let mut raw = Raw::socket(app, cookies).await;
            raw.send(bytes).await;
            assert!(raw.end(DEADLINE).await.is_some(), "{what} did not end the connection");
        }
    }
    is_well(app, &witness, 1).await;
}

#[apply(both)]
async fn answers_of_every_length_arrive_whole(app: &TestApp) {
    let ada = app.register("ada").await;
    let socket = ada.socket().await;
    // A frame writes its length in another way from 126 bytes on, and from 65,536; a join's replay is longer than that.
    for length in 1..=200 {
        let body = "a".repeat(length);
        let answer = socket.ok("preview", json!({ "body": body })).await;
        assert_eq!(answer["html"], format!("<p>{body}</p>\n"));
    }
}

#[apply(both)]
async fn frames_that_are_too_large_end_the_connection(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    for length in [100 << 10, 1 << 20, 16 << 20] {
        let (socket, _) = ada.join("general").await;
        let body = "a".repeat(length);
        // The server may hang up in the middle of it.
        let packet = format!(r#"42/chat,["message",{{"room":"general","body":"{body}","nonce":"1"}}]"#);
        drop(tokio::time::timeout(DEADLINE, socket.raw(&packet)).await);
        socket.is_cut().await;
    }
    is_well(app, &witness, 1).await;
}

#[apply(both)]
async fn fragments_that_add_up_to_too_much_end_the_connection(app: &TestApp) {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame as RawFrame,
        coding::{Data, OpCode},
    };
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    let (socket, _) = ada.join("general").await;
    for number in 0..64 {
        let code = if number == 0 { Data::Text } else { Data::Continue };
        let frame = RawFrame::message(vec![b'a'; 16 << 10], OpCode::Data(code), false);
        socket.frame(Frame::Frame(frame)).await;
    }
    socket.is_cut().await;
    is_well(app, &witness, 1).await;
}
