//! The journal of a lab, kept in the browser: what was done, so that a reload goes on where one left off.

use leptos::web_sys::{Storage, window};

use super::{link::understood, server::elsewhere};
use crate::{
    domain::VirtualTime,
    lab::LabId,
    wire::{KeptJournal, json},
};

/// Where the journal of `lab` is kept: one over a server elsewhere is not the one that is simulated here.
fn key(lab: LabId) -> String {
    match elsewhere() {
        Some(origin) => format!("rollout-lab/journal/{origin}/{}", lab.slug()),
        None => format!("rollout-lab/journal/{}", lab.slug()),
    }
}

fn storage() -> Option<Storage> {
    // A browser that forbids storage answers with an error: the lab then works, but forgets.
    window()?.local_storage().ok().flatten()
}

/// A journal without entries and with a seed of its own.
pub fn fresh(lab: LabId) -> KeptJournal {
    // 2⁵³ seeds are enough, and each prints as a number that JavaScript can hold as well.
    let seed = (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64;
    KeptJournal { lab, seed, reached: VirtualTime::ZERO, entries: Vec::new() }
}

/// The journal that was kept, or a fresh one when there is none that can be read.
pub fn load(lab: LabId) -> KeptJournal {
    storage()
        .and_then(|s| s.get_item(&key(lab)).ok().flatten())
        .and_then(understood::<KeptJournal>)
        .filter(|journal| journal.lab == lab)
        .unwrap_or_else(|| fresh(lab))
}

/// Keeps the journal; `false` when the browser refuses, e.g. for want of room.
pub fn save(journal: &KeptJournal) -> bool {
    storage().is_some_and(|s| s.set_item(&key(journal.lab), &json::write(journal)).is_ok())
}
