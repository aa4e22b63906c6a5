//! How many pages a second are served, of short, long and very long rooms: the room, a page in the middle of its history as JSON, and a
//! search in it; plain, compressed, and with an ETag that matches.

use std::time::{Duration, Instant};

use super::Fixture;
use super::stock::{COMMON, RARE};
use crate::bench::http::{Http, get};
use crate::bench::meter::{Meter, millis};
use crate::bench::options::Kind;
use crate::bench::people::Person;
use crate::bench::results::{Figure, grouped};
use crate::bench::server::Server;
use crate::bench::{Result, on_threads};
use crate::quantile;

const READERS: usize = 4;

/// A page, and what shows that it is complete.
struct Page {
    name: &'static str,
    path: String,
    accept: &'static str,
    mark: String,
    at_least: usize,
}

pub fn measure(fixture: &mut Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let stretch = fixture.options.stretch() / 2;
    let stock = fixture.stock(kind)?;
    let server = stock.site.start()?;
    for (slug, depth) in &stock.rooms {
        let setting = format!("{} messages", grouped(*depth));
        for page in pages(slug, *depth) {
            let failed = |error| format!("{setting}, {}: {error}", page.name);
            figures.extend(read(&server, &stock.reader, &page, stretch, &setting).map_err(failed)?);
        }
    }
    server.stop()?;
    Ok(())
}

fn pages(slug: &str, depth: usize) -> [Page; 4] {
    let (html, json) = ("text/html", "application/json");
    let search = |words: &str| format!("/search?q={words}+in:{slug}");
    let page = |name, path, accept, mark: &str, at_least| Page { name, path, accept, mark: mark.to_owned(), at_least };
    [
        page("room", format!("/rooms/{slug}"), html, &format!("/rooms/{slug}/"), 50),
        page("history, JSON", format!("/rooms/{slug}?around={}", depth / 2), json, r#""html":"#, 50),
        page("search, rare word", search(RARE), html, "<mark>", 10),
        page("search, frequent word", search(COMMON), html, "<mark>", 20),
    ]
}

fn read(server: &Server, person: &Person, page: &Page, stretch: Duration, setting: &str) -> Result<Vec<Figure>> {
    let Page { name, path, accept, mark, at_least } = page;
    let accept = ("accept", *accept);
    let plain = get(path, &person.cookie, &[accept]);
    let mut http = Http::connect(server.address)?;
    // The first visit may change the page: messages become read.
    http.send(&plain)?;
    let first = http.send(&plain)?;
    let marks = String::from_utf8_lossy(first.body).matches(mark).count();
    if first.status != 200 || marks < *at_least {
        return Err(format!("{} with {marks} of {mark}", first.status).into());
    }
    let tag = first.header("etag").map(str::to_owned);
    let size = first.body.len() as f64 / 1024.0;
    let mut figures = vec![Figure::about(setting, &format!("{name}: KiB"), size)];
    figures.extend(ask(server, &plain, stretch, setting, name)?.0);

    let packed = get(path, &person.cookie, &[accept, ("accept-encoding", "gzip")]);
    let first = http.send(&packed)?;
    if first.header("content-encoding") == Some("gzip") {
        figures.push(Figure::about(setting, &format!("{name}, gzip: KiB"), first.body.len() as f64 / 1024.0));
        figures.extend(ask(server, &packed, stretch, setting, &format!("{name}, gzip"))?.0);
    }

    if let Some(tag) = tag {
        let again = get(path, &person.cookie, &[accept, ("if-none-match", &tag)]);
        let (more, unchanged) = ask(server, &again, stretch, setting, &format!("{name}, known"))?;
        figures.extend(more);
        figures.push(Figure::about(setting, &format!("{name}, known: answered 304, %"), unchanged * 100.0));
    }
    Ok(figures)
}

/// Requests it repeatedly; returns the figures, and the share of 304s.
fn ask(server: &Server, request: &[u8], stretch: Duration, setting: &str, name: &str) -> Result<(Vec<Figure>, f64)> {
    let mut http = Http::connect(server.address)?;
    let warm = Instant::now() + stretch / 6;
    while Instant::now() < warm {
        http.send(request)?;
    }
    let meter = Meter::start(server)?;
    let until = Instant::now() + stretch;
    let read = on_threads(READERS, |_| {
        let mut http = Http::connect(server.address)?;
        let (mut took, mut unchanged) = (Vec::new(), 0);
        while Instant::now() < until {
            let began = Instant::now();
            match http.send(request)?.status {
                200 => {}
                304 => unchanged += 1,
                status => return Err(format!("a page answered {status}").into()),
            }
            took.push(began.elapsed());
        }
        Ok((took, unchanged))
    })?;
    let used = meter.stop(server)?;
    let (mut took, unchanged) = read.into_iter().fold((Vec::new(), 0), |(mut all, count), (took, more)| {
        all.extend(took);
        (all, count + more)
    });
    let share = unchanged as f64 / took.len().max(1) as f64;
    let figures = vec![
        Figure::more(setting, &format!("{name}: pages/s"), used.rate(took.len())),
        Figure::less(setting, &format!("{name}: p99, ms"), millis(quantile(&mut took, 0.99))),
        Figure::less(setting, &format!("{name}: CPU a page, µs"), used.each(took.len())),
    ];
    Ok((figures, share))
}
