//! A server of object storage in the test process: s3s with files behind it, which speaks S3's protocol and checks its signatures.
//!
//! Owns starting it, stopping it and starting it again, and requests that wait until a test lets them go on. It must not know what is stored.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::app::bind;
use super::{DEADLINE, watchdog};

/// Its bucket, and who may use it.
const BUCKET: &str = "parlor";
const KEY: (&str, &str) = ("PARLORTESTS", "a-secret-of-tests");

/// Which requests wait.
struct Held {
    method: &'static str,
    /// What their address has in it.
    part: &'static str,
    /// How many of them still go on.
    first: usize,
    /// Whether one has come that does not.
    has_one: bool,
}

/// What requests pass.
#[derive(Clone, Default)]
struct Gate(Arc<watch::Sender<Option<Held>>>);

impl Gate {
    async fn pass(&self, request: &hyper::Request<Incoming>) {
        let mut waits = false;
        self.0.send_if_modified(|held| {
            let is_meant = |held: &&mut Held| request.method() == held.method && request.uri().to_string().contains(held.part);
            let Some(held) = held.as_mut().filter(is_meant) else { return false };
            waits = held.first == 0;
            held.has_one |= waits;
            held.first = held.first.saturating_sub(1);
            waits
        });
        if waits {
            // Its sender is here.
            self.0.subscribe().wait_for(Option::is_none).await.ok();
        }
    }
}

/// A running server.
pub struct ObjectStorage {
    endpoint: String,
    address: SocketAddr,
    folder: tempfile::TempDir,
    gate: Gate,
    serving: Mutex<JoinSet<()>>,
}

impl ObjectStorage {
    /// Starts one with an empty bucket.
    pub async fn start() -> Self {
        let folder = watchdog::folder();
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a new folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let endpoint = format!("http://{address}");
        let storage = Self { endpoint, address, folder, gate: Gate::default(), serving: Mutex::default() };
        storage.serve(listener);
        storage
    }

    fn serve(&self, listener: TcpListener) {
        let files = s3s_fs::FileSystem::new(self.folder.path()).expect("the folder is there");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
        let service = builder.build();
        let gate = self.gate.clone();
        self.serving.lock().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (service, gate) = (service.clone(), gate.clone());
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let (service, gate) = (service.clone(), gate.clone());
                    async move {
                        gate.pass(&request).await;
                        Service::call(&service, request).await
                    }
                });
                connections.spawn(async move {
                    let http = auto::Builder::new(TokioExecutor::new());
                    http.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
    }

    /// Cuts everybody off, and is not there any more.
    pub fn stop(&self) {
        self.serving.lock().abort_all();
    }

    /// Is there again, with what was stored.
    pub async fn start_again(&self) {
        let mut before = std::mem::take(&mut *self.serving.lock());
        while before.join_next().await.is_some() {}
        self.serve(bind(self.address).await);
    }

    /// From now on, requests of this method with this in their address wait, but for the first ones.
    pub fn hold(&self, method: &'static str, part: &'static str, first: usize) {
        self.gate.0.send_replace(Some(Held { method, part, first, has_one: false }));
    }

    /// Waits until a request waits.
    pub async fn waits(&self) {
        let mut gate = self.gate.0.subscribe();
        let waits = gate.wait_for(|held| held.as_ref().is_some_and(|held| held.has_one));
        tokio::time::timeout(DEADLINE, waits).await.expect("a request comes").expect("its sender is here");
    }

    /// Nothing waits any more.
    pub fn release(&self) {
        self.gate.0.send_replace(None);
    }

    /// What is left of uploads in parts that were neither completed nor given up.
    pub fn parts(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).expect("the folder is there").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(".upload")).collect()
    }

    /// The settings of a server that uses it.
    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("FILES_URL", "s3://parlor/files"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
            ("AWS_REGION", "us-east-1"),
        ]
    }

    /// Where the objects are.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET).join("files")
    }
}
