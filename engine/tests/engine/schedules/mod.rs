//! Schedules: the rules of time against an oracle, and schedulers against a real Redis.

mod beat;
mod expressions;
mod firing;
mod judging;
mod leading;
mod oracle;
