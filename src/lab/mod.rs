//! The workshop: lessons as data, goals as predicates, and the experiment that actions change.

mod action;
mod blind;
mod day;
mod experiment;
mod faults;
mod goal;
mod journal;
mod lesson;
pub mod lessons;
mod reply;
mod snapshot;
mod view;

pub use action::{LabAction, LabId, Pace, Prompt};
pub use blind::{BLIND_SLOW_MS, BlindVerdict, CANDIDATE};
pub use day::{DAY_NIGHT_SHARE, DAY_PEAK_PER_SECOND, HourView, P99_TARGET_MS};
pub use experiment::{Experiment, LEFTOVER_ENDPOINT, OwnText, Progress};
pub use faults::{InjectedFault, MAX_FAULT_S, MAX_FAULTS};
pub use journal::{Journal, JournalEntry, Refusal};
pub use lesson::{Block, Control, Goal, Lesson, Step};
pub use reply::describe;
pub use snapshot::{
    ArtifactState, Batch, BatchRow, EndpointView, InstanceView, LatencyDifferenceView, LineageRow, PairView,
    Snapshot, StepState, Tally, VariantView,
};

pub use crate::simulation::{ArrivalProcess, Fault, TrafficSettings};
