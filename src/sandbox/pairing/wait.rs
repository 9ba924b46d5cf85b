//! The connection of a companion that is not linked yet: it shows codes, asks for one to type in, and waits for a phone's word.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::{Link, Order, Registration, SIGNING, code, qr, registration};
use crate::clock;
use crate::domain::phone::Phone;
use crate::sandbox::SandboxError;
use crate::sandbox::network::Network;
use crate::sandbox::noise::Caller;
use crate::sandbox::stanza::{self, attr, child, text};
use crate::sandbox::wire::Wire;

/// Codes to type in that one connection may ask for.
const ASKS: u32 = 5;

struct Waiting<'n> {
    network: &'n Network,
    wire: Wire,
    companion: Arc<Registration>,
    inbox: mpsc::Receiver<Order>,
    /// The offers hold the strong ends: when all of them are gone, nobody can link this companion any more.
    orders: mpsc::WeakSender<Order>,
    until: Instant,
    asked: u32,
    /// The number a code was asked for, and the reference of that code.
    typed: Option<(Phone, String)>,
    /// A phone that has entered a code and waits for the bundle.
    entered: Option<oneshot::Sender<code::Finish>>,
    link: Option<Link>,
}

/// The network's side of a companion that is not linked yet: codes, then the phone's word.
pub(crate) async fn register(network: &Network, mut wire: Wire, caller: Caller) -> Result<(), SandboxError> {
    let registration = registration(&caller);
    // It may be long, and the wait is.
    drop(caller);
    let companion = match registration {
        Ok(registration) => Arc::new(registration),
        Err(error) => {
            wire.send(&NodeBuilder::new("failure").attr("reason", "406").attr("location", "sandbox").build()).await?;
            wire.close().await;
            return Err(error);
        }
    };
    let references = qr::references()?;
    let (orders, inbox) = mpsc::channel(1);
    network.pairings.offer(&references, &companion, &orders);
    let weak = orders.downgrade();
    drop(orders);
    let mut waiting = Waiting {
        network,
        wire,
        companion,
        inbox,
        orders: weak,
        until: Instant::from_std(clock::instant()) + qr::ALL_SHOWN,
        asked: 0,
        typed: None,
        entered: None,
        link: None,
    };
    let end = waiting.show(&references).await;
    network.pairings.withdraw(&references);
    if let Some((number, reference)) = &waiting.typed {
        network.pairings.take_back(number, reference);
    }
    if matches!(end, Ok(true)) {
        // Linked: the companion comes back under its new name.
        waiting.wire.send(&NodeBuilder::new("stream:error").attr("code", "515").build()).await?;
    }
    waiting.wire.close().await;
    end.map(|_| ())
}

impl Waiting<'_> {
    /// Until a phone has linked the companion, the codes have expired, or the companion has gone.
    async fn show(&mut self, references: &[String]) -> Result<bool, SandboxError> {
        self.wire.send(&qr::pair_device(references)).await?;
        loop {
            let said = tokio::select! {
                next = self.inbox.recv(), if self.link.is_none() => match next {
                    Some(order) => {
                        self.obey(order).await?;
                        continue;
                    }
                    // Closed, or every code was used up.
                    None => return Ok(false),
                },
                said = self.wire.receive() => said?,
                () = sleep_until(self.until) => return Ok(false),
            };
            let Some(said) = said else { return Ok(false) };
            let answers = self.link.as_ref().is_some_and(|link| text(&link.success, "id") == text(&said, "id"));
            if let Some(link) = self.link.take_if(|_| answers) {
                let _ = link.signed.send(said);
                return Ok(timeout(SIGNING, link.linked).await.is_ok_and(|linked| linked.is_ok()));
            }
            if said.tag == "iq" && matches!(attr(&said, "type").as_deref(), Some("get" | "set")) {
                let answer = self.answer(&said)?;
                self.wire.send(&answer).await?;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), SandboxError> {
        match order {
            Order::Hello(hello) => {
                self.wire.send(&hello.notification).await?;
                self.entered = Some(hello.finish);
            }
            Order::Link(link) => {
                self.wire.send(&link.success).await?;
                self.link = Some(link);
            }
        }
        Ok(())
    }

    /// An unlinked companion may ask whether anyone is there, and for a code to type in.
    fn answer(&mut self, iq: &Node) -> Result<Node, SandboxError> {
        let id = text(iq, "id");
        if let Some(asked) = child(iq, "link_code_companion_reg") {
            return match attr(asked, "stage").as_deref() {
                Some("companion_hello") => self.hello(&id, asked),
                Some("companion_finish") => Ok(self.finish(&id, asked)),
                _ => Ok(stanza::error(&id, 400, "bad-request")),
            };
        }
        if attr(iq, "xmlns").as_deref() == Some("w:p") {
            return Ok(stanza::result(&id).build());
        }
        tracing::warn!(stanza = %stanza::brief(iq), "unknown stanza from a companion that is not linked");
        Ok(stanza::error(&id, 501, "feature-not-implemented"))
    }

    fn hello(&mut self, id: &str, asked: &Node) -> Result<Node, SandboxError> {
        // What the network says to who asks too fast (`wacore/src/pair_code.rs`, `PairCodeRejection::RateOverlimit`).
        self.asked += 1;
        if self.asked > ASKS {
            return Ok(stanza::error(id, 429, "rate-overlimit"));
        }
        let (Some(hello), Some(orders)) = (code::asked(asked, &self.companion), self.orders.upgrade()) else {
            return Ok(stanza::error(id, 400, "bad-request"));
        };
        if let Some((number, reference)) = self.typed.take() {
            self.network.pairings.take_back(&number, &reference);
        }
        let reference = qr::reference()?;
        self.network.pairings.expect(&hello, &reference, &self.companion, orders);
        self.typed = Some((hello.number, reference.clone()));
        self.until = self.until.max(Instant::from_std(clock::instant()) + code::VALID + SIGNING);
        Ok(code::answer(id, &reference))
    }

    /// The network has the bundle, which says nothing of whether the phone can open it.
    fn finish(&mut self, id: &str, said: &Node) -> Node {
        let current = self.typed.as_ref().map(|(_, reference)| reference.as_str());
        match (code::finished(said, current), self.entered.take()) {
            (Some(finish), Some(phone)) => {
                let _ = phone.send(finish);
                stanza::result(id).build()
            }
            _ => stanza::error(id, 400, "bad-request"),
        }
    }
}
