//! The workshop: lessons as data, goals as predicates, and the experiment that actions change.

mod action;
mod capture;
mod experiment;
mod experiment_reply;
mod goal;
mod journal;
mod lesson;
pub mod lessons;
mod managed;
mod managed_goals;
mod reply;
mod snapshot;
mod view;

pub use action::{LabAction, LabId, Pace, Prompt};
pub use capture::{
    CAPTURE_LIMIT_BYTES, CaptureView, CapturedLines, CapturedVariant, folder as capture_folder,
};
pub use experiment::{Experiment, LEFTOVER_ENDPOINT, OwnText, Progress};
pub use journal::{Journal, JournalEntry, Refusal};
pub use lesson::{Block, Control, Goal, Lesson, Step};
pub use managed::{DASHBOARD, DESCRIPTION, MetricSummary, TestVariantView, TestView};
pub use reply::describe;
pub use snapshot::{
    ArtifactState, Batch, BatchRow, EndpointView, InstanceView, LatencyDifferenceView, LineageRow, PairView,
    Snapshot, StepState, Tally, VariantView,
};

pub use crate::simulation::{ArrivalProcess, TrafficSettings};
