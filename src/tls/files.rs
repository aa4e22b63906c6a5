//! A certificate in files, which something else renews.
//!
//! Owns reading them, and when they are read again. Files that cannot be used never replace a certificate that is served.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::Tls;
use super::certificate::{Certificate, Wrong};
use crate::config::{Config, Problem};

/// How often it is looked whether they have changed.
const LOOK: Duration = Duration::from_secs(5);
/// No chain and no key is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What changes when a file is written or replaced: device, inode, size, and the time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

impl Files {
    /// Those of the settings; none if the certificate comes from elsewhere.
    pub fn of(config: &Config) -> Option<Self> {
        Some(Self { certificate: config.tls_cert.clone()?, key: config.tls_key.clone()? })
    }

    /// Reads both.
    ///
    /// # Errors
    /// What is wrong, under the name of the setting.
    pub fn read(&self) -> Result<Certificate, Problem> {
        let problem =
            |name: &str, path: &Path, why: &str| Problem { name: name.into(), message: format!("{} {why}", path.display()) };
        let wrong = |wrong| match wrong {
            Wrong::Certificate(why) => problem("TLS_CERT", &self.certificate, why),
            Wrong::Key(why) => problem("TLS_KEY", &self.key, why),
        };
        let unreadable = |error: io::Error| format!("can’t be read: {error}");
        let chain = bytes(&self.certificate).map_err(|error| problem("TLS_CERT", &self.certificate, &unreadable(error)))?;
        let key = bytes(&self.key).map_err(|error| problem("TLS_KEY", &self.key, &unreadable(error)))?;
        Certificate::read(&chain, &key).map_err(wrong)
    }

    /// Whether other users of this machine can read the key.
    #[must_use]
    pub fn is_key_readable_by_others(&self) -> bool {
        self.key.metadata().is_ok_and(|it| it.mode() & 0o004 != 0)
    }

    fn stamps(&self) -> [Option<Stamp>; 2] {
        let stamp = |path: &Path| {
            let it = path.metadata().ok()?;
            Some((it.dev(), it.ino(), it.size(), it.mtime(), it.mtime_nsec()))
        };
        [stamp(&self.certificate), stamp(&self.key)]
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(io::Error::other("the file is too large")) } else { Ok(bytes) }
}

/// Reads the files again whenever they change, and when the process is told to (SIGHUP), until it is dropped.
pub(super) async fn watch(tls: Arc<Tls>, files: Files) {
    let Ok(mut told) = signal(SignalKind::hangup()) else {
        tracing::warn!("SIGHUP can’t be listened for; changed certificates are noticed all the same");
        return;
    };
    let mut look = tokio::time::interval(LOOK);
    let mut seen = None;
    loop {
        let is_told = tokio::select! {
            _ = look.tick() => false,
            _ = told.recv() => true,
        };
        let files = files.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let stamps = files.stamps();
            let has_changed = is_told || seen.is_some_and(|seen| seen != stamps);
            (stamps, has_changed.then(|| files.read()))
        });
        let Ok((stamps, read)) = looked.await else { continue };
        seen = Some(stamps);
        match read {
            None => {}
            Some(Ok(certificate)) => {
                tracing::info!(names = certificate.names.join(", "), until = %certificate.not_after, "serving the certificate of the changed files");
                tls.serve(certificate);
            }
            Some(Err(problem)) => {
                tracing::error!("{problem}. The certificate of before is still served");
                tls.has_problem(Some(problem.to_string()));
            }
        }
    }
}
