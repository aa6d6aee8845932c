//! A range of values that the data do not refuse.

use serde::{Deserialize, Serialize};

/// From `low` to `high`, in the unit of what it is an interval of. Either end may be infinite.
///
/// ```
/// use rollout_lab::analysis::Interval;
/// let interval = Interval::around(0.03, 0.01);
/// assert!(interval.contains(0.025) && !interval.contains(0.0));
/// assert!((interval.width() - 0.02).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Every value: what is known before the first observation.
    pub const EVERYTHING: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// `centre ± half_width`.
    pub fn around(centre: f64, half_width: f64) -> Self {
        Self { low: centre - half_width, high: centre + half_width }
    }

    /// Whether a value lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// From end to end.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// What lies in both: of a confidence sequence, all looks so far together. It may be empty (`low > high`).
    pub fn intersection(&self, other: &Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }
}
