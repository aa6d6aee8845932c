//! What an endpoint and its variants go through.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Status of an endpoint; the words are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EndpointStatus {
    /// Its first fleet is being started.
    Creating,
    /// It serves, and may be changed.
    InService,
    /// It serves, and a change is under way.
    Updating,
    /// It ends.
    Deleting,
    /// It could not be created; it can only be deleted.
    Failed,
}

impl EndpointStatus {
    /// Whether it answers requests.
    pub const fn serves(self) -> bool {
        matches!(self, Self::InService | Self::Updating)
    }

    /// Whether a change is under way.
    pub const fn is_in_progress(self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::Deleting)
    }
}

impl fmt::Display for EndpointStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a variant is going through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantStatus {
    /// `Creating`, `Updating`, `Deleting`, `ActivatingTraffic` or `Baking`.
    pub status: String,
    /// The service's words.
    pub message: String,
}
