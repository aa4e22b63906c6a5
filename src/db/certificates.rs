//! Statements on certificates of an authority, with their keys, and on what the authority asks for.
//!
//! Owns that of several nodes one obtains a certificate at a time, by its claim. It must not decide when one is due.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;

/// Which certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateKey {
    /// The authority: the address of its directory.
    pub directory: String,
    /// The names, sorted, separated by commas.
    pub domains: String,
}

/// A certificate that was obtained, or is to be.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct StoredCertificate {
    /// The certificate and what it is signed with, in PEM; none if there is none yet.
    pub chain: Option<String>,
    /// Its private key, in PEM.
    pub private_key: Option<String>,
    /// When the next one is due.
    pub due_at: Millis,
    /// When an attempt began last.
    pub tried_at: Millis,
    /// How many attempts failed in a row; with the one that goes on, because it may be cut off.
    pub failures: i64,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Until when somebody is obtaining one.
    pub claimed_until: Millis,
}

impl Db {
    /// A certificate; none if nobody has asked for it.
    pub async fn find_certificate(&self, key: &CertificateKey) -> sqlx::Result<Option<StoredCertificate>> {
        read!(self, |pool| sqlx::query_as(
            "select chain, private_key, due_at, tried_at, failures, last_error, claimed_until from certificates
             where directory = $1 and domains = $2",
        )
        .bind(&key.directory)
        .bind(&key.domains)
        .fetch_optional(pool)
        .await)
    }

    /// Claims the right to obtain a certificate until `until`; `false` if somebody else has it, or has tried since `tried_at`. It counts as a
    /// failure, after which the next attempt is due at `due_at`, until it has succeeded.
    pub async fn claim_certificate(
        &self,
        key: CertificateKey,
        claim: String,
        tried_at: Millis,
        now: Millis,
        (until, due_at): (Millis, Millis),
    ) -> sqlx::Result<bool> {
        transaction!(self, |tx| {
            sqlx::query(
                "insert into certificates (directory, domains, due_at, tried_at, failures, claimed_until)
                 values ($1, $2, 0, 0, 0, 0) on conflict (directory, domains) do nothing",
            )
            .bind(&key.directory)
            .bind(&key.domains)
            .execute(&mut *tx)
            .await?;
            let claimed = sqlx::query(
                "update certificates set claimed_by = $3, claimed_until = $6, tried_at = $5, failures = failures + 1, due_at = $7
                 where directory = $1 and domains = $2 and tried_at = $4 and claimed_until <= $5",
            )
            .bind(&key.directory)
            .bind(&key.domains)
            .bind(&claim)
            .bind(tried_at)
            .bind(now)
            .bind(until)
            .bind(due_at)
            .execute(&mut *tx)
            .await?;
            claimed.rows_affected() == 1
        })
    }

    /// Keeps a claim until `until`; `false` if it is somebody else's by now.
    pub async fn renew_certificate_claim(&self, key: &CertificateKey, claim: &str, until: Millis) -> sqlx::Result<bool> {
        let statement = "update certificates set claimed_until = $4 where directory = $1 and domains = $2 and claimed_by = $3";
        let done = write!(self, |pool| sqlx::query(statement)
            .bind(&key.directory)
            .bind(&key.domains)
            .bind(claim)
            .bind(until)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(done == 1)
    }

    /// Stores what was obtained, and releases the claim; `false` if it is somebody else's by now.
    pub async fn store_certificate(
        &self,
        key: &CertificateKey,
        claim: &str,
        chain: &str,
        private_key: &str,
        due_at: Millis,
    ) -> sqlx::Result<bool> {
        let stored = write!(self, |pool| {
            sqlx::query(
            "update certificates set chain = $4, private_key = $5, due_at = $6, failures = 0, last_error = null, claimed_by = null,
                 claimed_until = 0
             where directory = $1 and domains = $2 and claimed_by = $3",
        )
        .bind(&key.directory)
        .bind(&key.domains)
        .bind(claim)
        .bind(chain)
        .bind(private_key)
        .bind(due_at)
        .execute(pool)
        .await?
        .rows_affected()
        });
        Ok(stored == 1)
    }

    /// Records why a claimed attempt failed, and releases the claim.
    pub async fn fail_certificate(&self, key: &CertificateKey, claim: &str, error: &str, due_at: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update certificates set due_at = $5, last_error = $4, claimed_by = null, claimed_until = 0
             where directory = $1 and domains = $2 and claimed_by = $3",
        )
        .bind(&key.directory)
        .bind(&key.domains)
        .bind(claim)
        .bind(error)
        .bind(due_at)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Deletes certificates of other names or another authority than this one, that were due before `due` and nobody renewed.
    pub async fn delete_other_certificates(&self, key: &CertificateKey, due: Millis) -> sqlx::Result<()> {
        let statement = "delete from certificates where due_at < $1 and not (directory = $2 and domains = $3)";
        write!(self, |pool| sqlx::query(statement)
            .bind(due)
            .bind(&key.directory)
            .bind(&key.domains)
            .execute(pool)
            .await
            .map(drop))
    }

    /// What this server is known by at an authority.
    pub async fn acme_account(&self, directory: &str) -> sqlx::Result<Option<String>> {
        let statement = "select credentials from acme_accounts where directory = $1";
        read!(self, |pool| sqlx::query_scalar(statement).bind(directory).fetch_optional(pool).await)
    }

    /// Stores what this server is known by at an authority.
    pub async fn set_acme_account(&self, directory: &str, credentials: &str) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "insert into acme_accounts (directory, credentials) values ($1, $2)
             on conflict (directory) do update set credentials = excluded.credentials",
        )
        .bind(directory)
        .bind(credentials)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Forgets it.
    pub async fn delete_acme_account(&self, directory: &str) -> sqlx::Result<()> {
        let statement = "delete from acme_accounts where directory = $1";
        write!(self, |pool| sqlx::query(statement).bind(directory).execute(pool).await.map(drop))
    }

    /// Stores what an authority will ask for, and deletes what none asks for any more.
    pub async fn insert_acme_challenge(
        &self,
        token: String,
        domain: String,
        key_authorization: String,
        now: Millis,
        expires_at: Millis,
    ) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            let expired = "delete from acme_challenges where expires_at <= $1 or token = $2";
            sqlx::query(expired).bind(now).bind(&token).execute(&mut *tx).await?;
            sqlx::query("insert into acme_challenges (token, domain, key_authorization, expires_at) values ($1, $2, $3, $4)")
                .bind(&token)
                .bind(&domain)
                .bind(&key_authorization)
                .bind(expires_at)
                .execute(&mut *tx)
                .await?;
        })
    }

    /// The answer to a token.
    pub async fn find_acme_challenge(&self, token: &str, now: Millis) -> sqlx::Result<Option<String>> {
        let statement = "select key_authorization from acme_challenges where token = $1 and expires_at > $2";
        read!(self, |pool| sqlx::query_scalar(statement).bind(token).bind(now).fetch_optional(pool).await)
    }

    /// The newest answer for a name.
    pub async fn find_acme_challenge_of(&self, domain: &str, now: Millis) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar(
            "select key_authorization from acme_challenges where domain = $1 and expires_at > $2 order by expires_at desc limit 1"
        )
        .bind(domain)
        .bind(now)
        .fetch_optional(pool)
        .await)
    }

    /// Deletes the answers for these names.
    pub async fn delete_acme_challenges(&self, domains: &[String]) -> sqlx::Result<()> {
        for domain in domains {
            let statement = "delete from acme_challenges where domain = $1";
            write!(self, |pool| sqlx::query(statement).bind(domain).execute(pool).await.map(drop))?;
        }
        Ok(())
    }
}
