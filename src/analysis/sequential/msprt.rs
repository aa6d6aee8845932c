//! The mixture sequential probability ratio test.

use serde::{Deserialize, Serialize};

use crate::analysis::{
    error::{Result, at_least, finite, positive, probability},
    interval::Interval,
};

/// mSPRT: a likelihood ratio against a normal mixture of effects. Its p-value never rises, and reaching α at any look
/// has probability α at most without an effect.
///
/// # Shapes and units
/// `variance`: V, of one unit of A plus one of B, metric²; for two rates `p_A(1 − p_A) + p_B(1 − p_B)`. `tau2`: variance of
/// the effects that are thought likely, metric². Looks have n units in each arm.
///
/// # Formula
/// `Λ = √(V/(V + nτ²)) exp(n²τ²(d − θ₀)²/(2V(V + nτ²)))`, `p = min over looks of 1/Λ`, at most 1; half width
/// `√(V(V + nτ²)/(n²τ²) (ln((V + nτ²)/V) − 2 ln α))`.
///
/// # Source
/// Johari, Pekelis and Walsh, "Always valid inference", arXiv:1512.04922.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::Msprt;
/// let mut test = Msprt::new(1e-4, 0.0, 0.05)?;
/// let look = test.look(10_000, 0.01, 0.1039)?;
/// assert!((look.lambda - 23.9937).abs() < 1e-4 && (look.p - 0.041678).abs() < 1e-6);
/// assert!(test.rejects());
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Msprt {
    tau2: f64,
    null: f64,
    alpha: f64,
    least_p: f64,
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MsprtLook {
    /// Λ: how many times likelier the data are under the mixture.
    pub lambda: f64,
    /// Its logarithm, which does not overflow.
    pub ln_lambda: f64,
    /// The least p-value so far.
    pub p: f64,
    /// Always valid interval of the effect at this look.
    pub interval: Interval,
}

impl Msprt {
    /// With the mixture N(`null`, `tau2`), the effect `null` to reject and level α.
    ///
    /// # Errors
    /// `OutOfRange` unless τ² is above 0; `NotFinite`; `NotAProbability` for α.
    pub fn new(tau2: f64, null: f64, alpha: f64) -> Result<Self> {
        positive("tau2", tau2)?;
        finite("null", null)?;
        probability("alpha", alpha)?;
        Ok(Self { tau2, null, alpha, least_p: 1.0 })
    }

    /// Looks after n units in each arm at the difference B − A.
    ///
    /// # Errors
    /// `CannotTell` without a unit; `OutOfRange` unless the variance is above 0; `NotFinite`.
    pub fn look(&mut self, n_per_arm: u64, difference: f64, variance: f64) -> Result<MsprtLook> {
        at_least("units per arm", n_per_arm, 1)?;
        finite("difference", difference)?;
        if finite("variance", variance)? == 0.0 {
            return Err(crate::analysis::CannotTell::NoVariance { what: "A and B" }.into());
        }
        positive("variance", variance)?;
        let n = n_per_arm as f64;
        let (v, spread) = (variance, variance + n * self.tau2);
        let ln_ratio = libm::log1p(n * self.tau2 / v);
        let gap = difference - self.null;
        let ln_lambda = n * n * self.tau2 * gap * gap / (2.0 * v * spread) - 0.5 * ln_ratio;
        self.least_p = self.least_p.min(libm::exp(-ln_lambda));
        let half_width =
            libm::sqrt(v * spread / (n * n * self.tau2) * (ln_ratio - 2.0 * libm::log(self.alpha)));
        Ok(MsprtLook {
            lambda: libm::exp(ln_lambda),
            ln_lambda,
            p: self.least_p,
            interval: Interval::around(difference, half_width),
        })
    }

    /// The least p-value so far, 1 before the first look.
    pub fn p(&self) -> f64 {
        self.least_p
    }

    /// Whether the effect `null` is rejected at level α by now.
    pub fn rejects(&self) -> bool {
        self.least_p <= self.alpha
    }
}
