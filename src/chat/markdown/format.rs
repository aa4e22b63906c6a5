//! HTML output where it differs from CommonMark's.
//!
//! Owns list numbers as typed, links that open in a new tab, and the direction of containers. The style sheet sets the direction
//! of single blocks from their first letter.

use std::fmt::{self, Write};

use comrak::html::{ChildRendering, Context, format_document_with_formatter, format_node_default};
use comrak::nodes::{ListType, Node, NodeList, NodeValue};
use comrak::options::Plugins;

use super::addresses::is_web;

/// From this number on, list numbers stand inside the text instead of the margin.
const WIDE: usize = 100;

/// Renders a document.
pub fn html(root: Node<'_>, options: &comrak::Options<'_>, html: &mut String) -> fmt::Result {
    format_document_with_formatter(root, options, html, &Plugins::default(), format, ())
}

fn format(context: &mut Context<'_, '_, ()>, node: Node<'_>, enters: bool) -> Result<ChildRendering, fmt::Error> {
    if !enters {
        return format_node_default(context, node, enters);
    }
    match &node.data().value {
        NodeValue::Link(link) if is_web(&link.url) => {
            context.write_str("<a href=\"")?;
            context.escape_href(&link.url)?;
            if !link.title.is_empty() {
                context.write_str("\" title=\"")?;
                context.escape(&link.title)?;
            }
            context.write_str("\" target=\"_blank\">")?;
        }
        NodeValue::List(list) => {
            context.cr()?;
            begin_list(context, list, node)?;
        }
        NodeValue::Item(item) if item.list_type == ListType::Ordered && own_number(node, item.start).is_some() => {
            context.cr()?;
            write!(context, "<li value=\"{}\">", item.start)?;
        }
        NodeValue::BlockQuote if is_right_to_left(node) => {
            context.cr()?;
            context.write_str("<blockquote dir=\"rtl\">\n")?;
        }
        NodeValue::Table(_) if is_right_to_left(node) => {
            context.cr()?;
            context.write_str("<table dir=\"rtl\">\n")?;
        }
        _ => return format_node_default(context, node, enters),
    }
    Ok(ChildRendering::HTML)
}

fn begin_list(context: &mut Context<'_, '_, ()>, list: &NodeList, node: Node<'_>) -> fmt::Result {
    let is_ordered = list.list_type == ListType::Ordered;
    context.write_str(if is_ordered { "<ol" } else { "<ul" })?;
    if is_ordered {
        let last = node.children().filter_map(number).max().unwrap_or(list.start).max(list.start + node.children().count() - 1);
        if last >= WIDE {
            context.write_str(" class=\"wide\"")?;
        }
        if list.start != 1 {
            write!(context, " start=\"{}\"", list.start)?;
        }
    }
    if is_right_to_left(node) {
        context.write_str(" dir=\"rtl\"")?;
    }
    context.write_str(">")?;
    context.lf()
}

/// An item's number as typed.
fn number(item: Node<'_>) -> Option<usize> {
    match &item.data().value {
        NodeValue::Item(item) if item.list_type == ListType::Ordered => Some(item.start),
        _ => None,
    }
}

/// The number to output for an item: as typed, unless it follows the previous one. A list of nothing but `1.` is counted.
fn own_number(item: Node<'_>, typed: usize) -> Option<usize> {
    let before = number(item.previous_sibling()?)?;
    let first = item.parent().and_then(|list| match &list.data().value {
        NodeValue::List(list) => Some(list.start),
        _ => None,
    });
    (typed != before + 1 && !(typed == before && first == Some(typed))).then_some(typed)
}

/// Whether the first letter inside belongs to a right-to-left script.
fn is_right_to_left(node: Node<'_>) -> bool {
    for inner in node.descendants() {
        if let NodeValue::Text(text) = &inner.data().value
            && let Some(letter) = text.chars().find(|c| c.is_alphabetic())
        {
            return matches!(letter,
                '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}');
        }
    }
    false
}
