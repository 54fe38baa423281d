//! The rules: one file each, one line each in [`RULES`]. `docs/LINT.md` is written from their definitions.

mod add_column_constraint;
mod add_column_domain;
mod add_column_foreign_key;
mod add_column_generated;
mod add_column_not_null;
mod add_column_volatile_default;
mod attach_partition;
mod backfill_with_ddl;
mod brief_lock;
mod change_column_type;
mod change_referenced_key_type;
mod concurrently_in_transaction;
mod concurrently_lock_timeout;
mod create_check;
mod create_exclude;
mod create_foreign_key;
mod create_index;
mod create_partition_of;
mod create_primary_key;
mod create_table_foreign_key;
mod create_unique;
mod data_loss;
mod detach_partition;
mod drop_column;
mod drop_foreign_key;
mod drop_index;
mod drop_table;
mod lock_table;
mod missing_downgrade;
mod missing_lock_timeout;
mod opaque;
mod primary_key_using_index;
mod refresh_materialized_view;
mod reindex;
mod rename_column;
mod rename_table;
mod rewrite_table;
mod set_not_null;
mod statement_after_access_exclusive;
mod suppression_without_reason;
#[cfg(test)]
mod testing;
mod truncate;
mod validate_in_same_transaction;

use super::Options;
use super::effect::Effect;
use super::finding::Severity;
use super::operation::{Action, Step};
use super::reader::Migration;
use crate::locks::LockMode;

/// What a rule is called, what it finds, why it matters and what to do instead.
#[derive(Debug)]
pub(super) struct Definition {
    /// The identifier in findings and suppressions.
    pub id: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What PostgreSQL does, and who suffers.
    pub why: &'static str,
    /// The safe form, as an imperative.
    pub safe: &'static str,
}

/// Judges one step, or the whole file. Preconditions that hold for all: see [`Case`].
pub(super) trait Rule: Sync {
    /// The rule's documentation.
    fn definition(&self) -> &'static Definition;

    /// Judges a step of `upgrade()`.
    fn check(&self, _case: &Case) -> Option<Verdict> {
        None
    }

    /// Judges the file as a whole; the number is the line.
    fn check_file(&self, _migration: &Migration) -> Vec<(usize, Verdict)> {
        Vec::new()
    }
}

/// Every rule, in the order of the documentation.
pub(super) static RULES: &[&dyn Rule] = &[
    &add_column_not_null::AddColumnNotNull,
    &add_column_volatile_default::AddColumnVolatileDefault,
    &add_column_generated::AddColumnGenerated,
    &add_column_domain::AddColumnDomain,
    &add_column_foreign_key::AddColumnForeignKey,
    &add_column_constraint::AddColumnConstraint,
    &set_not_null::SetNotNull,
    &change_column_type::ChangeColumnType,
    &change_referenced_key_type::ChangeReferencedKeyType,
    &drop_column::DropColumn,
    &drop_table::DropTable,
    &data_loss::DataLoss,
    &rename_column::RenameColumn,
    &rename_table::RenameTable,
    &create_index::CreateIndex,
    &drop_index::DropIndex,
    &reindex::Reindex,
    &concurrently_in_transaction::ConcurrentlyInTransaction,
    &concurrently_lock_timeout::ConcurrentlyLockTimeout,
    &create_foreign_key::CreateForeignKey,
    &create_check::CreateCheck,
    &create_unique::CreateUnique,
    &create_primary_key::CreatePrimaryKey,
    &primary_key_using_index::PrimaryKeyUsingIndex,
    &create_exclude::CreateExclude,
    &validate_in_same_transaction::ValidateInSameTransaction,
    &drop_foreign_key::DropForeignKey,
    &create_table_foreign_key::CreateTableForeignKey,
    &attach_partition::AttachPartition,
    &create_partition_of::CreatePartitionOf,
    &detach_partition::DetachPartition,
    &truncate::Truncate,
    &rewrite_table::RewriteTable,
    &refresh_materialized_view::RefreshMaterializedView,
    &lock_table::LockTable,
    &backfill_with_ddl::BackfillWithDdl,
    &statement_after_access_exclusive::StatementAfterAccessExclusive,
    &missing_lock_timeout::MissingLockTimeout,
    &brief_lock::BriefLock,
    &missing_downgrade::MissingDowngrade,
    &opaque::Opaque,
    &suppression_without_reason::SuppressionWithoutReason,
];

/// Which of a step's tables a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The table that is changed.
    Changed,
    /// The tables that are locked with it.
    Beside,
    /// All of them.
    Everything,
    /// The table that is changed, even if the migration made it itself; or none.
    Always,
}

/// What a rule says of a step.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// How bad it is.
    pub severity: Severity,
    /// What happens, in the migration's own names.
    pub message: String,
    /// The tables that it is about.
    pub scope: Scope,
    /// It happens on a table of any size, so that a small one does not make it harmless.
    pub at_any_size: bool,
    /// A lock that an earlier step still holds and under which this one runs.
    pub under: Option<LockMode>,
}

impl Verdict {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), scope: Scope::Changed, at_any_size: false, under: None }
    }

    fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    fn info(message: impl Into<String>) -> Self {
        Self::new(Severity::Info, message)
    }

    fn about(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    fn under(self, lock: LockMode) -> Self {
        Self { under: Some(lock), ..self }
    }

    fn at_any_size(self) -> Self {
        Self { at_any_size: true, ..self }
    }
}

/// A step and its effects on tables that others can use: those that the migration made itself are left out.
#[derive(Debug)]
pub(super) struct Seen<'m> {
    pub step: &'m Step,
    pub effects: Vec<Effect>,
    /// The effect on the changed table, even if the migration made it.
    pub any: Option<Effect>,
}

impl Seen<'_> {
    /// The effect on the table that is changed, if others can use it.
    pub(super) fn changed(&self) -> Option<&Effect> {
        self.effects.iter().find(|effect| !effect.beside)
    }
}

/// Who waits while a lock is held, in words.
fn waiting(lock: LockMode) -> &'static str {
    match lock {
        LockMode::AccessExclusive => "every read and write",
        lock if lock.stops_writers() => "every write",
        _ => "only other schema changes",
    }
}

/// A step in its migration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'c> {
    pub all: &'c [Seen<'c>],
    pub at: usize,
    pub options: &'c Options,
}

impl<'c> Case<'c> {
    fn seen(&self) -> &'c Seen<'c> {
        &self.all[self.at]
    }

    fn action(&self) -> &'c Action {
        &self.seen().step.action
    }

    /// The effect on the table that is changed, if others can use it.
    fn changed(&self) -> Option<&'c Effect> {
        self.seen().changed()
    }

    /// The steps before this one that run with it.
    fn before(&self) -> impl DoubleEndedIterator<Item = &'c Seen<'c>> {
        let step = self.seen().step;
        self.all[..self.at].iter().filter(|seen| seen.step.can_run_with(step))
    }

    /// The steps before and after it in the same transaction.
    fn same_transaction(&self) -> impl Iterator<Item = &'c Seen<'c>> {
        let step = self.seen().step;
        let here = self.at;
        let others = self.all.iter().enumerate().filter(move |(at, _)| *at != here).map(|(_, seen)| seen);
        others.filter(|seen| {
            step.transaction.is_some() && seen.step.transaction == step.transaction && seen.step.can_run_with(step)
        })
    }

    /// The `lock_timeout` in milliseconds that the migration has set when the step runs; 0 for none.
    fn lock_timeout(&self) -> u64 {
        let transaction = self.seen().step.transaction;
        self.before()
            .rev()
            .find_map(|seen| match seen.step.action {
                Action::SetLockTimeout { milliseconds, local } => {
                    (!local || seen.step.transaction == transaction).then_some(milliseconds)
                }
                _ => None,
            })
            .unwrap_or(0)
    }
}
