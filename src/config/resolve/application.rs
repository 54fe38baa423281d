//! Judges the applications of the file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use toml::Spanned;

use super::target::some_globs;
use super::{at_least, identifier};
use crate::alembic::configuration::DEFAULT_SECTION;
use crate::alembic::scripts::Source;
use crate::config::error::Fault;
use crate::config::raw;
use crate::config::{Application, Patterns, defaults};

/// Characters with a meaning in a pattern.
const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// The applications, in the order of the file: the first that claims a version table has it.
pub(super) fn applications(raw: Vec<raw::Application>) -> Result<Vec<Application>, Fault> {
    let mut names = BTreeSet::new();
    raw.into_iter()
        .map(|raw| {
            if !names.insert(raw.name.get_ref().clone()) {
                let message = format!("the application name \"{}\" is taken: expected another one", raw.name.get_ref());
                return Err(Fault::of(&raw.name, message));
            }
            application(raw)
        })
        .collect()
}

fn application(raw: raw::Application) -> Result<Application, Fault> {
    let heads = at_least(1, raw.heads, "code without a revision has nothing to expect")?;
    let (targets, databases) = (patterns(raw.targets.as_ref())?, patterns(raw.databases.as_ref())?);
    let (schemas, tables) = (patterns(raw.schemas.as_ref())?, patterns(raw.tables.as_ref())?);
    only_with(raw.recursive.as_ref(), raw.scripts.is_some(), "recursive", "scripts")?;
    only_with(raw.section.as_ref(), raw.configuration.is_some(), "section", "configuration")?;
    let source = match (raw.scripts, raw.configuration, raw.manifest) {
        (Some(folders), None, None) => {
            Source::Folders { folders: paths(folders)?, recursive: raw.recursive.is_some_and(Spanned::into_inner) }
        }
        (None, Some(path), None) => {
            let section = raw.section.map_or_else(|| DEFAULT_SECTION.to_owned(), Spanned::into_inner);
            Source::Configuration { path: self::path(path)?, section }
        }
        (None, None, Some(path)) => Source::Manifest(self::path(path)?),
        _ => return Err(Fault::of(&raw.name, "expected one of scripts, configuration and manifest beside the name")),
    };
    let heads = heads.unwrap_or(defaults::APPLICATION_HEADS);
    Ok(Application { name: identifier(raw.name)?, source, heads, targets, databases, schemas, tables })
}

/// A key that says more about another one.
fn only_with<T>(value: Option<&Spanned<T>>, other_is_there: bool, key: &str, other: &str) -> Result<(), Fault> {
    match value {
        Some(value) if !other_is_there => Err(Fault::of(value, format!("{key} means something with {other} only"))),
        _ => Ok(()),
    }
}

/// Whether the path exists is seen when it is read: revisions may be mounted later.
fn path(path: Spanned<PathBuf>) -> Result<PathBuf, Fault> {
    if path.get_ref().as_os_str().is_empty() {
        return Err(Fault::of(&path, "expected a path"));
    }
    Ok(path.into_inner())
}

fn paths(list: Spanned<Vec<Spanned<PathBuf>>>) -> Result<Vec<PathBuf>, Fault> {
    if list.get_ref().is_empty() {
        return Err(Fault::of(&list, "expected at least one folder"));
    }
    list.into_inner().into_iter().map(path).collect()
}

fn patterns(list: Option<&Spanned<Vec<Spanned<String>>>>) -> Result<Patterns, Fault> {
    let Some(list) = list else { return Ok(Patterns::All) };
    let name = match list.get_ref().as_slice() {
        [only] if !only.get_ref().contains(SPECIAL) => Some(only.get_ref().clone()),
        _ => None,
    };
    Ok(Patterns::Some { globs: some_globs(list)?, name })
}
