//! Alarms: datapoints in, a state out.

use serde::{Deserialize, Serialize};

use super::metrics::{Metric, MetricStore, Statistic, WATCHED_MINUTES, Watch};
use crate::domain::{
    AlarmName, AlarmState, ComparisonOperator, ConfigError, EndpointConfigName, EndpointName,
    MetricAlarmInput, TreatMissingData, VariantName, VirtualTime,
};

/// Name of a variant that stands for all production variants of an endpoint together, as in the service's samples.
/// (That it adds up several variants is a lab rule; an endpoint may also have a variant of that name.)
pub const ALL_TRAFFIC: &str = "AllTraffic";
/// Periods beyond the evaluation periods that are looked at when some have no data: the service's examples look at
/// five for three.
pub const EXTRA_PERIODS: u64 = 2;

/// An alarm that is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRule {
    /// Name.
    pub name: AlarmName,
    /// Metric.
    pub metric: Metric,
    /// How the samples of a period become one datapoint.
    pub statistic: Statistic,
    /// Endpoint.
    pub endpoint: EndpointName,
    /// Variant; all production variants when absent.
    pub variant: Option<VariantName>,
    /// Only fleets of this configuration, e.g. the new ones of a rollout.
    pub config: Option<EndpointConfigName>,
    /// Minutes of a datapoint.
    pub period_minutes: u64,
    /// N: datapoints that are looked at.
    pub evaluation_periods: u64,
    /// M: of these, datapoints that must breach.
    pub datapoints_to_alarm: u64,
    /// What they are held against, in the metric's unit.
    pub threshold: f64,
    /// How.
    pub comparison: ComparisonOperator,
    /// What a period without data counts as.
    pub missing: TreatMissingData,
}

fn member(value: impl ToString, path: &str, constraint: impl ToString) -> ConfigError {
    ConfigError::Member { value: value.to_string(), path: path.into(), constraint: constraint.to_string() }
}

impl AlarmRule {
    /// Checks an alarm as a caller wrote it.
    ///
    /// # Errors
    /// [`ConfigError`] with value, path and limit: a blank name, a metric or namespace that the lab does not have,
    /// both statistics or none, a period that is no multiple of 60 s, no evaluation period, more datapoints to alarm
    /// than evaluation periods, a threshold that is no number, a dimension that is missing, repeated or unknown, or a
    /// look back over more than [`WATCHED_MINUTES`] (a lab rule).
    ///
    /// # Source
    /// CloudWatch API reference, `PutMetricAlarm`.
    pub fn check(input: &MetricAlarmInput) -> Result<Self, ConfigError> {
        let name =
            AlarmName::new(&input.alarm_name).map_err(|e| member(&input.alarm_name, "alarmName", e))?;
        let metric = Metric::ALL.into_iter().find(|m| m.name() == input.metric_name);
        let metric = metric.ok_or_else(|| {
            let known = Metric::ALL.map(Metric::name).join(", ");
            member(&input.metric_name, "metricName", format!("the lab's endpoints send only {known}"))
        })?;
        if input.namespace != metric.namespace() {
            let expected = format!("{} is found in namespace {}", metric.name(), metric.namespace());
            return Err(member(&input.namespace, "namespace", expected));
        }
        let statistic = match (&input.statistic, &input.extended_statistic) {
            (Some(text), None) => match text.parse() {
                Ok(Statistic::Percentile(_)) | Err(_) => {
                    let set =
                        "Member must satisfy enum value set: [Sum, Average, Minimum, Maximum, SampleCount]";
                    return Err(member(text, "statistic", set));
                }
                Ok(statistic) => statistic,
            },
            (None, Some(text)) => match text.parse() {
                Ok(statistic @ Statistic::Percentile(_)) => statistic,
                _ => return Err(member(text, "extendedStatistic", "use a percentile such as p99.9")),
            },
            (Some(text), Some(_)) => {
                let one = "specify either Statistic or ExtendedStatistic, but not both";
                return Err(member(text, "statistic", one));
            }
            (None, None) => {
                return Err(member("null", "statistic", "specify either Statistic or ExtendedStatistic"));
            }
        };
        let least_one = |value: i64, path: &str| {
            let most = i64::from(u32::MAX);
            let sound = u64::try_from(value).ok().filter(|v| *v >= 1 && value <= most);
            sound.ok_or_else(|| member(value, path, format!("Member must have value between 1 and {most}")))
        };
        let period_minutes = match u64::try_from(input.period) {
            Ok(s) if s >= 60 && s.is_multiple_of(60) => s / 60,
            _ => {
                let constraint =
                    "Member must be a multiple of 60 (the lab's metrics have one datapoint a minute)";
                return Err(member(input.period, "period", constraint));
            }
        };
        let evaluation_periods = least_one(input.evaluation_periods, "evaluationPeriods")?;
        let m = input.datapoints_to_alarm.unwrap_or(input.evaluation_periods);
        let datapoints_to_alarm = least_one(m, "datapointsToAlarm")?;
        if datapoints_to_alarm > evaluation_periods {
            let limit = format!(
                "Member must have value less than or equal to evaluationPeriods, which is {evaluation_periods}"
            );
            return Err(member(m, "datapointsToAlarm", limit));
        }
        let back = evaluation_periods.saturating_add(EXTRA_PERIODS).saturating_mul(period_minutes);
        if back > WATCHED_MINUTES {
            let constraint = format!(
                "period × (evaluationPeriods + {EXTRA_PERIODS}) must be at most {} seconds: the lab keeps what alarms read for {} hours",
                WATCHED_MINUTES * 60,
                WATCHED_MINUTES / 60
            );
            return Err(member(input.evaluation_periods, "evaluationPeriods", constraint));
        }
        if !input.threshold.is_finite() {
            return Err(member(input.threshold, "threshold", "Member must be a finite number"));
        }
        let (endpoint, variant, config) = dimensions(input)?;
        Ok(Self {
            name,
            metric,
            statistic,
            endpoint,
            variant,
            config,
            period_minutes,
            evaluation_periods,
            datapoints_to_alarm,
            threshold: input.threshold,
            comparison: input.comparison_operator,
            missing: input.treat_missing_data.unwrap_or_default(),
        })
    }

    /// The datapoints that are looked at, oldest first; those that are not published at `now` are none yet.
    pub fn datapoints(&self, metrics: &MetricStore, now: VirtualTime) -> Vec<Option<f64>> {
        let watch =
            Watch { endpoint: &self.endpoint, variant: self.variant.as_ref(), config: self.config.as_ref() };
        let end = metrics.published_until(now).minute();
        let count = self.evaluation_periods + EXTRA_PERIODS;
        metrics.windows(&watch, self.metric, self.statistic, self.period_minutes, count, end)
    }

    /// Why this alarm can never ring, whatever happens; none when it can.
    ///
    /// ```
    /// use rollout_lab::analysis::alarm::AlarmRule;
    /// let alarm: rollout_lab::domain::MetricAlarmInput = serde_json::from_str(r#"{
    ///     "AlarmName": "errors", "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors",
    ///     "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "AllTraffic"}],
    ///     "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1,
    ///     "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}"#)?;
    /// assert!(AlarmRule::check(&alarm)?.never_rings().unwrap().contains("0 to 1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn never_rings(&self) -> Option<String> {
        if self.missing == TreatMissingData::Breaching {
            return None;
        }
        let least = 0.0;
        let most = self.largest();
        let t = self.threshold;
        let never = match self.comparison {
            ComparisonOperator::GreaterThanThreshold => most.is_some_and(|m| m <= t),
            ComparisonOperator::GreaterThanOrEqualToThreshold => most.is_some_and(|m| m < t),
            ComparisonOperator::LessThanThreshold => least >= t,
            ComparisonOperator::LessThanOrEqualToThreshold => least > t,
        };
        let range = most.map_or("at least 0".to_owned(), |m| format!("0 to {m}"));
        never.then(|| {
            format!(
                "the {} of {} is {range}, so it is never {} {t}",
                self.statistic,
                self.metric.name(),
                self.comparison.sign()
            )
        })
    }

    /// The most that a datapoint can be; none without a bound.
    fn largest(&self) -> Option<f64> {
        let one_sample = match self.metric {
            Metric::Invocations
            | Metric::InvocationsPerInstance
            | Metric::Invocation4XXErrors
            | Metric::Invocation5XXErrors
            | Metric::InvocationModelErrors => 1.0,
            Metric::MemoryUtilization | Metric::DiskUtilization => 100.0,
            _ => return None,
        };
        match self.statistic {
            Statistic::Sum | Statistic::SampleCount => None,
            _ => Some(one_sample),
        }
    }
}

type Watched = (EndpointName, Option<VariantName>, Option<EndpointConfigName>);

fn dimensions(input: &MetricAlarmInput) -> Result<Watched, ConfigError> {
    let (mut endpoint, mut variant, mut config) = (None, None, None);
    for (i, d) in input.dimensions.iter().enumerate() {
        let at = |field: &str| format!("dimensions.{}.member.{field}", i + 1);
        if input.dimensions[..i].iter().any(|e| e.name == d.name) {
            return Err(member(&d.name, &at("name"), "Member must be unique"));
        }
        let bad = |e| member(&d.value, &at("value"), e);
        match d.name.as_str() {
            "EndpointName" => endpoint = Some(EndpointName::new(&d.value).map_err(bad)?),
            "VariantName" => variant = Some(VariantName::new(&d.value).map_err(bad)?),
            "EndpointConfigName" => config = Some(EndpointConfigName::new(&d.value).map_err(bad)?),
            _ => {
                let set =
                    "Member must satisfy enum value set: [EndpointName, VariantName, EndpointConfigName]";
                return Err(member(&d.name, &at("name"), set));
            }
        }
    }
    let missing = |name: &str| member("null", "dimensions", format!("the dimension {name} is missing"));
    let endpoint = endpoint.ok_or_else(|| missing("EndpointName"))?;
    let variant = variant.ok_or_else(|| missing("VariantName"))?;
    Ok((endpoint, Some(variant).filter(|v| v.as_str() != ALL_TRAFFIC), config))
}

/// What an alarm makes of its datapoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The state.
    pub state: AlarmState,
    /// Why, in words.
    pub reason: String,
}

/// The state of an alarm after these datapoints.
///
/// # Shapes and units
/// `datapoints`: one per period, oldest first, [`EXTRA_PERIODS`] more than the evaluation periods; none where there
/// is no data. `now`: the state until now.
///
/// # Formula
/// With N real datapoints or more, the newest N are held against the threshold: M breaching ones ring. With fewer,
/// the missing ones of N are filled in as they are to be treated, and every real one counts. Where they are not
/// filled in (`missing`, `ignore`) and every real one breaches, the alarm rings as soon as the oldest is M periods
/// old; with `ignore`, and fewer than M breaching ones, the state stays.
///
/// What no published example decides (`missing`, fewer than M breaching ones and nothing else, the oldest younger than
/// M periods) is OK here, a lab rule: the examples only say that it does not ring yet.
///
/// # Source
/// CloudWatch User Guide, "How alarm state is evaluated when data is missing" and "Avoiding premature transitions to
/// alarm state"; its two tables are tests.
pub fn evaluate(rule: &AlarmRule, datapoints: &[Option<f64>], now: AlarmState) -> Evaluation {
    let n = rule.evaluation_periods as usize;
    let m = rule.datapoints_to_alarm as usize;
    let breaches = |v: f64| rule.comparison.breaches(v, rule.threshold);
    // Newest first: how many periods ago, 1 for the newest, and whether it breaches.
    let real: Vec<(usize, f64)> =
        datapoints.iter().rev().zip(1..).filter_map(|(v, age)| v.map(|v| (age, v))).collect();
    let looked_at = &real[..real.len().min(n)];
    let filled = n - looked_at.len();
    let breaching = looked_at.iter().filter(|(_, v)| breaches(*v)).count();
    let all_breach = !real.is_empty() && breaching == looked_at.len();
    let oldest = real.last().map_or(0, |(age, _)| *age);
    let state = match rule.missing {
        _ if breaching >= m => {
            // Real data enough to ring, unless missing ones are good and had to be filled in: they change nothing.
            AlarmState::Alarm
        }
        _ if filled == 0 => AlarmState::Ok,
        TreatMissingData::Breaching if breaching + filled >= m => AlarmState::Alarm,
        TreatMissingData::Breaching | TreatMissingData::NotBreaching => AlarmState::Ok,
        TreatMissingData::Missing if real.is_empty() => AlarmState::InsufficientData,
        TreatMissingData::Missing if all_breach && oldest >= m => AlarmState::Alarm,
        TreatMissingData::Missing => AlarmState::Ok,
        TreatMissingData::Ignore if real.is_empty() || all_breach => now,
        TreatMissingData::Ignore => AlarmState::Ok,
    };
    Evaluation { state, reason: reason(rule, looked_at, breaching, filled) }
}

fn reason(rule: &AlarmRule, looked_at: &[(usize, f64)], breaching: usize, filled: usize) -> String {
    let (n, m) = (rule.evaluation_periods, rule.datapoints_to_alarm);
    let shown: Vec<String> =
        looked_at.iter().take(5).map(|(_, v)| format!("{}", (v * 1e4).round() / 1e4)).collect();
    let values = if shown.is_empty() { String::new() } else { format!(" [{}]", shown.join(", ")) };
    let missing = match filled {
        0 => String::new(),
        1 => " 1 datapoint is missing.".to_owned(),
        _ => format!(" {filled} datapoints are missing."),
    };
    format!(
        "{breaching} of the last {n} datapoint(s){values} of {} {} {} {}; {m} must be.{missing}",
        rule.metric.name(),
        rule.statistic,
        rule.comparison.sign(),
        rule.threshold
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Dimension;

    fn input() -> MetricAlarmInput {
        MetricAlarmInput {
            alarm_name: "errors".into(),
            namespace: "AWS/SageMaker".into(),
            metric_name: "Invocation5XXErrors".into(),
            dimensions: vec![
                Dimension::new("EndpointName", "reviews"),
                Dimension::new("VariantName", "AllTraffic"),
            ],
            statistic: Some("Average".into()),
            extended_statistic: None,
            period: 300,
            evaluation_periods: 3,
            datapoints_to_alarm: None,
            threshold: 0.5,
            comparison_operator: ComparisonOperator::GreaterThanThreshold,
            treat_missing_data: None,
        }
    }

    /// `0` is good, `X` is bad, `-` is missing; the newest on the right, as in the guide.
    fn state(text: &str, m: i64, missing: TreatMissingData, now: AlarmState) -> AlarmState {
        let rule = AlarmRule::check(&MetricAlarmInput {
            datapoints_to_alarm: Some(m),
            treat_missing_data: Some(missing),
            ..input()
        })
        .unwrap();
        let points: Vec<Option<f64>> = text
            .split(' ')
            .map(|c| match c {
                "0" => Some(0.0),
                "X" => Some(1.0),
                _ => None,
            })
            .collect();
        assert_eq!(points.len() as u64, rule.evaluation_periods + EXTRA_PERIODS);
        evaluate(&rule, &points, now).state
    }

    use AlarmState::{Alarm, InsufficientData, Ok};

    /// In the columns missing, ignore, breaching, notBreaching; none: the state stays.
    fn table(m: i64, rows: &[(&str, [Option<AlarmState>; 4])]) {
        let treatments = [
            TreatMissingData::Missing,
            TreatMissingData::Ignore,
            TreatMissingData::Breaching,
            TreatMissingData::NotBreaching,
        ];
        for (points, expected) in rows {
            for (missing, expected) in treatments.into_iter().zip(expected) {
                for now in [Ok, Alarm, InsufficientData] {
                    let seen = state(points, m, missing, now);
                    assert_eq!(seen, expected.unwrap_or(now), "{points}, {m} of 3, {missing:?}, was {now}");
                }
            }
        }
    }

    #[test]
    fn the_guides_table_for_3_of_3() {
        let all = |s| [Some(s); 4];
        table(
            3,
            &[
                ("0 - X - X", all(Ok)),
                ("0 - - - -", all(Ok)),
                ("- - - - -", [Some(InsufficientData), None, Some(Alarm), Some(Ok)]),
                ("0 X X - X", all(Alarm)),
                ("- - X - -", [Some(Alarm), None, Some(Alarm), Some(Ok)]),
            ],
        );
    }

    #[test]
    fn the_guides_table_for_2_of_3() {
        let all = |s| [Some(s); 4];
        table(
            2,
            &[
                ("0 - X - X", all(Alarm)),
                ("0 0 X 0 X", all(Alarm)),
                ("0 - X - -", [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
                ("- - - - 0", [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
                ("- - - X -", [Some(Alarm), None, Some(Alarm), Some(Ok)]),
            ],
        );
    }

    #[test]
    fn an_alarm_does_not_ring_prematurely() {
        // The guide: neither goes to ALARM at once, since the next datapoint may be good …
        for points in ["- - - - X", "- - - X -"] {
            assert_eq!(state(points, 3, TreatMissingData::Missing, Ok), Ok, "{points}");
        }
        // … as here.
        for points in ["- - - X 0", "- - X - 0"] {
            assert_eq!(state(points, 3, TreatMissingData::Missing, Ok), Ok, "{points}");
        }
        assert_eq!(state("- X - - -", 3, TreatMissingData::Missing, Ok), Alarm);
    }

    #[test]
    fn the_oldest_datapoints_are_not_needed_when_the_newest_are_there() {
        assert_eq!(state("X X 0 0 0", 2, TreatMissingData::Missing, Alarm), Ok);
        assert_eq!(state("0 0 X X X", 3, TreatMissingData::Ignore, Ok), Alarm);
    }

    #[test]
    fn each_member_is_checked_and_named() {
        let said = |change: &dyn Fn(&mut MetricAlarmInput)| {
            let mut changed = input();
            change(&mut changed);
            AlarmRule::check(&changed).unwrap_err().to_string()
        };
        for (text, words) in [
            (said(&|i| i.alarm_name = " ".into()), "'alarmName'"),
            (said(&|i| i.metric_name = "Errors".into()), "'Errors' at 'metricName'"),
            (said(&|i| i.namespace = "AWS/EC2".into()), "AWS/SageMaker"),
            (said(&|i| i.statistic = Some("p99".into())), "'p99' at 'statistic'"),
            (said(&|i| i.statistic = None), "either Statistic or ExtendedStatistic"),
            (said(&|i| i.extended_statistic = Some("p99".into())), "not both"),
            (said(&|i| i.period = 90), "'90' at 'period'"),
            (said(&|i| i.period = 0), "'0' at 'period'"),
            (said(&|i| i.evaluation_periods = 0), "'0' at 'evaluationPeriods'"),
            (said(&|i| i.datapoints_to_alarm = Some(0)), "'0' at 'datapointsToAlarm'"),
            (said(&|i| i.datapoints_to_alarm = Some(4)), "'4' at 'datapointsToAlarm'"),
            (said(&|i| i.evaluation_periods = 71), "6 hours"),
            (said(&|i| i.threshold = f64::NAN), "'NaN' at 'threshold'"),
            (said(&|i| i.dimensions.truncate(1)), "VariantName is missing"),
            (said(&|i| i.dimensions[1].name = "EndpointName".into()), "must be unique"),
            (said(&|i| i.dimensions[1].name = "Variant".into()), "'dimensions.2.member.name'"),
            (said(&|i| i.dimensions[0].value = "a_b".into()), "'dimensions.1.member.value'"),
        ] {
            assert!(text.contains(words), "{text}: {words}");
        }
    }

    #[test]
    fn an_alarm_that_can_never_ring_says_so() {
        let never = |threshold, comparison_operator, statistic: &str| {
            let statistic = Some(statistic.into());
            let rule =
                AlarmRule::check(&MetricAlarmInput { threshold, comparison_operator, statistic, ..input() });
            rule.unwrap().never_rings()
        };
        use ComparisonOperator::*;
        // The service's own sample.
        let said = never(1.0, GreaterThanThreshold, "Average").unwrap();
        assert!(said.contains("Average of Invocation5XXErrors is 0 to 1"), "{said}");
        assert_eq!(never(1.0, GreaterThanOrEqualToThreshold, "Average"), None);
        assert_eq!(never(1.0, GreaterThanThreshold, "Sum"), None);
        assert!(never(0.0, LessThanThreshold, "Sum").is_some());
        assert_eq!(never(0.01, GreaterThanThreshold, "Average"), None);
    }
}
