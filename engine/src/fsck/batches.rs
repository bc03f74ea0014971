//! I6: a batch waits for exactly those of its members that are not over.
//!
//! Batches and queues lie apart and are told of each other by signals, so a difference is a
//! violation only if no signal is under way and it is still there at a second look.

use std::collections::BTreeMap;

use super::Report;
use crate::batch::{BatchId, Member};
use crate::client::{Client, ClientError};
use crate::keys::BATCH_PARTS;
use crate::state::State;

/// Members per step.
const STEP: usize = 500;

/// The type of a batch's key by its name without the prefix; `None` if it is no batch's.
pub(super) fn type_of(rest: &str) -> Option<&'static str> {
    match rest {
        "batches" | "batch_agenda" => return Some("zset"),
        _ => {}
    }
    let (id, part) = rest.strip_prefix("batch:{")?.split_once("}:")?;
    id.parse::<BatchId>().ok()?;
    let known = BATCH_PARTS.iter().find(|(name, _)| *name == part);
    known.map(|(_, kind)| *kind)
}

/// What the batch thinks of a member.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Thought {
    Pending,
    Over,
}

impl Thought {
    /// `None` for a member that is only noted: its job is being enqueued.
    fn of(score: f64) -> Option<Self> {
        if score < 0.0 {
            Some(Self::Over)
        } else {
            (score == 0.0).then_some(Self::Pending)
        }
    }
}

impl Client {
    pub(super) async fn check_batches(&self, report: &mut Report) -> Result<(), ClientError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keyspace().batches()).arg(0).arg(-1);
        let ids: Vec<String> = self.link().command(&range).await?;
        for id in ids {
            match id.parse() {
                Ok(batch) => self.check_batch(&batch, report).await?,
                Err(_) => report.add("I7", "", format!("index of batches holds {id:?}")),
            }
        }
        Ok(())
    }

    async fn check_batch(&self, id: &BatchId, report: &mut Report) -> Result<(), ClientError> {
        let mut cursor = 0;
        loop {
            let (next, members) = self.scan_members(id, cursor, STEP).await?;
            let mut queues: BTreeMap<String, Vec<(Member, Thought)>> = BTreeMap::new();
            for (member, score) in members {
                if let Some(thought) = Thought::of(score) {
                    let of_queue = queues.entry(member.queue.clone()).or_default();
                    of_queue.push((member, thought));
                }
            }
            for (queue, members) in &queues {
                for member in self.suspects(queue, members).await? {
                    self.look_at_member(id, member, report).await?;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Members of one queue that look wrong at first sight.
    async fn suspects<'m>(
        &self,
        queue: &str,
        members: &'m [(Member, Thought)],
    ) -> Result<Vec<&'m Member>, ClientError> {
        let keys = self.queue(queue);
        let mut pipeline = redis::pipe();
        for (member, _) in members {
            pipeline
                .cmd("HEXISTS")
                .arg(keys.job())
                .arg(member.id.as_str());
        }
        let stored: Vec<bool> = self.link().pipeline(&pipeline).await?;
        let ids: Vec<&str> = members
            .iter()
            .map(|(member, _)| member.id.as_str())
            .collect();
        let mut pipeline = redis::pipe();
        for index in [keys.completed(), keys.discarded(), keys.cancelled()] {
            pipeline.cmd("ZMSCORE").arg(index).arg(&ids);
        }
        let indexes: Vec<Vec<Option<f64>>> = self.link().pipeline(&pipeline).await?;
        let over = |n: usize| {
            indexes
                .iter()
                .any(|index| matches!(index.get(n), Some(Some(_))))
        };
        let wrong = |n: usize, thought: Thought| match thought {
            Thought::Pending => over(n) || !stored[n],
            // Its record may have been pruned since.
            Thought::Over => stored[n] && !over(n),
        };
        let suspects = members.iter().enumerate();
        let suspects = suspects.filter(|(n, (_, thought))| wrong(*n, *thought));
        Ok(suspects.map(|(_, (member, _))| member).collect())
    }

    /// One suspect: the thought, the job, the signal, and the thought again.
    async fn look_at_member(
        &self,
        id: &BatchId,
        member: &Member,
        report: &mut Report,
    ) -> Result<(), ClientError> {
        let before = self.thought(id, member).await?;
        let keys = self.queue(&member.queue);
        let look = self.look(&keys, member.id.as_str()).await?;
        let mut signal = redis::cmd("HEXISTS");
        signal.arg(keys.signals()).arg(member.id.as_str());
        let under_way: bool = self.link().command(&signal).await?;
        let Some(thought) = before.filter(|_| !under_way) else {
            return Ok(());
        };
        if self.thought(id, member).await? != Some(thought) {
            return Ok(());
        }
        let state = look.states.first().map(|(state, _)| *state);
        if let Some(message) = disagreement(thought, state, is_step(member)) {
            let message = format!("batch {id} {message}: {member}");
            report.add("I6", &member.queue, message);
        }
        Ok(())
    }

    async fn thought(&self, id: &BatchId, member: &Member) -> Result<Option<Thought>, ClientError> {
        let mut score = redis::cmd("ZSCORE");
        score
            .arg(self.keyspace().batch(id).members())
            .arg(member.to_string());
        let score: Option<f64> = self.link().command(&score).await?;
        Ok(score.and_then(Thought::of))
    }
}

/// What is wrong, if anything.
fn disagreement(thought: Thought, state: Option<State>, is_step: bool) -> Option<String> {
    match (thought, state) {
        (Thought::Pending, Some(state)) if state.is_final() => {
            Some(format!("waits for a job that is {state}"))
        }
        // A step becomes a member just before it is enqueued.
        (Thought::Pending, None) if !is_step => {
            Some("waits for a job that is not stored".to_owned())
        }
        (Thought::Over, Some(state)) if !state.is_final() => {
            Some(format!("counts a job as over that is {state}"))
        }
        _ => None,
    }
}

/// Whether it may be a later step of a chain.
fn is_step(member: &Member) -> bool {
    let number = member.id.as_str().rsplit_once('.');
    number.is_some_and(|(_, n)| n.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_batch_are_known_and_nothing_else() {
        assert_eq!(type_of("batch:{campaign:12}:members"), Some("zset"));
        assert_eq!(type_of("batch:{campaign:12}:facts"), Some("hash"));
        assert_eq!(type_of("batch:{campaign:12}:surprise"), None);
        assert_eq!(type_of("batch:{}:facts"), None);
    }

    #[test]
    fn only_what_contradicts_the_batch_is_a_disagreement() {
        let wrong = |thought, state| disagreement(thought, state, false).is_some();
        assert!(wrong(Thought::Pending, Some(State::Completed)));
        assert!(wrong(Thought::Pending, None));
        assert!(!wrong(Thought::Pending, Some(State::Held)));
        assert!(wrong(Thought::Over, Some(State::Running)));
        assert!(!wrong(Thought::Over, Some(State::Discarded)));
        assert!(!wrong(Thought::Over, None), "pruned");
        assert_eq!(disagreement(Thought::Pending, None, true), None);
    }
}
