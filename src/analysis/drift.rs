//! How far today's distribution over bins is from a reference's: of predicted stars, of review lengths.

use super::{
    distribution::chi_square,
    error::{CannotTell, Result, StatisticsError, at_least},
};

/// Two histograms over the same bins, as shares.
///
/// # Shapes and units
/// Counts per bin, both lists equally long, two bins or more. Divergences are in nats.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::drift::Drift;
/// let drift = Drift::new(&[25, 25, 25, 25], &[20, 20, 30, 30])?;
/// assert!((drift.psi()? - 0.0405465).abs() < 1e-7);
/// assert!((drift.jensen_shannon() - 0.00505939).abs() < 1e-8);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    counts: Vec<(u64, u64)>,
    n: (f64, f64),
}

/// A chi-square test of two histograms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Homogeneity {
    /// The statistic, without correction for continuity.
    pub chi2: f64,
    /// Bins less one.
    pub df: u32,
    /// p-value.
    pub p: f64,
}

/// `x ln(x/y)`, 0 for x = 0.
fn relative_entropy(x: f64, y: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x * libm::log(x / y) }
}

impl Drift {
    /// Of these counts.
    ///
    /// # Errors
    /// `WrongLength` unless both have the same two or more bins; `CannotTell` when one is empty.
    pub fn new(reference: &[u64], current: &[u64]) -> Result<Self> {
        let need = reference.len().max(2);
        if current.len() != need || reference.len() != need {
            let have = if reference.len() < 2 { reference.len() } else { current.len() };
            return Err(StatisticsError::WrongLength { name: "bins", have, need });
        }
        let n = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
        at_least("observations of the reference", n.0, 1)?;
        at_least("current observations", n.1, 1)?;
        let counts = reference.iter().copied().zip(current.iter().copied()).collect();
        Ok(Self { counts, n: (n.0 as f64, n.1 as f64) })
    }

    /// Shares of the reference and of now, bin by bin.
    fn shares(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.counts.iter().map(|&(p, q)| (p as f64 / self.n.0, q as f64 / self.n.1))
    }

    /// Population stability index; by custom, from 0.1 on worth a look, from 0.25 on a change.
    ///
    /// # Formula
    /// `Σ (q − p) ln(q/p)`, p the reference's shares and q those of now.
    ///
    /// # Errors
    /// `CannotTell` for a bin that is empty on one side only.
    ///
    /// # Source
    /// Siddiqi, Credit Risk Scorecards (2006); Jeffreys (1946).
    pub fn psi(&self) -> Result<f64> {
        for (bin, (p, q)) in self.shares().enumerate() {
            if (p == 0.0) != (q == 0.0) {
                return Err(CannotTell::EmptyBin { bin }.into());
            }
        }
        Ok(self.shares().map(|(p, q)| relative_entropy(q, p) + relative_entropy(p, q)).sum())
    }

    /// Kullback–Leibler divergence of now from the reference.
    ///
    /// # Formula
    /// `Σ q ln(q/p)`
    ///
    /// # Errors
    /// `CannotTell` for a bin that only the reference has empty.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::drift::Drift;
    /// assert!((Drift::new(&[500, 500], &[90, 110])?.kullback_leibler()? - 0.00500837).abs() < 1e-8);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn kullback_leibler(&self) -> Result<f64> {
        for (bin, (p, q)) in self.shares().enumerate() {
            if p == 0.0 && q > 0.0 {
                return Err(CannotTell::EmptyBin { bin }.into());
            }
        }
        Ok(self.shares().map(|(p, q)| relative_entropy(q, p)).sum())
    }

    /// Jensen–Shannon divergence, 0 to ln 2; empty bins do it no harm. Its root is a distance.
    ///
    /// # Formula
    /// `½ KL(p‖m) + ½ KL(q‖m)`, `m = (p + q)/2`
    ///
    /// # Source
    /// Lin, IEEE Trans. Information Theory 37 (1991).
    pub fn jensen_shannon(&self) -> f64 {
        let sum: f64 = self
            .shares()
            .map(|(p, q)| {
                let m = 0.5 * (p + q);
                relative_entropy(p, m) + relative_entropy(q, m)
            })
            .sum();
        (0.5 * sum).max(0.0)
    }

    /// Total variation distance, 0 to 1: the greatest difference in the probability of any event.
    ///
    /// # Formula
    /// `½ Σ |p − q|`
    pub fn total_variation(&self) -> f64 {
        0.5 * self.shares().map(|(p, q)| (p - q).abs()).sum::<f64>()
    }

    /// Hellinger distance, 0 to 1.
    ///
    /// # Formula
    /// `√(½ Σ (√p − √q)²)`
    pub fn hellinger(&self) -> f64 {
        let gap = |(p, q): (f64, f64)| libm::sqrt(p) - libm::sqrt(q);
        libm::sqrt(0.5 * self.shares().map(|s| gap(s) * gap(s)).sum::<f64>())
    }

    /// Wasserstein distance in bins: how far, on average, a unit must move. For bins in an order, such as stars.
    ///
    /// # Formula
    /// `Σ |P_i − Q_i|` over the cumulative shares.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::drift::Drift;
    /// assert_eq!(Drift::new(&[1, 0, 0], &[0, 0, 1])?.wasserstein(), 2.0);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn wasserstein(&self) -> f64 {
        let (mut gap, mut sum) = (0.0_f64, 0.0);
        for (p, q) in self.shares().take(self.counts.len() - 1) {
            gap += p - q;
            sum += gap.abs();
        }
        sum
    }

    /// Chi-square test that both histograms come from one distribution. With many observations it alarms at changes
    /// that do not matter: read it beside a distance.
    ///
    /// # Formula
    /// `Σ (O − E)²/E` of the 2 × k table, k − 1 degrees of freedom.
    ///
    /// # Errors
    /// `CannotTell` for a bin that is empty on both sides.
    pub fn homogeneity(&self) -> Result<Homogeneity> {
        let all = self.n.0 + self.n.1;
        let mut chi2 = 0.0;
        for (bin, &(p, q)) in self.counts.iter().enumerate() {
            let both = (p + q) as f64;
            if both == 0.0 {
                return Err(CannotTell::EmptyBin { bin }.into());
            }
            for (seen, n) in [(p as f64, self.n.0), (q as f64, self.n.1)] {
                let expected = both * n / all;
                chi2 += (seen - expected) * (seen - expected) / expected;
            }
        }
        let df = self.counts.len() as u32 - 1;
        Ok(Homogeneity { chi2, df, p: chi_square::above(chi2, df) })
    }
}
