//! The control plane as AWS SDKs speak it: `POST /`, JSON 1.1, the operation in `X-Amz-Target`.
//!
//! Calls become the lab's own typed commands, so what the page may do and is refused, an SDK may do and is refused,
//! in the same words. Only what reads back (`Describe…`, `List…` of what was made) is written here.

use serde_json::{Map, Value, json};

use super::{
    app::App,
    backend::UPSTREAM_IMAGE,
    cloudwatch,
    control::{Control, Given, State},
    refusal::Refusal,
};
use crate::{
    controller::{Endpoint, EndpointStatus},
    domain::{
        Arn, Artifact, Command, CommandError, EndpointConfig, Model, ProductionVariant, ResourceKind,
        VirtualTime,
    },
};

/// Items on a page of a list, unless asked otherwise.
const PAGE: usize = 10;
/// Most items on a page.
const MOST: usize = 100;

/// The commands of each service: what follows the dot in `X-Amz-Target`.
const SAGEMAKER: &[&str] = &[
    "CreateModel",
    "CreateEndpointConfig",
    "CreateEndpoint",
    "DescribeEndpoint",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteModel",
    "CreateInferenceExperiment",
    "DescribeInferenceExperiment",
    "ListInferenceExperiments",
    "StartInferenceExperiment",
    "UpdateInferenceExperiment",
    "StopInferenceExperiment",
    "DeleteInferenceExperiment",
];
const AUTOSCALING: &[&str] = &[
    "RegisterScalableTarget",
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "DeleteScalingPolicy",
    "DescribeScalableTargets",
];
const ALARMS: &[&str] = &["PutMetricAlarm", "DeleteAlarms", "DescribeAlarms"];

/// Most members that a call may have beside those that the lab knows; they are ignored, as the service's SDKs expect.
const UNUSED_MEMBERS: usize = 32;

fn unknown(target: &str) -> Refusal {
    let target: String = target.chars().take(128).collect();
    Refusal::new(404, "UnknownOperationException", format!("The operation `{target}` is not known here."))
}

fn constraint(value: &str, path: &str, words: &str) -> Refusal {
    let said = format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {words}"
    );
    Refusal::new(400, "ValidationException", said)
}

fn null(member: &str) -> Refusal {
    let mut name = member.to_owned();
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    let said = format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    );
    Refusal::new(400, "ValidationException", said)
}

/// Answers one call.
///
/// # Errors
/// [`Refusal`] in the service's words.
pub async fn call(app: &App, target: &str, body: &[u8]) -> Result<Value, Refusal> {
    let control = &app.control;
    let (service, operation) = target.split_once('.').ok_or_else(|| unknown(target))?;
    let listed = match service {
        "SageMaker" => SAGEMAKER,
        "AnyScaleFrontendService" => AUTOSCALING,
        "GraniteServiceVersion20100801" => ALARMS,
        _ => return Err(unknown(target)),
    };
    let text = if body.is_empty() { b"{}" } else { body };
    let members: Value = serde_json::from_slice(text)
        .map_err(|e| Refusal::new(400, "SerializationException", format!("The body is no JSON: {e}")))?;
    let Value::Object(members) = members else {
        return Err(Refusal::new(400, "SerializationException", "The body is no JSON object."));
    };
    if service == "SageMaker"
        && let Some(read) = read(control, operation, &members)
    {
        return read;
    }
    if service == "GraniteServiceVersion20100801"
        && let Some(read) = cloudwatch::read(app, operation, &members)
    {
        return read;
    }
    if !listed.contains(&operation) {
        return Err(unknown(target));
    }
    let command = command(operation, members.clone())?;
    control.call(command, Value::Object(members)).await
}

/// The typed command of a call.
fn command(operation: &str, mut members: Map<String, Value>) -> Result<Command, Refusal> {
    // botocore drops what is None; other SDKs send null for it.
    members.retain(|_, v| !v.is_null());
    if operation == "CreateModel" {
        container(&mut members)?;
    }
    members.insert("Operation".into(), json!(operation));
    let mut value = Value::Object(members);
    for _ in 0..UNUSED_MEMBERS {
        let words = match serde_json::from_value(value.clone()) {
            Ok(command) => return Ok(command),
            Err(e) => e.to_string(),
        };
        let quoted = |from: &str| words.strip_prefix(from).and_then(|rest| rest.split('`').next());
        if let Some(unused) = quoted("unknown field `") {
            remove(&mut value, unused);
            continue;
        }
        return Err(if let Some(missing) = quoted("missing field `") {
            null(missing)
        } else if let Some(given) = quoted("unknown variant `") {
            let among = words.split("expected ").nth(1).unwrap_or_default().replace('`', "");
            constraint(given, "a member", &format!("Member must satisfy enum value set: [{among}]"))
        } else {
            Refusal::new(400, "SerializationException", format!("The call cannot be read: {words}"))
        });
    }
    let said = format!("The call has more than {UNUSED_MEMBERS} members that are not known here.");
    Err(Refusal::new(400, "SerializationException", said))
}

/// Takes a member out, wherever it stands.
fn remove(value: &mut Value, member: &str) {
    match value {
        Value::Object(members) => {
            members.remove(member);
            members.values_mut().for_each(|v| remove(v, member));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| remove(v, member)),
        _ => {}
    }
}

/// Brings the ways in which a container can be given into the one that the lab knows.
fn container(members: &mut Map<String, Value>) -> Result<(), Refusal> {
    if !members.contains_key("PrimaryContainer") {
        // One container in a list is the same as one alone; a pipeline of several is not run here.
        match members.remove("Containers") {
            Some(Value::Array(mut list)) if list.len() == 1 => {
                members.extend(list.pop().map(|only| ("PrimaryContainer".to_owned(), only)));
            }
            Some(Value::Array(list)) if !list.is_empty() => {
                let given = format!("[{} containers]", list.len());
                let words = "Member must have length less than or equal to 1 (a lab rule)";
                return Err(constraint(&given, "containers", words));
            }
            _ => return Err(null("primaryContainer")),
        }
    }
    let Some(container) = members.get_mut("PrimaryContainer").and_then(Value::as_object_mut) else {
        return Err(Refusal::new(400, "SerializationException", "PrimaryContainer is no JSON object."));
    };
    let Some(image) = container.get("Image").and_then(Value::as_str) else {
        return Err(null("primaryContainer.image"));
    };
    let upstream = image.starts_with(UPSTREAM_IMAGE);
    if !container.contains_key("ModelDataUrl") {
        let source = container.get("ModelDataSource").and_then(|s| s.pointer("/S3DataSource/S3Uri"));
        let url = match source.cloned() {
            Some(url) => url,
            // A model on an upstream has its artefact there. The lab's model needs one, and nobody reads it.
            None if upstream => json!(Artifact::A.model_data_url()),
            None => return Err(null("primaryContainer.modelDataUrl")),
        };
        container.insert("ModelDataUrl".into(), url);
    }
    Ok(())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(null(name)),
        Some(_) => Err(Refusal::new(400, "SerializationException", format!("{name} is no text."))),
    }
}

/// What only reads; none for an operation that does more.
fn read(control: &Control, operation: &str, members: &Map<String, Value>) -> Option<Result<Value, Refusal>> {
    let state = control.state();
    let answer = match operation {
        "DescribeModel" => text(members, "ModelName").and_then(|name| {
            let found = state.plane.models().find(|m| m.name.as_str() == name);
            let model = found.ok_or_else(|| not_found(ResourceKind::Model, name))?;
            Ok(describe_model(model, state.registry.models.get(name)))
        }),
        "DescribeEndpointConfig" => text(members, "EndpointConfigName").and_then(|name| {
            let found = state.plane.configs().find(|c| c.name.as_str() == name);
            let config = found.ok_or_else(|| not_found(ResourceKind::EndpointConfig, name))?;
            Ok(describe_config(config, state.registry.configs.get(name)))
        }),
        "ListModels" => {
            let item = |m: &Model| {
                let created = created(state.registry.models.get(m.name.as_str()));
                let arn = Arn::of(ResourceKind::Model, m.name.as_str());
                Item::new(m.name.as_str(), created, json!({"ModelName": m.name, "ModelArn": arn}))
            };
            list(members, "Models", state.plane.models().map(item).collect())
        }
        "ListEndpointConfigs" => {
            let item = |c: &EndpointConfig| {
                let created = created(state.registry.configs.get(c.name.as_str()));
                let arn = Arn::of(ResourceKind::EndpointConfig, c.name.as_str());
                let said = json!({"EndpointConfigName": c.name, "EndpointConfigArn": arn});
                Item::new(c.name.as_str(), created, said)
            };
            list(members, "EndpointConfigs", state.plane.configs().map(item).collect())
        }
        "ListEndpoints" => {
            let item = |e: &Endpoint| {
                let said = json!({
                    "EndpointName": e.name,
                    "EndpointArn": e.arn(),
                    "LastModifiedTime": e.modified.unix_s(),
                    "EndpointStatus": e.status,
                });
                Item { status: Some(e.status), ..Item::new(e.name.as_str(), e.created, said) }
            };
            list(members, "Endpoints", state.plane.endpoints().map(item).collect())
        }
        "ListTags" => Ok(json!({"Tags": []})),
        _ => return None,
    };
    Some(answer)
}

/// `DescribeModel` of each model.
pub fn models(state: &State) -> Vec<Value> {
    let given = |m: &Model| state.registry.models.get(m.name.as_str());
    state.plane.models().map(|m| describe_model(m, given(m))).collect()
}

/// `DescribeEndpointConfig` of each configuration.
pub fn configs(state: &State) -> Vec<Value> {
    let given = |c: &EndpointConfig| state.registry.configs.get(c.name.as_str());
    state.plane.configs().map(|c| describe_config(c, given(c))).collect()
}

fn not_found(kind: ResourceKind, name: &str) -> Refusal {
    CommandError::NotFound { kind, arn: Arn::of(kind, name) }.into()
}

fn created(given: Option<&Given>) -> VirtualTime {
    given.map_or(VirtualTime::ZERO, |g| g.created)
}

fn describe_model(model: &Model, given: Option<&Given>) -> Value {
    let mut out = given.map_or_else(
        || {
            let container = json!({"Image": model.image, "ModelDataUrl": model.artifact.model_data_url()});
            json!({"ModelName": model.name, "PrimaryContainer": container})
        },
        |g| g.members.clone(),
    );
    out["ModelArn"] = json!(Arn::of(ResourceKind::Model, model.name.as_str()));
    out["CreationTime"] = json!(created(given).unix_s());
    without_tags(out)
}

fn describe_config(config: &EndpointConfig, given: Option<&Given>) -> Value {
    let variant = |v: &ProductionVariant| {
        json!({
            "VariantName": v.variant_name,
            "ModelName": v.model_name,
            "InstanceType": v.instance_type,
            "InitialInstanceCount": v.initial_instance_count,
            "InitialVariantWeight": v.initial_weight,
        })
    };
    let mut out = given.map_or_else(|| json!({"EndpointConfigName": config.name}), |g| g.members.clone());
    // As checked: absent members have their defaults, weights are floats.
    for (name, variants) in [
        ("ProductionVariants", &config.production_variants),
        ("ShadowProductionVariants", &config.shadow_production_variants),
    ] {
        if !variants.is_empty() {
            out[name] = variants.iter().map(variant).collect();
        }
    }
    out["EndpointConfigArn"] = json!(Arn::of(ResourceKind::EndpointConfig, config.name.as_str()));
    out["CreationTime"] = json!(created(given).unix_s());
    without_tags(out)
}

/// Tags are given back by a call of their own.
fn without_tags(mut out: Value) -> Value {
    if let Some(members) = out.as_object_mut() {
        members.remove("Tags");
    }
    out
}

struct Item {
    name: String,
    created: VirtualTime,
    status: Option<EndpointStatus>,
    said: Value,
}

impl Item {
    fn new(name: &str, created: VirtualTime, mut said: Value) -> Self {
        said["CreationTime"] = json!(created.unix_s());
        Self { name: name.to_owned(), created, status: None, said }
    }
}

/// A page of a list: the newest first unless asked otherwise.
fn list(members: &Map<String, Value>, called: &str, mut items: Vec<Item>) -> Result<Value, Refusal> {
    let given = |name: &str| members.get(name).and_then(Value::as_str);
    let most = match members.get("MaxResults") {
        None | Some(Value::Null) => PAGE,
        Some(n) => match n.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(n) if (1..=MOST).contains(&n) => n,
            _ => {
                let words = format!("Member must have value between 1 and {MOST}");
                return Err(constraint(&n.to_string(), "maxResults", &words));
            }
        },
    };
    items.retain(|i| {
        given("NameContains").is_none_or(|part| i.name.contains(part))
            && given("StatusEquals").is_none_or(|s| i.status.is_some_and(|own| own.to_string() == s))
    });
    let time = |name: &str| members.get(name).and_then(Value::as_f64);
    let (after, before) = (time("CreationTimeAfter"), time("CreationTimeBefore"));
    items.retain(|i| {
        let at = i.created.unix_s();
        after.is_none_or(|t| at >= t) && before.is_none_or(|t| at <= t)
    });
    match given("SortBy") {
        Some("Name") => items.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("Status") => items.sort_by_key(|i| i.status.map(|s| s.to_string())),
        _ => items.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name))),
    }
    let ascending = given("SortOrder").map_or(given("SortBy") == Some("Name"), |o| o == "Ascending");
    if !ascending {
        items.reverse();
    }
    // The token is the name of the last item that was given out: it holds while items come and go.
    let begin = match given("NextToken") {
        None => 0,
        Some(token) => {
            let place = items.iter().position(|i| i.name == token);
            place.map(|p| p + 1).ok_or_else(|| {
                constraint(token, "nextToken", "Member must be a token of an earlier answer")
            })?
        }
    };
    let next = (begin + most < items.len()).then(|| items[begin + most - 1].name.clone());
    let page: Vec<Value> = items.into_iter().skip(begin).take(most).map(|i| i.said).collect();
    let mut out = json!({called: page});
    if let Some(next) = next {
        out["NextToken"] = json!(next);
    }
    Ok(out)
}
