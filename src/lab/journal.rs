//! The form in which a lab is kept, sent and replayed.

use serde::{Deserialize, Serialize};

use super::{LabAction, LabId};
use crate::domain::{CommandError, VirtualTime};

/// An action and the moment it happened at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Virtual time of the action.
    pub at: VirtualTime,
    /// The action.
    pub action: LabAction,
}

/// A lab as it is kept in the browser or in a link: replayed, it gives the same state again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// The lab.
    pub lab: LabId,
    /// Seed of every random number.
    pub seed: u64,
    /// Virtual time that it had reached.
    pub reached: VirtualTime,
    /// What was done, in order of time.
    pub entries: Vec<JournalEntry>,
}

/// A refused action, as an SDK would raise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Error code, e.g. `ValidationException`; `LabRule` for what only the lab asks.
    pub code: String,
    /// HTTP status.
    pub http: u16,
    /// The message.
    pub message: String,
}

impl Refusal {
    /// What only the lab asks for.
    pub fn lab_rule(message: impl ToString) -> Self {
        Self { code: "LabRule".into(), http: 400, message: message.to_string() }
    }

    /// What the runtime (`InvokeEndpoint`) refuses.
    pub fn runtime(message: impl ToString) -> Self {
        Self { code: "ValidationError".into(), http: 400, message: message.to_string() }
    }
}

impl From<CommandError> for Refusal {
    fn from(e: CommandError) -> Self {
        Self { code: e.code().into(), http: e.http(), message: e.to_string() }
    }
}
