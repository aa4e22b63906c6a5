//! What the pages show.
#![allow(missing_docs)]
use std::sync::Arc;
use askama::Template;
use super::session::CurrentUser;
use crate::accounts::session::SessionUser;
use crate::chat::Chat;
use crate::chat::change::Logged;
use crate::chat::types::{ListedRoom, Page};
use crate::clock::Millis;
use crate::config::Config;
use crate::db::rooms::{Member, RoomView};
use crate::error::Error;

pub struct Problem { pub field: &'static str, pub message: String }
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self { Self { field: error.field().unwrap_or_default(), message: error.to_string() } }
}
pub struct Frame { pub me: Arc<SessionUser>, pub rooms: Vec<ListedRoom> }
impl Frame { pub fn new(user: &CurrentUser, rooms: Vec<ListedRoom>) -> Self { Self { me: user.0.clone(), rooms } } }

#[derive(Template)]
#[template(source = "<h1>{{ code }}</h1><p>{{ message }}</p>", ext = "html")]
pub struct ErrorPage { pub code: &'static str, pub message: String }
impl ErrorPage { pub fn new(error: &Error) -> Self { Self { code: error.code(), message: error.to_string() } } }

#[derive(Template)]
#[template(source = "<form method=post action=/login><input name=username value=\"{{ username }}\"><input name=next value=\"{{ next }}\">{% if let Some(p) = problem %}<p>{{ p.message }}</p>{% endif %}</form>", ext = "html")]
pub struct LoginPage { pub username: String, pub next: String, pub problem: Option<Problem> }
impl LoginPage { pub fn new(_: &Config, next: &str) -> Self { Self { username: String::new(), next: next.into(), problem: None } } }

#[derive(Template)]
#[template(source = "<form method=post action=/register><input name=username value=\"{{ username }}\"><input name=name value=\"{{ name }}\"><input name=invite value=\"{{ invite }}\"><input name=setup value=\"{{ setup }}\">{% if let Some(p) = problem %}<p>{{ p.message }}</p>{% endif %}</form>", ext = "html")]
pub struct RegisterPage { pub username: String, pub name: String, pub invite: String, pub setup: String, pub problem: Option<Problem> }
impl RegisterPage { pub fn new(_: &Config, invite: &str, setup: &str) -> Self { Self { username: String::new(), name: String::new(), invite: invite.into(), setup: setup.into(), problem: None } } }

#[derive(Template)]
#[template(source = "{{ frame.me.name }} {{ path }}", ext = "html")]
pub struct InvitePage { pub frame: Frame, pub path: String }

#[derive(Template)]
#[template(source = "{{ frame.me.name }} {{ name }}{{ topic }}{% for r in rooms %}<a href=\"/rooms/{{ r.room.slug }}\">{{ r.room.name }}</a>{% endfor %}{% if let Some(p) = problem %}<p>{{ p.message }}</p>{% endif %}", ext = "html")]
pub struct RoomsPage { pub frame: Frame, pub rooms: Vec<ListedRoom>, pub name: String, pub topic: String, pub problem: Option<Problem> }
impl RoomsPage { pub fn new(frame: Frame, rooms: Vec<ListedRoom>) -> Self { Self { frame, rooms, name: String::new(), topic: String::new(), problem: None } } }

#[derive(Template)]
#[template(source = "{{ frame.me.name }} {{ view.room.name }}{% for m in members %}{{ m.person.name }}{% endfor %}{% if let Some(p) = problem %}<p>{{ p.message }}</p>{% endif %}", ext = "html")]
pub struct MembersPage { pub frame: Frame, pub view: RoomView, pub members: Vec<Member>, pub problem: Option<Problem> }
impl MembersPage { pub fn new(frame: Frame, _: &CurrentUser, view: RoomView, members: Vec<Member>) -> Self { Self { frame, view, members, problem: None } } }

#[derive(Template)]
#[template(source = "{{ frame.me.name }} {{ view.room.name }} {{ draft }} {% for m in history.messages %}<article id=\"m{{ m.message.seq }}\">{{ m.message.author.name }} {{ m.message.html|safe }}</article>{% endfor %}{% if let Some(p) = problem %}<p>{{ p.message }}</p>{% endif %}", ext = "html")]
pub struct RoomPage { pub frame: Frame, pub view: RoomView, pub history: Page<Arc<Logged>>, pub draft: String, pub problem: Option<Problem> }
impl RoomPage { pub fn new(frame: Frame, _: &Chat, view: RoomView, history: Page<Arc<Logged>>, _target: Option<i64>, _now: Millis) -> Self { Self { frame, view, history, draft: String::new(), problem: None } } }
