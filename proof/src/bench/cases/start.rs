//! The time from the start of the process until it listens: without a database, with an empty one, and with long rooms.

use super::Fixture;
use crate::bench::Result;
use crate::bench::meter::millis;
use crate::bench::options::Kind;
use crate::bench::results::{Figure, grouped};

const NAME: &str = "until it listens, ms";

pub fn measure(fixture: &mut Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (site, server) = fixture.fresh(kind, true)?;
    figures.push(Figure::less("no database yet", NAME, millis(server.took)));
    figures.push(Figure::less("no database yet", "memory, MiB", server.memory() as f64 / 1_048_576.0));
    server.stop()?;
    let server = site.start()?;
    figures.push(Figure::less("an empty database", NAME, millis(server.took)));
    server.stop()?;
    if matches!(kind, Kind::Parlor | Kind::ParlorPostgres) {
        let stock = fixture.stock(kind)?;
        let messages: usize = stock.rooms.iter().map(|(_, depth)| depth).sum();
        let server = stock.site.start()?;
        figures.push(Figure::less(&format!("{} messages", grouped(messages)), NAME, millis(server.took)));
        server.stop()?;
    }
    Ok(())
}
