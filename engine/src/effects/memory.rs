//! A ledger in memory: for tests of handlers and of the engine. It forgets with its process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{EffectEnd, EffectLedger, EffectState, Recorded, Reservation};

#[derive(Debug, Clone)]
struct Row {
    state: EffectState,
    reservation: Reservation,
    answer: Option<String>,
    reserved_at: Instant,
    since: Instant,
}

/// Effects of one process, by key.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<HashMap<String, Row>>);

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where an effect is, and its answer as JSON; `None` if it was never asked for.
    pub fn state_of(&self, key: &str) -> Option<(EffectState, Option<String>)> {
        let rows = self.rows();
        rows.get(key).map(|row| (row.state, row.answer.clone()))
    }

    /// A person's word about an effect: `Some(answer)` if it happened.
    pub fn decide(&self, key: &str, answer: Option<&str>) {
        if let Some(row) = self.rows().get_mut(key) {
            row.state = answer.map_or(EffectState::Released, |_| EffectState::Confirmed);
            row.answer = answer.map(str::to_owned);
            row.since = Instant::now();
        }
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        // Rows are replaced whole, so a poisoned lock guards nothing torn.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, reservation: &Reservation) -> Option<Recorded> {
        let mut rows = self.rows();
        if let Some(row) = rows.get(&reservation.key) {
            return Some(recorded(row));
        }
        rows.insert(reservation.key.clone(), reserved(reservation));
        None
    }

    fn replace(&self, reservation: &Reservation, seen: &str) -> bool {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&reservation.key) else {
            return false;
        };
        let free = row.state != EffectState::Confirmed && row.reservation.call == seen;
        if free {
            *row = reserved(reservation);
        }
        free
    }

    fn close(&self, key: &str, call: &str, end: &EffectEnd) -> bool {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(key) else {
            return false;
        };
        let open = match end {
            EffectEnd::Unknown => row.state == EffectState::Reserved,
            EffectEnd::Confirmed(_) | EffectEnd::Released => row.state != EffectState::Confirmed,
        };
        if !open || row.reservation.call != call {
            return false;
        }
        row.state = end.state();
        row.since = Instant::now();
        if let EffectEnd::Confirmed(answer) = end {
            row.answer = Some(answer.clone());
        }
        true
    }
}

impl EffectLedger for MemoryLedger {
    fn reserve<'a>(
        &'a self,
        reservation: &'a Reservation,
    ) -> BoxFuture<'a, anyhow::Result<Option<Recorded>>> {
        std::future::ready(Ok(self.insert(reservation))).boxed()
    }

    fn take_over<'a>(
        &'a self,
        reservation: &'a Reservation,
        seen: &'a str,
    ) -> BoxFuture<'a, anyhow::Result<bool>> {
        std::future::ready(Ok(self.replace(reservation, seen))).boxed()
    }

    fn end<'a>(
        &'a self,
        key: &'a str,
        call: &'a str,
        end: &'a EffectEnd,
    ) -> BoxFuture<'a, anyhow::Result<bool>> {
        std::future::ready(Ok(self.close(key, call, end))).boxed()
    }
}

fn reserved(reservation: &Reservation) -> Row {
    let now = Instant::now();
    Row {
        state: EffectState::Reserved,
        reservation: reservation.clone(),
        answer: None,
        reserved_at: now,
        since: now,
    }
}

fn recorded(row: &Row) -> Recorded {
    Recorded {
        state: row.state,
        call: row.reservation.call.clone(),
        job: row.reservation.job.clone(),
        fence: row.reservation.fence,
        answer: row.answer.clone(),
        left: row
            .reservation
            .lasts
            .saturating_sub(row.reserved_at.elapsed()),
        age: row.since.elapsed(),
    }
}
