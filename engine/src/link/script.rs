//! Lua scripts and the calls of them.
//!
//! A call carries the script's SHA-1 and its keys; the code itself travels only when a server
//! says that it does not know it (after `SCRIPT FLUSH`, a restart, a failover).

use std::sync::LazyLock;

use redis::{Arg, Cmd};

/// A Lua script of this crate.
pub(crate) struct Script(LazyLock<redis::Script>, &'static [&'static str]);

impl Script {
    /// A script from its parts, which are joined in order.
    pub(crate) const fn new(source: fn() -> redis::Script, parts: &'static [&'static str]) -> Self {
        Self(LazyLock::new(source), parts)
    }

    fn code(&self) -> String {
        self.1.concat()
    }

    /// Starts a call with its keys.
    pub(crate) fn call(&'static self, keys: &[String]) -> Call {
        self.call_sized(keys, 8, 256)
    }

    /// Starts a call that will get about that many arguments of that many bytes together.
    pub(crate) fn call_sized(
        &'static self,
        keys: &[String],
        arguments: usize,
        bytes: usize,
    ) -> Call {
        let mut command =
            Cmd::with_capacity(keys.len() + arguments + 3, keys.len() * 40 + bytes + 64);
        command
            .arg("EVALSHA")
            .arg(self.0.get_hash())
            .arg(keys.len())
            .arg(keys);
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
        load.arg("LOAD").arg(self.script.code());
        load
    }

    /// The first key: its slot says which node of a cluster must know the script.
    pub(super) fn key(&self) -> &[u8] {
        match self.command.args_iter().nth(3) {
            Some(Arg::Simple(key)) => key,
            _ => b"",
        }
    }
}
