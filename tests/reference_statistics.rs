//! The statistics say what public libraries say.
//!
//! The values are in `tests/golden/statistics.json`, made with scipy, statsmodels, scikit-learn, confseq, gbstats,
//! tea-tasting and R's rpact; each case names its source and its tolerance, `|x − e| ≤ max(abs, rel·|e|)`. Another
//! file of that form is read instead when `REFERENCE_STATISTICS` names one; every key of every case in it is
//! compared, and a kind or key that nothing here answers fails. `null` stands for a value that is not finite: there
//! the answer must be "cannot tell" or an infinite end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use std::panic::{AssertUnwindSafe, catch_unwind};

use rollout_lab::{
    analysis::{
        Interval, PairSummary, Result, StatisticsError, Summary,
        bayes::{BetaPosterior, expected_loss, probability_best, probability_better},
        drift::Drift,
        means::{self, cohens_d, welch_t},
        multiple::{Correction, adjusted, rejected},
        paired::{Confusion, Disagreement, PairedOutcomes},
        power::{MeanPlan, NullError, RatePlan},
        proportions::{
            self, Proportion, agresti_caffo_interval, fisher_exact, lift, lift_interval, newcombe_interval,
            two_proportion_z, wald_interval,
        },
        ranks,
        sequential::{
            BernsteinSequence, ConfidenceSequence, Msprt, Sprt, SprtDecision,
            group::{Design, boundaries, equal_looks},
        },
        srm::{srm_chi_square, srm_exact},
    },
    simulation::{Purpose, Stream},
};
use serde_json::{Value, json};

fn reference() -> Value {
    let text = match std::env::var("REFERENCE_STATISTICS") {
        Ok(path) => std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")),
        Err(_) => include_str!("golden/statistics.json").to_owned(),
    };
    serde_json::from_str(&text).expect("the reference is JSON")
}

fn number(input: &Value, key: &str) -> f64 {
    input[key].as_f64().unwrap_or_else(|| panic!("the input has no number `{key}`"))
}

fn count(input: &Value, key: &str) -> u64 {
    let value = number(input, key);
    assert!(value >= 0.0 && value.fract() == 0.0, "`{key}` is {value}, no count");
    value as u64
}

fn list(input: &Value, key: &str) -> Vec<Value> {
    input[key].as_array().unwrap_or_else(|| panic!("the input has no list `{key}`")).clone()
}

fn numbers(input: &Value, key: &str) -> Vec<f64> {
    list(input, key).iter().map(|v| v.as_f64().unwrap_or_else(|| panic!("`{key}` holds {v}"))).collect()
}

fn counts(input: &Value, key: &str) -> Vec<u64> {
    numbers(input, key).into_iter().map(|v| v as u64).collect()
}

/// A statistic as JSON; `null` where the data cannot tell, and a failure where our argument was refused.
fn told<T>(result: Result<T>, into: impl Fn(T) -> Value) -> Value {
    match result {
        Ok(value) => into(value),
        Err(StatisticsError::CannotTell(_)) => Value::Null,
        Err(error) => panic!("refused: {error}"),
    }
}

/// Not finite becomes `null`.
fn scalar(result: Result<f64>) -> Value {
    told(result, |v| json!(v))
}

fn ends(interval: Interval) -> Value {
    json!([interval.low, interval.high])
}

fn interval(result: Result<Interval>) -> Value {
    told(result, ends)
}

fn kappa(input: &Value) -> Value {
    let mut confusion = Confusion::new(count(input, "classes") as usize).unwrap();
    for (a, b) in counts(input, "a").into_iter().zip(counts(input, "b")) {
        confusion.record(a as usize, b as usize).unwrap();
    }
    let k = confusion.classes();
    let rows: Vec<Vec<u64>> = (0..k).map(|a| (0..k).map(|b| confusion.count(a, b)).collect()).collect();
    let plain = confusion.kappa(Disagreement::Any);
    json!({
        "agreement": scalar(confusion.agreement()),
        "confusion": rows,
        "kappa": scalar(plain.map(|k| k.kappa)),
        "kappa_se": scalar(plain.map(|k| k.standard_error)),
        "kappa_se_null": scalar(plain.map(|k| k.standard_error_of_none)),
        "kappa_ci_95": interval(plain.and_then(|k| k.interval(0.05))),
        "kappa_linear": scalar(confusion.kappa(Disagreement::Linear).map(|k| k.kappa)),
        "kappa_quadratic": scalar(confusion.kappa(Disagreement::Quadratic).map(|k| k.kappa)),
    })
}

fn mcnemar(input: &Value) -> Value {
    let pairs = PairedOutcomes {
        both_right: count(input, "both_right"),
        a_right_b_wrong: count(input, "a_right_b_wrong"),
        a_wrong_b_right: count(input, "a_wrong_b_right"),
        both_wrong: count(input, "both_wrong"),
    };
    let test = pairs.mcnemar();
    json!({
        "chi2": scalar(test.map(|t| t.chi2)),
        "p": scalar(test.map(|t| t.p)),
        "chi2_cc": scalar(test.map(|t| t.chi2_corrected)),
        "p_cc": scalar(test.map(|t| t.p_corrected)),
        "p_exact": scalar(test.map(|t| t.p_exact)),
        "p_mid": scalar(test.map(|t| t.p_mid)),
        "accuracy_diff_b_minus_a": scalar(pairs.difference()),
        "wald_ci_95": interval(pairs.interval(0.05)),
    })
}

fn proportion(input: &Value, arm: &str) -> Proportion {
    let (successes, n) = (format!("{arm}_successes"), format!("{arm}_n"));
    Proportion::new(count(input, &successes), count(input, &n)).unwrap()
}

fn two_proportion(input: &Value) -> Value {
    let (a, b) = (proportion(input, "a"), proportion(input, "b"));
    let alpha = number(input, "alpha");
    let test = two_proportion_z(&a, &b);
    json!({
        "p_a": scalar(a.share()),
        "p_b": scalar(b.share()),
        "diff": scalar(a.share().and_then(|a| Ok(b.share()? - a))),
        "z": scalar(test.map(|t| t.z)),
        "p_two_sided": scalar(test.map(|t| t.p)),
        "p_b_greater": scalar(test.map(|t| t.p_greater)),
        "wald_ci": interval(wald_interval(&a, &b, alpha)),
        "newcombe_ci": interval(newcombe_interval(&a, &b, alpha)),
        "agresti_caffo_ci": interval(agresti_caffo_interval(&a, &b, alpha)),
        "wilson_a": interval(a.wilson(alpha)),
        "wilson_b": interval(b.wilson(alpha)),
        "clopper_pearson_a": interval(a.clopper_pearson(alpha)),
        "clopper_pearson_b": interval(b.clopper_pearson(alpha)),
        "fisher_exact_p": scalar(fisher_exact(&a, &b)),
        "lift": scalar(lift(&a, &b)),
        "lift_log_ci": interval(lift_interval(&a, &b, alpha)),
    })
}

fn non_inferiority(input: &Value) -> Value {
    let (a, b) = (proportion(input, "a"), proportion(input, "b"));
    let margin = number(input, "margin");
    let test = proportions::non_inferiority(&a, &b, margin);
    // The reference is statsmodels', whose cubic is not that of its source: see the function's docstring.
    let score = proportions::non_inferiority_of_statsmodels(&a, &b, margin);
    json!({
        "z_wald": scalar(test.map(|t| t.wald.z)),
        "p_wald": scalar(test.map(|t| t.wald.p_greater)),
        "z_farrington_manning": scalar(score.map(|t| t.z)),
        "p_farrington_manning": scalar(score.map(|t| t.p_greater)),
    })
}

fn srm(input: &Value) -> Value {
    let (observed, weights) = (counts(input, "observed"), numbers(input, "weights"));
    let mut got = told(
        srm_chi_square(&observed, &weights),
        |srm| json!({ "expected": srm.expected, "chi2": srm.chi2, "df": srm.df, "p": srm.p }),
    );
    if observed.len() == 2 {
        got["exact_binomial_p"] = scalar(srm_exact(&observed, &weights));
    }
    got
}

fn sample_size_proportions(input: &Value) -> Value {
    let (power, n) = (number(input, "power"), number(input, "n_a_for_power"));
    let plan = RatePlan {
        p_a: number(input, "p_a"),
        p_b: number(input, "p_b"),
        alpha: number(input, "alpha"),
        ratio: number(input, "ratio_b_over_a"),
    };
    json!({
        "n_a_pooled": scalar(plan.n_a(power, NullError::Pooled)),
        "n_a_unpooled": scalar(plan.n_a(power, NullError::Unpooled)),
        "cohens_h": scalar(plan.cohens_h()),
        "n_a_arcsine": scalar(plan.n_a_by_h(power)),
        "power_pooled_at_n": scalar(plan.power(n, NullError::Pooled)),
        "power_unpooled_at_n": scalar(plan.power(n, NullError::Unpooled)),
        "mde_increase_unpooled_at_n": scalar(plan.least_increase(n, power)),
    })
}

fn sample_size_means(input: &Value) -> Value {
    let (power, n) = (number(input, "power"), number(input, "n_a_for_power"));
    let effect = number(input, "difference") / number(input, "sd");
    let plan = MeanPlan { effect, alpha: number(input, "alpha"), ratio: number(input, "ratio_b_over_a") };
    json!({
        "effect_size": effect,
        "n_a_t": scalar(plan.n_a_by_t(power)),
        "n_a_z": scalar(plan.n_a_by_z(power)),
        "power_t_at_n": scalar(plan.power_by_t(n)),
        "power_z_at_n": scalar(plan.power_by_z(n)),
    })
}

fn welch(input: &Value) -> Value {
    let (a, b) = (Summary::of(&numbers(input, "a")), Summary::of(&numbers(input, "b")));
    let test = welch_t(&a, &b);
    json!({
        "mean_a": scalar(a.mean()),
        "mean_b": scalar(b.mean()),
        "var_a": scalar(a.variance()),
        "var_b": scalar(b.variance()),
        "diff": scalar(test.map(|t| t.difference)),
        "t": scalar(test.map(|t| t.t)),
        "df": scalar(test.map(|t| t.df)),
        "p_two_sided": scalar(test.map(|t| t.p)),
        "ci": interval(test.and_then(|t| t.interval(number(input, "alpha")))),
        "cohens_d_pooled": scalar(cohens_d(&a, &b)),
    })
}

fn welch_summary(input: &Value) -> Value {
    let arm = |arm: &str| {
        let sd = number(input, &format!("sd_{arm}"));
        Summary::from_moments(
            count(input, &format!("n_{arm}")),
            number(input, &format!("mean_{arm}")),
            sd * sd,
        )
    };
    let test = arm("a").and_then(|a| welch_t(&a, &arm("b")?));
    json!({
        "t": scalar(test.map(|t| t.t)),
        "df": scalar(test.map(|t| t.df)),
        "p_two_sided": scalar(test.map(|t| t.p)),
    })
}

fn mann_whitney(input: &Value) -> Value {
    let (a, b) = (numbers(input, "a"), numbers(input, "b"));
    let test = ranks::mann_whitney(&a, &b);
    json!({
        "u_a": scalar(test.map(|t| t.u_a)),
        "u_b": scalar(test.map(|t| t.u_b)),
        "p_asymptotic": scalar(test.map(|t| t.p)),
        "p_asymptotic_cc": scalar(test.map(|t| t.p_corrected)),
        "prob_b_greater": scalar(test.map(|t| t.share_b_greater)),
        "p_exact": scalar(ranks::mann_whitney_exact(&a, &b)),
    })
}

fn ks(input: &Value) -> Value {
    let (a, b) = (numbers(input, "a"), numbers(input, "b"));
    let test = ranks::kolmogorov_smirnov(&a, &b);
    json!({
        "d": scalar(test.map(|t| t.d)),
        "p_asymptotic": scalar(test.map(|t| t.p)),
        "p_exact": scalar(ranks::kolmogorov_smirnov_exact(&a, &b)),
    })
}

/// The bootstrap is compared in its own way: the ends by the tolerance that the case states for a number of resamples.
fn bootstrap(input: &Value, expected: &Value, report: &mut Report, id: &str) {
    let (a, b) = (numbers(input, "a"), numbers(input, "b"));
    let name = input["statistic"].as_str().expect("a statistic");
    let quantile = name.strip_prefix("diff_p").map(|p| {
        p.parse::<f64>().unwrap_or_else(|_| panic!("nothing here computes the statistic `{name}`")) / 100.0
    });
    let quantile = if name == "diff_median" { Some(0.5) } else { quantile };
    assert!(quantile.is_some() || name == "diff_mean", "nothing here computes the statistic `{name}`");
    let statistic = |x: &mut [f64]| match quantile {
        Some(p) => ranks::interpolated_quantile(x, p).unwrap(),
        None => x.iter().sum::<f64>() / x.len() as f64,
    };
    for (key, value) in expected.as_object().expect("expected values") {
        match key.as_str() {
            "estimate" => {
                let got = statistic(&mut b.clone()) - statistic(&mut a.clone());
                report.compare(&format!("{id}.estimate"), value, &json!(got), 1e-9, 1e-12);
            }
            "ci" => {}
            "ci_tolerance_abs_by_resamples" => {
                for (resamples, tolerance) in value.as_object().expect("tolerances") {
                    let mut stream = Stream::new(7, Purpose::ByHand);
                    let mut draw = |n: u64| stream.below(n);
                    let (n, alpha) = (resamples.parse().unwrap(), number(input, "alpha"));
                    let got = ranks::bootstrap(&a, &b, statistic, n, alpha, &mut draw).unwrap();
                    for (end, got) in [got.low, got.high].into_iter().enumerate() {
                        let path = format!("{id}.ci[{end}] of {resamples} resamples");
                        let tolerance = tolerance[end].as_f64().unwrap();
                        report.compare(&path, &expected["ci"][end], &json!(got), 0.0, tolerance);
                    }
                }
            }
            _ => report.wrong.push(format!("{id}: nothing here answers `{key}`")),
        }
    }
}

fn quantile_ci(input: &Value) -> Value {
    let (x, p) = (numbers(input, "x"), number(input, "p"));
    json!({
        "nearest_rank": scalar(ranks::nearest_rank(&x, p)),
        "linear_type7": scalar(ranks::interpolated_quantile(&x, p)),
        "order_statistic_ci": told(
            ranks::quantile_interval(&x, p, number(input, "alpha")),
            |(low, high)| json!([low, high])
        ),
    })
}

fn anytime_asymptotic(input: &Value) -> Value {
    let mut sequence = ConfidenceSequence::new(number(input, "alpha"), number(input, "t_star")).unwrap();
    let looks: Vec<Value> = list(input, "looks")
        .iter()
        .map(|look| {
            let arm = |arm: &str| {
                let value = |key: &str| number(look, &format!("{arm}_{key}"));
                Summary::from_moments(count(look, &format!("{arm}_n")), value("mean"), value("var")).unwrap()
            };
            let look = sequence.look_at_difference(&arm("a"), &arm("b"));
            json!({
                "diff": scalar(look.map(|l| l.difference)),
                "half_width": scalar(look.map(|l| l.half_width)),
                "ci": interval(look.map(|l| l.interval)),
                "p": scalar(look.map(|l| l.p)),
                "running_ci": sequence.running().map(ends),
                "running_p": sequence.running_p(),
            })
        })
        .collect();
    json!({ "rho": sequence.rho(), "looks": looks })
}

fn anytime_one_sample(input: &Value) -> Value {
    let x = numbers(input, "x");
    let mut sequence = ConfidenceSequence::new(number(input, "alpha"), number(input, "t_star")).unwrap();
    let looks: Vec<Value> = counts(input, "at")
        .into_iter()
        .map(|t| {
            let stream = Summary::of(&x[..t as usize]);
            let look = sequence.look_at_mean(&stream);
            json!({
                "t": t,
                "mean": scalar(stream.mean()),
                "sd": scalar(stream.variance().map(f64::sqrt)),
                "ci": interval(look.map(|l| l.interval)),
            })
        })
        .collect();
    json!({ "rho": sequence.rho(), "looks": looks })
}

fn empirical_bernstein(input: &Value) -> Value {
    let at = counts(input, "at");
    let mut sequence = BernsteinSequence::new(number(input, "alpha")).unwrap();
    let mut by_n = vec![json!([0.0, 1.0])];
    for x in numbers(input, "x") {
        sequence.record(x).unwrap();
        by_n.push(interval(sequence.interval()));
    }
    let ci: Vec<&Value> = at.iter().map(|&t| &by_n[t as usize]).collect();
    json!({ "at": at, "ci": ci })
}

fn msprt(input: &Value) -> Value {
    let null = input["theta0"].as_f64().unwrap_or(0.0);
    let mut test = Msprt::new(number(input, "tau2"), null, number(input, "alpha")).unwrap();
    let variance = number(input, "var_a") + number(input, "var_b");
    let looks: Vec<Value> = list(input, "looks")
        .iter()
        .map(|look| {
            let (n, difference) = (look[0].as_u64().expect("n"), look[1].as_f64().expect("a difference"));
            let look = test.look(n, difference, variance);
            json!({
                "n_per_arm": n,
                "diff": difference,
                "lambda": scalar(look.map(|l| l.lambda)),
                "p_always_valid": scalar(look.map(|l| l.p)),
                "ci": interval(look.map(|l| l.interval)),
            })
        })
        .collect();
    json!({ "looks": looks, "rejects": test.rejects() })
}

fn wald_sprt(input: &Value) -> Value {
    let rate = |key: &str| number(input, key);
    let mut test = Sprt::new(rate("p0"), rate("p1"), rate("alpha"), rate("beta")).unwrap();
    let llr: Vec<f64> = numbers(input, "x")
        .into_iter()
        .map(|x| {
            test.record(x != 0.0);
            test.llr()
        })
        .collect();
    let decision = match test.decision() {
        SprtDecision::Continue => "continue",
        SprtDecision::AcceptH0 => "accept_h0",
        SprtDecision::AcceptH1 => "accept_h1",
    };
    json!({
        "upper": test.upper(),
        "lower": test.lower(),
        "llr": llr,
        "decision": decision,
        "decided_at": test.decided_at(),
    })
}

fn group_sequential(input: &Value) -> Value {
    let design = match input["design"].as_str() {
        Some("OF") => Design::OBrienFleming,
        Some("P") => Design::Pocock,
        Some("asOF") => Design::OBrienFlemingSpending,
        Some("asP") => Design::PocockSpending,
        other => panic!("nothing here answers the design {other:?}"),
    };
    let rates = match input["information_rates"].as_array() {
        Some(_) => numbers(input, "information_rates"),
        None => equal_looks(count(input, "looks") as u32).unwrap(),
    };
    let looks = boundaries(design, &rates, number(input, "alpha_two_sided")).unwrap();
    json!({
        "z_critical": looks.iter().map(|b| b.z).collect::<Vec<_>>(),
        "alpha_spent_one_sided": looks.iter().map(|b| b.spent_one_sided).collect::<Vec<_>>(),
        "nominal_p_two_sided": looks.iter().map(|b| b.nominal_p).collect::<Vec<_>>(),
    })
}

fn beta_binomial(input: &Value) -> Value {
    let prior = numbers(input, "prior");
    let arms: Vec<BetaPosterior> = list(input, "arms")
        .iter()
        .map(|arm| {
            let trials = Proportion::new(arm[0].as_u64().unwrap(), arm[1].as_u64().unwrap()).unwrap();
            BetaPosterior::after(prior[0], prior[1], &trials).unwrap()
        })
        .collect();
    let mut got = json!({
        "posterior": arms.iter().map(|p| [p.a(), p.b()]).collect::<Vec<_>>(),
        "posterior_mean": arms.iter().map(BetaPosterior::mean).collect::<Vec<_>>(),
        "credible_95": arms.iter().map(|p| interval(p.credible_interval(0.05))).collect::<Vec<_>>(),
        "prob_best": told(probability_best(&arms), |p| json!(p)),
    });
    if let [a, b] = &arms[..] {
        let margin = input["margin"].as_f64().unwrap_or(0.0);
        let loss = expected_loss(a, b);
        got["prob_b_beats_a"] = scalar(probability_better(a, b, 0.0));
        got["prob_b_beats_a_by_margin"] = scalar(probability_better(a, b, margin));
        got["expected_loss_choose_a"] = json!(loss.choosing_a);
        got["expected_loss_choose_b"] = json!(loss.choosing_b);
    }
    got
}

fn multiple_testing(input: &Value) -> Value {
    let (p, alpha) = (numbers(input, "p"), number(input, "alpha"));
    let by = |correction| {
        json!({
            "adjusted": told(adjusted(&p, correction), |p| json!(p)),
            "reject": told(rejected(&p, correction, alpha), |r| json!(r)),
        })
    };
    json!({
        "bonferroni": by(Correction::Bonferroni),
        "holm": by(Correction::Holm),
        "hochberg": by(Correction::Hochberg),
        "benjamini_hochberg": by(Correction::BenjaminiHochberg),
        "benjamini_yekutieli": by(Correction::BenjaminiYekutieli),
    })
}

fn pairs(x: Vec<f64>, y: Vec<f64>) -> PairSummary {
    assert_eq!(x.len(), y.len(), "pairs need partners");
    PairSummary::of(&x.into_iter().zip(y).collect::<Vec<_>>())
}

fn cuped(input: &Value) -> Value {
    let arm = |x: &str, y: &str| pairs(numbers(input, x), numbers(input, y));
    let adjusted = means::cuped(&arm("a_x", "a_y"), &arm("b_x", "b_y"));
    json!({
        "theta": scalar(adjusted.map(|c| c.theta)),
        "adjusted_mean_a": scalar(adjusted.and_then(|c| c.a.mean())),
        "adjusted_mean_b": scalar(adjusted.and_then(|c| c.b.mean())),
        "adjusted_var_a": scalar(adjusted.and_then(|c| c.a.variance())),
        "adjusted_var_b": scalar(adjusted.and_then(|c| c.b.variance())),
        "diff": scalar(adjusted.map(|c| c.test.difference)),
        "welch_t": scalar(adjusted.map(|c| c.test.t)),
        "p_two_sided": scalar(adjusted.map(|c| c.test.p)),
        "correlation_pooled": scalar(adjusted.map(|c| c.correlation)),
        "variance_reduction_pooled": scalar(adjusted.map(|c| c.variance_reduction)),
    })
}

fn ratio_delta(input: &Value) -> Value {
    let arm = |x: &str, y: &str| pairs(numbers(input, x), numbers(input, y));
    let (a, b) = (arm("a_num", "a_den"), arm("b_num", "b_den"));
    let test = means::ratio_z(&a, &b);
    json!({
        "ratio_a": scalar(means::ratio(&a).map(|r| r.ratio)),
        "ratio_b": scalar(means::ratio(&b).map(|r| r.ratio)),
        "var_ratio_a": scalar(means::ratio(&a).map(|r| r.squared_error)),
        "var_ratio_b": scalar(means::ratio(&b).map(|r| r.squared_error)),
        "diff": scalar(test.map(|t| t.difference)),
        "z": scalar(test.map(|t| t.z)),
        "p_two_sided": scalar(test.map(|t| t.p)),
        "ci_95": interval(test.and_then(|t| t.interval(0.05))),
    })
}

fn drift(input: &Value) -> Value {
    let drift = Drift::new(&counts(input, "reference_counts"), &counts(input, "current_counts")).unwrap();
    let test = drift.homogeneity();
    json!({
        "psi": scalar(drift.psi()),
        "kl_current_vs_reference_nats": scalar(drift.kullback_leibler()),
        "js_divergence_nats": drift.jensen_shannon(),
        "js_distance": drift.jensen_shannon().sqrt(),
        "total_variation": drift.total_variation(),
        "hellinger": drift.hellinger(),
        "wasserstein_on_bin_index": drift.wasserstein(),
        "chi2": scalar(test.map(|t| t.chi2)),
        "chi2_df": scalar(test.map(|t| f64::from(t.df))),
        "chi2_p": scalar(test.map(|t| t.p)),
    })
}

/// Our answers to a case; none to a kind that we do not know.
fn answers(kind: &str, input: &Value) -> Option<Value> {
    Some(match kind {
        "two_proportion" => two_proportion(input),
        "non_inferiority" => non_inferiority(input),
        "srm_chi_square" => srm(input),
        "sample_size_proportions" => sample_size_proportions(input),
        "sample_size_means" => sample_size_means(input),
        "welch_t" => welch(input),
        "welch_t_summary" => welch_summary(input),
        "mann_whitney" => mann_whitney(input),
        "ks_two_sample" => ks(input),
        "quantile_ci" => quantile_ci(input),
        "anytime_asymptotic" => anytime_asymptotic(input),
        "anytime_one_sample" => anytime_one_sample(input),
        "empirical_bernstein_cs" => empirical_bernstein(input),
        "msprt" => msprt(input),
        "wald_sprt" => wald_sprt(input),
        "group_sequential" => group_sequential(input),
        "beta_binomial" => beta_binomial(input),
        "kappa" => kappa(input),
        "mcnemar" => mcnemar(input),
        "multiple_testing" => multiple_testing(input),
        "cuped" => cuped(input),
        "ratio_delta" => ratio_delta(input),
        "drift" => drift(input),
        _ => return None,
    })
}

/// The values compared, and what was wrong with them.
#[derive(Default)]
struct Report {
    compared: usize,
    wrong: Vec<String>,
}

impl Report {
    fn compare(&mut self, path: &str, expected: &Value, got: &Value, rel: f64, abs: f64) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    match got.get(key) {
                        Some(got) => self.compare(&format!("{path}.{key}"), value, got, rel, abs),
                        None => self.wrong.push(format!("{path}: nothing here answers `{key}`")),
                    }
                }
            }
            (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
                for (i, (expected, got)) in expected.iter().zip(got).enumerate() {
                    self.compare(&format!("{path}[{i}]"), expected, got, rel, abs);
                }
            }
            (Value::Number(e), Value::Number(x)) => {
                self.compared += 1;
                let (e, x) = (e.as_f64().unwrap(), x.as_f64().unwrap());
                if (x - e).abs() > f64::max(abs, rel * e.abs()) {
                    self.wrong.push(format!("{path}: {x:e} instead of {e:e}, relative {:.1e}", (x - e) / e));
                }
            }
            _ => {
                self.compared += 1;
                if expected != got {
                    self.wrong.push(format!("{path}: {got} instead of {expected}"));
                }
            }
        }
    }
}

#[test]
fn every_case_of_the_reference_holds() {
    let reference = reference();
    let cases = reference["cases"].as_array().expect("the reference has `cases`");
    assert!(!cases.is_empty(), "the reference has no case");
    let mut report = Report::default();
    for case in cases {
        let (id, kind) = (case["id"].as_str().unwrap_or("?"), case["kind"].as_str().expect("a kind"));
        let tolerance = |key: &str| case["tolerance"][key].as_f64().unwrap_or(0.0);
        if kind == "bootstrap_percentile" {
            let resampled =
                AssertUnwindSafe(|| bootstrap(&case["input"], &case["expected"], &mut report, id));
            if catch_unwind(resampled).is_err() {
                report.wrong.push(format!("{id}: stopped (see above)"));
            }
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| answers(kind, &case["input"]))) {
            Ok(Some(got)) => {
                report.compare(id, &case["expected"], &got, tolerance("rel"), tolerance("abs"));
            }
            Ok(None) => report.wrong.push(format!("{id}: nothing here answers the kind `{kind}`")),
            Err(_) => report.wrong.push(format!("{id}: stopped (see above)")),
        }
    }
    println!("{} values of {} cases compared, {} wrong", report.compared, cases.len(), report.wrong.len());
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
}
