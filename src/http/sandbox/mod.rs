//! The control API of the simulated phones: made, shown a QR code, looked at, written with, read with. The same handlers stand
//! behind a server's door, for callers with keys, and behind the network's own, without them (`alone`).

mod alone;
mod chat;
mod errand;
mod here;

use super::call::{Answered, Call};
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::id::SessionId;
use crate::sandbox::Sandbox;
use errand::{Errand, Scanned, addressed};

pub use alone::Alone;
pub(super) use chat::chat;

/// What stands behind a door that the control API is called through.
pub(super) trait Host: Sized + Send + Sync + 'static {
    /// The path of this API on this host.
    const ROOT: &'static str;
    /// What is known of a caller who was let in.
    type Guest: Send + Sync;

    /// Decides whether a caller may; nothing else of the call is looked at before.
    fn admit(call: &Call<Self>) -> impl Future<Output = Result<Self::Guest, Refusal>> + Send;

    fn phones(&self) -> &Phones;

    /// The code that one of the caller's own sessions shows now. What a network alone knows nothing of is asked here.
    fn code_of(&self, guest: &Self::Guest, session: SessionId) -> impl Future<Output = Result<String, Refusal>> + Send;
}

/// Where the phones are.
#[derive(Clone)]
pub enum Phones {
    /// In this process.
    Here(Sandbox),
}

impl Phones {
    async fn run(&self, errand: Errand, root: &str) -> Answered {
        match self {
            Self::Here(sandbox) => here::run(sandbox, errand, root).await,
        }
    }
}

impl Host for super::Door {
    const ROOT: &'static str = "/api/v1/sandbox";
    type Guest = Access;

    async fn admit(call: &Call) -> Result<Access, Refusal> {
        call.enter().await
    }

    fn phones(&self) -> &Phones {
        &self.phones
    }

    async fn code_of(&self, guest: &Access, session: SessionId) -> Result<String, Refusal> {
        self.system.current_qr(guest, session).await
    }
}

pub(super) async fn create<H: Host>(call: Call<H>) -> Answered {
    H::admit(&call).await?;
    let host = call.door.clone();
    let errand = errand::create(call.fields().await?)?;
    host.phones().run(errand, H::ROOT).await
}

pub(super) async fn scan<H: Host>(call: Call<H>, phone: String) -> Answered {
    let guest = H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let host = call.door.clone();
    let qr = match errand::scanned(call.fields().await?)? {
        Scanned::Session(session) => host.code_of(&guest, session).await?,
        Scanned::Code(qr) => qr,
    };
    host.phones().run(Errand::Scan { phone, qr }, H::ROOT).await
}

pub(super) async fn screen<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    call.door.phones().run(Errand::Screen { phone }, H::ROOT).await
}

pub(super) async fn write<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let host = call.door.clone();
    let errand = errand::write(phone, call.fields().await?)?;
    host.phones().run(errand, H::ROOT).await
}

pub(super) async fn read<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let host = call.door.clone();
    let errand = errand::read(phone, call.fields().await?)?;
    host.phones().run(errand, H::ROOT).await
}
