//! Writing: what a text becomes, how it looks before it is sent, and what helps to write it.

mod commands;
mod drafts;
mod help;
mod names;
mod preview;
mod reminders;
