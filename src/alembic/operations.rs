//! What revisions do, read from the files that declare them: what is unsafe about those that are still to run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use super::lint::{self, Finding, Knowledge, Migration, Options};
use super::reader::Script;
use super::scripts::{Scripts, Stamp, in_parallel};
use super::source;

/// Lists of pending revisions whose findings are kept; databases move from one to the next.
const MAX_JUDGED: usize = 1000;

/// What the revisions of one source do.
#[derive(Debug, Default)]
pub struct Operations {
    files: HashMap<PathBuf, File>,
    revisions: HashMap<String, Revision>,
    folder: Knowledge,
    judged: Mutex<HashMap<(u32, Vec<String>), Judged>>,
}

/// What is unsafe about some revisions, each finding with its revision; `None` where one of them cannot be told.
pub type Judged = Option<Arc<Vec<(String, Finding)>>>;

/// What one revision does.
#[derive(Clone, Debug)]
struct Revision {
    migration: Arc<Migration>,
    lock_timeout_is_set: bool,
}

/// One file, read once until it changes.
#[derive(Clone, Debug)]
struct File {
    stamp: Option<Stamp>,
    /// `None` where it cannot be read.
    migration: Option<Arc<Migration>>,
}

/// What one revision does, as a manifest tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told<M = Migration> {
    lock_timeout_is_set: bool,
    migration: M,
}

impl Operations {
    /// Reads the files of the revisions that `scripts` holds now; those that `before` knows unchanged are not read. What a
    /// manifest tells is known already.
    ///
    /// Blocks on the file system.
    pub fn read(scripts: &Scripts, before: &Self) -> Self {
        if let Some(told) = scripts.told() {
            return Self::from_told(told.clone());
        }
        let listed: Vec<_> = scripts.revision_files().collect();
        let mut environments: HashMap<&Path, bool> = HashMap::new();
        for (_, path, _) in &listed {
            let folder = path.parent().unwrap_or(path);
            environments.entry(folder).or_insert_with(|| lint::sets_lock_timeout(folder));
        }
        let all: Vec<usize> = (0..listed.len()).collect();
        let files = in_parallel(&all, |index| {
            let (_, path, stamp) = listed[index];
            let known = before.files.get(path).filter(|file| stamp.is_some() && file.stamp == stamp);
            let migration = known.map_or_else(|| migration(path), |file| file.migration.clone());
            File { stamp, migration }
        });
        let revision = |(index, file): &(usize, File)| {
            let (id, path, _) = listed[*index];
            let lock_timeout_is_set = path.parent().is_some_and(|folder| environments[folder]);
            Some((id.to_owned(), Revision { migration: file.migration.clone()?, lock_timeout_is_set }))
        };
        Self {
            files: files.iter().map(|(index, file)| (listed[*index].1.to_owned(), file.clone())).collect(),
            ..Self::of(files.iter().filter_map(revision).collect())
        }
    }

    fn of(revisions: HashMap<String, Revision>) -> Self {
        // In one order, so that the same revisions give the same findings.
        let sorted: BTreeMap<_, _> = revisions.iter().collect();
        let steps = sorted.values().flat_map(|revision| &revision.migration.steps);
        Self { folder: Knowledge::of_folder(steps), revisions, ..Self::default() }
    }

    /// What a manifest tells.
    pub(super) fn from_told(told: BTreeMap<String, Told>) -> Self {
        let revision =
            |Told { lock_timeout_is_set, migration }| Revision { migration: Arc::new(migration), lock_timeout_is_set };
        Self::of(told.into_iter().map(|(id, told)| (id, revision(told))).collect())
    }

    /// What a manifest is to tell of the revisions of a graph, whatever folder their files are in.
    pub(super) fn told(&self, graph: &Graph) -> BTreeMap<String, Told> {
        let told = |script: &Script| {
            let Revision { migration, lock_timeout_is_set } = self.revisions.get(&script.revision)?.clone();
            let migration = Migration { file: script.file.clone(), ..Migration::clone(&migration) };
            Some((script.revision.clone(), Told { lock_timeout_is_set, migration }))
        };
        graph.declared().iter().filter_map(told).collect()
    }

    /// What is unsafe about revisions that run one after the other. Tables that one of them makes are no risk to those
    /// that follow. Judged once for each list.
    pub fn findings(&self, pending: &[String], postgres: u32) -> Judged {
        let key = (postgres, pending.to_vec());
        if let Some(judged) = self.judged().get(&key) {
            return judged.clone();
        }
        let judged = self.judge(pending, postgres).map(Arc::new);
        let mut known = self.judged();
        if known.len() >= MAX_JUDGED {
            known.clear();
        }
        known.insert(key, judged.clone());
        judged
    }

    fn judge(&self, pending: &[String], postgres: u32) -> Option<Vec<(String, Finding)>> {
        let mut known = self.folder.clone();
        let mut findings = Vec::new();
        for revision in pending {
            let Revision { migration, lock_timeout_is_set } = self.revisions.get(revision)?;
            let options = Options { postgres, lock_timeout_is_set: *lock_timeout_is_set, ..Options::default() };
            let found = lint::judge(migration, &mut known, &options);
            findings.extend(found.into_iter().map(|finding| (revision.clone(), finding)));
        }
        Some(findings)
    }

    fn judged(&self) -> MutexGuard<'_, HashMap<(u32, Vec<String>), Judged>> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn migration(path: &Path) -> Option<Arc<Migration>> {
    let text = source::decode(&std::fs::read(path).ok()?).ok()?;
    lint::read(&path.to_string_lossy(), &text).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::LazyLock;
    use std::thread;
    use std::time::Duration;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::super::manifest;
    use super::super::scripts::Source;
    use super::*;

    fn write(folder: &TempDir, revision: &str, down: &str, upgrade: &str) {
        let text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = '{revision}'\ndown_revision = {down}\n\
             def upgrade():\n    op.execute('SET lock_timeout = 1000')\n    {upgrade}\n\
             def downgrade():\n    op.execute('SELECT 1')\n"
        );
        fs::write(folder.path().join(format!("{revision}.py")), text).unwrap();
    }

    fn scripts(folder: &TempDir) -> Scripts {
        let mut scripts = Scripts::new(Source::Folders { folders: vec![folder.path().into()], recursive: false });
        scripts.refresh().unwrap();
        // Files that have just been written are not trusted to stay as they are.
        while scripts.revision_files().any(|(_, _, stamp)| stamp.is_none()) {
            thread::sleep(Duration::from_millis(10));
            scripts.refresh().unwrap();
        }
        scripts
    }

    fn rules(operations: &Operations, pending: &[&str]) -> Vec<(String, &'static str)> {
        let pending: Vec<_> = pending.iter().map(|id| (*id).to_owned()).collect();
        let findings = operations.findings(&pending, 18).unwrap();
        findings.iter().map(|(revision, finding)| (revision.clone(), finding.rule)).collect()
    }

    #[test]
    fn a_table_that_an_earlier_pending_revision_makes_is_no_risk() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "aaaa", "None", "op.create_table('t', sa.Column('id', sa.Integer()))");
        write(&folder, "bbbb", "'aaaa'", "op.create_index('i', 't', ['id'])");
        let operations = Operations::read(&scripts(&folder), &Operations::default());
        assert_eq!(rules(&operations, &["aaaa", "bbbb"]), []);
        assert_eq!(rules(&operations, &["bbbb"]), [("bbbb".to_owned(), "create-index")]);
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "aaaa", "None", "op.create_index('i', 't', ['id'])");
        let first = Operations::read(&scripts(&folder), &Operations::default());
        write(&folder, "bbbb", "'aaaa'", "op.drop_table('t')");
        let second = Operations::read(&scripts(&folder), &first);
        let migration = |operations: &Operations, id: &str| operations.revisions[id].migration.clone();
        assert!(Arc::ptr_eq(&migration(&first, "aaaa"), &migration(&second, "aaaa")));
        assert_eq!(rules(&second, &["bbbb"])[0].1, "drop-table");
    }

    #[test]
    fn a_manifest_tells_the_same_wherever_it_was_written() {
        let written = || {
            let folder = tempfile::tempdir().unwrap();
            write(&folder, "aaaa", "None", "op.execute('ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0); LOCK TABLE t')");
            write(&folder, "bbbb", "'aaaa'", "op.alter_column('t', 'a', type_=sa.BigInteger()); op.f(known())");
            let mut scripts = scripts(&folder);
            let operations = Operations::read(&scripts, &Operations::default());
            let json = manifest::write(&scripts.refresh().unwrap(), &operations).unwrap();
            (rules(&operations, &["aaaa", "bbbb"]), json)
        };
        let ((found, json), (_, again)) = (written(), written());
        assert_eq!(json, again);
        assert!(found.len() >= 4, "{found:?}");
        let told = Operations::from_told(manifest::read(json.as_bytes()).unwrap().operations);
        assert_eq!(rules(&told, &["aaaa", "bbbb"]), found);
        let other = json.replace("\"operations\": {\n    \"version\": 1", "\"operations\": {\n    \"version\": 2");
        let content = manifest::read(other.as_bytes()).unwrap();
        assert!(content.operations.is_empty() && content.graph.len() == 2, "the revisions are of use without");
        let broken = json.replace("AccessExclusiveLock", "SomeLock");
        assert!(manifest::read(broken.as_bytes()).unwrap_err().to_string().contains("\"SomeLock\" is no lock mode"));
    }

    proptest! {
        #[test]
        fn a_damaged_manifest_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            static WHOLE: LazyLock<String> = LazyLock::new(|| {
                let folder = tempfile::tempdir().unwrap();
                write(&folder, "aaaa", "None", "op.alter_column('t', 'a', existing_type=sa.Numeric(9, 2), type_=sa.Numeric(8, 3))");
                let scripts = scripts(&folder);
                let operations = Operations::read(&scripts, &Operations::default());
                manifest::write(&Scripts::new(scripts.source().clone()).refresh().unwrap(), &operations).unwrap()
            });
            let mut json = WHOLE.clone().into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            if let Ok(content) = manifest::read(&json) {
                let _ = Operations::from_told(content.operations).findings(&["aaaa".to_owned()], 13);
            }
        }
    }

    #[test]
    fn nothing_is_told_of_a_revision_without_a_file() {
        assert!(Operations::default().findings(&["aaaa".to_owned()], 18).is_none());
        assert!(Operations::default().findings(&[], 18).is_some_and(|findings| findings.is_empty()));
    }
}
