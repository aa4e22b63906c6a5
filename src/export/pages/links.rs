//! The links in messages: those to people and rooms of the server lead to their pages here, or nowhere.
//!
//! Owns how stored HTML is changed. It is sanitized already; only the values of links that begin with `/` are replaced.

use std::collections::HashMap;

use super::person_place;
use crate::export::parts::People;

/// How a link into the server begins in stored HTML.
const LINK: &str = " href=\"/";

/// The file for a path of the server, from the export's folder.
pub fn to(path: &str, people: &People, rooms: &HashMap<String, usize>) -> Option<String> {
    if let Some(name) = path.strip_prefix("people/") {
        return people.by_username(name).map(|who| person_place(who.number));
    }
    let slug = path.strip_prefix("rooms/")?;
    rooms.get(slug).map(|number| format!("rooms/{number}/index.html"))
}

/// Stored HTML with the links that `to` gives, each behind `root`; the others are none any more.
pub fn relinked(html: &str, root: &str, to: impl Fn(&str) -> Option<String>) -> String {
    let mut parts = html.split(LINK);
    let mut out = String::with_capacity(html.len());
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (path, rest) = part.split_once('"').unwrap_or((part, ""));
        // Neither has a character that HTML escapes: both are made here.
        if let Some(target) = to(path) {
            out.push_str(" href=\"");
            out.push_str(root);
            out.push_str(&target);
            out.push('"');
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::parts::Who;
    use crate::model::UserId;

    #[test]
    fn links_into_the_server_lead_to_pages_or_nowhere() {
        let mut people = People::default();
        people.add(UserId(7), Who { number: 501, username: "ada".into(), name: "Ada".into(), photo: None });
        let rooms = HashMap::from([("general".to_owned(), 3)]);
        let html = "<p><a class=\"mention\" href=\"/people/ada\">@ada</a> <a href=\"/people/eve\">@eve</a> \
                    <a class=\"room-link\" href=\"/rooms/general\">#general</a> <a href=\"//elsewhere\">x</a> \
                    <a href=\"https://example.com/people/ada\" rel=\"noopener\">y</a> href=&quot;/people/ada</p>";
        let expected = "<p><a class=\"mention\" href=\"../../people-2.html#u501\">@ada</a> <a>@eve</a> \
                        <a class=\"room-link\" href=\"../../rooms/3/index.html\">#general</a> <a>x</a> \
                        <a href=\"https://example.com/people/ada\" rel=\"noopener\">y</a> href=&quot;/people/ada</p>";
        assert_eq!(relinked(html, "../../", |path| to(path, &people, &rooms)), expected);
    }
}
