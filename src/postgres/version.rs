//! The version of a server.

use std::fmt;

/// Major and minor version, as the parameter `server_version` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 13 to 18, and what comes after.
    pub major: u32,
    /// 0 for a version under development.
    pub minor: u32,
}

impl Version {
    /// The oldest major version whose catalogs the queries know.
    pub const OLDEST_MAJOR: u32 = 13;

    /// Reads `15.18 (Debian 15.18-0+deb12u1)`, `18beta1` and the like.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|character: char| !character.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = text.split_once('.').and_then(|_| numbers.next()?.parse().ok()).unwrap_or(0);
        Some(Self { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_servers_report() {
        for (text, major, minor) in [("15.18 (Debian 15.18-0+deb12u1)", 15, 18), ("18beta1", 18, 0), ("13.23", 13, 23)]
        {
            assert_eq!(Version::parse(text), Some(Version { major, minor }), "{text}");
        }
    }

    #[test]
    fn text_without_a_number_is_no_version() {
        assert_eq!(Version::parse("unknown"), None);
        assert_eq!(Version::parse(""), None);
    }
}
