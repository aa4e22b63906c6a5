//! Traces for an OpenTelemetry collector, where one is named.
//!
//! Owns that nothing but Parlor's own spans leaves this machine: what those of a library hold is not known, and lines of the log may name people. Where and how often is said by
//! the variables of the OpenTelemetry specification, which its library reads.

use std::env;
use std::io::{self, Write};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Either of them makes Parlor send traces.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const NAME: &str = "parlor";

/// The way to the collector. Dropping it sends what waits, for some seconds at the most.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Starts sending, if the environment names a collector.
pub(super) fn start<S>() -> Option<(Traces, impl Layer<S> + Send + Sync)>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !ENDPOINTS.into_iter().any(is_set) {
        return None;
    }
    // An error means that there is one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let exporter = match SpanExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            // Nothing is logged yet.
            drop(writeln!(io::stderr(), "no traces are sent: {error}. See the variables OTEL_EXPORTER_OTLP_…"));
            return None;
        }
    };
    let mut resource = Resource::builder();
    if !is_set("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(NAME);
    }
    let provider = SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(NAME)).with_location(false).with_threads(false);
    let ours = filter_fn(|about| about.is_span() && about.target().starts_with(NAME)).with_max_level_hint(LevelFilter::DEBUG);
    Some((Traces(provider), layer.with_filter(ours)))
}
