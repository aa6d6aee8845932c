//! The control plane: the only mover of weights.

mod status;

pub use status::{EndpointStatus, VariantStatus};
