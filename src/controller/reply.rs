//! Replies to calls, in the form in which the service sends them.

use serde_json::{Value, json};

use super::experiment_reply;
use super::{Alarm, ControlPlane, Endpoint, LiveVariant, ScalableTarget, Transition, TransitionKind};
use crate::domain::{
    Arn, Command, ResourceKind, SCALABLE_DIMENSION, SERVICE_NAMESPACE, VirtualTime, resource_id,
};

pub(super) fn timestamp(at: VirtualTime) -> f64 {
    at.unix_s()
}

/// The reply to a call that was carried out.
pub fn reply_to(command: &Command, plane: &ControlPlane) -> Value {
    let arn = |kind, name: &str| json!(Arn::of(kind, name));
    match command {
        Command::CreateModel { model_name, .. } => json!({"ModelArn": arn(ResourceKind::Model, model_name)}),
        Command::CreateEndpointConfig { endpoint_config_name, .. } => {
            json!({"EndpointConfigArn": arn(ResourceKind::EndpointConfig, endpoint_config_name)})
        }
        Command::CreateEndpoint { endpoint_name, .. }
        | Command::UpdateEndpoint { endpoint_name, .. }
        | Command::UpdateEndpointWeightsAndCapacities { endpoint_name, .. } => {
            json!({"EndpointArn": arn(ResourceKind::Endpoint, endpoint_name)})
        }
        Command::DescribeEndpoint { endpoint_name } => {
            plane.endpoint(endpoint_name).map_or(json!({}), describe)
        }
        Command::DescribeAlarms { alarm_names } => {
            let asked = |name: &str| alarm_names.is_empty() || alarm_names.iter().any(|n| n == name);
            let found = plane.alarms().filter(|a| asked(a.rule.name.as_str()));
            json!({"MetricAlarms": found.map(alarm).collect::<Vec<_>>(), "CompositeAlarms": []})
        }
        Command::PutScalingPolicy(call) => json!({
            "PolicyARN": format!(
                "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:lab:resource/sagemaker/{}:policyName/{}",
                call.resource_id, call.policy_name
            ),
            "Alarms": [],
        }),
        Command::DescribeScalableTargets(call) => {
            let listed = |id: &String| call.resource_ids.is_empty() || call.resource_ids.contains(id);
            let target = |t: &ScalableTarget| {
                let id = resource_id(t.endpoint.as_str(), t.variant.as_str());
                listed(&id).then(|| {
                    json!({
                        "ServiceNamespace": SERVICE_NAMESPACE,
                        "ResourceId": id,
                        "ScalableDimension": SCALABLE_DIMENSION,
                        "MinCapacity": t.min_capacity,
                        "MaxCapacity": t.max_capacity,
                        "CreationTime": timestamp(t.created),
                    })
                })
            };
            json!({"ScalableTargets": plane.scalable_targets().filter_map(target).collect::<Vec<_>>()})
        }
        Command::RegisterScalableTarget(_)
        | Command::DeregisterScalableTarget(_)
        | Command::DeleteScalingPolicy(_)
        | Command::DeleteEndpoint { .. }
        | Command::PutMetricAlarm(_)
        | Command::DeleteAlarms { .. }
        | Command::DeleteEndpointConfig { .. }
        | Command::DeleteModel { .. }
        | Command::DeleteInferenceExperiment(_) => json!({}),
        Command::CreateInferenceExperiment(asked) => experiment_reply::arn(&asked.name),
        Command::UpdateInferenceExperiment(asked) => experiment_reply::arn(&asked.name),
        Command::StopInferenceExperiment(asked) => experiment_reply::arn(&asked.name),
        Command::StartInferenceExperiment(asked) => experiment_reply::arn(&asked.name),
        Command::DescribeInferenceExperiment(asked) => experiment_reply::describe(&asked.name, plane),
        Command::ListInferenceExperiments(asked) => experiment_reply::list(asked, plane),
    }
}

fn alarm(a: &Alarm) -> Value {
    let mut out = json!(a.input);
    out["StateValue"] = json!(a.state);
    out["StateReason"] = json!(a.reason);
    if let Some(change) = a.history.last() {
        out["StateUpdatedTimestamp"] = json!(timestamp(change.at));
    }
    out
}

fn variant(v: &LiveVariant) -> Value {
    let mut out = json!({
        "VariantName": v.name,
        "DeployedImages": [{"SpecifiedImage": v.image}],
        "CurrentWeight": v.current_weight,
        "DesiredWeight": v.desired_weight,
        "CurrentInstanceCount": v.current_count,
        "DesiredInstanceCount": v.desired_count,
    });
    if let Some(status) = &v.status {
        out["VariantStatus"] = json!([{"Status": status.status, "StatusMessage": status.message}]);
    }
    out
}

/// What `DescribeEndpoint` answers.
pub fn describe(endpoint: &Endpoint) -> Value {
    let listed = |variants: &[LiveVariant]| variants.iter().map(variant).collect::<Vec<_>>();
    let mut out = json!({
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn(),
        "EndpointConfigName": endpoint.config,
        "EndpointStatus": endpoint.status,
        "CreationTime": timestamp(endpoint.created),
        "LastModifiedTime": timestamp(endpoint.modified),
        "ProductionVariants": listed(endpoint.variants()),
    });
    if !endpoint.shadows().is_empty() {
        out["ShadowProductionVariants"] = json!(listed(endpoint.shadows()));
    }
    if let Some(reason) = &endpoint.failure_reason {
        out["FailureReason"] = json!(reason);
    }
    if let Some(capture) = &endpoint.deployment.capture {
        out["DataCaptureConfig"] = json!({
            "EnableCapture": capture.enable_capture,
            "CaptureStatus": if capture.enable_capture { "Started" } else { "Stopped" },
            "CurrentSamplingPercentage": capture.initial_sampling_percentage,
            "DestinationS3Uri": capture.destination_s3_uri,
        });
    }
    if let Some(config) = &endpoint.deployment_config {
        out["LastDeploymentConfig"] = json!(config);
    }
    if let Some(Transition { kind: TransitionKind::Update { config, deployment, .. }, began, .. }) =
        &endpoint.transition
    {
        out["PendingDeploymentSummary"] = json!({
            "EndpointConfigName": config,
            "ProductionVariants": listed(&deployment.variants),
            "StartTime": timestamp(*began),
        });
        if !deployment.shadows.is_empty() {
            out["PendingDeploymentSummary"]["ShadowProductionVariants"] = json!(listed(&deployment.shadows));
        }
    }
    out
}
