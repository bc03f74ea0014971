//! What a worker was told from outside (see `orders`), and doing it.
//!
//! Everything that stands is carried out again with every look, so nothing depends on having
//! seen each order, and an order that came twice is one order.

use std::collections::{BTreeMap, HashMap};

use tokio_util::sync::CancellationToken;

use crate::backend::BeatingQueue;
use crate::keys::Keyspace;
use crate::link::{Link, LinkError};
use crate::orders::{QUIET, SLOTS_OF, STOP, valid, valid_only};

/// What one worker was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Whether to claim nothing; `None` if nobody ever said so, or Redis lost it.
    pub(crate) quiet: Option<bool>,
    /// Whether to end.
    pub(crate) stop: bool,
    /// Queue → slots in this worker.
    own: HashMap<String, usize>,
    /// Queue → slots in every worker.
    standing: BTreeMap<String, usize>,
}

impl Orders {
    /// Reads all that stands.
    pub(crate) async fn read(
        link: &Link,
        keyspace: &Keyspace,
        instance: &str,
    ) -> Result<Self, LinkError> {
        // Two keys, which a cluster may keep on two nodes.
        let (mut own, mut all) = (redis::cmd("HGETALL"), redis::cmd("HGETALL"));
        own.arg(keyspace.orders(instance));
        all.arg(keyspace.slots());
        let (own, all) = tokio::join!(link.command(&own), link.command(&all));
        Ok(Self::new(&own?, all?))
    }

    fn new(own: &HashMap<String, String>, standing: BTreeMap<String, String>) -> Self {
        let slots = own
            .iter()
            .filter_map(|(field, slots)| Some((field.strip_prefix(SLOTS_OF)?, slots)))
            .filter_map(|(queue, slots)| Some((queue.to_owned(), valid(slots)?)));
        Self {
            quiet: own.get(QUIET).map(|word| word == "1"),
            stop: own.contains_key(STOP),
            own: slots.collect(),
            standing: valid_only(standing),
        }
    }

    /// Slots of a queue: as this worker was told, else as all were, else as it was set up.
    pub(crate) fn slots(&self, queue: &str, set_up: usize) -> usize {
        let told = self.own.get(queue).or_else(|| self.standing.get(queue));
        told.copied().unwrap_or(set_up)
    }

    /// Does it.
    pub(super) fn carry_out(&self, queues: &[BeatingQueue], drain: &CancellationToken) {
        for queue in queues {
            match self.quiet {
                Some(true) => queue.gate.close(),
                Some(false) => queue.gate.open(),
                None => {}
            }
            let slots = self.slots(&queue.name, queue.set_up);
            if slots != queue.slots.all() {
                tracing::info!(queue = %queue.name, slots, was = queue.slots.all(), "told to have other slots");
                queue.slots.resize(slots);
            }
        }
        if self.stop && !drain.is_cancelled() {
            tracing::info!("told to stop: draining");
            drain.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(own: &[(&str, &str)], standing: &[(&str, &str)]) -> Orders {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Orders::new(
            &own.iter().map(owned).collect(),
            standing.iter().map(owned).collect(),
        )
    }

    #[test]
    fn a_workers_own_slots_go_before_those_of_all() {
        let told = orders(&[("slots:mail", "3")], &[("mail", "5"), ("exports", "2")]);
        assert_eq!(told.slots("mail", 10), 3);
        assert_eq!(told.slots("exports", 10), 2);
        assert_eq!(told.slots("debug", 10), 10);
    }

    #[test]
    fn slots_that_cannot_be_are_as_if_nobody_had_said_them() {
        let told = orders(
            &[("slots:mail", "0")],
            &[("mail", "10001"), ("exports", "x")],
        );
        assert_eq!(told.slots("mail", 10), 10);
        assert_eq!(told.slots("exports", 10), 10);
    }

    #[test]
    fn an_order_that_is_gone_is_no_order_to_go_on() {
        assert_eq!(orders(&[], &[]).quiet, None);
        assert_eq!(orders(&[("quiet", "1")], &[]).quiet, Some(true));
        assert_eq!(orders(&[("quiet", "0")], &[]).quiet, Some(false));
    }
}
