//! The network's media servers, and what phones keep of what they fetched there. Everything lies in a folder beside the
//! network's file, `sandbox-media`, and outlives a restart.
//!
//! A client asks for a connection ([`super::iq`]) and puts up an encrypted file under its hash ([`upload`]); whoever was told
//! where it lies fetches it ([`door`]). Files are deleted when they are too old, or when there are too many: the oldest first.
//! Time is that of the clock that tests control, and `POST …/messages/{id}/media/expire` lets a person do it to one file.

mod door;
mod files;
mod folder;
mod pass;
mod upload;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use tokio::sync::Semaphore;

use super::ledger::Device;
use crate::clock::Clock;
pub(crate) use door::{USUAL_HOST, answer, is_host};
pub(crate) use files::{chunks, off};
pub(crate) use folder::{Bounds, Folder, Staged};
pub(crate) use pass::{AUTH, Passes, Refused};

/// The largest file that is taken, encrypted.
pub(crate) const FILE_MAX: u64 = 100 << 20;
/// Uploads at once. Each has a file handle and some hundred kilobytes; whoever comes later waits for its turn.
const UPLOADS: usize = 64;

/// What the servers hold: two gigabytes for thirty days, as the real ones hold it for about so long.
const SERVERS: Bounds = Bounds { bytes: 2 << 30, files: 100_000, age: TimeDelta::days(30) };
/// What all phones together keep of what they have fetched. A phone that has no room left forgets what it had first.
const PHONES: Bounds = Bounds { bytes: 2 << 30, files: 100_000, age: TimeDelta::days(365) };

pub(crate) struct Media {
    /// Encrypted files, by the hash that their senders say they have; and beginnings of such, where an upload was cut.
    pub(crate) files: Folder,
    /// What phones have decrypted, by its hash.
    pub(crate) copies: Folder,
    pub(crate) passes: Passes,
    clock: Clock,
    uploads: Arc<Semaphore>,
    /// How a client over TCP named this network last: there the servers are reached.
    host: Mutex<Box<str>>,
}

impl Media {
    /// Beside the network's file. The secret makes what the servers give out theirs.
    pub(crate) fn open(file: &Path, secret: &[u8], clock: &Clock) -> io::Result<Self> {
        let root = file.with_file_name("sandbox-media");
        Ok(Self {
            files: Folder::open(&root.join("servers"), SERVERS, clock.clone())?,
            copies: Folder::open(&root.join("phones"), PHONES, clock.clone())?,
            passes: Passes::new(secret),
            clock: clock.clone(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            host: Mutex::new(USUAL_HOST.into()),
        })
    }

    /// A client reaches this network under this name.
    pub(crate) fn named(&self, host: &str) {
        let mut known = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != *host {
            *known = host.into();
        }
    }

    /// Where a file is fetched, as phones write it into their messages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.host.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a companion shows to put something up: good for as long as [`AUTH`].
    pub(crate) fn auth(&self, device: Device) -> String {
        self.passes.auth(device, self.seconds() + AUTH)
    }

    /// The file that a path leads to, and its size, as long as the path is good and the file there.
    pub(crate) fn at(&self, path_and_query: &str) -> Result<(std::fs::File, u64), Refused> {
        let name = self.passes.name(path_and_query, self.seconds())?;
        self.files.find(&name).ok_or(Refused::NotFound)
    }

    /// What lies where a path leads to is there no more.
    pub(crate) fn expire(&self, path_and_query: &str) {
        if let Ok(name) = self.passes.name(path_and_query, self.seconds()) {
            self.files.remove(&name);
        }
    }

    /// The path of a file that is there from now on, for as long as it will be kept.
    pub(crate) fn path(&self, family: &str, name: &str) -> String {
        self.passes.path(family, name, self.seconds() + SERVERS.age.num_seconds())
    }

    fn seconds(&self) -> i64 {
        self.clock.now().timestamp()
    }
}
