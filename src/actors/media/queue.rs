//! The order in which media are made ready: fair between tenants, and never so full of long work that short work has to wait.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::domain::id::{MessageId, SessionId, TenantId};
use crate::domain::session::Lease;

/// Jobs of one session that may wait here. Its outbox reads the rest from the store when one of these is done.
const PER_SESSION: usize = 64;

/// One medium to be made ready, under the lease of the session that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) lease: Lease,
    pub(super) message: MessageId,
    /// Videos, and what becomes one: they take long.
    pub(super) heavy: bool,
    /// Whether it is made ready even when there is no room: the only one of a session that can upload it at once.
    pub(super) anyway: bool,
}

/// What waits, and who is being served. A message stands here once, whether it waits or is being worked on.
pub(super) struct Queue {
    workers: usize,
    lines: BTreeMap<TenantId, Line>,
    /// Tenants with something to do, in the order of their turns.
    turns: VecDeque<TenantId>,
    waiting: HashSet<MessageId>,
    of_session: HashMap<SessionId, usize>,
    running: HashMap<MessageId, (TenantId, bool)>,
    /// Counts the jobs, so that the older of two can be told.
    next: u64,
}

/// What one tenant has waiting; each lane first come, first served.
struct Line {
    heavy: VecDeque<(u64, Job)>,
    light: VecDeque<(u64, Job)>,
}

impl Queue {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            lines: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting: HashSet::new(),
            of_session: HashMap::new(),
            running: HashMap::new(),
            next: 0,
        }
    }

    /// How many workers one tenant may hold: a quarter of them, and while others are busy too, no more than stay free. So however
    /// many tenants have slow work, some worker is free for one who has none.
    fn share(&self) -> usize {
        (self.workers / 4).min(self.workers - self.running.len()).max(1)
    }

    /// How many workers long jobs may hold: all but a quarter.
    fn heavy_max(&self) -> usize {
        (self.workers - (self.workers / 4).max(1)).max(1)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a job in; false if its session has enough of them here. One that is here already keeps its place, and the newer lease.
    pub(super) fn push(&mut self, job: Job) -> bool {
        if self.running.contains_key(&job.message) {
            return true;
        }
        let tenant = job.lease.tenant;
        if self.waiting.contains(&job.message) {
            if let Some(line) = self.lines.get_mut(&tenant) {
                line.renew(job);
            }
            return true;
        }
        let of_session = self.of_session.entry(job.lease.session).or_default();
        if *of_session >= PER_SESSION {
            return false;
        }
        *of_session += 1;
        self.waiting.insert(job.message);
        self.next += 1;
        let line = self.lines.entry(tenant).or_insert_with(|| {
            self.turns.push_back(tenant);
            Line { heavy: VecDeque::new(), light: VecDeque::new() }
        });
        line.lane(job.heavy).push_back((self.next, job));
        true
    }

    /// The next job that may begin, if a worker is free. Whoever takes it says when it is over.
    pub(super) fn take(&mut self) -> Option<Job> {
        if self.running.len() >= self.workers {
            return None;
        }
        let room_for_heavy = self.running.values().filter(|(_, heavy)| *heavy).count() < self.heavy_max();
        let share = self.share();
        let has_room = |tenant: &TenantId| self.running.values().filter(|(of, _)| of == tenant).count() < share;
        let turn = self.turns.iter().position(|tenant| {
            has_room(tenant) && self.lines.get(tenant).is_some_and(|line| line.first(room_for_heavy).is_some())
        })?;
        let tenant = self.turns.remove(turn)?;
        let line = self.lines.get_mut(&tenant)?;
        let heavy = line.first(room_for_heavy)?;
        let (_, job) = line.lane(heavy).pop_front()?;
        if line.is_empty() {
            self.lines.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        self.waiting.remove(&job.message);
        if let Some(of_session) = self.of_session.get_mut(&job.lease.session) {
            *of_session -= 1;
            if *of_session == 0 {
                self.of_session.remove(&job.lease.session);
            }
        }
        self.running.insert(job.message, (tenant, job.heavy));
        Some(job)
    }

    /// A job is over, however it ended.
    pub(super) fn over(&mut self, message: MessageId) {
        self.running.remove(&message);
    }
}

impl Line {
    const fn lane(&mut self, heavy: bool) -> &mut VecDeque<(u64, Job)> {
        if heavy { &mut self.heavy } else { &mut self.light }
    }

    /// Which lane the next job comes from: the older job's, and while long work has to wait, the short one's.
    fn first(&self, room_for_heavy: bool) -> Option<bool> {
        let heavy = self.heavy.front().filter(|_| room_for_heavy);
        match (heavy, self.light.front()) {
            (Some((long, _)), Some((short, _))) => Some(long < short),
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            (None, None) => None,
        }
    }

    fn renew(&mut self, job: Job) {
        let known = self.heavy.iter_mut().chain(&mut self.light).find(|(_, known)| known.message == job.message);
        if let Some((_, known)) = known {
            // It stays in its lane, so what it counts as stays too.
            known.anyway |= job.anyway;
            if known.lease.epoch < job.lease.epoch {
                known.lease = job.lease;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.heavy.is_empty() && self.light.is_empty()
    }
}

#[cfg(test)]
mod tests;
