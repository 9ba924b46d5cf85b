//! The system below HTTP, with the real client and the sandbox: accepting, sending, receipts, restarts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use wamux::actors::{NewKeyRequest, Settings, System, create_key};
use wamux::clock::Clock;
use wamux::domain::access::{Access, Mode};
use wamux::domain::event::StreamEvent;
use wamux::domain::id::SessionId;
use wamux::domain::message::{Filter, Send, Status, Via};
use wamux::domain::phone::Phone;
use wamux::sandbox::{Sandbox, Settings as SandboxSettings};
use wamux::store::seal::MasterKey;
use wamux::store::{DatabaseUrl, Store};
use wamux::whatsapp::Wire;

struct World {
    store: Store,
    sandbox: Sandbox,
    system: System,
    access: Access,
}

impl World {
    async fn open(folder: &std::path::Path) -> Self {
        let clock = Clock::default();
        let master = MasterKey::load_or_make(&folder.join("master.key")).unwrap();
        let store = Store::open(&DatabaseUrl::sqlite(&folder.join("wamux.db")), master, clock.clone()).await.unwrap();
        let sandbox = Sandbox::open(SandboxSettings { file: folder.join("sandbox.db") }, clock).await.unwrap();
        let dial = {
            let sandbox = sandbox.clone();
            Arc::new(move || sandbox.dial())
        };
        let system = System::start(Settings { store: store.clone(), wire: Wire::sandbox(dial), mode: Mode::Test })
            .await
            .unwrap();
        let tenant = store.tenant_of(&"you@example.com".parse().unwrap()).await.unwrap();
        store.set_plan(&"you@example.com".parse().unwrap(), "pro").await.unwrap();
        let new = NewKeyRequest { name: "k".into(), description: None, expires_in_days: None };
        let (_, key) = create_key(&store, Mode::Test, tenant, new).await.unwrap();
        let access = system.enter(&key).await.unwrap();
        Self { store, sandbox, system, access }
    }

    async fn close(self) {
        self.system.stop().await;
        self.store.close().await;
        self.sandbox.close().await;
    }

    async fn link(&self, key: &str, phone: &Phone) -> SessionId {
        let session = self.system.create_session(&self.access, key.to_owned().try_into().unwrap()).await.unwrap();
        let mut stream = loop {
            match self.system.watch_session(&self.access, session.id, None).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.sandbox.create_phone(phone, None).await.unwrap();
        while let Some((id, event)) = stream.next().await {
            eprintln!("{id} {}", event.name());
            match event {
                StreamEvent::Qr { qr, .. } => self.sandbox.scan(phone, &qr).await.unwrap(),
                StreamEvent::Connected { .. } => return session.id,
                StreamEvent::Error { code, message, .. } => panic!("{code} {message}"),
            }
        }
        panic!("the stream ended");
    }

    async fn send(&self, to: &Phone, text: &str) {
        let send = Send { to: to.clone(), text: text.to_owned().try_into().unwrap(), via: Via::Latest };
        self.system.accept(&self.access, send, None).await.answer.unwrap();
    }

    async fn until(&self, status: Status, count: u64) {
        let filter = || Filter { limit: 1, status: Some(status), ..Filter::default() };
        let all = async {
            loop {
                let total = self.store.messages(self.access.tenant, &filter()).await.unwrap().total;
                if total >= count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), all).await.is_err() {
            for s in Status::ALL {
                let filter = Filter { limit: 1, status: Some(s), ..Filter::default() };
                eprintln!("{s:?} {}", self.store.messages(self.access.tenant, &filter).await.unwrap().total);
            }
            eprintln!("{}", serde_json::to_string_pretty(&self.system.health()).unwrap());
            panic!("not {status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_texts_reach_ten_phones_in_order() {
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").try_init();
    let folder = tempfile::tempdir().unwrap();
    let own: Phone = "+237600000001".parse().unwrap();
    let world = World::open(folder.path()).await;
    world.link("one", &own).await;
    let phones: Vec<Phone> = (0..10).map(|n| format!("+23761000000{n}").parse().unwrap()).collect();
    for n in 0..100 {
        world.send(&phones[n % 10], &format!("text {n}")).await;
    }
    world.until(Status::Delivered, 100).await;
    for (p, phone) in phones.iter().enumerate() {
        let shown = world.sandbox.screen(phone).await.unwrap();
        let texts: Vec<_> = shown.iter().map(|s| s.text.clone()).collect();
        let want: Vec<_> = (0..10).map(|n| format!("text {}", n * 10 + p)).collect();
        assert_eq!(format!("{texts:?}"), format!("{want:?}"));
        world.sandbox.read(phone, &own).await.unwrap();
    }
    world.until(Status::Read, 100).await;
    world.sandbox.write(&phones[0], &own, &"back".to_owned().try_into().unwrap()).await.unwrap();
    world.close().await;
    let world = World::open(folder.path()).await;
    let mut stream = None;
    let all = world.system.sessions(&world.access).await.unwrap();
    while stream.is_none() {
        stream = world.system.watch_session(&world.access, all[0].id, None).await.ok();
        tokio::task::yield_now().await;
    }
    let mut stream = stream.unwrap();
    while let Some((_, event)) = stream.next().await {
        if event.name() == "connected" {
            break;
        }
    }
    world.system.clock();
    let send = Send { to: phones[0].clone(), text: "again".to_owned().try_into().unwrap(), via: Via::Latest };
    world
        .system
        .enter(&"sk".parse().unwrap_or_else(|_| wamux::domain::access::ApiKey::new(Mode::Test, [0; 32])))
        .await
        .unwrap_err();
    world.system.accept(&world.access, send, None).await.answer.unwrap();
    world.until(Status::Delivered, 2).await;
    world.close().await;
}
