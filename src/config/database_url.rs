//! Addresses of the database in the forms the CRM writes them.
//!
//! `SQLAlchemy` names its driver in the scheme (`postgresql+asyncpg://`) and the driver's options
//! in the query; the first is dropped, `ssl` becomes `sslmode`, and options that only a Python
//! driver knows are left out.

use std::fmt::Write;

/// Options of Python drivers that mean nothing here.
const FOREIGN: [&str; 4] = [
    "prepared_statement_cache_size",
    "statement_cache_size",
    "async_fallback",
    "prepared_statement_name_func",
];

/// The address without what `SQLAlchemy` adds; `None` if it is of no `PostgreSQL`.
pub(super) fn normalise(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (dialect, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let known_driver = matches!(
        driver,
        "" | "asyncpg" | "psycopg" | "psycopg2" | "psycopg2cffi" | "pg8000"
    );
    if !matches!(dialect, "postgres" | "postgresql") || !known_driver {
        return None;
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let options: Vec<String> = query
        .split('&')
        .filter(|option| !option.is_empty())
        .filter_map(option)
        .collect();
    let query = if options.is_empty() {
        String::new()
    } else {
        format!("?{}", options.join("&"))
    };
    Some(format!("postgresql://{address}{query}"))
}

fn option(option: &str) -> Option<String> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    match name {
        _ if FOREIGN.contains(&name) => None,
        "ssl" => Some(format!(
            "sslmode={}",
            match value.to_lowercase().as_str() {
                "true" | "1" => "require",
                "false" | "0" => "disable",
                _ => value,
            }
        )),
        _ => Some(option.to_owned()),
    }
}

/// An address from `POSTGRES_HOST` and its companions; `None` without a host.
pub(super) fn from_parts<'v>(given: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let host = given("POSTGRES_HOST")?;
    let port = given("POSTGRES_PORT").unwrap_or("5432");
    let user = given("POSTGRES_USER").unwrap_or("postgres");
    let name = given("POSTGRES_DB").unwrap_or(user);
    let password = given("POSTGRES_PASSWORD")
        .map(|text| format!(":{}", escape(text)))
        .unwrap_or_default();
    Some(format!(
        "postgresql://{}{password}@{host}:{port}/{}",
        escape(user),
        escape(name)
    ))
}

/// Percent-encodes everything that is not certainly harmless.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_sqlalchemy_become_plain_ones() {
        for (given, plain) in [
            (
                "postgresql+asyncpg://u:p@h:5432/d",
                "postgresql://u:p@h:5432/d",
            ),
            (
                "postgresql+psycopg2://u@h/d?sslmode=require",
                "postgresql://u@h/d?sslmode=require",
            ),
            (
                "postgres://h/d?ssl=true&statement_cache_size=0",
                "postgresql://h/d?sslmode=require",
            ),
            (
                "postgresql+asyncpg://h/d?ssl=verify-full",
                "postgresql://h/d?sslmode=verify-full",
            ),
        ] {
            assert_eq!(normalise(given).as_deref(), Some(plain));
        }
        for wrong in ["mysql://h/d", "postgresql+mysql://h/d", "h:5432/d", ""] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_are_escaped_and_have_the_usual_defaults() {
        let parts = |part: &str| match part {
            "POSTGRES_HOST" => Some("db"),
            "POSTGRES_USER" => Some("crm"),
            "POSTGRES_PASSWORD" => Some("p@ss/wörd"),
            _ => None,
        };
        assert_eq!(
            from_parts(parts).unwrap(),
            "postgresql://crm:p%40ss%2Fw%C3%B6rd@db:5432/crm"
        );
        assert_eq!(from_parts(|_| None), None);
    }
}
