//! Full text: how a text is cut into words, what the index holds of it, and how what was found is ranked and shown.
//!
//! Owns the tokenizer, documents, terms, scores and snippets: pure functions over texts. It must not read a database or know who may find what.

pub mod document;
pub mod plain;
pub mod score;
pub mod snippet;
pub mod symbols;
pub mod term;
pub mod tokenizer;
