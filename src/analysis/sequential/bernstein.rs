//! The empirical Bernstein confidence sequence.

use serde::{Deserialize, Serialize};

use crate::analysis::{
    error::{Result, StatisticsError, at_least, probability},
    interval::Interval,
};

/// A confidence sequence for the mean of values from 0 to 1 that is right at every n, small n included: no bell curve,
/// no large-sample promise. The price is width.
///
/// # Shapes and units
/// Values from 0 to 1: right or wrong, or a metric divided by its greatest value.
///
/// # Formula
/// With `e = α/2`: bets `λ_t = min(½, √(2 ln(1/e)/(t ln(1 + t) σ²_{t−1})))`,
/// `σ²_t = (¼ + Σ (x_j − m_j)²)/(t + 1)`, `m_j = (½ + Σ_{i≤j} x_i)/(j + 1)`, `ψ(λ) = −ln(1 − λ) − λ`. Lower end
/// `max(0, (Σ λx − ln(1/e) − Σ (x_j − x̄_{j−1})² ψ(λ_j))/Σλ)`; the upper end is 1 less the lower end of `1 − x`.
///
/// # Source
/// Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), theorem 2.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::BernsteinSequence;
/// let mut sequence = BernsteinSequence::new(0.05)?;
/// for t in 0..300 {
///     sequence.record(if t % 10 == 0 { 0.0 } else { 1.0 })?;
/// }
/// let interval = sequence.interval()?;
/// assert!(interval.contains(0.9) && interval.low > 0.8 && interval.high < 0.98);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BernsteinSequence {
    ln_inverse: f64,
    n: u64,
    sum: f64,
    squares: f64,
    bets: f64,
    won: f64,
    penalty_low: f64,
    penalty_high: f64,
}

impl BernsteinSequence {
    /// With level α, before the first value.
    ///
    /// # Errors
    /// `NotAProbability` for α.
    pub fn new(alpha: f64) -> Result<Self> {
        let ln_inverse = -libm::log(0.5 * probability("alpha", alpha)?);
        Ok(Self {
            ln_inverse,
            n: 0,
            sum: 0.0,
            squares: 0.25,
            bets: 0.0,
            won: 0.0,
            penalty_low: 0.0,
            penalty_high: 0.0,
        })
    }

    /// Adds a value.
    ///
    /// # Errors
    /// `OutOfRange` outside 0 to 1.
    pub fn record(&mut self, value: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&value) {
            return Err(StatisticsError::OutOfRange { name: "value", value, limit: "from 0 to 1" });
        }
        // Everything is symmetric in x and 1 − x but for the first step, whose mean before is 0 for either.
        let (mean_low, mean_high) =
            if self.n == 0 { (0.0, 1.0) } else { (self.sum / self.n as f64, self.sum / self.n as f64) };
        self.n += 1;
        let t = self.n as f64;
        let spread = self.squares / t;
        let bet = libm::sqrt(2.0 * self.ln_inverse / (t * libm::log1p(t) * spread)).min(0.5);
        let psi = -libm::log1p(-bet) - bet;
        self.bets += bet;
        self.won += bet * value;
        self.penalty_low += (value - mean_low) * (value - mean_low) * psi;
        self.penalty_high += (value - mean_high) * (value - mean_high) * psi;
        self.sum += value;
        let running = (0.5 + self.sum) / (t + 1.0);
        self.squares += (value - running) * (value - running);
        Ok(())
    }

    /// Values so far.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The interval at this n; 0 to 1 while the values say nothing yet.
    ///
    /// # Errors
    /// `CannotTell` without a value.
    pub fn interval(&self) -> Result<Interval> {
        at_least("values", self.n, 1)?;
        let end = |won: f64, penalty: f64| ((won - self.ln_inverse - penalty) / self.bets).max(0.0);
        Ok(Interval {
            low: end(self.won, self.penalty_low),
            high: 1.0 - end(self.bets - self.won, self.penalty_high),
        })
    }
}
