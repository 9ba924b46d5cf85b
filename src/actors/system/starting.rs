//! Places among the sessions that are on their way to the network: a restart is no storm, and proxies that never answer hold up nobody
//! else's sessions, and not for long those of their own tenant.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::places::{self, Places};
use crate::domain::id::TenantId;

/// How many sessions of a process may be on their way at once that go direct.
const DIRECT: usize = 32;
/// And how many more behind proxies of tenants: of all tenants, and of each.
const BEHIND_PROXIES: usize = 512;
const BEHIND_PROXIES_EACH: usize = 16;
/// Those that have failed again and again take places of their own: a proxy that never answers has one for as long as it takes to see
/// that, every time.
const FAILING: usize = 128;
const FAILING_EACH: usize = 4;

/// The way that a session is about to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Direct,
    BehindProxy(TenantId),
    /// The same, and it led nowhere the last times.
    FailingProxy(TenantId),
}

/// Kept until the session is there or has failed.
#[derive(Debug)]
pub struct Place {
    _direct: Option<OwnedSemaphorePermit>,
    _behind: Option<places::Place>,
}

#[derive(Debug)]
pub struct Starting {
    direct: Arc<Semaphore>,
    behind_proxies: Places,
    failing: Places,
}

impl Default for Starting {
    fn default() -> Self {
        Self {
            direct: Arc::new(Semaphore::new(DIRECT)),
            behind_proxies: Places::new(BEHIND_PROXIES, BEHIND_PROXIES_EACH),
            failing: Places::new(FAILING, FAILING_EACH),
        }
    }
}

impl Starting {
    /// Waits for a place; none if there will be no more.
    pub async fn place(&self, way: Way) -> Option<Place> {
        match way {
            Way::Direct => {
                let direct = Arc::clone(&self.direct).acquire_owned().await.ok()?;
                Some(Place { _direct: Some(direct), _behind: None })
            }
            Way::BehindProxy(tenant) => Some(behind(self.behind_proxies.take(tenant).await)),
            Way::FailingProxy(tenant) => Some(behind(self.failing.take(tenant).await)),
        }
    }
}

const fn behind(place: places::Place) -> Place {
    Place { _direct: None, _behind: Some(place) }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    fn all(starting: &Starting, way: Way) -> Vec<Place> {
        std::iter::from_fn(|| starting.place(way).now_or_never()?).collect()
    }

    #[test]
    fn proxies_that_never_answer_hold_up_no_other_tenant_and_nobody_who_goes_direct() {
        let starting = Starting::default();
        let mut dead = Vec::new();
        for n in 0..20 {
            dead.extend(all(&starting, Way::BehindProxy(tenant(n))));
        }
        assert_eq!(dead.len(), 20 * BEHIND_PROXIES_EACH);
        assert!(starting.place(Way::BehindProxy(tenant(0))).now_or_never().is_none());
        assert_eq!(all(&starting, Way::BehindProxy(tenant(20))).len(), BEHIND_PROXIES_EACH);
        assert_eq!(all(&starting, Way::Direct).len(), DIRECT);
    }

    #[test]
    fn proxies_that_fail_again_and_again_hold_up_none_that_may_be_good() {
        let starting = Starting::default();
        let mut dead = Vec::new();
        for n in 0..1000 {
            dead.extend(all(&starting, Way::FailingProxy(tenant(n))));
        }
        assert_eq!(dead.len(), FAILING);
        for n in [0, 999] {
            assert_eq!(all(&starting, Way::BehindProxy(tenant(n))).len(), BEHIND_PROXIES_EACH);
        }
    }

    #[test]
    fn a_place_that_is_left_is_the_next_ones_and_whoever_waits_for_his_own_takes_no_others() {
        let starting = Starting::default();
        let mut mine = all(&starting, Way::FailingProxy(tenant(1)));
        let mut next = Box::pin(starting.place(Way::FailingProxy(tenant(1))));
        assert!((&mut next).now_or_never().is_none());
        assert_eq!(starting.failing.all.available_permits(), FAILING - FAILING_EACH);
        mine.pop();
        assert!((&mut next).now_or_never().is_some());
        drop((mine, next));
        assert_eq!(all(&starting, Way::FailingProxy(tenant(2))).len(), FAILING_EACH);
        assert_eq!(starting.failing.tenants.lock().unwrap().len(), 1, "nothing is kept of who wants nothing");
    }
}
