//! What an archive is: a tar, compressed with gzip in pieces (gzip members), whose members come in this order.
//!
//! | member | what |
//! |---|---|
//! | `parlor-backup.json` | the [`Header`] |
//! | `tables/NAME/000001.jsonl` | rows of a table, one JSON object a line; a table has as many members as it needs |
//! | `files/ab/abcd…` | a file, by the SHA-256 of its content |
//! | `manifest.json` | the [`Manifest`]: without it the archive is incomplete |
//!
//! Rows are as SQL sees them and not as a database stores them, so that either kind of database takes those of the other.
//!
//! A piece ends between two members, and always behind the rows: there an archive that did not come to its end can be cut and gone on with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// The version of this format. The first one was compressed in one piece, and its readers know no more.
pub const VERSION: u32 = 2;
/// The name of the format.
pub const FORMAT: &str = "parlor-backup";
/// The member with the header.
pub const HEADER: &str = "parlor-backup.json";
/// The member with the manifest.
pub const MANIFEST: &str = "manifest.json";
/// A member with rows ends after so many bytes.
pub const ROWS: usize = 2 << 20;
/// A piece with files ends after so many bytes, or has one file. What was written since its beginning is lost with the power.
pub const PIECE: u64 = 16 << 20;
/// The largest member other than a file: the rows above, and one that is as large as rows can be.
pub const LARGEST: u64 = 64 << 20;

/// What an archive is a backup of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// The version of the format.
    pub version: u32,
    /// The version of Parlor that made it.
    pub parlor: String,
    /// The number of the database's last migration.
    pub migration: i64,
    /// The kind of database: `sqlite` or `postgres`.
    pub database: String,
    /// When it was made.
    pub created_at: Millis,
    /// The id of the history it was made of.
    pub epoch: String,
    /// Whether files are in it.
    pub has_files: bool,
    /// The columns of each table.
    pub tables: BTreeMap<String, Vec<String>>,
    /// The last id that each table has given out.
    pub sequences: BTreeMap<String, i64>,
}

/// What is in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The members before the files, in their order.
    pub members: Vec<Member>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// How many files there are; the name of each is its checksum.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// The files that could not be read as they should be, by their hashes. A file that turned out to be damaged while it was written is in the
    /// archive all the same.
    pub left_out: Vec<String>,
}

/// A member with its checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// The name of a member with rows.
pub fn rows_member(table: &str, number: u32) -> String {
    format!("tables/{table}/{number:06}.jsonl")
}

/// The table that a member has rows of.
pub fn table_of(member: &str) -> Option<&str> {
    let (table, _) = member.strip_prefix("tables/")?.strip_suffix(".jsonl")?.split_once('/')?;
    Some(table)
}

/// The name of a file's member.
pub fn file_member(hash: &str) -> String {
    format!("files/{}/{hash}", hash.get(..2).unwrap_or_default())
}

/// The hash of a file's member.
pub fn hash_of(member: &str) -> Option<&str> {
    let hash = member.rsplit('/').next()?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    (is_hash && member == file_member(hash)).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_this_format_are_known() {
        let hash = "ab".repeat(32);
        assert_eq!(hash_of(&file_member(&hash)), Some(&*hash));
        assert_eq!(table_of(&rows_member("users", 7)), Some("users"));
        for name in [
            "files/ab/../../etc/passwd",
            "files/cd/abab",
            "/files/ab/ab",
            &format!("files/cd/{hash}"),
            &file_member(&"AB".repeat(32)),
        ] {
            assert_eq!(hash_of(name), None, "{name}");
        }
        for name in ["tables/users", "tables/users/1", "tables/.jsonl", "users/000001.jsonl"] {
            assert_eq!(table_of(name), None, "{name}");
        }
    }
}
