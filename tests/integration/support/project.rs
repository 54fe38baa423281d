//! An Alembic project, for the real Alembic.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{Database, Role, python, python_output};

const INI: &str = "[alembic]\nscript_location = %(here)s\npath_separator = os\n";
/// Takes its connection and the name of the version table from the environment.
const ENV: &str = "import os
from alembic import context
from sqlalchemy import create_engine
import psycopg2
engine = create_engine('postgresql+psycopg2://', creator=lambda: psycopg2.connect(os.environ['PROJECT_DATABASE']))
with engine.connect() as connection:
    schema, table = os.environ.get('PROJECT_TABLE', '.alembic_version').split('.')
    context.configure(connection=connection, version_table=table, version_table_schema=schema or None)
    with context.begin_transaction():
        context.run_migrations()
";

/// An Alembic project and the database that it migrates.
#[derive(Debug)]
pub struct Project<'a> {
    folder: TempDir,
    /// What it migrates.
    pub database: &'a Database<'a>,
    /// `SCHEMA.TABLE` of the version table.
    pub table: &'static str,
}

impl<'a> Project<'a> {
    /// Each revision as `(id, what follows the = of down_revision, more of the file)`.
    pub fn new(database: &'a Database<'a>, revisions: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("versions")).expect("a folder can be made");
        let project = Project { folder, database, table: ".alembic_version" };
        project.write("alembic.ini", INI);
        project.write("env.py", ENV);
        for (id, down, more) in revisions {
            let absent = ["upgrade", "downgrade"].into_iter().filter(|name| !more.contains(&format!("def {name}(")));
            let body: Vec<_> = absent.map(|name| format!("def {name}():\n    pass\n")).collect();
            let body = body.concat();
            let file = format!("'''make {id}'''\nrevision = '{id}'\ndown_revision = {down}\n{more}\n{body}");
            project.write(&format!("versions/{id}.py"), &file);
        }
        project
    }

    /// `aaaa - bbbb - cccc`
    pub fn chain(database: &'a Database<'a>) -> Self {
        Self::new(database, &[("aaaa", "None", ""), ("bbbb", "'aaaa'", ""), ("cccc", "'bbbb'", "")])
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of it.
    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).expect("a file can be written");
    }

    /// Alembic, to be run in it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = python();
        command.args(["-m", "alembic"]).args(arguments).current_dir(self.folder.path());
        command.env("PROJECT_DATABASE", self.database.url(Role::Superuser)).env("PROJECT_TABLE", self.table);
        command
    }

    /// Runs Alembic, which must succeed.
    pub fn alembic(&self, arguments: &[&str]) {
        python_output(&mut self.command(arguments));
    }
}
