//! Requests with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! The ids of the jobs are derived from the token and the key, so whatever dies between storing and
//! answering, a repetition finds its own jobs. What a request asked for is remembered as a
//! fingerprint: the same key with another content is refused.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName};
use rouage::{Enqueued, JobId, NewJob, Request};
use sha2::{Digest, Sha256};

use crate::auth::Grant;
use crate::http::decode::Fault;
use crate::http::problem::{Code, Problem};
use crate::panel::Panel;

/// The header.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says in an answer that it was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in bytes.
const LONGEST: usize = 255;

/// Longest answer that is remembered, in bytes: about fifty jobs that others have the unique keys of.
const LONGEST_ANSWER: usize = 2048;

/// A request that may come again.
#[derive(Debug)]
pub(super) struct Repeatable {
    /// What names it: token and key, hashed.
    name: String,
    fingerprint: String,
}

/// The key of a request, if it brings one. Quotes around it are taken off, as the draft has them.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all(&HEADER).iter();
    let Some(header) = given.next() else {
        return Ok(None);
    };
    let text = header.to_str().ok();
    let key = text.map(|text| {
        let quoted = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(text)
    });
    let good = |key: &&str| (1..=LONGEST).contains(&key.len()) && given.next().is_none();
    key.filter(good).map(Some).ok_or_else(|| {
        let detail = format!("not one key of 1 to {LONGEST} printable ASCII characters");
        let fault = Fault::new("Idempotency-Key", detail);
        Problem::new(Code::InvalidHeader).at(fault.hint("use a fresh UUID for every new request"))
    })
}

impl Repeatable {
    /// Gives the jobs their derived ids.
    pub(super) fn new(grant: &Grant, key: &str, jobs: &mut [NewJob]) -> Self {
        let mut hash = Sha256::new();
        hash.update(grant.id.to_be_bytes());
        hash.update(key);
        let name = hexadecimal(hash);
        let fingerprint = fingerprint(jobs);
        let many = jobs.len() > 1;
        for (number, job) in jobs.iter_mut().enumerate() {
            let mut id = format!("http-{name}");
            if many {
                id = format!("{id}-{number}");
            }
            if let Ok(id) = id.parse() {
                job.id = id;
            }
        }
        Self { name, fingerprint }
    }

    /// What became of the jobs when this request came before, if it did.
    pub(super) async fn before(
        &self,
        panel: &Panel,
        jobs: &[NewJob],
    ) -> Result<Option<Vec<Enqueued>>, Problem> {
        let noted = panel.client().note_request(&self.name, &self.fingerprint);
        match noted.await? {
            Request::Open => Ok(None),
            Request::Answered(owners) => Ok(Some(read_owners(&owners, jobs))),
            Request::Other => Err(Problem::new(Code::KeyReused)
                .detail("the key came before, with another content")
                .hint("use a fresh key for every new request, and the same one only to repeat it")),
        }
    }

    /// Remembers the answer. If that fails, or it is too long, the derived ids still keep a repetition
    /// from doubling anything.
    pub(super) async fn answered(&self, panel: &Panel, jobs: &[NewJob], enqueued: &[Enqueued]) {
        let owners = write_owners(jobs, enqueued);
        if owners.len() > LONGEST_ANSWER {
            return;
        }
        let told = panel
            .client()
            .answer_request(&self.name, &self.fingerprint, &owners);
        if let Err(error) = told.await {
            tracing::warn!(%error, "the answer to a request was not remembered");
        }
    }
}

/// With derived ids, a job that was there already is this request's own, unless another one has its
/// unique key.
pub(super) fn own(jobs: &[NewJob], enqueued: Vec<Enqueued>) -> Vec<Enqueued> {
    let pairs = jobs.iter().zip(enqueued);
    let owned = pairs.map(|(job, Enqueued { id, stored })| Enqueued {
        stored: stored || id == job.id,
        id,
    });
    owned.collect()
}

/// The jobs that are others, by number: all that an answer has besides what is derived.
fn write_owners(jobs: &[NewJob], enqueued: &[Enqueued]) -> String {
    let others = jobs.iter().zip(enqueued).enumerate();
    let others: BTreeMap<usize, &str> = others
        .filter(|(_, (job, enqueued))| job.id != enqueued.id)
        .map(|(number, (_, enqueued))| (number, enqueued.id.as_str()))
        .collect();
    serde_json::to_string(&others).unwrap_or_default()
}

fn read_owners(owners: &str, jobs: &[NewJob]) -> Vec<Enqueued> {
    let mut owners: BTreeMap<usize, JobId> = serde_json::from_str(owners).unwrap_or_default();
    let jobs = jobs.iter().enumerate();
    jobs.map(|(number, job)| match owners.remove(&number) {
        Some(id) => Enqueued { id, stored: false },
        None => Enqueued {
            id: job.id.clone(),
            stored: true,
        },
    })
    .collect()
}

/// What the jobs are, without their ids and the moment they were made.
fn fingerprint(jobs: &mut [NewJob]) -> String {
    let mut hash = Sha256::new();
    for job in jobs {
        let made = std::mem::take(&mut job.envelope.enqueued_at);
        let envelope = serde_json::to_vec(&job.envelope).unwrap_or_default();
        job.envelope.enqueued_at = made;
        let wishes = format!("{} {:?} {:?}", job.queue, job.run_at, job.unique);
        for part in [envelope.as_slice(), wishes.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hexadecimal(hash)
}

/// The first half of a hash: 128 bits are as good as unique.
fn hexadecimal(hash: Sha256) -> String {
    let digest: [u8; 32] = hash.finalize().into();
    let half = digest.into_iter().take(16);
    format!(
        "{:032x}",
        half.fold(0_u128, |bits, byte| bits << 8 | u128::from(byte))
    )
}

#[cfg(test)]
mod tests {
    use rouage::Priority;
    use serde_json::value::RawValue;

    use super::*;

    fn grant(id: i64) -> Grant {
        Grant {
            id,
            name: "crm".to_owned(),
            scopes: Vec::new(),
            kinds: Vec::new(),
            queues: Vec::new(),
            expires_in: None,
        }
    }

    fn jobs(payloads: &[&str]) -> Vec<NewJob> {
        let job = |payload: &&str| {
            let payload = RawValue::from_string((*payload).to_owned()).unwrap();
            NewJob::from_parts("debug", "debug.echo", payload, Priority::NORMAL).unwrap()
        };
        payloads.iter().map(job).collect()
    }

    #[test]
    fn ids_follow_from_token_and_key_and_nothing_else() {
        let ids = |id, key: &str, payloads: &[&str]| {
            let mut jobs = jobs(payloads);
            Repeatable::new(&grant(id), key, &mut jobs);
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(1, "a", &["1"]), ids(1, "a", &["2"]));
        assert_ne!(ids(1, "a", &["1"]), ids(2, "a", &["1"]));
        assert_ne!(ids(1, "a", &["1"]), ids(1, "b", &["1"]));
        let many = ids(1, "a", &["1", "1"]);
        assert_ne!(many[0], many[1]);
    }

    #[test]
    fn a_fingerprint_is_of_the_content_and_not_of_the_moment() {
        let print = |change: fn(&mut NewJob)| {
            let mut jobs = jobs(&["1", "2"]);
            change(&mut jobs[1]);
            fingerprint(&mut jobs)
        };
        let same = print(|_| {});
        assert_eq!(same, print(|job| job.envelope.enqueued_at += 5));
        assert_ne!(same, print(|job| job.envelope.tags.push("a".to_owned())));
        assert_ne!(same, print(|job| job.run_at = rouage::RunAt::At(5)));
        let parts = |payloads: &[&str]| fingerprint(&mut jobs(payloads));
        assert_ne!(parts(&["1", "23"]), parts(&["12", "3"]));
    }

    #[test]
    fn an_answer_is_remembered_by_what_is_not_derived() {
        let mut jobs = jobs(&["1", "2"]);
        Repeatable::new(&grant(1), "a", &mut jobs);
        let enqueued = vec![
            Enqueued {
                id: jobs[0].id.clone(),
                stored: true,
            },
            Enqueued {
                id: "01J".parse().unwrap(),
                stored: false,
            },
        ];
        let owners = write_owners(&jobs, &enqueued);
        assert_eq!(owners, r#"{"1":"01J"}"#);
        assert_eq!(read_owners(&owners, &jobs), enqueued);
    }

    #[test]
    fn a_key_may_be_quoted_and_must_be_one() {
        let headers = |keys: &[&str]| {
            let mut headers = HeaderMap::new();
            for key in keys {
                headers.append(HEADER, key.parse().unwrap());
            }
            headers
        };
        assert_eq!(key(&headers(&[])).unwrap(), None);
        assert_eq!(key(&headers(&["\"a b\""])).unwrap(), Some("a b"));
        assert_eq!(key(&headers(&["a"])).unwrap(), Some("a"));
        let long = "x".repeat(256);
        for wrong in [
            &["", "a"][..],
            &["a", "b"],
            &[""],
            &["\"\""],
            &[long.as_str()],
            &["é"],
        ] {
            assert!(key(&headers(wrong)).is_err(), "{wrong:?}");
        }
    }
}
