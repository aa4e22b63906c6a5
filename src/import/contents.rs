//! The bytes of a source's files, and its JSON.
//!
//! Owns that nothing outside of the source is read, whatever paths it names, and that nothing is larger than allowed once it is unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::ImportError;
use crate::encoding::hex;
use crate::files::{has_room, in_words};

/// The most entries of an archive.
const ENTRIES: usize = 1_000_000;
/// The largest JSON file of an archive, in bytes.
pub const LARGEST_JSON: u64 = 64 << 20;

/// An archive.
pub type Archive = ZipArchive<BufReader<File>>;

/// Where the bytes of files are.
#[derive(Clone)]
pub enum Contents {
    /// In a folder.
    Folder(PathBuf),
    /// In an archive, below this path.
    Zip(Arc<Mutex<Archive>>, String),
}

/// What became of a copy.
#[derive(Debug, PartialEq, Eq)]
pub enum Copied {
    /// It is complete; SHA-256 of it, in hexadecimal.
    Whole(String),
    /// There is no such file, or it cannot be read.
    Missing,
    /// It is larger than allowed.
    TooLarge,
}

impl Contents {
    /// The size of a file; `None` if it is not there.
    pub fn size(&self, path: &str) -> Option<u64> {
        match self {
            Self::Folder(folder) => inside(folder, path).and_then(|path| path.metadata().ok()).map(|about| about.len()),
            Self::Zip(archive, below) => {
                let mut archive = archive.lock();
                let entry = archive.by_name(&format!("{below}{path}")).ok()?;
                entry.is_file().then(|| entry.size())
            }
        }
    }

    /// Copies a file of at most so many bytes.
    ///
    /// # Errors
    /// Writing failed.
    pub fn copy(&self, path: &str, to: &mut File, most: u64) -> io::Result<Copied> {
        match self {
            Self::Folder(folder) => match inside(folder, path).and_then(|path| File::open(path).ok()) {
                Some(mut file) => copy(&mut file, to, most),
                None => Ok(Copied::Missing),
            },
            Self::Zip(archive, below) => {
                let mut archive = archive.lock();
                match archive.by_name(&format!("{below}{path}")) {
                    Ok(mut entry) if entry.is_file() => copy(&mut entry, to, most),
                    _ => Ok(Copied::Missing),
                }
            }
        }
    }
}

/// Copies what is read; reading that fails is a file that is missing.
fn copy(from: &mut dyn Read, to: &mut File, most: u64) -> io::Result<Copied> {
    const PIECE: usize = 64 << 10;
    let (mut digest, mut piece, mut bytes) = (Sha256::new(), vec![0; PIECE], 0);
    loop {
        let Ok(read) = from.read(&mut piece) else { return Ok(Copied::Missing) };
        if read == 0 {
            to.flush()?;
            return Ok(Copied::Whole(hex(&digest.finalize())));
        }
        bytes += read as u64;
        if bytes > most {
            return Ok(Copied::TooLarge);
        }
        digest.update(&piece[..read]);
        to.write_all(&piece[..read])?;
    }
}

/// A file in a folder, also through links; `None` if the path leads out of it, or to no file.
pub fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return None;
    }
    let (folder, path) = (folder.canonicalize().ok()?, folder.join(path).canonicalize().ok()?);
    (path.starts_with(&folder) && path.is_file()).then_some(path)
}

/// Opens an archive.
///
/// # Errors
/// It is none, or has too many entries.
pub fn open_zip(path: &Path, what: &'static str) -> Result<Archive, ImportError> {
    let file = File::open(path).map_err(|error| ImportError::at(path, error))?;
    let is_folder = file.metadata().is_ok_and(|about| about.is_dir());
    if is_folder {
        return Err(ImportError::Foreign { what, why: "it is a folder, not a zip".into() });
    }
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => ImportError::at(path, error),
        error => ImportError::Foreign { what, why: format!("it can’t be read as a zip, or is not complete ({error})") },
    })?;
    if archive.len() > ENTRIES {
        return Err(ImportError::Foreign { what, why: format!("it has more than {ENTRIES} entries") });
    }
    Ok(archive)
}

/// The bytes of a JSON file of an archive; `None` if there is none.
///
/// # Errors
/// It is too large or damaged.
pub fn read_json(archive: &mut Archive, name: &str) -> Result<Option<Vec<u8>>, ImportError> {
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(ImportError::damaged(name, error)),
    };
    let mut bytes = Vec::new();
    entry.take(LARGEST_JSON + 1).read_to_end(&mut bytes).map_err(|error| ImportError::damaged(name, error))?;
    if bytes.len() as u64 > LARGEST_JSON {
        return Err(ImportError::damaged(name, format!("it has more than {} MB", LARGEST_JSON >> 20)));
    }
    Ok(Some(bytes))
}

/// Unpacks an entry of an archive into a file of a folder that is deleted with its last handle. It must be smaller than `most`,
/// and leave room on the disk, whatever it says of itself.
///
/// # Errors
/// It is damaged or too large, or the folder has no room.
pub fn unpack(archive: &mut Archive, name: &str, folder: &Path, most: u64) -> Result<File, ImportError> {
    const PIECE: usize = 1 << 20;
    let failed = |error| ImportError::Temporary { place: folder.display().to_string(), error };
    let mut entry = archive.by_name(name).map_err(|error| ImportError::damaged(name, error))?;
    let told = entry.size();
    let fits = |bytes: u64| {
        let full = || io::Error::new(io::ErrorKind::StorageFull, format!("{name} needs {} there", in_words(told.max(bytes))));
        if has_room(folder, bytes) { Ok(()) } else { Err(failed(full())) }
    };
    // At once, and not when it is half full.
    fits(told)?;
    let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    loop {
        let read = entry.read(&mut piece).map_err(|error| ImportError::damaged(name, error))?;
        if read == 0 {
            return Ok(file);
        }
        bytes += read as u64;
        if bytes >= most {
            return Err(ImportError::damaged(name, "it is too large"));
        }
        fits(read as u64)?;
        file.write_all(&piece[..read]).map_err(failed)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn what_is_unpacked_is_bounded_whatever_it_says_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.zip");
        let mut made = ZipWriter::new(File::create(&path).unwrap());
        made.start_file("lines", SimpleFileOptions::default()).unwrap();
        made.write_all(&vec![b' '; 5 << 20]).unwrap();
        made.finish().unwrap();
        let unpack = |most| unpack(&mut open_zip(&path, "a zip").unwrap(), "lines", folder.path(), most);
        let mut whole = unpack(6 << 20).unwrap();
        assert_eq!((whole.stream_position().unwrap(), whole.metadata().unwrap().len()), (5 << 20, 5 << 20));
        assert!(matches!(unpack(5 << 20), Err(ImportError::Damaged { .. })));
        assert!(!has_room(folder.path(), u64::MAX));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let folder = outside.path().join("export");
        std::fs::create_dir_all(folder.join("files")).unwrap();
        std::fs::write(folder.join("files/a"), "abc").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.join("files/link")).unwrap();
        let contents = Contents::Folder(folder.clone());
        assert_eq!(contents.size("files/a"), Some(3));
        let absolute = outside.path().join("secret");
        for odd in
            ["../secret", "files/../../secret", absolute.to_str().unwrap(), "files/link", "files", "", "files/b", "./files/a/.."]
        {
            assert_eq!(contents.size(odd), None, "{odd}");
        }
        let mut to = tempfile::tempfile().unwrap();
        assert_eq!(contents.copy("files/a", &mut to, 2).unwrap(), Copied::TooLarge);
        assert!(matches!(contents.copy("files/a", &mut to, 3).unwrap(), Copied::Whole(_)));
        assert_eq!(contents.copy("../secret", &mut to, 9).unwrap(), Copied::Missing);
    }
}
