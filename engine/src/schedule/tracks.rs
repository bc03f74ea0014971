//! What a scheduler has in mind of each schedule: the entry as it is in effect, up to when it was
//! decided about, and when it is due next.
//!
//! The file and the changes by hand say what is in effect; the store says how far the one before
//! came. A schedule that is new, was changed or was paused begins at now: nothing is caught up with
//! that was never meant to run.

use std::collections::HashMap;

use super::entry::{Entry, Overrides};
use super::plan::{LATE, overdue};
use super::store::{Mark, Stored};

/// One schedule.
#[derive(Debug)]
pub(super) struct Track {
    /// As the file has it.
    plain: Entry,
    /// As it is in effect.
    pub(super) entry: Entry,
    overrides: Overrides,
    fingerprint: String,
    /// Up to when it was decided about, in seconds; `None` before anything was loaded.
    considered: Option<i64>,
    /// When it is due next, in seconds.
    next: Option<i64>,
}

/// All schedules of a process.
#[derive(Debug)]
pub(super) struct Tracks(Vec<Track>);

impl Tracks {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        let track = |plain: Entry| Track {
            entry: plain.clone(),
            overrides: Overrides::default(),
            fingerprint: plain.fingerprint(),
            considered: None,
            next: None,
            plain,
        };
        Self(entries.into_iter().map(track).collect())
    }

    pub(super) fn get(&self, index: usize) -> &Track {
        &self.0[index]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Track> {
        self.0.iter()
    }

    /// Takes in what is stored; answers what has to be written down because the store does not know
    /// it, or knows it of another timing.
    pub(super) fn take_in(&mut self, stored: &[Stored], now: i64) -> Vec<Mark> {
        let known: HashMap<&str, &Stored> = stored
            .iter()
            .map(|stored| (stored.name.as_str(), stored))
            .collect();
        let tracks = self.0.iter_mut();
        tracks
            .filter_map(|track| {
                let stored = known.get(track.plain.name.as_str()).copied();
                track.take_in(stored, now)
            })
            .collect()
    }

    /// Those that are due.
    pub(super) fn due(&self, now: i64) -> Vec<usize> {
        let due = |(index, track): (usize, &Track)| {
            track.next.is_some_and(|next| next <= now).then_some(index)
        };
        self.0.iter().enumerate().filter_map(due).collect()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<i64> {
        self.0.iter().filter_map(|track| track.next).min()
    }

    /// Notes that a schedule was decided about up to now, and what to write down about it.
    pub(super) fn decided(&mut self, index: usize, now: i64) -> Mark {
        let track = &mut self.0[index];
        track.goes_on_from(now);
        track.mark()
    }
}

impl Track {
    fn take_in(&mut self, stored: Option<&Stored>, now: i64) -> Option<Mark> {
        let overrides = stored.map(|stored| &stored.overrides);
        let changed = overrides.map_or(!self.overrides.is_empty(), |new| *new != self.overrides);
        if changed {
            self.change(overrides.cloned().unwrap_or_default());
        }
        let written = stored.filter(|stored| stored.timing == self.fingerprint);
        let written = written.map(|stored| (stored.considered / 1000) as i64);
        let latest = written.max(self.considered);
        // A time to come is that of another Redis, or of a clock that was put right.
        let latest = latest.filter(|latest| *latest <= now + LATE).unwrap_or(now);
        if self.considered != Some(latest) {
            self.goes_on_from(latest);
        }
        written.is_none().then(|| self.mark())
    }

    /// Puts other changes into effect; ones that cannot be leave the file's entry.
    fn change(&mut self, overrides: Overrides) {
        self.entry = self.plain.with(&overrides).unwrap_or_else(|error| {
            let schedule = self.plain.name.as_str();
            tracing::error!(schedule, %error, "a change by hand is ignored");
            self.plain.clone()
        });
        self.overrides = overrides;
        let fingerprint = self.entry.fingerprint();
        if fingerprint != self.fingerprint {
            self.fingerprint = fingerprint;
            self.considered = None;
        }
    }

    fn goes_on_from(&mut self, considered: i64) {
        self.considered = Some(considered);
        let next = || self.entry.timing.next(considered);
        self.next = self.entry.enabled.then(next).flatten();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            name: self.plain.name.clone(),
            timing: self.fingerprint.clone(),
            considered: self.since().max(0) as u64 * 1000,
            ..Mark::default()
        }
    }

    /// Up to when it was decided about.
    pub(super) fn since(&self) -> i64 {
        self.considered.unwrap_or(0)
    }

    pub(super) fn is_overdue(&self, now: i64) -> bool {
        self.considered
            .is_some_and(|since| overdue(&self.entry, since, now))
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::super::timing::Timing;
    use super::*;

    const NOON: i64 = 1_767_614_400;

    fn tracks() -> Tracks {
        Tracks::new(vec![entry(
            "hourly",
            Timing::cron("0 * * * *", "UTC").unwrap(),
        )])
    }

    fn stored(timing: &str, considered: i64) -> Stored {
        Stored {
            name: "hourly".to_owned(),
            timing: timing.to_owned(),
            considered: considered as u64 * 1000,
            ..Stored::default()
        }
    }

    #[test]
    fn a_new_schedule_begins_now_and_is_written_down() {
        let mut tracks = tracks();
        let marks = tracks.take_in(&[], NOON + 5);
        assert_eq!(marks[0].considered, (NOON as u64 + 5) * 1000);
        assert_eq!(tracks.next(), Some(NOON + 3600));
        assert_eq!(tracks.due(NOON + 3600), [0]);
    }

    #[test]
    fn a_known_one_goes_on_where_it_was_and_a_changed_one_begins_anew() {
        let mut known = tracks();
        let marks = known.take_in(&[stored("0 * * * * UTC", NOON - 7200)], NOON + 5);
        assert_eq!((marks.len(), known.get(0).since()), (0, NOON - 7200));
        let mut changed = tracks();
        let marks = changed.take_in(&[stored("30 * * * * UTC", NOON - 7200)], NOON + 5);
        assert_eq!((marks.len(), changed.get(0).since()), (1, NOON + 5));
    }

    #[test]
    fn a_pause_by_hand_stops_it_and_its_end_catches_up_with_nothing() {
        let mut tracks = tracks();
        tracks.take_in(&[stored("0 * * * * UTC", NOON)], NOON + 5);
        let mut paused = stored("0 * * * * UTC", NOON);
        paused.overrides.enabled = Some(false);
        let marks = tracks.take_in(&[paused], NOON + 10);
        assert_eq!((marks[0].timing.as_str(), tracks.next()), ("off", None));
        let resumed = stored("off", NOON + 10);
        tracks.take_in(&[resumed], NOON + 36_005);
        assert_eq!(tracks.get(0).since(), NOON + 36_005);
        assert_eq!(tracks.next(), Some(NOON + 39_600));
    }

    #[test]
    fn a_time_to_come_does_not_stop_a_schedule() {
        let mut tracks = tracks();
        tracks.take_in(&[stored("0 * * * * UTC", NOON + 86_400)], NOON);
        assert_eq!(tracks.next(), Some(NOON + 3600));
    }
}
