//! The form `postgresql://user:password@host:port,host:port/database?parameter=value`.

use percent_encoding::percent_decode_str;

use super::ConninfoError;
use super::parameters::Parameters;

const MORE_THAN_ONE_AT: &str =
    "a user name or password in a URL cannot contain \"@\" or \"/\": write \"%40\" for \"@\" and \"%2F\" for \"/\"";
const BRACKETS: &str = "an IPv6 address in a URL stands in brackets and only a port can follow: \"[::1]:5432\"";
const PAIRS: &str = "the parameters after \"?\" are \"name=value\", separated by \"&\": write \"%26\" for \"&\" and \"%3D\" for \"=\" in a value";
const REMEDY: &str = "write \"%26\" for \"&\" and \"%3D\" for \"=\" in it";

/// Takes what follows `scheme://` apart.
pub(super) fn parse(scheme: &str, rest: &str) -> Result<Parameters, ConninfoError> {
    check_scheme(scheme)?;
    let mut parameters = Parameters::default();
    let (userinfo, rest) = split_userinfo(rest);
    let (rest, query) = split(rest, '?');
    let (authority, path) = split(rest, '/');
    if rest.contains('@') {
        return Err(ConninfoError::Url(MORE_THAN_ONE_AT));
    }
    if let Some(userinfo) = userinfo {
        let (user, password) = split(userinfo, ':');
        parameters.insert("user", decode(user, "user")?, REMEDY)?;
        if let Some(password) = password {
            parameters.insert("password", decode(password, "password")?, REMEDY)?;
        }
    }
    let (hosts, ports) = split_hosts(authority)?;
    parameters.insert("host", decode(&hosts, "host")?, REMEDY)?;
    if ports.contains(|character| character != ',') {
        parameters.insert("port", ports, REMEDY)?;
    }
    if let Some(path) = path {
        parameters.insert("dbname", decode(path, "database")?, REMEDY)?;
    }
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        insert_pair(&mut parameters, pair)?;
    }
    Ok(parameters)
}

/// `postgresql` or `postgres`, perhaps with the driver that SQLAlchemy puts there.
fn check_scheme(scheme: &str) -> Result<(), ConninfoError> {
    let (dialect, driver) = scheme.split_once('+').unwrap_or((scheme, "none"));
    let is_driver =
        !driver.is_empty() && driver.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if matches!(dialect, "postgresql" | "postgres") && is_driver { Ok(()) } else { Err(ConninfoError::Scheme) }
}

/// The text before the first separator, and what follows it.
fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// User and password end at the first "@", which must stand before any "/".
fn split_userinfo(text: &str) -> (Option<&str>, &str) {
    match text.split_once('@') {
        Some((userinfo, rest)) if !userinfo.contains('/') => (Some(userinfo), rest),
        _ => (None, text),
    }
}

/// Hosts and ports of `host:port,[address]:port`, each list separated by commas as the parameters are.
fn split_hosts(authority: &str) -> Result<(String, String), ConninfoError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for address in authority.split(',') {
        let (host, port) = match address.strip_prefix('[') {
            Some(bracketed) => match bracketed.split_once(']') {
                Some((host, "")) => (host, ""),
                Some((host, port)) => (host, port.strip_prefix(':').ok_or(ConninfoError::Url(BRACKETS))?),
                None => return Err(ConninfoError::Url(BRACKETS)),
            },
            None => address.split_once(':').unwrap_or((address, "")),
        };
        hosts.push(host);
        ports.push(port);
    }
    Ok((hosts.join(","), ports.join(",")))
}

/// One `name=value`; `ssl` is what JDBC and asyncpg call `sslmode`.
fn insert_pair(parameters: &mut Parameters, pair: &str) -> Result<(), ConninfoError> {
    let (keyword, value) = pair.split_once('=').ok_or(ConninfoError::Url(PAIRS))?;
    if value.contains('=') {
        return Err(ConninfoError::Url(PAIRS));
    }
    let keyword = decode(keyword, "name of a parameter")?;
    let value = decode(value, "value of a parameter")?;
    match (keyword.as_str(), value.as_str()) {
        ("ssl", "true") => parameters.insert("sslmode", "require".to_owned(), REMEDY),
        ("ssl", _) => parameters.insert("sslmode", value, REMEDY),
        _ => parameters.insert(&keyword, value, REMEDY),
    }
}

/// Removes the percent encoding; "+" stays what it is.
fn decode(text: &str, part: &'static str) -> Result<String, ConninfoError> {
    let digits_follow = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(digits_follow) {
        return Err(ConninfoError::Encoding { part });
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| ConninfoError::Encoding { part })?;
    if decoded.contains('\0') {
        return Err(ConninfoError::NullCharacter);
    }
    Ok(decoded.into_owned())
}
