//! The name of a version table as it stands in the file: `table` or `schema.table`, in double quotes where a name
//! contains a dot or a quote. Unlike in SQL, upper case stays upper case, because Alembic quotes the name that it is given.

use toml::Spanned;

use crate::config::VersionTableName;
use crate::config::error::Fault;

/// Takes the name apart.
pub(super) fn parse(text: &Spanned<String>) -> Result<VersionTableName, Fault> {
    let expected = "expected \"table\" or \"schema.table\", with a name that contains a dot in double quotes";
    split(text.get_ref()).ok_or_else(|| Fault::of(text, expected))
}

fn split(text: &str) -> Option<VersionTableName> {
    let (first, rest) = name(text)?;
    match rest.strip_prefix('.') {
        None if rest.is_empty() => Some(VersionTableName { schema: None, table: first }),
        None => None,
        Some(rest) => {
            let (table, rest) = name(rest)?;
            rest.is_empty().then_some(VersionTableName { schema: Some(first), table })
        }
    }
}

/// The name at the start of the text, and what follows it.
fn name(text: &str) -> Option<(String, &str)> {
    let (name, rest) = if let Some(quoted) = text.strip_prefix('"') {
        quoted_name(quoted)?
    } else {
        let (name, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        (name.to_owned(), rest)
    };
    let is_name = !name.is_empty() && (!name.contains('"') || text.starts_with('"')) && !name.contains('\0');
    is_name.then_some((name, rest))
}

/// Up to the closing quote; two of them stand for one.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(schema: Option<&str>, table: &str) -> VersionTableName {
        VersionTableName { schema: schema.map(str::to_owned), table: table.to_owned() }
    }

    #[test]
    fn a_table_with_and_without_a_schema_is_read() {
        assert_eq!(split("alembic_version_app"), Some(named(None, "alembic_version_app")));
        assert_eq!(split("Tenant.Version"), Some(named(Some("Tenant"), "Version")));
        assert_eq!(split(r#""a.b"."say ""hi""""#), Some(named(Some("a.b"), r#"say "hi""#)));
    }

    #[test]
    fn what_is_not_one_or_two_names_is_refused() {
        for text in ["", ".", "a.", ".b", "a.b.c", r#""a"#, r#""a"b"#, r#"a"b"#, r#""""#] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_read_back(schema in "[^\0]{1,20}", table in "[^\0]{1,20}") {
            let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let text = format!("{}.{}", quote(&schema), quote(&table));
            prop_assert_eq!(split(&text), Some(named(Some(&schema), &table)));
        }

        #[test]
        fn any_text_is_survived(text in r#"["a.\PC]*"#) {
            split(&text);
        }
    }
}
