//! What people do with messages beyond writing them: pins, earlier words, mentions, hearing of all one's rooms.

mod acts;
mod forms;
mod mentions;
mod watch;
