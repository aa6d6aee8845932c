//! What an inference experiment goes through, and what may be done to it when.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Deployment;
use crate::domain::{
    Arn, ConfigError, DataStorageConfig, DesiredExperimentState, EndpointConfig, EndpointConfigName,
    EndpointName, ExperimentSchedule, ExperimentVariant, FleetId, InferenceExperimentError,
    InferenceExperimentName, ModelName, ModelVariantAction, ProductionVariant, ResourceKind, RoutingStrategy,
    ShadowPlan, StopInferenceExperiment, VariantName, VariantWeight, VirtualTime, check_experiment_text,
};

/// Status of an inference experiment; the words are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InferenceExperimentStatus {
    /// It is being set up.
    Creating,
    /// It waits for its start.
    Created,
    /// Its variants are being started.
    Starting,
    /// Requests are copied.
    Running,
    /// The traffic sampling percentage is being changed.
    Updating,
    /// The endpoint is being brought to its later state.
    Stopping,
    /// It ended as planned, or was marked complete.
    Completed,
    /// It was given up, or could not go on; its status reason says why.
    Cancelled,
}

impl InferenceExperimentStatus {
    /// All of them, in the order in which an experiment goes through them.
    pub const ALL: [Self; 8] = [
        Self::Creating,
        Self::Created,
        Self::Starting,
        Self::Running,
        Self::Updating,
        Self::Stopping,
        Self::Completed,
        Self::Cancelled,
    ];

    /// Whether nothing will happen any more.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// Whether it has its hands on the endpoint.
    pub const fn holds_endpoint(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Updating | Self::Stopping)
    }
}

impl fmt::Display for InferenceExperimentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Status of a variant in an experiment; the words are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelVariantStatus {
    /// It is to be started, or being started.
    Creating,
    /// It is being changed.
    Updating,
    /// It serves or shadows.
    InService,
    /// It is being ended.
    Deleting,
    /// It is gone.
    Deleted,
}

/// How an endpoint was before an experiment began on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EarlierState {
    /// Its configuration, with the weights and counts that it had then.
    pub config: EndpointConfig,
    /// Its variants: models that were deleted meanwhile are still known from here.
    pub deployment: Deployment,
}

/// What becomes of the endpoint when an experiment ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopPlan {
    /// What it is moved to; none leaves it as it is.
    pub config: Option<EndpointConfig>,
    /// Whether that is its state before the experiment.
    pub reverts: bool,
    /// Variants that go on.
    pub kept: Vec<VariantName>,
    /// As what the experiment is listed then.
    pub state: DesiredExperimentState,
    /// Why it ends.
    pub reason: String,
}

/// An inference experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InferenceExperiment {
    /// Name.
    pub name: InferenceExperimentName,
    /// What for.
    pub description: Option<String>,
    /// Whose rights it has.
    pub role_arn: String,
    /// Endpoint that it runs on.
    pub endpoint: EndpointName,
    /// Whether the endpoint is the experiment's own: it did not exist when the experiment was created.
    pub creates_endpoint: bool,
    /// Who serves and who shadows.
    pub plan: ShadowPlan,
    /// When it begins and ends.
    pub schedule: ExperimentSchedule,
    /// Where requests and replies are kept; nowhere when absent.
    pub storage: Option<DataStorageConfig>,
    /// Status.
    pub status: InferenceExperimentStatus,
    /// Why it has that status.
    pub status_reason: Option<String>,
    /// When it was created.
    pub created: VirtualTime,
    /// When it was last changed, or changed its status.
    pub modified: VirtualTime,
    /// When it ended.
    pub completed: Option<VirtualTime>,
    /// When requests were copied for the first time.
    pub began: Option<VirtualTime>,
    /// Production's and the shadow's instances, once requests were copied: no other deployment has them.
    pub fleets: Option<(FleetId, FleetId)>,
    /// How the endpoint was before.
    pub earlier: Option<EarlierState>,
    /// The configuration that the endpoint is being moved to for the experiment, or runs.
    pub config: Option<EndpointConfigName>,
    /// What becomes of the endpoint, once the end is near.
    pub stop: Option<StopPlan>,
    /// When it is set up.
    pub(super) ready_at: VirtualTime,
    /// Whether the endpoint was told to move, in `Starting` and `Stopping`.
    pub(super) ordered: bool,
}

impl InferenceExperiment {
    /// Full name.
    pub fn arn(&self) -> Arn {
        Arn::of(ResourceKind::InferenceExperiment, self.name.as_str())
    }

    /// When something happens to it by itself; [`VirtualTime::END`] while it waits for its endpoint, or for nothing.
    pub fn next_moment(&self) -> VirtualTime {
        match self.status {
            InferenceExperimentStatus::Creating => self.ready_at,
            InferenceExperimentStatus::Created => self.schedule.start.max(self.modified),
            InferenceExperimentStatus::Running => self.schedule.end.max(self.modified),
            _ => VirtualTime::END,
        }
    }

    /// Its variants as they are to run, production first where the experiment says what it runs on.
    pub fn variants(&self) -> impl Iterator<Item = &ExperimentVariant> {
        self.plan.production.iter().chain([&self.plan.shadow])
    }

    /// What one of its variants goes through.
    pub fn variant_status(&self, name: &VariantName) -> ModelVariantStatus {
        use InferenceExperimentStatus as Status;
        let kept = self.stop.as_ref().is_some_and(|s| s.kept.contains(name));
        match self.status {
            Status::Creating | Status::Created | Status::Starting => ModelVariantStatus::Creating,
            Status::Running => ModelVariantStatus::InService,
            Status::Updating => ModelVariantStatus::Updating,
            Status::Stopping if kept => ModelVariantStatus::Updating,
            Status::Stopping => ModelVariantStatus::Deleting,
            Status::Completed | Status::Cancelled if kept => ModelVariantStatus::InService,
            Status::Completed | Status::Cancelled => ModelVariantStatus::Deleted,
        }
    }

    pub(super) fn conflict(&self, allowed: &str) -> InferenceExperimentError {
        InferenceExperimentError::Conflict {
            arn: self.arn(),
            status: self.status.to_string(),
            allowed: allowed.to_owned(),
        }
    }

    /// A configuration's name that tells where it comes from, without the number that makes it unique.
    pub(super) fn config_stem(&self, what: &str) -> String {
        let name: String = self.name.as_str().chars().take(44).collect();
        format!("{}-{what}", name.trim_end_matches('-'))
    }

    /// The configuration that the endpoint runs during the experiment.
    pub(super) fn test_config(&self, name: EndpointConfigName, live: Option<&Deployment>) -> EndpointConfig {
        let before = live.and_then(|d| d.variants.first());
        let mut production = match (&self.plan.production, before) {
            (Some(production), _) => part(production, VariantWeight::DEFAULT),
            // Creation asked for one of the two, so a missing one stands for an endpoint that is there.
            (None, Some(v)) => part(
                &ExperimentVariant {
                    variant_name: v.name.clone(),
                    model_name: v.model.clone(),
                    instance_type: v.instance_type,
                    instance_count: v.desired_count.max(1),
                },
                VariantWeight::DEFAULT,
            ),
            (None, None) => part(&self.plan.shadow, VariantWeight::DEFAULT),
        };
        production.routing_strategy = before.map_or(RoutingStrategy::default(), |v| v.strategy);
        EndpointConfig {
            name,
            production_variants: vec![production],
            shadow_production_variants: vec![part(
                &self.plan.shadow,
                shadow_weight(self.plan.sampling_percentage),
            )],
            data_capture: self.capture(live),
        }
    }

    /// What is kept of requests and replies: what the experiment asks for, or else what the endpoint kept before.
    fn capture(&self, live: Option<&Deployment>) -> Option<crate::domain::DataCaptureConfig> {
        let own = self.storage.as_ref().map(|s| {
            crate::domain::DataCaptureConfig::of_everything(s.destination.clone(), s.content_type.clone())
        });
        own.or_else(|| live.and_then(|d| d.capture.clone()))
    }

    /// What becomes of the endpoint when the schedule ends: its earlier state, or production alone.
    pub(super) fn scheduled_end(&self, free_name: EndpointConfigName) -> StopPlan {
        StopPlan {
            config: Some(self.without_shadow(None, free_name)),
            reverts: self.earlier.is_some(),
            kept: vec![self.plan.source.clone()],
            state: DesiredExperimentState::Completed,
            reason: "The experiment reached the end of its schedule.".to_owned(),
        }
    }

    /// The endpoint without the shadow: as it was before, unless the caller wants another size.
    fn without_shadow(&self, size: Option<&ExperimentVariant>, name: EndpointConfigName) -> EndpointConfig {
        match (&self.earlier, size, &self.plan.production) {
            (Some(earlier), None, _) => earlier.config.clone(),
            (_, Some(size), _) | (None, None, Some(size)) => EndpointConfig {
                name,
                production_variants: vec![part(size, VariantWeight::DEFAULT)],
                shadow_production_variants: Vec::new(),
                data_capture: self.earlier.as_ref().and_then(|e| e.config.data_capture.clone()),
            },
            // An experiment of its own endpoint always says what production runs on.
            (None, None, None) => self.test_config(name, None),
        }
    }

    /// What a caller wants of the end; `live_production` is the variant that serves.
    ///
    /// # Errors
    /// [`ConfigError::Member`] for an unknown variant, an end that leaves no production variant, sizes of a variant that
    /// does not go on or with another model, or too long a reason.
    pub(super) fn stop_plan(
        &self,
        asked: &StopInferenceExperiment,
        live: &Deployment,
        free_name: impl Fn(&str) -> Option<EndpointConfigName>,
    ) -> Result<StopPlan, ConfigError> {
        use ModelVariantAction::{Promote, Remove, Retain};
        let actions = &asked.model_variant_actions;
        let path = "modelVariantActions";
        if !(1..=2).contains(&actions.len()) {
            let range = "Member must have length between 1 and 2";
            return Err(member(format!("[{} actions]", actions.len()), path, range));
        }
        let (source, shadow) = (&self.plan.source, &self.plan.shadow.variant_name);
        if let Some(unknown) =
            actions.keys().find(|k| ![source.as_str(), shadow.as_str()].contains(&k.as_str()))
        {
            return Err(member(unknown, path, "Member must name a variant of the experiment"));
        }
        check_experiment_text(asked.reason.as_ref(), "reason")?;
        let of_shadow = actions.get(shadow.as_str()).copied().unwrap_or(Remove);
        let usual = if of_shadow == Promote { Remove } else { Retain };
        let of_source = actions.get(source.as_str()).copied().unwrap_or(usual);
        let kept = match (of_source, of_shadow) {
            (Retain, Remove) => vec![source.clone()],
            (Retain, Retain) => vec![source.clone(), shadow.clone()],
            (Remove, Promote) => vec![shadow.clone()],
            (Promote, _) => {
                return Err(member(
                    source,
                    path,
                    "only the shadow variant can be promoted; this one serves already",
                ));
            }
            (Retain, Promote) => {
                let why = "when the shadow variant is promoted, the production variant must be removed";
                return Err(member(source, path, why));
            }
            (Remove, _) => {
                let why = "the production variant can be removed only when the shadow variant is promoted";
                return Err(member(source, path, why));
            }
        };
        let sizes = self.sizes(asked, &kept, live)?;
        let size = |name: &VariantName| sizes.iter().find(|v| v.variant_name == *name);
        let fresh = |what: &str| {
            free_name(&self.config_stem(what))
                .ok_or_else(|| member(&self.name, "name", "no configuration can be named after it"))
        };
        let config = match of_shadow {
            Remove => Some(self.without_shadow(size(source), fresh("production")?)),
            Promote => {
                let promoted = size(shadow).unwrap_or(&self.plan.shadow);
                let before = self.earlier.as_ref().and_then(|e| e.config.data_capture.clone());
                Some(EndpointConfig {
                    name: fresh("promoted")?,
                    production_variants: vec![part(promoted, VariantWeight::DEFAULT)],
                    shadow_production_variants: Vec::new(),
                    data_capture: before,
                })
            }
            Retain if sizes.is_empty() => None,
            Retain => {
                let mut config = self.test_config(fresh("retained")?, Some(live));
                let all = config.production_variants.iter_mut().chain(&mut config.shadow_production_variants);
                for v in all {
                    if let Some(size) = size(&v.variant_name) {
                        (v.instance_type, v.initial_instance_count) =
                            (size.instance_type, size.instance_count);
                    }
                }
                Some(config)
            }
        };
        let reverts = of_shadow == Remove && size(source).is_none() && self.earlier.is_some();
        Ok(StopPlan {
            config,
            reverts,
            kept,
            state: asked.desired_state.unwrap_or_default(),
            reason: asked.reason.clone().unwrap_or_else(|| "The experiment was stopped.".to_owned()),
        })
    }

    /// The sizes that a caller wants for the variants that go on.
    fn sizes(
        &self,
        asked: &StopInferenceExperiment,
        kept: &[VariantName],
        live: &Deployment,
    ) -> Result<Vec<ExperimentVariant>, ConfigError> {
        let path = "desiredModelVariants";
        let Some(list) = &asked.desired_model_variants else { return Ok(Vec::new()) };
        let sizes = ExperimentVariant::check_all(list, path)?;
        for (i, size) in sizes.iter().enumerate() {
            let at = |field: &str| format!("{path}.{}.member.{field}", i + 1);
            if !kept.contains(&size.variant_name) {
                let why = "Member must be a variant that goes on by modelVariantActions";
                return Err(member(&size.variant_name, at("variantName"), why));
            }
            let model: Option<&ModelName> =
                live.all().find(|v| v.name == size.variant_name).map(|v| &v.model);
            if model.is_some_and(|m| *m != size.model_name) {
                return Err(member(&size.model_name, at("modelName"), "a variant keeps its model"));
            }
        }
        Ok(sizes)
    }
}

/// Weight of a shadow beside production of weight 1.
pub(super) fn shadow_weight(sampling_percentage: u8) -> VariantWeight {
    // A whole percentage is a weight.
    VariantWeight::new(f64::from(sampling_percentage) / 100.0).unwrap_or(VariantWeight::ZERO)
}

fn part(v: &ExperimentVariant, initial_weight: VariantWeight) -> ProductionVariant {
    ProductionVariant {
        variant_name: v.variant_name.clone(),
        model_name: v.model_name.clone(),
        instance_type: v.instance_type,
        initial_instance_count: v.instance_count,
        initial_weight,
        routing_strategy: RoutingStrategy::default(),
    }
}

pub(super) fn member(
    value: impl ToString,
    path: impl Into<String>,
    constraint: impl ToString,
) -> ConfigError {
    ConfigError::Member { value: value.to_string(), path: path.into(), constraint: constraint.to_string() }
}
