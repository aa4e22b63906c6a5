//! One error for everything that can be refused or can fail; its code, its words, its status and its acknowledgement.
//!
//! Owns the mapping from an error to what a person or a client sees. Nothing internal leaks through it: what the
//! database or the code said goes to the log, and the outside hears only the code and a plain sentence.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// The result of a use-case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, or the session has ended. 401.
    #[error("Please log in.")]
    Unauthenticated,
    /// A name and a password that do not belong together; which of them is wrong is nobody's business. 401.
    #[error("Wrong username or password.")]
    WrongPassword,
    /// A code of a second factor that is not right, or was used before. 401.
    #[error("That code isn’t right, or it has been used. Wait for the next one and try again.")]
    WrongCode,
    /// A passkey that is unknown, or whose answer is not right. 401.
    #[error("That passkey didn’t work here. Try again, or log in another way.")]
    WrongPasskey,
    /// An access token that is unknown, expired or revoked. 401.
    #[error("That access token isn’t valid: it’s unknown, expired or revoked.")]
    InvalidToken,
    /// The person must set up a second factor before anything else. 403.
    #[error("Set up two-factor authentication first: this server requires it for your account.")]
    SecondFactorRequired,
    /// The person must confirm who they are, because they logged in long ago. 403.
    #[error("Confirm that it’s you, then try again.")]
    ConfirmationRequired,
    /// The person is known, and may not do this. 403. The text says why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It does not exist, or they may not know that it does. 404. The text names what was asked for.
    #[error("{}", not_found(.0))]
    NotFound(&'static str),
    /// A field of the input is wrong. 422.
    #[error("{message}")]
    Invalid {
        /// The name of the field, as the client sent it.
        field: &'static str,
        /// What is wrong with it, for a person.
        message: String,
    },
    /// A text has U+0000, which no text may have. 422. Its field is called as the client called it.
    #[error("Remove the invisible character U+0000.")]
    HasNul {
        /// The name of the field.
        field: String,
    },
    /// A parameter of an address cannot be read. 422. It is called as the client called it.
    #[error("{message}")]
    BadParameter {
        /// Its name.
        field: String,
        /// What is wrong with it, for a person.
        message: String,
    },
    /// A text is longer than allowed. 422.
    #[error("{} can have up to {limit} characters.", label(field))]
    TooLong {
        /// The name of the field.
        field: &'static str,
        /// How many characters are allowed.
        limit: usize,
    },
    /// Too many of these in too short a time. 429.
    #[error("Too many attempts. Try again in {}.", in_words(*retry_after))]
    RateLimited {
        /// When it will be accepted.
        retry_after: Duration,
    },
    /// The room has slow mode. 429.
    #[error("This room is in slow mode. Try again in {}.", in_words(*retry_after))]
    SlowMode {
        /// When it will be accepted.
        retry_after: Duration,
    },
    /// More people would be called by it than their share for now. 429.
    #[error(
        "This would notify up to {people} people, and you’ve notified many just now. Wait {}, or leave out @room and @here.",
        in_words(*retry_after)
    )]
    TooManyMentioned {
        /// How many it would call.
        people: u32,
        /// When it will be accepted.
        retry_after: Duration,
    },
    /// The server has as much to do as it can hold. 503.
    #[error("The server is busy. Try again in a moment.")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The database does not answer, or cannot write. 503.
    #[error("Parlor can’t reach its database right now. Try again in a moment.")]
    Unavailable,
    /// The database refused a write, or did not finish it in time. 503.
    #[error("Couldn’t save right now. Try again in a moment.")]
    NotSaved,
    /// The OpenID provider does not answer. 503.
    #[error("The log-in service can’t be reached right now. Try again in a moment, or log in with your password.")]
    ProviderUnavailable,
    /// A file that is larger than allowed, or for which its person or the server has no room. 413. The text says which.
    #[error("{0}")]
    TooLarge(String),
    /// The disk or the storage is full. 507.
    #[error("The server’s storage for files is full. Tell your administrator.")]
    StorageFull,
    /// The storage of files does not answer. 503.
    #[error("Parlor can’t reach its storage for files right now. Try again in a moment.")]
    StorageUnavailable,
    /// There is no storage for files. 503.
    #[error("This server has no storage for files. Ask your administrator to set one up.")]
    NoStorage,
    /// A fault of the server's own. 500. The text goes to the log only.
    #[error("Something went wrong. Please try again.")]
    Internal(String),
}

/// What was not found, and why it may not have been. People are neither deleted nor hidden: their username was misspelled.
fn not_found(what: &str) -> String {
    let why = if what == "person" { "Check the username." } else { "It may have been deleted, or you may not have access." };
    format!("We couldn’t find that {what}. {why}")
}

/// A field's name for people.
fn label(field: &str) -> &str {
    match field {
        "body" | "edit_body" | "text" => "Messages",
        "q" => "Searches",
        "name" => "Names",
        "topic" => "Topics",
        "status" => "Statuses",
        "username" | "users" => "Usernames",
        other => other,
    }
}

/// A wait for people, rounded up: in seconds, or in minutes or hours if it is long.
fn in_words(wait: Duration) -> String {
    let seconds = wait.as_secs_f64();
    let (count, unit) = match seconds {
        ..=90.0 => (seconds.ceil(), "second"),
        ..=5400.0 => ((seconds / 60.0).ceil(), "minute"),
        _ => ((seconds / 3600.0).ceil(), "hour"),
    };
    format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" })
}

impl Error {
    /// An invalid field.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// How long to wait when a queue is full: long enough for a commit or two.
    pub const BUSY: Self = Self::Busy { retry_after: Duration::from_millis(250) };

    /// The code that clients switch on.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated | Self::WrongPassword | Self::WrongCode | Self::WrongPasskey | Self::InvalidToken => {
                "unauthenticated"
            }
            Self::SecondFactorRequired => "second_factor_required",
            Self::ConfirmationRequired => "confirmation_required",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Invalid { .. } | Self::HasNul { .. } | Self::BadParameter { .. } | Self::TooLarge(_) => "invalid",
            Self::TooLong { .. } => "too_long",
            Self::RateLimited { .. } | Self::SlowMode { .. } | Self::TooManyMentioned { .. } => "rate_limited",
            Self::Busy { .. } => "busy",
            Self::Unavailable
            | Self::NotSaved
            | Self::ProviderUnavailable
            | Self::StorageFull
            | Self::StorageUnavailable
            | Self::NoStorage => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// The HTTP status of a page or an answer that says it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated | Self::WrongPassword | Self::WrongCode | Self::WrongPasskey | Self::InvalidToken => 401,
            Self::Forbidden(_) | Self::SecondFactorRequired | Self::ConfirmationRequired => 403,
            Self::NotFound(_) => 404,
            Self::Invalid { .. } | Self::HasNul { .. } | Self::BadParameter { .. } | Self::TooLong { .. } => 422,
            Self::RateLimited { .. } | Self::SlowMode { .. } | Self::TooManyMentioned { .. } => 429,
            Self::TooLarge(_) => 413,
            Self::StorageFull => 507,
            Self::Busy { .. }
            | Self::Unavailable
            | Self::NotSaved
            | Self::ProviderUnavailable
            | Self::StorageUnavailable
            | Self::NoStorage => 503,
            Self::Internal(_) => 500,
        }
    }

    /// When trying again may help.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after }
            | Self::SlowMode { retry_after }
            | Self::TooManyMentioned { retry_after, .. }
            | Self::Busy { retry_after } => Some(*retry_after),
            Self::Unavailable | Self::NotSaved | Self::StorageUnavailable => Some(Duration::from_secs(1)),
            Self::ProviderUnavailable => Some(Duration::from_secs(5)),
            _ => None,
        }
    }

    /// Whether whoever filled in a form sees it again, with what they typed and with what is wrong.
    pub const fn shows_form_again(&self) -> bool {
        matches!(
            self,
            Self::Invalid { .. }
                | Self::TooLong { .. }
                | Self::TooLarge(_)
                | Self::RateLimited { .. }
                | Self::SlowMode { .. }
                | Self::TooManyMentioned { .. }
        )
    }

    /// The field at fault.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } | Self::TooLong { field, .. } => Some(field),
            Self::HasNul { field } | Self::BadParameter { field, .. } => Some(field),
            Self::TooLarge(_) => Some("file"),
            _ => None,
        }
    }

    /// The error object of the protocol: `{code, message}` with `field` and `retry_after` (seconds) where they apply.
    pub fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        if let Some(field) = self.field() {
            error["field"] = field.into();
        }
        if let Some(wait) = self.retry_after() {
            error["retry_after"] = ((wait.as_secs_f64() * 1000.0).ceil() / 1000.0).into();
        }
        error
    }
}

impl From<sqlx::Error> for Error {
    /// A database that is gone, full or overwhelmed is `unavailable`; a statement that it refuses is our own fault.
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. } => Self::Internal(error.to_string()),
            sqlx::Error::Database(refusal)
                if refusal.is_unique_violation() || refusal.is_foreign_key_violation() || refusal.is_check_violation() =>
            {
                Self::Internal(error.to_string())
            }
            // The program stops: what still asks then has not found a fault.
            sqlx::Error::PoolClosed => Self::Unavailable,
            _ => {
                tracing::error!(%error, "the database failed");
                // Only a statement that reached the database can be refused there: a write to a full disk, or one that took too long.
                if matches!(error, sqlx::Error::Database(_)) { Self::NotSaved } else { Self::Unavailable }
            }
        }
    }
}

/// An acknowledgement: `{"ok":true, …}` or `{"ok":false,"error":{…}}`.
#[derive(Debug)]
pub struct Ack<T>(pub Result<T>);

impl<T: Serialize> Serialize for Ack<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Ok<'a, T> {
            ok: bool,
            #[serde(flatten)]
            rest: &'a T,
        }
        match &self.0 {
            Result::Ok(rest) => Ok { ok: true, rest }.serialize(serializer),
            Err(error) => json!({ "ok": false, "error": error.to_json() }).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_field_and_its_wait() {
        let refused = Ack::<Value>(Err(Error::RateLimited { retry_after: Duration::from_millis(1500) }));
        assert_eq!(
            serde_json::to_value(&refused).unwrap(),
            json!({"ok": false, "error": {"code": "rate_limited", "message": "Too many attempts. Try again in 2 seconds.", "retry_after": 1.5}})
        );
        assert_eq!(Error::invalid("body", "Message can’t be empty.").to_json()["field"], "body");
    }

    #[test]
    fn a_long_wait_is_told_in_minutes_or_hours() {
        for (seconds, words) in
            [(0, "0 seconds"), (1, "1 second"), (90, "90 seconds"), (91, "2 minutes"), (5400, "90 minutes"), (5401, "2 hours")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_length_is_told_with_a_word_for_the_field() {
        for (field, label) in
            [("body", "Messages"), ("q", "Searches"), ("name", "Names"), ("topic", "Topics"), ("status", "Statuses")]
        {
            let error = Error::TooLong { field, limit: 250 };
            assert_eq!(error.to_string(), format!("{label} can have up to 250 characters."));
            assert_eq!(error.to_json()["field"], field);
        }
    }

    #[test]
    fn what_the_database_said_does_not_leak() {
        let error = Error::Internal("duplicate key in users.secret".into());
        assert!(!error.to_json().to_string().contains("secret"));
    }

    #[test]
    fn a_program_that_stops_logs_no_failure_of_the_database() {
        let logged = |error: sqlx::Error| {
            let (mut log, to) = std::io::pipe().unwrap();
            let subscriber = tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(to)).finish();
            tracing::subscriber::with_default(subscriber, || assert!(matches!(Error::from(error), Error::Unavailable)));
            std::io::read_to_string(&mut log).unwrap().lines().count()
        };
        assert_eq!((logged(sqlx::Error::PoolTimedOut), logged(sqlx::Error::PoolClosed)), (1, 0));
    }
}
