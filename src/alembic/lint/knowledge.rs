//! What is known about tables at a point of a migration: from the steps before it, and from other files.

use std::sync::Arc;

use super::data_type::DataType;
use super::operation::{Action, Arm, Constraint, Reference, Step, Table};

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
    /// The conditions under which it is there.
    arms: Vec<Arm>,
}

/// Facts about tables, learned step by step.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// What other migrations tell, the same for each of them.
    folder: Arc<Facts>,
    own: Facts,
    /// The conditions of the step that is looked at.
    here: Vec<Arm>,
}

#[derive(Clone, Debug, Default)]
struct Facts {
    /// Tables, with the conditions under which they were made.
    created: Vec<(Table, Vec<Arm>)>,
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
        Self { folder: Arc::new(folder), ..Self::default() }
    }

    /// Goes on to a step: what is asked and learned next is under its conditions.
    pub fn enter(&mut self, step: &Step) {
        self.here.clone_from(&step.arms);
    }

    /// Ends a migration: what is true only if one of its conditions held is no use to the next.
    pub fn leave(&mut self) {
        self.here.clear();
        self.own.created.retain(|(_, arms)| arms.is_empty());
        self.own.proofs.retain(|proof| proof.arms.is_empty());
    }

    /// Takes in what is true after an action.
    pub fn learn(&mut self, action: &Action) {
        match action {
            Action::CreateTable { table, references, .. } => {
                self.own.created.push((table.clone(), self.here.clone()));
                self.reference(table, None, references);
            }
            Action::RenameTable { table, to } if self.is_created(table) => {
                let renamed = Table { schema: table.schema.clone(), name: to.clone() };
                self.own.created.push((renamed, self.here.clone()));
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
                let is_validated =
                    |proof: &&Proof| proof.table.is(table) && proof.name.is_some() && proof.name == *name;
                let here = |proof: &Proof| [proof.arms.as_slice(), &self.here].concat();
                let valid = |proof: &Proof| Proof { valid: true, arms: here(proof), ..proof.clone() };
                let validated: Vec<_> = self.own.proofs.iter().filter(is_validated).map(valid).collect();
                self.own.proofs.extend(validated);
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
        let arms = self.here.clone();
        self.own.proofs.push(Proof { table: table.clone(), name: name.cloned(), column: column.cloned(), valid, arms });
    }

    /// Whether the migration has certainly made the table itself, so that nobody else uses it yet.
    pub fn is_created(&self, table: &Table) -> bool {
        self.own.created.iter().any(|(created, arms)| created.is(table) && self.is_certain(arms))
    }

    /// Whether what happened under some conditions has happened wherever the step that is looked at runs.
    fn is_certain(&self, arms: &[Arm]) -> bool {
        arms.iter().all(|arm| self.here.contains(arm))
    }

    /// Whether a valid constraint already shows that the column has no NULL, so that PostgreSQL need not look.
    pub fn is_proven_not_null(&self, table: &Table, column: &str) -> bool {
        self.own.proofs.iter().any(|proof| {
            proof.valid
                && proof.table.is(table)
                && proof.column.as_deref() == Some(column)
                && self.is_certain(&proof.arms)
        })
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

#[cfg(test)]
mod tests {
    use super::super::{Knowledge, Options, judge, read};

    const NONE: [usize; 0] = [];

    /// The lines, from 1, of the body of `upgrade()` about which there is a finding of the rule.
    fn lines(rule: &str, body: &str) -> Vec<usize> {
        let body = body.replace('\n', "\n    ");
        let source = format!("from alembic import op\nimport sqlalchemy as sa\ndef upgrade():\n    {body}\n");
        let found = judge(&read("test.py", &source).unwrap(), &mut Knowledge::default(), &Options::default());
        found.iter().filter(|finding| finding.rule == rule).map(|finding| finding.line - 3).collect()
    }

    #[test]
    fn a_table_made_under_a_condition_is_new_only_under_it() {
        let guarded = "if not sa.inspect(op.get_bind()).has_table('t'):\n    op.create_table('t')\n    \
                       op.create_index('i', 't', ['a'])\nop.create_index('j', 't', ['b'])";
        assert_eq!(lines("create-index", guarded), [4]);
        assert_eq!(lines("create-index", "op.create_table('t')\nop.create_index('i', 't', ['a'])"), NONE);
        let left = "if sa.inspect(op.get_bind()).has_table('t'):\n    return\nop.create_table('t')\n\
                    op.create_index('i', 't', ['a'])";
        assert_eq!(lines("create-index", left), NONE, "whoever gets here has made it");
    }

    #[test]
    fn the_other_arm_has_a_table_that_is_in_use() {
        let either = "if known():\n    op.create_table('t')\nelse:\n    op.create_index('i', 't', ['a'])";
        assert_eq!(lines("create-index", either), [4]);
    }

    #[test]
    fn a_table_made_in_a_try_is_new_only_within_it() {
        let tried = "try:\n    op.create_table('t')\n    op.create_index('i', 't', ['a'])\nexcept Exception:\n    \
                     op.create_index('j', 't', ['b'])\nop.create_index('k', 't', ['c'])";
        assert_eq!(lines("create-index", tried), [5, 6]);
        let checked = "try:\n    op.create_table('t')\nfinally:\n    print('done')\nop.create_index('k', 't', ['c'])";
        assert_eq!(lines("create-index", checked), NONE, "nobody catches what goes wrong");
    }

    #[test]
    fn what_follows_a_try_that_returns_runs_when_it_failed() {
        let tried = "try:\n    op.execute('SELECT 1')\n    return\nexcept Exception:\n    pass\n\
                     op.create_index('k', 't', ['c'])";
        assert_eq!(lines("create-index", tried), [6]);
    }

    #[test]
    fn a_table_made_in_some_rounds_of_a_loop_is_not_new_afterwards() {
        let some = "for t in ('t', 'u'):\n    if known(t):\n        continue\n    op.create_table(t)\n\
                    op.create_index('i', 'u', ['a'])";
        assert_eq!(lines("create-index", some), [5]);
        let all = "for t in ('t', 'u'):\n    op.create_table(t)\nop.create_index('i', 'u', ['a'])";
        assert_eq!(lines("create-index", all), NONE);
    }

    #[test]
    fn expressions_are_conditions_too() {
        let short = "known() or op.create_table('t')\nop.create_index('i', 't', ['a'])";
        assert_eq!(lines("create-index", short), [2]);
        let listed = "[op.create_index('i_' + t, t, ['a']) for t in ('t', 'u') if known(t)]";
        assert_eq!(lines("create-index", listed), [1, 1]);
    }

    #[test]
    fn a_check_that_only_may_be_valid_proves_nothing() {
        let check = "op.execute('ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID')";
        let validate = "op.execute('ALTER TABLE t VALIDATE CONSTRAINT c')";
        let set = "op.alter_column('t', 'a', nullable=False)";
        assert_eq!(lines("set-not-null", &format!("{check}\n{validate}\n{set}")), NONE);
        assert_eq!(lines("set-not-null", &format!("{check}\nif known():\n    {validate}\n{set}")), [4]);
        assert_eq!(lines("set-not-null", &format!("{check}\nif known():\n    {validate}\n    {set}")), NONE);
    }
}
