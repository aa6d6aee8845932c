//! Wald's sequential probability ratio test.

use serde::{Deserialize, Serialize};

use crate::analysis::error::{Result, StatisticsError, probability};

/// Which of two rates the data speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SprtDecision {
    /// Neither yet: go on.
    Continue,
    /// The rate is p₀.
    AcceptH0,
    /// The rate is p₁.
    AcceptH1,
}

/// Wald's SPRT between two rates: on average the fewest trials for its errors, e.g. for a canary's error rate.
///
/// # Shapes and units
/// Rates 0 to 1; `alpha`: probability of p₁ when p₀ is true; `beta`: of p₀ when p₁ is true.
///
/// # Formula
/// `llr += ln(p₁/p₀)` for a success, `ln((1 − p₁)/(1 − p₀))` for a failure; p₁ at `ln((1 − β)/α)` or above, p₀ at
/// `ln(β/(1 − α))` or below. The first crossing decides.
///
/// # Source
/// Wald, Annals of Mathematical Statistics 16 (1945).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::{Sprt, SprtDecision};
/// let mut test = Sprt::new(0.01, 0.05, 0.05, 0.2)?;
/// assert!((test.upper() - 2.772589).abs() < 1e-6 && (test.lower() + 1.558145).abs() < 1e-6);
/// assert_eq!(test.record(true), SprtDecision::Continue);
/// assert_eq!(test.record(true), SprtDecision::AcceptH1); // two errors are enough
/// assert_eq!(test.decided_at(), Some(2));
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sprt {
    of_success: f64,
    of_failure: f64,
    upper: f64,
    lower: f64,
    llr: f64,
    n: u64,
    decision: SprtDecision,
    decided_at: Option<u64>,
}

impl Sprt {
    /// Between `p0` and `p1`.
    ///
    /// # Errors
    /// `NotAProbability` for a rate or an error; `OutOfRange` when the rates are equal or the errors sum to 1 or more.
    pub fn new(p0: f64, p1: f64, alpha: f64, beta: f64) -> Result<Self> {
        for (name, value) in [("p0", p0), ("p1", p1), ("alpha", alpha), ("beta", beta)] {
            probability(name, value)?;
        }
        if p0 == p1 {
            return Err(StatisticsError::OutOfRange { name: "p1", value: p1, limit: "another rate than p0" });
        }
        if alpha + beta >= 1.0 {
            let limit = "below 1";
            return Err(StatisticsError::OutOfRange { name: "alpha + beta", value: alpha + beta, limit });
        }
        Ok(Self {
            of_success: libm::log(p1 / p0),
            of_failure: libm::log((1.0 - p1) / (1.0 - p0)),
            upper: libm::log((1.0 - beta) / alpha),
            lower: libm::log(beta / (1.0 - alpha)),
            llr: 0.0,
            n: 0,
            decision: SprtDecision::Continue,
            decided_at: None,
        })
    }

    /// Adds a trial and says what is decided by now. Later trials still move the ratio, but no decision.
    pub fn record(&mut self, success: bool) -> SprtDecision {
        self.n += 1;
        self.llr += if success { self.of_success } else { self.of_failure };
        if self.decision == SprtDecision::Continue {
            if self.llr >= self.upper {
                self.decision = SprtDecision::AcceptH1;
            } else if self.llr <= self.lower {
                self.decision = SprtDecision::AcceptH0;
            }
            self.decided_at = (self.decision != SprtDecision::Continue).then_some(self.n);
        }
        self.decision
    }

    /// Log-likelihood ratio of p₁ against p₀.
    pub fn llr(&self) -> f64 {
        self.llr
    }

    /// Where p₁ is accepted.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// Where p₀ is accepted.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// What is decided by now.
    pub fn decision(&self) -> SprtDecision {
        self.decision
    }

    /// The trial that decided.
    pub fn decided_at(&self) -> Option<u64> {
        self.decided_at
    }
}
