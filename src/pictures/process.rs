//! The server's side of the processes that read pictures.
//!
//! Owns how such a process is started, how long it may take, and how much of what it says is read. What it says comes from a process that
//! a hostile picture may have taken over.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::Pictures;
use super::worker::{Answer, COMMAND, Square};

/// How long a process may take, beside the time on a processor that it has: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of an answer is read, in bytes.
const ANSWER: u64 = 16 * 1024;

/// What a process is to do.
#[derive(Debug)]
pub(super) enum Job<'a> {
    Inspect { media_type: &'a str, clean: &'a Path },
    Preview { media_type: &'a str, folder: &'a Path },
    Crop { square: Option<Square>, folder: &'a Path },
    Poster { ffmpeg: &'a Path, container: &'static str, poster: &'a Path },
}

/// Why there is nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The file can't be read: it is broken, too large, or hostile. What was said before that.
    Unreadable(Vec<Answer>),
    /// There is no such process.
    System(String),
}

impl Job<'_> {
    fn arguments(&self, source: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![COMMAND.into()];
        match self {
            Self::Inspect { media_type, clean } => {
                arguments.extend(["inspect".into(), media_type.into(), clean.into()]);
            }
            Self::Preview { media_type, folder } => {
                arguments.extend(["preview".into(), media_type.into(), folder.into()]);
            }
            Self::Crop { square, folder } => {
                arguments.extend(["crop".into(), folder.into()]);
                if let Some(Square { x, y, size }) = square {
                    arguments.extend([x, y, size].map(|number| number.to_string().into()));
                }
            }
            Self::Poster { ffmpeg, container, .. } => {
                arguments.extend(["poster".into(), ffmpeg.into(), container.into(), source.into()]);
            }
        }
        arguments
    }
}

/// What ffmpeg calls the container of a video; `None` for other files. No playlists, which name other files, are among them.
pub(super) fn container(media_type: &str) -> Option<&'static str> {
    match media_type {
        "video/mp4" | "video/quicktime" | "video/x-m4v" => Some("mov"),
        "video/webm" | "video/x-matroska" => Some("matroska"),
        "video/ogg" => Some("ogg"),
        _ => None,
    }
}

/// A program of this machine.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file() && program.is_absolute())
}

impl Pictures {
    /// Runs a process to its end.
    pub(super) async fn run(&self, job: &Job<'_>, source: &Path) -> Result<Vec<Answer>, Failure> {
        let system = |error: io::Error| Failure::System(format!("no process for a picture: {error}"));
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(Failure::System("pictures are not read any more".to_owned()));
        };
        let mut command = Command::new(&self.program);
        command.args(job.arguments(source)).env_clear().current_dir("/").stderr(Stdio::null()).kill_on_drop(true);
        // The allocator would reserve more than the process may have.
        command.env("MIMALLOC_ARENA_RESERVE", "0");
        match job {
            // Its output is the picture.
            Job::Poster { poster, .. } => {
                command.stdin(Stdio::null()).stdout(File::create(poster).map_err(system)?);
            }
            _ => {
                command.stdin(File::open(source).map_err(system)?).stdout(Stdio::piped());
            }
        }
        let mut child = command.spawn().map_err(system)?;
        let mut said = Vec::new();
        let ending = async {
            if let Some(out) = child.stdout.take() {
                out.take(ANSWER).read_to_end(&mut said).await?;
            }
            child.wait().await
        };
        let ended = tokio::time::timeout(PATIENCE, ending).await;
        let lines = String::from_utf8_lossy(&said);
        let answers: Vec<Answer> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        match ended {
            Ok(Ok(status)) if status.success() => Ok(answers),
            Ok(Ok(status)) => {
                tracing::debug!(%status, "a picture could not be read");
                Err(Failure::Unreadable(answers))
            }
            Ok(Err(error)) => Err(system(error)),
            Err(_elapsed) => {
                child.kill().await.ok();
                tracing::debug!("reading a picture took too long");
                Err(Failure::Unreadable(answers))
            }
        }
    }
}
