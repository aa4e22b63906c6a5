//! Accounts at the command line, beside a running server, which notices.

use serde_json::{Value, json};

use crate::both;
use crate::harness::process::{self, Ended};
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person};

const NEW: &str = "eleven slow lighthouses";

async fn parlor(database: &Database, arguments: &[&str]) -> Ended {
    process::run(database.folder(), arguments, &[("DATABASE_URL", database.url())], PASSWORD).await
}

async fn done(database: &Database, arguments: &[&str]) -> String {
    let ended = parlor(database, arguments).await;
    assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

async fn refused(database: &Database, arguments: &[&str], why: &str) {
    let ended = parlor(database, arguments).await;
    assert!(ended.status == Some(1) && ended.stderr.contains(why) && ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
}

async fn administers(person: &Person) -> bool {
    person.get("/admin/nodes").await.status == 200
}

#[apply(both)]
async fn a_link_for_a_new_password_is_printed_and_works(database: &Database) {
    done(database, &["user", "add", "ada"]).await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.log_in("ada").await;
    let (socket, _) = ada.join("general").await;
    let link = done(database, &["user", "reset", "Ada"]).await;
    let (origin, path) = link.trim().split_once("/reset/").expect("a link");
    assert_eq!(origin, "http://127.0.0.1:3000", "the address to listen on, without PUBLIC_URL");
    let settings = [("DATABASE_URL", database.url()), ("PUBLIC_URL", "https://chat.example")];
    let public = process::run(database.folder(), &["user", "reset", "ada"], &settings, "").await;
    assert!(public.stdout.starts_with("https://chat.example/reset/"), "{public:?}");
    server.stranger().get(&format!("/reset/{path}")).await.expect(404);
    let (_, path) = public.stdout.trim().split_once("/reset/").expect("a link");
    assert!(!public.stderr.contains(path), "{public:?}");
    server.stranger().post(&format!("/reset/{path}"), &[("password", "password1")]).await.expect(422);
    server.stranger().post(&format!("/reset/{path}"), &[("password", NEW)]).await.expect(303);
    assert_eq!(socket.next("signed_out").await["reason"], json!("password_changed"));
    server.stranger().post("/login", &[("username", "ada"), ("password", NEW)]).await.expect(303);
    refused(database, &["user", "reset", "nobody"], "couldn’t find").await;
}

#[apply(both)]
async fn a_ban_ends_the_sockets_of_a_running_server(database: &Database) {
    done(database, &["user", "add", "ada"]).await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.log_in("ada").await;
    let grace = server.register("grace").await;
    let ((socket, _), (stays, _)) = (ada.join("general").await, grace.join("general").await);
    done(database, &["user", "ban", "ada"]).await;
    socket.next("signed_out").await;
    socket.is_cut().await;
    ada.get("/rooms").await.expect(303);
    server.stranger().post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(401);
    stays.post("general", "still here", "1").await;
    done(database, &["user", "unban", "ada"]).await;
    server.log_in("ada").await.get("/rooms").await.expect(200);
    refused(database, &["user", "ban", "nobody"], "couldn’t find").await;
    refused(database, &["user", "unban", "nobody"], "couldn’t find").await;
}

#[apply(both)]
async fn a_deactivated_account_is_out_of_a_running_server(database: &Database) {
    done(database, &["user", "add", "root", "--admin"]).await;
    done(database, &["user", "add", "ada"]).await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.log_in("ada").await;
    let (socket, _) = ada.join("general").await;
    done(database, &["user", "deactivate", "ada"]).await;
    socket.next("signed_out").await;
    socket.is_cut().await;
    server.stranger().post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(401);
    assert!(
        done(database, &["user", "list"]).await.lines().any(|line| line.starts_with("ada ") && line.contains(" deactivated "))
    );
    refused(database, &["user", "reset", "ada"], "deactivated").await;
    done(database, &["user", "reactivate", "ada"]).await;
    server.log_in("ada").await.get("/rooms").await.expect(200);
    refused(database, &["user", "deactivate", "root"], "last administrator").await;
    refused(database, &["user", "deactivate", "nobody"], "couldn’t find").await;
}

#[apply(both)]
async fn a_role_changes_and_somebody_always_administers(database: &Database) {
    done(database, &["user", "add", "root", "--admin"]).await;
    done(database, &["user", "add", "ada"]).await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let (root, ada) = (server.log_in("root").await, server.log_in("ada").await);
    for arguments in [&["user", "role", "root", "member"][..], &["user", "ban", "root"]] {
        refused(database, arguments, "last administrator").await;
    }
    assert!(administers(&root).await && !administers(&ada).await);
    done(database, &["user", "role", "ada", "admin"]).await;
    assert!(administers(&ada).await);
    done(database, &["user", "role", "root", "member"]).await;
    assert!(!administers(&root).await);
    refused(database, &["user", "role", "ada", "member"], "last administrator").await;
    assert_eq!(parlor(database, &["user", "role", "ada", "king"]).await.status, Some(2));
}

#[apply(both)]
async fn all_accounts_are_listed(database: &Database) {
    done(database, &["user", "add", "root", "--admin"]).await;
    done(database, &["user", "add", "ada"]).await;
    done(database, &["user", "ban", "ada"]).await;
    let listed = done(database, &["user", "list"]).await;
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["ada", "member", "banned", "never", "ada"], ["root", "admin", "active", "never", "root"]]);
    let listed = done(database, &["user", "list", "--json"]).await;
    let all: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(all.iter().map(|it| &it["role"]).collect::<Vec<_>>(), [&json!("member"), &json!("admin")]);
    assert!(all[0]["banned_at"].is_string() && all[1]["banned_at"].is_null() && all[0]["username"] == "ada", "{all:?}");
    assert!(!listed.contains("argon2"), "{listed}");
}

#[apply(both)]
async fn a_second_factor_is_removed_from_somebody_who_lost_it(database: &Database) {
    done(database, &["user", "add", "ada"]).await;
    let server = process::start(database.folder(), database.url(), &[]).await;
    let ada = server.log_in("ada").await;
    let (socket, _) = ada.join("general").await;
    refused(database, &["user", "reset", "ada", "--two-factor"], "couldn’t find that second factor").await;
    let form = ada.form("/settings/two-factor/totp", &[]).header("accept", "application/json");
    let started = Answer::of(form).await.expect(200).json();
    let secret = totp_rs::Secret::try_from_base32(started["secret"].as_str().expect("a secret")).expect("Base32");
    let code = totp_rs::Builder::new().with_secret(secret).build().expect("a usual secret").generate_current().to_string();
    ada.post("/settings/two-factor/totp/confirm", &[("code", &code)]).await.expect(200);
    let fields = [("username", "ada"), ("password", PASSWORD)];
    assert_eq!(server.stranger().post("/login", &fields).await.expect(303).location(), "/login/second");
    let told = done(database, &["user", "reset", "ada", "--two-factor"]).await;
    assert!(told.contains("@ada") && !told.contains("/reset/"), "{told}");
    socket.next("signed_out").await;
    socket.is_cut().await;
    ada.get("/rooms").await.expect(303);
    let back = server.log_in("ada").await;
    assert!(back.get("/rooms").await.expect(200).body.contains("Two-factor authentication was removed"));
    refused(database, &["user", "reset", "nobody", "--two-factor"], "couldn’t find").await;
}
