//! Means compared at one n that was chosen before the start: of values, of ratios, relative, and with less noise.

use serde::{Deserialize, Serialize};

use super::{
    error::{CannotTell, Result, at_least},
    paired::TTest,
    proportions::ZTest,
    summary::{PairSummary, Summary},
};

/// Squares of both standard errors, A first; one of them may be 0, not both.
fn squared_errors(a: &Summary, b: &Summary) -> Result<(f64, f64)> {
    at_least("values of A", a.n(), 2)?;
    at_least("values of B", b.n(), 2)?;
    let (of_a, of_b) = (a.variance()? / a.n() as f64, b.variance()? / b.n() as f64);
    if of_a + of_b > 0.0 { Ok((of_a, of_b)) } else { Err(CannotTell::NoVariance { what: "A and B" }.into()) }
}

/// Welch and Satterthwaite's degrees of freedom.
fn welch_df(a: &Summary, b: &Summary, of_a: f64, of_b: f64) -> f64 {
    // As shares of the sum, so that squares of tiny errors do not vanish.
    let share = of_a / (of_a + of_b);
    let rest = of_b / (of_a + of_b);
    1.0 / (share * share / (a.n() - 1) as f64 + rest * rest / (b.n() - 1) as f64)
}

/// Welch's t test of two means, whose variances may differ: the usual test of latencies or star errors.
///
/// # Shapes and units
/// Values in the metric's unit, e.g. ms; summaries may have been merged.
///
/// # Formula
/// `t = (m_B − m_A)/√(v_A + v_B)`, `v = s²/n`; `df = (v_A + v_B)²/(v_A²/(n_A − 1) + v_B²/(n_B − 1))`.
///
/// # Errors
/// `CannotTell` below two values in either variant, or when neither varies.
///
/// # Source
/// Welch, Biometrika 34 (1947); Satterthwaite (1946).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Summary, means::welch_t};
/// let a = Summary::from_moments(3_407, 0.41, 3.9_f64.powi(2))?;
/// let b = Summary::from_moments(3_461, 0.70, 6.2_f64.powi(2))?;
/// let test = welch_t(&a, &b)?;
/// assert!((test.df - 5841.74).abs() < 0.01 && (test.p - 0.0201584).abs() < 1e-7);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn welch_t(a: &Summary, b: &Summary) -> Result<TTest> {
    let (of_a, of_b) = squared_errors(a, b)?;
    Ok(TTest::new(b.mean()? - a.mean()?, of_a + of_b, welch_df(a, b, of_a, of_b)))
}

/// Variance of both variants together, each about its own mean.
fn pooled_variance(a: &Summary, b: &Summary) -> Result<f64> {
    squared_errors(a, b)?;
    let (free_a, free_b) = ((a.n() - 1) as f64, (b.n() - 1) as f64);
    Ok((free_a * a.variance()? + free_b * b.variance()?) / (free_a + free_b))
}

/// Student's t test, for variances that are known to be equal. Welch's costs nearly nothing and needs no such luck.
///
/// # Formula
/// `t = (m_B − m_A)/(s √(1/n_A + 1/n_B))`, s² the pooled variance, n_A + n_B − 2 degrees of freedom.
///
/// # Errors
/// As [`welch_t`].
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Summary, means::pooled_t};
/// let test = pooled_t(&Summary::from_moments(11, 12.0, 39.0)?, &Summary::from_moments(13, 15.0, 87.5)?)?;
/// assert!((test.t - 0.905136).abs() < 1e-6 && (test.p - 0.375200).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn pooled_t(a: &Summary, b: &Summary) -> Result<TTest> {
    let squared_error = pooled_variance(a, b)? * (1.0 / a.n() as f64 + 1.0 / b.n() as f64);
    Ok(TTest::new(b.mean()? - a.mean()?, squared_error, (a.n() + b.n() - 2) as f64))
}

/// Cohen's d: the difference of the means in pooled standard deviations, a size that has no unit.
///
/// # Formula
/// `(m_B − m_A)/s`, s² the pooled variance.
///
/// # Errors
/// As [`welch_t`].
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Summary, means::cohens_d};
/// let d = cohens_d(&Summary::of(&[1.0, 2.0, 3.0]), &Summary::of(&[2.0, 3.0, 4.0]))?;
/// assert_eq!(d, 1.0);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn cohens_d(a: &Summary, b: &Summary) -> Result<f64> {
    Ok((b.mean()? - a.mean()?) / libm::sqrt(pooled_variance(a, b)?))
}

/// Relative lift of the mean, m_B/m_A − 1, with its error by the delta method.
///
/// # Shapes and units
/// A share: 0.05 is 5% more than the control.
///
/// # Formula
/// `(m_B − m_A)/m_A`, `SE² = s_B²/(n_B m_A²) + s_A² m_B²/(n_A m_A⁴)`, Welch's degrees of freedom.
///
/// # Errors
/// As [`welch_t`], and `CannotTell` when the control's mean is 0.
///
/// # Source
/// Deng, Knoblich and Lu, "Applying the delta method in metric analytics", KDD 2018.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Summary, means::relative_lift};
/// let a = Summary::from_moments(3_407, 0.41, 3.9_f64.powi(2))?;
/// let b = Summary::from_moments(3_461, 0.70, 6.2_f64.powi(2))?;
/// let test = relative_lift(&a, &b)?;
/// assert!((test.difference - 0.707317).abs() < 1e-6 && (test.standard_error - 0.378794).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn relative_lift(a: &Summary, b: &Summary) -> Result<TTest> {
    let (of_a, of_b) = squared_errors(a, b)?;
    let (mean_a, mean_b) = (a.mean()?, b.mean()?);
    if mean_a == 0.0 {
        return Err(CannotTell::ZeroBaseline { what: "the mean of A" }.into());
    }
    let ratio = mean_b / mean_a;
    let squared_error = (of_b + of_a * ratio * ratio) / (mean_a * mean_a);
    if squared_error <= 0.0 {
        return Err(CannotTell::NoVariance { what: "A and B" }.into());
    }
    Ok(TTest::new((mean_b - mean_a) / mean_a, squared_error, welch_df(a, b, of_a, of_b)))
}

/// A ratio of two means and its error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Mean of the numerators ÷ mean of the denominators.
    pub ratio: f64,
    /// Square of its standard error.
    pub squared_error: f64,
}

/// Ratio of means, e.g. errors per request where the unit is the user, with its error by the delta method: requests of
/// one user are alike, and an error that takes them for independent is too small.
///
/// # Shapes and units
/// `units`: x the numerator and y the denominator of each unit.
///
/// # Formula
/// `R = x̄/ȳ`, `SE² = (s_xx − 2R s_xy + R² s_yy)/(ȳ² n)`
///
/// # Errors
/// `CannotTell` below two units or for a mean denominator of 0.
///
/// # Source
/// Deng, Knoblich and Lu, KDD 2018.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{PairSummary, means::ratio};
/// let r = ratio(&PairSummary::of(&[(4.0, 2.0), (5.0, 3.0), (9.0, 5.0), (10.0, 4.0)]))?;
/// assert!(r.ratio == 2.0 && (r.squared_error - 0.0408163).abs() < 1e-7);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn ratio(units: &PairSummary) -> Result<Ratio> {
    at_least("units", units.n(), 2)?;
    let (mean_x, mean_y) = (units.mean_x()?, units.mean_y()?);
    if mean_y == 0.0 {
        return Err(CannotTell::ZeroBaseline { what: "the mean of the denominators" }.into());
    }
    let ratio = mean_x / mean_y;
    let variance =
        units.x().variance()? - 2.0 * ratio * units.covariance()? + ratio * ratio * units.y().variance()?;
    Ok(Ratio { ratio, squared_error: variance.max(0.0) / (mean_y * mean_y * units.n() as f64) })
}

/// z test of two ratio metrics.
///
/// # Formula
/// `z = (R_B − R_A)/√(SE_A² + SE_B²)`, see [`ratio`].
///
/// # Errors
/// As [`ratio`], and `CannotTell` when neither ratio varies.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{PairSummary, means::ratio_z};
/// let a = PairSummary::of(&[(4.0, 2.0), (5.0, 3.0), (9.0, 5.0), (10.0, 4.0)]);
/// let b = PairSummary::of(&[(1.0, 1.0), (3.0, 2.0), (4.0, 2.0), (9.0, 4.0)]);
/// assert!(ratio_z(&a, &b)?.p > 0.5);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn ratio_z(a: &PairSummary, b: &PairSummary) -> Result<ZTest> {
    at_least("units of A", a.n(), 2)?;
    at_least("units of B", b.n(), 2)?;
    let (of_a, of_b) = (ratio(a)?, ratio(b)?);
    let squared_error = of_a.squared_error + of_b.squared_error;
    if squared_error <= 0.0 {
        return Err(CannotTell::NoVariance { what: "A and B" }.into());
    }
    Ok(ZTest::new(of_b.ratio - of_a.ratio, 0.0, libm::sqrt(squared_error)))
}

/// A comparison after taking out what was known before the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cuped {
    /// Outcome per unit of the covariate.
    pub theta: f64,
    /// Adjusted outcomes of A.
    pub a: Summary,
    /// Adjusted outcomes of B.
    pub b: Summary,
    /// Welch's test of them.
    pub test: TTest,
    /// Correlation of outcome and covariate over both variants.
    pub correlation: f64,
    /// Share of the variance that is gone, over both variants: the square of the correlation.
    pub variance_reduction: f64,
}

/// CUPED: the same test with less noise, by a covariate measured before the start (and so untouched by the variants).
///
/// # Shapes and units
/// x the covariate and y the outcome of each unit. A correlation of 0.5 saves a quarter of the units, 0.7 half.
///
/// # Formula
/// `y' = y − θ(x − x̄)`, `θ = cov(x, y)/var(x)` and x̄ over both variants together; then [`welch_t`].
///
/// # Errors
/// `CannotTell` below two units in a variant, when the covariate is constant or no adjusted outcome varies.
///
/// # Source
/// Deng, Xu, Kohavi and Walker, WSDM 2013.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{PairSummary, means::cuped};
/// let a = PairSummary::of(&[(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (4.0, 4.0)]);
/// let b = PairSummary::of(&[(5.0, 6.0), (6.0, 8.0), (7.0, 7.0), (8.0, 9.0)]);
/// let adjusted = cuped(&a, &b)?;
/// assert!((adjusted.theta - 0.952381).abs() < 1e-6);
/// assert!((6.0 * (1.0 - adjusted.variance_reduction) - 0.557823).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn cuped(a: &PairSummary, b: &PairSummary) -> Result<Cuped> {
    at_least("units of A", a.n(), 2)?;
    at_least("units of B", b.n(), 2)?;
    let mut all = *a;
    all.merge(b);
    let (spread, outcome) = (all.x().variance()?, all.y().variance()?);
    if spread <= 0.0 {
        return Err(CannotTell::NoVariance { what: "the covariate" }.into());
    }
    if outcome <= 0.0 {
        return Err(CannotTell::NoVariance { what: "the outcome" }.into());
    }
    let covariance = all.covariance()?;
    let theta = covariance / spread;
    let centre = all.mean_x()?;
    let adjusted = |units: &PairSummary| -> Result<Summary> {
        let mean = units.mean_y()? - theta * (units.mean_x()? - centre);
        let variance =
            units.y().variance()? - theta * (2.0 * units.covariance()? - theta * units.x().variance()?);
        Summary::from_moments(units.n(), mean, variance.max(0.0))
    };
    let (a, b) = (adjusted(a)?, adjusted(b)?);
    let correlation = covariance / libm::sqrt(spread * outcome);
    let test = welch_t(&a, &b)?;
    Ok(Cuped { theta, a, b, test, correlation, variance_reduction: correlation * correlation })
}
