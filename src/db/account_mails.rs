//! Statements on mails about an account, which are rows of the outbox.
//!
//! Owns that such a mail is noted in the transaction of what it tells of (`mail_account!`), and that no secret is: the token of a link is made
//! when its mail is sent, and the database gets its hash then. It must not decide who is mailed.

use serde_json::{Value, json};

use super::{Db, read, write};
use crate::clock::Millis;
use crate::model::UserId;

/// The kind of receivers that are the verified address of an account.
pub const VERIFIED: &str = "account";
/// The kind of receivers that are another address of an account: one that it had, or that is not verified yet. Another kind, so that a wrong
/// address does not hold up mails to the right one.
pub const OTHER: &str = "address";

/// A mail about an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountMail {
    /// The account.
    pub user: UserId,
    /// The kind of its receiver.
    pub kind: &'static str,
    /// The address; none: the one that is verified when it is sent.
    pub to: Option<String>,
    /// What it is about.
    pub event: &'static str,
    /// What else it says: a JSON object without secrets.
    pub detail: Value,
    /// Now.
    pub at: Millis,
}

impl AccountMail {
    /// The value of the `payload` column.
    pub fn payload(&self) -> String {
        json!({ "to": self.to, "detail": self.detail }).to_string()
    }
}

/// Notes a mail in a transaction, if there is one; not for an account without a verified address, if that is where it should go. The receiver is
/// looked at again, even after failures: what failed before may have been replaced.
macro_rules! mail_account {
    ($tx:expr, $mail:expr) => {
        let mail: Option<crate::db::account_mails::AccountMail> = $mail;
        if let Some(mail) = mail {
            sqlx::query(
                "insert into receivers (kind, id) select $1, cast($2 as bigint)
                 where $3 or exists (select 1 from emails where user_id = $2)
                 on conflict (kind, id) do update set due_at = 0, paused_at = null,
                     attempts = case when receivers.paused_at is null then receivers.attempts else 0 end,
                     failing_since = case when receivers.paused_at is null then receivers.failing_since end",
            )
            .bind(mail.kind)
            .bind(mail.user)
            .bind(mail.to.is_some())
            .execute(&mut *$tx)
            .await?;
            sqlx::query(
                "insert into outbox (kind, receiver, event, payload, created_at, due_at)
                 select $1, cast($2 as bigint), $4, $5, cast($6 as bigint), cast($6 as bigint)
                 where $3 or exists (select 1 from emails where user_id = $2)",
            )
            .bind(mail.kind)
            .bind(mail.user)
            .bind(mail.to.is_some())
            .bind(mail.event)
            .bind(mail.payload())
            .bind(mail.at)
            .execute(&mut *$tx)
            .await?;
        }
    };
}

pub(super) use mail_account;

impl Db {
    /// Gives the link that verifies an address its token, by its hash, and its time. `false` if the address does not wait to be verified any more.
    pub async fn renew_email_link(
        &self,
        user: UserId,
        address: &str,
        token_hash: &str,
        now: Millis,
        expires_at: Millis,
    ) -> sqlx::Result<bool> {
        let statement =
            "update email_links set token_hash = $3, expires_at = $5 where user_id = $1 and address = $2 and expires_at > $4";
        let renewed = write!(self, |pool| sqlx::query(statement)
            .bind(user)
            .bind(address)
            .bind(token_hash)
            .bind(now)
            .bind(expires_at)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(renewed > 0)
    }

    /// The username of an account, also of one that is closed.
    pub async fn find_username(&self, user: UserId) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar("select username from users where id = $1").bind(user).fetch_optional(pool).await)
    }
}
