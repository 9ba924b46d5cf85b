//! How often somebody may try to get in: for an account, and from an address. It is this process's memory: several machines give
//! an attacker several times as much, which is little still.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::access::Email;
use crate::domain::error::{Code, Refusal};

/// For one account from one address: so many at once, and one more after each of these.
const ACCOUNT: (u32, Duration) = (8, Duration::from_mins(2));
/// For one account from everywhere: more, so that a stranger who guesses does not keep its person out.
const EVERYWHERE: (u32, Duration) = (60, Duration::from_mins(1));
/// From one address, from which several people may come.
const ADDRESS: (u32, Duration) = (30, Duration::from_secs(10));
/// Mails to one address, whoever asks for them: at most so many an hour.
const MAILS: (u32, Duration) = (3, Duration::from_hours(1));
/// When so many are remembered, those that are as good as new are forgotten.
const REMEMBERED: usize = 10_000;

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

pub struct Attempts {
    accounts: Limiter<(String, IpAddr)>,
    everywhere: Limiter<String>,
    addresses: Limiter<IpAddr>,
    mails: Limiter<String>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            accounts: limiter(ACCOUNT),
            everywhere: limiter(EVERYWHERE),
            addresses: limiter(ADDRESS),
            mails: limiter(MAILS),
        }
    }
}

fn limiter<K: Hash + Eq + Clone>((burst, each): (u32, Duration)) -> Limiter<K> {
    let quota =
        Quota::with_period(each).map(|quota| quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)));
    RateLimiter::keyed(quota.unwrap_or_else(|| Quota::per_hour(NonZeroU32::MIN)))
}

impl Attempts {
    /// Counts an attempt to get into an account, whether there is such an account or not.
    pub fn on(&self, email: &Email, from: IpAddr) -> Result<(), Refusal> {
        self.here(email, from)?;
        check(&self.everywhere, &email.as_str().to_owned())
    }

    /// The same of somebody who is in already, whom no stranger's attempts hold up.
    pub fn here(&self, email: &Email, from: IpAddr) -> Result<(), Refusal> {
        self.from(from)?;
        check(&self.accounts, &(email.as_str().to_owned(), network(from)))
    }

    /// Counts an attempt that is for no account yet.
    pub fn from(&self, from: IpAddr) -> Result<(), Refusal> {
        check(&self.addresses, &network(from))
    }

    /// Counts a mail, whether one is sent in the end or not.
    pub fn mail(&self, email: &Email) -> Result<(), Refusal> {
        check(&self.mails, &email.as_str().to_owned())
    }
}

/// An address of version 6 stands for all that whoever holds it has: 64 bits of it.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K) -> Result<(), Refusal> {
    if limiter.len() >= REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now()).max(Duration::from_secs(1));
        let detail = format!("Too many attempts. Try again in {} seconds.", wait.as_secs() + 1);
        Refusal::new(Code::RateLimited, detail).after(wait)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_and_an_address_are_tried_so_often_and_others_are_not_held_up() {
        let attempts = Attempts::default();
        let (one, other): (Email, Email) = ("a@example.com".parse().unwrap(), "b@example.com".parse().unwrap());
        let from = |n: u8| IpAddr::from([10, 0, 0, n]);
        let passed = (0..20).filter(|_| attempts.on(&one, from(1)).is_ok()).count();
        assert_eq!(passed, ACCOUNT.0 as usize);
        attempts.on(&one, from(2)).unwrap();
        let passed = (10..250).filter(|n| attempts.on(&one, from(*n)).is_ok()).count();
        assert!(passed < EVERYWHERE.0 as usize, "wherever it comes from");
        attempts.here(&one, from(3)).unwrap();
        let refusal = attempts.on(&one, from(1)).unwrap_err();
        assert_eq!(refusal.code, Code::RateLimited);
        assert!(refusal.retry_after.is_some());
        attempts.on(&other, from(4)).unwrap();
        let passed = (0..100).filter(|_| attempts.from(from(251)).is_ok()).count();
        assert_eq!(passed, ADDRESS.0 as usize);
        attempts.from(from(252)).unwrap();
        let mails = (0..20).filter(|_| attempts.mail(&one).is_ok()).count();
        assert_eq!(mails, MAILS.0 as usize, "nobody's mailbox is filled");
        attempts.mail(&other).unwrap();
    }

    #[test]
    fn one_network_of_version_6_is_one_address() {
        let ip = |text: &str| network(text.parse().unwrap());
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:1"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }
}
