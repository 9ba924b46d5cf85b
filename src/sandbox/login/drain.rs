//! What the ledger holds for a companion goes out page by page, one in each turn of its conversation.

use futures_util::stream::{FuturesOrdered, StreamExt};
use whatsapp_rust::NodeBuilder;

use super::reading::Reading;
use super::{Conversation, Settled};
use crate::clock;
use crate::sandbox::SandboxError;
use crate::sandbox::faults::FaultKind;
use crate::sandbox::stanza;

impl Conversation<'_> {
    /// Announces what waited; it goes out page by page (`whatsapp-rust/src/handlers/ib.rs`).
    pub(super) async fn activate(&mut self) -> Result<(), SandboxError> {
        if !self.reading.is_passive() {
            return Ok(());
        }
        let backlog = self.network.ledger.backlog(self.me).await?;
        let total = backlog.messages + backlog.receipts + backlog.notifications;
        if total == 0 {
            return self.all_sent(0).await;
        }
        self.reading = Reading::offline(total, clock::instant());
        let preview = NodeBuilder::new("offline_preview")
            .attr("count", total)
            .attr("message", backlog.messages)
            .attr("receipt", backlog.receipts)
            .attr("notification", backlog.notifications)
            .attr("appdata", "0");
        self.tell(&stanza::information(preview.build())).await
    }

    /// Says that this was all that waited. What came meanwhile follows from the ledger.
    async fn all_sent(&mut self, sent: i64) -> Result<(), SandboxError> {
        if let Some(stanza) = self.way.alone() {
            self.wire.send_marshalled(stanza).await?;
        }
        self.tell(&stanza::information(NodeBuilder::new("offline").attr("count", sent).build())).await?;
        self.fall_behind();
        match self.network.faults.strike(FaultKind::DropConnection, self.me, None) {
            Some(_) => Err(SandboxError::Wire("the socket broke")),
            None => Ok(()),
        }
    }

    /// From here on the ledger is read, until nothing was left there meanwhile.
    pub(super) fn fall_behind(&mut self) {
        self.line.link.catches_up();
        self.reading = Reading::Behind;
    }

    /// Sends the next of what the ledger holds after the cursor. One page is one turn, between which everything else has its own.
    pub(super) async fn page<F>(&mut self, most: i64, pending: &mut FuturesOrdered<F>) -> Result<(), SandboxError>
    where
        F: Future<Output = Result<Settled, SandboxError>>,
    {
        self.listens = true;
        let page = self.network.ledger.queued(self.me, self.cursor, most).await?;
        // A receipt may stand in the ledger whose message was not acknowledged yet: answers come first.
        while let Some(settled) = pending.next().await {
            self.say(settled?).await?;
        }
        let (count, offline) = (i64::try_from(page.len()).unwrap_or(most), self.reading.is_offline());
        for (seq, stanza) in page {
            let stanza = if offline { stanza::waited(&stanza)? } else { stanza };
            self.pass(seq, stanza).await?;
        }
        if let Some(sent) = self.reading.sent(count) {
            return self.all_sent(sent).await;
        }
        if !offline && count == 0 && !self.line.link.catches_up() {
            self.reading = Reading::Live;
        }
        Ok(())
    }

    /// The companion does not ask for what waited; it gets it all the same.
    pub(super) fn unasked(&mut self) {
        let left = self.reading.give_up();
        let (account, device) = (self.me.account, self.me.device);
        tracing::warn!(
            account,
            device,
            left,
            "a client did not ask for what waited (<ib><offline_batch count>); it is sent all the same, which the real network would not do"
        );
    }
}
