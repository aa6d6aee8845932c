//! The control plane: takes the calls, keeps models, configurations and endpoints, and is the only mover of
//! weights.
//!
//! It has no clock: every call and every [`ControlPlane::advance`] is told the time. What must happen to the
//! instances comes back as [`FleetChange`]s, in order, and somebody else (a simulation, a server) does it.

mod alarms;
mod control_plane;
mod rollout;
mod status;

pub use alarms::{Alarm, AlarmChange, MAX_ALARMS};
pub use control_plane::{
    ControlPlane, Deployment, Durations, Endpoint, FleetChange, FleetOrder, LiveVariant, Transition,
    TransitionKind,
};
pub use rollout::{Rollout, RolloutFailure, RolloutOutcome, RolloutPhase, RouteEntry};
pub use status::{EndpointStatus, VariantStatus};
