//! What the operator asks: who is here, how all sessions stand, and that somebody be moved to another plan.

use super::System;
use crate::domain::access::{Email, Mode};
use crate::domain::error::{FieldError, Refusal};
use crate::domain::fleet::{SessionRow, TenantRow};
use crate::domain::id::SessionId;
use crate::domain::quota::Plan;
use crate::domain::session::Status;

/// Rows of a page.
pub(crate) const FLEET_PAGE: u64 = 50;

impl System {
    /// One more than a page has, where there are more.
    pub async fn tenants(&self, holding: Option<&str>, after: Option<&str>) -> Result<Vec<TenantRow>, Refusal> {
        Ok(self.shared.store.tenants_page(holding, after, FLEET_PAGE + 1).await?)
    }

    /// The same of sessions.
    pub async fn all_sessions(
        &self,
        status: Option<Status>,
        before: Option<SessionId>,
    ) -> Result<Vec<SessionRow>, Refusal> {
        Ok(self.shared.store.sessions_page(status, before, FLEET_PAGE + 1).await?)
    }

    pub async fn plans(&self) -> Result<Vec<Plan>, Refusal> {
        Ok(self.shared.store.plans().await?)
    }

    /// Moves a tenant to another plan; what is accepted from now on is counted against it.
    pub async fn move_to_plan(&self, email: &Email, plan: &str) -> Result<(), Refusal> {
        if !self.plans().await?.iter().any(|known| known.name == plan) {
            return Err(Refusal::invalid(vec![FieldError::new("plan", "is not one of this server's plans")]));
        }
        if self.shared.store.set_plan(email, plan).await? { Ok(()) } else { Err(Refusal::not_found()) }
    }

    /// What kind of database this server stands on.
    pub fn database(&self) -> &'static str {
        self.shared.store.kind()
    }

    /// Which network this server is for.
    pub fn mode(&self) -> Mode {
        self.shared.doorkeeper.mode()
    }
}
