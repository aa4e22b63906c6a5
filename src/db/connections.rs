//! A database's connections, guard to one statement or transaction at a time.
//!
//! Owns who has which. sqlx's pool opens, tests and closes them; but it asks each one that comes back whether it is well, in a task of its
//! own and with a question to SQLite's thread or to Postgres, which for a short statement is as much work again. Here a connection whose
//! work came to its end goes straight to whoever is next, and only one that was given up or failed goes back to the pool
//! (docs/decisions/0029).

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
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a connection may have been idle and still be trusted to be alive.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// So many connections as a pool has, for statements and for transactions.
pub struct Connections<D: Database>(Arc<Inner<D>>);

struct Inner<D: Database> {
    pool: Pool<D>,
    /// Whoever has a connection holds a permit: so there is always one for them, in `idle` or in the pool.
    permits: Semaphore,
    /// Those whose work is done, the last one on top, each with when that was.
    idle: Mutex<Vec<(PoolConnection<D>, Instant)>>,
}

impl<D: Database> Connections<D> {
    /// The connections of a pool, which nobody else must use.
    #[must_use]
    pub fn of(pool: Pool<D>) -> Self {
        let permits = Semaphore::new(pool.options().get_max_connections() as usize);
        Self(Arc::new(Inner { pool, permits, idle: Mutex::default() }))
    }

    /// How many there are at the most.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.pool.options().get_max_connections()
    }

    /// Whether they are closed, or about to be.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.pool.is_closed()
    }

    /// Ends when they are closed.
    #[must_use]
    pub fn close_event(&self) -> CloseEvent {
        self.0.pool.close_event()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PoolConnection<D>, Instant)>> {
        self.0.idle.lock()
    }

    /// A connection, for as long as it is held.
    ///
    /// # Errors
    /// The database's; `PoolTimedOut` when all were in use for as long as the pool waits, and `PoolClosed` after [`close`](Self::close).
    pub async fn acquire(&self) -> sqlx::Result<Guard<'_, D>> {
        // As long for all of it as the pool waits: whoever has a permit may still have to wait for a connection that was given up.
        let limit = self.0.pool.options().get_acquire_timeout();
        tokio::time::timeout(limit, self.acquire_unbounded()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    async fn acquire_unbounded(&self) -> sqlx::Result<Guard<'_, D>> {
        let permit = self.0.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        // Not in the condition: the lock would be held to the end of the block.
        let idle = self.idle().pop();
        if let Some((mut connection, since)) = idle
            && (since.elapsed() < FRESH || connection.ping().await.is_ok())
        {
            return Ok(Guard { connection, owner: self, _permit: permit });
        }
        Ok(Guard { connection: self.0.pool.acquire().await?, owner: self, _permit: permit })
    }

    /// Closes all of them, each when its work is done.
    pub async fn close(&self) {
        // From here on the pool says that it is closed, so whatever comes back later goes to it.
        let closed = self.0.pool.close();
        self.0.permits.close();
        self.idle().clear();
        closed.await;
    }
}

impl<D: Database> Drop for Inner<D> {
    fn drop(&mut self) {
        // One that goes back to the pool does so in a task; the runtime may have ended.
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

/// A connection that is guard. Dropped, it goes back to sqlx's pool, which looks whether it is still good.
pub struct Guard<'a, D: Database> {
    connection: PoolConnection<D>,
    owner: &'a Connections<D>,
    _permit: SemaphorePermit<'a>,
}

impl<D: Database> Guard<'_, D> {
    /// Hands it to whoever is next. To be called when every statement came to its end without an error, and no transaction is open.
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

/// A statement by itself. All its rows are read before the first one is given: nobody here reads more than fits on a page. Only a search,
/// whose statement may be stopped, borrows a connection and takes its rows as they come.
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
            let all: Vec<_> = guard.fetch_many(query).try_collect().await?;
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
            let row = guard.fetch_optional(query).await?;
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
