//! CloudWatch's reading calls over the metrics of the variants that serve here.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::{app::App, clock, refusal::Refusal};
use crate::{
    analysis::metrics::{MAX_DATAPOINTS, Metric, SeriesQuery, Statistic},
    domain::{EndpointName, LAB_BEGAN_UNIX_S, VariantName},
};

/// Most queries of one `GetMetricData`.
const MAX_QUERIES: usize = 500;

fn refuse(code: &'static str, words: impl Into<String>) -> Refusal {
    Refusal::new(400, code, words)
}

/// Answers a reading call; none for an operation that is not one of them.
pub fn read(app: &App, operation: &str, members: &Map<String, Value>) -> Option<Result<Value, Refusal>> {
    match operation {
        "GetMetricStatistics" => Some(statistics(app, members)),
        "GetMetricData" => Some(data(app, members)),
        "ListMetrics" => Some(Ok(list(app, members))),
        _ => None,
    }
}

/// What a query is about.
struct Asked {
    metric: Metric,
    endpoint: EndpointName,
    variant: VariantName,
}

/// Metric and variant; none for what nobody counts, which is no error.
fn asked(metric: &Value) -> Option<Asked> {
    let named = metric.get("MetricName").and_then(Value::as_str)?;
    let found = Metric::ALL.into_iter().find(|m| m.name() == named)?;
    if metric.get("Namespace").and_then(Value::as_str)? != found.namespace() {
        return None;
    }
    let dimensions = metric.get("Dimensions").and_then(Value::as_array)?;
    let of = |name: &str| {
        let found = dimensions.iter().find(|d| d.get("Name").and_then(Value::as_str) == Some(name))?;
        found.get("Value").and_then(Value::as_str)
    };
    // Each combination of dimensions is a metric of its own; those of a configuration alone are not kept apart here.
    if dimensions.len() != 2 {
        return None;
    }
    let endpoint = EndpointName::new(of("EndpointName")?).ok()?;
    Some(Asked { metric: found, endpoint, variant: VariantName::new(of("VariantName")?).ok()? })
}

/// Start and end, virtual seconds.
fn range(members: &Map<String, Value>) -> Result<(u64, u64), Refusal> {
    let second = |name: &str| -> Result<f64, Refusal> {
        let given = members.get(name).and_then(Value::as_f64).filter(|t| t.is_finite());
        let given = given.ok_or_else(|| {
            refuse("MissingParameter", format!("The parameter {name} is required, in seconds since 1970."))
        })?;
        // What lies before the lab has no datapoint.
        Ok(given.max(LAB_BEGAN_UNIX_S as f64) - LAB_BEGAN_UNIX_S as f64)
    };
    let (start, end) = (second("StartTime")?, second("EndTime")?);
    if start >= end {
        let words = "The parameter StartTime must be less than the parameter EndTime.";
        return Err(refuse("InvalidParameterValueException", words));
    }
    Ok((start as u64, end.ceil() as u64))
}

fn period(given: Option<&Value>) -> Result<u64, Refusal> {
    let period = given.and_then(Value::as_u64).unwrap_or(0);
    if period == 0 || !period.is_multiple_of(60) {
        let words = format!("The parameter Period must be a multiple of 60 here, but is {period}.");
        return Err(refuse("InvalidParameterValueException", words));
    }
    Ok(period)
}

fn points(start: u64, end: u64, period: u64) -> Result<(), Refusal> {
    let points = (end - start).div_ceil(period);
    if points > MAX_DATAPOINTS {
        let words = format!(
            "You have requested up to {points} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        );
        return Err(refuse("InvalidParameterCombinationException", words));
    }
    Ok(())
}

/// The datapoints of one statistic: Unix seconds and values, oldest first. The minute that runs is left out.
fn series(
    app: &App,
    asked: &Asked,
    statistic: Statistic,
    (start_s, end_s, period_s): (u64, u64, u64),
) -> Vec<(u64, f64)> {
    let now = clock::now();
    let query = SeriesQuery { metric: asked.metric, statistic, period_s, start_s, end_s };
    let found = app.ledger.metrics(now, |m| m.series(&asked.endpoint, &asked.variant, &query, now));
    let unix = |s: u64| LAB_BEGAN_UNIX_S + s;
    found.map(|points| points.iter().map(|p| (unix(p.start_s), p.value)).collect()).unwrap_or_default()
}

fn statistics(app: &App, members: &Map<String, Value>) -> Result<Value, Refusal> {
    let (start, end) = range(members)?;
    let period = period(members.get("Period"))?;
    points(start, end, period)?;
    let listed = |name: &str| members.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (plain, extended) = (listed("Statistics"), listed("ExtendedStatistics"));
    if plain.is_empty() == extended.is_empty() {
        let words = "Either Statistics or ExtendedStatistics must be given, not both.";
        return Err(refuse("InvalidParameterCombinationException", words));
    }
    let label = members.get("MetricName").cloned().unwrap_or_default();
    let Some(asked) = asked(&Value::Object(members.clone())) else {
        return Ok(json!({"Label": label, "Datapoints": []}));
    };
    let mut by_time: std::collections::BTreeMap<u64, Value> = std::collections::BTreeMap::new();
    for name in plain.iter().chain(&extended) {
        let name = name.as_str().unwrap_or_default();
        let statistic: Statistic =
            name.parse().map_err(|e| refuse("InvalidParameterValueException", format!("{e}")))?;
        for (at, value) in series(app, &asked, statistic, (start, end, period)) {
            let point =
                by_time.entry(at).or_insert_with(|| json!({"Timestamp": at, "Unit": asked.metric.unit()}));
            if extended.is_empty() {
                point[name] = json!(value);
            } else {
                point["ExtendedStatistics"][name] = json!(value);
            }
        }
    }
    Ok(json!({"Label": label, "Datapoints": by_time.into_values().collect::<Vec<_>>()}))
}

fn data(app: &App, members: &Map<String, Value>) -> Result<Value, Refusal> {
    let (start, end) = range(members)?;
    let queries = members.get("MetricDataQueries").and_then(Value::as_array).cloned().unwrap_or_default();
    if queries.is_empty() || queries.len() > MAX_QUERIES {
        let words =
            format!("MetricDataQueries must have 1 to {MAX_QUERIES} members, but has {}.", queries.len());
        return Err(refuse("InvalidParameterValueException", words));
    }
    let descending = members.get("ScanBy").and_then(Value::as_str) != Some("TimestampAscending");
    // Right after a start with a long history.
    let unread = app.history.as_ref().is_some_and(|h| h.unread.load(Ordering::Acquire) > 0);
    let status = if unread { "PartialData" } else { "Complete" };
    let mut results = Vec::new();
    for query in &queries {
        let id = query.get("Id").and_then(Value::as_str).unwrap_or_default();
        let Some(stat) = query.get("MetricStat") else {
            let words = format!("The query '{id}' has an Expression; only MetricStat is answered here.");
            return Err(refuse("InvalidParameterValueException", words));
        };
        let period = period(stat.get("Period"))?;
        points(start, end, period)?;
        let name = stat.get("Stat").and_then(Value::as_str).unwrap_or_default();
        let statistic: Statistic =
            name.parse().map_err(|e| refuse("InvalidParameterValueException", format!("{e}")))?;
        let metric = stat.get("Metric").cloned().unwrap_or_default();
        let found = asked(&metric).map(|a| series(app, &a, statistic, (start, end, period)));
        let mut found = found.unwrap_or_default();
        if descending {
            found.reverse();
        }
        let (times, values): (Vec<u64>, Vec<f64>) = found.into_iter().unzip();
        let label = query.get("Label").or_else(|| metric.get("MetricName")).cloned().unwrap_or_default();
        let said = json!({
            "Id": id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": status,
        });
        results.push(said);
    }
    Ok(json!({"MetricDataResults": results, "Messages": []}))
}

fn list(app: &App, members: &Map<String, Value>) -> Value {
    let state = app.control.state();
    let is = |name: &str, own: &str| members.get(name).and_then(Value::as_str).is_none_or(|v| v == own);
    let mut metrics = Vec::new();
    for endpoint in state.plane.endpoints() {
        for variant in endpoint.deployment.all() {
            for metric in Metric::ALL {
                if is("Namespace", metric.namespace()) && is("MetricName", metric.name()) {
                    metrics.push(json!({
                        "Namespace": metric.namespace(),
                        "MetricName": metric.name(),
                        "Dimensions": [
                            {"Name": "EndpointName", "Value": endpoint.name},
                            {"Name": "VariantName", "Value": variant.name},
                        ],
                    }));
                }
            }
        }
    }
    metrics.truncate(MAX_QUERIES);
    json!({"Metrics": metrics})
}
