//! Previews of the links in messages.
//!
//! Owns what is fetched for whom and how often, and that a message gets its previews after it was posted. It must not decide what a message
//! takes: the ledger does. Whoever posts a link chooses an address that this server asks, so all requests go through `fetch`.
//!
//! Reading order: this module, `fetch` (how, with `egress`: what may be asked), `turns` (how often), `page` (what a page says), `known`.

mod fetch;
mod known;
mod page;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::Url;
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;

use self::fetch::{Answer, Fault, Fetcher};
use self::known::{Known, Picture, Target};
use self::page::Page;
use self::turns::Turns;
use crate::chat::Chat;
use crate::chat::ledger::change::Enrichment;
use crate::chat::rate_limits::ActionKind;
use crate::config::{Config, PublicUrl};
use crate::db::Db;
use crate::db::links::Linking;
use crate::files::{Files, sniff};
use crate::jobs::{Handler, Handlers, JobError, Policy};
use crate::model::validate::without_hidden;
use crate::model::{LinkPreview, Task, UserId};
use crate::settings::Settings;

/// How long a link may take with all that belongs to it: its page and its picture.
const TIME: Duration = Duration::from_secs(10);
/// How many links are fetched at once, and for how many messages of one person.
const AT_ONCE: (usize, usize) = (16, 3);
/// When a person who has that many is looked at again.
const LATER: Duration = Duration::from_secs(1);
/// The largest picture.
const LARGEST_PICTURE: u64 = 5 << 20;
/// The longest name of a picture, in characters.
const LONGEST_NAME: usize = 100;
/// What is asked for.
const PAGE: &str = "text/html,application/xhtml+xml,image/*;q=0.8";
const PICTURE: &str = "image/*";

/// Makes link previews.
pub struct Links {
    db: Arc<Db>,
    chat: Arc<Chat>,
    files: Arc<Files>,
    settings: Arc<Settings>,
    fetcher: Fetcher,
    known: Known,
    public_url: Option<PublicUrl>,
    at_once: Semaphore,
    people: Turns<UserId>,
    /// One fetch of a link at a time: whoever posts the same one waits for it, and takes what it has found.
    same: Turns<String>,
}

impl Links {
    /// The link previews of a server.
    pub fn new(db: Arc<Db>, chat: Arc<Chat>, files: Arc<Files>, settings: Arc<Settings>, config: &Config) -> Arc<Self> {
        let (in_all, for_one) = AT_ONCE;
        Arc::new(Self {
            db,
            chat,
            files,
            settings,
            fetcher: Fetcher::new(config.link_hosts.clone()),
            known: Known::default(),
            public_url: config.public_url.clone(),
            at_once: Semaphore::new(in_all),
            people: Turns::new(for_one),
            same: Turns::new(1),
        })
    }

    /// Adds the handler of their jobs.
    #[must_use]
    pub fn handlers(self: &Arc<Self>, handlers: Handlers) -> Handlers {
        // Pages change and come back, but nobody waits for a preview for a day.
        let policy = Policy { at_once: AT_ONCE.0, attempts: 8, ..Policy::default() };
        handlers.on("link_previews", policy, self.clone())
    }

    /// The preview of a link for a message of `author`, with the file of its picture; `None` if there is none.
    async fn preview(&self, author: UserId, link: &str) -> Option<(LinkPreview, Option<String>)> {
        let url = Url::parse(link).ok()?;
        let _same = self.same.take(link.to_owned()).await;
        let (target, file) = match self.known.get(link) {
            Some(target) => {
                let target = target?;
                let file = match &target.picture {
                    Some(picture) => self.copy(author, picture).await,
                    None => None,
                };
                (target, file)
            }
            None => self.look(author, link, url).await?,
        };
        if target.title.is_empty() && target.description.is_empty() && file.is_none() {
            return None;
        }
        let (title, description) = (target.title.clone(), target.description.clone());
        Some((LinkPreview { url: link.to_owned(), title, description, image: None }, file))
    }

    /// Fetches a link, and remembers what it leads to. Returns that, with the file of its picture.
    async fn look(&self, author: UserId, link: &str, url: Url) -> Option<(Arc<Target>, Option<String>)> {
        self.chat.allow(author, ActionKind::LinkPreview).ok()?;
        let slot = self.at_once.acquire().await.ok()?;
        let found = tokio::time::timeout(TIME, self.fetch(url)).await.unwrap_or(Err(Fault::Failed));
        drop(slot);
        let found = match found {
            Ok(found) => found,
            // Later it may be asked.
            Err(Fault::TooOften) => return None,
            Err(fault) => {
                // Without the link: it is a part of what somebody wrote.
                tracing::debug!(?fault, "a link has no preview");
                None
            }
        };
        let Some(Found { title, description, picture }) = found else {
            self.known.add(link, None);
            return None;
        };
        let (mut stored, mut file) = (None, None);
        if let Some((url, downloaded)) = picture {
            file = self.store(author, downloaded, &name_of(&url)).await;
            stored = file.clone().map(|id| Picture { url, stored: Mutex::new(id) });
        }
        let target = Arc::new(Target { title, description, picture: stored });
        self.known.add(link, Some(target.clone()));
        Some((target, file))
    }

    /// Fetches a link; `Ok(None)` if it leads to nothing that has a preview.
    async fn fetch(&self, url: Url) -> Result<Option<Found>, Fault> {
        let answer = self.fetcher.get(url, PAGE).await?;
        let url = answer.url.clone();
        match &*answer.media_type {
            "text/html" | "application/xhtml+xml" => {
                let charset = answer.charset.clone();
                let head = answer.head().await?;
                let read = tokio::task::spawn_blocking(move || Page::read(&head, charset.as_deref(), &url)).await;
                let Page { title, description, picture } = read.map_err(|_| Fault::Failed)?;
                let picture = match picture {
                    // A page without its picture is still a page.
                    Some(url) => self.fetch_picture(url).await.ok(),
                    None => None,
                };
                Ok(Some(Found { title, description, picture }))
            }
            kind if kind.starts_with("image/") => {
                let picture = self.download(answer).await?;
                Ok(Some(Found { title: name_of(&url), description: String::new(), picture: Some(picture) }))
            }
            _ => Ok(None),
        }
    }

    async fn fetch_picture(&self, url: Url) -> Result<(Url, NamedTempFile), Fault> {
        if self.files.largest().is_none() {
            return Err(Fault::Failed);
        }
        self.download(self.fetcher.get(url, PICTURE).await?).await
    }

    /// Writes a picture to this disk, to where it can be stored from.
    async fn download(&self, answer: Answer) -> Result<(Url, NamedTempFile), Fault> {
        let most = LARGEST_PICTURE.min(self.files.largest().ok_or(Fault::Failed)?);
        let file = self.files.temporary_file().map_err(|_| Fault::Failed)?;
        let url = answer.url.clone();
        answer.save(file.reopen().map_err(|_| Fault::Failed)?, most).await?;
        Ok((url, file))
    }

    /// A copy of a picture that was stored for another message; if that is gone, the picture is fetched again.
    async fn copy(&self, owner: UserId, picture: &Picture) -> Option<String> {
        let name = name_of(&picture.url);
        let stored = picture.stored.lock().clone();
        let file = self.files.temporary_file().ok()?;
        if self.files.fetch_file(&stored, file.path()).await.ok()?.is_some() {
            return self.store(owner, file, &name).await;
        }
        self.chat.allow(owner, ActionKind::LinkPreview).ok()?;
        let slot = self.at_once.acquire().await.ok()?;
        let (_, file) = tokio::time::timeout(TIME, self.fetch_picture(picture.url.clone())).await.ok()?.ok()?;
        drop(slot);
        let id = self.store(owner, file, &name).await?;
        picture.stored.lock().clone_from(&id);
        Some(id)
    }

    /// Stores what is a picture by its content, as the files that people send; `None` if it is none, or if it can't be stored.
    async fn store(&self, owner: UserId, file: NamedTempFile, name: &str) -> Option<String> {
        let mut head = Vec::new();
        let reading = tokio::fs::File::from_std(file.reopen().ok()?);
        reading.take(sniff::HEAD as u64).read_to_end(&mut head).await.ok()?;
        if !sniff::is_picture(sniff::media_type(&head, false, name)) {
            return None;
        }
        self.files.add_for(owner, "link", file, name, String::new()).await.ok()
    }
}

/// What a link leads to.
struct Found {
    title: String,
    description: String,
    /// Its picture and where that came from.
    picture: Option<(Url, NamedTempFile)>,
}

/// The name of a file by its address.
fn name_of(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let name = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    let name = without_hidden(&name.split_whitespace().collect::<Vec<_>>().join(" "));
    if name.is_empty() { "picture".to_owned() } else { name.chars().take(LONGEST_NAME).collect() }
}

#[async_trait]
impl Handler for Links {
    async fn handle(&self, task: &Task) -> Result<(), JobError> {
        let Task::LinkPreviews { room, seq } = *task else { return Ok(()) };
        if !self.settings.now().link_previews {
            return Ok(());
        }
        let Some(Linking { author, body }) = self.db.find_linking(room, seq).await? else { return Ok(()) };
        // Whoever posts many links to slow sites waits for themselves.
        let Some(_turn) = self.people.try_take(author) else { return Err(JobError::TooEarly(LATER)) };
        let links = self
            .chat
            .links_in(&body)
            .into_iter()
            .filter(|link| !leads_to(self.public_url.as_ref(), link))
            .take(LinkPreview::MOST);
        let links: Vec<_> = links.collect();
        let found = join_all(links.iter().map(|link| self.preview(author, link))).await;
        let links: Vec<_> = found.into_iter().flatten().collect();
        if !links.is_empty() {
            // Nothing is added if the message was edited or deleted meanwhile; a new text has a job of its own.
            let enrichment = Enrichment { seq, body, links, ..Enrichment::default() };
            self.chat.enrich(author, room, enrichment)?.outcome().await?;
        }
        Ok(())
    }
}

/// Whether a link leads to this server, which would ask itself.
fn leads_to(own: Option<&PublicUrl>, link: &str) -> bool {
    let Some(own) = own else { return false };
    Url::parse(link).is_ok_and(|url| url.host_str().is_some_and(|host| host.trim_end_matches('.') == own.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_does_not_ask_itself() {
        let config = crate::config::Config::from_env([("PUBLIC_URL".to_owned(), "https://chat.example".to_owned())]).unwrap();
        let own = config.public_url.as_ref();
        for link in ["https://chat.example/rooms/tea", "http://CHAT.example:8080/", "https://chat.example./"] {
            assert!(leads_to(own, link), "{link}");
        }
        for link in ["https://example/", "https://chat.example.org/", "https://not-chat.example/", "nonsense"] {
            assert!(!leads_to(own, link), "{link}");
        }
        assert!(!leads_to(None, "https://chat.example/"));
    }

    #[test]
    fn a_picture_has_the_name_of_its_address() {
        for (url, name) in [
            ("https://example.com/a/cat.png?size=1", "cat.png"),
            ("https://example.com/", "picture"),
            ("https://example.com/gr%C3%BC%C3%9Fe.jpg", "grüße.jpg"),
            ("https://example.com/a%00b%E2%80%AEgnp.exe", "abgnp.exe"),
        ] {
            assert_eq!(name_of(&Url::parse(url).unwrap()), name);
        }
    }
}
