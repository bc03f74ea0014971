//! Where to look next in a list some of whose messages stay.
//!
//! New messages come at the head, Celery's workers take from the tail. A list that is walked from
//! the tail to its end is watched from its head afterwards: only what is newer than the last message
//! that stayed is looked at, so a long list of messages for others costs nothing. Now and then it is
//! walked again, because what Celery gives back comes at the tail.

use std::time::Duration;

use tokio::time::Instant;

use super::super::broker::{How, Seen, Spot};

/// How often a watched list is walked again.
const WALK_AGAIN: Duration = Duration::from_secs(30);

/// Where one list is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) spot: Spot,
    /// The newest message that stayed, of those that were walked.
    stayed: String,
    walked: Instant,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            spot: Spot::default(),
            stayed: String::new(),
            walked: Instant::now(),
        }
    }

    /// Goes on after a look: the prints of the messages that stayed, oldest first, and how deep a walk
    /// may go. Answers whether more is to be seen at once.
    pub(super) fn advance(&mut self, seen: &Seen, stayed: &[&str], depth: usize) -> bool {
        let newest_stayed = stayed.last().map(|print| (*print).to_owned());
        match seen.how {
            How::NoList => self.walk(),
            How::Lost => {
                self.walk();
                return true;
            }
            How::Newer => {
                if let Some(print) = newest_stayed {
                    self.spot.marker = print;
                }
                if self.walked.elapsed() > WALK_AGAIN {
                    self.walk();
                }
            }
            How::Tail => return self.walked(seen, newest_stayed, stayed.len(), depth),
        }
        false
    }

    fn walked(
        &mut self,
        seen: &Seen,
        newest_stayed: Option<String>,
        stayed: usize,
        depth: usize,
    ) -> bool {
        if let Some(print) = newest_stayed {
            self.stayed = print;
        }
        let reached = self.spot.skip + seen.messages.len();
        self.spot.skip += stayed;
        if reached < seen.length && self.spot.skip < depth && !seen.messages.is_empty() {
            return true;
        }
        if self.spot.skip > 0 {
            let newest = if reached >= seen.length {
                std::mem::take(&mut self.stayed)
            } else {
                seen.newest.clone()
            };
            self.spot = Spot {
                marker: newest,
                skip: 0,
            };
            self.walked = Instant::now();
        }
        false
    }

    /// From the tail again.
    fn walk(&mut self) {
        self.spot = Spot::default();
        self.stayed.clear();
        self.walked = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::broker::Lying;
    use super::*;

    fn seen(how: How, length: usize, prints: &[&str]) -> Seen {
        let messages = prints.iter().map(|print| Lying {
            print: (*print).to_owned(),
            bytes: Vec::new(),
            large: 0,
        });
        Seen {
            length,
            newest: "head".to_owned(),
            how,
            messages: messages.collect(),
        }
    }

    #[tokio::test]
    async fn a_list_of_which_everything_is_taken_is_looked_at_from_its_tail() {
        let mut place = Place::new();
        assert!(place.advance(&seen(How::Tail, 9, &["a", "b"]), &[], 100));
        assert!(!place.advance(&seen(How::Tail, 2, &["c", "d"]), &[], 100));
        assert_eq!((place.spot.marker.as_str(), place.spot.skip), ("", 0));
    }

    #[tokio::test]
    async fn what_stays_is_passed_over_and_then_only_newer_messages_are_looked_at() {
        let mut place = Place::new();
        assert!(place.advance(&seen(How::Tail, 3, &["a", "b"]), &["a", "b"], 100));
        assert_eq!(place.spot.skip, 2);
        assert!(!place.advance(&seen(How::Tail, 3, &["c"]), &[], 100));
        assert_eq!(place.spot.marker, "b");
        assert!(!place.advance(&seen(How::Newer, 4, &["d", "e"]), &["d"], 100));
        assert_eq!(place.spot.marker, "d");
    }

    #[tokio::test]
    async fn a_list_is_walked_no_deeper_than_allowed_and_again_when_its_marker_is_gone() {
        let mut place = Place::new();
        assert!(!place.advance(&seen(How::Tail, 9, &["a", "b"]), &["a", "b"], 2));
        assert_eq!(place.spot.marker, "head");
        assert!(place.advance(&seen(How::Lost, 9, &[]), &[], 2));
        assert_eq!((place.spot.marker.as_str(), place.spot.skip), ("", 0));
    }
}
