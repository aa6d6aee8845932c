//! Calls in, state and fleet changes out.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Alarm, EndpointStatus, InferenceExperiment, Rollout, RolloutOutcome, RolloutPhase, RouteEntry,
    VariantStatus,
    alarms::Alarms,
    autoscaling::Autoscaler,
    rollout::{self, Moving},
};
use crate::{
    analysis::metrics::MetricStore,
    domain::{
        Arn, Artifact, Command, CommandError, ConfigError, ContainerImage, DataCaptureConfig,
        DeploymentConfig, DeploymentPlan, DesiredWeightAndCapacity, EndpointConfig, EndpointConfigName,
        EndpointName, ExcludedProperty, FleetId, INSTANCE_QUOTA, InferenceExperimentName, InstanceType,
        Model, ModelName, NameError, ResourceKind, RoutingStrategy, SECOND_NS, SamplingShare, ShadowRule,
        TrafficShift, TrafficSplit, VariantName, VariantProperty, VariantWeight, VirtualTime, WeightError,
    },
};

/// How long the service takes for what it does. All are lab rules: no public text gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Durations {
    /// From `CreateEndpoint` to `InService`: instances start, containers load their model.
    pub create: Duration,
    /// From `UpdateEndpoint` to `InService`: the same for the new fleet.
    pub update: Duration,
    /// A change of weights.
    pub weights: Duration,
    /// A change of instance counts.
    pub capacity: Duration,
    /// From `DeleteEndpoint` until it is gone.
    pub delete: Duration,
    /// From `CreateInferenceExperiment` to `Created`, or to its start.
    pub experiment: Duration,
    /// Turning traffic on for a step of a guarded deployment.
    pub activate: Duration,
    /// The end of the fleet that a guarded deployment leaves behind.
    pub terminate: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        Self {
            create: minutes(4),
            update: minutes(4),
            weights: Duration::from_secs(45),
            capacity: minutes(2),
            delete: Duration::from_secs(30),
            experiment: Duration::from_secs(20),
            activate: Duration::from_secs(15),
            terminate: Duration::from_secs(30),
        }
    }
}

/// A variant as it runs, or as it is being started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveVariant {
    /// Name.
    pub name: VariantName,
    /// Model that it serves.
    pub model: ModelName,
    /// What that model is made of.
    pub artifact: Artifact,
    /// What it runs in.
    pub image: ContainerImage,
    /// Its instances' type.
    pub instance_type: InstanceType,
    /// Spread over its instances.
    pub strategy: RoutingStrategy,
    /// Its instances in this deployment.
    pub fleet: FleetId,
    /// Weight that routes now.
    pub current_weight: VariantWeight,
    /// Weight asked for.
    pub desired_weight: VariantWeight,
    /// Instances that serve now.
    pub current_count: u32,
    /// Instances asked for.
    pub desired_count: u32,
    /// What it is going through.
    pub status: Option<VariantStatus>,
}

/// The variants of a configuration as they run, or as they are being started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Those that serve.
    pub variants: Vec<LiveVariant>,
    /// Those that get copies; their answers are seen by nobody who calls.
    pub shadows: Vec<LiveVariant>,
    /// Which requests and replies are kept; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<DataCaptureConfig>,
}

impl Deployment {
    /// Those that serve, then those that shadow.
    pub fn all(&self) -> impl Iterator<Item = &LiveVariant> {
        self.variants.iter().chain(&self.shadows)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut LiveVariant> {
        self.variants.iter_mut().chain(&mut self.shadows)
    }

    /// Share of the requests that the shadow at `index` gets copies of.
    pub fn sampling(&self, index: usize) -> SamplingShare {
        let production = self.variants.iter().map(|v| v.current_weight);
        self.shadows
            .get(index)
            .map_or(SamplingShare::NONE, |s| SamplingShare::of_weights(s.current_weight, production))
    }

    /// How traffic is split among those that serve.
    fn split(&self, weight: impl Fn(&LiveVariant) -> VariantWeight) -> Result<TrafficSplit, WeightError> {
        TrafficSplit::new(self.variants.iter().map(|v| (v.name.clone(), weight(v))).collect())
    }
}

/// What an endpoint is on its way to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TransitionKind {
    /// Its first service.
    Create,
    /// Another configuration, whose fleet is being started.
    Update {
        /// The configuration.
        config: EndpointConfigName,
        /// Its variants.
        deployment: Deployment,
        /// How they take over.
        rollout: Box<Rollout>,
    },
    /// The desired weights and counts.
    WeightsAndCapacities,
    /// Its end.
    Delete,
}

/// A change that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// To what.
    pub kind: TransitionKind,
    /// When it began.
    pub began: VirtualTime,
    /// When it ends, or its stage under way.
    pub ends: VirtualTime,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name.
    pub name: EndpointName,
    /// The configuration that serves.
    pub config: EndpointConfigName,
    /// Status.
    pub status: EndpointStatus,
    /// Why it failed, or why its last update did.
    pub failure_reason: Option<String>,
    /// When it was created.
    pub created: VirtualTime,
    /// When it was last changed.
    pub modified: VirtualTime,
    /// What serves and shadows, or is being started for the first time.
    pub deployment: Deployment,
    /// What is under way.
    pub transition: Option<Transition>,
    /// The last deployment configuration that was given.
    pub deployment_config: Option<DeploymentConfig>,
    /// How the last update ended.
    pub last_rollout: Option<RolloutOutcome>,
}

impl Endpoint {
    /// How traffic is split now; none while it does not serve.
    pub fn split(&self) -> Option<TrafficSplit> {
        self.status.serves().then(|| self.deployment.split(|v| v.current_weight).ok()).flatten()
    }

    /// Full name.
    pub fn arn(&self) -> Arn {
        Arn::of(ResourceKind::Endpoint, self.name.as_str())
    }

    /// The production variants.
    pub fn variants(&self) -> &[LiveVariant] {
        &self.deployment.variants
    }

    /// The shadow variants.
    pub fn shadows(&self) -> &[LiveVariant] {
        &self.deployment.shadows
    }

    /// What is being started beside what serves.
    pub fn pending(&self) -> Option<&Deployment> {
        match &self.transition {
            Some(Transition { kind: TransitionKind::Update { deployment, .. }, .. }) => Some(deployment),
            _ => None,
        }
    }

    /// The configuration of what is being started beside what serves.
    pub fn pending_config(&self) -> Option<&EndpointConfigName> {
        match &self.transition {
            Some(Transition { kind: TransitionKind::Update { config, .. }, .. }) => Some(config),
            _ => None,
        }
    }

    /// The rollout under way.
    pub fn rollout(&self) -> Option<&Rollout> {
        match &self.transition {
            Some(Transition { kind: TransitionKind::Update { rollout, .. }, .. }) => Some(rollout),
            _ => None,
        }
    }

    /// The fleets that get requests now, old and new ones; none while it does not serve.
    pub fn routes(&self) -> Vec<RouteEntry> {
        if !self.status.serves() {
            return Vec::new();
        }
        match (self.pending(), self.rollout()) {
            (Some(green), Some(rollout)) => rollout::routes(&self.deployment, green, rollout),
            _ => self.variants().iter().map(|v| (v.fleet, v.name.clone(), v.current_weight)).collect(),
        }
    }

    /// Share of the requests that go to this fleet now, 0 to 1.
    pub fn share(&self, fleet: FleetId) -> f64 {
        let routes = self.routes();
        let sum: f64 = routes.iter().map(|(_, _, w)| w.get()).sum();
        routes.iter().find(|(f, _, _)| *f == fleet).map_or(0.0, |(_, _, w)| w.get() / sum)
    }

    /// The deployment whose shadows get copies now: the new one as soon as it has all the traffic.
    pub fn in_charge(&self) -> &Deployment {
        match (self.pending(), self.rollout()) {
            (Some(green), Some(rollout)) if rollout.is_full(green) => green,
            _ => &self.deployment,
        }
    }

    /// The shadow fleets that get copies now, each with its share of the requests.
    pub fn shadow_routes(&self) -> Vec<(FleetId, VariantName, SamplingShare)> {
        rollout::shadow_routes(self.in_charge())
    }

    /// Every variant that serves, shadows or is being started.
    fn billed_variants(&self) -> impl Iterator<Item = &LiveVariant> {
        std::iter::once(&self.deployment).chain(self.pending()).flat_map(Deployment::all)
    }

    /// US dollars per hour for all its instances, those being started included: they are billed from their start.
    pub fn usd_per_hour(&self) -> f64 {
        let serving = self.deployment.all().map(|v| (v, v.current_count.max(v.desired_count)));
        let billed = |v: &LiveVariant| self.rollout().map_or(v.desired_count, |r| r.billed(v));
        let pending = self.pending().into_iter().flat_map(Deployment::all).map(|v| (v, billed(v)));
        if self.status == EndpointStatus::Failed {
            return 0.0;
        }
        serving.chain(pending).map(|(v, count)| v.instance_type.spec().usd_per_hour * f64::from(count)).sum()
    }
}

/// The instances of a variant that are to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetOrder {
    /// Its name from now on.
    pub fleet: FleetId,
    /// The endpoint that it serves.
    pub endpoint: EndpointName,
    /// The variant.
    pub variant: VariantName,
    /// What the instances run.
    pub artifact: Artifact,
    /// Their type.
    pub instance_type: InstanceType,
    /// How many.
    pub instances: u32,
    /// Spread over them.
    pub strategy: RoutingStrategy,
    /// The configuration that they belong to.
    pub config: EndpointConfigName,
    /// Whether callers get their answers; else they get copies.
    pub production: bool,
}

/// What must happen to instances and traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FleetChange {
    /// A fleet is ready to serve.
    Launch(FleetOrder),
    /// A fleet has another number of instances.
    Resize {
        /// Which.
        fleet: FleetId,
        /// How many.
        instances: u32,
    },
    /// A fleet gets no new requests; what it holds is finished.
    Retire(FleetId),
    /// The endpoint routes anew: its split, weights or fleets changed.
    Route(EndpointName),
}

/// Models, configurations and endpoints, and what is under way.
///
/// It can be written down and read back at any moment, also amid a transition: what was read goes on as if nothing
/// had happened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ControlPlane {
    pub(super) durations: Durations,
    shadow_rule: ShadowRule,
    models: BTreeMap<ModelName, Model>,
    configs: BTreeMap<EndpointConfigName, EndpointConfig>,
    pub(super) endpoints: BTreeMap<EndpointName, Endpoint>,
    pub(super) autoscaler: Autoscaler,
    experiments: BTreeMap<InferenceExperimentName, InferenceExperiment>,
    next_fleet: u32,
    alarms: Alarms,
    /// Billed until `billed_to`, deleted endpoints included.
    cost_usd: f64,
    cost_by_endpoint: BTreeMap<EndpointName, f64>,
    billed_to: VirtualTime,
    /// Variants whose new instances never pass the health check.
    unhealthy: Vec<VariantName>,
}

impl ControlPlane {
    /// An account without anything in it.
    pub fn new(durations: Durations) -> Self {
        Self { durations, ..Self::default() }
    }

    /// Changes how long things take from now on; what is under way keeps its end.
    pub fn set_durations(&mut self, durations: Durations) {
        self.durations = durations;
    }

    /// States the variants whose new instances never pass the health check from now on; those that serve go on.
    pub fn set_unhealthy(&mut self, variants: Vec<VariantName>) {
        self.unhealthy = variants;
    }

    /// How many shadow variants a configuration may have.
    pub fn shadow_rule(&self) -> ShadowRule {
        self.shadow_rule
    }

    /// Changes how many shadow variants a new configuration may have.
    pub fn set_shadow_rule(&mut self, rule: ShadowRule) {
        self.shadow_rule = rule;
    }

    /// Models by name.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// Configurations by name.
    pub fn configs(&self) -> impl Iterator<Item = &EndpointConfig> {
        self.configs.values()
    }

    /// Endpoints by name.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.values()
    }

    /// The endpoint of that name.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.values().find(|e| e.name.as_str() == name)
    }

    /// US dollars until the last [`Self::advance`].
    pub fn cost_usd(&self) -> f64 {
        self.cost_usd
    }

    /// US dollars that an endpoint has cost, while it exists.
    pub fn endpoint_cost_usd(&self, name: &EndpointName) -> f64 {
        self.cost_by_endpoint.get(name).copied().unwrap_or(0.0)
    }

    /// When the next transition ends; [`VirtualTime::END`] while none is under way.
    pub fn next_transition(&self) -> VirtualTime {
        let ends = self.endpoints.values().filter_map(|e| e.transition.as_ref()).map(|t| t.ends);
        ends.min().unwrap_or(VirtualTime::END).min(self.next_experiment_moment())
    }

    /// Does a call at `now`, after [`Self::advance`] to it.
    ///
    /// Returns the reply's members and what must happen to the fleets.
    ///
    /// # Errors
    /// [`CommandError`] in the documented wording; nothing has changed then.
    pub fn execute(&mut self, command: &Command, now: VirtualTime) -> Result<Vec<FleetChange>, CommandError> {
        self.refuse_under_experiment(command)?;
        match command {
            Command::CreateModel { model_name, primary_container } => {
                self.create_model(model_name, &primary_container.image, &primary_container.model_data_url)
            }
            Command::CreateEndpointConfig {
                endpoint_config_name,
                production_variants,
                shadow_production_variants,
                data_capture_config,
            } => {
                let config = EndpointConfig::check(
                    endpoint_config_name,
                    production_variants,
                    shadow_production_variants,
                    self.shadow_rule,
                )
                .and_then(|c| c.with_capture(data_capture_config.clone()));
                self.create_config(config.map_err(CommandError::Validation)?)
            }
            Command::CreateEndpoint { endpoint_name, endpoint_config_name, deployment_config } => {
                self.create_endpoint(endpoint_name, endpoint_config_name, deployment_config.as_ref(), now)
            }
            Command::DescribeEndpoint { endpoint_name } => self.find(endpoint_name).map(|_| Vec::new()),
            Command::UpdateEndpoint {
                endpoint_name,
                endpoint_config_name,
                retain_all_variant_properties,
                exclude_retained_variant_properties,
                deployment_config,
                retain_deployment_config,
            } => {
                let retain =
                    retain_all_variant_properties.then_some(exclude_retained_variant_properties.as_slice());
                let guarded = (deployment_config.as_ref(), *retain_deployment_config);
                self.update_endpoint(endpoint_name, endpoint_config_name, retain, guarded, now)
            }
            Command::UpdateEndpointWeightsAndCapacities { endpoint_name, desired_weights_and_capacities } => {
                self.update_weights(endpoint_name, desired_weights_and_capacities, now)
            }
            Command::DeleteEndpoint { endpoint_name } => self.delete_endpoint(endpoint_name, now),
            Command::DeleteEndpointConfig { endpoint_config_name } => {
                let key = EndpointConfigName::new(endpoint_config_name).ok();
                let gone = key.and_then(|k| self.configs.remove(&k));
                gone.map(|_| Vec::new())
                    .ok_or_else(|| not_found(ResourceKind::EndpointConfig, endpoint_config_name))
            }
            Command::DeleteModel { model_name } => {
                let gone = ModelName::new(model_name).ok().and_then(|k| self.models.remove(&k));
                gone.map(|_| Vec::new()).ok_or_else(|| not_found(ResourceKind::Model, model_name))
            }
            Command::PutMetricAlarm(input) => self.alarms.put(input).map(|()| Vec::new()),
            Command::DeleteAlarms { alarm_names } => self.alarms.delete(alarm_names).map(|()| Vec::new()),
            Command::DescribeAlarms { .. } => Ok(Vec::new()),
            Command::CreateInferenceExperiment(_)
            | Command::DescribeInferenceExperiment(_)
            | Command::ListInferenceExperiments(_)
            | Command::StartInferenceExperiment(_)
            | Command::UpdateInferenceExperiment(_)
            | Command::StopInferenceExperiment(_)
            | Command::DeleteInferenceExperiment(_) => self.execute_experiment(command, now),
            scaling => self.execute_scaling(scaling, now),
        }
    }

    /// Alarms by name.
    pub fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.0.values()
    }

    /// Evaluates the alarms over what is published at `now`, and calls back every rollout whose bake one of its
    /// alarms disturbs. To be called once at each full minute, after [`Self::advance`] to it and before anything
    /// that happens then.
    pub fn observe(&mut self, metrics: &MetricStore, now: VirtualTime) -> Vec<FleetChange> {
        self.bill(now);
        self.alarms.evaluate(metrics, now);
        let mut changes = Vec::new();
        for endpoint in self.endpoints.values_mut() {
            let baking = endpoint.rollout().filter(|r| r.phase == RolloutPhase::Baking);
            let Some(alarm) = baking.and_then(|r| rollout::ringing(&r.plan, &self.alarms.0).next()) else {
                continue;
            };
            let (reason, name) = (rollout::rang(alarm), alarm.rule.name.clone());
            let Some(Transition {
                kind: TransitionKind::Update { config, deployment, rollout }, began, ..
            }) = endpoint.transition.take()
            else {
                continue;
            };
            endpoint.modified = now;
            let moving = Moving {
                endpoint,
                config,
                green: deployment,
                rollout,
                began,
                now,
                durations: self.durations,
                alarms: &self.alarms.0,
                ill: &self.unhealthy,
                changes: &mut changes,
            };
            moving.roll_back(reason, Some(name));
        }
        changes
    }

    /// Lets time pass until `now`: bills, and ends the transitions that are due, in the order of their ends.
    pub fn advance(&mut self, now: VirtualTime) -> Vec<FleetChange> {
        let mut changes = Vec::new();
        loop {
            let due = self
                .endpoints
                .values()
                .filter_map(|e| e.transition.as_ref().map(|t| (t.ends, e.name.clone())))
                .min()
                .filter(|(ends, _)| *ends <= now);
            // An endpoint's transition comes before an experiment's moment at the same time, which may wait for it.
            let moment = self.next_experiment_moment();
            if moment <= now && due.as_ref().is_none_or(|(ends, _)| moment < *ends) {
                self.bill(moment);
                self.follow_experiments(moment);
                continue;
            }
            let Some((ends, name)) = due else { break };
            self.bill(ends);
            self.finish(&name, ends, &mut changes);
            self.follow_experiments(ends);
        }
        self.bill(now);
        changes
    }

    /// Bills until `now`, which must not lie beyond the end of a transition.
    pub fn bill(&mut self, now: VirtualTime) {
        let hours = now.since(self.billed_to).as_nanos() as f64 / (3_600.0 * SECOND_NS as f64);
        self.billed_to = self.billed_to.max(now);
        for endpoint in self.endpoints.values() {
            let usd = endpoint.usd_per_hour() * hours;
            self.cost_usd += usd;
            *self.cost_by_endpoint.entry(endpoint.name.clone()).or_default() += usd;
        }
    }

    fn finish(&mut self, name: &EndpointName, now: VirtualTime, changes: &mut Vec<FleetChange>) {
        let ill = &self.unhealthy;
        let Some(endpoint) = self.endpoints.get_mut(name) else { return };
        let Some(transition) = endpoint.transition.take() else { return };
        endpoint.modified = now;
        match transition.kind {
            TransitionKind::Create => {
                if let Some(reason) = rollout::unhealthy(&endpoint.deployment, ill) {
                    endpoint.status = EndpointStatus::Failed;
                    endpoint.failure_reason = Some(reason);
                    for variant in endpoint.deployment.all_mut() {
                        (variant.current_count, variant.desired_count, variant.status) = (0, 0, None);
                    }
                    return;
                }
                endpoint.deployment.all_mut().for_each(settle);
                let production = endpoint.deployment.variants.len();
                for (i, variant) in endpoint.deployment.all().enumerate() {
                    let order = order(name, &endpoint.config, variant, i < production);
                    changes.push(FleetChange::Launch(order));
                }
                endpoint.status = EndpointStatus::InService;
                changes.push(FleetChange::Route(name.clone()));
            }
            TransitionKind::Update { config, deployment, rollout } => {
                let moving = Moving {
                    endpoint,
                    config,
                    green: deployment,
                    rollout,
                    began: transition.began,
                    now,
                    durations: self.durations,
                    alarms: &self.alarms.0,
                    ill,
                    changes,
                };
                moving.end_phase();
            }
            TransitionKind::WeightsAndCapacities => {
                for variant in endpoint.deployment.all_mut() {
                    if variant.desired_count > variant.current_count && ill.contains(&variant.name) {
                        // What was to come never answers; what is there goes on.
                        variant.desired_count = variant.current_count;
                        endpoint.failure_reason = Some(rollout::not_healthy(&variant.name));
                    }
                    if variant.current_count != variant.desired_count {
                        let instances = variant.desired_count;
                        changes.push(FleetChange::Resize { fleet: variant.fleet, instances });
                    }
                    settle(variant);
                }
                endpoint.status = EndpointStatus::InService;
                changes.push(FleetChange::Route(name.clone()));
            }
            TransitionKind::Delete => {
                self.endpoints.remove(name);
                self.cost_by_endpoint.remove(name);
                self.autoscaler.forget(name);
            }
        }
    }

    fn find(&self, name: &str) -> Result<&Endpoint, CommandError> {
        self.endpoint(name).ok_or_else(|| not_found(ResourceKind::Endpoint, name))
    }

    /// The endpoint of that name when it may be changed now.
    fn changeable(&self, name: &str) -> Result<EndpointName, CommandError> {
        let endpoint = self.find(name)?;
        if endpoint.status.is_in_progress() {
            return Err(CommandError::InProgress { arn: endpoint.arn() });
        }
        if endpoint.status == EndpointStatus::Failed {
            return Err(CommandError::Failed { arn: endpoint.arn() });
        }
        Ok(endpoint.name.clone())
    }

    fn create_model(&mut self, name: &str, image: &str, url: &str) -> Result<Vec<FleetChange>, CommandError> {
        let key = ModelName::new(name).map_err(|e| bad_name(name, "modelName", e))?;
        let image = ContainerImage::new(image).ok_or_else(|| {
            member(
                image,
                "primaryContainer.image",
                "Member must satisfy regular expression pattern: [\\S]+, of at most 255 characters",
            )
        })?;
        let artifact = Artifact::from_model_data_url(url).ok_or_else(|| {
            let known = Artifact::ALL.map(Artifact::model_data_url).join(", ");
            member(url, "primaryContainer.modelDataUrl", &format!("the lab's bucket holds only {known}"))
        })?;
        if self.models.contains_key(&key) {
            let arn = Arn::of(ResourceKind::Model, name);
            return Err(CommandError::AlreadyExists { kind: ResourceKind::Model, arn });
        }
        self.models.insert(key.clone(), Model { name: key, artifact, image });
        Ok(Vec::new())
    }

    fn create_config(&mut self, config: EndpointConfig) -> Result<Vec<FleetChange>, CommandError> {
        for variant in config.variants() {
            self.model(&variant.model_name)?;
        }
        if self.configs.contains_key(&config.name) {
            let arn = Arn::of(ResourceKind::EndpointConfig, config.name.as_str());
            return Err(CommandError::AlreadyExists { kind: ResourceKind::EndpointConfig, arn });
        }
        self.configs.insert(config.name.clone(), config);
        Ok(Vec::new())
    }

    fn model(&self, name: &ModelName) -> Result<&Model, CommandError> {
        self.models.get(name).ok_or_else(|| not_found(ResourceKind::Model, name.as_str()))
    }

    /// The variants of a configuration, as a new deployment.
    fn deployment(&mut self, config: &EndpointConfigName) -> Result<Deployment, CommandError> {
        let found = self.configs.get(config);
        let config = found.ok_or_else(|| not_found(ResourceKind::EndpointConfig, config.as_str()))?.clone();
        let first = self.next_fleet;
        let mut variants = Vec::with_capacity(config.production_variants.len());
        for (fleet, v) in (first..).zip(config.variants()) {
            let model = self.model(&v.model_name)?;
            variants.push(LiveVariant {
                name: v.variant_name.clone(),
                model: v.model_name.clone(),
                artifact: model.artifact,
                image: model.image.clone(),
                instance_type: v.instance_type,
                strategy: v.routing_strategy,
                fleet: FleetId(fleet),
                current_weight: v.initial_weight,
                desired_weight: v.initial_weight,
                current_count: 0,
                desired_count: v.initial_instance_count,
                status: launching(v.initial_instance_count),
            });
        }
        let asked = variants.iter().map(|v| (v.instance_type, v.desired_count));
        self.within_quota(asked)?;
        self.next_fleet += variants.len() as u32;
        let shadows = variants.split_off(config.production_variants.len());
        Ok(Deployment { variants, shadows, capture: config.data_capture })
    }

    /// Refuses more instances of a type than [`INSTANCE_QUOTA`] over the whole account.
    fn within_quota(&self, asked: impl Iterator<Item = (InstanceType, u32)>) -> Result<(), CommandError> {
        let mut delta: BTreeMap<InstanceType, u32> = BTreeMap::new();
        for (kind, count) in asked {
            let sum = delta.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        for (kind, delta) in delta {
            let all = self.endpoints.values().flat_map(Endpoint::billed_variants);
            let current: u32 =
                all.filter(|v| v.instance_type == kind).map(|v| v.current_count.max(v.desired_count)).sum();
            if current.saturating_add(delta) > INSTANCE_QUOTA {
                let instance_type = kind.to_string();
                return Err(CommandError::ResourceLimitExceeded {
                    instance_type,
                    limit: INSTANCE_QUOTA,
                    current,
                    delta,
                });
            }
        }
        Ok(())
    }

    fn create_endpoint(
        &mut self,
        name: &str,
        config: &str,
        guarded: Option<&DeploymentConfig>,
        now: VirtualTime,
    ) -> Result<Vec<FleetChange>, CommandError> {
        let key = EndpointName::new(name).map_err(|e| bad_name(name, "endpointName", e))?;
        if self.endpoints.keys().any(|k| k.as_str().eq_ignore_ascii_case(name)) {
            let arn = Arn::of(ResourceKind::Endpoint, name);
            return Err(CommandError::AlreadyExists { kind: ResourceKind::Endpoint, arn });
        }
        let config =
            EndpointConfigName::new(config).map_err(|e| bad_name(config, "endpointConfigName", e))?;
        let next_fleet = self.next_fleet;
        let deployment = self.deployment(&config)?;
        if let Some(Err(e)) = guarded.map(|g| g.check(&counts(&deployment))) {
            self.next_fleet = next_fleet;
            return Err(CommandError::Validation(e));
        }
        let transition =
            Transition { kind: TransitionKind::Create, began: now, ends: now + self.durations.create };
        self.endpoints.insert(
            key.clone(),
            Endpoint {
                name: key,
                config,
                status: EndpointStatus::Creating,
                failure_reason: None,
                created: now,
                modified: now,
                deployment,
                transition: Some(transition),
                deployment_config: guarded.cloned(),
                last_rollout: None,
            },
        );
        Ok(Vec::new())
    }

    fn update_endpoint(
        &mut self,
        name: &str,
        config: &str,
        retain: Option<&[ExcludedProperty]>,
        guarded: (Option<&DeploymentConfig>, bool),
        now: VirtualTime,
    ) -> Result<Vec<FleetChange>, CommandError> {
        let key = self.changeable(name)?;
        let config =
            EndpointConfigName::new(config).map_err(|e| bad_name(config, "endpointConfigName", e))?;
        let endpoint = self.find(name)?;
        if endpoint.config == config {
            return Err(CommandError::SameConfig { arn: endpoint.arn(), config: config.to_string() });
        }
        let live = endpoint.deployment.clone();
        if let Some(found) = self.configs.get(&config) {
            self.keeps_scaled(&key, found)?;
        }
        let guarded = match guarded {
            (Some(_), true) => {
                let one = "Member must not be true together with deploymentConfig (a lab rule)";
                return Err(member("true", "retainDeploymentConfig", one));
            }
            (None, true) => endpoint.deployment_config.clone(),
            (given, false) => given.cloned(),
        };
        let next_fleet = self.next_fleet;
        let mut deployment = self.deployment(&config)?;
        if let Some(excluded) = retain {
            let keeps = |p: VariantProperty| !excluded.iter().any(|e| e.variant_property_type == p);
            for variant in deployment.all_mut() {
                let Some(old) = live.all().find(|v| v.name == variant.name) else { continue };
                if keeps(VariantProperty::DesiredWeight) {
                    (variant.current_weight, variant.desired_weight) =
                        (old.desired_weight, old.desired_weight);
                }
                if keeps(VariantProperty::DesiredInstanceCount) && old.desired_count > 0 {
                    variant.desired_count = old.desired_count;
                    variant.status = launching(variant.desired_count);
                }
            }
            if let Err(e) = deployment.split(|v| v.desired_weight) {
                self.next_fleet = next_fleet;
                return Err(CommandError::Weights(e));
            }
            let asked = deployment.all().map(|v| (v.instance_type, v.desired_count));
            if let Err(e) = self.within_quota(asked) {
                self.next_fleet = next_fleet;
                return Err(e);
            }
        }
        let (plan, notes) = match self.plan(guarded.as_ref(), &live, &deployment) {
            Ok(planned) => planned,
            Err(e) => {
                self.next_fleet = next_fleet;
                return Err(e);
            }
        };
        let rollout = Box::new(Rollout::begin(plan, notes, &live, &deployment, now, &self.durations));
        rollout::tell_launch(&mut deployment, &rollout);
        if let Some(endpoint) = self.endpoints.get_mut(&key) {
            endpoint.status = EndpointStatus::Updating;
            endpoint.failure_reason = None;
            endpoint.modified = now;
            if guarded.is_some() {
                endpoint.deployment_config = guarded;
            }
            let ends = rollout.next();
            let kind = TransitionKind::Update { config, deployment, rollout };
            endpoint.transition = Some(Transition { kind, began: now, ends });
        }
        Ok(Vec::new())
    }

    /// What a deployment configuration means for this update, with what the learner should know about it.
    fn plan(
        &self,
        guarded: Option<&DeploymentConfig>,
        blue: &Deployment,
        green: &Deployment,
    ) -> Result<(DeploymentPlan, Vec<String>), CommandError> {
        let Some(guarded) = guarded else { return Ok((DeploymentPlan::default(), Vec::new())) };
        let plan = guarded.check(&counts(green)).map_err(CommandError::Validation)?;
        for name in &plan.alarms {
            if !self.alarms.0.contains_key(name) {
                return Err(CommandError::NoAlarm { name: name.to_string() });
            }
        }
        if matches!(plan.shift, TrafficShift::Rolling { .. })
            && (blue.all().count() > 1 || green.all().count() > 1)
        {
            let excluded =
                "rolling deployments exclude endpoints with more than one variant; use a blue/green policy";
            let n = blue.all().count().max(green.all().count());
            return Err(member(&format!("[{n} variants]"), "deploymentConfig.rollingUpdatePolicy", excluded));
        }
        let mut notes = Vec::new();
        let names = |d: &Deployment| {
            let mut names: Vec<_> = d.variants.iter().map(|v| v.name.to_string()).collect();
            names.sort();
            names
        };
        let (old, new) = (names(blue), names(green));
        if old != new {
            // The service falls back in silence: the commonest reason why a canary never happened.
            notes.push(format!(
                "The old configuration has variant(s) {} and the new one {}. Deployment guardrails need the same variant names in both, so this update falls back to all at once, without a bake and without automatic rollback.",
                old.join(", "),
                new.join(", ")
            ));
            return Ok((DeploymentPlan::default(), notes));
        }
        if plan.alarms.is_empty() {
            notes.push("No alarm is named, so nothing rolls this deployment back by itself.".to_owned());
        } else if plan.total_wait(&counts(green)).is_zero() {
            notes.push(
                "Alarms are watched during bakes only, and no wait is given: nothing rolls this deployment back by itself."
                    .to_owned(),
            );
        }
        for alarm in rollout::ringing(&plan, &self.alarms.0) {
            notes.push(format!(
                "The alarm \"{}\" is in state ALARM already: the deployment will be rolled back at its first bake. Watch the new fleet alone with the dimension EndpointConfigName.",
                alarm.rule.name
            ));
        }
        Ok((plan, notes))
    }

    pub(super) fn update_weights(
        &mut self,
        name: &str,
        desired: &[DesiredWeightAndCapacity],
        now: VirtualTime,
    ) -> Result<Vec<FleetChange>, CommandError> {
        let key = self.changeable(name)?;
        let endpoint = self.find(name)?;
        if desired.is_empty() {
            return Err(member(
                "[]",
                "desiredWeightsAndCapacities",
                "Member must have length greater than or equal to 1",
            ));
        }
        for (i, d) in desired.iter().enumerate() {
            if desired[..i].iter().any(|e| e.variant_name == d.variant_name) {
                return Err(CommandError::RepeatedVariant { name: d.variant_name.clone() });
            }
        }
        let known = |d: &&DesiredWeightAndCapacity| {
            endpoint.deployment.all().any(|v| v.name.as_str() == d.variant_name)
        };
        let unknown: Vec<_> = desired.iter().filter(|d| !known(d)).map(|d| d.variant_name.clone()).collect();
        if !unknown.is_empty() {
            let config = endpoint.config.to_string();
            return Err(CommandError::UnknownVariants { names: unknown.join(", "), config });
        }
        let mut deployment = endpoint.deployment.clone();
        let mut more = Vec::new();
        for (i, d) in desired.iter().enumerate() {
            let at = |field: &str| format!("desiredWeightsAndCapacities.{}.member.{field}", i + 1);
            let Some(variant) = deployment.all_mut().find(|v| v.name.as_str() == d.variant_name) else {
                continue;
            };
            if let Some(weight) = d.desired_weight {
                variant.desired_weight = VariantWeight::new(weight).map_err(|e: WeightError| {
                    member(
                        &weight.to_string(),
                        &at("desiredWeight"),
                        &format!("Member must have value greater than or equal to 0: {e}"),
                    )
                })?;
            }
            if let Some(count) = d.desired_instance_count {
                // The API takes 0; a variant with traffic and no instance would fail every request: a lab rule.
                let count_in_range = u32::try_from(count).ok().filter(|n| (1..=INSTANCE_QUOTA).contains(n));
                let count = count_in_range.ok_or_else(|| {
                    let constraint =
                        format!("Member must have value between 1 and {INSTANCE_QUOTA} (the lab's quota)");
                    member(&count.to_string(), &at("desiredInstanceCount"), &constraint)
                })?;
                more.push((variant.instance_type, count.saturating_sub(variant.current_count)));
                variant.desired_count = count;
                if variant.current_count != count {
                    let message = format!("Scaling out desired instance count to {count}.");
                    variant.status = Some(VariantStatus { status: "Updating".into(), message });
                }
            }
        }
        deployment.split(|v| v.desired_weight).map_err(CommandError::Weights)?;
        self.within_quota(more.into_iter())?;
        let scales = deployment.all().any(|v| v.current_count != v.desired_count);
        let takes = if scales { self.durations.capacity } else { self.durations.weights };
        if let Some(endpoint) = self.endpoints.get_mut(&key) {
            endpoint.deployment = deployment;
            endpoint.status = EndpointStatus::Updating;
            endpoint.failure_reason = None;
            endpoint.modified = now;
            endpoint.transition = Some(Transition {
                kind: TransitionKind::WeightsAndCapacities,
                began: now,
                ends: now + takes,
            });
        }
        Ok(Vec::new())
    }

    /// Moves the weights of an endpoint's production variants at once, without a transition: for a bandit that routes.
    ///
    /// SageMaker has no such routing. Who runs a bandit on it moves weights by `UpdateEndpointWeightsAndCapacities`, a
    /// transition each time, or names a target variant with each request. What is current and what is desired stay the
    /// same, so a call that comes later finds an endpoint in service.
    ///
    /// # Shapes and units
    /// One weight for each production variant, in their order.
    ///
    /// # Errors
    /// [`CommandError`] as for a change of weights: no such endpoint, one that is being changed or has failed, another
    /// number of weights than of variants, all of them 0.
    pub fn shift_weights(
        &mut self,
        name: &str,
        weights: &[VariantWeight],
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let key = self.changeable(name)?;
        let Some(endpoint) = self.endpoints.get_mut(&key) else {
            return Err(not_found(ResourceKind::Endpoint, name));
        };
        let variants = &endpoint.deployment.variants;
        if variants.len() != weights.len() {
            let constraint =
                format!("Member must have length equal to {}, one for each variant", variants.len());
            return Err(member(&weights.len().to_string(), "weights", &constraint));
        }
        let split = variants.iter().zip(weights).map(|(v, w)| (v.name.clone(), *w)).collect();
        TrafficSplit::new(split).map_err(CommandError::Weights)?;
        for (variant, weight) in endpoint.deployment.variants.iter_mut().zip(weights) {
            (variant.current_weight, variant.desired_weight) = (*weight, *weight);
        }
        endpoint.modified = now;
        Ok(())
    }

    fn delete_endpoint(&mut self, name: &str, now: VirtualTime) -> Result<Vec<FleetChange>, CommandError> {
        let endpoint = self.find(name)?;
        if endpoint.status.is_in_progress() {
            return Err(CommandError::InProgress { arn: endpoint.arn() });
        }
        let (key, served) = (endpoint.name.clone(), endpoint.status.serves());
        let ends = now + self.durations.delete;
        let mut changes = Vec::new();
        if let Some(endpoint) = self.endpoints.get_mut(&key) {
            endpoint.status = EndpointStatus::Deleting;
            endpoint.modified = now;
            endpoint.transition = Some(Transition { kind: TransitionKind::Delete, began: now, ends });
            for variant in endpoint.deployment.all_mut() {
                let message = format!("Terminating {} instance(s).", variant.current_count);
                variant.status = Some(VariantStatus { status: "Deleting".into(), message });
            }
            if served {
                changes.push(FleetChange::Route(key));
                changes.extend(endpoint.deployment.all().map(|v| FleetChange::Retire(v.fleet)));
            }
        }
        Ok(changes)
    }
}

fn counts(deployment: &Deployment) -> Vec<u32> {
    deployment.variants.iter().map(|v| v.desired_count).collect()
}

pub(super) fn launching(count: u32) -> Option<VariantStatus> {
    Some(VariantStatus { status: "Creating".into(), message: format!("Launching {count} instance(s).") })
}

pub(super) fn settle(variant: &mut LiveVariant) {
    variant.current_weight = variant.desired_weight;
    variant.current_count = variant.desired_count;
    variant.status = None;
}

pub(super) fn order(
    endpoint: &EndpointName,
    config: &EndpointConfigName,
    v: &LiveVariant,
    production: bool,
) -> FleetOrder {
    FleetOrder {
        fleet: v.fleet,
        endpoint: endpoint.clone(),
        variant: v.name.clone(),
        artifact: v.artifact,
        instance_type: v.instance_type,
        instances: v.current_count,
        strategy: v.strategy,
        config: config.clone(),
        production,
    }
}

fn not_found(kind: ResourceKind, name: &str) -> CommandError {
    CommandError::NotFound { kind, arn: Arn::of(kind, name) }
}

fn member(value: &str, path: &str, constraint: &str) -> CommandError {
    CommandError::Validation(ConfigError::Member {
        value: value.to_owned(),
        path: path.to_owned(),
        constraint: constraint.to_owned(),
    })
}

fn bad_name(value: &str, path: &str, e: NameError) -> CommandError {
    member(value, path, &e.to_string())
}

mod experiments;
#[cfg(test)]
mod tests;
