//! The scenario file: an endpoint configuration with the API's field names, models, traffic and calls in time.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{Artifact, Command, ProductionVariantInput},
    simulation::{ArrivalProcess, Fault, REAL_STAR_MIX, TrafficSettings},
};

/// Longest time that a scenario may last, seconds: 455 days, for as long as metrics are kept.
pub const MAX_DURATION_S: u64 = 455 * 86_400;
/// Most requests that a scenario may hold.
pub const MAX_REQUESTS: f64 = 1e10;

/// A complete scenario, as an example and for a test.
pub const EXAMPLE: &str = include_str!("../../tests/golden/scenario.json");

/// A whole run: what is deployed, who calls, and what is changed when.
///
/// | field | what it is |
/// |---|---|
/// | `Models` | model name → artefact (`stars-a`, `stars-b`, `stars-c`) |
/// | `EndpointName` | name of the endpoint; `reviews` when absent |
/// | `EndpointConfig` | `EndpointConfigName`, `ProductionVariants` and `ShadowProductionVariants`, as `CreateEndpointConfig` takes them |
/// | `Traffic` | `PerSecond`, `Process` (`Poisson`, `Constant` or `{"DailyCycle": {"night_share": 0.2}}`), `StarMix`, `SoftwareShare`, `Sticky` |
/// | `DurationInSeconds` | virtual seconds of traffic, counted from the moment the endpoint is in service |
/// | `Seed` | seed of every random number; 1 when absent |
/// | `ModelCosts` | artefact → `BaseMicroseconds`, `PerTokenMicroseconds` on one core; the measured table when absent |
/// | `Faults` | `AtSecond` (from in service), `LastsSeconds`, `VariantName` and `Fault`: `"SkewedTokenizer"`, `"WrongContainer"`, or one of `{"SlowModel": {"factor": 3}}`, `{"LatencySpikes": {"probability": 0.01, "extra_ms": 500}}`, `{"ClientErrors": {"share": 0.1}}`, `{"ModelErrors": {"share": 0.1}}`, `{"MemoryLeak": {"mib_per_request": 0.5}}`, `{"ColdStart": {"requests": 100, "extra_ms": 200}}`, `{"LostInstances": {"instances": 1}}` |
/// | `Calls` | `AtSecond` (from in service) and `Call`: an object with `Operation` and the call's members |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Scenario {
    /// Model name to artefact.
    pub models: BTreeMap<String, Artifact>,
    /// Name of the endpoint.
    #[serde(default = "default_endpoint")]
    pub endpoint_name: String,
    /// What is deployed.
    pub endpoint_config: EndpointConfigInput,
    /// Who calls.
    #[serde(default)]
    pub traffic: TrafficInput,
    /// Virtual seconds of traffic.
    pub duration_in_seconds: u64,
    /// Seed of every random number.
    #[serde(default = "one")]
    pub seed: u64,
    /// Cost of artefacts.
    #[serde(default)]
    pub model_costs: BTreeMap<Artifact, CostInput>,
    /// Faults in time.
    #[serde(default)]
    pub faults: Vec<TimedFault>,
    /// Calls in time.
    #[serde(default)]
    pub calls: Vec<TimedCall>,
}

/// The members of `CreateEndpointConfig`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointConfigInput {
    /// Name.
    pub endpoint_config_name: String,
    /// One to ten.
    pub production_variants: Vec<ProductionVariantInput>,
    /// Variants that get copies of the requests: at most one, beside one production variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow_production_variants: Vec<ProductionVariantInput>,
}

/// The traffic of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct TrafficInput {
    /// Requests per virtual second.
    pub per_second: f64,
    /// When they come.
    pub process: ArrivalProcess,
    /// Weights of 1 to 5 stars.
    pub star_mix: [f64; 5],
    /// Share of software reviews, 0 to 1.
    pub software_share: f64,
    /// A user stays with one variant.
    pub sticky: bool,
}

impl Default for TrafficInput {
    fn default() -> Self {
        let t = TrafficSettings::default();
        Self {
            per_second: t.per_second,
            process: t.process,
            star_mix: REAL_STAR_MIX,
            software_share: t.software_share,
            sticky: t.sticky,
        }
    }
}

/// The cost of an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CostInput {
    /// Microseconds for a text without tokens.
    pub base_microseconds: f64,
    /// Microseconds more for each token.
    pub per_token_microseconds: f64,
}

/// A call at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TimedCall {
    /// Virtual seconds after the endpoint came into service.
    pub at_second: u64,
    /// The call.
    pub call: Command,
}

/// A fault at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TimedFault {
    /// Virtual seconds after the endpoint came into service.
    pub at_second: u64,
    /// Virtual seconds for which it lasts.
    pub lasts_seconds: u64,
    /// The variant; it must be in `EndpointConfig`.
    pub variant_name: String,
    /// What goes wrong.
    pub fault: Fault,
}

fn default_endpoint() -> String {
    "reviews".into()
}

fn one() -> u64 {
    1
}

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{path} cannot be read ({why}); check the path")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A value is not what the schema asks for.
    #[error("{file}: at `{path}`: {why}")]
    Value {
        /// The file.
        file: String,
        /// Path of the value in the file, e.g. `EndpointConfig.ProductionVariants[1].InitialVariantWeight`.
        path: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// A number is out of range.
    #[error("at `{path}`: {value} is out of range; the limit is {limit}")]
    Range {
        /// Path of the value.
        path: &'static str,
        /// The value.
        value: f64,
        /// The most that it may be.
        limit: f64,
    },
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`ScenarioError`] with the path of the value in the file.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| ScenarioError::Unreadable { path: file.clone(), why: e.to_string() })?;
        Self::parse(&file, &text)
    }

    /// Reads a scenario's text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ScenarioError`] with the path of the value in the text.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let scenario: Self =
            serde_path_to_error::deserialize(&mut json).map_err(|e| ScenarioError::Value {
                file: file.to_owned(),
                path: e.path().to_string(),
                why: e.inner().to_string(),
            })?;
        let range = |path, value: f64, limit: f64| {
            if value <= limit { Ok(()) } else { Err(ScenarioError::Range { path, value, limit }) }
        };
        range("DurationInSeconds", scenario.duration_in_seconds as f64, MAX_DURATION_S as f64)?;
        let requests = scenario.traffic.per_second * scenario.duration_in_seconds as f64;
        range("Traffic.PerSecond × DurationInSeconds", requests, MAX_REQUESTS)?;
        Ok(scenario)
    }
}
