//! What a process gives up before it reads a picture.
//!
//! Owns the limits of memory, time, files and privileges. A kernel without one of the means uses the others: that nothing can be opened any
//! more needs none of them.

use std::io;
use std::path::Path;

/// Limits of a process.
pub struct Limits {
    /// Time on a processor.
    pub seconds: u64,
    /// The largest file that is written, in bytes.
    pub file: u64,
    /// Address space, in bytes.
    pub memory: u64,
}

#[cfg(target_os = "linux")]
pub use self::linux::{close, limit, poster};

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
    };
    use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};

    use super::{Limits, Path, io};

    /// The newest rights that are known here; older kernels know some of them.
    const NEWEST: ABI = ABI::V6;
    /// Where programs and their libraries are.
    const PROGRAMS: [&str; 7] = ["/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/alternatives"];
    /// More memory than for a picture: a video's frames refer to each other.
    const VIDEO: Limits = Limits { seconds: 20, file: 128 << 20, memory: 2 << 30 };

    fn set(resource: Resource, most: u64) -> io::Result<()> {
        Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
    }

    /// Limits this process, which ends with its parent and lets others go first.
    pub fn limit(limits: &Limits) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        set(Resource::Core, 0)?;
        set(Resource::Cpu, limits.seconds)?;
        set(Resource::Fsize, limits.file)?;
        set(Resource::As, limits.memory)?;
        nice(10).ok();
        Ok(())
    }

    fn rules() -> Result<RulesetCreated, landlock::RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()
    }

    /// From here on nothing can be opened: no file, no connection, no process. What is open stays.
    pub fn close() -> io::Result<()> {
        rules().and_then(RulesetCreated::restrict_self).map_err(io::Error::other)?;
        set(Resource::Nproc, 0)?;
        set(Resource::Nofile, 0)
    }

    /// Becomes ffmpeg, which writes a video's first picture to the standard output. It can read programs, libraries and the video, and
    /// inherits its other streams, because not even `/dev/null` can be opened any more. Returns only if that fails.
    pub fn poster(ffmpeg: &Path, container: &str, source: &Path) -> io::Error {
        let ready = || -> io::Result<()> {
            limit(&VIDEO)?;
            let mut rules = rules().map_err(io::Error::other)?;
            let reading = AccessFs::from_read(NEWEST);
            for path in PROGRAMS.map(Path::new).into_iter().chain(ffmpeg.canonicalize().as_deref().ok().and_then(Path::parent)) {
                if let Ok(path) = PathFd::new(path) {
                    rules = rules.add_rule(PathBeneath::new(path, reading)).map_err(io::Error::other)?;
                }
            }
            let video = PathFd::new(source).map_err(io::Error::other)?;
            rules = rules.add_rule(PathBeneath::new(video, AccessFs::ReadFile)).map_err(io::Error::other)?;
            rules.restrict_self().map_err(io::Error::other)?;
            Ok(())
        };
        if let Err(error) = ready() {
            return error;
        }
        let mut input = std::ffi::OsString::from("file:");
        input.push(source);
        Command::new(ffmpeg)
            .env_clear()
            .args(["-nostdin", "-v", "quiet", "-threads", "1", "-protocol_whitelist", "file", "-f", container, "-i"])
            .arg(input)
            .args(["-map", "0:v:0", "-frames:v", "1", "-threads", "1", "-f", "image2pipe", "-c:v", "png", "pipe:1"])
            .exec()
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Limits, Path, io};

    /// Only the parent’s limit of time holds.
    #[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
    pub fn limit(_limits: &Limits) -> io::Result<()> {
        Ok(())
    }

    /// Nothing can be given up.
    #[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
    pub fn close() -> io::Result<()> {
        Ok(())
    }

    /// Not without limits.
    pub fn poster(_ffmpeg: &Path, _container: &str, _source: &Path) -> io::Error {
        io::ErrorKind::Unsupported.into()
    }
}

#[cfg(not(target_os = "linux"))]
pub use self::elsewhere::{close, limit, poster};
