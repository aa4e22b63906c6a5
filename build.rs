//! Names the build: `BUILD_DIGEST` is a digest of everything that pages are made from. Equal sources have the same name on every machine,
//! so that ETags of one node are known on the others. `cargo run` gives it to the program, too, so it must not look like a setting.
//!
//! Also builds again when a migration is added: the compiler sees only changes of those that it knows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is digested.
const SOURCES: [&str; 5] = ["Cargo.lock", "migrations", "src", "static", "templates"];

fn main() -> io::Result<()> {
    let mut digest = Digest(OFFSET);
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
        digest.path(Path::new(source))?;
    }
    println!("cargo:rustc-env=BUILD_DIGEST={:032x}", digest.0);
    Ok(())
}

/// FNV-1a with 128 bits: the same on every machine and with every compiler, unlike the standard library's.
struct Digest(u128);

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl Digest {
    /// Adds a file, or all files of a folder, in the order of their names.
    fn path(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
            let mut paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
            paths.sort();
            return paths.iter().try_for_each(|path| self.path(path));
        }
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        self.text(names.join("/").as_bytes());
        self.text(&fs::read(path)?);
        Ok(())
    }

    /// Adds bytes and their number, so that what follows cannot be taken for a part of them.
    fn text(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied().chain((bytes.len() as u64).to_le_bytes()) {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
}
