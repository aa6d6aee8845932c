//! The chi-square distribution.

/// `P(X > x)` with `df` degrees of freedom.
pub fn above(x: f64, df: u32) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if df == 1 {
        return libm::erfc(libm::sqrt(0.5 * x));
    }
    statrs::function::gamma::checked_gamma_ur(0.5 * f64::from(df), 0.5 * x).unwrap_or(0.0)
}
