//! A call to the control plane in the three languages that people write it in: boto3, the AWS CLI and JSON.

use std::fmt::{self, Write};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::json;
use crate::domain::{
    Command, ContainerInput, DataCaptureConfig, DeploymentConfig, DesiredWeightAndCapacity, ExcludedProperty,
    ProductionVariantInput,
};

/// Why an edited request is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct RequestError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

/// The call as a Python program makes it through boto3.
///
/// ```
/// use rollout_lab::{domain::Command, wire::calls};
/// let call = Command::DeleteEndpoint { endpoint_name: "reviews".into() };
/// assert_eq!(calls::boto3(&call), "sagemaker.delete_endpoint(EndpointName=\"reviews\")");
/// ```
pub fn boto3(command: &Command) -> String {
    // A client is named after its service.
    let client = command.service().replace('-', "_");
    let mut text = format!("{client}.{}(", words(command.operation(), '_'));
    let members = members(command);
    if let [(name, value @ Node::Text(_))] = members.as_slice() {
        let _ = write!(text, "{name}={}", Python(value, 0));
    } else if !members.is_empty() {
        for (name, value) in &members {
            let _ = write!(text, "\n    {name}={},", Python(value, 1));
        }
        text.push('\n');
    }
    text.push(')');
    text
}

/// The call as one makes it in a shell.
///
/// ```
/// use rollout_lab::{domain::Command, wire::calls};
/// let call = Command::DeleteEndpoint { endpoint_name: "reviews".into() };
/// assert_eq!(calls::cli(&call), "aws sagemaker delete-endpoint \\\n  --endpoint-name reviews");
/// ```
pub fn cli(command: &Command) -> String {
    let mut text = format!("aws {} {}", command.service(), words(command.operation(), '-'));
    for (name, value) in members(command) {
        let option = words(&name, '-');
        let _ = match &value {
            Node::Flag(true) => write!(text, " \\\n  --{option}"),
            Node::Flag(false) => write!(text, " \\\n  --no-{option}"),
            Node::Text(plain) => write!(text, " \\\n  --{option} {}", shell_quoted(plain)),
            other => {
                write!(text, " \\\n  --{option} {}", shell_quoted(&Json(other, None).to_string()))
            }
        };
    }
    text
}

/// The body of the request, with the field names of the API.
///
/// ```
/// use rollout_lab::{domain::Command, wire::calls};
/// let call = Command::DeleteEndpoint { endpoint_name: "reviews".into() };
/// assert_eq!(calls::json(&call), "{\n  \"EndpointName\": \"reviews\"\n}");
/// ```
pub fn json(command: &Command) -> String {
    Json(&Node::Members(members(command)), Some(0)).to_string()
}

/// The body of an invocation with one text.
pub fn features(text: &str) -> String {
    format!("{{\"features\":[{}]}}", quoted(text))
}

/// Reads an edited request body again, as a call of the same operation as `like`.
///
/// # Errors
/// [`RequestError`] with the place of the first character that fits no such request.
pub fn parse_json(like: &Command, text: &str) -> Result<Command, RequestError> {
    match like {
        Command::CreateModel { .. } => read(text).map(|r: ModelRequest| Command::CreateModel {
            model_name: r.model_name,
            primary_container: r.primary_container,
        }),
        Command::CreateEndpointConfig { .. } => {
            read(text).map(|r: ConfigRequest| Command::CreateEndpointConfig {
                endpoint_config_name: r.endpoint_config_name,
                production_variants: r.production_variants,
                shadow_production_variants: r.shadow_production_variants,
                data_capture_config: r.data_capture_config,
            })
        }
        Command::CreateEndpoint { .. } => read(text).map(|r: EndpointRequest| Command::CreateEndpoint {
            endpoint_name: r.endpoint_name,
            endpoint_config_name: r.endpoint_config_name,
            deployment_config: r.deployment_config,
        }),
        Command::UpdateEndpoint { .. } => read(text).map(|r: UpdateRequest| Command::UpdateEndpoint {
            endpoint_name: r.endpoint_name,
            endpoint_config_name: r.endpoint_config_name,
            retain_all_variant_properties: r.retain_all_variant_properties,
            exclude_retained_variant_properties: r.exclude_retained_variant_properties,
            deployment_config: r.deployment_config,
            retain_deployment_config: r.retain_deployment_config,
        }),
        Command::UpdateEndpointWeightsAndCapacities { .. } => {
            read(text).map(|r: WeightsRequest| Command::UpdateEndpointWeightsAndCapacities {
                endpoint_name: r.endpoint_name,
                desired_weights_and_capacities: r.desired_weights_and_capacities,
            })
        }
        Command::DescribeEndpoint { .. } => {
            read(text).map(|r: ByEndpoint| Command::DescribeEndpoint { endpoint_name: r.endpoint_name })
        }
        Command::DeleteEndpoint { .. } => {
            read(text).map(|r: ByEndpoint| Command::DeleteEndpoint { endpoint_name: r.endpoint_name })
        }
        Command::DeleteEndpointConfig { .. } => read(text).map(|r: ByConfig| Command::DeleteEndpointConfig {
            endpoint_config_name: r.endpoint_config_name,
        }),
        Command::DeleteModel { .. } => {
            read(text).map(|r: ByModel| Command::DeleteModel { model_name: r.model_name })
        }
        Command::RegisterScalableTarget(_) => read(text).map(Command::RegisterScalableTarget),
        Command::DeregisterScalableTarget(_) => read(text).map(Command::DeregisterScalableTarget),
        Command::PutScalingPolicy(_) => read(text).map(Command::PutScalingPolicy),
        Command::DeleteScalingPolicy(_) => read(text).map(Command::DeleteScalingPolicy),
        Command::DescribeScalableTargets(_) => read(text).map(Command::DescribeScalableTargets),
        Command::CreateInferenceExperiment(_) => read(text).map(Command::CreateInferenceExperiment),
        Command::DescribeInferenceExperiment(_) => read(text).map(Command::DescribeInferenceExperiment),
        Command::ListInferenceExperiments(_) => read(text).map(Command::ListInferenceExperiments),
        Command::StartInferenceExperiment(_) => read(text).map(Command::StartInferenceExperiment),
        Command::UpdateInferenceExperiment(_) => read(text).map(Command::UpdateInferenceExperiment),
        Command::StopInferenceExperiment(_) => read(text).map(Command::StopInferenceExperiment),
        Command::DeleteInferenceExperiment(_) => read(text).map(Command::DeleteInferenceExperiment),
        Command::PutMetricAlarm(_) => read(text).map(Command::PutMetricAlarm),
        Command::DeleteAlarms { .. } => {
            read(text).map(|r: ByAlarms| Command::DeleteAlarms { alarm_names: r.alarm_names })
        }
        Command::DescribeAlarms { .. } => {
            read(text).map(|r: ByAlarms| Command::DescribeAlarms { alarm_names: r.alarm_names })
        }
    }
}

// `Command` carries its operation inside, and serde buffers such a value before it reads it: the places of its
// errors are lost. These twins have no operation, so that an error names line and column.
macro_rules! request {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct $name { $($(#[$meta])* $field: $type),* }
    };
}
request!(ModelRequest { model_name: String, primary_container: ContainerInput });
request!(ConfigRequest {
    endpoint_config_name: String,
    production_variants: Vec<ProductionVariantInput>,
    #[serde(default)]
    shadow_production_variants: Vec<ProductionVariantInput>,
    #[serde(default)]
    data_capture_config: Option<DataCaptureConfig>,
});
request!(EndpointRequest {
    endpoint_name: String,
    endpoint_config_name: String,
    #[serde(default)]
    deployment_config: Option<DeploymentConfig>,
});
request!(UpdateRequest {
    endpoint_name: String,
    endpoint_config_name: String,
    #[serde(default)]
    retain_all_variant_properties: bool,
    #[serde(default)]
    exclude_retained_variant_properties: Vec<ExcludedProperty>,
    #[serde(default)]
    deployment_config: Option<DeploymentConfig>,
    #[serde(default)]
    retain_deployment_config: bool,
});
request!(WeightsRequest {
    endpoint_name: String,
    desired_weights_and_capacities: Vec<DesiredWeightAndCapacity>,
});
request!(ByEndpoint { endpoint_name: String });
request!(ByConfig { endpoint_config_name: String });
request!(ByModel { model_name: String });
request!(ByAlarms {
    #[serde(default)]
    alarm_names: Vec<String>,
});

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, RequestError> {
    json::read(text).map_err(|json::Garbled { line, column, problem }| {
        // Of a value it says only that one was expected, e.g. where NaN stands, which JSON does not know.
        let found = word_at(text, line, column).filter(|_| problem == "expected value");
        let problem = found.map_or(problem, |found| format!("expected a JSON value, but found `{found}`"));
        // What serde calls a unit is written null.
        let problem = problem.replace("invalid type: unit value", "invalid type: null");
        RequestError { line, column, problem }
    })
}

/// The word that stands at a line and a column, both from 1; the column counts bytes.
fn word_at(text: &str, line: usize, column: usize) -> Option<String> {
    let rest = text.lines().nth(line.checked_sub(1)?)?.get(column.checked_sub(1)?..)?;
    let ends = |c: char| c.is_whitespace() || ",:]}".contains(c);
    let word: String = rest.trim_start().chars().take_while(|c| !ends(*c)).take(20).collect();
    (!word.is_empty()).then_some(word)
}

/// `CreateEndpointConfig` → `create_endpoint_config`, `create-endpoint-config`.
fn words(camel: &str, joint: char) -> String {
    let mut text = String::with_capacity(camel.len() + 8);
    for (i, c) in camel.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            text.push(joint);
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// In single quotes, unless a shell reads it as one word anyway.
fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The members of a request in the order in which the API lists them.
fn members(command: &Command) -> Vec<(String, Node)> {
    match json::read(&json::write(command)) {
        Ok(Node::Members(members)) => members.into_iter().filter(|(name, _)| name != "Operation").collect(),
        _ => Vec::new(),
    }
}

/// A JSON value that keeps the order of its members, which `serde_json::Value` does not.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Members(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;
        impl<'de> Visitor<'de> for AnyNode {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }
            fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
                Ok(Node::Flag(v))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
                Ok(Node::Number(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
                Ok(Node::Number(v as f64))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
                Ok(Node::Number(v as f64))
            }
            fn visit_str<E>(self, v: &str) -> Result<Node, E> {
                Ok(Node::Text(v.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(Node::Members(members))
            }
        }
        deserializer.deserialize_any(AnyNode)
    }
}

/// Text in double quotes: Python reads JSON's escapes as JSON does.
fn quoted(text: &str) -> String {
    json::write(text)
}

/// A value as Python writes it, its inner lines indented below `depth` levels.
struct Python<'a>(&'a Node, usize);

impl fmt::Display for Python<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(node, depth) = *self;
        let (inner, outer) = ("    ".repeat(depth + 1), "    ".repeat(depth));
        match node {
            Node::Nothing => f.write_str("None"),
            Node::Flag(true) => f.write_str("True"),
            Node::Flag(false) => f.write_str("False"),
            Node::Number(n) => write!(f, "{n}"),
            Node::Text(text) => f.write_str(&quoted(text)),
            Node::List(items) if items.is_empty() => f.write_str("[]"),
            Node::List(items) => {
                f.write_str("[\n")?;
                for item in items {
                    writeln!(f, "{inner}{},", Python(item, depth + 1))?;
                }
                write!(f, "{outer}]")
            }
            Node::Members(members) => {
                f.write_str("{\n")?;
                for (name, value) in members {
                    writeln!(f, "{inner}{}: {},", quoted(name), Python(value, depth + 1))?;
                }
                write!(f, "{outer}}}")
            }
        }
    }
}

/// A value as JSON: on one line without a depth, else its inner lines indented below that many levels.
struct Json<'a>(&'a Node, Option<usize>);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(node, depth) = *self;
        let deeper = depth.map(|d| d + 1);
        let line = |f: &mut fmt::Formatter<'_>, depth: Option<usize>| match depth {
            Some(d) => write!(f, "\n{}", "  ".repeat(d)),
            None => Ok(()),
        };
        let comma = |f: &mut fmt::Formatter<'_>, i: usize| match (i, depth) {
            (0, _) => Ok(()),
            (_, Some(_)) => f.write_str(","),
            (_, None) => f.write_str(", "),
        };
        match node {
            Node::Nothing => f.write_str("null"),
            Node::Flag(flag) => write!(f, "{flag}"),
            Node::Number(n) => write!(f, "{n}"),
            Node::Text(text) => f.write_str(&quoted(text)),
            Node::List(items) if items.is_empty() => f.write_str("[]"),
            Node::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    comma(f, i)?;
                    line(f, deeper)?;
                    write!(f, "{}", Json(item, deeper))?;
                }
                line(f, depth)?;
                f.write_str("]")
            }
            Node::Members(members) => {
                f.write_str("{")?;
                for (i, (name, value)) in members.iter().enumerate() {
                    comma(f, i)?;
                    line(f, deeper)?;
                    write!(f, "{}: {}", quoted(name), Json(value, deeper))?;
                }
                line(f, depth)?;
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Command {
        let of = |name: &str, weight| DesiredWeightAndCapacity {
            variant_name: name.into(),
            desired_weight: Some(weight),
            desired_instance_count: None,
        };
        Command::UpdateEndpointWeightsAndCapacities {
            endpoint_name: "reviews".into(),
            desired_weights_and_capacities: vec![of("VariantA", 0.0), of("VariantB", 100.0)],
        }
    }

    #[test]
    fn boto3_is_what_one_would_type() {
        assert_eq!(
            boto3(&weights()),
            r#"sagemaker.update_endpoint_weights_and_capacities(
    EndpointName="reviews",
    DesiredWeightsAndCapacities=[
        {
            "VariantName": "VariantA",
            "DesiredWeight": 0,
        },
        {
            "VariantName": "VariantB",
            "DesiredWeight": 100,
        },
    ],
)"#
        );
    }

    #[test]
    fn cli_quotes_what_a_shell_would_split() {
        assert_eq!(
            cli(&weights()),
            r#"aws sagemaker update-endpoint-weights-and-capacities \
  --endpoint-name reviews \
  --desired-weights-and-capacities '[{"VariantName": "VariantA", "DesiredWeight": 0}, {"VariantName": "VariantB", "DesiredWeight": 100}]'"#
        );
        assert_eq!(shell_quoted("it's"), r"'it'\''s'");
        assert_eq!(shell_quoted(""), "''");
        let update = Command::UpdateEndpoint {
            endpoint_name: "reviews".into(),
            endpoint_config_name: "only-b".into(),
            retain_all_variant_properties: true,
            exclude_retained_variant_properties: Vec::new(),
            deployment_config: None,
            retain_deployment_config: false,
        };
        assert!(
            cli(&update).ends_with("--endpoint-config-name only-b \\\n  --retain-all-variant-properties")
        );
        assert!(boto3(&update).contains("RetainAllVariantProperties=True,"));
    }

    #[test]
    fn json_reads_back_as_the_same_call() {
        let model = Command::CreateModel {
            model_name: "a \"quoted\" name".into(),
            primary_container: ContainerInput { image: "image:1".into(), model_data_url: "s3://b/k".into() },
        };
        for call in [weights(), model, Command::DeleteModel { model_name: "m".into() }] {
            assert_eq!(parse_json(&call, &json(&call)), Ok(call));
        }
    }

    #[test]
    fn inference_experiments_are_written_with_the_members_of_the_api() {
        use crate::domain::{
            CreateInferenceExperiment, ModelVariantAction, ModelVariantConfig, ScheduleInput,
            ShadowModeConfig, ShadowModelVariantConfig, StopInferenceExperiment,
        };
        let create = Command::CreateInferenceExperiment(Box::new(CreateInferenceExperiment {
            name: "a-against-b".into(),
            r#type: Default::default(),
            schedule: Some(ScheduleInput { start_time: None, end_time: Some(1_780_272_000.0) }),
            description: None,
            role_arn: "arn:aws:iam::123456789012:role/SageMaker".into(),
            endpoint_name: "reviews".into(),
            model_variants: vec![ModelVariantConfig::new("Shadow", "reviews-b", "ml.m5.large", 2)],
            data_storage_config: None,
            shadow_mode_config: ShadowModeConfig {
                source_model_variant_name: "Production".into(),
                shadow_model_variants: vec![ShadowModelVariantConfig {
                    shadow_model_variant_name: "Shadow".into(),
                    sampling_percentage: 50,
                }],
            },
        }));
        let text = boto3(&create);
        assert!(text.starts_with("sagemaker.create_inference_experiment(\n    Name=\"a-against-b\",\n    Type=\"ShadowMode\",\n    Schedule={\n        \"EndTime\": 1780272000,\n    },\n    RoleArn="), "{text}");
        assert!(text.contains("\"InfrastructureType\": \"RealTimeInference\",\n"), "{text}");
        let stop = Command::StopInferenceExperiment(StopInferenceExperiment {
            name: "a-against-b".into(),
            model_variant_actions: [("Shadow".to_owned(), ModelVariantAction::Promote)].into(),
            ..StopInferenceExperiment::default()
        });
        assert_eq!(
            cli(&stop),
            "aws sagemaker stop-inference-experiment \\\n  --name a-against-b \\\n  --model-variant-actions '{\"Shadow\": \"Promote\"}'"
        );
        let list = Command::ListInferenceExperiments(Default::default());
        assert_eq!(boto3(&list), "sagemaker.list_inference_experiments()");
        assert_eq!(cli(&list), "aws sagemaker list-inference-experiments");
        for call in [create, stop, list] {
            assert_eq!(parse_json(&call, &json(&call)), Ok(call));
        }
    }

    #[test]
    fn errors_name_line_and_column() {
        let broken = json(&weights()).replace("100", "\"much\"");
        let error = parse_json(&weights(), &broken).unwrap_err();
        assert_eq!(error.line, 10);
        assert!(error.column > 0 && error.problem.contains("much"), "{error}");
        let unknown = parse_json(&weights(), &json(&weights()).replace("100", "NaN")).unwrap_err();
        assert_eq!((unknown.line, unknown.problem.as_str()), (10, "expected a JSON value, but found `NaN`"));
        let null = parse_json(&weights(), &json(&weights()).replace("\"reviews\"", "null")).unwrap_err();
        assert_eq!((null.line, null.problem.as_str()), (2, "invalid type: null, expected a string"));
        let missing = parse_json(&weights(), "{\n}").unwrap_err();
        assert!(missing.problem.contains("EndpointName") && missing.line == 2, "{missing}");
        let typo =
            parse_json(&Command::DeleteModel { model_name: "m".into() }, r#"{"Model": "m"}"#).unwrap_err();
        assert!(typo.problem.contains("unknown field `Model`"), "{typo}");
    }
}
