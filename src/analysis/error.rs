//! Why a statistic is not given.

/// Why the data do not answer the question, though others of the same kind may: a result, not a mistake.
///
/// A reader wants the reason on the page. 0, 1 or NaN in its place would be taken for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotTell {
    /// Fewer observations than the method needs.
    #[error("{what}: {have} so far, at least {need} are needed")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        have: u64,
        /// How many the method needs.
        need: u64,
    },
    /// Every value is the same, so nothing says how far chance reaches.
    #[error("{what}: all values are the same, so their spread is unknown")]
    NoVariance {
        /// Whose values.
        what: &'static str,
    },
    /// Successes only, or failures only: the rate lies at the edge, and this method's error there is 0.
    #[error(
        "{what}: {successes} successes of {n}; with successes only or failures only the error is unknown"
    )]
    AllAlike {
        /// Whose trials.
        what: &'static str,
        /// Successes.
        successes: u64,
        /// Trials.
        n: u64,
    },
    /// No pair in which the two variants differ.
    #[error("the variants agree on all {pairs} pairs, so no pair speaks for either")]
    NoDiscordantPairs {
        /// Pairs seen.
        pairs: u64,
    },
    /// Both raters use one class only: agreement by chance is certain.
    #[error("both variants answer with one class only, so agreement beyond chance has no meaning")]
    OneClass,
    /// A ratio to nothing.
    #[error("{what} is 0, so nothing can be measured relative to it")]
    ZeroBaseline {
        /// The denominator.
        what: &'static str,
    },
    /// All weights are 0: no share is expected anywhere.
    #[error("the weights sum to 0, so no share is expected")]
    NoWeight,
    /// Requests where none can be: a fault of the routing or the records, not chance.
    #[error(
        "variant {variant} has weight 0 but {count} requests: no chance explains them, look at the routing"
    )]
    NotByChance {
        /// Which, from 0.
        variant: usize,
        /// Its requests.
        count: u64,
    },
    /// A bin without observations makes a ratio of shares infinite.
    #[error("bin {bin} is empty on one side, so the ratio of its shares is infinite")]
    EmptyBin {
        /// Which, from 0.
        bin: usize,
    },
    /// Two values are equal, and the exact distribution knows no ties.
    #[error("some values are equal, and the exact distribution is that of values without ties")]
    Ties,
    /// The numbers are beyond what the exact method can count.
    #[error("{what}: {have} is more than the {most} that the exact method counts")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        have: u64,
        /// The most that is counted.
        most: u64,
    },
    /// An effect of zero needs an infinite sample, and a power beyond reach has none.
    #[error("no number of observations is enough: {why}")]
    Unreachable {
        /// What makes it so.
        why: &'static str,
    },
    /// The weights followed the outcomes.
    #[error(
        "a bandit moved the weights after the outcomes it saw, so the counts are not those of independent \
         draws: a fixed test on them is biased"
    )]
    AdaptiveAllocation,
}

/// Why a statistic is not given: the data cannot tell, or an argument is none.
///
/// ```
/// use rollout_lab::analysis::{CannotTell, StatisticsError};
/// let error = StatisticsError::from(CannotTell::TooFew { what: "users of B", have: 1, need: 2 });
/// assert_eq!(error.to_string(), "cannot tell yet: users of B: 1 so far, at least 2 are needed");
/// assert!(error.cannot_tell().is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// The data do not answer the question.
    #[error("cannot tell yet: {0}")]
    CannotTell(#[from] CannotTell),
    /// A level, power or share outside 0 to 1, both excluded.
    #[error("`{name}` is {value}, but must lie between 0 and 1, both excluded")]
    NotAProbability {
        /// Which argument.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// Infinite, or not a number.
    #[error("`{name}` is {value}, but must be finite")]
    NotFinite {
        /// Which argument.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// Outside the range in which it means something.
    #[error("`{name}` is {value}, but must be {limit}")]
    OutOfRange {
        /// Which argument.
        name: &'static str,
        /// What it is.
        value: f64,
        /// The range, in words.
        limit: &'static str,
    },
    /// Two lists that belong together differ in length, or one is too short to mean anything.
    #[error("`{name}` has {have} entries, but must have {need}")]
    WrongLength {
        /// Which list.
        name: &'static str,
        /// Its length.
        have: usize,
        /// The length wanted.
        need: usize,
    },
}

impl StatisticsError {
    /// The reason, when more or other data may answer the question.
    pub fn cannot_tell(&self) -> Option<CannotTell> {
        match self {
            Self::CannotTell(why) => Some(*why),
            _ => None,
        }
    }
}

/// What the statistics of this room give.
pub type Result<T> = std::result::Result<T, StatisticsError>;

/// A level, power or share.
pub(super) fn probability(name: &'static str, value: f64) -> Result<f64> {
    if value > 0.0 && value < 1.0 { Ok(value) } else { Err(StatisticsError::NotAProbability { name, value }) }
}

pub(super) fn finite(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(StatisticsError::NotFinite { name, value }) }
}

pub(super) fn positive(name: &'static str, value: f64) -> Result<f64> {
    if finite(name, value)? > 0.0 {
        Ok(value)
    } else {
        Err(StatisticsError::OutOfRange { name, value, limit: "above 0" })
    }
}

/// At least `need` observations.
pub(super) fn at_least(what: &'static str, have: u64, need: u64) -> Result<()> {
    if have >= need { Ok(()) } else { Err(CannotTell::TooFew { what, have, need }.into()) }
}
