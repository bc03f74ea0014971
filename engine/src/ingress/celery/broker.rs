//! Celery's broker: looks into its lists, moves messages out of them, puts messages in.
//!
//! A message that is taken goes into a hash of our own on the same server, in the same script that
//! removes it from its list. It stays there until it is a job or parked, and whoever finds it there
//! after a while takes it up: there is no visibility timeout, and Celery's own workers do not see it.

use std::time::Duration;

use redis::{FromRedisValue, Value, from_redis_value};

use super::wire::BrokerKeys;
use crate::client::ClientError;
use crate::id::JobId;
use crate::link::{Link, LinkError};
use crate::scripts::{CELERY_PEEK, CELERY_PUBLISH, CELERY_TAKE};

/// Most messages of one list in one look.
pub(super) const WINDOW: usize = 64;
/// Most bytes of one list in one look.
const BYTES: usize = 2 * 1024 * 1024;
/// Most abandoned messages that are taken up at once.
const ABANDONED: usize = 32;
/// How long it is remembered that something was published.
const PUBLISHED: Duration = Duration::from_hours(24);

/// A list that is served.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// The queue.
    pub(super) queue: String,
    /// The list of one of its priorities.
    pub(super) key: String,
}

/// Where in a list to look.
#[derive(Debug, Clone, Default)]
pub(super) struct Spot {
    /// Only what is newer than the message with this print; empty to look from the tail.
    pub(super) marker: String,
    /// Messages at the tail to pass over.
    pub(super) skip: usize,
}

/// A message as it lies in a list.
#[derive(Debug, Clone)]
pub(super) struct Lying {
    /// Names it among others.
    pub(super) print: String,
    /// The message, or its last bytes if it is too large.
    pub(super) bytes: Vec<u8>,
    /// Its size if it is too large, else 0.
    pub(super) large: usize,
}

/// How a list was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// From the tail.
    Tail,
    /// What is newer than the marker.
    Newer,
    /// Not at all: the marker is gone.
    Lost,
    /// Not at all: the key is no list.
    NoList,
}

/// What was seen of a list.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) length: usize,
    /// Print of the newest message.
    pub(super) newest: String,
    pub(super) how: How,
    /// Oldest first.
    pub(super) messages: Vec<Lying>,
}

/// A message that was taken and is neither a job nor parked yet.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Its name in the hash.
    pub(super) tag: String,
    /// The queue it lay in.
    pub(super) queue: String,
    /// The message, or its last bytes if it is too large.
    pub(super) bytes: Vec<u8>,
    /// Its size if it is too large, else 0.
    pub(super) large: usize,
}

/// The broker. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Broker {
    pub(super) link: Link,
    pub(super) keys: BrokerKeys,
    held: String,
}

fn malformed<T: FromRedisValue>(value: Option<Value>) -> Result<T, ClientError> {
    let read = value.map(from_redis_value);
    match read {
        Some(Ok(read)) => Ok(read),
        _ => Err(LinkError::Malformed("answer of the celery broker".to_owned()).into()),
    }
}

impl Broker {
    pub(super) fn new(link: Link, keys: BrokerKeys) -> Self {
        let held = format!("{}rouage.held", keys.prefix);
        Self { link, keys, held }
    }

    /// Looks into lists; answers the broker's time in ms, and what each list has.
    pub(super) async fn peek(
        &self,
        lists: &[List],
        spots: &[Spot],
        largest: usize,
    ) -> Result<(u64, Vec<Seen>), ClientError> {
        let Some(first) = lists.first() else {
            return Ok((0, Vec::new()));
        };
        let mut call = CELERY_PEEK
            .call(&first.key)
            .arg(WINDOW)
            .arg(BYTES)
            .arg(largest);
        for (list, spot) in lists.iter().zip(spots) {
            call.push(&list.key);
            call.push(&spot.marker);
            call.push(spot.skip);
        }
        let answer: Vec<Value> = self.link.call(call).await?;
        let mut answer = answer.into_iter();
        let now = malformed(answer.next())?;
        let seen: Result<Vec<Seen>, ClientError> = answer
            .map(|list| {
                let parts: Vec<Value> = malformed(Some(list))?;
                let mut parts = parts.into_iter();
                let (length, newest) = (malformed(parts.next())?, malformed(parts.next())?);
                let how = match malformed::<u8>(parts.next())? {
                    0 => How::Tail,
                    1 => How::Newer,
                    2 => How::Lost,
                    _ => How::NoList,
                };
                let mut messages = Vec::new();
                while let Some(print) = parts.next() {
                    messages.push(Lying {
                        print: malformed(Some(print))?,
                        bytes: malformed(parts.next())?,
                        large: malformed(parts.next())?,
                    });
                }
                Ok(Seen {
                    length,
                    newest,
                    how,
                    messages,
                })
            })
            .collect();
        Ok((now, seen?))
    }

    /// Moves messages out of their lists; answers, in their order, those that were still there.
    pub(super) async fn take(
        &self,
        wanted: &[(&List, Lying)],
    ) -> Result<Vec<Option<Held>>, ClientError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = wanted.iter().map(|(_, lying)| lying.bytes.len()).sum();
        let mut call = CELERY_TAKE.call_sized(&self.held, 5 * wanted.len(), bytes);
        let mut held = Vec::with_capacity(wanted.len());
        for (list, lying) in wanted {
            let tag = JobId::generate().to_string();
            call.push(&list.key);
            call.push(&tag);
            call.push(format!("{}\n{}\n", lying.large, list.queue));
            if lying.large == 0 {
                call.push(&lying.bytes);
                call.push("");
            } else {
                call.push("");
                call.push(&lying.print);
            }
            held.push(Held {
                tag,
                queue: list.queue.clone(),
                bytes: lying.bytes.clone(),
                large: lying.large,
            });
        }
        let moved: Vec<u8> = self.link.call(call).await?;
        let held = held.into_iter().zip(moved);
        Ok(held
            .map(|(held, moved)| (moved == 1).then_some(held))
            .collect())
    }

    /// The broker's time in ms.
    pub(super) async fn now(&self) -> Result<u64, ClientError> {
        let (seconds, micros): (u64, u64) = self.link.command(&redis::cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// Messages that somebody took this long ago and did not bring to an end.
    pub(super) async fn abandoned(&self, age: Duration) -> Result<Vec<Held>, ClientError> {
        let before = self.now().await?.saturating_sub(age.as_millis() as u64);
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.index()).arg("-inf").arg(before);
        command.arg("LIMIT").arg(0).arg(ABANDONED);
        let tags: Vec<String> = self.link.command(&command).await?;
        let mut found = Vec::new();
        for tag in tags {
            let mut command = redis::cmd("HGET");
            command.arg(&self.held).arg(&tag);
            let stored: Option<Vec<u8>> = self.link.command(&command).await?;
            match stored {
                Some(stored) => found.push(read(tag, &stored)),
                None => self.release(&[tag]).await?,
            }
        }
        Ok(found)
    }

    /// How many messages were taken and not brought to an end.
    pub(super) async fn held(&self) -> Result<u64, ClientError> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.index());
        Ok(self.link.command(&command).await?)
    }

    /// Lets go of messages that were brought to an end.
    pub(super) async fn release(&self, tags: &[String]) -> Result<(), ClientError> {
        if tags.is_empty() {
            return Ok(());
        }
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HDEL").arg(&self.held).arg(tags).ignore();
        pipe.cmd("ZREM").arg(self.index()).arg(tags).ignore();
        let () = self.link.pipeline(&pipe).await?;
        Ok(())
    }

    /// Puts messages into lists; the same marker does it once.
    pub(super) async fn publish(
        &self,
        marker: &str,
        messages: &[(String, String)],
    ) -> Result<(), ClientError> {
        if messages.is_empty() {
            return Ok(());
        }
        let marker = format!("{}rouage.published:{marker}", self.keys.prefix);
        let mut call = CELERY_PUBLISH.call(&marker).arg(PUBLISHED.as_secs());
        for (list, message) in messages {
            call.push(list);
            call.push(message);
        }
        let _: u8 = self.link.call(call).await?;
        Ok(())
    }

    fn index(&self) -> String {
        format!("{}:index", self.held)
    }
}

/// What was written when it was taken: its size if it was too large, its queue, itself.
fn read(tag: String, stored: &[u8]) -> Held {
    let mut parts = stored.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (large, queue) = (text(), text());
    Held {
        tag,
        queue,
        bytes: parts.next().unwrap_or_default().to_vec(),
        large: large.parse().unwrap_or(0),
    }
}
