//! A connection pool without sqlx's check on every release.
//!
//! Owns which connection is in use. sqlx's pool opens, tests and closes them, but after each use it pings the connection from a
//! new task, which doubles the cost of a short statement. Here a connection whose work completed goes straight to the next user;
//! only one that was cancelled or failed goes back to sqlx's pool (docs/decisions/0029).

use std::fmt::{self, Debug, Formatter};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::{Mutex, MutexGuard};
use sqlx::pool::{CloseEvent, PoolConnection};
use sqlx::{Connection, Database, Describe, Either, Execute, Executor, Pool, SqlStr};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use crate::measure::Times;

/// How long an idle connection is trusted without a ping.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// A pool for single statements and, with [`acquire`](Self::acquire), for transactions.
pub struct Connections<D: Database>(Arc<Inner<D>>);

struct Inner<D: Database> {
    pool: Pool<D>,
    /// One permit for each connection in use, so that its holder always finds one in `idle` or in the pool.
    permits: Semaphore,
    /// Released connections with the time of their release; a stack, so that the most recent one is used first.
    idle: Mutex<Vec<(PoolConnection<D>, Instant)>>,
    /// How long those waited who found no free connection.
    waits: Times,
}

/// How much of a pool is in use.
#[derive(Clone, Debug)]
pub struct PoolState {
    /// The maximum number of connections.
    pub limit: u32,
    /// How many are open.
    pub open: u32,
    /// How many are in use.
    pub in_use: usize,
    /// How long those waited who found no free connection, also in vain.
    pub waits: Times,
}

impl<D: Database> Connections<D> {
    /// Wraps a pool, which nothing else may use.
    pub fn of(pool: Pool<D>) -> Self {
        let permits = Semaphore::new(pool.options().get_max_connections() as usize);
        Self(Arc::new(Inner { pool, permits, idle: Mutex::default(), waits: Times::default() }))
    }

    /// The maximum number of connections.
    pub fn count(&self) -> u32 {
        self.0.pool.options().get_max_connections()
    }

    /// How much of it is in use.
    pub fn state(&self) -> PoolState {
        let limit = self.count();
        let in_use = (limit as usize).saturating_sub(self.0.permits.available_permits());
        PoolState { limit, open: self.0.pool.size(), in_use, waits: self.0.waits.clone() }
    }

    /// Whether the pool is closed or closing.
    pub fn is_closed(&self) -> bool {
        self.0.pool.is_closed()
    }

    /// Resolves when the pool is closed.
    pub fn close_event(&self) -> CloseEvent {
        self.0.pool.close_event()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PoolConnection<D>, Instant)>> {
        self.0.idle.lock()
    }

    /// Acquires a connection.
    ///
    /// # Errors
    /// `PoolTimedOut` after the pool's acquire timeout, and `PoolClosed` after [`close`](Self::close).
    pub async fn acquire(&self) -> sqlx::Result<Guard<'_, D>> {
        // One timeout for both waits: the holder of a permit may still wait for sqlx to replace a connection.
        let limit = self.0.pool.options().get_acquire_timeout();
        tokio::time::timeout(limit, self.acquire_unbounded()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    async fn acquire_unbounded(&self) -> sqlx::Result<Guard<'_, D>> {
        let permit = match self.0.permits.try_acquire() {
            Ok(permit) => permit,
            Err(TryAcquireError::Closed) => return Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                // Counts when it is dropped, so that who gives up counts too.
                let _wait = Wait { since: Instant::now(), waits: &self.0.waits };
                self.0.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        // A separate statement: in the condition, the lock would be held to the end of the block.
        let idle = self.idle().pop();
        if let Some((mut connection, since)) = idle
            && (since.elapsed() < FRESH || connection.ping().await.is_ok())
        {
            return Ok(Guard { connection, owner: self, _permit: permit });
        }
        Ok(Guard { connection: self.0.pool.acquire().await?, owner: self, _permit: permit })
    }

    /// Gives back what a statement that failed tells about the other connections: if its own was lost, so may they be, and sqlx's pool tests
    /// each of them.
    fn learn(&self, error: sqlx::Error) -> sqlx::Error {
        if is_lost(&error) {
            let idle = std::mem::take(&mut *self.idle());
            drop(idle);
        }
        error
    }

    /// Closes all connections, each after its current work.
    pub async fn close(&self) {
        // From here on the pool reports that it is closed, so later releases go to it.
        let closed = self.0.pool.close();
        self.0.permits.close();
        self.idle().clear();
        closed.await;
    }
}

/// Whether an error says that the connection is gone, and not that the statement is wrong.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Postgres says goodbye with 57P01 to 57P05: it shuts down, has crashed, cannot start yet, drops the database, or ends an idle session.
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Somebody who waits for a connection.
struct Wait<'a> {
    since: Instant,
    waits: &'a Times,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waits.add(self.since.elapsed());
    }
}

impl<D: Database> Drop for Inner<D> {
    fn drop(&mut self) {
        // Returning a connection to sqlx's pool spawns a task, and the runtime may have ended.
        let idle = self.idle.get_mut();
        idle.drain(..).for_each(|(connection, _)| drop(connection.detach()));
    }
}

impl<D: Database> Clone for Connections<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Database> Debug for Connections<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("pool", &self.0.pool).finish_non_exhaustive()
    }
}

/// An acquired connection. If it is dropped without [`release`](Self::release), it goes back to sqlx's pool, which tests it.
pub struct Guard<'a, D: Database> {
    connection: PoolConnection<D>,
    owner: &'a Connections<D>,
    _permit: SemaphorePermit<'a>,
}

impl<D: Database> Guard<'_, D> {
    /// Hands the connection to the next user. Call it when every statement succeeded and no transaction is open.
    pub fn release(self) {
        let Self { connection, owner, _permit } = self;
        let mut idle = owner.idle();
        if !owner.is_closed() {
            idle.push((connection, Instant::now()));
        }
    }
}

impl<D: Database> Deref for Guard<'_, D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.connection
    }
}

impl<D: Database> DerefMut for Guard<'_, D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        &mut self.connection
    }
}

/// Runs one statement. All rows are read before the first is returned: results are never longer than a page. Only search, whose
/// statements may be interrupted, acquires a connection and streams its rows.
impl<'c, D: Database> Executor<'c> for &'c Connections<D>
where
    for<'a> &'a mut D::Connection: Executor<'a, Database = D>,
{
    type Database = D;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<D::QueryResult, D::Row>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, D>,
    {
        let all = async move {
            let mut guard = self.acquire().await?;
            let all: Vec<_> = guard.fetch_many(query).try_collect().await.map_err(|error| self.learn(error))?;
            guard.release();
            Ok::<_, sqlx::Error>(stream::iter(all).map(Ok))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<D::Row>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, D>,
    {
        Box::pin(async move {
            let mut guard = self.acquire().await?;
            let row = guard.fetch_optional(query).await.map_err(|error| self.learn(error))?;
            guard.release();
            Ok(row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [D::TypeInfo]) -> BoxFuture<'e, sqlx::Result<D::Statement>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut guard = self.acquire().await?;
            let statement = guard.prepare_with(sql, parameters).await?;
            guard.release();
            Ok(statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<D>>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut guard = self.acquire().await?;
            let description = guard.describe(sql).await?;
            guard.release();
            Ok(description)
        })
    }
}
