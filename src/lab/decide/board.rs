//! What a panel of the labs on decisions shows, ready to be read: the worker computes it, the page lays it out.

use serde::{Deserialize, Serialize};

use crate::analysis::verdict::State;

/// What one curve of a chart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// What may be concluded, with its interval as a filled band.
    Trusted,
    /// What is shown for contrast, with its interval as two dashed lines.
    Contrast,
    /// A bound or target: a dashed line.
    Bound,
    /// One of several of equal rank, by its place.
    Peer(u8),
}

/// A line of a chart, with an interval at each point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What it is.
    pub name: String,
    /// How it is drawn.
    pub role: Role,
    /// x, y and the ends of y's interval; the ends are y where there is none. By x.
    pub points: Vec<[f64; 4]>,
}

/// Curves over one x.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows, e.g. `B less A over requests`.
    pub title: String,
    /// What x counts.
    pub x: String,
    /// Unit of y.
    pub y: String,
    /// The curves, the most important last.
    pub curves: Vec<Curve>,
    /// Values of x that mean something, with their words.
    pub marks: Vec<(f64, String)>,
    /// The chart in a sentence, for those who do not see it.
    pub words: String,
}

/// Many replays of one test, a dot each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dots {
    /// How they were read.
    pub name: String,
    /// `B` for a dot that found B better, `A` for one that found A better, `.` for one that found nothing.
    pub found: String,
    /// What they add up to.
    pub words: String,
}

/// A panel's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// Where things stand, where it is a matter of passing.
    pub state: Option<State>,
    /// The one sentence to read; said aloud when it changes.
    pub headline: String,
    /// What it assumes, what to do next.
    pub words: Vec<String>,
    /// Terms and what is known of them.
    pub facts: Vec<(String, String)>,
    /// A drawing over x.
    pub chart: Option<Chart>,
    /// Another one, beneath it.
    pub second: Option<Chart>,
    /// Replays.
    pub dots: Vec<Dots>,
    /// A table, its heads in the first row.
    pub table: Vec<Vec<String>>,
}

impl Board {
    /// A board that only says something.
    pub fn says(headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), ..Self::default() }
    }

    /// Adds a fact.
    pub(super) fn fact(&mut self, term: &str, value: impl Into<String>) {
        self.facts.push((term.to_owned(), value.into()));
    }
}

/// With a comma at every third digit.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent with one digit.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// With its sign, a true minus, and two digits where it is small.
pub(super) fn signed(value: f64) -> String {
    let digits = usize::from(value.abs() < 9.95) + usize::from(value.abs() < 0.995);
    format!("{value:+.digits$}").replace('-', "\u{2212}")
}

/// `+1.2 to +3.4 points`.
pub(super) fn range(low: f64, high: f64, unit: &str) -> String {
    format!("{} to {} {unit}", signed(low), signed(high))
}

/// A length of virtual time in its greatest unit.
pub(super) fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} seconds"),
        s if s < 5_400.0 => format!("{:.0} minutes", s / 60.0),
        s if s < 129_600.0 => format!("{:.1} hours", s / 3_600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (signed(4.71), signed(-0.04), signed(12.34)),
            ("+4.7".into(), "\u{2212}0.04".into(), "+12".into())
        );
        assert_eq!((count(5_258), percent(0.0512)), ("5,258".into(), "5.1%".into()));
        assert_eq!(
            [30.0, 600.0, 7_200.0, 259_200.0].map(lasting),
            ["30 seconds", "10 minutes", "2.0 hours", "3.0 days"]
        );
    }
}
