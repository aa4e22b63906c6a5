//! A real browser, without a window.
//!
//! Owns what a test does with a page. Waiting is always for something on the page.

use std::ops::Deref;

use fantoccini::Locator;
use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus};
use proof::client::browser::{self, AGAIN};
use serde_json::json;
use tokio::time::timeout;

mod chrome;

pub use self::chrome::Heard;
use super::site::PASSWORD;
use super::{DEADLINE, Site};

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// As in most browsers.
    On,
    /// As for people who turned them off.
    Off,
}

/// One browser with one window.
pub struct Browser(browser::Browser);

impl Browser {
    /// Opens one.
    pub async fn open(scripts: Scripts) -> Self {
        Self(match scripts {
            Scripts::On => browser::Browser::open_shell().await,
            Scripts::Off => {
                let preferences =
                    json!({ "credentials_enable_service": false, "profile.managed_default_content_settings.javascript": 2 });
                browser::Browser::open(preferences).await
            }
        })
    }

    /// Opens one that may show notifications, which the engine alone cannot.
    pub async fn open_with_notifications() -> Self {
        let preferences =
            json!({ "credentials_enable_service": false, "profile.default_content_setting_values.notifications": 1 });
        Self(browser::Browser::open(preferences).await)
    }

    /// Opens one with scripts in a time zone, as in `America/New_York`.
    pub async fn open_in(zone: &str) -> Self {
        Self(browser::Browser::open_shell_in(zone).await)
    }

    /// Opens a page of a site.
    pub async fn visit(&self, site: &Site, path: &str) {
        self.goto(&format!("{}{path}", site.origin)).await.expect("the page can be opened");
    }

    /// Makes an account with the form, as a person does.
    pub async fn register(&self, site: &Site, username: &str) {
        self.visit(site, "/register").await;
        self.fill("[name=username]", username).await;
        self.fill("[name=password]", PASSWORD).await;
        self.press("form[action='/register'] button").await;
        self.waits_until(|path| path != "/register").await;
    }

    /// Joins a room with the button on its page, and waits until one can write there.
    pub async fn join(&self, site: &Site, room: &str) {
        self.visit(site, &format!("/rooms/{room}")).await;
        self.press(".joining button").await;
        self.sees("#composer textarea").await;
    }

    /// Waits until something that CSS can name is on the page.
    pub async fn sees(&self, css: &str) -> Element {
        self.reaches(css, async |element| Ok(element)).await
    }

    /// Types into a field.
    pub async fn fill(&self, css: &str, text: &str) {
        self.reaches(css, async |field| field.send_keys(text).await).await;
    }

    /// Presses a button or follows a link.
    pub async fn press(&self, css: &str) {
        self.reaches(css, async |element| element.click().await).await;
    }

    /// Does something with what CSS can name, once that is on the page and within reach. A page that changes may take a thing away
    /// between its being found and its being touched: one reaches for it again then, as people do.
    async fn reaches<T>(&self, css: &str, touch: impl AsyncFn(Element) -> Result<T, CmdError>) -> T {
        let mut last = None;
        let touching = async {
            let mut again = tokio::time::interval(AGAIN);
            loop {
                again.tick().await;
                let touched = match self.find(Locator::Css(css)).await {
                    Ok(element) => touch(element).await,
                    Err(error) => Err(error),
                };
                match touched {
                    Ok(touched) => break Some(touched),
                    Err(error) => {
                        let untouched = is_untouched(&error);
                        last = Some(error);
                        if !untouched {
                            break None;
                        }
                    }
                }
            }
        };
        let touched = timeout(DEADLINE, touching).await.ok().flatten();
        match touched {
            Some(touched) => touched,
            None => panic!("{}\n{css} is not there or out of reach: {last:?}", self.page().await),
        }
    }

    /// Presses "Log out", in the menu of one's own row.
    pub async fn log_out(&self) {
        self.press(".me:not([open]) summary").await;
        self.press("form[action='/logout'] button").await;
    }

    /// The page's path.
    pub async fn path(&self) -> String {
        self.current_url().await.expect("a page is open").path().to_owned()
    }

    /// Waits until the page is one that fits.
    pub async fn waits_until(&self, fits: impl Fn(&str) -> bool) {
        self.waits_for(async || fits(&self.path().await)).await;
    }

    /// Waits until a question is answered with yes.
    pub async fn waits_for(&self, question: impl AsyncFn() -> bool) {
        let asking = async {
            let mut again = tokio::time::interval(AGAIN);
            while !question().await {
                again.tick().await;
            }
        };
        if timeout(DEADLINE, asking).await.is_err() {
            panic!("{}\nit did not come to that at {}", self.page().await, self.path().await);
        }
    }

    /// The text of every element that CSS can name, in order.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.find_all(Locator::Css(css)).await.unwrap_or_default() {
            // One that went away while we looked is not there.
            if let Ok(text) = element.text().await {
                texts.push(text);
            }
        }
        texts
    }

    /// How many elements CSS can name.
    pub async fn counts(&self, css: &str) -> usize {
        self.find_all(Locator::Css(css)).await.unwrap_or_default().len()
    }

    /// An attribute of something on the page; empty where it has none.
    pub async fn attribute(&self, css: &str, name: &str) -> String {
        self.sees(css).await.attr(name).await.ok().flatten().unwrap_or_default()
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> String {
        self.sees(css).await.prop("value").await.ok().flatten().unwrap_or_default()
    }

    /// Empties a field.
    pub async fn clear(&self, css: &str) {
        self.reaches(css, async |field| field.clear().await).await;
    }

    /// Puts the focus on something.
    pub async fn focus(&self, css: &str) {
        self.sees(css).await;
        self.execute("document.querySelector(arguments[0]).focus()", vec![json!(css)]).await.expect("our own script runs");
        self.sees(&format!("{css}:focus")).await;
    }

    /// Presses keys where the focus is.
    pub async fn type_keys(&self, keys: &str) {
        let focused = self.active_element().await.expect("a page has a focus");
        focused.send_keys(keys).await.expect("what has the focus takes keys");
    }

    /// Moves the mouse over something.
    pub async fn hover(&self, css: &str) {
        let over = async |element| {
            let over = PointerAction::MoveToElement { element, duration: None, x: 0., y: 0. };
            self.perform_actions(MouseActions::new("mouse".into()).then(over)).await
        };
        self.reaches(css, over).await;
    }

    /// Sends a form from the page that is open, as another window might.
    pub async fn post(&self, path: &str, field: &str, value: &str) {
        let post = "const [path, field, value, done] = arguments; \
                    fetch(path, { method: 'POST', redirect: 'manual', body: new URLSearchParams([[field, value]]) }).then(() => done(true))";
        self.execute_async(post, vec![json!(path), json!(field), json!(value)]).await.expect("the form is sent");
    }

    /// The source of another page, as its person gets it.
    pub async fn source_of(&self, path: &str) -> String {
        let get = "const [path, done] = arguments; fetch(path).then((answer) => answer.text()).then(done)";
        let source = self.execute_async(get, vec![json!(path)]).await.expect("the page is sent");
        source.as_str().unwrap_or_default().to_owned()
    }

    /// The page's source, for a test that fails.
    pub async fn page(&self) -> String {
        self.source().await.unwrap_or_default()
    }

    /// Closes it.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// Whether a command that failed did nothing, because what it was for was not there, was just replaced, or lay under something. The
/// last two are how Chrome's driver tells of a page that goes while it looks for the element's place.
fn is_untouched(error: &CmdError) -> bool {
    const ABORTED: &str = "aborted by navigation";
    let error = match error {
        CmdError::Standard(error) => error,
        // The driver says this one by itself, too.
        CmdError::NotW3C(said) => return said.as_str().is_some_and(|said| said.contains(ABORTED)),
        _ => return false,
    };
    matches!(
        error.error,
        ErrorStatus::NoSuchElement
            | ErrorStatus::StaleElementReference
            | ErrorStatus::ElementNotInteractable
            | ErrorStatus::ElementClickIntercepted
    ) || error.message.contains(ABORTED)
        || error.message.contains("does not belong to the document")
}

impl Deref for Browser {
    type Target = browser::Browser;

    fn deref(&self) -> &browser::Browser {
        &self.0
    }
}
