use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    Config::from_env(vars.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
}

fn problems(vars: &[(&str, &str)]) -> Vec<Problem> {
    read(vars).err().unwrap_or_default()
}

#[test]
fn what_is_missing_or_empty_has_its_default() {
    assert!(read(&[]) == Ok(Config::default()));
    let empty: Vec<_> = SETTINGS.iter().map(|&name| (name, " ")).collect();
    // Except for a list, which may be empty.
    assert!(read(&empty) == Ok(Config { default_rooms: Some(Vec::new()), ..Config::default() }));
}

#[test]
fn every_setting_can_be_set() {
    let config = read(&[
        ("DATABASE_URL", "postgres://parlor:secret@db/parlor"),
        ("REDIS_URL", "redis://127.0.0.1"),
        ("DATABASE_CONNECTIONS", "20"),
        ("LISTEN", "[::]:80"),
        ("HTTP_LISTEN", "[::]:8080"),
        ("TLS", "acme"),
        ("TLS_CERT", "cert.pem"),
        ("TLS_KEY", "/etc/parlor/key"),
        ("ACME_DOMAINS", "Chat.Example, www.chat.example,chat.example"),
        ("ACME_EMAIL", "ada@example.com"),
        ("ACME_DIRECTORY", "https://acme.example/directory"),
        ("NODE", "chat-1:80"),
        ("DRAIN", "0s"),
        ("PUBLIC_URL", "https://Chat.Example:443/"),
        ("SERVER_NAME", " Tea & Talk "),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,fd00::/8"),
        ("CONNECTION_LIMIT", "off"),
        ("ADDRESS_CONNECTION_LIMIT", "7"),
        ("REGISTRATION", "invite"),
        ("REGISTRATION_RATE", "3/min"),
        ("INVITERS", "everyone"),
        ("ROOM_CREATORS", "admins"),
        ("DEFAULT_ROOMS", "welcome, #news,,welcome"),
        ("SESSION_IDLE", "12h"),
        ("SESSION_LIFETIME", "7d"),
        ("LOGIN_RATE", "off"),
        ("REQUIRE_2FA", "admins"),
        ("SMTP_URL", "smtps://ada%40example.com:a%2Fb+c@mail.example.com"),
        ("MAIL_FROM", "Parlor <parlor@example.com>"),
        ("OIDC_ISSUER", "https://login.example.com/realms/chat"),
        ("OIDC_CLIENT_ID", "parlor"),
        ("OIDC_CLIENT_SECRET", "a~b=c"),
        ("OIDC_NAME", "Example & Sons"),
        ("OIDC_SCOPES", "profile, groups"),
        ("OIDC_CREATE_ACCOUNTS", "off"),
        ("OIDC_ADMIN_GROUP", "chat admins"),
        ("OIDC_GROUPS_CLAIM", "roles"),
        ("TRANSPORTS", "polling, websocket"),
        ("POST_RATE", "100/min"),
        ("ACT_RATE", "7/h"),
        ("MAX_MESSAGE_CHARS", "500"),
        ("DRAFT_KEEP", "off"),
        ("DRAFT_SPACE", "1gb"),
        ("FILES_URL", "s3://files/of/parlor/"),
        ("AWS_REGION", "eu-north-1"),
        ("MAX_FILE_SIZE", "1GB"),
        ("FILE_QUOTA", "off"),
        ("FILE_SPACE", "2TB"),
        ("STRIP_METADATA", "off"),
        ("LINK_PREVIEWS", "off"),
        ("WEBHOOK_PRIVATE_ADDRESSES", "10.1.2.3, fd00::/8"),
        ("PUSH_PRIVATE_ADDRESSES", "on"),
        ("RETENTION", "90d"),
        ("AUDIT_KEEP", "30d"),
        ("BACKUP_TO", "s3://old/of/parlor"),
        ("BACKUP_EVERY", "6h"),
        ("BACKUP_KEEP", "off"),
        ("BACKUP_FILES", "on"),
        ("CHECKPOINTS", "off"),
        ("SEARCH_TIME", "250ms"),
        ("MEMORY_LIMIT", "2gb"),
        ("METRICS", "0123456789abcdef"),
        ("LOG", "warn,parlor=debug"),
        ("LOG_FORMAT", "json"),
    ]);
    let expected = Config {
        database_url: "postgres://parlor:secret@db/parlor".into(),
        redis_url: Some("redis://127.0.0.1".into()),
        database_connections: 20,
        listen: "[::]:80".parse().unwrap(),
        http_listen: "[::]:8080".parse().ok(),
        tls: TlsMode::Acme,
        tls_cert: Some("cert.pem".into()),
        tls_key: Some("/etc/parlor/key".into()),
        acme_domains: vec!["chat.example".into(), "www.chat.example".into()],
        acme_email: Some("ada@example.com".into()),
        acme_directory: "https://acme.example/directory".into(),
        node: Some("chat-1:80".into()),
        drain: Duration::ZERO,
        public_url: Some(PublicUrl { origin: "https://chat.example".into(), host: "chat.example".into(), is_https: true }),
        trusted_proxies: ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()).into(),
        connection_limit: None,
        address_connection_limit: Some(7),
        registration: Some(Registration::Invite),
        inviters: Some(Who::Everyone),
        room_creators: Some(Who::Admins),
        server_name: Some("Tea & Talk".into()),
        registration_rate: Some(Rate { count: NonZeroU32::new(3).unwrap(), per: Duration::from_secs(60) }),
        default_rooms: Some(vec!["welcome".into(), "news".into()]),
        session_idle: Duration::from_secs(12 * 3600),
        session_lifetime: Duration::from_secs(7 * 86400),
        login_rate: None,
        require_2fa: SecondFactorFor::Admins,
        smtp_url: Some(SmtpUrl {
            host: "mail.example.com".into(),
            port: 465,
            tls: SmtpTls::Wrapped,
            login: Some(("ada@example.com".into(), "a/b+c".into())),
        }),
        mail_from: Some("Parlor <parlor@example.com>".into()),
        oidc: Some(OidcSettings {
            issuer: "https://login.example.com/realms/chat".into(),
            client_id: "parlor".into(),
            client_secret: Some("a~b=c".into()),
            name: "Example & Sons".into(),
            scopes: vec!["profile".into(), "groups".into()],
            create_accounts: Some(false),
            admin_group: Some("chat admins".into()),
            groups_claim: "roles".into(),
        }),
        transports: Transports::WebSocketAndPolling,
        post_rate: Some(Rate { count: NonZeroU32::new(100).unwrap(), per: Duration::from_secs(60) }),
        act_rate: Some(Rate { count: NonZeroU32::new(7).unwrap(), per: Duration::from_secs(3600) }),
        max_message_chars: 500,
        draft_keep: None,
        draft_space: 1 << 30,
        files_url: Some(FilesUrl::S3 { bucket: "files".into(), prefix: "of/parlor".into() }),
        aws: [("AWS_REGION".to_owned(), "eu-north-1".to_owned())].into(),
        max_file_size: 1 << 30,
        picture_program: None,
        env_file: ".env".into(),
        file_quota: None,
        file_space: Some(2 << 40),
        strip_metadata: false,
        link_previews: Some(false),
        link_hosts: BTreeMap::new(),
        webhook_addresses: ["10.1.2.3/32", "fd00::/8"].map(|net| net.parse().unwrap()).into(),
        push_addresses: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        retention: Some(Retention {
            messages: Some(Duration::from_secs(90 * 86400)),
            files: None,
            audit: Some(Duration::from_secs(30 * 86400)),
            sessions: None,
        }),
        audit_keep: Some(Duration::from_secs(30 * 86400)),
        backup_to: Some(Place::S3 { bucket: "old".into(), prefix: "of/parlor".into(), name: None }),
        backup_every: Some(Duration::from_secs(6 * 3600)),
        backup_keep: None,
        backup_files: true,
        checkpoints: false,
        search_time: Some(Duration::from_millis(250)),
        memory_limit: 2 << 30,
        metrics: values::Metrics::Token("0123456789abcdef".into()),
        log: "warn,parlor=debug".into(),
        log_format: LogFormat::Json,
    };
    assert!(config == Ok(expected));
}

#[test]
fn every_problem_is_listed_at_once_and_names_its_variable() {
    // Not a URL, not a number, not a name, not a token: wrong for all settings.
    let wrong: Vec<_> = SETTINGS.iter().map(|&name| (name, "=[ ]=")).collect();
    let named: Vec<_> = problems(&wrong).into_iter().map(|problem| problem.name).collect();
    assert_eq!(named, SETTINGS);
}

#[test]
fn no_problem_repeats_the_value() {
    for &name in &SETTINGS {
        for value in [
            "hunter2",
            "postgres://ada:hunter2@db?hunter2=hunter2",
            "https://ada:hunter2@x",
            "smtp://ada:hunter2@x/hunter2",
            "1/hunter2",
            "hunter2=hunter2",
        ] {
            let told = problems(&[(name, value)]).iter().map(ToString::to_string).collect::<String>();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn wrong_values_are_refused() {
    let wrong = [
        ("DATABASE_URL", "mysql://localhost/parlor"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://"),
        ("DATABASE_URL", "parlor.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("DATABASE_URL", "postgres://parlor@db/parlor?sslmodus=require"),
        ("DATABASE_CONNECTIONS", "0"),
        ("MEMORY_LIMIT", "256"),
        ("MEMORY_LIMIT", "15MB"),
        ("MEMORY_LIMIT", "256 apples"),
        ("DRAFT_KEEP", "forever"),
        ("RETENTION", "messages=365"),
        ("AUDIT_KEEP", "365"),
        ("BACKUP_TO", "backups"),
        ("BACKUP_TO", "s3://old/parlor.tar.gz"),
        ("BACKUP_TO", "ftp://old/parlor"),
        ("BACKUP_EVERY", "6h"),
        ("BACKUP_EVERY", "30s"),
        ("BACKUP_KEEP", "0"),
        ("CHECKPOINTS", "passive"),
        ("DRAFT_SPACE", "off"),
        ("DRAFT_SPACE", "1023KB"),
        ("REQUIRE_2FA", "on"),
        ("LISTEN", "3000"),
        ("LISTEN", "localhost:3000"),
        ("HTTP_LISTEN", "80"),
        ("HTTP_LISTEN", "0.0.0.0:80"),
        ("TLS", "on"),
        ("TLS_CERT", "letsencrypt"),
        ("TLS_KEY", "s3://keys/key.pem"),
        ("ACME_DOMAINS", "*.chat.example"),
        ("ACME_DOMAINS", "chat"),
        ("ACME_DOMAINS", "203.0.113.5"),
        ("ACME_DOMAINS", "2001:db8::1"),
        ("ACME_DOMAINS", "https://chat.example"),
        ("ACME_DOMAINS", "chat.example:443"),
        ("ACME_DOMAINS", "chät.example"),
        ("ACME_DOMAINS", "-chat.example"),
        ("ACME_DOMAINS", "chat..example"),
        ("ACME_DOMAINS", ","),
        ("ACME_EMAIL", "ada"),
        ("ACME_DIRECTORY", "http://acme.example/directory"),
        ("PUBLIC_URL", "chat.example"),
        ("PUBLIC_URL", "ftp://chat.example"),
        ("PUBLIC_URL", "https://chat.example/parlor"),
        ("PUBLIC_URL", "https://ada@chat.example"),
        ("PUBLIC_URL", "https://chat.example?x"),
        ("PUBLIC_URL", "https://chat.example:99999"),
        ("PUBLIC_URL", "https://chat.example:"),
        ("PUBLIC_URL", "https://"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("NODE", "node 1"),
        ("DRAIN", "10"),
        ("DRAIN", "1h"),
        ("CONNECTION_LIMIT", "0"),
        ("CONNECTION_LIMIT", "-1"),
        ("ADDRESS_CONNECTION_LIMIT", "many"),
        ("REGISTRATION", "OPEN"),
        ("INVITERS", "members"),
        ("ROOM_CREATORS", "admin"),
        ("SERVER_NAME", "\u{202e}Parlor"),
        ("SERVER_NAME", "…"),
        ("SERVER_NAME", "12345678901234567890123456789012345678901"),
        ("REGISTRATION_RATE", "many"),
        ("DEFAULT_ROOMS", "Our News"),
        ("DEFAULT_ROOMS", "/rooms/general"),
        ("DEFAULT_ROOMS", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u"),
        ("SESSION_IDLE", "14"),
        ("SESSION_IDLE", "0d"),
        ("SESSION_LIFETIME", "1 year"),
        ("LOGIN_RATE", "10"),
        ("LOGIN_RATE", "0/min"),
        ("SMTP_URL", "mail.example.com"),
        ("SMTP_URL", "http://mail.example.com"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://mail.example.com/path"),
        ("SMTP_URL", "smtp://mail.example.com?tls=perhaps"),
        ("SMTP_URL", "smtps://mail.example.com?tls=off"),
        ("MAIL_FROM", "parlor"),
        ("OIDC_ISSUER", "login.example.com"),
        ("OIDC_ISSUER", "http://login.example.com"),
        ("OIDC_ISSUER", "https://login.example.com?x=y"),
        ("OIDC_CLIENT_ID", "two words"),
        ("OIDC_CLIENT_SECRET", "two words"),
        ("OIDC_SCOPES", "profile;email"),
        ("OIDC_CREATE_ACCOUNTS", "yes"),
        ("POST_RATE", "ten/s"),
        ("ACT_RATE", "60"),
        ("TRANSPORTS", "polling"),
        ("TRANSPORTS", "websocket,webtransport"),
        ("MAX_MESSAGE_CHARS", "100000"),
        ("LOG", "parlor=loud"),
        ("LOG_FORMAT", "xml"),
    ];
    for (name, value) in wrong {
        let found = problems(&[(name, value)]);
        assert_eq!(found.len(), 1, "{name}={value}: {found:?}");
        assert_eq!(found[0].name, name);
    }
}

#[test]
fn mail_is_encrypted_except_within_this_machine_or_when_it_must_not_be() {
    for (url, port, tls) in [
        ("smtp://mail.example.com", 587, SmtpTls::StartTls),
        ("smtp://mail.example.com:2525?tls=required", 2525, SmtpTls::StartTls),
        ("smtp://mail:1025?tls=off", 1025, SmtpTls::Off),
        ("smtp://localhost", 25, SmtpTls::Off),
        ("smtp://[::1]:2525", 2525, SmtpTls::Off),
        ("smtp://127.0.0.1:2525?tls=required", 2525, SmtpTls::StartTls),
        ("smtps://127.0.0.1", 465, SmtpTls::Wrapped),
    ] {
        let smtp = addresses::smtp_url(url).unwrap();
        assert_eq!((smtp.port, smtp.tls), (port, tls), "{url}");
    }
}

#[test]
fn links_in_mails_need_a_host_that_requests_do_not_choose() {
    let smtp = ("SMTP_URL", "smtps://mail.example.com");
    let found = problems(&[smtp, ("LISTEN", "0.0.0.0:3000")]);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["SMTP_URL: needs PUBLIC_URL, for the links in mails"]);
    assert!(problems(&[smtp, ("LISTEN", "0.0.0.0:3000"), ("PUBLIC_URL", "https://chat.example")]).is_empty());
    assert!(problems(&[smtp]).is_empty(), "it listens on this machine only");
}

#[test]
fn a_provider_needs_an_id_of_this_server_and_has_a_name() {
    let issuer = ("OIDC_ISSUER", "https://login.example.com");
    let told = |vars: &[_]| problems(vars).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told(&[issuer]), ["OIDC_CLIENT_ID: is needed with OIDC_ISSUER"]);
    let id = ("OIDC_CLIENT_ID", "parlor");
    assert_eq!(told(&[issuer, id, ("LISTEN", "[::]:80")]).len(), 1, "nobody can be sent back");
    let config = read(&[issuer, id]).unwrap_or_else(|_| panic!("it is complete"));
    assert_eq!(config.oidc.map(|oidc| (oidc.name, oidc.create_accounts)), Some(("login.example.com".into(), None)));
    assert!(read(&[("OIDC_ISSUER", "http://127.0.0.1:8080"), id]).is_ok(), "it is this machine");
}

#[test]
fn to_trust_everybody_is_doubted() {
    let warnings = |proxies| read(&[("TRUSTED_PROXIES", proxies)]).unwrap_or_else(|_| panic!("{proxies}")).warnings().len();
    for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "8.0.0.0/8", "2000::/3", "10.0.0.0/7"] {
        assert_eq!(warnings(wide), 1, "{wide}");
    }
    assert_eq!(warnings("0.0.0.0/1,128.0.0.0/1,10.0.0.1"), 2);
    // Private networks, and those that Cloudflare publishes.
    assert_eq!(warnings("127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,fe80::/10,::1,100.64.0.0/10"), 0);
    assert_eq!(warnings("104.16.0.0/13,172.64.0.0/13,162.158.0.0/15,2400:cb00::/32,2a06:98c0::/29"), 0);
    assert!(Config::default().warnings().is_empty());
}

#[test]
fn a_setting_with_our_prefix_is_refused_and_others_are_not_looked_at() {
    // A shell that has what `parlor post` needs can start a server too.
    let found =
        problems(&[("PARLOR_LISTEN", "x"), ("PATH", "/bin"), ("PARLORS", "3"), ("PARLOR_URL", "x"), ("PARLOR_TOKEN", "x")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "PARLOR_LISTEN: unknown setting. Did you mean LISTEN?");
}

#[test]
fn what_the_build_names_for_the_compiler_is_no_setting() {
    // `cargo run` gives the program all of it.
    let build = include_str!("../../build.rs");
    let names = build.split("cargo:rustc-env=").skip(1).filter_map(|rest| rest.split_once('='));
    let names: Vec<_> = names.map(|(name, _)| (name, "x")).collect();
    assert!(!names.is_empty());
    assert!(read(&names) == Ok(Config::default()), "{names:?}");
}

#[test]
fn a_refusal_does_not_tell_the_password_of_the_database() {
    let found = problems(&[("DATABASE_URL", "mysql://parlor:hunter2@db/parlor")]);
    assert!(!found.is_empty() && !found[0].to_string().contains("hunter2"));
}

#[test]
fn an_origin_is_as_browsers_write_it() {
    for (given, origin) in [
        ("http://Chat.Example:80", "http://chat.example"),
        ("http://chat.example:443", "http://chat.example:443"),
        ("https://chat.example:8443/", "https://chat.example:8443"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ] {
        assert_eq!(addresses::public_url(given).unwrap().origin, origin);
    }
}

#[test]
fn a_server_that_others_can_reach_should_have_a_public_url() {
    let warned =
        |vars: &[(&str, &str)]| read(vars).unwrap().warnings().iter().map(|doubt| doubt.name.clone()).collect::<Vec<_>>();
    assert_eq!(warned(&[("LISTEN", "0.0.0.0:80")]), ["PUBLIC_URL"]);
    assert!(warned(&[("LISTEN", "0.0.0.0:80"), ("PUBLIC_URL", "https://chat.example")]).is_empty());
    assert!(warned(&[("LISTEN", "[::1]:80")]).is_empty() && warned(&[]).is_empty());
}

/// The example contains exactly the settings, each with its default.
#[test]
fn the_example_is_complete_and_true() {
    let example = include_str!("../../.env.example");
    // A setting follows its `#` without a space, unlike prose.
    let settings = example.lines().filter_map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')));
    let lines: Vec<_> = settings.filter_map(|line| line.split_once('=')).collect();
    let named: Vec<_> = lines.iter().map(|&(name, _)| name).collect();
    assert_eq!(named, SETTINGS);
    // Those that can change at run time are fixed where the environment names them.
    let fixed = Config {
        server_name: Some("Parlor".into()),
        registration: Some(Registration::Open),
        inviters: Some(Who::Admins),
        room_creators: Some(Who::Everyone),
        default_rooms: Some(vec!["general".into()]),
        link_previews: Some(true),
        retention: Some(Retention::default()),
        ..Config::default()
    };
    assert!(read(&lines) == Ok(fixed));
    for (name, value) in lines {
        let has_no_default = matches!(
            name,
            "PUBLIC_URL"
                | "TRUSTED_PROXIES"
                | "REDIS_URL"
                | "NODE"
                | "SMTP_URL"
                | "MAIL_FROM"
                | "BACKUP_TO"
                | "BACKUP_EVERY"
                | "TLS_CERT"
                | "TLS_KEY"
                | "ACME_DOMAINS"
                | "ACME_EMAIL"
        ) || name.starts_with("OIDC_") && !matches!(name, "OIDC_SCOPES" | "OIDC_GROUPS_CLAIM");
        assert_eq!(value.is_empty(), has_no_default, "{name}");
    }
}

#[test]
fn each_kind_of_tls_needs_its_own_settings() {
    let told = |vars: &[_]| problems(vars).iter().map(ToString::to_string).collect::<Vec<_>>();
    let (files, acme) = (("TLS", "files"), ("TLS", "acme"));
    assert_eq!(told(&[files]), ["TLS_CERT: is needed with TLS=files", "TLS_KEY: is needed with TLS=files"]);
    assert_eq!(told(&[acme]), ["ACME_DOMAINS: is needed with TLS=acme"]);
    let (cert, key) = (("TLS_CERT", "/c.pem"), ("TLS_KEY", "/k.pem"));
    assert!(told(&[files, cert, key]).is_empty());
    let plain = [files, cert, key, ("PUBLIC_URL", "http://chat.example")];
    assert_eq!(told(&plain), ["PUBLIC_URL: must begin with https://, because of TLS"]);
    let other = [acme, ("ACME_DOMAINS", "chat.example"), ("PUBLIC_URL", "https://talk.example")];
    assert_eq!(told(&other), ["ACME_DOMAINS: must contain the host of PUBLIC_URL"]);
    let same = [files, cert, key, ("LISTEN", "0.0.0.0:443"), ("HTTP_LISTEN", "0.0.0.0:443")];
    assert_eq!(told(&same), ["HTTP_LISTEN: is the address of LISTEN: https and plain HTTP need one each"]);
    let warned = read(&[cert, ("ACME_DOMAINS", "chat.example")]).unwrap_or_default().warnings();
    assert_eq!(warned.iter().map(|doubt| &*doubt.name).collect::<Vec<_>>(), ["TLS_CERT", "ACME_DOMAINS"]);
}

#[test]
fn with_acme_the_first_domain_is_the_public_url_and_port_80_leads_to_443() {
    let of = |vars: &[(&str, &str)]| {
        let config = read(vars).unwrap_or_else(|problems| panic!("{problems:?}"));
        (config.public_url.map(|url| url.origin), config.http_listen.map(|address| address.to_string()))
    };
    let acme = [("TLS", "acme"), ("ACME_DOMAINS", "chat.example,talk.example"), ("LISTEN", "0.0.0.0:443")];
    assert_eq!(of(&acme), (Some("https://chat.example".into()), Some("0.0.0.0:80".into())));
    assert_eq!(of(&[acme[0], acme[1], acme[2], ("HTTP_LISTEN", "off")]).1, None);
    assert_eq!(of(&[acme[0], acme[1], ("PUBLIC_URL", "https://talk.example")]), (Some("https://talk.example".into()), None));
    assert_eq!(of(&[("LISTEN", "0.0.0.0:443"), ("PUBLIC_URL", "https://chat.example")]).1, None, "a proxy speaks TLS");
}

#[test]
fn a_directory_is_for_one_node() {
    let files =
        |settings: &[(&str, &str)]| read(settings).map(|config| config.files_url).map_err(|problems| problems[0].name.clone());
    let redis = ("REDIS_URL", "redis://127.0.0.1");
    assert_eq!(files(&[]), Ok(Some(FilesUrl::Directory("parlor-files".into()))));
    assert_eq!(files(&[redis]), Ok(None), "there is no default");
    assert_eq!(files(&[redis, ("FILES_URL", "file:///files")]), Err("FILES_URL".into()));
    let bucket = FilesUrl::S3 { bucket: "files".into(), prefix: String::new() };
    assert_eq!(files(&[redis, ("FILES_URL", "s3://files")]), Ok(Some(bucket)));
}

#[test]
fn a_token_for_the_metrics_fits_into_a_header_and_a_short_one_is_warned_of() {
    let said = |text| read(&[("METRICS", text)]).map(|config| config.metrics).map_err(|problems| problems[0].to_string());
    assert!(said("off") == Ok(values::Metrics::Off) && said("open") == Ok(values::Metrics::Open));
    let long = "x".repeat(256);
    for token in ["0123456789abcdef", "0123456789abcde", "s3cret-token", "x", "deadbeef", "tok,en", "p@ss:w0rd!", &*long] {
        assert!(said(token) == Ok(values::Metrics::Token(token.into())), "{token}");
        let warned: Vec<_> = read(&[("METRICS", token)]).unwrap_or_default().warnings().iter().map(ToString::to_string).collect();
        let of_metrics = warned.iter().filter(|warning| warning.starts_with("METRICS")).count();
        assert_eq!(of_metrics, usize::from(token.len() < 16), "{token}: {warned:?}");
        assert!(token.len() == 1 || !warned.concat().contains(token), "{warned:?}");
    }
    let nets = ["10.0.0.0/8", "192.168.100.100/32", "::1/128"].map(|net| net.parse().unwrap());
    assert!(said("10.0.0.0/8, 192.168.100.100, ::1") == Ok(values::Metrics::From(nets.into())));
    for wrong in
        ["on", "Open", "OFF", "10.0.0.0/33", "10.0.0.1,10.0.0", "0123456789 abcdef", "0123456789abcdeé", &"x".repeat(257)]
    {
        let said = said(wrong).err().unwrap_or_else(|| panic!("{wrong} is accepted"));
        assert!(said.starts_with("METRICS: must be off, open, addresses") && !said.contains(wrong), "{said}");
    }
}
