//! The bench's command line.
//!
//! Owns the choice of cases, servers and sizes.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Case {
    /// Posts that are committed and acknowledged, with 1, 16 and 128 under way, in 1 room and in 100.
    Posts,
    /// Posts with 128 under way, where each sync of the disk takes up to 3 ms longer than it does; needs `strace`.
    Disks,
    /// One room with 10 to 5,000 listeners, first paced, then as fast as it goes.
    Fanout,
    /// Connecting and joining with a replay of 50 messages.
    Connects,
    /// Memory for each connection that has joined and waits.
    Idle,
    /// What longer messages cost.
    Sizes,
    /// Room, history and search pages of rooms with up to a million messages.
    Pages,
    /// Messages with files, memory of uploads in progress, and files served, beside `nginx` where that is installed.
    Files,
    /// Answers of the API, and deliveries to webhooks, to 1 receiver and to 16.
    Integration,
    /// From the start of the process to the line that says it listens.
    Start,
    /// One node without and with Redis, and two nodes, on one Postgres: posts, deliveries, and the way from node to node.
    Cluster,
    /// What a reader waits for in a real browser; needs `chromium` and `chromedriver`.
    Browser,
}

/// A server under measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// Parlor on SQLite, with its defaults.
    Parlor,
    /// Parlor on a throw-away Postgres with its defaults, on the same processor.
    ParlorPostgres,
    /// Socket.IO on Node.
    Node,
    /// The same with SQLite's `synchronous=NORMAL`: a power failure may take what was acknowledged.
    NodeNormal,
    /// The same, but what arrives in one turn of the event loop is committed together.
    NodeGrouped,
    /// Flask-SocketIO with gevent.
    Flask,
    /// The same with `synchronous=NORMAL`.
    FlaskNormal,
    /// A bare loop: a batched insert, and one prepared frame to each socket. No server can do with less.
    Floor,
}

/// Runs the named cases, each a few times, each time against a fresh server.
#[derive(Debug, Args)]
pub struct Options {
    /// What to measure; everything when nothing is named.
    cases: Vec<Case>,
    /// Which servers; each case has its own choice when none is named.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<Kind>,
    /// How often each case is repeated; the middle result counts. 3, or 1 with `--quick`.
    #[arg(long)]
    rounds: Option<usize>,
    /// How long each timed stretch lasts, in seconds. 3, or 1 with `--quick`.
    #[arg(long)]
    seconds: Option<f64>,
    /// Fewer sizes, shorter, once.
    #[arg(long)]
    pub quick: bool,
    /// Parlor's program.
    #[arg(long, default_value = "target/release/parlor")]
    pub program: PathBuf,
    /// Where each server's database is made, and the peers are installed; its disk is part of what is measured.
    #[arg(long, default_value = "target")]
    pub dir: PathBuf,
    /// The processors of the servers, as `taskset` writes them.
    #[arg(long, default_value = "0")]
    pub server_cpus: String,
    /// The processors of this program.
    #[arg(long, default_value = "1")]
    pub load_cpus: String,
    /// Further settings of Parlor, `NAME=value`.
    #[arg(long = "set", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// Writes all rounds into this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Puts the tables into this document, and the chart and the JSON beside it.
    #[arg(long)]
    pub docs: Option<PathBuf>,
    /// Measures nothing: shows what an earlier run wrote with `--json`.
    #[arg(long)]
    pub render: Option<PathBuf>,
}

fn setting(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Options {
    /// What to measure, in order.
    pub fn cases(&self) -> Vec<Case> {
        if self.cases.is_empty() { Case::value_variants().to_vec() } else { self.cases.clone() }
    }

    /// The servers of a case: the named ones that can run it, or its default choice.
    pub fn servers_for(&self, case: Case) -> Vec<Kind> {
        use Kind::{Flask, Floor, Node, NodeGrouped, Parlor, ParlorPostgres};
        let (usual, able): (&[Kind], &[Kind]) = match case {
            Case::Posts => (Kind::value_variants(), Kind::value_variants()),
            // Postgres syncs in a process of its own, which is started earlier.
            Case::Disks => (&[Parlor, Node, NodeGrouped, Floor], &[Parlor, Node, NodeGrouped, Flask, Floor]),
            Case::Fanout | Case::Idle => (&[Parlor, Node, Flask, Floor], Kind::value_variants()),
            Case::Connects => (&[Parlor, ParlorPostgres, Node, Flask, Floor], Kind::value_variants()),
            Case::Sizes => (&[Parlor, Node, Flask], Kind::value_variants()),
            Case::Pages | Case::Files | Case::Integration => (&[Parlor, ParlorPostgres], &[Parlor, ParlorPostgres]),
            Case::Cluster => (&[ParlorPostgres], &[ParlorPostgres]),
            Case::Browser => (&[Parlor], &[Parlor, ParlorPostgres]),
            Case::Start => (&[Parlor, ParlorPostgres, Node, Flask], Kind::value_variants()),
        };
        match self.servers.as_slice() {
            [] => usual.to_vec(),
            named => able.iter().copied().filter(|kind| named.contains(kind)).collect(),
        }
    }

    /// The servers of all cases.
    pub fn all_servers(&self) -> Vec<Kind> {
        let mut all: Vec<_> = self.cases().into_iter().flat_map(|case| self.servers_for(case)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How often each case is repeated.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// How long a timed stretch lasts.
    pub fn stretch(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 1.0 } else { 3.0 }))
    }

    /// `fanout`: how many listen.
    pub fn listeners(&self) -> &'static [usize] {
        if self.quick { &[10, 1_000] } else { &[10, 100, 1_000, 5_000] }
    }

    /// `posts`: people, posts of each under way, rooms.
    pub fn posting(&self) -> &'static [(usize, usize, usize)] {
        if self.quick { &[(1, 1, 1), (16, 8, 1)] } else { &[(1, 1, 1), (16, 1, 1), (16, 8, 1), (16, 1, 100), (16, 8, 100)] }
    }

    /// `idle`: how many connections wait.
    pub fn waiting(&self) -> &'static [usize] {
        if self.quick { &[1_000] } else { &[1_000, 10_000] }
    }

    /// `sizes`: how many characters a message has.
    pub fn lengths(&self) -> &'static [usize] {
        if self.quick { &[60, 6_000] } else { &[60, 600, 6_000] }
    }

    /// `pages` and `start`: rooms with so many messages.
    pub fn depths(&self) -> &'static [usize] {
        if self.quick { &[1_000, 50_000] } else { &[1_000, 100_000, 1_000_000] }
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("none is hidden").get_name())
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("none is hidden").get_name())
    }
}
