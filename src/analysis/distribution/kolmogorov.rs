//! The distribution of the greatest distance between a sample of n and its distribution function.

use std::f64::consts::PI;

/// `P(D_n ≥ d)`.
///
/// Durbin's matrix as Marsaglia, Tsang and Wang (J. Stat. Soft. 8, 2003) fill it, while n d² < 3; beyond, twice
/// the one-sided probability, whose relative error is below e^(−6 n d²). Above n = 3,000 the limit law with Vrbik's
/// (2018) correction instead of the matrix, good to 1e-6.
pub fn above(d: f64, n: u64) -> f64 {
    let nf = n as f64;
    if d <= 0.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    if nf * d * d >= 3.0 {
        return (2.0 * one_sided(d, n)).min(1.0);
    }
    if n > 3_000 {
        let x = libm::sqrt(nf) * d;
        return 1.0 - limit(x + 1.0 / (6.0 * libm::sqrt(nf)) + (x - 1.0) / (4.0 * nf));
    }
    1.0 - durbin(d, n)
}

/// Smirnov's exact one-sided probability, by the Birnbaum–Tingey sum, each term in logarithms.
fn one_sided(d: f64, n: u64) -> f64 {
    let nf = n as f64;
    let mut sum = 0.0;
    for j in 0..=libm::floor(nf * (1.0 - d)) as u64 {
        let jf = j as f64;
        let rest = nf - jf;
        let (up, down) = (d + jf / nf, 1.0 - d - jf / nf);
        if down <= 0.0 {
            continue;
        }
        let choose = libm::lgamma(nf + 1.0) - libm::lgamma(jf + 1.0) - libm::lgamma(rest + 1.0);
        sum += libm::exp(choose + rest * libm::log(down) + (jf - 1.0) * libm::log(up));
    }
    d * sum
}

/// Kolmogorov's limit law, in the form that converges for small x.
fn limit(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x > 1.2 {
        let tail: f64 = (1..=20)
            .map(|k| {
                let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
                sign * libm::exp(-2.0 * f64::from(k * k) * x * x)
            })
            .sum();
        return 1.0 - 2.0 * tail;
    }
    let sum: f64 =
        (1..=20).map(|k| libm::exp(-f64::from((2 * k - 1) * (2 * k - 1)) * PI * PI / (8.0 * x * x))).sum();
    libm::sqrt(2.0 * PI) / x * sum
}

type Matrix = Vec<f64>;

fn times(a: &Matrix, b: &Matrix, m: usize) -> Matrix {
    let mut c = vec![0.0; m * m];
    for i in 0..m {
        for k in 0..m {
            let factor = a[i * m + k];
            if factor != 0.0 {
                for j in 0..m {
                    c[i * m + j] += factor * b[k * m + j];
                }
            }
        }
    }
    c
}

/// A matrix and the power of ten that it stands for.
fn scaled((mut a, mut exponent): (Matrix, i32)) -> (Matrix, i32) {
    let most = a.iter().fold(0.0_f64, |m, v| m.max(*v));
    if most > 1e140 {
        a.iter_mut().for_each(|v| *v *= 1e-140);
        exponent += 140;
    }
    (a, exponent)
}

fn durbin(d: f64, n: u64) -> f64 {
    let nf = n as f64;
    let k = libm::floor(nf * d) as usize + 1;
    let m = 2 * k - 1;
    let h = k as f64 - nf * d;
    let mut base = vec![0.0; m * m];
    for i in 0..m {
        for j in 0..m {
            base[i * m + j] = if i + 1 >= j { 1.0 } else { 0.0 };
        }
    }
    for i in 0..m {
        base[i * m] -= libm::pow(h, i as f64 + 1.0);
        base[(m - 1) * m + i] -= libm::pow(h, (m - i) as f64);
    }
    if 2.0 * h > 1.0 {
        base[(m - 1) * m] += libm::pow(2.0 * h - 1.0, m as f64);
    }
    for i in 0..m {
        for j in 0..m {
            if i + 1 > j {
                base[i * m + j] /= libm::tgamma((i + 2 - j) as f64);
            }
        }
    }
    let identity = (0..m * m).map(|at| if at / m == at % m { 1.0 } else { 0.0 }).collect();
    let mut power = (identity, 0);
    let mut square = (base, 0);
    let mut left = n;
    while left > 0 {
        if left & 1 == 1 {
            power = scaled((times(&power.0, &square.0, m), power.1 + square.1));
        }
        square = scaled((times(&square.0, &square.0, m), 2 * square.1));
        left >>= 1;
    }
    let corner = power.0[(k - 1) * m + k - 1];
    // n!/nⁿ, and the powers of ten that were taken out.
    let ln = libm::lgamma(nf + 1.0) - nf * libm::log(nf) + f64::from(power.1) * std::f64::consts::LN_10;
    (corner * libm::exp(ln)).clamp(0.0, 1.0)
}
