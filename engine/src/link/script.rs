//! Lua scripts and the calls of them.
//!
//! A call carries the script's SHA-1 and its key; the code itself travels only when a server
//! says that it does not know it (after `SCRIPT FLUSH`, a restart, a failover).

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
        let mut command = Cmd::with_capacity(arguments + 4, bytes + key.len() + 64);
        command.arg("EVALSHA").arg(self.sha1()).arg(1).arg(key);
        Call {
            script: self,
            command,
        }
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
