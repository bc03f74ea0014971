//! Schedules: `worker.schedules`, one row each, of state and of changes by hand.
//!
//! The leader writes states and never touches a change; people write changes and never touch a
//! state. Rows of another installation (another `redis.prefix`) are never looked at.

use std::time::Duration;

use anyhow::Context;
use rouage::payloads::StoreFailure;
use rouage::schedule::{Mark, Overrides, ScheduleStore, Stored};

use super::pool::Pool;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, StoreFailure>> + Send + 'a>>;

/// The states in the worker's schema.
#[derive(Clone)]
pub(crate) struct Schedules {
    pool: Pool,
    installation: String,
}

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schedules(worker.schedules)")
    }
}

/// A row; instants are ms since 1970, 0 for never.
#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    timing: String,
    considered: i64,
    last_occurrence: i64,
    last_fired: i64,
    last_job_id: Option<String>,
    last_success: i64,
    missed: i64,
    override_enabled: Option<bool>,
    override_cron: Option<String>,
    override_every: Option<String>,
    override_zone: Option<String>,
    override_on_missed: Option<String>,
    override_overlap: Option<String>,
    override_expires: Option<String>,
    override_jitter: Option<String>,
    overridden_by: String,
    overridden_at: i64,
    overridden_note: String,
}

impl Schedules {
    /// States over a pool, of the installation under a prefix of Redis.
    pub(crate) fn new(pool: Pool, installation: impl Into<String>) -> Self {
        Self {
            pool,
            installation: installation.into(),
        }
    }

    /// Everything that is known, by name.
    pub(crate) async fn all(&self) -> sqlx::Result<Vec<Stored>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, timing, \
                 coalesce(extract(epoch FROM considered_at) * 1000, 0)::bigint AS considered, \
                 coalesce(extract(epoch FROM s.last_occurrence) * 1000, 0)::bigint AS last_occurrence, \
                 coalesce(extract(epoch FROM last_fired_at) * 1000, 0)::bigint AS last_fired, \
                 last_job_id, \
                 coalesce(extract(epoch FROM last_success_at) * 1000, 0)::bigint AS last_success, \
                 missed, override_enabled, override_cron, override_every, override_zone, \
                 override_on_missed, override_overlap, override_expires, override_jitter, \
                 coalesce(overridden_by, '') AS overridden_by, \
                 coalesce(extract(epoch FROM s.overridden_at) * 1000, 0)::bigint AS overridden_at, \
                 coalesce(overridden_note, '') AS overridden_note \
             FROM worker.schedules AS s WHERE installation = $1 ORDER BY name",
        )
        .bind(&self.installation)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(stored).collect())
    }

    /// Writes down what a person changed; empty overrides are those of the file. The time is the
    /// database's.
    pub(crate) async fn change(&self, name: &str, changed: &Overrides) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO worker.schedules AS s (installation, name, override_enabled, override_cron, \
                 override_every, override_zone, override_on_missed, override_overlap, override_expires, \
                 override_jitter, overridden_by, overridden_note, overridden_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now()) \
             ON CONFLICT (installation, name) DO UPDATE SET \
                 override_enabled = excluded.override_enabled, override_cron = excluded.override_cron, \
                 override_every = excluded.override_every, override_zone = excluded.override_zone, \
                 override_on_missed = excluded.override_on_missed, \
                 override_overlap = excluded.override_overlap, \
                 override_expires = excluded.override_expires, \
                 override_jitter = excluded.override_jitter, overridden_by = excluded.overridden_by, \
                 overridden_note = excluded.overridden_note, overridden_at = excluded.overridden_at",
        )
        .bind(&self.installation)
        .bind(name)
        .bind(changed.enabled)
        .bind(&changed.cron)
        .bind(&changed.every)
        .bind(&changed.zone)
        .bind(&changed.on_missed)
        .bind(&changed.overlap)
        .bind(&changed.expires)
        .bind(&changed.jitter)
        .bind(&changed.by)
        .bind(&changed.note)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// All marks or none: a row that a higher fence has written to refuses them.
    async fn mark(&self, fence: u64, marks: &[Mark]) -> anyhow::Result<bool> {
        let fence = i64::try_from(fence)?;
        let mut change = self.pool.begin().await.context("begin to write states")?;
        let written = sqlx::query(
            "INSERT INTO worker.schedules AS s (installation, name, timing, considered_at, \
                 last_occurrence, last_fired_at, last_job_id, last_success_at, missed, fence) \
             SELECT $1, m.name, m.timing, to_timestamp(m.considered / 1000.0), \
                 to_timestamp(m.occurrence / 1000.0), to_timestamp(m.fired / 1000.0), m.job, \
                 to_timestamp(m.success / 1000.0), m.missed, $2 \
             FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], \
                 $8::text[], $9::bigint[], $10::bigint[]) \
                 AS m (name, timing, considered, occurrence, fired, job, success, missed) \
             ORDER BY m.name \
             ON CONFLICT (installation, name) DO UPDATE SET \
                 timing = excluded.timing, considered_at = excluded.considered_at, \
                 last_occurrence = coalesce(excluded.last_occurrence, s.last_occurrence), \
                 last_fired_at = coalesce(excluded.last_fired_at, s.last_fired_at), \
                 last_job_id = coalesce(excluded.last_job_id, s.last_job_id), \
                 last_success_at = greatest(excluded.last_success_at, s.last_success_at), \
                 missed = s.missed + excluded.missed, fence = excluded.fence \
             WHERE s.fence <= excluded.fence",
        )
        .bind(&self.installation)
        .bind(fence)
        .bind(
            marks
                .iter()
                .map(|mark| mark.name.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            marks
                .iter()
                .map(|mark| mark.timing.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(column(marks, |mark| Some(mark.considered)))
        .bind(column(marks, |mark| Some(mark.fired.as_ref()?.occurrence)))
        .bind(column(marks, |mark| Some(mark.fired.as_ref()?.at)))
        .bind(
            marks
                .iter()
                .map(|mark| Some(mark.fired.as_ref()?.job.as_str()))
                .collect::<Vec<_>>(),
        )
        .bind(column(marks, |mark| mark.success))
        .bind(column(marks, |mark| Some(mark.missed)))
        .execute(&mut *change)
        .await
        .context("write states of schedules")?;
        if written.rows_affected() != marks.len() as u64 {
            change
                .rollback()
                .await
                .context("leave states as they are")?;
            return Ok(false);
        }
        change
            .commit()
            .await
            .context("commit states of schedules")?;
        Ok(true)
    }
}

impl ScheduleStore for Schedules {
    fn load(&self) -> Answer<'_, Vec<Stored>> {
        Box::pin(in_time(async {
            self.all().await.context("read the states of schedules")
        }))
    }

    fn write<'a>(&'a self, fence: u64, marks: &'a [Mark]) -> Answer<'a, bool> {
        Box::pin(in_time(self.mark(fence, marks)))
    }
}

async fn in_time<T>(answer: impl Future<Output = anyhow::Result<T>>) -> Result<T, StoreFailure> {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    let answer = answer.map_err(|_| format!("the database did not answer within {PATIENCE:?}"))?;
    answer.map_err(|error| format!("{error:#}").into())
}

/// One number of each mark.
fn column(marks: &[Mark], of: impl Fn(&Mark) -> Option<u64>) -> Vec<Option<i64>> {
    let numbers = marks.iter().map(of);
    numbers
        .map(|number| number.and_then(|number| i64::try_from(number).ok()))
        .collect()
}

fn stored(row: Row) -> Stored {
    let ms = |at: i64| u64::try_from(at).unwrap_or(0);
    Stored {
        name: row.name,
        timing: row.timing,
        considered: ms(row.considered),
        last_occurrence: ms(row.last_occurrence),
        last_fired: ms(row.last_fired),
        last_job: row.last_job_id.and_then(|id| id.parse().ok()),
        last_success: ms(row.last_success),
        missed: ms(row.missed),
        overrides: Overrides {
            enabled: row.override_enabled,
            cron: row.override_cron,
            every: row.override_every,
            zone: row.override_zone,
            on_missed: row.override_on_missed,
            overlap: row.override_overlap,
            expires: row.override_expires,
            jitter: row.override_jitter,
            by: row.overridden_by,
            at: ms(row.overridden_at),
            note: row.overridden_note,
        },
    }
}

#[cfg(test)]
mod tests {
    use rouage::schedule::Fired;

    use super::*;
    use crate::store::test_database;

    async fn schedules(installation: &str) -> Schedules {
        Schedules::new(test_database::pool().await, installation)
    }

    /// What is known of a schedule.
    async fn known(schedules: &Schedules, name: &str) -> Stored {
        let all = schedules.all().await.unwrap();
        all.into_iter().find(|stored| stored.name == name).unwrap()
    }

    fn mark(name: &str, considered: u64) -> Mark {
        Mark {
            name: name.to_owned(),
            timing: "0 2 * * * Europe/Paris".to_owned(),
            considered,
            ..Mark::default()
        }
    }

    #[tokio::test]
    async fn a_state_comes_back_as_it_was_written_and_grows() {
        let schedules = schedules("crm").await;
        let fired = Mark {
            fired: Some(Fired {
                occurrence: 1_767_600_000_000,
                at: 1_767_600_000_123,
                job: "nightly.20260105T080000Z".parse().unwrap(),
            }),
            missed: 3,
            ..mark("nightly", 1_767_600_000_123)
        };
        assert!(
            schedules
                .write(7, &[fired, mark("other", 1000)])
                .await
                .unwrap()
        );
        let later = Mark {
            success: Some(1_767_600_009_000),
            missed: 1,
            ..mark("nightly", 1_767_600_010_000)
        };
        assert!(schedules.write(7, &[later]).await.unwrap());
        let found = known(&schedules, "nightly").await;
        let expected = Stored {
            name: "nightly".to_owned(),
            timing: "0 2 * * * Europe/Paris".to_owned(),
            considered: 1_767_600_010_000,
            last_occurrence: 1_767_600_000_000,
            last_fired: 1_767_600_000_123,
            last_job: Some("nightly.20260105T080000Z".parse().unwrap()),
            last_success: 1_767_600_009_000,
            missed: 4,
            overrides: Overrides::default(),
        };
        assert_eq!(found, expected);
        assert_eq!(schedules.load().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn who_has_an_older_fence_writes_nothing_at_all() {
        let schedules = schedules("crm").await;
        assert!(schedules.write(9, &[mark("a", 2000)]).await.unwrap());
        let both = [mark("a", 1000), mark("b", 1000)];
        assert!(!schedules.write(8, &both).await.unwrap());
        let known = schedules.load().await.unwrap();
        assert_eq!((known.len(), known[0].considered), (1, 2000));
    }

    #[tokio::test]
    async fn changes_by_hand_survive_what_the_leader_writes() {
        let schedules = schedules("crm").await;
        let changed = Overrides {
            enabled: Some(false),
            cron: Some("0 4 * * *".to_owned()),
            by: "anne".to_owned(),
            note: "until the migration is over".to_owned(),
            ..Overrides::default()
        };
        schedules.change("nightly", &changed).await.unwrap();
        assert!(schedules.write(1, &[mark("nightly", 5000)]).await.unwrap());
        let found = known(&schedules, "nightly").await;
        assert!(found.overrides.at > 0);
        let found = Overrides {
            at: 0,
            ..found.overrides
        };
        assert_eq!(found, changed);
    }

    #[tokio::test]
    async fn installations_do_not_see_each_other() {
        let ours = schedules("crm").await;
        let theirs = Schedules::new(ours.pool.clone(), "staging");
        ours.write(5, &[mark("nightly", 5000)]).await.unwrap();
        assert!(theirs.write(1, &[mark("nightly", 1000)]).await.unwrap());
        assert_eq!(ours.load().await.unwrap()[0].considered, 5000);
    }
}
