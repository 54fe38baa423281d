//! What is known about tables at a point of a migration: from the steps before it, and from other files.

use std::sync::Arc;

use super::data_type::DataType;
use super::operation::{Action, Constraint, Reference, Step, Table};

/// A foreign key that some migration declares.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ForeignKey {
    child: Table,
    name: Option<String>,
    to: Reference,
}

/// A CHECK or NOT NULL constraint that proves a column free of NULL once it is valid.
#[derive(Clone, Debug)]
struct Proof {
    table: Table,
    name: Option<String>,
    column: Option<String>,
    valid: bool,
}

/// Facts about tables, learned step by step.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// What other migrations tell, the same for each of them.
    folder: Arc<Facts>,
    own: Facts,
}

#[derive(Clone, Debug, Default)]
struct Facts {
    created: Vec<Table>,
    foreign_keys: Vec<ForeignKey>,
    indexes: Vec<(String, Table)>,
    proofs: Vec<Proof>,
    domains: Vec<String>,
}

impl Knowledge {
    /// What the steps of other migrations tell about this one's tables: who references whom, which index is whose, which
    /// domains are constrained.
    /// They may run before or after it, so that nothing else can be taken from them.
    pub fn of_folder<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        let mut all = Self::default();
        for step in steps {
            all.learn(&step.action);
        }
        let Facts { foreign_keys, indexes, domains, .. } = all.own;
        let folder = Facts { foreign_keys, indexes, domains, ..Facts::default() };
        Self { folder: Arc::new(folder), own: Facts::default() }
    }

    /// Takes in what is true after an action.
    pub fn learn(&mut self, action: &Action) {
        match action {
            Action::CreateTable { table, references, .. } => {
                self.own.created.push(table.clone());
                self.reference(table, None, references);
            }
            Action::RenameTable { table, to } if self.is_created(table) => {
                self.own.created.push(Table { schema: table.schema.clone(), name: to.clone() });
            }
            Action::AddColumn { table, column } => {
                self.reference(table, None, &column.references);
                if column.not_null {
                    self.prove(table, None, column.name.as_ref(), true);
                }
            }
            Action::SetNotNull { table, column } => self.prove(table, None, column.as_ref(), true),
            Action::AddConstraint { table, name, constraint } => self.constrain(table, name.as_ref(), constraint),
            Action::ValidateConstraint { table, name } => {
                for proof in &mut self.own.proofs {
                    proof.valid |= proof.table.is(table) && proof.name.is_some() && proof.name == *name;
                }
            }
            Action::CreateIndex { table, name: Some(name), .. } => self.own.indexes.push((name.clone(), table.clone())),
            Action::CreateDomain { name, constrained: true } => self.own.domains.push(name.clone()),
            _ => {}
        }
    }

    fn constrain(&mut self, table: &Table, name: Option<&String>, constraint: &Constraint) {
        match constraint {
            Constraint::ForeignKey { reference, .. } => self.reference(table, name, std::slice::from_ref(reference)),
            Constraint::Check { not_null: column @ Some(_), not_valid } | Constraint::NotNull { column, not_valid } => {
                self.prove(table, name, column.as_ref(), !not_valid);
            }
            _ => {}
        }
    }

    fn reference(&mut self, child: &Table, name: Option<&String>, references: &[Reference]) {
        let keys = references.iter().map(|to| ForeignKey { child: child.clone(), name: name.cloned(), to: to.clone() });
        self.own.foreign_keys.extend(keys);
    }

    fn prove(&mut self, table: &Table, name: Option<&String>, column: Option<&String>, valid: bool) {
        self.own.proofs.push(Proof { table: table.clone(), name: name.cloned(), column: column.cloned(), valid });
    }

    /// Whether the migration made the table itself, so that nobody else uses it yet.
    pub fn is_created(&self, table: &Table) -> bool {
        self.own.created.iter().any(|created| created.is(table))
    }

    /// Whether a valid constraint already shows that the column has no NULL, so that PostgreSQL need not look.
    pub fn is_proven_not_null(&self, table: &Table, column: &str) -> bool {
        self.own
            .proofs
            .iter()
            .any(|proof| proof.valid && proof.table.is(table) && proof.column.as_deref() == Some(column))
    }

    /// Whether values of the type must be checked one by one.
    pub fn is_constrained_domain(&self, data_type: &DataType) -> bool {
        data_type.constrained || self.facts().any(|facts| facts.domains.contains(&data_type.name))
    }

    /// The table of an index, where a migration made it.
    pub fn table_of_index(&self, name: &str) -> Option<&Table> {
        self.facts()
            .flat_map(|facts| facts.indexes.iter().rev())
            .find(|(index, _)| index == name)
            .map(|(_, table)| table)
    }

    /// What is known, the latest first.
    fn facts(&self) -> impl Iterator<Item = &Facts> {
        [&self.own, &*self.folder].into_iter()
    }

    /// The foreign keys, the latest first.
    fn foreign_keys(&self) -> impl Iterator<Item = &ForeignKey> {
        self.facts().flat_map(|facts| facts.foreign_keys.iter().rev())
    }

    /// The tables that this one references.
    pub fn parents(&self, child: &Table) -> Vec<Table> {
        distinct(
            self.foreign_keys().filter(|key| key.child.is(child) && !key.to.table.is(child)).map(|key| &key.to.table),
        )
    }

    /// The tables that reference this one.
    pub(super) fn children(&self, parent: &Table) -> Vec<Table> {
        self.children_by(parent, None)
    }

    /// The tables that reference this one by a column; by any, if it or the key's columns are not known.
    pub(super) fn children_by(&self, parent: &Table, column: Option<&str>) -> Vec<Table> {
        let by = |key: &&ForeignKey| {
            column.is_none_or(|column| key.to.columns.is_empty() || key.to.columns.iter().any(|name| name == column))
        };
        let keys = self.foreign_keys().filter(|key| key.to.table.is(parent) && !key.child.is(parent));
        distinct(keys.filter(by).map(|key| &key.child))
    }

    /// The table that a foreign key of this name references, where a migration declares it by name.
    pub fn parent_of_constraint(&self, child: &Table, name: &str) -> Option<&Table> {
        self.foreign_keys()
            .find(|key| key.child.is(child) && key.name.as_deref() == Some(name))
            .map(|key| &key.to.table)
    }
}

fn distinct<'a>(tables: impl Iterator<Item = &'a Table>) -> Vec<Table> {
    let mut seen: Vec<Table> = Vec::new();
    for table in tables {
        if table.name.is_some() && !seen.contains(table) {
            seen.push(table.clone());
        }
    }
    seen
}
