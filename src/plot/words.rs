//! What a plot says to those who do not see it, and as a file.

use std::fmt::Write;

use super::{Figure, Quantity, clock, union_of_starts, value_at};
use crate::analysis::metrics::{Metric, Statistic};

/// The plot in a sentence: e.g. `ModelLatency Average, 00:00 to 00:42: VariantA 2.10 to 3.40 ms, last 2.30 ms`.
pub fn describe(metric: Metric, statistic: Statistic, figure: &Figure) -> String {
    let mut text = format!(
        "{} {statistic}, {} to {}: ",
        metric.name(),
        clock(figure.start_s, figure.days),
        clock(figure.end_s, figure.days)
    );
    if figure.lines.is_empty() {
        text.push_str("no variant is shown");
    }
    for (i, line) in figure.lines.iter().enumerate() {
        let on_axis = line.datapoints.iter().filter(|p| (figure.start_s..=figure.end_s).contains(&p.start_s));
        let values: Vec<f64> = on_axis.map(|p| p.value).collect();
        let join = if i > 0 { "; " } else { "" };
        let least = values.iter().copied().reduce(f64::min);
        let most = values.iter().copied().reduce(f64::max);
        let q = figure.quantity;
        let said = match (least, most, values.last()) {
            (Some(least), Some(most), Some(last)) if least < most => {
                format!("{} to {}, last {}", q.number(least), q.text(most), q.text(*last))
            }
            (_, _, Some(last)) => format!("{} throughout", q.text(*last)),
            _ => "no datapoints".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{join}{} {said}", line.name);
    }
    let mut shown =
        figure.annotations.iter().filter(|a| (figure.start_s..=figure.end_s).contains(&a.at_s)).peekable();
    if shown.peek().is_some() {
        let changes: Vec<String> =
            shown.map(|a| format!("{} {}", clock(a.at_s, figure.days), a.label)).collect();
        let _ = write!(text, ". Changes: {}", changes.join("; "));
    }
    text.push('.');
    text
}

/// The plot as a table in CSV: a row per period, a column per variant, numbers in the unit that CloudWatch stores.
pub fn csv(metric: Metric, statistic: Statistic, figure: &Figure) -> String {
    let unit = if statistic == Statistic::SampleCount { "Count" } else { metric.unit() };
    let mut text = "period_start,period_start_s".to_owned();
    for line in &figure.lines {
        let _ = write!(text, ",{}", quoted(&format!("{} {} {statistic} ({unit})", line.name, metric.name())));
    }
    text.push_str("\r\n");
    for start in union_of_starts(figure) {
        let _ = write!(text, "{},{start}", clock(start, figure.days));
        for line in &figure.lines {
            text.push(',');
            if let Some(value) = value_at(&line.datapoints, start) {
                let _ = write!(text, "{value}");
            }
        }
        text.push_str("\r\n");
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Why a statistic of a metric misleads, where it does.
pub fn caution(metric: Metric, statistic: Statistic) -> Option<&'static str> {
    use Statistic::{Average, SampleCount, Sum};
    let quantity = Quantity::of(metric, statistic);
    match (metric, statistic) {
        (Metric::ModelLatency | Metric::OverheadLatency, Sum) => Some(
            "A sum grows with traffic: the busier variant looks slower. Compare averages or percentiles.",
        ),
        (_, Sum) if quantity != Quantity::Count => {
            Some("A sum of percentages grows with instances and samples. Compare averages or maxima.")
        }
        (Metric::Invocations, Average) => {
            Some("Each invocation counts as 1, so the average is always 1. Take the sum.")
        }
        (_, SampleCount) if metric != Metric::Invocations => {
            Some("This counts the samples and says nothing about their size.")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        analysis::metrics::Datapoint,
        plot::{Annotation, Days, Ink, Line, Look, Marker},
    };

    fn figure() -> Figure {
        let line = |name: &str, values: &[(u64, f64)]| Line {
            name: name.to_owned(),
            look: Look { ink: Ink::opaque(0, 0, 0), marker: Marker::Circle, dash: vec![] },
            datapoints: values.iter().map(|&(start_s, value)| Datapoint { start_s, value }).collect(),
        };
        Figure {
            quantity: Quantity::Milliseconds,
            start_s: 0,
            end_s: 2_520,
            period_s: 60,
            published_until_s: 2_460,
            lines: vec![
                line("VariantA", &[(0, 2_100.0), (60, 3_400.0), (120, 2_300.0)]),
                line("VariantB", &[(60, 4_000.0)]),
                line("VariantC", &[]),
            ],
            annotations: vec![Annotation { at_s: 60, label: "weights 0 : 100".to_owned() }],
            days: Days::Counted,
        }
    }

    #[test]
    fn the_sentence_names_range_and_last_value() {
        assert_eq!(
            describe(Metric::ModelLatency, Statistic::Average, &figure()),
            "ModelLatency Average, 00:00 to 00:42: VariantA 2.10 to 3.40 ms, last 2.30 ms; \
             VariantB 4.00 ms throughout; VariantC no datapoints. Changes: 00:01 weights 0 : 100."
        );
    }

    #[test]
    fn csv_keeps_the_stored_unit_and_leaves_gaps_empty() {
        let text = csv(Metric::ModelLatency, Statistic::Average, &figure());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(
            lines[0].starts_with("period_start,period_start_s,VariantA ModelLatency Average (Microseconds),")
        );
        assert_eq!(lines[1..4], ["00:00,0,2100,,", "00:01,60,3400,4000,", "00:02,120,2300,,"]);
    }

    #[test]
    fn a_name_with_a_comma_is_quoted() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }

    #[test]
    fn only_misleading_statistics_are_cautioned_against() {
        assert!(
            caution(Metric::ModelLatency, Statistic::Sum).is_some_and(|c| c.contains("grows with traffic"))
        );
        assert!(caution(Metric::Invocations, Statistic::Sum).is_none());
        assert!(caution(Metric::ModelLatency, Statistic::Percentile(99.0)).is_none());
        for metric in Metric::ALL {
            assert_eq!(caution(metric, metric.usual_statistic()), None, "{metric:?}");
        }
    }
}
