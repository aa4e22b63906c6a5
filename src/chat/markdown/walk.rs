//! Additions to CommonMark in the parsed tree: mentions, room links, emoji, bare addresses, task boxes, highlighting.
//!
//! Owns the one pass over the tree, which knows what is code and what is a link. It inserts only HTML that it creates itself.
//! What would render to nothing shows its source.

use comrak::Arena;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, LineColumn, ListDelimType, ListType, Node, NodeLink, NodeList, NodeValue};

use super::sanitize::escape;
use super::words::{Found, Words};
use super::{addresses, fence};
use crate::chat::names::Names;
use crate::highlight::Painter;
use crate::model::validate::shows_something;

/// Maximum number of emoji in a message of nothing else to be shown large.
const MAX_LARGE: usize = 6;
/// Maximum length of an emoji in bytes.
const LONGEST_EMOJI: usize = 40;

/// Maximum number of linked or mentioned names in a message, which bounds the cost of publishing and reading it.
const MAX_NAMES: usize = 100;

/// Maximum nesting of quotes and lists. Nobody reads deeper, and browsers stop at some hundreds.
const MAX_DEPTH: usize = 64;

/// Adds everything to the tree parsed from `body`, and returns the mentions; `None` for a tree that is nested too deep.
pub fn dress<'a>(arena: &'a Arena<'a>, root: Node<'a>, body: &str, names: &Names) -> Option<Vec<String>> {
    let lines = Vec::new();
    let mut walk = Walk { arena, names, body, lines, mentions: Vec::new(), left: MAX_NAMES, painter: Painter::default() };
    for (node, context) in interesting(root)? {
        walk.visit(node, context);
    }
    walk.enlarge(root);
    Some(walk.mentions)
}

/// The context of a text node.
#[derive(Clone, Copy, Default)]
struct Context {
    /// Depth of block quotes: quoted text mentions nobody.
    quotes: usize,
    /// Depth of links and images.
    links: usize,
}

/// The nodes to process, in the order of the text. Collected first, because processing replaces them; iterative, because nesting
/// is up to the author.
fn interesting<'a>(root: Node<'a>) -> Option<Vec<(Node<'a>, Context)>> {
    let mut found = Vec::new();
    let mut context = Context::default();
    let mut depth = 0_usize;
    for edge in root.traverse() {
        let (node, enters) = match edge {
            NodeEdge::Start(node) => (node, true),
            NodeEdge::End(node) => (node, false),
        };
        depth = if enters { depth + 1 } else { depth - 1 };
        if depth > MAX_DEPTH {
            return None;
        }
        match &node.data().value {
            NodeValue::Link(_) | NodeValue::Image(_) if enters => {
                found.push((node, context));
                context.links += 1;
            }
            NodeValue::Link(_) | NodeValue::Image(_) => context.links -= 1,
            NodeValue::BlockQuote if enters => {
                found.push((node, context));
                context.quotes += 1;
            }
            NodeValue::BlockQuote => context.quotes -= 1,
            NodeValue::Text(_) if enters && context.links == 0 && !is_escaped(node) => found.push((node, context)),
            NodeValue::CodeBlock(_)
            | NodeValue::HtmlBlock(_)
            | NodeValue::TaskItem(_)
            | NodeValue::Heading(_)
            | NodeValue::List(_)
            | NodeValue::Escaped
                if enters =>
            {
                found.push((node, context));
            }
            _ => {}
        }
    }
    Some(found)
}

fn is_escaped<'a>(node: Node<'a>) -> bool {
    node.parent().is_some_and(|parent| matches!(parent.data().value, NodeValue::Escaped))
}

/// The last character of the text before a node.
fn last_before<'a>(node: Node<'a>) -> Option<char> {
    match &node.previous_sibling()?.data().value {
        NodeValue::Text(text) => text.chars().next_back(),
        _ => None,
    }
}

struct Walk<'a, 'n> {
    arena: &'a Arena<'a>,
    names: &'n Names,
    body: &'n str,
    /// The lines of the body, split on first use.
    lines: Vec<&'n str>,
    mentions: Vec<String>,
    left: usize,
    painter: Painter,
}

impl<'a, 'n> Walk<'a, 'n> {
    fn visit(&mut self, node: Node<'a>, context: Context) {
        let line = node.data().sourcepos.start.line;
        let value = std::mem::replace(&mut node.data_mut().value, NodeValue::SoftBreak);
        let value = match value {
            NodeValue::Text(text) => match self.text(node, &text, context, last_before(node)) {
                true => return,
                false => NodeValue::Text(text),
            },
            NodeValue::Link(link) => return self.link(node, *link, context, false),
            NodeValue::Image(link) => return self.link(node, *link, context, true),
            NodeValue::Escaped => {
                self.escaped(node);
                NodeValue::Escaped
            }
            NodeValue::CodeBlock(mut block) => {
                if self.lines.is_empty() {
                    self.lines.extend(self.body.lines());
                }
                fence::complete(&mut block, self.lines.get(line.wrapping_sub(1)).copied());
                let language = block.info.split_whitespace().next().unwrap_or_default();
                match self.painter.paint(language, &block.literal) {
                    Some(code) => NodeValue::Raw(code),
                    None => NodeValue::CodeBlock(block),
                }
            }
            // Shown as text in a paragraph.
            NodeValue::HtmlBlock(block) => NodeValue::Raw(format!("<p>{}</p>\n", escape(block.literal.trim()))),
            NodeValue::TaskItem(task) => {
                self.put_box(node, task.symbol.is_some());
                NodeValue::Item(NodeList::default())
            }
            // Without text, it is the sign as typed.
            NodeValue::Heading(heading) if node.first_child().is_none() => {
                NodeValue::Raw(format!("<p>{}</p>\n", "#".repeat(usize::from(heading.level))))
            }
            NodeValue::List(_) if node.children().all(|item| item.first_child().is_none()) => {
                let marks: Vec<_> = node.children().filter_map(marker).collect();
                for item in node.children().collect::<Vec<_>>() {
                    item.detach();
                }
                NodeValue::Raw(format!("<p>{}</p>\n", marks.join("\n")))
            }
            NodeValue::BlockQuote if node.first_child().is_none() => NodeValue::Raw("<p>&gt;</p>\n".to_owned()),
            other => other,
        };
        node.data_mut().value = value;
    }

    /// A backslash before `_` without emphasis is kept, as the arm of a shrug.
    fn escaped(&self, node: Node<'a>) {
        let is_in_a_word = last_before(node).is_some_and(|before| !before.is_whitespace() && !before.is_ascii_punctuation());
        if let Some(child) = node.first_child()
            && is_in_a_word
            && let NodeValue::Text(text) = &mut child.data_mut().value
            && *text == "_"
        {
            *text = "\\_".into();
        }
    }

    /// A link or image that leads nowhere or shows nothing becomes text.
    fn link(&mut self, node: Node<'a>, link: NodeLink, context: Context, is_image: bool) {
        let typed = if is_image { None } else { typed(node) };
        if context.links > 0 {
            return self.unwrap(node);
        }
        if let Some(typed) = typed {
            let length = addresses::length(&typed, last_before(node)).unwrap_or(typed.len());
            return self.address(node, &typed, length, link, context);
        }
        let Some(url) = addresses::destination(&link.url) else {
            // In angle brackets it is its own text.
            if !is_image && node.children().map(|child| child.collect_text()).collect::<String>() == link.url {
                return self.unwrap(node);
            }
            let end = format!("]({})", link.url);
            node.prepend(self.node(NodeValue::Text(if is_image { "![" } else { "[" }.into())));
            node.append(self.node(NodeValue::Text(end.into())));
            return self.unwrap(node);
        };
        if !node.children().any(|child| shows_something(&child.collect_text())) {
            for child in node.children().collect::<Vec<_>>() {
                child.detach();
            }
            node.append(self.node(NodeValue::Text(link.url.into())));
        }
        node.data_mut().value = NodeValue::Link(Box::new(NodeLink { url, title: link.title }));
    }

    /// A bare address: linked up to its end; the rest is text.
    fn address(&mut self, node: Node<'a>, typed: &str, length: usize, link: NodeLink, context: Context) {
        let beyond = typed.len() - length;
        let whole = link.url.len().checked_sub(beyond).and_then(|end| link.url.get(..end));
        let Some(url) = whole.and_then(addresses::destination) else {
            return self.unwrap(node);
        };
        node.data_mut().value = NodeValue::Link(Box::new(NodeLink { url, title: link.title }));
        if beyond == 0 {
            return;
        }
        if let Some(child) = node.first_child() {
            child.data_mut().value = NodeValue::Text(typed[..length].to_owned().into());
        }
        let rest = self.node(NodeValue::SoftBreak);
        node.insert_after(rest);
        if !self.text(rest, &typed[length..], context, typed[..length].chars().next_back()) {
            rest.data_mut().value = NodeValue::Text(typed[length..].to_owned().into());
        }
    }

    /// Replaces a node by its children.
    fn unwrap(&self, node: Node<'a>) {
        for child in node.children().collect::<Vec<_>>() {
            node.insert_before(child);
        }
        node.data_mut().value = NodeValue::Text("".into());
    }

    /// Shows a message of only a few emoji large.
    fn enlarge(&self, root: Node<'a>) {
        let Some(only) = root.first_child().filter(|first| first.next_sibling().is_none()) else { return };
        let is_text =
            |node: Node<'_>| matches!(node.data().value, NodeValue::Text(_) | NodeValue::SoftBreak | NodeValue::LineBreak);
        if !matches!(only.data().value, NodeValue::Paragraph) || !only.children().all(is_text) {
            return;
        }
        let text = only.collect_text();
        if is_few_emoji(&text) {
            only.data_mut().value = NodeValue::Raw(format!("<p class=\"emoji\">{}</p>\n", escape(text.trim())));
            for child in only.children().collect::<Vec<_>>() {
                child.detach();
            }
        }
    }

    /// Replaces a text node by what it contains; `false` if it contains nothing special.
    fn text(&mut self, node: Node<'a>, text: &str, context: Context, before: Option<char>) -> bool {
        let mut said = 0;
        let mut words = Words::new(text, before);
        while let Some((from, to, found)) = words.next() {
            let Some((put, length)) = self.meaning(&text[from..to], found, context) else { continue };
            if said < from {
                node.insert_before(self.node(NodeValue::Text(text[said..from].to_owned().into())));
            }
            node.insert_before(put);
            said = from + length;
            if said < to {
                words.go_on(said);
            }
        }
        if said == 0 {
            return false;
        }
        node.data_mut().value = NodeValue::Text(text[said..].to_owned().into());
        true
    }

    /// What a word with a sign means, if anything, and how much of it.
    fn meaning(&mut self, word: &str, found: Found<'_>, context: Context) -> Option<(Node<'a>, usize)> {
        match found {
            Found::Emoji(shortcode) => {
                Some((self.node(NodeValue::Text(emojis::get_by_shortcode(shortcode)?.as_str().into())), word.len()))
            }
            Found::Address(address) => {
                let scheme = if address.contains("://") { "" } else { "http://" };
                let url = addresses::destination(&format!("{scheme}{address}"))?;
                let link = self.node(NodeValue::Link(Box::new(NodeLink { url, title: String::new() })));
                link.append(self.node(NodeValue::Text(address.to_owned().into())));
                Some((link, word.len()))
            }
            Found::Name(name) => {
                let lower = name.to_lowercase();
                // The longest existing name: punctuation at the end of a sentence is not part of the name, unless it is.
                let (name, addressed) = shorter(&lower).find_map(|name| Some((name, self.addressed(name)?)))?;
                self.left = self.left.checked_sub(1)?;
                let word = &word[..word.len() - (lower.len() - name.len())];
                let html = match &*addressed {
                    "@room" | "@here" => format!("<span class=\"mention\">{word}</span>"),
                    _ => format!("<a class=\"mention\" href=\"/people/{name}\">{word}</a>"),
                };
                if context.quotes == 0 && !self.mentions.contains(&addressed) {
                    self.mentions.push(addressed);
                }
                Some((self.node(NodeValue::Raw(html)), word.len()))
            }
            Found::Room(slug) => {
                let lower = slug.to_lowercase();
                let slug = shorter(&lower).find(|slug| self.names.is_public_room(slug))?;
                self.left = self.left.checked_sub(1)?;
                let word = &word[..word.len() - (lower.len() - slug.len())];
                Some((self.node(NodeValue::Raw(format!("<a class=\"room-link\" href=\"/rooms/{slug}\">{word}</a>"))), word.len()))
            }
        }
    }

    /// Who is mentioned by a name in lower case.
    fn addressed(&self, name: &str) -> Option<String> {
        match name {
            "here" => Some("@here".to_owned()),
            _ if is_everybody(name) => Some("@room".to_owned()),
            _ => self.names.is_person(name).then(|| name.to_owned()),
        }
    }

    /// A task box as a labeled symbol: a disabled form field would only be in the way.
    fn put_box(&self, item: Node<'a>, is_done: bool) {
        let (label, sign) = if is_done { ("Done", "☑") } else { ("To do", "☐") };
        let sign = self.node(NodeValue::Raw(format!("<span class=\"task\" role=\"img\" aria-label=\"{label}\">{sign}</span> ")));
        match item.first_child() {
            Some(first) if matches!(first.data().value, NodeValue::Paragraph) => first.prepend(sign),
            _ => item.prepend(sign),
        }
    }

    fn node(&self, value: NodeValue) -> Node<'a> {
        self.arena.alloc(AstNode::from(comrak::nodes::Ast::new(value, LineColumn { line: 0, column: 0 })))
    }
}

/// Whether a name after `@` means all members: Parlor's own word and those of other chats.
pub fn is_everybody(name: &str) -> bool {
    matches!(name, "room" | "everyone" | "channel" | "all")
}

/// A name, and its prefixes without trailing signs.
fn shorter(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.strip_suffix(['.', '-', '_']).filter(|name| !name.is_empty()))
}

/// The marker of a list item.
fn marker(item: Node<'_>) -> Option<String> {
    let NodeValue::Item(item) = &item.data().value else { return None };
    Some(match (item.list_type, item.delimiter) {
        (ListType::Bullet, _) => char::from(item.bullet_char).to_string(),
        (ListType::Ordered, ListDelimType::Period) => format!("{}.", item.start),
        (ListType::Ordered, ListDelimType::Paren) => format!("{})", item.start),
    })
}

/// The source of a bare address without angle brackets.
fn typed<'a>(node: Node<'a>) -> Option<String> {
    let child = node.first_child().filter(|child| child.next_sibling().is_none())?;
    match &child.data().value {
        NodeValue::Text(text) if child.data().sourcepos == node.data().sourcepos => Some(text.to_string()),
        _ => None,
    }
}

/// Whether a text consists of a few emoji and spaces.
fn is_few_emoji(text: &str) -> bool {
    let mut rest = text.trim();
    let mut count = 0;
    while !rest.is_empty() {
        // The longest emoji at this position: some are sequences of others.
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|&end| end <= LONGEST_EMOJI);
        let Some(end) = ends.filter(|&end| emojis::get(&rest[..end]).is_some()).last() else { return false };
        count += 1;
        if count > MAX_LARGE {
            return false;
        }
        rest = rest[end..].trim_start();
    }
    count > 0
}
