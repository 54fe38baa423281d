//! The exporter's own metrics: what it is, what it serves and what it uses.
//!
//! The `prometheus` crate counts. It is not asked to write: it knows one of the two formats only, so its values go
//! through the same definitions and encoder as everything else.

use std::time::Duration;

use prometheus::core::Metric;
use prometheus::{Gauge, HistogramOpts, IntCounter, IntGauge};

use super::process;
use crate::metric::{Definition, Family, Histogram, Samples, labels, metrics};
use crate::state;

metrics! {
    /// The version of the exporter and what it was built for.
    static BUILD: Info = "pgwarden_build_info" [version, os, arch];
    /// Scrapes that were answered.
    static SCRAPES: Counter = "pgwarden_scrapes_total" [];
    /// Seconds to put the response of a scrape together, without sending it.
    static SCRAPE_DURATION: Histogram = "pgwarden_scrape_duration_seconds" [];
    /// Bytes of the responses to scrapes, as sent: compressed where the client allows it.
    static RESPONSE_BYTES: Counter = "pgwarden_scrape_response_bytes_total" [];
    /// Attempts to load the configuration anew.
    static RELOADS: Counter = "pgwarden_config_reloads_total" [];
    /// Attempts to load the configuration anew that failed, so that the old one stayed.
    static RELOAD_FAILURES: Counter = "pgwarden_config_reload_failures_total" [];
    /// 1 if the last attempt to load the configuration succeeded, 0 if the one before it is still in use.
    static RELOAD_SUCCESSFUL: Gauge = "pgwarden_config_last_reload_successful" [];
    /// Unix time at which the configuration in use was loaded.
    static RELOAD_SUCCESS: Gauge = "pgwarden_config_last_reload_success_timestamp_seconds" [];
    /// Unix time at which the exporter started.
    static START_TIME: Gauge = "process_start_time_seconds" [];
    /// Seconds of processor time that the exporter has used, absent where the system does not tell.
    static CPU: Counter = "process_cpu_seconds_total" [];
    /// Bytes of physical memory that the exporter uses, absent where the system does not tell.
    static RESIDENT_MEMORY: Gauge = "process_resident_memory_bytes" [];
    /// The most bytes of physical memory that the exporter ever used, absent where the system does not tell.
    static RESIDENT_MEMORY_PEAK: Gauge = "process_resident_memory_peak_bytes" [];
    /// File descriptors that the exporter has open, absent where the system does not tell.
    static OPEN_FDS: Gauge = "process_open_fds" [];
}

/// All metrics of this file.
pub static METRICS: &[&Definition] = &[
    &BUILD,
    &SCRAPES,
    &SCRAPE_DURATION,
    &RESPONSE_BYTES,
    &RELOADS,
    &RELOAD_FAILURES,
    &RELOAD_SUCCESSFUL,
    &RELOAD_SUCCESS,
    &START_TIME,
    &CPU,
    &RESIDENT_MEMORY,
    &RESIDENT_MEMORY_PEAK,
    &OPEN_FDS,
];

/// Upper bounds of the buckets of scrape durations, in seconds.
static SCRAPE_BOUNDS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];

/// The counters behind the metrics.
#[derive(Debug)]
pub(super) struct Instruments {
    scrapes: IntCounter,
    scrape_duration: prometheus::Histogram,
    response_bytes: IntCounter,
    reloads: IntCounter,
    reload_failures: IntCounter,
    reload_successful: IntGauge,
    reload_success: Gauge,
    started: f64,
}

impl Instruments {
    /// The exporter starts now, with a configuration that has just been loaded.
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let started = state::now();
        let options = HistogramOpts::new(SCRAPE_DURATION.name, SCRAPE_DURATION.help);
        let instruments = Self {
            scrapes: counter(&SCRAPES)?,
            scrape_duration: prometheus::Histogram::with_opts(options.buckets(SCRAPE_BOUNDS.to_vec()))?,
            response_bytes: counter(&RESPONSE_BYTES)?,
            reloads: counter(&RELOADS)?,
            reload_failures: counter(&RELOAD_FAILURES)?,
            reload_successful: IntGauge::new(RELOAD_SUCCESSFUL.name, RELOAD_SUCCESSFUL.help)?,
            reload_success: Gauge::new(RELOAD_SUCCESS.name, RELOAD_SUCCESS.help)?,
            started,
        };
        instruments.reload_successful.set(1);
        instruments.reload_success.set(started);
        Ok(instruments)
    }

    /// Unix time at which the exporter started.
    pub(super) fn started(&self) -> f64 {
        self.started
    }

    /// Counts a scrape.
    pub(super) fn count_scrape(&self, duration: Duration, bytes: u64) {
        self.scrapes.inc();
        self.scrape_duration.observe(duration.as_secs_f64());
        self.response_bytes.inc_by(bytes);
    }

    /// Counts an attempt to load the configuration anew.
    pub(super) fn count_reload(&self, successful: bool) {
        self.reloads.inc();
        self.reload_successful.set(successful.into());
        if successful {
            self.reload_success.set(state::now());
        } else {
            self.reload_failures.inc();
        }
    }

    /// The values now.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut samples = Samples::default();
        let build = [env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH];
        samples.push_info(&BUILD, &labels(build));
        for (definition, counter) in [
            (&SCRAPES, &self.scrapes),
            (&RESPONSE_BYTES, &self.response_bytes),
            (&RELOADS, &self.reloads),
            (&RELOAD_FAILURES, &self.reload_failures),
        ] {
            samples.push_plain(definition, counter.get() as f64);
        }
        samples.push_plain(&SCRAPE_DURATION, histogram(&self.scrape_duration, &SCRAPE_BOUNDS));
        samples.push_plain(&RELOAD_SUCCESSFUL, self.reload_successful.get() as f64);
        samples.push_plain(&RELOAD_SUCCESS, self.reload_success.get());
        samples.push_plain(&START_TIME, self.started);
        samples.push_some(&CPU, &labels([]), process::cpu_seconds());
        samples.push_some(&RESIDENT_MEMORY, &labels([]), process::resident_bytes());
        samples.push_some(&RESIDENT_MEMORY_PEAK, &labels([]), process::peak_resident_bytes());
        samples.push_some(&OPEN_FDS, &labels([]), process::open_fds());
        samples.into_families()
    }
}

fn counter(definition: &Definition) -> Result<IntCounter, prometheus::Error> {
    IntCounter::new(definition.name, definition.help)
}

/// A histogram of the `prometheus` crate as ours, which both formats can be written from.
fn histogram(counted: &prometheus::Histogram, bounds: &'static [f64]) -> Histogram {
    let metric = counted.metric();
    let counted = metric.get_histogram();
    let buckets = counted.get_bucket().iter().map(prometheus::proto::Bucket::cumulative_count);
    Histogram::of_cumulative(bounds, buckets, counted.get_sample_count(), counted.get_sample_sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(instruments: &Instruments, name: &str) -> f64 {
        let family = instruments.families().into_iter().find(|family| family.definition.name == name).unwrap();
        match &family.samples[0].value {
            crate::metric::Value::Number(number) => *number,
            crate::metric::Value::Histogram(histogram) => histogram.sum(),
        }
    }

    #[test]
    fn every_metric_has_a_value_from_the_start() {
        let names: Vec<_> =
            Instruments::new().unwrap().families().iter().map(|family| family.definition.name).collect();
        let missing: Vec<_> = METRICS.iter().filter(|definition| !names.contains(&definition.name)).collect();
        assert!(missing.is_empty() || !cfg!(target_os = "linux"), "{missing:?}");
    }

    #[test]
    fn the_process_is_not_free() {
        let instruments = Instruments::new().unwrap();
        if cfg!(target_os = "linux") {
            assert!(value(&instruments, RESIDENT_MEMORY.name) > 1e6);
            assert!(value(&instruments, OPEN_FDS.name) >= 3.0);
        }
    }

    #[test]
    fn a_failed_reload_keeps_the_time_of_the_last_good_one() {
        let instruments = Instruments::new().unwrap();
        let loaded = value(&instruments, RELOAD_SUCCESS.name);
        instruments.count_reload(false);
        assert_eq!(value(&instruments, RELOAD_FAILURES.name).to_bits(), 1_f64.to_bits());
        assert_eq!(value(&instruments, RELOAD_SUCCESSFUL.name).to_bits(), 0_f64.to_bits());
        assert_eq!(value(&instruments, RELOAD_SUCCESS.name).to_bits(), loaded.to_bits());
        instruments.count_reload(true);
        assert_eq!(value(&instruments, RELOADS.name).to_bits(), 2_f64.to_bits());
        assert!(value(&instruments, RELOAD_SUCCESS.name) >= loaded);
    }

    #[test]
    fn a_histogram_keeps_its_buckets() {
        let instruments = Instruments::new().unwrap();
        for seconds in [0.0004, 0.003, 2.0] {
            instruments.count_scrape(Duration::from_secs_f64(seconds), 10);
        }
        let counted = histogram(&instruments.scrape_duration, &SCRAPE_BOUNDS);
        assert_eq!(counted.cumulative().map(|(_, count)| count).collect::<Vec<_>>(), [1, 1, 1, 2, 2, 2, 2, 2, 3]);
        assert_eq!(value(&instruments, RESPONSE_BYTES.name).to_bits(), 30_f64.to_bits());
    }
}
