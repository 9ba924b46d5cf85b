//! A fleet: many sessions of several tenants, the texts that each is asked to send, and the judge, which is what the phones show.
//!
//! Who asks does so as a good client does: one request of a chat after the other, so that the order of acceptance is known; an
//! idempotency key on each, so that a request whose answer was lost is made again; and never faster than it is told.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use wamux::clock::instant;

use super::app::Caller;
use super::process::Process;

/// Sessions that are linked at the same time.
const LINKING: usize = 16;
/// How long the network and the server may take over everything that was accepted.
const PATIENCE: Duration = Duration::from_mins(5);

/// How many of what.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub tenants: usize,
    /// Keys of one tenant; each has a burst and a rate of its own.
    pub keys: usize,
    pub sessions: usize,
    /// Phones that are written to, each by every session that its turn comes to.
    pub phones: usize,
    /// Chats of one session.
    pub chats: usize,
    /// Texts in one chat.
    pub texts: usize,
    /// Connections that ask at the same time.
    pub lanes: usize,
}

impl Size {
    pub fn all(&self) -> usize {
        self.sessions * self.chats * self.texts
    }
}

/// A linked session.
struct Member {
    tenant: usize,
    id: String,
    number: String,
}

/// Where texts of one session to one phone go.
#[derive(Clone, Copy)]
struct Chat {
    member: usize,
    phone: usize,
}

pub struct Fleet {
    size: Size,
    /// One for each key of each tenant.
    callers: Vec<Vec<Caller>>,
    members: Vec<Member>,
    /// Where the server listens now: one that was killed comes back elsewhere.
    at: watch::Sender<String>,
}

impl Fleet {
    /// Tenants on the Pro plan.
    pub fn new(server: &Process, size: Size) -> Self {
        let callers = (0..size.tenants).map(|tenant| callers(server, tenant, size.keys)).collect();
        Self { size, callers, members: Vec::new(), at: watch::Sender::new(server.base.clone()) }
    }

    /// The same with all of its sessions linked.
    pub async fn linked(server: &Process, size: Size) -> Self {
        let mut fleet = Self::new(server, size);
        fleet.link(size.sessions).await;
        fleet
    }

    /// Links the next sessions, each by a phone of its own, until there are so many.
    pub async fn link(&mut self, until: usize) {
        let links = stream::iter(self.members.len()..until).map(|n| {
            let (tenant, number) = (n % self.size.tenants, format!("+23760{n:07}"));
            let caller = self.caller(tenant, n / self.size.tenants);
            async move { Member { tenant, id: caller.link(&format!("s{n}"), &number).await, number } }
        });
        let linked: Vec<Member> = links.buffered(LINKING).collect().await;
        self.members.extend(linked);
    }

    /// The server that the fleet talks to now.
    pub fn moved(&self, server: &Process) {
        self.at.send_replace(server.base.clone());
    }

    fn caller(&self, tenant: usize, turn: usize) -> Caller {
        let callers = &self.callers[tenant];
        callers[turn % callers.len()].at(&self.at.borrow())
    }

    /// All chats, so that one after the other is of another session.
    fn chats(&self) -> Vec<Chat> {
        let Size { sessions, phones, chats, .. } = self.size;
        let of = |slot: usize| (0..sessions).map(move |member| Chat { member, phone: (member + slot) % phones });
        (0..chats).flat_map(of).collect()
    }

    /// Asks for all texts, round robin over the sessions; back when all are accepted.
    pub async fn send(&self) {
        let lanes = self.size.lanes;
        let chats = self.chats();
        let lane = |n: usize| {
            let own: Vec<Chat> = chats.iter().skip(n).step_by(lanes).copied().collect();
            self.lane(n, own)
        };
        join_all((0..lanes).map(lane)).await;
    }

    async fn lane(&self, lane: usize, chats: Vec<Chat>) {
        let callers: Vec<Caller> = (0..self.callers.len()).map(|tenant| self.caller(tenant, lane)).collect();
        let mut at = self.at.subscribe();
        for n in 0..self.size.texts {
            for chat in &chats {
                let member = &self.members[chat.member];
                let body = json!({ "to": phone(chat.phone), "message": said(n), "sessionId": member.id });
                let key = format!("{}-{}-{n}", chat.member, chat.phone);
                accepted(&callers[member.tenant], &mut at, &key, &body).await;
            }
        }
    }

    /// Every phone writes to every session that writes to it, without waiting for the other to begin. These are asked of the network.
    pub async fn write_back(&self, network: &Process) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let post = async |path: String, body: Value| {
            let answer =
                client.post(format!("{}/sandbox/phones{path}", network.base)).json(&body).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 201, "{path}: {}", answer.text().await.unwrap());
        };
        join_all((0..self.size.phones).map(|n| post(String::new(), json!({ "phone": phone(n) })))).await;
        let writes = stream::iter(self.chats()).map(|chat| {
            let (from, to) = (phone(chat.phone), &self.members[chat.member].number);
            post(format!("/{from}/messages"), json!({ "to": to, "message": format!("from {from}") }))
        });
        writes.buffer_unordered(LINKING).collect::<Vec<()>>().await;
    }

    /// How many messages of all tenants match.
    pub async fn count(&self, query: &str) -> u64 {
        join_all((0..self.callers.len()).map(|tenant| async move { self.caller(tenant, 0).count(query).await }))
            .await
            .into_iter()
            .sum()
    }

    /// Waits until all texts have at least come to this status.
    pub async fn until_all(&self, status: &str) {
        let (began, all) = (instant(), self.size.all() as u64);
        let mut pause = tokio::time::interval(Duration::from_millis(250));
        loop {
            pause.tick().await;
            let there = self.count(&format!("direction=outbound&status={status}")).await;
            if there >= all {
                return;
            }
            let failed = self.count("direction=outbound&status=failed").await;
            assert!(failed == 0 && began.elapsed() < PATIENCE, "{there} of {all} are {status}, {failed} failed");
        }
    }

    /// The judge: every phone shows all that was accepted for it, each text once and in the order of its chat, and nothing else. When
    /// the last of them came to its screen.
    pub async fn judge(&self) -> DateTime<Utc> {
        let mut last = DateTime::UNIX_EPOCH;
        let mut shown = 0;
        for number in 0..self.size.phones {
            let screen = self.caller(0, number).get(&format!("/sandbox/phones/{}/messages", phone(number))).await;
            let mut chats: HashMap<String, Vec<String>> = HashMap::new();
            for message in screen.expect(200)["messages"].as_array().unwrap() {
                if message["fromMe"] == false {
                    let text = |name: &str| message[name].as_str().unwrap().to_owned();
                    chats.entry(text("from")).or_default().push(text("text"));
                    last = last.max(text("timestamp").parse().unwrap());
                    shown += 1;
                }
            }
            for chat in self.chats().iter().filter(|chat| chat.phone == number) {
                let of = &self.members[chat.member].number;
                let want: Vec<String> = (0..self.size.texts).map(said).collect();
                assert_eq!(chats.remove(of).unwrap_or_default(), want, "from {of} on {}", phone(number));
            }
            assert!(chats.is_empty(), "nobody was asked for {chats:?}");
        }
        assert_eq!(shown, self.size.all());
        last
    }

    /// The judge of the other way: every session has one text of every phone that wrote to it, and no more.
    pub async fn judge_written_back(&self) {
        let all = (self.size.sessions * self.size.chats) as u64;
        super::app::until("all that was written back", async || self.count("direction=inbound").await >= all).await;
        for (n, member) in self.members.iter().enumerate() {
            let query = format!("/messages?limit=100&direction=inbound&sessionId={}", member.id);
            let page = self.caller(member.tenant, n).get(&query).await.expect(200);
            let from = |message: &Value| message["fromPhone"].as_str().unwrap().to_owned();
            let mut have: Vec<String> = page["messages"].as_array().unwrap().iter().map(from).collect();
            have.sort_unstable();
            let own = self.chats().into_iter().filter(|chat| chat.member == n);
            let mut want: Vec<String> = own.map(|chat| phone(chat.phone)).collect();
            want.sort_unstable();
            assert_eq!(have, want, "to {}", member.number);
        }
    }
}

fn phone(n: usize) -> String {
    format!("+23761{n:07}")
}

/// The text with this number in its chat.
fn said(n: usize) -> String {
    format!("text {n}")
}

fn callers(server: &Process, tenant: usize, keys: usize) -> Vec<Caller> {
    let email = format!("tenant{tenant}@example.com");
    let callers = (0..keys).map(|_| server.caller(&server.key(&email))).collect();
    server.set_plan(&email, "pro");
    callers
}

/// Asks until the answer is that the text is accepted.
async fn accepted(caller: &Caller, at: &mut watch::Receiver<String>, key: &str, body: &Value) {
    loop {
        let caller = caller.at(&at.borrow_and_update());
        let request = caller.request(Method::POST, "/messages").header("Idempotency-Key", key).json(body);
        match request.send().await {
            Ok(answer) if answer.status().as_u16() == 202 => return,
            // Too fast for the key, or the server has too much to do: it says when to come back.
            Ok(answer) if matches!(answer.status().as_u16(), 429 | 503) => {
                let wait = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(wait)).await;
            }
            Ok(answer) => panic!("{}: {}", answer.status(), answer.text().await.unwrap()),
            // It was killed: the same request goes to the one that comes after it.
            Err(_) => tokio::time::timeout(PATIENCE, at.changed()).await.expect("no server came").unwrap(),
        }
    }
}
