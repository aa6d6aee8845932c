//! What needs no bell curve: ranks, quantiles and resampling. Latencies have long tails.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{binomial, kolmogorov, normal},
    error::{CannotTell, Result, StatisticsError, at_least, finite, probability},
    interval::Interval,
};

/// Most pairs (n_A × n_B) that the exact distributions count.
const EXACT_PAIRS: u64 = 10_000;
/// The exact Kolmogorov–Smirnov distribution is cheaper.
const EXACT_STEPS: u64 = 100_000_000;

fn checked(name: &'static str, values: &[f64]) -> Result<()> {
    values.iter().try_for_each(|&x| finite(name, x).map(|_| ()))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn two_samples(a: &[f64], b: &[f64]) -> Result<()> {
    checked("value of A", a)?;
    checked("value of B", b)?;
    // A variant of one value is no sample: exact p-values may be 1 whatever it was.
    at_least("values of A", a.len() as u64, 2)?;
    at_least("values of B", b.len() as u64, 2)
}

/// Whether the values of either variant differ among themselves.
fn varied(a: &[f64], b: &[f64]) -> Result<()> {
    if [a, b].iter().any(|values| values.iter().any(|x| *x != values[0])) {
        Ok(())
    } else {
        Err(CannotTell::NoVariance { what: "A and B" }.into())
    }
}

/// The Mann–Whitney test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MannWhitney {
    /// Pairs in which A is greater, plus half the ties.
    pub u_a: f64,
    /// Pairs in which B is greater, plus half the ties.
    pub u_b: f64,
    /// Share of pairs in which B is greater, ties half: 0.5 when neither tends to be.
    pub share_b_greater: f64,
    /// Two-sided p-value by the normal distribution, ties accounted for.
    pub p: f64,
    /// The same with the correction for continuity.
    pub p_corrected: f64,
}

/// U of B and the sum of t³ − t over groups of t equal values.
fn u_of_b(a: &[f64], b: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> =
        a.iter().map(|&x| (x, false)).chain(b.iter().map(|&x| (x, true))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut u, mut ties, mut a_below) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|x, y| x.0 == y.0) {
        let of_b = group.iter().filter(|v| v.1).count() as f64;
        let of_a = group.len() as f64 - of_b;
        u += of_b * (a_below + 0.5 * of_a);
        a_below += of_a;
        let t = group.len() as f64;
        ties += t * t * t - t;
    }
    (u, ties)
}

/// Mann–Whitney test: does one variant tend to greater values than the other?
///
/// # Shapes and units
/// Any values; only their order counts, so a few absurd latencies do no harm.
///
/// # Formula
/// `z = (max(U_A, U_B) − n_A n_B/2 [− ½]) / √(n_A n_B/12 · (N + 1 − Σ(t³ − t)/(N(N − 1))))`
///
/// # Errors
/// `CannotTell` below two values in a variant or when all values are the same; `NotFinite` for a value that is not.
///
/// # Source
/// Mann and Whitney, Annals of Mathematical Statistics 18 (1947).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::mann_whitney;
/// let test = mann_whitney(&[20.0, 11.0, 17.0, 12.0], &[19.0, 22.0, 16.0, 29.0, 24.0])?;
/// assert!(test.u_b == 17.0 && (test.p_corrected - 0.111347).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Result<MannWhitney> {
    two_samples(a, b)?;
    let (u_b, ties) = u_of_b(a, b);
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let n = na + nb;
    let variance = na * nb / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    if variance <= 0.0 {
        return Err(CannotTell::NoVariance { what: "A and B" }.into());
    }
    let u_a = na * nb - u_b;
    let p = |correction: f64| {
        let z = (u_a.max(u_b) - 0.5 * na * nb - correction) / libm::sqrt(variance);
        (2.0 * normal::above(z)).min(1.0)
    };
    Ok(MannWhitney { u_a, u_b, share_b_greater: u_b / (na * nb), p: p(0.0), p_corrected: p(0.5) })
}

/// Exact two-sided p-value of the Mann–Whitney test, for few values without ties.
///
/// # Formula
/// `2 P(U ≤ min(U_A, U_B))`, U counted over all orders, by `p(u; m, n) = (m p(u − n; m − 1, n) + n p(u; m, n − 1))/(m + n)`.
///
/// # Errors
/// `CannotTell` below two values in a variant, for equal values, or more than 10,000 pairs; `NotFinite` for a value that
/// is not.
///
/// # Source
/// Mann and Whitney (1947).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::mann_whitney_exact;
/// let p = mann_whitney_exact(&[20.0, 11.0, 17.0, 12.0], &[19.0, 22.0, 16.0, 29.0, 24.0])?;
/// assert!((p - 0.111111).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn mann_whitney_exact(a: &[f64], b: &[f64]) -> Result<f64> {
    two_samples(a, b)?;
    let (u_b, ties) = u_of_b(a, b);
    if ties > 0.0 {
        return Err(CannotTell::Ties.into());
    }
    let (na, nb) = (a.len(), b.len());
    let pairs = (na * nb) as u64;
    if pairs > EXACT_PAIRS {
        return Err(CannotTell::TooMany { what: "pairs", have: pairs, most: EXACT_PAIRS }.into());
    }
    let least = u_b.min(pairs as f64 - u_b) as usize;
    // row[n][u] of the current m, for u up to `least`: the other half is its mirror image.
    let mut certain = vec![0.0; least + 1];
    certain[0] = 1.0;
    let mut row = vec![certain.clone(); nb + 1];
    for m in 1..=na {
        let mut next = Vec::with_capacity(nb + 1);
        next.push(certain.clone());
        for n in 1..=nb {
            let (mf, nf) = (m as f64, n as f64);
            let fewer: &Vec<f64> = &next[n - 1];
            let p = (0..=least)
                .map(|u| {
                    let from_a = if u >= n { mf * row[n][u - n] } else { 0.0 };
                    (from_a + nf * fewer[u]) / (mf + nf)
                })
                .collect();
            next.push(p);
        }
        row = next;
    }
    Ok((2.0 * row[nb].iter().sum::<f64>()).min(1.0))
}

/// The two-sample Kolmogorov–Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// Greatest distance of the two distribution functions, 0 to 1.
    pub d: f64,
    /// p-value by the distribution for one sample of `round(n_A n_B/(n_A + n_B))`.
    pub p: f64,
}

/// D in steps of 1/lcm(n_A, n_B), exact, and D itself.
fn greatest_distance(a: &[f64], b: &[f64]) -> (u64, f64) {
    let (a, b) = (sorted(a), sorted(b));
    let (na, nb) = (a.len() as u64, b.len() as u64);
    let (mut i, mut j, mut most) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] == x {
            i += 1;
        }
        while j < b.len() && b[j] == x {
            j += 1;
        }
        most = most.max((i as u64 * nb).abs_diff(j as u64 * na));
    }
    (most, most as f64 / (na * nb) as f64)
}

/// Two-sample Kolmogorov–Smirnov test: do the two distributions differ anywhere?
///
/// # Shapes and units
/// Any values; for many, the p-value is that of an equivalent single sample.
///
/// # Formula
/// `D = max |F_A(x) − F_B(x)|`
///
/// # Errors
/// `CannotTell` below two values in a variant or when neither varies; `NotFinite` for a value that is not.
///
/// # Source
/// Smirnov (1939); Simard and L'Ecuyer, J. Stat. Soft. 39 (2011), for the distribution.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::kolmogorov_smirnov;
/// let test = kolmogorov_smirnov(&[1.0, 2.0, 3.0, 4.0], &[3.5, 4.5, 5.5, 6.5])?;
/// assert!(test.d == 0.75 && test.p > 0.05);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Result<KolmogorovSmirnov> {
    two_samples(a, b)?;
    varied(a, b)?;
    let (_, d) = greatest_distance(a, b);
    let (na, nb) = (a.len() as f64, b.len() as f64);
    // Rounded to even at a half, as the reference does.
    let n = libm::rint(na * nb / (na + nb)).max(1.0) as u64;
    Ok(KolmogorovSmirnov { d, p: kolmogorov::above(d, n) })
}

/// Exact p-value of the two-sample Kolmogorov–Smirnov test, as if no two values were equal.
///
/// # Formula
/// Share of the lattice paths from (0, 0) to (n_A, n_B) that stray as far as D from the diagonal: of paths to (i, j),
/// the share that has strayed is `(i S(i − 1, j) + j S(i, j − 1))/(i + j)`.
///
/// # Errors
/// `CannotTell` below two values in a variant, when neither varies, or for more than 10⁸ pairs; `NotFinite` for
/// a value that is not.
///
/// # Source
/// Hodges, Arkiv för Matematik 3 (1958).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::kolmogorov_smirnov_exact;
/// let p = kolmogorov_smirnov_exact(&[1.0, 2.0, 3.0, 4.0], &[3.5, 4.5, 5.5, 6.5])?;
/// assert!((p - 0.228571).abs() < 1e-6); // 16 of 70 paths
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn kolmogorov_smirnov_exact(a: &[f64], b: &[f64]) -> Result<f64> {
    two_samples(a, b)?;
    varied(a, b)?;
    let (na, nb) = (a.len() as u64, b.len() as u64);
    if na * nb > EXACT_STEPS {
        return Err(CannotTell::TooMany { what: "pairs", have: na * nb, most: EXACT_STEPS }.into());
    }
    let (far, _) = greatest_distance(a, b);
    if far == 0 {
        return Ok(1.0);
    }
    let mut strayed = vec![0.0; b.len() + 1];
    for i in 0..=na {
        for j in 0..=nb {
            let at = j as usize;
            strayed[at] = if (i * nb).abs_diff(j * na) >= far {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                let left = if j > 0 { strayed[at - 1] } else { 0.0 };
                (i as f64 * strayed[at] + j as f64 * left) / (i + j) as f64
            };
        }
    }
    Ok(strayed[b.len()])
}

/// The value of rank `⌈p n⌉`: a percentile as latency dashboards give it.
///
/// # Shapes and units
/// `p`: 0 to 1, both excluded. Returns a value of the sample.
///
/// # Errors
/// `CannotTell` without a value; `NotAProbability` for p; `NotFinite` for a value that is not.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::nearest_rank;
/// assert_eq!(nearest_rank(&[4.0, 1.0, 3.0, 2.0], 0.5)?, 2.0);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn nearest_rank(values: &[f64], p: f64) -> Result<f64> {
    probability("p", p)?;
    checked("value", values)?;
    at_least("values", values.len() as u64, 1)?;
    let rank = (libm::ceil(p * values.len() as f64) as usize).clamp(1, values.len());
    Ok(sorted(values)[rank - 1])
}

/// The quantile between the two nearest ranks, numpy's default.
///
/// # Formula
/// With `h = (n − 1) p`: `x_⌊h⌋ + (h − ⌊h⌋)(x_⌊h⌋₊₁ − x_⌊h⌋)`, ranks from 0.
///
/// # Errors
/// `CannotTell` without a value; `NotAProbability` for p; `NotFinite` for a value that is not.
///
/// # Source
/// Hyndman and Fan, The American Statistician 50 (1996), type 7.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::interpolated_quantile;
/// assert_eq!(interpolated_quantile(&[4.0, 1.0, 3.0, 2.0], 0.5)?, 2.5);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn interpolated_quantile(values: &[f64], p: f64) -> Result<f64> {
    probability("p", p)?;
    checked("value", values)?;
    at_least("values", values.len() as u64, 1)?;
    Ok(interpolated(&sorted(values), p))
}

fn interpolated(sorted: &[f64], p: f64) -> f64 {
    let h = (sorted.len() - 1) as f64 * p;
    let low = libm::floor(h) as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (h - low as f64) * (sorted[high] - sorted[low])
}

/// The ranks, from 1, between which a quantile lies with at least this confidence; none where n is too small for such
/// an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranks {
    /// Rank of the lower end.
    pub low: Option<u64>,
    /// Rank of the upper end.
    pub high: Option<u64>,
}

/// Ranks of the exact interval of a quantile: they depend on n alone, so any summary that knows ranks can use them.
///
/// # Formula
/// With X ~ Binomial(n, p) values below the quantile: low the least r with `P(X ≤ r) ≥ α/2`, high one more than the
/// least s with `P(X > s) ≤ α/2`.
///
/// # Errors
/// `CannotTell` without a value; `NotAProbability` for p or α.
///
/// # Source
/// Conover, Practical Nonparametric Statistics (1999), 3.2; the reference is scipy's `quantile_test`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::quantile_ranks;
/// let ranks = quantile_ranks(1_000, 0.95, 0.05)?;
/// assert_eq!((ranks.low, ranks.high), (Some(936), Some(964)));
/// assert_eq!(quantile_ranks(60, 0.99, 0.05)?.high, None); // too few for an upper end
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn quantile_ranks(n: u64, p: f64, alpha: f64) -> Result<Ranks> {
    let tail = 0.5 * probability("alpha", alpha)?;
    probability("p", p)?;
    at_least("values", n, 1)?;
    let low = binomial::quantile(tail, n, p);
    let high = binomial::exceeded_with(tail, n, p) + 1;
    Ok(Ranks { low: (low >= 1).then_some(low), high: (high <= n).then_some(high) })
}

/// Exact interval of a quantile: two values of the sample, whatever the distribution. An end that n is too small for is
/// none.
///
/// # Errors
/// As [`quantile_ranks`], and `NotFinite` for a value that is not.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::quantile_interval;
/// let values: Vec<f64> = (1..=100).map(f64::from).collect();
/// assert_eq!(quantile_interval(&values, 0.5, 0.05)?, (Some(40.0), Some(61.0)));
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn quantile_interval(values: &[f64], p: f64, alpha: f64) -> Result<(Option<f64>, Option<f64>)> {
    checked("value", values)?;
    let ranks = quantile_ranks(values.len() as u64, p, alpha)?;
    let sorted = sorted(values);
    let at = |rank: u64| sorted[rank as usize - 1];
    Ok((ranks.low.map(at), ranks.high.map(at)))
}

/// Percentile bootstrap of a difference B − A of any statistic: for what has no formula.
///
/// # Shapes and units
/// `statistic` reads a resample, which it may sort; `draw(n)` gives an even whole number below n, so that the caller
/// owns the randomness. The interval is in the statistic's unit.
///
/// # Formula
/// `resamples` times: draw n_A of A and n_B of B with replacement, apart, and take the difference; quantiles α/2 and
/// 1 − α/2 of the differences, interpolated.
///
/// # Errors
/// `CannotTell` below two values in a variant or when neither varies; `NotAProbability` for α; `OutOfRange` below 100 resamples; `NotFinite`
/// for a value or a difference that is not.
///
/// # Source
/// Efron, Annals of Statistics 7 (1979).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::ranks::bootstrap;
/// let (a, b): (Vec<f64>, Vec<f64>) = ((0..40).map(f64::from).collect(), (9..49).map(f64::from).collect());
/// let mean = |x: &mut [f64]| x.iter().sum::<f64>() / x.len() as f64;
/// let mut state = 1_u64; // a toy generator
/// let mut draw = |n: u64| {
///     state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
///     (state >> 33) % n
/// };
/// let interval = bootstrap(&a, &b, mean, 2_000, 0.05, &mut draw)?;
/// assert!(interval.contains(9.0) && interval.low > 2.0 && interval.high < 16.0);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn bootstrap(
    a: &[f64],
    b: &[f64],
    statistic: impl Fn(&mut [f64]) -> f64,
    resamples: usize,
    alpha: f64,
    draw: &mut impl FnMut(u64) -> u64,
) -> Result<Interval> {
    let tail = 0.5 * probability("alpha", alpha)?;
    two_samples(a, b)?;
    varied(a, b)?;
    if resamples < 100 {
        let limit = "at least 100";
        return Err(StatisticsError::OutOfRange { name: "resamples", value: resamples as f64, limit });
    }
    let (mut of_a, mut of_b) = (a.to_vec(), b.to_vec());
    let mut differences = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        for (resample, from) in [(&mut of_a, a), (&mut of_b, b)] {
            for value in resample.iter_mut() {
                // A draw that is out of range is the caller's fault; it must not reach past the sample.
                *value = from[(draw(from.len() as u64) as usize).min(from.len() - 1)];
            }
        }
        differences.push(finite("statistic", statistic(&mut of_b) - statistic(&mut of_a))?);
    }
    differences.sort_by(f64::total_cmp);
    Ok(Interval { low: interpolated(&differences, tail), high: interpolated(&differences, 1.0 - tail) })
}
