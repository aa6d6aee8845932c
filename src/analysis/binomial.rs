//! How many of `n` independent requests go to one variant.

/// Probability that none of `n` requests goes to a variant with this share: a canary that nobody saw.
///
/// # Shapes and units
/// `share`: 0 to 1. `n`: requests. Returns a probability.
///
/// # Formula
/// `(1 − share)ⁿ`
///
/// # Examples
/// ```
/// use rollout_lab::analysis::binomial::missed;
/// assert!((missed(0.05, 50) - 0.0769).abs() < 1e-4);
/// assert_eq!((missed(0.0, 50), missed(1.0, 1), missed(0.3, 0)), (1.0, 0.0, 1.0));
/// ```
pub fn missed(share: f64, n: u64) -> f64 {
    if n == 0 { 1.0 } else { libm::pow(1.0 - share.clamp(0.0, 1.0), n as f64) }
}

/// Fewest requests after which a variant with this share has been missed with at most this probability; none when
/// no number is enough, or the probability is no probability above 0.
///
/// # Formula
/// `⌈ln(probability) ÷ ln(1 − share)⌉`
///
/// # Examples
/// ```
/// use rollout_lab::analysis::binomial::requests_until_seen;
/// assert_eq!(requests_until_seen(0.05, 0.05), Some(59)); // 0.95⁵⁹ = 0.0485
/// assert_eq!(requests_until_seen(0.0, 0.05), None);
/// ```
pub fn requests_until_seen(share: f64, probability: f64) -> Option<u64> {
    if share.is_nan() || share <= 0.0 || !(probability > 0.0 && probability <= 1.0) {
        return None;
    }
    if share >= 1.0 {
        return Some(1);
    }
    Some(libm::ceil(libm::log(probability) / libm::log1p(-share)) as u64)
}

/// The central range that the count of `n` requests with this share falls into with at least this probability.
///
/// # Shapes and units
/// `share`, `level`: 0 to 1. Returns the least and the greatest count, both inside the range.
///
/// # Formula
/// Quantiles `(1 − level)/2` and `(1 + level)/2` of Binomial(n, share), summed term by term.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::binomial::central_range;
/// assert_eq!(central_range(50, 0.5, 0.95), (18, 32));
/// assert_eq!(central_range(50, 0.0, 0.95), (0, 0));
/// ```
pub fn central_range(n: u64, share: f64, level: f64) -> (u64, u64) {
    let share = share.clamp(0.0, 1.0);
    if share == 0.0 || n == 0 {
        return (0, 0);
    }
    if share == 1.0 {
        return (n, n);
    }
    let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
    let odds_ln = libm::log(share) - libm::log1p(-share);
    // In logarithms: 0.5¹⁰⁰⁰⁰ is no f64.
    let mut term_ln = n as f64 * libm::log1p(-share);
    let (mut below, mut low) = (0.0, None);
    for k in 0..=n {
        below += libm::exp(term_ln);
        if low.is_none() && below >= tail {
            low = Some(k);
        }
        if below >= 1.0 - tail {
            return (low.unwrap_or(k), k);
        }
        term_ln += libm::log((n - k) as f64 / (k + 1) as f64) + odds_ln;
    }
    (low.unwrap_or(n), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_agree_with_scipy() {
        // scipy.stats.binom.ppf([.025, .975], n, p)
        assert_eq!(central_range(50, 0.05, 0.95), (0, 6));
        assert_eq!(central_range(1_000, 0.5, 0.95), (469, 531));
        assert_eq!(central_range(10_000, 0.05, 0.95), (458, 543));
    }

    #[test]
    fn the_edges_are_sound() {
        assert_eq!(central_range(0, 0.5, 0.95), (0, 0));
        assert_eq!(central_range(7, 1.0, 0.95), (7, 7));
        assert_eq!(requests_until_seen(1.0, 0.05), Some(1));
        assert_eq!(requests_until_seen(f64::NAN, 0.05), None);
        assert_eq!(requests_until_seen(0.1, 0.0), None);
    }
}
