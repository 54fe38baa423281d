//! Judges the targets of the file.

use std::collections::BTreeSet;

use globset::{Glob, GlobSet};
use toml::Spanned;

use super::{connections, identifier};
use crate::config::error::Fault;
use crate::config::raw::{self, Maybe};
use crate::config::{Connection, Databases, Environment, PasswordSource, Secret, Target, defaults};

/// The watched servers.
pub(super) fn targets(raw: Vec<Spanned<raw::Target>>, environment: &Environment) -> Result<Vec<Target>, Fault> {
    if raw.is_empty() {
        return Err(Fault::new(0..0, "no target: expected at least one [[targets]] with \"name\" and \"connection\""));
    }
    let mut names = BTreeSet::new();
    raw.into_iter()
        .map(|raw| {
            let raw = raw.into_inner();
            if !names.insert(raw.name.get_ref().clone()) {
                let message = format!("the target name \"{}\" is taken: expected another one", raw.name.get_ref());
                return Err(Fault::of(&raw.name, message));
            }
            target(raw, environment)
        })
        .collect()
}

fn target(raw: raw::Target, environment: &Environment) -> Result<Target, Fault> {
    let max_connections = connections(raw.max_connections)?.unwrap_or(defaults::TARGET_MAX_CONNECTIONS);
    let databases = databases(raw.databases, raw.include, raw.exclude)?;
    let mut connection = connection(&raw.connection, environment)?;
    if let Some(password) = password(raw.password, raw.password_env, raw.password_file, environment)? {
        connection.password = password;
    }
    Ok(Target { name: identifier(raw.name)?, connection, max_connections, databases })
}

fn connection(text: &Spanned<Secret>, environment: &Environment) -> Result<Connection, Fault> {
    let connection = Connection::from_conninfo(text.get_ref().expose(), environment);
    connection
        .and_then(|connection| connection.check_files().map(|()| connection))
        .map_err(|error| Fault::of(text, error.to_string()))
}

/// The password that stands beside the connection, if one does: stronger than what the connection itself says.
fn password(
    text: Maybe<Secret>,
    variable: Maybe<String>,
    file: Maybe<std::path::PathBuf>,
    environment: &Environment,
) -> Result<Option<PasswordSource>, Fault> {
    match (text, variable, file) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(PasswordSource::Text(text.into_inner()))),
        (None, Some(variable), None) => {
            let password = environment.get(variable.get_ref()).ok_or_else(|| {
                Fault::of(&variable, format!("the environment variable {} is not set", variable.get_ref()))
            })?;
            Ok(Some(PasswordSource::Text(Secret::new(password))))
        }
        (None, None, Some(file)) => {
            let source = PasswordSource::File(file.get_ref().clone());
            // The four parts of the connection matter to libpq's password file alone.
            source.read("", 0, "", "").map_err(|error| Fault::of(&file, error.to_string()))?;
            Ok(Some(source))
        }
        (text, variable, file) => {
            let spans = [text.map(|text| text.span()), variable.map(|name| name.span()), file.map(|path| path.span())];
            let last = spans.into_iter().flatten().max_by_key(|span| span.start).unwrap_or_default();
            Err(Fault::new(last, "expected only one of password, password_env and password_file"))
        }
    }
}

fn databases(
    named: Maybe<Vec<Spanned<String>>>,
    include: Maybe<Vec<Spanned<String>>>,
    exclude: Maybe<Vec<Spanned<String>>>,
) -> Result<Databases, Fault> {
    match (named, include, exclude) {
        (Some(named), None, None) => Ok(Databases::Named(database_names(named)?)),
        (Some(named), ..) => Err(Fault::of(&named, "expected either databases, or include and exclude")),
        (None, include, exclude) => Ok(Databases::Discovered {
            include: include.as_ref().map(some_globs).transpose()?,
            exclude: exclude.as_ref().map(some_globs).transpose()?.unwrap_or_default(),
        }),
    }
}

fn database_names(list: Spanned<Vec<Spanned<String>>>) -> Result<Vec<String>, Fault> {
    if list.get_ref().is_empty() {
        return Err(Fault::of(&list, "expected at least one database: leave databases out to watch all"));
    }
    let mut names = Vec::new();
    for name in list.into_inner() {
        if names.contains(name.get_ref()) {
            return Err(Fault::of(&name, "this database is named twice"));
        }
        names.push(identifier(name)?);
    }
    Ok(names)
}

/// The patterns of a list that is not empty.
pub(super) fn some_globs(list: &Spanned<Vec<Spanned<String>>>) -> Result<GlobSet, Fault> {
    if list.get_ref().is_empty() {
        return Err(Fault::of(list, "expected at least one pattern"));
    }
    globs(list)
}

/// The patterns of a list, which may be empty.
pub(super) fn globs(list: &Spanned<Vec<Spanned<String>>>) -> Result<GlobSet, Fault> {
    let globs: Vec<Glob> = list.get_ref().iter().map(glob).collect::<Result<_, _>>()?;
    GlobSet::new(globs).map_err(|error| Fault::of(list, format!("the patterns together are too much: {error}")))
}

fn glob(pattern: &Spanned<String>) -> Result<Glob, Fault> {
    Glob::new(pattern.get_ref()).map_err(|error| {
        let example = "expected a pattern such as \"app_*\" or \"{one,two}\"";
        Fault::of(pattern, format!("{example}: {}", error.kind()))
    })
}
