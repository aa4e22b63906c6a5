//! Pictures: what is found out about them, what is removed from them, and the small ones that are made of them.
//!
//! Owns that nothing that people send is decoded in the server's own process: each picture is given to a child process of its own
//! (`worker`), which can reach neither files nor a network, and has little memory and time. A hostile picture ends its own process and
//! nothing else. It must not know messages, or where files are stored.
//!
//! Reading order: `process` (the server's side), `worker` (the child's side), `containers` (how metadata is removed), `text`.

mod containers;
mod process;
pub mod text;
pub mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use self::process::{Failure, Job};
use self::worker::{Answer, Square as Cut};
use crate::error::{Error, Result};

/// The most processes at once, however many cores there are: each may take [`worker::MEMORY`].
const MOST: usize = 8;

/// A preview that was made.
#[derive(Clone, Debug)]
pub struct MadePreview {
    /// `small` or `large`.
    pub size: &'static str,
    /// For screens with one or two pixels for each CSS pixel.
    pub density: i64,
    /// Where it is on this disk. Several previews may be the same file.
    pub path: PathBuf,
    /// Its media type.
    pub media_type: String,
    /// Its width, in pixels.
    pub width: i64,
    /// Its height, in pixels.
    pub height: i64,
}

/// What was found out about a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Whether a copy without metadata was written.
    pub is_cleaned: bool,
    /// Its size as it is shown, in pixels, if it could be read.
    pub shown: Option<(i64, i64)>,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
}

/// The previews of a file, and what was found out while they were made.
#[derive(Clone, Debug, Default)]
pub struct Previewed {
    /// The previews; none if the file can't be read.
    pub made: Vec<MadePreview>,
    /// Its size as it is shown, in pixels.
    pub shown: Option<(i64, i64)>,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
}

/// A part of a picture: a square, in pixels of the picture as it is shown, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Its width and height.
    pub size: u32,
}

/// Reads pictures, in processes of their own.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The program of these processes: Parlor's own.
    program: PathBuf,
    /// Takes pictures of videos, where it is installed.
    ffmpeg: Option<PathBuf>,
    slots: Arc<Semaphore>,
}

impl Pictures {
    /// With Parlor's own program, or another that understands the same arguments.
    pub fn new(program: Option<&Path>) -> Self {
        let slots = Arc::new(Semaphore::new(Self::at_once()));
        Self { program: program.map_or_else(own_program, Path::to_owned), ffmpeg: process::on_path("ffmpeg"), slots }
    }

    /// How many processes there are at once.
    pub fn at_once() -> usize {
        available_parallelism().map_or(2, usize::from).clamp(2, MOST)
    }

    /// Whether previews can be made of files of this type.
    pub fn can_preview(&self, media_type: &str) -> bool {
        match media_type {
            "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "application/pdf" => true,
            _ => self.ffmpeg.is_some() && process::container(media_type).is_some(),
        }
    }

    /// Finds out about a picture, and writes a copy without metadata to `clean`, a file that is there. What can't be read has neither.
    ///
    /// # Errors
    /// `internal` if there can't be such a process.
    pub async fn inspect(&self, source: &Path, media_type: &str, clean: &Path) -> Result<Inspected> {
        let job = Job::Inspect { media_type, clean };
        let answers = match self.run(&job, source).await {
            Ok(answers) => answers,
            Err(Failure::Unreadable(answers)) => answers,
            Err(Failure::System(why)) => return Err(Error::Internal(why)),
        };
        let is_cleaned = answers.iter().any(|answer| answer.cleaned);
        let read = answers.into_iter().rev().find(|answer| answer.shown.is_some()).unwrap_or_default();
        Ok(Inspected { is_cleaned, shown: read.shown, blur: read.blur })
    }

    /// Makes the previews of a picture, of a video or of the first page of a PDF in `folder`: `small`, at most 400×300, and `large`, at most
    /// 1280×1280, each for screens with one pixel and with two for each CSS pixel. None is larger than the file's picture is.
    ///
    /// # Errors
    /// `internal` if there can't be such a process.
    pub async fn preview(&self, source: &Path, media_type: &str, folder: &Path) -> Result<Previewed> {
        let poster = folder.join("poster");
        let (source, media_type) = match process::container(media_type) {
            Some(container) => {
                let Some(ffmpeg) = &self.ffmpeg else { return Ok(Previewed::default()) };
                match self.run(&Job::Poster { ffmpeg, container, poster: &poster }, source).await {
                    Ok(_) => (&*poster, "image/png"),
                    Err(Failure::Unreadable(_)) => return Ok(Previewed::default()),
                    Err(Failure::System(why)) => return Err(Error::Internal(why)),
                }
            }
            None => (source, media_type),
        };
        match self.run(&Job::Preview { media_type, folder }, source).await {
            Ok(answers) => Ok(previewed(answers, folder)),
            Err(Failure::Unreadable(_)) => Ok(Previewed::default()),
            Err(Failure::System(why)) => Err(Error::Internal(why)),
        }
    }

    /// Cuts a square out of a picture, by default its middle, and makes previews of it in `folder`: `small` with 48 pixels and 96 for
    /// screens of density 2, `large` with 128 and 256. None is larger than the square is. The kind of picture is recognized by its content.
    ///
    /// # Errors
    /// `invalid` for `file` if it is no picture that can be read; `internal` if there can't be such a process.
    pub async fn crop(&self, source: &Path, square: Option<Square>, folder: &Path) -> Result<Vec<MadePreview>> {
        let square = square.map(|Square { x, y, size }| Cut { x, y, size });
        match self.run(&Job::Crop { square, folder }, source).await {
            Ok(answers) => Ok(previewed(answers, folder).made),
            Err(Failure::Unreadable(_)) => Err(Error::invalid(
                "file",
                "Couldn’t read that picture. Choose a JPEG, PNG, GIF or WebP of up to 100 megapixels.",
            )),
            Err(Failure::System(why)) => Err(Error::Internal(why)),
        }
    }
}

/// The program that runs now, even if another one has been installed in its place.
fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "parlor".into())
}

fn previewed(answers: Vec<Answer>, folder: &Path) -> Previewed {
    let answer = answers.into_iter().next_back().unwrap_or_default();
    let made = answer.made.into_iter().filter_map(|made| {
        let (size, density) =
            worker::PREVIEWS.into_iter().find(|(size, density)| made.size == *size && made.density == *density)?;
        // Only names that this process has chosen: the other one is not trusted.
        let (of, at) = worker::PREVIEWS.into_iter().find(|(size, density)| made.file == worker::file_name(size, *density))?;
        let media_type = worker::MADE.into_iter().find(|known| *known == made.media_type)?.to_owned();
        let path = folder.join(worker::file_name(of, at));
        Some(MadePreview { size, density, path, media_type, width: made.width.into(), height: made.height.into() })
    });
    Previewed { made: made.collect(), shown: answer.shown, blur: answer.blur }
}
