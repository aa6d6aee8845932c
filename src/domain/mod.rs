//! The nouns of a rollout and what must always hold for them.
//!
//! Nothing here reads a clock, draws a number, parses a file or knows who calls. A value of one of these
//! types is valid by construction, so no other room checks it again.

mod alarm;
mod capture;
mod command;
mod config;
mod deployment;
mod inference_experiment;
mod instance;
mod model;
mod name;
mod record;
mod scaling;
mod time;
mod weight;

pub use alarm::{AlarmState, ComparisonOperator, Dimension, MetricAlarmInput, TreatMissingData};
pub use capture::{
    CaptureContentTypeHeader, CaptureMode, CaptureOption, DESTINATION_LIMIT, DataCaptureConfig,
    MAX_CAPTURE_OPTIONS,
};
pub use command::{
    Arn, Command, CommandError, ContainerInput, DesiredWeightAndCapacity, ExcludedProperty, ResourceKind,
    VariantProperty,
};
pub use config::{
    ConfigError, EndpointConfig, INSTANCE_QUOTA, MAX_PRODUCTION_VARIANTS, MAX_SHADOW_VARIANTS,
    ProductionVariant, ProductionVariantInput, RoutingConfigInput, RoutingStrategy, ShadowRule,
};
pub use deployment::{
    AlarmName, AutoRollbackConfiguration, BlueGreenUpdatePolicy, CapacitySize, CapacityType,
    DeploymentConfig, DeploymentPlan, EXECUTION_TIMEOUT_S, MAX_ROLLBACK_ALARMS, MAX_WAIT_S, Portion,
    RollbackAlarm, RollingUpdatePolicy, TrafficRoutingConfiguration, TrafficRoutingType, TrafficShift,
};
pub use inference_experiment::{
    ByExperimentName, CheckedExperiment, CreateInferenceExperiment, DEFAULT_EXPERIMENT, DataStorageConfig,
    DesiredExperimentState, EXPERIMENT_TEXT_LIMIT, ExperimentOrder, ExperimentSchedule, ExperimentVariant,
    InferenceExperimentError, InferenceExperimentType, InfrastructureConfig, InfrastructureType,
    LONGEST_EXPERIMENT, ListInferenceExperiments, MAX_EXPERIMENTS, ModelVariantAction, ModelVariantConfig,
    RealTimeInferenceConfig, SHORTEST_EXPERIMENT, ScheduleInput, ShadowModeConfig, ShadowModelVariantConfig,
    ShadowPlan, SortOrder, StopInferenceExperiment, UpdateInferenceExperiment, check_experiment_text,
};
pub use instance::{
    CATALOGUE, CATALOGUE_NOTED, CATALOGUE_REGION, InstanceSpec, InstanceType, UnknownInstanceType,
    idle_memory_gib,
};
pub use model::{Artifact, ContainerImage, ImageScope, Model, Stars, StarsOutOfRange, UnknownArtifact};
pub use name::{
    EXPERIMENT_NAME_LIMIT, EndpointConfigName, EndpointName, InferenceExperimentName, ModelName, NAME_LIMIT,
    NameError, VariantName,
};
pub use record::{FleetId, InvocationRecord, InvocationStatus, ReviewId};
pub use scaling::{
    DEFAULT_COOLDOWN_S, DeleteScalingPolicy, DeregisterScalableTarget, DescribeScalableTargets,
    INVOCATIONS_PER_INSTANCE, MAX_COOLDOWN_S, PredefinedMetric, PutScalingPolicy, RegisterScalableTarget,
    SCALABLE_DIMENSION, SERVICE_NAMESPACE, ScalableResource, ScalingError, ScalingPolicy, TargetTracking,
    resource_id,
};
pub use time::{Civil, LAB_BEGAN_UNIX_S, SECOND_NS, VirtualTime};
pub use weight::{SamplingShare, TrafficSplit, VariantWeight, WeightError};
