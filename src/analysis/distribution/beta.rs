//! The beta distribution and the incomplete beta function.
//!
//! Source: Didonato and Morris, ACM TOMS 708 (1992), eq. 9; NIST DLMF 8.17; the power term after Loader, "Fast and accurate
//! computation of binomial probabilities" (2000): a deviance and three small corrections instead of a difference of
//! large logarithms.

use std::f64::consts::PI;

/// `ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π]`: what Stirling's formula leaves out.
pub fn stirling_error(x: f64) -> f64 {
    if x < 10.0 {
        return libm::lgamma(x) - (x - 0.5) * libm::log(x) + x - 0.5 * libm::log(2.0 * PI);
    }
    let r = 1.0 / (x * x);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0];
    terms.iter().rev().fold(1.0 / 156.0, |sum, term| sum * r + term) / x
}

/// `u ln(u/m) + m − u`, without cancellation where u is near m.
pub fn deviance(u: f64, m: f64) -> f64 {
    if u == 0.0 {
        return m;
    }
    if (u - m).abs() >= 0.1 * (u + m) {
        return u * libm::log(u / m) + m - u;
    }
    let v = (u - m) / (u + m);
    let mut sum = (u - m) * v;
    let mut power = 2.0 * u * v;
    for j in 1..1_000 {
        power *= v * v;
        let next = sum + power / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// `xᵃ yᵇ / B(a, b)` with y = 1 − x: the density of the logit of a beta variable.
pub fn power_term(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return 0.0;
    }
    let n = a + b;
    let ln =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);
    libm::sqrt(a / n * b / (2.0 * PI)) * libm::exp(ln)
}

/// `I_x(a, b)` ÷ [`power_term`] for x below the mean, by Lentz's method. It converges in about √max(a, b) steps.
///
/// The even part of the fraction in DLMF 8.17.22: the full one subtracts nearly equal numbers where a shape is large and
/// the other small, which is every t test of a large sample.
fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let held = |v: f64| if v.abs() < TINY { TINY } else { v };
    let above_mean = a * y - b * x;
    let mut value = held(a / (a + 1.0) * (above_mean + 1.0));
    let (mut c, mut d) = (value, 0.0);
    for n in 1..1_000_000 {
        let n = f64::from(n);
        let odd = a + 2.0 * n - 1.0;
        let numerator = (a + n - 1.0) / odd * ((a + b + n - 1.0) / odd) * n * (b - n) * x * x;
        let denominator =
            n + n * (b - n) * x / odd + (a + n) / (a + 2.0 * n + 1.0) * (above_mean + 1.0 + n * (1.0 + y));
        d = 1.0 / held(denominator + numerator * d);
        c = held(denominator + numerator / c);
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() < 3e-16 {
            break;
        }
    }
    1.0 / value
}

/// `(I_x(a, b), 1 − I_x(a, b))`, the smaller one precise. `y` is 1 − x, given apart for the sake of x near 1.
pub fn tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if y <= 0.0 {
        return (1.0, 0.0);
    }
    let power = power_term(a, b, x, y);
    if a * y >= b * x {
        let lower = (power * fraction(a, b, x, y)).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (power * fraction(b, a, y, x)).min(1.0);
        (1.0 - upper, upper)
    }
}

/// `(x, 1 − x)` with `I_x(a, b) = lower`, where `upper` is 1 − `lower`, both above 0.
///
/// Newton's method on the logarithm of the smaller tail against the logit of x, held in a bracket: the tails are
/// log-concave there, and x near 0 or 1 keeps its digits.
pub fn quantile(a: f64, b: f64, lower: f64, upper: f64) -> (f64, f64) {
    let split = |s: f64| (1.0 / (1.0 + libm::exp(-s)), 1.0 / (1.0 + libm::exp(s)));
    let (mut low, mut high) = (-700.0, 700.0);
    let (mut s, mut last) = (libm::log(a / b), f64::INFINITY);
    for _ in 0..200 {
        let (x, y) = split(s);
        let (below, above) = tails(a, b, x, y);
        let density = power_term(a, b, x, y);
        let (gap, slope) = if lower <= upper {
            (libm::log(below / lower), density / below)
        } else {
            (-libm::log(above / upper), density / above)
        };
        *if gap > 0.0 { &mut high } else { &mut low } = s;
        let step = gap / slope;
        // At the end only rounding is left: steps of its size, or small ones that no longer shrink.
        if step.abs() <= 1e-15 * (1.0 + s.abs()) || (step.abs() < 1e-9 && step.abs() >= last) {
            s -= step;
            break;
        }
        last = step.abs();
        let newton = s - step;
        s = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    split(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_inverts_the_tails() {
        let shapes = [0.05, 0.5, 1.0, 2.5, 61.0, 441.0, 1e4, 3.3e5, 2e7];
        for a in shapes {
            for b in shapes {
                for tail in [1e-12, 1e-5, 0.025, 0.3, 0.5] {
                    for (lower, upper) in [(tail, 1.0 - tail), (1.0 - tail, tail)] {
                        let (x, y) = quantile(a, b, lower, upper);
                        let (below, above) = tails(a, b, x, y);
                        let (got, wanted) = if lower < upper { (below, lower) } else { (above, upper) };
                        // A logit that rounds by 1e-15 moves the tail by that times the slope.
                        let slope = power_term(a, b, x, y) / wanted * (1.0 + libm::log(x / y).abs());
                        let error = (got / wanted - 1.0).abs();
                        let close = error <= 2e-12 + 4e-15 * slope;
                        assert!(close || x < 1e-290 || y < 1e-290, "{a} {b} {lower}: {error:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn tails_agree_with_mpmath() {
        // mpmath, 40 digits: betainc(a, b, 0, x, regularized=True), for large shapes the integral by quadrature.
        for (a, b, x, lower) in [
            (0.5, 0.5, 0.3, 0.369_010_119_565_545_4),
            (2.5, 20.5, 0.01, 0.005_444_404_519_663_819),
            (61.0, 441.0, 0.0944, 0.024_873_081_242_549_89),
            (5_000.0, 95_000.0, 0.0493, 0.154_854_094_008_486_8),
            (500_000.0, 500_001.0, 0.4985, 0.001_354_303_198_197_104_4),
            (1_000_000.0, 3_000_000.0, 0.2493, 0.000_608_245_860_921_387),
            (0.5, 1_000.0, 1e-9, 0.001_128_237_752_817_412_6),
            (300_000.0, 0.5, 0.999_99, 0.014_305_675_718_270_633),
        ] {
            let error = tails(a, b, x, 1.0 - x).0 / lower - 1.0;
            assert!(error.abs() < 3e-12, "{a} {b} {x}: {error:e}");
        }
    }
}
