//! The distribution of the greatest distance between a sample of n and its distribution function.

use std::f64::consts::PI;

/// `P(D_n ≥ d)`.
///
/// Far out, twice the one-sided probability, whose relative error is below e^(−6 n d²). Before that, for n up to 140 or
/// small d, Durbin's matrix as Marsaglia, Tsang and Wang (J. Stat. Soft. 8, 2003) fill it, exact; else Pelz and Good's
/// expansion (JRSS B 38, 1976), good to about 1e-5 of the result at n = 140 and better with n. The limits are those of
/// Simard and L'Ecuyer (J. Stat. Soft. 39, 2011), nearly.
pub fn above(d: f64, n: u64) -> f64 {
    let nf = n as f64;
    if d <= 0.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let exact = n <= 140 || (n <= 100_000 && nf * libm::pow(d, 1.5) <= 1.4);
    if nf * d * d >= if n <= 140 { 3.0 } else { 2.2 } {
        (2.0 * one_sided(d, n)).min(1.0)
    } else if exact {
        1.0 - durbin(d, n)
    } else {
        (1.0 - pelz_good(libm::sqrt(nf) * d, nf)).clamp(0.0, 1.0)
    }
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

/// `P(√n D_n ≤ z)` to order n^(−3/2): Kolmogorov's limit law and three corrections, in the series for small z.
fn pelz_good(z: f64, n: f64) -> f64 {
    let (z2, pi2) = (z * z, PI * PI);
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    let (mut limit, mut first, mut second, mut third) = (0.0, 0.0, 0.0, 0.0);
    for k in 0..40 {
        // Halves: k + ½ and −k − ½ are alike.
        let h2 = pi2 * (f64::from(k) + 0.5) * (f64::from(k) + 0.5);
        let half = 2.0 * libm::exp(-h2 / (2.0 * z2));
        limit += 0.5 * half;
        first += half * (h2 - z2);
        second += half * (6.0 * z6 + 2.0 * z4 + h2 * (2.0 * z4 - 5.0 * z2) + h2 * h2 * (1.0 - 2.0 * z2));
        third += half
            * (h2 * h2 * h2 * (5.0 - 30.0 * z2)
                + h2 * h2 * (212.0 * z4 - 60.0 * z2)
                + h2 * (135.0 * z4 - 96.0 * z6)
                - 30.0 * z6
                - 90.0 * z2 * z6);
        let w2 = pi2 * f64::from(k) * f64::from(k);
        let whole = 2.0 * libm::exp(-w2 / (2.0 * z2));
        second -= whole * 2.0 * z4 * w2;
        third += whole * 30.0 * z4 * w2 * (3.0 * z2 - w2);
    }
    let root = libm::sqrt(0.5 * PI);
    libm::sqrt(2.0 * PI) / z * limit
        + root * first / (6.0 * z4 * libm::sqrt(n))
        + root * second / (72.0 * z6 * z * n)
        + root * third / (6_480.0 * z6 * z4 * n * libm::sqrt(n))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_agrees_with_the_matrix() {
        for n in [150_u64, 400, 1_000] {
            for z in [0.5, 0.7, 0.9, 1.2, 1.4] {
                let d = z / libm::sqrt(n as f64);
                let gap = pelz_good(z, n as f64) - durbin(d, n);
                assert!(gap.abs() < 3e-6 * 150.0 / n as f64, "{n} {z}: {gap:e}");
            }
        }
    }

    #[test]
    fn the_far_tail_joins_the_near_one() {
        for n in [10_u64, 60, 140] {
            let d = libm::sqrt(3.0 / n as f64);
            let (near, far) = (1.0 - durbin(d, n), 2.0 * one_sided(d, n));
            assert!((near / far - 1.0).abs() < 1e-7, "{n}: {near} and {far}");
        }
    }
}
