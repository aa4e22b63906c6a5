//! Error responses: JSON for programs, a page for browsers, the log-in form for strangers.
//!
//! Owns the layer that renders the error in a response (`respond`), and the links on an error page. The sentence is `error`'s; the status
//! and the other headers stay as they are.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, REFERER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde_json::json;
use tower_http::request_id::RequestId;
use tower_sessions::Session;

use super::reads::PermitSlot;
use super::session::CurrentUser;
use crate::chat::rate_limits::ActionKind;
use crate::error::Error;
use crate::web::accept::Format;
use crate::web::app_layout::layout;
use crate::web::bearer::Bearer;
use crate::web::respond::{own_path, page_with, to_confirm, to_login};
use crate::web::state::AppState;
use crate::web::theme_cookie;
use crate::web::views::{ErrorPage, SignedInErrorPage, Way};

/// What an error response depends on in the request.
struct Context {
    format: Format,
    method: Method,
    uri: Uri,
    session: Option<Session>,
    slot: Option<PermitSlot>,
    cookies: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    id: Option<String>,
    /// Whether it has an access token: then there is nobody to send to a form.
    has_token: bool,
}

impl Context {
    fn of(request: &Request) -> Self {
        Self {
            format: Format::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            session: request.extensions().get().cloned(),
            slot: request.extensions().get().cloned(),
            cookies: request.headers().get(COOKIE).cloned(),
            referer: request.headers().get(REFERER).cloned(),
            id: request_id(request),
            has_token: request.extensions().get::<Bearer>().is_some(),
        }
    }

    /// Headers with the cookies only.
    fn headers(&self) -> HeaderMap {
        self.cookies.clone().map(|cookies| (COOKIE, cookies)).into_iter().collect()
    }

    /// The page with the form. The browser sends the URL, of which only a path on this server is used.
    fn from(&self) -> Option<String> {
        let from = self.referer.as_ref().and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
        from.and_then(|from| own_path(from.path_and_query()?.as_str()).map(ToOwned::to_owned))
    }

    /// The page on which to go on after a step in between.
    fn page(&self) -> String {
        if self.method == Method::GET { self.uri.to_string() } else { self.from().unwrap_or_else(|| "/".to_owned()) }
    }

    /// The links on the page.
    fn ways(&self, status: StatusCode) -> Vec<Way> {
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        let here = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let again = is_read.then(|| Way::new("Try again", here));
        let back = self.from().filter(|from| !is_read && from != here).map(|from| Way::new("Go back", &from));
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

/// Renders the error in a response: in the layout of the person who is signed in, or in the theme of the browser.
pub async fn render(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let context = Context::of(&request);
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    if context.format.is_json() {
        return with_body(response, json_of(&error));
    }
    if matches!(*error, Error::Unauthenticated) && !context.has_token {
        return to_login(&context.uri);
    }
    if matches!(*error, Error::SecondFactorRequired) && !context.has_token {
        return Redirect::to("/settings/two-factor").into_response();
    }
    if matches!(*error, Error::ConfirmationRequired) && !context.has_token {
        return to_confirm(&context.page());
    }
    let status = response.status();
    // Refusals are nothing to ask about, and some must not differ.
    let id = context.id.clone().filter(|_| status.is_server_error());
    let page = ErrorPage::new(&error).with_ways(context.ways(status), context.method == Method::POST).of_request(id);
    let rendered = match signed_in_page(&state, &context, status, &page).await {
        Some(signed_in_page) => page_with(status, &signed_in_page),
        None => page_with(status, &page.themed(theme_cookie::of(&context.headers()))),
    };
    with_body(response, rendered)
}

/// The page in its person's layout. Reading it is limited like any page: beyond the limits it is shown without the layout.
async fn signed_in_page(state: &AppState, context: &Context, status: StatusCode, page: &ErrorPage) -> Option<SignedInErrorPage> {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let user = CurrentUser::of(context.session.as_ref()?, &context.headers(), state).await.ok()??;
    if user.lacks_second_factor {
        return None;
    }
    let slot = context.slot.as_ref()?;
    if !slot.is_taken() {
        if status == StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        state.chat.allow(user.id, ActionKind::Read).ok()?;
        slot.take(user.id).await.ok()?;
    }
    let layout = layout(state, &user).await.ok()?;
    Some(SignedInErrorPage::new(layout, page.clone()))
}

/// The response of a layer outside of [`render`]: it knows no session, and its page has no links.
pub fn plain(error: Error, format: Format) -> Response {
    plain_of(error, format, None)
}

/// The same for a request that failed, with its id.
pub fn plain_of(error: Error, format: Format, id: Option<String>) -> Response {
    let rendered = match format {
        Format::Json => json_of(&error),
        Format::Html => page_with(StatusCode::OK, &ErrorPage::new(&error).of_request(id)),
    };
    let mut response = error.into_response();
    response.extensions_mut().remove::<Arc<Error>>();
    with_body(response, rendered)
}

/// The id of a request, as in the response's `x-request-id`.
pub fn request_id(request: &Request) -> Option<String> {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    id.map(ToOwned::to_owned)
}

fn json_of(error: &Error) -> Response {
    Json(json!({ "error": error.to_json() })).into_response()
}

/// The body of `rendered`, with the status and headers of `response`.
fn with_body(response: Response, rendered: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    let (new, body) = rendered.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    if let Some(kind) = new.headers.get(CONTENT_TYPE) {
        parts.headers.insert(CONTENT_TYPE, kind.clone());
    }
    // A page, for `compression::deliver`.
    parts.extensions.extend(new.extensions);
    Response::from_parts(parts, body)
}

/// The response to a panic in a handler, which `log` has recorded where it happened.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Error::Internal("a handler panicked".into()).into_response()
}
