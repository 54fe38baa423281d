//! The form `keyword=value keyword='quoted value'`.

use std::iter::Peekable;
use std::str::Chars;

use super::ConninfoError;
use super::parameters::Parameters;

const REMEDY: &str =
    "put a value with spaces into single quotes, and write \\' for a quote and \\\\ for a backslash in it";

/// Takes the string apart.
pub(super) fn parse(text: &str) -> Result<Parameters, ConninfoError> {
    let mut parameters = Parameters::default();
    let mut characters = text.chars().peekable();
    for word in 1.. {
        skip_spaces(&mut characters);
        if characters.peek().is_none() {
            break;
        }
        let keyword = take_while(&mut characters, |character| character != '=' && !is_space(character));
        skip_spaces(&mut characters);
        if characters.next_if_eq(&'=').is_none() {
            return Err(if word == 1 {
                ConninfoError::NotAConnectionString
            } else {
                ConninfoError::MissingEquals { word }
            });
        }
        skip_spaces(&mut characters);
        let value = match characters.next_if_eq(&'\'') {
            Some(_) => quoted(&mut characters)?,
            None => unquoted(&mut characters),
        };
        parameters.insert(&keyword, value, REMEDY)?;
    }
    Ok(parameters)
}

/// C's `isspace` in the locale that libpq has: ASCII alone.
fn is_space(character: char) -> bool {
    character.is_ascii_whitespace() || character == '\x0b'
}

fn skip_spaces(characters: &mut Peekable<Chars<'_>>) {
    while characters.next_if(|character| is_space(*character)).is_some() {}
}

fn take_while(characters: &mut Peekable<Chars<'_>>, belongs: impl Fn(char) -> bool) -> String {
    std::iter::from_fn(|| characters.next_if(|character| belongs(*character))).collect()
}

/// Up to the next space, which a backslash can protect.
fn unquoted(characters: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(character) = characters.next_if(|character| !is_space(*character)) {
        match character {
            '\\' => value.extend(characters.next()),
            character => value.push(character),
        }
    }
    value
}

/// Up to the closing quote, which a backslash can protect.
fn quoted(characters: &mut Peekable<Chars<'_>>) -> Result<String, ConninfoError> {
    let mut value = String::new();
    loop {
        match characters.next().ok_or(ConninfoError::Unterminated)? {
            '\'' => return Ok(value),
            '\\' => value.push(characters.next().ok_or(ConninfoError::Unterminated)?),
            character => value.push(character),
        }
    }
}
