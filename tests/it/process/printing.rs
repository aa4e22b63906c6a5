//! Commands whose lines cannot be printed: the work is done, and nothing panics.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::Database;
use crate::once;

/// The status of a command and what it said on standard error, if that is not given.
fn ended(database: &Database, arguments: &[&str], stdout: Stdio, stderr: Option<Stdio>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command.args(arguments).current_dir(database.folder()).env_clear().env("DATABASE_URL", database.url());
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr.unwrap_or_else(Stdio::piped));
    let output = command.spawn().expect("the program was built").wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn full() -> Stdio {
    File::create("/dev/full").expect("a file that is always full").into()
}

/// A pipe whose reader has gone.
fn unread() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

#[apply(once)]
async fn what_cannot_be_printed_ends_no_work(database: &Database) {
    assert_eq!(ended(database, &["migrate"], Stdio::null(), None).0, Some(0));
    let path = |name: &str| database.folder().join(name).to_str().expect("tests have plain paths").to_owned();
    let first = path("first.tar.gz");
    assert_eq!(ended(database, &["backup", &first], Stdio::null(), None).0, Some(0));
    // A result is lost loudly, and was there all the same.
    for arguments in [
        &["backup", &path("a.tar.gz")][..],
        &["backup", &path("b.tar.gz"), "--json"],
        &["verify", &first],
        &["export", "--all", "--to", &path("a")],
        &["completions", "bash"],
    ] {
        let (status, said) = ended(database, arguments, full(), None);
        assert!(status == Some(1) && said.contains("standard output: No space left"), "{arguments:?}: {status:?} {said}");
    }
    for made in ["a.tar.gz", "b.tar.gz", "a"] {
        assert!(Path::new(&path(made)).exists(), "{made}");
    }
    // Who closes a pipe has what they want, and progress may go nowhere.
    for (number, (stdout, stderr)) in [(unread(), unread()), (Stdio::null(), full()), (unread(), full())].into_iter().enumerate()
    {
        let to = path(&format!("{number}.tar.gz"));
        assert_eq!(ended(database, &["backup", &to], stdout, Some(stderr)).0, Some(0));
        assert!(Path::new(&to).exists());
    }
    for arguments in [&["verify", &first][..], &["completions", "zsh"], &["user", "list"]] {
        let (status, said) = ended(database, arguments, unread(), None);
        assert!(status == Some(0) && !said.contains("Broken pipe"), "{arguments:?}: {status:?} {said}");
    }
}
