//! Parsing of setting values.
//!
//! Each refusal says what is allowed. It must not know which setting it parses, or repeat a value, which may be a password in the
//! wrong line.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hyper::Uri;
use ipnet::IpNet;

type Parsed<T> = Result<T, String>;

/// Where files are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesUrl {
    /// A directory.
    Directory(PathBuf),
    /// Object storage that speaks S3's protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// What all names begin with; may be empty.
        prefix: String,
    },
}

/// Parses where files are stored.
///
/// # Errors
/// What is allowed.
pub fn files_url(text: &str) -> Parsed<FilesUrl> {
    let parse = || match text.split_once("://")? {
        ("file", path) if !path.is_empty() => Some(FilesUrl::Directory(path.into())),
        ("s3", rest) => {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let is_name = |text: &str| text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b".-_/".contains(&sign));
            let (bucket, prefix) = (bucket.to_owned(), prefix.trim_matches('/').to_owned());
            (!bucket.is_empty() && is_name(&bucket) && is_name(&prefix)).then_some(FilesUrl::S3 { bucket, prefix })
        }
        _ => None,
    };
    parse().ok_or_else(|| "must be a directory, such as file:///var/lib/parlor/files, or s3://BUCKET/PREFIX".into())
}

/// The largest size of a file: at most what fits into the parts of an upload to S3.
pub(super) fn file_size(text: &str) -> Parsed<u64> {
    const LARGEST: u64 = 40 << 30;
    let size = size_of(text).filter(|bytes| (1..=LARGEST).contains(bytes));
    size.ok_or_else(|| "must be a size from 1KB to 40GB, such as 100MB or 1GB".into())
}

/// A size in bytes, or `off`.
pub(super) fn space(text: &str) -> Parsed<Option<u64>> {
    if text == "off" {
        return Ok(None);
    }
    size_of(text).filter(|bytes| *bytes > 0).map(Some).ok_or_else(|| "must be a size, such as 500MB or 10GB, or `off`".into())
}

fn size_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    // Databases count in 63 bits.
    digits.trim().parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| i64::try_from(*bytes).is_ok())
}

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

/// Fewer characters of a token can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Parses `METRICS`. The characters of a token are those that fit into a header (RFC 6750).
pub(super) fn metrics(text: &str) -> Parsed<Metrics> {
    let is_token_sign = |sign: u8| sign.is_ascii_alphanumeric() || b"-._~+/=".contains(&sign);
    match text {
        "off" => Ok(Metrics::Off),
        "open" => Ok(Metrics::Open),
        list if let Ok(nets) = networks(list)
            && !nets.is_empty() =>
        {
            Ok(Metrics::From(nets))
        }
        token if (SHORTEST_TOKEN..=256).contains(&token.len()) && token.bytes().all(is_token_sign) => {
            Ok(Metrics::Token(token.to_owned()))
        }
        _ => Err(
            "must be off, open, addresses or networks separated by commas, or a token of 16 to 256 letters, digits and -._~+/="
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

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In which period.
    pub per: Duration,
}

/// The site's public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// As in the `Origin` header: lower case, without default port and path.
    pub origin: String,
    /// The host without the port.
    pub host: String,
    /// Whether the scheme is `https`.
    pub is_https: bool,
}

pub(super) fn database_url(text: &str) -> Parsed<String> {
    match text.split_once(':') {
        Some(("sqlite", rest)) if rest.contains(":memory:") || rest.contains("mode=memory") => {
            Err("an in-memory database would lose every message. Use a file, such as sqlite://parlor.db".into())
        }
        Some(("sqlite", rest)) if !matches!(rest, "" | "//") => Ok(text.into()),
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => postgres_parameters(rest).map(|()| text.into()),
        _ => Err("must be sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE".into()),
    }
}

pub(super) fn redis_url(text: &str) -> Parsed<Option<String>> {
    match text.split_once("://") {
        Some(("redis" | "rediss" | "redis+unix", rest)) if !rest.is_empty() && redis::Client::open(text).is_ok() => {
            Ok(Some(text.into()))
        }
        _ => Err("must be redis://HOST, rediss://USER:PASSWORD@HOST or redis+unix:///PATH".into()),
    }
}

/// Known parameters of a Postgres URL. sqlx ignores others and logs their values.
const POSTGRES_PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

fn postgres_parameters(rest: &str) -> Parsed<()> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let is_known = |name: &str| POSTGRES_PARAMETERS.contains(&name) || name == "options" || name.starts_with("options[");
    match form_urlencoded::parse(query.as_bytes()).all(|(name, _)| is_known(&name)) {
        true => Ok(()),
        false => {
            Err("has an unknown parameter after its `?`. Parlor knows those of libpq, such as sslmode. Write a ? in a password as %3F".into())
        }
    }
}

pub(super) fn second_factor_for(text: &str) -> Parsed<SecondFactorFor> {
    match text {
        "off" => Ok(SecondFactorFor::Nobody),
        "admins" => Ok(SecondFactorFor::Admins),
        "everyone" => Ok(SecondFactorFor::Everyone),
        _ => Err("must be off, admins or everyone".into()),
    }
}

pub(super) fn listen(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "must be an address and a port, such as 127.0.0.1:3000 or [::]:3000".into())
}

pub(super) fn optional_listen(text: &str) -> Parsed<Option<SocketAddr>> {
    match text {
        "off" => Ok(None),
        _ => listen(text).map(Some).map_err(|problem| format!("{problem}, or `off`")),
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

/// How many names a certificate has at most.
const MOST_DOMAINS: usize = 20;

/// Names in the public DNS, for a certificate.
pub(super) fn domains(text: &str) -> Parsed<Vec<String>> {
    let mut domains: Vec<String> = Vec::new();
    for name in text.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()) {
        if name.starts_with("*.") {
            return Err("can’t have wildcards: authorities give those only over DNS, which Parlor does not change".into());
        }
        if !is_domain(&name) {
            return Err("must be names such as chat.example.com, separated by commas; an address has no certificate".into());
        }
        if !domains.contains(&name) {
            domains.push(name);
        }
    }
    match domains.len() {
        1..=MOST_DOMAINS => Ok(domains),
        _ => Err(format!("must have 1 to {MOST_DOMAINS} names")),
    }
}

fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_made_of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_made_of) && !label.starts_with('-') && !label.ends_with('-')
    };
    // The last part of an address is a number, that of a name never is.
    let has_top = name.rsplit_once('.').is_some_and(|(_, top)| top.bytes().any(|byte| byte.is_ascii_lowercase()));
    name.len() <= 253 && has_top && name.split('.').all(is_label)
}

/// The address of a person.
pub(super) fn email(text: &str) -> Parsed<Option<String>> {
    match text.parse::<lettre::Address>() {
        Ok(_) if text.is_ascii() => Ok(Some(text.into())),
        _ => Err("must be an address, such as ada@example.com".into()),
    }
}

/// The directory of an authority. Without https only on this machine.
pub(super) fn acme_directory(text: &str) -> Parsed<String> {
    issuer(text).map_err(|_| "must be an https:// address: the directory of an ACME server".into())
}

pub(super) fn public_url(text: &str) -> Parsed<PublicUrl> {
    let wrong = || "must be an origin, such as https://chat.example.com, without a path or a login".to_owned();
    let uri = Uri::from_str(text).map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let host = authority.host().to_ascii_lowercase();
    let is_origin = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
    let is_https = scheme == "https";
    if !is_origin || host.is_empty() || !(is_https || scheme == "http") || text.contains('#') {
        return Err(wrong());
    }
    let default_port = if is_https { 443 } else { 80 };
    // Not `authority.port()`, which returns `None` for a port above 65535.
    let port = match &authority.as_str()[authority.host().len()..] {
        "" => default_port,
        colon_and_port => colon_and_port[1..].parse::<u16>().map_err(|_| wrong())?,
    };
    let suffix = if port == default_port { String::new() } else { format!(":{port}") };
    Ok(PublicUrl { origin: format!("{scheme}://{host}{suffix}"), host, is_https })
}

/// The server that takes mails.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// A username and a password.
    pub login: Option<(String, String)>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the beginning.
    Wrapped,
    /// The server must offer `STARTTLS`.
    StartTls,
    /// Not at all.
    Off,
}

pub(super) fn smtp_url(text: &str) -> Parsed<SmtpUrl> {
    let wrong = || {
        "must be smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST:PORT. Write a sign such as @ / ? # in a password as %40, and so on"
            .to_owned()
    };
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let decode = |text: &str| percent_encoding(text).ok_or_else(wrong);
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return Err(wrong()) };
    // An IPv6 address is in brackets.
    let host = host.trim_matches(['[', ']']).to_owned();
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let (port, tls) = match (url.scheme(), url.query()) {
        ("smtps", None) => (465, SmtpTls::Wrapped),
        ("smtp", None) if is_here => (25, SmtpTls::Off),
        ("smtp", None | Some("tls=required")) => (587, SmtpTls::StartTls),
        ("smtp", Some("tls=off")) => (25, SmtpTls::Off),
        _ => return Err(wrong()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(wrong());
    }
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (username, password) => Some((decode(username)?, decode(password.unwrap_or_default())?)),
    };
    Ok(SmtpUrl { host, port: url.port().unwrap_or(port), tls, login })
}

/// A text without its percent-encoding.
fn percent_encoding(text: &str) -> Option<String> {
    // The form decoder also reads `+` as a space.
    let pairs: Vec<_> = form_urlencoded::parse(text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D").as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect();
    match &pairs[..] {
        [] => Some(String::new()),
        [name] if !name.contains(['\u{fffd}', '\0', '\r', '\n']) => Some(name.clone()),
        _ => None,
    }
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

/// An issuer. Without https only on this machine: tokens and the secret of this server go there.
pub(super) fn issuer(text: &str) -> Parsed<String> {
    let wrong = || "must be an https:// address, exactly as the provider calls itself".to_owned();
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if is_safe && is_plain && !host.is_empty() { Ok(text.into()) } else { Err(wrong()) }
}

/// The host of a valid URL.
pub(super) fn host(url: &str) -> String {
    reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(Into::into)).unwrap_or_default()
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

/// A sender of mails.
pub(super) fn mailbox(text: &str) -> Parsed<String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) if text.is_ascii() => Ok(text.into()),
        _ => Err("must be an address, such as parlor@example.com or Parlor <parlor@example.com>".into()),
    }
}

/// Networks, `on` for all, or `off` for none.
pub(super) fn private_networks(text: &str) -> Parsed<Vec<IpNet>> {
    match text {
        "off" => Ok(Vec::new()),
        "on" => networks("0.0.0.0/0,::/0"),
        text => {
            networks(text).map_err(|_| "must be off, on, or addresses or networks separated by commas, such as 10.0.0.0/8".into())
        }
    }
}

pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    let network = |part: &str| {
        let part = part.trim();
        part.parse::<IpNet>()
            .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| "must be addresses or networks, separated by commas, such as 127.0.0.1,10.0.0.0/8".to_owned())
    };
    text.split(',').map(network).collect()
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

/// Whether a network is wider than any proxy operator's: the largest ones are an IPv4 /13 and an IPv6 /29.
pub(super) fn is_wide(net: &IpNet) -> bool {
    const INSIDE: [&str; 7] =
        ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "fc00::/7", "fe80::/10"];
    let widest = if net.addr().is_ipv4() { 12 } else { 24 };
    let is_inside = INSIDE.iter().filter_map(|inside| inside.parse::<IpNet>().ok()).any(|inside| inside.contains(net));
    net.prefix_len() <= widest && !is_inside
}

/// A number from `least` to `most`.
pub(super) fn number<T: FromStr + PartialOrd + Display>(text: &str, least: T, most: T) -> Parsed<T> {
    let number = text.parse::<T>().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("must be a number from {least} to {most}"))
}

/// A size of at least `least` megabytes.
pub(super) fn bytes(text: &str, least: usize) -> Parsed<usize> {
    let size = size_of(text).and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes >= least << 20);
    size.ok_or_else(|| format!("must be {least}MB or more, such as 256MB or 2GB"))
}

pub(super) fn limit(text: &str) -> Parsed<Option<usize>> {
    if text == "off" {
        return Ok(None);
    }
    number(text, 1, 10_000_000).map(Some).map_err(|problem| format!("{problem}, or `off`"))
}

pub(super) fn rate(text: &str) -> Parsed<Option<Rate>> {
    if text == "off" {
        return Ok(None);
    }
    let parse = || {
        let (count, unit) = text.split_once('/')?;
        Some(Rate { count: count.trim().parse().ok()?, per: Duration::from_secs(seconds_in(unit.trim())?) })
    };
    parse().map(Some).ok_or_else(|| "must be a rate, such as 10/s, 10/min or 10/h, or `off`".into())
}

pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let parse = || {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = text.split_at(digits);
        let count: NonZeroU32 = count.parse().ok()?;
        Some(Duration::from_secs(u64::from(count.get()) * seconds_in(unit.trim())?))
    };
    parse().ok_or_else(|| "must be a time, such as 30s, 45min, 12h or 14d".into())
}

/// A duration of up to ten minutes; zero, or `off`, is none at all.
pub(super) fn drain(text: &str) -> Parsed<Duration> {
    const LONGEST: Duration = Duration::from_secs(600);
    let time = if matches!(text, "off" | "0s") { Some(Duration::ZERO) } else { duration(text).ok() };
    time.filter(|time| *time <= LONGEST).ok_or_else(|| "must be a time up to 10min, such as 5s, or `off`".into())
}

/// The name of a node.
pub(super) fn node(text: &str) -> Parsed<Option<String>> {
    let is_name = text.len() <= 64 && text.chars().all(|sign| sign.is_ascii_alphanumeric() || ".:_-".contains(sign));
    if is_name { Ok(Some(text.into())) } else { Err("must be up to 64 letters, digits, or the signs . : _ -".into()) }
}

/// How often the server makes a backup.
pub(super) fn backup_every(text: &str) -> Parsed<Option<Duration>> {
    const LEAST: Duration = Duration::from_secs(60);
    let every = optional_duration(text)?;
    if every.is_some_and(|every| every < LEAST) { Err("must be 1min or more, or `off`".into()) } else { Ok(every) }
}

/// A duration, or `off` for no limit.
pub(super) fn optional_duration(text: &str) -> Parsed<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    duration(text).map(Some).map_err(|problem| format!("{problem}, or `off`"))
}

/// A short duration, or `off`.
pub(super) fn short_duration(text: &str) -> Parsed<Option<Duration>> {
    if text == "off" {
        return Ok(None);
    }
    let milliseconds = || {
        let count: NonZeroU32 = text.strip_suffix("ms")?.trim_end().parse().ok()?;
        Some(Duration::from_millis(count.get().into()))
    };
    let time = milliseconds().or_else(|| duration(text).ok());
    time.map(Some).ok_or_else(|| "must be a time, such as 500ms or 2s, or `off`".into())
}

fn seconds_in(unit: &str) -> Option<u64> {
    match unit {
        "s" => Some(1),
        "min" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    }
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
