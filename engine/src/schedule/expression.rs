//! Cron expressions: five or six fields, lists, ranges, steps, words, `L`, `W` and `#`.
//!
//! `croner` parses them and steps from one wall-clock time to the next; it is never given a zone,
//! because what it does when a clock changes is not what we promise (decision 0008). What it reads
//! too kindly is refused here: a month's name among the minutes, a seventh field, an expression that
//! never comes true. Times are seconds since 1970 as a clock on the wall shows them.

use std::fmt;

use chrono::DateTime;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::invalid::{InvalidSchedule, closest};

/// A field, what it may hold, and the letters that may be in it.
struct Field {
    name: &'static str,
    range: &'static str,
    words: &'static [&'static str],
}

const MONTHS: &[&str] = &[
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        range: "0 to 59",
        words: &[],
    },
    Field {
        name: "minute",
        range: "0 to 59",
        words: &[],
    },
    Field {
        name: "hour",
        range: "0 to 23",
        words: &[],
    },
    Field {
        name: "day of month",
        range: "1 to 31, L for the last, 15W for the working day next to the 15th",
        words: &["L", "W", "LW"],
    },
    Field {
        name: "month",
        range: "1 to 12 or JAN to DEC",
        words: MONTHS,
    },
    Field {
        name: "day of week",
        range: "0 to 7 or SUN to SAT (0 and 7 are Sunday), 5L for the last Friday, MON#1 for the first Monday",
        words: WEEKDAYS,
    },
];

/// Words for a whole expression.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A cron expression that comes true again and again.
#[derive(Clone)]
pub struct Expression {
    text: String,
    cron: Cron,
    /// The longest pause between two of its times of day in seconds, if its hours are a step.
    step: Option<i64>,
}

impl Expression {
    /// Reads an expression; the error says which field, where it is, and what it may hold.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let given = text.trim();
        let plain = NICKNAMES
            .iter()
            .find(|(word, _)| given.eq_ignore_ascii_case(word))
            .map_or(given, |(_, plain)| plain);
        let fields: Vec<&str> = plain.split_whitespace().collect();
        if !matches!(fields.len(), 5 | 6) {
            let hint = "minute hour day-of-month month day-of-week, with a second before them if \
                        needed; \"0 2 * * *\" is every day at 02:00";
            let message = format!(
                "cron expression {:?} has {} fields, not 5 or 6",
                cut(given),
                fields.len()
            );
            return Err(InvalidSchedule::new(message, hint));
        }
        let first = FIELDS.len() - fields.len();
        for (index, field) in fields.iter().enumerate() {
            if !has_its_words(field, &FIELDS[first + index]) || !reads(index, field, fields.len()) {
                return Err(wrong_field(given, index, field, &FIELDS[first + index]));
            }
        }
        let cron = parser().parse(plain).map_err(|error| {
            let message = format!("cron expression {:?} cannot be read", cut(given));
            InvalidSchedule::new(message, error.to_string().to_lowercase())
        })?;
        let expression = Self {
            text: given.to_owned(),
            step: longest_pause(&cron),
            cron,
        };
        if expression.first_after(0, false).is_none() {
            let message = format!("cron expression {:?} never comes true", cut(given));
            return Err(InvalidSchedule::new(
                message,
                "is there such a day in such a month?",
            ));
        }
        Ok(expression)
    }

    /// The longest pause between two times of day, in seconds, if its hours are `*` or `*/n`: then
    /// it follows real time through a change of the clock. `None` if it names hours.
    pub(super) fn step(&self) -> Option<i64> {
        self.step
    }

    /// The first matching time after a time, or at it.
    pub(super) fn first_after(&self, wall: i64, at_it_too: bool) -> Option<i64> {
        let start = DateTime::from_timestamp(wall, 0)?;
        let found = self.cron.find_next_occurrence(&start, at_it_too).ok()?;
        Some(found.timestamp())
    }

    /// The last matching time before a time.
    pub(super) fn last_before(&self, wall: i64) -> Option<i64> {
        let start = DateTime::from_timestamp(wall, 0)?;
        let found = self.cron.find_previous_occurrence(&start, false).ok()?;
        Some(found.timestamp())
    }

    /// Whether a time matches.
    pub(super) fn matches(&self, wall: i64) -> bool {
        let time = DateTime::from_timestamp(wall, 0);
        time.is_some_and(|time| self.cron.is_time_matching(&time).unwrap_or(false))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}

fn parser() -> CronParser {
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build()
}

/// Whether the field can be read with stars in the place of the others.
fn reads(index: usize, field: &str, fields: usize) -> bool {
    let mut alone = vec!["*"; fields];
    alone[index] = field;
    parser().parse(&alone.join(" ")).is_ok()
}

/// Whether the letters in a field are words that belong there.
fn has_its_words(text: &str, field: &Field) -> bool {
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    let mut known = words.map(|word| {
        let last = word.eq_ignore_ascii_case("L") && field.name.starts_with("day");
        last || field.words.iter().any(|own| word.eq_ignore_ascii_case(own))
    });
    known.all(|known| known)
}

fn wrong_field(text: &str, index: usize, field: &str, which: &Field) -> InvalidSchedule {
    let Field { name, range, words } = which;
    let position = position(text, index);
    let message = format!(
        "cron expression {:?}: {name} {:?} at position {position} cannot be read",
        cut(text),
        cut(field)
    );
    let letters: String = field.chars().filter(|c| c.is_alphabetic()).collect();
    let meant = closest(&letters, words.iter().copied()).filter(|_| letters.len() > 1);
    let hint = match meant {
        Some(word) => format!("did you mean {word}?"),
        None => format!("it may be {range}, with lists (1,3), ranges (1-5) and steps (*/10)"),
    };
    InvalidSchedule::new(message, hint)
}

/// Where a field begins, counted in characters from 1.
fn position(text: &str, index: usize) -> usize {
    let mut beginnings = text
        .char_indices()
        .enumerate()
        .scan(true, |blank, (n, (_, c))| {
            let begins = *blank && !c.is_whitespace();
            *blank = c.is_whitespace();
            Some((begins, n + 1))
        });
    let mut found = beginnings.by_ref().filter(|(begins, _)| *begins);
    found.nth(index).map_or(1, |(_, position)| position)
}

/// What a message quotes of a text.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn longest_pause(cron: &Cron) -> Option<i64> {
    let pattern = &cron.pattern;
    if !pattern.hours.from_wildcard {
        return None;
    }
    let seconds = pattern.seconds.values();
    let within: Vec<i64> = pattern
        .minutes
        .values()
        .into_iter()
        .flat_map(|minute| {
            seconds
                .iter()
                .map(move |second| i64::from(minute) * 60 + i64::from(*second))
        })
        .collect();
    let hours: Vec<i64> = pattern.hours.values().into_iter().map(i64::from).collect();
    let (first, last) = (within.first()?, within.last()?);
    let inside = within.windows(2).map(|pair| pair[1] - pair[0]).max();
    let next = hours.iter().skip(1).copied().chain([hours.first()? + 24]);
    let between = hours
        .iter()
        .zip(next)
        .map(|(hour, next)| (next - hour) * 3600 + first - last)
        .max();
    inside.max(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Expression::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn five_and_six_fields_words_lists_and_the_special_letters_are_read() {
        for text in [
            "0 2 * * *",
            "*/10 * * * *",
            "30 0 2 * * *",
            "0 9 * * MON",
            "0 9 * jan,JUL mon-fri",
            "0 3 L * *",
            "0 3 15W * *",
            "0 4 * * 5L",
            "0 4 * * MON#1",
            "0 4 * * 7",
            "0-30/5 8-18 1,15 * ?",
            "@daily",
            "0 0 29 2 *",
        ] {
            assert!(Expression::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_wrong_field_is_named_with_its_position_and_what_it_may_hold() {
        assert_eq!(
            refused("0 25 * * *"),
            "cron expression \"0 25 * * *\": hour \"25\" at position 3 cannot be read; \
             hint: it may be 0 to 23, with lists (1,3), ranges (1-5) and steps (*/10)"
        );
        let word = refused("0 9 * * MOM");
        assert!(word.contains("day of week \"MOM\" at position 9"), "{word}");
        assert!(word.ends_with("hint: did you mean MON?"), "{word}");
        assert!(refused("5 61 2 * * *").contains("minute \"61\" at position 3"));
    }

    #[test]
    fn what_croner_reads_too_kindly_is_refused() {
        for (text, part) in [
            ("JAN * * * *", "minute \"JAN\""),
            ("0 0 MON * *", "day of month \"MON\""),
            ("0 0 * MON *", "month \"MON\""),
            ("0 0 0 * * * 2026", "7 fields"),
            ("0 2 * *", "4 fields"),
            ("@reboot", "1 fields"),
            ("", "0 fields"),
            ("0 0 30 2 *", "never comes true"),
        ] {
            let said = refused(text);
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn the_longest_pause_of_a_step_is_known_and_named_hours_have_none() {
        for (text, pause) in [
            ("*/10 * * * *", Some(600)),
            ("30 * * * *", Some(3600)),
            ("*/7 * * * *", Some(420)),
            ("0 */2 * * *", Some(7200)),
            ("0,10 */5 * * *", Some(5 * 3600 - 600)),
            ("*/15 * * * * *", Some(15)),
            ("0 2 * * *", None),
            ("*/10 2 * * *", None),
        ] {
            assert_eq!(Expression::parse(text).unwrap().step(), pause, "{text}");
        }
    }
}
