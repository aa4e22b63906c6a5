//! Shell completions and man pages, from the arguments themselves.
//!
//! Owns where they are written. It must not describe a command: the arguments do.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::output::result;
use super::{Arguments, Failure, failed};

const NAME: &str = "parlor";

/// Prints the completions for a shell.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    let all = Arguments::command();
    let shown: Vec<_> = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    // A command cannot lose its subcommands, and completions would offer those that nobody types.
    let mut command = Command::new(NAME).args(all.get_arguments().cloned()).subcommands(shown);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    result(&script)
}

/// Writes `parlor.1` and a page for each command, such as `parlor-backup.1`, into a directory that is there.
pub fn man_pages(to: &Path) -> Result<(), Failure> {
    let wrong = |error: io::Error| failed(format!("can’t write man pages to {}: {error}", to.display()));
    clap_mangen::generate_to(manual(), to).map_err(wrong)
}

/// What the page of the whole program says besides the commands.
fn manual() -> Command {
    Arguments::command().after_long_help(
        "FILES: .env in the working directory, or the file of --env-file, holds the settings; .env.example lists them all. \
         EXIT STATUS: 0 done; 1 failed; 2 wrong settings or arguments; 3 done with things left out, which are listed.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man_pages(folder.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("parlor.1").contains("EXIT STATUS"));
        assert!(read("parlor-backup.1").contains("backup"));
        assert!(read("parlor-user-add.1").contains("admin"));
        assert!(!folder.path().join("parlor-picture-worker.1").exists());
        let missing = man_pages(&folder.path().join("missing")).unwrap_err();
        assert!(missing.0 == 1 && missing.1.contains("missing"), "{missing:?}");
    }
}
