//! The people who may open the pages, and their passwords.
//!
//! A password is kept as an argon2id or bcrypt hash. Both are slow on purpose, so a password that
//! was right is remembered for a few minutes as an HMAC under a key of this process, at most
//! two hashes are computed at once, and an address that brings wrong ones is slowed down.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::SaltString;
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::addresses::Addresses;

/// How long a password that was right is not computed again.
const REMEMBER: Duration = Duration::from_mins(5);
/// Passwords that are remembered.
const MOST_REMEMBERED: usize = 1000;
/// Hashes that are computed at once: each takes a core and 19 MB for a moment.
const AT_ONCE: usize = 2;
/// Longest password, in bytes.
const MOST_PASSWORD: usize = 256;
/// Wrong passwords per second that one address is forgiven, after ten at once.
const WRONG_PER_SECOND: f64 = 0.2;
const WRONG_AT_ONCE: f64 = 10.0;

/// What a person may do in the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks, without payloads and outputs.
    Viewer,
    /// Acts on jobs and queues, and sees payloads.
    Operator,
    /// Acts on workers and limits too.
    Admin,
}

impl Role {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether it acts on jobs and queues.
    pub fn can_operate(self) -> bool {
        self >= Self::Operator
    }

    /// Whether it acts on workers and limits.
    pub fn can_administer(self) -> bool {
        self >= Self::Admin
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Viewer, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("unknown role {text:?}; there are viewer, operator, admin"))
    }
}

/// Somebody who may open the pages.
#[derive(Clone)]
pub struct Account {
    name: Arc<str>,
    role: Role,
    hash: Arc<str>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, {})", self.name, self.role.name())
    }
}

impl Account {
    /// An account whose password is in clear, as Flower's settings have it: it may be a weak one.
    pub fn of_password(name: &str, role: Role, password: &str) -> Result<Self, String> {
        Self::new(name, role, &hash(password)?)
    }

    /// An account; the hash is checked for its form, not for its strength.
    pub fn new(name: &str, role: Role, hash: &str) -> Result<Self, String> {
        if name.is_empty()
            || name.len() > 100
            || name.contains(|c: char| c == ':' || c.is_control())
        {
            return Err("a name is 1 to 100 characters without a colon".to_owned());
        }
        let known = is_bcrypt(hash) || PasswordHash::new(hash).is_ok();
        if !known {
            return Err(format!(
                "the password of {name} is no argon2 or bcrypt hash; crm-worker panel hash-password makes one"
            ));
        }
        Ok(Self {
            name: name.into(),
            role,
            hash: hash.into(),
        })
    }
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|prefix| hash.starts_with(prefix))
}

/// Who is looking at the pages.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
}

/// Why somebody may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Name and password do not go together.
    Wrong,
    /// The address brought too many wrong ones.
    Slowed(Duration),
}

/// All accounts.
pub struct Accounts {
    all: Vec<Account>,
    /// HMAC key of what is remembered.
    key: [u8; 32],
    right: Mutex<HashMap<[u8; 32], (usize, Instant)>>,
    computing: Arc<Semaphore>,
    wrong: Addresses,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.all).finish()
    }
}

impl Accounts {
    /// These accounts; none lets nobody in.
    pub fn new(accounts: Vec<Account>) -> Self {
        Self {
            all: accounts,
            key: rand::random(),
            right: Mutex::default(),
            computing: Arc::new(Semaphore::new(AT_ONCE)),
            wrong: Addresses::new(WRONG_PER_SECOND, WRONG_AT_ONCE),
        }
    }

    /// Whether anybody may come in.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whose name and password these are.
    pub(crate) async fn admit(
        &self,
        name: &str,
        password: &str,
        peer: Option<IpAddr>,
    ) -> Result<Visitor, Refused> {
        let mark = self.mark(name, password);
        if let Some(found) = self.remembered(&mark) {
            return Ok(self.visitor(found));
        }
        self.wrong
            .check(peer, Instant::now())
            .map_err(Refused::Slowed)?;
        let place = self.all.iter().position(|account| *account.name == *name);
        // A name that nobody has costs as much as one that somebody has.
        let judged = place.or(if self.all.is_empty() { None } else { Some(0) });
        let right = match judged {
            Some(account) if password.len() <= MOST_PASSWORD => {
                self.verify(&self.all[account], password).await
            }
            _ => false,
        };
        match place {
            Some(found) if right => {
                self.remember(mark, found);
                Ok(self.visitor(found))
            }
            _ => {
                self.wrong.take(peer, Instant::now());
                Err(Refused::Wrong)
            }
        }
    }

    fn visitor(&self, place: usize) -> Visitor {
        let account = &self.all[place];
        Visitor {
            name: Arc::clone(&account.name),
            role: account.role,
        }
    }

    async fn verify(&self, account: &Account, password: &str) -> bool {
        let Ok(_place) = Arc::clone(&self.computing).acquire_owned().await else {
            return false;
        };
        let (hash, password) = (Arc::clone(&account.hash), password.to_owned());
        let computed = tokio::task::spawn_blocking(move || {
            if is_bcrypt(&hash) {
                return bcrypt::verify(&password, &hash).unwrap_or(false);
            }
            PasswordHash::new(&hash).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        });
        computed.await.unwrap_or(false)
    }

    /// What is remembered instead of a password; worthless outside this process.
    fn mark(&self, name: &str, password: &str) -> [u8; 32] {
        let inner = Sha256::new()
            .chain_update(self.key)
            .chain_update((name.len() as u64).to_be_bytes())
            .chain_update(name)
            .chain_update(password)
            .finalize();
        Sha256::new()
            .chain_update(self.key)
            .chain_update(inner)
            .finalize()
            .into()
    }

    fn remembered(&self, mark: &[u8; 32]) -> Option<usize> {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, until) = right.get(mark)?;
        (Instant::now() < *until).then_some(*place)
    }

    fn remember(&self, mark: [u8; 32], place: usize) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if right.len() >= MOST_REMEMBERED {
            right.retain(|_, (_, until)| now < *until);
        }
        if right.len() < MOST_REMEMBERED {
            right.insert(mark, (place, now + REMEMBER));
        }
    }
}

/// An argon2id hash of a password, for the settings.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < 8 || password.len() > MOST_PASSWORD {
        return Err(format!(
            "a password has 8 characters to {MOST_PASSWORD} bytes"
        ));
    }
    hash(password)
}

fn hash(password: &str) -> Result<String, String> {
    let salt: [u8; 16] = rand::random();
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let hash = hash_password("correct horse").unwrap();
        let bcrypt = bcrypt::hash("battery staple", 4).unwrap();
        Accounts::new(vec![
            Account::new("ana", Role::Admin, &hash).unwrap(),
            Account::new("vera", Role::Viewer, &bcrypt).unwrap(),
        ])
    }

    fn here() -> Option<IpAddr> {
        "192.0.2.1".parse().ok()
    }

    #[tokio::test]
    async fn a_name_and_its_own_password_let_in_and_no_other_pair() {
        let accounts = accounts();
        let ana = accounts
            .admit("ana", "correct horse", here())
            .await
            .unwrap();
        assert_eq!((&*ana.name, ana.role), ("ana", Role::Admin));
        let vera = accounts
            .admit("vera", "battery staple", here())
            .await
            .unwrap();
        assert_eq!(vera.role, Role::Viewer);
        for (name, password) in [
            ("ana", "battery staple"),
            ("eve", "correct horse"),
            ("ana", ""),
        ] {
            let refused = accounts.admit(name, password, here()).await.unwrap_err();
            assert_eq!(refused, Refused::Wrong, "{name}");
        }
    }

    #[tokio::test]
    async fn ten_wrong_passwords_slow_their_address_down_and_no_other() {
        let accounts = accounts();
        for _ in 0..10 {
            let refused = accounts.admit("vera", "no", here()).await.unwrap_err();
            assert_eq!(refused, Refused::Wrong);
        }
        let slowed = accounts
            .admit("vera", "battery staple", here())
            .await
            .unwrap_err();
        assert!(matches!(slowed, Refused::Slowed(_)), "{slowed:?}");
        let elsewhere = "192.0.2.2".parse().ok();
        assert!(
            accounts
                .admit("vera", "battery staple", elsewhere)
                .await
                .is_ok()
        );
    }

    #[test]
    fn a_password_in_clear_is_no_hash() {
        let error = Account::new("ana", Role::Admin, "secret").unwrap_err();
        assert!(error.contains("hash-password") && !error.contains("secret"));
    }
}
