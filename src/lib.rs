//! Wamux: a multi-tenant WhatsApp API server. This page is the map.
//!
//! # A message's path
//!
//! 1. A request comes through the [`http`] door: a connection with limits on everything, a request id, an API key. What it says
//!    becomes values of [`domain`] at once, or a refusal that names every field. The handler asks [`actors::System`] and no more.
//! 2. `System` lets the key in (known keys cost no query) and finds the tenant's actor, starting it at the tenant's first call.
//! 3. The **tenant's actor** keeps the key to its burst, chooses the session and the wire id, and hands the whole thing to the
//!    store's writer, with a closure that answers the caller. It waits for nothing and takes the next call.
//! 4. The **writer** ([`store`]) makes one transaction of whatever is queued: message rows with their wire ids, the day's counts,
//!    idempotent answers, events. One fsync for all of them; then the 202s.
//! 5. A nudge goes down to the session's **outbox**. It carries nothing: the outbox reads what is due from the store, in the order
//!    of acceptance within each chat, and gives it to the client, which encrypts it for each device of the recipient ([`whatsapp`]).
//!    A session may keep to a pace ([`domain::pacing`]): then the next message waits for its turn, whichever chat it is for.
//! 6. The bytes go out over the wire: to the real network, or to the `sandbox`, in this process or another, where a simulated phone decrypts
//!    them and shows them. The network's **ack** comes after it has kept the message; only then is its status `sent`. Until it
//!    comes, every new connection sends the message again under the same wire id, and phones show an id once.
//! 7. **Receipts** come back, matched by session and wire id, and move the status forward, never back. A receipt may die with the
//!    process that got it; so what was sent and never receipted is sent again, once, after a start, before what is new.
//! 8. None stays `pending` for ever. What WhatsApp has not confirmed in its time (24 h, a setting) fails as `expired`: the outbox puts
//!    nothing older on the wire, and the **janitor** fails, five minutes later, whatever nobody was there to send. `failed` is final,
//!    so it waits until no acknowledgement can come any more of what went out in its last moment.
//!
//! People come through the same door: a page's form is a call as any other, made with the cookie of a browser in which somebody is signed in
//! in place of a key ([`domain::account`], `http/pages`). The pages ask the same `System`, draw with what it answers, and lead on.
//!
//! What arrives goes the other way: the client decrypts it, the session's **inbox** has the store keep it, and only then is the
//! network told that it arrived.
//!
//! # A medium's path
//!
//! 1. It is accepted as a text is, with a row of its own beside the message's. A file that came with the request lies in the spool
//!    before that; a URL is only written down.
//! 2. The session's **outbox** reads what waits, connected or not, and hands it to the **media pool**, whose queue is fair between
//!    tenants: none has more than a quarter of the workers, nor more than stay free. Rows are the truth: what a crash takes from the
//!    queue is handed over again. Where too much lies on the disk, ready and not uploaded, media wait.
//! 3. A **worker** fetches what the URL names (only from where this server may go), makes of it what phones play, once it has one of
//!    the places for conversions, and puts that into the spool. What may succeed later is tried again, up to six times; anything else fails the message, with a code and a sentence.
//! 4. The outbox **uploads** it through the session's link: encrypted into a file that has no name, read from there, and never in
//!    memory as a whole. The message that names it is kept, sealed, for as long as it may have to be sent again; the file is not.
//! 5. It goes out as a text does. Until it can, it holds back its own chat and no other: within a chat messages go out in the order
//!    of acceptance.
//!
//! # The tree
//!
//! [`actors`] draws it: root, janitor, pool, worker, tenants, tenant, session, outbox, inbox. Failures are restarted after a growing back-off,
//! and too many of them lead to a quarantine. Nothing that matters lives only in a mailbox: start, crash and normal running are
//! the same code, which reads the store for what is due.
//!
//! # The laws
//!
//! - Imports run one way: `domain ‹ store ‹ whatsapp ‹ actors ‹ http`. `sandbox` stands apart; only the wiring ([`server`]) and its
//!   own routes use it. Each foreign crate has one home. A test (`tests/tidy.rs`) holds both.
//! - `domain` has no I/O, no async, no clock and no chance. A session's life is `apply(state, input) -> (state, effects)`.
//! - Tenancy is in the signature: what the store gives a tenant it is asked for with the tenant's id, or with a lease that
//!   carries it. The fleet-wide questions are few: whose key this is, which tenants have something to run, for the
//!   operator how many sessions stand how, and, for the janitor, what is old and which files of the spool are still named.
//! - A session writes under its lease (session, epoch). Starting a session raises its epoch; a write of its life or of its device
//!   keys, or one that keeps what it received, under an older one is refused. On one machine the lease is always ours; on several it
//!   is the fence: whoever started a session last has it, and who lost it stays down until it is asked.
//! - What is sealed stands in one table (`store/seal/columns.rs`), through which a rotation of the master key goes.
//! - Whoever drives a session's client holds its seat, across restarts of every actor above: a device never has two clients.
//! - Mail to people goes out by [`mail`], away from the request that it is for. What waits there is in memory alone: whoever misses
//!   a letter asks again, and what its link is good for stands in the store.
//! - A running server is a value ([`server::Server`]); two of them live in one process, and tests do that.
//!
//! # Where the code knows better than the design it began with
//!
//! - **The day's limit is decided inside the writer's transaction**, from the plan's row, and not from a number in the tenant's
//!   actor. It is one read a batch, exact under any concurrency, and a plan changed by another process counts at once. The number of
//!   sessions and of keys is decided the same way, and so is what an `Idempotency-Key` stands for.
//! - **A message is `sent` when the network acknowledged it**, not when it was written to the socket, because what is not marked
//!   is sent again: that alone makes a crash between the two harmless.
//! - **Some rows are settled by the writer itself**: sends, marks and device keys come in floods, so a batch writes each of them
//!   with a few statements; everything else is a closure in a savepoint of its own.
//! - **Everything that asks the database ends in bounded time**, though the kernel would wait for a host that vanished: then the
//!   caller is told that it is not known what happened, marks are written again, and other connections take the place of those that
//!   hang (`store/database/pool.rs`). The same cures a `SQLite` connection whose disk failed under it.
//! - **There is no journal actor yet**: nothing reads the event log but a session's own stream, and its actor wakes its watchers.

pub mod actors;
pub mod clock;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
pub mod mail;
pub mod metrics;
mod private;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod server;
pub mod store;
pub mod telemetry;
mod trust;
pub mod whatsapp;
