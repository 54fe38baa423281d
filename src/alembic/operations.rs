//! What revisions do, read from the files that declare them: what is unsafe about those that are still to run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lint::{self, Finding, Knowledge, Migration, Options};
use super::scripts::{Scripts, Stamp, in_parallel};
use super::source;

/// Lists of pending revisions whose findings are kept; databases move from one to the next.
const MAX_JUDGED: usize = 1000;

/// What the revisions of one source do; nothing is known of those that come from a manifest.
#[derive(Debug, Default)]
pub struct Operations {
    files: HashMap<PathBuf, File>,
    revisions: HashMap<String, PathBuf>,
    folder: Knowledge,
    judged: Mutex<HashMap<(u32, Vec<String>), Judged>>,
}

/// What is unsafe about some revisions, each finding with its revision; `None` where one of them cannot be told.
pub type Judged = Option<Arc<Vec<(String, Finding)>>>;

/// One file, read once until it changes.
#[derive(Clone, Debug)]
struct File {
    stamp: Option<Stamp>,
    /// `None` where it cannot be read.
    migration: Option<Arc<Migration>>,
    lock_timeout_is_set: bool,
}

impl Operations {
    /// Reads the files of the revisions that `scripts` holds now; those that `before` knows unchanged are not read.
    ///
    /// Blocks on the file system.
    pub fn read(scripts: &Scripts, before: &Self) -> Self {
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
            let lock_timeout_is_set = path.parent().is_some_and(|folder| environments[folder]);
            File { stamp, migration, lock_timeout_is_set }
        });
        let migrations = files.iter().filter_map(|(_, file)| file.migration.as_deref());
        Self {
            folder: Knowledge::of_folder(migrations.flat_map(|migration| &migration.steps)),
            files: files.into_iter().map(|(index, file)| (listed[index].1.to_owned(), file)).collect(),
            revisions: listed.iter().map(|(id, path, _)| ((*id).to_owned(), (*path).to_owned())).collect(),
            judged: Mutex::default(),
        }
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
            let file = self.files.get(self.revisions.get(revision)?)?;
            let options = Options { postgres, lock_timeout_is_set: file.lock_timeout_is_set, ..Options::default() };
            let found = lint::judge(file.migration.as_deref()?, &mut known, &options);
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
    use std::thread;
    use std::time::Duration;

    use tempfile::TempDir;

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
        let migration =
            |operations: &Operations, id: &str| operations.files[&operations.revisions[id]].migration.clone().unwrap();
        assert!(Arc::ptr_eq(&migration(&first, "aaaa"), &migration(&second, "aaaa")));
        assert_eq!(rules(&second, &["bbbb"])[0].1, "drop-table");
    }

    #[test]
    fn nothing_is_told_of_a_revision_without_a_file() {
        assert!(Operations::default().findings(&["aaaa".to_owned()], 18).is_none());
        assert!(Operations::default().findings(&[], 18).is_some_and(|findings| findings.is_empty()));
    }
}
