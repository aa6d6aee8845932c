//! What a plot of metrics over time shows, and where it lies on the screen.

use super::{Days, Look, Quantity};
use crate::analysis::metrics::Datapoint;

/// One variant's series.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The variant.
    pub name: String,
    /// How it is told from the others.
    pub look: Look,
    /// Its datapoints by time, in the unit that CloudWatch stores.
    pub datapoints: Vec<Datapoint>,
}

/// Something that was changed on the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// When, virtual seconds.
    pub at_s: u64,
    /// What, in a few words.
    pub label: String,
}

/// All that a plot shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What the numbers are.
    pub quantity: Quantity,
    /// First second of the axis.
    pub start_s: u64,
    /// Last second of the axis.
    pub end_s: u64,
    /// Length of a period, seconds: a longer gap between datapoints is left open.
    pub period_s: u64,
    /// First second that has not been published yet.
    pub published_until_s: u64,
    /// The series that are shown.
    pub lines: Vec<Line>,
    /// Changes of the endpoint.
    pub annotations: Vec<Annotation>,
    /// What days are called.
    pub days: Days,
}

impl Figure {
    /// The greatest number that is shown, in the unit that is shown; none without datapoints on the axis.
    pub fn max_shown(&self) -> Option<f64> {
        let on_axis = |p: &&Datapoint| p.start_s >= self.start_s && p.start_s <= self.end_s;
        let values = self.lines.iter().flat_map(|l| l.datapoints.iter().filter(on_axis));
        values.map(|p| self.quantity.shown(p.value)).reduce(f64::max)
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.max_shown().is_none()
    }
}

/// Where times and numbers lie, in CSS px from the upper left corner of the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelMap {
    /// Left edge of the plotting area.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
    /// Lower edge, where 0 lies.
    pub bottom: f64,
    /// Second at the left edge.
    pub start_s: f64,
    /// Second at the right edge.
    pub end_s: f64,
    /// Number at the upper edge, in the unit that is shown.
    pub top_value: f64,
}

impl PixelMap {
    /// Where a moment lies.
    pub fn x_of(&self, second: f64) -> f64 {
        let share = (second - self.start_s) / (self.end_s - self.start_s).max(1.0);
        self.left + share * (self.right - self.left)
    }

    /// Where a number lies, in the unit that is shown.
    pub fn y_of(&self, shown: f64) -> f64 {
        self.bottom - shown / self.top_value * (self.bottom - self.top)
    }

    /// The moment at a place; places outside belong to the nearer edge.
    pub fn second_at(&self, x: f64) -> f64 {
        let share = (x - self.left) / (self.right - self.left).max(1.0);
        self.start_s + share.clamp(0.0, 1.0) * (self.end_s - self.start_s)
    }
}

/// The starts of all periods with a datapoint of any line on the axis, by time, each once.
pub fn union_of_starts(figure: &Figure) -> Vec<u64> {
    let all = figure.lines.iter().flat_map(|l| l.datapoints.iter().map(|p| p.start_s));
    let mut starts = Vec::new();
    for start in all.filter(|s| (figure.start_s..=figure.end_s).contains(s)) {
        // Each line comes in order: what is new mostly goes to the end.
        if let Err(place) = starts.binary_search(&start) {
            starts.insert(place, start);
        }
    }
    starts
}

/// The start nearest to a moment; the earlier of two that are equally near; none of none.
pub fn nearest_start(sorted: &[u64], second: f64) -> Option<u64> {
    let after = sorted.partition_point(|s| (*s as f64) < second);
    let neighbours = [after.checked_sub(1), Some(after)];
    let starts = neighbours.into_iter().flatten().filter_map(|i| sorted.get(i).copied());
    starts.min_by(|a, b| (*a as f64 - second).abs().total_cmp(&(*b as f64 - second).abs()))
}

/// What a line says for the period that starts at a second.
pub fn value_at(datapoints: &[Datapoint], start_s: u64) -> Option<f64> {
    let at = datapoints.binary_search_by_key(&start_s, |p| p.start_s).ok()?;
    datapoints.get(at).map(|p| p.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: PixelMap = PixelMap {
        left: 40.0,
        right: 240.0,
        top: 10.0,
        bottom: 110.0,
        start_s: 600.0,
        end_s: 1_600.0,
        top_value: 50.0,
    };

    #[test]
    fn places_and_moments_are_each_others_inverse() {
        for second in [600.0, 777.0, 1_600.0] {
            assert!((MAP.second_at(MAP.x_of(second)) - second).abs() < 1e-9);
        }
        assert_eq!((MAP.second_at(-5.0), MAP.second_at(900.0)), (600.0, 1_600.0));
        assert_eq!((MAP.y_of(0.0), MAP.y_of(50.0)), (110.0, 10.0));
    }

    #[test]
    fn the_nearest_start_is_found_between_and_beyond() {
        let starts = [60, 120, 300];
        assert_eq!(nearest_start(&starts, 95.0), Some(120));
        assert_eq!(nearest_start(&starts, 90.0), Some(60));
        assert_eq!(nearest_start(&starts, 1e9), Some(300));
        assert_eq!(nearest_start(&starts, 0.0), Some(60));
        assert_eq!(nearest_start(&[], 0.0), None);
    }

    #[test]
    fn a_period_without_samples_has_no_value() {
        let points = [Datapoint { start_s: 60, value: 1.0 }, Datapoint { start_s: 180, value: 2.0 }];
        assert_eq!((value_at(&points, 180), value_at(&points, 120)), (Some(2.0), None));
    }
}
