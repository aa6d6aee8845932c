//! Seeded virtual time: clients, reviews, queues. The only random numbers of the lab.
//!
//! Nothing here reads a clock. The same seed and the same calls give the same records on every target: whole
//! nanoseconds, a fixed generator (ChaCha8), and of the functions on floats only `+ − × ÷ √` and those of `libm`.

mod engine;
mod faults;
mod fleet;
mod queue;
mod random;
pub mod reviews;
mod traffic;

pub use engine::{Simulation, SimulationError};
pub use faults::{
    Fault, FaultError, HEALTH_CHECK_S, MAX_COLD_REQUESTS, MAX_EXTRA_MS, MAX_LEAK_MIB, MAX_SLOW_FACTOR,
    RESTART_S,
};
pub use fleet::{
    DEFAULT_QUEUE_LIMIT, FleetError, FleetSpec, InstanceGauge, MAX_INSTANCES, MAX_QUEUE_LIMIT, MAX_SIGMA,
    MAX_TIME_US, ServiceSettings, unmeasured_cost,
};
pub use queue::{Admission, Queue};
pub use random::{Lognormal, Purpose, Stream, VariantPurpose};
pub use reviews::{Corpus, Review, ReviewDomain, Sampler};
pub use traffic::{
    ArrivalProcess, DomainMix, MAX_PER_SECOND, PEAK_HOUR, REAL_STAR_MIX, TrafficError, TrafficSettings, USERS,
};
