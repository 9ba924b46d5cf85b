//! The control API of the simulated phones: made, shown a QR code, looked at, written with, read with. The same handlers stand
//! behind a server's door, for callers with keys, and behind the network's own, without them (`alone`).

mod alone;
mod chat;
mod errand;
mod far;
mod here;

use std::sync::Arc;

use super::call::{Answered, Call};
use super::serve::RequestId;
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::id::SessionId;
use crate::sandbox::Sandbox;
use errand::{Errand, Scanned, addressed};

pub use alone::Alone;
pub(super) use chat::chat;
pub use far::Far;

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
    /// In another, maybe on another machine.
    There(Far),
}

/// Takes errands to the phones, for one call.
struct Runner<H> {
    host: Arc<H>,
    request: RequestId,
}

impl<H: Host> Runner<H> {
    fn of(call: &Call<H>) -> Self {
        Self { host: Arc::clone(&call.door), request: call.arrival.id.clone() }
    }

    async fn run(self, errand: Errand) -> Answered {
        match self.host.phones() {
            Phones::Here(sandbox) => here::run(sandbox, errand, H::ROOT).await,
            Phones::There(far) => far.run(&errand, H::ROOT, &self.request).await,
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
    let runner = Runner::of(&call);
    runner.run(errand::create(call.fields().await?)?).await
}

pub(super) async fn scan<H: Host>(call: Call<H>, phone: String) -> Answered {
    let guest = H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let runner = Runner::of(&call);
    let errand = match errand::scanned(call.fields().await?)? {
        Scanned::Session(session) => Errand::Scan { phone, qr: runner.host.code_of(&guest, session).await? },
        Scanned::Code(qr) => Errand::Scan { phone, qr },
        Scanned::Typed(code) => Errand::Enter { phone, code },
    };
    runner.run(errand).await
}

pub(super) async fn screen<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    Runner::of(&call).run(Errand::Screen { phone }).await
}

pub(super) async fn write<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let runner = Runner::of(&call);
    runner.run(errand::write(phone, call.fields().await?)?).await
}

pub(super) async fn read<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let runner = Runner::of(&call);
    runner.run(errand::read(phone, call.fields().await?)?).await
}
