//! Replies to calls, in the form in which the service sends them.

use serde_json::{Value, json};

use crate::{
    controller::{Alarm, ControlPlane, Endpoint, LiveVariant, Transition, TransitionKind},
    domain::{Arn, Command, ResourceKind, VirtualTime},
};

/// Unix seconds of virtual time 0: 1 June 2026, 00:00 UTC. The page shows virtual time as time of day.
const EPOCH_S: f64 = 1_780_272_000.0;

fn timestamp(at: VirtualTime) -> f64 {
    EPOCH_S + at.as_s()
}

/// The reply to a call that was carried out.
pub(super) fn to_command(command: &Command, plane: &ControlPlane) -> Value {
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
        Command::DeleteEndpoint { .. }
        | Command::DeleteEndpointConfig { .. }
        | Command::PutMetricAlarm(_)
        | Command::DeleteAlarms { .. }
        | Command::DeleteModel { .. } => json!({}),
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
