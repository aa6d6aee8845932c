//! The nouns of a rollout and what must always hold for them.
//!
//! Nothing here reads a clock, draws a number, parses a file or knows who calls. A value of one of these
//! types is valid by construction, so no other room checks it again.

mod alarm;
mod command;
mod config;
mod deployment;
mod instance;
mod model;
mod name;
mod record;
mod time;
mod weight;

pub use alarm::{AlarmState, ComparisonOperator, Dimension, MetricAlarmInput, TreatMissingData};
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
pub use instance::{
    CATALOGUE, CATALOGUE_NOTED, CATALOGUE_REGION, InstanceSpec, InstanceType, UnknownInstanceType,
    idle_memory_gib,
};
pub use model::{Artifact, ContainerImage, ImageScope, Model, Stars, StarsOutOfRange, UnknownArtifact};
pub use name::{EndpointConfigName, EndpointName, ModelName, NAME_LIMIT, NameError, VariantName};
pub use record::{FleetId, InvocationRecord, InvocationStatus, ReviewId};
pub use time::{SECOND_NS, VirtualTime};
pub use weight::{SamplingShare, TrafficSplit, VariantWeight, WeightError};
