//! A statement with its variants for newer servers.

use super::Version;

/// A statement, by the major version from which each variant holds.
#[derive(Debug)]
pub struct Sql {
    /// Variants with the first major version that they are for, ascending; the first one is for the oldest server.
    pub variants: &'static [(u32, &'static str)],
}

impl Sql {
    /// A statement with its variants.
    pub const fn new(variants: &'static [(u32, &'static str)]) -> Self {
        Self { variants }
    }

    /// The newest variant that a server of this version understands.
    pub fn text(&self, version: Version) -> &'static str {
        let newer = self.variants.partition_point(|(major, _)| *major <= version.major);
        self.variants[newer.saturating_sub(1)].1
    }
}

/// An identifier as SQL writes it when nothing is left to chance.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_within_an_identifier_are_doubled() {
        assert_eq!(quote("we\"ird\n🦀"), "\"we\"\"ird\n🦀\"");
    }

    #[test]
    fn a_server_gets_the_newest_variant_that_it_understands() {
        const SQL: Sql = Sql::new(&[(13, "old"), (16, "new")]);
        for (major, expected) in [(12, "old"), (13, "old"), (15, "old"), (16, "new"), (19, "new")] {
            assert_eq!(SQL.text(Version { major, minor: 0 }), expected, "{major}");
        }
    }
}
