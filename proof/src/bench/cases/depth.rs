//! How long the first, a middle and the last page of a very long room take: paging by place must not care how long it is.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::{ROOM, furnished};
use crate::bench::http::{Http, get};
use crate::bench::report::{Figure, exact, millis, percentile, whole};
use crate::bench::sender::BODY;
use crate::bench::{Options, Result};

/// How many times each page is asked for, one after the other.
const TIMES: usize = 300;

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let (site, server, person) = furnished(options, 1)?;
    server.stop()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let depth = runtime.block_on(lengthen(&site.database(), options.depth))?;
    let server = site.start()?;
    let mut http = Http::connect(server.address)?;
    let mut time = |query: String| -> Result<Duration> {
        let request = get(&format!("/rooms/{ROOM}{query}"), &person.cookie, "text/html");
        let page = http.send(&request)?;
        let messages = String::from_utf8_lossy(page.body).matches(BODY).count();
        if page.status != 200 || messages < 50 {
            return Err(format!("{query}: {}, {messages} messages", page.status).into());
        }
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            http.send(&request)?;
            took.push(began.elapsed());
        }
        Ok(percentile(&mut took, 50))
    };
    // From seq 3 on: the first two are what the room itself records and the first post.
    let first = time("?after=2".into())?;
    let middle = time(format!("?around={}", depth / 2))?;
    let last = time(format!("?before={}", depth + 1))?;
    let latest = time(String::new())?;
    let times = [first, middle, last];
    let slowest = times.iter().max().copied().unwrap_or_default();
    let fastest = times.iter().min().copied().unwrap_or_default();
    server.stop()?;
    Ok(vec![
        whole("messages in the room", depth as f64),
        millis("first page, ms", first),
        millis("middle page, ms", middle),
        millis("last page, ms", last),
        exact("slowest / fastest", slowest.as_secs_f64() / fastest.as_secs_f64()),
        millis("the room as it opens, ms", latest),
    ])
}

/// Writes messages into the room until it has `depth` of them, straight into the file of a stopped server.
async fn lengthen(file: &Path, depth: i64) -> Result<i64> {
    let mut database: SqliteConnection = SqliteConnectOptions::new().filename(file).connect().await?;
    sqlx::query(
        "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at)
         with recursive place(seq) as (select seq + 1 from rooms where slug = $1 union all select seq + 1 from place where seq < $2)
         select rooms.id, place.seq, place.seq, 'text', users.id, $3, '<p>' || $3 || '</p>', 'seed-' || place.seq,
                users.created_at + place.seq
         from place, rooms, users where rooms.slug = $1 and users.username = 'ada'",
    )
    .bind(ROOM)
    .bind(depth)
    .bind(BODY)
    .execute(&mut database)
    .await?;
    sqlx::query("update rooms set seq = $2, rev = $2, talk_seq = $2 where slug = $1")
        .bind(ROOM)
        .bind(depth)
        .execute(&mut database)
        .await?;
    database.close().await?;
    Ok(depth)
}
