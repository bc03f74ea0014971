//! What `check.lua` and `counters.lua` find, in words for people.

use std::fmt;

/// A flaw as the scripts name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// What it is: a function of `check.lua` or `counters.lua` says it, one of `repair.lua` repairs it.
    pub(super) what: String,
    /// The job, index entry, unique key or group.
    pub(super) name: String,
    /// The index or table it is in, or numbers.
    pub(super) detail: String,
}

impl Flaw {
    /// From the scripts' answers: three words a flaw.
    pub(super) fn read(words: Vec<String>) -> Vec<Self> {
        let mut words = words.into_iter();
        let mut flaws = Vec::new();
        while let (Some(what), Some(name), Some(detail)) =
            (words.next(), words.next(), words.next())
        {
            flaws.push(Self { what, name, detail });
        }
        flaws
    }

    /// Which invariant it violates.
    pub(super) fn invariant(&self) -> &'static str {
        match self.what.as_str() {
            "nowhere" | "several" => "I1",
            "entry" => "I2",
            "lease" => "I3",
            "unique" | "unique_key" => "I4",
            "companion" if self.detail == "unique_key" => "I4",
            "running" | "elsewhere" | "line" | "turn" => "I5",
            "enqueued" => "I8",
            _ => "I7",
        }
    }

    /// Whether it is a counter, which only a look at the whole queue can repair.
    pub(super) fn is_counter(&self) -> bool {
        matches!(self.what.as_str(), "running" | "elsewhere" | "enqueued")
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, detail } = self;
        let (found, expected) = detail.split_once(' ').unwrap_or_default();
        match what.as_str() {
            "nowhere" => write!(f, "job {name} is in no index"),
            "several" => write!(f, "job {name} is in several indexes: {}", states(detail)),
            "entry" => {
                let id = name.split_once(':').map_or(name.as_str(), |(_, id)| id);
                let id = if detail == "lease" { id } else { name };
                write!(
                    f,
                    "{} holds {id:?}, which does not belong there",
                    states(detail)
                )
            }
            "lease" if detail == "none" => write!(f, "lease {name:?} has no fence"),
            "lease" => write!(
                f,
                "lease {name:?} has an old fence; the job's record says {detail}"
            ),
            "companion" => write!(
                f,
                "{detail} has an entry of {name:?}, which is over or gone"
            ),
            "unique" => write!(
                f,
                "unique key {name:?} belongs to {detail}, which does not have it"
            ),
            "unique_key" => write!(
                f,
                "job {name} names unique key {detail:?}, which is not its own"
            ),
            "running" => write!(
                f,
                "group {name:?} counts {found} running jobs and has {expected}"
            ),
            "line" if detail == "groups" => write!(f, "the line of group {name:?} is miscounted"),
            "line" => write!(f, "what is set aside of kind {name:?} is miscounted"),
            "turn" => write!(
                f,
                "group {name:?} has a turn and may not start, or the reverse"
            ),
            "elsewhere" => write!(
                f,
                "{found} available jobs are said to be in lines and aside, and {expected} are"
            ),
            "enqueued" => write!(
                f,
                "{found} jobs were stored, but {expected} are here or were pruned"
            ),
            _ => write!(f, "{what} {name} {detail}"),
        }
    }
}

/// Names of indexes in the words of states.
fn states(indexes: &str) -> String {
    let state = |index: &str| match index {
        "ready" => "available".to_owned(),
        "lease" => "running".to_owned(),
        "line" => "available in its group's line".to_owned(),
        "aside" => "available aside".to_owned(),
        other => other.to_owned(),
    };
    let named: Vec<String> = indexes.split(' ').map(state).collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaws_come_in_threes_and_say_what_they_are() {
        let words = ["nowhere", "j1", "", "several", "j2", "ready held"];
        let flaws = Flaw::read(words.map(str::to_owned).to_vec());
        let said: Vec<String> = flaws.iter().map(Flaw::to_string).collect();
        assert_eq!(
            said,
            [
                "job j1 is in no index",
                "job j2 is in several indexes: available, held"
            ]
        );
    }
}
