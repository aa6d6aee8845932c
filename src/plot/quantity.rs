//! Units: what CloudWatch stores against what a reader wants to see.

use crate::analysis::metrics::{Metric, Statistic};

/// What the numbers of a plot are, and how they are written.
///
/// CloudWatch stores latencies in microseconds; they are shown in milliseconds, and the plot says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Stored in microseconds, shown in milliseconds.
    Milliseconds,
    /// Percent, summed over vCPUs.
    CpuPercent,
    /// Percent of a whole.
    Percent,
    /// A number of things.
    Count,
}

impl Quantity {
    /// What a statistic of a metric is.
    pub fn of(metric: Metric, statistic: Statistic) -> Self {
        if statistic == Statistic::SampleCount {
            return Self::Count;
        }
        match (metric.unit(), metric) {
            ("Microseconds", _) => Self::Milliseconds,
            ("Percent", Metric::CPUUtilization | Metric::GPUUtilization) => Self::CpuPercent,
            ("Percent", _) => Self::Percent,
            _ => Self::Count,
        }
    }

    /// The number to show for a stored one.
    pub fn shown(self, stored: f64) -> f64 {
        if self == Self::Milliseconds { stored / 1_000.0 } else { stored }
    }

    /// The unit after a number; empty for a count.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::CpuPercent | Self::Percent => "%",
            Self::Count => "",
        }
    }

    /// A stored number without its unit, to about three digits: `2.31`, `48.2`, `1,204`.
    pub fn number(self, stored: f64) -> String {
        let value = self.shown(stored);
        let digits = match value.abs() {
            _ if value == value.round() && self == Self::Count => 0,
            v if v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            v if v >= 0.1 || v == 0.0 => 2,
            _ => 3,
        };
        grouped(value, digits)
    }

    /// A stored number with its unit: `2.31 ms`, `48.2%`, `1,204`.
    pub fn text(self, stored: f64) -> String {
        let number = self.number(stored);
        match self {
            Self::Milliseconds => format!("{number} ms"),
            Self::CpuPercent | Self::Percent => format!("{number}%"),
            Self::Count => number,
        }
    }

    /// A tick label for a shown number on an axis whose ticks are `step` apart: `1.5`, `250`, `12k`, `1.5M`.
    pub fn tick(self, shown: f64, step: f64) -> String {
        let (divisor, letter) = match step {
            s if s >= 500_000.0 => (1e6, "M"),
            s if s >= 1_000.0 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let digits = digits_of(step / divisor);
        let unit = if matches!(self, Self::CpuPercent | Self::Percent) { "%" } else { "" };
        if shown == 0.0 {
            return format!("0{unit}");
        }
        format!("{}{letter}{unit}", grouped(shown / divisor, digits))
    }
}

/// Digits after the point that tell multiples of `step` apart.
fn digits_of(step: f64) -> usize {
    (0..6)
        .find(|d| {
            let scaled = step * libm::pow(10.0, *d as f64);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1e-9)
        })
        .unwrap_or(6)
}

/// A number with commas between thousands.
pub(super) fn grouped(value: f64, digits: usize) -> String {
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    let zero = !text.contains(|c: char| ('1'..='9').contains(&c));
    if value < 0.0 && !zero { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_shown_in_milliseconds_unless_it_counts_samples() {
        let latency = Quantity::of(Metric::ModelLatency, Statistic::Percentile(99.0));
        assert_eq!(latency.text(2_310.0), "2.31 ms");
        assert_eq!(latency.text(1_204_000.0), "1,204 ms");
        assert_eq!(Quantity::of(Metric::ModelLatency, Statistic::SampleCount), Quantity::Count);
    }

    #[test]
    fn numbers_keep_about_three_digits() {
        let count = Quantity::Count;
        assert_eq!(count.number(3.0), "3");
        assert_eq!(count.number(1_234_567.0), "1,234,567");
        assert_eq!(count.number(0.5), "0.50");
        assert_eq!(Quantity::Percent.text(48.24), "48.2%");
        assert_eq!(Quantity::Percent.text(0.0), "0.00%");
    }

    #[test]
    fn ticks_are_as_precise_as_their_step() {
        assert_eq!(Quantity::Milliseconds.tick(1.5, 0.5), "1.5");
        assert_eq!(Quantity::Count.tick(1_500.0, 500.0), "1,500");
        assert_eq!(Quantity::Count.tick(12_000.0, 2_000.0), "12k");
        assert_eq!(Quantity::Count.tick(1_500_000.0, 500_000.0), "1.5M");
        assert_eq!(Quantity::Percent.tick(0.25, 0.25), "0.25%");
        assert_eq!(Quantity::Count.tick(0.0, 500_000.0), "0");
    }

    #[test]
    fn a_minus_stands_only_before_something() {
        assert_eq!(grouped(-1_234.5, 1), "−1,234.5");
        assert_eq!(grouped(-0.001, 1), "0.0");
    }
}
