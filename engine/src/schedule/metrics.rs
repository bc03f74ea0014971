//! The metrics of schedules. Their label is the schedule's name; there are as many as the file has.

use ::metrics::gauge;

use super::store::Stored;
use super::tracks::Tracks;

/// When an occurrence was last fired, by schedule.
pub const LAST_FIRE: &str = "rouage_schedule_last_fire_timestamp_seconds";
/// When a job of a schedule last completed, by schedule.
pub const LAST_SUCCESS: &str = "rouage_schedule_last_success_timestamp_seconds";
/// Occurrences that were not fired in time, by schedule.
pub const MISSED: &str = "rouage_schedule_missed_total";
/// Occurrences that were left out because an earlier job was not over, by schedule.
pub const SKIPPED: &str = "rouage_schedule_skipped_total";
/// 1 for a schedule that is late by more than one of its periods.
pub const OVERDUE: &str = "rouage_schedule_overdue";
/// 1 where the process leads the schedulers, 0 where another one does.
pub const LEADER: &str = "rouage_schedule_leader";

/// Tells what is known of all schedules.
pub(super) fn show(rows: &[Stored], tracks: &Tracks, now: i64) {
    for row in rows {
        for (name, at) in [
            (LAST_FIRE, row.last_fired),
            (LAST_SUCCESS, row.last_success),
        ] {
            if at > 0 {
                gauge!(name, "schedule" => row.name.clone()).set(at as f64 / 1000.0);
            }
        }
    }
    for track in tracks.iter() {
        let overdue = track.is_overdue(now);
        let gauge = gauge!(OVERDUE, "schedule" => track.entry.name.clone());
        gauge.set(if overdue { 1.0 } else { 0.0 });
    }
}
