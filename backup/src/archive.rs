//! A dump as a stream of plain bytes, whether it is encrypted or not.
//!
//! Nothing decrypted is ever written to a disk: it goes from the file through here into the program
//! that needs it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};

use crate::digest::{CHUNK, FileFacts, Summing, pump};
use crate::leash::{Leash, Running};
use crate::seal::Identities;

/// Where a dump is, and what opens it.
#[derive(Debug, Clone)]
pub struct Archive {
    path: PathBuf,
    identities: Option<Identities>,
}

impl Archive {
    /// A file as `pg_dump` wrote it, or encrypted, which its name says.
    pub fn new(path: impl Into<PathBuf>, identities: Option<Identities>) -> anyhow::Result<Self> {
        let path = path.into();
        let sealed = path.extension().is_some_and(|end| end == "age");
        match (sealed, &identities) {
            (true, None) => Err(anyhow!(
                "{} is encrypted; hint: name the file with the private key: --key FILE",
                path.display()
            )),
            (false, _) => Ok(Self {
                path,
                identities: None,
            }),
            (true, Some(_)) => Ok(Self { path, identities }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is encrypted.
    pub fn is_sealed(&self) -> bool {
        self.identities.is_some()
    }

    /// Opens it for reading from its start.
    pub(crate) fn open(&self) -> anyhow::Result<Box<dyn Read + Send>> {
        let shown = self.path.display();
        let file = File::open(&self.path).with_context(|| format!("open {shown}"))?;
        let file = BufReader::with_capacity(CHUNK, file);
        match &self.identities {
            None => Ok(Box::new(file)),
            Some(identities) => identities
                .open(file)
                .with_context(|| format!("decrypt {shown}")),
        }
    }

    /// Size and hash of the plain bytes.
    pub fn plain_facts(&self, leash: &Leash) -> anyhow::Result<FileFacts> {
        let mut summing = Summing::new(std::io::sink());
        pump(self.open()?, &mut summing, leash)
            .with_context(|| format!("read {}", self.path.display()))?;
        Ok(summing.sum.facts(&self.path))
    }

    /// Feeds a child's standard input while `read` takes its output, and waits for its end.
    ///
    /// A child may close its input before it has everything; that is its own decision. What cannot
    /// be read here is the error that counts, whatever the child makes of it.
    pub(crate) fn feed<T>(
        &self,
        mut running: Running,
        leash: &Leash,
        read: impl FnOnce(&mut dyn Read) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let source = self.open()?;
        let stdin = running
            .stdin
            .take()
            .context("open the input of the child")?;
        let mut stdout = running
            .stdout
            .take()
            .context("open the output of the child")?;
        let (fed, answer) = thread::scope(|scope| {
            let feeding = scope.spawn(|| give(source, stdin, leash));
            let answer = read(&mut stdout);
            if answer.is_err() {
                // Nobody reads any more: the child must not wait for that.
                drop(running.stdout.take());
            }
            drop(stdout);
            let fed = feeding.join();
            (
                fed.unwrap_or_else(|_| Err(anyhow!("feeding the child panicked"))),
                answer,
            )
        });
        fed.with_context(|| format!("read {}", self.path.display()))?;
        let ended = running.finish();
        ended.and(answer)
    }
}

/// Writes everything, or as much as the other side takes.
fn give(source: impl Read, stdin: impl Write, leash: &Leash) -> anyhow::Result<()> {
    match pump(source, stdin, leash) {
        Ok(_) => Ok(()),
        Err(error) => match error.downcast_ref::<std::io::Error>() {
            Some(io) if io.kind() == ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        },
    }
}
