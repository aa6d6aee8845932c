//! Drives inference experiments: they move their endpoint by the same calls that anyone would make, so what holds for
//! an update holds for them, too: no request is lost.

use super::{ControlPlane, Endpoint, FleetChange, LiveVariant, not_found};
use crate::{
    controller::{
        Deployment, EarlierState, EndpointStatus, InferenceExperiment, InferenceExperimentStatus as Status,
        inference_experiment::{member, shadow_weight},
    },
    domain::{
        Arn, Command, CommandError, ConfigError, CreateInferenceExperiment, DesiredExperimentState,
        DesiredWeightAndCapacity, EndpointConfig, EndpointConfigName, EndpointName, ExperimentSchedule,
        InferenceExperimentError, InferenceExperimentName, MAX_EXPERIMENTS, Model, ModelName,
        ProductionVariant, ResourceKind, ScheduleInput, ShadowPlan, StopInferenceExperiment,
        UpdateInferenceExperiment, VirtualTime, check_experiment_text,
    },
};

type Outcome = Result<Vec<FleetChange>, CommandError>;

/// When a running experiment may still be changed.
const WHILE_RUNNING: &str =
    "While an experiment runs, only its description, its sampling percentage and its end can be changed.";

impl ControlPlane {
    /// Inference experiments by name, those that ended included.
    pub fn inference_experiments(&self) -> impl Iterator<Item = &InferenceExperiment> {
        self.experiments.values()
    }

    /// The inference experiment of that name.
    pub fn inference_experiment(&self, name: &str) -> Option<&InferenceExperiment> {
        self.experiments.values().find(|e| e.name.as_str() == name)
    }

    /// When the next experiment starts, ends or is set up; [`VirtualTime::END`] while none will by itself.
    pub(super) fn next_experiment_moment(&self) -> VirtualTime {
        let moments = self.experiments.values().map(InferenceExperiment::next_moment);
        moments.min().unwrap_or(VirtualTime::END)
    }

    /// Refuses a caller's change of an endpoint that an experiment holds: a lab rule.
    pub(super) fn refuse_under_experiment(&self, command: &Command) -> Result<(), CommandError> {
        let (Command::UpdateEndpoint { endpoint_name, .. }
        | Command::UpdateEndpointWeightsAndCapacities { endpoint_name, .. }
        | Command::DeleteEndpoint { endpoint_name }) = command
        else {
            return Ok(());
        };
        let holder = self
            .experiments
            .values()
            .find(|e| e.status.holds_endpoint() && e.endpoint.as_str() == endpoint_name);
        match holder.filter(|e| self.endpoints.contains_key(&e.endpoint)) {
            None => Ok(()),
            Some(e) => Err(InferenceExperimentError::Busy {
                arn: Arn::of(ResourceKind::Endpoint, endpoint_name),
                experiment: e.name.to_string(),
                status: e.status.to_string(),
            }
            .into()),
        }
    }

    pub(super) fn execute_experiment(&mut self, command: &Command, now: VirtualTime) -> Outcome {
        match command {
            Command::CreateInferenceExperiment(asked) => self.create_experiment(asked, now)?,
            Command::DescribeInferenceExperiment(asked) => {
                self.find_experiment(&asked.name)?;
            }
            Command::ListInferenceExperiments(asked) => {
                if let Some(n) = asked.max_results.filter(|n| !(1..=100).contains(n)) {
                    let range = "Member must have value between 1 and 100";
                    return Err(invalid(member(n, "maxResults", range)));
                }
                let known = |s: &&String| !Status::ALL.iter().any(|k| k.to_string() == **s);
                if let Some(status) = asked.status_equals.as_ref().filter(known) {
                    let set = Status::ALL.map(|s| s.to_string()).join(", ");
                    let words = format!("Member must satisfy enum value set: [{set}]");
                    return Err(invalid(member(status, "statusEquals", words)));
                }
            }
            Command::StartInferenceExperiment(asked) => self.start_experiment(&asked.name, now)?,
            Command::UpdateInferenceExperiment(asked) => self.update_experiment(asked, now)?,
            Command::StopInferenceExperiment(asked) => self.stop_experiment(asked, now)?,
            Command::DeleteInferenceExperiment(asked) => self.delete_experiment(&asked.name)?,
            _ => {}
        }
        self.follow_experiments(now);
        Ok(Vec::new())
    }

    fn find_experiment(&self, name: &str) -> Result<&InferenceExperiment, InferenceExperimentError> {
        let arn = || Arn::of(ResourceKind::InferenceExperiment, name);
        self.inference_experiment(name).ok_or_else(|| InferenceExperimentError::NotFound { arn: arn() })
    }

    fn create_experiment(
        &mut self,
        asked: &CreateInferenceExperiment,
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let checked = asked.check(now).map_err(invalid)?;
        if self.experiments.keys().any(|k| k.as_str().eq_ignore_ascii_case(&asked.name)) {
            let arn = Arn::of(ResourceKind::InferenceExperiment, &asked.name);
            let words = format!("Cannot create already existing inference experiment \"{arn}\".");
            return Err(InferenceExperimentError::InUse(words).into());
        }
        let other = self.experiments.values().find(|e| {
            !e.status.has_ended() && e.endpoint.as_str().eq_ignore_ascii_case(&asked.endpoint_name)
        });
        if let Some(other) = other {
            let words = format!(
                "Endpoint \"{}\" has the inference experiment \"{}\" in status {} already.",
                Arn::of(ResourceKind::Endpoint, &asked.endpoint_name),
                other.name,
                other.status
            );
            return Err(InferenceExperimentError::InUse(words).into());
        }
        if self.experiments.len() >= MAX_EXPERIMENTS {
            return Err(InferenceExperimentError::Limit { limit: MAX_EXPERIMENTS }.into());
        }
        self.fits(&checked.plan, &checked.endpoint)?;
        let experiment = InferenceExperiment {
            name: checked.name.clone(),
            description: asked.description.clone(),
            role_arn: asked.role_arn.clone(),
            creates_endpoint: !self.endpoints.contains_key(&checked.endpoint),
            endpoint: checked.endpoint,
            plan: checked.plan,
            schedule: checked.schedule,
            storage: asked.data_storage_config.clone(),
            status: Status::Creating,
            status_reason: None,
            created: now,
            modified: now,
            completed: None,
            began: None,
            fleets: None,
            earlier: None,
            config: None,
            stop: None,
            ready_at: now + self.durations.experiment,
            ordered: false,
        };
        self.experiments.insert(checked.name, experiment);
        Ok(())
    }

    /// Whether a plan can run on an endpoint as things are.
    fn fits(&self, plan: &ShadowPlan, endpoint: &EndpointName) -> Result<(), CommandError> {
        for v in plan.production.iter().chain([&plan.shadow]) {
            self.model(&v.model_name)?;
        }
        let more = plan.production.iter().chain([&plan.shadow]).map(|v| (v.instance_type, v.instance_count));
        self.within_quota(more)?;
        let found = self.endpoints.values().find(|e| e.name.as_str().eq_ignore_ascii_case(endpoint.as_str()));
        match found {
            None if plan.production.is_none() => {
                let why = format!(
                    "endpoint {endpoint} does not exist, so the experiment creates it and needs the infrastructure of {}",
                    plan.source
                );
                Err(invalid(member("[1 variants]", "modelVariants", why)))
            }
            None => Ok(()),
            Some(e) if e.name != *endpoint => {
                Err(CommandError::AlreadyExists { kind: ResourceKind::Endpoint, arn: e.arn() })
            }
            Some(e) if e.status == EndpointStatus::Failed => Err(CommandError::Failed { arn: e.arn() }),
            Some(e) if e.status == EndpointStatus::Deleting => Err(CommandError::InProgress { arn: e.arn() }),
            Some(e) => fits_live(plan, &e.deployment).map_err(invalid),
        }
    }

    fn start_experiment(&mut self, name: &str, now: VirtualTime) -> Result<(), CommandError> {
        let found = self.find_experiment(name)?;
        if found.status != Status::Created {
            return Err(found.conflict("Only an experiment in status Created can be started.").into());
        }
        let key = found.name.clone();
        self.change(&key, now, |e| {
            e.schedule = e.schedule.started_early(now);
            e.status = Status::Starting;
        });
        Ok(())
    }

    fn update_experiment(
        &mut self,
        asked: &UpdateInferenceExperiment,
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let found = self.find_experiment(&asked.name)?;
        check_experiment_text(asked.description.as_ref(), "description").map_err(invalid)?;
        if let Some(storage) = &asked.data_storage_config {
            storage.check().map_err(invalid)?;
        }
        let variants = asked.model_variants.clone().unwrap_or_else(|| found.plan.model_variants());
        let mode = asked.shadow_mode_config.clone().unwrap_or_else(|| found.plan.mode());
        let plan = ShadowPlan::check(&variants, &mode).map_err(invalid)?;
        let key = found.name.clone();
        let schedule = match found.status {
            Status::Created => {
                for (i, v) in plan.production.iter().chain([&plan.shadow]).enumerate() {
                    let before = found.variants().find(|b| b.variant_name == v.variant_name);
                    if before.is_some_and(|b| b.model_name != v.model_name) {
                        let path = format!("modelVariants.{}.member.modelName", i + 1);
                        let why = "a variant keeps its model: remove the variant and add one of another name";
                        return Err(invalid(member(&v.model_name, path, why)));
                    }
                }
                self.fits(&plan, &found.endpoint)?;
                let asked = asked.schedule.unwrap_or_default();
                let begun = match asked.start_time {
                    None => found.schedule,
                    start_time => {
                        let ask = ScheduleInput { start_time, end_time: None };
                        ExperimentSchedule::ask(Some(&ask), now).map_err(invalid)?
                    }
                };
                match asked.end_time {
                    None => begun.ending(found.schedule.end, now),
                    Some(end) => begun.with_end(end, now),
                }
                .map_err(invalid)?
            }
            Status::Running => {
                let resampled =
                    ShadowPlan { sampling_percentage: plan.sampling_percentage, ..found.plan.clone() };
                let start = asked.schedule.and_then(|s| s.start_time);
                let same_start = start.is_none_or(|s| found.schedule.starts_at(s));
                let same_storage =
                    asked.data_storage_config.as_ref().is_none_or(|s| found.storage.as_ref() == Some(s));
                if plan != resampled || !same_start || !same_storage {
                    return Err(found.conflict(WHILE_RUNNING).into());
                }
                match asked.schedule.and_then(|s| s.end_time) {
                    Some(end) => found.schedule.with_end(end, now).map_err(invalid)?,
                    None => found.schedule,
                }
            }
            _ => {
                let allowed = "Only an experiment in status Created or Running can be updated.";
                return Err(found.conflict(allowed).into());
            }
        };
        let resampled = plan.sampling_percentage != found.plan.sampling_percentage;
        let moves = found.status == Status::Running && resampled;
        if moves {
            let (endpoint, shadow) = (found.endpoint.to_string(), plan.shadow.variant_name.to_string());
            let weight = DesiredWeightAndCapacity {
                variant_name: shadow,
                desired_weight: Some(shadow_weight(plan.sampling_percentage).get()),
                desired_instance_count: None,
            };
            self.update_weights(&endpoint, &[weight], now)?;
        }
        self.change(&key, now, |e| {
            if let Some(description) = &asked.description {
                e.description = Some(description.clone());
            }
            if let Some(storage) = &asked.data_storage_config {
                e.storage = Some(storage.clone());
            }
            (e.plan, e.schedule) = (plan, schedule);
            if moves {
                e.status = Status::Updating;
            }
        });
        Ok(())
    }

    fn stop_experiment(
        &mut self,
        asked: &StopInferenceExperiment,
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let found = self.find_experiment(&asked.name)?;
        if found.status != Status::Running {
            return Err(found.conflict("Only an experiment in status Running can be stopped.").into());
        }
        let live = self.find(found.endpoint.as_str())?;
        let (key, ready) = (found.name.clone(), live.status == EndpointStatus::InService);
        let plan =
            found.stop_plan(asked, &live.deployment, |stem| self.free_config_name(stem)).map_err(invalid)?;
        // While autoscaling changes the endpoint, the stop waits for it.
        if ready {
            self.order_stop(&key, &plan, now)?;
        }
        self.change(&key, now, |e| {
            (e.status, e.ordered, e.stop) = (Status::Stopping, ready, Some(plan));
        });
        Ok(())
    }

    fn delete_experiment(&mut self, name: &str) -> Result<(), CommandError> {
        let found = self.find_experiment(name)?;
        if !(found.status.has_ended() || found.status == Status::Created) {
            let allowed = "Only an experiment in status Created, Completed or Cancelled can be deleted.";
            return Err(found.conflict(allowed).into());
        }
        let key = found.name.clone();
        self.experiments.remove(&key);
        Ok(())
    }

    fn change(
        &mut self,
        key: &InferenceExperimentName,
        now: VirtualTime,
        change: impl FnOnce(&mut InferenceExperiment),
    ) {
        if let Some(e) = self.experiments.get_mut(key) {
            e.modified = now;
            change(e);
        }
    }

    /// Takes every experiment as far as its schedule and its endpoint allow at `now`.
    pub(super) fn follow_experiments(&mut self, now: VirtualTime) {
        let names: Vec<InferenceExperimentName> = self.experiments.keys().cloned().collect();
        for name in names {
            // From one status to the next several may pass at once, never more than there are.
            for _ in Status::ALL {
                if !self.follow(&name, now) {
                    break;
                }
            }
        }
    }

    /// One step of an experiment; whether there was one.
    fn follow(&mut self, name: &InferenceExperimentName, now: VirtualTime) -> bool {
        let Some(e) = self.experiments.get(name) else { return false };
        match e.status {
            Status::Creating | Status::Created if e.next_moment() <= now => {
                let status = if e.schedule.start <= now { Status::Starting } else { Status::Created };
                self.change(name, now, |e| e.status = status);
                true
            }
            Status::Running if e.next_moment() <= now => {
                let free = self.free_config_name(&e.config_stem("production"));
                let plan = free.map(|free| e.scheduled_end(free));
                self.change(name, now, |e| {
                    (e.status, e.ordered, e.stop) = (Status::Stopping, false, plan);
                });
                true
            }
            Status::Starting | Status::Updating | Status::Stopping => self.drive(name, now),
            _ => false,
        }
    }

    /// What an experiment does next with its endpoint; whether it did.
    fn drive(&mut self, name: &InferenceExperimentName, now: VirtualTime) -> bool {
        let Some(e) = self.experiments.get(name).cloned() else { return false };
        let Some(endpoint) = self.endpoints.get(&e.endpoint) else {
            if e.status == Status::Starting && e.creates_endpoint && !e.ordered {
                let began = self.begin_on_new(&e, now);
                self.order_or_cancel(name, began, now);
            } else {
                let arn = Arn::of(ResourceKind::Endpoint, e.endpoint.as_str());
                self.cancel(name, format!("Could not find endpoint \"{arn}\"."), now);
            }
            return true;
        };
        match endpoint.status {
            EndpointStatus::InService => {}
            EndpointStatus::Failed => {
                let why = endpoint.failure_reason.clone();
                self.cancel(name, why.unwrap_or_else(|| "The endpoint failed.".into()), now);
                return true;
            }
            // Somebody's change, or the one that was ordered, is under way.
            _ => return false,
        }
        match (e.status, e.ordered) {
            (Status::Starting, false) => {
                let began = self.begin_on_existing(&e, now);
                self.order_or_cancel(name, began, now);
            }
            (Status::Starting, true) => self.begin(name, &e, now),
            (Status::Stopping, false) => match &e.stop {
                Some(plan) => {
                    let ordered = self.order_stop(name, plan, now);
                    match ordered {
                        Ok(()) => self.change(name, now, |e| e.ordered = true),
                        Err(why) => self.cancel(name, why.to_string(), now),
                    }
                }
                None => self.cancel(name, "No configuration can be named after the experiment.".into(), now),
            },
            (Status::Stopping, true) => self.end(name, &e, now),
            _ => self.change(name, now, |e| e.status = Status::Running),
        }
        true
    }

    fn order_or_cancel(
        &mut self,
        name: &InferenceExperimentName,
        began: Result<(EndpointConfigName, Option<EarlierState>), CommandError>,
        now: VirtualTime,
    ) {
        match began {
            Ok((config, earlier)) => self.change(name, now, |e| {
                (e.ordered, e.config, e.earlier) = (true, Some(config), earlier);
            }),
            Err(why) => self.cancel(name, why.to_string(), now),
        }
    }

    fn begin_on_new(
        &mut self,
        e: &InferenceExperiment,
        now: VirtualTime,
    ) -> Result<(EndpointConfigName, Option<EarlierState>), CommandError> {
        let config = e.test_config(self.fresh_config_name(e, "shadow")?, None);
        let name = config.name.clone();
        self.configs.insert(name.clone(), config);
        let created = self.create_endpoint(e.endpoint.as_str(), name.as_str(), None, now);
        if let Err(why) = created {
            self.configs.remove(&name);
            return Err(why);
        }
        Ok((name, None))
    }

    fn begin_on_existing(
        &mut self,
        e: &InferenceExperiment,
        now: VirtualTime,
    ) -> Result<(EndpointConfigName, Option<EarlierState>), CommandError> {
        let endpoint = self.find(e.endpoint.as_str())?;
        fits_live(&e.plan, &endpoint.deployment).map_err(invalid)?;
        let earlier = EarlierState { config: config_of(endpoint), deployment: endpoint.deployment.clone() };
        let config = e.test_config(self.fresh_config_name(e, "shadow")?, Some(&endpoint.deployment));
        let name = config.name.clone();
        self.move_to(&e.endpoint, &config, &[], now)?;
        self.configs.insert(name.clone(), config);
        Ok((name, Some(earlier)))
    }

    /// The endpoint runs the experiment's variants, or its update failed.
    fn begin(&mut self, name: &InferenceExperimentName, e: &InferenceExperiment, now: VirtualTime) {
        let Some(endpoint) = self.endpoints.get(&e.endpoint) else { return };
        if Some(&endpoint.config) != e.config.as_ref() {
            let why = endpoint.failure_reason.clone();
            return self.cancel(name, why.unwrap_or_else(|| "The endpoint's update was undone.".into()), now);
        }
        let fleet = |variants: &[LiveVariant]| variants.first().map(|v| v.fleet);
        let fleets = fleet(endpoint.variants()).zip(fleet(endpoint.shadows()));
        self.change(name, now, |e| {
            (e.status, e.began, e.fleets) = (Status::Running, Some(now), fleets);
        });
    }

    /// Tells the endpoint to move to what follows the experiment.
    fn order_stop(
        &mut self,
        name: &InferenceExperimentName,
        plan: &crate::controller::StopPlan,
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let Some((endpoint, earlier)) =
            self.experiments.get(name).map(|e| (e.endpoint.clone(), e.earlier.clone()))
        else {
            return Ok(());
        };
        let Some(config) = &plan.config else { return Ok(()) };
        let known: Vec<LiveVariant> = earlier.iter().flat_map(|e| e.deployment.all()).cloned().collect();
        self.move_to(&endpoint, config, &known, now)?;
        if !plan.reverts {
            self.configs.insert(config.name.clone(), config.clone());
        }
        Ok(())
    }

    /// The endpoint is where the experiment's end was to bring it, or its update failed.
    fn end(&mut self, name: &InferenceExperimentName, e: &InferenceExperiment, now: VirtualTime) {
        let Some((endpoint, plan)) = self.endpoints.get(&e.endpoint).zip(e.stop.as_ref()) else { return };
        if let Some(config) = plan.config.as_ref().filter(|c| c.name != endpoint.config) {
            let why = endpoint.failure_reason.clone().unwrap_or_else(|| "its update was undone".into());
            let words = format!("The endpoint could not be moved to {}: {why}", config.name);
            return self.cancel(name, words, now);
        }
        // What the service made for the experiment alone, it takes away.
        if let Some(config) = e.config.as_ref().filter(|c| **c != endpoint.config) {
            self.configs.remove(config);
        }
        let (state, reason) = (plan.state, plan.reason.clone());
        self.change(name, now, |e| {
            e.status = match state {
                DesiredExperimentState::Completed => Status::Completed,
                DesiredExperimentState::Cancelled => Status::Cancelled,
            };
            (e.completed, e.status_reason) = (Some(now), Some(reason));
        });
    }

    /// Ends an experiment that cannot go on; the endpoint stays as it is.
    fn cancel(&mut self, name: &InferenceExperimentName, why: String, now: VirtualTime) {
        let Some(e) = self.experiments.get(name) else { return };
        let runs =
            |c: &EndpointConfigName| self.endpoints.get(&e.endpoint).is_some_and(|live| live.config == *c);
        if let Some(config) = e.config.clone().filter(|c| !runs(c)) {
            self.configs.remove(&config);
        }
        let both_go_on = e.config.as_ref().is_some_and(runs);
        self.change(name, now, |e| {
            if both_go_on && let Some(stop) = &mut e.stop {
                stop.kept = vec![e.plan.source.clone(), e.plan.shadow.variant_name.clone()];
            }
            (e.status, e.completed, e.status_reason) = (Status::Cancelled, Some(now), Some(why));
        });
    }

    /// Moves an endpoint by `UpdateEndpoint` to a configuration, which need not be in the account's list, of models
    /// that may be known from `models` only: deleting either loses sight of it, not what runs.
    fn move_to(
        &mut self,
        endpoint: &EndpointName,
        config: &EndpointConfig,
        models: &[LiveVariant],
        now: VirtualTime,
    ) -> Result<(), CommandError> {
        let missing: Vec<Model> = models
            .iter()
            .filter(|v| !self.models.contains_key(&v.model))
            .map(|v| Model { name: v.model.clone(), artifact: v.artifact, image: v.image.clone() })
            .collect();
        let lent: Vec<ModelName> = missing.iter().map(|m| m.name.clone()).collect();
        self.models.extend(missing.into_iter().map(|m| (m.name.clone(), m)));
        let listed = self.configs.insert(config.name.clone(), config.clone());
        let moved = self.update_endpoint(endpoint.as_str(), config.name.as_str(), None, (None, false), now);
        match listed {
            Some(listed) => self.configs.insert(config.name.clone(), listed),
            None => self.configs.remove(&config.name),
        };
        for name in lent {
            self.models.remove(&name);
        }
        moved.map(|_| ())
    }

    /// `stem`, or `stem-2`, `stem-3`, … when it is taken.
    fn free_config_name(&self, stem: &str) -> Option<EndpointConfigName> {
        let numbered = (2..100_000).map(|n| format!("{stem}-{n}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered);
        names.find_map(|n| EndpointConfigName::new(n).ok().filter(|n| !self.configs.contains_key(n)))
    }

    fn fresh_config_name(
        &self,
        e: &InferenceExperiment,
        what: &str,
    ) -> Result<EndpointConfigName, CommandError> {
        let stem = e.config_stem(what);
        self.free_config_name(&stem).ok_or_else(|| not_found(ResourceKind::EndpointConfig, &stem))
    }
}

fn invalid(e: ConfigError) -> CommandError {
    CommandError::Validation(e)
}

/// Whether a plan fits what an endpoint runs: one production variant, the plan's source, with the model it has.
fn fits_live(plan: &ShadowPlan, live: &Deployment) -> Result<(), ConfigError> {
    let path = "shadowModeConfig.sourceModelVariantName";
    let [serving] = live.variants.as_slice() else {
        let why = format!(
            "beside a shadow variant there is one production variant, but the endpoint has {}",
            live.variants.len()
        );
        return Err(member(&plan.source, path, why));
    };
    if serving.name != plan.source {
        let why = format!("the endpoint's production variant is {}", serving.name);
        return Err(member(&plan.source, path, why));
    }
    match &plan.production {
        Some(p) if p.model_name != serving.model => {
            let why = format!("the endpoint's production variant serves {}", serving.model);
            Err(member(&p.model_name, "modelVariants.1.member.modelName", why))
        }
        _ => Ok(()),
    }
}

/// What an endpoint runs, as a configuration of the same name with the weights and counts that it has come to.
fn config_of(endpoint: &Endpoint) -> EndpointConfig {
    let part = |v: &LiveVariant| ProductionVariant {
        variant_name: v.name.clone(),
        model_name: v.model.clone(),
        instance_type: v.instance_type,
        initial_instance_count: v.desired_count.max(1),
        initial_weight: v.desired_weight,
        routing_strategy: v.strategy,
    };
    EndpointConfig {
        name: endpoint.config.clone(),
        production_variants: endpoint.variants().iter().map(part).collect(),
        shadow_production_variants: endpoint.shadows().iter().map(part).collect(),
        data_capture: endpoint.deployment.capture.clone(),
    }
}
