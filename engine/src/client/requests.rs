//! Requests that may come twice: whoever did not get an answer asks again with the same key.
//!
//! A producer derives its jobs' ids from the key, so a repetition doubles nothing as long as the jobs
//! are known. What is kept here closes the two gaps that leaves: a key that comes back with another
//! content is noticed, and one that comes back after its jobs were pruned is answered as before and
//! starts nothing. The newest 100,000 requests of a day are remembered, which bounds what they cost.

use std::time::Duration;

use super::{Client, ClientError};
use crate::scripts::{REQUEST_ANSWER, REQUEST_NOTE};

/// How long a request is remembered: longer than anybody repeats one.
const REMEMBERED: Duration = Duration::from_hours(24);
/// How many requests are remembered.
const MOST_REMEMBERED: usize = 100_000;

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// It is new, or came before and was not answered: do what it asks for, with ids that are
    /// derived from its key.
    Open,
    /// It came before and was answered this.
    Answered(String),
    /// The key was used for something else.
    Other,
}

impl Client {
    /// Notes a request by its key and a fingerprint of what it asks for; neither has a blank.
    pub async fn note_request(
        &self,
        request: &str,
        fingerprint: &str,
    ) -> Result<Request, ClientError> {
        let call = REQUEST_NOTE
            .call(&self.keyspace().requests_base())
            .arg(request)
            .arg(fingerprint)
            .arg(REMEMBERED.as_millis() as u64)
            .arg(MOST_REMEMBERED);
        let said: String = self.link().call(call).await?;
        Ok(match said.split_once(' ') {
            Some((known, answer)) if known == fingerprint => Request::Answered(answer.to_owned()),
            None if said.is_empty() || said == fingerprint => Request::Open,
            _ => Request::Other,
        })
    }

    /// Notes what a request was answered, after it was done.
    pub async fn answer_request(
        &self,
        request: &str,
        fingerprint: &str,
        answer: &str,
    ) -> Result<(), ClientError> {
        let call = REQUEST_ANSWER
            .call(&self.keyspace().requests_base())
            .arg(request)
            .arg(fingerprint)
            .arg(answer);
        let _noted: u8 = self.link().call(call).await?;
        Ok(())
    }
}
