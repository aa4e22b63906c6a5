//! The headers of every response: Content-Security-Policy and its like, and the default of `Cache-Control`.

use std::sync::Arc;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::web::assets;

/// The headers: no inline script but one, which is known by its hash; nothing from other hosts, no framing, no sniffing.
pub fn headers(is_https: bool) -> Arc<HeaderMap> {
    let policy = format!(
        "default-src 'none'; script-src 'self' {}; style-src 'self'; img-src 'self' data:; media-src 'self'; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        assets::first_hash()
    );
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy).expect("a policy of fixed words and a base64 hash is a header's value"),
    );
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    headers.into()
}

/// Adds the headers to a response. By default a response is not stored: after a log-out, the back button shows no page of before.
pub fn add<B>(headers: &HeaderMap, mut response: Response<B>) -> Response<B> {
    let all = response.headers_mut();
    // One reallocation instead of several.
    all.reserve(headers.len() + 1);
    if !all.contains_key(CACHE_CONTROL) {
        all.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    for (name, value) in headers {
        // A file has a stricter policy of its own.
        if name != CONTENT_SECURITY_POLICY || !all.contains_key(name) {
            all.insert(name, value.clone());
        }
    }
    response
}
