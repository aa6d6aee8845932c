//! The control plane: takes the calls, keeps models, configurations and endpoints, and is the only mover of
//! weights.
//!
//! It has no clock: every call and every [`ControlPlane::advance`] is told the time. What must happen to the
//! instances comes back as [`FleetChange`]s, in order, and somebody else (a simulation, a server) does it.

mod alarms;
mod autoscaling;
mod control_plane;
mod experiment_reply;
mod follow;
mod inference_experiment;
mod reply;
mod rollout;
mod status;

pub use alarms::{Alarm, AlarmChange, MAX_ALARMS};
pub use autoscaling::{IN_MINUTES, IN_SHARE, MinuteLoad, OUT_MINUTES, ScalableTarget, ScalingActivity};
pub use control_plane::{
    ControlPlane, Deployment, Durations, Endpoint, FleetChange, FleetOrder, LiveVariant, Transition,
    TransitionKind,
};
pub use inference_experiment::{
    EarlierState, InferenceExperiment, InferenceExperimentStatus, ModelVariantStatus, StopPlan,
};
pub use reply::{describe, reply_to};
pub use rollout::{Rollout, RolloutFailure, RolloutOutcome, RolloutPhase, RouteEntry};
pub use status::{EndpointStatus, VariantStatus};
