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

/// `P(T > t)`.
pub fn above(t: f64, df: f64) -> f64 {
    let tail = 0.5 * outside(t, df);
    if t >= 0.0 { tail } else { 1.0 - tail }
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
