//! The binomial and the hypergeometric distribution.

use std::f64::consts::PI;

use super::beta::{self, deviance, stirling_error};

/// `P(X = k)` of n trials with this probability. Loader's saddle point: no difference of large logarithms.
pub fn probability_of(k: u64, n: u64, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    if p <= 0.0 || p >= 1.0 {
        let certain = if p <= 0.0 { 0 } else { n };
        return if k == certain { 1.0 } else { 0.0 };
    }
    let (nf, kf) = (n as f64, k as f64);
    if k == 0 {
        return libm::exp(nf * libm::log1p(-p));
    }
    if k == n {
        return libm::exp(nf * libm::log(p));
    }
    let rest = (n - k) as f64;
    let ln = stirling_error(nf)
        - stirling_error(kf)
        - stirling_error(rest)
        - deviance(kf, nf * p)
        - deviance(rest, nf * (1.0 - p));
    libm::exp(ln) * libm::sqrt(nf / (2.0 * PI * kf * rest))
}

/// `(P(X ≤ k), P(X > k))`, the smaller one precise.
pub fn tails(k: u64, n: u64, p: f64) -> (f64, f64) {
    if k >= n {
        return (1.0, 0.0);
    }
    let (upper, lower) = beta::tails(k as f64 + 1.0, (n - k) as f64, p, 1.0 - p);
    (lower, upper)
}

/// Probability of all counts that are no likelier than k: the exact two-sided test.
///
/// Counts within a relative 1e-7 of the likelihood of k belong to them: those are ties that rounding has parted.
pub fn no_likelier_than(k: u64, n: u64, p: f64) -> f64 {
    let seen = probability_of(k, n, p);
    let limit = seen * (1.0 + 1e-7);
    let expected = n as f64 * p;
    if k as f64 == expected {
        return 1.0;
    }
    // The likelihood falls away from the mode on either side: search where it passes `limit` on the other one.
    if (k as f64) < expected {
        let first = first_where(libm::ceil(expected) as u64, n + 1, |m| probability_of(m, n, p) <= limit);
        let upper = if first == 0 { 1.0 } else { tails(first - 1, n, p).1 };
        (tails(k, n, p).0 + upper).min(1.0)
    } else {
        let end = first_where(0, libm::floor(expected) as u64 + 1, |m| probability_of(m, n, p) > limit);
        let lower = if end == 0 { 0.0 } else { tails(end - 1, n, p).0 };
        let upper = if k == 0 { 1.0 } else { tails(k - 1, n, p).1 };
        (lower + upper).min(1.0)
    }
}

/// The first of `low..high` that holds, when all after it do; `high` when none does.
pub fn first_where(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// `P(X = x)`: x of `good` and the rest of `bad` when `drawn` of both are taken. From three binomials, so that no
/// difference of large logarithms is taken.
pub fn hypergeometric(x: u64, good: u64, bad: u64, drawn: u64) -> f64 {
    if x > good || x > drawn || drawn - x > bad {
        return 0.0;
    }
    let p = drawn as f64 / (good + bad) as f64;
    if drawn == 0 || drawn == good + bad {
        return 1.0;
    }
    probability_of(x, good, p) * (probability_of(drawn - x, bad, p) / probability_of(drawn, good + bad, p))
}

/// The least k with `P(X ≤ k) ≥ lower`.
pub fn quantile(lower: f64, n: u64, p: f64) -> u64 {
    first_where(0, n, |k| tails(k, n, p).0 >= lower)
}

/// The least k with `P(X > k) ≤ upper`.
pub fn exceeded_with(upper: f64, n: u64, p: f64) -> u64 {
    first_where(0, n, |k| tails(k, n, p).1 <= upper)
}
