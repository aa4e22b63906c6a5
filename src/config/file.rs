//! Loads the file `.env` into the environment.
//!
//! Owns the error message: it names the line and never shows its content, which may be a secret.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Sets the variables of a file, except those that are already set. The file may be missing.
///
/// # Errors
/// The file and line at fault, or why it cannot be read.
pub fn load(path: &Path) -> Result<(), String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut lines = Lines { rest: text.as_bytes(), begun: 0, is_within: false };
    dotenvy::from_read(&mut lines).map_err(|_| {
        let line = lines.begun;
        format!(
            "{}, line {line}: expected NAME=value, with every quote closed. Values with spaces, quotes or # need quotes. \
             The line isn’t shown, as it may hold a secret.",
            path.display()
        )
    })
}

/// A reader that returns a line at a time, so that the current line is known when the parser stops.
struct Lines<'a> {
    rest: &'a [u8],
    /// The number of lines returned, at least in part.
    begun: usize,
    is_within: bool,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (now, rest) = self.rest.split_at(line.min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.rest = rest;
        if !now.is_empty() && !self.is_within {
            self.begun += 1;
        }
        self.is_within = !now.ends_with(b"\n");
        Ok(now.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: impl AsRef<[u8]>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings");
        std::fs::write(&path, text).unwrap();
        load(&path).unwrap_err()
    }

    #[test]
    fn a_fault_is_told_by_its_line_and_not_by_its_words() {
        for (text, line) in [
            ("PARLOR_TEST_A=1\n\n# A comment\nhunter2 is my password\n", 4),
            ("PARLOR_TEST_A=hunter2 and more", 1),
            ("PARLOR_TEST_A=1\nPARLOR_TEST_B=\"hunter2\nand no end", 3),
            ("\r\nPARLOR_TEST_A='hunter2\\x'y\"", 2),
            (&format!("PARLOR_TEST_A={}\nhunter2", "x".repeat(20_000)), 2),
        ] {
            let said = fault(text);
            assert!(said.contains(&format!("settings, line {line}: ")), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_none() {
        assert_eq!(load(Path::new("no/such/file")), Ok(()));
        let said = fault(b"A=hunter2\xff");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
