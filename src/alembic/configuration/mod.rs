//! Where the revision files are: `alembic.ini`, `pyproject.toml`, or a folder that somebody points at.
//!
//! As Alembic, except that a relative path which does not exist in the current directory is looked for beside the
//! configuration file: an exporter does not run where developers do.

mod ini;
mod pyproject;

use std::io;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

pub use self::ini::IniError;
pub use self::pyproject::PyprojectError;

use self::ini::Ini;
use self::pyproject::Pyproject;
use super::files::Locations;

/// The section of the ini file when nobody names another.
pub const DEFAULT_SECTION: &str = "alembic";

/// Why a configuration does not lead to revision files.
#[derive(Debug, Error)]
pub enum ConfigurationError {
    /// A configuration file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The ini file is not one.
    #[error("{path}: {error}")]
    Ini {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: IniError,
    },
    /// The TOML file is not one, or not as Alembic wants it.
    #[error("{path}: {error}")]
    Pyproject {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: PyprojectError,
    },
    /// No `script_location`, and no `env.py` beside the file either.
    #[error("{path}: no `script_location` in [{section}]; add it, or choose another section")]
    NoScriptLocation {
        /// The configuration file.
        path: PathBuf,
        /// The section that was looked at.
        section: String,
    },
    /// A separator that Alembic does not know.
    #[error("{path}: `{option}` is `{value}`; expected space, newline, os, : or ;")]
    Separator {
        /// The configuration file.
        path: PathBuf,
        /// `path_separator`, or its deprecated name.
        option: &'static str,
        /// What it says.
        value: String,
    },
    /// `package:folder`, and the package is not where it could be looked for.
    #[error(
        "cannot find `{name}`: the package is not below {}; name a path instead of a package, or add its parent to `prepend_sys_path`",
        shown(.searched)
    )]
    Resource {
        /// As it was configured.
        name: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The folder that was pointed at is not there.
    #[error("{0} does not exist or is not a folder")]
    NotAFolder(PathBuf),
    /// `env.py` is there and `versions/` is not.
    #[error("{0} has an env.py but no folder `versions`; name the folder that holds the revision files")]
    NoVersions(PathBuf),
}

fn shown(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    folders.join(", ")
}

/// The locations for folders that somebody points at, each of them what Alembic calls `script_location`, or a folder of
/// revision files itself.
pub fn from_folders(folders: &[PathBuf], recursive: bool) -> Result<Locations, ConfigurationError> {
    let versions = |folder: &PathBuf| {
        let below = folder.join("versions");
        if !folder.is_dir() {
            Err(ConfigurationError::NotAFolder(folder.clone()))
        } else if below.is_dir() {
            Ok(below)
        } else if folder.join("env.py").exists() {
            Err(ConfigurationError::NoVersions(folder.clone()))
        } else {
            Ok(folder.clone())
        }
    };
    Ok(Locations { folders: folders.iter().map(versions).collect::<Result<_, _>>()?, recursive, sourceless: false })
}

/// The locations that a configuration file leads to: an ini file, or a `pyproject.toml` by that name.
///
/// As for Alembic, the other of the two files fills what the first lacks when it lies beside it. `section` is the
/// section of the ini file, `alembic` by default.
pub fn from_file(path: &Path, section: &str) -> Result<Locations, ConfigurationError> {
    let sources = Sources::open(path, section)?;
    let script_location = match sources.text("script_location")? {
        Some(location) => sources.folder(&location)?,
        // Flask-Migrate sets the location in code: the folder that holds env.py, and its alembic.ini.
        None if sources.here.join("env.py").exists() => sources.here.clone(),
        None => {
            return Err(ConfigurationError::NoScriptLocation { path: path.to_path_buf(), section: section.to_owned() });
        }
    };
    let folders = match sources.version_locations()? {
        Some(locations) if !locations.is_empty() => {
            locations.iter().map(|location| sources.folder(location)).collect::<Result<_, _>>()?
        }
        _ => vec![script_location.join("versions")],
    };
    let recursive = sources.bool("recursive_version_locations")?;
    Ok(Locations { folders, recursive, sourceless: sources.bool("sourceless")? })
}

/// The two files that Alembic reads; the ini comes first.
struct Sources {
    ini: Option<(PathBuf, Ini)>,
    pyproject: Option<(PathBuf, Pyproject)>,
    section: String,
    here: PathBuf,
}

impl Sources {
    fn open(path: &Path, section: &str) -> Result<Self, ConfigurationError> {
        let unreadable = |error| ConfigurationError::Unreadable { path: path.to_path_buf(), error };
        let here = absolute(path).map_err(unreadable)?.parent().map(Path::to_path_buf).unwrap_or_default();
        let (ini, pyproject) = if path.file_name().is_some_and(|name| name == "pyproject.toml") {
            (optional(&here.join("alembic.ini")), Some(path.to_path_buf()))
        } else {
            (Some(path.to_path_buf()), optional(&here.join("pyproject.toml")))
        };
        let folder = here.to_string_lossy();
        let ini = match ini {
            None => None,
            Some(path) => match Ini::parse(&read(&path)?, &folder) {
                Ok(ini) => Some((path, ini)),
                Err(error) => return Err(ConfigurationError::Ini { path, error }),
            },
        };
        let pyproject = match pyproject {
            None => None,
            Some(path) => match Pyproject::parse(&read(&path)?, &folder) {
                Ok(pyproject) => pyproject.map(|pyproject| (path, pyproject)),
                Err(error) => return Err(ConfigurationError::Pyproject { path, error }),
            },
        };
        Ok(Sources { ini, pyproject, section: section.to_owned(), here })
    }

    /// What the ini says, references resolved.
    fn ini(&self, key: &str) -> Result<Option<String>, ConfigurationError> {
        match &self.ini {
            None => Ok(None),
            Some((path, ini)) => {
                ini.get(&self.section, key).map_err(|error| ConfigurationError::Ini { path: path.clone(), error })
            }
        }
    }

    /// What the TOML file says, absence included.
    fn toml<T: Default>(&self, ask: impl Fn(&Pyproject) -> Result<T, PyprojectError>) -> Result<T, ConfigurationError> {
        match &self.pyproject {
            None => Ok(T::default()),
            Some((path, keys)) => {
                ask(keys).map_err(|error| ConfigurationError::Pyproject { path: path.clone(), error })
            }
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, ConfigurationError> {
        match self.ini(key)? {
            Some(value) => Ok(Some(value)),
            None => self.toml(|keys| keys.text(key)),
        }
    }

    /// In the ini only the exact word `true` is true.
    fn bool(&self, key: &str) -> Result<bool, ConfigurationError> {
        match self.ini(key)? {
            Some(value) => Ok(value == "true"),
            None => self.toml(|keys| keys.bool(key)),
        }
    }

    fn version_locations(&self) -> Result<Option<Vec<String>>, ConfigurationError> {
        let value = self.ini("version_locations")?.filter(|value| !value.is_empty());
        let Some(value) = value else { return self.toml(|keys| keys.list("version_locations")) };
        Ok(Some(match self.separator(&["path_separator", "version_path_separator"])? {
            Some(separator) => split(&value, &[separator]),
            None => split(&value, &[',', ' ']),
        }))
    }

    fn prepend_sys_path(&self) -> Result<Vec<String>, ConfigurationError> {
        let value = self.ini("prepend_sys_path")?.filter(|value| !value.is_empty());
        let Some(value) = value else {
            return Ok(self.toml(|keys| keys.list("prepend_sys_path"))?.unwrap_or_default());
        };
        Ok(match self.separator(&["path_separator"])? {
            Some(separator) => split(&value, &[separator]),
            None => split(&value, &[',', ' ', ':']),
        })
    }

    fn separator(&self, options: &[&'static str]) -> Result<Option<char>, ConfigurationError> {
        for &option in options {
            if let Some(value) = self.ini(option)? {
                return match value.as_str() {
                    "space" => Ok(Some(' ')),
                    "newline" => Ok(Some('\n')),
                    "os" | ":" => Ok(Some(':')),
                    ";" => Ok(Some(';')),
                    _ => {
                        let path = self.ini.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
                        Err(ConfigurationError::Separator { path, option, value })
                    }
                };
            }
        }
        Ok(None)
    }

    /// A folder as configured: a path, or `package:folder/below/it`.
    fn folder(&self, configured: &str) -> Result<PathBuf, ConfigurationError> {
        match configured.split_once(':') {
            Some((package, below)) if !Path::new(configured).is_absolute() => self.resource(configured, package, below),
            _ => Ok(self.locate(configured)),
        }
    }

    /// Relative to the current directory, else to the file's folder.
    fn locate(&self, path: &str) -> PathBuf {
        let beside = self.here.join(path);
        let current = absolute(Path::new(path)).unwrap_or_else(|_| beside.clone());
        if !current.exists() && beside.exists() { beside } else { current }
    }

    fn resource(&self, name: &str, package: &str, below: &str) -> Result<PathBuf, ConfigurationError> {
        let relative = package.split('.').chain(below.split(':')).collect::<PathBuf>();
        // An absolute part would replace the folder that it is joined to.
        let confined = relative.components().all(|part| !matches!(part, Component::RootDir | Component::Prefix(_)));
        let mut searched: Vec<PathBuf> = self.prepend_sys_path()?.iter().map(|path| self.locate(path)).collect();
        for folder in [self.locate("."), self.here.clone()] {
            if !searched.contains(&folder) {
                searched.push(folder);
            }
        }
        let found = searched.iter().map(|folder| folder.join(&relative)).find(|folder| confined && folder.is_dir());
        found.ok_or_else(|| ConfigurationError::Resource { name: name.to_owned(), searched })
    }
}

/// Parts between any of the separators, without blanks around them and without empty ones.
fn split(value: &str, separators: &[char]) -> Vec<String> {
    value.split(separators).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Against the current directory, without following links and without the `.` that a path may start with.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

fn optional(path: &Path) -> Option<PathBuf> {
    path.exists().then(|| path.to_path_buf())
}

fn read(path: &Path) -> Result<String, ConfigurationError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigurationError::Unreadable { path: path.to_path_buf(), error })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

#[cfg(test)]
mod tests;
