//! What comes behind the question mark: known names only, because a misspelt one that is ignored
//! does something else than was asked for.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use crate::http::decode::Fault;
use crate::http::problem::{Code, Problem};

/// The parameters of a query that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| {
            Problem::new(Code::InvalidQuery).detail("the query is not UTF-8 after decoding")
        })?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// Takes one out.
    fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let place = self.0.iter().position(|(given, _)| given == name);
        let Some(place) = place else { return Ok(None) };
        let (_, value) = self.0.swap_remove(place);
        if self.0.iter().any(|(given, _)| given == name) {
            return Err(wrong(Fault::new(name, "given twice")));
        }
        Ok(Some(value))
    }

    /// `wait=SECONDS`.
    pub(super) fn wait(&mut self, longest: Duration) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.take("wait")? else {
            return Ok(None);
        };
        let longest = longest.as_secs();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| digits);
        let seconds = seconds.filter(|seconds| (1..=longest).contains(seconds));
        let seconds = seconds.ok_or_else(|| {
            wrong(Fault::new(
                "wait",
                format!("not a number of seconds from 1 to {longest}"),
            ))
        })?;
        Ok(Some(Duration::from_secs(seconds)))
    }

    /// `NAME=true` or `NAME=false`.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.take(name)?.as_deref() {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(_) => Err(wrong(Fault::new(name, "not true or false"))),
        }
    }

    /// Refuses what nobody took.
    pub(super) fn end(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let fault = Fault::new("?", "a parameter of that name is not known here");
        Err(wrong(
            fault.hint("GET /api/v1/openapi.json lists the parameters"),
        ))
    }
}

fn wrong(fault: Fault) -> Problem {
    Problem::new(Code::InvalidQuery).at(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Parameters(pairs.iter().map(owned).collect())
    }

    #[test]
    fn a_wait_is_whole_seconds_within_its_bound() {
        let wait = |text| parameters(&[("wait", text)]).wait(Duration::from_secs(60));
        assert_eq!(wait("60").unwrap(), Some(Duration::from_secs(60)));
        for wrong in [
            "0",
            "61",
            "-1",
            "+5",
            "1.5",
            "",
            "99999999999999999999",
            "٣",
        ] {
            assert!(wait(wrong).is_err(), "{wrong}");
        }
        let twice = parameters(&[("wait", "1"), ("wait", "2")]).wait(Duration::from_secs(60));
        assert!(twice.is_err());
    }

    #[test]
    fn unknown_parameters_are_refused() {
        assert!(parameters(&[("wiat", "5")]).end().is_err());
        assert!(parameters(&[]).end().is_ok());
    }
}
