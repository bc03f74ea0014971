//! How breakers are called and how their policy is written: pure text, without Redis.

use std::fmt;
use std::time::Duration;

use crate::policy::Breaker;

/// One breaker: its declared name, and the key it is for, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Circuit {
    /// The kind, or the name a registry declares.
    pub(crate) name: String,
    /// Which one of that name; empty for the one without a key.
    pub(crate) key: String,
}

impl Circuit {
    /// From `NAME` or `NAME/KEY`, as it is shown.
    pub(crate) fn parse(text: &str) -> Self {
        let (name, key) = text.split_once('/').unwrap_or((text, ""));
        Self {
            name: name.to_owned(),
            key: key.to_owned(),
        }
    }
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.key.is_empty() {
            write!(f, "/{}", self.key)?;
        }
        Ok(())
    }
}

/// Reads a policy as workers declare it: window, minimum, percent, ms open, longest, probes; `None` if it is not that.
pub(crate) fn parse_words(text: &str) -> Option<Breaker> {
    let mut parts = text.split(' ').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().flatten();
    Some(Breaker {
        window: Duration::from_millis(next()?),
        minimum: next()?.try_into().ok()?,
        percent: next()?.try_into().ok()?,
        open: Duration::from_millis(next()?),
        longest: Duration::from_millis(next()?),
        probes: next()?.try_into().ok()?,
    })
}
