//! What a session's client tells, and what its codes come to: each becomes a step of the life, or a word to the outbox or the watchers.

use ractor::ActorRef;

use super::Held;
use crate::actors::system::mailbox::Letter;
use crate::actors::tenants::tenant::session::{Msg, Reply, outbox};
use crate::domain::event::StreamEvent;
use crate::domain::phone::Phone;
use crate::domain::session::life::{End, Fault, Input, Loss, Typed};
use crate::domain::session::pairing_code::ShownCode;
use crate::metrics::Metrics;
use crate::whatsapp::{LinkEvent, Over};

impl Held {
    /// What the wire tells while a run lasts.
    pub(super) fn heard(&mut self, myself: &ActorRef<Letter<Msg>>, event: LinkEvent) {
        match event {
            LinkEvent::Qr { code, valid_for } => {
                let expires_at = self.now() + valid_for;
                self.apply(myself, Input::Qr { qr: code, expires_at });
            }
            LinkEvent::Paired { phone: Some(phone), .. } => self.apply(myself, Input::Paired { phone }),
            LinkEvent::Connected { phone } => match phone.or_else(|| self.life.phone.clone()) {
                Some(phone) => {
                    self.client.metrics().connection_attempt("connected");
                    self.apply(myself, Input::Connected { phone });
                }
                None => self.apply(myself, Input::Ended(End::Refused("it gave no phone number".into()))),
            },
            LinkEvent::Ack { wire_id, error, at } => {
                let at = at.unwrap_or_else(|| self.now());
                self.nudge_outbox(outbox::Msg::Ack { wire_id, error, at });
            }
            LinkEvent::Receipt { wire_ids, kind, at } => self.nudge_outbox(outbox::Msg::Receipt { wire_ids, kind, at }),
            LinkEvent::PairFailed(why) => self.mention(myself, End::PairingFailed(why).fault()),
            LinkEvent::ScansOver => self.apply(myself, Input::Code(Typed::ScansOver)),
            LinkEvent::CodeOver => self.code_over(myself, true),
            LinkEvent::Undecryptable { .. } | LinkEvent::Paired { phone: None, .. } => {}
        }
    }

    /// Tells the watchers of something that went wrong and changes nothing.
    fn mention(&mut self, myself: &ActorRef<Letter<Msg>>, fault: Fault) {
        let (code, message) = (fault.code, fault.message);
        let event = StreamEvent::Error { session_id: self.lease.session, code, message, last: false };
        self.story.show(myself, event, false);
    }

    pub(super) fn ask_for_code(&mut self, myself: &ActorRef<Letter<Msg>>, phone: Phone, reply: Reply<ShownCode>) {
        match self.client.running().filter(|_| self.life.is_pairing()) {
            Some(link) => {
                if self.codes.ask(myself, link, phone, reply, self.client.now()) {
                    self.apply(myself, Input::Code(Typed::Asked));
                }
            }
            None => drop(reply.send(Err(self.not_pairing()))),
        }
    }

    /// A code cannot link this session any more; if one was shown and failed, whoever shows it is told.
    pub(super) fn code_over(&mut self, myself: &ActorRef<Letter<Msg>>, failed: bool) {
        if self.codes.is_asking() {
            // This is about the one before: the answer will say what becomes of the new one.
            return;
        }
        if self.codes.is_over() && failed {
            self.mention(myself, Typed::failed());
        }
        self.apply(myself, Input::Code(Typed::Over));
    }

    pub(super) fn over(&mut self, myself: &ActorRef<Letter<Msg>>, over: Over) {
        self.nudge_outbox(outbox::Msg::Down);
        self.client.over(&over);
        count(self.client.metrics(), &over);
        match over {
            Over::Lost(why) | Over::Broken(why) => self.apply(myself, Input::Lost { loss: Loss::Dropped, why }),
            Over::Unreachable(why) => self.apply(myself, Input::Lost { loss: Loss::Unreachable, why }),
            Over::ProxyFailed(why) => self.apply(myself, Input::Lost { loss: Loss::Proxy, why }),
            Over::Ended(end) => self.apply(myself, Input::Ended(end)),
            Over::Closed => {}
        }
    }
}

/// An attempt that came to nothing, or a connection that ended unasked.
fn count(metrics: &Metrics, over: &Over) {
    match over {
        Over::Unreachable(_) => metrics.connection_attempt("unreachable"),
        Over::ProxyFailed(_) => metrics.connection_attempt("proxy_failed"),
        Over::Lost(_) => metrics.connection_ended("lost"),
        Over::Broken(_) => metrics.connection_ended("broken"),
        Over::Ended(_) => metrics.connection_ended("ended_by_whatsapp"),
        Over::Closed => {}
    }
}
