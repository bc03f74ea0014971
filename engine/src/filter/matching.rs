//! Whether a job is meant: a pure function of the filter, the job and the time.

use super::key::Key;
use super::{Filter, Value};
use crate::inspect::JobView;

impl Filter {
    /// Whether it means this job, if it is `now` ms since 1970 by Redis' clock.
    pub fn matches(&self, job: &JobView, now: u64) -> bool {
        Key::ALL.into_iter().all(|key| {
            let holds = |value: &Value| holds(key, value, job, now);
            match key {
                // Words narrow each other, as in any search box.
                Key::Text => self.wanted(key).all(holds) && !self.excluded(key).any(holds),
                _ => self.allows(key, holds),
            }
        })
    }
}

fn holds(key: Key, value: &Value, job: &JobView, now: u64) -> bool {
    match value {
        Value::State(state) => job.state == *state,
        Value::Pattern(pattern) => names(key, job).any(|name| pattern.matches(name)),
        Value::Text(part) if key == Key::Error => is_error(job, &part.to_lowercase()),
        Value::Text(part) => is_said(job, &part.to_lowercase()),
        Value::Range(range) if key == Key::Priority => range.holds(job.priority.into()),
        Value::Range(range) => range.holds(job.attempt.into()),
        Value::Moment(moment) if key == Key::Since => job.since >= moment.resolve(now),
        Value::Moment(moment) => job.since <= moment.resolve(now),
    }
}

/// What the job has under a key that is compared with a pattern; an empty field is nothing.
fn names(key: Key, job: &JobView) -> impl Iterator<Item = &str> {
    let one = match key {
        Key::Kind => job.kind.as_str(),
        Key::Queue => &job.queue,
        Key::Reason => &job.reason,
        Key::Worker => &job.worker,
        Key::Id => job.id.as_str(),
        Key::Unique => job.unique.as_deref().unwrap_or_default(),
        Key::Group => job
            .group
            .as_ref()
            .map(|group| group.key.as_str())
            .unwrap_or_default(),
        _ => "",
    };
    let tags = if key == Key::Tag {
        job.tags.as_slice()
    } else {
        &[]
    };
    let one = Some(one).filter(|name| !name.is_empty());
    one.into_iter().chain(tags.iter().map(String::as_str))
}

/// Whether the last error is of that kind or says so; `text` is in small letters.
fn is_error(job: &JobView, text: &str) -> bool {
    job.errors
        .last()
        .is_some_and(|error| error.kind == text || error.message.to_lowercase().contains(text))
}

/// Whether a word is in what a list shows of a job; `text` is in small letters.
fn is_said(job: &JobView, text: &str) -> bool {
    let shown = [job.id.as_str(), &job.kind, &job.last_message()].map(str::to_lowercase);
    let tags = job.tags.iter().map(|tag| tag.to_lowercase());
    shown
        .into_iter()
        .chain(tags)
        .any(|shown| shown.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::AttemptError;
    use crate::policy::Group;
    use crate::state::State;

    const NOW: u64 = 1_767_600_000_000;

    /// A mailing that failed for good an hour ago.
    fn failed() -> JobView {
        JobView {
            kind: "campaigns.send_batch".to_owned(),
            priority: 5,
            since: NOW - 3_600_000,
            attempt: 4,
            worker: "host.1.abc".to_owned(),
            reason: "timeout".to_owned(),
            errors: ["error", "timeout"].map(attempt_error).to_vec(),
            tags: vec!["campaign:12".to_owned(), "team:3".to_owned()],
            unique: Some("batch:7".to_owned()),
            group: Some(Group::fair("team:3")),
            ..JobView::blank("job-1".parse().unwrap(), "campaigns", State::Discarded)
        }
    }

    fn attempt_error(kind: &str) -> AttemptError {
        AttemptError {
            attempt: 1,
            at: 0,
            kind: kind.to_owned(),
            message: format!("{kind}: Connection Reset by peer"),
        }
    }

    fn means(text: &str) -> bool {
        text.parse::<Filter>().unwrap().matches(&failed(), NOW)
    }

    #[test]
    fn each_key_is_compared_with_its_own_field() {
        for text in [
            "",
            "state:discarded",
            "kind:campaigns.*",
            "queue:campaigns",
            "tag:team:3",
            "tag:campaign:*",
            "error:timeout",
            "error:\"connection reset\"",
            "reason:timeout",
            "worker:host.*",
            "id:job-1",
            "priority:5",
            "attempts:>3",
            "since:2h",
            "until:30m",
            "unique:batch:*",
            "group:team:3",
        ] {
            assert!(means(text), "{text}");
            if !text.is_empty() {
                assert!(!means(&format!("-{text}")), "-{text}");
            }
        }
        for text in [
            "state:held",
            "kind:campaigns",
            "queue:exports",
            "tag:team",
            "error:panic",
            "reason:time",
            "worker:host",
            "id:job",
            "priority:<5",
            "attempts:<=3",
            "since:30m",
            "until:2h",
            "unique:*:8",
            "group:team",
        ] {
            assert!(!means(text), "{text}");
        }
    }

    #[test]
    fn only_the_last_error_counts() {
        assert!(!means("error:\"error: connection\""));
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_keys_are_all_needed() {
        assert!(means("state:held state:discarded attempts:4"));
        assert!(!means("state:held state:discarded attempts:5"));
        assert!(means("tag:team:4 tag:team:3 -tag:team:5"));
        assert!(!means("state:discarded -tag:team:3"));
    }

    #[test]
    fn every_word_must_be_somewhere_in_what_is_shown() {
        assert!(means(
            "SEND reset campaign:12"
                .replace("campaign:12", "\"campaign:12\"")
                .as_str()
        ));
        assert!(means("job- timeout"));
        assert!(!means("send refused"));
        assert!(!means("-send"));
    }
}
