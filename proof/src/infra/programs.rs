//! The programs that tests and cases need, and where they are.

use std::path::{Path, PathBuf};

/// A program that some of the tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Postgres: `initdb` and `pg_ctl`.
    Postgres,
    /// Redis, or Valkey.
    Redis,
    /// A browser and its driver: `chromium` (or `google-chrome`) and `chromedriver`.
    Browser,
    /// `strace`, which sees the order of system calls.
    Strace,
    /// The servers of `tests/servers`: Node, and the packages in `tests/servers/node_modules`.
    Servers,
    /// `ffmpeg`, which draws the posters of videos.
    Ffmpeg,
    /// The proxies that `packaging/proxies` has configurations for: `nginx`, `caddy`, `haproxy` and `traefik`.
    Proxies,
    /// `litestream`, which copies a SQLite file as it grows.
    Litestream,
    /// `openssl`, which tries protocols and ciphers.
    OpenSsl,
    /// `pebble`, an ACME authority, and `pebble-challtestsrv`, its name server.
    Pebble,
    /// What the examples in `docs/examples` run with: `curl`, `python3` and `node`.
    Examples,
}

impl Program {
    /// Whether this machine has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Postgres => postgres("initdb").is_some() && postgres("pg_ctl").is_some(),
            Self::Redis => on_path("redis-server").or_else(|| on_path("valkey-server")).is_some(),
            Self::Browser => browser().is_some() && on_path("chromedriver").is_some(),
            Self::Servers => {
                let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers/node_modules/.installed");
                on_path("node").is_some() && on_path("openssl").is_some() && packages.exists()
            }
            Self::Ffmpeg => on_path("ffmpeg").is_some(),
            Self::Proxies => ["nginx", "caddy", "haproxy", "traefik"].into_iter().all(|name| tool(name).is_some()),
            Self::Litestream => tool("litestream").is_some(),
            Self::OpenSsl => on_path("openssl").is_some(),
            Self::Pebble => on_path("pebble").is_some() && on_path("pebble-challtestsrv").is_some(),
            Self::Examples => ["curl", "python3", "node"].into_iter().all(|name| on_path(name).is_some()),
            // It must also be allowed to trace.
            Self::Strace => on_path("strace").is_some_and(|strace| {
                let tried = std::process::Command::new(strace).args(["-o", "/dev/null", "true"]).output();
                tried.is_ok_and(|it| it.status.success())
            }),
        }
    }

    /// Whether a test that needs it should run. Where everything is required, a missing program is a failure.
    pub fn is_here_or_may_be_missing(self) -> bool {
        let here = self.is_here();
        assert!(here || !is_everything_required(), "{self:?} is missing, and PARLOR_TESTS_REQUIRE_ALL is set");
        here
    }
}

/// Whether a missing program fails the tests instead of leaving some out; `tests/run` asks for it.
pub fn is_everything_required() -> bool {
    std::env::var_os("PARLOR_TESTS_REQUIRE_ALL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// A program of Postgres: the newest of Debian's folders, else the one on the path.
pub fn postgres(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let newest = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let program = version.path().join("bin").join(name);
            is_program(&program).then_some((number, program))
        })
        .max();
    newest.map(|(_, program)| program).or_else(|| on_path(name))
}

/// The browser.
pub fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(on_path)
}

/// The browser's engine alone, without windows, tabs and settings around it: it starts faster.
pub fn headless_shell() -> Option<PathBuf> {
    ["chromium-headless-shell", "chrome-headless-shell"].into_iter().find_map(on_path)
}

/// The first program of that name on the path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| is_program(program))
}

/// A program that only administrators have on their path, or that `tests/install` has installed for the tests alone.
pub fn tool(name: &str) -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python/bin");
    let others = [Path::new("/usr/sbin").join(name), ours.join(name)];
    on_path(name).or_else(|| others.into_iter().find(|program| is_program(program)))
}

/// Whether this process runs as root, to whom its own folder in `/proc` belongs then.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
