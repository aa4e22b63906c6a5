//! What answers when nothing else does.

use std::any::Any;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::error::Error;
use crate::web::layers::session::CurrentUser;
use crate::web::respond::{Answer, Asked, Refused};
use crate::web::views::ErrorPage;

/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Gives a request up that takes too long: the database does not answer, or the rest of a body does not come.
pub async fn in_time(asked: Asked, request: Request, next: Next) -> Answer {
    tokio::time::timeout(PATIENCE, next.run(request)).await.map_err(|_| asked.refuse(Error::Unavailable))
}

/// Sends somebody who typed a page's path with a slash at its end, or with capitals, to the page.
pub async fn mend_path(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match mended(request.uri()).filter(|_| reads) {
        Some(path) => Redirect::permanent(&path).into_response(),
        None => next.run(request).await,
    }
}

/// The path and query that were meant, if they are others. What is behind a room's or a person's name stays as it is.
fn mended(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    let mut parts: Vec<String> = trimmed.split('/').map(ToOwned::to_owned).collect();
    let has_name = parts.get(1).is_some_and(|first| ["rooms", "people"].iter().any(|known| first.eq_ignore_ascii_case(known)));
    for part in parts.iter_mut().skip(1).take(if has_name { 2 } else { 1 }) {
        part.make_ascii_lowercase();
    }
    let meant = parts.join("/");
    // `//` would be another host.
    if meant.is_empty() || meant == path || meant.starts_with("//") {
        return None;
    }
    Some(uri.query().map_or_else(|| meant.clone(), |query| format!("{meant}?{query}")))
}

/// A path that is nobody's. Strangers are sent to log in, as from any page: what exists is not told to them.
pub async fn not_found(asked: Asked, user: Option<CurrentUser>) -> Refused {
    asked.refuse(match user {
        Some(_) => Error::NotFound("page"),
        None => Error::Unauthenticated,
    })
}

/// A path that is somebody's, asked in a way that it does not answer.
pub async fn wrong_method(asked: Asked) -> Answer {
    let mut response = asked.refuse(Error::NotFound("page")).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    Ok(response)
}

/// A fault in a handler, which was logged where it happened (`log`).
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, ErrorPage::of_fault().message().to_owned()).into_response();
    response.extensions_mut().insert(ErrorPage::of_fault());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_mended_where_it_can_only_mean_one_page() {
        for (typed, meant) in [
            ("/rooms/general/", "/rooms/general"),
            ("/rooms/General", "/rooms/general"),
            ("/Rooms/GENERAL/7/?x=A", "/rooms/general/7?x=A"),
            ("/people/Ada", "/people/ada"),
            ("/search/?q=Wind", "/search?q=Wind"),
            ("/Settings", "/settings"),
            ("/rooms///", "/rooms"),
        ] {
            assert_eq!(mended(&typed.parse().unwrap()).as_deref(), Some(meant), "{typed}");
        }
        for right in [
            "/",
            "//",
            "/rooms",
            "/rooms/general",
            "/rooms/general/7",
            "/rooms/general/on/2026-11-28",
            "/search?q=A",
            "//evil.example/",
        ] {
            assert_eq!(mended(&right.parse().unwrap()), None, "{right}");
        }
    }
}
