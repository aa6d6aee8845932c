//! Shares of successes: one variant's, and two compared at one n that was chosen before the start.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{beta, binomial, normal},
    error::{CannotTell, Result, StatisticsError, at_least, probability},
    interval::Interval,
};

/// Successes of n trials, e.g. right predictions of all invocations. Mergeable.
///
/// ```
/// use rollout_lab::analysis::proportions::Proportion;
/// let a = Proportion::new(10, 100)?;
/// assert_eq!(a.share()?, 0.1);
/// assert!(Proportion::new(3, 2).is_err());
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub struct Proportion {
    successes: u64,
    n: u64,
}

#[derive(Deserialize)]
struct Counts {
    successes: u64,
    n: u64,
}

impl TryFrom<Counts> for Proportion {
    type Error = StatisticsError;
    fn try_from(counts: Counts) -> Result<Self> {
        Self::new(counts.successes, counts.n)
    }
}

impl Proportion {
    /// `successes` of `n`.
    ///
    /// # Errors
    /// `OutOfRange` for more successes than trials.
    pub fn new(successes: u64, n: u64) -> Result<Self> {
        if successes > n {
            let limit = "at most the number of trials";
            return Err(StatisticsError::OutOfRange { name: "successes", value: successes as f64, limit });
        }
        Ok(Self { successes, n })
    }

    /// Adds a trial.
    pub fn record(&mut self, success: bool) {
        self.successes += u64::from(success);
        self.n += 1;
    }

    /// Adds all trials of another.
    pub fn merge(&mut self, other: &Self) {
        self.successes += other.successes;
        self.n += other.n;
    }

    /// Successes.
    pub fn successes(&self) -> u64 {
        self.successes
    }

    /// Trials that were no successes.
    pub fn failures(&self) -> u64 {
        self.n - self.successes
    }

    /// Trials.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Successes ÷ trials, 0 to 1.
    ///
    /// # Errors
    /// `CannotTell` without a trial.
    pub fn share(&self) -> Result<f64> {
        at_least("trials", self.n, 1)?;
        Ok(self.successes as f64 / self.n as f64)
    }

    /// p(1 − p)/n; 0 at either edge.
    fn squared_error(&self) -> Result<f64> {
        let p = self.share()?;
        Ok(p * (self.failures() as f64 / self.n as f64) / self.n as f64)
    }

    /// Wilson's score interval: good for small n and near the edges.
    ///
    /// # Formula
    /// `(p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)`
    ///
    /// # Errors
    /// `CannotTell` without a trial, `NotAProbability` for α outside (0, 1).
    ///
    /// # Source
    /// Wilson, JASA 22 (1927).
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::proportions::Proportion;
    /// let interval = Proportion::new(10, 100)?.wilson(0.05)?;
    /// assert!((interval.low - 0.055229).abs() < 1e-6 && (interval.high - 0.174366).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn wilson(&self, alpha: f64) -> Result<Interval> {
        let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
        let p = self.share()?;
        let n = self.n as f64;
        let w = z * z / n;
        let half = z * libm::sqrt(self.squared_error()? + 0.25 * w / n) / (1.0 + w);
        let interval = Interval::around((p + 0.5 * w) / (1.0 + w), half);
        // At the edges the formula gives them exactly; rounding must not lead beyond.
        Ok(Interval {
            low: if self.successes == 0 { 0.0 } else { interval.low.max(0.0) },
            high: if self.failures() == 0 { 1.0 } else { interval.high.min(1.0) },
        })
    }

    /// Clopper and Pearson's exact interval: never covers less than it says, often more.
    ///
    /// # Formula
    /// Quantile α/2 of Beta(x, n − x + 1) to quantile 1 − α/2 of Beta(x + 1, n − x); 0 and 1 at the edges.
    ///
    /// # Errors
    /// `CannotTell` without a trial, `NotAProbability` for α outside (0, 1).
    ///
    /// # Source
    /// Clopper and Pearson, Biometrika 26 (1934).
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::proportions::Proportion;
    /// let interval = Proportion::new(10, 100)?.clopper_pearson(0.05)?;
    /// assert!((interval.low - 0.049005).abs() < 1e-6 && (interval.high - 0.176223).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn clopper_pearson(&self, alpha: f64) -> Result<Interval> {
        let tail = 0.5 * probability("alpha", alpha)?;
        at_least("trials", self.n, 1)?;
        let (x, rest) = (self.successes as f64, self.failures() as f64);
        Ok(Interval {
            low: if x == 0.0 { 0.0 } else { beta::quantile(x, rest + 1.0, tail, 1.0 - tail).0 },
            high: if rest == 0.0 { 1.0 } else { beta::quantile(x + 1.0, rest, 1.0 - tail, tail).0 },
        })
    }
}

/// A test by the normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZTest {
    /// The estimate: B less A, in the metric's unit.
    pub difference: f64,
    /// Standard error that `z` divides by, same unit.
    pub standard_error: f64,
    /// Their ratio (of the difference less the value tested).
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// One-sided p-value of "B is greater".
    pub p_greater: f64,
}

impl ZTest {
    pub(super) fn new(difference: f64, tested: f64, standard_error: f64) -> Self {
        let z = (difference - tested) / standard_error;
        Self { difference, standard_error, z, p: normal::outside(z), p_greater: normal::above(z) }
    }

    /// `difference ± z SE`.
    ///
    /// # Errors
    /// `NotAProbability` for α outside (0, 1).
    pub fn interval(&self, alpha: f64) -> Result<Interval> {
        let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
        Ok(Interval::around(self.difference, z * self.standard_error))
    }
}

fn both(a: &Proportion, b: &Proportion) -> Result<(f64, f64)> {
    at_least("trials of A", a.n, 1)?;
    at_least("trials of B", b.n, 1)?;
    Ok((a.share()?, b.share()?))
}

/// For a test: one trial has no spread, and exact p-values of one are 1 whatever it was.
fn tested(a: &Proportion, b: &Proportion) -> Result<(f64, f64)> {
    at_least("trials of A", a.n, 2)?;
    at_least("trials of B", b.n, 2)?;
    both(a, b)
}

fn all_alike(a: &Proportion, b: &Proportion) -> StatisticsError {
    CannotTell::AllAlike { what: "A and B", successes: a.successes + b.successes, n: a.n + b.n }.into()
}

/// Two-proportion z test with the pooled error: the fixed test of two conversion or error rates.
///
/// # Shapes and units
/// Shares 0 to 1. Valid at one n chosen before the start; for looks in between see [`super::sequential`].
///
/// # Formula
/// `z = (p_B − p_A)/√(p(1 − p)(1/n_A + 1/n_B))`, p = all successes ÷ all trials.
///
/// # Errors
/// `CannotTell` below two trials in a variant, or when all trials of both are successes or all are failures.
///
/// # Source
/// Any textbook; the reference is statsmodels' `proportions_ztest`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, two_proportion_z};
/// let test = two_proportion_z(&Proportion::new(500, 10_000)?, &Proportion::new(560, 10_000)?)?;
/// assert!((test.z - 1.893753).abs() < 1e-6 && (test.p - 0.058258).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn two_proportion_z(a: &Proportion, b: &Proportion) -> Result<ZTest> {
    let (p_a, p_b) = tested(a, b)?;
    let n = (a.n + b.n) as f64;
    let (successes, failures) = ((a.successes + b.successes) as f64, (a.failures() + b.failures()) as f64);
    if successes == 0.0 || failures == 0.0 {
        return Err(all_alike(a, b));
    }
    let variance = successes / n * (failures / n) * (1.0 / a.n as f64 + 1.0 / b.n as f64);
    Ok(ZTest::new(p_b - p_a, 0.0, libm::sqrt(variance)))
}

/// Wald's interval for p_B − p_A: the plainest, too narrow for small n or rates near 0 or 1. Not clipped.
///
/// # Formula
/// `d ± z √(p_A(1 − p_A)/n_A + p_B(1 − p_B)/n_B)`
///
/// # Errors
/// `CannotTell` below two trials in a variant or when both rates lie at an edge; `NotAProbability` for α outside (0, 1).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, wald_interval};
/// let interval = wald_interval(&Proportion::new(500, 10_000)?, &Proportion::new(560, 10_000)?, 0.05)?;
/// assert!((interval.low + 0.000209).abs() < 1e-6 && (interval.high - 0.012209).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn wald_interval(a: &Proportion, b: &Proportion, alpha: f64) -> Result<Interval> {
    unpooled(a, b, 0.0)?.interval(alpha)
}

/// The z test of `p_B − p_A = against` with unpooled error.
fn unpooled(a: &Proportion, b: &Proportion, against: f64) -> Result<ZTest> {
    let (p_a, p_b) = tested(a, b)?;
    let variance = a.squared_error()? + b.squared_error()?;
    if variance <= 0.0 {
        return Err(all_alike(a, b));
    }
    Ok(ZTest::new(p_b - p_a, against, libm::sqrt(variance)))
}

/// Newcombe's interval for p_B − p_A from two Wilson intervals: the one to show.
///
/// # Formula
/// `[d − √((p_B − l_B)² + (u_A − p_A)²), d + √((u_B − p_B)² + (p_A − l_A)²)]`, l and u Wilson's ends.
///
/// # Errors
/// `CannotTell` for an empty variant; `NotAProbability` for α outside (0, 1).
///
/// # Source
/// Newcombe, Statistics in Medicine 17 (1998), method 10.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, newcombe_interval};
/// let interval = newcombe_interval(&Proportion::new(500, 10_000)?, &Proportion::new(560, 10_000)?, 0.05)?;
/// assert!((interval.low + 0.000213).abs() < 1e-6 && (interval.high - 0.012222).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn newcombe_interval(a: &Proportion, b: &Proportion, alpha: f64) -> Result<Interval> {
    let (p_a, p_b) = both(a, b)?;
    let (of_a, of_b) = (a.wilson(alpha)?, b.wilson(alpha)?);
    let d = p_b - p_a;
    Ok(Interval {
        low: d - libm::hypot(p_b - of_b.low, of_a.high - p_a),
        high: d + libm::hypot(of_b.high - p_b, p_a - of_a.low),
    })
}

/// Agresti and Caffo's interval for p_B − p_A: Wald's after adding one success and one failure to each variant.
///
/// # Formula
/// [`wald_interval`] of `(x + 1)` of `(n + 2)`.
///
/// # Errors
/// `CannotTell` for an empty variant; `NotAProbability` for α outside (0, 1).
///
/// # Source
/// Agresti and Caffo, The American Statistician 54 (2000).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, agresti_caffo_interval};
/// let interval = agresti_caffo_interval(&Proportion::new(200, 1_000)?, &Proportion::new(250, 1_000)?, 0.05)?;
/// assert!((interval.low - 0.013368).abs() < 1e-6 && (interval.high - 0.086432).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn agresti_caffo_interval(a: &Proportion, b: &Proportion, alpha: f64) -> Result<Interval> {
    both(a, b)?;
    let plus = |p: &Proportion| Proportion { successes: p.successes + 1, n: p.n + 2 };
    wald_interval(&plus(a), &plus(b), alpha)
}

/// Fisher's exact two-sided p-value: for counts too small for z.
///
/// # Formula
/// Sum of the hypergeometric probabilities of all tables with the same margins that are no likelier than the one seen
/// (within 10⁻¹¹, so that rounding parts no ties).
///
/// # Errors
/// `CannotTell` below two trials in a variant, or when all trials of both are successes or all are failures.
///
/// # Source
/// Fisher (1935); the reference is scipy's `fisher_exact`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, fisher_exact};
/// let p = fisher_exact(&Proportion::new(3, 40)?, &Proportion::new(9, 38)?)?;
/// assert!((p - 0.0626159).abs() < 1e-7);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn fisher_exact(a: &Proportion, b: &Proportion) -> Result<f64> {
    tested(a, b)?;
    let successes = a.successes + b.successes;
    if successes == 0 || successes == a.n + b.n {
        return Err(all_alike(a, b));
    }
    let (least, most) = (successes.saturating_sub(a.n), successes.min(b.n));
    let seen_at = b.successes;
    let likelihood = |x: u64| binomial::hypergeometric(x, b.n, a.n, successes);
    let limit = likelihood(seen_at) * (1.0 + 1e-11);
    let mode = ((successes as f64 + 1.0) * (b.n as f64 + 1.0) / ((a.n + b.n) as f64 + 2.0)) as u64;
    let mode = mode.clamp(least, most);
    // The tables on either side of the mode that are no likelier, summed outward until they add nothing.
    let low_end = binomial::first_where(least, mode, |x| likelihood(x) > limit);
    let high_start = binomial::first_where(mode, most + 1, |x| likelihood(x) <= limit);
    let (nb, na, k) = (b.n as f64, a.n as f64, successes as f64);
    let mut total = 0.0;
    if low_end > least {
        let mut x = low_end - 1;
        let mut term = likelihood(x);
        loop {
            total += term;
            if x == least || term < total * 1e-18 {
                break;
            }
            let xf = x as f64;
            term *= xf * (na - k + xf) / ((nb - xf + 1.0) * (k - xf + 1.0));
            x -= 1;
        }
    }
    if high_start <= most {
        let mut x = high_start;
        let mut term = likelihood(x);
        loop {
            total += term;
            if x == most || term < total * 1e-18 {
                break;
            }
            let xf = x as f64;
            term *= (nb - xf) * (k - xf) / ((xf + 1.0) * (na - k + xf + 1.0));
            x += 1;
        }
    }
    Ok(total.min(1.0))
}

/// Relative lift p_B/p_A − 1.
///
/// # Errors
/// `CannotTell` for an empty variant or a control without a success.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, lift};
/// assert_eq!(lift(&Proportion::new(200, 1_000)?, &Proportion::new(250, 1_000)?)?, 0.25);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn lift(a: &Proportion, b: &Proportion) -> Result<f64> {
    let (p_a, p_b) = both(a, b)?;
    if a.successes == 0 {
        return Err(CannotTell::ZeroBaseline { what: "the rate of A" }.into());
    }
    Ok(p_b / p_a - 1.0)
}

/// Interval of the relative lift, symmetric in the logarithm of the ratio.
///
/// # Formula
/// `exp(ln(p_B/p_A) ± z √(1/x_A − 1/n_A + 1/x_B − 1/n_B)) − 1`
///
/// # Errors
/// `CannotTell` for an empty variant, one without a success, or when both have successes only; `NotAProbability` for
/// α outside (0, 1).
///
/// # Source
/// Katz et al., Biometrics 34 (1978).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, lift_interval};
/// let interval = lift_interval(&Proportion::new(200, 1_000)?, &Proportion::new(250, 1_000)?, 0.05)?;
/// assert!((interval.low - 0.060946).abs() < 1e-6 && (interval.high - 0.472742).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn lift_interval(a: &Proportion, b: &Proportion, alpha: f64) -> Result<Interval> {
    let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
    let ratio = lift(a, b)? + 1.0;
    if b.successes == 0 {
        return Err(CannotTell::ZeroBaseline { what: "the rate of B" }.into());
    }
    // 1/x − 1/n, without the difference.
    let of = |p: &Proportion| p.failures() as f64 / (p.successes as f64 * p.n as f64);
    let spread = of(a) + of(b);
    if spread <= 0.0 {
        return Err(all_alike(a, b));
    }
    let reach = z * libm::sqrt(spread);
    Ok(Interval { low: ratio * libm::exp(-reach) - 1.0, high: ratio * libm::exp(reach) - 1.0 })
}

/// Is B not worse than A by `margin` or more? The test of a guardrail, where "no harm" must be shown, not assumed.
///
/// # Shapes and units
/// Success is the good outcome (for an error rate: no error). `margin`: a share, 0 (no worse at all) to below 1.
/// `wald` and `score` differ in their error; small one-sided `p_greater` says "not worse".
///
/// # Formula
/// `H₀: p_B − p_A ≤ −margin`, `z = (p_B − p_A + margin)/SE`. `wald`: unpooled SE. `score`: SE of the proportions most
/// likely under `p_B − p_A = −margin`, the root of a cubic in closed form.
///
/// # Errors
/// `CannotTell` below two trials in a variant or for an error of 0; `OutOfRange` for the margin.
///
/// # Source
/// Farrington and Manning, Statistics in Medicine 9 (1990).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, non_inferiority};
/// let test = non_inferiority(&Proportion::new(912, 1_000)?, &Proportion::new(905, 1_000)?, 0.03)?;
/// assert!((test.wald.p_greater - 0.037220).abs() < 1e-6 && (test.score.p_greater - 0.038219).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn non_inferiority(a: &Proportion, b: &Proportion, margin: f64) -> Result<NonInferiority> {
    if !(0.0..1.0).contains(&margin) {
        return Err(StatisticsError::OutOfRange {
            name: "margin",
            value: margin,
            limit: "from 0 to below 1",
        });
    }
    tested(a, b)?;
    // Rounding may lead a share beyond an edge that it lies on.
    let restricted_a = restricted(a, b, -margin, a.n as f64).clamp(margin, 1.0);
    Ok(NonInferiority { wald: unpooled(a, b, -margin)?, score: score(a, b, margin, restricted_a)? })
}

/// A non-inferiority test with two errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonInferiority {
    /// With the unpooled error.
    pub wald: ZTest,
    /// With the error under the hypothesis: better for small n and rates near 1.
    pub score: ZTest,
}

/// The non-inferiority score as statsmodels 0.15.0 computes it (`score_test_proportions_2indep`), to be compared with it
/// and for nothing else: one coefficient of its cubic has the control's successes where Miettinen and Nurminen have its
/// trials, so that its proportions are not the most likely ones. z differs in the third digit.
///
/// # Formula
/// See [`non_inferiority`].
///
/// # Errors
/// As [`non_inferiority`]; `CannotTell` also where its proportions leave 0 to 1.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::proportions::{Proportion, non_inferiority, non_inferiority_of_statsmodels};
/// let (a, b) = (Proportion::new(912, 1_000)?, Proportion::new(905, 1_000)?);
/// assert!((non_inferiority_of_statsmodels(&a, &b, 0.03)?.z - 1.768135).abs() < 1e-6);
/// assert!((non_inferiority(&a, &b, 0.03)?.score.z - 1.771739).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn non_inferiority_of_statsmodels(a: &Proportion, b: &Proportion, margin: f64) -> Result<ZTest> {
    non_inferiority(a, b, margin)?;
    score(a, b, margin, restricted(a, b, -margin, a.successes as f64))
}

/// The z test of `p_B − p_A = −margin` with the error of these proportions.
fn score(a: &Proportion, b: &Proportion, margin: f64, restricted_a: f64) -> Result<ZTest> {
    let restricted_b = restricted_a - margin;
    let variance =
        restricted_a * (1.0 - restricted_a) / a.n as f64 + restricted_b * (1.0 - restricted_b) / b.n as f64;
    if variance > 0.0 {
        Ok(ZTest::new(b.share()? - a.share()?, -margin, libm::sqrt(variance)))
    } else {
        Err(all_alike(a, b))
    }
}

/// The most likely p_A given `p_B − p_A = gap`: the middle root of the likelihood's cubic, by the cosine.
///
/// `second` is n_A. Source: Miettinen and Nurminen, Statistics in Medicine 4 (1985), appendix I.
fn restricted(a: &Proportion, b: &Proportion, gap: f64, second: f64) -> f64 {
    let (n_a, n_b, x_a) = (a.n as f64, b.n as f64, a.successes as f64);
    let (n, x) = (n_a + n_b, (a.successes + b.successes) as f64);
    let square = ((n_b + 2.0 * n_a) * gap - n - x) / n;
    let linear = ((second * gap - n - 2.0 * x_a) * gap + x) / n;
    let constant = x_a * gap * (1.0 - gap) / n;
    let s = square / 3.0;
    let v = s * s * s - square * linear / 6.0 + constant / 2.0;
    let u = libm::copysign(libm::sqrt((s * s - linear / 3.0).max(0.0)), v);
    let cosine = if u == 0.0 { 0.0 } else { (v / (u * u * u)).clamp(-1.0, 1.0) };
    2.0 * u * libm::cos((std::f64::consts::PI + libm::acos(cosine)) / 3.0) - s
}
