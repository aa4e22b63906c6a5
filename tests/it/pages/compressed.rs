//! What is compressed, and what is not: the size of an answer must not tell whether a guess was right.

use std::io::Read;

use flate2::read::GzDecoder;
use proof::client::Person;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use reqwest::{Method, RequestBuilder};

use crate::both;
use crate::harness::{Answer, TestApp};

async fn packed(request: RequestBuilder) -> Answer {
    Answer::of(request.header(ACCEPT_ENCODING, "gzip")).await
}

async fn is_packed(person: &Person, path: &str, accept: &str) -> bool {
    packed(person.request(Method::GET, path).header(ACCEPT, accept)).await.expect(200).header("content-encoding") == "gzip"
}

/// How long a page is when it is compressed, and what it says.
async fn measured(person: &Person, path: &str) -> (usize, String) {
    let page = person.request(Method::GET, path).header(ACCEPT, "text/html").header(ACCEPT_ENCODING, "gzip");
    let answer = page.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let bytes = answer.bytes().await.expect("a body");
    let mut text = String::new();
    GzDecoder::new(&*bytes).read_to_string(&mut text).expect("gzip");
    (bytes.len(), text)
}

#[apply(both)]
async fn what_carries_words_is_sent_as_it_is(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.create_room("Quarterly layoffs", "private").await;
    ada.enter("general").await;
    ada.write("general", "some words").await.expect(303);
    for path in ["/search?q=quarterly-layoffs", "/search?q=quarterly-picnics", "/people?q=ada", "/rooms/general/members?q=ada"] {
        for accept in ["text/html", "application/json"] {
            assert!(!is_packed(&ada, path, accept).await, "{path} as {accept}");
        }
    }
    assert!(!is_packed(&app.stranger(), "/login?next=%2Frooms%2Fgeneral", "text/html").await);
    let forms =
        [("/preview", "body", "quarterly-layoffs"), ("/rooms", "name", ""), ("/settings", "time_zone", "quarterly-layoffs")];
    for (path, field, value) in forms {
        let answer = packed(ada.form(path, &[(field, value)])).await;
        assert_eq!(answer.header("content-encoding"), "", "{path}: {answer:?}");
    }
}

#[apply(both)]
async fn what_carries_none_is_compressed(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.enter("general").await;
    for number in 0..20 {
        ada.write("general", &format!("some words, number {number}")).await.expect(303);
    }
    for path in ["/rooms", "/rooms/general", "/rooms/general?before=9&limit=5", "/rooms/general/3", "/settings?saved", "/search"]
    {
        assert!(is_packed(&ada, path, "text/html").await, "{path}");
    }
    assert!(is_packed(&ada, "/rooms/general?after=2", "application/json").await);
    assert!(is_packed(&app.stranger(), "/sw.js", "*/*").await);
}

/// Rooms that differ in nothing that matters, and whether the guess in each is right: as often early as late.
const ROOMS: [(&str, bool); 8] = [
    ("Room one", true),
    ("Room two", false),
    ("Room six", false),
    ("Room ten", true),
    ("Room red", false),
    ("Room tan", true),
    ("Room ash", true),
    ("Room sky", false),
];

/// Whether pages are as long with the right guess as with the same letters in another order. In one window the right guess would make each of
/// them about 30 bytes shorter. Other words of a page, such as times, make a few bytes of difference, which four pages of each kind even out.
fn tell_nothing(lengths: &[(usize, bool)]) -> bool {
    let sum = |wanted: bool| lengths.iter().filter(|(_, is_right)| *is_right == wanted).map(|(length, _)| length).sum::<usize>();
    sum(true).abs_diff(sum(false)) < 4 * 15
}

/// Other people's words stand on a page beside the names of one's own rooms. A guess that stands in the name of a secret one must not
/// make the page shorter: it is compressed apart.
#[apply(both)]
async fn a_guess_beside_the_list_of_rooms_does_not_shorten_the_page(app: &TestApp) {
    let ada = app.register("ada").await;
    let (secret, other) = ("Quarterly layoffs of the whole northern office", "northern layoffs whole office the of Quarterly");
    ada.create_room(secret, "private").await;
    let mallory = app.register("mallory").await;
    let mut lengths = Vec::new();
    for (room, is_right) in ROOMS {
        let guess = if is_right { secret } else { other };
        let room = mallory.create_room(room, "public").await;
        mallory.write(&room, guess).await.expect(303);
        let (length, text) = measured(&ada, &format!("/rooms/{room}")).await;
        assert!(text.contains(guess) && text.contains("Quarterly layoffs"), "{text}");
        lengths.push((length, is_right));
    }
    assert!(tell_nothing(&lengths), "{lengths:?}");
}

/// A draft stands beside the words that it answers.
#[apply(both)]
async fn a_guess_beside_a_draft_does_not_shorten_the_page(app: &TestApp) {
    let (ada, mallory) = (app.register("ada").await, app.register("mallory").await);
    let (secret, other) = ("quarterly layoffs of the whole northern office", "northern layoffs whole office the of quarterly");
    let mut rooms = Vec::new();
    for (room, is_right) in ROOMS {
        let room = mallory.create_room(room, "public").await;
        ada.enter(&room).await;
        mallory.write(&room, if is_right { secret } else { other }).await.expect(303);
        let draft = [("body", secret), ("reply_to", "3")];
        ada.post(&format!("/rooms/{room}/draft"), &draft).await.expect(303);
        rooms.push((room, is_right));
    }
    let mut lengths = Vec::new();
    for (room, is_right) in rooms {
        let guess = if is_right { secret } else { other };
        let (length, text) = measured(&ada, &format!("/rooms/{room}")).await;
        assert!(
            text.contains(&format!(">{secret}</textarea>")) && text.contains(&format!("data-answers-words=\"{guess}\"")),
            "{text}"
        );
        lengths.push((length, is_right));
    }
    assert!(tell_nothing(&lengths), "{lengths:?}");
}
