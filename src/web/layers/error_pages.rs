//! Refusals as pages: inside the frame of whoever is signed in, and in the theme of whoever is not.
//!
//! Owns the layer that does it, and where a refusal leads on to. What a refusal says is `error`'s, and its status stays as it is.

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, REFERER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use tower_sessions::Session;

use super::reads::TurnSlot;
use super::session::CurrentUser;
use crate::chat::rate_limits::ActionKind;
use crate::web::pages::frame::frame;
use crate::web::respond::{own_path, page_with, wants_json};
use crate::web::state::AppState;
use crate::web::theme;
use crate::web::views::{ErrorPage, FramedErrorPage, Way};

/// What of a request is still wanted once it has been refused.
struct Seen {
    method: Method,
    uri: Uri,
    session: Option<Session>,
    slot: Option<TurnSlot>,
    cookies: Option<HeaderValue>,
    from: Option<HeaderValue>,
}

impl Seen {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            session: request.extensions().get().cloned(),
            slot: request.extensions().get().cloned(),
            cookies: request.headers().get(COOKIE).cloned(),
            from: request.headers().get(REFERER).cloned(),
        }
    }

    /// Its cookies, as they came.
    fn headers(&self) -> HeaderMap {
        self.cookies.clone().map(|cookies| (COOKIE, cookies)).into_iter().collect()
    }

    /// Where to go from here.
    fn ways(&self, status: StatusCode) -> Vec<Way> {
        let is_reading = self.method == Method::GET || self.method == Method::HEAD;
        let here = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let again = is_reading.then(|| Way::new("Try again", here));
        // The page whose form it was; its address comes from the browser, and leads only to our own.
        let from = self.from.as_ref().and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
        let from = from.and_then(|from| own_path(from.path_and_query()?.as_str()).map(ToOwned::to_owned));
        let back = from.filter(|from| !is_reading && from != here).map(|from| Way::new("Go back", &from));
        let rooms = || Some(Way::new("Browse rooms", "/rooms"));
        let search = || Some(Way::new("Search messages", "/search"));
        let ways = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => [back, rooms(), search()],
            StatusCode::FORBIDDEN => [back, rooms(), None],
            _ => [again, back, rooms()],
        };
        ways.into_iter().flatten().collect()
    }
}

/// Shows a refusal as a page of the person who asked.
pub async fn dress(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_page = !wants_json(request.headers());
    let seen = Seen::of(&request);
    let mut response = next.run(request).await;
    let Some(page) = response.extensions_mut().remove::<ErrorPage>() else { return response };
    if !is_page {
        return response;
    }
    let status = response.status();
    let page = page.with_ways(seen.ways(status), seen.method == Method::POST);
    let framed = if status == StatusCode::SERVICE_UNAVAILABLE { None } else { around(&state, &seen, status, &page).await };
    let dressed = match framed {
        Some(framed) => page_with(status, &framed),
        None => page_with(status, &page.themed(theme::of(&seen.headers()))),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let (new, body) = dressed.into_parts();
    if let Some(kind) = new.headers.get(CONTENT_TYPE) {
        parts.headers.insert(CONTENT_TYPE, kind.clone());
    }
    // The page itself is there until it is delivered.
    parts.extensions.extend(new.extensions);
    Response::from_parts(parts, body)
}

/// The page in its person's frame. It is read like any page: whoever has read too much, or asks for too much at once, gets the plain one.
async fn around(state: &AppState, seen: &Seen, status: StatusCode, page: &ErrorPage) -> Option<FramedErrorPage> {
    let user = CurrentUser::of(seen.session.as_ref()?, &seen.headers(), state).await.ok()??;
    let slot = seen.slot.as_ref()?;
    if !slot.is_taken() {
        if status == StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        state.chat.allow(user.id, ActionKind::Read).ok()?;
        slot.take(user.id).await.ok()?;
    }
    let frame = frame(state, &user).await.ok()?;
    Some(FramedErrorPage::new(frame, page.clone()))
}
