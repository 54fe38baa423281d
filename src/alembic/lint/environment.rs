//! What `env.py` takes care of for every migration.

use std::fs;
use std::path::Path;

/// How many folders above a revision file its `env.py` may be.
const FARTHEST_ENV: usize = 4;

/// Whether the nearest `env.py` at or above a folder names `lock_timeout`.
pub fn sets_lock_timeout(folder: &Path) -> bool {
    let near = folder.ancestors().take(FARTHEST_ENV).map(|ancestor| ancestor.join("env.py"));
    near.into_iter().find_map(|file| fs::read_to_string(file).ok()).is_some_and(|env| {
        env.lines().any(|line| line.split('#').next().is_some_and(|code| code.contains("lock_timeout")))
    })
}
