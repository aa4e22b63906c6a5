//! Responses: pages, forms that were refused, redirects, and errors before they are rendered.
//!
//! Owns the mapping from an error to a status and to `Retry-After`. It must not know what an error page looks like: `layers::errors`
//! renders it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use crate::encoding::query_value;
use crate::error::{Error, Result};
use crate::pieces::Paper;
use crate::web::accept::Format;

/// The status and `Retry-After` of an error, its sentence as plain text, and the error itself in an extension. `layers::errors` replaces
/// the text by JSON or by a page.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Internal(fault) = &self {
            tracing::error!(fault, "a request failed");
        }
        let mut response = (status(&self), self.to_string()).into_response();
        retry_after(&mut response, self.retry_after());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Sets `Retry-After`, in whole seconds.
fn retry_after(response: &mut Response, wait: Option<Duration>) {
    if let Some(wait) = wait {
        let seconds = wait.as_secs_f64().ceil().max(1.0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds as u64));
    }
}

/// A redirect to the same page of a room under its present slug, if the page was asked for under an earlier one.
pub fn at_present_slug(uri: &Uri, asked: &str, slug: &str) -> Option<Response> {
    if asked == slug {
        return None;
    }
    let rest = uri.path().strip_prefix("/rooms/")?.split_once('/').map_or(String::new(), |(_, rest)| format!("/{rest}"));
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    Some(Redirect::temporary(&format!("/rooms/{slug}{rest}{query}")).into_response())
}

/// A page.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with a status other than 200. Its body comes later: `layers::compression` knows which encoding the client accepts.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match Paper::new(template) {
        Ok(paper) => {
            let mut response = (status, [(CONTENT_TYPE, "text/html; charset=utf-8")]).into_response();
            response.extensions_mut().insert(Arc::new(paper));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong. Please try again.").into_response()
        }
    }
}

/// The page of a link that does not work; any other error as it is.
///
/// # Errors
/// What is not about the link, and for programs that too.
pub fn dead_link(error: Error, format: Format, page: &impl Template) -> Result<Response> {
    if matches!(error, Error::NotFound(_)) && !format.is_json() {
        return Ok(page_with(StatusCode::NOT_FOUND, page));
    }
    Err(error)
}

/// The page of a form that was refused, with the input and the error in it: it has the error's status and `Retry-After`.
pub fn form_again(error: &Error, page: &impl Template) -> Response {
    let mut response = page_with(status(error), page);
    retry_after(&mut response, error.retry_after());
    response
}

/// A redirect to the log-in form, which leads back to `uri`.
pub fn to_login(uri: &Uri) -> Response {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    let next = query_value(here);
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// A redirect to the page that asks people to prove who they are, which leads on to `next`.
pub fn to_confirm(next: &str) -> Response {
    Redirect::to(&format!("/confirm?next={}", query_value(next))).into_response()
}

/// `next` if it is a path on this server, so that it cannot redirect elsewhere. Browsers read `//host` and `/\host` as other hosts, and
/// drop tabs and line ends first.
pub fn own_path(next: &str) -> Option<&str> {
    let rest = next.strip_prefix('/')?;
    let is_own = !rest.starts_with(['/', '\\']) && !next.chars().any(|c| c.is_control() || c == '\\');
    is_own.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_leads_only_to_our_own_pages() {
        assert_eq!(own_path("/rooms/general?before=3"), Some("/rooms/general?before=3"));
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(own_path(foreign), None, "{foreign:?}");
        }
    }
}
