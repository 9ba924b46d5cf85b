//! A real client on a sandbox in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio_websockets::ClientBuilder;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::{Client, Event, Jid, MessageBuilderExt as _, MessageExt as _, SendOptions, wa};
use whatsapp_rust::store::persistence_manager::PersistenceManager;
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory, from_websocket};
use whatsapp_rust::types::events::{ChannelEventHandler, Receipt};
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::{NodeBuilder, TokioRuntime, anyhow, async_channel};

use crate::clock::Clock;
use crate::domain::content::Text;
use crate::domain::phone::Phone;
use crate::sandbox::account::Held;
use crate::sandbox::ledger::{Change, Device};
use crate::sandbox::message::{Parties, outgoing, route};
use crate::sandbox::phone::outbox::{self, Other};
use crate::sandbox::phone::{keys, signal};
use crate::sandbox::{Sandbox, Settings, Shown, receipt, stanza};

/// Nothing here takes longer, unless it never happens.
const SOON: Duration = Duration::from_secs(20);

pub(crate) fn phone(number: &str) -> Phone {
    number.parse().unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text.to_owned()).unwrap()
}

/// A folder with a network in it.
pub(crate) struct Net {
    folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Net {
    pub(crate) async fn new() -> Self {
        // With WAMUX_LOG set, a failing test shows what both sides said.
        let filter = tracing_subscriber::EnvFilter::from_env("WAMUX_LOG");
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        Self::at(tempfile::tempdir().unwrap()).await
    }

    /// The network that a folder holds.
    pub(crate) async fn at(folder: tempfile::TempDir) -> Self {
        let sandbox = open(&folder).await;
        Self { folder, sandbox }
    }

    /// Closes the network and opens it again from its file.
    pub(crate) async fn reopen(self) -> Self {
        self.sandbox.close().await;
        let sandbox = open(&self.folder).await;
        Self { folder: self.folder, sandbox }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The texts on a screen, oldest first.
    pub(crate) async fn texts(&self, number: &str) -> Vec<String> {
        self.screen(number).await.into_iter().map(|shown| shown.text).collect()
    }

    pub(crate) async fn screen(&self, number: &str) -> Vec<Shown> {
        self.sandbox.screen(&phone(number)).await.unwrap()
    }

    /// Waits until every stanza for the first companion of a number was confirmed by it.
    pub(crate) async fn confirmed(&self, number: &str) {
        let device = self.companion(number).await;
        let ledger = &self.sandbox.network.ledger;
        self.until("confirmed", async || ledger.queued(device, 0, 1).await.unwrap().is_empty()).await;
    }

    /// Waits until something waits for the phone of a number, which is offline.
    pub(crate) async fn asked(&self, number: &str) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let ledger = &self.sandbox.network.ledger;
        let waits = async || !ledger.queued(account.device(0), 0, 1).await.unwrap().is_empty();
        self.until("asked", waits).await;
    }

    /// As if what waits for the first companion of a number had never been.
    pub(crate) async fn forget_queue(&self, number: &str) {
        let device = self.companion(number).await;
        self.sandbox.network.ledger.write(vec![Change::ForgetQueue(device)]).await.unwrap();
    }

    /// One-time pre-keys left of the first companion of a number.
    pub(crate) async fn prekeys(&self, number: &str) -> i64 {
        let device = self.companion(number).await;
        self.sandbox.network.ledger.prekey_count(device).await.unwrap()
    }

    /// A phone encrypts something for another phone, and it arrives.
    pub(crate) async fn encrypts(&self, from: &str, to: &str, padded: &[u8]) {
        let network = &self.sandbox.network;
        let sender = network.find(&phone(from)).await.unwrap().unwrap();
        let target = network.find(&phone(to)).await.unwrap().unwrap();
        let mut changes = Vec::new();
        let mut state = sender.lock().await;
        let (other, peer) = (Other::Phone(Arc::clone(&target)), target.device(0));
        outbox::ready(network, &sender, &mut state, peer, &other, &mut changes).await.unwrap();
        let sealed = signal::encrypt(&sender, &mut state, peer, padded, &network.ledger, &mut changes).await.unwrap();
        network.ledger.write(changes).await.unwrap();
        drop(state);
        self.routes(from, 0, to, outbox::enc(sealed, None)).await;
    }

    /// A copy goes its way from a device to a phone.
    pub(crate) async fn routes(&self, from: &str, device: u16, to: &str, enc: Node) {
        let network = &self.sandbox.network;
        let sender = network.find(&phone(from)).await.unwrap().unwrap();
        let target = network.find(&phone(to)).await.unwrap().unwrap();
        let message = NodeBuilder::new("message").attr("to", target.lid(0)).attr("id", outbox::message_id().unwrap());
        let parties = Parties { sender: sender.device(device), target: target.id };
        let mut held = Held::take(vec![sender, target]).await;
        let routed = route(network, &mut held, &parties, &message.children([enc]).build()).await.unwrap();
        network.ledger.write(routed.changes).await.unwrap();
    }

    /// How many stanzas wait for a device, which need not be there.
    pub(crate) async fn waiting(&self, number: &str, device: u16) -> usize {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        self.sandbox.network.ledger.queued(account.device(device), 0, 100).await.unwrap().len()
    }

    /// The stanzas that wait for a device.
    pub(crate) async fn told(&self, number: &str, device: u16) -> Vec<Node> {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let queued = self.sandbox.network.ledger.queued(account.device(device), 0, 100).await.unwrap();
        queued.iter().map(|(_, stanza)| stanza::kept(stanza).unwrap()).collect()
    }

    /// Someone takes a one-time key of a companion.
    pub(crate) async fn takes_key(&self, number: &str, device: u16) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        keys::take(&self.sandbox.network, account.device(device)).await.unwrap();
    }

    /// As if a stanza had once been queued for a device.
    pub(crate) async fn queue(&self, number: &str, device: u16) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let stanza = NodeBuilder::new("receipt").attr("id", "1").build();
        let outgoing = outgoing(account.device(device), "receipt", "1".to_owned(), String::new(), &stanza).unwrap();
        self.sandbox.network.ledger.write(vec![Change::Enqueue(outgoing)]).await.unwrap();
    }

    /// A companion says a receipt.
    pub(crate) async fn receipts(&self, from: &str, device: u16, receipt: &Node) {
        let network = &self.sandbox.network;
        let account = network.find(&phone(from)).await.unwrap().unwrap();
        let answer = receipt::from_companion(network, &account, account.device(device), receipt).await.unwrap();
        answer.ticket.unwrap().committed().await.unwrap();
    }

    /// As if the network had once taken a signed pre-key that nobody signed.
    pub(crate) async fn spoil_key(&self, number: &str, device: u16) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        account.lock().await.companions.get_mut(&device).unwrap().signed_prekey.signature = vec![7; 64];
    }

    /// As if a number had linked and unlinked this many devices before.
    pub(crate) async fn had_devices(&self, number: &str, many: u16) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let mut state = account.lock().await;
        state.next_device = many + 1;
    }

    /// Strangers take this many keys of a phone and use none of them.
    pub(crate) async fn waste_keys(&self, number: &str, many: usize) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let mut state = account.lock().await;
        let mut changes = Vec::new();
        for _ in 0..many {
            keys::one_time(&account, &mut state, &mut changes).unwrap();
        }
        self.sandbox.network.ledger.write(changes).await.unwrap();
    }

    /// Keys that a phone has given out and nobody has used.
    pub(crate) async fn unused_keys(&self, number: &str) -> i64 {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        self.sandbox.network.ledger.phone_prekey_count(account.id).await.unwrap()
    }

    /// As if everything had been killed between a companion's word and the commit of it.
    pub(crate) async fn unsign(&self, number: &str) {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        let mut row = account.lock().await.companions[&1].clone();
        row.signed = false;
        let link = Change::Link { account: account.id, companion: Box::new(row) };
        self.sandbox.network.ledger.write(vec![link]).await.unwrap();
    }

    async fn companion(&self, number: &str) -> Device {
        let account = self.sandbox.network.find(&phone(number)).await.unwrap().unwrap();
        account.device(1)
    }

    /// Waits for what no event tells.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("never {what}"));
    }

    /// A client that a phone has just linked, connected.
    pub(crate) async fn linked(&self, number: &str) -> Companion {
        let companion = Companion::start(&self.sandbox, Arc::new(InMemoryBackend::new())).await;
        companion.link(&self.sandbox, number).await;
        companion
    }

    /// The same, after it has talked to another phone and lost its session with that.
    pub(crate) async fn estranged(&self, number: &str, other: &str) -> Companion {
        let companion = self.linked(number).await;
        self.sandbox.create_phone(&phone(other), None).await.unwrap();
        self.sandbox.write(&phone(other), &phone(number), &text("first")).await.unwrap();
        let (sender, ..) = companion.receives().await;
        // An answer confirms the session, so that the phone's next text can only be read with it.
        companion.send(other, "answer").await;
        companion.receipt().await;
        companion.client.signal().delete_sessions(&[sender]).await.unwrap();
        companion
    }
}

pub(crate) async fn open(folder: &tempfile::TempDir) -> Sandbox {
    let settings = Settings { file: folder.path().join("sandbox.db") };
    Sandbox::open(settings, Clock::default()).await.unwrap()
}

/// The client of a linked (or not yet linked) device.
pub(crate) struct Companion {
    pub(crate) client: Arc<Client>,
    pub(crate) backend: Arc<InMemoryBackend>,
    pub(crate) events: async_channel::Receiver<Arc<Event>>,
    pub(crate) run: JoinHandle<()>,
}

impl Companion {
    pub(crate) async fn start(sandbox: &Sandbox, backend: Arc<InMemoryBackend>) -> Self {
        Self::over(sandbox, backend, Arc::new(Http(sandbox.clone()))).await
    }

    /// One whose media go another way.
    pub(crate) async fn over(sandbox: &Sandbox, backend: Arc<InMemoryBackend>, http: Arc<dyn HttpClient>) -> Self {
        let store: Arc<dyn Backend> = backend.clone();
        let manager = Arc::new(PersistenceManager::new(store).await.unwrap());
        let client = Client::builder()
            .with_runtime(TokioRuntime)
            .with_persistence_manager(manager)
            .with_transport_factory(Dial(sandbox.clone()))
            .with_http_client_arc(http)
            .with_version_override((2, 3000, 1_044_659_339))
            .with_wanted_pre_key_count(30)
            .with_background_saver_interval(Duration::from_secs(30))
            .build()
            .await
            .unwrap()
            .into_client();
        let (handler, events) = ChannelEventHandler::new();
        client.subscribe_handler(handler).detach();
        let running = Arc::clone(&client);
        let run = tokio::spawn(async move { running.run().await });
        Self { client, backend, events, run }
    }

    /// Shows a code, has the phone scan it, and waits until it is connected.
    pub(crate) async fn link(&self, sandbox: &Sandbox, number: &str) {
        let code = self.code().await;
        sandbox.scan(&phone(number), &code).await.unwrap();
        self.connected().await;
    }

    pub(crate) async fn code(&self) -> String {
        let event = self.wait("a code", |event| matches!(event, Event::PairingQrCode(_))).await;
        let Event::PairingQrCode(shown) = &*event else { unreachable!() };
        shown.code.clone()
    }

    pub(crate) async fn connected(&self) {
        self.wait("connected", |event| matches!(event, Event::Connected(_))).await;
    }

    /// The next event that fits; those before it are gone.
    pub(crate) async fn wait(&self, what: &str, fits: impl Fn(&Event) -> bool) -> Arc<Event> {
        let wait = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if fits(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| panic!("never {what}"))
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        let to = Jid::pn(phone(to).digits().to_owned());
        self.client.send_text(&to, text).await.unwrap().message_id
    }

    /// Sends whatever it is; it is on its way to the screen when this returns.
    pub(crate) async fn sends(&self, to: &str, message: wa::Message) -> String {
        let to = Jid::pn(phone(to).digits().to_owned());
        let id = self.client.send_message(&to, message).await.unwrap().message_id;
        self.acknowledged(&id, "message").await;
        id
    }

    /// Sends under an id that was chosen before, as after a restart.
    pub(crate) async fn send_as(&self, to: &str, text: &str, id: &str) {
        let to = Jid::pn(phone(to).digits().to_owned());
        let options = SendOptions::default().with_message_id(id.to_owned());
        self.client.send_message_with_options(&to, wa::Message::text(text), options).await.unwrap();
    }

    pub(crate) async fn receipt(&self) -> Receipt {
        let event = self.wait("a receipt", |event| matches!(event, Event::Receipt(_))).await;
        let Event::Receipt(receipt) = &*event else { unreachable!() };
        receipt.clone()
    }

    /// The network has acknowledged a stanza.
    pub(crate) async fn acknowledged(&self, id: &str, class: &str) {
        let fits = |event: &Event| matches!(event, Event::ServerAck(ack) if ack.id == id && ack.class.as_deref() == Some(class));
        self.wait("an ack", fits).await;
    }

    /// The texts of the next batch that arrives.
    pub(crate) async fn texts(&self) -> Vec<String> {
        let event = self.wait("a text", |event| event.messages().any(|m| m.message.text_content().is_some())).await;
        event.messages().filter_map(|m| m.message.text_content().map(str::to_owned)).collect()
    }

    /// The next text that arrives: who wrote, the other name of who wrote, and what.
    pub(crate) async fn receives(&self) -> (Jid, Option<Jid>, String) {
        let event = self.wait("a text", |event| event.messages().any(|m| m.message.text_content().is_some())).await;
        let first = event.messages().find(|m| m.message.text_content().is_some()).unwrap();
        let source = &first.info.source;
        (source.sender.clone(), source.sender_alt.clone(), first.message.text_content().unwrap().to_owned())
    }

    /// Leaves the network, but stays linked: what it holds can start again.
    pub(crate) async fn stop(self) -> Arc<InMemoryBackend> {
        self.client.disconnect().await;
        self.run.await.unwrap();
        self.backend
    }
}

/// How a client of these tests reaches the network.
pub(crate) struct Dial(pub(crate) Sandbox);

#[async_trait]
impl TransportFactory for Dial {
    async fn create_transport(&self) -> anyhow::Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>)> {
        let uri = "ws://sandbox/ws/chat".parse()?;
        let (socket, _) = ClientBuilder::from_uri(uri).connect_on(self.0.dial()).await?;
        Ok(from_websocket(socket))
    }
}

/// How a client of these tests reaches the media servers.
struct Http(Sandbox);

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let body = request.body.unwrap_or_default();
        let asked = hyper::Request::builder().method(request.method.as_str()).uri(request.url);
        let asked = asked.header("content-length", body.len()).body(body.into())?;
        let answer = reqwest::Response::from(self.0.media(asked).await);
        Ok(HttpResponse { status_code: answer.status().as_u16(), body: answer.bytes().await?.into() })
    }
}
