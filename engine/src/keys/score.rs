//! Scores of the indexes that hold two facts in one number.

/// Microseconds per priority step in a `ready` score: 28 years, so steps never meet before 2053.
const PRIORITY_STEP: u64 = 900_000_000_000_000;

/// 2025-01-01T00:00:00Z in microseconds since 1970, the zero of `ready` scores.
const READY_EPOCH_US: u64 = 1_735_689_600_000_000;

/// When a job with this `ready` score became available, in ms since 1970.
pub(crate) fn ready_since_ms(score: u64) -> u64 {
    let micros = score % PRIORITY_STEP;
    (READY_EPOCH_US + micros) / 1000
}

/// The due time in ms of a `scheduled` or `retrying` score.
pub(crate) fn due_ms(score: u64) -> u64 {
    score / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_the_last_priority_are_exact() {
        let year_2052_us = 2_587_680_000_000_000 - READY_EPOCH_US;
        let score = 9 * PRIORITY_STEP + year_2052_us;
        assert!(score < 1 << 53, "beyond exact doubles: {score}");
        assert_eq!(ready_since_ms(score), 2_587_680_000_000);
    }
}
