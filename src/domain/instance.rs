//! The instance types that an endpoint can run on here.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Region that the prices are for.
pub const CATALOGUE_REGION: &str = "us-east-1";
/// When the prices were noted down. Prices change: check before relying on one.
pub const CATALOGUE_NOTED: &str = "2025-06";

/// What one instance of a type is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceSpec {
    /// Name as the API takes it, e.g. `ml.m5.large`.
    pub name: &'static str,
    /// Virtual CPUs; the simulation gives each one request at a time.
    pub vcpus: u32,
    /// Main memory, GiB.
    pub memory_gib: f64,
    /// GPUs.
    pub gpus: u32,
    /// Main memory of one GPU, GiB; 0 without a GPU.
    pub gpu_memory_gib: f64,
    /// On-demand price for hosting, US dollars per hour, in [`CATALOGUE_REGION`] at [`CATALOGUE_NOTED`].
    pub usd_per_hour: f64,
    /// Time that a model takes here relative to one core of the machine that measured it: below 1 is faster.
    /// A lab rule: no public table says it for these models.
    pub service_factor: f64,
}

// The lab's rules for what no request reveals. Round figures of a small Linux container.
/// Memory of system and server, GiB.
const SYSTEM_GIB: f64 = 0.5;
/// Memory of a worker process without its model, GiB. One worker per vCPU.
const WORKER_GIB: f64 = 0.1;
/// Times that a worker holds the model: as read, as unpacked, and its activations.
const MODEL_COPIES: f64 = 3.0;
const GIB: f64 = (1u64 << 30) as f64;

/// GiB that an instance takes without a request in it: a lab rule.
///
/// `0.5 GiB + vCPUs · (0.1 GiB + 3 · model)`
pub fn idle_memory_gib(vcpus: u32, model_bytes: u64) -> f64 {
    SYSTEM_GIB + f64::from(vcpus) * (WORKER_GIB + MODEL_COPIES * model_bytes as f64 / GIB)
}

/// The catalogue, cheapest CPU types first, then GPU types.
pub const CATALOGUE: &[InstanceSpec] = &[
    cpu("ml.t2.medium", 2, 4.0, 0.056, 1.6),
    cpu("ml.c5.large", 2, 4.0, 0.102, 0.85),
    cpu("ml.m5.large", 2, 8.0, 0.115, 1.0),
    cpu("ml.c5.xlarge", 4, 8.0, 0.204, 0.85),
    cpu("ml.m5.xlarge", 4, 16.0, 0.23, 1.0),
    cpu("ml.c5.2xlarge", 8, 16.0, 0.408, 0.85),
    cpu("ml.m5.2xlarge", 8, 32.0, 0.461, 1.0),
    cpu("ml.m5.4xlarge", 16, 64.0, 0.922, 1.0),
    gpu("ml.g4dn.xlarge", 4, 16.0, 1, 16.0, 0.7364, 0.4),
    gpu("ml.g5.xlarge", 4, 16.0, 1, 24.0, 1.408, 0.3),
    gpu("ml.p3.2xlarge", 8, 61.0, 1, 16.0, 3.825, 0.3),
];

const fn cpu(
    name: &'static str,
    vcpus: u32,
    memory_gib: f64,
    usd_per_hour: f64,
    service_factor: f64,
) -> InstanceSpec {
    InstanceSpec { name, vcpus, memory_gib, gpus: 0, gpu_memory_gib: 0.0, usd_per_hour, service_factor }
}

const fn gpu(
    name: &'static str,
    vcpus: u32,
    memory_gib: f64,
    gpus: u32,
    gpu_memory_gib: f64,
    usd_per_hour: f64,
    service_factor: f64,
) -> InstanceSpec {
    InstanceSpec { name, vcpus, memory_gib, gpus, gpu_memory_gib, usd_per_hour, service_factor }
}

/// No instance type of that name is in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Member must satisfy enum value set: [{}]", names())]
pub struct UnknownInstanceType {
    /// The name given.
    pub value: String,
}

fn names() -> String {
    CATALOGUE.iter().map(|s| s.name).collect::<Vec<_>>().join(", ")
}

/// An instance type of the [`CATALOGUE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceType(usize);

impl InstanceType {
    /// Every type, in catalogue order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..CATALOGUE.len()).map(Self)
    }

    /// What one instance of it is.
    pub fn spec(self) -> &'static InstanceSpec {
        &CATALOGUE[self.0]
    }
}

impl FromStr for InstanceType {
    type Err = UnknownInstanceType;
    fn from_str(name: &str) -> Result<Self, UnknownInstanceType> {
        let at = CATALOGUE.iter().position(|s| s.name == name);
        at.map(Self).ok_or_else(|| UnknownInstanceType { value: name.to_owned() })
    }
}

impl TryFrom<String> for InstanceType {
    type Error = UnknownInstanceType;
    fn try_from(name: String) -> Result<Self, UnknownInstanceType> {
        name.parse()
    }
}

impl From<InstanceType> for String {
    fn from(kind: InstanceType) -> Self {
        kind.spec().name.to_owned()
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

impl fmt::Debug for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}
