//! Student's t distribution, degrees of freedom any number above 0.

use super::beta;

/// x = df / (df + t²) and 1 − x.
fn share(t: f64, df: f64) -> (f64, f64) {
    let r = t * t / df;
    (1.0 / (1.0 + r), r / (1.0 + r))
}

/// `P(|T| > |t|)`.
pub fn outside(t: f64, df: f64) -> f64 {
    let (x, y) = share(t, df);
    beta::tails(0.5 * df, 0.5, x, y).0
}

/// The t that is exceeded with this probability, 0 < `tail` < 1.
pub fn exceeded_with(tail: f64, df: f64) -> f64 {
    if tail > 0.5 {
        return -exceeded_with(1.0 - tail, df);
    }
    if tail == 0.5 {
        return 0.0;
    }
    let (x, y) = beta::quantile(0.5 * df, 0.5, 2.0 * tail, 1.0 - 2.0 * tail);
    libm::sqrt(df * y / x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_quantiles_agree_with_mpmath() {
        // mpmath, 40 digits: betainc(df/2, 1/2, 0, df/(df + t²), regularized=True), and back.
        for (t, df, p) in [
            (0.1, 1.0, 0.936_548_965_138_892_9),
            (2.5, 3.7, 0.071_822_022_911_826_77),
            (12.0, 4.0, 0.000_276_428_548_502_972_97),
            (1.96, 5841.74, 0.050_043_260_214_035_96),
            (3.1, 2000000.0, 0.001_935_233_288_776_752_3),
            (40.0, 30.0, 1.372_604_519_440_640_3e-27),
            (1.0, 0.6, 0.573_770_807_707_218_7),
        ] {
            assert!((outside(t, df) / p - 1.0).abs() < 1e-11, "{t} {df}: {}", outside(t, df));
            assert!(
                (exceeded_with(0.5 * p, df) / t - 1.0).abs() < 1e-10,
                "{t} {df}: {}",
                exceeded_with(0.5 * p, df)
            );
        }
        assert_eq!(exceeded_with(0.5, 3.0), 0.0);
    }
}
