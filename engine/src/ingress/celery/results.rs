//! Celery's result backend: writes states where callers look, and counts the parts of chords.

use std::time::Duration;

use super::settings::Settings;
use super::wire::ResultKeys;
use super::wire::canvas::Part;
use crate::client::ClientError;
use crate::link::Link;
use crate::scripts::{CELERY_CHORD, CELERY_STORE};

/// How long the keys of a chord live, as Celery's own do.
const CHORD: Duration = Duration::from_hours(24);
/// How long it is remembered that a chord's body was sent.
const CHORD_DONE: Duration = Duration::from_mins(5);

/// What a state is, which decides what it may overwrite.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    /// An end: anything but a success.
    End,
    /// A state on the way: anything but an end.
    OnTheWay,
    /// The end of a task that nobody here knows: only what has not started.
    Revoked,
}

/// What a part of a chord was.
#[derive(Debug)]
pub(super) enum Counted {
    /// Others are to come, or the body was sent: there is nothing to do.
    Enough,
    /// The last one, and somebody else is sending the body, or died doing so.
    Busy,
    /// The last one; these are all.
    Last(Vec<String>),
}

/// The result backend. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Results {
    link: Link,
    keys: ResultKeys,
    expires: Option<Duration>,
    chord_lock: Duration,
}

impl Results {
    pub(super) fn new(link: Link, settings: &Settings) -> Self {
        Self {
            link,
            keys: settings.results.clone(),
            expires: settings.result_expires,
            chord_lock: settings.chord_lock,
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Writes a state and tells who waits; `false` if there is one that must stay.
    pub(super) async fn store(
        &self,
        task_id: &str,
        meta: &str,
        what: Written,
    ) -> Result<bool, ClientError> {
        let what = match what {
            Written::End => "end",
            Written::OnTheWay => "way",
            Written::Revoked => "revoked",
        };
        let call = CELERY_STORE
            .call(&self.keys.result(task_id))
            .arg(self.expires.map_or(0, |expires| expires.as_secs()))
            .arg(meta)
            .arg(what);
        let written: u8 = self.link.call(call).await?;
        Ok(written == 1)
    }

    /// Counts a part of a chord. Whoever counts the last one sends the body and calls
    /// [`Self::chord_done`]; if he dies before, somebody else may when his lock is over.
    pub(super) async fn chord_part(
        &self,
        part: &Part,
        token: &str,
    ) -> Result<Counted, ClientError> {
        let index = part.index.map(|index| index.to_string());
        let call = CELERY_CHORD
            .call(&self.keys.group(&part.group))
            .arg(&part.seen)
            .arg(index.as_deref().unwrap_or("+inf"))
            .arg(&part.member)
            .arg(CHORD.as_secs())
            .arg(token)
            .arg(self.chord_lock.as_secs().max(1));
        let members: Vec<String> = self.link.call(call).await?;
        Ok(match members.first().map(String::as_str) {
            None => Counted::Enough,
            Some("busy") => Counted::Busy,
            Some(_) => Counted::Last(members),
        })
    }

    /// The body of a chord was sent.
    pub(super) async fn chord_done(&self, group: &str) -> Result<(), ClientError> {
        let keys = self.keys.chord(group);
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("DEL");
        pipe.arg(&[keys.parts, keys.added, keys.size, keys.seen])
            .ignore();
        pipe.cmd("SET").arg(keys.closed).arg("done");
        pipe.arg("EX").arg(CHORD_DONE.as_secs()).ignore();
        let () = self.link.pipeline(&pipe).await?;
        Ok(())
    }
}
