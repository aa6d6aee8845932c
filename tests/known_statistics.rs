//! Known answers of the methods, typed in from their sources, by the numbers M1 to M34 of the project's notes; and what
//! each method says where the data cannot tell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use rollout_lab::analysis::{
    CannotTell, PairSummary, StatisticsError, Summary,
    bandit::{self, Allocation, Policy},
    bayes::{BetaPosterior, expected_loss, probability_best, probability_better},
    binomial, cluster,
    drift::Drift,
    means::{self, pooled_t, relative_lift, welch_t},
    multiple::{Correction, adjusted, rejected},
    paired::{Confusion, Disagreement, PairedOutcomes, paired_t},
    power::{self, MeanPlan, NullError, RatePlan, pairs_needed},
    proportions::{
        self, Proportion, fisher_exact, lift, lift_interval, newcombe_interval, non_inferiority,
        two_proportion_z, wald_interval,
    },
    ranks,
    sequential::{
        BernsteinSequence, ConfidenceSequence, Msprt, Sprt,
        group::{Design, boundaries, crossing, equal_looks},
    },
    srm::{SequentialSrm, srm_chi_square},
};

fn of(successes: u64, n: u64) -> Proportion {
    Proportion::new(successes, n).unwrap()
}

/// Within half a unit of the last digit that is stated (and a little for how it was rounded).
#[track_caller]
fn near(got: f64, wanted: f64, digit: f64) {
    assert!((got - wanted).abs() <= 0.6 * digit, "{got} for {wanted}");
}

#[test]
fn m01_two_proportions() {
    let test = two_proportion_z(&of(12, 99), &of(5, 83)).unwrap();
    near(test.z, -1.40783, 1e-5);
    near(test.p, 0.159181, 1e-6);
    let (a, b) = (of(500, 10_000), of(560, 10_000));
    let test = two_proportion_z(&a, &b).unwrap();
    near(test.z, 1.893753, 1e-6);
    near(test.p, 0.058258, 1e-6);
    let (wald, newcombe) = (wald_interval(&a, &b, 0.05).unwrap(), newcombe_interval(&a, &b, 0.05).unwrap());
    near(wald.low, -0.000209, 1e-6);
    near(wald.high, 0.012209, 1e-6);
    near(newcombe.low, -0.000213, 1e-6);
    near(newcombe.high, 0.012222, 1e-6);
}

#[test]
fn m02_one_proportion() {
    let (wilson, exact) = (of(10, 100).wilson(0.05).unwrap(), of(10, 100).clopper_pearson(0.05).unwrap());
    near(wilson.low, 0.055229, 1e-6);
    near(wilson.high, 0.174366, 1e-6);
    near(exact.low, 0.049005, 1e-6);
    near(exact.high, 0.176223, 1e-6);
}

fn gbstats() -> (Summary, Summary) {
    (
        Summary::from_moments(3_407, 0.41, 3.9 * 3.9).unwrap(),
        Summary::from_moments(3_461, 0.70, 6.2 * 6.2).unwrap(),
    )
}

#[test]
fn m03_welch() {
    let (a, b) = gbstats();
    let test = welch_t(&a, &b).unwrap();
    near(test.difference, 0.29, 1e-12);
    near(test.standard_error, 0.124784, 1e-6);
    near(test.df, 5841.74, 1e-2);
    near(test.p, 0.0201584, 1e-7);
    let interval = test.interval(0.05).unwrap();
    near(interval.low, 0.045378, 1e-6);
    near(interval.high, 0.534622, 1e-6);
}

#[test]
fn m04_relative_lift() {
    let (a, b) = gbstats();
    let test = relative_lift(&a, &b).unwrap();
    near(test.difference, 0.707317, 1e-6);
    near(test.standard_error, 0.378794, 1e-6);
    near(test.p, 0.061912, 1e-6);
    let interval = test.interval(0.05).unwrap();
    near(interval.low, -0.035260, 1e-6);
    near(interval.high, 1.449894, 1e-6);
}

#[test]
fn m05_pooled_and_welch() {
    let first = Summary::from_moments(13, 15.0, 87.5).unwrap();
    let second = Summary::from_moments(11, 12.0, 39.0).unwrap();
    let (pooled, welch) = (pooled_t(&second, &first).unwrap(), welch_t(&second, &first).unwrap());
    near(pooled.t, 0.905136, 1e-6);
    near(pooled.p, 0.375200, 1e-6);
    near(welch.t, 0.935846, 1e-6);
    near(welch.p, 0.359998, 1e-6);
}

#[test]
fn m06_ratio() {
    let ratio = means::ratio(&PairSummary::of(&[(4.0, 2.0), (5.0, 3.0), (9.0, 5.0), (10.0, 4.0)])).unwrap();
    near(ratio.ratio, 2.0, 1e-12);
    near(ratio.squared_error, 0.0408163, 1e-7);
}

#[test]
fn m07_srm() {
    let srm = srm_chi_square(&[821_588, 815_482], &[1.0, 1.0]).unwrap();
    near(srm.chi2, 22.7744, 1e-4);
    near(srm.p, 1.8218e-6, 1e-10);
    let srm = srm_chi_square(&[500, 600], &[1.0, 1.0]).unwrap();
    near(srm.chi2, 9.0909, 1e-4);
    near(srm.p, 0.0025688, 1e-7);
    let srm = srm_chi_square(&[9_100, 900], &[90.0, 10.0]).unwrap();
    near(srm.chi2, 11.1111, 1e-4);
    near(srm.p, 8.581e-4, 1e-7);
    near(srm_chi_square(&[4_970, 5_030], &[50.0, 50.0]).unwrap().p, 0.548506, 1e-6);
}

#[test]
fn m08_sequential_srm() {
    for (counts, weights, p, digit) in [
        ([500, 600], [1.0, 1.0], 0.67145, 1e-5),
        ([5_000, 5_400], [1.0, 1.0], 0.028282, 1e-6),
        ([9_000, 1_200], [9.0, 1.0], 2.4941e-4, 1e-8),
        ([100, 900], [1.0, 1.0], 2.3679e-13, 1e-17),
    ] {
        let mut srm = SequentialSrm::new(&weights, 10_000.0).unwrap();
        srm.look(&counts).unwrap();
        near(srm.p(), p, digit);
    }
}

#[test]
fn m09_evan_miller() {
    for (p_a, d, n) in [(0.20, 0.05, 1_030.0), (0.05, 0.01, 7_663.0), (0.10, 0.02, 3_623.0)] {
        let plan = RatePlan { p_a, p_b: p_a + d, alpha: 0.05, ratio: 1.0 };
        assert_eq!(plan.n_a(0.8, NullError::Control).unwrap().round(), n);
    }
}

#[test]
fn m10_fleiss_and_cohen() {
    let plan = RatePlan { p_a: 0.20, p_b: 0.25, alpha: 0.05, ratio: 1.0 };
    near(plan.n_a(0.8, NullError::Pooled).unwrap(), 1093.74, 1e-2);
    near(plan.cohens_h().unwrap(), 0.119902, 1e-6);
    near(plan.n_a_by_h(0.8).unwrap(), 1091.90, 1e-2);
    let plan = RatePlan { p_a: 0.05, p_b: 0.06, ..plan };
    near(plan.n_a(0.8, NullError::Pooled).unwrap(), 8157.73, 1e-2);
    near(plan.n_a_by_h(0.8).unwrap(), 8142.60, 1e-2);
}

#[test]
fn m11_to_m13_means_and_splits() {
    let plan = |effect| MeanPlan { effect, alpha: 0.05, ratio: 1.0 };
    near(plan(0.5).n_a_by_t(0.8).unwrap(), 63.766, 1e-3);
    near(plan(0.2).n_a_by_t(0.8).unwrap(), 393.406, 1e-3);
    near(plan(1.0).n_a_by_z(0.8).unwrap(), 15.6978, 1e-4);
    // The rule of 16 for a rate of 5% and a relative effect of 5%.
    near(16.0 * 0.05 * 0.95 / (0.0025 * 0.0025), 121_600.0, 1e-3);
    near(power::cost_of_split(0.05).unwrap(), 5.263, 1e-3);
}

#[test]
fn m14_peeking() {
    let inflation = [
        (1, 0.050),
        (2, 0.083),
        (3, 0.107),
        (4, 0.126),
        (5, 0.142),
        (10, 0.193),
        (14, 0.220),
        (20, 0.248),
        (30, 0.280),
        (50, 0.320),
        (100, 0.374),
    ];
    for (looks, wanted) in inflation {
        let z = vec![1.959964; looks];
        let crossed = crossing(&equal_looks(looks as u32).unwrap(), &z).unwrap();
        near(*crossed.last().unwrap(), wanted, 1e-3);
    }
}

#[test]
fn m15_to_m17_group_sequential() {
    let last = |design, looks| {
        boundaries(design, &equal_looks(looks).unwrap(), 0.05).unwrap().last().unwrap().z.unwrap()
    };
    for (looks, c) in [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)] {
        near(last(Design::Pocock, looks), c, 1e-3);
    }
    for (looks, c) in [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)] {
        near(last(Design::OBrienFleming, looks), c, 1e-3);
    }
    // Many looks, and looks close together: by panels of 40-point Gauss-Legendre quadrature over scipy's normal
    // distribution. rpact 3.3.4 says 2.672006, 2.125633 and 2.240008; these spend 0.025001, 0.025001 and 0.025007.
    near(last(Design::Pocock, 20), 2.672023131043, 1e-9);
    near(last(Design::OBrienFleming, 20), 2.125651547350, 1e-9);
    let close = boundaries(Design::Pocock, &[0.3, 0.31, 1.0], 0.05).unwrap();
    near(close[2].z.unwrap(), 2.240124231310, 1e-9);
    let all = |design| boundaries(design, &equal_looks(5).unwrap(), 0.05).unwrap();
    let check = |design, wanted: [f64; 5]| {
        for (got, wanted) in all(design).iter().zip(wanted) {
            near(got.z.unwrap(), wanted, 1e-3);
        }
    };
    check(Design::OBrienFleming, [4.562, 3.226, 2.634, 2.281, 2.040]);
    check(Design::OBrienFlemingSpending, [4.877, 3.357, 2.680, 2.290, 2.031]);
    check(Design::PocockSpending, [2.438, 2.427, 2.410, 2.397, 2.386]);
    let spent = all(Design::OBrienFlemingSpending).into_iter().map(|b| 2.0 * b.spent_one_sided);
    for (got, wanted) in spent.zip([1e-6, 0.000788, 0.007616, 0.024424, 0.05]) {
        near(got, wanted, 1e-6);
    }
}

#[test]
fn m18_and_m19_msprt() {
    for (d, v, n, tau2, lambda, digit) in [
        (0.01, 0.1039, 10_000, 1e-4, 23.9937, 1e-4),
        (0.006, 0.100364, 10_000, 1e-4, 1.54125, 1e-5),
        (0.5, 2.0, 100, 0.25, 88.7384, 1e-4),
        (0.0, 0.1, 1_000, 1e-4, std::f64::consts::FRAC_1_SQRT_2, 1e-6),
    ] {
        let look = Msprt::new(tau2, 0.0, 0.05).unwrap().look(n, d, v).unwrap();
        near(look.lambda, lambda, digit);
    }
    let mut test = Msprt::new(1e-4, 0.0, 0.05).unwrap();
    near(test.look(10_000, 0.01, 0.1039).unwrap().p, 0.041678, 1e-6);
    let look = Msprt::new(1e-4, 0.0, 0.05).unwrap().look(10_000, 0.006, 0.100364).unwrap();
    near(0.5 * look.interval.width(), 0.00962357, 1e-8);
}

#[test]
fn m20_confidence_sequence() {
    let summary = |n: u64, sum: f64, squares: f64| {
        let mean = sum / n as f64;
        Summary::from_moments(n, mean, (squares - n as f64 * mean * mean) / (n - 1) as f64).unwrap()
    };
    let a = summary(3_000, 1_396.87, 52_377.976_7);
    let b = summary(3_461, 2_422.7, 134_698.29);
    let lift = relative_lift(&a, &b).unwrap();
    near(lift.difference, 0.503361, 1e-6);
    near(lift.standard_error, 0.333412, 1e-6);
    let squared = lift.standard_error * lift.standard_error;
    let look = |tightest_at| {
        let mut sequence = ConfidenceSequence::new(0.05, tightest_at).unwrap();
        sequence.look(lift.difference, squared, 6_461).unwrap()
    };
    near(look(1_000.0).interval.low, -0.558441, 1e-6);
    near(look(1_000.0).interval.high, 1.565163, 1e-6);
    near(look(5_000.0).half_width, 1.013079, 1e-6);
    // Rates: gbstats takes p(1 − p) with n, not n − 1.
    let (p_a, p_b) = (1_396.0 / 3_000.0, 2_422.0 / 3_461.0);
    let squared =
        (p_b * (1.0 - p_b) / 3_461.0 + p_a * (1.0 - p_a) / 3_000.0 * (p_b / p_a) * (p_b / p_a)) / (p_a * p_a);
    let look = ConfidenceSequence::new(0.05, 5_000.0).unwrap().look(p_b / p_a - 1.0, squared, 6_461).unwrap();
    near(look.difference, 0.503863, 1e-6);
    near(look.interval.low, 0.400978, 1e-6);
    near(look.interval.high, 0.606748, 1e-6);
    // The price of peeking, in widths of a fixed interval.
    for (n, wanted) in [(10_000, 1.5486), (1_000, 1.9669), (100_000, 1.6540)] {
        let look = ConfidenceSequence::new(0.05, 10_000.0).unwrap().look(0.0, 1.0, n).unwrap();
        near(look.half_width / 1.959964, wanted, 1e-4);
    }
}

#[test]
fn m21_clusters() {
    let effect = cluster::design_effect(10.0, 0.1).unwrap();
    near(effect, 1.9, 1e-12);
    near(cluster::false_alarms(effect, 0.05).unwrap(), 0.155, 1e-3);
}

#[test]
fn m22_wald_sprt() {
    let test = Sprt::new(0.01, 0.05, 0.05, 0.2).unwrap();
    near(test.upper(), 2.772589, 1e-6);
    near(test.lower(), -1.558145, 1e-6);
}

#[test]
fn m23_beta_binomial() {
    for ((x_a, n_a), (x_b, n_b), p, digit, loss, loss_digit) in [
        ((10, 100), (15, 100), 0.853284, 1e-6, 0.00357809, 1e-8),
        ((500, 10_000), (560, 10_000), 0.970838, 1e-6, 3.56746e-5, 1e-10),
        ((20, 400), (30, 400), 0.926372, 1e-6, 5.70936e-4, 1e-9),
        ((0, 10), (1, 10), 0.761905, 1e-6, 0.0181159, 1e-7),
    ] {
        let a = BetaPosterior::after(1.0, 1.0, &of(x_a, n_a)).unwrap();
        let b = BetaPosterior::after(1.0, 1.0, &of(x_b, n_b)).unwrap();
        near(probability_better(&a, &b, 0.0).unwrap(), p, digit);
        near(expected_loss(&a, &b).choosing_b, loss, loss_digit);
    }
}

#[test]
fn m25_cuped() {
    let y = [2.0, 3.0, 5.0, 4.0, 6.0, 8.0, 7.0, 9.0];
    let units: Vec<(f64, f64)> = (1..=8).map(f64::from).zip(y).collect();
    let cuped = means::cuped(&PairSummary::of(&units[..4]), &PairSummary::of(&units[4..])).unwrap();
    near(cuped.theta, 0.952381, 1e-6);
    near(Summary::of(&y).variance().unwrap() * (1.0 - cuped.variance_reduction), 0.557823, 1e-6);
}

#[test]
fn m26_many_tests() {
    let p = [0.01, 0.04, 0.03, 0.005];
    for (correction, wanted) in [
        (Correction::Holm, [0.03, 0.06, 0.06, 0.02]),
        (Correction::BenjaminiHochberg, [0.02, 0.04, 0.04, 0.02]),
        (Correction::Bonferroni, [0.04, 0.16, 0.12, 0.02]),
    ] {
        for (got, wanted) in adjusted(&p, correction).unwrap().into_iter().zip(wanted) {
            near(got, wanted, 1e-12);
        }
    }
    // Benjamini and Hochberg (1995), 4.2.
    let fifteen = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.0,
    ];
    let count = |c| rejected(&fifteen, c, 0.05).unwrap().into_iter().filter(|r| *r).count();
    assert_eq!((count(Correction::BenjaminiHochberg), count(Correction::Bonferroni)), (4, 3));
}

#[test]
fn m27_and_m28_paired() {
    let pairs = PairedOutcomes { both_right: 700, a_right_b_wrong: 86, a_wrong_b_right: 150, both_wrong: 64 };
    let test = pairs.mcnemar().unwrap();
    near(test.chi2, 17.35593, 1e-5);
    near(test.p, 3.0993e-5, 1e-9);
    near(test.chi2_corrected, 16.81780, 1e-5);
    near(test.p_exact, 3.7159e-5, 1e-9);
    assert_eq!(pairs_needed(0.04, 0.07, 0.05, 0.8).unwrap().ceil(), 957.0);
    let users = RatePlan { p_a: 0.80, p_b: 0.83, alpha: 0.05, ratio: 1.0 };
    assert_eq!(users.n_a(0.8, NullError::Pooled).unwrap().ceil(), 2_629.0);
}

#[test]
fn m35_non_inferiority() {
    // The most likely proportions under p_B = p_A − 0.03 by bisection of the score equation: 0.92183425 and 0.89183425.
    let test = non_inferiority(&of(912, 1_000), &of(905, 1_000), 0.03).unwrap();
    near(test.score.z, 1.7717392, 1e-7);
    near(test.wald.z, 1.7839054, 1e-7);
}

#[test]
fn m29_agreement_and_drift() {
    let confusion = Confusion::from_counts(&[vec![40, 10], vec![5, 45]]).unwrap();
    near(confusion.kappa(Disagreement::Any).unwrap().kappa, 0.70, 1e-12);
    let drift = Drift::new(&[25, 25, 25, 25], &[20, 20, 30, 30]).unwrap();
    near(drift.psi().unwrap(), 0.0405465, 1e-7);
    near(drift.jensen_shannon(), 0.00505939, 1e-8);
}

#[test]
fn m30_latency_ranks() {
    let (first, second) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
    let test = ranks::mann_whitney(&second, &first).unwrap();
    assert_eq!(test.u_b, 17.0);
    near(test.p_corrected, 0.111347, 1e-6);
    near(ranks::mann_whitney_exact(&second, &first).unwrap(), 0.111111, 1e-6);
    // The counts below the percentile; the upper rank is one more, as scipy's quantile_test has it.
    assert_eq!(binomial::central_range(1_000, 0.95, 0.95), (936, 963));
    assert_eq!(binomial::central_range(1_000, 0.99, 0.95), (983, 996));
    for (p, low, high) in [(0.95, 936, 963), (0.99, 983, 996)] {
        let ranks = ranks::quantile_ranks(1_000, p, 0.05).unwrap();
        assert_eq!((ranks.low, ranks.high), (Some(low), Some(high + 1)));
    }
}

#[test]
fn m31_and_m32_bandits() {
    let arms = [of(10, 100), of(15, 100), of(12, 100)];
    let posteriors: Vec<BetaPosterior> =
        arms.iter().map(|arm| BetaPosterior::after(1.0, 1.0, arm).unwrap()).collect();
    for (got, wanted) in
        probability_best(&posteriors).unwrap().into_iter().zip([0.097105, 0.664570, 0.238325])
    {
        near(got, wanted, 1e-6);
    }
    near(bandit::upper_confidence_bound(&of(10, 100), 200).unwrap(), 0.425525, 1e-6);
    // A bandit that routes shares a batch out by the same numbers.
    for (got, wanted) in
        Policy::Thompson.shares(&arms, 500).unwrap().into_iter().zip([0.097105, 0.664570, 0.238325])
    {
        near(got, wanted, 1e-6);
    }
    // 0.425525 of the first two hundred pulls, against 0.5 + √(2 ln 200/100) = 0.825525.
    let two = [of(10, 100), of(50, 100)];
    assert_eq!(Policy::Ucb1.shares(&two, 1).unwrap(), [0.0, 1.0]);
    assert_eq!(bandit::ucb1(&two).unwrap(), 1);
    // Dealt out piece by piece: with means that stay, the bounds meet where n_B is so great that
    // √(2 ln N/n_B) has fallen 0.3 below √(2 ln N/100).
    let shares = Policy::Ucb1.shares(&[of(0, 100), of(30, 100)], 10_000).unwrap();
    let (n_a, n_b) = (100.0 + 10_000.0 * shares[0], 100.0 + 10_000.0 * shares[1]);
    let reach = |n: f64| (2.0 * 10_200_f64.ln() / n).sqrt();
    assert!((reach(n_a) - 0.3 - reach(n_b)).abs() < 0.01, "{shares:?}");
    assert_eq!(Policy::Ucb1.shares(&[of(3, 4), of(0, 0), of(0, 0)], 7).unwrap(), [0.0, 0.5, 0.5]);
    let greedy = Policy::EpsilonGreedy { epsilon: 0.3 }.shares(&arms, 10).unwrap();
    for (got, wanted) in greedy.into_iter().zip([0.1, 0.8, 0.1]) {
        near(got, wanted, 1e-12);
    }
    assert_eq!(Policy::Thompson.shares(&arms[..1], 1).unwrap(), [1.0]);
    unknown(Policy::Thompson.shares(&[], 1));
    assert!(Policy::Ucb1.shares(&arms, 0).unwrap_err().to_string().contains("batch"));
    assert!(
        Policy::EpsilonGreedy { epsilon: 1.5 }.shares(&arms, 1).unwrap_err().to_string().contains("epsilon")
    );
}

#[test]
fn m33_and_m34_canary() {
    near(binomial::missed(0.05, 50), 0.076945, 1e-6);
    for (n, wanted) in [(50, 0.395), (100, 0.634), (300, 0.951)] {
        near(power::chance_to_see(0.01, n).unwrap(), wanted, 1e-3);
    }
    assert!(power::highest_rate_unseen(300, 0.05).unwrap() < 0.01);
    assert_eq!(binomial::central_range(50, 0.5, 0.95), (18, 32));
    assert_eq!(binomial::central_range(3_000, 0.5, 0.95), (1_446, 1_554));
}

/// The reason, which must be "cannot tell", not a refused argument.
#[track_caller]
fn unknown<T: std::fmt::Debug>(result: Result<T, StatisticsError>) -> CannotTell {
    let error = result.expect_err("an answer where none can be");
    assert!(error.to_string().starts_with("cannot tell yet: "), "{error}");
    error.cannot_tell().expect("a reason")
}

#[test]
fn empty_variants_cannot_tell() {
    let (some, empty) = (of(5, 10), of(0, 0));
    for (a, b) in [(&some, &empty), (&empty, &some), (&empty, &empty)] {
        unknown(two_proportion_z(a, b));
        unknown(wald_interval(a, b, 0.05));
        unknown(newcombe_interval(a, b, 0.05));
        unknown(proportions::agresti_caffo_interval(a, b, 0.05));
        unknown(fisher_exact(a, b));
        unknown(lift(a, b));
        unknown(lift_interval(a, b, 0.05));
        unknown(non_inferiority(a, b, 0.02));
    }
    unknown(empty.share());
    unknown(empty.wilson(0.05));
    unknown(empty.clopper_pearson(0.05));
    unknown(Confusion::new(5).unwrap().agreement());
    unknown(Confusion::new(5).unwrap().kappa(Disagreement::Any));
    unknown(PairedOutcomes::default().difference());
    unknown(PairedOutcomes::default().mcnemar());
    unknown(PairedOutcomes::default().interval(0.05));
    unknown(ranks::mann_whitney(&[], &[1.0]));
    unknown(ranks::mann_whitney_exact(&[1.0], &[]));
    unknown(ranks::kolmogorov_smirnov(&[], &[1.0]));
    unknown(ranks::kolmogorov_smirnov_exact(&[], &[1.0]));
    unknown(ranks::nearest_rank(&[], 0.5));
    unknown(ranks::interpolated_quantile(&[], 0.5));
    unknown(ranks::quantile_interval(&[], 0.5, 0.05));
    unknown(srm_chi_square(&[0, 0], &[1.0, 1.0]));
    unknown(BernsteinSequence::new(0.05).unwrap().interval());
    unknown(Drift::new(&[0, 0], &[1, 1]));
    unknown(adjusted(&[], Correction::Holm));
    unknown(bandit::ucb1(&[]));
    unknown(bandit::upper_confidence_bound(&empty, 10));
    unknown(power::chance_to_see(0.01, 0));
    unknown(power::highest_rate_unseen(0, 0.05));
}

#[test]
fn one_value_and_no_spread_cannot_tell() {
    let (none, one, same) = (Summary::default(), Summary::of(&[3.0]), Summary::of(&[3.0, 3.0, 3.0]));
    let some = Summary::of(&[1.0, 2.0, 4.0]);
    unknown(none.mean());
    unknown(one.variance());
    for (a, b) in [(&none, &some), (&some, &none), (&one, &some), (&some, &one), (&same, &same)] {
        unknown(welch_t(a, b));
        unknown(pooled_t(a, b));
        unknown(means::cohens_d(a, b));
        unknown(relative_lift(a, b));
        unknown(ConfidenceSequence::new(0.05, 100.0).unwrap().look_at_difference(a, b));
    }
    unknown(paired_t(&one));
    unknown(paired_t(&same));
    unknown(ConfidenceSequence::new(0.05, 100.0).unwrap().look_at_mean(&same));
    unknown(ConfidenceSequence::new(0.05, 100.0).unwrap().look_at_mean(&one));
    unknown(relative_lift(&Summary::of(&[-1.0, 1.0]), &some));
    unknown(Msprt::new(0.1, 0.0, 0.05).unwrap().look(0, 0.1, 1.0));
    unknown(Msprt::new(0.1, 0.0, 0.05).unwrap().look(10, 0.1, 0.0));
    unknown(ranks::mann_whitney(&[2.0, 2.0], &[2.0]));
    let line = PairSummary::of(&[(1.0, 2.0), (1.0, 3.0), (1.0, 5.0)]);
    assert_eq!(
        unknown(means::cuped(&line, &line)),
        CannotTell::NoVariance { what: "the covariate" },
        "a constant covariate explains nothing"
    );
    unknown(means::ratio(&PairSummary::of(&[(1.0, 0.0), (2.0, 0.0)])));
    unknown(means::ratio_z(&PairSummary::of(&[(1.0, 1.0)]), &PairSummary::of(&[(1.0, 1.0), (1.0, 2.0)])));
}

#[test]
fn successes_or_failures_only_cannot_tell() {
    for (a, b) in [(of(10, 10), of(7, 7)), (of(0, 10), of(0, 7))] {
        unknown(two_proportion_z(&a, &b));
        unknown(wald_interval(&a, &b, 0.05));
        unknown(fisher_exact(&a, &b));
        unknown(lift_interval(&a, &b, 0.05));
        unknown(non_inferiority(&a, &b, 0.02));
        // What an interval can still say, it says.
        let newcombe = newcombe_interval(&a, &b, 0.05).unwrap();
        assert!(newcombe.low < 0.0 && newcombe.high > 0.0);
    }
    unknown(lift(&of(0, 10), &of(3, 10)));
    unknown(PairedOutcomes { both_right: 10, ..PairedOutcomes::default() }.mcnemar());
    unknown(PairedOutcomes { both_right: 10, ..PairedOutcomes::default() }.interval(0.05));
    unknown(PairedOutcomes { a_wrong_b_right: 10, ..PairedOutcomes::default() }.interval(0.05));
    let mut one_class = Confusion::new(5).unwrap();
    (0..3).for_each(|_| one_class.record(4, 4).unwrap());
    assert_eq!(unknown(one_class.kappa(Disagreement::Quadratic)), CannotTell::OneClass);
}

#[test]
fn weights_of_zero_cannot_tell() {
    assert_eq!(unknown(srm_chi_square(&[10, 10], &[0.0, 0.0])), CannotTell::NoWeight);
    assert_eq!(
        unknown(srm_chi_square(&[10, 10, 3], &[1.0, 1.0, 0.0])),
        CannotTell::NotByChance { variant: 2, count: 3 }
    );
    assert_eq!(srm_chi_square(&[10, 12, 0], &[1.0, 1.0, 0.0]).unwrap().df, 1);
    assert_eq!(unknown(SequentialSrm::new(&[0.0, 0.0], 100.0)), CannotTell::NoWeight);
    assert!(srm_chi_square(&[10, 0], &[1.0, 0.0]).is_err());
}

#[test]
fn what_no_sample_reaches_is_said() {
    let plan = RatePlan { p_a: 0.1, p_b: 0.1, alpha: 0.05, ratio: 1.0 };
    unknown(plan.n_a(0.8, NullError::Pooled));
    unknown(plan.n_a_by_h(0.8));
    unknown(RatePlan { p_a: 0.9, ..plan }.least_increase(3.0, 0.99));
    unknown(MeanPlan { effect: 0.0, alpha: 0.05, ratio: 1.0 }.n_a_by_t(0.8));
    unknown(MeanPlan { effect: 0.5, alpha: 0.05, ratio: 1.0 }.n_a_by_t(0.04));
    unknown(pairs_needed(0.05, 0.05, 0.05, 0.8));
    unknown(Drift::new(&[1, 0, 1], &[1, 1, 1]).unwrap().psi());
    unknown(Drift::new(&[1, 0, 1], &[1, 1, 1]).unwrap().kullback_leibler());
    unknown(Drift::new(&[1, 0, 1], &[1, 0, 1]).unwrap().homogeneity());
    unknown(ranks::mann_whitney_exact(&[1.0, 2.0], &[2.0, 3.0]));
    unknown(Allocation::Adaptive.for_fixed_tests());
}

#[test]
fn arguments_that_mean_nothing_are_refused_by_name() {
    let (a, b) = (of(5, 10), of(6, 10));
    let refused = |error: StatisticsError, name: &str| {
        assert!(error.cannot_tell().is_none() && error.to_string().contains(name), "{error}");
    };
    for alpha in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        refused(wald_interval(&a, &b, alpha).unwrap_err(), "alpha");
        refused(ConfidenceSequence::new(alpha, 10.0).unwrap_err(), "alpha");
        refused(boundaries(Design::Pocock, &[1.0], alpha).unwrap_err(), "alpha");
    }
    refused(Proportion::new(3, 2).unwrap_err(), "successes");
    refused(non_inferiority(&a, &b, -0.1).unwrap_err(), "margin");
    refused(srm_chi_square(&[1], &[1.0]).unwrap_err(), "observed");
    refused(srm_chi_square(&[1, 2], &[1.0, -1.0]).unwrap_err(), "weight");
    refused(boundaries(Design::Pocock, &[0.5, 0.5], 0.05).unwrap_err(), "information");
    refused(Confusion::new(1).unwrap_err(), "classes");
    refused(Confusion::new(2).unwrap().record(0, 2).unwrap_err(), "class of B");
    refused(BernsteinSequence::new(0.05).unwrap().record(1.5).unwrap_err(), "value");
    refused(Sprt::new(0.1, 0.1, 0.05, 0.1).unwrap_err(), "p1");
    refused(adjusted(&[1.5], Correction::Holm).unwrap_err(), "p");
    refused(ranks::mann_whitney(&[f64::NAN], &[1.0]).unwrap_err(), "value of A");
    refused(Summary::of(&[1.0, f64::INFINITY]).mean().unwrap_err(), "mean");
    refused(Summary::from_moments(5, 0.0, -1.0).unwrap_err(), "variance");
    refused(BetaPosterior::new(0.0, 1.0).unwrap_err(), "shape a");
}
