//! A person's browser: it keeps cookies and sends the origin of a form. It does not follow redirects.
//!
//! Owns requests, and helpers for their answers.

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{ACCEPT, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

use super::socket::{Refusal, Socket};
use super::{DEADLINE, Site};

/// Somebody at a site.
#[derive(Clone)]
pub struct Person {
    /// The site.
    pub site: Site,
    /// Their username; empty for a stranger.
    pub username: String,
    client: Client,
    jar: Arc<Jar>,
}

impl Person {
    /// Somebody with an empty browser.
    pub fn new(site: Site, username: &str) -> Self {
        Self::from_address(site, username, None)
    }

    /// The same, from another address of this machine.
    pub fn from_address(site: Site, username: &str, address: Option<IpAddr>) -> Self {
        // Built together with Parlor, whose client has TLS, reqwest asks for a provider of cryptography. An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let jar = Arc::new(Jar::default());
        let client = Client::builder()
            .cookie_provider(jar.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .local_address(address)
            .timeout(DEADLINE)
            .pool_max_idle_per_host(if site.is_balanced { 0 } else { usize::MAX })
            .build()
            .expect("a client without special needs can be built");
        Self { site, username: username.to_owned(), client, jar }
    }

    /// The same person with the same cookies at another address of the same server.
    pub fn at(&self, site: &Site) -> Self {
        let moved = Self::new(site.clone(), &self.username);
        for cookie in self.cookies().split("; ").filter(|cookie| !cookie.is_empty()) {
            moved.plant_cookie(cookie);
        }
        moved
    }

    /// A request with their cookies and nothing else.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.site.origin))
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Requests a page as JSON.
    pub async fn get_json(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).header(ACCEPT, "application/json")).await
    }

    /// Sends a form from one of the site's own pages.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.form(path, fields)).await
    }

    /// The request of such a form.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path).header(ORIGIN, &self.site.origin).header("sec-fetch-site", "same-origin").form(fields)
    }

    /// Creates a room, and returns its slug.
    pub async fn create_room(&self, name: &str, visibility: &str) -> String {
        let answer = self.post("/rooms", &[("name", name), ("visibility", visibility)]).await;
        let place = answer.expect(303).location();
        place.strip_prefix("/rooms/").unwrap_or_else(|| panic!("not a room: {place}")).to_owned()
    }

    /// Becomes a member of a room with the button on its page.
    pub async fn enter(&self, room: &str) {
        self.post(&format!("/rooms/{room}/join"), &[]).await.expect(303);
    }

    /// Writes into a room with the form.
    pub async fn write(&self, room: &str, body: &str) -> Answer {
        self.post(&format!("/rooms/{room}/messages"), &[("body", body)]).await
    }

    /// Their `Cookie` header; empty without cookies.
    pub fn cookies(&self) -> String {
        let url = Url::parse(&self.site.origin).expect("an origin is a URL");
        let header = self.jar.cookies(&url);
        let text = header.map(|value| value.to_str().expect("cookies are ASCII").to_owned()).unwrap_or_default();
        // Sorted: the session's cookie has the shortest name.
        let mut all: Vec<_> = text.split("; ").collect();
        all.sort_unstable_by_key(|cookie| cookie.find('='));
        all.join("; ")
    }

    /// The cookie of their session, as `name=value`.
    pub fn session_cookie(&self) -> String {
        self.cookies().split("; ").next().unwrap_or_default().to_owned()
    }

    /// Puts a cookie into their browser, as an attacker nearby might.
    pub fn plant_cookie(&self, cookie: &str) {
        let url = Url::parse(&self.site.origin).expect("an origin is a URL");
        self.jar.add_cookie_str(cookie, &url);
    }

    /// Connects to the chat.
    pub async fn socket(&self) -> Socket {
        match self.try_socket().await {
            Ok(socket) => socket,
            Err(refusal) => panic!("{} is not let into the chat: {refusal:?}", self.username),
        }
    }

    /// Tries to.
    pub async fn try_socket(&self) -> Result<Socket, Refusal> {
        Socket::open(&self.site, &self.cookies(), Some(&self.site.origin)).await?.enter().await
    }

    /// Connects and joins a room; returns the socket and the acknowledgement of the join.
    pub async fn join(&self, room: &str) -> (Socket, Value) {
        let socket = self.socket().await;
        let joined = socket.ok("join", serde_json::json!({ "room": room })).await;
        (socket, joined)
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Sends a request and reads its answer.
    pub async fn of(request: RequestBuilder) -> Self {
        match Self::try_of(request).await {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    /// Sends a request and reads its answer, or returns the error.
    pub async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: String::from_utf8_lossy(&response.bytes().await?).into_owned() })
    }

    /// Sends a request and reads the head of its answer: after that of an upgrade, another protocol begins.
    pub async fn of_head(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body: String::new() }
    }

    /// Itself, when it has this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{:#?}\n{}", self.headers, self.body);
        self
    }

    /// A header's value.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    /// The target of the redirect.
    #[track_caller]
    pub fn location(&self) -> String {
        assert!(self.headers.contains_key(LOCATION), "no redirect: {self:?}");
        self.header("location").to_owned()
    }

    /// The cookies that it sets, each with its attributes.
    pub fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("ASCII").to_owned()).collect()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// The code of the error in the JSON.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}
