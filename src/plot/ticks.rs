//! Where an axis has its ticks, and what virtual time is called there.

use crate::domain::VirtualTime;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Distances between ticks of time that a reader can count in.
const TIME_STEPS: [u64; 18] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    30 * DAY,
    100 * DAY,
    365 * DAY,
];

/// Ticks from 0 to at least `max`, about `wanted` of them, 1, 2, 2.5 or 5 times a power of ten apart.
///
/// The last tick is the top of the axis. Without anything above 0 the axis goes to 1.
///
/// ```
/// use rollout_lab::plot::value_ticks;
/// assert_eq!(value_ticks(4.3, 4), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
/// assert_eq!(value_ticks(0.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
/// ```
pub fn value_ticks(max: f64, wanted: usize) -> Vec<f64> {
    let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
    let wanted = wanted.max(1) as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(max / wanted)));
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0].map(|m| m * power);
    let off = |step: &f64| (libm::ceil(max / step - 1e-9) - wanted).abs();
    let step = steps.into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(power);
    let count = libm::ceil(max / step - 1e-9).max(1.0) as usize;
    (0..=count).map(|i| i as f64 * step).collect()
}

/// Whole moments between two seconds, at most `most` of them (at least one is tried), evenly apart.
pub fn time_ticks(start_s: u64, end_s: u64, most: usize) -> Vec<u64> {
    let length = end_s.saturating_sub(start_s);
    let fits = |step: &u64| end_s / step - start_s.div_ceil(*step).min(end_s / step) < most.max(1) as u64;
    let step = TIME_STEPS.into_iter().find(fits).unwrap_or_else(|| (length / most.max(1) as u64).max(DAY));
    (start_s.div_ceil(step)..=end_s / step).map(|i| i * step).collect()
}

/// What a day is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Days {
    /// By its number since the lab began: time is virtual.
    #[default]
    Counted,
    /// By its date, UTC: time is real.
    Dated,
}

impl Days {
    /// The day of a moment; none on the first of virtual time.
    fn name(self, second: u64) -> Option<String> {
        let day = second / DAY;
        match self {
            Self::Counted => (day > 0).then(|| format!("{day} d")),
            Self::Dated => {
                let date = VirtualTime::from_s(second).civil();
                Some(format!("{} {}", date.day, date.month_name()))
            }
        }
    }
}

/// A moment as `hh:mm` after its day, e.g. `1 d 02:00`, `28 Nov 02:00`; alone on the first day of virtual time.
pub fn clock(second: u64, days: Days) -> String {
    let (h, m) = (second / HOUR % 24, second / MINUTE % 60);
    days.name(second).map_or_else(|| format!("{h:02}:{m:02}"), |day| format!("{day} {h:02}:{m:02}"))
}

/// A tick's label: the day alone where a later day begins, else `hh:mm`.
pub(super) fn tick_label(second: u64, days: Days) -> String {
    let (h, m) = (second / HOUR % 24, second / MINUTE % 60);
    let day = days.name(second).filter(|_| h == 0 && m == 0);
    day.unwrap_or_else(|| format!("{h:02}:{m:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_above_the_maximum_in_round_steps() {
        assert_eq!(value_ticks(97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(value_ticks(100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(value_ticks(0.0123, 3).last(), Some(&0.015));
        assert_eq!(value_ticks(f64::NAN, 2), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn any_maximum_gives_few_ticks_that_cover_it() {
        for exponent in -40..=80 {
            let max = libm::pow(10.0, f64::from(exponent) / 8.0);
            for wanted in 2..8 {
                let ticks = value_ticks(max, wanted);
                assert!(ticks.len() <= wanted + 4 && ticks.len() >= 2, "{max} {wanted}: {ticks:?}");
                assert!(ticks.last().is_some_and(|t| *t >= max * (1.0 - 1e-9)), "{max}: {ticks:?}");
            }
        }
    }

    #[test]
    fn times_are_whole_and_few() {
        assert_eq!(time_ticks(0, 900, 4), [0, 300, 600, 900]);
        assert_eq!(time_ticks(60, 3_600, 5), [900, 1_800, 2_700, 3_600]);
        assert!(time_ticks(0, 7 * DAY, 6).len() <= 6);
        assert!(time_ticks(0, 5_000 * DAY, 6).len() <= 7);
    }

    #[test]
    fn days_are_told_only_when_there_are_some() {
        let counted = |s| clock(s, Days::Counted);
        assert_eq!((counted(2_520), counted(DAY + 7_200)), ("00:42".to_owned(), "1 d 02:00".to_owned()));
        assert_eq!(clock(180 * DAY + 7_200, Days::Dated), "28 Nov 02:00");
        assert_eq!(
            (tick_label(DAY, Days::Dated), tick_label(60, Days::Dated)),
            ("2 Jun".to_owned(), "00:01".to_owned())
        );
        assert_eq!(
            (tick_label(DAY, Days::Counted), tick_label(DAY + 7_200, Days::Counted)),
            ("1 d".to_owned(), "02:00".to_owned())
        );
    }
}
