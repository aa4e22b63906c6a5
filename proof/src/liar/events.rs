//! The liar's events: joining, catching up, posting.
//!
//! Owns what is told live, and the lies about it. All of an event happens under one lock before anything waits, so that an honest
//! liar keeps the order.

use axum::http::header::COOKIE;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;

use super::rooms::{House, is_lied_about};
use super::{Liar, Lie};

/// The namespace.
const NAMESPACE: &str = "/chat";

/// A socket's owner.
#[derive(Clone)]
struct Owner(String);

/// The Socket.IO layer.
pub fn layer(liar: Liar) -> SocketIoLayer {
    let (layer, io) = SocketIo::builder().max_buffer_size(8192).build_layer();
    let hall = io.clone();
    // In the middleware, before the client hears that it is in: an event that came before its handler would be dropped.
    let admit = async move |socket: SocketRef| {
        let cookies = socket.req_parts().headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let who = liar.house().who(&cookies).ok_or("unauthenticated")?;
        socket.extensions.insert(Owner(who));
        for event in ["join", "sync", "message", "history"] {
            let (liar, hall) = (liar.clone(), hall.clone());
            // In the closure, and not in its future: only that keeps the order of the events.
            socket.on(event, move |socket: SocketRef, Data(data): Data<Value>, ack: AckSender| {
                let answer = answer(&mut liar.house(), &hall, &socket, event, &data);
                drop(ack.send(&answer));
                async {}
            });
        }
        Ok::<(), &str>(())
    };
    io.ns(NAMESPACE, (async || {}).with(admit));
    layer
}

fn answer(house: &mut House, hall: &SocketIo, socket: &SocketRef, event: &str, data: &Value) -> Value {
    let text = |field: &str| data[field].as_str().unwrap_or_default();
    let Owner(who) = socket.extensions.get::<Owner>().expect("every socket has an owner before its first event");
    let slug = text("room");
    let answer = match event {
        "message" => house.post(slug, &who, text("nonce"), text("body")).map(|posted| {
            tell(house, hall, slug, posted.told);
            json!({ "ok": true, "message": posted.message })
        }),
        "history" => house.page(slug, &who, 0, 50).map(|mut page| {
            page["ok"] = json!(true);
            page
        }),
        _ => {
            if event == "join" && house.room(slug, &who).is_some_and(|room| room.has(&who)) {
                socket.join(slug.to_owned());
            }
            house.since(slug, &who, data["after"].as_i64().unwrap_or(0))
        }
    };
    answer.unwrap_or_else(|| json!({ "ok": false, "error": { "code": "not_found", "message": "There is no such room." } }))
}

/// Tells a room; lying about the order means that a message waits until the next one has been told.
fn tell(house: &mut House, hall: &SocketIo, slug: &str, told: Vec<Value>) {
    let hall = hall.of(NAMESPACE).expect("the namespace is there");
    let lie = house.lie;
    let say = |message: &Value| {
        let hall = hall.clone();
        // Without a room it goes to whoever is connected.
        let reached = if lie == Lie::Leak { hall.broadcast() } else { hall.to(slug.to_owned()) };
        // Within one process there is nothing to wait for.
        futures_util::FutureExt::now_or_never(reached.emit("message", message));
    };
    for message in told {
        if lie == Lie::Reorder && is_lied_about(&message) {
            house.held_back = Some(message);
            continue;
        }
        say(&message);
        if let Some(late) = house.held_back.take() {
            say(&late);
        }
    }
}
