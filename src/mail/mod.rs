//! Mail: the way out.
//!
//! Owns one attempt to send a mail, and nothing that waits: what is to be sent is kept, and tried again, by whoever sends it. It must not know
//! why a mail is sent or who asked for it, and it must not log an address or a text; a server's answer may quote both.

mod address;

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport, Tokio1Executor};

pub use self::address::Address;
use crate::config::{Config, SmtpTls, SmtpUrl};
use crate::encoding::random_hex;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(15);

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Address,
    /// What it is about.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, if it has such a part.
    pub html: Option<String>,
    /// Its name, without a domain: sent again under the same one, it is the same mail. None: it has a new one each time.
    pub id: Option<String>,
    /// The name that all mails of its thread refer to; none: it stands alone.
    pub thread: Option<String>,
    /// An address that ends mails like this one when something is posted to it (RFC 8058).
    pub unsubscribe: Option<String>,
}

impl Mail {
    /// A mail with a text and nothing else.
    pub fn plain(to: Address, subject: &str, text: String) -> Self {
        Self { to, subject: subject.to_owned(), text, html: None, id: None, thread: None, unsubscribe: None }
    }
}

/// Sends mails, if there is a server for them.
pub struct Mailer(Option<Outgoing>);

struct Outgoing {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// The reason, without anything that the server said.
    pub why: String,
    /// What it is the fault of.
    pub fault: Fault,
}

/// What a mail is not sent because of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such address, or nothing can be written to it: no attempt will do better.
    Address,
    /// The server answered that it does not take this mail now: it may take another one.
    Mail,
    /// There is no server, or nothing can be done with it now.
    Server,
}

impl Mailer {
    /// Sends as the settings say.
    pub fn new(config: &Config) -> Self {
        let host = config.public_url.as_ref().map_or("localhost", |url| url.host.trim_matches(['[', ']']));
        let outgoing = config.smtp_url.as_ref().and_then(|smtp| {
            // Checked by `config`. An address of digits is no domain.
            let from = config.mail_from.as_deref().and_then(|from| from.parse().ok());
            let from = from.or_else(|| format!("Parlor <parlor@{host}>").parse().ok());
            let from = from.unwrap_or_else(|| {
                Mailbox::new(Some("Parlor".into()), lettre::Address::new("parlor", "localhost").expect("it is one"))
            });
            let transport = transport(smtp)
                .inspect_err(|error| tracing::error!(%error, "mails cannot be sent: TLS does not work here"))
                .ok()?;
            Some(Outgoing { transport, from })
        });
        Self(outgoing)
    }

    /// Whether there is a server for mails.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Connects to the mail server and logs in, without sending anything; none if there is no server.
    ///
    /// # Errors
    /// Why mails could not be sent.
    pub async fn check(&self) -> Option<Result<(), String>> {
        let outgoing = self.0.as_ref()?;
        Some(match outgoing.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the connection was closed again".into()),
            Err(error) => Err(reason(&error)),
        })
    }

    /// Sends a mail, in one attempt: whoever calls it tries again.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, mail: Mail) -> Result<(), NotSent> {
        let not_sent = |why: &str, fault| NotSent { why: why.to_owned(), fault };
        let Some(outgoing) = &self.0 else {
            return Err(not_sent("there is no server for mails (SMTP_URL)", Fault::Server));
        };
        let Some(message) = outgoing.message(mail) else {
            return Err(not_sent("the mail could not be written", Fault::Address));
        };
        match tokio::time::timeout(ATTEMPT, outgoing.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(not_sent(&reason(&error), fault(&error))),
            Err(_) => Err(not_sent("no answer in time", Fault::Server)),
        }
    }
}

impl Outgoing {
    /// The mail as it is sent; none if it cannot be written.
    fn message(&self, mail: Mail) -> Option<Message> {
        let domain = self.from.email.domain();
        let id = mail.id.unwrap_or_else(random_hex);
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.into()))
            .subject(mail.subject)
            .date_now()
            .message_id(Some(format!("<{id}@{domain}>")))
            // No automatic answers, please (RFC 3834).
            .header(AutoSubmitted);
        if let Some(root) = mail.thread {
            let root = format!("<{root}@{domain}>");
            builder = builder.in_reply_to(root.clone()).references(root);
        }
        if let Some(address) = mail.unsubscribe {
            builder = builder.header(ListUnsubscribe(format!("<{address}>"))).header(ListUnsubscribePost);
        }
        let message = match mail.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text, html)),
            None => builder.header(ContentType::TEXT_PLAIN).body(mail.text),
        };
        message.inspect_err(|_| tracing::error!("a mail could not be written")).ok()
    }
}

fn transport(smtp: &SmtpUrl) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
    let tls = || TlsParameters::builder(smtp.host.clone()).build_rustls();
    let tls = match smtp.tls {
        SmtpTls::Wrapped => Tls::Wrapper(tls()?),
        SmtpTls::StartTls => Tls::Required(tls()?),
        SmtpTls::Off => Tls::None,
    };
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host).port(smtp.port).tls(tls).timeout(Some(ATTEMPT));
    if let Some((username, password)) = &smtp.login {
        builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
    }
    Ok(builder.build())
}

/// What an attempt failed because of.
fn fault(error: &Error) -> Fault {
    match error.status() {
        Some(_) if refuses_recipient(error) => Fault::Address,
        Some(_) => Fault::Mail,
        None => Fault::Server,
    }
}

/// Whether a server says that there is no such address, by its enhanced status code (RFC 3463, section 3.2). Without one, a refusal may be of our
/// log-in or of the sender, which somebody mends.
fn refuses_recipient(error: &Error) -> bool {
    let said = error.to_string();
    let codes = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];
    error.is_permanent() && said.split(|c: char| c.is_whitespace() || "():".contains(c)).any(|word| codes.contains(&word))
}

/// Why a mail was not sent, without anything that the server said.
fn reason(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None if error.is_tls() => "TLS failed: is the certificate one that this machine trusts?".to_owned(),
        None if error.is_response() => "the answer is not SMTP".to_owned(),
        None if error.is_client() => "the server does not offer what is needed, such as STARTTLS or a log-in".to_owned(),
        None => "the connection failed; with TLS, also if the certificate is not one that this machine trusts".to_owned(),
    }
}

/// `Auto-Submitted: auto-generated`.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// `List-Unsubscribe`: an address.
#[derive(Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// `List-Unsubscribe-Post: List-Unsubscribe=One-Click` (RFC 8058).
#[derive(Clone)]
struct ListUnsubscribePost;

impl Header for ListUnsubscribePost {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".into())
    }
}
