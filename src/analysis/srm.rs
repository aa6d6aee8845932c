//! Sample ratio mismatch: did the variants get the shares that the weights promised? When they did not, something
//! between assignment and record loses requests of one variant, and no other number can be trusted.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{binomial, chi_square},
    error::{CannotTell, Result, StatisticsError, at_least, finite, positive},
};

/// The usual limit: a smaller p-value is an alarm. Strict, because the test is always on.
pub const SRM_ALARM: f64 = 0.001;

/// The chi-square test of the split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Srm {
    /// Requests that the weights promised each variant.
    pub expected: Vec<f64>,
    /// `Σ (observed − expected)²/expected`.
    pub chi2: f64,
    /// Variants with a weight, less one.
    pub df: u32,
    /// p-value.
    pub p: f64,
}

/// Shares by weight; refuses what promises nothing.
fn shares(observed: &[u64], weights: &[f64]) -> Result<Vec<f64>> {
    if observed.len() != weights.len() || observed.len() < 2 {
        let need = weights.len().max(2);
        return Err(StatisticsError::WrongLength { name: "observed", have: observed.len(), need });
    }
    for &weight in weights {
        if finite("weight", weight)? < 0.0 {
            let limit = "at least 0";
            return Err(StatisticsError::OutOfRange { name: "weight", value: weight, limit });
        }
    }
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return Err(CannotTell::NoWeight.into());
    }
    for (variant, (&count, &weight)) in observed.iter().zip(weights).enumerate() {
        if weight == 0.0 && count > 0 {
            return Err(CannotTell::NotByChance { variant, count }.into());
        }
    }
    if weights.iter().filter(|w| **w > 0.0).count() < 2 {
        let limit = "above 0 for at least two variants";
        return Err(StatisticsError::OutOfRange { name: "weight", value: 0.0, limit });
    }
    at_least("requests", observed.iter().sum(), 1)?;
    Ok(weights.iter().map(|w| w / sum).collect())
}

/// Chi-square test of the split, at one n. A variant of weight 0 without requests takes no part.
///
/// # Shapes and units
/// `observed`: requests (or users) per variant; `weights`: any scale, e.g. 90 and 10.
///
/// # Formula
/// `Σ (O − E)²/E`, `E = ΣO · w/Σw`, as many degrees of freedom as variants with a weight, less one.
///
/// # Errors
/// `CannotTell` without a request, with weights of 0 only, or for requests at a variant of weight 0 (no chance explains
/// those); `WrongLength` unless both lists have the same two or more entries; `OutOfRange` for a negative weight or a
/// single variant with weight.
///
/// # Source
/// Fabijan et al., KDD 2019; alarm at p < 0.001: Kohavi, Tang and Xu (2020).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::srm::{SRM_ALARM, srm_chi_square};
/// let srm = srm_chi_square(&[9_100, 900], &[90.0, 10.0])?;
/// assert!((srm.chi2 - 11.1111).abs() < 1e-4 && srm.p < SRM_ALARM);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn srm_chi_square(observed: &[u64], weights: &[f64]) -> Result<Srm> {
    let shares = shares(observed, weights)?;
    let n = observed.iter().sum::<u64>() as f64;
    let sum: f64 = weights.iter().sum();
    let expected: Vec<f64> = weights.iter().map(|w| n * w / sum).collect();
    let chi2 = observed
        .iter()
        .zip(&expected)
        .filter(|(_, e)| **e > 0.0)
        .map(|(&o, &e)| (o as f64 - e) * (o as f64 - e) / e)
        .sum();
    let df = shares.iter().filter(|s| **s > 0.0).count() as u32 - 1;
    Ok(Srm { expected, chi2, df, p: chi_square::above(chi2, df) })
}

/// Exact two-sided p-value of the split between two variants, for few requests.
///
/// # Formula
/// Probability of all counts of the first variant that are no likelier than the one seen, Binomial(n, w₁/Σw).
///
/// # Errors
/// As [`srm_chi_square`]; `WrongLength` unless there are two variants.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::srm::srm_exact;
/// assert!((srm_exact(&[9_123, 877], &[90.0, 10.0])? - 3.3031e-5).abs() < 1e-8);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn srm_exact(observed: &[u64], weights: &[f64]) -> Result<f64> {
    if observed.len() != 2 {
        return Err(StatisticsError::WrongLength { name: "observed", have: observed.len(), need: 2 });
    }
    let shares = shares(observed, weights)?;
    Ok(binomial::no_likelier_than(observed[0], observed[0] + observed[1], shares[0]))
}

/// Sequential test of the split: may be looked at after every request, and still alarms by chance with at most the
/// probability of its limit, ever.
///
/// # Shapes and units
/// Counts per variant; `concentration`: how sure the alternative is that the split is nearly right, 10,000 at gbstats
/// (a split off by a percentage point is what it seeks).
///
/// # Formula
/// Bayes factor of a Dirichlet alternative around the weights against the weights themselves:
/// `BF = [Γ(c)/Γ(c + n) Π Γ(cθ_i + n_i)/Γ(cθ_i)] / Π θ_i^n_i`; `p = min over all looks of 1/BF`, at most 1.
///
/// # Source
/// Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv:2011.03567.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::srm::SequentialSrm;
/// let mut srm = SequentialSrm::new(&[1.0, 1.0], 10_000.0)?;
/// srm.look(&[5_000, 5_400])?;
/// assert!((srm.p() - 0.028282).abs() < 1e-6);
/// srm.look(&[6_000, 6_400])?;
/// assert!(srm.p() <= 0.028283); // it never rises
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialSrm {
    shares: Vec<f64>,
    concentration: f64,
    ln_most: f64,
}

impl SequentialSrm {
    /// For these weights, before the first request.
    ///
    /// # Errors
    /// As [`srm_chi_square`] for the weights; `OutOfRange` unless the concentration is above 0.
    pub fn new(weights: &[f64], concentration: f64) -> Result<Self> {
        positive("concentration", concentration)?;
        // One pretended request each, so that the weights alone are judged.
        let pretended: Vec<u64> = weights.iter().map(|w| u64::from(*w > 0.0)).collect();
        Ok(Self { shares: shares(&pretended, weights)?, concentration, ln_most: 0.0 })
    }

    /// Takes in the counts so far (not since the last look) and gives the logarithm of the Bayes factor at this look.
    ///
    /// # Errors
    /// `WrongLength` for another number of variants; `CannotTell` for requests at a variant of weight 0.
    pub fn look(&mut self, observed: &[u64]) -> Result<f64> {
        if observed.len() != self.shares.len() {
            let need = self.shares.len();
            return Err(StatisticsError::WrongLength { name: "observed", have: observed.len(), need });
        }
        let n = observed.iter().sum::<u64>() as f64;
        let mut ln = rising(self.concentration, n);
        ln = -ln;
        for (variant, (&count, &share)) in observed.iter().zip(&self.shares).enumerate() {
            if share == 0.0 {
                if count > 0 {
                    return Err(CannotTell::NotByChance { variant, count }.into());
                }
                continue;
            }
            ln += rising(self.concentration * share, count as f64) - count as f64 * libm::log(share);
        }
        self.ln_most = self.ln_most.max(ln);
        Ok(ln)
    }

    /// p-value over all looks so far, 1 before the first.
    pub fn p(&self) -> f64 {
        libm::exp(-self.ln_most)
    }
}

/// `ln Γ(a + n) − ln Γ(a)`.
fn rising(a: f64, n: f64) -> f64 {
    libm::lgamma(a + n) - libm::lgamma(a)
}
