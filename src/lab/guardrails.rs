//! Guardrails at work: alarms that are evaluated every minute, whom a rollout harms, and what would have been.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Experiment, LabAction, Refusal, experiment::MAX_STEP_REQUESTS};
use crate::{
    analysis::{
        alarm::{AlarmRule, evaluate},
        metrics::WATCHED_MINUTES,
    },
    controller::{Alarm, AlarmChange, ControlPlane, RolloutOutcome, RolloutPhase},
    domain::{
        AlarmState, Artifact, AutoRollbackConfiguration, BlueGreenUpdatePolicy, CapacitySize, CapacityType,
        Command, CommandError, DeploymentConfig, EndpointName, FleetId, InvocationRecord, InvocationStatus,
        MetricAlarmInput, ProductionVariantInput, RollbackAlarm, RoutingConfigInput,
        TrafficRoutingConfiguration, TrafficRoutingType, VirtualTime,
    },
    inference::PredictionTable,
    simulation::Fault,
};

/// Minutes of a rollout for which harm is counted.
pub const HARM_MINUTES: usize = 120;
/// Rollouts whose harm is kept.
const HARMS_KEPT: usize = 6;
/// Longest comparison of strategies, minutes.
pub const MAX_COMPARED_MINUTES: u32 = 120;

const MINUTE: Duration = Duration::from_secs(60);

/// One minute of a rollout, counted from its beginning. It travels as six numbers: every snapshot holds hundreds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u32; 6]", into = "[u32; 6]")]
pub struct HarmMinute {
    /// Callers' requests that the new fleet served.
    pub new: u32,
    /// Of these, ended in an error: the caller was harmed.
    pub errors: u32,
    /// Of these, answered wrongly where the old model would have been right. Only a simulator knows this.
    pub worse: u32,
    /// Callers' requests that the old fleet served.
    pub old: u32,
    /// Of these, ended in an error.
    pub old_errors: u32,
    /// Copies to a new shadow that failed: nobody noticed.
    pub unseen: u32,
}

impl From<[u32; 6]> for HarmMinute {
    fn from([new, errors, worse, old, old_errors, unseen]: [u32; 6]) -> Self {
        Self { new, errors, worse, old, old_errors, unseen }
    }
}

impl From<HarmMinute> for [u32; 6] {
    fn from(m: HarmMinute) -> Self {
        [m.new, m.errors, m.worse, m.old, m.old_errors, m.unseen]
    }
}

impl HarmMinute {
    fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.errors += other.errors;
        self.worse += other.worse;
        self.old += other.old;
        self.old_errors += other.old_errors;
        self.unseen += other.unseen;
    }
}

/// Whom a rollout harmed, minute by minute from its beginning, until the next one or for [`HARM_MINUTES`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Harm {
    /// How the new version came: `all at once`, `canary`, `linear`, `rolling`, or `shadow`.
    pub strategy: String,
    /// Endpoint.
    pub endpoint: EndpointName,
    /// The configuration that was to serve.
    pub config: String,
    /// When it began.
    pub began: VirtualTime,
    /// Minutes, up to the last with anything in it.
    pub minutes: Vec<HarmMinute>,
}

impl Harm {
    /// All minutes together.
    pub fn total(&self) -> HarmMinute {
        self.minutes.iter().fold(HarmMinute::default(), |mut sum, m| {
            sum.add(m);
            sum
        })
    }

    fn minute(&mut self, at: VirtualTime) -> Option<&mut HarmMinute> {
        let i = (at.since(self.began).as_secs() / 60) as usize;
        if i >= HARM_MINUTES {
            return None;
        }
        if i >= self.minutes.len() {
            self.minutes.resize(i + 1, HarmMinute::default());
        }
        self.minutes.get_mut(i)
    }
}

/// What a fleet is in a rollout.
#[derive(Clone, Copy, Debug, Default)]
enum Role {
    #[default]
    None,
    Old(usize),
    New(usize, Artifact),
    Shadow(usize),
}

/// Harm by rollout.
#[derive(Clone, Debug, Default)]
pub(super) struct HarmLedger {
    /// The last rollouts, oldest first.
    pub kept: VecDeque<Harm>,
    /// Rollouts that were forgotten: the number of the first that is kept.
    gone: usize,
    /// By fleet number.
    roles: Vec<Role>,
    /// Copies that shadows got, in rollouts or not.
    pub copies: u64,
}

impl HarmLedger {
    #[inline]
    pub fn record(&mut self, r: &InvocationRecord, table: &PredictionTable) {
        self.copies += u64::from(r.copy);
        let Some(role) = self.roles.get(r.fleet.0 as usize) else { return };
        let failed = u32::from(!r.status.is_answered());
        let (number, count) = match *role {
            Role::None => return,
            Role::Old(_) | Role::New(..) if r.copy => return,
            Role::Old(n) => (n, HarmMinute { old: 1, old_errors: failed, ..HarmMinute::default() }),
            Role::New(n, old) => {
                let right_before =
                    || table.prediction(old, r.review).is_some_and(|p| Some(p.stars) == r.true_stars);
                let wrong = r.status == InvocationStatus::Answered
                    && r.true_stars.is_some()
                    && r.predicted != r.true_stars;
                let worse = u32::from(wrong && right_before());
                (n, HarmMinute { new: 1, errors: failed, worse, ..HarmMinute::default() })
            }
            Role::Shadow(n) => (n, HarmMinute { unseen: failed, ..HarmMinute::default() }),
        };
        let harm = number.checked_sub(self.gone).and_then(|i| self.kept.get_mut(i));
        if let Some(minute) = harm.and_then(|h| h.minute(r.arrival)) {
            minute.add(&count);
        }
    }

    fn set(&mut self, fleet: FleetId, role: Role) {
        let place = fleet.0 as usize;
        if place >= self.roles.len() {
            self.roles.resize(place + 1, Role::None);
        }
        self.roles[place] = role;
    }

    /// Begins to count for every rollout that has begun.
    fn follow(&mut self, plane: &ControlPlane) {
        for endpoint in plane.endpoints() {
            let (Some(green), Some(rollout), Some(transition)) =
                (endpoint.pending(), endpoint.rollout(), &endpoint.transition)
            else {
                continue;
            };
            let known = |h: &Harm| h.endpoint == endpoint.name && h.began == transition.began;
            if self.kept.iter().any(known) {
                continue;
            }
            if self.kept.len() == HARMS_KEPT {
                self.kept.pop_front();
                self.gone += 1;
            }
            let number = self.gone + self.kept.len();
            let blue = &endpoint.deployment;
            let artifact = |name| {
                let same = blue.variants.iter().find(|v| v.name == name);
                same.or(blue.variants.first()).map(|v| v.artifact)
            };
            let shadows_only = !green.shadows.is_empty()
                && green.variants.iter().all(|v| artifact(v.name.clone()) == Some(v.artifact));
            for v in &blue.variants {
                self.set(v.fleet, Role::Old(number));
            }
            for v in &green.variants {
                let role = match artifact(v.name.clone()) {
                    // The production fleet beside a new shadow is what it was.
                    _ if shadows_only => Role::Old(number),
                    Some(old) => Role::New(number, old),
                    None => Role::None,
                };
                self.set(v.fleet, role);
            }
            for v in &green.shadows {
                self.set(v.fleet, Role::Shadow(number));
            }
            let strategy = if shadows_only { "shadow" } else { rollout.plan.shift.name() };
            let config = match &transition.kind {
                crate::controller::TransitionKind::Update { config, .. } => config.to_string(),
                _ => String::new(),
            };
            self.kept.push_back(Harm {
                strategy: strategy.into(),
                endpoint: endpoint.name.clone(),
                config,
                began: transition.began,
                minutes: Vec::new(),
            });
        }
    }
}

/// An alarm as a page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmView {
    /// As it was put.
    pub input: MetricAlarmInput,
    /// State.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
    /// Its last changes, oldest first.
    pub history: Vec<AlarmChange>,
}

impl From<&Alarm> for AlarmView {
    fn from(a: &Alarm) -> Self {
        Self { input: a.input.clone(), state: a.state, reason: a.reason.clone(), history: a.history.clone() }
    }
}

/// A rollout under way, as a page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutView {
    /// How traffic moves.
    pub strategy: String,
    /// Where it is.
    pub phase: RolloutPhase,
    /// When that ends, if nothing calls it back.
    pub phase_ends: VirtualTime,
    /// Step, from 1.
    pub step: u32,
    /// Steps in all.
    pub steps: u32,
    /// Share of the requests that go to the new fleet, 0 to 1.
    pub green_share: f64,
    /// Alarms that watch it.
    pub alarms: Vec<String>,
    /// What the learner should know.
    pub notes: Vec<String>,
    /// Why it goes back.
    pub failure: Option<String>,
}

/// When an alarm would have rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// The alarm.
    pub alarm_name: String,
    /// First moment that was looked at.
    pub from: VirtualTime,
    /// Last moment.
    pub to: VirtualTime,
    /// What its state would have done, oldest first.
    pub changes: Vec<AlarmChange>,
    /// Why it can never ring; none when it can.
    pub never_rings: Option<String>,
}

impl DryRun {
    /// When it would have rung first.
    pub fn rang(&self) -> Option<VirtualTime> {
        self.changes.iter().find(|c| c.state == AlarmState::Alarm).map(|c| c.at)
    }
}

/// What guardrails add to an experiment.
#[derive(Clone, Debug)]
pub(super) struct Guardrails {
    pub harm: HarmLedger,
    /// When the alarms are evaluated next; the end of time while there is none.
    pub next_check: VirtualTime,
    pub dry_runs: Vec<DryRun>,
    pub compared: Vec<Harm>,
    pub outcomes: Vec<RolloutOutcome>,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            harm: HarmLedger::default(),
            next_check: VirtualTime::END,
            dry_runs: Vec::new(),
            compared: Vec::new(),
            outcomes: Vec::new(),
        }
    }
}

impl Guardrails {
    /// Takes note of what a call or a moment has changed in the control plane.
    pub fn follow(&mut self, plane: &ControlPlane, now: VirtualTime) {
        self.harm.follow(plane);
        for outcome in plane.endpoints().filter_map(|e| e.last_rollout.as_ref()) {
            if !self.outcomes.contains(outcome) {
                self.outcomes.push(outcome.clone());
            }
        }
        let watched = plane.alarms().next().is_some();
        if !watched {
            self.next_check = VirtualTime::END;
        } else if self.next_check == VirtualTime::END {
            self.next_check = VirtualTime::from_s((now.minute() + 1) * 60);
        }
    }
}

/// What [`LabAction::CompareRollouts`] compares.
const COMPARED: [&str; 4] = ["all at once", "canary", "linear", "shadow"];

impl Experiment {
    /// Evaluates the alarms at the full minute that was reached.
    pub(super) fn check_alarms(&mut self) {
        let at = self.guardrails.next_check;
        self.guardrails.next_check = at + MINUTE;
        self.advance_metrics(at);
        let changes = self.observe(at);
        self.carry_out(changes);
    }

    /// What each fleet that was ever launched has done, its shadows' copies included.
    pub fn tallies(&self) -> impl Iterator<Item = (FleetId, &super::Tally)> {
        self.fleet_variants.keys().filter_map(|id| self.fleet_tally(*id).map(|t| (*id, &t.tally)))
    }

    /// Copies that shadows got.
    pub fn copies(&self) -> u64 {
        self.guardrails.harm.copies
    }

    /// Instances of a fleet that take requests now; none for a fleet that is gone.
    pub fn fleet_instances(&self, fleet: FleetId) -> usize {
        self.simulation.gauges(fleet).len()
    }

    /// Whom each of the last rollouts harmed, oldest first.
    pub fn harms(&self) -> impl Iterator<Item = &Harm> {
        self.guardrails.harm.kept.iter()
    }

    /// The last comparison of strategies, in the order all at once, canary, linear, shadow.
    pub fn compared(&self) -> &[Harm] {
        &self.guardrails.compared
    }

    /// Dry runs, one for each alarm name, oldest first.
    pub fn dry_runs(&self) -> &[DryRun] {
        &self.guardrails.dry_runs
    }

    /// How every rollout ended, oldest first.
    pub fn outcomes(&self) -> &[RolloutOutcome] {
        &self.guardrails.outcomes
    }

    /// Evaluates an alarm over the metrics that are kept, minute by minute as the service would have.
    pub(super) fn dry_run(&mut self, input: &MetricAlarmInput) -> Result<Value, Refusal> {
        let rule = AlarmRule::check(input).map_err(CommandError::Alarm)?;
        let last = self.now().minute();
        let first = last.saturating_sub(WATCHED_MINUTES);
        self.advance_metrics(self.now());
        let mut changes = Vec::new();
        let mut state = AlarmState::InsufficientData;
        for minute in first..=last {
            let at = VirtualTime::from_s(minute * 60);
            let found = evaluate(&rule, &rule.datapoints(self.metrics(), at), state);
            if found.state != state {
                state = found.state;
                changes.push(AlarmChange { at, state, reason: found.reason });
            }
        }
        let run = DryRun {
            alarm_name: rule.name.to_string(),
            from: VirtualTime::from_s(first * 60),
            to: VirtualTime::from_s(last * 60),
            changes,
            never_rings: rule.never_rings(),
        };
        let rang = run.changes.iter().filter(|c| c.state == AlarmState::Alarm).count();
        let reply = json!({
            "AlarmName": run.alarm_name,
            "WouldHaveRung": rang,
            "FirstAt": run.rang().map(|t| t.to_string()),
            "NeverRings": run.never_rings,
        });
        self.guardrails.dry_runs.retain(|r| r.alarm_name != run.alarm_name);
        self.guardrails.dry_runs.push(run);
        Ok(reply)
    }

    /// Runs the same update under four strategies, each in a copy of this experiment, and keeps whom each harmed.
    pub(super) fn compare_rollouts(
        &mut self,
        endpoint: &str,
        config: &str,
        alarms: &[String],
        minutes: u32,
    ) -> Result<Value, Refusal> {
        if !(1..=MAX_COMPARED_MINUTES).contains(&minutes) {
            return Err(Refusal::lab_rule(format!(
                "compare 1 to {MAX_COMPARED_MINUTES} minutes, not {minutes}"
            )));
        }
        let requests =
            60.0 * f64::from(minutes) * self.simulation.traffic().per_second * COMPARED.len() as f64;
        if requests > MAX_STEP_REQUESTS {
            return Err(Refusal::lab_rule(format!(
                "a comparison may simulate about {MAX_STEP_REQUESTS} requests, but this one holds {requests:.0}; compare fewer minutes, or lower the rate"
            )));
        }
        let mut compared = Vec::new();
        for strategy in COMPARED {
            let mut copy = self.clone();
            let to =
                if strategy == "shadow" { copy.shadow_config(endpoint, config)? } else { config.to_owned() };
            let update = Command::UpdateEndpoint {
                endpoint_name: endpoint.to_owned(),
                endpoint_config_name: to,
                retain_all_variant_properties: false,
                exclude_retained_variant_properties: Vec::new(),
                deployment_config: guarded(strategy, alarms),
                retain_deployment_config: false,
            };
            let (began, until) = (copy.now(), copy.now() + MINUTE * minutes);
            copy.act(&LabAction::Call(update))?;
            if let super::Progress::WaitsFor(artifact) = copy.run_to(until, u64::MAX) {
                return Err(Refusal::lab_rule(format!(
                    "{artifact} is not ready to answer yet; wait a moment"
                )));
            }
            let mut harms = copy.harms();
            let harm = harms.find(|h| h.began == began && h.endpoint.as_str() == endpoint).cloned();
            if let Some(mut harm) = harm {
                harm.strategy = strategy.to_owned();
                harm.minutes.resize(minutes as usize, HarmMinute::default());
                compared.push(harm);
            }
        }
        let reply = compared.iter().map(|h| json!({"Strategy": h.strategy, "Harmed": h.total().errors}));
        let reply = json!({"Compared": reply.collect::<Vec<_>>()});
        self.guardrails.compared = compared;
        Ok(reply)
    }

    /// Lets a fault hold on every fleet of a configuration, and on nothing else.
    pub(super) fn break_version(
        &mut self,
        config: &str,
        fault: Fault,
        lasts_s: u64,
    ) -> Result<Value, Refusal> {
        if fault == Fault::WrongContainer {
            return Err(Refusal::lab_rule(
                "a version in a wrong container never gets healthy; inject that fault into the variant",
            ));
        }
        let found = self.plane.configs().find(|c| c.name.as_str() == config);
        let found = found.ok_or_else(|| {
            Refusal::lab_rule(format!("there is no configuration {config} whose version could be bad"))
        })?;
        let (name, variants) = (found.name.clone(), found.variants().map(|v| v.variant_name.clone()));
        let mut ids = Vec::new();
        for variant in variants.collect::<Vec<_>>() {
            ids.push(self.faults.inject(self.now(), variant, Some(name.clone()), fault, 0, lasts_s)?);
        }
        self.apply_faults();
        Ok(json!({"FaultIds": ids}))
    }

    /// Makes a configuration that keeps what serves and adds the new version as its shadow.
    fn shadow_config(&mut self, endpoint: &str, config: &str) -> Result<String, Refusal> {
        let found = |what: &str| Refusal::lab_rule(format!("there is no {what} to make a shadow of"));
        let serving = self.plane.endpoint(endpoint).map(|e| e.config.to_string());
        let serving = serving.ok_or_else(|| found("endpoint"))?;
        let input = |name: &str| -> Option<ProductionVariantInput> {
            let config = self.plane.configs().find(|c| c.name.as_str() == name)?;
            let v = config.production_variants.first()?;
            Some(ProductionVariantInput {
                variant_name: v.variant_name.to_string(),
                model_name: v.model_name.to_string(),
                instance_type: v.instance_type.to_string(),
                initial_instance_count: i64::from(v.initial_instance_count),
                initial_variant_weight: 1.0,
                routing_config: Some(RoutingConfigInput { routing_strategy: v.routing_strategy }),
            })
        };
        let production = input(&serving).ok_or_else(|| found("configuration"))?;
        let shadow = input(config).ok_or_else(|| found("new configuration"))?;
        let name = "compared-as-shadow".to_owned();
        let create = Command::CreateEndpointConfig {
            endpoint_config_name: name.clone(),
            production_variants: vec![production],
            shadow_production_variants: vec![ProductionVariantInput {
                variant_name: "Shadow".into(),
                ..shadow
            }],
            data_capture_config: None,
        };
        self.act(&LabAction::Call(create))?;
        // The version is as bad in the shadow as it is in its own configuration.
        let bad: Vec<_> = self
            .faults
            .shown()
            .filter(|f| f.config.as_ref().is_some_and(|c| c.as_str() == config))
            .cloned()
            .collect();
        let found = self.plane.configs().find(|c| c.name.as_str() == name);
        let variant =
            found.and_then(|c| c.shadow_production_variants.first()).map(|v| v.variant_name.clone());
        let config = found.map(|c| c.name.clone());
        for fault in bad {
            let lasts_s = fault.ends.since(self.now()).as_secs().max(1);
            let Some(variant) = variant.clone() else { continue };
            self.faults.inject(self.now(), variant, config.clone(), fault.fault, 0, lasts_s)?;
        }
        Ok(name)
    }
}

/// The policies that are compared: the waits of the service's samples, shortened to five minutes.
fn guarded(strategy: &str, alarms: &[String]) -> Option<DeploymentConfig> {
    let kind = match strategy {
        "canary" => TrafficRoutingType::Canary,
        "linear" => TrafficRoutingType::Linear,
        _ => return None,
    };
    let size = |value| Some(CapacitySize { kind: CapacityType::CapacityPercent, value });
    let alarms: Vec<_> = alarms.iter().map(|a| RollbackAlarm { alarm_name: a.clone() }).collect();
    Some(DeploymentConfig {
        blue_green_update_policy: Some(BlueGreenUpdatePolicy {
            traffic_routing_configuration: TrafficRoutingConfiguration {
                kind,
                wait_interval_in_seconds: 300,
                canary_size: size(10).filter(|_| kind == TrafficRoutingType::Canary),
                linear_step_size: size(20).filter(|_| kind == TrafficRoutingType::Linear),
            },
            termination_wait_in_seconds: Some(300),
            maximum_execution_timeout_in_seconds: None,
        }),
        rolling_update_policy: None,
        auto_rollback_configuration: (!alarms.is_empty()).then_some(AutoRollbackConfiguration { alarms }),
    })
}
