//! The process that reads one picture: Parlor's own program with a subcommand that nobody types.
//!
//! Owns what such a process may do, and in which order it gives things up: it limits itself, opens what it will write, and then can open
//! nothing any more, before it reads the first byte. The picture is its standard input; it answers with lines of JSON. It must not be used
//! in the server's process.

mod decode;
mod make;
mod pdf;
mod sandbox;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::containers;

/// The subcommand.
pub const COMMAND: &str = "picture-worker";
/// How much memory a process may have, in bytes: the largest picture that is read, its file, and the program.
pub const MEMORY: u64 = 1536 << 20;
/// The sizes and densities of previews.
pub const PREVIEWS: [(&str, i64); 4] = [("small", 1), ("small", 2), ("large", 1), ("large", 2)];
/// The media types of previews.
pub const MADE: [&str; 2] = ["image/jpeg", "image/webp"];
/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// A line of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether a copy without metadata was written.
    #[serde(default)]
    pub cleaned: bool,
    /// The size as the picture is shown, in pixels.
    #[serde(default)]
    pub shown: Option<(i64, i64)>,
    /// A tiny picture, as a data URL.
    #[serde(default)]
    pub blur: Option<String>,
    /// Previews.
    #[serde(default)]
    pub made: Vec<Made>,
}

/// A preview.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// `small` or `large`.
    pub size: String,
    /// 1 or 2.
    pub density: i64,
    /// The name of its file.
    pub file: String,
    /// Its media type.
    pub media_type: String,
    /// Its width, in pixels.
    pub width: u32,
    /// Its height, in pixels.
    pub height: u32,
}

/// A square of a picture, in pixels as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Its width and height.
    pub size: u32,
}

/// The name of a preview's file.
pub fn file_name(size: &str, density: i64) -> String {
    format!("{size}-{density}")
}

/// Why a picture is not read. Nobody sees it: the log says that there was one.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not what it says it is, or broken.
    #[error("malformed")]
    Malformed,
    /// Larger than what is read.
    #[error("too large")]
    TooLarge,
    /// The system's.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The decoder's, or the encoder's.
    #[error("{0}")]
    Image(#[from] image::ImageError),
}

/// Does what the arguments behind the subcommand say. Whether that worked.
pub fn main(arguments: &[OsString]) -> bool {
    match work(arguments) {
        Ok(()) => true,
        Err(error) => {
            // Nobody hears it unless the process was started by hand.
            let _ = writeln!(io::stderr(), "{error}");
            false
        }
    }
}

fn work(arguments: &[OsString]) -> Result<(), Unreadable> {
    let text = |argument: &OsString| argument.to_str().map(str::to_owned).ok_or(Unreadable::Malformed);
    let (command, arguments) = arguments.split_first().ok_or(Unreadable::Malformed)?;
    match (&*text(command)?, arguments) {
        ("inspect", [media_type, clean]) => {
            let size = io_size()?;
            sandbox::limit(&sandbox::Limits { seconds: 10, file: size.saturating_add(1 << 20), memory: MEMORY })?;
            let clean = File::options().write(true).truncate(true).open(clean)?;
            sandbox::close()?;
            inspect(source(size)?, &text(media_type)?, clean)
        }
        ("preview", [media_type, folder]) => {
            let (size, outputs) = begin(Path::new(folder))?;
            preview(source(size)?, &text(media_type)?, outputs)
        }
        ("crop", [folder, square @ ..]) => {
            let numbers = square.iter().map(|number| text(number)?.parse().map_err(|_| Unreadable::Malformed));
            let square = match numbers.collect::<Result<Vec<u32>, _>>()?[..] {
                [] => None,
                [x, y, size] => Some(Square { x, y, size }),
                _ => return Err(Unreadable::Malformed),
            };
            let (size, outputs) = begin(Path::new(folder))?;
            crop(&source(size)?, square, outputs)
        }
        ("poster", [ffmpeg, container, source]) => {
            Err(sandbox::poster(Path::new(ffmpeg), &text(container)?, Path::new(source)).into())
        }
        _ => Err(Unreadable::Malformed),
    }
}

/// Limits this process, and opens the files of previews. Returns the size of what there is to read, too.
fn begin(folder: &Path) -> Result<(u64, Vec<Output>), Unreadable> {
    // It takes a descriptor for a moment, which there is none of afterwards.
    let size = io_size()?;
    sandbox::limit(&sandbox::Limits { seconds: 20, file: 64 << 20, memory: MEMORY })?;
    let outputs = PREVIEWS.into_iter().map(|(size, density)| {
        let path: PathBuf = folder.join(file_name(size, density));
        Ok(Output { size, density, file: File::create(path)? })
    });
    let outputs = outputs.collect::<io::Result<Vec<_>>>()?;
    sandbox::close()?;
    Ok((size, outputs))
}

/// A file for a preview.
#[derive(Debug)]
pub(super) struct Output {
    size: &'static str,
    density: i64,
    file: File,
}

/// The size of what there is to read.
fn io_size() -> Result<u64, Unreadable> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    match file.metadata()?.len() {
        size if size <= LARGEST => Ok(size),
        _ => Err(Unreadable::TooLarge),
    }
}

fn source(size: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    io::stdin().lock().take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn say(answer: &Answer) -> Result<(), Unreadable> {
    let line = serde_json::to_string(answer).map_err(|_| Unreadable::Malformed)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn inspect(source: Vec<u8>, media_type: &str, mut clean: File) -> Result<(), Unreadable> {
    let cleaned = containers::cleaned(&source, media_type).ok_or(Unreadable::Malformed)?.concat();
    // From here on it is what is stored that counts.
    drop(source);
    clean.write_all(&cleaned)?;
    drop(clean);
    // What follows may end this process.
    say(&Answer { cleaned: true, ..Answer::default() })?;
    if !decode::can_read(media_type) {
        return Ok(());
    }
    let picture = decode::decode(&cleaned, media_type)?;
    let (width, height) = picture.shown();
    let blur = make::blur(&picture)?;
    say(&Answer { shown: Some((width.into(), height.into())), blur: Some(blur), ..Answer::default() })
}

fn preview(source: Vec<u8>, media_type: &str, outputs: Vec<Output>) -> Result<(), Unreadable> {
    let picture = if media_type == "application/pdf" { pdf::first_page(source)? } else { decode::decode(&source, media_type)? };
    let (width, height) = picture.shown();
    let blur = make::blur(&picture)?;
    let made = make::previews(picture, outputs)?;
    say(&Answer { shown: Some((width.into(), height.into())), blur: Some(blur), made, ..Answer::default() })
}

fn crop(source: &[u8], square: Option<Square>, outputs: Vec<Output>) -> Result<(), Unreadable> {
    let media_type = infer::get(source).ok_or(Unreadable::Malformed)?.mime_type();
    let picture = decode::decode(source, media_type)?;
    let made = make::crops(picture, square, outputs)?;
    say(&Answer { made, ..Answer::default() })
}
