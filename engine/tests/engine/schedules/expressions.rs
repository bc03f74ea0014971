//! Random cron expressions: how each is written, and what it means, without any library's help.

use chrono::{Datelike, NaiveDate};
use proptest::collection::vec;
use proptest::prelude::*;

/// Days of the month.
#[derive(Debug, Clone)]
pub(crate) enum Days {
    Any,
    These(Vec<u32>),
    Last,
}

/// Days of the week, 0 is Sunday.
#[derive(Debug, Clone)]
pub(crate) enum Weekdays {
    Any,
    These(Vec<u32>),
    Nth(u32, u32),
    Last(u32),
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) text: String,
    pub(crate) minutes: [bool; 60],
    pub(crate) hours: [bool; 24],
    /// Whether its hours are written as `*` or `*/n`.
    pub(crate) follows: bool,
    pub(crate) days: Days,
    pub(crate) months: Vec<u32>,
    pub(crate) weekdays: Weekdays,
}

impl Spec {
    /// Whether it may come on that day: one of the two fields is enough if both are given.
    pub(crate) fn on(&self, date: NaiveDate) -> bool {
        if !self.months.is_empty() && !self.months.contains(&date.month()) {
            return false;
        }
        let ends_month = |days: u32| {
            let later = date + chrono::Days::new(u64::from(days));
            later.month() != date.month()
        };
        let by_month = match &self.days {
            Days::Any => None,
            Days::These(days) => Some(days.contains(&date.day())),
            Days::Last => Some(ends_month(1)),
        };
        let weekday = date.weekday().num_days_from_sunday();
        let by_week = match &self.weekdays {
            Weekdays::Any => None,
            Weekdays::These(days) => Some(days.contains(&weekday)),
            Weekdays::Nth(day, nth) => Some(weekday == *day && (date.day() - 1) / 7 + 1 == *nth),
            Weekdays::Last(day) => Some(weekday == *day && ends_month(7)),
        };
        match (by_month, by_week) {
            (None, None) => true,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) => one || other,
        }
    }

    /// The longest pause between two of its times of day, in seconds.
    pub(crate) fn longest_pause(&self) -> i64 {
        let times: Vec<i64> = (0..1440)
            .filter(|time| self.hours[time / 60] && self.minutes[time % 60])
            .map(|time| time as i64 * 60)
            .collect();
        let next = times.iter().skip(1).copied().chain([times[0] + 86_400]);
        times
            .iter()
            .zip(next)
            .map(|(one, next)| next - one)
            .max()
            .unwrap()
    }

    /// Occurrences of a day on which it comes.
    pub(crate) fn a_day(&self) -> usize {
        let count = |field: &[bool]| field.iter().filter(|is| **is).count();
        count(&self.hours) * count(&self.minutes)
    }
}

/// A field of times: its text and its values below `size`.
type Field = (String, Vec<u32>);

fn star() -> impl Strategy<Value = Field> {
    Just(("*".to_owned(), Vec::new()))
}

fn step(steps: &'static [u32], size: u32) -> impl Strategy<Value = Field> {
    proptest::sample::select(steps).prop_map(move |step| {
        let values = (0..size).step_by(step as usize).collect();
        (format!("*/{step}"), values)
    })
}

fn list(size: u32, most: usize) -> impl Strategy<Value = Field> {
    vec(0..size, 1..=most).prop_map(|mut values| {
        values.sort_unstable();
        values.dedup();
        let words: Vec<String> = values.iter().map(ToString::to_string).collect();
        (words.join(","), values)
    })
}

fn range(size: u32) -> impl Strategy<Value = Field> {
    (0..size, 0..size, 1_u32..7).prop_map(|(one, other, step)| {
        let (first, last) = (one.min(other), one.max(other));
        let values = (first..=last).step_by(step as usize).collect();
        let text = match step {
            1 => format!("{first}-{last}"),
            _ => format!("{first}-{last}/{step}"),
        };
        (text, values)
    })
}

fn flags<const N: usize>(field: &Field) -> [bool; N] {
    std::array::from_fn(|index| field.1.is_empty() || field.1.contains(&(index as u32)))
}

fn days() -> impl Strategy<Value = (String, Days)> {
    prop_oneof![
        6 => Just(("*".to_owned(), Days::Any)),
        2 => list(28, 3).prop_map(|(_, values)| {
            let values: Vec<u32> = values.iter().map(|day| day + 1).collect();
            let words: Vec<String> = values.iter().map(ToString::to_string).collect();
            (words.join(","), Days::These(values))
        }),
        1 => Just(("L".to_owned(), Days::Last)),
    ]
}

fn months() -> impl Strategy<Value = (String, Vec<u32>)> {
    prop_oneof![
        6 => Just(("*".to_owned(), Vec::new())),
        1 => Just(("MAR-APR".to_owned(), vec![3, 4])),
        1 => Just(("oct,12".to_owned(), vec![10, 12])),
    ]
}

fn weekdays() -> impl Strategy<Value = (String, Weekdays)> {
    prop_oneof![
        6 => Just(("*".to_owned(), Weekdays::Any)),
        1 => Just(("MON-FRI".to_owned(), Weekdays::These(vec![1, 2, 3, 4, 5]))),
        1 => Just(("SUN".to_owned(), Weekdays::These(vec![0]))),
        1 => Just(("sun,Sat".to_owned(), Weekdays::These(vec![0, 6]))),
        1 => (0_u32..7, 1_u32..=5).prop_map(|(day, nth)| (format!("{day}#{nth}"), Weekdays::Nth(day, nth))),
        1 => (0_u32..7).prop_map(|day| (format!("{day}L"), Weekdays::Last(day))),
    ]
}

/// Any expression of five fields; hours near the usual changes of clocks are frequent.
pub(crate) fn any_spec() -> impl Strategy<Value = Spec> {
    let minutes = prop_oneof![
        4 => list(60, 3),
        1 => star(),
        3 => step(&[5, 7, 10, 15, 20, 30, 45], 60),
        1 => range(60),
    ];
    let hours = prop_oneof![
        3 => star(),
        2 => step(&[2, 3, 4, 5, 6, 8, 12], 24),
        3 => list(4, 2),
        2 => list(24, 3),
        1 => range(24),
    ];
    let all = (minutes, hours, days(), months(), weekdays());
    all.prop_map(|(minutes, hours, days, months, weekdays)| Spec {
        text: [&minutes.0, &hours.0, &days.0, &months.0, &weekdays.0]
            .map(String::as_str)
            .join(" "),
        minutes: flags(&minutes),
        hours: flags(&hours),
        follows: hours.0.starts_with('*'),
        days: days.1,
        months: months.1,
        weekdays: weekdays.1,
    })
}

/// The same for one that is written by hand; days of all kinds.
pub(crate) fn daily(text: &str, minutes: &[u32], hours: &[u32]) -> Spec {
    let field = |values: &[u32]| (String::new(), values.to_vec());
    Spec {
        text: text.to_owned(),
        minutes: flags(&field(minutes)),
        hours: flags(&field(hours)),
        follows: text.split(' ').nth(1).unwrap().starts_with('*'),
        days: Days::Any,
        months: Vec::new(),
        weekdays: Weekdays::Any,
    }
}
