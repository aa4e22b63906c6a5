//! A proxy in front of Postgres that can break around a commit, so that the server cannot know the outcome.
//!
//! Owns splitting Postgres' messages on the way to it. It only recognizes `commit`.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::Proxy;

/// Where the proxy breaks, once, at the next commit of any connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nowhere.
    Never,
    /// After the commit: Postgres has committed, and its answer is lost.
    AfterCommit,
    /// Before the commit: Postgres rolls back.
    BeforeCommit,
}

/// The proxy.
pub struct PgProxy {
    proxy: Proxy,
    plan: watch::Sender<Break>,
    broken: Arc<AtomicU64>,
}

impl PgProxy {
    /// Starts one in front of the Postgres that listens on this socket in the file system.
    pub async fn to(socket: PathBuf) -> Self {
        let (plan, broken) = (watch::channel(Break::Never).0, Arc::<AtomicU64>::default());
        let (planned, counting) = (plan.clone(), broken.clone());
        let serve = move |near| {
            let (socket, planned, counting) = (socket.clone(), planned.clone(), counting.clone());
            // However it ends, both sides see an end.
            async move { drop(join(near, socket, &planned, &counting).await) }
        };
        Self { proxy: Proxy::start(serve).await, plan, broken }
    }

    /// Breaks it at the next commit.
    pub fn arm(&self, plan: Break) {
        self.plan.send_replace(plan);
    }

    /// How often it broke.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Acquire)
    }
}

impl Deref for PgProxy {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

async fn join(near: TcpStream, socket: PathBuf, plan: &watch::Sender<Break>, broken: &AtomicU64) -> std::io::Result<()> {
    let far = UnixStream::connect(socket).await?;
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let asking = async {
        // The first message has no type, only a length.
        let mut message = vec![0; 4];
        near_in.read_exact(&mut message).await?;
        read_rest(&mut near_in, &mut message, 0).await?;
        far_out.write_all(&message).await?;
        loop {
            message = vec![0; 5];
            near_in.read_exact(&mut message).await?;
            read_rest(&mut near_in, &mut message, 1).await?;
            let breaks = if is_commit(&message) { plan.send_replace(Break::Never) } else { Break::Never };
            if breaks != Break::BeforeCommit {
                far_out.write_all(&message).await?;
            }
            if breaks != Break::Never {
                return std::io::Result::Ok(breaks);
            }
        }
    };
    let mut buffer = vec![0; 16 * 1024];
    let breaks = {
        tokio::pin!(asking);
        loop {
            tokio::select! {
                biased;
                // Requests first: after a commit not one byte may go back.
                breaks = &mut asking => break breaks?,
                count = far_in.read(&mut buffer) => match count? {
                    0 => return Ok(()),
                    count => near_out.write_all(&buffer[..count]).await?,
                },
            }
        }
    };
    if breaks == Break::AfterCommit {
        // Until Postgres reports the commit.
        let mut said = Vec::new();
        while !said.windows(7).any(|part| part == b"COMMIT\0") {
            let count @ 1.. = far_in.read(&mut buffer).await? else { break };
            said.extend_from_slice(&buffer[..count]);
        }
    }
    broken.fetch_add(1, Ordering::Release);
    Ok(())
}

/// Reads the rest of a message, by the length that follows its type.
async fn read_rest(from: &mut (impl AsyncRead + Unpin), message: &mut Vec<u8>, place: usize) -> std::io::Result<()> {
    let length = message[place..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let head = message.len();
    message.resize(place + length.max(4), 0);
    from.read_exact(&mut message[head..]).await.map(drop)
}

/// Whether it is a simple query `commit`.
fn is_commit(message: &[u8]) -> bool {
    message[0] == b'Q' && message[5..].to_ascii_lowercase().starts_with(b"commit")
}
