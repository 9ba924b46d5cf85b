//! Who takes part: tenants and their linked sessions, who send as good clients do, and phones, which write back. Both remember what
//! they were promised.
//!
//! A client asks for one message of a chat after the other, so that the order of acceptance is known, with an idempotency key on each,
//! so that a request whose answer was lost is made again.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::plan::Size;
use crate::ground::app::Caller;
use crate::ground::process::Process;

/// Sessions that are linked at the same time.
const LINKING: usize = 8;
/// Every so many messages of a chat one is a picture.
const PICTURE_EVERY: usize = 13;

/// A linked session.
pub struct Member {
    pub tenant: usize,
    pub id: String,
    pub number: String,
}

/// Where messages of one session to one phone go.
#[derive(Debug, Clone, Copy)]
pub struct Chat {
    pub member: usize,
    pub phone: usize,
}

/// What a phone wrote to a session.
#[derive(Debug, Clone)]
pub struct Written {
    pub member: usize,
    pub text: String,
    /// The network said that it has it. If it died over the answer, it may have it or not.
    pub certain: bool,
}

pub struct Cast {
    pub size: Size,
    pub members: Vec<Member>,
    callers: Vec<Caller>,
    client: Client,
    /// Where the network's own API is, which is the same whenever it comes back.
    network: String,
    /// Where the server listens now: one that was killed comes back elsewhere.
    at: watch::Sender<String>,
    /// Messages that may be asked for.
    gate: Semaphore,
    pub accepted: watch::Sender<usize>,
    pub written: Mutex<Vec<Written>>,
    picture: Vec<u8>,
}

impl Cast {
    /// Tenants on the Pro plan, with all of their sessions linked.
    pub async fn linked(server: &Process, network: &Process, size: Size) -> Self {
        let callers: Vec<Caller> = (0..size.tenants)
            .map(|tenant| {
                let email = format!("tenant{tenant}@example.com");
                let caller = server.caller(&server.key(&email));
                server.set_plan(&email, "pro");
                caller
            })
            .collect();
        let links = stream::iter(0..size.sessions).map(|n| {
            let (tenant, number) = (n % size.tenants, format!("+23760{n:07}"));
            let caller = callers[tenant].clone();
            async move { Member { tenant, id: caller.link(&format!("s{n}"), &number).await, number } }
        });
        let members = links.buffered(LINKING).collect().await;
        let client = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
        let cast = Self {
            size,
            members,
            callers,
            client,
            network: network.base.clone(),
            at: watch::Sender::new(server.base.clone()),
            gate: Semaphore::new(0),
            accepted: watch::Sender::new(0),
            written: Mutex::default(),
            picture: picture(),
        };
        for n in 0..size.phones {
            assert!(cast.tell_network(Method::POST, "/phones", json!({ "phone": phone(n) })).await, "no phone {n}");
        }
        cast
    }

    /// The server that everybody talks to from now on.
    pub fn moved(&self, server: &Process) {
        self.at.send_replace(server.base.clone());
    }

    pub fn caller(&self, tenant: usize) -> Caller {
        self.callers[tenant].at(&self.at.borrow())
    }

    pub fn tenants(&self) -> impl Iterator<Item = Caller> {
        (0..self.callers.len()).map(|tenant| self.caller(tenant))
    }

    pub fn chats(&self) -> Vec<Chat> {
        let Size { sessions, phones, chats, .. } = self.size;
        let of = |slot: usize| (0..sessions).map(move |member| Chat { member, phone: (member + slot) % phones });
        (0..chats).flat_map(of).collect()
    }

    /// Lets so many more messages be asked for.
    pub fn allow(&self, messages: usize) {
        self.gate.add_permits(messages);
    }

    /// Asks for all messages as they are allowed; back when all are accepted.
    pub async fn send(&self) {
        join_all(self.chats().into_iter().map(|chat| self.send_in(chat))).await;
    }

    async fn send_in(&self, chat: Chat) {
        for n in 0..self.size.texts {
            self.gate.acquire().await.unwrap().forget();
            self.insist(chat, n).await;
            self.accepted.send_modify(|accepted| *accepted += 1);
        }
    }

    /// Asks until the answer is that the message is accepted.
    async fn insist(&self, chat: Chat, n: usize) {
        let mut at = self.at.subscribe();
        loop {
            at.mark_unchanged();
            match self.request(chat, n).send().await {
                Ok(answer) if answer.status().as_u16() == 202 => return,
                Ok(answer) => {
                    let (status, head) = (answer.status().as_u16(), answer.headers().clone());
                    let said = answer.text().await.unwrap_or_default();
                    // Too fast for the key, too much to do, or still at the same request: it says when to come back.
                    let later = matches!(status, 429 | 503) || said.contains("idempotency_in_progress");
                    assert!(later, "{status}: {said}");
                    let wait = head.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
                    tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                }
                // It died, or did not answer: the same request goes to the one that comes after it, or once more to this one.
                Err(_) => drop(tokio::time::timeout(Duration::from_secs(5), at.changed()).await),
            }
        }
    }

    fn request(&self, chat: Chat, n: usize) -> RequestBuilder {
        let member = &self.members[chat.member];
        let (caller, to, said) = (self.caller(member.tenant), phone(chat.phone), said(n));
        let key = format!("{}-{}-{n}", chat.member, chat.phone);
        let request = |path: &str| caller.request(Method::POST, path).header("Idempotency-Key", &key);
        if (n + chat.member + 1).is_multiple_of(PICTURE_EVERY) {
            let fields = [("to", &to), ("sessionId", &member.id), ("caption", &said)];
            let kind = "multipart/form-data; boundary=soak";
            return request("/messages/media").header("Content-Type", kind).body(self.form(fields));
        }
        request("/messages").json(&json!({ "to": to, "message": said, "sessionId": member.id }))
    }

    fn form(&self, fields: [(&str, &String); 3]) -> Vec<u8> {
        let mut form = String::new();
        for (name, value) in fields.into_iter().chain([("mediaType", &"image".to_owned())]) {
            let head = format!("--soak\r\nContent-Disposition: form-data; name=\"{name}\"");
            form.extend([&head, "\r\n\r\n", value, "\r\n"]);
        }
        form += "--soak\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
                 Content-Type: image/png\r\n\r\n";
        [form.as_bytes(), &self.picture, b"\r\n--soak--\r\n"].concat()
    }

    /// Phones write to sessions that write to them, some time within a round; who asks for it does not ask twice.
    pub async fn write_back(&self, round: usize, seed: u64) {
        let mut dice = StdRng::seed_from_u64(seed);
        let chats = self.chats();
        for n in 0..self.size.written {
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..100))).await;
            let chat = chats[dice.random_range(0..chats.len())];
            let text = format!("round {round}, number {n}");
            let body = json!({ "to": self.members[chat.member].number, "message": text });
            let certain =
                self.tell_network(Method::POST, &format!("/phones/{}/messages", phone(chat.phone)), body).await;
            self.written.lock().unwrap().push(Written { member: chat.member, text, certain });
        }
    }

    /// Asks the network itself; whether it said yes.
    pub async fn tell_network(&self, method: Method, path: &str, body: Value) -> bool {
        let request = self.client.request(method, format!("{}/sandbox{path}", self.network)).json(&body);
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// All that a phone shows.
    pub async fn screen(&self, phone: &str) -> Vec<Value> {
        let (mut shown, mut after) = (Vec::new(), String::new());
        loop {
            let url = format!("{}/sandbox/phones/{phone}/messages{after}", self.network);
            let mut page: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
            shown.append(page["messages"].as_array_mut().unwrap());
            match page["nextAfter"].as_str() {
                Some(next) => after = format!("?after={next}"),
                None => return shown,
            }
        }
    }
}

pub fn phone(n: usize) -> String {
    format!("+23761{n:07}")
}

/// The words of the message with this number in its chat.
pub fn said(n: usize) -> String {
    format!("text {n}")
}

fn picture() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(48, 32, |x, y| image::Rgb([x, y, 7].map(|colour| u8::try_from(colour).unwrap())))
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}
