//! The variables of the environment: what they hold, and what is wrong with them.
//!
//! Owns that all problems are found at once, each with its variable and never with its value, and what settings need of each other.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use super::{Config, FilesUrl, OidcSettings, Parsed, PublicUrl, SETTINGS, TlsMode, addresses, values};

/// A problem with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub name: String,
    /// What is wrong, and what is allowed. Never contains the value, which may be a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

/// The variables, and the problems found so far.
pub(super) struct Environment {
    vars: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Environment {
    /// These variables.
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { vars: vars.into_iter().collect(), problems: Vec::new() }
    }

    /// What a variable holds; nothing if it is not set.
    fn text(&self, name: &str) -> &str {
        self.vars.get(name).map_or("", |text| text.trim())
    }

    /// The value of a setting. Without one, or with a wrong one, its default.
    pub fn read<T>(&mut self, name: &'static str, default: T, parse: impl FnOnce(&str) -> Parsed<T>) -> T {
        debug_assert!(SETTINGS.contains(&name), "{name} is not among the settings");
        let text = self.text(name);
        if text.is_empty() {
            return default;
        }
        parse(text).unwrap_or_else(|message| {
            self.problems.push(Problem { name: name.into(), message });
            default
        })
    }

    /// The value of a setting on which another one depends. What is wrong with it is said when it is read itself.
    pub fn peek<T>(&self, name: &'static str, default: T, parse: impl FnOnce(&str) -> Parsed<T>) -> T {
        let text = self.text(name);
        if text.is_empty() { default } else { parse(text).unwrap_or(default) }
    }

    /// Reads a list that may be set to nothing; `None` if it is not set.
    pub fn read_list<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Parsed<Vec<T>>) -> Option<Vec<T>> {
        let is_nothing = self.vars.contains_key(name) && self.text(name).is_empty();
        if is_nothing { Some(Vec::new()) } else { self.read(name, None, |text| parse(text).map(Some)) }
    }

    /// Where files are. A directory belongs to one machine: with `REDIS_URL` there may be several nodes, each of which would miss the files
    /// of the others.
    pub fn read_files_url(&mut self, default: Option<FilesUrl>) -> Option<FilesUrl> {
        let has_others = !self.text("REDIS_URL").is_empty();
        let url = self.read("FILES_URL", None, |text| addresses::files_url(text).map(Some));
        if has_others && matches!(url, Some(FilesUrl::Directory(_))) {
            let message =
                "can’t be a directory with REDIS_URL: several nodes need storage that all of them reach, such as s3://BUCKET";
            self.problems.push(Problem { name: "FILES_URL".into(), message: message.into() });
        }
        url.or(default.filter(|_| !has_others))
    }

    /// The provider, if `OIDC_ISSUER` names one.
    pub fn read_oidc(&mut self) -> Option<OidcSettings> {
        let issuer = self.read("OIDC_ISSUER", None, |text| addresses::issuer(text).map(Some));
        let client_id = self.read("OIDC_CLIENT_ID", None, |text| values::credential(text).map(Some));
        let client_secret = self.read("OIDC_CLIENT_SECRET", None, |text| values::credential(text).map(Some));
        let name = self.read("OIDC_NAME", None, |text| values::words(text).map(Some));
        let scopes = self.read("OIDC_SCOPES", vec!["profile".into(), "email".into()], values::scopes);
        let create_accounts = self.read("OIDC_CREATE_ACCOUNTS", None, |text| values::switch(text).map(Some));
        let admin_group = self.read("OIDC_ADMIN_GROUP", None, |text| values::words(text).map(Some));
        let groups_claim = self.read("OIDC_GROUPS_CLAIM", "groups".into(), values::words);
        let issuer = issuer?;
        let Some(client_id) = client_id else {
            self.require("OIDC_CLIENT_ID", "OIDC_CLIENT_ID", "is needed with OIDC_ISSUER");
            return None;
        };
        let name = name.unwrap_or_else(|| addresses::host(&issuer));
        Some(OidcSettings { issuer, client_id, client_secret, name, scopes, create_accounts, admin_group, groups_claim })
    }

    /// The variables whose names start like this.
    pub fn starting_with(&self, prefix: &str) -> BTreeMap<String, String> {
        let found = self.vars.iter().filter(|(name, _)| name.starts_with(prefix));
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Checks what settings need of each other, and fills in what follows from it.
    ///
    /// # Errors
    /// All problems.
    pub fn complete(mut self, mut config: Config) -> Result<Config, Vec<Problem>> {
        self.complete_tls(&mut config);
        self.refuse_prefixed();
        self.require_public_url(&config);
        if config.backup_every.is_some() && config.backup_to.is_none() {
            self.require("BACKUP_EVERY", "BACKUP_TO", "needs BACKUP_TO, the place where backups go");
        }
        if self.problems.is_empty() { Ok(config) } else { Err(self.problems) }
    }

    /// Checks what the kinds of TLS need, and fills in what follows from it.
    fn complete_tls(&mut self, config: &mut Config) {
        match config.tls {
            TlsMode::Off => {
                if config.http_listen.is_some() {
                    self.require("HTTP_LISTEN", "TLS", "needs TLS: plain HTTP is redirected to https");
                }
                return;
            }
            TlsMode::Files => {
                let files = [("TLS_CERT", config.tls_cert.is_some()), ("TLS_KEY", config.tls_key.is_some())];
                for (name, _) in files.into_iter().filter(|(_, is_set)| !is_set) {
                    self.require(name, name, "is needed with TLS=files");
                }
            }
            TlsMode::Acme => match (config.acme_domains.first(), &config.public_url) {
                (None, _) => self.require("ACME_DOMAINS", "ACME_DOMAINS", "is needed with TLS=acme"),
                (Some(first), None) => {
                    let (host, origin) = (first.clone(), format!("https://{first}"));
                    config.public_url = Some(PublicUrl { origin, host, is_https: true });
                }
                (Some(_), Some(public)) if !config.acme_domains.contains(&public.host) => {
                    self.require("ACME_DOMAINS", "PUBLIC_URL", "must contain the host of PUBLIC_URL");
                }
                _ => {}
            },
        }
        if config.public_url.as_ref().is_some_and(|url| !url.is_https) {
            self.require("PUBLIC_URL", "PUBLIC_URL", "must begin with https://, because of TLS");
        }
        // Where browsers look first.
        if self.text("HTTP_LISTEN").is_empty() && config.listen.port() == 443 {
            config.http_listen = Some(SocketAddr::from((config.listen.ip(), 80)));
        }
        // With port 0 the system chooses two.
        if config.http_listen == Some(config.listen) && config.listen.port() != 0 {
            self.require("HTTP_LISTEN", "LISTEN", "is the address of LISTEN: https and plain HTTP need one each");
        }
    }

    /// Links in mails have a host, which must not be what a request says: whoever asks for somebody else's mail would choose it. A server
    /// that only this machine reaches is where it listens.
    fn require_public_url(&mut self, config: &Config) {
        if config.public_url.is_some() || config.listen.ip().is_loopback() {
            return;
        }
        if config.smtp_url.is_some() {
            let message = "needs PUBLIC_URL, for the links in mails".into();
            self.problems.push(Problem { name: "SMTP_URL".into(), message });
        }
        if config.oidc.is_some() {
            let message = "needs PUBLIC_URL, where the provider sends people back to".into();
            self.problems.push(Problem { name: "OIDC_ISSUER".into(), message });
        }
    }

    /// Reports that a setting needs another one, unless that one has a problem of its own.
    fn require(&mut self, name: &str, needed: &str, message: &str) {
        if !self.problems.iter().any(|problem| problem.name == needed) {
            self.problems.push(Problem { name: name.into(), message: message.into() });
        }
    }

    /// Settings have no prefix, so a variable with ours is a mistake, but for those of `parlor post` and `parlor tail`.
    fn refuse_prefixed(&mut self) {
        let is_of_clients = |name: &str| matches!(name, "PARLOR_URL" | "PARLOR_TOKEN");
        for name in self.vars.keys().filter(|name| name.starts_with("PARLOR_") && !is_of_clients(name)) {
            let short = name.trim_start_matches("PARLOR_");
            let message = if SETTINGS.contains(&short) {
                format!("unknown setting. Did you mean {short}?")
            } else {
                "unknown setting".into()
            };
            self.problems.push(Problem { name: name.clone(), message });
        }
    }
}
