//! The exporter's own instruments: scrapes, reloads, the process.

use std::fs;
use std::time::Duration;

use prometheus::{Gauge, HistogramOpts, IntCounter, IntGauge};

use crate::metric::{Definition, Family, Histogram, Samples, labels, metrics};
use crate::state;

metrics! {
    /// Version of the exporter, a constant 1.
    static BUILD: Info = "pgwarden_build_info" [version];
    /// Unix time at which the exporter was started.
    static START: Gauge = "pgwarden_start_timestamp_seconds" [];
    /// Scrapes that were answered.
    static SCRAPES: Counter = "pgwarden_scrapes_total" [];
    /// Seconds that it took to assemble an answer, without sending it.
    static SCRAPE_DURATION: Histogram = "pgwarden_scrape_duration_seconds" [];
    /// Bytes of the last answer, as sent.
    static SCRAPE_SIZE: Gauge = "pgwarden_scrape_size_bytes" [];
    /// Attempts to load the configuration anew.
    static RELOADS: Counter = "pgwarden_configuration_reloads_total" [];
    /// Attempts to load the configuration anew that failed and kept the old one.
    static RELOAD_FAILURES: Counter = "pgwarden_configuration_reload_failures_total" [];
    /// 1 if the configuration on disk is the one in use as far as known, 0 after a reload that failed.
    static RELOAD_SUCCESS: Gauge = "pgwarden_configuration_reload_success" [];
    /// Unix time at which the configuration in use was loaded.
    static RELOAD_TIME: Gauge = "pgwarden_configuration_load_timestamp_seconds" [];
    /// Bytes of memory that the exporter holds (VmRSS in /proc/self/status).
    static RESIDENT: Gauge = "pgwarden_resident_memory_bytes" [];
    /// The most bytes of memory that the exporter ever held (VmHWM in /proc/self/status).
    static RESIDENT_PEAK: Gauge = "pgwarden_resident_memory_peak_bytes" [];
}

/// All metrics of this file.
pub static METRICS: &[&Definition] = &[
    &BUILD,
    &START,
    &SCRAPES,
    &SCRAPE_DURATION,
    &SCRAPE_SIZE,
    &RELOADS,
    &RELOAD_FAILURES,
    &RELOAD_SUCCESS,
    &RELOAD_TIME,
    &RESIDENT,
    &RESIDENT_PEAK,
];

/// Bounds of the duration of scrapes, in seconds.
static DURATIONS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];

/// Counts what happens; atomic throughout, so that handlers share it.
pub(super) struct Instruments {
    start: f64,
    scrapes: IntCounter,
    durations: prometheus::Histogram,
    size: IntGauge,
    reloads: IntCounter,
    reload_failures: IntCounter,
    reload_success: IntGauge,
    reload_time: Gauge,
}

impl Instruments {
    pub(super) fn new() -> Self {
        // Names and help texts are constants of this file and valid: the fallbacks are never reached.
        let counter = |definition: &Definition| {
            IntCounter::new(definition.name, definition.help).unwrap_or_else(|error| unreachable!("{error}"))
        };
        let gauge = |definition: &Definition| {
            IntGauge::new(definition.name, definition.help).unwrap_or_else(|error| unreachable!("{error}"))
        };
        let durations = HistogramOpts::new(SCRAPE_DURATION.name, SCRAPE_DURATION.help).buckets(DURATIONS.to_vec());
        let instruments = Self {
            start: state::now(),
            scrapes: counter(&SCRAPES),
            durations: prometheus::Histogram::with_opts(durations).unwrap_or_else(|error| unreachable!("{error}")),
            size: gauge(&SCRAPE_SIZE),
            reloads: counter(&RELOADS),
            reload_failures: counter(&RELOAD_FAILURES),
            reload_success: gauge(&RELOAD_SUCCESS),
            reload_time: Gauge::new(RELOAD_TIME.name, RELOAD_TIME.help).unwrap_or_else(|error| unreachable!("{error}")),
        };
        instruments.reload_success.set(1);
        instruments.reload_time.set(instruments.start);
        instruments
    }

    pub(super) fn scraped(&self, duration: Duration, bytes: usize) {
        self.scrapes.inc();
        self.durations.observe(duration.as_secs_f64());
        self.size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn reloaded(&self, succeeded: bool) {
        self.reloads.inc();
        self.reload_success.set(i64::from(succeeded));
        if succeeded {
            self.reload_time.set(state::now());
        } else {
            self.reload_failures.inc();
        }
    }

    /// The values now, in our own encoder's form: the crate's own one knows no OpenMetrics.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut samples = Samples::default();
        samples.push_info(&BUILD, &labels([env!("CARGO_PKG_VERSION")]));
        samples.push_plain(&START, self.start);
        samples.push_plain(&SCRAPES, self.scrapes.get() as f64);
        samples.push_plain(&SCRAPE_DURATION, self.distribution());
        samples.push_plain(&SCRAPE_SIZE, self.size.get() as f64);
        samples.push_plain(&RELOADS, self.reloads.get() as f64);
        samples.push_plain(&RELOAD_FAILURES, self.reload_failures.get() as f64);
        samples.push_plain(&RELOAD_SUCCESS, self.reload_success.get() as f64);
        samples.push_plain(&RELOAD_TIME, self.reload_time.get());
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let none = labels([]);
        samples.push_some(&RESIDENT, &none, kilobytes(&status, "VmRSS:"));
        samples.push_some(&RESIDENT_PEAK, &none, kilobytes(&status, "VmHWM:"));
        samples.into_families()
    }

    fn distribution(&self) -> Histogram {
        use prometheus::core::Metric;
        let metric = self.durations.metric();
        let histogram = metric.get_histogram();
        let cumulative = histogram.get_bucket().iter().map(prometheus::proto::Bucket::cumulative_count);
        Histogram::of_cumulative(&DURATIONS, cumulative, histogram.get_sample_count(), histogram.get_sample_sum())
    }
}

/// A line of /proc/self/status such as `VmRSS:  1234 kB`, in bytes; absent where there is no such file.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reload_shows_until_one_succeeds() {
        let instruments = Instruments::new();
        let success = |instruments: &Instruments| {
            let families = instruments.families();
            let family = families.iter().find(|family| family.definition.name == RELOAD_SUCCESS.name).unwrap();
            family.samples[0].value.clone()
        };
        instruments.reloaded(false);
        assert_eq!(success(&instruments), 0.0.into());
        instruments.reloaded(true);
        assert_eq!(success(&instruments), 1.0.into());
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(kilobytes("Name:\tpgwarden\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12288.0));
        assert_eq!(kilobytes("", "VmRSS:"), None);
    }

    #[test]
    fn the_distribution_of_scrapes_is_cumulative() {
        let instruments = Instruments::new();
        instruments.scraped(Duration::from_millis(3), 10);
        instruments.scraped(Duration::from_secs(5), 10);
        let histogram = instruments.distribution();
        assert_eq!(histogram.count(), 2);
        assert_eq!(histogram.cumulative().find(|(bound, _)| *bound >= 0.005).unwrap().1, 1);
    }
}
