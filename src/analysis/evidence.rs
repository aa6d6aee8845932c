//! What two variants have shown since a test began: counts and sums, mergeable, in constant memory.

use serde::{Deserialize, Serialize};

use super::{
    error::{CannotTell, Result, at_least},
    means,
    proportions::{Proportion, newcombe_interval, two_proportion_z},
    summary::{PairSummary, Summary},
    verdict::{Better, Estimate},
};
use crate::domain::InvocationRecord;

/// Groups of users that are told apart: the variance of groups of users is as good as that of users, while each
/// variant has far more groups than a test needs.
pub const USER_GROUPS: usize = 2_048;

/// What a test may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Share of answers with the true stars.
    Right,
    /// Share of answers at most one star off.
    WithinOneStar,
    /// Mean distance from the true stars.
    StarError,
    /// Mean model latency of answered requests, ms.
    Latency,
    /// Share of requests that failed.
    Errors,
    /// Share of requests that ended as the learner wants: see [`Conversion`].
    Conversion,
}

impl Outcome {
    /// All of them, in the order of the lists that offer them.
    pub const ALL: [Self; 6] =
        [Self::Right, Self::WithinOneStar, Self::StarError, Self::Latency, Self::Errors, Self::Conversion];

    /// Its name, as a reader knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right answers",
            Self::WithinOneStar => "answers within one star",
            Self::StarError => "star error",
            Self::Latency => "model latency",
            Self::Errors => "errors",
            Self::Conversion => "conversions",
        }
    }

    /// The unit of its mean; empty for a share.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::StarError => "stars",
            Self::Latency => "ms",
            _ => "",
        }
    }

    /// Which way it is good.
    pub const fn better(self) -> Better {
        match self {
            Self::StarError | Self::Latency | Self::Errors => Better::Lower,
            _ => Better::Higher,
        }
    }

    /// Whether it is a share of successes.
    pub const fn is_share(self) -> bool {
        self.unit().is_empty()
    }
}

/// What the learner counts as a request that did what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// Longest model latency, ms.
    pub within_ms: f64,
    /// Most stars that the answer may be off.
    pub stars_off: u8,
}

/// What is randomized, and so what counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Each request is routed anew.
    Request,
    /// A user stays with a variant; the requests of one user may be alike.
    User,
}

/// What one variant has shown.
///
/// # Shapes and units
/// Shares from 0 to 1, star errors in stars, latencies in ms. Requests whose true stars are unknown count for latency
/// and errors alone.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::evidence::{Conversion, Outcome, Unit, VariantEvidence};
/// let none = VariantEvidence::new(Outcome::Right, Unit::Request, Conversion { within_ms: 50.0, stars_off: 1 });
/// assert!(none.summary(Outcome::Right).mean().is_err()); // cannot tell yet: no answer
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct VariantEvidence {
    primary: Outcome,
    conversion: Conversion,
    requests: u64,
    right: Proportion,
    within_one: Proportion,
    star_error: Summary,
    latency_ms: Summary,
    errors: Proportion,
    converted: Proportion,
    /// Sum of the primary outcome and number of its values, by group of users; empty where requests are the units.
    users: Vec<(f64, u32)>,
    /// True stars and the primary outcome of each request that has both.
    by_stars: PairSummary,
}

impl VariantEvidence {
    /// Nothing yet.
    pub fn new(primary: Outcome, unit: Unit, conversion: Conversion) -> Self {
        Self {
            primary,
            conversion,
            requests: 0,
            right: Proportion::default(),
            within_one: Proportion::default(),
            star_error: Summary::default(),
            latency_ms: Summary::default(),
            errors: Proportion::default(),
            converted: Proportion::default(),
            users: match unit {
                Unit::Request => Vec::new(),
                Unit::User => vec![(0.0, 0); USER_GROUPS],
            },
            by_stars: PairSummary::default(),
        }
    }

    /// Takes in a request.
    #[inline]
    pub fn record(&mut self, r: &InvocationRecord) {
        let answered = r.status.is_answered();
        let ms = r.model_latency_ns() as f64 * 1e-6;
        let off = r.true_stars.zip(r.predicted).map(|(truth, answer)| truth.distance(answer));
        let converted = answered
            && ms <= self.conversion.within_ms
            && off.is_some_and(|off| off <= self.conversion.stars_off);
        self.requests += 1;
        self.errors.record(!answered);
        self.converted.record(converted);
        if answered {
            self.latency_ms.record(ms);
        }
        if let Some(off) = off {
            self.right.record(off == 0);
            self.within_one.record(off <= 1);
            self.star_error.record(f64::from(off));
        }
        let value = match self.primary {
            Outcome::Right => off.map(|off| f64::from(u8::from(off == 0))),
            Outcome::WithinOneStar => off.map(|off| f64::from(u8::from(off <= 1))),
            Outcome::StarError => off.map(f64::from),
            Outcome::Latency => answered.then_some(ms),
            Outcome::Errors => Some(f64::from(u8::from(!answered))),
            Outcome::Conversion => Some(f64::from(u8::from(converted))),
        };
        let Some(value) = value else { return };
        if let Some(stars) = r.true_stars {
            self.by_stars.record(f64::from(stars.get()), value);
        }
        if !self.users.is_empty()
            && let Some(group) = self.users.get_mut(r.user as usize % USER_GROUPS)
        {
            group.0 += value;
            group.1 += 1;
        }
    }

    /// Adds what another part of the same test has shown: the same as if it had been recorded here, but for rounding.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.right.merge(&other.right);
        self.within_one.merge(&other.within_one);
        self.star_error.merge(&other.star_error);
        self.latency_ms.merge(&other.latency_ms);
        self.errors.merge(&other.errors);
        self.converted.merge(&other.converted);
        for (ours, theirs) in self.users.iter_mut().zip(&other.users) {
            ours.0 += theirs.0;
            ours.1 += theirs.1;
        }
        self.by_stars.merge(&other.by_stars);
    }

    /// Requests so far, failed ones included: what the split is judged by.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Successes and trials of an outcome that is a share; none of one that is a mean.
    pub fn proportion(&self, outcome: Outcome) -> Option<&Proportion> {
        match outcome {
            Outcome::Right => Some(&self.right),
            Outcome::WithinOneStar => Some(&self.within_one),
            Outcome::Errors => Some(&self.errors),
            Outcome::Conversion => Some(&self.converted),
            Outcome::StarError | Outcome::Latency => None,
        }
    }

    /// Count, mean and variance of an outcome, request by request.
    pub fn summary(&self, outcome: Outcome) -> Summary {
        match outcome {
            Outcome::StarError => self.star_error,
            Outcome::Latency => self.latency_ms,
            _ => self.proportion(outcome).and_then(|p| of_trials(p).ok()).unwrap_or_default(),
        }
    }

    /// The primary outcome's sum and count of each group of users that has any; none where requests are the units.
    pub fn users(&self) -> Option<PairSummary> {
        if self.users.is_empty() {
            return None;
        }
        let mut pairs = PairSummary::default();
        self.users.iter().filter(|(_, n)| *n > 0).for_each(|(sum, n)| pairs.record(*sum, f64::from(*n)));
        Some(pairs)
    }
}

/// Trials as values of 0 and 1.
fn of_trials(trials: &Proportion) -> Result<Summary> {
    let (n, p) = (trials.n(), trials.share()?);
    if n == 1 {
        return Ok(Summary::of(&[p]));
    }
    Summary::from_moments(n, p, p * (1.0 - p) * n as f64 / (n - 1) as f64)
}

/// B less A of an outcome, with its squared standard error by the unit that was randomized.
///
/// # Shapes and units
/// The difference in the outcome's unit, the squared error in its square.
///
/// # Formula
/// Requests: `s_A²/n_A + s_B²/n_B`. Users: the delta method over users for both variants, [`means::ratio`].
///
/// # Errors
/// `CannotTell` below two values in a variant, or when neither varies.
///
/// # Source
/// Deng, Knoblich and Lu, KDD 2018, for users.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::evidence::{Conversion, Outcome, Unit, VariantEvidence, difference};
/// let none = VariantEvidence::new(Outcome::Latency, Unit::Request, Conversion { within_ms: 50.0, stars_off: 1 });
/// assert!(difference(&none, &none, Outcome::Latency).unwrap_err().cannot_tell().is_some());
/// ```
pub fn difference(a: &VariantEvidence, b: &VariantEvidence, outcome: Outcome) -> Result<(f64, f64)> {
    if outcome == a.primary
        && let (Some(a), Some(b)) = (a.users(), b.users())
    {
        let z = means::ratio_z(&a, &b)?;
        return Ok((z.difference, z.standard_error * z.standard_error));
    }
    let (of_a, of_b) = (a.summary(outcome), b.summary(outcome));
    at_least("values of A", of_a.n(), 2)?;
    at_least("values of B", of_b.n(), 2)?;
    let squared_error = of_a.variance()? / of_a.n() as f64 + of_b.variance()? / of_b.n() as f64;
    if squared_error <= 0.0 {
        return Err(CannotTell::NoVariance { what: "A and B" }.into());
    }
    Ok((of_b.mean()? - of_a.mean()?, squared_error))
}

/// The test for one n: z for shares with Newcombe's interval, Welch's t for means, z over users for users.
///
/// # Errors
/// As the tests: `CannotTell` with too few values or none that vary, `NotAProbability` for α.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::evidence::{Conversion, Outcome, Unit, VariantEvidence, fixed_estimate};
/// let none = VariantEvidence::new(Outcome::Right, Unit::Request, Conversion { within_ms: 50.0, stars_off: 1 });
/// assert!(fixed_estimate(&none, &none, Outcome::Right, 0.05).unwrap_err().cannot_tell().is_some());
/// ```
pub fn fixed_estimate(
    a: &VariantEvidence,
    b: &VariantEvidence,
    outcome: Outcome,
    alpha: f64,
) -> Result<Estimate> {
    if outcome == a.primary
        && let (Some(a), Some(b)) = (a.users(), b.users())
    {
        let z = means::ratio_z(&a, &b)?;
        return Ok(Estimate { difference: z.difference, interval: z.interval(alpha)?, p: z.p });
    }
    if let (Some(a), Some(b)) = (a.proportion(outcome), b.proportion(outcome)) {
        let z = two_proportion_z(a, b)?;
        return Ok(Estimate { difference: z.difference, interval: newcombe_interval(a, b, alpha)?, p: z.p });
    }
    let t = means::welch_t(&a.summary(outcome), &b.summary(outcome))?;
    Ok(Estimate { difference: t.difference, interval: t.interval(alpha)?, p: t.p })
}

/// The test for one n with less noise: CUPED, by the true stars of the reviews.
///
/// How many stars a review truly has is settled before any variant answers, and some reviews are harder than others:
/// that part of the noise is taken out. It is shown beside the planned test, it does not replace it.
///
/// # Shapes and units
/// The estimate in the primary outcome's unit, and the share of the variance that is gone, 0 to 1.
///
/// # Formula
/// See [`means::cuped`], x the true stars and y the primary outcome.
///
/// # Errors
/// `CannotTell` with too few values or none that vary, and where users are the units: their outcomes are ratios.
/// `NotAProbability` for α.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::evidence::{Conversion, Outcome, Unit, VariantEvidence, cuped_estimate};
/// let none = VariantEvidence::new(Outcome::Right, Unit::Request, Conversion { within_ms: 50.0, stars_off: 1 });
/// assert!(cuped_estimate(&none, &none, 0.05).unwrap_err().cannot_tell().is_some());
/// ```
pub fn cuped_estimate(a: &VariantEvidence, b: &VariantEvidence, alpha: f64) -> Result<(Estimate, f64)> {
    if a.users().is_some() || b.users().is_some() {
        at_least("requests that are units", 0, 2)?;
    }
    let cuped = means::cuped(&a.by_stars, &b.by_stars)?;
    let (test, gone) = (cuped.test, cuped.variance_reduction);
    Ok((Estimate { difference: test.difference, interval: test.interval(alpha)?, p: test.p }, gone))
}

/// A difference less what it is measured in, in words that fit a table: points for shares.
pub fn shown(outcome: Outcome, value: f64) -> (f64, &'static str) {
    if outcome.is_share() { (value * 100.0, "points") } else { (value, outcome.unit()) }
}
