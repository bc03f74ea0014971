//! From what the file says to schedules that certainly can be fired: kinds, payloads, expressions.

use std::collections::BTreeMap;
use std::path::Path;

use rouage::schedule::{Entry, InvalidSchedule, MAX_ENTRIES, Overrides, Stored, Timing};

use super::kinds::new_job;
use crate::config::schedules::{self, Written};
use crate::config::{Config, Invalid, Problem};
use crate::explain::explain;
use crate::store::pool::explained;
use crate::suggest;

/// The schedules of the settings' file; all that is wrong with it at once.
pub(crate) fn schedules(config: &Config) -> Result<Vec<Entry>, Invalid> {
    read(config.settings.schedules.as_deref())
}

fn read(file: Option<&Path>) -> Result<Vec<Entry>, Invalid> {
    let written = schedules::read(file)?;
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    if written.len() > MAX_ENTRIES {
        let message = format!("{} schedules are too many", written.len());
        problems.push(Problem::new(message).hint(format!("at most {MAX_ENTRIES}")));
    }
    for written in &written {
        match entry(written) {
            Ok(entry) => entries.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(entries)
    } else {
        Err(Invalid(problems))
    }
}

/// A schedule of the file with what is known of it.
pub(crate) struct Known {
    /// As the file has it.
    pub(crate) plain: Entry,
    /// As it is in effect.
    pub(crate) entry: Entry,
    pub(crate) stored: Stored,
    /// Why what was changed by hand is not in effect.
    pub(crate) refused: Option<String>,
}

impl Known {
    fn new(plain: Entry, stored: Option<Stored>) -> Self {
        let stored = stored.unwrap_or_default();
        let changed = plain.with(&stored.overrides);
        let refused = changed.as_ref().err().map(ToString::to_string);
        Self {
            entry: changed.unwrap_or_else(|_| plain.clone()),
            plain,
            stored,
            refused,
        }
    }
}

/// All schedules with what the database knows of them.
pub(crate) async fn known(config: &Config) -> anyhow::Result<Vec<Known>> {
    let entries = schedules(config)?;
    let stored = super::schedule_states(config)?.all().await;
    let stored = stored.map_err(|error| explained(error, "read the states of schedules"))?;
    Ok(join(entries, stored))
}

/// All schedules as the file has them.
pub(crate) fn plain(config: &Config) -> Result<Vec<Known>, Invalid> {
    Ok(join(schedules(config)?, Vec::new()))
}

fn join(entries: Vec<Entry>, stored: Vec<Stored>) -> Vec<Known> {
    let mut stored: BTreeMap<String, Stored> = stored
        .into_iter()
        .map(|stored| (stored.name.clone(), stored))
        .collect();
    let known = entries.into_iter().map(|plain| {
        let stored = stored.remove(&plain.name);
        Known::new(plain, stored)
    });
    known.collect()
}

/// The schedule of that name.
pub(crate) fn find(all: Vec<Known>, name: &str) -> anyhow::Result<Known> {
    let names: Vec<String> = all.iter().map(|known| known.plain.name.clone()).collect();
    let found = all.into_iter().find(|known| known.plain.name == name);
    found.ok_or_else(|| {
        let hint = suggest::closest(name, names.iter().map(String::as_str)).map_or_else(
            || "crm-worker schedule list shows those there are".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        anyhow::anyhow!("no schedule {name:?}; hint: {hint}")
    })
}

fn entry(written: &Written) -> Result<Entry, Problem> {
    let at = |key: &'static str| {
        move |InvalidSchedule { message, hint }| written.problem(key, &message, hint)
    };
    let lacks = |key: &str, hint: &str| written.problem(key, &format!("{key} is missing"), hint);
    let kind = written
        .text("kind")
        .ok_or_else(|| lacks("kind", "name the kind of the job"))?;
    let job = new_job(kind, &written.payload).map_err(|error| {
        let explained = explain(&error);
        // A kind that is known has a payload that does not fit.
        let known = crm_job_contract::KINDS
            .iter()
            .any(|known| known.kind == kind);
        let key = if known { "payload" } else { "kind" };
        written.problem(key, &explained.message, explained.hints.join("; "))
    })?;
    let zone = written.text("zone").unwrap_or_default();
    let timing = match (written.text("cron"), written.text("every")) {
        (Some(cron), None) => Timing::cron(cron, zone).map_err(|invalid| {
            let key = if invalid.message.contains("zone") {
                "zone"
            } else {
                "cron"
            };
            at(key)(invalid)
        })?,
        (None, Some(every)) => Timing::every(every, zone).map_err(|invalid| {
            let key = if invalid.message.contains("zone") {
                "zone"
            } else {
                "every"
            };
            at(key)(invalid)
        })?,
        (Some(_), Some(_)) => {
            let hint = "keep one of them";
            return Err(written.problem("every", "cron and every are both set", hint));
        }
        (None, None) => return Err(lacks("cron", "give it cron or every")),
    };
    let plain = Entry {
        enabled: written.enabled,
        ..Entry::new(&written.name, job, timing).map_err(at("name"))?
    };
    let one =
        |key: &'static str, overrides: Overrides| plain.with(&overrides).map(drop).map_err(at(key));
    let text = |key: &str| written.text(key).map(str::to_owned);
    let (on_missed, overlap) = (text("on_missed"), text("overlap"));
    let (expires, jitter) = (text("expires"), text("jitter"));
    let none = Overrides::default;
    one(
        "on_missed",
        Overrides {
            on_missed: on_missed.clone(),
            ..none()
        },
    )?;
    one(
        "overlap",
        Overrides {
            overlap: overlap.clone(),
            ..none()
        },
    )?;
    one(
        "expires",
        Overrides {
            expires: expires.clone(),
            ..none()
        },
    )?;
    one(
        "jitter",
        Overrides {
            jitter: jitter.clone(),
            ..none()
        },
    )?;
    let all = Overrides {
        on_missed,
        overlap,
        expires,
        jitter,
        ..none()
    };
    plain.with(&all).map_err(at("kind"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is wrong with a file of that text, `message / hint`.
    fn problems(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, text).unwrap();
        let shown = format!("{}:", path.display());
        let Invalid(problems) = read(Some(&path)).unwrap_err();
        problems
            .into_iter()
            .map(|problem| format!("{} / {}", problem.message.replace(&shown, ""), problem.hint))
            .collect()
    }

    #[test]
    fn every_schedule_that_ships_names_a_known_kind_and_its_payload_decodes() {
        let entries = read(None).unwrap();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), entries.len());
        for entry in &entries {
            assert!(entry.timing.next(1_767_225_600).is_some(), "{}", entry.name);
        }
    }

    #[test]
    fn an_unknown_kind_and_a_payload_that_does_not_fit_are_named_by_their_line() {
        let found = problems(
            "[schedules.a]\nkind = 'debug.ecko'\ncron = '0 2 * * *'\n\
             [schedules.b]\nkind = 'debug.sleep'\ncron = '0 2 * * *'\npayload = { ms = 'long' }\n",
        );
        assert_eq!(
            found[0],
            "schedule a: unknown kind \"debug.ecko\" (2) / did you mean debug.echo?"
        );
        assert!(
            found[1].starts_with("schedule b: payload does not fit debug.sleep"),
            "{found:?}"
        );
        assert!(found[1].contains("(7)"), "{found:?}");
    }

    #[test]
    fn bad_expressions_zones_and_rules_are_named_by_their_line() {
        let with = |more: &str| {
            let text =
                format!("[schedules.a]\nkind = 'debug.echo'\npayload = {{ value = 1 }}\n{more}\n");
            problems(&text).join("\n")
        };
        for (more, message, hint) in [
            (
                "cron = '0 25 * * *'",
                "hour \"25\" at position 3 cannot be read (4)",
                "0 to 23",
            ),
            (
                "cron = '0 2 * * *'\nzone = 'Europe/Pari'",
                "unknown time zone \"Europe/Pari\" (5)",
                "did you mean Europe/Paris?",
            ),
            ("every = '10'", "period \"10\" cannot be read (4)", "90s"),
            (
                "every = '1m'\ncron = '* * * * *'",
                "cron and every are both set (4)",
                "keep one",
            ),
            ("", "cron is missing (1)", "give it cron or every"),
            (
                "every = '1m'\noverlap = 'skipp'",
                "overlap \"skipp\" is unknown (5)",
                "did you mean skip?",
            ),
            (
                "every = '1m'\non_missed = 'all'",
                "on_missed \"all\" is unknown (5)",
                "all N",
            ),
            (
                "every = '1m'\nexpires = 'soon'",
                "expires \"soon\" cannot be read (5)",
                "10m",
            ),
        ] {
            let said = with(more);
            assert!(said.contains(message) && said.contains(hint), "{said}");
        }
    }
}
