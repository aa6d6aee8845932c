//! Requests of one user are alike: the unit of randomization, not the request, is what counts.

use super::{
    distribution::normal,
    error::{CannotTell, Result, StatisticsError, at_least, finite, probability},
    means::ratio,
    summary::PairSummary,
};

/// How many times greater the variance of a mean is for being measured in clusters.
///
/// # Shapes and units
/// `per_cluster`: requests per user, 1 or more; `icc`: correlation of two requests of one user, 0 to 1.
///
/// # Formula
/// `1 + (m − 1) ρ`
///
/// # Errors
/// `OutOfRange`, `NotFinite`.
///
/// # Source
/// Kish, Survey Sampling (1965).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::cluster::design_effect;
/// assert!((design_effect(10.0, 0.1)? - 1.9).abs() < 1e-15);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn design_effect(per_cluster: f64, icc: f64) -> Result<f64> {
    if finite("per_cluster", per_cluster)? < 1.0 {
        let limit = "at least 1";
        return Err(StatisticsError::OutOfRange { name: "per_cluster", value: per_cluster, limit });
    }
    if !(0.0..=1.0).contains(&icc) {
        return Err(StatisticsError::OutOfRange { name: "icc", value: icc, limit: "from 0 to 1" });
    }
    Ok(1.0 + (per_cluster - 1.0) * icc)
}

/// How often a z test that takes clustered requests for independent raises a false alarm.
///
/// # Formula
/// `P(|Z| > z_{1−α/2}/√(design effect))`
///
/// # Errors
/// `NotAProbability` for α; `OutOfRange` for a design effect not above 0.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::cluster::false_alarms;
/// assert!((false_alarms(1.9, 0.05)? - 0.155).abs() < 1e-3); // instead of 0.05
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn false_alarms(design_effect: f64, alpha: f64) -> Result<f64> {
    let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
    super::error::positive("design_effect", design_effect)?;
    Ok(normal::outside(z / libm::sqrt(design_effect)))
}

/// The design effect that these users show in a rate of their requests.
///
/// # Shapes and units
/// `users`: x the successes and y the requests of each user.
///
/// # Formula
/// Squared error by the delta method over users, [`ratio`], ÷ `p(1 − p)/N` of N independent requests.
///
/// # Errors
/// `CannotTell` below two users, without a request, or when all requests ended alike.
///
/// # Source
/// Deng, Knoblich and Lu, KDD 2018.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{PairSummary, cluster::observed_design_effect};
/// let mut users = PairSummary::default();
/// (0..100).for_each(|user| users.record(if user % 2 == 0 { 5.0 } else { 0.0 }, 5.0)); // all right or all wrong
/// assert!((observed_design_effect(&users)? - 5.05).abs() < 0.01);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn observed_design_effect(users: &PairSummary) -> Result<f64> {
    at_least("users", users.n(), 2)?;
    let of_users = ratio(users)?;
    let (p, requests) = (of_users.ratio, users.mean_y()? * users.n() as f64);
    let independent = p * (1.0 - p) / requests;
    if independent > 0.0 && independent.is_finite() {
        Ok(of_users.squared_error / independent)
    } else {
        Err(CannotTell::NoVariance { what: "requests" }.into())
    }
}
