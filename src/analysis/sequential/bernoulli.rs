//! A confidence sequence for a rate: exact at every n, also where nothing has gone wrong yet.

use crate::analysis::{
    error::{Result, StatisticsError, at_least, probability},
    interval::Interval,
    proportions::Proportion,
};

/// Halvings that bring an end of the interval below the last bit.
const HALVINGS: u32 = 60;

/// The rates that trials of 0 and 1 leave open, right at every n at once with probability 1 − α.
///
/// A guardrail on errors needs it: without an error so far the usual intervals have no width, and this one still says
/// how many errors may come.
///
/// # Shapes and units
/// Successes and n of one stream; shares from 0 to 1.
///
/// # Formula
/// `{p : ∫₀¹ qˢ(1 − q)ᶠ dq < pˢ(1 − p)ᶠ/α}`, s successes and f failures: the even mixture over q is a martingale when p
/// is true, and exceeds 1/α at any n with probability at most α. The integral is `B(s + 1, f + 1)`.
///
/// # Errors
/// `CannotTell` without a trial, `NotAProbability` for α.
///
/// # Source
/// Robbins, Annals of Mathematical Statistics 41 (1970); Howard et al., Annals of Statistics 49 (2021), 3.2.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{proportions::Proportion, sequential::rate_sequence};
/// let clean = rate_sequence(&Proportion::new(0, 300)?, 0.05)?;
/// // (1 − p)ⁿ = α/(n + 1)
/// assert!(clean.low == 0.0 && (clean.high - (1.0 - (0.05_f64 / 301.0).powf(1.0 / 300.0))).abs() < 1e-9);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn rate_sequence(trials: &Proportion, alpha: f64) -> Result<Interval> {
    let ln_inverse = -libm::log(probability("alpha", alpha)?);
    at_least("trials", trials.n(), 1)?;
    let (s, f) = (trials.successes() as f64, trials.failures() as f64);
    let ln_mixture = libm::lgamma(s + 1.0) + libm::lgamma(f + 1.0) - libm::lgamma(s + f + 2.0);
    let term = |count: f64, share: f64| if count == 0.0 { 0.0 } else { count * libm::log(share) };
    let open = |p: f64| ln_mixture - term(s, p) - term(f, 1.0 - p) < ln_inverse;
    // The mixture over the likelihood has one valley, at the share seen: an end lies on each side of it.
    let end = |mut outside: f64, mut inside: f64| {
        for _ in 0..HALVINGS {
            let middle = 0.5 * (outside + inside);
            *(if open(middle) { &mut inside } else { &mut outside }) = middle;
        }
        inside
    };
    let seen = trials.share()?;
    Ok(Interval {
        low: if s == 0.0 { 0.0 } else { end(0.0, seen) },
        high: if f == 0.0 { 1.0 } else { end(1.0, seen) },
    })
}

/// The differences of two rates, B less A, that both leave open at every n at once with probability 1 − α.
///
/// # Formula
/// `(low_B − high_A, high_B − low_A)`, each rate's [`rate_sequence`] at level 1 − α/2.
///
/// # Errors
/// `CannotTell` while a variant has no trial, `NotAProbability` for α.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{proportions::Proportion, sequential::rate_difference_sequence};
/// let interval = rate_difference_sequence(&Proportion::new(0, 900)?, &Proportion::new(0, 100)?, 0.05)?;
/// assert!(interval.low < 0.0 && interval.high < 0.09 && interval.contains(0.0));
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn rate_difference_sequence(a: &Proportion, b: &Proportion, alpha: f64) -> Result<Interval> {
    at_least("requests of A", a.n(), 1)?;
    at_least("requests of B", b.n(), 1)?;
    let half = 0.5 * probability("alpha", alpha)?;
    let (of_a, of_b) = (rate_sequence(a, half)?, rate_sequence(b, half)?);
    let interval = Interval { low: of_b.low - of_a.high, high: of_b.high - of_a.low };
    if interval.low.is_finite() && interval.high.is_finite() {
        Ok(interval)
    } else {
        Err(StatisticsError::NotFinite { name: "interval", value: interval.width() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn it_is_wider_than_the_exact_interval_of_one_n_and_closes_in() {
        let mut before = 2.0;
        for n in [10, 100, 1_000, 100_000, 10_000_000] {
            let trials = Proportion::new(n * 3 / 10, n).unwrap();
            let (always, once) =
                (rate_sequence(&trials, 0.05).unwrap(), trials.clopper_pearson(0.05).unwrap());
            assert!(always.low < once.low && always.high > once.high, "{n}: {always:?} {once:?}");
            assert!(always.contains(0.3) && always.width() < before);
            before = always.width();
        }
    }

    #[test]
    fn all_and_none_are_mirror_images() {
        let none = rate_sequence(&Proportion::new(0, 50).unwrap(), 0.05).unwrap();
        let all = rate_sequence(&Proportion::new(50, 50).unwrap(), 0.05).unwrap();
        assert!((none.high - (1.0 - all.low)).abs() < 1e-12 && all.high == 1.0);
    }

    #[test]
    fn nothing_cannot_tell() {
        let (none, one) = (Proportion::default(), Proportion::new(0, 1).unwrap());
        assert!(rate_sequence(&none, 0.05).unwrap_err().cannot_tell().is_some());
        assert!(rate_difference_sequence(&one, &none, 0.05).unwrap_err().cannot_tell().is_some());
        assert!(rate_sequence(&one, 1.0).is_err());
    }
}
