use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::data_type::{Rewrite, is_time_zone_change, rewrite};
use crate::alembic::lint::operation::Action;

/// The rule `change-column-type`.
pub(super) struct ChangeColumnType;

impl Rule for ChangeColumnType {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "change-column-type",
            title: "a column changes its type",
            why: "Unless the old values are valid as they stand (a longer varchar, varchar to text, more numeric \
                precision), the table and all its indexes are rewritten under ACCESS EXCLUSIVE.",
            safe: "add a column of the new type, keep it filled by a trigger, fill old rows in batches, then switch \
                the names",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::ChangeType { table, column, from, to, using } = case.action() else { return None };
        let column = column.as_deref().unwrap_or("?");
        let to_name = to.as_ref().map_or("a type that the file does not tell", |to| to.name.as_str());
        match rewrite(from.as_ref(), to.as_ref()) {
            Rewrite::Never if !using => None,
            Rewrite::Unknown if !using => Some(Verdict::warning(format!(
                "changes `{column}` to {to_name}; what it was is not known (existing_type), and unless the values \
                 are the same {table} is rewritten while nobody can read it"
            ))),
            _ if is_time_zone_change(from.as_ref(), to.as_ref()) && !using => Some(Verdict::error(format!(
                "changes `{column}` to {to_name}: {table} is rewritten while nobody can read it, unless the \
                 session's TimeZone is UTC"
            ))),
            _ => Some(Verdict::error(format!(
                "changes `{column}` to {to_name}: {table} is rewritten while nobody can read it"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_change_of_representation_rewrites() {
        lint_finds(
            "change-column-type",
            "op.alter_column('t', 'a', existing_type=sa.Integer(), type_=sa.BigInteger())",
        );
        lint_finds("change-column-type", "op.alter_column('t', 'a', type_=sa.Text())");
        lint_finds("change-column-type", "op.execute('ALTER TABLE t ALTER a TYPE bigint')");
        lint_finds(
            "change-column-type",
            "op.alter_column('t', 'a', existing_type=sa.Text(), type_=sa.Text(), postgresql_using='lower(a)')",
        );
    }

    #[test]
    fn a_longer_string_does_not() {
        lint_ok(
            "change-column-type",
            "op.alter_column('t', 'a', existing_type=sa.String(10), type_=sa.String(length=20))",
        );
        lint_ok(
            "change-column-type",
            "op.alter_column('t', 'a', existing_type=sa.String(10), type_=sa.Text(), postgresql_using='a::text')",
        );
    }
}
