//! Who converts when: programs and decoders are dear, so there are places for about as many as there are cores, and short work has
//! some that long work cannot take.

use crate::actors::system::places::{Place, Places};
use crate::domain::id::TenantId;

/// The places of one server.
pub(crate) struct Converting {
    long: Places,
    short: Places,
}

impl Converting {
    /// As many of each as there are cores, and of each at most half for one tenant: two on the smallest machine.
    pub(crate) fn for_this_machine() -> Self {
        let count = super::cores().max(2);
        Self { long: Places::new(count, count / 2), short: Places::new(count, count / 2) }
    }

    pub(super) async fn place(&self, tenant: TenantId, long: bool) -> Place {
        let places = if long { &self.long } else { &self.short };
        places.take(tenant).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn long_work_of_all_leaves_short_work_its_places() {
        let converting = Converting::for_this_machine();
        let place = |of, long| converting.place(TenantId(Uuid::from_u128(of)), long).now_or_never();
        let long: Vec<_> = (0..999).map_while(|of| place(of, true)).collect();
        assert!(long.len() < 999);
        assert!(place(0, false).is_some() && place(1_000, false).is_some());
    }
}
