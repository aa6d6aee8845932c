//! The beta distribution and the incomplete beta function.
//!
//! Source: Didonato and Morris, ACM TOMS 708 (1992); NIST DLMF 8.17; the power term after Loader, "Fast and accurate
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

/// The continued fraction of `I_x(a, b)`, DLMF 8.17.22, by Lentz's method. It converges in about √max(a, b) steps.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let held = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / held(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for m in 1..1_000_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / held(1.0 + even * d);
        c = held(1.0 + even / c);
        product *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / held(1.0 + odd * d);
        c = held(1.0 + odd / c);
        let factor = c * d;
        product *= factor;
        if (factor - 1.0).abs() < 2e-16 {
            break;
        }
    }
    product
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
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (power * fraction(a, b, x) / a).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (power * fraction(b, a, y) / b).min(1.0);
        (1.0 - upper, upper)
    }
}

/// `P(X ≤ x)`.
pub fn below(a: f64, b: f64, x: f64) -> f64 {
    tails(a, b, x, 1.0 - x).0
}

/// `P(X > x)`.
pub fn above(a: f64, b: f64, x: f64) -> f64 {
    tails(a, b, x, 1.0 - x).1
}

/// `(x, 1 − x)` with `I_x(a, b) = lower`, where `upper` is 1 − `lower`, both above 0.
///
/// Newton's method on the logarithm of the smaller tail against the logit of x, held in a bracket: the tails are
/// log-concave there, and x near 0 or 1 keeps its digits.
pub fn quantile(a: f64, b: f64, lower: f64, upper: f64) -> (f64, f64) {
    let split = |s: f64| (1.0 / (1.0 + libm::exp(-s)), 1.0 / (1.0 + libm::exp(s)));
    let (mut low, mut high) = (-700.0, 700.0);
    let mut s = libm::log(a / b);
    for _ in 0..200 {
        let (x, y) = split(s);
        let (below, above) = tails(a, b, x, y);
        let density = power_term(a, b, x, y);
        let (gap, slope) = if lower <= upper {
            (libm::log(below / lower), density / below)
        } else {
            (-libm::log(above / upper), density / above)
        };
        if gap > 0.0 {
            high = s
        } else {
            low = s
        }
        let newton = s - gap / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - s).abs() <= 1e-15 * (1.0 + s.abs()) || gap == 0.0 {
            s = next;
            break;
        }
        s = next;
    }
    split(s)
}
