//! What an operator sees of tenants and their sessions: no number, no text, no name that a tenant gave.

use chrono::{DateTime, Utc};

use super::id::{SessionId, TenantId};
use super::session::Status;

#[derive(Debug, Clone)]
pub struct TenantRow {
    pub id: TenantId,
    pub email: String,
    pub plan: String,
    pub created_at: DateTime<Utc>,
    pub sessions: i64,
    pub connected: i64,
    /// Messages accepted since midnight, UTC.
    pub used_today: i64,
}

#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    /// The address of the tenant whose it is.
    pub tenant: Option<String>,
    pub status: Status,
    pub error_code: Option<String>,
    /// How many attempts to connect have failed in a row.
    pub attempts: i32,
    pub last_activity_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}
