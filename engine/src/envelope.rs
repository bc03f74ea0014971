//! What travels through Redis: one JSON object per job, versioned, written once.
//!
//! The envelope is immutable. What changes while a job lives (attempts, leases, errors) is kept
//! beside it, so that no transition rewrites a payload. Every producer, in whatever language or
//! format, ends here; the goldens under `engine/tests/goldens` pin the bytes.
//!
//! Unknown fields of a known version are ignored, so that an older worker runs a newer
//! producer's jobs; a version this code does not know is refused and the job is held. Version and
//! kind come first: the scripts read them there.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::batch::BatchId;
#[cfg(feature = "client")]
use crate::follower::Follower;
use crate::id::JobId;
use crate::policy::{Group, Priority};
use crate::step::Step;

/// The versions this code reads. It writes the first one unless a job asks for something that a
/// release which knows only the first one must not run without.
pub const ENVELOPE_VERSIONS: RangeInclusive<u8> = 1..=2;

/// Largest accepted payload, in bytes of JSON.
pub const MAX_PAYLOAD_BYTES: usize = 5 * 1024 * 1024;

/// Most tags of one job.
pub const MAX_TAGS: usize = 16;

/// Longest accepted tag or unique key, in bytes.
#[cfg(feature = "client")]
pub(crate) const MAX_LABEL_BYTES: usize = 200;

/// Longest accepted kind or queue name, in bytes.
#[cfg(feature = "client")]
pub(crate) const MAX_NAME_BYTES: usize = 100;

/// A job as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// One of [`ENVELOPE_VERSIONS`]; set when it is stored.
    pub v: u8,
    /// Which handler runs it.
    pub kind: String,
    /// When the producer made it, in milliseconds since 1970 by the producer's clock.
    pub enqueued_at: u64,
    /// Where it lines up.
    #[serde(default)]
    pub priority: Priority,
    /// Overrides the kind's number of attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Overrides the kind's soft timeout, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// If it was not started by then, in ms since 1970 by Redis' clock, it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// The key it has while it lives; kept here so that a retry by hand can take it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<String>,
    /// Whom it belongs to. Needs version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The job whose payload and policy it took over, perhaps edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<JobId>,
    /// What it belongs to, such as `campaign:12`; at most [`MAX_TAGS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Asks the handler to do everything but the effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The batch it is a member of. Needs version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The job before it in its chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<JobId>,
    /// The steps behind it in its chain; at most [`crate::MAX_STEPS`]. Needs version 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Step>,
    /// Where the payload is, if it is too large for Redis; then `payload` is `null`. Needs version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offloaded: Option<Offloaded>,
    /// The job's own data: what `Job` serialises to. The last field, so that a script can cut it off.
    pub payload: Box<RawValue>,
}

/// A reference to a payload in a `PayloadStore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offloaded {
    /// Its name there.
    pub id: String,
    /// Its size in bytes of JSON.
    pub bytes: usize,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Why stored bytes are no envelope. Never quotes the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableEnvelope(pub(crate) String);

impl std::fmt::Display for UnreadableEnvelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnreadableEnvelope {}

impl Envelope {
    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableEnvelope> {
        #[derive(Deserialize)]
        struct Version {
            v: u8,
        }
        let unreadable = |error: &serde_json::Error| {
            UnreadableEnvelope(format!(
                "not an envelope: {:?} error at line {} column {}",
                error.classify(),
                error.line(),
                error.column()
            ))
        };
        let envelope: Self = match serde_json::from_slice(bytes) {
            Ok(envelope) => envelope,
            Err(error) => {
                // A future version may have another shape: name the version, not the shape.
                return Err(match serde_json::from_slice::<Version>(bytes) {
                    Ok(Version { v }) if !ENVELOPE_VERSIONS.contains(&v) => unknown_version(v),
                    _ => unreadable(&error),
                });
            }
        };
        if ENVELOPE_VERSIONS.contains(&envelope.v) {
            Ok(envelope)
        } else {
            Err(unknown_version(envelope.v))
        }
    }

    /// The lowest version that has everything this envelope uses.
    #[cfg(feature = "client")]
    pub(crate) fn needed_version(&self) -> u8 {
        if self.group.is_some() || self.offloaded.is_some() || self.follower().is_some() {
            2
        } else {
            1
        }
    }

    /// Who must be told of its end.
    #[cfg(feature = "client")]
    pub(crate) fn follower(&self) -> Option<Follower> {
        Follower::new(self.batch.clone(), !self.then.is_empty())
    }

    /// The soft timeout, if the producer set one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

fn unknown_version(v: u8) -> UnreadableEnvelope {
    UnreadableEnvelope(format!(
        "envelope version {v} is unknown here; this worker reads versions {} to {}",
        ENVELOPE_VERSIONS.start(),
        ENVELOPE_VERSIONS.end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            v: 1,
            kind: "debug.echo".to_owned(),
            enqueued_at: 1_767_600_000_000,
            priority: Priority::NORMAL,
            max_attempts: None,
            timeout_ms: None,
            expires_at: None,
            unique: None,
            group: None,
            replay_of: None,
            tags: Vec::new(),
            dry_run: false,
            offloaded: None,
            batch: None,
            follows: None,
            then: Vec::new(),
            payload: RawValue::from_string(r#"{"value":"é\n"}"#.to_owned()).unwrap(),
        }
    }

    #[test]
    fn an_envelope_is_exactly_these_bytes() {
        let bytes = serde_json::to_string(&envelope()).unwrap();
        assert_eq!(
            bytes,
            r#"{"v":1,"kind":"debug.echo","enqueued_at":1767600000000,"priority":5,"payload":{"value":"é\n"}}"#
        );
    }

    #[test]
    fn wishes_are_written_only_where_there_are_any() {
        let wishful = Envelope {
            max_attempts: Some(2),
            timeout_ms: Some(500),
            expires_at: Some(1_767_600_009_000),
            unique: Some("mailbox:7".to_owned()),
            group: Some(Group::at_most(1, "mailbox:7")),
            tags: vec!["team:3".to_owned()],
            dry_run: true,
            ..envelope()
        };
        assert_eq!(
            serde_json::to_string(&wishful).unwrap(),
            concat!(
                r#"{"v":1,"kind":"debug.echo","enqueued_at":1767600000000,"priority":5,"max_attempts":2,"#,
                r#""timeout_ms":500,"expires_at":1767600009000,"unique":"mailbox:7","group":{"key":"mailbox:7","limit":1},"tags":["team:3"],"#,
                r#""dry_run":true,"payload":{"value":"é\n"}}"#,
            )
        );
    }

    #[test]
    fn a_reference_comes_before_the_payload() {
        let reference = Offloaded {
            id: "01J".to_owned(),
            bytes: 70_000,
            sha256: "e3b0".to_owned(),
        };
        let offloaded = Envelope {
            offloaded: Some(reference),
            payload: RawValue::NULL.to_owned(),
            ..envelope()
        };
        let text = serde_json::to_string(&offloaded).unwrap();
        let end = r#""offloaded":{"id":"01J","bytes":70000,"sha256":"e3b0"},"payload":null}"#;
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn a_chain_in_a_batch_is_written_as_it_is_read() {
        let chained = Envelope {
            batch: Some("campaign:12".parse().unwrap()),
            follows: Some("01J".parse().unwrap()),
            then: vec![Step {
                queue: "debug".to_owned(),
                delay_ms: Some(500),
                at_ms: None,
                window_ms: None,
                envelope: envelope(),
            }],
            ..envelope()
        };
        let text = serde_json::to_string(&chained).unwrap();
        let end = concat!(
            r#""batch":"campaign:12","follows":"01J","then":[{"queue":"debug","delay_ms":500,"#,
            r#""envelope":{"v":1,"kind":"debug.echo","enqueued_at":1767600000000,"priority":5,"payload":{"value":"é\n"}}}],"#,
            r#""payload":{"value":"é\n"}}"#,
        );
        assert!(text.ends_with(end), "{text}");
        let read = Envelope::decode(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn fields_of_a_newer_producer_are_ignored() {
        let bytes = br#"{"v":1,"kind":"a.b","enqueued_at":1,"colour":"red","payload":null}"#;
        assert_eq!(Envelope::decode(bytes).unwrap().kind, "a.b");
    }

    #[test]
    fn a_newer_version_is_refused_by_its_number() {
        let error = Envelope::decode(br#"{"v":3,"job":{}}"#).unwrap_err();
        assert!(
            error.to_string().contains("version 3 is unknown"),
            "{error}"
        );
    }

    #[test]
    fn broken_bytes_are_refused_without_quoting_them() {
        for bytes in [
            &b"secret"[..],
            b"{\"v\":1,\"kind\":\"secret",
            b"[\"secret\"]",
            b"\xff\xfe",
            b"",
        ] {
            let error = Envelope::decode(bytes).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
