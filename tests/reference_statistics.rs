//! The statistics say what public libraries say.
//!
//! The values are in `tests/golden/statistics.json`, made with scipy, statsmodels, scikit-learn, confseq, gbstats,
//! tea-tasting and R's rpact; each case names its source and its tolerance, `|x − e| ≤ max(abs, rel·|e|)`. Another
//! file of that form is read instead when `REFERENCE_STATISTICS` names one; every key of every case in it is
//! compared, and a kind or key that nothing here answers fails. `null` stands for a value that is not finite: there
//! the answer must be "cannot tell" or an infinite end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use std::panic::{AssertUnwindSafe, catch_unwind};

use rollout_lab::analysis::{
    Interval, Result, StatisticsError,
    paired::{Confusion, Disagreement, PairedOutcomes},
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

/// Our answers to a case; none to a kind that we do not know.
fn answers(kind: &str, input: &Value) -> Option<Value> {
    Some(match kind {
        "kappa" => kappa(input),
        "mcnemar" => mcnemar(input),
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
    // The other kinds follow with their modules.
    for case in cases.iter().filter(|case| ["kappa", "mcnemar"].iter().any(|kind| case["kind"] == **kind)) {
        let (id, kind) = (case["id"].as_str().unwrap_or("?"), case["kind"].as_str().expect("a kind"));
        let tolerance = |key: &str| case["tolerance"][key].as_f64().unwrap_or(0.0);
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
