//! The configurations of `packaging/proxies` do what Parlor needs of a proxy. Each runs as it is, but for ports, certificates and where Parlor is.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use proof::infra::programs;
use proof::infra::watchdog::Watchdog;
use reqwest::header::{CONNECTION, ORIGIN, RANGE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::harness::Database;
use crate::harness::process::{self, Process};
use crate::harness::programs::Program;
use crate::harness::servers::certificate;
use crate::once;

const NAME: &str = "chat.example.org";
/// Whence the test's requests come: an address that is not the proxy's.
const CLIENT: &str = "127.0.0.9";

/// A proxy of this machine.
struct Proxy {
    http: u16,
    https: u16,
    _program: tokio::process::Child,
    _watchdog: Watchdog,
}

/// A port that is free now, and which nobody gets who asks the system for any.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Replaces a part that must be there.
fn with(text: &str, replacements: &[(&str, String)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the configuration");
        text.replace(from, to)
    })
}

/// Writes a configuration for these ports, and returns how the program is started with it.
fn configure(proxy: &str, folder: &Path, parlor: &str, http: u16, https: u16) -> Vec<String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let text = std::fs::read_to_string(match proxy {
        "nginx" => "packaging/proxies/nginx.conf",
        "caddy" => "packaging/proxies/Caddyfile",
        "traefik" => "packaging/proxies/traefik.yml",
        _ => "packaging/proxies/haproxy.cfg",
    })
    .expect("it is there");
    let parlor_at = ("127.0.0.1:3000", parlor.to_owned());
    match proxy {
        "nginx" => {
            let site = with(
                &text,
                &[
                    parlor_at,
                    ("listen 80;", format!("listen 127.0.0.1:{http};")),
                    ("listen 443 ssl", format!("listen 127.0.0.1:{https} ssl")),
                    ("/etc/ssl/chat.example.org.pem", at("server.pem")),
                    ("/etc/ssl/chat.example.org.key", at("server.key")),
                ],
            );
            std::fs::write(folder.join("site.conf"), site).expect("it is ours");
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {};\n", at(&format!("tmp-{kind}"))))
                .concat();
            let main = format!(
                "daemon off;\nuser root;\npid {};\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include {};\n}}\n",
                at("pid"),
                at("site.conf")
            );
            let main = if programs::is_root() { main } else { main.replace("user root;\n", "") };
            std::fs::write(folder.join("nginx.conf"), main).expect("it is ours");
            vec!["-c".into(), at("nginx.conf"), "-p".into(), at(""), "-e".into(), "stderr".into()]
        }
        "caddy" => {
            let site = with(
                &text,
                &[
                    parlor_at,
                    ("\nchat.example.org {", format!("\nchat.example.org {{\n\ttls {} {}", at("server.pem"), at("server.key"))),
                ],
            );
            let options = format!("{{\n\thttp_port {http}\n\thttps_port {https}\n\tdefault_bind 127.0.0.1\n\tadmin off\n}}\n");
            std::fs::write(folder.join("Caddyfile"), options + &site).expect("it is ours");
            ["run", "--adapter", "caddyfile", "--config"].map(str::to_owned).into_iter().chain([at("Caddyfile")]).collect()
        }
        "traefik" => {
            // Its own certificate, which nobody trusts.
            let tls = ("tls:\n        certResolver: letsencrypt\n", "tls: {}\n".to_owned());
            let site = with(&text, &[parlor_at, tls]);
            std::fs::write(folder.join("site.yml"), site).expect("it is ours");
            let main = format!(
                "entryPoints:\n  web:\n    address: 127.0.0.1:{http}\n  websecure:\n    address: 127.0.0.1:{https}\n\
                 providers:\n  file:\n    filename: {}\n",
                at("site.yml")
            );
            std::fs::write(folder.join("traefik.yml"), main).expect("it is ours");
            vec![format!("--configFile={}", at("traefik.yml"))]
        }
        _ => {
            let site = with(
                &text,
                &[
                    parlor_at,
                    ("bind :80\n", format!("bind 127.0.0.1:{http}\n")),
                    ("bind :443", format!("bind 127.0.0.1:{https}")),
                    ("/etc/ssl/chat.example.org.pem", at("both.pem")),
                ],
            );
            std::fs::write(folder.join("haproxy.cfg"), site).expect("it is ours");
            vec!["-db".into(), "-f".into(), at("haproxy.cfg")]
        }
    }
}

/// Starts Parlor and a proxy in front of it.
async fn start(proxy: &str, database: &Database) -> (Process, Proxy) {
    let (folder, http, https) = (database.folder(), port(), port());
    let [_, certificate, key] = certificate(folder).map(|file| std::fs::read_to_string(file).expect("it was made"));
    std::fs::write(folder.join("both.pem"), certificate + &key).expect("it is ours");
    let public = format!("https://{NAME}:{https}");
    let settings = [("PUBLIC_URL", &*public), ("TRUSTED_PROXIES", "127.0.0.1")];
    let server = process::start(folder, database.url(), &settings).await;
    let arguments = configure(proxy, folder, server.origin.trim_start_matches("http://"), http, https);
    let mut command = tokio::process::Command::new(programs::tool(proxy).expect("it is here"));
    command.args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let log = |name: &str| std::fs::File::create(folder.join(name)).expect("it is ours");
    let program = command.stdout(log("proxy.out")).stderr(log("proxy.err")).spawn().expect("it can be run");
    let watchdog = Watchdog::over_group(program.id().expect("it has just been started")).expect("a watchdog");
    (server, Proxy { http, https, _program: program, _watchdog: watchdog })
}

/// A browser at an address of its own, which takes any certificate.
fn client(proxy: &Proxy) -> reqwest::ClientBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .resolve(NAME, SocketAddr::from(([127, 0, 0, 1], proxy.https)))
        .danger_accept_invalid_certs(true)
        .local_address(CLIENT.parse::<IpAddr>().expect("an address"))
        .redirect(reqwest::redirect::Policy::none())
        .cookie_store(true)
        .timeout(Duration::from_secs(30))
        .no_proxy()
}

/// Everything that Parlor needs of a proxy.
async fn serves(name: &str, database: &Database) {
    let (_server, proxy) = start(name, database).await;
    let (client, for_sockets) = (client(&proxy).build().expect("a client"), client(&proxy).http1_only().build());
    let (for_sockets, origin) = (for_sockets.expect("a client"), format!("https://{NAME}:{}", proxy.https));
    let url = |path: &str| format!("{origin}{path}");
    let said = || std::fs::read_to_string(database.folder().join("proxy.err")).unwrap_or_default();

    // It listens some time after its start, and then has to find that Parlor is well.
    let ready = async {
        loop {
            match client.get(url("/readyz")).send().await {
                Ok(answer) if answer.status() == 200 => return answer.json::<Value>().await.expect("JSON"),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let ready = tokio::time::timeout(Duration::from_secs(30), ready).await;
    let ready = ready.unwrap_or_else(|_| panic!("{name} does not get ready:\n{}", said()));
    // Whoever asks is seen, and cannot claim to be somebody else.
    assert_eq!(ready["address"], CLIENT, "{name}");
    let forged = client.get(url("/readyz")).header("x-forwarded-for", "192.0.2.77").send().await.expect("an answer");
    assert_eq!(forged.json::<Value>().await.expect("JSON")["address"], CLIENT, "{name}");

    // From http to https, with the same path.
    let plain = client.get(format!("http://127.0.0.1:{}/rooms/general?a=b", proxy.http)).header("host", NAME);
    let plain = plain.send().await.expect("an answer");
    let location = plain.headers()["location"].to_str().expect("a text").to_owned();
    assert!(plain.status().is_redirection(), "{name}: {}", plain.status());
    assert!(location.starts_with(&format!("https://{NAME}")) && location.ends_with("/rooms/general?a=b"), "{name}: {location}");

    // Forms: Host and Origin come through, and cookies are for https only.
    let page = client.get(url("/login")).send().await.expect("an answer");
    assert!(page.headers().contains_key("strict-transport-security"), "{name}");
    let form = [("username", "ada"), ("password", "a long enough pass phrase")];
    let registered = client.post(url("/register")).header(ORIGIN, &origin).form(&form).send().await.expect("an answer");
    assert_eq!(registered.status(), 303, "{name}: {}", registered.text().await.unwrap_or_default());
    let cookie = registered.headers()["set-cookie"].to_str().expect("a text").to_owned();
    assert!(cookie.starts_with("__Host-") && cookie.contains("Secure"), "{name}: {cookie}");

    // A socket, for which browsers open a connection of its own.
    let socket = for_sockets.get(url("/socket.io/?EIO=4&transport=websocket")).header(ORIGIN, &origin);
    let socket = socket.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket").header(SEC_WEBSOCKET_VERSION, "13");
    let socket = socket.header(SEC_WEBSOCKET_KEY, "cGFybG9yIHByb3h5IHRlc3Q=").send().await.expect("an answer");
    assert_eq!(socket.status(), 101, "{name}");
    let mut socket = socket.upgrade().await.expect("a socket");
    let mut first = [0; 8];
    tokio::time::timeout(Duration::from_secs(10), socket.read_exact(&mut first)).await.expect("in time").expect("a packet");
    assert!(first.windows(4).any(|part| part == b"0{\"s"), "{name}: {first:?}");

    // A large file, there and back, and a part of it.
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|number| (number % 251) as u8).collect();
    let part = Part::bytes(bytes.clone()).file_name("large.bin");
    let sent = client.post(url("/rooms/general/files")).header(ORIGIN, &origin).header("accept", "application/json");
    let sent = sent.multipart(Form::new().part("file", part).text("body", "large").text("nonce", "n1"));
    let sent = sent.send().await.expect("an answer");
    assert_eq!(sent.status(), 201, "{name}: {}", said());
    let sent: Value = sent.json().await.expect("JSON");
    let file = url(sent["message"]["attachments"][0]["url"].as_str().expect("a path"));
    let read = client.get(&file).send().await.expect("an answer").bytes().await.expect("all of it");
    assert!(read == bytes, "{name}: {} bytes came back", read.len());
    let ranged = client.get(&file).header(RANGE, "bytes=100-199").send().await.expect("an answer");
    assert_eq!(ranged.status(), 206, "{name}");
    assert!(ranged.bytes().await.expect("all of it") == bytes[100..200], "{name}");
}

#[apply(once)]
async fn nginx_does_what_parlor_needs(database: &Database) {
    if Program::Proxies.is_here_or_may_be_missing() {
        serves("nginx", database).await;
    }
}

#[apply(once)]
async fn caddy_does_what_parlor_needs(database: &Database) {
    if Program::Proxies.is_here_or_may_be_missing() {
        serves("caddy", database).await;
    }
}

#[apply(once)]
async fn haproxy_does_what_parlor_needs(database: &Database) {
    if Program::Proxies.is_here_or_may_be_missing() {
        serves("haproxy", database).await;
    }
}

#[apply(once)]
async fn traefik_does_what_parlor_needs(database: &Database) {
    if Program::Proxies.is_here_or_may_be_missing() {
        serves("traefik", database).await;
    }
}
