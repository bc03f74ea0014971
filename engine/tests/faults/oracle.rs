//! The ledger oracle: judges a fault by what handlers wrote down, not by what Redis says.
//!
//! Nothing acknowledged may be missing; no job may end twice under one fence; no attempt may
//! share its fence with another.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What the handlers wrote.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// id → number of starts.
    pub(crate) starts: HashMap<String, usize>,
    /// id → fences under which it ended.
    pub(crate) ends: HashMap<String, Vec<u64>>,
}

impl Ledger {
    pub(crate) fn read(path: &Path) -> Self {
        let mut ledger = Self::default();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, id, _attempt, _instance, fence] = words[..] else {
                panic!("torn line {line:?}")
            };
            match word {
                "start" => *ledger.starts.entry(id.to_owned()).or_default() += 1,
                _ => ledger
                    .ends
                    .entry(id.to_owned())
                    .or_default()
                    .push(fence.parse().unwrap()),
            }
        }
        ledger
    }

    /// The oracle. `in_flight` is how many jobs the faults may have cut off.
    pub(crate) fn judge(&self, acknowledged: &[String], in_flight: usize) {
        let missing: Vec<_> = acknowledged
            .iter()
            .filter(|id| !self.ends.contains_key(*id))
            .collect();
        assert!(
            missing.is_empty(),
            "{} acknowledged jobs never ended, first {:?}",
            missing.len(),
            missing[0]
        );
        for (id, fences) in &self.ends {
            let distinct: HashSet<_> = fences.iter().collect();
            assert_eq!(
                distinct.len(),
                fences.len(),
                "job {id} ended twice under one fence: {fences:?}"
            );
        }
        let repeated = self.starts.values().filter(|starts| **starts > 1).count();
        assert!(
            repeated <= in_flight,
            "{repeated} jobs ran again, at most {in_flight} were cut off"
        );
    }
}
