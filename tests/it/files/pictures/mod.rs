//! Pictures: what of them is stored, how they are measured and turned, and the small ones that are made of them.

mod bombs;
mod crops;
pub mod fixtures;
mod kinds;
mod metadata;
mod previews;
