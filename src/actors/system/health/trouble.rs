//! Trouble that a test makes for an actor of the real tree, at its next message; in no other build.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::{Vitals, locked};

#[derive(Debug)]
pub(crate) enum Trouble {
    /// It panics, so often in a row.
    Panic(u32),
    /// It hangs until the other end of this is gone.
    Hang(Receiver<()>),
}

impl Vitals {
    pub(crate) fn trouble(&self, trouble: Trouble) {
        *locked(&self.trouble) = Some(trouble);
    }

    pub(super) fn meet_trouble(&self) {
        let trouble = locked(&self.trouble).take();
        match trouble {
            None => {}
            Some(Trouble::Panic(times)) => {
                *locked(&self.trouble) = (times > 1).then_some(Trouble::Panic(times - 1));
                panic!("as the test ordered");
            }
            Some(Trouble::Hang(gate)) => {
                let _ = gate.recv();
            }
        }
    }

    /// The actor of a kind that has this name, or stands above or below one that has.
    pub(crate) fn find(self: &Arc<Self>, kind: &str, near: &str) -> Option<Arc<Self>> {
        self.search(kind, near, false)
    }

    fn search(self: &Arc<Self>, kind: &str, near: &str, below: bool) -> Option<Arc<Self>> {
        let below = below || self.name == near;
        if self.kind == kind && (below || self.stands_above(near)) {
            return Some(Arc::clone(self));
        }
        self.children().iter().find_map(|child| child.search(kind, near, below))
    }

    fn stands_above(&self, name: &str) -> bool {
        self.children().iter().any(|child| child.name == name || child.stands_above(name))
    }

    fn children(&self) -> Vec<Arc<Self>> {
        locked(&self.children).values().cloned().collect()
    }
}
