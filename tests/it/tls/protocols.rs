//! Which protocols and ciphers are accepted, as `openssl` sees it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::Served;
use crate::harness::Database;
use crate::harness::process;
use crate::harness::programs::Program;
use crate::harness::secure::{FILES, NAME};
use crate::once;

/// What `openssl s_client` says.
fn openssl(arguments: &[&str]) -> String {
    let done = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().expect("openssl runs");
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}

/// Whether a handshake succeeds.
fn is_accepted(address: SocketAddr, more: &[&str]) -> bool {
    let address = address.to_string();
    let said = openssl(&[&["s_client", "-connect", &address, "-servername", NAME], more].concat());
    said.contains("New, TLSv1") && !said.contains("Cipher is (NONE)")
}

/// The suites that are accepted, of all that `openssl` has.
fn accepted(address: SocketAddr, version: &str, option: &str, all: &str) -> Vec<String> {
    let known = openssl(&["ciphers", "-s", version, all]);
    let known: Vec<_> = known.trim().split(':').map(str::to_owned).collect();
    assert!(known.len() > 2, "{known:?}");
    known.into_iter().filter(|suite| is_accepted(address, &[version, option, &format!("{suite}{}", &all[3..])])).collect()
}

#[apply(once)]
async fn only_strong_protocols_and_ciphers_are_accepted(database: &Database) {
    if !Program::OpenSsl.is_here_or_may_be_missing() {
        println!("left out: openssl is not on this machine");
        return;
    }
    let Served { mut server, .. } = Served::start(database, &[]).await;
    for old in ["-tls1", "-tls1_1"] {
        assert!(!is_accepted(server.address, &[old, "-cipher", "ALL:@SECLEVEL=0"]), "{old}");
    }
    assert!(is_accepted(server.address, &["-tls1_2"]) && is_accepted(server.address, &["-tls1_3"]));
    let new = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256"];
    let new: Vec<_> = new.into_iter().filter(|suite| is_accepted(server.address, &["-tls1_3", "-ciphersuites", suite])).collect();
    assert_eq!(new, ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]);
    let strong = |kind: &str| {
        let mut all =
            ["AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-GCM-SHA256"].map(|suite| format!("ECDHE-{kind}-{suite}"));
        all.sort_unstable();
        all.to_vec()
    };
    let suites = |address| {
        let mut all = accepted(address, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0");
        all.sort_unstable();
        all
    };
    assert_eq!(suites(server.address), strong("ECDSA"));
    server.kill().await;

    // With the other kind of key.
    let folder = database.folder().display().to_string();
    let (key, certificate) = (format!("{folder}/key.pem"), format!("{folder}/cert.pem"));
    let names = format!("subjectAltName=DNS:{NAME}");
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-addext", &names];
    openssl(&[&new[..], &["-keyout", &key, "-out", &certificate]].concat());
    let server = process::start(database.folder(), database.url(), &FILES).await;
    assert_eq!(suites(server.address), strong("RSA"));
}
