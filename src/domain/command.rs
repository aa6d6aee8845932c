//! The calls that change an endpoint, and how they are refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    ByExperimentName, ConfigError, CreateInferenceExperiment, DataCaptureConfig, DeleteScalingPolicy,
    DeploymentConfig, DeregisterScalableTarget, DescribeScalableTargets, InferenceExperimentError,
    ListInferenceExperiments, MetricAlarmInput, ProductionVariantInput, PutScalingPolicy,
    RegisterScalableTarget, ScalingError, StopInferenceExperiment, UpdateInferenceExperiment, WeightError,
};

/// Region and account in every name that the lab prints.
const ARN_PREFIX: &str = "arn:aws:sagemaker:us-east-1:123456789012";

/// What a name in an error stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// A model.
    Model,
    /// An endpoint configuration.
    EndpointConfig,
    /// An endpoint.
    Endpoint,
    /// An inference experiment.
    InferenceExperiment,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::EndpointConfig => "endpoint configuration",
            Self::Endpoint => "endpoint",
            Self::InferenceExperiment => "inference experiment",
        })
    }
}

/// The full name of a resource; the service writes it in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arn(String);

impl Arn {
    /// Of the resource `name`.
    pub fn of(kind: ResourceKind, name: &str) -> Self {
        let segment = match kind {
            ResourceKind::Model => "model",
            ResourceKind::EndpointConfig => "endpoint-config",
            ResourceKind::Endpoint => "endpoint",
            ResourceKind::InferenceExperiment => "inference-experiment",
        };
        Self(format!("{ARN_PREFIX}:{segment}/{}", name.to_ascii_lowercase()))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One variant's part of `UpdateEndpointWeightsAndCapacities`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesiredWeightAndCapacity {
    /// The variant.
    pub variant_name: String,
    /// Its new weight; left as it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_weight: Option<f64>,
    /// Its new number of instances; left as it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_instance_count: Option<i64>,
}

/// A property of a variant that an update may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariantProperty {
    /// Instances.
    DesiredInstanceCount,
    /// Weight.
    DesiredWeight,
    /// Data capture; the service does not support it at present.
    DataCaptureConfig,
}

/// How a model's container is given to `CreateModel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerInput {
    /// Address of the image.
    pub image: String,
    /// Where the artefact is stored.
    pub model_data_url: String,
}

/// A call, with the field names of the API, before anything about it was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "Operation")]
pub enum Command {
    /// Makes a model of an artefact and a container.
    #[serde(rename_all = "PascalCase")]
    CreateModel {
        /// Its name.
        model_name: String,
        /// What it runs in and from.
        primary_container: ContainerInput,
    },
    /// Makes an endpoint configuration; it never changes afterwards.
    #[serde(rename_all = "PascalCase")]
    CreateEndpointConfig {
        /// Its name.
        endpoint_config_name: String,
        /// One to ten.
        production_variants: Vec<ProductionVariantInput>,
        /// Variants that get copies of the requests: at most one, beside one production variant.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shadow_production_variants: Vec<ProductionVariantInput>,
        /// Which requests and replies are kept; none when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_capture_config: Option<DataCaptureConfig>,
    },
    /// Starts an endpoint.
    #[serde(rename_all = "PascalCase")]
    CreateEndpoint {
        /// Its name.
        endpoint_name: String,
        /// What it runs.
        endpoint_config_name: String,
        /// Stored, for an update that retains it; the creation itself does not run it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment_config: Option<DeploymentConfig>,
    },
    /// Reads an endpoint; changes nothing.
    #[serde(rename_all = "PascalCase")]
    DescribeEndpoint {
        /// Its name.
        endpoint_name: String,
    },
    /// Moves an endpoint to another configuration: a new fleet is started, traffic moves, the old one ends.
    #[serde(rename_all = "PascalCase")]
    UpdateEndpoint {
        /// The endpoint.
        endpoint_name: String,
        /// What it is to run.
        endpoint_config_name: String,
        /// Keep weights and instance counts of variants that stay.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retain_all_variant_properties: bool,
        /// Which not to keep.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude_retained_variant_properties: Vec<ExcludedProperty>,
        /// How traffic moves, and what calls it back; blue/green, all at once, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment_config: Option<DeploymentConfig>,
        /// Use the last deployment configuration once more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retain_deployment_config: bool,
    },
    /// Changes weights or instance counts of an endpoint that serves.
    #[serde(rename_all = "PascalCase")]
    UpdateEndpointWeightsAndCapacities {
        /// The endpoint.
        endpoint_name: String,
        /// What is to change.
        desired_weights_and_capacities: Vec<DesiredWeightAndCapacity>,
    },
    /// Ends an endpoint and its instances.
    #[serde(rename_all = "PascalCase")]
    DeleteEndpoint {
        /// Its name.
        endpoint_name: String,
    },
    /// Forgets a configuration.
    #[serde(rename_all = "PascalCase")]
    DeleteEndpointConfig {
        /// Its name.
        endpoint_config_name: String,
    },
    /// Forgets a model.
    #[serde(rename_all = "PascalCase")]
    DeleteModel {
        /// Its name.
        model_name: String,
    },
    /// Lets a variant be scaled between two counts.
    RegisterScalableTarget(RegisterScalableTarget),
    /// Ends that.
    DeregisterScalableTarget(DeregisterScalableTarget),
    /// Says how it is scaled.
    PutScalingPolicy(PutScalingPolicy),
    /// Takes that back.
    DeleteScalingPolicy(DeleteScalingPolicy),
    /// Reads what is registered; changes nothing.
    DescribeScalableTargets(DescribeScalableTargets),
    /// Plans a managed shadow test.
    CreateInferenceExperiment(Box<CreateInferenceExperiment>),
    /// Reads one; changes nothing.
    DescribeInferenceExperiment(ByExperimentName),
    /// Lists them; changes nothing.
    ListInferenceExperiments(ListInferenceExperiments),
    /// Starts a planned one now.
    StartInferenceExperiment(ByExperimentName),
    /// Changes one that is planned or runs.
    UpdateInferenceExperiment(Box<UpdateInferenceExperiment>),
    /// Ends one that runs, and says what becomes of its variants.
    StopInferenceExperiment(StopInferenceExperiment),
    /// Forgets one that does not run; endpoint, variants and captured data stay.
    DeleteInferenceExperiment(ByExperimentName),
    /// Makes an alarm, or changes the one of that name.
    PutMetricAlarm(MetricAlarmInput),
    /// Deletes alarms: all that are named, or none.
    #[serde(rename_all = "PascalCase")]
    DeleteAlarms {
        /// Their names.
        alarm_names: Vec<String>,
    },
    /// Reads alarms; changes nothing.
    #[serde(rename_all = "PascalCase")]
    DescribeAlarms {
        /// Their names; all alarms when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alarm_names: Vec<String>,
    },
}

/// One entry of `ExcludeRetainedVariantProperties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExcludedProperty {
    /// The property that is taken from the new configuration after all.
    pub variant_property_type: VariantProperty,
}

impl Command {
    /// Name of the operation, e.g. `CreateEndpoint`.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::CreateModel { .. } => "CreateModel",
            Self::CreateEndpointConfig { .. } => "CreateEndpointConfig",
            Self::CreateEndpoint { .. } => "CreateEndpoint",
            Self::DescribeEndpoint { .. } => "DescribeEndpoint",
            Self::UpdateEndpoint { .. } => "UpdateEndpoint",
            Self::UpdateEndpointWeightsAndCapacities { .. } => "UpdateEndpointWeightsAndCapacities",
            Self::DeleteEndpoint { .. } => "DeleteEndpoint",
            Self::DeleteEndpointConfig { .. } => "DeleteEndpointConfig",
            Self::DeleteModel { .. } => "DeleteModel",
            Self::CreateInferenceExperiment(_) => "CreateInferenceExperiment",
            Self::DescribeInferenceExperiment(_) => "DescribeInferenceExperiment",
            Self::ListInferenceExperiments(_) => "ListInferenceExperiments",
            Self::StartInferenceExperiment(_) => "StartInferenceExperiment",
            Self::UpdateInferenceExperiment(_) => "UpdateInferenceExperiment",
            Self::StopInferenceExperiment(_) => "StopInferenceExperiment",
            Self::DeleteInferenceExperiment(_) => "DeleteInferenceExperiment",
            Self::RegisterScalableTarget(_) => "RegisterScalableTarget",
            Self::DeregisterScalableTarget(_) => "DeregisterScalableTarget",
            Self::PutScalingPolicy(_) => "PutScalingPolicy",
            Self::DeleteScalingPolicy(_) => "DeleteScalingPolicy",
            Self::DescribeScalableTargets(_) => "DescribeScalableTargets",
            Self::PutMetricAlarm(_) => "PutMetricAlarm",
            Self::DeleteAlarms { .. } => "DeleteAlarms",
            Self::DescribeAlarms { .. } => "DescribeAlarms",
        }
    }

    /// The service that takes the call, as the AWS CLI names it.
    pub const fn service(&self) -> &'static str {
        match self {
            Self::RegisterScalableTarget(_)
            | Self::DeregisterScalableTarget(_)
            | Self::PutScalingPolicy(_)
            | Self::DeleteScalingPolicy(_)
            | Self::DescribeScalableTargets(_) => "application-autoscaling",
            Self::PutMetricAlarm(_) | Self::DeleteAlarms { .. } | Self::DescribeAlarms { .. } => "cloudwatch",
            _ => "sagemaker",
        }
    }
}

/// A refused call: prints the documented wording, and says code and HTTP status.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// A member breaks a constraint.
    #[error("1 validation error detected: {0}")]
    Validation(ConfigError),
    /// No such resource.
    #[error("Could not find {kind} \"{arn}\".")]
    NotFound {
        /// What was looked for.
        kind: ResourceKind,
        /// Its full name.
        arn: Arn,
    },
    /// The name is taken.
    #[error("Cannot create already existing {kind} \"{arn}\".")]
    AlreadyExists {
        /// What was to be made.
        kind: ResourceKind,
        /// Its full name.
        arn: Arn,
    },
    /// The endpoint is being created, changed or deleted.
    #[error("Cannot update in-progress endpoint \"{arn}\".")]
    InProgress {
        /// Its full name.
        arn: Arn,
    },
    /// Only `DeleteEndpoint` works on a failed endpoint.
    #[error("Cannot update endpoint \"{arn}\" in status Failed; delete it and create it anew.")]
    Failed {
        /// Its full name.
        arn: Arn,
    },
    /// `UpdateEndpoint` to the configuration that it runs already.
    #[error(
        "Cannot update endpoint \"{arn}\" to endpoint configuration \"{config}\": it runs that configuration already. Create a new configuration."
    )]
    SameConfig {
        /// The endpoint's full name.
        arn: Arn,
        /// The configuration.
        config: String,
    },
    /// Names that the endpoint's configuration lacks.
    #[error("The variant name(s) \"{names}\" is/are not present within endpoint configuration \"{config}\".")]
    UnknownVariants {
        /// The names, joined by commas.
        names: String,
        /// The configuration.
        config: String,
    },
    /// One variant twice in a request.
    #[error("The variant name \"{name}\" was non-unique within the request.")]
    RepeatedVariant {
        /// The name.
        name: String,
    },
    /// No variant would get a request: a lab rule.
    #[error("{0}")]
    Weights(WeightError),
    /// A call of Application Auto Scaling.
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    /// An update would remove variants that are scaled, or change their instance type. The guide says that the call
    /// fails; the words are the lab's.
    #[error(
        "Cannot update the endpoint: variant(s) {names} are targets of automatic scaling, and the update would remove them or change their instance type. Deregister the scalable target(s) first."
    )]
    ScaledVariants {
        /// Their names, joined by commas.
        names: String,
    },
    /// More instances than the account may have: a lab quota, in the service's words.
    #[error(
        "The account-level service limit '{instance_type} for endpoint usage' is {limit} Instances, with current utilization of {current} Instances and a request delta of {delta} Instances. Please contact AWS support to request an increase for this limit."
    )]
    ResourceLimitExceeded {
        /// Instance type.
        instance_type: String,
        /// Most instances.
        limit: u32,
        /// Instances that run.
        current: u32,
        /// Instances asked for on top.
        delta: u32,
    },
    /// About an inference experiment.
    #[error(transparent)]
    InferenceExperiment(#[from] InferenceExperimentError),
    /// A member of an alarm breaks a constraint.
    #[error("1 validation error detected: {0}")]
    Alarm(ConfigError),
    /// No such alarm. (The lab's words.)
    #[error("The CloudWatch alarm \"{name}\" does not exist.")]
    NoAlarm {
        /// Its name.
        name: String,
    },
    /// More alarms than the account may have: a lab quota.
    #[error("The account may have {limit} alarms; delete one first.")]
    TooManyAlarms {
        /// Most alarms.
        limit: usize,
    },
}

impl CommandError {
    /// The error code that an SDK raises.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Alarm(_) => "ValidationError",
            Self::NoAlarm { .. } => "ResourceNotFound",
            Self::TooManyAlarms { .. } => "LimitExceeded",
            Self::ResourceLimitExceeded { .. } => "ResourceLimitExceeded",
            Self::Scaling(e) => e.code(),
            Self::InferenceExperiment(e) => e.code(),
            _ => "ValidationException",
        }
    }

    /// The HTTP status that goes with it.
    pub const fn http(&self) -> u16 {
        if matches!(self, Self::NoAlarm { .. }) { 404 } else { 400 }
    }
}
