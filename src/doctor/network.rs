//! Other servers that Parlor needs: for mails, and between nodes.

use super::Finding;
use crate::cluster::ping_redis;
use crate::config::Config;
use crate::mail::Mailer;

/// Whether the mail server lets Parlor in. No mail is sent.
pub(super) async fn mail(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "mail";
    match Mailer::new(config).check().await {
        None => vec![Finding::ok(CHECK, "off: SMTP_URL is not set")],
        Some(Ok(())) => vec![Finding::ok(CHECK, "the mail server lets Parlor in")],
        Some(Err(why)) => {
            let advice = "Check SMTP_URL: host, port, kind of TLS, name and password; and that no firewall is between.";
            vec![Finding::failed(CHECK, why, advice)]
        }
    }
}

/// Whether Redis answers.
pub(super) async fn redis(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "redis";
    let Some(url) = &config.redis_url else { return vec![Finding::ok(CHECK, "off: REDIS_URL is not set")] };
    match ping_redis(url).await {
        Ok(took) => vec![Finding::ok(CHECK, format!("answers in {} ms", took.as_millis().max(1)))],
        Err(_) => {
            let advice = "Check REDIS_URL, that Redis runs, and that it lets Parlor in. Without it, what other nodes write arrives up to a second late.";
            vec![Finding::failed(CHECK, "Redis does not answer, or refuses Parlor", advice)]
        }
    }
}
