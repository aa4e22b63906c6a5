//! The certificate that Parlor itself serves.

use super::Finding;
use crate::clock::{Clock, Millis};
use crate::config::{Config, TlsMode};
use crate::db::Db;
use crate::tls::{self, Certificate, Files, acme};

const CHECK: &str = "certificate";

/// Whether the files of `TLS=files` can be used.
pub(super) fn in_files(config: &Config, clock: &Clock) -> Vec<Finding> {
    let files = match (config.tls, Files::of(config)) {
        (TlsMode::Off, _) => {
            return vec![Finding::ok(CHECK, "off: TLS is not set, and a proxy in front of Parlor speaks it, if anything does")];
        }
        (TlsMode::Files, Some(files)) => files,
        _ => return Vec::new(),
    };
    let certificate = match files.read() {
        Ok(certificate) => certificate,
        Err(problem) => {
            let advice = "Correct the file or the setting. A running server goes on with the certificate of before, until it is started again.";
            return vec![Finding::failed(CHECK, problem.to_string(), advice)];
        }
    };
    let mut findings = vec![of(
        config,
        &certificate,
        clock.now(),
        "Renew it, and let what renews it replace the files of TLS_CERT and TLS_KEY.",
    )];
    if files.is_key_readable_by_others() {
        let advice = "Take the right to read from others (chmod o-r).";
        findings.push(Finding::warning(CHECK, "every user of this machine can read the file of TLS_KEY", advice));
    }
    findings
}

/// Whether an authority has given one.
pub(super) async fn obtained(config: &Config, db: &Db, clock: &Clock) -> Vec<Finding> {
    if config.tls != TlsMode::Acme {
        return Vec::new();
    }
    let advice = "The names must lead here, and the authority must reach port 443 of this server, or port 80 with HTTP_LISTEN. The log says when it is tried again.";
    let stored = match db.find_certificate(&acme::key(config)).await {
        Ok(stored) => stored,
        Err(_) => return vec![Finding::failed(CHECK, "the database does not say whether there is one", "Run parlor migrate.")],
    };
    let Some(stored) = stored else {
        return vec![Finding::warning(CHECK, "the authority has not been asked yet", "Start the server.")];
    };
    let read = stored.chain.zip(stored.private_key).map(|(chain, key)| Certificate::read(chain.as_bytes(), key.as_bytes()));
    let mut findings = match read {
        Some(Ok(certificate)) => vec![of(config, &certificate, clock.now(), advice)],
        Some(Err(_)) => vec![Finding::failed(CHECK, "the certificate in the database can’t be used", advice)],
        None => vec![Finding::failed(CHECK, "there is none yet: nobody can connect over https", advice)],
    };
    if let Some(problem) = stored.last_error {
        findings.push(Finding::warning(CHECK, format!("the last attempt failed. {problem}"), advice));
    }
    findings
}

fn of(config: &Config, certificate: &Certificate, now: Millis, advice: &str) -> Finding {
    let Certificate { names, not_before, not_after, .. } = certificate;
    let until = not_after.timestamp().strftime("%-d %B %Y, %H:%M UTC");
    let names = names.join(", ");
    if let Some(public) = &config.public_url
        && !certificate.covers(&public.host)
    {
        return Finding::failed(CHECK, format!("it is for {names}, not for the host of PUBLIC_URL"), "Get one for that name.");
    }
    if *not_after <= now {
        return Finding::failed(CHECK, format!("it has expired on {until}"), advice);
    }
    if *not_before > now {
        return Finding::failed(CHECK, "it is not valid yet", "Is the clock of this machine right?");
    }
    if tls::is_late(*not_before, *not_after, now) {
        return Finding::warning(CHECK, format!("it expires on {until}, and was not renewed"), advice);
    }
    Finding::ok(CHECK, format!("valid for {names} until {until}"))
}
