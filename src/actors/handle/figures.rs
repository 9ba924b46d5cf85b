//! A tenant's figures, for the dashboard.

use chrono::{Days, NaiveDate, TimeDelta};

use super::System;
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::message::{Direction, Status};
use crate::domain::quota;
use crate::store::figures::LOOKED_AT;

/// How many days are drawn.
const DAYS: u64 = 30;

/// How a tenant's messages stand.
pub struct Figures {
    /// How many sends were accepted on each of the last days, oldest first, today last.
    pub days: Vec<(NaiveDate, u64)>,
    /// How many of the messages of the last 24 hours stand how.
    pub standing: Vec<(Direction, Status, u64)>,
}

impl Figures {
    /// Whether there were more messages than are looked at.
    pub fn is_cut(&self) -> bool {
        self.standing.iter().map(|(_, _, n)| n).sum::<u64>() >= LOOKED_AT
    }
}

impl System {
    pub async fn figures(&self, access: &Access) -> Result<Figures, Refusal> {
        let now = self.clock().now();
        let today = quota::day(now);
        let days = (0..DAYS).rev().filter_map(|back| today.checked_sub_days(Days::new(back)));
        let days: Vec<NaiveDate> = days.collect();
        let used = self.shared.store.used_since(access.tenant, *days.first().unwrap_or(&today)).await?;
        let of = |day| used.iter().find(|(used, _)| *used == day).map_or(0, |(_, count)| *count);
        let standing = self.shared.store.standing_since(access.tenant, now - TimeDelta::days(1)).await?;
        Ok(Figures { days: days.into_iter().map(|day| (day, of(day))).collect(), standing })
    }
}
