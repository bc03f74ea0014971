//! Which circuit an attempt means: from a name and a key that a job made up.

use crate::gates::Circuit;

/// Longest key that is kept as it is, in bytes.
const MAX_KEY_BYTES: usize = 60;
impl Circuit {
    /// The breaker of that name without a key.
    pub(crate) fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: String::new(),
        }
    }

    /// The breaker of that name for one key.
    pub(crate) fn keyed(name: &str, key: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: plain_key(key),
        }
    }
}

/// A key that may stand in a record, a log line and a Redis key: short words stay, everything else
/// (spaces, addresses, long texts) becomes a digest that is the same on every worker.
fn plain_key(key: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
    if (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(plain) {
        return key.to_owned();
    }
    // FNV-1a: fixed for ever, which the standard library's hasher is not.
    let digest = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("#{digest:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_is_read_as_it_is_shown() {
        for circuit in [
            Circuit::plain("resend"),
            Circuit::keyed("mail.send", "acme"),
        ] {
            assert_eq!(Circuit::parse(&circuit.to_string()), circuit);
        }
        assert_eq!(
            Circuit::keyed("mail.send", "acme").to_string(),
            "mail.send/acme"
        );
    }

    #[test]
    fn keys_that_may_be_personal_or_break_a_line_become_a_digest() {
        assert_eq!(plain_key("mailbox:7"), "mailbox:7");
        assert_eq!(plain_key("foobar foobar").len(), 17);
        // The published test vector of FNV-1a, 64 bits.
        assert_eq!(plain_key(""), "#cbf29ce484222325");
        for key in ["anne@example.org", "two words", "a/b", &"x".repeat(61)] {
            assert!(plain_key(key).starts_with('#'), "{key}");
        }
        assert_ne!(plain_key("a b"), plain_key("a c"));
    }
}
