//! Virtual time: the only time that the engine knows.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// Unix seconds of virtual time 0: 1 June 2026, 00:00 UTC. The page shows virtual time as time of day.
pub const LAB_BEGAN_UNIX_S: u64 = 1_780_272_000;

/// A moment since the lab began, in whole nanoseconds.
///
/// Whole numbers, so that every target agrees on it to the last digit; 2⁶⁴ ns are 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VirtualTime(u64);

impl VirtualTime {
    /// The beginning of the lab.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const END: Self = Self(u64::MAX);

    /// The moment `ns` nanoseconds after the beginning.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// The moment `s` whole seconds after the beginning.
    pub const fn from_s(s: u64) -> Self {
        Self(s.saturating_mul(SECOND_NS))
    }

    /// Nanoseconds since the beginning.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// Seconds since the beginning.
    pub fn as_s(self) -> f64 {
        self.0 as f64 / SECOND_NS as f64
    }

    /// The moment in Unix seconds, as the service's calls write it.
    pub fn unix_s(self) -> f64 {
        LAB_BEGAN_UNIX_S as f64 + self.as_s()
    }

    /// The moment that a call writes in Unix seconds, to the millisecond; none for one before the lab began or a
    /// number that is no moment.
    pub fn from_unix_s(unix_s: f64) -> Option<Self> {
        let ms = ((unix_s - LAB_BEGAN_UNIX_S as f64) * 1e3).round();
        (ms.is_finite() && (0.0..1e13).contains(&ms))
            .then(|| Self((ms as u64).saturating_mul(SECOND_NS / 1_000)))
    }

    /// The whole minute that holds this moment: 0 for the first.
    pub const fn minute(self) -> u64 {
        self.0 / (60 * SECOND_NS)
    }

    /// The moment in the calendar: time 0 is 1 June 2026, 00:00 UTC.
    ///
    /// # Source
    /// Days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub const fn civil(self) -> Civil {
        let unix_s = LAB_BEGAN_UNIX_S + self.0 / SECOND_NS;
        let (days, s) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Civil {
            year: era * 400 + year + (month <= 2) as u64,
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            hour: s / 3_600,
            minute: s / 60 % 60,
            second: s % 60,
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A moment in the calendar, UTC. Prints as the service's files write it: `2026-06-01T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: u64,
    /// Month, 1 to 12.
    pub month: u64,
    /// Day of the month, from 1.
    pub day: u64,
    /// Hour, 0 to 23.
    pub hour: u64,
    /// Minute.
    pub minute: u64,
    /// Second.
    pub second: u64,
}

impl Civil {
    /// The month in three letters.
    pub fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        NAMES.get(self.month.wrapping_sub(1) as usize).copied().unwrap_or_default()
    }
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Add<Duration> for VirtualTime {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for VirtualTime {
    type Output = Self;
    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(earlier.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for VirtualTime {
    /// `d hh:mm:ss`, the day left out on the first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0 / SECOND_NS;
        let (d, h, m, s) = (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60);
        if d > 0 {
            write!(f, "{d} d ")?;
        }
        write!(f, "{h:02}:{m:02}:{s:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_days_only_when_there_are_some() {
        assert_eq!(VirtualTime::from_s(3_725).to_string(), "01:02:05");
        assert_eq!(VirtualTime::from_s(2 * 86_400 + 59).to_string(), "2 d 00:00:59");
    }

    #[test]
    fn dates_follow_the_calendar() {
        let of = |s: u64| VirtualTime::from_s(s).civil();
        assert_eq!(of(0).to_string(), "2026-06-01T00:00:00Z");
        assert_eq!(of(214 * 86_400).to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(of(637 * 86_400 + 86_399).to_string(), "2028-02-28T23:59:59Z");
        assert_eq!(of(638 * 86_400).to_string(), "2028-02-29T00:00:00Z");
        assert_eq!((of(0).month_name(), of(214 * 86_400 - 1).month_name()), ("Jun", "Dec"));
    }

    #[test]
    fn never_wraps() {
        assert_eq!(VirtualTime::END + Duration::from_secs(1), VirtualTime::END);
        assert_eq!(VirtualTime::ZERO - Duration::from_secs(1), VirtualTime::ZERO);
        assert_eq!(VirtualTime::ZERO.since(VirtualTime::from_s(1)), Duration::ZERO);
    }
}
