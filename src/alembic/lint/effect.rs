//! What each action does to its tables: the lock, whether the table gets a new file, whether it is read through.
//!
//! Every claim here is compared with `pg_locks`, `pg_class.relfilenode` and the scan counters of real servers by
//! `tests/integration/lint_effects.rs`.

use super::data_type::{Rewrite, rewrite};
use super::knowledge::Knowledge;
use super::operation::{Action, Column, Constraint, Fill, Generated, ReindexScope, Table, Write};
use crate::locks::LockMode::{
    self, AccessExclusive, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
};

/// What an action does to one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// The table.
    pub table: Table,
    /// The strongest lock on it.
    pub lock: LockMode,
    /// It gets a new file.
    pub rewrites: bool,
    /// It is read through; building an index counts.
    pub scans: bool,
    /// It is not the table that is changed but one that hangs together with it.
    pub beside: bool,
}

impl Effect {
    fn brief(table: &Table, lock: LockMode) -> Self {
        Self { table: table.clone(), lock, rewrites: false, scans: false, beside: false }
    }

    fn scanning(self, scans: bool) -> Self {
        Self { scans, ..self }
    }

    /// A new file is filled from the old one, which is read for it.
    fn rewriting(self, rewrites: bool) -> Self {
        Self { rewrites, scans: self.scans || rewrites, ..self }
    }

    fn beside(self) -> Self {
        Self { beside: true, ..self }
    }
}

/// The effects of an action, the changed table first. Where the file leaves open what happens, the worse is claimed.
pub(super) fn effects(action: &Action, known: &Knowledge, postgres: u32) -> Vec<Effect> {
    let mut effects = main_effects(action, known, postgres);
    effects.extend(effects_beside(action, known, postgres));
    effects
}

fn main_effects(action: &Action, known: &Knowledge, postgres: u32) -> Vec<Effect> {
    let one = match action {
        Action::CreateTable { .. }
        | Action::CreateDomain { .. }
        | Action::SetLockTimeout { .. }
        | Action::Opaque { .. } => return Vec::new(),
        Action::DropTable { table }
        | Action::RenameTable { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::DropConstraint { table, .. } => Effect::brief(table, AccessExclusive),
        Action::AddColumn { table, column } => {
            Effect::brief(table, AccessExclusive).scanning(reads_for(column)).rewriting(rewrites_for(column, known))
        }
        Action::SetNotNull { table, column } => {
            let proven = column.as_ref().is_some_and(|column| known.is_proven_not_null(table, column));
            Effect::brief(table, AccessExclusive).scanning(!proven)
        }
        Action::ChangeType { table, from, to, using, .. } => Effect::brief(table, AccessExclusive)
            .rewriting(*using || rewrite(from.as_ref(), to.as_ref()) != Rewrite::Never),
        Action::AddConstraint { table, constraint, .. } => constraint_effect(table, constraint, known),
        Action::ValidateConstraint { table, .. } | Action::Vacuum { table, full: false } => {
            Effect::brief(table, ShareUpdateExclusive).scanning(true)
        }
        Action::CreateIndex { table, concurrently, .. } => {
            Effect::brief(table, if *concurrently { ShareUpdateExclusive } else { Share }).scanning(true)
        }
        Action::DropIndex { table, name, concurrently } => {
            let table = index_table(table, name.as_ref(), known);
            Effect::brief(&table, if *concurrently { ShareUpdateExclusive } else { AccessExclusive })
        }
        Action::Reindex { table, name, scope, concurrently } => {
            let table =
                if *scope == ReindexScope::Index { index_table(table, name.as_ref(), known) } else { table.clone() };
            Effect::brief(&table, if *concurrently { ShareUpdateExclusive } else { Share }).scanning(true)
        }
        Action::AttachPartition { partition, .. } => Effect::brief(partition, AccessExclusive).scanning(true),
        Action::DetachPartition { partition, concurrently, .. } => {
            let lock = if postgres < 14 && !concurrently { ShareUpdateExclusive } else { AccessExclusive };
            Effect::brief(partition, lock)
        }
        Action::Truncate { table, .. } => Effect { rewrites: true, ..Effect::brief(table, AccessExclusive) },
        Action::Rewrite { table } | Action::Vacuum { table, full: true } => {
            Effect::brief(table, AccessExclusive).rewriting(true)
        }
        Action::RefreshMaterializedView { view, concurrently: true } => Effect::brief(view, Exclusive).scanning(true),
        Action::RefreshMaterializedView { view, concurrently: false } => {
            Effect { rewrites: true, ..Effect::brief(view, AccessExclusive) }
        }
        Action::LockTable { table, lock } | Action::Other { table, lock } => Effect::brief(table, *lock),
        Action::WriteRows { table, write } => Effect::brief(table, RowExclusive).scanning(*write != Write::Insert),
    };
    vec![one]
}

fn constraint_effect(table: &Table, constraint: &Constraint, known: &Knowledge) -> Effect {
    match constraint {
        Constraint::ForeignKey { not_valid, .. } => Effect::brief(table, ShareRowExclusive).scanning(!not_valid),
        Constraint::Check { not_valid, .. } | Constraint::NotNull { not_valid, .. } => {
            Effect::brief(table, AccessExclusive).scanning(!not_valid)
        }
        Constraint::Unique { using_index } => Effect::brief(table, AccessExclusive).scanning(!using_index),
        Constraint::PrimaryKey { using_index, columns } => {
            let proven = !columns.is_empty() && columns.iter().all(|column| known.is_proven_not_null(table, column));
            Effect::brief(table, AccessExclusive).scanning(!using_index || !proven)
        }
        Constraint::Exclude => Effect::brief(table, AccessExclusive).scanning(true),
    }
}

/// The other tables that the action locks.
fn effects_beside(action: &Action, known: &Knowledge, postgres: u32) -> Vec<Effect> {
    let all = |tables: &[Table], lock: LockMode| {
        tables.iter().map(|table| Effect::brief(table, lock).beside()).collect::<Vec<_>>()
    };
    match action {
        Action::CreateTable { table, references, partition_of } => {
            let others =
                references.iter().map(|to| &to.table).filter(|parent| !parent.is(table)).cloned().collect::<Vec<_>>();
            let mut effects = all(&others, ShareRowExclusive);
            effects.extend(partition_of.as_ref().map(|parent| Effect::brief(parent, AccessExclusive).beside()));
            effects
        }
        Action::DropTable { table } => all(&known.parents(table), AccessExclusive),
        Action::DropConstraint { table, name: Some(name), foreign_key } if *foreign_key != Some(false) => known
            .parent_of_constraint(table, name)
            .map_or_else(Vec::new, |parent| all(std::slice::from_ref(parent), AccessExclusive)),
        Action::AddColumn { table, column } => {
            // Rows that stay NULL refer to nothing, so that nothing is looked up.
            let scans = column.fill != Fill::Nothing || column.generated.is_some();
            let parents = column.references.iter().map(|to| &to.table).filter(|parent| !parent.is(table));
            parents.map(|parent| Effect::brief(parent, ShareRowExclusive).scanning(scans).beside()).collect()
        }
        Action::ChangeType { table, column, from, to, .. } => {
            let rewrites = rewrite(from.as_ref(), to.as_ref()) != Rewrite::Never;
            let children = if rewrites { known.children_by(table, column.as_deref()) } else { Vec::new() };
            children.iter().map(|child| Effect::brief(child, AccessExclusive).scanning(true).beside()).collect()
        }
        Action::AddConstraint { table, constraint: Constraint::ForeignKey { reference, not_valid }, .. }
            if !reference.table.is(table) =>
        {
            vec![Effect::brief(&reference.table, ShareRowExclusive).scanning(!not_valid).beside()]
        }
        Action::ValidateConstraint { table, name: Some(name) } => known
            .parent_of_constraint(table, name)
            .map_or_else(Vec::new, |parent| vec![Effect::brief(parent, RowShare).scanning(true).beside()]),
        Action::AttachPartition { parent, .. } => all(std::slice::from_ref(parent), ShareUpdateExclusive),
        Action::DetachPartition { parent, concurrently, .. } => {
            let lock = if *concurrently && postgres >= 14 { ShareUpdateExclusive } else { AccessExclusive };
            all(std::slice::from_ref(parent), lock)
        }
        Action::Truncate { table, cascade: true } => known
            .children(table)
            .iter()
            .map(|child| Effect { rewrites: true, ..Effect::brief(child, AccessExclusive).beside() })
            .collect(),
        _ => Vec::new(),
    }
}

fn index_table(table: &Table, index: Option<&String>, known: &Knowledge) -> Table {
    if table.name.is_some() {
        return table.clone();
    }
    index.and_then(|index| known.table_of_index(index)).cloned().unwrap_or_default()
}

/// Whether adding the column writes every row again.
fn rewrites_for(column: &Column, known: &Knowledge) -> bool {
    let domain = column.data_type.as_ref().is_some_and(|data_type| known.is_constrained_domain(data_type));
    matches!(column.generated, Some(Generated::Identity | Generated::Serial | Generated::Stored))
        || matches!(column.fill, Fill::Volatile | Fill::Unknown)
        || domain
}

/// Whether adding the column reads every row: to check them, or to build an index.
fn reads_for(column: &Column) -> bool {
    let empty = column.fill == Fill::Nothing && column.generated.is_none();
    let references = !column.references.is_empty() && (!column.references_inline || !empty);
    column.unique || column.indexed || column.checked || references || (column.not_null && empty)
}
