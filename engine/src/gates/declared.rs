//! What a registry declares, checked before a worker starts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{ClientError, check_name};
use crate::executor::Registry;
use crate::policy::Breaker;
use crate::worker::WorkerError;

/// Longest window and longest opening: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// Refuses limits and breakers that cannot be, and kinds that name a limit that is not declared.
pub(crate) fn check(registry: &Registry) -> Result<(), WorkerError> {
    for limit in registry.limits().values() {
        check_name("rate limit", &limit.name)?;
        limit.rate.check(&limit.name)?;
    }
    for (name, policy) in breakers(registry) {
        check_name("breaker", &name)?;
        check_breaker(&name, &policy)?;
    }
    let undeclared = registry.kinds().find_map(|kind| {
        let limit = kind.limit?;
        (!registry.limits().contains_key(limit)).then_some((kind.name, limit))
    });
    match undeclared {
        Some((kind, limit)) => Err(WorkerError::UndeclaredLimit { kind, limit }),
        None => Ok(()),
    }
}

/// All breakers: those of kinds under the kinds' names, and those declared by name.
pub(crate) fn breakers(registry: &Registry) -> BTreeMap<String, Breaker> {
    let of_kinds = registry
        .kinds()
        .filter_map(|kind| Some((kind.name.to_owned(), kind.breaker?)));
    let mut all: BTreeMap<String, Breaker> = of_kinds.collect();
    all.extend(registry.breakers().clone());
    all
}

/// A policy in the order of `breaker_tell.lua`: window, minimum, percent, ms open, longest, probes.
pub(crate) fn words(policy: &Breaker) -> [u64; 6] {
    let millis = |duration: Duration| duration.as_millis() as u64;
    [
        millis(policy.window),
        policy.minimum.into(),
        policy.percent.into(),
        millis(policy.open),
        millis(policy.longest),
        policy.probes.into(),
    ]
}

/// Refuses a policy that would never open, never close, or never be forgotten.
fn check_breaker(name: &str, policy: &Breaker) -> Result<(), ClientError> {
    let refuse = |field, value: String, range: &str| {
        Err(ClientError::InvalidGate {
            what: "breaker",
            name: name.to_owned(),
            field,
            value,
            range: range.to_owned(),
        })
    };
    let times = Duration::from_millis(1)..=LONGEST;
    if !times.contains(&policy.window) {
        return refuse("window", format!("{:?}", policy.window), "1 ms to a day");
    }
    if !times.contains(&policy.open) {
        return refuse("open", format!("{:?}", policy.open), "1 ms to a day");
    }
    if !(policy.open..=LONGEST).contains(&policy.longest) {
        return refuse("longest", format!("{:?}", policy.longest), "open to a day");
    }
    if policy.minimum == 0 {
        return refuse("minimum", "0".to_owned(), "at least 1");
    }
    if !(1..=100).contains(&policy.percent) {
        return refuse("percent", policy.percent.to_string(), "1 to 100");
    }
    if !(1..=100).contains(&policy.probes) {
        return refuse("probes", policy.probes.to_string(), "1 to 100");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::parse_words;

    #[test]
    fn a_policy_survives_the_round_trip() {
        let text = words(&Breaker::DEFAULT)
            .map(|word| word.to_string())
            .join(" ");
        assert_eq!(parse_words(&text), Some(Breaker::DEFAULT));
        assert_eq!(parse_words("1 2 3"), None);
    }

    #[test]
    fn a_policy_that_cannot_be_is_refused_with_field_and_range() {
        assert!(check_breaker("resend", &Breaker::DEFAULT).is_ok());
        let odd = Breaker {
            percent: 101,
            ..Breaker::DEFAULT
        };
        let text = check_breaker("resend", &odd).unwrap_err().to_string();
        assert!(
            text.contains("breaker \"resend\": percent is 101, use 1 to 100"),
            "{text}"
        );
        let shrinking = Breaker {
            longest: Duration::from_millis(1),
            ..Breaker::DEFAULT
        };
        assert!(check_breaker("resend", &shrinking).is_err());
    }
}
