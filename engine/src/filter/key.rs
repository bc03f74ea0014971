//! The keys of the language: their names, their values' shapes, and a line for the help.

use std::fmt;

/// What a term is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The job's state.
    State,
    /// Its kind.
    Kind,
    /// Its queue.
    Queue,
    /// One of its tags.
    Tag,
    /// The kind of its last error, or a part of the message.
    Error,
    /// Why it is held, discarded, cancelled or put off.
    Reason,
    /// The worker of the latest attempt.
    Worker,
    /// Its id.
    Id,
    /// Its priority.
    Priority,
    /// Attempts started so far.
    Attempts,
    /// Reached its state, or is due, at this time or later.
    Since,
    /// Reached its state, or is due, at this time or earlier.
    Until,
    /// Its unique key.
    Unique,
    /// Its group.
    Group,
    /// A word in the id, kind, tags or last error; the key may be left out.
    Text,
}

/// How the value of a key is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    State,
    Pattern,
    Text,
    Range,
    Moment,
}

impl Key {
    /// All keys, the most used first.
    pub const ALL: [Self; 15] = [
        Self::State,
        Self::Kind,
        Self::Queue,
        Self::Tag,
        Self::Error,
        Self::Since,
        Self::Until,
        Self::Reason,
        Self::Attempts,
        Self::Priority,
        Self::Worker,
        Self::Id,
        Self::Unique,
        Self::Group,
        Self::Text,
    ];

    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Kind => "kind",
            Self::Queue => "queue",
            Self::Tag => "tag",
            Self::Error => "error",
            Self::Reason => "reason",
            Self::Worker => "worker",
            Self::Id => "id",
            Self::Priority => "priority",
            Self::Attempts => "attempts",
            Self::Since => "since",
            Self::Until => "until",
            Self::Unique => "unique",
            Self::Group => "group",
            Self::Text => "text",
        }
    }

    /// What it means, in a few words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::State => "the job's state",
            Self::Kind => "its kind, * for any part: campaigns.*",
            Self::Queue => "its queue",
            Self::Tag => "one of its tags: campaign:12",
            Self::Error => "the kind or a part of its last error: timeout",
            Self::Reason => "why it is held, discarded, cancelled or put off",
            Self::Worker => "the worker of the latest attempt",
            Self::Id => "its id",
            Self::Priority => "its priority, 0 first: 0, >5, 2..4",
            Self::Attempts => "attempts so far: 3, >3, 2..4",
            Self::Since => "in its state since then or later: 2h, 2026-11-23T09:30:00Z",
            Self::Until => "in its state since then or earlier: 2h, 2026-11-23T09:30:00Z",
            Self::Unique => "its unique key",
            Self::Group => "its group",
            Self::Text => "a word in its id, kind, tags or last error",
        }
    }

    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::State => Shape::State,
            Self::Error | Self::Text => Shape::Text,
            Self::Priority | Self::Attempts => Shape::Range,
            Self::Since | Self::Until => Shape::Moment,
            _ => Shape::Pattern,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
