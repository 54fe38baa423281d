//! Whatever a file holds, reading and judging it ends in an answer.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Knowledge, Options, judge, read};

/// Pieces of Python that lead deep into the reader, in any order.
const PYTHON: &[&str] = &[
    "from alembic import op\n",
    "import sqlalchemy as sa\n",
    "def upgrade():\n",
    "    ",
    "op",
    ".",
    "add_column",
    "execute",
    "create_index",
    "batch_alter_table",
    "get_bind()",
    "autocommit_block()",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "=",
    "==",
    ":",
    "\n",
    "\"t\"",
    "'a b'",
    "f'{x}'",
    "f\"ALTER TABLE {t} ADD {c}\"",
    "%",
    "+",
    "*",
    "**",
    "sa.Column",
    "sa.text",
    "lambda x: ",
    "for x in ",
    "if ",
    "else:\n",
    "with ",
    "as b",
    "return",
    "yield",
    "x",
    "None",
    "True",
    "-1",
    "1e999",
    "99999999999999999999",
    "# pgwarden: ignore[",
    "] why\n",
    "\u{0}",
    "\u{1f980}",
    "\\",
    "'''",
    "class M:\n",
    "try:\n",
    "except:\n",
    "async ",
    "await ",
    "globals()",
    ".format(",
    ".join(",
    "split(''",
    "):\n",
];

/// The same for SQL.
const SQL: &[&str] = &[
    "ALTER TABLE ",
    "t ",
    "ADD COLUMN ",
    "a ",
    "int ",
    "NOT NULL ",
    "DEFAULT ",
    "now() ",
    "random()",
    "CHECK (",
    ")",
    "(",
    ",",
    ";",
    "CREATE ",
    "UNIQUE ",
    "INDEX ",
    "CONCURRENTLY ",
    "ON ",
    "DROP ",
    "CONSTRAINT ",
    "FOREIGN KEY ",
    "REFERENCES ",
    "VALIDATE ",
    "SET ",
    "lock_timeout ",
    "= ",
    "'5s'",
    "'",
    "\"",
    "\"q\"\"\" ",
    "$$",
    "$tag$",
    ":name ",
    "::text ",
    "%s",
    "%(",
    "%%",
    "\\:",
    "--",
    "/*",
    "*/",
    "\n",
    "é",
    "\u{1f980}",
    "UPDATE ",
    "SELECT ",
    "set_config('lock_timeout', ",
    "TYPE ",
    "USING ",
    "varchar(",
    "99999999999999999999",
    "ATTACH PARTITION ",
    "TRUNCATE ",
    "pgwarden_unknown",
    "U&\"\\0041\" ",
    "E'\\",
    "B'",
    "WITH x AS (",
    "REINDEX ",
    "VACUUM (FULL) ",
    "REFRESH MATERIALIZED VIEW ",
];

fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(prop_oneof![9 => select(pieces).prop_map(str::to_owned), 1 => any::<String>()], 0..60)
        .prop_map(|pieces| pieces.concat())
}

fn lint(source: &str) {
    if let Ok(migration) = read("hostile.py", source) {
        judge(&migration, &mut Knowledge::of_folder(&migration.steps), &Options::default());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        lint(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_of_python_are_read_or_refused(source in soup(PYTHON)) {
        lint(&source);
        let body = source.replace('\n', "\n    ");
        lint(&format!("from alembic import op\nimport sqlalchemy as sa\ndef upgrade():\n    {body}"));
    }

    #[test]
    fn any_pieces_of_sql_are_read_or_refused(sql in soup(SQL)) {
        lint(&format!("from alembic import op\ndef upgrade():\n    op.execute({sql:?})\n"));
        super::sql::read(&sql);
        super::sql::expression::fill_of_text(&sql);
        super::sql::expression::not_null_column(&sql);
        super::sql::expression::is_plain_cast(&sql, "a");
    }
}
