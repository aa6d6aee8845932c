//! Replies to the calls about inference experiments, in the form in which the service sends them.

use serde_json::{Value, json};

use super::{ControlPlane, InferenceExperiment, reply::timestamp};
use crate::domain::{
    Arn, ExperimentOrder, ListInferenceExperiments, ModelVariantConfig, ResourceKind, SortOrder,
};

/// What every reply about an experiment says.
fn summary(e: &InferenceExperiment) -> Value {
    let mut out = json!({
        "Name": e.name,
        "Type": "ShadowMode",
        "Schedule": {"StartTime": timestamp(e.schedule.start), "EndTime": timestamp(e.schedule.end)},
        "Status": e.status,
        "CreationTime": timestamp(e.created),
        "LastModifiedTime": timestamp(e.modified),
        "RoleArn": e.role_arn,
    });
    let optional = [
        ("StatusReason", e.status_reason.as_ref().map(|r| json!(r))),
        ("Description", e.description.as_ref().map(|d| json!(d))),
        ("CompletionTime", e.completed.map(|t| json!(timestamp(t)))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            out[name] = value;
        }
    }
    out
}

/// What most calls answer.
pub(super) fn arn(name: &str) -> Value {
    json!({"InferenceExperimentArn": Arn::of(ResourceKind::InferenceExperiment, name)})
}

/// What `DescribeInferenceExperiment` answers; nothing for an unknown name.
pub(super) fn describe(name: &str, plane: &ControlPlane) -> Value {
    let Some(e) = plane.inference_experiment(name) else { return json!({}) };
    let mut out = summary(e);
    out["Arn"] = json!(e.arn());
    let mut endpoint = json!({"EndpointName": e.endpoint});
    if let Some(live) = plane.endpoint(e.endpoint.as_str()) {
        endpoint["EndpointStatus"] = json!(live.status);
        if let Some(reason) = &live.failure_reason {
            endpoint["FailureReason"] = json!(reason);
        }
    }
    out["EndpointMetadata"] = endpoint;
    let variants = e.variants().map(|v| {
        let mut variant = json!(ModelVariantConfig::from(v));
        variant["Status"] = json!(e.variant_status(&v.variant_name));
        variant
    });
    out["ModelVariants"] = variants.collect();
    out["ShadowModeConfig"] = json!(e.plan.mode());
    if let Some(storage) = &e.storage {
        out["DataStorageConfig"] = json!(storage);
    }
    out
}

/// What `ListInferenceExperiments` answers: the newest first, unless asked otherwise.
pub(super) fn list(asked: &ListInferenceExperiments, plane: &ControlPlane) -> Value {
    let named = |e: &&InferenceExperiment| {
        asked.name_contains.as_ref().is_none_or(|part| e.name.as_str().contains(part.as_str()))
            && asked.status_equals.as_ref().is_none_or(|s| e.status.to_string() == *s)
    };
    let mut found: Vec<_> = plane.inference_experiments().filter(named).collect();
    match asked.sort_by.unwrap_or_default() {
        ExperimentOrder::Name => found.sort_by_key(|e| e.name.clone()),
        ExperimentOrder::CreationTime => found.sort_by_key(|e| e.created),
        ExperimentOrder::Status => found.sort_by_key(|e| e.status),
    }
    if asked.sort_order.unwrap_or_default() == SortOrder::Descending {
        found.reverse();
    }
    let most = asked.max_results.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    json!({"InferenceExperiments": found.into_iter().take(most).map(summary).collect::<Vec<_>>()})
}
