//! Many tests at once: every further metric is another chance of a false alarm.

use serde::{Deserialize, Serialize};

use super::error::{Result, StatisticsError, at_least, probability};

/// What is held below α, and by how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Correction {
    /// Probability of any false alarm: every p-value × the number of tests.
    Bonferroni,
    /// Probability of any false alarm, step down: never worse than Bonferroni's.
    Holm,
    /// Probability of any false alarm, step up: for independent tests.
    Hochberg,
    /// Expected share of false alarms among the alarms: for independent tests.
    BenjaminiHochberg,
    /// The same share, however the tests depend on one another.
    BenjaminiYekutieli,
}

/// Adjusted p-values, in the order given: reject where one is at most α.
///
/// # Shapes and units
/// p-values from 0 to 1, one a test.
///
/// # Formula
/// With `p_(1) ≤ … ≤ p_(m)`: Bonferroni `m p`; Holm `max_{j≤i} (m − j + 1) p_(j)`; Hochberg `min_{j≥i} (m − j + 1) p_(j)`;
/// Benjamini–Hochberg `min_{j≥i} (m/j) p_(j)`; Benjamini–Yekutieli that × `Σ 1/j`. All at most 1.
///
/// # Errors
/// `CannotTell` without a p-value; `OutOfRange` for one outside 0 to 1.
///
/// # Source
/// Holm (1979); Hochberg (1988); Benjamini and Hochberg (1995); Benjamini and Yekutieli (2001).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::multiple::{Correction, adjusted};
/// let p = adjusted(&[0.01, 0.04, 0.03, 0.005], Correction::Holm)?;
/// for (p, wanted) in p.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
///     assert!((p - wanted).abs() < 1e-15);
/// }
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn adjusted(p: &[f64], correction: Correction) -> Result<Vec<f64>> {
    at_least("p-values", p.len() as u64, 1)?;
    for &value in p {
        if !(0.0..=1.0).contains(&value) {
            return Err(StatisticsError::OutOfRange { name: "p", value, limit: "from 0 to 1" });
        }
    }
    let m = p.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let harmonic: f64 = (1..=m).map(|j| 1.0 / j as f64).sum();
    let raw = |at: usize| {
        let value = p[order[at]];
        match correction {
            Correction::Bonferroni => value * m as f64,
            Correction::Holm | Correction::Hochberg => value * (m - at) as f64,
            Correction::BenjaminiHochberg => value * m as f64 / (at + 1) as f64,
            Correction::BenjaminiYekutieli => value * m as f64 * harmonic / (at + 1) as f64,
        }
    };
    let mut result = vec![0.0; m];
    match correction {
        Correction::Bonferroni => (0..m).for_each(|at| result[order[at]] = raw(at).min(1.0)),
        Correction::Holm => {
            let mut most = 0.0_f64;
            for at in 0..m {
                most = most.max(raw(at).min(1.0));
                result[order[at]] = most;
            }
        }
        _ => {
            let mut least = 1.0_f64;
            for at in (0..m).rev() {
                least = least.min(raw(at));
                result[order[at]] = least;
            }
        }
    }
    Ok(result)
}

/// Which hypotheses fall at this level, in the order given.
///
/// # Errors
/// As [`adjusted`], and `NotAProbability` for α.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::multiple::{Correction, rejected};
/// assert_eq!(rejected(&[0.01, 0.04, 0.03], Correction::Bonferroni, 0.05)?, [true, false, false]);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn rejected(p: &[f64], correction: Correction, alpha: f64) -> Result<Vec<bool>> {
    probability("alpha", alpha)?;
    Ok(adjusted(p, correction)?.into_iter().map(|p| p <= alpha).collect())
}
