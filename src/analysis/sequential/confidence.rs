//! The asymptotic confidence sequence.

use serde::{Deserialize, Serialize};

use crate::analysis::{
    error::{CannotTell, Result, StatisticsError, at_least, finite, positive, probability},
    interval::Interval,
    summary::Summary,
};

/// Half-width of the asymptotic confidence sequence around one variant's running mean.
///
/// It covers every `n` at once (for large `n`), so a learner may look after each invocation.
///
/// # Shapes and units
/// Scalars. `variance`: metric², sample (n − 1), e.g. ms². `n`, `tightest_at`: invocations. Returns: metric, e.g. ms.
///
/// # Formula
/// `√( variance · 2(nρ² + 1)/(nρ)² · ln(√(nρ² + 1)/α) )`, `ρ² = (−2 ln α + ln(1 − 2 ln α)) / tightest_at`
///
/// # Errors
/// `CannotTell` below two invocations or without variance, `NotAProbability` for α outside (0, 1), `NotFinite` or
/// `OutOfRange` naming the argument.
///
/// # Source
/// Waudby-Smith et al., arXiv:2103.06476v7, eq. 9 and 161; rows `anytime_*` in `tests/golden/statistics.json`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::confidence_sequence_half_width;
/// let half_width_ms = confidence_sequence_half_width(20.0_f64.powi(2), 1_000, 1_000, 0.05)?;
/// assert!((half_width_ms - 1.9196).abs() < 1e-4); // a fixed-n interval has 1.2396: the price of peeking
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn confidence_sequence_half_width(variance: f64, n: u64, tightest_at: u64, alpha: f64) -> Result<f64> {
    finite("variance", variance)?;
    if variance < 0.0 {
        return Err(StatisticsError::OutOfRange { name: "variance", value: variance, limit: "at least 0" });
    }
    at_least("invocations", n, 2)?;
    let look = ConfidenceSequence::new(alpha, tightest_at as f64)?.look(0.0, variance / n as f64, n)?;
    Ok(look.half_width)
}

/// A confidence sequence: one interval per look, all of them right at once with probability 1 − α (for large n).
///
/// # Shapes and units
/// The estimate in its unit, its squared standard error in that unit's square, n units of both variants together. For a
/// difference of means the squared error is `s_A²/n_A + s_B²/n_B`; any estimate with a squared error will do, a
/// relative lift too.
///
/// # Formula
/// With N the units so far and v the squared error: half width
/// `√(N v) √(2(Nρ² + 1)/(N²ρ²) ln(√(Nρ² + 1)/α))`, and `p = min(1, √(Nρ² + 1) exp(−ρ² d² N/v/(2(Nρ² + 1))))`. ρ as in
/// [`confidence_sequence_half_width`].
///
/// # Source
/// Waudby-Smith et al., arXiv:2103.06476, eq. 9; GrowthBook's sequential tests compute the same.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::ConfidenceSequence;
/// let mut sequence = ConfidenceSequence::new(0.1, 500.0)?;
/// let look = sequence.look(1.5, 30.0 / 900.0 + 42.0 / 100.0, 1_000)?;
/// assert!((look.half_width - 1.879200).abs() < 1e-6 && (look.p - 0.370551).abs() < 1e-6);
/// assert_eq!(sequence.running(), Some(look.interval));
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceSequence {
    alpha: f64,
    rho2: f64,
    running: Option<Interval>,
    least_p: f64,
}

/// One look at a confidence sequence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The estimate.
    pub difference: f64,
    /// Half width of the interval.
    pub half_width: f64,
    /// The interval at this look.
    pub interval: Interval,
    /// p-value at this look, valid whenever it is read.
    pub p: f64,
}

impl ConfidenceSequence {
    /// With level α, tightest about `tightest_at` units of both variants together.
    ///
    /// # Errors
    /// `NotAProbability` for α; `OutOfRange` or `NotFinite` for `tightest_at`.
    pub fn new(alpha: f64, tightest_at: f64) -> Result<Self> {
        let ln = -2.0 * libm::log(probability("alpha", alpha)?);
        let rho2 = (ln + libm::log1p(ln)) / positive("tightest_at", tightest_at)?;
        Ok(Self { alpha, rho2, running: None, least_p: 1.0 })
    }

    /// ρ: how the width is spread over n.
    pub fn rho(&self) -> f64 {
        libm::sqrt(self.rho2)
    }

    /// Looks at an estimate with this squared standard error after `n` units.
    ///
    /// # Errors
    /// `CannotTell` below two units or for an error of 0; `NotFinite`.
    pub fn look(&mut self, difference: f64, squared_error: f64, n: u64) -> Result<Look> {
        finite("difference", difference)?;
        at_least("units", n, 2)?;
        if finite("squared_error", squared_error)? <= 0.0 {
            return Err(CannotTell::NoVariance { what: "the values" }.into());
        }
        let n = n as f64;
        let grown = n * self.rho2 + 1.0;
        let ln_root = 0.5 * libm::log1p(n * self.rho2);
        let half_width =
            libm::sqrt(squared_error * 2.0 * grown / (n * self.rho2) * (ln_root - libm::log(self.alpha)));
        let ln_p = ln_root - self.rho2 * difference * difference * n / squared_error / (2.0 * grown);
        let look = Look {
            difference,
            half_width,
            interval: Interval::around(difference, half_width),
            p: libm::exp(ln_p.min(0.0)),
        };
        self.running = Some(self.running.map_or(look.interval, |all| all.intersection(&look.interval)));
        self.least_p = self.least_p.min(look.p);
        Ok(look)
    }

    /// Looks at one stream: its mean against 0.
    ///
    /// # Errors
    /// `CannotTell` below two values or without variance.
    pub fn look_at_mean(&mut self, stream: &Summary) -> Result<Look> {
        let squared_error = stream.squared_error("values")?;
        self.look(stream.mean()?, squared_error, stream.n())
    }

    /// Looks at the difference of two means, B less A.
    ///
    /// # Errors
    /// `CannotTell` below two values in a variant or when neither varies.
    pub fn look_at_difference(&mut self, a: &Summary, b: &Summary) -> Result<Look> {
        at_least("values of A", a.n(), 2)?;
        at_least("values of B", b.n(), 2)?;
        let squared_error = a.variance()? / a.n() as f64 + b.variance()? / b.n() as f64;
        self.look(b.mean()? - a.mean()?, squared_error, a.n() + b.n())
    }

    /// What all looks so far leave open; none before the first. Where it is empty (`low > high`), the effect itself has
    /// moved.
    pub fn running(&self) -> Option<Interval> {
        self.running
    }

    /// The least p-value so far; 1 before the first look.
    pub fn running_p(&self) -> f64 {
        self.least_p
    }
}
