//! The tokens themselves: made, recognised, never shown again.

use std::fmt;

use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

/// What every token starts with, so that a scanner of repositories and logs finds it.
const PREFIX: &str = "rouage_";
/// Hexadecimal digits of a token: 256 bits.
const DIGITS: usize = 64;

/// A bearer token. Nothing prints it but [`Token::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// 256 random bits of the system's; `None` if it has none to give.
    pub fn generate() -> Option<Self> {
        let digits = (0..DIGITS / 16).map(|_| OsRng.try_next_u64().ok());
        let digits: Option<String> = digits.map(|bits| Some(format!("{:016x}", bits?))).collect();
        Some(Self(format!("{PREFIX}{}", digits?)))
    }

    /// A text that may be a token; `None` if it cannot be one, which costs the store nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let good = digits.len() == DIGITS && digits.bytes().all(fits);
        good.then(|| Self(text.to_owned()))
    }

    /// The token itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it. A slow hash would protect nothing more: there is nothing to guess in
    /// 256 random bits.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_is_never_the_same() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(Token::parse(one.reveal()).unwrap().sha256(), one.sha256());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 71);
        assert!(!format!("{one:?}").contains(&one.reveal()[7..]));
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_before_it_is_looked_up() {
        let good = Token::generate().unwrap().reveal().to_owned();
        for wrong in [
            "",
            "rouage_",
            &good[1..],
            &good[..70],
            &good.to_uppercase(),
            &format!("{good}0"),
            &good.replace('_', "-"),
        ] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
