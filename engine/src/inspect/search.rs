//! Finding the jobs that a filter means, a page at a time.
//!
//! A search walks the indexes of the states and queues that the filter does not rule out, next to
//! run first and newest first once they are over, and compares what lists show of each job. It
//! transfers no payload, and one call looks at a bounded number of jobs: a page may be short, or
//! empty, and its cursor says where to go on.
//!
//! It does not stop the world: a job that changes its state during a search may be met twice or
//! not at all. Every job that stays where it is is met once.

use super::cursor::Cursor;
use super::outline::{Head, outline};
use super::place::Place;
use super::{JobView, MAX_LISTED};
use crate::client::{Client, ClientError};
use crate::filter::Filter;
use crate::id::JobId;
use crate::scripts::{HEADS, WINDOW};
use crate::state::State;

/// Most jobs that one call looks at.
pub const MAX_LOOKED_AT: usize = 10_000;
/// Jobs of one step: what one script call may cost others.
const STEP: usize = 200;
/// Most steps of one call: the lines of many groups may be short or empty.
const MAX_STEPS: usize = 1000;
/// Stored bytes that one script call reads, unless a single job has more.
const STEP_BYTES: usize = 2 * 1024 * 1024;
/// Most running jobs of a queue that are ordered; more slots no installation has.
const MAX_RUNNING: usize = 10_000;

/// What a call of [`Client::search`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The jobs that are meant, without payload, output and checkpoint, and with their last error
    /// only; [`Client::job`] has the rest.
    pub jobs: Vec<JobView>,
    /// Where to go on; `None` if nothing is left.
    pub cursor: Option<Cursor>,
    /// How many jobs were compared with the filter.
    pub looked_at: usize,
    /// Whether everything was looked at.
    pub complete: bool,
}

/// A page that is being filled.
struct Search<'s> {
    client: &'s Client,
    filter: &'s Filter,
    /// Redis' time, ms since 1970.
    now: u64,
    limit: usize,
    jobs: Vec<JobView>,
    looked_at: usize,
    /// Windows that were read.
    steps: usize,
}

impl Client {
    /// Jobs that `filter` means, behind `cursor`; at most `limit`, which is at most
    /// [`MAX_LISTED`], out of at most [`MAX_LOOKED_AT`] that are looked at.
    pub async fn search(
        &self,
        filter: &Filter,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, ClientError> {
        let mut search = Search {
            client: self,
            filter,
            now: self.now_ms().await?,
            limit: limit.clamp(1, MAX_LISTED),
            jobs: Vec::new(),
            looked_at: 0,
            steps: 0,
        };
        let rest = match filter.ids() {
            Some(ids) => {
                search.look_up(&ids).await?;
                None
            }
            None => search.walk(cursor).await?,
        };
        Ok(Page {
            jobs: search.jobs,
            complete: rest.is_none(),
            cursor: rest,
            looked_at: search.looked_at,
        })
    }

    /// Redis' time, in ms since 1970.
    pub(crate) async fn now_ms(&self) -> Result<u64, ClientError> {
        let (seconds, micros): (u64, u64) = self.link().command(&redis::cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// The queues that a filter does not rule out, sorted.
    pub(crate) async fn queues_of(&self, filter: &Filter) -> Result<Vec<String>, ClientError> {
        let mut queues = self.queue_names().await?;
        queues.retain(|queue| filter.allows_queue(queue));
        Ok(queues)
    }

    /// What lists show of jobs, for as many of `ids` as may be read at once.
    pub(super) async fn heads(&self, queue: &str, ids: &[&str]) -> Result<Vec<Head>, ClientError> {
        let mut call = HEADS.call(self.queue(queue).base()).arg(STEP_BYTES);
        for id in ids {
            call.push(*id);
        }
        Ok(self.link().call(call).await?)
    }
}

impl Search<'_> {
    /// Named jobs are looked up; no index is walked.
    async fn look_up(&mut self, ids: &[JobId]) -> Result<(), ClientError> {
        for queue in self.client.queues_of(self.filter).await? {
            for id in ids {
                let job = self.client.job(&queue, id).await?;
                self.compare(job.map(|job| JobView {
                    payload: None,
                    ..job
                }));
            }
        }
        Ok(())
    }

    /// Walks the indexes; answers where it stopped, or `None` at the end.
    async fn walk(&mut self, cursor: Option<&Cursor>) -> Result<Option<Cursor>, ClientError> {
        for place in self.places().await? {
            let place = match cursor {
                None => place,
                Some(cursor) => match place.resume(cursor) {
                    None => continue,
                    Some(place) => place,
                },
            };
            if self.steps >= MAX_STEPS {
                return Ok(Some(place.cursor()));
            }
            if let Some(rest) = self.walk_index(place).await? {
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    /// The starts of all indexes that may hold a job that is meant, in their order.
    async fn places(&self) -> Result<Vec<Place>, ClientError> {
        let span = self.filter.span(self.now);
        let mut places = Vec::new();
        for queue in self.client.queues_of(self.filter).await? {
            let keys = self.client.queue(&queue);
            for state in self.filter.states() {
                let mut indexes = self.client.indexes(&keys, state).await?;
                indexes.sort_unstable();
                places.extend(indexes.iter().map(|index| {
                    let part = &index[keys.base().len() + 1..];
                    Place::new(&queue, state, part, span)
                }));
            }
        }
        Ok(places)
    }

    async fn walk_index(&mut self, mut place: Place) -> Result<Option<Cursor>, ClientError> {
        loop {
            self.steps += 1;
            let entries = self.window(&place).await?;
            let mut rest = entries.as_slice();
            while !rest.is_empty() {
                let ids: Vec<&str> = rest.iter().map(|(member, _)| id_in(member)).collect();
                let heads = self.client.heads(&place.queue, &ids).await?;
                if heads.is_empty() {
                    return Err(ClientError::Protocol("no heads for jobs".to_owned()));
                }
                for ((member, score), head) in rest.iter().zip(&heads) {
                    let id = id_in(member);
                    self.compare(outline(&place.queue, id, place.state, *score, head));
                    place.behind = (*score, member.clone());
                    if self.jobs.len() >= self.limit || self.looked_at >= MAX_LOOKED_AT {
                        return Ok(Some(place.cursor()));
                    }
                }
                rest = &rest[heads.len().min(rest.len())..];
            }
            if entries.len() < STEP {
                return Ok(None);
            }
        }
    }

    /// The next entries that can be meant, with their scores.
    async fn window(&self, place: &Place) -> Result<Vec<(String, u64)>, ClientError> {
        let index = self.client.queue(&place.queue).key(&place.part);
        if place.state == State::Running {
            return self.window_of_leases(&index, &place.behind.1).await;
        }
        let (score, member) = &place.behind;
        let call = WINDOW
            .call(&index)
            .arg(if place.is_downward() { "down" } else { "up" })
            .arg(STEP)
            .arg(score)
            .arg(member);
        let entries: Vec<(String, f64)> = self.client.link().call(call).await?;
        let entries = entries
            .into_iter()
            .map(|(member, score)| (member, score as u64));
        Ok(entries
            .take_while(|(_, score)| place.reaches(*score))
            .collect())
    }

    /// The next leases by their jobs' ids: beats change the scores all the time.
    async fn window_of_leases(
        &self,
        index: &str,
        behind: &str,
    ) -> Result<Vec<(String, u64)>, ClientError> {
        let mut all = redis::cmd("ZRANGE");
        all.arg(index).arg(0).arg(MAX_RUNNING - 1);
        let mut leases: Vec<String> = self.client.link().command(&all).await?;
        leases.retain(|lease| id_in(lease) > id_in(behind));
        leases.sort_by(|a, b| id_in(a).cmp(id_in(b)));
        leases.truncate(STEP);
        Ok(leases.into_iter().map(|lease| (lease, 0)).collect())
    }

    /// Keeps a job that is meant; `None` stands for one that is gone.
    fn compare(&mut self, job: Option<JobView>) {
        self.looked_at += 1;
        self.jobs
            .extend(job.filter(|job| self.filter.matches(job, self.now)));
    }
}

/// The id in an index entry: behind the fence of a lease, else all of it.
fn id_in(member: &str) -> &str {
    member.split_once(':').map_or(member, |(_, id)| id)
}
