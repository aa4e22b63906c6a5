//! A client of Redis that hears every frame of the nodes and publishes it again: twice, late, and changed, or to other clusters.
//!
//! Owns as much of Redis's protocol as it takes. It cannot read the frames, and has no key to sign one.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How late a frame is repeated at most, so that it crosses many others.
const LATE: Duration = Duration::from_millis(300);

/// It ends when it is dropped.
pub struct Repeater {
    tasks: [JoinHandle<()>; 2],
    published: Arc<AtomicU64>,
}

impl Repeater {
    /// Repeats what is published on all channels of nodes.
    pub async fn start(redis: &Path) -> Self {
        Self::with(redis, |_, channel, frame| {
            let mut changed = frame.to_vec();
            let place = rand::rng().random_range(0..changed.len());
            changed[place] ^= 1;
            [(frame.to_vec(), Duration::ZERO), (frame.to_vec(), some_time()), (changed, some_time())]
                .map(|(frame, late)| ([channel.to_vec(), frame], late))
                .to_vec()
        })
        .await
    }

    /// Publishes the frames of each cluster to all others.
    pub async fn across(redis: &Path) -> Self {
        Self::with(redis, |channels, channel, frame| {
            let others = channels.iter().filter(|other| *other != channel);
            others.map(|other| ([other.clone(), frame.to_vec()], Duration::ZERO)).collect()
        })
        .await
    }

    /// Publishes what `make` returns for each frame, with all channels so far, its channel, and its bytes.
    async fn with(
        redis: &Path,
        make: impl Fn(&HashSet<Vec<u8>>, &[u8], &[u8]) -> Vec<([Vec<u8>; 2], Duration)> + Send + 'static,
    ) -> Self {
        let (mut hearing, mut speaking) = (connect(redis).await, connect(redis).await);
        command(&mut hearing, &[b"PSUBSCRIBE", b"parlor:*"]).await.expect("Redis takes it");
        reply(&mut hearing).await.expect("Redis answers");
        let (queue, mut queued) = mpsc::unbounded_channel::<[Vec<u8>; 2]>();
        let published = Arc::<AtomicU64>::default();
        let count = published.clone();
        let hears = tokio::spawn(async move {
            // What it has published itself comes back.
            let (mut known, mut channels) = (HashSet::new(), HashSet::new());
            while let Ok(message) = reply(&mut hearing).await {
                let [_, _, channel, frame] = message.try_into().expect("a message of a pattern has four parts");
                if known.insert(frame.clone()) {
                    channels.insert(channel.clone());
                    for (copy, late) in make(&channels, &channel, &frame) {
                        known.insert(copy[1].clone());
                        let queue = queue.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(late).await;
                            queue.send(copy)
                        });
                    }
                }
            }
        });
        let speaks = tokio::spawn(async move {
            while let Some([channel, frame]) = queued.recv().await {
                if command(&mut speaking, &[b"PUBLISH", &channel, &frame]).await.is_err() || reply(&mut speaking).await.is_err() {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { tasks: [hears, speaks], published }
    }

    /// How many frames it has published.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }
}

impl Drop for Repeater {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn some_time() -> Duration {
    LATE.mul_f64(rand::rng().random())
}

async fn connect(redis: &Path) -> BufReader<UnixStream> {
    BufReader::new(UnixStream::connect(redis).await.expect("Redis listens"))
}

async fn command(to: &mut BufReader<UnixStream>, parts: &[&[u8]]) -> io::Result<()> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        bytes.extend(format!("${}\r\n", part.len()).bytes());
        bytes.extend_from_slice(part);
        bytes.extend(b"\r\n");
    }
    to.write_all(&bytes).await
}

/// The next reply or message, without its structure.
async fn reply(from: &mut BufReader<UnixStream>) -> io::Result<Vec<Vec<u8>>> {
    let (mut parts, mut left) = (Vec::new(), 1);
    while left > 0 {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= 1;
        let (kind, rest) = line.trim_end().split_at(1);
        match (kind, rest.parse::<usize>()) {
            ("*", Ok(count)) => left += count,
            ("$", Ok(length)) => {
                let mut part = vec![0; length + 2];
                from.read_exact(&mut part).await?;
                part.truncate(length);
                parts.push(part);
            }
            _ => parts.push(rest.as_bytes().to_vec()),
        }
    }
    Ok(parts)
}
