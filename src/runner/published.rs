//! What a scrape serves: the last good values, already encoded, and how each round went.
//!
//! Writers replace whole blocks; a scrape clones references to them under a short lock and never waits for a round.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::piece::Piece;
use crate::metric::encode::{self, Format};
use crate::metric::{Definition, Family, Histogram, LabelValues, Samples, Value};
use crate::postgres::ErrorKind;

/// Where samples come from: one collector on one target, and on one of its databases where its scope says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The label `target`.
    pub target: Arc<str>,
    /// The label `datname`; `None` for collectors that run once per target.
    pub datname: Option<Arc<str>>,
    /// The label `collector`.
    pub collector: &'static str,
}

impl Source {
    fn scope(&self) -> Vec<(&'static str, &str)> {
        let target = [("target", &*self.target)];
        target.into_iter().chain(self.datname.as_deref().map(|datname| ("datname", datname))).collect()
    }
}

/// The encoded samples of one family from one source.
#[derive(Debug)]
struct Block {
    definition: &'static Definition,
    piece: Piece,
    expires: Instant,
}

/// The blocks of one family under its header, which is compressed once as they are.
#[derive(Debug)]
struct Blocks {
    text: Piece,
    openmetrics: Piece,
    by_source: BTreeMap<Source, Block>,
}

impl Blocks {
    fn new(definition: &Definition) -> Self {
        let header = |format| {
            let mut header = String::new();
            encode::header(definition, format, &mut header);
            Piece::new(header)
        };
        Self { text: header(Format::Text), openmetrics: header(Format::OpenMetrics), by_source: BTreeMap::new() }
    }

    fn header(&self, format: Format) -> &Piece {
        match format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.openmetrics,
        }
    }
}

/// How the rounds of one source went.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// Time from the start of one round to the start of the next.
    pub interval: Duration,
    /// Whether the last round succeeded; `None` before the first one ended.
    pub succeeded: Option<bool>,
    /// Why the last round failed, if it did.
    pub failure: Option<(ErrorKind, String)>,
    /// Rounds that ended.
    pub total: u64,
    /// Rounds that failed.
    pub failures: u64,
    /// How long the last round took.
    pub duration: Duration,
    /// Unix time at which the last good round ended.
    pub last_success: Option<f64>,
    /// Series of the last good round.
    pub series: usize,
    /// Things without series of their own because of a bound, in the last good round.
    pub left_out: u64,
}

/// Whether something answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachability {
    /// Whether the last attempt to open or use a session succeeded; `None` before the first.
    pub up: Option<bool>,
    /// Why not.
    pub failure: Option<(ErrorKind, String)>,
}

impl Reachability {
    /// Something that answers.
    pub fn up() -> Self {
        Self { up: Some(true), failure: None }
    }

    /// Something that cannot be reached.
    pub fn down(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self { up: Some(false), failure: Some((kind, reason.into())) }
    }

    fn kind(&self) -> Option<ErrorKind> {
        self.failure.as_ref().map(|(kind, _)| *kind)
    }

    /// Takes the place of what was known; returns whether more differs than the words of a failure, which change from
    /// attempt to attempt.
    fn replace(self, known: &mut Self) -> bool {
        let news = (self.up, self.kind()) != (known.up, known.kind());
        *known = self;
        news
    }
}

#[derive(Debug, Default)]
struct Contents {
    blocks: BTreeMap<&'static str, Blocks>,
    rounds: BTreeMap<Source, Rounds>,
    targets: BTreeMap<Arc<str>, Reachability>,
    databases: BTreeMap<(Arc<str>, Arc<str>), Reachability>,
    histograms: HashMap<Source, Vec<Accumulated>>,
}

/// A histogram since the start of the exporter.
#[derive(Debug)]
struct Accumulated {
    definition: &'static Definition,
    labels: LabelValues,
    histogram: Histogram,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Published {
    contents: Mutex<Contents>,
}

/// A copy of everything but the samples, for the page, for readiness and for the exporter's own metrics.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// Targets.
    pub targets: BTreeMap<Arc<str>, Reachability>,
    /// Databases by target and name.
    pub databases: BTreeMap<(Arc<str>, Arc<str>), Reachability>,
    /// Rounds by source.
    pub rounds: BTreeMap<Source, Rounds>,
}

impl Published {
    /// Publishes the samples of a good round; they stay for `lifetime` unless replaced.
    pub fn succeed(&self, source: &Source, samples: Samples, duration: Duration, lifetime: Duration, at: f64) {
        let (series, left_out) = (samples.series(), samples.left_out());
        let mut families = samples.into_families();
        self.lock().accumulate(source, &mut families);
        let expires = Instant::now() + lifetime;
        // Encoding and compressing takes the time; the lock is not held meanwhile.
        let blocks: Vec<_> = families.into_iter().map(|family| block(source, &family, expires)).collect();
        let mut contents = self.lock();
        contents.remove_blocks(source);
        for block in blocks {
            let blocks = contents.blocks.entry(block.definition.name).or_insert_with(|| Blocks::new(block.definition));
            blocks.by_source.insert(source.clone(), block);
        }
        let rounds = contents.rounds.entry(source.clone()).or_default();
        rounds.total += 1;
        rounds.succeeded = Some(true);
        rounds.failure = None;
        rounds.duration = duration;
        rounds.last_success = Some(at);
        rounds.series = series;
        rounds.left_out = left_out;
    }

    /// Notes a failed round; the values of the last good one stay until they expire. Returns whether the failure is
    /// news: the round before did not fail in the same way.
    pub fn fail(&self, source: &Source, kind: ErrorKind, message: String, duration: Duration) -> bool {
        let mut contents = self.lock();
        let rounds = contents.rounds.entry(source.clone()).or_default();
        let news = rounds.failure.as_ref().is_none_or(|(before, _)| *before != kind);
        rounds.total += 1;
        rounds.failures += 1;
        rounds.succeeded = Some(false);
        rounds.failure = Some((kind, message));
        rounds.duration = duration;
        news
    }

    /// Notes whether a target answers. Returns whether that is news.
    pub fn target(&self, target: &Arc<str>, reachability: Reachability) -> bool {
        reachability.replace(self.lock().targets.entry(Arc::clone(target)).or_default())
    }

    /// Notes whether a database answers. Returns whether that is news, which it is not when it has just been found.
    pub fn database(&self, target: &Arc<str>, datname: &Arc<str>, reachability: Reachability) -> bool {
        let key = (Arc::clone(target), Arc::clone(datname));
        reachability.replace(self.lock().databases.entry(key).or_insert_with(Reachability::up))
    }

    /// Notes that a source exists, and its target, before its first round has ended.
    pub fn expect(&self, source: &Source, interval: Duration) {
        let mut contents = self.lock();
        contents.targets.entry(Arc::clone(&source.target)).or_default();
        contents.rounds.entry(source.clone()).or_default().interval = interval;
    }

    /// Drops everything of sources, targets and databases that are no longer watched.
    pub fn retain(&self, target: impl Fn(&str) -> bool, source: impl Fn(&Source) -> bool) {
        let mut contents = self.lock();
        contents.targets.retain(|name, _| target(name));
        contents.rounds.retain(|candidate, _| source(candidate));
        contents.histograms.retain(|candidate, _| source(candidate));
        for blocks in contents.blocks.values_mut() {
            blocks.by_source.retain(|candidate, _| source(candidate));
        }
        let database = |source: &Source| Some((source.target.clone(), source.datname.clone()?));
        let watched: BTreeSet<_> = contents.rounds.keys().filter_map(database).collect();
        contents.databases.retain(|key, _| watched.contains(key));
    }

    /// The published samples, a header and its lines for each family, by name; what has expired is left out.
    pub fn pieces(&self, format: Format) -> Vec<Piece> {
        let now = Instant::now();
        let contents = self.lock();
        let mut pieces = Vec::new();
        for blocks in contents.blocks.values() {
            let fresh = blocks.by_source.values().filter(|block| block.expires > now);
            let mut fresh = fresh.map(|block| block.piece.clone()).peekable();
            if fresh.peek().is_some() {
                pieces.push(blocks.header(format).clone());
                pieces.extend(fresh);
            }
        }
        pieces
    }

    /// Everything but the samples.
    pub fn overview(&self) -> Overview {
        let contents = self.lock();
        Overview {
            targets: contents.targets.clone(),
            databases: contents.databases.clone(),
            rounds: contents.rounds.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn remove_blocks(&mut self, source: &Source) {
        for blocks in self.blocks.values_mut() {
            blocks.by_source.remove(source);
        }
    }

    /// A histogram of a round holds that round's observations; Prometheus wants all since the start.
    fn accumulate(&mut self, source: &Source, families: &mut [Family]) {
        for family in families {
            for sample in &mut family.samples {
                let Value::Histogram(round) = &mut sample.value else { continue };
                let known = self.histograms.entry(source.clone()).or_default();
                let same = |entry: &&mut Accumulated| {
                    std::ptr::eq(entry.definition, family.definition) && entry.labels == sample.labels
                };
                if let Some(entry) = known.iter_mut().find(same) {
                    entry.histogram.add(round);
                    **round = entry.histogram.clone();
                } else {
                    let (labels, histogram) = (Arc::clone(&sample.labels), (**round).clone());
                    known.push(Accumulated { definition: family.definition, labels, histogram });
                }
            }
        }
    }
}

fn block(source: &Source, family: &Family, expires: Instant) -> Block {
    let mut text = String::new();
    encode::lines(family, &source.scope(), &mut text);
    text.shrink_to_fit();
    Block { definition: family.definition, piece: Piece::new(text), expires }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::metric::{labels, metrics};

    metrics! {
        /// Scans of a table.
        static SCANS: Counter = "pgwarden_table_seq_scans_total" [relname];
        /// Ages of transactions.
        static AGES: Histogram = "pgwarden_transaction_seconds" [];
    }

    const LIFETIME: Duration = Duration::from_mins(1);

    fn source(datname: &str) -> Source {
        Source { target: "main".into(), datname: Some(datname.into()), collector: "table_activity" }
    }

    fn scans(value: f64) -> Samples {
        let mut samples = Samples::default();
        samples.push(&SCANS, &labels(["users"]), value);
        samples
    }

    fn text(published: &Published) -> String {
        published.pieces(Format::Text).iter().map(|piece| String::from_utf8(piece.plain.to_vec()).unwrap()).collect()
    }

    #[test]
    fn samples_of_one_family_stand_together_under_one_header() {
        let published = Published::default();
        for datname in ["app", "shop"] {
            published.succeed(&source(datname), scans(1.0), Duration::ZERO, LIFETIME, 0.0);
        }
        assert_eq!(
            text(&published),
            "# HELP pgwarden_table_seq_scans_total Scans of a table.\n# TYPE pgwarden_table_seq_scans_total counter\n\
             pgwarden_table_seq_scans_total{target=\"main\",datname=\"app\",relname=\"users\"} 1\n\
             pgwarden_table_seq_scans_total{target=\"main\",datname=\"shop\",relname=\"users\"} 1\n"
        );
    }

    #[test]
    fn the_last_good_values_outlive_a_failure_until_they_expire() {
        let published = Published::default();
        let source = source("app");
        published.succeed(&source, scans(1.0), Duration::ZERO, LIFETIME, 0.0);
        assert!(published.fail(&source, ErrorKind::Timeout, "late".into(), LIFETIME));
        assert!(!published.fail(&source, ErrorKind::Timeout, "late".into(), LIFETIME), "the same again is no news");
        assert!(text(&published).contains("relname=\"users\""));
        published.succeed(&source, scans(2.0), Duration::ZERO, Duration::ZERO, 0.0);
        assert_eq!(text(&published), "");
    }

    #[test]
    fn a_round_replaces_the_one_before_whole() {
        let published = Published::default();
        published.succeed(&source("app"), scans(1.0), Duration::ZERO, LIFETIME, 0.0);
        published.succeed(&source("app"), Samples::default(), Duration::ZERO, LIFETIME, 0.0);
        assert_eq!(text(&published), "");
    }

    #[test]
    fn histograms_add_up_over_rounds() {
        let published = Published::default();
        for _ in 0..3 {
            let mut histogram = Histogram::new(&[1.0]);
            histogram.observe(0.5);
            let mut samples = Samples::default();
            samples.push_plain(&AGES, histogram);
            published.succeed(&source("app"), samples, Duration::ZERO, LIFETIME, 0.0);
        }
        assert!(text(&published).contains("pgwarden_transaction_seconds_count{target=\"main\",datname=\"app\"} 3\n"));
    }

    #[test]
    fn a_change_of_what_can_be_reached_is_news_and_its_wording_is_not() {
        let published = Published::default();
        let refused = |words: &str| Reachability::down(ErrorKind::Connect, words);
        let database = |reachability| published.database(&"main".into(), &"app".into(), reachability);
        let late = Reachability::down(ErrorKind::Timeout, "late");
        let told = [Reachability::up(), refused("a"), refused("b"), late, Reachability::up()].map(database);
        assert_eq!(told, [false, true, false, true, true]);
        published.expect(&source("app"), LIFETIME);
        assert!(published.target(&"main".into(), Reachability::up()), "of a target the first answer is news");
    }

    #[test]
    fn nothing_is_left_of_a_database_that_is_gone() {
        let published = Published::default();
        for datname in ["app", "gone"] {
            let source = source(datname);
            published.succeed(&source, scans(1.0), Duration::ZERO, LIFETIME, 0.0);
            published.database(&source.target, &datname.into(), Reachability::up());
        }
        published.retain(|_| true, |source| source.datname.as_deref() != Some("gone"));
        assert!(!text(&published).contains("gone"));
        assert_eq!(published.overview().databases.len(), 1);
    }

    #[test]
    fn pieces_concatenate_compressed_as_they_do_plain() {
        let published = Published::default();
        published.succeed(&source("app"), scans(1.0), Duration::ZERO, LIFETIME, 0.0);
        let gzip: Vec<u8> =
            published.pieces(Format::OpenMetrics).iter().flat_map(|piece| piece.gzip.to_vec()).collect();
        let plain: Vec<u8> =
            published.pieces(Format::OpenMetrics).iter().flat_map(|piece| piece.plain.to_vec()).collect();
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(gzip.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
    }
}
