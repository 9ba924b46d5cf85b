//! Passwords hashed and compared: argon2id, away from the threads that answer, a few at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::domain::account::Password;
use crate::domain::error::Refusal;

/// Each takes 19 MiB and about 20 ms of a core (OWASP's least: m = 19 MiB, t = 2, p = 1).
const AT_ONCE: usize = 2;
/// How many may wait: more would wait longer than people do.
const WAITING: usize = 64;

pub struct Passwords {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), queue: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Passwords {
    /// A password as it is kept.
    pub async fn hash(&self, password: Password) -> Result<String, Refusal> {
        self.run(move || hash(&password)).await?.ok_or_else(Refusal::internal)
    }

    /// Whether a password is the one that was kept. Where none was, it takes as long to say no.
    pub async fn is(&self, claimed: Password, kept: Option<String>) -> Result<bool, Refusal> {
        self.run(move || {
            if let (Some(kept), Some(claimed)) = (kept, claimed.bytes()) {
                return PasswordHash::new(&kept)
                    .is_ok_and(|kept| Argon2::default().verify_password(claimed, &kept).is_ok());
            }
            let _ = hash(&claimed);
            false
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let _waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Refusal::stopping())?;
        let worked = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        worked.await.map_err(|_| Refusal::internal())
    }
}

/// Nothing for what is longer than any password; it takes as long.
fn hash(password: &Password) -> Option<String> {
    let made = Argon2::default().hash_password(password.bytes().unwrap_or_default());
    made.ok().filter(|_| password.bytes().is_some()).map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::default();
        let claimed = |text: &str| Password::claimed(text.to_owned());
        let kept = passwords.hash(claimed("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash(claimed("correct horse")).await.unwrap(), "each has its own salt");
        assert!(passwords.is(claimed("correct horse"), Some(kept.clone())).await.unwrap());
        for other in ["", "Correct horse", "correct horse ", &"x".repeat(300)] {
            assert!(!passwords.is(claimed(other), Some(kept.clone())).await.unwrap(), "{other}");
        }
        assert!(!passwords.is(claimed("correct horse"), None).await.unwrap());
        assert!(!passwords.is(claimed("correct horse"), Some("spoilt".into())).await.unwrap());
    }
}
