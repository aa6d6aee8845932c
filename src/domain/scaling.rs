//! The calls of Application Auto Scaling, as far as they concern endpoints, and how they are refused.

use serde::{Deserialize, Serialize};

use super::{ConfigError, EndpointName, INSTANCE_QUOTA, VariantName};

/// The only service namespace that the lab knows.
pub const SERVICE_NAMESPACE: &str = "sagemaker";
/// What of a variant is scaled.
pub const SCALABLE_DIMENSION: &str = "sagemaker:variant:DesiredInstanceCount";
/// The metric that target tracking holds near its target: invocations per minute and instance.
pub const INVOCATIONS_PER_INSTANCE: &str = "SageMakerVariantInvocationsPerInstance";
/// Cooldown when none is given, seconds.
pub const DEFAULT_COOLDOWN_S: u32 = 300;
/// Longest cooldown, seconds (a lab rule).
pub const MAX_COOLDOWN_S: i64 = 86_400;

/// Name of a variant as something that is scaled: `endpoint/E/variant/V`.
pub fn resource_id(endpoint: &str, variant: &str) -> String {
    format!("endpoint/{endpoint}/variant/{variant}")
}

/// `RegisterScalableTarget`: between which counts a variant may be scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RegisterScalableTarget {
    /// `sagemaker`.
    pub service_namespace: String,
    /// `endpoint/E/variant/V`.
    pub resource_id: String,
    /// `sagemaker:variant:DesiredInstanceCount`.
    pub scalable_dimension: String,
    /// Fewest instances, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_capacity: Option<i64>,
    /// Most instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_capacity: Option<i64>,
}

/// `DeregisterScalableTarget`: the variant keeps its count from then on; its policy goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeregisterScalableTarget {
    /// `sagemaker`.
    pub service_namespace: String,
    /// `endpoint/E/variant/V`.
    pub resource_id: String,
    /// `sagemaker:variant:DesiredInstanceCount`.
    pub scalable_dimension: String,
}

/// `PutScalingPolicy`: how a registered variant is scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutScalingPolicy {
    /// Its name, 1 to 256 characters.
    pub policy_name: String,
    /// `sagemaker`.
    pub service_namespace: String,
    /// `endpoint/E/variant/V`.
    pub resource_id: String,
    /// `sagemaker:variant:DesiredInstanceCount`.
    pub scalable_dimension: String,
    /// `TargetTrackingScaling`: the only kind that the lab knows.
    pub policy_type: String,
    /// What is held near which value.
    pub target_tracking_scaling_policy_configuration: TargetTracking,
}

/// The `TargetTrackingScalingPolicyConfiguration` member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TargetTracking {
    /// Invocations per minute and instance to be held.
    pub target_value: f64,
    /// The metric.
    pub predefined_metric_specification: PredefinedMetric,
    /// Seconds after a scale-in before the next one; 300 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_in_cooldown: Option<i64>,
    /// Seconds after a scale-out before another that adds no more; 300 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_out_cooldown: Option<i64>,
    /// Only ever add instances.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_scale_in: bool,
}

/// The `PredefinedMetricSpecification` member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PredefinedMetric {
    /// `SageMakerVariantInvocationsPerInstance`.
    pub predefined_metric_type: String,
}

/// `DeleteScalingPolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteScalingPolicy {
    /// Name.
    pub policy_name: String,
    /// `sagemaker`.
    pub service_namespace: String,
    /// `endpoint/E/variant/V`.
    pub resource_id: String,
    /// `sagemaker:variant:DesiredInstanceCount`.
    pub scalable_dimension: String,
}

/// `DescribeScalableTargets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeScalableTargets {
    /// `sagemaker`.
    pub service_namespace: String,
    /// Which; all of them when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_ids: Vec<String>,
}

/// The three members that name what is scaled, in every call.
#[derive(Clone, Copy, Debug)]
pub struct ScalableResource<'a> {
    /// `sagemaker`.
    pub service_namespace: &'a str,
    /// `endpoint/E/variant/V`.
    pub resource_id: &'a str,
    /// `sagemaker:variant:DesiredInstanceCount`.
    pub scalable_dimension: &'a str,
}

macro_rules! names_a_resource {
    ($($call:ident),*) => {$(
        impl $call {
            /// What it is about.
            pub fn resource(&self) -> ScalableResource<'_> {
                ScalableResource {
                    service_namespace: &self.service_namespace,
                    resource_id: &self.resource_id,
                    scalable_dimension: &self.scalable_dimension,
                }
            }
        }
    )*};
}
names_a_resource!(RegisterScalableTarget, DeregisterScalableTarget, PutScalingPolicy, DeleteScalingPolicy);

impl ScalableResource<'_> {
    /// The endpoint and the variant.
    ///
    /// # Errors
    /// [`ScalingError::Unsupported`] for anything but a variant's instance count.
    pub fn variant(self) -> Result<(EndpointName, VariantName), ScalingError> {
        let parts: Vec<&str> = self.resource_id.split('/').collect();
        let names = match parts.as_slice() {
            ["endpoint", endpoint, "variant", variant] => {
                EndpointName::new(*endpoint).ok().zip(VariantName::new(*variant).ok())
            }
            _ => None,
        };
        names
            .filter(|_| {
                self.service_namespace == SERVICE_NAMESPACE && self.scalable_dimension == SCALABLE_DIMENSION
            })
            .ok_or_else(|| ScalingError::Unsupported {
                namespace: self.service_namespace.to_owned(),
                resource: self.resource_id.to_owned(),
                dimension: self.scalable_dimension.to_owned(),
            })
    }
}

/// A refused call of Application Auto Scaling.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScalingError {
    /// A member breaks a constraint.
    #[error("1 validation error detected: {0}")]
    Validation(ConfigError),
    /// Not the instance count of a variant. After the service's words the lab's own.
    #[error(
        "Unsupported service namespace, resource type or scalable dimension (given: {namespace}, {resource}, {dimension}; here: {SERVICE_NAMESPACE}, endpoint/NAME/variant/NAME, {SCALABLE_DIMENSION})"
    )]
    Unsupported {
        /// Namespace given.
        namespace: String,
        /// Resource given.
        resource: String,
        /// Dimension given.
        dimension: String,
    },
    /// No endpoint in service has that variant.
    #[error("{resource} does not exist: no endpoint in service has this variant")]
    NoVariant {
        /// The resource's name.
        resource: String,
    },
    /// The lower bound is above the upper one.
    #[error("Maximum capacity cannot be less than minimum capacity ({max} is less than {min})")]
    Capacity {
        /// Minimum given.
        min: i64,
        /// Maximum given.
        max: i64,
    },
    /// Burstable instances have their own way to bear a peak.
    #[error("{resource} runs on {instance_type}: burstable instances cannot be scaled automatically")]
    Burstable {
        /// The resource's name.
        resource: String,
        /// Its instance type.
        instance_type: String,
    },
    /// Nothing was registered under that name.
    #[error(
        "No scalable target registered for service namespace: {SERVICE_NAMESPACE}, resource ID: {resource}, scalable dimension: {SCALABLE_DIMENSION}"
    )]
    NoTarget {
        /// The resource's name.
        resource: String,
    },
    /// The target has no such policy.
    #[error(
        "No scaling policy found for service namespace: {SERVICE_NAMESPACE}, resource ID: {resource}, scalable dimension: {SCALABLE_DIMENSION}: {policy}"
    )]
    NoPolicy {
        /// The resource's name.
        resource: String,
        /// The policy's name.
        policy: String,
    },
    /// A second policy on the one metric.
    #[error(
        "Only one TargetTrackingScaling policy for a given metric specification is allowed: {resource} has {policy}"
    )]
    SecondPolicy {
        /// The resource's name.
        resource: String,
        /// The policy that is there.
        policy: String,
    },
}

impl ScalingError {
    /// The error code that an SDK raises.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTarget { .. } | Self::NoPolicy { .. } => "ObjectNotFoundException",
            _ => "ValidationException",
        }
    }
}

/// A member that breaks a constraint.
fn member(value: impl ToString, path: &str, constraint: impl ToString) -> ScalingError {
    ScalingError::Validation(ConfigError::Member {
        value: value.to_string(),
        path: path.to_owned(),
        constraint: constraint.to_string(),
    })
}

impl RegisterScalableTarget {
    /// Fewest and most instances: those given, or else those that hold already.
    ///
    /// # Errors
    /// [`ScalingError`] for a bound that is missing, out of range, or above the other.
    pub fn bounds(&self, before: Option<(u32, u32)>) -> Result<(u32, u32), ScalingError> {
        let bound = |path: &str, given: Option<i64>, before: Option<u32>| {
            let value = given.or(before.map(i64::from)).ok_or_else(|| {
                member("null", path, "Member must not be null for a target that is not registered yet")
            })?;
            // The API takes 0 as a minimum; the guide asks for 1, and a variant without instance fails all requests.
            let fits = u32::try_from(value).ok().filter(|n| (1..=INSTANCE_QUOTA).contains(n));
            fits.ok_or_else(|| {
                member(
                    value,
                    path,
                    format!("Member must have value between 1 and {INSTANCE_QUOTA} (the lab's quota)"),
                )
            })
        };
        let min = bound("minCapacity", self.min_capacity, before.map(|b| b.0))?;
        let max = bound("maxCapacity", self.max_capacity, before.map(|b| b.1))?;
        if max < min {
            return Err(ScalingError::Capacity { min: min.into(), max: max.into() });
        }
        Ok((min, max))
    }
}

/// A target-tracking policy that is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// Name.
    pub name: String,
    /// Invocations per minute and instance.
    pub target_value: f64,
    /// Seconds after a scale-in before the next.
    pub scale_in_cooldown_s: u32,
    /// Seconds after a scale-out before another that adds no more.
    pub scale_out_cooldown_s: u32,
    /// Only ever add instances.
    pub disable_scale_in: bool,
}

impl PutScalingPolicy {
    /// The policy that it asks for.
    ///
    /// # Errors
    /// [`ScalingError`] for the first member that is out of range.
    pub fn policy(&self) -> Result<ScalingPolicy, ScalingError> {
        let name = &self.policy_name;
        if name.is_empty() || name.chars().count() > 256 {
            return Err(member(name, "policyName", "Member must have length between 1 and 256"));
        }
        if self.policy_type != "TargetTrackingScaling" {
            let known = "Member must be TargetTrackingScaling, the only policy type that this lab knows";
            return Err(member(&self.policy_type, "policyType", known));
        }
        let tracking = &self.target_tracking_scaling_policy_configuration;
        let at = |field: &str| format!("targetTrackingScalingPolicyConfiguration.{field}");
        let metric = &tracking.predefined_metric_specification.predefined_metric_type;
        if metric != INVOCATIONS_PER_INSTANCE {
            let path = at("predefinedMetricSpecification.predefinedMetricType");
            return Err(member(
                metric,
                &path,
                format!("Member must be {INVOCATIONS_PER_INSTANCE} for an endpoint"),
            ));
        }
        let value = tracking.target_value;
        if !(value > 0.0 && value <= 1e9) {
            return Err(member(value, &at("targetValue"), "Member must be above 0 and at most 1000000000"));
        }
        let cooldown = |field: &str, given: Option<i64>| {
            let seconds = given.unwrap_or_else(|| DEFAULT_COOLDOWN_S.into());
            let fits = u32::try_from(seconds).ok().filter(|_| seconds <= MAX_COOLDOWN_S);
            fits.ok_or_else(|| {
                member(seconds, &at(field), format!("Member must have value between 0 and {MAX_COOLDOWN_S}"))
            })
        };
        Ok(ScalingPolicy {
            name: name.clone(),
            target_value: value,
            scale_in_cooldown_s: cooldown("scaleInCooldown", tracking.scale_in_cooldown)?,
            scale_out_cooldown_s: cooldown("scaleOutCooldown", tracking.scale_out_cooldown)?,
            disable_scale_in: tracking.disable_scale_in,
        })
    }
}
