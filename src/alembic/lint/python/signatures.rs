//! What Alembic's directives call their arguments, as in Alembic 1.20.

/// The positional arguments of each directive; on a batch object the table is left out.
const SIGNATURES: &[(&str, &[&str])] = &[
    ("add_column", &["table_name", "column"]),
    ("alter_column", &["table_name", "column_name"]),
    ("batch_alter_table", &["table_name", "schema", "recreate"]),
    ("bulk_insert", &["table", "rows"]),
    ("create_check_constraint", &["constraint_name", "table_name", "condition"]),
    ("create_exclude_constraint", &["constraint_name", "table_name"]),
    ("create_foreign_key", &["constraint_name", "table_name", "referent_table", "local_cols", "remote_cols"]),
    ("create_index", &["index_name", "table_name", "columns"]),
    ("create_primary_key", &["constraint_name", "table_name", "columns"]),
    ("create_table", &["table_name"]),
    ("create_unique_constraint", &["constraint_name", "table_name", "columns"]),
    ("drop_column", &["table_name", "column_name"]),
    ("drop_constraint", &["constraint_name", "table_name", "type_"]),
    ("drop_index", &["index_name", "table_name"]),
    ("drop_table", &["table_name"]),
    ("execute", &["sqltext"]),
    ("rename_table", &["old_table_name", "new_table_name"]),
    // They lock nothing that matters, or nothing at all.
    ("create_table_comment", &["table_name"]),
    ("drop_table_comment", &["table_name"]),
    ("get_bind", &[]),
    ("get_context", &[]),
    ("f", &["name"]),
    ("inline_literal", &["value"]),
    ("run_async", &["async_function"]),
];

/// Names that an argument has had in other versions of Alembic.
const OTHER_NAMES: &[(&str, &[&str])] = &[
    ("table_name", &["source_table", "source", "tablename"]),
    ("constraint_name", &["name"]),
    ("index_name", &["name"]),
    ("referent_table", &["referent"]),
    ("new_column_name", &["name"]),
    ("schema", &["source_schema"]),
];

/// The positional arguments of a directive; nothing for what is not one of Alembic's own.
pub(super) fn positional(directive: &str) -> Option<&'static [&'static str]> {
    SIGNATURES.iter().find(|(known, _)| *known == directive).map(|(_, names)| *names)
}

/// Names that an argument has had elsewhere.
pub(super) fn other_names(argument: &str) -> &'static [&'static str] {
    OTHER_NAMES.iter().find(|(known, _)| *known == argument).map_or(&[], |(_, others)| others)
}
