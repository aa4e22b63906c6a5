//! Parsing of setting values: words to choose from, and names. `amounts` and `addresses` have the others.
//!
//! Each refusal says what is allowed. It must not know which setting it parses, or repeat a value, which may be a password in the
//! wrong line.

use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;

use super::Parsed;
use super::addresses::networks;

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Invited people.
    Invite,
    /// Nobody; administrators add accounts at the command line.
    Closed,
}

/// Who must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorFor {
    /// Nobody.
    Nobody,
    /// Administrators.
    Admins,
    /// Everybody.
    Everyone,
}

impl SecondFactorFor {
    /// Whether this person must have one.
    pub fn includes(self, is_admin: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Admins => is_admin,
            Self::Everyone => true,
        }
    }
}

impl Registration {
    /// The value of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

impl FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Parsed<Self> {
        let all = [Self::Open, Self::Invite, Self::Closed];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| "must be open, invite or closed".into())
    }
}

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody with an account.
    Everyone,
    /// Administrators.
    Admins,
}

impl Who {
    /// The value of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Admins => "admins",
        }
    }
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Parsed<Self> {
        let all = [Self::Everyone, Self::Admins];
        all.into_iter().find(|one| one.as_str() == text).ok_or_else(|| "must be everyone or admins".into())
    }
}

/// How sockets may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// WebSocket only.
    WebSocket,
    /// WebSocket, or long-polling where a proxy blocks it.
    WebSocketAndPolling,
}

/// Who may read the server's numbers.
#[derive(Clone, PartialEq, Eq)]
pub enum Metrics {
    /// Nobody: there is no such address.
    Off,
    /// Whoever can reach the server.
    Open,
    /// Whoever has this token.
    Token(String),
    /// Whoever asks from one of these addresses.
    From(Vec<IpNet>),
}

impl Metrics {
    /// Fewer characters of a token can be guessed.
    pub const SAFE_TOKEN: usize = 16;
    /// The longest token, in characters.
    const LONGEST_TOKEN: usize = 256;

    /// Whether it is a token that can be guessed.
    pub fn is_guessable(&self) -> bool {
        matches!(self, Self::Token(token) if token.len() < Self::SAFE_TOKEN)
    }
}

/// Parses `METRICS`. A token is what fits behind `Bearer` in a header; what is probably meant otherwise is none.
pub(super) fn metrics(text: &str) -> Parsed<Metrics> {
    let is_a_word = ["off", "open", "on", "yes", "no", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_like_addresses =
        text.contains(['.', ':', ',']) && text.chars().all(|sign| sign.is_ascii_hexdigit() || ".:/, ".contains(sign));
    match text {
        "off" => Ok(Metrics::Off),
        "open" => Ok(Metrics::Open),
        list if let Ok(nets) = networks(list)
            && !nets.is_empty() =>
        {
            Ok(Metrics::From(nets))
        }
        token
            if !is_a_word
                && !is_like_addresses
                && (1..=Metrics::LONGEST_TOKEN).contains(&token.len())
                && token.bytes().all(|sign| sign.is_ascii_graphic()) =>
        {
            Ok(Metrics::Token(token.to_owned()))
        }
        _ => Err(
            "must be off, open, addresses or networks separated by commas, or a token of up to 256 characters of ASCII without spaces"
                .into(),
        ),
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

pub(super) fn second_factor_for(text: &str) -> Parsed<SecondFactorFor> {
    match text {
        "off" => Ok(SecondFactorFor::Nobody),
        "admins" => Ok(SecondFactorFor::Admins),
        "everyone" => Ok(SecondFactorFor::Everyone),
        _ => Err("must be off, admins or everyone".into()),
    }
}

/// Whether Parlor itself speaks TLS, and where its certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// It speaks plain HTTP: a proxy in front of it speaks TLS, or nobody does.
    Off,
    /// From files, which something else renews.
    Files,
    /// From an authority, over ACME (RFC 8555).
    Acme,
}

pub(super) fn tls(text: &str) -> Parsed<TlsMode> {
    match text {
        "off" => Ok(TlsMode::Off),
        "files" => Ok(TlsMode::Files),
        "acme" => Ok(TlsMode::Acme),
        _ => Err("must be off, files or acme".into()),
    }
}

/// The path of a file. Whether it is there is found out when it is read.
pub(super) fn pem_file(text: &str) -> Parsed<Option<PathBuf>> {
    let is_path = text.contains(['/', '.']) && !text.contains("://");
    if is_path { Ok(Some(text.into())) } else { Err("must be the path of a PEM file, such as /etc/parlor/fullchain.pem".into()) }
}

/// The OpenID provider that people may log in with.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// Its URL, exactly as it calls itself.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// The password of this server there.
    pub client_secret: Option<String>,
    /// What people call it.
    pub name: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Whether people without an account get one; none: if everybody may register.
    pub create_accounts: Option<bool>,
    /// The group of administrators.
    pub admin_group: Option<String>,
    /// The claim that has the groups.
    pub groups_claim: String,
}

/// What a provider gave this server: an id or a secret.
pub(super) fn credential(text: &str) -> Parsed<String> {
    let is_one =
        text.len() <= 1024 && text.chars().all(|c| c.is_ascii_graphic()) && text.contains(|c: char| c.is_ascii_alphanumeric());
    if is_one { Ok(text.into()) } else { Err("must be as the provider shows it, without spaces".into()) }
}

/// A name of a few words.
pub(super) fn words(text: &str) -> Parsed<String> {
    let is_name = text.chars().count() <= 128 && !text.contains(char::is_control) && text.contains(char::is_alphanumeric);
    if is_name {
        Ok(text.into())
    } else {
        Err("must be up to 128 characters, and at least one of them a letter or a digit".into())
    }
}

/// Scopes, separated by commas or spaces.
pub(super) fn scopes(text: &str) -> Parsed<Vec<String>> {
    let scopes: Vec<_> = text.split([',', ' ']).filter(|scope| !scope.is_empty()).map(ToOwned::to_owned).collect();
    // As RFC 6749 has it, less what no provider uses.
    let is_scope = |scope: &String| scope.chars().all(|c| c.is_ascii_alphanumeric() || ".:/_-".contains(c));
    if scopes.iter().all(is_scope) {
        Ok(scopes)
    } else {
        Err("must be scopes separated by commas, such as profile,email,groups".into())
    }
}

/// `on` or `off`.
///
/// # Errors
/// What is allowed.
pub fn switch(text: &str) -> Parsed<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".into()),
    }
}

/// Maximum length of the server's name, in characters.
const SERVER_NAME: usize = 40;

/// Parses the server's name: one line of visible text, without signs that change the direction of what follows.
///
/// # Errors
/// What is allowed.
pub fn server_name(text: &str) -> Parsed<String> {
    let text = text.trim();
    let is_plain = |sign: char| {
        !sign.is_control()
            && !matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let has_letter = text.chars().any(char::is_alphanumeric);
    if has_letter && text.chars().count() <= SERVER_NAME && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!("must be a name of up to {SERVER_NAME} characters, with a letter or a digit"))
}

/// Maximum number of default rooms.
const MOST_ROOMS: usize = 20;

/// Parses addresses of rooms, separated by commas.
///
/// # Errors
/// What is allowed.
pub fn slugs(text: &str) -> Parsed<Vec<String>> {
    let mut slugs: Vec<String> = Vec::new();
    for slug in text.split(',').map(|part| part.trim().trim_start_matches('#')).filter(|part| !part.is_empty()) {
        let is_slug = slug.bytes().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'-');
        if !is_slug || slug.len() > 64 {
            return Err("must be rooms as in their addresses (general for /rooms/general), separated by commas".into());
        }
        if !slugs.iter().any(|known| known == slug) {
            slugs.push(slug.to_owned());
        }
    }
    if slugs.len() > MOST_ROOMS {
        return Err(format!("can name up to {MOST_ROOMS} rooms"));
    }
    Ok(slugs)
}

/// The name of a node.
pub(super) fn node(text: &str) -> Parsed<Option<String>> {
    let is_name = text.len() <= 64 && text.chars().all(|sign| sign.is_ascii_alphanumeric() || ".:_-".contains(sign));
    if is_name { Ok(Some(text.into())) } else { Err("must be up to 64 letters, digits, or the signs . : _ -".into()) }
}

pub(super) fn transports(text: &str) -> Parsed<Transports> {
    let mut named: Vec<_> = text.split(',').map(str::trim).collect();
    named.sort_unstable();
    match named[..] {
        ["websocket"] => Ok(Transports::WebSocket),
        ["polling", "websocket"] if cfg!(feature = "vendored") => Ok(Transports::WebSocketAndPolling),
        // A polling session can be bound to its cookie and counted only by the patched transport (docs/decisions/0017).
        ["polling", "websocket"] => Err("must be `websocket`: this build has no long-polling".into()),
        _ => Err("must be `websocket` or `websocket,polling`".into()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err("must be a filter, such as info or info,parlor=debug".into()),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".into()),
    }
}
