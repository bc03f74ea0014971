//! What can go wrong between "start a server" and "it answers".
//!
//! The messages are read by someone whose test run just failed, so each names the input, carries
//! the end of the server's own log where there is one, and says what to do when that is known.
//! Errors of the data set itself are plain [`sqlx::Error`]s: they come from one connection only.

use std::io;

/// The reason why a server could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server's program is not installed, or not where we look.
    #[error("cannot find {program}; hint: {hint}")]
    NotInstalled {
        /// The program that was looked for.
        program: String,
        /// How to get it.
        hint: &'static str,
    },

    /// The program ran but never became ready.
    #[error("{server} did not become ready ({reason}); end of its log:\n{log}")]
    DidNotStart {
        /// Which server.
        server: &'static str,
        /// What was observed from outside.
        reason: String,
        /// The last lines the server wrote.
        log: String,
    },

    /// A set-up command such as `initdb` or `cp` failed.
    #[error("command {command} failed: {output}")]
    CommandFailed {
        /// The command line.
        command: String,
        /// What it wrote to its standard error.
        output: String,
    },

    /// The process that watches the server ended before we asked it to.
    #[error("the watchdog of {server} is gone; hint: was it killed from outside?")]
    WatchdogLost {
        /// Which server.
        server: &'static str,
    },

    /// A database name that cannot be used unquoted.
    #[error(
        "database name {name:?} is not usable; hint: a-z, 0-9 and _, at most 63, no leading digit"
    )]
    DatabaseName {
        /// The name as given.
        name: String,
    },

    /// A file or process operation failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done, with its path.
        action: String,
        /// The system's answer.
        source: io::Error,
    },

    /// A statement sent to the private PostgreSQL failed.
    #[error("cannot {action}: {source}")]
    Sql {
        /// What was being done.
        action: String,
        /// The server's or driver's answer.
        source: sqlx::Error,
    },
}

/// Names the action that a low-level error interrupted.
pub(crate) trait Doing<T> {
    /// Wraps the error with `action`, a verb phrase that fits after "cannot".
    fn doing(self, action: impl Into<String>) -> Result<T, ServerError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, action: impl Into<String>) -> Result<T, ServerError> {
        self.map_err(|source| ServerError::Io {
            action: action.into(),
            source,
        })
    }
}

impl<T> Doing<T> for sqlx::Result<T> {
    fn doing(self, action: impl Into<String>) -> Result<T, ServerError> {
        self.map_err(|source| ServerError::Sql {
            action: action.into(),
            source,
        })
    }
}
