//! Random choices that are the same on every machine and in every release.
//!
//! `SplitMix64`, a published generator of four lines, started afresh for each row from the row's
//! [`Stream`] and number. A library generator may change its stream between versions; then all
//! checksums of the data set would change for no reason. Not for secrets.

/// The golden ratio in 64 bits, `SplitMix64`'s increment.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Keeps the choices of one purpose independent of those of another for the same row number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Awkward = 1,
    Person,
    PersonName,
    Links,
    Organisation,
    OrganisationName,
    Mandate,
    Send,
    Notice,
    Task,
    Unsubscribed,
}

/// A generator for one row.
#[derive(Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The generator of row `row` for one purpose.
    pub(super) fn of(stream: Stream, row: u64) -> Self {
        let mut rng = Self((stream as u64).wrapping_mul(STEP).rotate_left(32) ^ row);
        // Neighbouring rows start from neighbouring states; one draw spreads them.
        rng.0 = rng.draw();
        rng
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to but not including `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }

    /// True in `percent` of the cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // First outputs of `SplitMix64` for seed 0, as printed in many places.
        let mut rng = Rng(0);
        assert_eq!(rng.draw(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(rng.draw(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn bounds_and_shares_hold() {
        let mut rng = Rng::of(Stream::Person, 7);
        assert!((0..1000).all(|_| rng.below(10) < 10));
        let hits = (0..10_000)
            .filter(|&row| Rng::of(Stream::Links, row).chance(3))
            .count();
        assert!((200..400).contains(&hits), "{hits}");
    }
}
