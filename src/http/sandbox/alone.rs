//! The simulated network behind a door of its own: no keys, so it answers whoever may reach it, and no page in a browser.

use std::net::IpAddr;

use super::{Host, Phones, faults};
use crate::domain::error::{Code, Refusal};
use crate::domain::id::SessionId;
use crate::domain::qr::QrCode;
use crate::http::call::Call;
use crate::http::fields::Fields;
use crate::http::origin::{is_direct, is_here, is_local};
use crate::sandbox::{Fault, Sandbox};

/// A network that other programs reach over TCP.
pub struct Alone {
    pub(super) sandbox: Sandbox,
    phones: Phones,
    /// Listening on loopback alone: then only this machine is answered, whatever stands in between.
    here_only: bool,
}

impl Alone {
    pub fn new(sandbox: Sandbox, listens_on: IpAddr) -> Self {
        Self { phones: Phones::Here(sandbox.clone()), sandbox, here_only: is_local(listens_on) }
    }
}

impl Host for Alone {
    const ROOT: &'static str = "/sandbox";
    type Guest = ();

    async fn admit(call: &Call<Self>) -> Result<(), Refusal> {
        let detail = match call.door.here_only {
            true if is_here(&call.arrival, &call.headers) => return Ok(()),
            false if is_direct(&call.headers) => return Ok(()),
            true => {
                "The network's own API answers only on its own machine, not through a proxy, and to no page elsewhere."
            }
            false => {
                "Call the network's own API by an address or a name without dots, not through a proxy or from a page elsewhere."
            }
        };
        Err(Refusal::new(Code::OperatorOnly, detail))
    }

    fn phones(&self) -> &Phones {
        &self.phones
    }

    async fn code_of(&self, (): &(), _: SessionId) -> Result<QrCode, Refusal> {
        Err(Refusal::field("sessionId", "is known only to the server of the session; give the text of its code as qr"))
    }

    async fn fault(&self, (): &(), fields: Fields) -> Result<Fault, Refusal> {
        faults::of_anyone(fields)
    }

    fn owner((): &(), mut fields: Fields) -> Result<Option<String>, Refusal> {
        let owner = faults::owner(&mut fields);
        fields.finish(Some(owner))
    }
}
