//! What revision files declare: each is read once, and several at a time.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use super::stamp::Stamp;
use crate::alembic::files::RevisionFile;
use crate::alembic::reader::{self, Script, Unparsable};

/// What a file declares.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    /// `None`: the file has to be read again, whatever it looks like.
    pub(super) stamp: Option<Stamp>,
    pub(super) content: Result<Script, Unparsable>,
}

/// What every file declares, in order; those that are known by their stamp are not read.
pub(super) fn read_all(
    files: &[(RevisionFile, Option<Stamp>)],
    known: &HashMap<PathBuf, Cached>,
    started: SystemTime,
) -> Vec<Cached> {
    let cached = |(file, stamp): &(RevisionFile, Option<Stamp>)| {
        let cached = known.get(&file.path).filter(|cached| stamp.is_some() && cached.stamp == *stamp)?;
        let name = match &cached.content {
            Ok(script) => &script.file,
            Err(unparsable) => &unparsable.file,
        };
        (*name == file.name).then(|| cached.clone())
    };
    let mut contents: Vec<_> = files.iter().map(cached).collect();
    let changed: Vec<usize> = (0..files.len()).filter(|&index| contents[index].is_none()).collect();
    let read_one = |index: usize| {
        let (file, stamp) = &files[index];
        read_file(file, stamp.filter(|stamp| stamp.settled(started)), stamp.is_some())
    };
    for (index, content) in in_parallel(&changed, read_one) {
        contents[index] = Some(content);
    }
    contents.into_iter().flatten().collect()
}

/// Applies `work` to each index, on as many threads as there are processors when it is worth it.
pub(in crate::alembic) fn in_parallel<T: Send>(indexes: &[usize], work: impl Fn(usize) -> T + Sync) -> Vec<(usize, T)> {
    /// Files that one thread reads in about the time that it takes to start.
    const WORTH_A_THREAD: usize = 16;
    /// Enough for the deepest tree that is parsed.
    const STACK: usize = 16 * 1024 * 1024;
    let next = AtomicUsize::new(0);
    let take = || {
        let taken = || indexes.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        std::iter::from_fn(taken).map(|index| (index, work(index))).collect::<Vec<_>>()
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(indexes.len() / WORTH_A_THREAD);
    thread::scope(|scope| {
        // A thread that the system refuses leaves its share to the others, and at least to this one.
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take).ok();
        let threads: Vec<_> = (0..threads).filter_map(spawn).collect();
        let mut done = if threads.is_empty() { take() } else { vec![] };
        for thread in threads {
            match thread.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}

fn read_file(file: &RevisionFile, stamp: Option<Stamp>, regular: bool) -> Cached {
    let unparsable = |reason: String| Err(Unparsable { file: file.name.clone(), reason });
    if file.compiled {
        return Cached { stamp, content: unparsable("is compiled, and its source is not there".to_owned()) };
    }
    if !regular {
        return Cached { stamp: None, content: unparsable("is not there, or is not a regular file".to_owned()) };
    }
    match std::fs::read(&file.path) {
        // What hinders the system now need not do so next time.
        Err(error) => Cached { stamp: None, content: unparsable(format!("cannot be read: {error}")) },
        Ok(bytes) => {
            let own_name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let script = reader::read(&file.name, &own_name, &bytes);
            Cached { stamp, content: script.or_else(|error| unparsable(error.to_string())) }
        }
    }
}
