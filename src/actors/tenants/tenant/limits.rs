//! Burst limits: each key may make so many calls a second after a burst, as its plan's row says.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::access::{Access, Bearer};
use crate::domain::error::{Code, Refusal};
use crate::domain::quota::KEYS_MAX;

/// One limiter a key. Keys that were revoked or have expired are swept out when more stand here than a tenant can have.
#[derive(Default)]
pub(super) struct Limits {
    keys: HashMap<Bearer, Limiter>,
}

struct Limiter {
    rate: (u32, u32),
    bucket: DefaultDirectRateLimiter,
}

impl Limits {
    pub(super) fn admit(&mut self, access: &Access) -> Result<(), Refusal> {
        let rate = (access.plan.calls_per_second, access.plan.calls_burst);
        if self.keys.len() as u64 > 2 * KEYS_MAX {
            self.keys.clear();
        }
        let limiter = self.keys.entry(access.bearer).or_insert_with(|| Limiter::new(rate));
        if limiter.rate != rate {
            // The plan has changed: from now on its rate counts.
            *limiter = Limiter::new(rate);
        }
        limiter.bucket.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let detail = format!("This key may make {} calls a second after a burst of {}.", rate.0, rate.1);
            Refusal::new(Code::RateLimited, detail).after(wait.max(Duration::from_millis(1)))
        })
    }
}

impl Limiter {
    fn new(rate: (u32, u32)) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(rate.0)).allow_burst(at_least_one(rate.1));
        Self { rate, bucket: RateLimiter::direct(quota) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{KeyId, TenantId};
    use crate::domain::quota::Plan;
    use uuid::Uuid;

    fn access(key: u128, burst: u32) -> Access {
        let plan =
            Plan { name: "free".into(), sessions: None, messages_per_day: 1, calls_per_second: 1, calls_burst: burst };
        Access {
            tenant: TenantId(Uuid::nil()),
            bearer: Bearer::Key(KeyId(Uuid::from_u128(key))),
            hash: [0; 32],
            plan,
            expires_at: None,
        }
    }

    #[test]
    fn a_key_is_stopped_after_its_burst_and_no_other_key_notices() {
        let mut limits = Limits::default();
        let passed = (0..10).filter(|_| limits.admit(&access(1, 3)).is_ok()).count();
        assert_eq!(passed, 3);
        let refusal = limits.admit(&access(1, 3)).unwrap_err();
        assert_eq!(refusal.code, Code::RateLimited);
        assert!(refusal.retry_after.unwrap() <= Duration::from_secs(1));
        assert!(limits.admit(&access(2, 3)).is_ok());
    }

    #[test]
    fn a_new_plan_counts_from_the_next_call() {
        let mut limits = Limits::default();
        while limits.admit(&access(1, 1)).is_ok() {}
        assert!(limits.admit(&access(1, 5)).is_ok());
    }
}
