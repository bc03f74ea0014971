//! Encryption to public keys, in the format of `age`: what leaves the host can be read only by who
//! has a private key, and none is here.
//!
//! A sealed file is opened once before it counts. A key pair that exists only in this process' memory
//! is one more recipient; with it the file is decrypted and compared with what went in. After that
//! the pair is forgotten, and only the real recipients can open the file.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor};
use anyhow::{Context, anyhow, bail};

use crate::digest::{CHUNK, FileFacts, Summing, pump};
use crate::files::Partial;
use crate::leash::Leash;
use secrecy::ExposeSecret as _;

/// Longest file of private keys.
const KEY_FILE: u64 = 64 * 1024;

/// The public keys that backups are encrypted to.
#[derive(Debug, Clone)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads keys such as `age1…`; at least one.
    pub fn parse<'k>(keys: impl IntoIterator<Item = &'k str>) -> anyhow::Result<Self> {
        let parse = |key: &str| {
            key.parse::<Recipient>().map_err(|_| {
                let shown: String = key.chars().take(12).collect();
                anyhow!("{shown:?}… is no public key of age; hint: it starts with age1 and age-keygen prints it")
            })
        };
        let keys = keys
            .into_iter()
            .map(parse)
            .collect::<anyhow::Result<Vec<_>>>()?;
        if keys.is_empty() {
            bail!("there is no public key; hint: age-keygen makes a pair");
        }
        Ok(Self(keys))
    }

    /// The keys as they are written.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// The private keys that open a sealed file.
#[derive(Clone)]
pub struct Identities(Arc<Vec<Identity>>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl Identities {
    /// Reads the file that `age-keygen` wrote.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("open the key file {shown}"))?;
        let mut text = String::new();
        file.take(KEY_FILE)
            .read_to_string(&mut text)
            .with_context(|| format!("read the key file {shown}"))?;
        let lines = text.lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Result<Vec<Identity>, _> = keys.map(str::parse).collect();
        match keys {
            Ok(keys) if !keys.is_empty() => Ok(Self(Arc::new(keys))),
            _ => Err(anyhow!(
                "{shown} holds no private key of age; hint: a line that starts with AGE-SECRET-KEY-1"
            )),
        }
    }

    /// A new pair: the private side, and how the public one is written.
    pub fn generate() -> (Self, String) {
        let identity = Identity::generate();
        let public = identity.to_public().to_string();
        (Self(Arc::new(vec![identity])), public)
    }

    /// The private keys as they are written in a file.
    pub fn to_file(&self) -> String {
        let mut text = String::new();
        for key in self.0.iter() {
            text.push_str(key.to_string().expose_secret());
            text.push('\n');
        }
        text
    }

    /// The plain bytes of an encrypted file.
    pub(crate) fn open(&self, file: BufReader<File>) -> anyhow::Result<Box<dyn Read + Send>> {
        let keys = self.0.iter().map(|key| key as &dyn age::Identity);
        let opened = Decryptor::new_buffered(file).and_then(|sealed| sealed.decrypt(keys));
        match opened {
            Ok(plain) => Ok(Box::new(plain)),
            Err(DecryptError::NoMatchingKeys) => Err(anyhow!(
                "none of the keys opens it; hint: the manifest beside it lists the public keys it was \
                 encrypted to, age-keygen -y KEYFILE shows which one yours is"
            )),
            Err(error) => Err(anyhow!("it is damaged or not encrypted by age ({error})")),
        }
    }
}

/// Encrypts `plain` to `target`, opens the result once, and answers what it is.
pub fn seal(
    plain: &Path,
    target: &Path,
    recipients: &Recipients,
    expected: &FileFacts,
    leash: &Leash,
) -> anyhow::Result<FileFacts> {
    let once = Identity::generate();
    let partial = Partial::create(target)?;
    let facts = encrypt(
        plain,
        &partial,
        target,
        recipients,
        &once.to_public(),
        leash,
    )
    .with_context(|| format!("encrypt {}", plain.display()))?;
    partial.keep()?;
    let opened = Identities(Arc::new(vec![once]));
    check(target, opened, expected, leash).inspect_err(|_| drop(std::fs::remove_file(target)))?;
    Ok(facts)
}

fn encrypt(
    plain: &Path,
    partial: &Partial,
    target: &Path,
    recipients: &Recipients,
    once: &Recipient,
    leash: &Leash,
) -> anyhow::Result<FileFacts> {
    let keys = recipients.0.iter().chain([once]);
    let keys = keys.map(|key| key as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys).map_err(|error| anyhow!("{error}"))?;
    let mut summing = Summing::new(partial);
    let mut writer = encryptor.wrap_output(&mut summing).context("write")?;
    let file = File::open(plain).context("open")?;
    pump(BufReader::with_capacity(CHUNK, file), &mut writer, leash)?;
    writer.finish().context("write")?;
    Ok(summing.sum.facts(target))
}

fn check(
    target: &Path,
    identities: Identities,
    expected: &FileFacts,
    leash: &Leash,
) -> anyhow::Result<()> {
    let archive = crate::archive::Archive::new(target, Some(identities))?;
    let found = archive.plain_facts(leash)?;
    if (found.bytes, &found.sha256) != (expected.bytes, &expected.sha256) {
        bail!(
            "{} does not decrypt to what was encrypted",
            target.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::archive::Archive;
    use crate::digest::facts_of;

    fn sealed(folder: &Path, recipients: &Recipients) -> std::path::PathBuf {
        let plain = folder.join("x.dump");
        fs::write(&plain, vec![7; 300_000]).unwrap();
        let leash = Leash::default();
        let facts = facts_of(&plain, &leash).unwrap();
        let target = folder.join("x.dump.age");
        let made = seal(&plain, &target, recipients, &facts, &leash).unwrap();
        assert_eq!(made, facts_of(&target, &leash).unwrap());
        target
    }

    #[test]
    fn a_recipient_opens_it_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, public) = Identities::generate();
        let (other, other_public) = Identities::generate();
        let recipients = Recipients::parse([public.as_str(), other_public.as_str()]).unwrap();
        let target = sealed(folder.path(), &recipients);
        for identities in [mine, other] {
            let archive = Archive::new(&target, Some(identities)).unwrap();
            assert_eq!(
                archive.plain_facts(&Leash::default()).unwrap().bytes,
                300_000
            );
        }
        let (stranger, _) = Identities::generate();
        let archive = Archive::new(&target, Some(stranger)).unwrap();
        let error = format!("{:#}", archive.plain_facts(&Leash::default()).unwrap_err());
        assert!(
            error.contains("none of the keys opens it; hint: "),
            "{error}"
        );
        assert!(Archive::new(&target, None).is_err());
    }

    #[test]
    fn keys_go_through_a_file_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (identities, public) = Identities::generate();
        let file = folder.path().join("key.txt");
        fs::write(
            &file,
            format!("# public key: {public}\n{}", identities.to_file()),
        )
        .unwrap();
        assert_eq!(Identities::read(&file).unwrap().0.len(), 1);
        fs::write(&file, "hello").unwrap();
        let error = Identities::read(&file).unwrap_err().to_string();
        assert!(error.contains("holds no private key of age"), "{error}");
        let error = Recipients::parse(["ssh-ed25519 AAAA"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("is no public key of age; hint: "), "{error}");
        assert!(Recipients::parse([]).is_err());
    }
}
