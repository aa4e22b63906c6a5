//! The last test target: says what the run could not test on this machine, so that nobody takes silence for success.

use proof::infra::programs::{self, Program};

/// What goes untested without each.
const NEEDED: [(Program, &str); 11] = [
    (Program::Postgres, "every test's second run, on Postgres (package: postgresql)"),
    (Program::Redis, "the tests on two nodes (package: redis-server)"),
    (Program::Browser, "the tests in a real browser (packages: chromium chromium-driver)"),
    (Program::Strace, "that a post is on the disk before it is acknowledged (package: strace)"),
    (Program::Servers, "mail and single sign-on, with real servers (packages: nodejs npm openssl; npm ci in tests/servers)"),
    (Program::Ffmpeg, "the posters of videos (package: ffmpeg)"),
    (
        Program::Proxies,
        "the configurations of packaging/proxies (packages: nginx-light caddy haproxy openssl; traefik: tests/install)",
    ),
    (Program::Litestream, "that Litestream's copy is whole (tests/install)"),
    (Program::OpenSsl, "which protocols and ciphers of TLS are accepted (package: openssl)"),
    (Program::Pebble, "certificates of a real ACME authority (package: pebble)"),
    (Program::Examples, "the examples of programs in docs/examples (packages: curl, python3, nodejs)"),
];

fn main() {
    let mut is_complete = true;
    println!();
    for (program, untested) in NEEDED {
        if !program.is_here() {
            is_complete = false;
            println!("LEFT OUT, {program:?} is not on this machine: {untested}");
        }
    }
    if is_complete {
        println!("Nothing was left out.");
    } else {
        println!("`tests/run` installs what is missing and runs everything.");
        assert!(!programs::is_everything_required(), "PARLOR_TESTS_REQUIRE_ALL is set");
    }
}
