//! What a worker remembers of its breakers between two calls: pure, without Redis.
//!
//! It remembers for a moment whether a breaker lets attempts pass, so that a busy closed breaker
//! costs no round trip before a start, and collects how attempts ended, so that many of them are
//! told in one call. Time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::gates::Circuit;

/// How long an answer is believed.
pub(super) const BELIEVED: Duration = Duration::from_millis(250);
/// How long a probe may go without a word of its worker before its place is free again.
pub(super) const PROBE_LEASE: Duration = Duration::from_secs(15);
/// Breakers remembered; beyond that, those with nothing to tell are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// How an attempt went, as far as a breaker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What the breaker guards works.
    Good,
    /// It failed.
    Bad,
    /// The attempt says nothing about it.
    Void,
}

/// What is known of a breaker without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glance {
    /// It lets everything pass.
    Closed,
    /// It lets nothing pass for that long.
    Open(Duration),
    /// It must be asked.
    Unknown,
}

/// One message to `breaker_tell.lua`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    Count { good: u32, bad: u32 },
    Probe { token: String, verdict: Verdict },
    Renew { token: String },
}

#[derive(Debug, Default)]
struct Entry {
    /// Until when an answer is believed, and how long from then on the breaker is open.
    closed_until: Option<Instant>,
    open_until: Option<Instant>,
    /// Whether the last answer was that it is closed.
    was_closed: bool,
    good: u32,
    bad: u32,
    probes: Vec<Probe>,
}

#[derive(Debug)]
struct Probe {
    token: String,
    renewed: Instant,
    verdict: Option<Verdict>,
}

impl Entry {
    fn has_nothing_to_tell(&self) -> bool {
        self.good == 0 && self.bad == 0 && self.probes.is_empty()
    }
}

/// The memory of all breakers of a worker.
#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<Circuit, Entry>);

impl Tally {
    pub(super) fn glance(&self, circuit: &Circuit, now: Instant) -> Glance {
        let Some(entry) = self.0.get(circuit) else {
            return Glance::Unknown;
        };
        if entry.closed_until.is_some_and(|until| now < until) {
            return Glance::Closed;
        }
        match entry.open_until {
            Some(until) if now < until => Glance::Open(until - now),
            _ => Glance::Unknown,
        }
    }

    /// Remembers an answer: the time until the breaker may be asked, `None` if it is closed.
    /// Answers whether it changed between closed and not closed.
    pub(super) fn learn(
        &mut self,
        circuit: &Circuit,
        wait: Option<Duration>,
        now: Instant,
    ) -> bool {
        let entry = self.entry(circuit);
        let known = entry.closed_until.is_some() || entry.open_until.is_some();
        entry.closed_until = wait.is_none().then(|| now + BELIEVED);
        entry.open_until = wait.map(|wait| now + wait.min(BELIEVED));
        let was_closed = std::mem::replace(&mut entry.was_closed, wait.is_none());
        known && was_closed != entry.was_closed
    }

    /// Counts an attempt that a closed breaker let pass.
    pub(super) fn count(&mut self, circuit: &Circuit, verdict: Verdict) {
        let entry = self.entry(circuit);
        match verdict {
            Verdict::Good => entry.good = entry.good.saturating_add(1),
            Verdict::Bad => entry.bad = entry.bad.saturating_add(1),
            Verdict::Void => {}
        }
    }

    /// A probe begins.
    pub(super) fn lend(&mut self, circuit: &Circuit, token: String, now: Instant) {
        self.entry(circuit).probes.push(Probe {
            token,
            renewed: now,
            verdict: None,
        });
    }

    /// A probe ends.
    pub(super) fn give_back(&mut self, circuit: &Circuit, token: &str, verdict: Verdict) {
        let probes = &mut self.entry(circuit).probes;
        if let Some(probe) = probes.iter_mut().find(|probe| probe.token == token) {
            probe.verdict = Some(verdict);
        }
    }

    /// Takes what is to be told now. Old answers without anything to tell are forgotten.
    pub(super) fn take_messages(&mut self, now: Instant) -> Vec<(Circuit, Message)> {
        let mut messages = Vec::new();
        for (circuit, entry) in &mut self.0 {
            let mut tell = |message| messages.push((circuit.clone(), message));
            let (good, bad) = (
                std::mem::take(&mut entry.good),
                std::mem::take(&mut entry.bad),
            );
            if good + bad > 0 {
                tell(Message::Count { good, bad });
            }
            entry.probes.retain_mut(|probe| {
                let token = probe.token.clone();
                if let Some(verdict) = probe.verdict {
                    tell(Message::Probe { token, verdict });
                    return false;
                }
                if now.duration_since(probe.renewed) > PROBE_LEASE / 3 {
                    probe.renewed = now;
                    tell(Message::Renew { token });
                }
                true
            });
        }
        messages
    }

    fn entry(&mut self, circuit: &Circuit) -> &mut Entry {
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(circuit) {
            self.0.retain(|_, entry| !entry.has_nothing_to_tell());
        }
        self.0.entry(circuit.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        Circuit::plain("resend")
    }

    #[test]
    fn an_answer_is_believed_for_a_moment_only() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        assert_eq!(tally.glance(&circuit(), now), Glance::Unknown);
        tally.learn(&circuit(), None, now);
        assert_eq!(tally.glance(&circuit(), now), Glance::Closed);
        assert_eq!(tally.glance(&circuit(), now + BELIEVED), Glance::Unknown);
        tally.learn(&circuit(), Some(Duration::from_secs(30)), now);
        assert_eq!(tally.glance(&circuit(), now), Glance::Open(BELIEVED));
        assert_eq!(tally.glance(&circuit(), now + BELIEVED), Glance::Unknown);
    }

    #[test]
    fn many_ends_are_one_message_and_are_told_once() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        for verdict in [Verdict::Good, Verdict::Bad, Verdict::Void, Verdict::Good] {
            tally.count(&circuit(), verdict);
        }
        let message = Message::Count { good: 2, bad: 1 };
        assert_eq!(tally.take_messages(now), [(circuit(), message)]);
        assert_eq!(tally.take_messages(now), []);
    }

    #[test]
    fn a_probe_is_renewed_while_it_runs_and_told_once_when_it_ends() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        let token = || "t1".to_owned();
        tally.lend(&circuit(), token(), now);
        assert_eq!(tally.take_messages(now), []);
        let later = now + PROBE_LEASE / 2;
        let renew = Message::Renew { token: token() };
        assert_eq!(tally.take_messages(later), [(circuit(), renew)]);
        assert_eq!(tally.take_messages(later), []);
        tally.give_back(&circuit(), "t1", Verdict::Bad);
        let verdict = Verdict::Bad;
        let token = token();
        assert_eq!(
            tally.take_messages(later),
            [(circuit(), Message::Probe { token, verdict })]
        );
        assert_eq!(tally.take_messages(later + PROBE_LEASE), []);
    }

    #[test]
    fn only_a_change_between_closed_and_not_closed_is_news() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        let second = Some(Duration::from_secs(1));
        let news: Vec<bool> = [None, None, second, second, None]
            .into_iter()
            .map(|wait| tally.learn(&circuit(), wait, now))
            .collect();
        assert_eq!(news, [false, false, true, false, true]);
    }

    #[test]
    fn the_memory_is_bounded_and_loses_nothing_that_is_to_be_told() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.count(&circuit(), Verdict::Bad);
        for n in 0..=MAX_REMEMBERED {
            tally.learn(&Circuit::keyed("mail", &n.to_string()), None, now);
        }
        assert!(tally.0.len() <= MAX_REMEMBERED);
        assert_eq!(tally.take_messages(now).len(), 1);
    }
}
