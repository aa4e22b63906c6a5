//! Settings, read from the environment at start.
//!
//! Owns their names, defaults and meanings; a test compares them with `.env.example`. It must not act on them. `environment` reads the
//! variables, and says what is wrong with them.

mod addresses;
mod amounts;
mod environment;
pub mod file;
mod place;
mod retention;
mod values;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use addresses::{FilesUrl, PublicUrl, SmtpTls, SmtpUrl, files_url};
pub use amounts::Rate;
use environment::Environment;
pub use environment::Problem;
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
        let mut env = Environment::new(vars);
        let default = Self::default();
        let audit_keep = env.peek("AUDIT_KEEP", default.audit_keep, amounts::optional_duration);
        let config = Self {
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
            aws: env.starting_with("AWS_"),
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
        env.complete(config)
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
        let unsent = (self.mail_from.is_some() && self.smtp_url.is_none())
            .then(|| Problem { name: "MAIL_FROM".into(), message: "is set, but SMTP_URL is not: no mail is sent".into() });
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
        wide.chain(unnamed)
            .chain(unused)
            .chain(unstored)
            .chain(unscheduled)
            .chain(unkept)
            .chain(unsent)
            .chain(guessable)
            .collect()
    }
}

#[cfg(test)]
mod tests;
