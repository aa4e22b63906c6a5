//! What every page and form has in common: headers, refusals, where forms may come from.

mod assets;
mod bad_text;
mod compressed;
mod errors;
mod forgery;
mod headers;
mod input;
mod install;
