//! A companion that is linked: it logs in, gets what waited for it, and talks until it leaves.

mod drain;
mod reading;

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::watch;
use tokio::task::unconstrained;
use tokio::time::{Instant as Moment, Sleep, sleep_until};
use whatsapp_rust::NodeBuilder;
use whatsapp_rust::wacore_binary::Node;

use super::account::Account;
use super::admission::{Admitted, admit};
use super::faults::{FaultKind, Holds, Piece, TurnedAway, Way};
use super::ledger::{Device, Outgoing, Ticket};
use super::network::Network;
use super::noise::Caller;
use super::receipt::Again;
use super::stanza::{self, attr, child};
use super::switchboard::{Farewell, Line};
use super::wire::Wire;
use super::{SandboxError, iq, message, receipt};
use crate::clock;
use reading::Reading;

/// Stanzas of one companion that are between arrival and commit. Past it, the next one waits on the socket.
const IN_FLIGHT: usize = 64;

/// What a stanza comes to: what is said back, once the ticket is settled.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) stanzas: Vec<Node>,
    pub(crate) ticket: Option<Ticket>,
    /// For each message shown: what is due once more if it was there already and read.
    pub(crate) again: Vec<Option<Outgoing>>,
    pub(crate) then: Then,
    /// The ack comes this much later than it could.
    pub(crate) late: Option<Duration>,
}

/// What a connection does after an answer.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    #[default]
    Stay,
    /// The companion is ready for what waited for it.
    Activate,
}

impl Answer {
    pub(crate) fn now(stanza: Node) -> Self {
        Self { stanzas: vec![stanza], ..Self::default() }
    }
}

/// One companion's conversation with the network.
struct Conversation<'c> {
    network: &'c Arc<Network>,
    account: Arc<Account>,
    me: Device,
    wire: Wire,
    line: Line,
    way: Way,
    again: Again,
    /// Faults come and go.
    faults: watch::Receiver<()>,
    /// The last stanza from the queue that was sent.
    cursor: i64,
    reading: Reading,
    /// A page was sent since the companion was last heard: it has its turn first.
    listens: bool,
    /// When the companion said something.
    heard: Instant,
    /// The one timer: for a companion that says nothing, or does not ask for what waits.
    alarm: Pin<Box<Sleep>>,
}

/// What happens next in a conversation.
enum Next {
    Settled(Result<Settled, SandboxError>),
    Farewell,
    Faults,
    Due(Vec<Piece>),
    Behind,
    Page(i64),
    Alarm { deaf: bool },
    Mail(Option<(i64, Vec<u8>)>),
    Said(Result<Option<Node>, SandboxError>),
}

/// An answer whose changes are on the disk.
struct Settled {
    stanzas: Vec<Node>,
    then: Then,
    late: Option<Duration>,
}

pub(crate) async fn log_in(network: &Arc<Network>, wire: Wire, caller: Caller) -> Result<(), SandboxError> {
    let (account, line, me) = match admit(network, &caller).await? {
        Admitted::In(account, line, me) => (account, line, me),
        Admitted::TurnedAway(TurnedAway::HungUp) => return Err(SandboxError::Wire("hung up on a login")),
        Admitted::TurnedAway(TurnedAway::Told(failure)) => return refuse(wire, &failure).await,
        Admitted::Unknown => {
            let failure = NodeBuilder::new("failure").attr("reason", "401").attr("location", "sandbox").build();
            return refuse(wire, &failure).await;
        }
    };
    tracing::debug!(account = me.account, device = me.device, "a companion logs in");
    let own = Arc::clone(&line.link);
    let active = caller.payload.passive != Some(true);
    drop(caller);
    let (way, faults) = (Way::default(), network.faults.changes());
    let heard = clock::instant();
    let mut conversation = Conversation {
        network,
        account,
        me,
        wire,
        line,
        way,
        again: Again::default(),
        faults,
        cursor: 0,
        reading: Reading::Passive,
        listens: false,
        heard,
        alarm: Box::pin(sleep_until((heard + network.patience()).into())),
    };
    let ended = Box::pin(conversation.run(active)).await;
    network.switchboard.disconnect(me, &own);
    if ended.is_ok() {
        conversation.wire.close().await;
    }
    ended
}

async fn refuse(mut wire: Wire, failure: &Node) -> Result<(), SandboxError> {
    wire.send(failure).await?;
    wire.close().await;
    Ok(())
}

impl Conversation<'_> {
    async fn run(&mut self, active: bool) -> Result<(), SandboxError> {
        self.sit_out().await?;
        let success = NodeBuilder::new("success")
            .attr("t", self.network.seconds())
            .attr("lid", self.account.lid(self.me.device))
            .attr("location", "sandbox");
        self.tell(&success.build()).await?;
        if active {
            self.activate().await?;
        }
        let mut pending = FuturesOrdered::new();
        loop {
            match self.next(&mut pending).await {
                Next::Settled(settled) => self.say(settled?).await?,
                Next::Farewell => return self.farewell().await,
                Next::Faults => self.sit_out().await?,
                Next::Due(pieces) => self.let_go(pieces).await?,
                Next::Behind => self.fall_behind(),
                Next::Page(most) => self.page(most, &mut pending).await?,
                Next::Alarm { deaf } => self.alarmed(deaf)?,
                Next::Mail(Some((seq, stanza))) => {
                    // The writer told who waited before it handed this over: their answers go out before it.
                    // Unconstrained, since what has been told must not look as if it had not when this task has used up its turn.
                    while let Some(Some(settled)) = unconstrained(pending.next()).now_or_never() {
                        self.say(settled?).await?;
                    }
                    self.pass(seq, stanza).await?;
                }
                Next::Mail(None) | Next::Said(Ok(None)) => return Ok(()),
                Next::Said(said) => {
                    self.listens = false;
                    self.heard = clock::instant();
                    if let Some(said) = said? {
                        let answer = self.hear(&said).await?;
                        pending.push_back(settle(Arc::clone(self.network), answer));
                    }
                }
            }
        }
    }

    async fn say(&mut self, Settled { stanzas, then, late }: Settled) -> Result<(), SandboxError> {
        for stanza in stanzas {
            if let Some(stanza) = self.way.said(&self.network.faults, self.me, stanza, late) {
                self.tell(&stanza).await?;
            }
        }
        if then == Then::Activate {
            self.activate().await?;
        }
        Ok(())
    }

    /// Answers come first and in the order of what they answer, so that an ack is never behind the receipt it led to.
    async fn next<F>(&mut self, pending: &mut FuturesOrdered<F>) -> Next
    where
        F: Future<Output = Result<Settled, SandboxError>>,
    {
        let (busy, full, clear) = (pending.len(), self.way.is_full(), self.way.is_clear());
        let (live, page) = (self.reading.is_live(), self.reading.page());
        let listening = busy < IN_FLIGHT && !full;
        if let Some(patience) =
            self.reading.patience().map(Moment::from_std).filter(|until| *until < self.alarm.deadline())
        {
            self.alarm.as_mut().reset(patience);
        }
        tokio::select! {
            biased;
            _ = self.faults.changed() => Next::Faults,
            Some(settled) = pending.next() => Next::Settled(settled),
            _ = self.line.farewell.changed() => Next::Farewell,
            pieces = self.way.due(), if !clear => Next::Due(pieces),
            () = self.line.link.nudged(), if live => Next::Behind,
            mail = self.line.mail.recv(), if live => Next::Mail(mail),
            Some(most) = ready(page), if !self.listens => Next::Page(most),
            said = self.wire.receive(), if listening => Next::Said(said),
            Some(most) = ready(page) => Next::Page(most),
            () = self.alarm.as_mut() => Next::Alarm { deaf: !listening },
        }
    }

    /// The timer has run down; for what, is found out, and it is set for what may come next.
    fn alarmed(&mut self, deaf: bool) -> Result<(), SandboxError> {
        let now = clock::instant();
        if deaf {
            // Nobody listened to it.
            self.heard = now;
        }
        if now >= self.heard + self.network.patience() {
            return Err(SandboxError::Wire("a companion said nothing for too long"));
        }
        if self.reading.patience().is_some_and(|until| now >= until) {
            self.unasked();
        }
        self.alarm.as_mut().reset((self.heard + self.network.patience()).into());
        Ok(())
    }

    /// While the connection is silent nothing passes either way: what comes is kept, and answered afterwards.
    async fn sit_out(&mut self) -> Result<(), SandboxError> {
        loop {
            self.faults.mark_unchanged();
            let Some(silent) = self.network.faults.holds(FaultKind::Silence, self.me) else {
                self.heard = clock::instant();
                return Ok(());
            };
            let over = async {
                match silent {
                    Holds::Until(moment) => tokio::time::sleep(self.network.faults.wait_for(moment)).await,
                    Holds::Open => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.line.farewell.changed() => return Err(SandboxError::Wire("a silent connection ended")),
                _ = self.faults.changed() => {}
                () = over => {}
                () = self.wire.ended() => return Err(SandboxError::Wire("a companion left a silent connection")),
            }
        }
    }

    /// What was kept back goes out.
    async fn let_go(&mut self, pieces: Vec<Piece>) -> Result<(), SandboxError> {
        for piece in pieces {
            match piece {
                Piece::Said(stanza) => self.tell(&stanza).await?,
                Piece::Queued(stanza) => self.wire.send_marshalled(stanza).await?,
            }
        }
        Ok(())
    }

    /// Everything the companion says passes here; faults on the way in belong here.
    async fn hear(&mut self, said: &Node) -> Result<Answer, SandboxError> {
        let (network, account, me) = (self.network, &self.account, self.me);
        match said.tag.as_ref() {
            "message" => Box::pin(message::from_companion(network, account, me, said)).await,
            "receipt" => {
                self.again.heard(said);
                Box::pin(receipt::from_companion(network, account, me, said)).await
            }
            "iq" => Box::pin(iq::answer(network, account, me, said, self.wire.host())).await,
            "ack" => {
                // Nobody waits for this one; should it be lost, the stanza is delivered once more.
                if let Some(confirmed) = self.again.confirmed(me, said) {
                    network.ledger.note(vec![confirmed]).await?;
                }
                Ok(Answer::default())
            }
            // Nobody here watches presence or typing.
            "presence" => {
                account.lock().await.call(me.device, &stanza::text(said, "name"));
                Ok(Answer::default())
            }
            "ib" => {
                if let Some(count) = child(said, "offline_batch").and_then(|batch| attr(batch, "count")?.parse().ok()) {
                    self.reading.asked(count, clock::instant());
                }
                Ok(Answer::default())
            }
            "chatstate" => Ok(Answer::default()),
            _ => {
                tracing::warn!(stanza = %stanza::brief(said), "unknown stanza");
                Ok(unknown(said))
            }
        }
    }

    /// Everything the companion is told passes here or in [`Self::pass`]; faults on the way out belong here.
    async fn tell(&mut self, stanza: &Node) -> Result<(), SandboxError> {
        self.wire.send(stanza).await
    }

    /// Sends a stanza from the queue. It stays in the ledger until the companion confirms it.
    async fn pass(&mut self, seq: i64, stanza: Vec<u8>) -> Result<(), SandboxError> {
        // Handed over twice, once by the writer and once from the ledger.
        if seq <= self.cursor {
            return Ok(());
        }
        self.cursor = seq;
        if self.way.is_clear() && !self.network.faults.any() {
            return self.wire.send_marshalled(stanza).await;
        }
        let passing = self.way.queued(&self.network.faults, self.me, stanza)?;
        if let Some(lost) = passing.lost {
            self.network.ledger.submit(vec![lost]).await?;
        }
        self.let_go(passing.now.into_iter().map(Piece::Queued).collect()).await
    }

    async fn farewell(&mut self) -> Result<(), SandboxError> {
        let why = *self.line.farewell.borrow();
        let (code, conflict) = match why {
            Some(Farewell::Replaced) => (None, "replaced"),
            Some(Farewell::Unlinked) => (Some("401"), "device_removed"),
            Some(Farewell::Dropped) => return Err(SandboxError::Wire("the socket broke")),
            Some(Farewell::Closing) | None => return Ok(()),
        };
        let mut builder = NodeBuilder::new("stream:error");
        if let Some(code) = code {
            builder = builder.attr("code", code);
        }
        let conflict = NodeBuilder::new("conflict").attr("type", conflict).build();
        self.tell(&builder.children([conflict]).build()).await
    }
}

/// Waits for the commit behind an answer.
async fn settle(network: Arc<Network>, answer: Answer) -> Result<Settled, SandboxError> {
    let Answer { stanzas, ticket, again, then, late } = answer;
    if let Some(ticket) = ticket {
        message::settled(&network, ticket, again).await?;
    }
    Ok(Settled { stanzas, then, late })
}

/// A stanza nobody knows is acknowledged if it can be, so that its sender does not send it again.
fn unknown(said: &Node) -> Answer {
    if attr(said, "id").is_none() {
        return Answer::default();
    }
    let class = match said.tag.as_ref() {
        "call" => "call",
        "notification" => "notification",
        _ => return Answer::default(),
    };
    Answer::now(message::ack(said, class).build())
}
