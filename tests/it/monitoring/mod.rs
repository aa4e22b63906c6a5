//! What operators see of a running server: its numbers, and what the doctor says.

mod doctor;
mod exposition;
mod metrics;
mod packaging;
#[cfg(feature = "opentelemetry")]
mod traces;
