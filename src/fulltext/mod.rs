//! Full-text search: tokenizing, indexed documents, terms, scores and snippets.
//!
//! Owns pure functions over texts. It must not read a database or know who may find what.

pub mod document;
pub mod plain;
pub mod score;
pub mod snippet;
pub mod symbols;
pub mod term;
pub mod tokenizer;
