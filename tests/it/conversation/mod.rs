//! What people do with messages beyond writing them: pins, edit history, threads, mentions, hearing of all one's rooms.

mod acts;
mod feeds;
mod forms;
mod mentions;
mod revisions;
mod threads;
mod watch;
