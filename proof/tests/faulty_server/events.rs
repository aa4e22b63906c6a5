//! Its events: joining, catching up, posting.
//!
//! Owns what is sent live, and the faults in it. All of an event happens under one lock before anything waits, so that without a
//! fault the order is kept.

use axum::http::header::COOKIE;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;

use crate::rooms::{Rooms, is_faulty};
use crate::{Fault, Shared};

const NAMESPACE: &str = "/chat";

#[derive(Clone)]
struct Owner(String);

pub fn layer(shared: Shared) -> SocketIoLayer {
    let (layer, io) = SocketIo::builder().max_buffer_size(8192).build_layer();
    let sockets = io.clone();
    // In the middleware, before the client is accepted: an event that comes before its handler is dropped.
    let admit = async move |socket: SocketRef| {
        let cookies = socket.req_parts().headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let who = shared.rooms().who(&cookies).ok_or("unauthenticated")?;
        socket.extensions.insert(Owner(who));
        for event in ["join", "sync", "message", "history"] {
            let (shared, sockets) = (shared.clone(), sockets.clone());
            // In the closure, and not in its future: only that keeps the order of events.
            socket.on(event, move |socket: SocketRef, Data(data): Data<Value>, ack: AckSender| {
                let answer = answer(&mut shared.rooms(), &sockets, &socket, event, &data);
                drop(ack.send(&answer));
                async {}
            });
        }
        Ok::<(), &str>(())
    };
    io.ns(NAMESPACE, (async || {}).with(admit));
    layer
}

fn answer(rooms: &mut Rooms, sockets: &SocketIo, socket: &SocketRef, event: &str, data: &Value) -> Value {
    let text = |field: &str| data[field].as_str().unwrap_or_default();
    let Owner(who) = socket.extensions.get::<Owner>().expect("every socket has an owner before its first event");
    let slug = text("room");
    let answer = match event {
        "message" => rooms.post(slug, &who, text("nonce"), text("body")).map(|posted| {
            send(rooms, sockets, slug, posted.sent);
            json!({ "ok": true, "message": posted.message })
        }),
        "history" => rooms.page(slug, &who, 0, 50).map(|mut page| {
            page["ok"] = json!(true);
            page
        }),
        _ => {
            if event == "join" && rooms.room(slug, &who).is_some_and(|room| room.has(&who)) {
                socket.join(slug.to_owned());
            }
            rooms.since(slug, &who, data["after"].as_i64().unwrap_or(0))
        }
    };
    answer.unwrap_or_else(|| json!({ "ok": false, "error": { "code": "not_found", "message": "There is no such room." } }))
}

/// Sends messages to a room. To reorder means to hold one back until the next one has been sent.
fn send(rooms: &mut Rooms, sockets: &SocketIo, slug: &str, messages: Vec<Value>) {
    let sockets = sockets.of(NAMESPACE).expect("the namespace is there");
    let fault = rooms.fault;
    let emit = |message: &Value| {
        let sockets = sockets.clone();
        // Without a room it goes to everybody who is connected.
        let reached = if fault == Fault::Leak { sockets.broadcast() } else { sockets.to(slug.to_owned()) };
        // Within one process there is nothing to wait for.
        futures_util::FutureExt::now_or_never(reached.emit("message", message));
    };
    for message in messages {
        if fault == Fault::Reorder && is_faulty(&message) {
            rooms.held_back = Some(message);
            continue;
        }
        emit(&message);
        if let Some(late) = rooms.held_back.take() {
            emit(&late);
        }
    }
}
