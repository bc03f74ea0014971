//! Tokens that open one finished export for one user until it expires.
//!
//! A browser that follows a link sends no login, so the link carries the right itself: which
//! export, for whom, until when, under an HMAC-SHA256 of a secret that only the worker and the
//! server of downloads know. Nothing here reads a clock or a database. Who serves the file still
//! asks whether that user may have it: a token outlives a lost role.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The format of tokens, and what is signed before everything else.
const PREFIX: &str = "e1";
/// Bytes of a secret at least, as many as the hash has.
pub const SHORTEST_SECRET: usize = 32;

/// The secret of the tokens. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlSecret(Arc<[u8]>);

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The record in `worker.exports`.
    pub export_id: i64,
    /// The user it was made for.
    pub user_id: i32,
    /// Until when, in seconds of Unix time.
    pub expires_at: i64,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is no token, or somebody changed it, or the secret is another one.
    Forged,
    /// It was good once.
    Expired,
}

impl UrlSecret {
    /// The secret, if it is long enough.
    pub fn new(secret: &str) -> Option<Self> {
        (secret.len() >= SHORTEST_SECRET).then(|| Self(secret.as_bytes().into()))
    }

    /// A token for the claim.
    pub fn sign(&self, claim: &Claim) -> String {
        let body = body(claim);
        let code = self.code(&body).map(|mac| mac.finalize().into_bytes());
        format!("{body}.{:x}", code.unwrap_or_default())
    }

    /// What the token opens at this time.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claim, Refusal> {
        let (claim, code) = parse(token).ok_or(Refusal::Forged)?;
        // Compared in constant time, and over the claim as we write it: one claim has one token.
        let mac = self.code(&body(&claim)).ok_or(Refusal::Forged)?;
        mac.verify_slice(&code).map_err(|_| Refusal::Forged)?;
        if now.timestamp() >= claim.expires_at {
            return Err(Refusal::Expired);
        }
        Ok(claim)
    }

    fn code(&self, body: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(body.as_bytes());
        Some(mac)
    }
}

impl fmt::Debug for UrlSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlSecret(…)")
    }
}

fn body(claim: &Claim) -> String {
    let Claim {
        export_id,
        user_id,
        expires_at,
    } = claim;
    format!("{PREFIX}.{export_id}.{user_id}.{expires_at}")
}

fn parse(token: &str) -> Option<(Claim, Vec<u8>)> {
    let mut parts = token.split('.');
    if parts.next()? != PREFIX {
        return None;
    }
    let claim = Claim {
        export_id: parts.next()?.parse().ok()?,
        user_id: parts.next()?.parse().ok()?,
        expires_at: parts.next()?.parse().ok()?,
    };
    let code = bytes(parts.next()?)?;
    parts.next().is_none().then_some((claim, code))
}

/// Hexadecimal digits, in pairs.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64
        || !digits
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim = Claim {
        export_id: 12,
        user_id: 7,
        expires_at: 1_800_000_000,
    };

    fn secret() -> UrlSecret {
        UrlSecret::new("0123456789abcdef0123456789abcdef").unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_token_opens_what_it_was_signed_for_until_it_expires() {
        let token = secret().sign(&CLAIM);
        assert!(token.starts_with("e1.12.7.1800000000."));
        assert_eq!(secret().verify(&token, at(1_799_999_999)), Ok(CLAIM));
        assert_eq!(
            secret().verify(&token, at(1_800_000_000)),
            Err(Refusal::Expired)
        );
    }

    #[test]
    fn no_changed_token_and_no_other_secret_opens_anything() {
        let token = secret().sign(&CLAIM);
        let other = UrlSecret::new("another secret of thirty-two bytes").unwrap();
        assert_eq!(other.verify(&token, at(0)), Err(Refusal::Forged));
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                secret().verify(&changed, at(0)),
                Err(Refusal::Forged),
                "{changed}"
            );
        }
        for text in [
            "",
            "e1",
            "e1.12.7.1800000000",
            "e1.012.7.1800000000.",
            "é.1.1.1.1",
        ] {
            assert_eq!(secret().verify(text, at(0)), Err(Refusal::Forged), "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_none_and_no_secret_is_shown() {
        assert_eq!(UrlSecret::new("short"), None);
        assert_eq!(format!("{:?}", secret()), "UrlSecret(…)");
    }
}
