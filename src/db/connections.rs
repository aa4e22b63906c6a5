//! A database's connections, lent to one statement or transaction at a time.
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

/// So many connections as a pool has, for statements and for [lending](Self::lend).
pub struct Connections<D: Database>(Arc<Inner<D>>);

struct Inner<D: Database> {
    pool: Pool<D>,
    /// Whoever has a connection holds a place: so there is always one for them, in `ready` or in the pool.
    places: Semaphore,
    /// Those whose work is done, the last one on top, each with when that was.
    ready: Mutex<Vec<(PoolConnection<D>, Instant)>>,
}

impl<D: Database> Connections<D> {
    /// The connections of a pool, which nobody else must use.
    #[must_use]
    pub fn of(pool: Pool<D>) -> Self {
        let places = Semaphore::new(pool.options().get_max_connections() as usize);
        Self(Arc::new(Inner { pool, places, ready: Mutex::default() }))
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

    fn ready(&self) -> MutexGuard<'_, Vec<(PoolConnection<D>, Instant)>> {
        self.0.ready.lock()
    }

    /// A connection, for as long as it is held.
    ///
    /// # Errors
    /// The database's; `PoolTimedOut` when all were in use for as long as the pool waits, and `PoolClosed` after [`close`](Self::close).
    pub async fn lend(&self) -> sqlx::Result<Lent<'_, D>> {
        // As long for all of it as the pool waits: whoever has a place may still have to wait for a connection that was given up.
        let patience = self.0.pool.options().get_acquire_timeout();
        tokio::time::timeout(patience, self.wait_for_one()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    async fn wait_for_one(&self) -> sqlx::Result<Lent<'_, D>> {
        let place = self.0.places.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        // Not in the condition: the lock would be held to the end of the block.
        let ready = self.ready().pop();
        if let Some((mut connection, since)) = ready
            && (since.elapsed() < FRESH || connection.ping().await.is_ok())
        {
            return Ok(Lent { connection, lender: self, _place: place });
        }
        Ok(Lent { connection: self.0.pool.acquire().await?, lender: self, _place: place })
    }

    /// Closes all of them, each when its work is done.
    pub async fn close(&self) {
        // From here on the pool says that it is closed, so whatever comes back later goes to it.
        let closed = self.0.pool.close();
        self.0.places.close();
        self.ready().clear();
        closed.await;
    }
}

impl<D: Database> Drop for Inner<D> {
    fn drop(&mut self) {
        // One that goes back to the pool does so in a task; the runtime may have ended.
        let ready = self.ready.get_mut();
        ready.drain(..).for_each(|(connection, _)| drop(connection.detach()));
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

/// A connection that is lent. Dropped, it goes back to sqlx's pool, which looks whether it is still good.
pub struct Lent<'a, D: Database> {
    connection: PoolConnection<D>,
    lender: &'a Connections<D>,
    _place: SemaphorePermit<'a>,
}

impl<D: Database> Lent<'_, D> {
    /// Hands it to whoever is next. To be called when every statement came to its end without an error, and no transaction is open.
    pub fn done(self) {
        let Self { connection, lender, _place } = self;
        let mut ready = lender.ready();
        if !lender.is_closed() {
            ready.push((connection, Instant::now()));
        }
    }
}

impl<D: Database> Deref for Lent<'_, D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.connection
    }
}

impl<D: Database> DerefMut for Lent<'_, D> {
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
            let mut lent = self.lend().await?;
            let all: Vec<_> = lent.fetch_many(query).try_collect().await?;
            lent.done();
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
            let mut lent = self.lend().await?;
            let row = lent.fetch_optional(query).await?;
            lent.done();
            Ok(row)
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [D::TypeInfo]) -> BoxFuture<'e, sqlx::Result<D::Statement>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lent = self.lend().await?;
            let statement = lent.prepare_with(sql, parameters).await?;
            lent.done();
            Ok(statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<D>>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lent = self.lend().await?;
            let description = lent.describe(sql).await?;
            lent.done();
            Ok(description)
        })
    }
}
