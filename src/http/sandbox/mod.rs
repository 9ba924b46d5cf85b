//! The control API of the simulated phones: made, shown a QR code, looked at, written with, read with. The same handlers stand
//! behind a server's door, for callers with keys, and behind the network's own, without them (`alone`).

mod alone;
mod attachment;
mod chat;
pub(super) mod described;
mod errand;
mod far;
mod faults;
mod hands;
mod here;
mod media;
mod part;
mod streamed;

use std::sync::Arc;

use warp::http::header::RANGE;

use super::call::{Answered, Call, id};
use super::fields::Fields;
use crate::domain::access::Access;
use crate::domain::error::Refusal;
use crate::domain::id::SessionId;
use crate::domain::qr::QrCode;
use crate::domain::request::RequestId;
use crate::sandbox::{Fault, Sandbox};
use errand::{Errand, Scanned, addressed};
use part::Part;

pub(super) use crate::sandbox::{Attachment, AttachmentKind, Measures, Shown, Status};
pub use alone::Alone;
pub(super) use chat::chat;
pub use far::Far;
pub(super) use hands::{Deed, Seen};
pub(super) use media::media;

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
    fn code_of(&self, guest: &Self::Guest, session: SessionId) -> impl Future<Output = Result<QrCode, Refusal>> + Send;

    /// A fault as this host's callers ask for it, aimed at what they may aim at.
    fn fault(&self, guest: &Self::Guest, fields: Fields) -> impl Future<Output = Result<Fault, Refusal>> + Send;

    /// Whose faults a caller sees and heals, and no others.
    fn owner(guest: &Self::Guest, fields: Fields) -> Result<Option<String>, Refusal>;
}

/// Where the phones are.
#[derive(Clone)]
pub enum Phones {
    /// In this process.
    Here(Sandbox),
    /// In another, maybe on another machine.
    There(Far),
}

impl Phones {
    /// Whether they are in this process, and their network has ended because it could not write its file.
    pub(super) fn have_failed(&self) -> bool {
        matches!(self, Self::Here(sandbox) if sandbox.has_failed())
    }
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

    async fn code_of(&self, guest: &Access, session: SessionId) -> Result<QrCode, Refusal> {
        Ok(self.system.current_qr(guest, session).await?.code)
    }

    async fn fault(&self, guest: &Access, fields: Fields) -> Result<Fault, Refusal> {
        let (session, fault) = faults::of_tenant(fields)?;
        // Aimed at nobody, it would befall everybody.
        let devices = self.system.companions(guest, session).await?;
        Ok(Fault { devices, owner: Some(guest.tenant.to_string()), ..fault })
    }

    fn owner(guest: &Access, fields: Fields) -> Result<Option<String>, Refusal> {
        fields.finish(Some(Some(guest.tenant.to_string())))
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

pub(super) async fn look<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    Runner::of(&call).run(Errand::Look { phone }).await
}

pub(super) async fn screen<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    let runner = Runner::of(&call);
    runner.run(errand::screen(phone, Fields::of_query(call.query))?).await
}

pub(super) async fn copy<H: Host>(call: Call<H>, phone: String, message: String) -> Answered {
    H::admit(&call).await?;
    let (phone, message) = (addressed(&phone)?, id(&message)?);
    let part = call.header(RANGE.as_str()).ok().flatten().and_then(Part::asked);
    Runner::of(&call).run(Errand::Copy { phone, message, part }).await
}

pub(super) async fn expire<H: Host>(call: Call<H>, phone: String, message: String) -> Answered {
    H::admit(&call).await?;
    let (phone, message) = (addressed(&phone)?, id(&message)?);
    Runner::of(&call).run(Errand::Expire { phone, message }).await
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

pub(super) async fn block<H: Host>(call: Call<H>, phone: String) -> Answered {
    set_blocked(call, &phone, true).await
}

pub(super) async fn unblock<H: Host>(call: Call<H>, phone: String) -> Answered {
    set_blocked(call, &phone, false).await
}

async fn set_blocked<H: Host>(call: Call<H>, phone: &str, block: bool) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(phone)?;
    let runner = Runner::of(&call);
    runner.run(errand::block(phone, call.fields().await?, block)?).await
}

pub(super) async fn offline<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    Runner::of(&call).run(Errand::Offline { phone }).await
}

pub(super) async fn online<H: Host>(call: Call<H>, phone: String) -> Answered {
    H::admit(&call).await?;
    let phone = addressed(&phone)?;
    Runner::of(&call).run(Errand::Online { phone }).await
}

pub(super) async fn inject<H: Host>(call: Call<H>) -> Answered {
    let guest = H::admit(&call).await?;
    let runner = Runner::of(&call);
    let fault = runner.host.fault(&guest, call.fields().await?).await?;
    runner.run(Errand::Inject(Box::new(fault))).await
}

pub(super) async fn faults<H: Host>(call: Call<H>) -> Answered {
    let guest = H::admit(&call).await?;
    let runner = Runner::of(&call);
    let owner = H::owner(&guest, Fields::of_query(call.query))?;
    runner.run(Errand::Faults { owner }).await
}

pub(super) async fn heal_all<H: Host>(call: Call<H>) -> Answered {
    let guest = H::admit(&call).await?;
    let runner = Runner::of(&call);
    let owner = H::owner(&guest, Fields::of_query(call.query))?;
    runner.run(Errand::Heal { fault: None, owner }).await
}

pub(super) async fn heal<H: Host>(call: Call<H>, fault: String) -> Answered {
    let guest = H::admit(&call).await?;
    let runner = Runner::of(&call);
    let owner = H::owner(&guest, Fields::of_query(call.query))?;
    let fault = Some(id(&fault)?);
    runner.run(Errand::Heal { fault, owner }).await
}
