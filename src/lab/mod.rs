//! The workshop: lessons as data, goals as predicates, and the experiment that actions change.

mod action;
mod lesson;
mod snapshot;

pub use crate::simulation::{ArrivalProcess, TrafficSettings};
pub use action::{LabAction, LabId, Pace, Prompt};
pub use lesson::{Block, Control, Goal, Lesson, Step};
pub use snapshot::{
    ArtifactState, Batch, BatchRow, EndpointView, InstanceView, LineageRow, Snapshot, StepState, Tally,
    VariantView,
};
