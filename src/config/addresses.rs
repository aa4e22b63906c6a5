//! Parsing of addresses: URLs, hosts and networks, and those of people.
//!
//! As in `values`, each refusal says what is allowed. None repeats a value, in which may be a password.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use ipnet::IpNet;

use super::Parsed;

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

pub(super) fn listen(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "must be an address and a port, such as 127.0.0.1:3000 or [::]:3000".into())
}

pub(super) fn optional_listen(text: &str) -> Parsed<Option<SocketAddr>> {
    match text {
        "off" => Ok(None),
        _ => listen(text).map(Some).map_err(|problem| format!("{problem}, or `off`")),
    }
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

/// Whether a network is wider than any proxy operator's: the largest ones are an IPv4 /13 and an IPv6 /29.
pub(super) fn is_wide(net: &IpNet) -> bool {
    const INSIDE: [&str; 7] =
        ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "fc00::/7", "fe80::/10"];
    let widest = if net.addr().is_ipv4() { 12 } else { 24 };
    let is_inside = INSIDE.iter().filter_map(|inside| inside.parse::<IpNet>().ok()).any(|inside| inside.contains(net));
    net.prefix_len() <= widest && !is_inside
}
