//! The workshop: lessons as data, goals as predicates, and the experiment that actions change.

mod action;
mod blind;
mod capture;
mod changes;
mod day;
mod decide;
mod disagreements;
mod experiment;
mod faults;
mod goal;
mod guarded;
mod guardrails;
mod journal;
mod lesson;
pub mod lessons;
mod live;
mod managed;
mod managed_goals;
mod snapshot;
mod view;

pub use action::{LabAction, LabId, Pace, Prompt};
pub use blind::{BLIND_SLOW_MS, BlindVerdict, CANDIDATE};
pub use capture::{
    CAPTURE_LIMIT_BYTES, CaptureView, CapturedLines, CapturedVariant, folder as capture_folder,
};
pub use changes::Change;
pub use day::{DAY_NIGHT_SHARE, DAY_PEAK_PER_SECOND, HourView, P99_TARGET_MS};
pub use decide::{
    Assessment, BanditView, Board, Chart, Curve, DecideGoal, DecideView, Document, Dots, Exercise, Memo,
    Reading, Role, Setting, TestPlan,
};
pub use disagreements::{
    DisagreementFilter, DisagreementOrder, DisagreementPage, DisagreementQuery, DisagreementRow,
};
pub use experiment::{Experiment, LEFTOVER_ENDPOINT, OwnText, Progress};
pub use faults::{InjectedFault, MAX_FAULT_S, MAX_FAULTS};
pub use guarded::GuardGoal;
pub use guardrails::{AlarmView, DryRun, HARM_MINUTES, Harm, HarmMinute, MAX_COMPARED_MINUTES, RolloutView};
pub use journal::{Journal, JournalEntry, Refusal};
pub use lesson::{Block, Control, Goal, Lesson, Step, Task};
pub use live::LiveTotals;
pub use managed::{DASHBOARD, DESCRIPTION, MetricSummary, TestVariantView, TestView};
pub use snapshot::{
    ArtifactState, Batch, BatchRow, EndpointView, InstanceView, LatencyDifferenceView, LineageRow, PairView,
    Snapshot, StepState, Tally, VariantView,
};

pub use crate::controller::describe;
pub use crate::simulation::{ArrivalProcess, DomainMix, Fault, TrafficSettings};
