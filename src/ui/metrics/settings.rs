//! What of the metrics is looked at.

use crate::{
    analysis::metrics::{Metric, Statistic},
    wire::MetricQuery,
};

/// The lab's four, in its order.
pub const FIRST_METRICS: [Metric; 4] =
    [Metric::CPUUtilization, Metric::Invocations, Metric::InvocationsPerInstance, Metric::ModelLatency];

/// What a metric can be summed up as.
pub const STATISTICS: [Statistic; 9] = [
    Statistic::Sum,
    Statistic::Average,
    Statistic::Minimum,
    Statistic::Maximum,
    Statistic::SampleCount,
    Statistic::Percentile(50.0),
    Statistic::Percentile(90.0),
    Statistic::Percentile(99.0),
    Statistic::Percentile(99.9),
];

/// Lengths of a period, seconds.
pub const PERIODS_S: [u64; 4] = [60, 300, 900, 3_600];

/// Most datapoints that CloudWatch gives in one reply of `GetMetricStatistics`.
pub const DATAPOINT_LIMIT: u64 = 1_440;

/// The axis is at least this long, so that the first minutes are not stretched over all of it.
const SHORTEST_S: u64 = 900;

/// How much of the past is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The last seconds.
    Last(u64),
    /// Since the lab began.
    All,
}

impl Range {
    /// All that are on offer.
    pub const ALL: [Self; 5] =
        [Self::Last(900), Self::Last(3_600), Self::Last(3 * 3_600), Self::Last(24 * 3_600), Self::All];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Last(900) => "last 15 min",
            Self::Last(3_600) => "last hour",
            Self::Last(10_800) => "last 3 h",
            Self::Last(_) => "last 24 h",
            Self::All => "all",
        }
    }
}

/// A period in words.
pub fn period_title(period_s: u64) -> String {
    format!("{} min", period_s / 60)
}

/// Metric and statistic of one plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Metric.
    pub metric: Metric,
    /// Statistic.
    pub statistic: Statistic,
}

impl Chosen {
    /// A metric with the statistic that answers the usual question about it.
    pub const fn usual(metric: Metric) -> Self {
        Self { metric, statistic: metric.usual_statistic() }
    }
}

/// Period and range of all plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Length of a period, seconds.
    pub period_s: u64,
    /// How much of the past.
    pub range: Range,
}

/// What to ask for at a minute. Where the period would give more datapoints than one reply holds, it is the
/// shortest longer one that does not.
pub fn query(endpoint_name: &str, chosen: Chosen, window: Window, minute: u64) -> MetricQuery {
    let now_s = minute * 60;
    let start_s = match window.range {
        Range::Last(length_s) => now_s.saturating_sub(length_s),
        Range::All => 0,
    };
    let fits =
        |period_s: &&u64| **period_s >= window.period_s && (now_s - start_s) / **period_s <= DATAPOINT_LIMIT;
    let longest = PERIODS_S[PERIODS_S.len() - 1];
    let period_s = PERIODS_S.iter().find(fits).copied().unwrap_or(longest);
    let start_s = start_s.max(now_s.saturating_sub(period_s * DATAPOINT_LIMIT)) / period_s * period_s;
    MetricQuery {
        endpoint_name: endpoint_name.to_owned(),
        metric: chosen.metric,
        statistic: chosen.statistic,
        period_s,
        start_s,
        end_s: now_s.max(start_s + SHORTEST_S),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(period_s: u64, range: Range, minute: u64) -> MetricQuery {
        query("e", Chosen::usual(Metric::Invocations), Window { period_s, range }, minute)
    }

    #[test]
    fn the_first_minutes_are_shown_on_an_axis_of_a_quarter_of_an_hour() {
        let q = ask(60, Range::Last(3_600), 3);
        assert_eq!((q.start_s, q.end_s), (0, 900));
        let q = ask(60, Range::Last(900), 100);
        assert_eq!((q.start_s, q.end_s), (5_100, 6_000));
    }

    #[test]
    fn a_week_by_the_minute_is_more_than_one_reply_holds() {
        let q = ask(60, Range::All, 7 * 24 * 60);
        assert_eq!(q.period_s, 900);
        assert!((q.end_s - q.start_s) / q.period_s <= DATAPOINT_LIMIT);
        assert_eq!(ask(60, Range::Last(86_400), 7 * 24 * 60).period_s, 60);
    }

    #[test]
    fn years_are_cut_to_what_one_reply_holds() {
        let q = ask(60, Range::All, 2 * 365 * 24 * 60);
        assert_eq!(q.period_s, 3_600);
        assert!((q.end_s - q.start_s) / q.period_s <= DATAPOINT_LIMIT);
    }

    #[test]
    fn periods_begin_at_their_multiples() {
        assert_eq!(ask(300, Range::Last(900), 101).start_s % 300, 0);
    }
}
