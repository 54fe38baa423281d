use std::fs;

use tempfile::TempDir;

use super::*;

struct Project(TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Project(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, name: &str) -> Result<Locations, ConfigurationError> {
        from_file(&self.path(name), "alembic")
    }

    /// The folders that a file leads to, relative to the project.
    fn folders(&self, name: &str) -> Vec<String> {
        self.open(name).unwrap().folders.iter().map(|folder| self.relative(folder)).collect()
    }

    fn relative(&self, folder: &Path) -> String {
        folder.strip_prefix(self.0.path()).unwrap_or(folder).display().to_string()
    }
}

fn ini(options: &str) -> Project {
    Project::new(&[("alembic.ini", &format!("[alembic]\n{options}"))])
}

#[test]
fn the_default_is_versions_below_the_script_location() {
    assert_eq!(ini("script_location = %(here)s/db").folders("alembic.ini"), ["db/versions"]);
}

#[test]
fn a_relative_path_is_found_beside_the_file() {
    let project = Project::new(&[("alembic.ini", "[alembic]\nscript_location = db"), ("db/env.py", "")]);
    assert_eq!(project.folders("alembic.ini"), ["db/versions"]);
}

#[test]
fn version_locations_are_split_as_configured() {
    let locations =
        |rest: &str| ini(&format!("script_location = %(here)s/db\nversion_locations = {rest}")).folders("alembic.ini");
    assert_eq!(locations("%(here)s/a %(here)s/b,%(here)s/c, %(here)s/d"), ["a", "b", "c", "d"]);
    assert_eq!(locations("%(here)s/a:%(here)s/b\npath_separator = os"), ["a", "b"]);
    assert_eq!(locations("%(here)s/a b;%(here)s/c\nversion_path_separator = ;"), ["a b", "c"]);
    assert_eq!(locations("\n  %(here)s/a\n  %(here)s/b c\npath_separator = newline"), ["a", "b c"]);
    assert_eq!(locations("%(here)s/a  %(here)s/b\npath_separator = space"), ["a", "b"]);
    assert_eq!(locations(""), ["db/versions"]);
}

#[test]
fn an_unknown_separator_is_an_error() {
    let error =
        ini("script_location = x\nversion_locations = a\npath_separator = comma").open("alembic.ini").unwrap_err();
    assert!(error.to_string().contains("`path_separator` is `comma`; expected space, newline, os, : or ;"), "{error}");
}

#[test]
fn only_the_exact_word_true_is_true_in_an_ini() {
    let recursive = |value: &str| {
        let options = format!("script_location = x\nrecursive_version_locations = {value}");
        ini(&options).open("alembic.ini").unwrap().recursive
    };
    assert!(recursive("true"));
    assert!(!recursive("True"));
    assert!(!recursive("1"));
}

#[test]
fn pyproject_alone_is_enough() {
    let project = Project::new(&[(
        "pyproject.toml",
        "[tool.alembic]\nscript_location = '%(here)s/db'\nversion_locations = ['%(here)s/a', '%(here)s/b']\n\
         recursive_version_locations = true",
    )]);
    let locations = project.open("pyproject.toml").unwrap();
    assert!(locations.recursive);
    assert_eq!(project.folders("pyproject.toml"), ["a", "b"]);
}

#[test]
fn the_ini_wins_and_pyproject_fills_what_it_lacks() {
    let project = Project::new(&[
        ("alembic.ini", "[alembic]\nscript_location = %(here)s/ini"),
        ("pyproject.toml", "[tool.alembic]\nscript_location = '%(here)s/toml'\nsourceless = true"),
    ]);
    for name in ["alembic.ini", "pyproject.toml"] {
        assert_eq!(project.folders(name), ["ini/versions"], "{name}");
        assert!(project.open(name).unwrap().sourceless, "{name}");
    }
}

#[test]
fn another_section_of_the_ini_can_be_named() {
    let project = Project::new(&[("alembic.ini", "[alembic]\nscript_location = /a\n[tenants]\nscript_location = /b")]);
    let locations = from_file(&project.path("alembic.ini"), "tenants").unwrap();
    assert_eq!(locations.folders, [Path::new("/b/versions")]);
    let error = from_file(&project.path("alembic.ini"), "other").unwrap_err().to_string();
    assert!(error.ends_with("no `script_location` in [other]; add it, or choose another section"), "{error}");
}

#[test]
fn flask_migrate_keeps_the_ini_beside_env_py() {
    let project = Project::new(&[("migrations/alembic.ini", "[alembic]\n"), ("migrations/env.py", "")]);
    assert_eq!(project.folders("migrations/alembic.ini"), ["migrations/versions"]);
}

#[test]
fn a_package_resource_is_looked_for_below_the_python_path() {
    let project = Project::new(&[
        (
            "alembic.ini",
            "[alembic]\nscript_location = app.db:migrations/alembic\nprepend_sys_path = %(here)s/src\npath_separator = os",
        ),
        ("src/app/db/migrations/alembic/env.py", ""),
    ]);
    assert_eq!(project.folders("alembic.ini"), ["src/app/db/migrations/alembic/versions"]);
    let beside = Project::new(&[("alembic.ini", "[alembic]\nscript_location = app:db"), ("app/db/env.py", "")]);
    assert_eq!(beside.folders("alembic.ini"), ["app/db/versions"]);
    let error = ini("script_location = missing:db").open("alembic.ini").unwrap_err().to_string();
    assert!(error.starts_with("cannot find `missing:db`"), "{error}");
    assert!(ini("script_location = x:/etc").open("alembic.ini").is_err());
}

#[test]
fn a_broken_file_is_named_with_the_line() {
    let error = ini("script_location").open("alembic.ini").unwrap_err().to_string();
    assert!(error.ends_with("alembic.ini: line 2: expected `name = value`"), "{error}");
    let error = Project::new(&[]).open("alembic.ini").unwrap_err().to_string();
    assert!(error.starts_with("cannot read "), "{error}");
}

#[test]
fn a_folder_is_a_script_location_or_holds_the_revisions_itself() {
    let project = Project::new(&[("db/env.py", ""), ("db/versions/a.py", ""), ("plain/a.py", ""), ("bare/env.py", "")]);
    let folders = |name: &str| from_folders(&[project.path(name)], false);
    assert_eq!(folders("db").unwrap().folders, [project.path("db/versions")]);
    assert_eq!(folders("db/versions").unwrap().folders, [project.path("db/versions")]);
    assert_eq!(folders("plain").unwrap().folders, [project.path("plain")]);
    assert!(matches!(folders("bare"), Err(ConfigurationError::NoVersions(_))));
    assert!(matches!(folders("missing"), Err(ConfigurationError::NotAFolder(_))));
}
