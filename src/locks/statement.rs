//! The little that the text of a statement is asked for: locks and progress do not tell everything.

/// The name that Alembic gives to its version table unless told otherwise.
const DEFAULT_VERSION_TABLE: &str = "alembic_version";

/// `VACUUM` and `ANALYZE`, which take a mode that DDL takes, too.
pub(super) fn is_maintenance(query: &str) -> bool {
    let query = without_comment(query).to_ascii_lowercase();
    let mut words = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|it| !it.is_empty());
    match words.next() {
        // VACUUM FULL rewrites its table under ACCESS EXCLUSIVE: that is no mere maintenance.
        Some("vacuum") => !words.take(3).any(|word| word == "full"),
        Some("analyze" | "analyse") => true,
        _ => false,
    }
}

/// The first upgrade of a database creates the version table: until it is committed nobody can see its name in the catalog.
pub(super) fn creates_version_table(query: &str) -> bool {
    let query = without_comment(query).to_ascii_lowercase();
    query.starts_with("create table") && query.contains(DEFAULT_VERSION_TABLE)
}

/// The statement without the comments in front, in which applications say where it comes from.
fn without_comment(query: &str) -> &str {
    let query = query.trim_start();
    let end = match query.get(..2) {
        Some("/*") => "*/",
        Some("--") => "\n",
        _ => return query,
    };
    query[2..].split_once(end).map_or("", |(_, rest)| without_comment(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vacuum_and_analyze_are_maintenance_unless_they_rewrite() {
        for query in ["VACUUM users", "/* shop */ -- nightly\n vacuum (analyze) users", "analyze", "ANALYSE users"] {
            assert!(is_maintenance(query), "{query}");
        }
        for query in
            ["VACUUM FULL users", "vacuum (verbose, full) users", "ALTER TABLE vacuum ADD x int", "", "/* vacuum"]
        {
            assert!(!is_maintenance(query), "{query}");
        }
    }

    #[test]
    fn the_creation_of_a_version_table_is_known_by_its_name() {
        assert!(creates_version_table("\nCREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL"));
        assert!(creates_version_table(
            "/* deploy */ create table if not exists ops.alembic_version (version_num text)"
        ));
        assert!(!creates_version_table("SELECT version_num FROM alembic_version"));
        assert!(!creates_version_table("create table users (id int)"));
    }
}
