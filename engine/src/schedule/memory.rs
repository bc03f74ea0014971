//! States of schedules in memory: for tests, and for whoever may forget them at a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::entry::Overrides;
use super::store::{Mark, ScheduleStore, Stored};
use crate::payloads::StoreFailure;

/// A store in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemorySchedules {
    states: Arc<Mutex<BTreeMap<String, (u64, Stored)>>>,
}

impl MemorySchedules {
    /// What is known of a schedule.
    pub fn state(&self, name: &str) -> Option<Stored> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(name).map(|(_, state)| state.clone())
    }

    /// Puts a state in the place of what is known.
    pub fn put(&self, state: Stored) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(state.name.clone(), (0, state));
    }

    /// Changes a schedule by hand.
    pub fn change(&self, name: &str, overrides: Overrides) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, state) = states.entry(name.to_owned()).or_default();
        name.clone_into(&mut state.name);
        state.overrides = overrides;
    }

    fn mark(&self, fence: u64, marks: &[Mark]) -> bool {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let fenced_off = |mark: &Mark| {
            let known = states.get(&mark.name);
            known.is_some_and(|(highest, _)| *highest > fence)
        };
        if marks.iter().any(fenced_off) {
            return false;
        }
        for mark in marks {
            let (highest, state) = states.entry(mark.name.clone()).or_default();
            *highest = fence;
            state.name.clone_from(&mark.name);
            state.timing.clone_from(&mark.timing);
            state.considered = mark.considered;
            state.missed += mark.missed;
            state.last_success = state.last_success.max(mark.success.unwrap_or(0));
            if let Some(fired) = &mark.fired {
                state.last_occurrence = fired.occurrence;
                state.last_fired = fired.at;
                state.last_job = Some(fired.job.clone());
            }
        }
        true
    }
}

impl ScheduleStore for MemorySchedules {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Stored>, StoreFailure>> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let states = states.values().map(|(_, state)| state.clone()).collect();
        async move { Ok(states) }.boxed()
    }

    fn write<'a>(
        &'a self,
        fence: u64,
        marks: &'a [Mark],
    ) -> BoxFuture<'a, Result<bool, StoreFailure>> {
        let written = self.mark(fence, marks);
        async move { Ok(written) }.boxed()
    }
}
