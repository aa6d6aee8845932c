//! Inference experiments, the service's managed shadow tests: what a caller asks for, and its limits.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Arn, CaptureContentTypeHeader, ConfigError, EndpointName, INSTANCE_QUOTA, InferenceExperimentName,
    InstanceType, ModelName, UnknownInstanceType, VariantName, VirtualTime, capture::check_destination,
};

/// How long an experiment runs when nothing is said.
pub const DEFAULT_EXPERIMENT: Duration = Duration::from_secs(7 * 86_400);
/// Longest experiment.
pub const LONGEST_EXPERIMENT: Duration = Duration::from_secs(30 * 86_400);
/// Shortest experiment, as the console asks for.
pub const SHORTEST_EXPERIMENT: Duration = Duration::from_secs(3_600);
/// Most experiments in the lab's account (a lab rule).
pub const MAX_EXPERIMENTS: usize = 50;
/// Longest description and longest reason, in characters.
pub const EXPERIMENT_TEXT_LIMIT: usize = 1_024;
const ROLE_ARN_LENGTH: std::ops::RangeInclusive<usize> = 20..=2_048;

/// What kind of experiment; the service has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InferenceExperimentType {
    /// One variant serves, another gets copies.
    #[default]
    ShadowMode,
}

/// What a variant runs on; the service has one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InfrastructureType {
    /// Instances that answer at once.
    #[default]
    RealTimeInference,
}

/// Instances of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RealTimeInferenceConfig {
    /// Their type.
    pub instance_type: String,
    /// How many, at least 1.
    pub instance_count: i64,
}

/// What a variant runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct InfrastructureConfig {
    /// Of which kind.
    pub infrastructure_type: InfrastructureType,
    /// Its instances.
    pub real_time_inference_config: RealTimeInferenceConfig,
}

/// A variant of an experiment as a caller writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModelVariantConfig {
    /// The model that it serves.
    pub model_name: String,
    /// Its name.
    pub variant_name: String,
    /// What it runs on.
    pub infrastructure_config: InfrastructureConfig,
}

impl ModelVariantConfig {
    /// A variant on so many instances of a type.
    pub fn new(variant: &str, model: &str, instance_type: &str, instance_count: i64) -> Self {
        Self {
            model_name: model.into(),
            variant_name: variant.into(),
            infrastructure_config: InfrastructureConfig {
                infrastructure_type: InfrastructureType::RealTimeInference,
                real_time_inference_config: RealTimeInferenceConfig {
                    instance_type: instance_type.into(),
                    instance_count,
                },
            },
        }
    }
}

/// One entry of `ShadowModelVariants`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ShadowModelVariantConfig {
    /// The variant that gets copies.
    pub shadow_model_variant_name: String,
    /// Of so many of the requests, a whole percentage of 0 to 100.
    pub sampling_percentage: i64,
}

/// Who serves and who shadows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ShadowModeConfig {
    /// The variant that serves.
    pub source_model_variant_name: String,
    /// Exactly one.
    pub shadow_model_variants: Vec<ShadowModelVariantConfig>,
}

/// When an experiment runs, in Unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ScheduleInput {
    /// From when on; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<f64>,
    /// Until when; seven days after the start when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<f64>,
}

/// Where requests and replies of an experiment are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DataStorageConfig {
    /// Where, e.g. `s3://bucket/prefix`.
    pub destination: String,
    /// Key that encrypts them there; the lab keeps its name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Content types whose bodies need no base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<CaptureContentTypeHeader>,
}

/// `CreateInferenceExperiment`, with the field names of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateInferenceExperiment {
    /// Name, 1 to 120 characters.
    pub name: String,
    /// What kind.
    pub r#type: InferenceExperimentType,
    /// When; at once and for seven days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleInput>,
    /// What for, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose rights it has.
    pub role_arn: String,
    /// Endpoint that it runs on; one that does not exist yet is created.
    pub endpoint_name: String,
    /// One or two variants.
    pub model_variants: Vec<ModelVariantConfig>,
    /// Where requests and replies are kept; nowhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_storage_config: Option<DataStorageConfig>,
    /// Who serves and who shadows.
    pub shadow_mode_config: ShadowModeConfig,
}

/// `UpdateInferenceExperiment`: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateInferenceExperiment {
    /// Name.
    pub name: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleInput>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// One or two variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_variants: Option<Vec<ModelVariantConfig>>,
    /// Where requests and replies are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_storage_config: Option<DataStorageConfig>,
    /// Who serves and who shadows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_mode_config: Option<ShadowModeConfig>,
}

/// What becomes of a variant when an experiment is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelVariantAction {
    /// It stays as it is.
    Retain,
    /// It ends.
    Remove,
    /// The shadow serves from now on.
    Promote,
}

/// As what an experiment that is stopped is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesiredExperimentState {
    /// It has done what it was for.
    #[default]
    Completed,
    /// It was given up.
    Cancelled,
}

/// `StopInferenceExperiment`, with the field names of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StopInferenceExperiment {
    /// Name.
    pub name: String,
    /// What becomes of each variant, one or two entries.
    pub model_variant_actions: BTreeMap<String, ModelVariantAction>,
    /// Sizes of the variants that go on; as they are when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_model_variants: Option<Vec<ModelVariantConfig>>,
    /// As what it is listed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_state: Option<DesiredExperimentState>,
    /// Why, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A call that says no more than which experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ByExperimentName {
    /// Name.
    pub name: String,
}

/// By what `ListInferenceExperiments` sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExperimentOrder {
    /// By name.
    Name,
    /// By the moment of creation.
    #[default]
    CreationTime,
    /// By status.
    Status,
}

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortOrder {
    /// The least first.
    Ascending,
    /// The greatest first.
    #[default]
    Descending,
}

/// `ListInferenceExperiments`, with the field names of the API. The lab answers in one page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListInferenceExperiments {
    /// Only names that hold this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_contains: Option<String>,
    /// Only those in this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_equals: Option<String>,
    /// By what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<ExperimentOrder>,
    /// Which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<SortOrder>,
    /// At most so many, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// Why a call about an experiment is refused. The service's public texts give the codes; the words are the lab's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InferenceExperimentError {
    /// No such experiment.
    #[error("Could not find inference experiment \"{arn}\".")]
    NotFound {
        /// Its full name.
        arn: Arn,
    },
    /// The experiment's status allows no such change.
    #[error("Inference experiment \"{arn}\" is in status {status}. {allowed}")]
    Conflict {
        /// Its full name.
        arn: Arn,
        /// Its status.
        status: String,
        /// When the change is allowed.
        allowed: String,
    },
    /// The name is taken, or the endpoint has an experiment already.
    #[error("{0}")]
    InUse(String),
    /// More experiments than the account may have.
    #[error(
        "The account-level service limit 'Inference experiments' is {limit}. Delete experiments that have ended."
    )]
    Limit {
        /// How many it may have.
        limit: usize,
    },
    /// An endpoint that an experiment changes, changed by someone else.
    #[error(
        "Cannot change endpoint \"{arn}\": inference experiment \"{experiment}\" is in status {status} on it, and will bring it back to its earlier state. Stop the experiment first."
    )]
    Busy {
        /// The endpoint's full name.
        arn: Arn,
        /// The experiment.
        experiment: String,
        /// Its status.
        status: String,
    },
}

impl InferenceExperimentError {
    /// The error code that an SDK raises.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ResourceNotFound",
            Self::Conflict { .. } => "ConflictException",
            Self::InUse(_) => "ResourceInUse",
            Self::Limit { .. } => "ResourceLimitExceeded",
            Self::Busy { .. } => "ValidationException",
        }
    }
}

/// A variant of an experiment that is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentVariant {
    /// Name.
    pub variant_name: VariantName,
    /// The model that it serves.
    pub model_name: ModelName,
    /// Its instances' type.
    pub instance_type: InstanceType,
    /// How many.
    pub instance_count: u32,
}

impl From<&ExperimentVariant> for ModelVariantConfig {
    fn from(v: &ExperimentVariant) -> Self {
        Self::new(
            v.variant_name.as_str(),
            v.model_name.as_str(),
            v.instance_type.spec().name,
            i64::from(v.instance_count),
        )
    }
}

fn member(value: impl ToString, path: impl Into<String>, constraint: impl ToString) -> ConfigError {
    ConfigError::Member { value: value.to_string(), path: path.into(), constraint: constraint.to_string() }
}

/// Refuses a text of more than [`EXPERIMENT_TEXT_LIMIT`] characters.
///
/// # Errors
/// [`ConfigError::Member`] at `path`.
pub fn check_experiment_text(text: Option<&String>, path: &str) -> Result<(), ConfigError> {
    match text.map(|t| t.chars().count()) {
        Some(n) if n > EXPERIMENT_TEXT_LIMIT => {
            let limit = format!("Member must have length less than or equal to {EXPERIMENT_TEXT_LIMIT}");
            Err(member(format!("[{n} characters]"), path, limit))
        }
        _ => Ok(()),
    }
}

impl ExperimentVariant {
    /// Checks a list of one or two variants.
    ///
    /// # Errors
    /// [`ConfigError::Member`] for another length, a name outside its pattern, an unknown instance type or a count
    /// outside 1 to [`INSTANCE_QUOTA`]; [`ConfigError::RepeatedVariant`] for two of one name.
    pub fn check_all(list: &[ModelVariantConfig], path: &str) -> Result<Vec<Self>, ConfigError> {
        if !(1..=2).contains(&list.len()) {
            let range = "Member must have length between 1 and 2";
            return Err(member(format!("[{} variants]", list.len()), path, range));
        }
        let mut checked = Vec::with_capacity(2);
        for (i, v) in list.iter().enumerate() {
            let at = |field: &str| format!("{path}.{}.member.{field}", i + 1);
            let infrastructure = "infrastructureConfig.realTimeInferenceConfig.";
            let config = &v.infrastructure_config.real_time_inference_config;
            let count = config.instance_count;
            checked.push(Self {
                variant_name: VariantName::new(&v.variant_name)
                    .map_err(|e| member(&v.variant_name, at("variantName"), e))?,
                model_name: ModelName::new(&v.model_name)
                    .map_err(|e| member(&v.model_name, at("modelName"), e))?,
                instance_type: config.instance_type.parse().map_err(|e: UnknownInstanceType| {
                    member(&config.instance_type, at(&format!("{infrastructure}instanceType")), e)
                })?,
                instance_count: u32::try_from(count)
                    .ok()
                    .filter(|n| (1..=INSTANCE_QUOTA).contains(n))
                    .ok_or_else(|| {
                        let range = format!(
                            "Member must have value between 1 and {INSTANCE_QUOTA} (the lab's quota)"
                        );
                        member(count, at(&format!("{infrastructure}instanceCount")), range)
                    })?,
            });
        }
        if let [a, b] = checked.as_slice()
            && a.variant_name == b.variant_name
        {
            return Err(ConfigError::RepeatedVariant { name: a.variant_name.clone(), count: 2 });
        }
        Ok(checked)
    }
}

/// What an experiment compares: sound in itself, whatever there is in the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowPlan {
    /// The variant that serves.
    pub source: VariantName,
    /// The variant that gets copies.
    pub shadow: ExperimentVariant,
    /// The variant that serves as it is to run during the experiment; as it runs already when absent.
    pub production: Option<ExperimentVariant>,
    /// Percentage of the requests that are copied, 0 to 100.
    pub sampling_percentage: u8,
}

impl ShadowPlan {
    /// Checks variants and their parts in the experiment.
    ///
    /// # Errors
    /// As [`ExperimentVariant::check_all`]; [`ConfigError::Member`] for other than one shadow, a percentage outside 0
    /// to 100, a shadow that is not among the variants or is the source, or a variant that has no part.
    pub fn check(variants: &[ModelVariantConfig], mode: &ShadowModeConfig) -> Result<Self, ConfigError> {
        let variants = ExperimentVariant::check_all(variants, "modelVariants")?;
        let [shadow] = mode.shadow_model_variants.as_slice() else {
            let n = mode.shadow_model_variants.len();
            let length = "Member must have length equal to 1";
            return Err(member(format!("[{n} variants]"), "shadowModeConfig.shadowModelVariants", length));
        };
        let source_path = "shadowModeConfig.sourceModelVariantName";
        let source = VariantName::new(&mode.source_model_variant_name)
            .map_err(|e| member(&mode.source_model_variant_name, source_path, e))?;
        let at = |field: &str| format!("shadowModeConfig.shadowModelVariants.1.member.{field}");
        let sampling_percentage =
            u8::try_from(shadow.sampling_percentage).ok().filter(|p| *p <= 100).ok_or_else(|| {
                let range = "Member must have value between 0 and 100";
                member(shadow.sampling_percentage, at("samplingPercentage"), range)
            })?;
        let name = &shadow.shadow_model_variant_name;
        if source.as_str() == name {
            let other = "Member must name another variant than sourceModelVariantName";
            return Err(member(name, at("shadowModelVariantName"), other));
        }
        let (mut found, mut production) = (None, None);
        for (i, v) in variants.into_iter().enumerate() {
            if v.variant_name.as_str() == name {
                found = Some(v);
            } else if v.variant_name == source {
                production = Some(v);
            } else {
                let path = format!("modelVariants.{}.member.variantName", i + 1);
                let named = "Member must be the source or the shadow variant of shadowModeConfig";
                return Err(member(v.variant_name, path, named));
            }
        }
        let shadow = found.ok_or_else(|| {
            member(name, at("shadowModelVariantName"), "Member must be one of the modelVariants")
        })?;
        Ok(Self { source, shadow, production, sampling_percentage })
    }

    /// The variants as a caller would write them.
    pub fn model_variants(&self) -> Vec<ModelVariantConfig> {
        self.production.iter().chain([&self.shadow]).map(ModelVariantConfig::from).collect()
    }

    /// Their parts as a caller would write them.
    pub fn mode(&self) -> ShadowModeConfig {
        ShadowModeConfig {
            source_model_variant_name: self.source.to_string(),
            shadow_model_variants: vec![ShadowModelVariantConfig {
                shadow_model_variant_name: self.shadow.variant_name.to_string(),
                sampling_percentage: i64::from(self.sampling_percentage),
            }],
        }
    }
}

/// When an experiment begins and ends.
///
/// # Examples
/// ```
/// use rollout_lab::domain::{ExperimentSchedule, ScheduleInput, VirtualTime};
/// let now = VirtualTime::from_s(60);
/// let usual = ExperimentSchedule::ask(None, now)?;
/// assert_eq!((usual.start, usual.end.since(now).as_secs()), (now, 7 * 86_400));
/// let month = ScheduleInput { start_time: Some(VirtualTime::from_s(5 * 86_400).unix_s()), end_time: None };
/// let late = ExperimentSchedule::ask(Some(&month), now)?;
/// assert_eq!(late.end, VirtualTime::from_s(12 * 86_400));
/// # Ok::<(), rollout_lab::domain::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentSchedule {
    /// From when on.
    pub start: VirtualTime,
    /// Until when.
    pub end: VirtualTime,
}

impl ExperimentSchedule {
    /// What a caller asks for at `now`: at once without a start, seven days without an end.
    ///
    /// # Errors
    /// [`ConfigError::Member`] for a start before `now`, or an end less than [`SHORTEST_EXPERIMENT`] or more than
    /// [`LONGEST_EXPERIMENT`] after the start.
    pub fn ask(input: Option<&ScheduleInput>, now: VirtualTime) -> Result<Self, ConfigError> {
        let asked = input.copied().unwrap_or_default();
        let start = match asked.start_time {
            None => now,
            Some(unix_s) => {
                let start = moment(unix_s, "schedule.startTime")?;
                if start < now {
                    let from = format!("Member must not be before the present, {}", now.unix_s());
                    return Err(member(unix_s, "schedule.startTime", from));
                }
                start
            }
        };
        match asked.end_time {
            None => Ok(Self { start, end: start + DEFAULT_EXPERIMENT }),
            Some(unix_s) => Self { start, end: start }.with_end(unix_s, now),
        }
    }

    /// The same with another end.
    ///
    /// # Errors
    /// As [`Self::ask`]; also for an end before `now`.
    pub fn with_end(self, unix_s: f64, now: VirtualTime) -> Result<Self, ConfigError> {
        self.ending(moment(unix_s, "schedule.endTime")?, now)
    }

    /// The same with another end, by the lab's own time.
    ///
    /// # Errors
    /// As [`Self::with_end`].
    pub fn ending(self, end: VirtualTime, now: VirtualTime) -> Result<Self, ConfigError> {
        let (least, most) = (self.start + SHORTEST_EXPERIMENT, self.start + LONGEST_EXPERIMENT);
        if end < least.max(now) || end > most {
            let range = format!(
                "Member must be 1 hour to 30 days after the start and not before the present: {} to {}",
                least.max(now).unix_s(),
                most.unix_s()
            );
            return Err(member(end.unix_s(), "schedule.endTime", range));
        }
        Ok(Self { end, ..self })
    }

    /// Whether it starts when a caller says, to the millisecond.
    pub fn starts_at(self, unix_s: f64) -> bool {
        VirtualTime::from_unix_s(unix_s) == VirtualTime::from_unix_s(self.start.unix_s())
    }

    /// The same begun at `now`, earlier than planned: it ends when it would have, but 30 days after `now` at the
    /// latest.
    pub fn started_early(self, now: VirtualTime) -> Self {
        Self { start: now, end: self.end.min(now + LONGEST_EXPERIMENT) }
    }
}

fn moment(unix_s: f64, path: &str) -> Result<VirtualTime, ConfigError> {
    VirtualTime::from_unix_s(unix_s)
        .ok_or_else(|| member(unix_s, path, "Member must be a moment since the lab began, in Unix seconds"))
}

/// What `CreateInferenceExperiment` asks for, sound in itself.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedExperiment {
    /// Name.
    pub name: InferenceExperimentName,
    /// Endpoint.
    pub endpoint: EndpointName,
    /// Who serves and who shadows.
    pub plan: ShadowPlan,
    /// When.
    pub schedule: ExperimentSchedule,
}

impl DataStorageConfig {
    /// Checks what a caller wrote.
    ///
    /// # Errors
    /// [`ConfigError::Member`] for a destination that is no address, or something that is no content type.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_destination(&self.destination, "dataStorageConfig.destination")?;
        self.content_type.as_ref().map_or(Ok(()), |c| c.check("dataStorageConfig.contentType"))
    }
}

impl CreateInferenceExperiment {
    /// Checks every member that can be checked without the account.
    ///
    /// # Errors
    /// [`ConfigError`] for the first member that breaks a documented constraint.
    pub fn check(&self, now: VirtualTime) -> Result<CheckedExperiment, ConfigError> {
        let name = InferenceExperimentName::new(&self.name).map_err(|e| member(&self.name, "name", e))?;
        let length = self.role_arn.chars().count();
        let is_role = self.role_arn.strip_prefix("arn:aws").is_some_and(|r| {
            r.split_once(":iam::").and_then(|(_, r)| r.split_once(":role/")).is_some_and(|(account, role)| {
                account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && !role.is_empty()
            })
        });
        if !ROLE_ARN_LENGTH.contains(&length) || !is_role {
            let pattern = "Member must satisfy regular expression pattern: ^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$";
            return Err(member(&self.role_arn, "roleArn", pattern));
        }
        let endpoint = EndpointName::new(&self.endpoint_name)
            .map_err(|e| member(&self.endpoint_name, "endpointName", e))?;
        check_experiment_text(self.description.as_ref(), "description")?;
        let plan = ShadowPlan::check(&self.model_variants, &self.shadow_mode_config)?;
        if let Some(storage) = &self.data_storage_config {
            storage.check()?;
        }
        let schedule = ExperimentSchedule::ask(self.schedule.as_ref(), now)?;
        Ok(CheckedExperiment { name, endpoint, plan, schedule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;
    const DAY: u64 = 24 * HOUR;

    fn s(seconds: u64) -> VirtualTime {
        VirtualTime::from_s(seconds)
    }

    fn input(start: Option<u64>, end: Option<u64>) -> ScheduleInput {
        ScheduleInput { start_time: start.map(|t| s(t).unix_s()), end_time: end.map(|t| s(t).unix_s()) }
    }

    #[test]
    fn schedules_add_up() {
        let now = s(100);
        let ask = |start, end| ExperimentSchedule::ask(Some(&input(start, end)), now);
        assert_eq!(ask(None, Some(100 + HOUR)).unwrap().end, s(100 + HOUR));
        assert_eq!(ask(Some(DAY), None).unwrap().end, s(8 * DAY));
        assert_eq!(ask(Some(DAY), Some(31 * DAY)).unwrap().end, s(31 * DAY));
        for (start, end, path) in [
            (Some(99), None, "startTime"),
            (None, Some(99 + HOUR), "endTime"),
            (Some(DAY), Some(DAY), "endTime"),
            (Some(DAY), Some(31 * DAY + 1), "endTime"),
        ] {
            assert!(ask(start, end).unwrap_err().to_string().contains(path), "{start:?} {end:?}");
        }
        let bad = ScheduleInput { start_time: Some(f64::NAN), end_time: None };
        assert!(ExperimentSchedule::ask(Some(&bad), now).is_err());
        let bad = ScheduleInput { start_time: Some(0.0), end_time: None };
        assert!(ExperimentSchedule::ask(Some(&bad), now).is_err());
    }

    #[test]
    fn an_early_start_brings_the_end_to_thirty_days_at_most() {
        let planned = ExperimentSchedule { start: s(20 * DAY), end: s(50 * DAY) };
        assert_eq!(planned.started_early(s(DAY)), ExperimentSchedule { start: s(DAY), end: s(31 * DAY) });
        let short = ExperimentSchedule { start: s(20 * DAY), end: s(27 * DAY) };
        assert_eq!(short.started_early(s(DAY)).end, s(27 * DAY));
    }

    #[test]
    fn the_plan_names_what_is_wrong_with_it() {
        let variant = |name: &str| ModelVariantConfig::new(name, "model", "ml.m5.large", 1);
        let mode = |source: &str, shadow: &str, sampling_percentage| ShadowModeConfig {
            source_model_variant_name: source.into(),
            shadow_model_variants: vec![ShadowModelVariantConfig {
                shadow_model_variant_name: shadow.into(),
                sampling_percentage,
            }],
        };
        let check = |variants: &[ModelVariantConfig], mode: &ShadowModeConfig| {
            ShadowPlan::check(variants, mode).map_err(|e| e.to_string())
        };
        let plan = check(&[variant("p"), variant("s")], &mode("p", "s", 30)).unwrap();
        assert_eq!(plan.model_variants(), [variant("p"), variant("s")]);
        assert_eq!(plan.mode(), mode("p", "s", 30));
        assert!(check(&[variant("s")], &mode("p", "s", 0)).unwrap().production.is_none());
        for (variants, mode, words) in [
            (vec![], mode("p", "s", 1), "'[0 variants]' at 'modelVariants'"),
            (vec![variant("p"), variant("s"), variant("t")], mode("p", "s", 1), "between 1 and 2"),
            (vec![variant("p"), variant("p")], mode("p", "s", 1), "'p' is given 2 times"),
            (vec![variant("p"), variant("s")], mode("p", "s", 101), "'101' at 'shadowModeConfig"),
            (vec![variant("p"), variant("s")], mode("p", "s", -1), "between 0 and 100"),
            (vec![variant("p"), variant("s")], mode("p", "p", 1), "another variant"),
            (vec![variant("p"), variant("t")], mode("p", "s", 1), "'t' at 'modelVariants.2"),
            (vec![variant("p")], mode("p", "s", 1), "must be one of the modelVariants"),
        ] {
            let said = check(&variants, &mode).unwrap_err();
            assert!(said.contains(words), "{said}");
        }
        let mut two = mode("p", "s", 1);
        two.shadow_model_variants.push(two.shadow_model_variants[0].clone());
        assert!(check(&[variant("p"), variant("s")], &two).unwrap_err().contains("equal to 1"));
    }
}
