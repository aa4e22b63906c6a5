//! What a chat adds to CommonMark, put into the parsed text: mentions, links to rooms, emoji, task boxes, colours in code.
//!
//! Owns the one walk over the tree; the tree knows what is code and what is a link, so nothing is found in there by mistake. It
//! only adds HTML that it makes itself.

use comrak::Arena;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, LineColumn, Node, NodeList, NodeValue};

use super::highlight::Painter;
use super::sanitize::escape;
use super::words::{Found, Words};
use crate::chat::names::Names;

/// How many names in one message are linked or addressed: what it costs to tell everybody, and to read it, is bounded.
const MAX_NAMES: usize = 100;

/// How deep quotes and lists may nest. Nobody reads deeper, and browsers stop at some hundreds.
const MAX_DEPTH: usize = 64;

/// Dresses the tree, and gives whom it addresses; `None` for one that is nested too deep.
pub fn dress<'a>(arena: &'a Arena<'a>, root: Node<'a>, names: &Names) -> Option<Vec<String>> {
    let mut walk = Walk { arena, names, mentions: Vec::new(), left: MAX_NAMES, painter: Painter::default() };
    for (node, context) in interesting(root)? {
        walk.visit(node, context);
    }
    Some(walk.mentions)
}

/// Where a text stands.
#[derive(Clone, Copy, Default)]
struct Context {
    /// In how many block quotes: words that are only repeated address nobody.
    quotes: usize,
}

/// The nodes that may change, in the order of the text. Gathered first: the walk replaces them. Without recursion, because quotes
/// nest as deep as somebody likes.
fn interesting<'a>(root: Node<'a>) -> Option<Vec<(Node<'a>, Context)>> {
    let mut found = Vec::new();
    let mut context = Context::default();
    let mut links = 0_usize;
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
            NodeValue::Link(_) | NodeValue::Image(_) if enters => links += 1,
            NodeValue::Link(_) | NodeValue::Image(_) => links -= 1,
            NodeValue::BlockQuote if enters => context.quotes += 1,
            NodeValue::BlockQuote => context.quotes -= 1,
            NodeValue::Text(_) if enters && links == 0 && !is_escaped(node) => found.push((node, context)),
            NodeValue::CodeBlock(_) | NodeValue::HtmlBlock(_) | NodeValue::TaskItem(_) if enters => found.push((node, context)),
            _ => {}
        }
    }
    Some(found)
}

fn is_escaped<'a>(node: Node<'a>) -> bool {
    node.parent().is_some_and(|parent| matches!(parent.data().value, NodeValue::Escaped))
}

struct Walk<'a, 'n> {
    arena: &'a Arena<'a>,
    names: &'n Names,
    mentions: Vec<String>,
    left: usize,
    painter: Painter,
}

impl<'a> Walk<'a, '_> {
    fn visit(&mut self, node: Node<'a>, context: Context) {
        let value = std::mem::replace(&mut node.data_mut().value, NodeValue::SoftBreak);
        let value = match value {
            NodeValue::Text(text) => match self.text(node, &text, context) {
                true => return,
                false => NodeValue::Text(text),
            },
            NodeValue::CodeBlock(block) => {
                let language = block.info.split_whitespace().next().unwrap_or_default();
                match self.painter.paint(language, &block.literal) {
                    Some(code) => NodeValue::Raw(code),
                    None => NodeValue::CodeBlock(block),
                }
            }
            // Shown as the text that it is, in a paragraph like other words.
            NodeValue::HtmlBlock(block) => NodeValue::Raw(format!("<p>{}</p>\n", escape(block.literal.trim()))),
            NodeValue::TaskItem(task) => {
                self.put_box(node, task.symbol.is_some());
                NodeValue::Item(NodeList::default())
            }
            other => other,
        };
        node.data_mut().value = value;
    }

    /// Puts what a text holds in its place; `false` when it holds nothing but itself.
    fn text(&mut self, node: Node<'a>, text: &str, context: Context) -> bool {
        let mut said = 0;
        for (from, to, found) in Words::new(text) {
            let Some(put) = self.meaning(&text[from..to], found, context) else { continue };
            if said < from {
                node.insert_before(self.node(NodeValue::Text(text[said..from].to_owned().into())));
            }
            node.insert_before(self.node(put));
            said = to;
        }
        if said == 0 {
            return false;
        }
        node.data_mut().value = NodeValue::Text(text[said..].to_owned().into());
        true
    }

    /// What a word with a sign before it means, if anything.
    fn meaning(&mut self, word: &str, found: Found<'_>, context: Context) -> Option<NodeValue> {
        match found {
            Found::Emoji(shortcode) => Some(NodeValue::Text(emojis::get_by_shortcode(shortcode)?.as_str().into())),
            Found::Name(name) => {
                let name = name.to_lowercase();
                let (addressed, html) = match &*name {
                    "room" | "here" => (format!("@{name}"), format!("<span class=\"mention\">{word}</span>")),
                    _ if self.names.is_person(&name) => {
                        let html = format!("<a class=\"mention\" href=\"/people/{name}\">{word}</a>");
                        (name, html)
                    }
                    _ => return None,
                };
                self.left = self.left.checked_sub(1)?;
                if context.quotes == 0 && !self.mentions.contains(&addressed) {
                    self.mentions.push(addressed);
                }
                Some(NodeValue::Raw(html))
            }
            Found::Room(slug) => {
                let slug = slug.to_lowercase();
                if !self.names.is_public_room(&slug) {
                    return None;
                }
                self.left = self.left.checked_sub(1)?;
                Some(NodeValue::Raw(format!("<a class=\"room-link\" href=\"/rooms/{slug}\">{word}</a>")))
            }
        }
    }

    /// A task's box, as a sign with a name: a field that cannot be used would only be in the way.
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
