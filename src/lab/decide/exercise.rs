//! The exercises of the labs on decisions, as data: page and worker read the same settings.

use serde::{Deserialize, Serialize};

use crate::lab::Refusal;

/// Something to try out, with settings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exercise {
    /// Sizes a test before it starts.
    Plan,
    /// Starts a test of the two variants that serve.
    StartTest,
    /// Looks into the purse's test, for a price.
    Peek,
    /// Replays the test in other universes.
    Universes,
    /// Ends a replay before its end.
    StopUniverses,
    /// Sets a paired test beside an unpaired one.
    Paired,
    /// Lets routing policies race.
    Bandits,
    /// Lets a bandit route the endpoint's traffic.
    RouteByBandit,
    /// Ends that; the weights stay.
    StopBandit,
    /// Compares before with after, and with a control at the same time.
    BeforeAfter,
    /// Cuts the requests of a bad split by one property.
    Slice,
    /// Names the culprit of a bad split.
    Accuse,
    /// Says which variant keeps callers waiting.
    Slower,
    /// Signs the memo.
    Memo,
}

/// One number, or one of a list, that an exercise takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Its label.
    pub label: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What there is to choose; the value is the place in it. Empty for a number.
    pub choices: &'static [&'static str],
    /// What it is at first.
    pub usual: f64,
    /// The least that is taken.
    pub least: f64,
    /// The most that is taken.
    pub most: f64,
    /// Distance of two values for the arrow keys.
    pub step: f64,
    /// Few need it.
    pub rare: bool,
}

const fn number(
    label: &'static str,
    unit: &'static str,
    usual: f64,
    range: (f64, f64),
    step: f64,
) -> Setting {
    Setting { label, unit, choices: &[], usual, least: range.0, most: range.1, step, rare: false }
}

const fn choice(label: &'static str, choices: &'static [&'static str]) -> Setting {
    let most = choices.len() as f64 - 1.0;
    Setting { label, unit: "", choices, usual: 0.0, least: 0.0, most, step: 1.0, rare: false }
}

const fn rare(setting: Setting) -> Setting {
    Setting { rare: true, ..setting }
}

const PLAN: [Setting; 6] = [
    number("Rate of A", "%", 62.7, (0.1, 99.9), 0.1),
    number("Effect worth finding", "points", 5.0, (-50.0, 50.0), 0.5),
    number("Share of B", "%", 50.0, (0.5, 99.5), 0.5),
    number("Requests per second", "", 20.0, (0.01, 100_000.0), 1.0),
    rare(number("False alarms", "%", 5.0, (0.01, 50.0), 1.0)),
    rare(number("Power", "%", 80.0, (5.0, 99.9), 5.0)),
];

const TEST: [Setting; 9] = [
    choice(
        "Primary metric",
        &["right answers", "answers within one star", "star error", "model latency", "errors", "conversions"],
    ),
    choice(
        "How it is read",
        &["once, at the end", "at any time", "from a purse, O'Brien-Fleming", "from a purse, Pocock"],
    ),
    number("Requests planned", "", 6_000.0, (100.0, 100_000_000.0), 100.0),
    rare(number("False alarms", "%", 5.0, (0.01, 50.0), 1.0)),
    rare(choice("What is randomized", &["requests", "users"])),
    rare(number("Errors borne", "points", 1.0, (0.0, 100.0), 0.1)),
    rare(number("Latency borne", "ms", 5.0, (0.0, 60_000.0), 1.0)),
    rare(number("Conversion: within", "ms", 20.0, (0.001, 60_000.0), 1.0)),
    rare(number("Conversion: stars off", "", 1.0, (0.0, 4.0), 1.0)),
];

const UNIVERSES: [Setting; 4] = [
    choice("Variant B", &["the same model as A", "stars-b"]),
    number("Requests of each test", "", 20_000.0, (100.0, 200_000.0), 1_000.0),
    number("Looks", "", 30.0, (1.0, 200.0), 1.0),
    rare(number("Universes", "", 200.0, (10.0, 1_000.0), 10.0)),
];

const PAIRED: [Setting; 4] = [
    number("A is right", "%", 80.0, (1.0, 99.0), 1.0),
    number("Only A is right", "%", 4.0, (0.1, 49.0), 0.5),
    number("Only B is right", "%", 7.0, (0.1, 49.0), 0.5),
    number("Requests", "", 957.0, (10.0, 20_000.0), 1.0),
];

const BANDITS: [Setting; 3] = [
    choice("The world", &["stays as it is", "changes in the middle"]),
    number("Requests", "", 20_000.0, (100.0, 50_000.0), 1_000.0),
    rare(number("Epsilon", "%", 10.0, (0.0, 100.0), 1.0)),
];

const ROUTING: [Setting; 6] = [
    choice("Policy", &["Thompson sampling", "UCB1", "epsilon-greedy"]),
    choice("Reward", &["right answers", "answers within one star", "answers without error", "conversions"]),
    number("Weights move every", "s", 10.0, (1.0, 3_600.0), 1.0),
    rare(number("Epsilon", "%", 10.0, (0.0, 100.0), 1.0)),
    rare(number("Conversion: within", "ms", 20.0, (0.001, 60_000.0), 1.0)),
    rare(number("Conversion: stars off", "", 1.0, (0.0, 4.0), 1.0)),
];

const BEFORE_AFTER: [Setting; 3] = [
    choice("The new model", &["is the same as the old one", "stars-b"]),
    number("Hour of the switch", "o'clock", 14.0, (0.0, 23.0), 1.0),
    number("Hours compared", "on each side", 6.0, (1.0, 24.0), 1.0),
];

const SLICE: [Setting; 1] = [choice(
    "Cut by",
    &["hour", "caller", "domain of the review", "length of the review", "group in the test before"],
)];

const ACCUSE: [Setting; 1] = [choice(
    "Culprit",
    &[
        "the weights were changed for an hour",
        "a bot that sticks to A",
        "B's container drops a domain",
        "B times out on long reviews, and the log forgets them",
        "the salt of the test before",
    ],
)];

const SLOWER: [Setting; 1] = [choice("Callers wait longest with", &["VariantA", "VariantB", "neither"])];

impl Exercise {
    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Plan => "Size the test",
            Self::StartTest => "The test",
            Self::Peek => "The alpha purse",
            Self::Universes => "Other universes",
            Self::StopUniverses => "Stop",
            Self::Paired => "Paired and unpaired",
            Self::Bandits => "Bandit race",
            Self::RouteByBandit => "A bandit that routes",
            Self::StopBandit => "Stop the bandit",
            Self::BeforeAfter => "Before and after",
            Self::Slice => "Cut the requests",
            Self::Accuse => "Name the culprit",
            Self::Slower => "Who is slower?",
            Self::Memo => "Decision memo",
        }
    }

    /// What the button that does it says.
    pub const fn button(self) -> &'static str {
        match self {
            Self::Plan => "Note this plan",
            Self::StartTest => "Start the test",
            Self::Peek => "Peek",
            Self::Universes => "Replay the test",
            Self::StopUniverses => "Stop the replay",
            Self::Paired => "Run both 200 times",
            Self::Bandits => "Start the race",
            Self::RouteByBandit => "Let it route",
            Self::StopBandit => "Stop it",
            Self::BeforeAfter => "Compare",
            Self::Slice => "Cut",
            Self::Accuse => "Accuse",
            Self::Slower => "Say so",
            Self::Memo => "Sign the memo",
        }
    }

    /// What it takes, in order.
    pub const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Plan => &PLAN,
            Self::StartTest => &TEST,
            Self::Universes => &UNIVERSES,
            Self::Paired => &PAIRED,
            Self::Bandits => &BANDITS,
            Self::RouteByBandit => &ROUTING,
            Self::BeforeAfter => &BEFORE_AFTER,
            Self::Slice => &SLICE,
            Self::Accuse => &ACCUSE,
            Self::Slower => &SLOWER,
            Self::Peek | Self::StopUniverses | Self::StopBandit | Self::Memo => &[],
        }
    }

    /// Whether its board follows the settings while they are typed, before anything is done.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Plan)
    }

    /// Its settings as they are at first.
    pub fn usual(self) -> Vec<f64> {
        self.settings().iter().map(|s| s.usual).collect()
    }

    /// The settings, if it takes them.
    ///
    /// # Errors
    /// [`Refusal`] naming the first setting that is out of range, with its limits.
    pub fn checked(self, settings: &[f64]) -> Result<&[f64], Refusal> {
        let wanted = self.settings();
        if settings.len() != wanted.len() {
            let (have, need) = (settings.len(), wanted.len());
            return Err(Refusal::lab_rule(format!(
                "\u{201c}{}\u{201d} takes {need} settings, not {have}",
                self.title()
            )));
        }
        for (setting, &value) in wanted.iter().zip(settings) {
            let whole = setting.choices.is_empty() || value == libm::floor(value);
            if !(setting.least..=setting.most).contains(&value) || !whole {
                let Setting { label, least, most, unit, .. } = setting;
                let space = if unit.is_empty() { "" } else { " " };
                return Err(Refusal::lab_rule(format!(
                    "{label} must be in {least} to {most}{space}{unit}, but is {value}"
                )));
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_settings_are_taken_and_others_named() {
        for exercise in [
            Exercise::Plan,
            Exercise::StartTest,
            Exercise::Universes,
            Exercise::Paired,
            Exercise::RouteByBandit,
            Exercise::Slice,
        ] {
            assert!(exercise.checked(&exercise.usual()).is_ok(), "{exercise:?}");
        }
        let said = Exercise::Universes.checked(&[0.0, 50.0, 30.0, 200.0]).unwrap_err().message;
        assert_eq!(said, "Requests of each test must be in 100 to 200000, but is 50");
        assert!(Exercise::Slice.checked(&[0.5]).is_err() && Exercise::Slice.checked(&[f64::NAN]).is_err());
        assert!(Exercise::Memo.checked(&[1.0]).unwrap_err().message.contains("takes 0 settings, not 1"));
    }
}
