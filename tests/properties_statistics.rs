//! What must hold of the statistics for any data.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use proptest::prelude::*;
use rollout_lab::analysis::{
    PairSummary, Summary,
    bayes::{BetaPosterior, expected_loss, probability_best, probability_better},
    means,
    multiple::{Correction, adjusted},
    paired::{Confusion, Disagreement, PairedOutcomes},
    power::{MeanPlan, NullError, RatePlan},
    proportions::{
        Proportion, agresti_caffo_interval, fisher_exact, lift, lift_interval, newcombe_interval,
        non_inferiority, two_proportion_z, wald_interval,
    },
    ranks,
    sequential::{
        BernsteinSequence, ConfidenceSequence, Msprt,
        group::{Design, boundaries, crossing},
    },
    srm::{SequentialSrm, srm_chi_square, srm_exact},
};

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * (a.abs() + b.abs() + scale)
}

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

fn rate() -> impl Strategy<Value = Proportion> {
    (1_u64..5_000).prop_flat_map(|n| (0..=n).prop_map(move |x| Proportion::new(x, n).unwrap()))
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e4..1e4_f64, 2..60)
}

proptest! {
    #[test]
    fn merged_summaries_equal_the_batch(left in values(), right in values(), shift in -1e6..1e6_f64) {
        let all: Vec<f64> = left.iter().chain(&right).map(|x| x + shift).collect();
        let shifted = |x: &[f64]| Summary::of(&x.iter().map(|x| x + shift).collect::<Vec<_>>());
        let mut merged = shifted(&left);
        merged.merge(&shifted(&right));
        let batch = Summary::of(&all);
        prop_assert_eq!(merged.n(), batch.n());
        prop_assert!(close(merged.mean().unwrap(), batch.mean().unwrap(), 1.0));
        prop_assert!(close(merged.variance().unwrap(), batch.variance().unwrap(), 1.0));
    }

    #[test]
    fn merged_pairs_equal_the_batch(left in values(), right in values()) {
        let pairs = |x: &[f64]| -> Vec<(f64, f64)> { x.iter().map(|&x| (x, x.abs().sqrt() - 0.3 * x)).collect() };
        let mut merged = PairSummary::of(&pairs(&left));
        merged.merge(&PairSummary::of(&pairs(&right)));
        let batch = PairSummary::of(&pairs(&[left, right].concat()));
        prop_assert!(close(merged.covariance().unwrap(), batch.covariance().unwrap(), 1e4));
        prop_assert!(close(merged.y().variance().unwrap(), batch.y().variance().unwrap(), 1.0));
        let mut into_empty = PairSummary::default();
        into_empty.merge(&batch);
        prop_assert_eq!(into_empty, batch);
    }

    #[test]
    fn merged_counts_equal_the_batch(answers in prop::collection::vec((0_usize..3, 0_usize..3), 1..80), cut in 0_usize..80) {
        let cut = cut.min(answers.len());
        let count = |answers: &[(usize, usize)]| {
            let (mut confusion, mut outcomes) = (Confusion::new(3).unwrap(), PairedOutcomes::default());
            for &(a, b) in answers {
                confusion.record(a, b).unwrap();
                outcomes.record(a == 1, b == 1);
            }
            (confusion, outcomes)
        };
        let (mut merged, rest) = (count(&answers[..cut]), count(&answers[cut..]));
        merged.0.merge(&rest.0).unwrap();
        merged.1.merge(&rest.1);
        prop_assert_eq!(&merged, &count(&answers));
        if let Ok(kappa) = merged.0.kappa(Disagreement::Quadratic) {
            prop_assert!(kappa.kappa <= 1.0 + 1e-12 && kappa.kappa >= -1.0 - 1e-12 && kappa.standard_error >= 0.0);
            prop_assert!(kappa.interval(0.05).unwrap().contains(kappa.kappa));
        }
        if let Ok(test) = merged.1.mcnemar() {
            for p in [test.p, test.p_corrected, test.p_exact, test.p_mid] {
                prop_assert!(is_probability(p), "{:?}", test);
            }
        }
    }

    #[test]
    fn rates_are_tested_soundly(a in rate(), b in rate(), alpha in 0.001..0.5_f64, margin in 0.0..0.5_f64) {
        if let Ok(test) = two_proportion_z(&a, &b) {
            prop_assert!(is_probability(test.p) && is_probability(test.p_greater));
            let mirrored = two_proportion_z(&b, &a).unwrap();
            prop_assert!(close(mirrored.p, test.p, 0.0) && close(mirrored.z, -test.z, 1e-9));
        }
        if let Ok(p) = fisher_exact(&a, &b) {
            prop_assert!(is_probability(p) && close(p, fisher_exact(&b, &a).unwrap(), 1e-9));
        }
        let difference = b.share().unwrap() - a.share().unwrap();
        for interval in [wald_interval(&a, &b, alpha), newcombe_interval(&a, &b, alpha)].into_iter().flatten() {
            prop_assert!(interval.low <= difference + 1e-12 && difference <= interval.high + 1e-12);
        }
        // This one is centred elsewhere, but it is an interval.
        let adjusted = agresti_caffo_interval(&a, &b, alpha).unwrap();
        prop_assert!(adjusted.low < adjusted.high);
        for interval in [a.wilson(alpha).unwrap(), a.clopper_pearson(alpha).unwrap()] {
            prop_assert!(interval.contains(a.share().unwrap()) && interval.low >= 0.0 && interval.high <= 1.0);
        }
        if let Ok(interval) = lift_interval(&a, &b, alpha) {
            prop_assert!(interval.contains(lift(&a, &b).unwrap()));
        }
        if let Ok(test) = non_inferiority(&a, &b, margin) {
            prop_assert!(is_probability(test.wald.p_greater) && is_probability(test.score.p_greater));
            prop_assert!(test.score.z.is_finite() && test.wald.z.is_finite());
            // A larger margin is easier to keep.
            let wider = non_inferiority(&a, &b, margin + 0.1).unwrap();
            prop_assert!(wider.wald.p_greater <= test.wald.p_greater);
            prop_assert!(wider.score.p_greater <= test.score.p_greater + 1e-12);
        }
    }

    #[test]
    fn an_exact_interval_is_the_exact_tests_own(x in 1_u64..400, more in 1_u64..400, alpha in 0.01..0.3_f64) {
        // At its ends, as many or more (as few or fewer) successes have probability α/2.
        let interval = Proportion::new(x, x + more).unwrap().clopper_pearson(alpha).unwrap();
        let tail = |p: f64, from: u64, to: u64| -> f64 {
            let n = x + more;
            let mut ln = n as f64 * (1.0 - p).ln();
            (0..=n)
                .map(|k| {
                    let term = if (from..=to).contains(&k) { ln.exp() } else { 0.0 };
                    ln += ((n - k) as f64 / (k + 1) as f64).ln() + (p / (1.0 - p)).ln();
                    term
                })
                .sum()
        };
        prop_assert!(close(tail(interval.low, x, x + more), alpha / 2.0, 0.0));
        prop_assert!(close(tail(interval.high, 0, x), alpha / 2.0, 0.0));
    }

    #[test]
    fn means_are_tested_soundly(a in values(), b in values(), alpha in 0.001..0.5_f64, shift in 0.0..100_f64) {
        let (of_a, of_b) = (Summary::of(&a), Summary::of(&b));
        let test = means::welch_t(&of_a, &of_b).unwrap();
        prop_assert!(is_probability(test.p) && test.df > 0.9);
        prop_assert!(test.interval(alpha).unwrap().contains(test.difference));
        prop_assert!((test.p <= alpha) != test.interval(alpha).unwrap().contains(0.0) || (test.p - alpha).abs() < 1e-9);
        // A greater difference of the same values is stronger evidence.
        let further = Summary::of(&b.iter().map(|x| x + shift).collect::<Vec<_>>());
        if test.difference >= 0.0 {
            prop_assert!(means::welch_t(&of_a, &further).unwrap().p <= test.p + 1e-9);
        }
        let ranks = ranks::mann_whitney(&a, &b).unwrap();
        prop_assert!(is_probability(ranks.p) && is_probability(ranks.p_corrected) && ranks.p <= ranks.p_corrected);
        prop_assert_eq!(ranks.u_a + ranks.u_b, (a.len() * b.len()) as f64);
        prop_assert!(is_probability(ranks::mann_whitney_exact(&a, &b).unwrap()));
        let ks = ranks::kolmogorov_smirnov(&a, &b).unwrap();
        prop_assert!(is_probability(ks.p) && is_probability(ks.d));
        prop_assert!(is_probability(ranks::kolmogorov_smirnov_exact(&a, &b).unwrap()));
    }

    #[test]
    fn quantiles_lie_in_their_intervals(x in prop::collection::vec(-1e3..1e3_f64, 1..200), p in 0.01..0.99_f64, alpha in 0.01..0.5_f64) {
        let (low, high) = ranks::quantile_interval(&x, p, alpha).unwrap();
        let at = ranks::nearest_rank(&x, p).unwrap();
        prop_assert!(low.is_none_or(|low| low <= at) && high.is_none_or(|high| at <= high));
    }

    #[test]
    fn cuped_never_adds_noise(a in values(), b in values(), weight in -2.0..2.0_f64) {
        let of = |x: &[f64]| {
            PairSummary::of(&x.iter().enumerate().map(|(i, &x)| (x, weight * x + (i % 7) as f64 * 100.0)).collect::<Vec<_>>())
        };
        if let Ok(cuped) = means::cuped(&of(&a), &of(&b)) {
            prop_assert!(is_probability(cuped.variance_reduction.min(1.0)) && is_probability(cuped.test.p));
        }
    }

    #[test]
    fn splits_are_tested_soundly(counts in prop::collection::vec(0_u64..100_000, 2..6), weights in prop::collection::vec(0.1..100_f64, 6)) {
        prop_assume!(counts.iter().sum::<u64>() > 0);
        let weights = &weights[..counts.len()];
        let srm = srm_chi_square(&counts, weights).unwrap();
        prop_assert!(is_probability(srm.p) && close(srm.expected.iter().sum(), counts.iter().sum::<u64>() as f64, 0.0));
        let scaled: Vec<f64> = weights.iter().map(|w| w * 7.5).collect();
        prop_assert!(close(srm_chi_square(&counts, &scaled).unwrap().chi2, srm.chi2, 1e-6));
        if counts.len() == 2 {
            prop_assert!(is_probability(srm_exact(&counts, weights).unwrap()));
        }
        let mut sequential = SequentialSrm::new(weights, 10_000.0).unwrap();
        let mut before = 1.0;
        for step in 1..=4 {
            let so_far: Vec<u64> = counts.iter().map(|c| c * step / 4).collect();
            sequential.look(&so_far).unwrap();
            prop_assert!(is_probability(sequential.p()) && sequential.p() <= before);
            before = sequential.p();
        }
    }

    #[test]
    fn sequences_hold_the_estimate_and_never_relent(d in prop::collection::vec(-1.0..1.0_f64, 1..12), alpha in 0.001..0.5_f64, tightest in 10.0..1e5_f64) {
        let mut sequence = ConfidenceSequence::new(alpha, tightest).unwrap();
        let mut mixture = Msprt::new(0.01, 0.0, alpha).unwrap();
        let (mut p, mut width) = (1.0, f64::INFINITY);
        for (look, d) in d.into_iter().enumerate() {
            let n = 10_u64 << look;
            let now = sequence.look(d, 1.0 / n as f64, n).unwrap();
            prop_assert!(now.interval.contains(d) && is_probability(now.p));
            prop_assert_eq!(now.p <= alpha, !now.interval.contains(0.0));
            prop_assert!(sequence.running_p() <= p && now.half_width <= width);
            (p, width) = (sequence.running_p(), now.half_width);
            // Wider than any fixed interval: that is the price.
            prop_assert!(now.half_width > (1.0 / n as f64).sqrt());
            let look = mixture.look(n, d, 2.0).unwrap();
            prop_assert!(is_probability(look.p) && look.interval.contains(d));
        }
    }

    #[test]
    fn a_bernstein_sequence_holds_the_mean(x in prop::collection::vec(0.0..=1.0_f64, 1..300)) {
        let mut sequence = BernsteinSequence::new(0.05).unwrap();
        x.iter().for_each(|&x| sequence.record(x).unwrap());
        let interval = sequence.interval().unwrap();
        prop_assert!(interval.low >= 0.0 && interval.high <= 1.0 && interval.low <= interval.high);
    }

    #[test]
    fn many_tests_are_never_easier_than_one(p in prop::collection::vec(0.0..=1.0_f64, 1..20)) {
        let by = |c| adjusted(&p, c).unwrap();
        let (bonferroni, holm, hochberg) =
            (by(Correction::Bonferroni), by(Correction::Holm), by(Correction::Hochberg));
        let (share, timid) = (by(Correction::BenjaminiHochberg), by(Correction::BenjaminiYekutieli));
        for i in 0..p.len() {
            prop_assert!(p[i] <= share[i] + 1e-15 && share[i] <= hochberg[i] + 1e-15);
            prop_assert!(hochberg[i] <= holm[i] + 1e-15 && holm[i] <= bonferroni[i] + 1e-15 && bonferroni[i] <= 1.0);
            prop_assert!(share[i] <= timid[i] + 1e-15);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn beliefs_add_up(a in rate(), b in rate(), c in rate(), prior in 0.3..4.0_f64) {
        let arm = |trials: &Proportion| BetaPosterior::after(prior, prior, trials).unwrap();
        let (a, b, c) = (arm(&a), arm(&b), arm(&c));
        let best = probability_best(&[a, b, c]).unwrap();
        prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{:?}", best);
        let better = probability_better(&a, &b, 0.0).unwrap();
        prop_assert!(is_probability(better));
        prop_assert!((better + probability_better(&b, &a, 0.0).unwrap() - 1.0).abs() < 1e-8);
        prop_assert!(probability_better(&a, &b, 0.05).unwrap() <= better + 1e-9);
        let loss = expected_loss(&a, &b);
        prop_assert!((loss.choosing_a - loss.choosing_b - (b.mean() - a.mean())).abs() < 1e-9);
        let interval = a.credible_interval(0.05).unwrap();
        prop_assert!(interval.low < interval.high && is_probability(interval.low) && is_probability(interval.high));
    }

    #[test]
    fn more_units_more_power(p_a in 0.02..0.9_f64, d in 0.005..0.09_f64, ratio in 0.05..20_f64, power in 0.6..0.99_f64) {
        let plan = RatePlan { p_a, p_b: p_a + d, alpha: 0.05, ratio };
        for null in [NullError::Pooled, NullError::Unpooled, NullError::Control] {
            let n = plan.n_a(power, null).unwrap();
            prop_assert!(close(plan.power(n, null).unwrap(), power, 1e-6));
            prop_assert!(plan.power(2.0 * n, null).unwrap() > power);
        }
        // What is planned for is what can be seen.
        let n = plan.n_a(power, NullError::Unpooled).unwrap();
        prop_assert!(close(plan.least_increase(n, power).unwrap(), d, 1e-6));
        let plan = MeanPlan { effect: d * 10.0, alpha: 0.05, ratio };
        let n = plan.n_a_by_t(power).unwrap();
        prop_assert!(close(plan.power_by_t(n).unwrap(), power, 1e-6));
        prop_assert!(n >= plan.n_a_by_z(power).unwrap() - 1e-6);
    }

    #[test]
    fn all_looks_together_spend_alpha(gaps in prop::collection::vec(0.02..1.0_f64, 1..6), alpha in 0.005..0.2_f64) {
        let sum: f64 = gaps.iter().sum();
        let mut at = 0.0;
        let mut information: Vec<f64> = gaps.iter().map(|g| { at += g / sum; at }).collect();
        *information.last_mut().unwrap() = 1.0;
        prop_assume!(information.windows(2).all(|w| w[0] < w[1]));
        for design in [Design::Pocock, Design::OBrienFleming, Design::PocockSpending, Design::OBrienFlemingSpending] {
            let looks = boundaries(design, &information, alpha).unwrap();
            prop_assert!((looks.last().unwrap().spent_one_sided - alpha / 2.0).abs() < 1e-9);
            // Both sides together spend α less what crosses on both, which is next to nothing.
            let z: Vec<f64> = looks.iter().map(|b| b.z.unwrap_or(38.0)).collect();
            let both = *crossing(&information, &z).unwrap().last().unwrap();
            prop_assert!(both <= alpha + 1e-9 && both > alpha * 0.97, "{:?}: {} of {}", design, both, alpha);
        }
    }
}
