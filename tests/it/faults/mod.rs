//! What goes wrong outside: networks, clients that vanish or dawdle, databases that stop. Nothing acknowledged is ever lost.

mod database;
mod dawdlers;
mod ledger;
mod network;
mod postgres;
mod vanished;
