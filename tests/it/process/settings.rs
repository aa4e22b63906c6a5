//! Settings that are wrong stop the start, and all of them are told at once.

use crate::harness::Database;
use crate::harness::process;
use crate::once;

#[apply(once)]
async fn every_wrong_setting_is_told_at_once_by_its_name(database: &Database) {
    let wrong = [
        ("DATABASE_URL", "mysql://x"),
        ("LISTEN", "nowhere"),
        ("PUBLIC_URL", "chat.example"),
        ("TRUSTED_PROXIES", "me"),
        ("CONNECTION_LIMIT", "many"),
        ("ADDRESS_CONNECTION_LIMIT", "-1"),
        ("REGISTRATION", "maybe"),
        ("TRANSPORTS", "pigeon"),
        ("POST_RATE", "fast"),
        ("LOGIN_RATE", "0/min"),
        ("MAX_MESSAGE_CHARS", "0x10"),
        ("LOG", "parlor=shout"),
        ("LOG_FORMAT", "xml"),
    ];
    let ended = process::run(database.folder(), &[], &wrong, "").await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    for (name, _) in wrong {
        assert!(ended.stderr.contains(name), "{name} is not named in:\n{}", ended.stderr);
    }
}

#[apply(once)]
async fn each_wrong_setting_alone_stops_the_start(database: &Database) {
    let wrong = [
        ("DATABASE_URL", "parlor.db"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:99999"),
        ("PUBLIC_URL", "ftp://x"),
        ("PUBLIC_URL", "https://x/path"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CONNECTION_LIMIT", "0"),
        ("REGISTRATION", "OPEN "),
        ("TRANSPORTS", "polling,"),
        ("POST_RATE", "10"),
        ("POST_RATE", "-1/s"),
        ("POST_RATE", "1/fortnight"),
        ("LOGIN_RATE", "10/"),
        ("MAX_MESSAGE_CHARS", "0"),
        ("LOG_FORMAT", "JSON!"),
        ("PARLOR_NONSENSE", "1"),
    ];
    for (name, value) in wrong {
        let ended = process::run(database.folder(), &["serve"], &[("LISTEN", "127.0.0.1:0"), (name, value)], "").await;
        assert_eq!(ended.status, Some(2), "{name}={value}: {ended:?}");
        assert!(ended.stderr.contains(name), "{name}={value}: {ended:?}");
        assert!(!database.folder().join("parlor.db").exists(), "{name}={value} made a database");
    }
}

#[apply(once)]
async fn settings_come_from_a_file_too_and_the_environment_wins(database: &Database) {
    std::fs::write(database.folder().join(".env"), "LISTEN=nowhere\nMAX_MESSAGE_CHARS=3\nREGISTRATION=open\n").expect("a file");
    let ended = process::run(database.folder(), &[], &[], "").await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("LISTEN") && !ended.stderr.contains("REGISTRATION"), "{ended:?}");
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "four").await.expect(422);
    ada.write("general", "tea").await.expect(303);
}

#[apply(once)]
async fn the_file_can_be_another_one(database: &Database) {
    std::fs::write(database.folder().join(".env"), "LISTEN=nowhere\n").expect("a file");
    std::fs::write(database.folder().join("parlor.env"), "MAX_MESSAGE_CHARS=three\n").expect("a file");
    let ended = process::run(database.folder(), &["--env-file", "parlor.env", "doctor"], &[], "").await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("MAX_MESSAGE_CHARS") && !ended.stderr.contains("LISTEN"), "{ended:?}");
    let ended = process::run(database.folder(), &["doctor", "--env-file", "missing.env"], &[], "").await;
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--env-file: missing.env"), "{ended:?}");
}

#[apply(once)]
async fn shells_can_complete_its_commands(database: &Database) {
    for shell in ["bash", "zsh", "fish"] {
        // Without a look at the settings: a broken file stops no shell from starting.
        let ended = process::run(database.folder(), &["completions", shell], &[("LISTEN", "nowhere")], "").await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("backup") && !ended.stdout.contains("picture-worker"), "{ended:?}");
    }
}

#[apply(once)]
async fn what_the_program_does_not_know_it_does_not_do(database: &Database) {
    for arguments in [&["dance"][..], &["serve", "--loudly"], &["user"], &["user", "add"]] {
        let ended = process::run(database.folder(), arguments, &[("DATABASE_URL", database.url())], "").await;
        assert_eq!(ended.status, Some(2), "{arguments:?}: {ended:?}");
    }
    let helped = process::run(database.folder(), &["--help"], &[], "").await;
    assert_eq!(helped.status, Some(0));
    assert!(helped.stdout.contains("migrate") && helped.stdout.contains("user"), "{helped:?}");
}
