//! Integrals of smooth functions.

/// Nodes above 0 and weights of Kronrod's 15-point rule, and the weights of Gauss's 7-point rule at every second node.
/// Computed to 20 digits from the Legendre and Stieltjes polynomials; printed in any table, e.g. QUADPACK's.
const KRONROD: [(f64, f64, f64); 7] = [
    (0.991_455_371_120_812_6, 0.022_935_322_010_529_224, 0.0),
    (0.949_107_912_342_758_5, 0.063_092_092_629_978_56, 0.129_484_966_168_869_7),
    (0.864_864_423_359_769_1, 0.104_790_010_322_250_17, 0.0),
    (0.741_531_185_599_394_3, 0.140_653_259_715_525_92, 0.279_705_391_489_276_64),
    (0.586_087_235_467_691_1, 0.169_004_726_639_267_9, 0.0),
    (0.405_845_151_377_397_2, 0.190_350_578_064_785_4, 0.381_830_050_505_118_9),
    (0.207_784_955_007_898_48, 0.204_432_940_075_298_9, 0.0),
];
const CENTRE: (f64, f64) = (0.209_482_141_084_727_82, 0.417_959_183_673_469_4);

fn panel(f: &impl Fn(f64) -> f64, low: f64, high: f64) -> (f64, f64) {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let at_centre = f(middle);
    let (mut kronrod, mut gauss) = (CENTRE.0 * at_centre, CENTRE.1 * at_centre);
    for (x, of_kronrod, of_gauss) in KRONROD {
        let both = f(middle - half * x) + f(middle + half * x);
        kronrod += of_kronrod * both;
        gauss += of_gauss * both;
    }
    (kronrod * half, (kronrod - gauss).abs() * half)
}

/// `∫ f` over the panels between these points, each halved until its error is below 1e-13 of the whole.
pub fn integrate(f: impl Fn(f64) -> f64, points: &[f64]) -> f64 {
    let mut points: Vec<f64> = points.to_vec();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let mut open: Vec<(f64, f64, u32, f64, f64)> = points
        .windows(2)
        .map(|w| {
            let (value, error) = panel(&f, w[0], w[1]);
            (w[0], w[1], 0, value, error)
        })
        .collect();
    let scale: f64 = open.iter().map(|p| p.3.abs()).sum();
    let mut total = 0.0;
    while let Some((low, high, depth, value, error)) = open.pop() {
        if error <= 1e-13 * scale || depth >= 24 {
            total += value;
            continue;
        }
        let middle = 0.5 * (low + high);
        for (low, high) in [(low, middle), (middle, high)] {
            let (value, error) = panel(&f, low, high);
            open.push((low, high, depth + 1, value, error));
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_exact_for_polynomials() {
        for power in 0..=22 {
            let (value, _) = panel(&|x: f64| x.powi(power) + 0.1, -1.0, 1.0);
            let wanted = if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 } + 0.2;
            assert!((value - wanted).abs() < 1e-14, "x^{power}: {value} for {wanted}");
        }
    }

    #[test]
    fn a_narrow_peak_is_found_between_points() {
        let peak = |x: f64| libm::exp(-0.5 * (x - 0.3) * (x - 0.3) * 1e6) * 1e3;
        let got = integrate(peak, &[0.0, 0.299, 0.301, 1.0]);
        assert!((got - libm::sqrt(2.0 * std::f64::consts::PI)).abs() < 1e-11, "{got}");
    }
}
