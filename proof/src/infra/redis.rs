//! A throw-away Redis.
//!
//! Owns its start, and that nothing of it stays. Clients reach it only by a socket in a private folder, so it needs no port and no
//! password; it keeps nothing.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::programs;
use super::watchdog::{self, Watchdog};

/// A running Redis.
pub struct Redis {
    folder: tempfile::TempDir,
    running: Mutex<Option<(Child, Watchdog)>>,
}

impl Redis {
    /// The one that this process shares; started by whoever needs it first.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The address of the shared one. The first caller waits for its start, which must not hold up the runtime's other tasks.
    pub async fn shared_url() -> String {
        tokio::task::spawn_blocking(|| Self::shared().url()).await.expect("Redis starts")
    }

    /// Where the shared one listens.
    pub async fn shared_socket() -> PathBuf {
        tokio::task::spawn_blocking(|| Self::shared().socket()).await.expect("Redis starts")
    }

    /// One for tests that stop or kill it.
    pub fn start() -> Self {
        let redis = Self::stopped();
        redis.up().expect("a throw-away Redis starts");
        redis
    }

    /// One that does not run yet.
    pub fn stopped() -> Self {
        Self { folder: watchdog::folder(), running: Mutex::default() }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its address, as `REDIS_URL` takes it.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it, and waits until it listens.
    pub fn up(&self) -> io::Result<()> {
        drop(std::fs::remove_file(self.socket()));
        let program = programs::on_path("redis-server").or_else(|| programs::on_path("valkey-server"));
        let child = Command::new(program.ok_or_else(|| io::Error::other("redis-server is not on this machine"))?)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(self.socket())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let watchdog = Watchdog::new("kill -s KILL \"$1\"", &[&child.id().to_string()])?;
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(io::Error::other("Redis does not listen"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        *self.running.lock().expect("nobody panics while holding it") = Some((child, watchdog));
        Ok(())
    }

    /// The id of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.running.lock().expect("nobody panics while holding it").as_ref().map(|(child, _)| child.id())
    }

    /// Kills it.
    pub fn down(&self) {
        if let Some((mut child, watchdog)) = self.running.lock().expect("nobody panics while holding it").take() {
            drop(child.kill());
            drop(child.wait());
            drop(watchdog);
        }
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        if let Some((child, _)) = &*self.running.lock().expect("nobody panics while holding it") {
            let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
            assert!(sent.is_ok_and(|status| status.success()), "SIG{name} for Redis");
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.down();
    }
}
