//! Certificates of an authority of the test's own, and clients that speak TLS.
//!
//! Owns making certificates and asking over HTTP/1.1 and HTTP/2. It must not know how a server gets its certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use h2::client::SendRequest;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::DEADLINE;

/// The name of every site here.
pub const NAME: &str = "chat.parlor.test";

/// An authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "Test authority");
        let pem = parameters.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str]) -> Pair {
        self.issue_until(names, 2100)
    }

    /// One that is valid until a year begins.
    pub fn issue_until(&self, names: &[&str], year: i32) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names");
        (parameters.not_before, parameters.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        Pair { chain: parameters.signed_by(&key, &self.issuer).expect("a certificate").pem(), key: key.serialize_pem() }
    }
}

impl Pair {
    /// Writes both into a folder, as what renews them does: each file is replaced.
    pub fn write(&self, folder: &Path) {
        for (name, text) in [("cert.pem", &self.chain), ("key.pem", &self.key)] {
            let new = folder.join(format!("{name}.new"));
            std::fs::write(&new, text).expect("a file");
            std::fs::rename(new, folder.join(name)).expect("a file");
        }
    }

    /// The certificate itself.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.chain.as_bytes()).expect("a certificate")
    }
}

/// The settings of a server whose certificate is in its folder.
pub const FILES: [(&str, &str); 4] =
    [("TLS", "files"), ("TLS_CERT", "./cert.pem"), ("TLS_KEY", "./key.pem"), ("PUBLIC_URL", "https://chat.parlor.test")];

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// Somebody who trusts an authority.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    roots: Arc<RootCertStore>,
}

impl Client {
    /// Who asks at this address, and trusts this authority.
    pub fn new(address: SocketAddr, authority: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate")).expect("an authority");
        Self { address, roots: Arc::new(roots) }
    }

    /// A connection to a name, or to an address as such.
    pub async fn connect_to(&self, name: &str, protocol: &str) -> io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = match name.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(name.to_owned()).expect("a name"),
        };
        let shaking = async {
            let stream = TcpStream::connect(self.address).await?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await
        };
        timeout(DEADLINE, shaking).await.expect("a handshake ends in time")
    }

    /// The certificate that is served.
    pub async fn certificate(&self) -> io::Result<CertificateDer<'static>> {
        let stream = self.connect_to(NAME, "http/1.1").await?;
        let certificates = stream.get_ref().1.peer_certificates().expect("a certificate");
        Ok(certificates[0].clone().into_owned())
    }

    /// Waits until another certificate is served than before; of one that is not valid yet, or not served yet, it asks again.
    pub async fn next_certificate(&self, before: Option<&CertificateDer<'_>>) -> CertificateDer<'static> {
        let changed = async {
            loop {
                match self.certificate().await {
                    Ok(certificate) if Some(&certificate) != before => return certificate,
                    _ => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                }
            }
        };
        timeout(2 * DEADLINE, changed).await.expect("another certificate is served in time")
    }

    /// `GET` over HTTP/1.1.
    pub async fn get(&self, path: &str) -> Reply {
        self.get_from(NAME, path).await
    }

    /// The same of a server with another name.
    pub async fn get_from(&self, name: &str, path: &str) -> Reply {
        let mut stream = self.connect_to(name, "http/1.1").await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it takes a request");
        read(&mut stream).await
    }

    /// A connection of HTTP/2, and what it ends with.
    pub async fn h2(&self) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
        let stream = self.connect_to(NAME, "h2").await.expect("a connection");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        (requests.ready().await.expect("requests can be sent"), tokio::spawn(connection))
    }
}

/// Plain HTTP.
pub async fn get_plainly(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    read(&mut stream).await
}

async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("an answer in time").ok();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap_or(0);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers = pairs.filter_map(|(name, value)| {
        Some((name.parse::<axum::http::HeaderName>().ok()?, value.parse::<axum::http::HeaderValue>().ok()?))
    });
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(name, value);
    }
    Reply { status, headers: all, body: body.to_owned() }
}

/// Sends a request over HTTP/2, and reads its answer.
pub async fn ask(requests: &SendRequest<Bytes>, request: Request<()>, body: &'static str) -> Reply {
    let mut requests = requests.clone().ready().await.expect("requests can be sent");
    let (answer, mut sending) = requests.send_request(request, body.is_empty()).expect("a request");
    if !body.is_empty() {
        sending.send_data(Bytes::from_static(body.as_bytes()), true).expect("a body");
    }
    let answer = timeout(DEADLINE, answer).await.expect("an answer in time").expect("an answer");
    let (parts, mut body) = answer.into_parts();
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.expect("a body");
        body.flow_control().release_capacity(data.len()).expect("it was taken");
        all.extend_from_slice(&data);
    }
    Reply { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8_lossy(&all).into_owned() }
}
