//! The rollout of a new configuration: from the launch of the new (green) fleet to the end of the old (blue) one, or
//! back.
//!
//! ```text
//! Launching → ActivatingTraffic → Baking → (next step: ActivatingTraffic, or Launching of a batch) → …
//!           → Baking on full capacity → Terminating (blue) → in service on green
//! alarm in a bake, or time limit → [RollingBack: blue comes back in batches] → Discarding (green) → in service on blue
//! ```
//!
//! A stage of no length is passed at once, so without a deployment configuration an update is one launch and one
//! switch. Time comes from the caller and every stage ends at a moment that was known when it began, so it does not
//! matter how time is cut.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Alarm, Deployment, Durations, Endpoint, EndpointStatus, FleetChange, LiveVariant, Transition,
    TransitionKind, VariantStatus,
    control_plane::{launching, order, settle},
};
use crate::domain::{
    AlarmName, AlarmState, DeploymentPlan, EndpointConfigName, FleetId, SamplingShare, TrafficShift,
    VariantName, VariantWeight, VirtualTime,
};

/// Where a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutPhase {
    /// The new fleet, or its next batch, is being started.
    Launching,
    /// Traffic is being turned on for the next step.
    ActivatingTraffic,
    /// The alarms are watched.
    Baking,
    /// All traffic is on the new fleet; the old one ends.
    Terminating,
    /// A rolling deployment goes back: the old fleet's instances come again.
    RollingBack,
    /// All traffic is back on the old fleet; the new one ends.
    Discarding,
}

/// A rollout under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// What was asked for.
    pub plan: DeploymentPlan,
    /// Where it is.
    pub phase: RolloutPhase,
    /// When that began.
    pub phase_began: VirtualTime,
    /// When it ends, if nothing calls it back.
    pub phase_ends: VirtualTime,
    /// Step that is being done, from 1.
    pub step: u32,
    /// Steps in all.
    pub steps: u32,
    /// Instances of each new production variant that have traffic, in their order.
    pub active: Vec<u32>,
    /// When it runs out of time.
    pub deadline: Option<VirtualTime>,
    /// When it ends if nothing calls it back.
    pub expected_end: VirtualTime,
    /// Instances of each old production variant when it began, in their order.
    pub blue_counts: Vec<u32>,
    /// What the learner should know, e.g. why steps were left out.
    pub notes: Vec<String>,
    /// Why it goes back.
    pub failure: Option<RolloutFailure>,
}

/// Why a rollout went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutFailure {
    /// In words.
    pub reason: String,
    /// The alarm, if one rang.
    pub alarm: Option<AlarmName>,
    /// When.
    pub at: VirtualTime,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutOutcome {
    /// The configuration that served before.
    pub from: EndpointConfigName,
    /// The configuration that was to serve.
    pub to: EndpointConfigName,
    /// How traffic was moved.
    pub shift: TrafficShift,
    /// When it began.
    pub began: VirtualTime,
    /// When it ended.
    pub ended: VirtualTime,
    /// What the learner should know.
    pub notes: Vec<String>,
    /// Why it went back; none when it was completed.
    pub failure: Option<RolloutFailure>,
}

/// A variant that gets requests now, with its weight beside the others.
pub type RouteEntry = (FleetId, VariantName, VariantWeight);

impl Rollout {
    /// A rollout that begins now.
    pub(super) fn begin(
        plan: DeploymentPlan,
        notes: Vec<String>,
        blue: &Deployment,
        green: &Deployment,
        now: VirtualTime,
        durations: &Durations,
    ) -> Self {
        let counts: Vec<u32> = green.variants.iter().map(|v| v.desired_count).collect();
        let steps = counts.iter().map(|n| plan.steps(*n)).max().unwrap_or(1);
        let rolling = matches!(plan.shift, TrafficShift::Rolling { .. });
        let launches = if rolling { steps } else { 1 };
        let (activate, terminate) = switching(&plan, durations);
        let takes = durations.update * launches + activate * steps + plan.total_wait(&counts) + terminate;
        Self {
            phase: RolloutPhase::Launching,
            phase_began: now,
            phase_ends: now + durations.update,
            step: 1,
            steps,
            active: vec![0; counts.len()],
            deadline: plan.timeout.map(|t| now + t),
            expected_end: now + takes,
            blue_counts: blue.variants.iter().map(|v| v.current_count).collect(),
            notes,
            failure: None,
            plan,
        }
    }

    /// Whether the stage under way runs against the time limit.
    fn is_timed(&self) -> bool {
        matches!(self.phase, RolloutPhase::Launching | RolloutPhase::ActivatingTraffic | RolloutPhase::Baking)
    }

    /// When something happens next.
    pub fn next(&self) -> VirtualTime {
        match self.deadline {
            Some(deadline) if self.is_timed() => self.phase_ends.min(deadline),
            _ => self.phase_ends,
        }
    }

    /// Share of the capacity of each new production variant that has traffic, in their order, 0 to 1.
    pub fn fractions(&self, green: &Deployment) -> Vec<f64> {
        let fraction =
            |(v, active): (&LiveVariant, &u32)| f64::from(*active) / f64::from(v.desired_count.max(1));
        green.variants.iter().zip(&self.active).map(fraction).collect()
    }

    /// Whether the new fleet has all the traffic.
    pub fn is_full(&self, green: &Deployment) -> bool {
        green.variants.iter().zip(&self.active).all(|(v, active)| *active >= v.desired_count)
    }

    /// Instances of a new production variant that exist or are being started: they are billed.
    pub fn billed(&self, v: &LiveVariant) -> u32 {
        match (self.plan.shift, self.phase) {
            (TrafficShift::Rolling { .. }, RolloutPhase::RollingBack | RolloutPhase::Discarding) => {
                v.current_count
            }
            // A batch is billed from its start.
            (TrafficShift::Rolling { .. }, _) => self.plan.active(self.step, self.steps, v.desired_count),
            _ => v.desired_count,
        }
    }
}

/// How long traffic and the old fleet's end take: nothing where nothing is watched or split.
fn switching(plan: &DeploymentPlan, durations: &Durations) -> (Duration, Duration) {
    if plan.is_plain() { (Duration::ZERO, Duration::ZERO) } else { (durations.activate, durations.terminate) }
}

/// Who gets requests while `green` takes over from `blue`.
///
/// A variant's old and new instances stand side by side in the table, the old first: while shares grow, a sticky user
/// only ever moves from the old to the new instances of the same variant (with the same weights in both
/// configurations).
pub(super) fn routes(blue: &Deployment, green: &Deployment, rollout: &Rollout) -> Vec<RouteEntry> {
    let fractions = rollout.fractions(green);
    let plain = |d: &Deployment| {
        d.variants.iter().map(|v| (v.fleet, v.name.clone(), v.current_weight)).collect::<Vec<_>>()
    };
    if fractions.iter().all(|f| *f <= 0.0) {
        return plain(blue);
    }
    if rollout.is_full(green) {
        return plain(green);
    }
    let share = |d: &Deployment, v: &LiveVariant| {
        let sum: f64 = d.variants.iter().map(|v| v.current_weight.get()).sum();
        if sum > 0.0 { v.current_weight.get() / sum } else { 0.0 }
    };
    let mut entries = Vec::with_capacity(2 * green.variants.len());
    let mut push = |v: &LiveVariant, weight: f64| {
        if let Ok(weight) = VariantWeight::new(weight) {
            entries.push((v.fleet, v.name.clone(), weight));
        }
    };
    for old in &blue.variants {
        let new = green.variants.iter().zip(&fractions).find(|(v, _)| v.name == old.name);
        let fraction = new.map_or(0.0, |(_, f)| *f);
        push(old, share(blue, old) * (1.0 - fraction));
        if let Some((new, _)) = new {
            push(new, share(green, new) * fraction);
        }
    }
    entries
}

/// What gets copies: the old shadows until the new fleet has all the traffic, then the new ones.
pub(super) fn shadow_routes(in_charge: &Deployment) -> Vec<(FleetId, VariantName, SamplingShare)> {
    let shadows = in_charge.shadows.iter().enumerate();
    shadows.map(|(i, v)| (v.fleet, v.name.clone(), in_charge.sampling(i))).collect()
}

/// The alarms of a plan that ring now, in its order.
pub(super) fn ringing<'a>(
    plan: &'a DeploymentPlan,
    alarms: &'a BTreeMap<AlarmName, Alarm>,
) -> impl Iterator<Item = &'a Alarm> {
    plan.alarms.iter().filter_map(|name| alarms.get(name)).filter(|a| a.state == AlarmState::Alarm)
}

/// An update whose stage ends.
pub(super) struct Moving<'a> {
    pub endpoint: &'a mut Endpoint,
    pub config: EndpointConfigName,
    pub green: Deployment,
    pub rollout: Box<Rollout>,
    pub began: VirtualTime,
    pub now: VirtualTime,
    pub durations: Durations,
    pub alarms: &'a BTreeMap<AlarmName, Alarm>,
    /// Variants whose new instances never get healthy.
    pub ill: &'a [VariantName],
    pub changes: &'a mut Vec<FleetChange>,
}

impl Moving<'_> {
    fn is_rolling(&self) -> bool {
        matches!(self.rollout.plan.shift, TrafficShift::Rolling { .. })
    }

    /// Instances of the new production variant at `i` that have traffic after this step.
    fn target(&self, i: usize) -> u32 {
        let r = &self.rollout;
        self.green.variants.get(i).map_or(0, |v| r.plan.active(r.step, r.steps, v.desired_count))
    }

    fn route(&mut self) {
        self.changes.push(FleetChange::Route(self.endpoint.name.clone()));
    }

    /// Ends the stage under way and goes on to the next that has a length.
    pub fn end_phase(mut self) {
        let r = &self.rollout;
        if r.is_timed() && r.deadline.is_some_and(|d| self.now >= d && r.phase_ends > d) {
            let limit = r.plan.timeout.unwrap_or_default().as_secs();
            let reason = format!(
                "The deployment was rolled back because it took longer than {limit} seconds (MaximumExecutionTimeoutInSeconds)."
            );
            return self.roll_back(reason, None);
        }
        match self.rollout.phase {
            RolloutPhase::Launching => {
                if let Some(reason) = unhealthy(&self.green, self.ill) {
                    return self.roll_back(reason, None);
                }
                self.launch();
                let (activate, _) = switching(&self.rollout.plan, &self.durations);
                self.enter(RolloutPhase::ActivatingTraffic, activate);
            }
            RolloutPhase::ActivatingTraffic => {
                self.activate();
                let last = self.rollout.step == self.rollout.steps;
                let plan = &self.rollout.plan;
                let bake = if last && !self.is_rolling() { plan.termination_wait } else { plan.wait };
                self.enter(RolloutPhase::Baking, bake);
            }
            RolloutPhase::Baking if self.rollout.step < self.rollout.steps => {
                if self.is_rolling() {
                    self.shrink_blue();
                    self.rollout.step += 1;
                    let update = self.durations.update;
                    self.enter(RolloutPhase::Launching, update);
                } else {
                    self.rollout.step += 1;
                    let activate = self.durations.activate;
                    self.enter(RolloutPhase::ActivatingTraffic, activate);
                }
            }
            RolloutPhase::Baking => {
                // The new fleet is routed to before the old one is retired: no request finds neither.
                self.changes.extend(self.endpoint.deployment.all().map(|v| FleetChange::Retire(v.fleet)));
                let (_, terminate) = switching(&self.rollout.plan, &self.durations);
                self.enter(RolloutPhase::Terminating, terminate);
            }
            RolloutPhase::Terminating => self.complete(),
            RolloutPhase::RollingBack => self.restore_batch(),
            RolloutPhase::Discarding => self.give_up(),
        }
    }

    fn launch(&mut self) {
        let first = self.rollout.step == 1;
        for i in 0..self.green.variants.len() {
            let instances = self.target(i);
            let Some(variant) = self.green.variants.get_mut(i) else { continue };
            variant.current_weight = variant.desired_weight;
            variant.current_count = instances;
            self.changes.push(if first {
                FleetChange::Launch(order(&self.endpoint.name, &self.config, variant, true))
            } else {
                FleetChange::Resize { fleet: variant.fleet, instances }
            });
        }
        for variant in self.green.shadows.iter_mut().filter(|_| first) {
            settle(variant);
            self.changes.push(FleetChange::Launch(order(&self.endpoint.name, &self.config, variant, false)));
        }
    }

    fn activate(&mut self) {
        for i in 0..self.green.variants.len() {
            let instances = self.target(i);
            let Some(variant) = self.green.variants.get_mut(i) else { continue };
            if variant.current_count != instances {
                variant.current_count = instances;
                self.changes.push(FleetChange::Resize { fleet: variant.fleet, instances });
            }
            if let Some(active) = self.rollout.active.get_mut(i) {
                *active = instances;
            }
        }
        self.route();
    }

    /// After a batch of a rolling deployment the old fleet keeps what the new one does not replace yet.
    fn shrink_blue(&mut self) {
        let left: Vec<f64> = self.rollout.fractions(&self.green).iter().map(|f| 1.0 - f).collect();
        for ((blue, before), left) in
            self.endpoint.deployment.variants.iter_mut().zip(&self.rollout.blue_counts).zip(left)
        {
            let instances = ((f64::from(*before) * left).ceil() as u32).clamp(1, *before);
            if instances != blue.current_count {
                (blue.current_count, blue.desired_count) = (instances, instances);
                self.changes.push(FleetChange::Resize { fleet: blue.fleet, instances });
            }
        }
    }

    /// Begins a stage; one of no length ends at once.
    fn enter(mut self, phase: RolloutPhase, takes: Duration) {
        let r = &mut self.rollout;
        (r.phase, r.phase_began, r.phase_ends) = (phase, self.now, self.now + takes);
        if takes.is_zero() {
            return self.end_phase();
        }
        let rings = if phase == RolloutPhase::Baking { self.ringing() } else { None };
        if let Some((reason, name)) = rings {
            return self.roll_back(reason, Some(name));
        }
        self.tell();
        self.keep();
    }

    fn ringing(&self) -> Option<(String, AlarmName)> {
        let alarm = ringing(&self.rollout.plan, self.alarms).next()?;
        Some((rang(alarm), alarm.rule.name.clone()))
    }

    /// Puts the update back, to go on later.
    fn keep(self) {
        let Self { endpoint, config, green, rollout, began, .. } = self;
        let ends = rollout.next();
        let kind = TransitionKind::Update { config, deployment: green, rollout };
        endpoint.transition = Some(Transition { kind, began, ends });
    }

    /// Says in the service's words what each variant goes through.
    fn tell(&mut self) {
        let r = &self.rollout;
        let status = |status: &str, message: String| Some(VariantStatus { status: status.into(), message });
        let (wait, name) = if r.step == r.steps && !matches!(r.plan.shift, TrafficShift::Rolling { .. }) {
            (r.plan.termination_wait, "TerminationWaitInSeconds")
        } else {
            (r.plan.wait, "WaitIntervalInSeconds")
        };
        let (phase, step, steps, plan) = (r.phase, r.step, r.steps, r.plan.clone());
        for v in &mut self.green.variants {
            let all = v.desired_count;
            let x = plan.active(step, steps, all);
            let capacity = if x >= all { "full capacity" } else { "canary capacity" };
            v.status = match phase {
                RolloutPhase::Launching => {
                    status("Updating", format!("Launching {} instance(s).", x - v.current_count.min(x)))
                }
                RolloutPhase::ActivatingTraffic => status(
                    "ActivatingTraffic",
                    format!("Activating traffic on {capacity} of {x} instance(s)."),
                ),
                RolloutPhase::Baking => status(
                    "Baking",
                    format!(
                        "Baking for {} seconds ({name}) with traffic enabled on {capacity} of {x} instance(s).",
                        wait.as_secs()
                    ),
                ),
                RolloutPhase::Discarding => {
                    let existing = if matches!(plan.shift, TrafficShift::Rolling { .. }) {
                        v.current_count
                    } else {
                        all
                    };
                    status("Deleting", format!("Terminating {existing} instance(s)."))
                }
                RolloutPhase::Terminating | RolloutPhase::RollingBack => None,
            };
        }
        for v in self.endpoint.deployment.all_mut() {
            v.status = match phase {
                RolloutPhase::Terminating => {
                    status("Deleting", format!("Terminating {} instance(s).", v.current_count))
                }
                RolloutPhase::RollingBack => {
                    let missing = v.desired_count.saturating_sub(v.current_count);
                    status("Updating", format!("Launching {missing} instance(s)."))
                }
                _ => None,
            };
        }
    }

    /// Returns to the old fleet: at once where all of it is there, else as fast as its instances come back.
    pub fn roll_back(mut self, reason: String, alarm: Option<AlarmName>) {
        self.rollout.failure = Some(RolloutFailure { reason, alarm, at: self.now });
        self.bring_back()
    }

    fn bring_back(mut self) {
        let rollback = match self.rollout.plan.shift {
            TrafficShift::Rolling { rollback, .. } => rollback,
            _ => crate::domain::Portion::ALL,
        };
        let mut missing = false;
        for (blue, before) in self.endpoint.deployment.variants.iter_mut().zip(&self.rollout.blue_counts) {
            if blue.current_count < *before {
                blue.desired_count = (blue.current_count + rollback.of(*before)).min(*before);
                missing = true;
            }
        }
        if missing {
            let takes = self.durations.capacity;
            return self.enter(RolloutPhase::RollingBack, takes);
        }
        self.rollout.active.iter_mut().for_each(|a| *a = 0);
        let launched = self.green.all().any(|v| v.current_count > 0);
        if !launched {
            // Nothing of the new fleet ever served: there is nothing to route or to end.
            return self.give_up();
        }
        self.route();
        self.changes.extend(self.green.all().map(|v| FleetChange::Retire(v.fleet)));
        let (_, terminate) = switching(&self.rollout.plan, &self.durations);
        self.enter(RolloutPhase::Discarding, terminate);
    }

    /// A batch of the old fleet is there again and takes its share of the traffic.
    fn restore_batch(mut self) {
        let mut back = 1.0_f64;
        for (blue, before) in self.endpoint.deployment.variants.iter_mut().zip(&self.rollout.blue_counts) {
            if blue.current_count != blue.desired_count {
                blue.current_count = blue.desired_count;
                let (fleet, instances) = (blue.fleet, blue.current_count);
                self.changes.push(FleetChange::Resize { fleet, instances });
            }
            back = back.min(f64::from(blue.current_count) / f64::from((*before).max(1)));
        }
        if back < 1.0 {
            for (v, active) in self.green.variants.iter_mut().zip(&mut self.rollout.active) {
                let instances = ((f64::from(v.desired_count) * (1.0 - back)).floor() as u32)
                    .clamp(1, v.current_count.max(1));
                if instances != v.current_count {
                    v.current_count = instances;
                    self.changes.push(FleetChange::Resize { fleet: v.fleet, instances });
                }
                *active = instances.min(*active);
            }
            self.route();
        }
        self.bring_back()
    }

    fn outcome(&self) -> RolloutOutcome {
        RolloutOutcome {
            from: self.endpoint.config.clone(),
            to: self.config.clone(),
            shift: self.rollout.plan.shift,
            began: self.began,
            ended: self.now,
            notes: self.rollout.notes.clone(),
            failure: self.rollout.failure.clone(),
        }
    }

    /// The new fleet alone is left.
    fn complete(mut self) {
        let outcome = self.outcome();
        self.green.all_mut().for_each(settle);
        self.endpoint.deployment = self.green;
        self.endpoint.config = self.config;
        self.endpoint.failure_reason = None;
        self.endpoint.last_rollout = Some(outcome);
        self.endpoint.status = EndpointStatus::InService;
    }

    /// The old fleet alone is left; the endpoint says why.
    fn give_up(self) {
        let outcome = self.outcome();
        for (blue, before) in self.endpoint.deployment.variants.iter_mut().zip(&self.rollout.blue_counts) {
            blue.desired_count = *before;
        }
        self.endpoint.deployment.all_mut().for_each(settle);
        // The service cuts a reason after 1,024 characters.
        let reason = outcome.failure.as_ref().map(|f| f.reason.chars().take(1_024).collect());
        self.endpoint.failure_reason = reason;
        self.endpoint.last_rollout = Some(outcome);
        self.endpoint.status = EndpointStatus::InService;
    }
}

/// Why a deployment went back, naming the alarm: the lab's words, the service's are not public.
pub(super) fn rang(alarm: &Alarm) -> String {
    format!(
        "The deployment was rolled back because the CloudWatch alarm \"{}\" is in state ALARM. {}",
        alarm.rule.name, alarm.reason
    )
}

/// Why a fleet does not come up; none when it does.
pub(super) fn unhealthy(deployment: &Deployment, ill: &[VariantName]) -> Option<String> {
    let bad = deployment.all().find(|v| !v.image.serves() || ill.contains(&v.name))?;
    Some(not_healthy(&bad.name))
}

pub(super) fn not_healthy(variant: &VariantName) -> String {
    format!(
        "The primary container for production variant {variant} did not pass the ping health check. Please check CloudWatch logs for this endpoint."
    )
}

/// What a variant goes through first.
pub(super) fn tell_launch(green: &mut Deployment, rollout: &Rollout) {
    for v in &mut green.variants {
        v.status = launching(rollout.billed(v));
    }
}
