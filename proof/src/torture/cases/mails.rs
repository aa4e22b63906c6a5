//! Mails about what people missed, under faults: a killed server, a killed node, a mail server that refuses for a while.
//!
//! Owns the check that every message that somebody was to be mailed about is in a mail to them, and that whoever asks for a new password is
//! mailed a link.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;

use crate::infra::servers::{Mail, Script};
use crate::torture::prelude::*;

/// Who is mailed. The mail server refuses the last one the first time.
const READERS: [&str; 4] = ["eve", "finn", "gil", "busy"];
/// How often each is mentioned at a time.
const EACH: u32 = 8;
/// How long the last mails may take: a killed node keeps its claim for a minute.
const LAST: Duration = Duration::from_secs(150);
/// Half an hour passes for each row once, and it is more than an hour since the last mail. Nobody was here meanwhile.
const PASSED: [&str; 4] = [
    "update outbox set created_at = created_at - 1800000 where kind = 'mail' and exists (
        select 1 from messages where messages.room_id = outbox.room_id and messages.seq = outbox.seq
            and messages.created_at = outbox.created_at)",
    "update outbox set due_at = created_at + 600000 where kind = 'mail'",
    "update mail_settings set mailed_at = 0",
    "update users set seen_at = 0",
];

pub const CASES: &[Case] = &[
    Case::new("mail-kill9", Db::BOTH, 30, 2, |fixture, rounds| Box::pin(kill9(fixture, rounds)))
        .about("killed with SIGKILL while people are mentioned and mailed, at any moment, every other time just when a mail has arrived: each mention is in a mail to whom it names, and in nobody else's; each link for a new password that was asked for comes")
        .needs(&[Need::Servers]),
    Case::new("node-mail", Db::POSTGRES, 12, 0, |fixture, rounds| Box::pin(nodes_kill9(fixture, rounds)))
        .about("the same on two nodes, of which one is killed: the other sends what it had begun")
        .needs(&[Need::Servers, Need::Redis]),
];

/// The mails that came.
struct Inbox {
    server: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Inbox {
    async fn open() -> Self {
        let script = Script::start("mail.js", &["plain"]).await.expect("the case needs it");
        let (server, mails) = (script.port, Arc::<Mutex<Vec<Mail>>>::default());
        let known = mails.clone();
        // It ends with this process, which plays only this case.
        tokio::spawn(async move {
            while let Some(said) = script.later().await {
                known.lock().unwrap_or_else(PoisonError::into_inner).extend(Mail::read(&said));
            }
        });
        Self { server, mails }
    }

    fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.server)
    }

    fn count(&self) -> usize {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many links for a new password a reader was mailed.
    fn links(&self, reader: &str) -> usize {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let is_link = |mail: &&Mail| mail.to.starts_with(reader) && mail.text.contains("Subject: Choose a new password");
        mails.iter().filter(is_link).count()
    }

    /// How often each reader was mailed each message that mentions them. A mail quotes the oldest, and says how many follow.
    fn told(&self, written: &BTreeMap<String, Vec<u32>>) -> BTreeMap<String, BTreeMap<u32, usize>> {
        let mut told: BTreeMap<String, BTreeMap<u32, usize>> = BTreeMap::new();
        for mail in self.mails.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let reader = mail.to.split('@').next().unwrap_or_default();
            let quotes = mail.text.lines().filter_map(|line| line.strip_prefix("> ")?.split_once(" number "));
            let mut numbers = Vec::new();
            for (mentioned, number) in quotes {
                assert_eq!(mentioned, format!("@{reader}"), "a mail to somebody else: {}", mail.text);
                numbers.push(number.parse::<u32>().expect("a number"));
            }
            let more = mail.text.lines().find_map(|line| line.strip_prefix("And ")?.strip_suffix(" more.")?.parse().ok());
            let last = numbers.last().copied().unwrap_or_default();
            numbers.extend(written[reader].iter().filter(|number| **number > last).take(more.unwrap_or(0)));
            for number in numbers {
                *told.entry(reader.to_owned()).or_default().entry(number).or_default() += 1;
            }
        }
        told
    }
}

/// Somebody who mentions the readers, and what was acknowledged.
struct Author {
    person: Person,
    room: String,
    next: u32,
    /// For each reader the numbers of the acknowledged messages.
    acknowledged: BTreeMap<&'static str, BTreeSet<u32>>,
    /// For each reader how many links for a new password were asked for, and that was acknowledged.
    links: BTreeMap<&'static str, usize>,
}

impl Author {
    /// The author and the readers, in a public room, each with an address that is confirmed.
    async fn gather(fixture: &Fixture, site: &Site) -> Self {
        let person = site.register("author").await;
        let room = person.create_room("Mentions", "public").await;
        for reader in READERS {
            let reader = site.register(reader).await;
            reader.enter(&room).await;
            reader.post("/settings/notifications", &[("missed", "soon")]).await.expect(303);
            reader.post("/logout", &[]).await.expect(303);
        }
        fixture
            .change(
                "insert into emails (user_id, address, folded, verified_at)
                 select user_id, username || '@example.com', username || '@example.com', 1
                 from mail_settings join users on users.id = mail_settings.user_id",
            )
            .await;
        Self { person, room, next: 0, acknowledged: BTreeMap::new(), links: BTreeMap::new() }
    }

    /// Mentions each reader a few times, and forgets the password of one; what is refused while the server is down may be there or not.
    async fn write(&mut self) {
        let forgetful = READERS[(self.next / EACH) as usize % READERS.len()];
        let request = self.person.form("/reset", &[("account", forgetful)]);
        if Answer::try_of(request).await.is_ok_and(|answer| answer.status == 200) {
            *self.links.entry(forgetful).or_default() += 1;
        }
        for _ in 0..EACH {
            self.next += 1;
            for reader in READERS {
                let body = format!("@{reader} number {}", self.next);
                let request = self.person.form(&format!("/rooms/{}/messages", self.room), &[("body", &body)]);
                if Answer::try_of(request).await.is_ok_and(|answer| answer.status == 303) {
                    self.acknowledged.entry(reader).or_default().insert(self.next);
                }
            }
        }
    }

    /// What is in the room, for each reader: what was acknowledged, and what was on its way when a server died.
    async fn written(&self) -> BTreeMap<String, Vec<u32>> {
        let mut written: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for message in history(&self.person, &self.room).await {
            let Some((reader, number)) = message["body"].as_str().and_then(|body| body.strip_prefix('@')?.split_once(" number "))
            else {
                continue;
            };
            written.entry(reader.to_owned()).or_default().push(number.parse().expect("a number"));
        }
        for (reader, numbers) in &self.acknowledged {
            assert!(numbers.iter().all(|number| written[*reader].contains(number)), "a mention of {reader} was lost");
        }
        written
    }

    /// Waits until everybody was mailed everything, and says how much that was.
    async fn everything_arrived(&self, fixture: &Fixture, inbox: &Inbox) -> String {
        let (began, written) = (Instant::now(), self.written().await);
        let all: usize = written.values().map(Vec::len).sum();
        assert!(all > 0, "nothing was written: this proves nothing");
        loop {
            for passed in PASSED {
                fixture.change(passed).await;
            }
            let told = inbox.told(&written);
            let mut missing = 0;
            for (reader, numbers) in &written {
                missing +=
                    numbers.iter().filter(|number| !told.get(reader).is_some_and(|told| told.contains_key(number))).count();
            }
            let lost: usize = self.links.iter().map(|(reader, asked)| asked.saturating_sub(inbox.links(reader))).sum();
            let waiting = fixture.count("select count(*) from outbox where kind in ('mail', 'account')").await;
            if missing == 0 && lost == 0 && waiting == 0 {
                let again = told.values().flat_map(BTreeMap::values).filter(|times| **times > 1).count();
                let links: usize = self.links.values().sum();
                return format!("{all} mentions, {again} of them more than once, and {links} links in {} mails", inbox.count());
            }
            assert!(began.elapsed() < LAST, "{missing} mentions and {lost} links were not mailed, and {waiting} wait");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// Waits for the moment of a fault: mentions are written and due.
async fn moment(author: &mut Author, fixture: &Fixture, inbox: &Inbox, round: u32) {
    author.write().await;
    let before = inbox.count();
    for passed in PASSED {
        fixture.change(passed).await;
    }
    if round.is_multiple_of(2) {
        // Between a mail and its note. One may be refused for now.
        let began = Instant::now();
        while inbox.count() == before && began.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    } else {
        // At a random moment: this does not wait for a result.
        let wait = Duration::from_millis(rand::rng().random_range(0..1_500));
        tokio::time::sleep(wait).await;
    }
}

async fn kill9(fixture: Fixture, rounds: u32) -> CaseResult {
    let inbox = Inbox::open().await;
    let url = inbox.url();
    let settings = [("SMTP_URL", &*url)];
    let mut server = fixture.start(&settings).await;
    let address = server.address;
    let mut author = Author::gather(&fixture, &server.site).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        moment(&mut author, &fixture, &inbox, round).await;
        // Some are under way when it dies.
        tokio::join!(author.write(), server.kill());
        // As if a minute had passed: a process that is gone holds its claims so long.
        fixture.change("update receivers set claimed_until = 0, due_at = 0 where kind in ('mail', 'account')").await;
        let (again, recovery) = fixture.start_again(address, &settings).await;
        server = again;
        outcome.recovered(recovery);
    }
    outcome.note(author.everything_arrived(&fixture, &inbox).await);
    Ok(outcome)
}

async fn nodes_kill9(fixture: Fixture, rounds: u32) -> CaseResult {
    let inbox = Inbox::open().await;
    // The nodes keep their settings for as long as the program runs.
    let url: &'static str = Box::leak(inbox.url().into_boxed_str());
    let mut nodes = Nodes::start_set(fixture, 2, &[("SMTP_URL", url)]).await;
    let mut author = Author::gather(&nodes.fixture, &nodes.all[0].site).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        let victim = (round % 2) as usize;
        author.person = author.person.at(&nodes.all[1 - victim].site);
        moment(&mut author, &nodes.fixture, &inbox, round).await;
        tokio::join!(author.write(), nodes.all[victim].kill());
        outcome.recovered(nodes.start_again(victim).await);
    }
    outcome.note(author.everything_arrived(&nodes.fixture, &inbox).await);
    Ok(outcome)
}
