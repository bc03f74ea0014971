//! An error as people read it: one message with its causes, and the hints apart.
//!
//! Causes are joined by ": "; a cause that its parent has quoted already is left out. Hints
//! travel inside messages as `; hint: …`, also from other crates, at any depth of the chain.

/// What separates a message from what to do.
const HINT: &str = "; hint: ";

/// The parts of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    /// The message and its causes on one line.
    pub(crate) message: String,
    /// What to do, the outermost first.
    pub(crate) hints: Vec<String>,
}

/// Takes an error apart.
pub(crate) fn explain(error: &anyhow::Error) -> Explained {
    let (mut message, mut hints) = (String::new(), Vec::new());
    for cause in error.chain() {
        let cause = cause.to_string().replace('\n', " ");
        let mut parts = cause.split(HINT).map(str::trim);
        let text = parts.next().unwrap_or_default();
        if message.is_empty() {
            text.clone_into(&mut message);
        } else if !message.contains(text) {
            message = format!("{message}: {text}");
        }
        for hint in parts.filter(|hint| !hint.is_empty()) {
            if !hints.iter().any(|known| known == hint) {
                hints.push(hint.to_owned());
            }
        }
    }
    Explained { message, hints }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn causes_are_joined_once_and_hints_are_kept_apart() {
        let inner: anyhow::Result<()> = Err(anyhow!("refused; hint: is it running?"));
        let error = inner.context("connect; hint: see redis.url").unwrap_err();
        let Explained { message, hints } = explain(&error);
        assert_eq!(message, "connect: refused");
        assert_eq!(hints, ["see redis.url", "is it running?"]);
        let twice: anyhow::Result<()> = Err(anyhow!("refused"));
        let error = twice.context("redis: refused").unwrap_err();
        assert_eq!(explain(&error).message, "redis: refused");
    }
}
