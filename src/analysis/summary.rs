//! Mean and variance of any number of values in four numbers.

use serde::{Deserialize, Serialize};

use super::error::{CannotTell, Result, StatisticsError, at_least, finite};

/// Count, mean and sum of squared deviations: all that a t test wants of a sample, mergeable, in constant memory.
///
/// # Shapes and units
/// Values in the metric's unit, e.g. ms; the variance in its square.
///
/// # Formula
/// Recording: `mean += (x − mean)/n`, `M₂ += (x − mean_before)(x − mean_after)`. Merging: with `δ = mean_b − mean_a`,
/// `mean = mean_a + δ n_b/n`, `M₂ = M₂a + M₂b + δ² n_a n_b/n`. Variance: `M₂/(n − 1)`. Means are kept as distances
/// from the first value, so that values which differ little keep the digits in which they do.
///
/// # Source
/// Welford, Technometrics 4 (1962); Chan, Golub and LeVeque, "Updating formulae" (1979).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::Summary;
/// let (mut left, right) = (Summary::of(&[1.0, 2.0]), Summary::of(&[3.0, 6.0]));
/// left.merge(&right);
/// assert_eq!((left.n(), left.mean()?), (4, 3.0));
/// assert!((left.variance()? - 14.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    n: u64,
    /// The first value.
    origin: f64,
    /// Mean less origin.
    mean: f64,
    squares: f64,
}

impl Summary {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let mut summary = Self::default();
        values.iter().for_each(|&x| summary.record(x));
        summary
    }

    /// Of values known only by count, mean and variance (n − 1).
    ///
    /// # Errors
    /// `NotFinite` or `OutOfRange` for a mean or variance that no sample has, `CannotTell` for n below 2.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::Summary;
    /// assert_eq!(Summary::from_moments(120, 20.1, 16.0)?.variance()?, 16.0);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn from_moments(n: u64, mean: f64, variance: f64) -> Result<Self> {
        at_least("values", n, 2)?;
        finite("mean", mean)?;
        if finite("variance", variance)? < 0.0 {
            return Err(StatisticsError::OutOfRange {
                name: "variance",
                value: variance,
                limit: "at least 0",
            });
        }
        Ok(Self { n, origin: mean, mean: 0.0, squares: variance * (n - 1) as f64 })
    }

    /// Adds a value.
    #[inline]
    pub fn record(&mut self, value: f64) {
        if self.n == 0 {
            self.origin = value;
        }
        self.n += 1;
        let distance = value - self.origin;
        let before = distance - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (distance - self.mean);
    }

    /// A value less the mean so far, 0 before the first.
    fn distance_from_mean(&self, value: f64) -> f64 {
        if self.n == 0 { 0.0 } else { (value - self.origin) - self.mean }
    }

    /// Another's mean less this one's.
    fn gap(&self, other: &Self) -> f64 {
        (other.origin - self.origin) + (other.mean - self.mean)
    }

    /// Adds all values of another: the same as if they had been recorded here, but for rounding.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let n = self.n + other.n;
        let (mine, theirs) = (self.n as f64, other.n as f64);
        let gap = self.gap(other);
        self.squares += other.squares + gap * gap * (mine * theirs / n as f64);
        self.mean += gap * (theirs / n as f64);
        self.n = n;
    }

    /// How many values there are.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Their mean.
    ///
    /// # Errors
    /// `CannotTell` without a value, `NotFinite` when one was not finite.
    pub fn mean(&self) -> Result<f64> {
        at_least("values", self.n, 1)?;
        finite("mean", self.origin + self.mean)
    }

    /// Their variance, with n − 1.
    ///
    /// # Errors
    /// `CannotTell` below two values, `NotFinite` when one was not finite.
    pub fn variance(&self) -> Result<f64> {
        at_least("values", self.n, 2)?;
        finite("variance", self.squares / (self.n - 1) as f64)
    }

    /// Square of the mean's standard error: variance ÷ n.
    ///
    /// # Errors
    /// As [`Summary::variance`], and `CannotTell` when all values are the same.
    pub fn squared_error(&self, what: &'static str) -> Result<f64> {
        at_least(what, self.n, 2)?;
        let variance = self.variance()?;
        if variance > 0.0 {
            Ok(variance / self.n as f64)
        } else {
            Err(CannotTell::NoVariance { what }.into())
        }
    }
}

/// Two values of each unit together, e.g. a user's errors and requests, or a unit's outcome and what was known of it
/// before. Mergeable, in constant memory.
///
/// # Shapes and units
/// x and y in their own units; variances in their squares, the covariance in the product.
///
/// # Formula
/// As [`Summary`], and for the covariance `C += (x − mean_x before)(y − mean_y after)`; merging adds
/// `δ_x δ_y n_a n_b/n`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::PairSummary;
/// let pairs = PairSummary::of(&[(1.0, 2.0), (2.0, 3.0), (3.0, 7.0)]);
/// assert_eq!((pairs.mean_x()?, pairs.mean_y()?, pairs.covariance()?), (2.0, 4.0, 2.5));
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairSummary {
    x: Summary,
    y: Summary,
    products: f64,
}

impl PairSummary {
    /// Of these pairs.
    pub fn of(pairs: &[(f64, f64)]) -> Self {
        let mut summary = Self::default();
        pairs.iter().for_each(|&(x, y)| summary.record(x, y));
        summary
    }

    /// Adds a pair.
    pub fn record(&mut self, x: f64, y: f64) {
        let before = self.x.distance_from_mean(x);
        self.x.record(x);
        self.y.record(y);
        self.products += before * self.y.distance_from_mean(y);
    }

    /// Adds all pairs of another.
    pub fn merge(&mut self, other: &Self) {
        let n = self.x.n + other.x.n;
        if other.x.n > 0 {
            let (gap_x, gap_y) = (self.x.gap(&other.x), self.y.gap(&other.y));
            let both = self.x.n as f64 * other.x.n as f64 / n as f64;
            self.products += other.products + gap_x * gap_y * both;
        }
        self.x.merge(&other.x);
        self.y.merge(&other.y);
    }

    /// How many pairs there are.
    pub fn n(&self) -> u64 {
        self.x.n
    }

    /// The first values alone.
    pub fn x(&self) -> &Summary {
        &self.x
    }

    /// The second values alone.
    pub fn y(&self) -> &Summary {
        &self.y
    }

    /// Mean of the first values.
    ///
    /// # Errors
    /// As [`Summary::mean`].
    pub fn mean_x(&self) -> Result<f64> {
        self.x.mean()
    }

    /// Mean of the second values.
    ///
    /// # Errors
    /// As [`Summary::mean`].
    pub fn mean_y(&self) -> Result<f64> {
        self.y.mean()
    }

    /// Their covariance, with n − 1.
    ///
    /// # Errors
    /// `CannotTell` below two pairs, `NotFinite` when a value was not finite.
    pub fn covariance(&self) -> Result<f64> {
        at_least("pairs", self.x.n, 2)?;
        finite("covariance", self.products / (self.x.n - 1) as f64)
    }
}
