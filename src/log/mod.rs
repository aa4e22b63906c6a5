//! The log: where it goes, how it looks, and what is never in it.
//!
//! Owns that no setting of `LOG` makes words, passwords, cookies, tokens or the ids of sessions and sockets appear. Parlor's own lines
//! name none of them. Libraries do, below warnings: statements, packets, headers, frames. So of a library only warnings and errors are
//! ever logged, whatever `LOG` asks for. Lines go to standard error: standard output says where Parlor listens, for whoever started it.

#[cfg(feature = "opentelemetry")]
mod traces;

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{Config, LogFormat};

/// The log, until it is dropped: then what waits to be sent is sent.
#[derive(Debug)]
#[must_use = "traces that wait are lost without it"]
pub struct Log {
    #[cfg(feature = "opentelemetry")]
    _traces: Option<traces::Traces>,
}

/// Starts logging as the settings say, faults of the program included. Not on a thread of a runtime: sending traces blocks.
pub fn start(config: &Config) -> Log {
    // A standard error that is closed ends nothing.
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).log_internal_errors(false);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let asked = EnvFilter::new(&config.log);
    let most = at_most(asked.max_level_hint().unwrap_or(LevelFilter::TRACE));
    let registry = tracing_subscriber::registry();
    #[cfg(not(feature = "opentelemetry"))]
    registry.with(asked).with(most).with(lines).init();
    // Each has filters of its own, which cost more: what is traced does not depend on what is logged.
    #[cfg(feature = "opentelemetry")]
    let traces = {
        let (traces, spans) = traces::start().unzip();
        registry.with(spans).with(lines.with_filter(asked).with_filter(most)).init();
        traces
    };
    panic::set_hook(Box::new(panicked));
    Log {
        #[cfg(feature = "opentelemetry")]
        _traces: traces,
    }
}

/// What may be logged of whom, at the most, where `asked` is the most that anybody is asked for. No more than that: else each line of
/// a library that is not logged costs some hundred instructions, and a delivery has several.
fn at_most(asked: LevelFilter) -> Targets {
    Targets::new()
        .with_target("parlor", asked)
        // It warns of every cookie whose session has ended, which is nothing to warn of.
        .with_target("tower_sessions_core", LevelFilter::ERROR.min(asked))
        .with_default(LevelFilter::WARN.min(asked))
}

/// Logs where the program failed, and why as far as that stands in its source. A reason that was put together may quote what somebody
/// wrote: cutting a text in the middle of a character does.
fn panicked(fault: &PanicHookInfo<'_>) {
    let place = fault.location().map(ToString::to_string).unwrap_or_default();
    let reason = fault.payload().downcast_ref::<&'static str>().copied().unwrap_or("see the source");
    tracing::error!(place, reason, "the program panicked");
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_not_heard_below_warnings() {
        let most = at_most(LevelFilter::TRACE);
        for target in ["sqlx::query", "socketioxide::client", "engineioxide", "tungstenite::protocol", "hyper::proto", "log", "x"]
        {
            assert!(most.would_enable(target, &Level::WARN), "{target}");
            assert!(!most.would_enable(target, &Level::INFO), "{target}");
        }
        assert!(most.would_enable("parlor::web::trace", &Level::TRACE));
        assert!(!most.would_enable("tower_sessions_core::session", &Level::WARN));
    }

    #[test]
    fn nothing_is_looked_at_that_nobody_asked_for() {
        // Its levels are what the libraries' own check goes by.
        let levels = |asked| at_most(asked).iter().map(|(_, level)| level).max();
        assert_eq!(levels(LevelFilter::INFO), Some(LevelFilter::INFO));
        assert_eq!(levels(LevelFilter::ERROR), Some(LevelFilter::ERROR));
    }
}
