//! Places that all tenants share, of which one tenant holds or queues for so many at most: those of others come next, however many
//! it wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::id::TenantId;

#[derive(Debug)]
pub(crate) struct Places {
    pub(super) all: Arc<Semaphore>,
    share: usize,
    /// Of whoever holds a place, or waits for one.
    pub(super) tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_tenant: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// So many places, and how many of them one tenant may have.
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all.max(1))), share: share.max(1), tenants: Mutex::default() }
    }

    /// Waits for a place. In the line of all there are never more of one tenant than it may have places, so that nobody stands
    /// behind all that another wants.
    pub(crate) async fn take(&self, tenant: TenantId) -> Place {
        // There is always a permit in the end: nobody closes these.
        let of_tenant = self.of(tenant).acquire_owned().await.ok();
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        Place { _of_all: of_all, _of_tenant: of_tenant }
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = tenants.get(&tenant).and_then(Weak::upgrade) {
            return own;
        }
        tenants.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.share));
        tenants.insert(tenant, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    #[test]
    fn one_tenant_has_its_share_and_others_have_theirs_at_once() {
        let places = Places::new(8, 2);
        let take = |of| places.take(tenant(of)).now_or_never();
        let (first, second) = (take(1).unwrap(), take(1).unwrap());
        assert!(take(1).is_none(), "its share is taken");
        let others: Vec<_> = (2..8).map(|of| take(of).unwrap()).collect();
        assert!(take(8).is_none(), "all are taken");
        drop(first);
        assert!(take(8).is_some());
        drop((second, others));
        assert_eq!(places.tenants.lock().unwrap().values().filter(|own| own.strong_count() > 0).count(), 0);
    }

    #[test]
    fn nobody_stands_behind_all_that_another_wants() {
        let places = Places::new(2, 1);
        let held = [1, 2].map(|of| places.take(tenant(of)).now_or_never().unwrap());
        // A hundred of the first tenant's wait, and then one of another's.
        let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(places.take(tenant(1)))).collect();
        assert!(crowd.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let mut other = Box::pin(places.take(tenant(3)));
        assert!((&mut other).now_or_never().is_none());
        let [first, second] = held;
        drop(second);
        assert!((&mut other).now_or_never().is_some(), "it stood behind the crowd");
        drop(first);
        let taken: Vec<_> = crowd.iter_mut().filter_map(FutureExt::now_or_never).collect();
        assert_eq!(taken.len(), 1);
    }
}
