//! Everything that needs a running server, in one test binary: it links once, and its tests share one throw-away Postgres.
//!
//! Reading order: `harness` (what tests stand on), then a folder for each subject.

mod harness;
