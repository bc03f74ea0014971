//! The names that kombu and Celery give their keys and channels. The options that move them are
//! the client's own (`broker_transport_options`, `result_backend_transport_options`), and have to
//! be the same here as there.

/// The names on the broker's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerKeys {
    /// `global_keyprefix`: before every key and channel.
    pub prefix: String,
    /// `sep`: between a queue's name and its priority step.
    pub separator: String,
    /// `priority_steps`, rising; the first has no suffix.
    pub steps: Vec<u8>,
    /// The database number in the broker's URL; part of the channels' names.
    pub database: u32,
    /// `unacked_key`.
    pub unacked: String,
    /// `unacked_index_key`.
    pub unacked_index: String,
    /// `unacked_mutex_key`.
    pub unacked_mutex: String,
    /// `fanout_prefix`: before the channels; `{db}` is the database. Empty where it is off.
    pub fanout_prefix: String,
}

impl Default for BrokerKeys {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            separator: "\u{6}\u{16}".to_owned(),
            steps: vec![0, 3, 6, 9],
            database: 0,
            unacked: "unacked".to_owned(),
            unacked_index: "unacked_index".to_owned(),
            unacked_mutex: "unacked_mutex".to_owned(),
            fanout_prefix: "/{db}.".to_owned(),
        }
    }
}

impl BrokerKeys {
    /// The list of a queue for messages of a priority. Like every name here with the prefix.
    #[must_use]
    pub fn list(&self, queue: &str, priority: u8) -> String {
        let priority = priority.min(9);
        let step = self
            .steps
            .iter()
            .copied()
            .filter(|step| *step <= priority)
            .max()
            .unwrap_or(0);
        self.step_list(queue, step)
    }

    /// All lists of a queue, the most urgent first.
    #[must_use]
    pub fn lists(&self, queue: &str) -> Vec<String> {
        self.steps
            .iter()
            .map(|step| self.step_list(queue, *step))
            .collect()
    }

    fn step_list(&self, queue: &str, step: u8) -> String {
        let Self {
            prefix, separator, ..
        } = self;
        if step == 0 {
            format!("{prefix}{queue}")
        } else {
            format!("{prefix}{queue}{separator}{step}")
        }
    }

    /// What is taken and not acknowledged: a hash of tag to message.
    #[must_use]
    pub fn unacked(&self) -> String {
        format!("{}{}", self.prefix, self.unacked)
    }

    /// When it was taken: a sorted set of tags.
    #[must_use]
    pub fn unacked_index(&self) -> String {
        format!("{}{}", self.prefix, self.unacked_index)
    }

    /// The lock of who gives back what was taken too long ago.
    #[must_use]
    pub fn unacked_mutex(&self) -> String {
        format!("{}{}", self.prefix, self.unacked_mutex)
    }

    /// The routing table of an exchange: a set of [`BrokerKeys::binding_member`]s.
    #[must_use]
    pub fn binding(&self, exchange: &str) -> String {
        format!("{}_kombu.binding.{exchange}", self.prefix)
    }

    /// One route in a routing table. The queue is named without the prefix.
    #[must_use]
    pub fn binding_member(&self, routing_key: &str, pattern: &str, queue: &str) -> String {
        let sep = &self.separator;
        format!("{routing_key}{sep}{pattern}{sep}{queue}")
    }

    /// The queues that a routing table's member names for a routing key, if it does.
    #[must_use]
    pub fn bound_queue<'a>(&self, member: &'a str, routing_key: &str) -> Option<&'a str> {
        let mut parts = member.split(self.separator.as_str());
        let (key, _pattern, queue) = (parts.next()?, parts.next()?, parts.next()?);
        (key == routing_key && parts.next().is_none()).then_some(queue)
    }

    /// The channel on which every worker hears remote control.
    #[must_use]
    pub fn control_channel(&self) -> String {
        self.channel("celery.pidbox")
    }

    /// The channel of an event, such as `worker-heartbeat`.
    #[must_use]
    pub fn event_channel(&self, kind: &str) -> String {
        self.channel(&format!("celeryev/{}", kind.replace('-', ".")))
    }

    /// Where the answers to remote control of one asker go, when no route says otherwise.
    #[must_use]
    pub fn reply_list(&self, routing_key: &str) -> String {
        format!("{}{routing_key}.reply.celery.pidbox", self.prefix)
    }

    fn channel(&self, name: &str) -> String {
        let fanout = self
            .fanout_prefix
            .replace("{db}", &self.database.to_string());
        format!("{}{fanout}{name}", self.prefix)
    }
}

/// The names on the result backend's side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultKeys {
    prefix: String,
}

impl ResultKeys {
    /// `prefix`: `global_keyprefix` of the result backend. Celery puts a `_` behind it unless it
    /// ends in one of `: _ - .`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        let prefix = match prefix.chars().last() {
            None => String::new(),
            Some(':' | '_' | '-' | '.') => prefix.to_owned(),
            Some(_) => format!("{prefix}_"),
        };
        Self { prefix }
    }

    /// A result: both the key and the channel that tells of it.
    #[must_use]
    pub fn result(&self, task_id: &str) -> String {
        format!("{}celery-task-meta-{task_id}", self.prefix)
    }

    /// A saved group.
    #[must_use]
    pub fn group(&self, group_id: &str) -> String {
        format!("{}celery-taskset-meta-{group_id}", self.prefix)
    }

    /// The state of a chord.
    #[must_use]
    pub fn chord(&self, group_id: &str) -> ChordKeys {
        let key = |suffix: &str| format!("{}.{suffix}", self.group(group_id));
        ChordKeys {
            size: key("s"),
            parts: key("j"),
            added: key("t"),
            seen: key("d"),
            closed: key("c"),
        }
    }
}

/// The keys of one chord; all begin with its group's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChordKeys {
    /// `.s`, a string: how many parts there are. The client writes it.
    pub size: String,
    /// `.j`, a sorted set: the parts that ended, by index.
    pub parts: String,
    /// `.t`, a string: parts that were added later.
    pub added: String,
    /// `.d`, a set: which parts were counted, so that none counts twice.
    pub seen: String,
    /// `.c`, a string: a lock while the chord is closed, then `done`.
    pub closed: String,
}
