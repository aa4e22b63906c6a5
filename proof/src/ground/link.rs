//! A link between a server and Postgres that can break around a commit, so that nobody on this side knows what became of it.
//!
//! Owns telling Postgres' messages apart on the way to it. It must not know what is said in them, but for a `commit`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where the link breaks, once, at the next commit of any connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nowhere.
    Never,
    /// Postgres has committed; its answer is lost.
    BehindCommit,
    /// The order to commit is lost, so Postgres rolls back.
    BeforeCommit,
}

/// The link.
pub struct Link {
    /// Where it takes connections.
    pub address: SocketAddr,
    plan: Arc<watch::Sender<Break>>,
    broken: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Link {
    /// One to the Postgres that listens on this socket in the file system.
    pub async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let plan = Arc::new(watch::channel(Break::Never).0);
        let broken = Arc::<AtomicU64>::default();
        let (planned, counting) = (plan.clone(), broken.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (socket, planned, counting) = (socket.clone(), planned.clone(), counting.clone());
                tokio::spawn(async move {
                    // However it ends, both sides see an end.
                    drop(join(near, socket, &planned, &counting).await);
                });
            }
        });
        Self { address, plan, broken, accepting }
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

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn join(near: TcpStream, socket: PathBuf, plan: &watch::Sender<Break>, broken: &AtomicU64) -> std::io::Result<()> {
    let far = UnixStream::connect(socket).await?;
    near.set_nodelay(true)?;
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
                // What is asked comes first: behind a commit not one byte may go back.
                breaks = &mut asking => break breaks?,
                count = far_in.read(&mut buffer) => match count? {
                    0 => return Ok(()),
                    count => near_out.write_all(&buffer[..count]).await?,
                },
            }
        }
    };
    if breaks == Break::BehindCommit {
        // Until Postgres says that it has committed; then it surely has.
        let mut said = Vec::new();
        while !said.windows(7).any(|part| part == b"COMMIT\0") {
            let count @ 1.. = far_in.read(&mut buffer).await? else { break };
            said.extend_from_slice(&buffer[..count]);
        }
    }
    broken.fetch_add(1, Ordering::Release);
    Ok(())
}

/// Reads what a message's length, which stands behind its type, says is still to come.
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
