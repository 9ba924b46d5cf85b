//! Many sessions in one server beside their network in another process: 10,000 texts through 200 of them, within the Pro plan, with
//! the phones' screens as the judge; what they cost in memory and how fast they go.

use futures_util::future::join;
use wamux::clock::{Clock, instant};

use super::ground::fleet::{Fleet, Size};
use super::ground::process::Process;
use super::ground::{Ground, Place};
use super::{CONNECTIONS, folder, resident};

/// Chats of one session, and the most phones that they are with.
const CHATS: usize = 5;
const PHONES: usize = 50;

/// Every tenant has 10,000 texts a day and every key 1,000 calls at once: 4 and 4 of them are more than enough.
fn size(sessions: Option<usize>, texts: Option<usize>) -> Size {
    let sessions = sessions.unwrap_or(200);
    let texts = texts.unwrap_or(10_000).div_ceil(sessions * CHATS);
    Size { tenants: 4, keys: 4, sessions, phones: PHONES.min(sessions), chats: CHATS, texts, lanes: CONNECTIONS }
}

/// Both processes, as they stand.
#[derive(Clone, Copy)]
struct Memory {
    server: u64,
    network: u64,
}

impl Memory {
    fn of(server: &Process, network: &Process) -> Self {
        Self { server: resident(server), network: resident(network) }
    }

    fn tell(self, when: &str, empty: Self, sessions: usize) {
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / sessions as f64;
        let (server, network) = (each(self.server, empty.server), each(self.network, empty.network));
        println!(
            "apart: {when}: server {} kB, {server:.1} kB a session; network {} kB, {network:.1} kB a companion",
            self.server, self.network
        );
    }
}

/// Other numbers than 200 and 10,000, if they are wanted.
pub async fn apart(sessions: Option<usize>, texts: Option<usize>) {
    let size = size(sessions, texts);
    // What the first sessions cost is caches and threads that serve all.
    let first = size.sessions / 10;
    // Both on the disk of the sources, where an fsync is an fsync.
    let kept = folder();
    let network = Process::sandbox(kept.path(), "127.0.0.1:0");
    let place = Place::new(Ground::Sqlite).kept_in(folder()).beside(&network.network());
    let server = Process::start_on(&place);
    let empty = Memory::of(&server, &network);
    println!("apart: empty: server {} kB, network {} kB", empty.server, empty.network);

    let mut fleet = Fleet::new(&server, size);
    let began = instant();
    fleet.link(first).await;
    let warm = Memory::of(&server, &network);
    warm.tell(&format!("the first {first} connected"), empty, first);
    fleet.link(size.sessions).await;
    println!("apart: {} sessions linked and connected in {:.1?}", size.sessions, began.elapsed());
    let connected = Memory::of(&server, &network);
    connected.tell("all connected", empty, size.sessions);
    connected.tell("of these, the later ones", warm, size.sessions - first);

    let (all, began, start) = (size.all(), instant(), Clock::default().now());
    let sending = async {
        fleet.send().await;
        began.elapsed()
    };
    let arriving = async {
        fleet.until_all("delivered").await;
        began.elapsed()
    };
    let (accepted, delivered) = join(sending, arriving).await;
    let shown = (fleet.judge().await - start).to_std().unwrap();
    for (what, took) in [("accepted", accepted), ("shown", shown), ("delivered", delivered)] {
        let rate = all as f64 / took.as_secs_f64();
        println!("apart: {all} texts {what} after {took:.1?}, {rate:.0} a second");
    }
    println!("apart: every text is shown once, in the order of its chat, and is delivered");
    Memory::of(&server, &network).tell("after the texts", empty, size.sessions);
}
