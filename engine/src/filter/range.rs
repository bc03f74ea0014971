//! Numbers as people compare them: `3`, `>3`, `<=3`, `2..4`.

use std::fmt;
use std::str::FromStr;

/// Whole numbers from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: u64,
    to: u64,
}

impl Range {
    /// From the first to the last that it holds; `None` if it would be empty.
    pub fn new(from: u64, to: u64) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// Whether a number is in it.
    pub const fn holds(self, number: u64) -> bool {
        self.from <= number && number <= self.to
    }

    /// The smallest number in it.
    pub const fn first(self) -> u64 {
        self.from
    }
}

impl FromStr for Range {
    /// Nothing to add: it is not one of the forms above.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten().ok_or(())
        };
        let (from, to) = if let Some(least) = text.strip_prefix(">=") {
            (number(least)?, u64::MAX)
        } else if let Some(below) = text.strip_prefix('>') {
            (number(below)?.checked_add(1).ok_or(())?, u64::MAX)
        } else if let Some(most) = text.strip_prefix("<=") {
            (0, number(most)?)
        } else if let Some(above) = text.strip_prefix('<') {
            (0, number(above)?.checked_sub(1).ok_or(())?)
        } else if let Some((from, to)) = text.split_once("..") {
            (number(from)?, number(to)?)
        } else {
            (number(text)?, number(text)?)
        };
        Self::new(from, to).ok_or(())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (from, to) if from == to => write!(f, "{from}"),
            (from, u64::MAX) => write!(f, ">={from}"),
            (0, to) => write!(f, "<={to}"),
            (from, to) => write!(f, "{from}..{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_hold_what_they_say() {
        for (text, inside, outside) in [
            ("3", 3, 4),
            (">3", 4, 3),
            (">=3", 3, 2),
            ("<3", 2, 3),
            ("<=3", 3, 4),
            ("2..4", 4, 5),
        ] {
            let range: Range = text.parse().unwrap();
            assert!(range.holds(inside) && !range.holds(outside), "{text}");
        }
        for wrong in [
            "",
            "x",
            ">",
            "-1",
            "+1",
            "4..2",
            "<0",
            "1.5",
            "1..",
            ">99999999999999999999",
        ] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
