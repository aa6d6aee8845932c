//! Alarms as a caller writes them: the members of `PutMetricAlarm`.

use serde::{Deserialize, Serialize};

/// A name and a value that pick a metric's series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Dimension {
    /// `EndpointName`, `VariantName` or `EndpointConfigName`.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Dimension {
    /// A pair.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// How a datapoint is held against the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ComparisonOperator {
    /// `>`
    #[default]
    GreaterThanThreshold,
    /// `≥`
    GreaterThanOrEqualToThreshold,
    /// `<`
    LessThanThreshold,
    /// `≤`
    LessThanOrEqualToThreshold,
}

impl ComparisonOperator {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::GreaterThanThreshold,
        Self::GreaterThanOrEqualToThreshold,
        Self::LessThanThreshold,
        Self::LessThanOrEqualToThreshold,
    ];

    /// Whether `value` breaches `threshold`.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanThreshold => value > threshold,
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }

    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::GreaterThanThreshold => ">",
            Self::GreaterThanOrEqualToThreshold => "≥",
            Self::LessThanThreshold => "<",
            Self::LessThanOrEqualToThreshold => "≤",
        }
    }

    /// The service's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GreaterThanThreshold => "GreaterThanThreshold",
            Self::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            Self::LessThanThreshold => "LessThanThreshold",
            Self::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
        }
    }
}

/// What a period without data counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TreatMissingData {
    /// As bad.
    Breaching,
    /// As good.
    NotBreaching,
    /// The alarm stays as it is.
    Ignore,
    /// As nothing; an alarm with nothing else has too little data.
    #[default]
    Missing,
}

impl TreatMissingData {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Missing, Self::NotBreaching, Self::Breaching, Self::Ignore];

    /// The service's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
            Self::Ignore => "ignore",
            Self::Missing => "missing",
        }
    }
}

/// State of an alarm; the words are the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlarmState {
    /// Within the threshold.
    #[serde(rename = "OK")]
    Ok,
    /// Outside it.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Just made, or nothing to judge by.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl std::fmt::Display for AlarmState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

/// The members of `PutMetricAlarm`, before anything about them was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MetricAlarmInput {
    /// Name, 1 to 255 characters. An alarm of that name is replaced.
    pub alarm_name: String,
    /// `AWS/SageMaker`, or `/aws/sagemaker/Endpoints` for utilisation.
    pub namespace: String,
    /// Metric.
    pub metric_name: String,
    /// What it watches.
    pub dimensions: Vec<Dimension>,
    /// `Sum`, `Average`, `Minimum`, `Maximum` or `SampleCount`; or else an extended statistic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// A percentile, e.g. `p99`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    /// Seconds of a datapoint, a multiple of 60.
    pub period: i64,
    /// N: datapoints that are looked at.
    pub evaluation_periods: i64,
    /// M: of these, datapoints that must breach; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints_to_alarm: Option<i64>,
    /// What they are held against.
    pub threshold: f64,
    /// How.
    pub comparison_operator: ComparisonOperator,
    /// What a period without data counts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treat_missing_data: Option<TreatMissingData>,
}
