//! Lua scripts and the calls of them.
//!
//! A call carries the script's SHA-1 and its key; the code itself travels only when a server
//! says that it does not know it (after `SCRIPT FLUSH`, a restart, a failover).
//!
//! A script names the other keys it uses itself, so a cluster cannot see which of them it needs.
//! While a slot moves from one node to another, a node would therefore run it on the half of the
//! keys that it has. A second key beside the first prevents that: no key has the name of a queue's
//! base, `count` is there as soon as a queue holds anything, and on a call that names one key which
//! is there and one which is not both nodes answer `TRYAGAIN` until the slot has moved.

use std::sync::OnceLock;

use redis::{Arg, Cmd};

/// A Lua script of this crate.
pub(crate) struct Script {
    code: &'static str,
    sha1: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(code: &'static str) -> Self {
        Self {
            code,
            sha1: OnceLock::new(),
        }
    }

    fn sha1(&self) -> &str {
        let sha1 = || redis::Script::new(self.code).get_hash().to_owned();
        self.sha1.get_or_init(sha1)
    }

    /// Starts a call on its one key: a queue's base, or a key of its own.
    pub(crate) fn call(&'static self, key: &str) -> Call {
        self.call_sized(key, 8, 256)
    }

    /// Starts a call that will get about that many arguments of that many bytes together.
    pub(crate) fn call_sized(&'static self, key: &str, arguments: usize, bytes: usize) -> Call {
        let mut command = Cmd::with_capacity(arguments + 5, bytes + 2 * key.len() + 64);
        command.arg("EVALSHA").arg(self.sha1()).arg(2).arg(key);
        command.arg(beside(key));
        Call {
            script: self,
            command,
        }
    }
}

/// Another key of the same slot: one with the same hash tag, or the very same where there is none.
fn beside(key: &str) -> String {
    if key.contains('}') {
        format!("{key}:count")
    } else {
        key.to_owned()
    }
}

/// A script call that is being put together.
pub(crate) struct Call {
    script: &'static Script,
    command: Cmd,
}

impl Call {
    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl redis::ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds an argument in a loop.
    pub(crate) fn push(&mut self, argument: impl redis::ToRedisArgs) {
        self.command.arg(argument);
    }

    pub(super) fn command(&self) -> &Cmd {
        &self.command
    }

    /// What teaches a server the script.
    pub(super) fn load(&self) -> Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(self.script.code);
        load
    }

    /// Its key: the slot says which node of a cluster must know the script.
    pub(super) fn key(&self) -> &[u8] {
        match self.command.args_iter().nth(3) {
            Some(Arg::Simple(key)) => key,
            _ => b"",
        }
    }
}
