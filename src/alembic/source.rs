//! From the bytes of a Python file to its syntax tree, as Python itself reads them.
//!
//! Nothing is executed. What Python would refuse to load is refused here too, with the reason.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use thiserror::Error;

/// Python gives up on anything near this depth; so do we, because walking and dropping a tree recurses.
const MAX_DEPTH: usize = 3_000;
/// Bytes of stack for one level of a tree that is walked or dropped, unoptimised builds included.
const STACK_PER_LEVEL: usize = 4 * 1024;

/// Why the text of a file cannot be read as Python.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// The bytes are not in the encoding that the file declares, UTF-8 unless it says otherwise.
    #[error("is not valid {encoding}; declare its encoding as PEP 263 describes, or save it as UTF-8")]
    Undecodable {
        /// The declared encoding, or `utf-8`.
        encoding: String,
    },
    /// The coding line names an encoding that is not known.
    #[error("declares the encoding `{0}`, which is not known")]
    UnknownEncoding(String),
    /// A UTF-8 byte order mark and a coding line that contradicts it.
    #[error("starts with a UTF-8 byte order mark and declares the encoding `{0}`")]
    ContradictoryEncoding(String),
    /// Python's own parser would stop here.
    #[error("is not valid Python: {message} (line {line})")]
    Syntax {
        /// What the parser expected.
        message: String,
        /// Line of the error, from 1.
        line: usize,
    },
    /// Nested beyond what Python accepts.
    #[error("is nested more deeply than Python accepts")]
    TooDeep,
}

/// Decodes a source file as PEP 263 says: a byte order mark, else a coding line in the first two lines, else UTF-8.
/// Every end of a line becomes `\n`, as for Python.
pub fn decode(bytes: &[u8]) -> Result<String, SourceError> {
    let text = decode_characters(bytes)?;
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text })
}

fn decode_characters(bytes: &[u8]) -> Result<String, SourceError> {
    let (text, marked) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let declared = coding_line(text);
    let encoding = declared.as_deref().map_or_else(|| "utf-8".to_owned(), normalise);
    if is_utf8(&encoding) {
        let undecodable = |_| SourceError::Undecodable { encoding: "utf-8".to_owned() };
        return std::str::from_utf8(text).map(str::to_owned).map_err(undecodable);
    }
    let declared = declared.unwrap_or_default();
    if marked {
        return Err(SourceError::ContradictoryEncoding(declared));
    }
    if is_latin1(&encoding) {
        // Every byte is the code point of the same number. The decoder below would read windows-1252.
        return Ok(text.iter().map(|&byte| char::from(byte)).collect());
    }
    let decoder = encoding_rs::Encoding::for_label(encoding.as_bytes())
        .or_else(|| encoding_rs::Encoding::for_label(declared.as_bytes()));
    match decoder {
        None => Err(SourceError::UnknownEncoding(declared)),
        Some(decoder) => match decoder.decode_without_bom_handling_and_without_replacement(text) {
            Some(text) => Ok(text.into_owned()),
            None => Err(SourceError::Undecodable { encoding: declared }),
        },
    }
}

/// Parses a module; the tree is shallow enough to be walked recursively.
pub fn parse(text: &str) -> Result<Parsed<ModModule>, SourceError> {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let depth = depth_bound(&parsed);
    if depth > MAX_DEPTH {
        // Dropping it would recurse as deep as it is, gigabytes of stack at worst; nobody writes such a file by hand.
        std::mem::forget(parsed);
        return Err(SourceError::TooDeep);
    }
    match parsed.errors().first() {
        None => Ok(parsed),
        Some(error) => Err(SourceError::Syntax {
            message: error.error.to_string(),
            line: line_of(text, error.location.start().to_usize()),
        }),
    }
}

/// Runs `work` with a stack that any tree from [`parse`] can be walked and dropped on.
pub fn with_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(MAX_DEPTH * STACK_PER_LEVEL, MAX_DEPTH * STACK_PER_LEVEL + 64 * 1024, work)
}

/// The line, from 1, that holds the byte at `offset`.
pub fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.split(|&byte| byte == b'\n').count()
}

/// The name in the coding line, which must be a comment in the first line, or in the second after a blank or comment.
fn coding_line(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|&byte| byte == b'\n' || byte == b'\r');
    let first = lines.next()?;
    if let Some(name) = coding_of(first) {
        return Some(name);
    }
    let code = first.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\x0C'));
    if code.is_some_and(|&byte| byte != b'#') {
        return None;
    }
    let mut second = lines.next()?;
    if second.is_empty() && bytes.get(first.len()..first.len() + 2) == Some(b"\r\n") {
        second = lines.next()?;
    }
    coding_of(second)
}

/// `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`, the expression of PEP 263.
fn coding_of(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\x0C'))?;
    let comment = line.get(start..)?.strip_prefix(b"#")?;
    let word = b"coding";
    (0..comment.len()).find_map(|at| {
        let rest = comment.get(at..)?.strip_prefix(word)?;
        let (_, rest) = rest.split_first().filter(|(mark, _)| matches!(mark, b':' | b'='))?;
        let name: String = rest
            .iter()
            .skip_while(|byte| matches!(byte, b' ' | b'\t'))
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            .map(|&byte| char::from(byte))
            .collect();
        (!name.is_empty()).then_some(name)
    })
}

fn normalise(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn is_utf8(encoding: &str) -> bool {
    encoding.starts_with("utf-8-")
        || matches!(encoding, "utf-8" | "utf8" | "u8" | "utf" | "utf8-ucs2" | "utf8-ucs4" | "cp65001")
}

fn is_latin1(encoding: &str) -> bool {
    ["latin-1", "iso-8859-1", "iso-latin-1"].iter().any(|name| {
        // As Python's tokenizer: `latin-1` and `latin-1-unix`, but not `iso-8859-15`.
        encoding.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }) || matches!(encoding, "latin1" | "iso8859-1" | "l1" | "8859" | "cp819")
}

/// An upper bound of the tree's depth, from its flat list of tokens.
///
/// Brackets and blocks nest; within one of them every operator or keyword since the last comma or statement may be
/// one more level (`a.b.c`, `- - x`, `1 + 2 + 3`).
fn depth_bound(parsed: &Parsed<ModModule>) -> usize {
    let mut enclosing: Vec<usize> = Vec::new();
    let (mut below, mut here, mut blocks, mut deepest) = (0_usize, 0_usize, 0_usize, 0_usize);
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                enclosing.push(here + 1);
                below += here + 1;
                here = 0;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                if let Some(outer) = enclosing.pop() {
                    below -= outer;
                    here = outer;
                }
            }
            TokenKind::Comma => here = 0,
            TokenKind::Newline | TokenKind::Semi => {
                enclosing.clear();
                (below, here) = (0, 0);
            }
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Name
            | TokenKind::Int => {}
            _ => here += 1,
        }
        deepest = deepest.max(below + here + blocks);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<String, SourceError> {
        decode(bytes)
    }

    #[test]
    fn text_is_utf8_unless_it_says_otherwise() {
        assert_eq!(decoded("x = 'é'".as_bytes()).unwrap(), "x = 'é'");
        assert_eq!(decoded(b"x = '\xE9'"), Err(SourceError::Undecodable { encoding: "utf-8".into() }));
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_text() {
        assert_eq!(decoded(b"\xEF\xBB\xBFx = 1").unwrap(), "x = 1");
        assert_eq!(decoded(b"\xEF\xBB\xBF# coding: utf_8\n").unwrap(), "# coding: utf_8\n");
        assert!(matches!(decoded(b"\xEF\xBB\xBF# coding: latin-1\n"), Err(SourceError::ContradictoryEncoding(_))));
    }

    #[test]
    fn a_coding_line_names_the_encoding() {
        assert_eq!(decoded(b"# -*- coding: latin-1 -*-\n'\xE9'").unwrap(), "# -*- coding: latin-1 -*-\n'é'");
        assert!(decoded(b"#!/usr/bin/python\r\n# vim: fileencoding=iso8859-1\r\n'\xE9'").unwrap().ends_with("'é'"));
        assert!(decoded(b"# coding: cp1251\n'\xE9'").unwrap().ends_with("'й'"));
        assert!(decoded(b"# coding: shift_jis\n'\x83\x65'").unwrap().ends_with("'テ'"));
        assert_eq!(decoded(b"# coding: klingon\n"), Err(SourceError::UnknownEncoding("klingon".into())));
    }

    #[test]
    fn a_coding_line_counts_only_as_a_comment_in_the_first_two_lines() {
        assert!(decoded(b"x = 1\n# coding: latin-1\n'\xE9'").is_err());
        assert!(decoded(b"\n\n# coding: latin-1\n'\xE9'").is_err());
        assert!(decoded(b"'coding: latin-1'\n'\xE9'").is_err());
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let error = parse("x = 1\nprint 'x'\n").unwrap_err();
        assert!(matches!(error, SourceError::Syntax { line: 2, .. }), "{error}");
    }

    #[test]
    fn what_python_finds_too_deep_is_refused_without_exhausting_the_stack() {
        let n = 30_000;
        for source in [
            format!("x = {}1", "-".repeat(n)),
            format!("x = a{}", ".b".repeat(n)),
            format!("x = a{}", "()".repeat(n)),
            format!("x = 1{}", " + 1".repeat(n)),
            format!("x = {}1", "not ".repeat(n)),
            format!("x = {}{}", "[".repeat(n), "]".repeat(n)),
            format!("x = {}", "[".repeat(n)),
            format!("x = {}", "f(a=".repeat(n)),
            format!("x = {}1", "lambda: ".repeat(n)),
            format!("x = {}1", "1 if 1 else ".repeat(n)),
        ] {
            assert_eq!(parse(&source).map(|_| ()), Err(SourceError::TooDeep), "{}", &source[..20]);
        }
    }

    #[test]
    fn long_is_not_deep() {
        let long = format!("x = [{}]\ny = (\n{})\n", "('a', 1),".repeat(50_000), "    'text'\n".repeat(50_000));
        assert!(parse(&long).is_ok());
    }
}
