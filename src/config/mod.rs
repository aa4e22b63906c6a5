//! Settings, read from the environment at start.
//!
//! Owns their names, defaults and meanings; a test compares them with `.env.example`. It must not act on them.

mod addresses;
mod amounts;
pub mod file;
mod place;
mod retention;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use addresses::{FilesUrl, PublicUrl, SmtpTls, SmtpUrl, files_url};
pub use amounts::Rate;
pub use place::{ARCHIVE, Place};
pub use retention::Retention;
pub use values::{
    LogFormat, Metrics, OidcSettings, Registration, SecondFactorFor, TlsMode, Transports, Who, server_name, slugs, switch,
};

/// A value, or a sentence that says what is allowed.
type Parsed<T> = Result<T, String>;

/// The names of all settings.
pub const SETTINGS: [&str; 63] = [
    "DATABASE_URL",
    "DATABASE_CONNECTIONS",
    "REDIS_URL",
    "LISTEN",
    "HTTP_LISTEN",
    "TLS",
    "TLS_CERT",
    "TLS_KEY",
    "ACME_DOMAINS",
    "ACME_EMAIL",
    "ACME_DIRECTORY",
    "NODE",
    "DRAIN",
    "PUBLIC_URL",
    "SERVER_NAME",
    "TRUSTED_PROXIES",
    "CONNECTION_LIMIT",
    "ADDRESS_CONNECTION_LIMIT",
    "REGISTRATION",
    "REGISTRATION_RATE",
    "INVITERS",
    "ROOM_CREATORS",
    "DEFAULT_ROOMS",
    "SESSION_IDLE",
    "SESSION_LIFETIME",
    "LOGIN_RATE",
    "REQUIRE_2FA",
    "SMTP_URL",
    "MAIL_FROM",
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_NAME",
    "OIDC_SCOPES",
    "OIDC_CREATE_ACCOUNTS",
    "OIDC_ADMIN_GROUP",
    "OIDC_GROUPS_CLAIM",
    "TRANSPORTS",
    "POST_RATE",
    "ACT_RATE",
    "MAX_MESSAGE_CHARS",
    "DRAFT_KEEP",
    "DRAFT_SPACE",
    "FILES_URL",
    "MAX_FILE_SIZE",
    "FILE_QUOTA",
    "FILE_SPACE",
    "STRIP_METADATA",
    "LINK_PREVIEWS",
    "WEBHOOK_PRIVATE_ADDRESSES",
    "PUSH_PRIVATE_ADDRESSES",
    "RETENTION",
    "AUDIT_KEEP",
    "BACKUP_TO",
    "BACKUP_EVERY",
    "BACKUP_KEEP",
    "BACKUP_FILES",
    "CHECKPOINTS",
    "SEARCH_TIME",
    "MEMORY_LIMIT",
    "METRICS",
    "LOG",
    "LOG_FORMAT",
];

/// Upper bound of the maximum message length, in characters: with four bytes each, a message still fits into one packet.
const LONGEST_MESSAGE: usize = 16_000;

/// Minimum memory for caches and answers, in megabytes.
const LEAST_MEMORY: usize = 16;

/// All settings. Without `Debug`, because the URLs of the database and of Redis may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// `DATABASE_URL`: `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// `DATABASE_CONNECTIONS`: maximum number of database connections.
    pub database_connections: u32,
    /// `REDIS_URL`: `redis://…`, the fast path between nodes on one Postgres.
    pub redis_url: Option<String>,
    /// `LISTEN`: address and port; port 0 picks one.
    pub listen: SocketAddr,
    /// `HTTP_LISTEN`: where plain HTTP is redirected to https, if anywhere.
    pub http_listen: Option<SocketAddr>,
    /// `TLS`: whether Parlor itself speaks TLS, and where its certificate comes from.
    pub tls: TlsMode,
    /// `TLS_CERT`: the file with the certificate and those that it is signed with.
    pub tls_cert: Option<PathBuf>,
    /// `TLS_KEY`: the file with its private key.
    pub tls_key: Option<PathBuf>,
    /// `ACME_DOMAINS`: the names that a certificate is obtained for, in lower case.
    pub acme_domains: Vec<String>,
    /// `ACME_EMAIL`: how the authority reaches the operator.
    pub acme_email: Option<String>,
    /// `ACME_DIRECTORY`: the authority.
    pub acme_directory: String,
    /// `NODE`: how this node is called in lists and at `/readyz`; none: by the machine and the process.
    pub node: Option<String>,
    /// `DRAIN`: how long a node that stops beside others is unready, and then over how long it disconnects its people.
    pub drain: Duration,
    /// `PUBLIC_URL`: where browsers reach the site.
    pub public_url: Option<PublicUrl>,
    /// `SERVER_NAME`: how people call this server.
    pub server_name: Option<String>,
    /// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `CONNECTION_LIMIT`: maximum number of open connections.
    pub connection_limit: Option<usize>,
    /// `ADDRESS_CONNECTION_LIMIT`: maximum number per address.
    pub address_connection_limit: Option<usize>,
    /// `REGISTRATION`: who may create an account. `None`, as for the other settings that can change at run time: the environment does not
    /// name it, and `settings` has its value.
    pub registration: Option<Registration>,
    /// `REGISTRATION_RATE`: accounts per address without an invitation.
    pub registration_rate: Option<Rate>,
    /// `INVITERS`: who may create invitations.
    pub inviters: Option<Who>,
    /// `ROOM_CREATORS`: who may create rooms.
    pub room_creators: Option<Who>,
    /// `DEFAULT_ROOMS`: slugs of the public rooms that new users join.
    pub default_rooms: Option<Vec<String>>,
    /// `SESSION_IDLE`: lifetime of an unused session.
    pub session_idle: Duration,
    /// `SESSION_LIFETIME`: maximum lifetime of a session.
    pub session_lifetime: Duration,
    /// `LOGIN_RATE`: failed log-ins per account and address, per address, and per known device.
    pub login_rate: Option<Rate>,
    /// `REQUIRE_2FA`: who must have a second factor.
    pub require_2fa: SecondFactorFor,
    /// `SMTP_URL`: the server that takes mails.
    pub smtp_url: Option<SmtpUrl>,
    /// `MAIL_FROM`: the sender of mails; none: `parlor@` the host of `PUBLIC_URL`.
    pub mail_from: Option<String>,
    /// `OIDC_…`: the OpenID provider that people may log in with.
    pub oidc: Option<OidcSettings>,
    /// `TRANSPORTS`: how sockets may connect.
    pub transports: Transports,
    /// `POST_RATE`: posts per user.
    pub post_rate: Option<Rate>,
    /// `ACT_RATE`: other actions per user; each kind has a share of it.
    pub act_rate: Option<Rate>,
    /// `MAX_MESSAGE_CHARS`: maximum length of a message.
    pub max_message_chars: usize,
    /// `DRAFT_KEEP`: lifetime of an untouched draft.
    pub draft_keep: Option<Duration>,
    /// `DRAFT_SPACE`: maximum size of all drafts, in bytes.
    pub draft_space: usize,
    /// `FILES_URL`: where files are stored; `None`: nowhere.
    pub files_url: Option<FilesUrl>,
    /// The usual variables of S3 (`AWS_…`), by their names.
    pub aws: BTreeMap<String, String>,
    /// `MAX_FILE_SIZE`: the largest file, in bytes.
    pub max_file_size: u64,
    /// The program that reads pictures, for tests, which are another one than Parlor; no setting names it.
    pub picture_program: Option<PathBuf>,
    /// The file that settings were read from, if it is there (`--env-file`).
    pub env_file: PathBuf,
    /// `FILE_QUOTA`: the files of one person together, in bytes.
    pub file_quota: Option<u64>,
    /// `FILE_SPACE`: all files together, in bytes.
    pub file_space: Option<u64>,
    /// `STRIP_METADATA`: whether pictures are stored without their metadata.
    pub strip_metadata: bool,
    /// `LINK_PREVIEWS`: whether links get previews.
    pub link_previews: Option<bool>,
    /// Hosts whose pages are fetched for link previews from an address that need not be public; if there are any, no others are. It is no
    /// setting: tests have pages there.
    pub link_hosts: BTreeMap<String, SocketAddr>,
    /// `WEBHOOK_PRIVATE_ADDRESSES`: networks that webhooks may be in though they are not public.
    pub webhook_addresses: Vec<IpNet>,
    /// `PUSH_PRIVATE_ADDRESSES`: networks that push services may be in though they are not public.
    pub push_addresses: Vec<IpNet>,
    /// `RETENTION`: how long messages, files, the audit log and sessions are kept.
    pub retention: Option<Retention>,
    /// `AUDIT_KEEP`: how long the audit log is kept where `RETENTION` does not say it.
    pub audit_keep: Option<Duration>,
    /// `BACKUP_TO`: where the server's own backups go.
    pub backup_to: Option<Place>,
    /// `BACKUP_EVERY`: how often the server makes one.
    pub backup_every: Option<Duration>,
    /// `BACKUP_KEEP`: how many of them are kept; none: all.
    pub backup_keep: Option<usize>,
    /// `BACKUP_FILES`: whether they hold the files that people sent.
    pub backup_files: bool,
    /// `CHECKPOINTS`: whether Parlor copies SQLite's write-ahead log into the file.
    pub checkpoints: bool,
    /// `SEARCH_TIME`: time limit of a search.
    pub search_time: Option<Duration>,
    /// `MEMORY_LIMIT`: memory for caches and pending answers, in bytes.
    pub memory_limit: usize,
    /// `METRICS`: who may read `/metrics`.
    pub metrics: Metrics,
    /// `LOG`: a filter of `tracing`.
    pub log: String,
    /// `LOG_FORMAT`: for people or for machines.
    pub log_format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
        const TWENTY: NonZeroU32 = NonZeroU32::new(20).unwrap();
        const DAY: u64 = 24 * 60 * 60;
        Self {
            database_url: "sqlite://parlor.db".into(),
            database_connections: 8,
            redis_url: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            http_listen: None,
            tls: TlsMode::Off,
            tls_cert: None,
            tls_key: None,
            acme_domains: Vec::new(),
            acme_email: None,
            acme_directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
            node: None,
            drain: Duration::from_secs(5),
            public_url: None,
            server_name: None,
            trusted_proxies: Vec::new(),
            connection_limit: Some(20_000),
            address_connection_limit: Some(500),
            registration: None,
            registration_rate: Some(Rate { count: TWENTY, per: Duration::from_secs(60 * 60) }),
            inviters: None,
            room_creators: None,
            default_rooms: None,
            session_idle: Duration::from_secs(14 * DAY),
            session_lifetime: Duration::from_secs(90 * DAY),
            login_rate: Some(Rate { count: TEN, per: Duration::from_secs(60) }),
            require_2fa: SecondFactorFor::Nobody,
            smtp_url: None,
            mail_from: None,
            oidc: None,
            transports: Transports::WebSocket,
            post_rate: Some(Rate { count: TEN, per: Duration::from_secs(1) }),
            act_rate: Some(Rate { count: NonZeroU32::new(60).expect("it is not zero"), per: Duration::from_secs(60) }),
            max_message_chars: 8000,
            draft_keep: Some(Duration::from_secs(90 * DAY)),
            draft_space: 256 * 1024 * 1024,
            files_url: Some(FilesUrl::Directory("parlor-files".into())),
            aws: BTreeMap::new(),
            max_file_size: 100 << 20,
            picture_program: None,
            env_file: ".env".into(),
            file_quota: Some(10 << 30),
            file_space: None,
            strip_metadata: true,
            link_previews: None,
            link_hosts: BTreeMap::new(),
            webhook_addresses: Vec::new(),
            push_addresses: Vec::new(),
            retention: None,
            audit_keep: Some(Duration::from_secs(365 * DAY)),
            backup_to: None,
            backup_every: None,
            backup_keep: Some(7),
            backup_files: false,
            checkpoints: true,
            search_time: Some(Duration::from_millis(500)),
            memory_limit: 256 * 1024 * 1024,
            metrics: Metrics::Off,
            log: "info".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// Reads the settings from an environment. Missing or empty values have their default, except that an empty list is empty.
    ///
    /// # Errors
    /// All problems, each with its variable.
    pub fn from_env(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<Problem>> {
        let mut env = Environment { vars: vars.into_iter().collect(), problems: Vec::new() };
        let default = Self::default();
        let audit_keep = env.peek("AUDIT_KEEP", default.audit_keep, amounts::optional_duration);
        let mut config = Self {
            database_url: env.read("DATABASE_URL", default.database_url, addresses::database_url),
            database_connections: env
                .read("DATABASE_CONNECTIONS", default.database_connections, |text| amounts::number(text, 1, 1000)),
            redis_url: env.read("REDIS_URL", default.redis_url, addresses::redis_url),
            listen: env.read("LISTEN", default.listen, addresses::listen),
            http_listen: env.read("HTTP_LISTEN", default.http_listen, addresses::optional_listen),
            tls: env.read("TLS", default.tls, values::tls),
            tls_cert: env.read("TLS_CERT", None, values::pem_file),
            tls_key: env.read("TLS_KEY", None, values::pem_file),
            acme_domains: env.read("ACME_DOMAINS", default.acme_domains, addresses::domains),
            acme_email: env.read("ACME_EMAIL", None, addresses::email),
            acme_directory: env.read("ACME_DIRECTORY", default.acme_directory, addresses::acme_directory),
            node: env.read("NODE", default.node, values::node),
            drain: env.read("DRAIN", default.drain, amounts::drain),
            public_url: env.read("PUBLIC_URL", default.public_url, |text| addresses::public_url(text).map(Some)),
            server_name: env.read("SERVER_NAME", None, |text| values::server_name(text).map(Some)),
            trusted_proxies: env.read("TRUSTED_PROXIES", default.trusted_proxies, addresses::networks),
            connection_limit: env.read("CONNECTION_LIMIT", default.connection_limit, amounts::limit),
            address_connection_limit: env.read("ADDRESS_CONNECTION_LIMIT", default.address_connection_limit, amounts::limit),
            registration: env.read("REGISTRATION", None, |text| text.parse().map(Some)),
            registration_rate: env.read("REGISTRATION_RATE", default.registration_rate, amounts::rate),
            inviters: env.read("INVITERS", None, |text| text.parse().map(Some)),
            room_creators: env.read("ROOM_CREATORS", None, |text| text.parse().map(Some)),
            default_rooms: env.read_list("DEFAULT_ROOMS", values::slugs),
            session_idle: env.read("SESSION_IDLE", default.session_idle, amounts::duration),
            session_lifetime: env.read("SESSION_LIFETIME", default.session_lifetime, amounts::duration),
            login_rate: env.read("LOGIN_RATE", default.login_rate, amounts::rate),
            require_2fa: env.read("REQUIRE_2FA", default.require_2fa, values::second_factor_for),
            smtp_url: env.read("SMTP_URL", default.smtp_url, |text| addresses::smtp_url(text).map(Some)),
            mail_from: env.read("MAIL_FROM", default.mail_from, |text| addresses::mailbox(text).map(Some)),
            oidc: env.read_oidc(),
            transports: env.read("TRANSPORTS", default.transports, values::transports),
            post_rate: env.read("POST_RATE", default.post_rate, amounts::rate),
            act_rate: env.read("ACT_RATE", default.act_rate, amounts::rate),
            max_message_chars: env
                .read("MAX_MESSAGE_CHARS", default.max_message_chars, |text| amounts::number(text, 1, LONGEST_MESSAGE)),
            draft_keep: env.read("DRAFT_KEEP", default.draft_keep, amounts::optional_duration),
            draft_space: env.read("DRAFT_SPACE", default.draft_space, |text| amounts::bytes(text, 1)),
            files_url: env.read_files_url(default.files_url),
            aws: env.vars.iter().filter(|(name, _)| name.starts_with("AWS_")).map(|(n, v)| (n.clone(), v.clone())).collect(),
            max_file_size: env.read("MAX_FILE_SIZE", default.max_file_size, amounts::file_size),
            picture_program: None,
            env_file: ".env".into(),
            file_quota: env.read("FILE_QUOTA", default.file_quota, amounts::space),
            file_space: env.read("FILE_SPACE", default.file_space, amounts::space),
            strip_metadata: env.read("STRIP_METADATA", default.strip_metadata, values::switch),
            link_previews: env.read("LINK_PREVIEWS", None, |text| values::switch(text).map(Some)),
            link_hosts: BTreeMap::new(),
            webhook_addresses: env.read("WEBHOOK_PRIVATE_ADDRESSES", default.webhook_addresses, addresses::private_networks),
            push_addresses: env.read("PUSH_PRIVATE_ADDRESSES", default.push_addresses, addresses::private_networks),
            retention: env.read("RETENTION", None, |text| Retention::default().with_audit(audit_keep).parse(text).map(Some)),
            audit_keep: env.read("AUDIT_KEEP", default.audit_keep, amounts::optional_duration),
            backup_to: env.read("BACKUP_TO", None, |text| place::backup_to(text).map(Some)),
            backup_every: env.read("BACKUP_EVERY", None, amounts::backup_every),
            backup_keep: env.read("BACKUP_KEEP", default.backup_keep, amounts::limit),
            backup_files: env.read("BACKUP_FILES", default.backup_files, values::switch),
            checkpoints: env.read("CHECKPOINTS", default.checkpoints, values::switch),
            search_time: env.read("SEARCH_TIME", default.search_time, amounts::short_duration),
            memory_limit: env.read("MEMORY_LIMIT", default.memory_limit, |text| amounts::bytes(text, LEAST_MEMORY)),
            metrics: env.read("METRICS", default.metrics, values::metrics),
            log: env.read("LOG", default.log, values::log_filter),
            log_format: env.read("LOG_FORMAT", default.log_format, values::log_format),
        };
        env.complete_tls(&mut config);
        env.refuse_prefixed();
        env.require_public_url(&config);
        if config.backup_every.is_some() && config.backup_to.is_none() {
            env.require("BACKUP_EVERY", "BACKUP_TO", "needs BACKUP_TO, the place where backups go");
        }
        if env.problems.is_empty() { Ok(config) } else { Err(env.problems) }
    }
}

impl Config {
    /// How long everything is kept where `RETENTION` does not say it.
    pub fn usual_retention(&self) -> Retention {
        Retention::default().with_audit(self.audit_keep)
    }

    /// Whether browsers reach the site over https.
    pub fn is_https(&self) -> bool {
        self.tls != TlsMode::Off || self.public_url.as_ref().is_some_and(|url| url.is_https)
    }

    /// What an address of this server begins with: `http` or `https`.
    pub fn own_scheme(&self) -> &'static str {
        if self.tls == TlsMode::Off { "http" } else { "https" }
    }

    /// Settings that are valid but probably a mistake.
    pub fn warnings(&self) -> Vec<Problem> {
        let wide = self.trusted_proxies.iter().filter(|net| addresses::is_wide(net)).map(|net| Problem {
            name: "TRUSTED_PROXIES".into(),
            message: format!(
                "{net} covers so much of the internet that anyone can claim any address. List only the proxies in front of Parlor"
            ),
        });
        let is_elsewhere = !self.listen.ip().is_loopback() && self.public_url.is_none() && !self.is_https();
        let unnamed = is_elsewhere.then(|| Problem {
            name: "PUBLIC_URL".into(),
            message:
                "is not set, but other machines can reach LISTEN: every host name is accepted, and cookies are sent without https"
                    .into(),
        });
        let unstored = self.files_url.is_none().then(|| Problem {
            name: "FILES_URL".into(),
            message: "is not set, and with REDIS_URL there is no default: nobody can send files. Set it to s3://BUCKET".into(),
        });
        let has_no_time = self.backup_to.is_some() && self.backup_every.is_none();
        let unscheduled = has_no_time.then(|| Problem {
            name: "BACKUP_TO".into(),
            message: "is set, but BACKUP_EVERY is not: the server makes no backups".into(),
        });
        let unkept = self.backup_files && self.files_url.is_none();
        let unkept = unkept.then(|| Problem {
            name: "BACKUP_FILES".into(),
            message: "is on, but this server has no storage for files (FILES_URL): no backup can be made".into(),
        });
        let certificate = self.tls_cert.as_ref().map(|_| "TLS_CERT").filter(|_| self.tls != TlsMode::Files);
        let domains = (!self.acme_domains.is_empty() && self.tls != TlsMode::Acme).then_some("ACME_DOMAINS");
        let unused = [(certificate, "files"), (domains, "acme")].into_iter().filter_map(|(name, mode)| {
            let message = format!("is set, but TLS is not `{mode}`: it has no effect");
            name.map(|name| Problem { name: name.into(), message })
        });
        let guessable = self.metrics.is_guessable().then(|| Problem {
            name: "METRICS".into(),
            message: format!(
                "is a token of fewer than {} characters, which can be guessed. Make it longer: openssl rand -hex 16",
                Metrics::SAFE_TOKEN
            ),
        });
        wide.chain(unnamed).chain(unused).chain(unstored).chain(unscheduled).chain(unkept).chain(guessable).collect()
    }
}

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
struct Environment {
    vars: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Environment {
    fn read<T>(&mut self, name: &'static str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        debug_assert!(SETTINGS.contains(&name), "{name} is not among the settings");
        let text = self.vars.get(name).map_or("", |text| text.trim());
        if text.is_empty() {
            return default;
        }
        parse(text).unwrap_or_else(|message| {
            self.problems.push(Problem { name: name.into(), message });
            default
        })
    }

    /// The value of a setting on which another one depends. What is wrong with it is said when it is read itself.
    fn peek<T>(&self, name: &'static str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        let text = self.vars.get(name).map_or("", |text| text.trim());
        if text.is_empty() { default } else { parse(text).unwrap_or(default) }
    }

    /// Reads a list that may be set to nothing; `None` if it is not set.
    fn read_list<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<Vec<T>, String>) -> Option<Vec<T>> {
        let is_nothing = self.vars.get(name).is_some_and(|text| text.trim().is_empty());
        if is_nothing { Some(Vec::new()) } else { self.read(name, None, |text| parse(text).map(Some)) }
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
        let is_unset = self.vars.get("HTTP_LISTEN").is_none_or(|text| text.trim().is_empty());
        if is_unset && config.listen.port() == 443 {
            config.http_listen = Some(SocketAddr::from((config.listen.ip(), 80)));
        }
    }

    /// Where files are. A directory belongs to one machine: with `REDIS_URL` there may be several nodes, each of which would miss the files
    /// of the others.
    fn read_files_url(&mut self, default: Option<FilesUrl>) -> Option<FilesUrl> {
        let has_others = self.vars.get("REDIS_URL").is_some_and(|url| !url.trim().is_empty());
        let url = self.read("FILES_URL", None, |text| addresses::files_url(text).map(Some));
        if has_others && matches!(url, Some(FilesUrl::Directory(_))) {
            let message =
                "can’t be a directory with REDIS_URL: several nodes need storage that all of them reach, such as s3://BUCKET";
            self.problems.push(Problem { name: "FILES_URL".into(), message: message.into() });
        }
        url.or(default.filter(|_| !has_others))
    }

    /// The provider, if `OIDC_ISSUER` names one.
    fn read_oidc(&mut self) -> Option<OidcSettings> {
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
            let has_problem = self.problems.iter().any(|problem| problem.name == "OIDC_CLIENT_ID");
            if !has_problem {
                self.problems.push(Problem { name: "OIDC_CLIENT_ID".into(), message: "is needed with OIDC_ISSUER".into() });
            }
            return None;
        };
        let name = name.unwrap_or_else(|| addresses::host(&issuer));
        Some(OidcSettings { issuer, client_id, client_secret, name, scopes, create_accounts, admin_group, groups_claim })
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

    /// Settings have no prefix, so a variable with ours is a mistake.
    fn refuse_prefixed(&mut self) {
        for name in self.vars.keys().filter(|name| name.starts_with("PARLOR_")) {
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

#[cfg(test)]
mod tests;
