//! Python's `ConfigParser`, as far as `alembic.ini` relies on it.
//!
//! Own code because the readers of the ini format that exist know neither interpolation nor Python's rule for
//! continuation lines, and take backslashes and quotes for syntax.

use std::collections::HashMap;

use thiserror::Error;

/// References may be nested this deeply (`configparser.MAX_INTERPOLATION_DEPTH`).
const MAX_INTERPOLATION_DEPTH: usize = 10;
/// References that repeat references grow without end; no path is this long.
const MAX_VALUE: usize = 64 * 1024;
/// The section whose options every other section has as well.
const DEFAULT_SECTION: &str = "DEFAULT";

/// The sections of an ini file.
#[derive(Debug)]
pub(super) struct Ini {
    sections: HashMap<String, Options>,
}

type Options = HashMap<String, String>;

/// What is wrong with an ini file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IniError {
    /// Something stands before the first `[section]`.
    #[error("line {0}: expected a [section] before the first option")]
    NoSection(usize),
    /// Neither a section, nor an option, nor the continuation of one.
    #[error("line {0}: expected `name = value`")]
    NotAnOption(usize),
    /// A section that stands there twice.
    #[error("line {line}: section [{section}] stands there twice")]
    DuplicateSection {
        /// Line of the second.
        line: usize,
        /// Its name.
        section: String,
    },
    /// An option that stands twice in its section.
    #[error("line {line}: option `{option}` stands twice in its section")]
    DuplicateOption {
        /// Line of the second.
        line: usize,
        /// Its name.
        option: String,
    },
    /// `%` is followed by something other than `%` or `(name)s`.
    #[error("option `{0}`: a `%` must be written `%%`, or start a reference such as `%(here)s`")]
    BadInterpolation(String),
    /// A reference to an option that is not there.
    #[error("option `{option}` refers to `%({name})s`, which its section does not have")]
    MissingReference {
        /// The option with the reference.
        option: String,
        /// What it refers to.
        name: String,
    },
    /// References that lead on and on, in a circle for example.
    #[error("option `{0}`: its references are nested too deeply")]
    TooDeep(String),
}

impl Ini {
    /// Parses a file; `here` is what `%(here)s` stands for.
    pub(super) fn parse(text: &str, here: &str) -> Result<Self, IniError> {
        let mut sections: HashMap<String, HashMap<String, Vec<&str>>> = HashMap::new();
        let mut current: Option<(String, Option<String>)> = None;
        let mut indentation = 0;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let value = line.trim();
            let comment = value.starts_with(['#', ';']);
            if value.is_empty() || comment {
                if !comment && let Some(lines) = value_lines(&mut sections, current.as_ref()) {
                    lines.push("");
                }
                continue;
            }
            let indented = line.chars().take_while(|character| character.is_whitespace()).count();
            if indented > indentation
                && let Some(lines) = value_lines(&mut sections, current.as_ref())
            {
                lines.push(value);
                continue;
            }
            indentation = indented;
            if let Some(section) = section_header(value) {
                if section != DEFAULT_SECTION && sections.contains_key(section) {
                    return Err(IniError::DuplicateSection { line: number, section: section.to_owned() });
                }
                sections.entry(section.to_owned()).or_default();
                current = Some((section.to_owned(), None));
                continue;
            }
            let Some((section, option)) = &mut current else { return Err(IniError::NoSection(number)) };
            let at = value.find(['=', ':']).filter(|&at| at > 0).ok_or(IniError::NotAnOption(number))?;
            let (name, rest) = value.split_at(at);
            let name = name.trim_end().to_lowercase();
            let options = sections.entry(section.clone()).or_default();
            if options.insert(name.clone(), vec![rest.get(1..).unwrap_or_default().trim()]).is_some() {
                return Err(IniError::DuplicateOption { line: number, option: name });
            }
            *option = Some(name);
        }
        Ok(Ini { sections: with_defaults(sections, here) })
    }

    /// The value of an option with its references resolved; `None` when the section or the option is not there.
    pub(super) fn get(&self, section: &str, option: &str) -> Result<Option<String>, IniError> {
        let Some(options) = self.sections.get(section) else { return Ok(None) };
        let Some(raw) = options.get(option) else { return Ok(None) };
        let mut value = String::new();
        interpolate(options, option, raw, 1, &mut value)?;
        Ok(Some(value))
    }
}

fn value_lines<'m, 't>(
    sections: &'m mut HashMap<String, HashMap<String, Vec<&'t str>>>,
    current: Option<&(String, Option<String>)>,
) -> Option<&'m mut Vec<&'t str>> {
    let (section, option) = current?;
    sections.get_mut(section)?.get_mut(option.as_ref()?)
}

/// `\[(?P<header>.+)\]`, matched from the start: up to the last bracket, what follows it is ignored.
fn section_header(value: &str) -> Option<&str> {
    let rest = value.strip_prefix('[')?;
    rest.rfind(']').filter(|&end| end > 0).and_then(|end| rest.get(..end))
}

fn with_defaults(sections: HashMap<String, HashMap<String, Vec<&str>>>, here: &str) -> HashMap<String, Options> {
    let mut joined: HashMap<String, Options> = sections
        .into_iter()
        .map(|(section, options)| {
            let joined =
                options.into_iter().map(|(name, lines)| (name, lines.join("\n").trim_end().to_owned())).collect();
            (section, joined)
        })
        .collect();
    let mut defaults = joined.remove(DEFAULT_SECTION).unwrap_or_default();
    // Alembic does not escape the folder's name, and fails when it has a `%`.
    defaults.entry("here".to_owned()).or_insert_with(|| here.replace('%', "%%"));
    for options in joined.values_mut() {
        for (name, value) in &defaults {
            options.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    joined
}

/// `BasicInterpolation._interpolate_some` of Python.
fn interpolate(options: &Options, option: &str, raw: &str, depth: usize, into: &mut String) -> Result<(), IniError> {
    if depth > MAX_INTERPOLATION_DEPTH || into.len() > MAX_VALUE {
        return Err(IniError::TooDeep(option.to_owned()));
    }
    let bad = || IniError::BadInterpolation(option.to_owned());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('%') {
        into.push_str(before);
        if let Some(escaped) = after.strip_prefix('%') {
            into.push('%');
            rest = escaped;
            continue;
        }
        let (name, following) =
            after.strip_prefix('(').and_then(|reference| reference.split_once(")s")).ok_or_else(bad)?;
        if name.is_empty() || name.contains(')') {
            return Err(bad());
        }
        let name = name.to_lowercase();
        let value = options
            .get(&name)
            .ok_or_else(|| IniError::MissingReference { option: option.to_owned(), name: name.clone() })?;
        interpolate(options, option, value, depth + 1, into)?;
        rest = following;
    }
    into.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(text: &str, option: &str) -> Result<Option<String>, IniError> {
        Ini::parse(text, "/here")?.get("alembic", option)
    }

    fn value(line: &str) -> String {
        get(&format!("[alembic]\n{line}"), "x").unwrap().unwrap()
    }

    #[test]
    fn options_are_read_as_python_reads_them() {
        assert_eq!(value("x = a"), "a");
        assert_eq!(value("X : a = b"), "a = b");
        assert_eq!(value("x=a # not a comment ; neither"), "a # not a comment ; neither");
        assert_eq!(value("x = \"C:\\new\""), "\"C:\\new\"");
        assert_eq!(value("x ="), "");
        assert_eq!(value("x = a\n[other]\nx = b"), "a");
        assert_eq!(get("[alembic]\ny = 1", "x").unwrap(), None);
        assert_eq!(get("[other]\nx = 1", "x").unwrap(), None);
    }

    #[test]
    fn indented_lines_continue_a_value() {
        assert_eq!(value("x = a\n  b\n\n  c\ny = d"), "a\nb\n\nc");
        assert_eq!(value("x =\n    a\n    # comment\n    b = c"), "\na\nb = c");
        assert_eq!(value("x = a\n\n\ny = b"), "a");
        // Deeper than the option itself, that is.
        assert_eq!(value("  x = a\n  y = b"), "a");
        assert_eq!(value("  x = a\n    [z]\n"), "a\n[z]");
    }

    #[test]
    fn references_are_resolved_when_a_value_is_asked_for() {
        assert_eq!(value("x = %(here)s/a"), "/here/a");
        assert_eq!(value("x = %(Y)s\ny = %(z)s!\nz = 50%%"), "50%!");
        assert_eq!(value("x = a\nurl = %(missing)s %"), "a");
        assert_eq!(get("[DEFAULT]\nroot = /r\n[alembic]\nx = %(root)s/a", "x").unwrap().unwrap(), "/r/a");
    }

    #[test]
    fn a_percent_sign_in_the_name_of_the_folder_survives() {
        assert_eq!(
            Ini::parse("[alembic]\nx = %(here)s", "/100%").unwrap().get("alembic", "x").unwrap().unwrap(),
            "/100%"
        );
    }

    #[test]
    fn what_python_refuses_is_refused_with_its_place() {
        let refused = |text: &str| get(text, "x").unwrap_err();
        assert_eq!(refused("x = 1"), IniError::NoSection(1));
        assert_eq!(refused("[alembic]\nx"), IniError::NotAnOption(2));
        assert_eq!(refused("[alembic]\n= x"), IniError::NotAnOption(2));
        assert_eq!(refused("[alembic]\n[alembic]"), IniError::DuplicateSection { line: 2, section: "alembic".into() });
        assert_eq!(refused("[alembic]\nx = 1\nX = 2"), IniError::DuplicateOption { line: 3, option: "x".into() });
        assert_eq!(refused("[alembic]\nx = 5%"), IniError::BadInterpolation("x".into()));
        assert_eq!(refused("[alembic]\nx = %(y)"), IniError::BadInterpolation("x".into()));
        assert_eq!(
            refused("[alembic]\nx = %(y)s"),
            IniError::MissingReference { option: "x".into(), name: "y".into() }
        );
        assert_eq!(refused("[alembic]\nx = %(x)s"), IniError::TooDeep("x".into()));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(\\[alembic\\]\n)?([ \t]{0,2}[xy%(){}\\[\\]=:;#é]{0,8}s?\n){0,8}") {
            let _ = get(&text, "x");
            let _ = get(&text, "y");
        }
    }
}
