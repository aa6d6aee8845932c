//! Before the start: how many units a test needs, what it can see with those there are, and what a canary would show.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{beta, integral, normal, student},
    error::{CannotTell, Result, StatisticsError, at_least, finite, positive, probability},
};

/// Which error the test is taken to have when there is no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NullError {
    /// Of the pooled rate: what [`super::proportions::two_proportion_z`] uses.
    Pooled,
    /// Of both rates apart: what Wald's interval uses.
    Unpooled,
    /// Of the control's rate in both variants: Evan Miller's calculator.
    Control,
}

/// A planned test of two rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePlan {
    /// The control's rate, 0 to 1, both excluded.
    pub p_a: f64,
    /// The treatment's rate that is worth finding.
    pub p_b: f64,
    /// Two-sided significance level.
    pub alpha: f64,
    /// n_B ÷ n_A: 1 for an equal split, 1/9 for a canary of 10%.
    pub ratio: f64,
}

const NO_EFFECT: CannotTell = CannotTell::Unreachable { why: "the effect looked for is 0" };

/// z_{1−α/2} and z_power.
fn quantiles(alpha: f64, power: f64) -> Result<(f64, f64)> {
    Ok((
        normal::exceeded_with(0.5 * probability("alpha", alpha)?),
        -normal::exceeded_with(probability("power", power)?),
    ))
}

impl RatePlan {
    fn checked(&self) -> Result<()> {
        probability("p_a", self.p_a)?;
        probability("p_b", self.p_b)?;
        probability("alpha", self.alpha)?;
        positive("ratio", self.ratio).map(|_| ())
    }

    /// `n_A ×` variance of the difference: without and with the effect.
    fn variances(&self, null: NullError) -> (f64, f64) {
        let of = |p: f64| p * (1.0 - p);
        let with = of(self.p_a) + of(self.p_b) / self.ratio;
        let pooled = (self.p_a + self.ratio * self.p_b) / (1.0 + self.ratio);
        let without = match null {
            NullError::Pooled => (1.0 + 1.0 / self.ratio) * of(pooled),
            NullError::Control => (1.0 + 1.0 / self.ratio) * of(self.p_a),
            NullError::Unpooled => with,
        };
        (without, with)
    }

    /// Units that the control needs; the treatment needs `ratio` times as many. Not rounded: round up.
    ///
    /// # Formula
    /// `n_A = (z_{1−α/2} √V₀ + z_power √V₁)²/(p_B − p_A)²`, `V₁ = p_A(1 − p_A) + p_B(1 − p_B)/k`, V₀ by [`NullError`]:
    /// `(1 + 1/k) q(1 − q)` with q pooled or q = p_A, or V₁; k the ratio.
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`; `CannotTell` when there is no effect to find.
    ///
    /// # Source
    /// Fleiss, Levin and Paik (2003), 4.3; evanmiller.org/ab-testing/sample-size.html.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::{NullError, RatePlan};
    /// let plan = RatePlan { p_a: 0.20, p_b: 0.25, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.n_a(0.8, NullError::Pooled)? - 1093.74).abs() < 0.01);
    /// assert_eq!(plan.n_a(0.8, NullError::Control)?.round(), 1_030.0);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn n_a(&self, power: f64, null: NullError) -> Result<f64> {
        self.checked()?;
        let (z_alpha, z_power) = quantiles(self.alpha, power)?;
        let d = self.p_b - self.p_a;
        if d == 0.0 {
            return Err(NO_EFFECT.into());
        }
        let (without, with) = self.variances(null);
        let root = z_alpha * libm::sqrt(without) + z_power * libm::sqrt(with);
        Ok(root * root / (d * d))
    }

    /// Probability that the test finds the effect with `n_a` units in the control. The far tail is left out.
    ///
    /// # Formula
    /// `Φ((|p_B − p_A| − z_{1−α/2} √(V₀/n_A))/√(V₁/n_A))`
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::{NullError, RatePlan};
    /// let plan = RatePlan { p_a: 0.10, p_b: 0.12, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.power(3_000.0, NullError::Pooled)? - 0.697045).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn power(&self, n_a: f64, null: NullError) -> Result<f64> {
        self.checked()?;
        positive("n_a", n_a)?;
        let z_alpha = normal::exceeded_with(0.5 * self.alpha);
        let (without, with) = self.variances(null);
        let d = (self.p_b - self.p_a).abs() * libm::sqrt(n_a);
        Ok(normal::below((d - z_alpha * libm::sqrt(without)) / libm::sqrt(with)))
    }

    /// Cohen's h: the effect on a scale where every rate has the same error.
    ///
    /// # Formula
    /// `2 asin √p_B − 2 asin √p_A`
    ///
    /// # Errors
    /// `NotAProbability` for a rate.
    ///
    /// # Source
    /// Cohen, Statistical Power Analysis (1988), 6.2.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::RatePlan;
    /// let plan = RatePlan { p_a: 0.20, p_b: 0.25, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.cohens_h()? - 0.119902).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn cohens_h(&self) -> Result<f64> {
        self.checked()?;
        Ok(2.0 * (libm::asin(libm::sqrt(self.p_b)) - libm::asin(libm::sqrt(self.p_a))))
    }

    /// Units that the control needs by Cohen's h, with both tails of the two-sided test.
    ///
    /// # Formula
    /// The n_A that solves `Φ(h√m − z) + Φ(−h√m − z) = power`, `m = n_A k/(1 + k)`.
    ///
    /// # Errors
    /// As [`RatePlan::n_a`]; `CannotTell` for a power below α, which needs no unit at all.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::RatePlan;
    /// let plan = RatePlan { p_a: 0.20, p_b: 0.25, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.n_a_by_h(0.8)? - 1091.90).abs() < 0.01);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn n_a_by_h(&self, power: f64) -> Result<f64> {
        let h = self.cohens_h()?.abs();
        let (z, z_power) = quantiles(self.alpha, power)?;
        if h == 0.0 {
            return Err(NO_EFFECT.into());
        }
        let reached = |shift: f64| normal::above(z - shift) + normal::above(z + shift);
        let shift = solve_rising(reached, power, (z + z_power).max(0.1))?;
        Ok(shift * shift / (h * h) * (1.0 + 1.0 / self.ratio))
    }

    /// The least increase of the control's rate that the test finds with this power: what a test can see at all.
    ///
    /// # Shapes and units
    /// `n_a`: units in the control. Returns a difference of rates. `p_b` is not read.
    ///
    /// # Formula
    /// The d > 0 that solves `d = (z_{1−α/2} + z_power) √((p_A(1 − p_A) + (p_A + d)(1 − p_A − d)/k)/n_A)`, a quadratic.
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`; `CannotTell` when even a rate of 1 would not be found.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::RatePlan;
    /// let plan = RatePlan { p_a: 0.10, p_b: 0.12, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.least_increase(3_000.0, 0.8)? - 0.0227416).abs() < 1e-7);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn least_increase(&self, n_a: f64, power: f64) -> Result<f64> {
        Self { p_b: self.p_a, ..*self }.checked()?;
        positive("n_a", n_a)?;
        let (z_alpha, z_power) = quantiles(self.alpha, power)?;
        let z = z_alpha + z_power;
        if z <= 0.0 {
            return Err(CannotTell::Unreachable { why: "the power is below the significance level" }.into());
        }
        let (p, k) = (self.p_a, self.ratio);
        let w = z * z / n_a;
        // (1 + w/k) d² − (w/k)(1 − 2p) d − w p(1 − p)(1 + 1/k) = 0
        let (square, linear, constant) =
            (1.0 + w / k, w / k * (1.0 - 2.0 * p), w * p * (1.0 - p) * (1.0 + 1.0 / k));
        let d = (linear + libm::sqrt(linear * linear + 4.0 * square * constant)) / (2.0 * square);
        if p + d < 1.0 {
            Ok(d)
        } else {
            Err(CannotTell::Unreachable { why: "even a rate of 1 would not be found" }.into())
        }
    }
}

/// The x > 0 at which a rising function reaches `target`.
fn solve_rising(f: impl Fn(f64) -> f64, target: f64, start: f64) -> Result<f64> {
    let unreachable = CannotTell::Unreachable { why: "the power wanted is out of reach" };
    let (mut low, mut high) = (0.0, start);
    if f(1e-12) >= target {
        return Err(CannotTell::Unreachable { why: "the power is below the significance level" }.into());
    }
    for _ in 0..200 {
        if f(high) >= target {
            break;
        }
        low = high;
        high *= 2.0;
    }
    if f(high) < target {
        return Err(unreachable.into());
    }
    while high - low > 1e-14 * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if f(middle) >= target { high = middle } else { low = middle }
    }
    Ok(0.5 * (low + high))
}

/// A planned test of two means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanPlan {
    /// The difference worth finding, in standard deviations (Cohen's d).
    pub effect: f64,
    /// Two-sided significance level.
    pub alpha: f64,
    /// n_B ÷ n_A.
    pub ratio: f64,
}

impl MeanPlan {
    fn checked(&self) -> Result<()> {
        finite("effect", self.effect)?;
        probability("alpha", self.alpha)?;
        positive("ratio", self.ratio).map(|_| ())
    }

    /// Units that the control needs by the normal distribution; the far tail is left out. Not rounded.
    ///
    /// # Formula
    /// `n_A = (z_{1−α/2} + z_power)² (1 + 1/k)/d²`. With α 0.05, power 0.8 and k = 1 that is 15.7/d²: the rule of 16.
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`, `NotFinite`; `CannotTell` for an effect of 0.
    ///
    /// # Source
    /// Kohavi et al., Data Mining and Knowledge Discovery 18 (2009).
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::MeanPlan;
    /// let plan = MeanPlan { effect: 1.0, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.n_a_by_z(0.8)? - 15.6978).abs() < 1e-4);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn n_a_by_z(&self, power: f64) -> Result<f64> {
        self.checked()?;
        let (z_alpha, z_power) = quantiles(self.alpha, power)?;
        if self.effect == 0.0 {
            return Err(NO_EFFECT.into());
        }
        let z = z_alpha + z_power;
        Ok(z * z * (1.0 + 1.0 / self.ratio) / (self.effect * self.effect))
    }

    /// Power by the normal distribution, far tail left out.
    ///
    /// # Formula
    /// `Φ(|d| √(n_A k/(1 + k)) − z_{1−α/2})`
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`, `NotFinite`.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::MeanPlan;
    /// let plan = MeanPlan { effect: 0.25, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.power_by_z(200.0)? - 0.705414).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn power_by_z(&self, n_a: f64) -> Result<f64> {
        self.checked()?;
        positive("n_a", n_a)?;
        let m = n_a * self.ratio / (1.0 + self.ratio);
        Ok(normal::below(self.effect.abs() * libm::sqrt(m) - normal::exceeded_with(0.5 * self.alpha)))
    }

    /// Power of the two-sided t test, by the noncentral t distribution, both tails.
    ///
    /// # Formula
    /// `P(|T| > t_{1−α/2, ν})`, T noncentral with `ν = n_A(1 + k) − 2` and noncentrality `d √(n_A k/(1 + k))`; as
    /// `∫ [Φ(δ − ts) + Φ(−δ − ts)] f(s) ds` over the density of `s = √(χ²_ν/ν)`.
    ///
    /// # Errors
    /// `NotAProbability`, `OutOfRange`, `NotFinite`; `CannotTell` for two units or fewer in all.
    ///
    /// # Source
    /// Cohen (1988), 2; the reference is statsmodels' `TTestIndPower`.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::MeanPlan;
    /// let plan = MeanPlan { effect: 0.25, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.power_by_t(200.0)? - 0.703333).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn power_by_t(&self, n_a: f64) -> Result<f64> {
        self.checked()?;
        positive("n_a", n_a)?;
        let df = n_a * (1.0 + self.ratio) - 2.0;
        if df <= 0.0 {
            let have = libm::floor(df + 2.0) as u64;
            return Err(CannotTell::TooFew { what: "units of both variants", have, need: 3 }.into());
        }
        let shift = self.effect.abs() * libm::sqrt(n_a * self.ratio / (1.0 + self.ratio));
        let critical = student::exceeded_with(0.5 * self.alpha, df);
        Ok(outside_noncentral(critical, df, shift))
    }

    /// Units that the control needs for the t test. Not rounded.
    ///
    /// # Formula
    /// The n_A at which [`MeanPlan::power_by_t`] is `power`.
    ///
    /// # Errors
    /// As [`MeanPlan::n_a_by_z`].
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::power::MeanPlan;
    /// let plan = MeanPlan { effect: 0.5, alpha: 0.05, ratio: 1.0 };
    /// assert!((plan.n_a_by_t(0.8)? - 63.766).abs() < 1e-3);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn n_a_by_t(&self, power: f64) -> Result<f64> {
        let start = self.n_a_by_z(power)?;
        if power <= self.alpha {
            return Err(CannotTell::Unreachable { why: "the power is below the significance level" }.into());
        }
        // Units beyond those that leave any degree of freedom.
        let least = 2.0 / (1.0 + self.ratio);
        let reached = |extra: f64| self.power_by_t(least + extra).unwrap_or(0.0);
        Ok(least + solve_rising(reached, power, start)?)
    }
}

/// `P(|T| > critical)`, T noncentral t.
fn outside_noncentral(critical: f64, df: f64, shift: f64) -> f64 {
    // The density of s = √(χ²/df), by Stirling's formula and its error: √(df/π) e^{−df/2 (s² − 1 − 2 ln s)}/s.
    let half = 0.5 * df;
    let constant = 0.5 * libm::log(df / std::f64::consts::PI) - beta::stirling_error(half);
    let density = |s: f64| {
        if s <= 0.0 {
            return 0.0;
        }
        libm::exp(constant - half * (s * s - 1.0 - 2.0 * libm::log(s))) / s
    };
    let f =
        |s: f64| density(s) * (normal::above(critical * s - shift) + normal::below(-critical * s - shift));
    let sd = libm::sqrt(0.5 / df);
    let mut points: Vec<f64> =
        [-12.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 12.0, 24.0].iter().map(|k| 1.0 + k * sd).collect();
    points.extend([shift / critical, (shift + 6.0) / critical, (shift - 6.0) / critical, 0.0]);
    let end = 1.0 + 24.0 * sd;
    let points: Vec<f64> = points.into_iter().filter(|p| (0.0..=end).contains(p)).collect();
    integral::integrate(f, &points).clamp(0.0, 1.0)
}

/// Pairs that a shadow test needs: both variants answer every request, so only the discordant ones make noise.
///
/// # Shapes and units
/// `a_only`, `b_only`: shares of requests that only A, or only B, gets right. Returns pairs, not rounded.
///
/// # Formula
/// With `ψ = a_only + b_only` and `d = b_only − a_only`: `(z_{1−α/2} √ψ + z_power √(ψ − d²))²/d²`.
///
/// # Errors
/// `NotAProbability`; `OutOfRange` when the shares sum to more than 1; `CannotTell` when they are equal.
///
/// # Source
/// Connor, Biometrics 43 (1987).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::power::pairs_needed;
/// assert_eq!(pairs_needed(0.04, 0.07, 0.05, 0.8)?.ceil(), 957.0);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn pairs_needed(a_only: f64, b_only: f64, alpha: f64, power: f64) -> Result<f64> {
    probability("a_only", a_only)?;
    probability("b_only", b_only)?;
    let (z_alpha, z_power) = quantiles(alpha, power)?;
    let (discordant, d) = (a_only + b_only, b_only - a_only);
    if discordant > 1.0 {
        let limit = "at most 1 in sum";
        return Err(StatisticsError::OutOfRange { name: "a_only + b_only", value: discordant, limit });
    }
    if d == 0.0 {
        return Err(NO_EFFECT.into());
    }
    let root = z_alpha * libm::sqrt(discordant) + z_power * libm::sqrt(discordant - d * d);
    Ok(root * root / (d * d))
}

/// How many times as many units in all an unequal split needs.
///
/// # Formula
/// `(1/f + 1/(1 − f))/4`, f the share of one of the two variants.
///
/// # Errors
/// `NotAProbability` for the share.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::power::cost_of_split;
/// assert!((cost_of_split(0.05)? - 5.263).abs() < 1e-3);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn cost_of_split(share: f64) -> Result<f64> {
    probability("share", share)?;
    Ok(0.25 * (1.0 / share + 1.0 / (1.0 - share)))
}

/// Probability that an event of this rate shows at least once in n requests: what a canary can notice at all.
///
/// # Formula
/// `1 − (1 − rate)ⁿ`
///
/// # Errors
/// `NotAProbability` for the rate; `CannotTell` without a request.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::power::chance_to_see;
/// assert!((chance_to_see(0.01, 100)? - 0.634).abs() < 1e-3);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn chance_to_see(rate: f64, n: u64) -> Result<f64> {
    probability("rate", rate)?;
    at_least("requests", n, 1)?;
    Ok(-libm::expm1(n as f64 * libm::log1p(-rate)))
}

/// The highest rate that n requests without an event leave open: no error so far is not no errors.
///
/// # Formula
/// `1 − α^{1/n}`, nearly 3/n at α = 0.05: the rule of three.
///
/// # Errors
/// `NotAProbability` for α; `CannotTell` without a request.
///
/// # Source
/// Hanley and Lippman-Hand, JAMA 249 (1983).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::power::highest_rate_unseen;
/// assert!((highest_rate_unseen(300, 0.05)? - 0.00994).abs() < 1e-5);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn highest_rate_unseen(n: u64, alpha: f64) -> Result<f64> {
    probability("alpha", alpha)?;
    at_least("requests", n, 1)?;
    Ok(-libm::expm1(libm::log(alpha) / n as f64))
}
