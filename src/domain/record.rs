//! The one currency between the rooms: what became of an invocation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Stars, VirtualTime};

/// A review in the corpus that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewId(pub u32);

/// A fleet: the instances of one variant in one deployment. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FleetId(pub u32);

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InvocationStatus {
    /// 200, with a prediction.
    Answered,
    /// 4xx: the caller's fault.
    ClientError,
    /// 5xx of the model's container.
    ModelError,
    /// 503: the queue that was to take it was full, or the instance did not answer.
    Overloaded,
}

impl InvocationStatus {
    /// HTTP status that the caller sees.
    pub const fn http(self) -> u16 {
        match self {
            Self::Answered => 200,
            Self::ClientError => 400,
            Self::ModelError => 424,
            Self::Overloaded => 503,
        }
    }

    /// Whether the caller got a prediction.
    pub const fn is_answered(self) -> bool {
        matches!(self, Self::Answered)
    }
}

/// One invocation, from its arrival to its end.
///
/// `model latency = wait + service`, `total = model latency + overhead`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvocationRecord {
    /// Counts the invocations of a run from 0.
    pub id: u64,
    /// When the request reached the endpoint.
    pub arrival: VirtualTime,
    /// Who sent it: the randomization unit when the split is sticky.
    pub user: u32,
    /// What it asked about.
    pub review: ReviewId,
    /// Stars that the review truly has, where known.
    pub true_stars: Option<Stars>,
    /// The fleet that served.
    pub fleet: FleetId,
    /// The instance in that fleet, from 0.
    pub instance: u16,
    /// How it ended.
    pub status: InvocationStatus,
    /// Time in the instance's queue, ns.
    pub wait_ns: u64,
    /// Time on a vCPU, ns.
    pub service_ns: u64,
    /// Time of request and reply outside the model, ns.
    pub overhead_ns: u64,
    /// What the model answered; none when it failed or the text has no token.
    pub predicted: Option<Stars>,
    /// Whether this is a copy that a shadow variant got: it has the number of the invocation that it copies, and no
    /// caller saw how it ended.
    pub copy: bool,
    /// Memory that the instance's container had lost for good after this request, KiB.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leaked_kib: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl InvocationRecord {
    /// Time from the model's container being asked to its answer: wait and service.
    pub const fn model_latency_ns(&self) -> u64 {
        self.wait_ns + self.service_ns
    }

    /// When the model began to work on it.
    pub fn service_start(&self) -> VirtualTime {
        self.arrival + Duration::from_nanos(self.wait_ns)
    }

    /// When the caller had the reply.
    pub fn end(&self) -> VirtualTime {
        self.arrival + Duration::from_nanos(self.model_latency_ns() + self.overhead_ns)
    }
}
