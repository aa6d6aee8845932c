//! Every estimator and test of the statistics, through every sample that cannot tell: none or one value, successes only,
//! no variance, one empty variant, weights of zero. Each must say "cannot tell yet" and why, or something that is true
//! of so little: never NaN, never a p-value of 0 or 1, never an interval without width.
//!
//! The last test reads the sources: a function that gives a statistic and is not in the table fails it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use std::collections::BTreeSet;

use rollout_lab::{
    analysis::{
        Interval, PairSummary, Result, StatisticsError, Summary,
        bandit::{Allocation, Policy, epsilon_greedy, regret, thompson, ucb1, upper_confidence_bound},
        bayes::{BetaPosterior, expected_loss, probability_best, probability_better},
        cluster::observed_design_effect,
        drift::Drift,
        evidence::{Conversion, Outcome, Unit, VariantEvidence, cuped_estimate, difference, fixed_estimate},
        means::{cohens_d, cuped, pooled_t, ratio, ratio_z, relative_lift, welch_t},
        paired::{Confusion, Disagreement, PairedOutcomes, paired_t},
        power::{chance_to_see, highest_rate_unseen},
        proportions::{
            Proportion, agresti_caffo_interval, fisher_exact, lift, lift_interval, newcombe_interval,
            non_inferiority, non_inferiority_of_statsmodels, two_proportion_z, wald_interval,
        },
        ranks::{
            bootstrap, interpolated_quantile, kolmogorov_smirnov, kolmogorov_smirnov_exact, mann_whitney,
            mann_whitney_exact, nearest_rank, quantile_interval, quantile_ranks,
        },
        sequential::{
            BernsteinSequence, ConfidenceSequence, Msprt, confidence_sequence_half_width,
            rate_difference_sequence, rate_sequence,
        },
        srm::{SequentialSrm, srm_chi_square, srm_exact},
        verdict::{Better, Estimate, Evidence, Guardrail, Method, Primary, Secondary, State, verdict},
    },
    domain::{FleetId, InvocationRecord, InvocationStatus, ReviewId, Stars, VirtualTime},
};

const ALPHA: f64 = 0.05;

/// What two variants have shown. Values are 0 or 1 where a test counts successes.
struct Sample {
    name: &'static str,
    a: Vec<f64>,
    b: Vec<f64>,
}

fn samples() -> Vec<Sample> {
    let sample = |name, a: &[f64], b: &[f64]| Sample { name, a: a.to_vec(), b: b.to_vec() };
    let mixed = [0.0, 1.0, 1.0, 0.0, 1.0];
    vec![
        sample("nothing", &[], &[]),
        sample("A empty", &[], &mixed),
        sample("B empty", &mixed, &[]),
        sample("one each", &[1.0], &[0.0]),
        sample("one each, alike", &[1.0], &[1.0]),
        sample("one of A", &[1.0], &mixed),
        sample("one of B", &mixed, &[0.0]),
        sample("A one, B none", &[1.0], &[]),
        sample("successes only", &[1.0; 10], &[1.0; 7]),
        sample("failures only", &[0.0; 10], &[0.0; 7]),
        sample("as many successes only", &[1.0; 8], &[1.0; 8]),
        sample("A failures only", &[0.0; 10], &mixed),
        sample("B successes only", &mixed, &[1.0; 10]),
        sample("A fails, B succeeds always", &[0.0; 6], &[1.0; 6]),
        sample("no variance, apart", &[3.0; 5], &[4.0; 5]),
        sample("no variance, alike", &[3.0; 5], &[3.0; 5]),
    ]
}

impl Sample {
    fn proportions(&self) -> [Proportion; 2] {
        [&self.a, &self.b].map(|values| {
            let successes = values.iter().filter(|v| **v != 0.0).count() as u64;
            Proportion::new(successes, values.len() as u64).unwrap()
        })
    }

    fn summaries(&self) -> [Summary; 2] {
        [Summary::of(&self.a), Summary::of(&self.b)]
    }

    /// Each value with a denominator of 1.
    fn with_partners(&self) -> [PairSummary; 2] {
        [&self.a, &self.b]
            .map(|values| PairSummary::of(&values.iter().map(|v| (*v, 1.0)).collect::<Vec<_>>()))
    }

    /// Each value behind a covariate.
    fn with_covariates(&self) -> [PairSummary; 2] {
        [&self.a, &self.b].map(|values| {
            PairSummary::of(&values.iter().enumerate().map(|(i, v)| ((i % 3) as f64, *v)).collect::<Vec<_>>())
        })
    }

    /// As many requests as both have, answered by both.
    fn pairs(&self) -> impl Iterator<Item = (bool, bool)> + '_ {
        self.a.iter().zip(&self.b).map(|(a, b)| (*a != 0.0, *b != 0.0))
    }

    fn paired(&self) -> PairedOutcomes {
        let mut outcomes = PairedOutcomes::default();
        self.pairs().for_each(|(a, b)| outcomes.record(a, b));
        outcomes
    }

    fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new(2).unwrap();
        self.pairs().for_each(|(a, b)| confusion.record(usize::from(a), usize::from(b)).unwrap());
        confusion
    }

    fn differences(&self) -> Summary {
        Summary::of(&self.a.iter().zip(&self.b).map(|(a, b)| b - a).collect::<Vec<_>>())
    }

    fn counts(&self) -> [u64; 2] {
        [self.a.len() as u64, self.b.len() as u64]
    }

    fn posteriors(&self) -> [BetaPosterior; 2] {
        self.proportions().map(|p| BetaPosterior::after(1.0, 1.0, &p).unwrap())
    }

    /// As shares of two bins.
    fn drift(&self) -> Result<Drift> {
        let [a, b] = self.proportions().map(|p| [p.successes(), p.failures()]);
        Drift::new(&a, &b)
    }

    fn evidence(&self, unit: Unit) -> [VariantEvidence; 2] {
        let conversion = Conversion { within_ms: 50.0, stars_off: 0 };
        [&self.a, &self.b].map(|values| {
            let mut evidence = VariantEvidence::new(Outcome::Right, unit, conversion);
            for (i, value) in values.iter().enumerate() {
                evidence.record(&record(i as u64, *value != 0.0));
            }
            evidence
        })
    }
}

fn record(i: u64, right: bool) -> InvocationRecord {
    InvocationRecord {
        id: i,
        arrival: VirtualTime::from_ns(i),
        user: i as u32,
        review: ReviewId(0),
        true_stars: Stars::new(4 + (i % 2) as i64).ok(),
        fleet: FleetId(0),
        instance: 0,
        status: InvocationStatus::Answered,
        wait_ns: 0,
        service_ns: 5_000_000,
        overhead_ns: 0,
        predicted: Stars::new(if right { 4 + (i % 2) as i64 } else { 1 }).ok(),
        copy: false,
        leaked_kib: 0,
    }
}

/// A part of an answer.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// Evidence: strictly between 0 and 1.
    P(f64),
    /// Evidence for which 1 is an answer: a split that is exactly as promised, no look so far.
    PAtMostOne(f64),
    /// What an estimate may be.
    Number(f64),
    /// A range with width.
    Range(Interval),
}
use Said::{Number, P, PAtMostOne, Range};

impl Said {
    fn fault(self) -> Option<String> {
        match self {
            P(p) if p > 0.0 && p < 1.0 => None,
            PAtMostOne(p) if p > 0.0 && p <= 1.0 => None,
            Number(x) if x.is_finite() => None,
            Range(i) if i.low.is_finite() && i.high.is_finite() && i.low < i.high => None,
            said => Some(format!("{said:?}")),
        }
    }
}

type Answer = Result<Vec<Said>>;

fn z(test: Result<rollout_lab::analysis::proportions::ZTest>) -> Answer {
    test.and_then(|t| {
        Ok(vec![P(t.p), P(t.p_greater), Number(t.z), Number(t.difference), Range(t.interval(ALPHA)?)])
    })
}

fn t(test: Result<rollout_lab::analysis::paired::TTest>) -> Answer {
    test.and_then(|t| {
        Ok(vec![P(t.p), Number(t.t), Number(t.df), Number(t.difference), Range(t.interval(ALPHA)?)])
    })
}

fn range(interval: Result<Interval>) -> Answer {
    interval.map(|i| vec![Range(i)])
}

fn number(value: Result<f64>) -> Answer {
    value.map(|v| vec![Number(v)])
}

fn mean(values: &mut [f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One function of the statistics, by the name that it has in the sources.
struct Estimator {
    name: &'static str,
    answer: fn(&Sample) -> Answer,
}

const fn of(name: &'static str, answer: fn(&Sample) -> Answer) -> Estimator {
    Estimator { name, answer }
}

const ESTIMATORS: &[Estimator] = &[
    of("share", |s| number(s.proportions()[1].share())),
    of("wilson", |s| range(s.proportions()[1].wilson(ALPHA))),
    of("clopper_pearson", |s| range(s.proportions()[1].clopper_pearson(ALPHA))),
    of("two_proportion_z", |s| {
        let [a, b] = s.proportions();
        z(two_proportion_z(&a, &b))
    }),
    of("wald_interval", |s| {
        let [a, b] = s.proportions();
        range(wald_interval(&a, &b, ALPHA))
    }),
    of("newcombe_interval", |s| {
        let [a, b] = s.proportions();
        range(newcombe_interval(&a, &b, ALPHA))
    }),
    of("agresti_caffo_interval", |s| {
        let [a, b] = s.proportions();
        range(agresti_caffo_interval(&a, &b, ALPHA))
    }),
    of("fisher_exact", |s| {
        let [a, b] = s.proportions();
        fisher_exact(&a, &b).map(|p| vec![P(p)])
    }),
    of("lift", |s| {
        let [a, b] = s.proportions();
        number(lift(&a, &b))
    }),
    of("lift_interval", |s| {
        let [a, b] = s.proportions();
        range(lift_interval(&a, &b, ALPHA))
    }),
    of("non_inferiority", |s| {
        let [a, b] = s.proportions();
        let test = non_inferiority(&a, &b, 0.02)?;
        Ok([z(Ok(test.wald))?, z(Ok(test.score))?].concat())
    }),
    of("non_inferiority_of_statsmodels", |s| {
        let [a, b] = s.proportions();
        z(non_inferiority_of_statsmodels(&a, &b, 0.02))
    }),
    of("mean", |s| number(s.summaries()[1].mean())),
    of("variance", |s| number(s.summaries()[1].variance())),
    of("squared_error", |s| number(s.summaries()[1].squared_error("values"))),
    of("from_moments", |s| {
        let [_, b] = s.summaries();
        number(Summary::from_moments(b.n(), 1.0, 1.0).and_then(|s| s.mean()))
    }),
    of("mean_x", |s| number(s.with_partners()[1].mean_x())),
    of("mean_y", |s| number(s.with_partners()[1].mean_y())),
    of("covariance", |s| number(s.with_covariates()[1].covariance())),
    of("welch_t", |s| {
        let [a, b] = s.summaries();
        t(welch_t(&a, &b))
    }),
    of("pooled_t", |s| {
        let [a, b] = s.summaries();
        t(pooled_t(&a, &b))
    }),
    of("cohens_d", |s| {
        let [a, b] = s.summaries();
        number(cohens_d(&a, &b))
    }),
    of("relative_lift", |s| {
        let [a, b] = s.summaries();
        t(relative_lift(&a, &b))
    }),
    of("ratio", |s| ratio(&s.with_partners()[1]).map(|r| vec![Number(r.ratio), Number(r.squared_error)])),
    of("ratio_z", |s| {
        let [a, b] = s.with_partners();
        z(ratio_z(&a, &b))
    }),
    of("cuped", |s| {
        let [a, b] = s.with_covariates();
        cuped(&a, &b)
            .and_then(|c| Ok([vec![Number(c.theta), Number(c.variance_reduction)], t(Ok(c.test))?].concat()))
    }),
    of("observed_design_effect", |s| number(observed_design_effect(&s.with_partners()[1]))),
    of("agreement", |s| number(s.confusion().agreement())),
    of("kappa", |s| {
        let mut said = Vec::new();
        for disagreement in [Disagreement::Any, Disagreement::Linear, Disagreement::Quadratic] {
            let kappa = s.confusion().kappa(disagreement)?;
            said.extend([Number(kappa.kappa), Number(kappa.standard_error)]);
        }
        Ok(said)
    }),
    // Of the paired methods.
    of("difference", |s| number(s.paired().difference())),
    of("interval", |s| range(s.paired().interval(ALPHA))),
    of("mcnemar", |s| {
        s.paired()
            .mcnemar()
            .map(|m| vec![P(m.p), P(m.p_exact), P(m.p_mid), Number(m.chi2), Number(m.chi2_corrected)])
    }),
    of("paired_t", |s| t(paired_t(&s.differences()))),
    of("mann_whitney", |s| {
        mann_whitney(&s.a, &s.b)
            .map(|m| vec![P(m.p), Number(m.u_a), Number(m.u_b), Number(m.share_b_greater)])
    }),
    of("mann_whitney_exact", |s| mann_whitney_exact(&s.a, &s.b).map(|p| vec![P(p)])),
    of("kolmogorov_smirnov", |s| kolmogorov_smirnov(&s.a, &s.b).map(|k| vec![PAtMostOne(k.p), Number(k.d)])),
    of("kolmogorov_smirnov_exact", |s| kolmogorov_smirnov_exact(&s.a, &s.b).map(|p| vec![PAtMostOne(p)])),
    of("nearest_rank", |s| number(nearest_rank(&s.b, 0.9))),
    of("interpolated_quantile", |s| number(interpolated_quantile(&s.b, 0.9))),
    of("quantile_ranks", |s| {
        let ranks = quantile_ranks(s.b.len() as u64, 0.5, ALPHA)?;
        Ok([ranks.low, ranks.high].into_iter().flatten().map(|r| Number(r as f64)).collect())
    }),
    of("quantile_interval", |s| {
        let (low, high) = quantile_interval(&s.b, 0.5, ALPHA)?;
        Ok([low, high].into_iter().flatten().map(Number).collect())
    }),
    of("bootstrap", |s| {
        let mut state = 1_u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        range(bootstrap(&s.a, &s.b, mean, 200, ALPHA, &mut draw))
    }),
    of("confidence_sequence_half_width", |s| {
        let [_, b] = s.summaries();
        number(confidence_sequence_half_width(b.variance()?, b.n(), 1_000, ALPHA))
    }),
    of("look_at_mean", |s| {
        let mut sequence = ConfidenceSequence::new(ALPHA, 100.0)?;
        sequence.look_at_mean(&s.summaries()[1]).map(|l| vec![PAtMostOne(l.p), Range(l.interval)])
    }),
    of("look_at_difference", |s| {
        let [a, b] = s.summaries();
        let mut sequence = ConfidenceSequence::new(ALPHA, 100.0)?;
        sequence.look_at_difference(&a, &b).map(|l| vec![PAtMostOne(l.p), Range(l.interval)])
    }),
    // Of the confidence sequence, the mSPRT and the sequential test of the split.
    of("look", |s| {
        let [a, b] = s.summaries();
        let n = a.n().min(b.n());
        let gap = if n > 0 { b.mean()? - a.mean()? } else { 0.0 };
        let variance = if n > 1 { a.variance()? + b.variance()? } else { 0.0 };
        let sequence = ConfidenceSequence::new(ALPHA, 100.0)?.look(gap, variance / n.max(1) as f64, 2 * n);
        let mixture = Msprt::new(0.1, 0.0, ALPHA)?.look(n, gap, variance);
        let mut split = SequentialSrm::new(&[1.0, 1.0], 10_000.0)?;
        split.look(&s.counts())?;
        let split = vec![PAtMostOne(split.p())];
        let sequence = sequence.map(|l| vec![PAtMostOne(l.p), Range(l.interval)]);
        let mixture = mixture.map(|l| vec![PAtMostOne(l.p), Range(l.interval)]);
        sequence.and_then(|s| Ok([s, mixture?, split].concat()))
    }),
    of("rate_sequence", |s| range(rate_sequence(&s.proportions()[1], ALPHA))),
    of("rate_difference_sequence", |s| {
        let [a, b] = s.proportions();
        range(rate_difference_sequence(&a, &b, ALPHA))
    }),
    of("record", |s| {
        let mut sequence = BernsteinSequence::new(ALPHA)?;
        for value in &s.b {
            sequence.record((value / 4.0).clamp(0.0, 1.0))?;
        }
        range(sequence.interval())
    }),
    of("srm_chi_square", |s| {
        srm_chi_square(&s.counts(), &[1.0, 1.0]).map(|srm| vec![PAtMostOne(srm.p), Number(srm.chi2)])
    }),
    of("srm_exact", |s| srm_exact(&s.counts(), &[1.0, 1.0]).map(|p| vec![PAtMostOne(p)])),
    of("psi", |s| number(s.drift()?.psi())),
    of("kullback_leibler", |s| number(s.drift()?.kullback_leibler())),
    of("homogeneity", |s| s.drift()?.homogeneity().map(|h| vec![PAtMostOne(h.p), Number(h.chi2)])),
    of("jensen_shannon", |s| {
        let drift = s.drift()?;
        Ok([drift.jensen_shannon(), drift.total_variation(), drift.hellinger(), drift.wasserstein()]
            .map(Number)
            .to_vec())
    }),
    of("credible_interval", |s| range(s.posteriors()[1].credible_interval(ALPHA))),
    of("probability_best", |s| probability_best(&s.posteriors()).map(|p| p.into_iter().map(P).collect())),
    of("probability_better", |s| {
        let [a, b] = s.posteriors();
        probability_better(&a, &b, 0.0).map(|p| vec![P(p)])
    }),
    of("expected_loss", |s| {
        let [a, b] = s.posteriors();
        let loss = expected_loss(&a, &b);
        Ok(vec![P(loss.choosing_a), P(loss.choosing_b)])
    }),
    of("shares", |s| {
        let arms = s.proportions();
        let mut said = Vec::new();
        for policy in [Policy::Thompson, Policy::EpsilonGreedy { epsilon: 0.1 }] {
            said.extend(policy.shares(&arms, 50)?.into_iter().map(P));
        }
        said.extend(Policy::Ucb1.shares(&arms, 50)?.into_iter().map(Number));
        Ok(said)
    }),
    of("thompson", |s| thompson(&s.proportions(), &[0.3, 0.6]).map(|arm| vec![Number(arm as f64)])),
    of("ucb1", |s| ucb1(&s.proportions()).map(|arm| vec![Number(arm as f64)])),
    of("upper_confidence_bound", |s| number(upper_confidence_bound(&s.proportions()[1], 20))),
    of("epsilon_greedy", |s| {
        epsilon_greedy(&s.proportions(), 0.1, [0.5, 0.5]).map(|arm| vec![Number(arm as f64)])
    }),
    of("regret", |s| {
        let [a, b] = s.proportions();
        number(regret(&s.counts(), &[a.share()?, b.share()?]))
    }),
    of("chance_to_see", |s| chance_to_see(0.01, s.b.len() as u64).map(|p| vec![P(p)])),
    of("highest_rate_unseen", |s| highest_rate_unseen(s.b.len() as u64, ALPHA).map(|p| vec![P(p)])),
    of("cuped_estimate", |s| {
        let [a, b] = s.evidence(Unit::Request);
        let (e, gone) = cuped_estimate(&a, &b, ALPHA)?;
        Ok(vec![P(e.p), Number(e.difference), Range(e.interval), Number(gone)])
    }),
    of("fixed_estimate", |s| {
        let mut said = Vec::new();
        for unit in [Unit::Request, Unit::User] {
            let [a, b] = s.evidence(unit);
            let e = fixed_estimate(&a, &b, Outcome::Right, ALPHA)?;
            said.extend([P(e.p), Number(e.difference), Range(e.interval)]);
            let (d, v) = difference(&a, &b, Outcome::Right)?;
            said.extend([Number(d), Range(Interval { low: 0.0, high: v })]);
        }
        Ok(said)
    }),
];

/// Functions that read no sample: arguments, plans and prior beliefs. What they say of arguments that mean nothing is in
/// `tests/known_statistics.rs`.
const WITHOUT_A_SAMPLE: &[&str] = &[
    "new",
    "from_counts",
    "merge",
    "after",
    "design_effect",
    "false_alarms",
    "n_a",
    "power",
    "cohens_h",
    "n_a_by_h",
    "least_increase",
    "n_a_by_z",
    "power_by_z",
    "power_by_t",
    "n_a_by_t",
    "pairs_needed",
    "cost_of_split",
    "adjusted",
    "rejected",
    "equal_looks",
    "boundaries",
    "crossing",
    "for_fixed_tests",
    "verdict",
    "check",
    "evaluate",
];

#[test]
fn what_cannot_tell_says_so_and_nothing_else_is_absurd() {
    let mut wrong = Vec::new();
    let mut told = (0, 0);
    for sample in samples() {
        for Estimator { name, answer } in ESTIMATORS {
            match answer(&sample) {
                Ok(said) => {
                    told.0 += 1;
                    let faults = said.into_iter().filter_map(Said::fault);
                    wrong.extend(faults.map(|fault| format!("{name}, {}: {fault}", sample.name)));
                }
                Err(error) => {
                    told.1 += 1;
                    let words = error.to_string();
                    if error.cannot_tell().is_none() || !words.starts_with("cannot tell yet: ") {
                        wrong.push(format!("{name}, {}: {words}", sample.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Most of these samples cannot tell.
    assert!(told.1 > told.0 / 2, "{told:?}");
}

#[test]
fn an_empty_sample_leaves_only_what_was_believed_before() {
    let nothing = &samples()[0];
    // Beliefs and policies start from a prior, and have an answer before the first outcome.
    let prior = [
        "credible_interval",
        "probability_best",
        "probability_better",
        "expected_loss",
        "shares",
        "thompson",
        "ucb1",
        "epsilon_greedy",
    ];
    for Estimator { name, answer } in ESTIMATORS {
        assert_eq!(answer(nothing).is_ok(), prior.contains(name), "{name}: {:?}", answer(nothing));
    }
}

#[test]
fn weights_of_zero_have_no_split() {
    let cannot = |e: StatisticsError| assert!(e.cannot_tell().is_some(), "{e}");
    for counts in [[0, 0], [10, 0], [10, 10]] {
        cannot(srm_chi_square(&counts, &[0.0, 0.0]).unwrap_err());
        cannot(srm_exact(&counts, &[0.0, 0.0]).unwrap_err());
    }
    // Requests where none can be are no matter of chance.
    cannot(srm_chi_square(&[10, 10, 3], &[1.0, 1.0, 0.0]).unwrap_err());
    cannot(SequentialSrm::new(&[1.0, 1.0, 0.0], 100.0).unwrap().look(&[10, 10, 3]).unwrap_err());
    cannot(SequentialSrm::new(&[0.0, 0.0], 100.0).unwrap_err());
}

#[test]
fn a_verdict_on_what_cannot_tell_is_none() {
    for sample in samples() {
        let [a, b] = sample.evidence(Unit::Request);
        let estimate: Result<Estimate> = fixed_estimate(&a, &b, Outcome::Right, ALPHA);
        if estimate.is_ok() {
            continue;
        }
        let [of_a, of_b] = sample.proportions();
        for (n, expected) in [(1, State::Pending), (100, State::Inconclusive)] {
            let evidence = Evidence {
                alpha: ALPHA,
                allocation: Allocation::Fixed,
                n,
                planned_n: 100,
                split: Ok(0.5),
                guardrails: vec![Guardrail {
                    name: "errors".into(),
                    unit: String::new(),
                    better: Better::Lower,
                    margin: 0.5,
                    method: Method::AnytimeValid,
                    interval: rate_difference_sequence(&of_a, &of_b, ALPHA),
                }],
                primary: Primary {
                    name: "right answers".into(),
                    unit: String::new(),
                    better: Better::Higher,
                    method: Method::Fixed,
                    estimate,
                },
                secondary: vec![Secondary { name: "latency".into(), p: estimate.map(|e| e.p) }],
            };
            let said = verdict(&evidence).unwrap();
            assert_eq!(said.state, expected, "{}: {}", sample.name, said.because);
            let words = format!("{said:?}");
            assert!(words.contains("cannot tell yet"), "{}: {words}", sample.name);
            assert!(!words.contains("NaN") && !words.contains("inf"), "{}: {words}", sample.name);
        }
    }
}

/// Names of the public functions of the statistics that give a [`Result`], from the sources.
fn fallible() -> BTreeSet<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/analysis");
    let mut names = BTreeSet::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                // Metrics are counted, not estimated; distributions are no part of the interface.
                if !["metrics", "distribution"].contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for signature in text.split("pub fn ").skip(1) {
                let head = signature.split(['{', ';']).next().unwrap();
                if head.contains("-> Result<") {
                    names.insert(head.split(['(', '<']).next().unwrap().to_owned());
                }
            }
        }
    }
    names
}

#[test]
fn no_statistic_is_left_out() {
    let known: BTreeSet<&str> =
        ESTIMATORS.iter().map(|e| e.name).chain(WITHOUT_A_SAMPLE.iter().copied()).collect();
    let all = fallible();
    assert!(all.len() > 60, "{all:?}");
    let missing: Vec<_> = all.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not tried on samples that cannot tell: {missing:?}");
}
