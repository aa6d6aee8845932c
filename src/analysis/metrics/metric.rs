//! The names, units and statistics of the metrics.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A metric of a variant. Names, units and namespaces are CloudWatch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// Requests sent to the variant.
    Invocations,
    /// Each request counts 1 ÷ instances of the variant.
    InvocationsPerInstance,
    /// Microseconds that the model took to respond, its queue and the local hop included.
    ModelLatency,
    /// Microseconds from the request's arrival to the reply, less the model latency.
    OverheadLatency,
    /// 1 for a request that ended in 4xx, else 0.
    Invocation4XXErrors,
    /// 1 for a request that ended in 5xx, else 0.
    Invocation5XXErrors,
    /// 1 for a request whose model did not answer 2XX in time, else 0.
    InvocationModelErrors,
    /// Percent, summed over the vCPUs of an instance: 0 to 100 × vCPUs.
    CPUUtilization,
    /// Percent of an instance's memory.
    MemoryUtilization,
    /// Percent of an instance's disk.
    DiskUtilization,
    /// Percent, summed over GPUs; none on an instance without.
    GPUUtilization,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Invocations,
        Self::InvocationsPerInstance,
        Self::ModelLatency,
        Self::OverheadLatency,
        Self::Invocation4XXErrors,
        Self::Invocation5XXErrors,
        Self::InvocationModelErrors,
        Self::CPUUtilization,
        Self::MemoryUtilization,
        Self::DiskUtilization,
        Self::GPUUtilization,
    ];

    /// CloudWatch's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invocations => "Invocations",
            Self::InvocationsPerInstance => "InvocationsPerInstance",
            Self::ModelLatency => "ModelLatency",
            Self::OverheadLatency => "OverheadLatency",
            Self::Invocation4XXErrors => "Invocation4XXErrors",
            Self::Invocation5XXErrors => "Invocation5XXErrors",
            Self::InvocationModelErrors => "InvocationModelErrors",
            Self::CPUUtilization => "CPUUtilization",
            Self::MemoryUtilization => "MemoryUtilization",
            Self::DiskUtilization => "DiskUtilization",
            Self::GPUUtilization => "GPUUtilization",
        }
    }

    /// The namespace that it is found in.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::CPUUtilization | Self::MemoryUtilization | Self::DiskUtilization | Self::GPUUtilization => {
                "/aws/sagemaker/Endpoints"
            }
            _ => "AWS/SageMaker",
        }
    }

    /// Its unit, in CloudWatch's words.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ModelLatency | Self::OverheadLatency => "Microseconds",
            Self::CPUUtilization | Self::MemoryUtilization | Self::DiskUtilization | Self::GPUUtilization => {
                "Percent"
            }
            _ => "None",
        }
    }

    /// The statistic that answers the usual question about it.
    pub const fn usual_statistic(self) -> Statistic {
        match self {
            Self::Invocations
            | Self::InvocationsPerInstance
            | Self::Invocation4XXErrors
            | Self::Invocation5XXErrors
            | Self::InvocationModelErrors => Statistic::Sum,
            _ => Statistic::Average,
        }
    }
}

/// How the samples of a period become one number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Statistic {
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The least.
    Minimum,
    /// The greatest.
    Maximum,
    /// How many there are.
    SampleCount,
    /// A percentile, above 0 to 100: `p50`, `p99.9`.
    Percentile(f64),
}

/// A text that names no statistic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` is no statistic; use Sum, Average, Minimum, Maximum, SampleCount or a percentile such as p99.9"
)]
pub struct UnknownStatistic {
    /// The text.
    pub value: String,
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => f.write_str("Sum"),
            Self::Average => f.write_str("Average"),
            Self::Minimum => f.write_str("Minimum"),
            Self::Maximum => f.write_str("Maximum"),
            Self::SampleCount => f.write_str("SampleCount"),
            Self::Percentile(p) => write!(f, "p{p}"),
        }
    }
}

impl FromStr for Statistic {
    type Err = UnknownStatistic;
    fn from_str(text: &str) -> Result<Self, UnknownStatistic> {
        let unknown = || UnknownStatistic { value: text.to_owned() };
        Ok(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            _ => {
                let p: f64 = text.strip_prefix('p').and_then(decimal).ok_or_else(unknown)?;
                if p > 0.0 && p <= 100.0 { Self::Percentile(p) } else { return Err(unknown()) }
            }
        })
    }
}

/// A number such as `99.9`. Up to 15 digits it is the nearest `f64`, as is what `parse` gives for any number, but
/// that needs a table of 10 kB, which the page can do without.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = (0..fraction.len()).fold(1.0, |scale, _| scale * 10.0);
    Some(digits.parse::<u64>().ok()? as f64 / scale)
}

impl TryFrom<String> for Statistic {
    type Error = UnknownStatistic;
    fn try_from(text: String) -> Result<Self, UnknownStatistic> {
        text.parse()
    }
}

impl From<Statistic> for String {
    fn from(statistic: Statistic) -> Self {
        statistic.to_string()
    }
}

/// One number of a series: the period's start and the statistic of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Datapoint {
    /// Start of the period, virtual seconds, a multiple of the period.
    pub start_s: u64,
    /// The statistic, in the metric's unit.
    pub value: f64,
}
