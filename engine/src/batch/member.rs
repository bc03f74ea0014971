//! A batch's name for one of its jobs: `queue/id`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::client::{ClientError, NewJob};
use crate::id::JobId;

/// One job of a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Member {
    /// The queue it waits in.
    pub queue: String,
    /// Its id.
    pub id: JobId,
}

impl Member {
    /// The name of a job that is to be stored.
    pub(crate) fn of(job: &NewJob) -> Self {
        Self {
            queue: job.queue.clone(),
            id: job.id.clone(),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.queue, self.id)
    }
}

impl FromStr for Member {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let parts = text.split_once('/');
        let member = parts.and_then(|(queue, id)| {
            Some(Self {
                queue: queue.to_owned(),
                id: id.parse().ok()?,
            })
        });
        member.ok_or_else(|| ClientError::Protocol(format!("{text:?} is no member of a batch")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_as_it_is_written() {
        let member = Member {
            queue: "exports".to_owned(),
            id: "nightly.20261123".parse().unwrap(),
        };
        assert_eq!(member.to_string().parse::<Member>().unwrap(), member);
        assert!("exports".parse::<Member>().is_err());
    }
}
