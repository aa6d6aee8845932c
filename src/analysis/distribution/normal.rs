//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

pub fn density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * PI)
}

/// `P(Z ≤ z)`, precise where it is small.
pub fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// `P(Z > z)`, precise where it is small.
pub fn above(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// `P(|Z| > |z|)`.
pub fn outside(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// The z that is exceeded with this probability, 0 < `tail` < 1.
///
/// statrs' inverse is good to 1e-10 or so; one step of Halley's method on `libm`'s `erfc` makes that the last digits.
pub fn exceeded_with(tail: f64) -> f64 {
    if tail > 0.5 {
        return -exceeded_with(1.0 - tail);
    }
    let mut z = SQRT_2 * statrs::function::erf::erfc_inv(2.0 * tail);
    for _ in 0..2 {
        let step = (above(z) - tail) / density(z);
        z += step / (1.0 + 0.5 * z * step);
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_inverts_the_tail() {
        // mpmath, 30 digits: sqrt(2) erfinv(1 - 2 tail).
        for (tail, z) in [
            (0.025, 1.959_963_984_540_054_3),
            (0.5, 0.0),
            (0.2, 0.841_621_233_572_914_2),
            (1e-10, 6.361_340_902_404_056),
            (1e-100, 21.273_453_560_965_324),
            (0.975, -1.959_963_984_540_054_3),
        ] {
            assert!(
                (exceeded_with(tail) - z).abs() <= 1e-14 * (1.0 + z.abs()),
                "{tail}: {}",
                exceeded_with(tail)
            );
        }
    }
}
