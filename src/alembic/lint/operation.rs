//! What a migration does, in PostgreSQL's terms, whichever way it was written.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::data_type::DataType;
use crate::locks::LockMode;

/// A table as the migration names it. A part that is not a literal is unknown, and unknown is never equal to anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The schema, where one is written.
    pub schema: Option<String>,
    /// The name without its schema; `None` where the migration computes it.
    pub name: Option<String>,
}

impl Table {
    /// A table in the schema that the search path finds.
    pub fn named(name: impl Into<String>) -> Self {
        Self { schema: None, name: Some(name.into()) }
    }

    /// Whether both are certainly the same table.
    pub fn is(&self, other: &Self) -> bool {
        self.name.is_some() && self == other
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(self.name.as_deref().unwrap_or("a table that the file does not name"))
    }
}

/// What a foreign key points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The referenced table.
    pub table: Table,
    /// Its columns; empty where they are not named, which means the primary key.
    pub columns: Vec<String>,
}

/// How the rows that exist already get their value in a new column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// No default: they stay NULL.
    #[default]
    Nothing,
    /// One value for all rows, kept in the catalog (PostgreSQL 11 and newer).
    Constant,
    /// A value of its own for each row: the table is rewritten.
    Volatile,
    /// An expression whose volatility the file does not tell.
    Unknown,
}

/// A value that the server makes, not the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// `GENERATED ... AS IDENTITY`.
    Identity,
    /// `serial` and its kin: a sequence as default.
    Serial,
    /// `GENERATED ALWAYS AS (...) STORED`.
    Stored,
    /// `GENERATED ALWAYS AS (...) VIRTUAL`, PostgreSQL 18 and newer.
    Virtual,
}

/// A column that a migration adds or a new table has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "SQL allows each of them together with every other")]
pub struct Column {
    /// Its name, where it is a literal.
    pub name: Option<String>,
    /// Its type, where the file tells it.
    pub data_type: Option<DataType>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// What existing rows get.
    pub fill: Fill,
    /// Identity, serial or computed.
    pub generated: Option<Generated>,
    /// `UNIQUE` or `PRIMARY KEY`.
    pub unique: bool,
    /// An index made together with the column (`index=True`).
    pub indexed: bool,
    /// `CHECK`, inline.
    pub checked: bool,
    /// What it references.
    pub references: Vec<Reference>,
    /// The reference is part of `ADD COLUMN` and not, as Alembic does it, a second statement.
    pub references_inline: bool,
}

/// A constraint that a migration adds to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// `FOREIGN KEY`.
    ForeignKey { reference: Reference, not_valid: bool },
    /// `CHECK`; `not_null` is the column of a plain `column IS NOT NULL`.
    Check { not_null: Option<String>, not_valid: bool },
    /// `NOT NULL` as a constraint with a name, PostgreSQL 18 and newer.
    NotNull { column: Option<String>, not_valid: bool },
    /// `UNIQUE`; `using_index` adopts an index that exists.
    Unique { using_index: bool },
    /// `PRIMARY KEY`; `columns` is empty with `using_index`, which names only the index.
    PrimaryKey { using_index: bool, columns: Vec<String> },
    /// `EXCLUDE`.
    Exclude,
}

impl Constraint {
    /// Whether existing rows are left unchecked for now.
    pub fn is_not_valid(&self) -> bool {
        match self {
            Self::ForeignKey { not_valid, .. } | Self::Check { not_valid, .. } | Self::NotNull { not_valid, .. } => {
                *not_valid
            }
            Self::Unique { .. } | Self::PrimaryKey { .. } | Self::Exclude => false,
        }
    }
}

/// What kind of object `REINDEX` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReindexScope {
    /// One index.
    Index,
    /// Every index of a table.
    Table,
    /// Every index of a schema or of the database.
    Everything,
}

/// How rows are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// `INSERT`, `COPY FROM`, `bulk_insert`.
    Insert,
    /// `UPDATE`, `MERGE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// One thing that a migration does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new table, its foreign keys and, for a partition, its parent.
    CreateTable { table: Table, references: Vec<Reference>, partition_of: Option<Table> },
    /// `DROP TABLE`.
    DropTable { table: Table },
    /// `ALTER TABLE ... RENAME TO`.
    RenameTable { table: Table, to: Option<String> },
    /// `ADD COLUMN`, with what Alembic does for the column's own index and constraints.
    AddColumn { table: Table, column: Column },
    /// `DROP COLUMN`.
    DropColumn { table: Table, column: Option<String> },
    /// `RENAME COLUMN`.
    RenameColumn { table: Table, column: Option<String>, to: Option<String> },
    /// `ALTER COLUMN ... SET NOT NULL`.
    SetNotNull { table: Table, column: Option<String> },
    /// `ALTER COLUMN ... TYPE`; `using` is true for a `USING` that is more than a cast of the column.
    ChangeType { table: Table, column: Option<String>, from: Option<DataType>, to: Option<DataType>, using: bool },
    /// `ADD CONSTRAINT`.
    AddConstraint { table: Table, name: Option<String>, constraint: Constraint },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint { table: Table, name: Option<String> },
    /// `DROP CONSTRAINT`; `foreign_key` is unknown where the migration does not say.
    DropConstraint { table: Table, name: Option<String>, foreign_key: Option<bool> },
    /// `CREATE INDEX`.
    CreateIndex { table: Table, name: Option<String>, unique: bool, concurrently: bool },
    /// `DROP INDEX`.
    DropIndex { table: Table, name: Option<String>, concurrently: bool },
    /// `REINDEX`.
    Reindex { table: Table, name: Option<String>, scope: ReindexScope, concurrently: bool },
    /// `ATTACH PARTITION`.
    AttachPartition { parent: Table, partition: Table },
    /// `DETACH PARTITION`.
    DetachPartition { parent: Table, partition: Table, concurrently: bool },
    /// `TRUNCATE`.
    Truncate { table: Table, cascade: bool },
    /// `VACUUM`.
    Vacuum { table: Table, full: bool },
    /// `CLUSTER`, `SET UNLOGGED`, ...: the same rows in a new file.
    Rewrite { table: Table },
    /// `REFRESH MATERIALIZED VIEW`.
    RefreshMaterializedView { view: Table, concurrently: bool },
    /// `LOCK TABLE`.
    LockTable { table: Table, lock: LockMode },
    /// Any other change that takes a lock and neither reads nor rewrites the table.
    Other { table: Table, lock: LockMode },
    /// `CREATE DOMAIN`; `constrained` is `CHECK` or `NOT NULL`.
    CreateDomain { name: String, constrained: bool },
    /// Rows are written.
    WriteRows { table: Table, write: Write },
    /// `SET lock_timeout`: milliseconds, 0 for none.
    SetLockTimeout { milliseconds: u64, local: bool },
    /// Something that cannot be read, and why.
    Opaque { what: String },
}

impl Action {
    /// The index or constraint that the action names.
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::AddConstraint { name, .. }
            | Self::ValidateConstraint { name, .. }
            | Self::DropConstraint { name, .. }
            | Self::CreateIndex { name, .. }
            | Self::DropIndex { name, .. }
            | Self::Reindex { name, .. } => name.as_deref(),
            _ => None,
        }
    }

    /// Whether PostgreSQL refuses it inside a transaction block.
    pub fn needs_no_transaction(&self) -> bool {
        matches!(
            self,
            Self::CreateIndex { concurrently: true, .. }
                | Self::DropIndex { concurrently: true, .. }
                | Self::Reindex { concurrently: true, .. }
                | Self::Reindex { scope: ReindexScope::Everything, .. }
                | Self::Vacuum { .. }
                | Self::DetachPartition { concurrently: true, .. }
        )
    }
}

/// The branch of a condition that a step stands in: two arms of one condition never run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Which condition.
    pub condition: u32,
    /// Which of its branches.
    pub branch: u32,
}

/// One action at its place in the file, in the order in which it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// As it is written: `add_column`, or `execute: ALTER TABLE ADD COLUMN`.
    pub operation: String,
    /// First line of the call, counted from 1.
    pub line: usize,
    /// Last line of the call.
    pub last_line: usize,
    /// The transaction that it runs in; `None` inside an `autocommit_block()`.
    pub transaction: Option<u32>,
    /// The conditions that it depends on.
    pub arms: Vec<Arm>,
}

impl Step {
    /// Whether one run of the migration can do both.
    pub fn can_run_with(&self, other: &Self) -> bool {
        self.arms
            .iter()
            .all(|arm| other.arms.iter().all(|there| arm.condition != there.condition || arm.branch == there.branch))
    }
}
