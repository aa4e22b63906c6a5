//! `TLS=files`: what is wrong with them stops the start, and what changes later is taken over, if it can be used.

use serde_json::Value;

use super::Served;
use crate::harness::secure::{Authority, FILES, NAME};
use crate::harness::{Database, process};
use crate::{both, once};

#[apply(both)]
async fn pages_are_served_over_tls_in_both_versions_of_http(database: &Database) {
    let Served { mut server, client, .. } = Served::start(database, &[]).await;
    assert!(server.stdout().contains("listening on https://"), "{}", server.stdout());
    let page = client.get("/login").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age=31536000"));
    assert!(page.body.contains("<form"));
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
}

#[apply(once)]
async fn what_is_wrong_with_the_files_stops_the_start_and_names_the_setting(database: &Database) {
    let authority = Authority::new();
    let (pair, other) = (authority.issue(&[NAME]), authority.issue(&[NAME]));
    let folder = database.folder();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    let wrong = [
        ("TLS_CERT", "", "", "can’t be read"),
        ("TLS_KEY", &*pair.chain, "", "can’t be read"),
        ("TLS_CERT", "nothing\n", &*pair.key, "no certificate"),
        ("TLS_KEY", &*pair.chain, &*pair.chain, "no private key"),
        ("TLS_KEY", &*pair.chain, &*other.key, "not the key of the certificate"),
    ];
    for (setting, chain, key, why) in wrong {
        for (name, text) in [("cert.pem", chain), ("key.pem", key)] {
            std::fs::remove_file(folder.join(name)).ok();
            if !text.is_empty() {
                write(name, text);
            }
        }
        let settings = [&FILES[..], &[("LISTEN", "127.0.0.1:0"), ("DATABASE_URL", database.url())]].concat();
        let ended = process::run(folder, &[], &settings, "").await;
        assert_eq!((ended.status, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(&format!("{setting}: ./")) && ended.stderr.contains(why), "{why}: {}", ended.stderr);
    }
    for (name, value) in [("ACME_DOMAINS", "*.parlor.test"), ("ACME_DOMAINS", "127.0.0.1"), ("ACME_DIRECTORY", "acme.test")] {
        let ended = process::run(folder, &[], &[("TLS", "acme"), (name, value)], "").await;
        assert_eq!(ended.status, Some(2), "{name}={value}: {ended:?}");
        assert!(ended.stderr.contains(name), "{name}={value}: {ended:?}");
    }
}

#[apply(once)]
async fn changed_files_are_served_and_damaged_ones_are_not(database: &Database) {
    let Served { server, client, authority, pair } = Served::start(database, &[]).await;
    let (mut open, _connection) = client.h2().await;
    assert_eq!(client.certificate().await.expect("a handshake"), pair.der());

    let second = authority.issue(&[NAME]);
    second.write(database.folder());
    server.signal("HUP").await;
    assert_eq!(client.next_certificate(Some(&pair.der())).await, second.der());

    // The key of another certificate.
    std::fs::write(database.folder().join("key.pem"), &pair.key).expect("a file");
    server.signal("HUP").await;
    let line = server.logs("TLS_KEY").await;
    assert!(line.contains("is not the key of the certificate") && line.contains("still served"), "{line}");
    assert_eq!(client.certificate().await.expect("a handshake"), second.der());
    let settings = [&FILES[..], &[("DATABASE_URL", database.url())]].concat();
    let doctor = process::run(database.folder(), &["doctor", "--json"], &settings, "").await;
    let report: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["check"] == "certificate").expect("it is checked");
    assert_eq!(found["state"], "failed");
    assert!(found["found"].as_str().is_some_and(|found| found.starts_with("TLS_KEY: ")), "{found}");

    // Nobody says anything: it looks by itself.
    let third = authority.issue(&[NAME]);
    third.write(database.folder());
    assert_eq!(client.next_certificate(Some(&second.der())).await, third.der());
    let request = axum::http::Request::get(format!("https://{NAME}/healthz")).body(()).expect("a request");
    assert_eq!(crate::harness::secure::ask(&open, request, "").await.body.trim(), "ok", "connections stay");
    open = open.ready().await.expect("it is open");
    drop(open);
}

#[apply(once)]
async fn a_certificate_that_has_expired_is_served_with_a_warning(database: &Database) {
    let authority = Authority::new();
    let old = authority.issue_until(&[NAME], 2021);
    old.write(database.folder());
    let settings = [&FILES[..], &[("METRICS", "open")]].concat();
    let server = process::start(database.folder(), database.url(), &settings).await;
    server.logs("has expired, or soon will").await;
    let client = crate::harness::secure::Client::new(server.address, &authority.pem);
    let refused = client.certificate().await.expect_err("clients do not accept it");
    assert!(refused.to_string().contains("xpired"), "{refused}");
}
