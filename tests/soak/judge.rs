//! The judge: what the phones show against what was accepted, and what the sessions have against what the phones wrote.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;
use wamux::clock::instant;

use super::cast::{Cast, Written, phone, said};

/// How long the network and the server may take over what was accepted, once there is no more trouble.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

impl Cast {
    /// At any moment: every chat shows its messages from the first on, each once and in order, up to some point. How many are shown.
    pub async fn judge_so_far(&self) -> usize {
        let mut all = 0;
        for n in 0..self.size.phones {
            let mut chats: HashMap<String, Vec<String>> = HashMap::new();
            for message in self.screen(&phone(n)).await.iter().filter(|message| message["fromMe"] == false) {
                chats.entry(text(message, "from")).or_default().push(text(message, "text"));
            }
            for chat in self.chats().iter().filter(|chat| chat.phone == n) {
                let from = &self.members[chat.member].number;
                let shown = chats.remove(from).unwrap_or_default();
                let wanted: Vec<String> = (0..shown.len()).map(said).collect();
                assert_eq!(shown, wanted, "missing, twice or out of order, from {from} on {}", phone(n));
                all += shown.len();
            }
            assert!(chats.is_empty(), "nobody was asked for {chats:?}");
        }
        all
    }

    /// Waits until the phones have confirmed everything, and then looks at all that there is.
    pub async fn judge(&self) {
        let (began, all) = (instant(), self.size.all() as u64);
        while self.count("direction=outbound&status=delivered").await < all {
            tokio::time::sleep(PAUSE).await;
            if began.elapsed() > PATIENCE {
                self.accuse().await;
            }
        }
        assert_eq!(self.count("direction=outbound").await, all, "accepted twice");
        assert_eq!(self.judge_so_far().await, self.size.all(), "shown");
        self.judge_pictures().await;
        self.judge_own_phones().await;
        self.judge_written().await;
        for member in &self.members {
            let session = self.caller(member.tenant).get(&format!("/sessions/{}", member.id)).await.expect(200);
            assert_eq!(session["status"], "connected", "{session}");
        }
    }

    /// What is not delivered, on this side and on the phones'.
    async fn accuse(&self) -> ! {
        let mut wrong = Vec::new();
        for caller in self.tenants() {
            for status in ["pending", "sent", "failed"] {
                let query = format!("/messages?limit=20&direction=outbound&status={status}");
                wrong.extend(caller.get(&query).await.expect(200)["messages"].as_array().unwrap().clone());
            }
        }
        let wrong: Vec<String> = wrong.iter().map(Value::to_string).collect();
        panic!("{} are shown; not delivered after {PATIENCE:?}:\n{}", self.judge_so_far().await, wrong.join("\n"));
    }

    /// Every picture is on its phone, decrypted.
    async fn judge_pictures(&self) {
        for n in 0..self.size.phones {
            let began = instant();
            loop {
                let screen = self.screen(&phone(n)).await;
                let here = |picture: &&Value| picture["sha256"].is_null();
                let Some(missing) = screen.iter().filter(|message| message["type"] == "image").find(here) else {
                    break;
                };
                assert!(missing["mediaError"].is_null() && began.elapsed() < PATIENCE, "on {}: {missing}", phone(n));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The phones of the sessions' own accounts show what their companions sent, each once and in order.
    async fn judge_own_phones(&self) {
        for (n, member) in self.members.iter().enumerate() {
            let mut chats: HashMap<String, Vec<String>> = HashMap::new();
            for message in self.screen(&member.number).await.iter().filter(|message| message["fromMe"] == true) {
                chats.entry(text(message, "chat")).or_default().push(text(message, "text"));
            }
            let wanted: Vec<String> = (0..self.size.texts).map(said).collect();
            for chat in self.chats().iter().filter(|chat| chat.member == n) {
                let shown = chats.remove(&phone(chat.phone)).unwrap_or_default();
                assert_eq!(shown, wanted, "on its own phone {}, to {}", member.number, phone(chat.phone));
            }
        }
    }

    /// Every session has what the phones wrote to it, each once.
    async fn judge_written(&self) {
        let written = self.written.lock().unwrap().clone();
        let began = instant();
        loop {
            let wrong = self.received_wrong(&written).await;
            if wrong.is_empty() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "received wrong:\n{}", wrong.join("\n"));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What a session has not once that was written to it, or has though nobody wrote it.
    async fn received_wrong(&self, written: &[Written]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (n, member) in self.members.iter().enumerate() {
            let mut received: BTreeMap<String, usize> = BTreeMap::new();
            for message in self.inbound(member.tenant, &member.id).await {
                *received.entry(text(&message, "message")).or_default() += 1;
            }
            for text in written.iter().filter(|text| text.member == n) {
                let times = received.remove(&text.text).unwrap_or_default();
                if times != 1 && (times > 1 || text.certain) {
                    wrong.push(format!("{} has {times} of {text:?}", member.number));
                }
            }
            wrong.extend(received.keys().map(|text| format!("nobody wrote {text:?} to {}", member.number)));
        }
        wrong
    }

    async fn inbound(&self, tenant: usize, session: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let offset = all.len();
            let query = format!("/messages?limit=100&offset={offset}&direction=inbound&sessionId={session}");
            let page = self.caller(tenant).get(&query).await.expect(200);
            let page = page["messages"].as_array().unwrap().clone();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// How many messages of all tenants match.
    pub async fn count(&self, query: &str) -> u64 {
        let mut all = 0;
        for caller in self.tenants() {
            let answer = caller.get(&format!("/messages?limit=1&{query}")).await;
            if answer.status == 429 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            } else {
                all += answer.expect(200)["total"].as_u64().unwrap();
            }
        }
        all
    }
}

fn text(message: &Value, name: &str) -> String {
    message[name].as_str().unwrap_or_default().to_owned()
}
