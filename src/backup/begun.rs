//! Reads a draft: an archive that did not come to its end, as far as it is good.
//!
//! Owns what can be gone on with: all rows, of this database, and behind them each piece that is whole. Everything here blocks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flate2::bufread::GzDecoder;
use serde::Deserialize;

use super::BackupError;
use super::format::{Header, Manifest, Member};
use super::reader::{Counting, Part, Reading, Stage};
use super::transfer::UntilStopped;
use crate::encoding::from_hex;
use crate::files::transfer::Transfer;

/// The table whose rows are the files that a backup should have.
const BLOBS: &str = "blobs";

/// A blob in 40 bytes: there may be millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Small {
    /// The SHA-256 of its content.
    pub hash: [u8; 32],
    /// Its size.
    pub bytes: u64,
}

impl Small {
    /// The one with this hash in hexadecimal; `None` if that is none.
    pub fn of(hash: &str, bytes: u64) -> Option<Self> {
        let hash = from_hex(hash)?.try_into().ok()?;
        Some(Self { hash, bytes })
    }
}

/// What a draft must be of.
pub struct Origin {
    /// The id of the history.
    pub epoch: String,
    /// The number of the database's last migration.
    pub migration: i64,
}

/// What is in a draft.
pub struct Begun {
    /// What it is a backup of.
    pub header: Header,
    /// The members before the files.
    pub members: Vec<Member>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// The files that are not in it yet, by their hashes.
    pub wanted: Vec<Small>,
    /// How many files are in it.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Those of them that were damaged when they were written.
    pub unsound: Vec<String>,
    /// Where it is cut: nothing behind that is good.
    pub end: u64,
    /// Its manifest, if it lacks nothing.
    pub manifest: Option<Manifest>,
}

/// Reads a draft until `transfer` is stopped.
///
/// # Errors
/// If it cannot be read, is of something else, or its rows are not whole.
pub fn read(file: File, of: &Origin, position: Arc<AtomicU64>, transfer: Arc<Transfer>) -> Result<Begun, BackupError> {
    let file = BufReader::with_capacity(256 << 10, UntilStopped { inner: file, transfer });
    let mut source = Counting { inner: file, position };
    let mut reading = Reading::new(None);
    let (mut header, mut blobs) = (None, Vec::new());
    piece(&mut source, &mut reading, &mut |part| match part {
        Part::Header(told) if told.epoch != of.epoch || told.migration != of.migration => Err(BackupError::Stranger),
        Part::Header(told) => {
            header = Some(*told);
            Ok(true)
        }
        Part::Rows { table, rows } => {
            if table.name == BLOBS {
                blobs.extend(blobs_of(&rows)?);
            }
            Ok(true)
        }
        _ => Ok(true),
    })?;
    // They are one piece.
    let Some(header) = header.filter(|_| reading.stage == Stage::Rows) else {
        return Err(BackupError::Damaged("its rows are not whole".into()));
    };
    // Whatever comes behind them: they are these.
    let (members, mut rows) = (reading.members.clone(), reading.rows.clone());
    blobs.sort_unstable();
    let mut files = Files { is_there: vec![false; blobs.len()], blobs, files: 0, bytes: 0, unsound: Vec::new() };
    let (mut end, mut manifest) = (source.count(), None);
    while manifest.is_none() {
        let mut found = Vec::new();
        let read = piece(&mut source, &mut reading, &mut |part| {
            match part {
                Part::File { hash, bytes, .. } => found.push((hash, bytes, true)),
                Part::Unsound { hash, bytes } => found.push((hash, bytes, false)),
                Part::Manifest(told) => manifest = Some(*told),
                Part::Header(_) | Part::Rows { .. } => return Err(BackupError::Damaged("rows are behind its rows".into())),
            }
            Ok(true)
        });
        let added = match read {
            Ok(true) => files.add(found),
            Ok(false) => break,
            Err(error) => Err(error),
        };
        match added {
            Ok(()) => end = source.count(),
            // Whoever wrote it was cut off here.
            Err(BackupError::Damaged(_)) => {
                manifest = None;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    for table in header.tables.keys() {
        rows.entry(table.clone()).or_default();
    }
    let Files { blobs, is_there, files, bytes, unsound } = files;
    let wanted = blobs.into_iter().zip(is_there).filter_map(|(blob, is_there)| (!is_there).then_some(blob)).collect();
    Ok(Begun { header, members, rows, wanted, files, file_bytes: bytes, unsound, end, manifest })
}

/// Reads a piece, which has whole members; `false` if there is none.
fn piece(
    source: &mut Counting<impl BufRead>,
    reading: &mut Reading,
    take: &mut dyn FnMut(Part) -> Result<bool, BackupError>,
) -> Result<bool, BackupError> {
    let failed = |error: io::Error| BackupError::reading(&error);
    if source.fill_buf().map_err(failed)?.is_empty() {
        return Ok(false);
    }
    let mut archive = tar::Archive::new(Counting { inner: GzDecoder::new(source), position: Arc::default() });
    let expected = reading.members(&mut archive, take)?;
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(failed)?;
    // Behind the end of a tar nobody finds anything.
    if rest.count() != expected && reading.stage != Stage::End {
        return Err(BackupError::Damaged("a piece of it has more than its members".into()));
    }
    Ok(true)
}

/// The files of a draft.
struct Files {
    /// Those that it should have, by their hashes.
    blobs: Vec<Small>,
    is_there: Vec<bool>,
    files: u64,
    bytes: u64,
    unsound: Vec<String>,
}

impl Files {
    /// Adds those of a piece, all or none.
    fn add(&mut self, found: Vec<(String, u64, bool)>) -> Result<(), BackupError> {
        let mut places = Vec::with_capacity(found.len());
        for (hash, bytes, _) in &found {
            let place = Small::of(hash, *bytes).and_then(|blob| self.blobs.binary_search(&blob).ok());
            let Some(place) = place.filter(|place| !std::mem::replace(&mut self.is_there[*place], true)) else {
                places.into_iter().for_each(|place: usize| self.is_there[place] = false);
                return Err(BackupError::Damaged(format!("the file {hash} does not belong there")));
            };
            places.push(place);
        }
        for (place, (hash, bytes, is_sound)) in places.into_iter().zip(found) {
            self.is_there[place] = true;
            self.files += 1;
            self.bytes += bytes;
            if !is_sound {
                self.unsound.push(hash);
            }
        }
        Ok(())
    }
}

/// The blobs of some rows, a JSON array of objects.
fn blobs_of(rows: &str) -> Result<Vec<Small>, BackupError> {
    #[derive(Deserialize)]
    struct Row {
        hash: String,
        bytes: u64,
    }
    let rows: Vec<Row> = serde_json::from_str(rows).map_err(|error| BackupError::Damaged(format!("{BLOBS}: {error}")))?;
    Ok(rows.into_iter().filter_map(|Row { hash, bytes }| Small::of(&hash, bytes)).collect())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use tokio::sync::mpsc;

    use super::super::format::{FORMAT, VERSION, file_member, rows_member};
    use super::super::reader::read as read_archive;
    use super::super::writer::Writer;
    use super::*;
    use crate::clock::Millis;
    use crate::encoding::hex;
    use crate::files::room::Room;

    fn header() -> Header {
        Header {
            format: FORMAT.into(),
            version: VERSION,
            parlor: "0.1.0".into(),
            migration: 7,
            database: "sqlite".into(),
            created_at: Millis(1_763_801_234_050),
            epoch: "of now".into(),
            has_files: true,
            tables: BTreeMap::from([(BLOBS.to_owned(), vec!["hash".to_owned(), "bytes".to_owned()])]),
            sequences: BTreeMap::new(),
        }
    }

    fn room() -> Room {
        Room::keeping(0, &std::env::temp_dir())
    }

    fn hash_of(content: &[u8]) -> String {
        use sha2::Digest;
        hex(&sha2::Sha256::digest(content))
    }

    const CONTENTS: [&[u8]; 3] = [b"the first file", b"the second file", b"the third one, which is longer"];

    fn add(writer: &mut Writer, content: &[u8]) {
        let hash = hash_of(content);
        let found = writer.add_file(&file_member(&hash), content, content.len() as u64).unwrap();
        assert_eq!(found, hash);
        writer.end_piece().unwrap();
    }

    /// A draft with rows and two of three files, and where its pieces end.
    fn draft() -> (File, Vec<u64>) {
        let file = tempfile::tempfile().unwrap();
        let length = || file.metadata().unwrap().len();
        let mut writer = Writer::begin(file.try_clone().unwrap(), room(), &header()).unwrap();
        let rows = CONTENTS.map(|content| format!("{{\"hash\":\"{}\",\"bytes\":{}}}\n", hash_of(content), content.len()));
        writer.add(&rows_member(BLOBS, 1), rows.concat().as_bytes()).unwrap();
        writer.end_piece().unwrap();
        let mut ends = vec![length()];
        for content in &CONTENTS[..2] {
            add(&mut writer, content);
            ends.push(length());
        }
        drop(writer);
        assert_eq!(length(), ends[2], "nothing is written behind it");
        (file, ends)
    }

    fn look(file: &File, epoch: &str) -> Result<Begun, BackupError> {
        let mut file = file.try_clone().unwrap();
        file.rewind().unwrap();
        read(file, &Origin { epoch: epoch.into(), migration: 7 }, Arc::default(), Arc::default())
    }

    /// The same bytes in another file, changed.
    fn changed(file: &File, change: impl FnOnce(&mut Vec<u8>)) -> File {
        let (mut bytes, mut copy) = (Vec::new(), tempfile::tempfile().unwrap());
        let mut file = file.try_clone().unwrap();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        change(&mut bytes);
        copy.write_all(&bytes).unwrap();
        copy
    }

    #[test]
    fn wherever_it_was_cut_off_what_is_whole_before_is_there() {
        let (file, ends) = draft();
        for length in 0..=ends[2] {
            let begun = look(&changed(&file, |bytes| bytes.truncate(length as usize)), "of now");
            match ends.iter().rposition(|end| *end <= length) {
                None => assert!(begun.is_err(), "{length}"),
                Some(files) => {
                    let begun = begun.unwrap();
                    assert_eq!((begun.end, begun.files, begun.wanted.len()), (ends[files], files as u64, 3 - files), "{length}");
                    assert!(begun.manifest.is_none() && begun.rows == BTreeMap::from([(BLOBS.to_owned(), 3)]));
                }
            }
        }
    }

    #[test]
    fn whatever_byte_is_wrong_nothing_wrong_is_gone_on_with() {
        /// What is in a gzip member before anything that has a checksum.
        const UNCHECKED: u64 = 10;
        let (file, ends) = draft();
        let good = look(&file, "of now").unwrap();
        let begin_of = |piece: usize| if piece == 0 { 0 } else { ends[piece - 1] };
        for (piece, end) in ends.iter().enumerate() {
            for place in begin_of(piece) + UNCHECKED..*end {
                let begun = look(&changed(&file, |bytes| bytes[place as usize] ^= 0x10), "of now");
                // Some bits mean nothing: they fill a byte.
                match begun {
                    Err(_) => assert_eq!(piece, 0, "{place}"),
                    Ok(begun) if piece == 0 => {
                        assert_eq!((begun.members, begun.end), (good.members.clone(), good.end), "{place}")
                    }
                    Ok(begun) => assert!(begun.end == ends[piece - 1] || begun.end == good.end, "{place}"),
                }
            }
        }
    }

    #[test]
    fn what_is_of_another_database_or_does_not_belong_there_is_not_gone_on_with() {
        let (file, ends) = draft();
        assert!(matches!(look(&file, "of yesterday"), Err(BackupError::Stranger)));
        // A file that no row knows, the same file again, and the end of a tar.
        let behind = |content: &[u8]| {
            let file = changed(&file, |_| {});
            add(&mut Writer::go_on(file.try_clone().unwrap(), room(), Millis(0), Vec::new()), content);
            look(&file, "of now").unwrap().end
        };
        assert_eq!((behind(b"nobody's"), behind(CONTENTS[0])), (ends[2], ends[2]));
        assert!(behind(CONTENTS[2]) > ends[2]);
        let tar = changed(&file, |bytes| {
            let mut out = flate2::write::GzEncoder::new(bytes, flate2::Compression::fast());
            out.write_all(&[0; 1024]).unwrap();
            out.finish().unwrap();
        });
        assert_eq!(look(&tar, "of now").unwrap().end, ends[2]);
    }

    #[test]
    fn one_that_was_cut_off_becomes_whole() {
        let (file, ends) = draft();
        let mut file = changed(&file, |bytes| bytes.truncate(bytes.len() - 3));
        let begun = look(&file, "of now").unwrap();
        assert_eq!(begun.end, ends[1]);
        file.set_len(begun.end).unwrap();
        file.seek(io::SeekFrom::End(0)).unwrap();
        let mut writer = Writer::go_on(file.try_clone().unwrap(), room(), begun.header.created_at, begun.members);
        for content in &CONTENTS[1..] {
            add(&mut writer, content);
        }
        let file_bytes = CONTENTS.map(<[u8]>::len).iter().sum::<usize>() as u64;
        let manifest = Manifest { members: Vec::new(), rows: begun.rows, files: 3, file_bytes, left_out: Vec::new() };
        writer.finish(manifest).unwrap();
        let whole = look(&file, "of now").unwrap();
        assert!(whole.wanted.is_empty() && whole.manifest.is_some() && whole.end == file.metadata().unwrap().len());
        let (send, mut parts) = mpsc::channel(100);
        let again = |file: &File| {
            let mut file = file.try_clone().unwrap();
            file.rewind().unwrap();
            read_archive(file, None, Arc::default(), &send)
        };
        again(&file).unwrap();
        let mut files = 0;
        while let Ok(part) = parts.try_recv() {
            files += usize::from(matches!(part, Part::File { .. }));
        }
        assert_eq!(files, 3);
        // What comes behind its end is found, compressed or not.
        for rest in [&b"more"[..], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0], &[0; 20]] {
            let longer = changed(&file, |bytes| bytes.extend_from_slice(rest));
            assert!(matches!(again(&longer), Err(BackupError::Damaged(_))), "{rest:?}");
        }
        let longer = changed(&file, |bytes| {
            let mut out = flate2::write::GzEncoder::new(bytes, flate2::Compression::fast());
            out.write_all(b"more").unwrap();
            out.finish().unwrap();
        });
        assert!(matches!(again(&longer), Err(BackupError::Damaged(_))));
    }
}
