//! Beta-binomial: what is believed about rates after the data. Easy to say ("B is better with 95%"), but no shield
//! against peeking: whoever stops when P(B > A) passes 95% is fooled far more often than 5%.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{beta, integral},
    error::{Result, StatisticsError, at_least, finite, positive, probability},
    interval::Interval,
    proportions::Proportion,
};

/// A Beta distribution of a rate.
///
/// ```
/// use rollout_lab::analysis::{bayes::BetaPosterior, proportions::Proportion};
/// let posterior = BetaPosterior::after(1.0, 1.0, &Proportion::new(200, 1_000)?)?;
/// assert_eq!((posterior.a(), posterior.b()), (201.0, 801.0));
/// let interval = posterior.credible_interval(0.05)?;
/// assert!((interval.low - 0.176392).abs() < 1e-6 && (interval.high - 0.225937).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BetaPosterior {
    a: f64,
    b: f64,
}

impl BetaPosterior {
    /// With these shapes.
    ///
    /// # Errors
    /// `OutOfRange` unless both are above 0, `NotFinite`.
    pub fn new(a: f64, b: f64) -> Result<Self> {
        Ok(Self { a: positive("shape a", a)?, b: positive("shape b", b)? })
    }

    /// A prior Beta(a, b) after these trials: `Beta(a + successes, b + failures)`. Beta(1, 1) takes every rate for as
    /// likely, and stands for one success and one failure.
    ///
    /// # Errors
    /// As [`BetaPosterior::new`].
    pub fn after(a: f64, b: f64, trials: &Proportion) -> Result<Self> {
        let prior = Self::new(a, b)?;
        Self::new(prior.a + trials.successes() as f64, prior.b + trials.failures() as f64)
    }

    /// The first shape: successes, the prior's included.
    pub fn a(&self) -> f64 {
        self.a
    }

    /// The second shape: failures, the prior's included.
    pub fn b(&self) -> f64 {
        self.b
    }

    /// Expected rate, `a/(a + b)`.
    pub fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// The rate lies in here with probability 1 − α, as likely below as above.
    ///
    /// # Errors
    /// `NotAProbability` for α outside (0, 1).
    pub fn credible_interval(&self, alpha: f64) -> Result<Interval> {
        let tail = 0.5 * probability("alpha", alpha)?;
        Ok(Interval {
            low: beta::quantile(self.a, self.b, tail, 1.0 - tail).0,
            high: beta::quantile(self.a, self.b, 1.0 - tail, tail).0,
        })
    }

    /// Centre and standard deviation of the logit, roughly.
    fn logit(&self) -> (f64, f64) {
        (libm::log(self.a / self.b), libm::sqrt(1.0 / self.a + 1.0 / self.b))
    }

    /// Logits at which an integral over this rate changes, and beyond the outer two of which nothing is left.
    fn landmarks(&self) -> Vec<f64> {
        let (centre, sd) = self.logit();
        let mut points: Vec<f64> = [-9.0, -6.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 6.0, 9.0]
            .iter()
            .map(|k| centre + k * sd)
            .collect();
        // The tails fall as e^{−a|s|} and e^{−bs} at least.
        points.push(centre - (12.0 * sd).max(45.0 / self.a));
        points.push(centre + (12.0 * sd).max(45.0 / self.b));
        points.iter().map(|s| s.clamp(-700.0, 700.0)).collect()
    }
}

/// (x, 1 − x) of a logit.
fn split(s: f64) -> (f64, f64) {
    (1.0 / (1.0 + libm::exp(-s)), 1.0 / (1.0 + libm::exp(s)))
}

/// Probability of each arm to be the best, any number of arms.
///
/// # Formula
/// `P(i best) = ∫ f_i(x) Π_{j≠i} F_j(x) dx`, integrated over the logit of x, where every integrand is smooth; relative
/// error about 1e-12.
///
/// # Errors
/// `CannotTell` below two arms.
///
/// # Source
/// Chapelle and Li, NIPS 2011; for two arms the sum of evanmiller.org/bayesian-ab-testing.html says the same.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::bayes::{BetaPosterior, probability_best};
/// let arms = [BetaPosterior::new(11.0, 91.0)?, BetaPosterior::new(16.0, 86.0)?, BetaPosterior::new(13.0, 89.0)?];
/// let best = probability_best(&arms)?;
/// assert!((best[1] - 0.664570).abs() < 1e-6 && (best.iter().sum::<f64>() - 1.0).abs() < 1e-9);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn probability_best(arms: &[BetaPosterior]) -> Result<Vec<f64>> {
    at_least("arms", arms.len() as u64, 2)?;
    Ok((0..arms.len())
        .map(|i| {
            let own = arms[i];
            let mut points = own.landmarks();
            let (low, high) = ends(&points);
            points.extend(arms.iter().flat_map(BetaPosterior::landmarks).filter(|s| *s > low && *s < high));
            let f = |s: f64| {
                let (x, y) = split(s);
                let mut product = beta::power_term(own.a, own.b, x, y);
                for (j, other) in arms.iter().enumerate() {
                    if j != i && product > 0.0 {
                        product *= beta::tails(other.a, other.b, x, y).0;
                    }
                }
                product
            };
            integral::integrate(f, &points).min(1.0)
        })
        .collect())
}

fn ends(points: &[f64]) -> (f64, f64) {
    points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &s| (low.min(s), high.max(s)))
}

/// Probability that B's rate exceeds A's by more than a margin.
///
/// # Shapes and units
/// `margin`: a difference of rates, 0 for plain "better", negative for "not much worse".
///
/// # Formula
/// `P(p_B > p_A + m) = ∫ f_A(x) P(p_B > x + m) dx`
///
/// # Errors
/// `OutOfRange` unless the margin lies between −1 and 1.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::bayes::{BetaPosterior, probability_better};
/// let (a, b) = (BetaPosterior::new(11.0, 91.0)?, BetaPosterior::new(16.0, 86.0)?);
/// assert!((probability_better(&a, &b, 0.0)? - 0.853284).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn probability_better(a: &BetaPosterior, b: &BetaPosterior, margin: f64) -> Result<f64> {
    if finite("margin", margin)?.abs() >= 1.0 {
        return Err(StatisticsError::OutOfRange { name: "margin", value: margin, limit: "between -1 and 1" });
    }
    let mut points = a.landmarks();
    let (low, high) = ends(&points);
    // Where x + margin passes B's landmarks, or leaves 0 to 1.
    let shifted = b.landmarks().into_iter().map(|s| split(s).0 - margin).chain([-margin, 1.0 - margin]);
    points.extend(
        shifted
            .filter(|x| *x > 0.0 && *x < 1.0)
            .map(|x| libm::log(x / (1.0 - x)))
            .filter(|s| *s > low && *s < high),
    );
    let f = |s: f64| {
        let (x, y) = split(s);
        let density = beta::power_term(a.a, a.b, x, y);
        if density == 0.0 {
            return 0.0;
        }
        density * beta::tails(b.a, b.b, x + margin, y - margin).1
    };
    Ok(integral::integrate(f, &points).min(1.0))
}

/// What is lost, in expectation, by choosing one of two arms when the other is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedLoss {
    /// `E max(p_B − p_A, 0)`, a rate.
    pub choosing_a: f64,
    /// `E max(p_A − p_B, 0)`, a rate.
    pub choosing_b: f64,
}

/// Expected loss of either choice: small when the choice is right, or when it hardly matters.
///
/// # Formula
/// `E max(p_A − p_B, 0) = ∫ F_B(x) (1 − F_A(x)) dx`
///
/// # Errors
/// None for valid posteriors.
///
/// # Source
/// Stucchio, "Bayesian A/B testing at VWO" (2015).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::bayes::{BetaPosterior, expected_loss};
/// let loss = expected_loss(&BetaPosterior::new(11.0, 91.0)?, &BetaPosterior::new(16.0, 86.0)?);
/// assert!((loss.choosing_b - 0.00357809).abs() < 1e-8);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn expected_loss(a: &BetaPosterior, b: &BetaPosterior) -> ExpectedLoss {
    let points: Vec<f64> = a.landmarks().into_iter().chain(b.landmarks()).collect();
    let loss = |left: &BetaPosterior, right: &BetaPosterior| {
        let f = |s: f64| {
            let (x, y) = split(s);
            beta::tails(right.a, right.b, x, y).0 * beta::tails(left.a, left.b, x, y).1 * x * y
        };
        integral::integrate(f, &points)
    };
    ExpectedLoss { choosing_a: loss(b, a), choosing_b: loss(a, b) }
}
