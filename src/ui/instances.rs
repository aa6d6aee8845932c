//! Instance types as lists offer them.

use leptos::prelude::*;

use super::{widgets::Options, wording};
use crate::domain::InstanceType;

/// The type that forms begin with.
pub const USUAL: &str = "ml.m5.large";

/// Every type, with what it has and costs.
pub fn options() -> Signal<Options> {
    Signal::stored(InstanceType::all().map(|t| (t.to_string(), words(t))).collect())
}

/// `ml.m5.large · 2 vCPU · 8 GiB · $0.115/h`.
pub fn words(instance_type: InstanceType) -> String {
    let spec = instance_type.spec();
    let gpu = if spec.gpus > 0 { format!(" · {} GPU", spec.gpus) } else { String::new() };
    let memory = wording::short(spec.memory_gib, 1);
    let price = wording::usd(spec.usd_per_hour);
    format!("{} · {} vCPU · {memory} GiB{gpu} · {price}/h", spec.name, spec.vcpus)
}
