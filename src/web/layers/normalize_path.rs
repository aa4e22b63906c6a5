//! Redirects of paths that were typed slightly wrong: a trailing slash, or capitals.

use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

/// Redirects GET and HEAD to the normal form of the path.
pub async fn redirect(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match normalized(request.uri()).filter(|_| is_read) {
        Some(path) => Redirect::permanent(&path).into_response(),
        None => next.run(request).await,
    }
}

/// The normal form of the path, with the query, if it differs. What stands behind the name of a room or person is not changed.
fn normalized(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    let mut parts: Vec<String> = trimmed.split('/').map(ToOwned::to_owned).collect();
    let has_name = parts.get(1).is_some_and(|first| ["rooms", "people"].iter().any(|known| first.eq_ignore_ascii_case(known)));
    for part in parts.iter_mut().skip(1).take(if has_name { 2 } else { 1 }) {
        part.make_ascii_lowercase();
    }
    let meant = parts.join("/");
    // `//` begins another host.
    if meant.is_empty() || meant == path || meant.starts_with("//") {
        return None;
    }
    Some(uri.query().map_or_else(|| meant.clone(), |query| format!("{meant}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalized_where_it_can_only_mean_one_page() {
        for (typed, meant) in [
            ("/rooms/general/", "/rooms/general"),
            ("/rooms/General", "/rooms/general"),
            ("/Rooms/GENERAL/7/?x=A", "/rooms/general/7?x=A"),
            ("/people/Ada", "/people/ada"),
            ("/search/?q=Wind", "/search?q=Wind"),
            ("/Settings", "/settings"),
            ("/rooms///", "/rooms"),
        ] {
            assert_eq!(normalized(&typed.parse().unwrap()).as_deref(), Some(meant), "{typed}");
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
            assert_eq!(normalized(&right.parse().unwrap()), None, "{right}");
        }
    }
}
