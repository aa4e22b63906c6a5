//! The files of messages: out of the source, or from where the source says they are.
//!
//! Owns that requests go to one server only, over https and without redirects, and that they end once that server refuses. What cannot be had
//! is left out with its reason; only a storage that fails ends the import.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::contents::{Contents, Copied};
use super::error::ImportError;
use super::source::Kind;
use crate::error::Error;
use crate::files::Files;
use crate::model::UserId;
use crate::portable::File;

/// Where Slack's files are.
const SLACK: &str = "https://files.slack.com";
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may pause.
const PAUSE: Duration = Duration::from_secs(30);
/// How long one file may take.
const TIME: Duration = Duration::from_secs(15 * 60);
/// After so many refusals one after the other the token is taken to be void.
const REFUSALS: u32 = 10;

const GONE: &str = "files that could not be fetched: the export has only links to them, and its token may be void";
const MISSING: &str = "files whose contents are not in the source";
const DAMAGED: &str = "files whose contents are damaged";
const LARGE: &str = "files that are larger than MAX_FILE_SIZE";
const NO_STORAGE: &str = "files, because this server has no storage for them (FILES_URL)";

/// Fetches files from the one server where a source has them.
pub struct Downloads {
    origin: Option<String>,
    client: Option<reqwest::Client>,
    refusals: u32,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is here.
    Here(T),
    /// It is left out, for this reason.
    LeftOut(&'static str),
}

impl Downloads {
    /// For a kind of source; `instead` is another origin than that of its server.
    ///
    /// # Errors
    /// `Argument`.
    pub fn new(kind: Kind, instead: Option<&str>) -> Result<Self, ImportError> {
        let origin = match (kind, instead) {
            (Kind::Slack, Some(instead)) => {
                let url = Url::parse(instead).map_err(|error| ImportError::Argument(format!("--files-from: {error}")))?;
                Some(url.origin().ascii_serialization())
            }
            (Kind::Slack, None) => Some(SLACK.to_owned()),
            (_, Some(_)) => return Err(ImportError::Argument("--files-from is for Slack’s exports only".into())),
            (_, None) => None,
        };
        // An error means that there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(PAUSE)
            .timeout(TIME)
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { origin, client: client.ok(), refusals: 0 })
    }

    /// The address of a file, if it is on the one server.
    fn allowed(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let is_theirs = Some(url.origin().ascii_serialization()) == self.origin;
        (is_theirs && url.username().is_empty() && url.password().is_none()).then_some(url)
    }

    async fn fetch(&mut self, url: &str, media_type: &str, to: &NamedTempFile, most: u64) -> Result<Outcome<()>, ImportError> {
        let (Some(url), Some(client)) = (self.allowed(url), &self.client) else { return Ok(Outcome::LeftOut(GONE)) };
        if self.refusals >= REFUSALS {
            return Ok(Outcome::LeftOut(GONE));
        }
        self.refusals += 1;
        let Ok(mut response) = client.get(url).send().await else { return Ok(Outcome::LeftOut(GONE)) };
        // Instead of a refusal Slack may send the page to log in.
        let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if !response.status().is_success() || is_page && !media_type.starts_with("text/html") {
            return Ok(Outcome::LeftOut(GONE));
        }
        let file = to.reopen().map_err(storage)?;
        let (mut file, mut bytes) = (tokio::fs::File::from_std(file), 0);
        loop {
            let Ok(piece) = response.chunk().await else { return Ok(Outcome::LeftOut(GONE)) };
            let Some(piece) = piece else { break };
            bytes += piece.len() as u64;
            if bytes > most {
                self.refusals = 0;
                return Ok(Outcome::LeftOut(LARGE));
            }
            file.write_all(&piece).await.map_err(storage)?;
        }
        file.flush().await.map_err(storage)?;
        self.refusals = 0;
        Ok(Outcome::Here(()))
    }
}

fn storage(error: std::io::Error) -> ImportError {
    ImportError::Storage(format!("FILES_URL: {error}"))
}

/// Whether a file would be stored; of those that must be fetched, that there is an address.
pub fn foresee(contents: Option<&Contents>, file: &File, most: Option<u64>) -> Outcome<()> {
    let Some(most) = most else { return Outcome::LeftOut(NO_STORAGE) };
    let size = match (contents, &file.path) {
        (Some(contents), Some(path)) => contents.size(path),
        _ => None,
    };
    match size {
        Some(size) if size > most => Outcome::LeftOut(LARGE),
        Some(_) => Outcome::Here(()),
        None if file.url.is_some() && file.bytes > most => Outcome::LeftOut(LARGE),
        None if file.url.is_some() => Outcome::Here(()),
        None => Outcome::LeftOut(MISSING),
    }
}

/// Copies or fetches a file of a source to this disk.
///
/// # Errors
/// The storage does not work.
pub async fn bring(
    files: &Files,
    downloads: &mut Downloads,
    contents: Option<&Contents>,
    file: &File,
) -> Result<Outcome<NamedTempFile>, ImportError> {
    let Some(most) = files.largest() else { return Ok(Outcome::LeftOut(NO_STORAGE)) };
    let here = files.temporary_file()?;
    let mut reason = MISSING;
    if let (Some(contents), Some(path)) = (contents, &file.path) {
        let (contents, path, mut to) = (contents.clone(), path.clone(), here.reopen().map_err(storage)?);
        let copied = tokio::task::spawn_blocking(move || contents.copy(&path, &mut to, most)).await?.map_err(storage)?;
        match copied {
            Copied::Whole(hash) if file.hash.is_empty() || file.hash.eq_ignore_ascii_case(&hash) => {
                return Ok(Outcome::Here(here));
            }
            Copied::Whole(_) => return Ok(Outcome::LeftOut(DAMAGED)),
            Copied::TooLarge => return Ok(Outcome::LeftOut(LARGE)),
            Copied::Missing => {}
        }
    }
    if let Some(url) = &file.url {
        if file.bytes > most {
            return Ok(Outcome::LeftOut(LARGE));
        }
        match downloads.fetch(url, &file.media_type, &here, most).await? {
            Outcome::Here(()) => return Ok(Outcome::Here(here)),
            Outcome::LeftOut(why) => reason = why,
        }
    }
    Ok(Outcome::LeftOut(reason))
}

/// Stores a file for a message of this person. Returns its id.
///
/// # Errors
/// The storage does not work, or is full.
pub async fn store(
    files: &Files,
    downloads: &mut Downloads,
    contents: Option<&Contents>,
    file: &File,
    owner: UserId,
) -> Result<Outcome<String>, ImportError> {
    match bring(files, downloads, contents, file).await? {
        Outcome::LeftOut(why) => Ok(Outcome::LeftOut(why)),
        Outcome::Here(here) => match files.add_imported(owner, here, &file.name, file.alt.clone()).await {
            Ok(id) => Ok(Outcome::Here(id)),
            Err(Error::TooLarge(_)) => Ok(Outcome::LeftOut(LARGE)),
            Err(error) => Err(error.into()),
        },
    }
}

/// What stands in the text for a file that is left out: a link without the secrets of its address, or its name.
pub fn instead(file: &File) -> String {
    let name: String =
        file.name.chars().map(|c| if matches!(c, '[' | ']' | '\\' | '`' | '*' | '_' | '<' | '\n') { ' ' } else { c }).collect();
    let name = if name.trim().is_empty() { "file" } else { name.trim() };
    let url = file.url.as_deref().and_then(|url| Url::parse(url).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
    match url {
        Some(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            format!("[{name}]({})", url.as_str().replace('(', "%28").replace(')', "%29"))
        }
        None => format!("[{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_of_the_source_is_asked() {
        let slack = Downloads::new(Kind::Slack, None).unwrap();
        assert!(slack.allowed("https://files.slack.com/files-pri/T1-F1/download/a.png?t=xoxe-1").is_some());
        for other in [
            "http://files.slack.com/a",
            "https://files.slack.com:444/a",
            "https://files.slack.com.example/a",
            "https://a@files.slack.com/a",
            "https://127.0.0.1/a",
            "file:///etc/passwd",
            "",
        ] {
            assert!(slack.allowed(other).is_none(), "{other}");
        }
        let none = Downloads::new(Kind::Parlor, None).unwrap();
        assert!(none.allowed("https://files.slack.com/a").is_none());
        assert!(none.allowed("file:///etc/passwd").is_none());
    }

    #[test]
    fn a_link_has_no_secret() {
        let file = |name: &str, url: Option<&str>| File { name: name.into(), url: url.map(Into::into), ..File::default() };
        let link = instead(&file("a [1].png", Some("https://files.slack.com/a(1).png?t=xoxe-1#x")));
        assert_eq!(link, "[a  1 .png](https://files.slack.com/a%281%29.png)");
        assert_eq!(instead(&file("", Some("javascript:alert(1)"))), "[file]");
    }
}
