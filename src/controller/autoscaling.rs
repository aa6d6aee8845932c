//! Autoscaling of variants: bounds, policies, and what is decided each minute.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{ControlPlane, EndpointStatus, FleetChange};
use crate::domain::{
    Command, CommandError, DesiredWeightAndCapacity, EndpointConfig, EndpointName, SECOND_NS,
    ScalableResource, ScalingError, ScalingPolicy, VariantName, VirtualTime, resource_id,
};

/// Minutes in a row above the target after which instances are added (a lab rule: so the alarms that target tracking
/// makes are seen to be set, but no guide says it).
pub const OUT_MINUTES: usize = 3;
/// Minutes in a row below [`IN_SHARE`] of the target after which instances are taken away (a lab rule likewise).
pub const IN_MINUTES: usize = 15;
/// Share of the target below which instances are taken away (a lab rule likewise).
pub const IN_SHARE: f64 = 0.9;
/// Activities that are kept, the newest.
const ACTIVITIES_KEPT: usize = 256;
const MINUTE_NS: u64 = 60 * SECOND_NS;

/// A variant that may be scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// Endpoint.
    pub endpoint: EndpointName,
    /// Variant, serving or shadowing.
    pub variant: VariantName,
    /// Fewest instances.
    pub min_capacity: u32,
    /// Most instances.
    pub max_capacity: u32,
    /// When it was registered.
    pub created: VirtualTime,
    /// How it is scaled; not at all without.
    pub policy: Option<ScalingPolicy>,
}

/// A change of a count that autoscaling asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingActivity {
    /// When.
    pub at: VirtualTime,
    /// Endpoint.
    pub endpoint: EndpointName,
    /// Variant.
    pub variant: VariantName,
    /// Why, in words; and why not, when it was refused.
    pub cause: String,
    /// Instances before.
    pub from: u32,
    /// Instances asked for; as before when it was refused.
    pub to: u32,
}

/// What a variant did in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MinuteLoad {
    /// Invocations.
    pub invocations: f64,
    /// Invocations per instance.
    pub per_instance: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scaled {
    target: ScalableTarget,
    /// The last minutes, newest last.
    loads: VecDeque<MinuteLoad>,
    /// Until when no further scale-in.
    no_in_until: VirtualTime,
    /// Until when no further scale-out, unless it adds more than this many.
    no_out_until: VirtualTime,
    added: u32,
}

/// Targets, policies and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Autoscaler {
    #[serde(with = "pairs")]
    scaled: BTreeMap<(EndpointName, VariantName), Scaled>,
    activities: VecDeque<ScalingActivity>,
    /// The next full minute while there is a policy.
    next: VirtualTime,
}

/// A map whose keys are no text, as a list of pairs: JSON knows no other keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

impl Default for Autoscaler {
    fn default() -> Self {
        Self { scaled: BTreeMap::new(), activities: VecDeque::new(), next: VirtualTime::END }
    }
}

impl Autoscaler {
    /// An endpoint is gone, and its targets with it.
    pub fn forget(&mut self, endpoint: &EndpointName) {
        self.scaled.retain(|(e, _), _| e != endpoint);
        self.rest();
    }

    /// Without a policy there is nothing to decide.
    fn rest(&mut self) {
        if self.scaled.values().all(|s| s.target.policy.is_none()) {
            self.next = VirtualTime::END;
        }
    }

    fn note(&mut self, activity: ScalingActivity) {
        if self.activities.len() == ACTIVITIES_KEPT {
            self.activities.pop_front();
        }
        self.activities.push_back(activity);
    }
}

/// What target tracking wants of a variant, and why.
#[derive(Clone, Debug, PartialEq)]
struct Wish {
    count: u32,
    cause: String,
}

impl Scaled {
    /// What the policy wants at `now` of a variant with `count` instances.
    ///
    /// # Formula
    /// Out: when each of the last [`OUT_MINUTES`] was above the target, `⌈invocations ÷ target⌉`, which for an
    /// unchanged count is `⌈count · metric ÷ target⌉`. In: when each of the last [`IN_MINUTES`] was below
    /// [`IN_SHARE`] of it, the same of the busiest of them. Within the bounds.
    fn wish(&self, now: VirtualTime, count: u32) -> Option<Wish> {
        let ScalableTarget { min_capacity: min, max_capacity: max, policy, .. } = &self.target;
        let policy = policy.as_ref()?;
        if count < *min || count > *max {
            let bound = if count < *min { "minimum" } else { "maximum" };
            let cause = format!("{count} instances are beyond the {bound} capacity");
            return Some(Wish { count: count.clamp(*min, *max), cause });
        }
        let target = policy.target_value;
        // More than any bound is as good as any number.
        let needed = |invocations: f64| ((invocations / target).ceil().min(1e9) as u32).clamp(*min, *max);
        let last = |n: usize| {
            (self.loads.len() >= n).then(|| self.loads.iter().rev().take(n).copied()).into_iter().flatten()
        };
        let newest = self.loads.back()?;
        let high = self.loads.len() >= OUT_MINUTES && last(OUT_MINUTES).all(|l| l.per_instance > target);
        if high {
            let wanted = needed(newest.invocations);
            let larger = wanted.saturating_sub(count) > self.added;
            return (wanted > count && (larger || now >= self.no_out_until)).then(|| Wish {
                count: wanted,
                cause: format!(
                    "{:.0} invocations per instance and minute, above the target of {target} for {OUT_MINUTES} minutes",
                    newest.per_instance
                ),
            });
        }
        let low =
            self.loads.len() >= IN_MINUTES && last(IN_MINUTES).all(|l| l.per_instance < IN_SHARE * target);
        if low && !policy.disable_scale_in && now >= self.no_in_until {
            let busiest = last(IN_MINUTES).map(|l| l.invocations).fold(0.0, f64::max);
            let wanted = needed(busiest);
            return (wanted < count).then(|| Wish {
                count: wanted,
                cause: format!(
                    "{:.0} invocations per instance and minute, below {:.0}% of the target of {target} for {IN_MINUTES} minutes",
                    newest.per_instance,
                    100.0 * IN_SHARE
                ),
            });
        }
        None
    }

    /// The wish was carried out; it is done at `done`.
    fn cool_down(&mut self, done: VirtualTime, from: u32, to: u32) {
        let Some(policy) = &self.target.policy else { return };
        if to > from {
            self.no_out_until = done + Duration::from_secs(policy.scale_out_cooldown_s.into());
            self.added = to - from;
            // A scale-out ends the scale-in cooldown: the next scale-in waits for its own minutes anyway.
            self.no_in_until = VirtualTime::ZERO;
        } else {
            self.no_in_until = done + Duration::from_secs(policy.scale_in_cooldown_s.into());
        }
    }
}

impl ControlPlane {
    /// Registered variants, by name.
    pub fn scalable_targets(&self) -> impl Iterator<Item = &ScalableTarget> {
        self.autoscaler.scaled.values().map(|s| &s.target)
    }

    /// What autoscaling did, oldest first: the last 256.
    pub fn scaling_activities(&self) -> impl Iterator<Item = &ScalingActivity> {
        self.autoscaler.activities.iter()
    }

    /// When [`Self::scale`] is to be called next: at each full minute while there is a policy, else never.
    pub fn next_scaling(&self) -> VirtualTime {
        self.autoscaler.next
    }

    /// Decides about every scaled variant at a full minute, before a transition that ends at it. `load` says what a
    /// variant did in the minute that has just ended.
    ///
    /// Nothing is decided about an endpoint that is being changed.
    pub fn scale(&mut self, now: VirtualTime, load: impl Fn(&EndpointName, &VariantName) -> MinuteLoad) {
        self.bill(now);
        let mut wishes: BTreeMap<EndpointName, Vec<(VariantName, u32, Wish)>> = BTreeMap::new();
        let Self { autoscaler, endpoints, .. } = self;
        for ((name, variant), scaled) in &mut autoscaler.scaled {
            let Some(endpoint) = endpoints.get(name) else { continue };
            let Some(live) = endpoint.deployment.all().find(|v| v.name == *variant) else { continue };
            if !endpoint.status.serves() {
                continue;
            }
            scaled.loads.push_back(load(name, variant));
            if scaled.loads.len() > IN_MINUTES {
                scaled.loads.pop_front();
            }
            if endpoint.status == EndpointStatus::InService
                && let Some(wish) = scaled.wish(now, live.current_count)
            {
                wishes.entry(name.clone()).or_default().push((variant.clone(), live.current_count, wish));
            }
        }
        for (endpoint, wishes) in wishes {
            let desired: Vec<_> = wishes
                .iter()
                .map(|(variant, _, wish)| DesiredWeightAndCapacity {
                    variant_name: variant.to_string(),
                    desired_weight: None,
                    desired_instance_count: Some(wish.count.into()),
                })
                .collect();
            // One change for all variants of an endpoint: a second would find it busy.
            let refused = self.update_weights(endpoint.as_str(), &desired, now).err();
            let done = now + self.durations.capacity;
            for (variant, from, mut wish) in wishes {
                if let Some(refused) = &refused {
                    wish.cause = format!("{}, but: {refused}", wish.cause);
                }
                if let Some(scaled) = self.autoscaler.scaled.get_mut(&(endpoint.clone(), variant.clone())) {
                    scaled.cool_down(done, from, wish.count);
                }
                let to = if refused.is_some() { from } else { wish.count };
                let endpoint = endpoint.clone();
                self.autoscaler.note(ScalingActivity {
                    at: now,
                    endpoint,
                    variant,
                    cause: wish.cause,
                    from,
                    to,
                });
            }
        }
        self.autoscaler.next = VirtualTime::from_ns((now.minute() + 1).saturating_mul(MINUTE_NS));
        self.autoscaler.rest();
    }

    /// Does a call of Application Auto Scaling.
    pub(super) fn execute_scaling(
        &mut self,
        command: &Command,
        now: VirtualTime,
    ) -> Result<Vec<FleetChange>, CommandError> {
        match command {
            Command::RegisterScalableTarget(call) => {
                let key = call.resource().variant()?;
                let resource = || call.resource_id.clone();
                let endpoint = self.endpoints.get(&key.0).filter(|e| e.status.serves());
                let live = endpoint.and_then(|e| e.deployment.all().find(|v| v.name == key.1));
                let live = live.ok_or_else(|| ScalingError::NoVariant { resource: resource() })?;
                if live.instance_type.spec().is_burstable() {
                    let instance_type = live.instance_type.to_string();
                    return Err(ScalingError::Burstable { resource: resource(), instance_type }.into());
                }
                let before = self.autoscaler.scaled.get(&key);
                let before = before.map(|s| (s.target.min_capacity, s.target.max_capacity));
                let (min_capacity, max_capacity) = call.bounds(before)?;
                let (endpoint, variant) = key.clone();
                let scaled = self.autoscaler.scaled.entry(key).or_insert_with(|| Scaled {
                    target: ScalableTarget {
                        endpoint,
                        variant,
                        min_capacity,
                        max_capacity,
                        created: now,
                        policy: None,
                    },
                    loads: VecDeque::new(),
                    no_in_until: VirtualTime::ZERO,
                    no_out_until: VirtualTime::ZERO,
                    added: 0,
                });
                (scaled.target.min_capacity, scaled.target.max_capacity) = (min_capacity, max_capacity);
            }
            Command::DeregisterScalableTarget(call) => {
                let key = call.resource().variant()?;
                self.registered(call.resource())?;
                self.autoscaler.scaled.remove(&key);
                self.autoscaler.rest();
            }
            Command::PutScalingPolicy(call) => {
                let policy = call.policy()?;
                let scaled = self.registered(call.resource())?;
                if let Some(other) = scaled.target.policy.as_ref().filter(|p| p.name != policy.name) {
                    let (resource, policy) = (call.resource_id.clone(), other.name.clone());
                    return Err(ScalingError::SecondPolicy { resource, policy }.into());
                }
                scaled.target.policy = Some(policy);
                if self.autoscaler.next == VirtualTime::END {
                    self.autoscaler.next = VirtualTime::from_ns((now.minute() + 1).saturating_mul(MINUTE_NS));
                }
            }
            Command::DeleteScalingPolicy(call) => {
                let scaled = self.registered(call.resource())?;
                if scaled.target.policy.as_ref().is_none_or(|p| p.name != call.policy_name) {
                    let (resource, policy) = (call.resource_id.clone(), call.policy_name.clone());
                    return Err(ScalingError::NoPolicy { resource, policy }.into());
                }
                scaled.target.policy = None;
                scaled.loads.clear();
                self.autoscaler.rest();
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    fn registered(&mut self, resource: ScalableResource<'_>) -> Result<&mut Scaled, ScalingError> {
        let key = resource.variant()?;
        let found = self.autoscaler.scaled.get_mut(&key);
        found.ok_or_else(|| ScalingError::NoTarget { resource: resource_id(key.0.as_str(), key.1.as_str()) })
    }

    /// Refuses an update that takes a scaled variant away, or gives it another instance type.
    pub(super) fn keeps_scaled(
        &self,
        endpoint: &EndpointName,
        config: &EndpointConfig,
    ) -> Result<(), CommandError> {
        let live = |variant: &VariantName| {
            self.endpoints
                .get(endpoint)?
                .deployment
                .all()
                .find(|v| v.name == *variant)
                .map(|v| v.instance_type)
        };
        let changed = self.autoscaler.scaled.keys().filter(|(e, variant)| {
            let next = config.variants().find(|v| v.variant_name == *variant).map(|v| v.instance_type);
            e == endpoint && next != live(variant)
        });
        let names: Vec<_> = changed.map(|(_, variant)| variant.to_string()).collect();
        if names.is_empty() { Ok(()) } else { Err(CommandError::ScaledVariants { names: names.join(", ") }) }
    }
}
