//! Bandits: policies that move the weights after the outcomes. They earn more on the way, and pay for it with data that
//! no fixed test may read.

use serde::{Deserialize, Serialize};

use super::{
    bayes::{BetaPosterior, probability_best},
    distribution::beta,
    error::{CannotTell, Result, StatisticsError, at_least, finite},
    proportions::Proportion,
};

/// Steps in which UCB1 deals out a batch: shares are whole thousandths.
const UCB_STEPS: u64 = 1_000;

/// How units came to their variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allocation {
    /// By weights that did not depend on outcomes.
    Fixed,
    /// By a bandit, after the outcomes so far.
    Adaptive,
}

impl Allocation {
    /// Lets fixed tests pass only where the weights were fixed.
    ///
    /// # Errors
    /// `CannotTell` for a bandit's data: a variant that starts unlucky is dropped and never recovers, so its rate is
    /// biased downward, and the tests' errors are wrong.
    ///
    /// # Source
    /// Nie et al., "Why adaptively collected data have negative bias", AISTATS 2018.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::bandit::Allocation;
    /// assert!(Allocation::Fixed.for_fixed_tests().is_ok());
    /// assert!(Allocation::Adaptive.for_fixed_tests().unwrap_err().to_string().contains("bandit"));
    /// ```
    pub fn for_fixed_tests(self) -> Result<()> {
        match self {
            Self::Fixed => Ok(()),
            Self::Adaptive => Err(CannotTell::AdaptiveAllocation.into()),
        }
    }
}

fn arms_exist(arms: &[Proportion]) -> Result<()> {
    at_least("arms", arms.len() as u64, 1)
}

/// A bandit that routes live traffic: by the outcomes so far it says how the next batch is shared out.
///
/// # Shapes and units
/// Arms: successes of requests, e.g. right answers. Shares from 0 to 1 that sum to 1, an entry for each arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Policy {
    /// Each arm gets its probability to be the best.
    Thompson,
    /// Each request of the batch goes to the arm with the greatest upper confidence bound.
    Ucb1,
    /// The best rate so far gets all but a part that is spread evenly.
    EpsilonGreedy {
        /// That part, 0 to 1.
        epsilon: f64,
    },
}

impl Policy {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Thompson => "Thompson sampling",
            Self::Ucb1 => "UCB1",
            Self::EpsilonGreedy { .. } => "epsilon-greedy",
        }
    }

    /// Shares of the next `batch` requests, whose outcomes come in only after the last of them.
    ///
    /// A request routed by these shares meets an arm as often as one that asked the policy itself would: [`thompson`],
    /// [`ucb1`] or [`epsilon_greedy`] on the outcomes so far. Nothing is drawn here.
    ///
    /// # Formula
    /// Thompson: `P(i best)` of posteriors `Beta(1 + successes, 1 + failures)`, [`probability_best`]. UCB1: the batch is
    /// dealt out piece by piece to the greatest `x̄_i + √(2 ln N/n_i)`; pulls count at once, rates wait for their
    /// outcomes; arms never pulled share the batch evenly before all others. Epsilon-greedy: `1 − ε + ε/k` for the first
    /// of the greatest rates, an arm never pulled first of all, and `ε/k` for the rest.
    ///
    /// # Errors
    /// `CannotTell` without an arm; `OutOfRange` for ε or an empty batch.
    ///
    /// # Source
    /// Scott, "A modern Bayesian look at the multi-armed bandit" (2010), for shares by probability; Desautels, Krause and
    /// Burdick, JMLR 15 (2014), for bounds whose pulls count before their outcomes.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::{bandit::Policy, proportions::Proportion};
    /// let arms = [Proportion::new(10, 100)?, Proportion::new(15, 100)?, Proportion::new(12, 100)?];
    /// let shares = Policy::Thompson.shares(&arms, 100)?;
    /// assert!((shares[0] - 0.097105).abs() < 1e-6 && (shares[1] - 0.664570).abs() < 1e-6);
    /// let shares = Policy::EpsilonGreedy { epsilon: 0.3 }.shares(&arms, 100)?;
    /// assert!((shares[1] - 0.8).abs() < 1e-12 && (shares[2] - 0.1).abs() < 1e-12);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn shares(self, arms: &[Proportion], batch: u64) -> Result<Vec<f64>> {
        arms_exist(arms)?;
        if batch == 0 {
            return Err(StatisticsError::OutOfRange { name: "batch", value: 0.0, limit: "at least 1" });
        }
        let k = arms.len() as f64;
        match self {
            Self::Thompson if arms.len() == 1 => Ok(vec![1.0]),
            Self::Thompson => {
                let posteriors: Result<Vec<_>> =
                    arms.iter().map(|arm| BetaPosterior::after(1.0, 1.0, arm)).collect();
                let best = probability_best(&posteriors?)?;
                // Integrals leave a rest in the last digits.
                let sum: f64 = best.iter().sum();
                Ok(best.into_iter().map(|p| p / sum).collect())
            }
            Self::Ucb1 => Ok(dealt_by_bounds(arms, batch)),
            Self::EpsilonGreedy { epsilon } => {
                // A draw that never explores: the arm it would be without exploration.
                let best = epsilon_greedy(arms, epsilon, [1.0 - f64::EPSILON, 0.0])?;
                Ok((0..arms.len())
                    .map(|arm| epsilon / k + if arm == best { 1.0 - epsilon } else { 0.0 })
                    .collect())
            }
        }
    }
}

fn dealt_by_bounds(arms: &[Proportion], batch: u64) -> Vec<f64> {
    let unknown = arms.iter().filter(|arm| arm.n() == 0).count();
    if unknown > 0 {
        return arms.iter().map(|arm| if arm.n() == 0 { 1.0 / unknown as f64 } else { 0.0 }).collect();
    }
    let steps = batch.min(UCB_STEPS);
    let piece = batch as f64 / steps as f64;
    let rates: Vec<f64> = arms.iter().map(|arm| arm.share().unwrap_or_default()).collect();
    let mut pulls: Vec<f64> = arms.iter().map(|arm| arm.n() as f64).collect();
    let mut dealt = vec![0_u64; arms.len()];
    for _ in 0..steps {
        let of_all = libm::log(pulls.iter().sum());
        let bounds = rates.iter().zip(&pulls).map(|(rate, n)| rate + libm::sqrt(2.0 * of_all / n));
        let arm = greatest(bounds);
        pulls[arm] += piece;
        dealt[arm] += 1;
    }
    dealt.into_iter().map(|n| n as f64 / steps as f64).collect()
}

/// The first of the greatest.
fn greatest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (arm, value) in values.enumerate() {
        if value > best.1 {
            best = (arm, value);
        }
    }
    best.0
}

fn unit(name: &'static str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) {
        Ok(value)
    } else {
        Err(StatisticsError::OutOfRange { name, value, limit: "from 0 to below 1" })
    }
}

/// Thompson sampling: an arm is chosen as often as it is the best one, by what is known so far.
///
/// # Shapes and units
/// `draws`: one even number from 0 to below 1 for each arm, from the caller's stream. Returns the arm, from 0.
///
/// # Formula
/// `argmax` of a draw from each arm's Beta(1 + successes, 1 + failures), by its quantile function.
///
/// # Errors
/// `CannotTell` without an arm; `WrongLength` unless there is a draw for each; `OutOfRange` for a draw.
///
/// # Source
/// Thompson, Biometrika 25 (1933); Chapelle and Li, NIPS 2011.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{bandit::thompson, proportions::Proportion};
/// let arms = [Proportion::new(10, 100)?, Proportion::new(15, 100)?];
/// assert_eq!(thompson(&arms, &[0.5, 0.5])?, 1);
/// assert_eq!(thompson(&arms, &[0.99, 0.1])?, 0); // a lucky draw explores
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn thompson(arms: &[Proportion], draws: &[f64]) -> Result<usize> {
    arms_exist(arms)?;
    if draws.len() != arms.len() {
        return Err(StatisticsError::WrongLength { name: "draws", have: draws.len(), need: arms.len() });
    }
    let mut values = Vec::with_capacity(arms.len());
    for (arm, &draw) in arms.iter().zip(draws) {
        // 0 has no quantile above 0; half a step of the generator stands for it.
        let lower = unit("draw", draw)?.max(f64::EPSILON * 0.25);
        let (a, b) = (1.0 + arm.successes() as f64, 1.0 + arm.failures() as f64);
        values.push(beta::quantile(a, b, lower, 1.0 - lower).0);
    }
    Ok(greatest(values.into_iter()))
}

/// How good an arm may yet be: its rate plus what its few pulls leave open.
///
/// # Formula
/// `x̄ + √(2 ln N/n)`, N pulls of all arms, n of this one.
///
/// # Errors
/// `CannotTell` for an arm without a pull.
///
/// # Source
/// Auer, Cesa-Bianchi and Fischer, Machine Learning 47 (2002).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{bandit::upper_confidence_bound, proportions::Proportion};
/// assert!((upper_confidence_bound(&Proportion::new(10, 100)?, 200)? - 0.425525).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn upper_confidence_bound(arm: &Proportion, pulls_of_all: u64) -> Result<f64> {
    let n = pulls_of_all.max(arm.n()) as f64;
    Ok(arm.share()? + libm::sqrt(2.0 * libm::log(n) / arm.n() as f64))
}

/// UCB1: the arm with the greatest upper confidence bound; arms never pulled come first. No draw is needed.
///
/// # Errors
/// `CannotTell` without an arm.
///
/// # Source
/// Auer, Cesa-Bianchi and Fischer (2002).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{bandit::ucb1, proportions::Proportion};
/// let arms = [Proportion::new(30, 100)?, Proportion::new(2, 10)?, Proportion::default()];
/// assert_eq!(ucb1(&arms)?, 2);
/// assert_eq!(ucb1(&arms[..2])?, 1); // seldom pulled, so it may yet be better
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn ucb1(arms: &[Proportion]) -> Result<usize> {
    arms_exist(arms)?;
    let pulls = arms.iter().map(Proportion::n).sum();
    Ok(greatest(arms.iter().map(|arm| upper_confidence_bound(arm, pulls).unwrap_or(f64::INFINITY))))
}

/// Epsilon-greedy: mostly the best rate so far, now and then any arm.
///
/// # Shapes and units
/// `epsilon`: share of exploration, 0 to 1. `draws`: two even numbers from 0 to below 1, whether to explore and where.
///
/// # Errors
/// `CannotTell` without an arm; `OutOfRange` for epsilon or a draw.
///
/// # Source
/// Sutton and Barto, Reinforcement Learning (2018), 2.2.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{bandit::epsilon_greedy, proportions::Proportion};
/// let arms = [Proportion::new(10, 100)?, Proportion::new(15, 100)?];
/// assert_eq!(epsilon_greedy(&arms, 0.1, [0.5, 0.0])?, 1);
/// assert_eq!(epsilon_greedy(&arms, 0.1, [0.05, 0.0])?, 0);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn epsilon_greedy(arms: &[Proportion], epsilon: f64, draws: [f64; 2]) -> Result<usize> {
    arms_exist(arms)?;
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(StatisticsError::OutOfRange { name: "epsilon", value: epsilon, limit: "from 0 to 1" });
    }
    if unit("draw", draws[0])? < epsilon {
        return Ok((unit("draw", draws[1])? * arms.len() as f64) as usize);
    }
    unit("draw", draws[1])?;
    Ok(greatest(arms.iter().map(|arm| arm.share().unwrap_or(f64::INFINITY))))
}

/// Successes that were missed, in expectation, by not always pulling the best arm.
///
/// # Shapes and units
/// `pulls` and true `rates` of each arm; returns successes.
///
/// # Formula
/// `Σ n_i (max rate − rate_i)`
///
/// # Errors
/// `WrongLength` when the lists differ; `NotFinite` for a rate; `CannotTell` without an arm.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::bandit::regret;
/// assert!((regret(&[100, 900], &[0.10, 0.15])? - 5.0).abs() < 1e-12);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn regret(pulls: &[u64], rates: &[f64]) -> Result<f64> {
    if pulls.len() != rates.len() {
        return Err(StatisticsError::WrongLength { name: "pulls", have: pulls.len(), need: rates.len() });
    }
    at_least("arms", rates.len() as u64, 1)?;
    for &rate in rates {
        finite("rate", rate)?;
    }
    let best = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(pulls.iter().zip(rates).map(|(&n, rate)| n as f64 * (best - rate)).sum())
}
