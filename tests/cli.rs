//! The native program: scenarios and files in, JSON out, and clear words for what is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(feature = "native")]

use std::{io::Write, path::PathBuf};

use rollout_lab::cli::{Scenario, Summary, predict, simulate};
use serde_json::Value;

fn scenario(change: impl Fn(&mut Value)) -> Result<Scenario, String> {
    let mut json: Value = serde_json::from_str(include_str!("golden/scenario.json")).unwrap();
    change(&mut json);
    Scenario::parse("scenario.json", &json.to_string()).map_err(|e| e.to_string())
}

fn refusal(change: impl Fn(&mut Value)) -> String {
    match scenario(change) {
        Err(said) => said,
        Ok(s) => simulate(&s, None).unwrap_err().to_string(),
    }
}

/// A file of its own in the folder for temporary files, removed with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("rollout-lab-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_example_runs_and_the_same_seed_gives_the_same_json() {
    let s = scenario(|_| {}).unwrap();
    let (first, again, other) =
        (simulate(&s, None).unwrap(), simulate(&s, None).unwrap(), simulate(&s, Some(2)).unwrap());
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(first["Failed"], 0);
    let sent = first["Sent"].as_u64().unwrap();
    // 100 a second for 900 s: within five standard deviations.
    assert!(sent.abs_diff(90_000) < 1_500, "{sent}");
    let counts: Vec<u64> =
        first["Variants"].as_array().unwrap().iter().map(|v| v["Invocations"].as_u64().unwrap()).collect();
    assert_eq!(counts.iter().sum::<u64>(), sent);
    // The weights move at 600 s and are current 45 s later: A has half of 645 s.
    assert!(counts[0].abs_diff(32_250) < 1_000, "{counts:?}");
    // Today's model was trained on one domain, the candidate on two.
    let accuracy = |i: usize| first["Variants"][i]["Accuracy"].as_f64().unwrap();
    assert!(accuracy(1) > accuracy(0), "{} {}", accuracy(0), accuracy(1));
}

#[test]
fn nothing_fails_through_create_shift_update_and_removal_at_500_a_second() {
    let s = scenario(|json| {
        json["Traffic"]["PerSecond"] = 500.into();
        json["DurationInSeconds"] = 1_500.into();
        let b_only = serde_json::json!({
            "Operation": "CreateEndpointConfig",
            "EndpointConfigName": "reviews-b",
            "ProductionVariants": [{"VariantName": "VariantB", "ModelName": "model-b", "InstanceType": "ml.m5.xlarge"}],
        });
        let update = serde_json::json!({
            "Operation": "UpdateEndpoint", "EndpointName": "reviews", "EndpointConfigName": "reviews-b",
        });
        let calls = json["Calls"].as_array_mut().unwrap();
        calls[0]["AtSecond"] = 300.into();
        calls[0]["Call"]["DesiredWeightsAndCapacities"][0]["DesiredWeight"] = 10.into();
        calls.push(serde_json::json!({"AtSecond": 600, "Call": b_only}));
        calls.push(serde_json::json!({"AtSecond": 601, "Call": update}));
    })
    .unwrap();
    let report = simulate(&s, None).unwrap();
    assert!(report["Sent"].as_u64().unwrap() > 700_000);
    assert_eq!(report["Failed"], 0);
    assert_eq!(report["Endpoint"]["EndpointConfigName"], "reviews-b");
}

#[test]
fn a_skewed_tokenizer_costs_accuracy_and_nothing_else() {
    let fault = serde_json::json!({
        "AtSecond": 0, "LastsSeconds": 900, "VariantName": "VariantB", "Fault": "SkewedTokenizer",
    });
    let sound = simulate(&scenario(|_| {}).unwrap(), None).unwrap();
    let ill = simulate(&scenario(|j| j["Faults"] = vec![fault.clone()].into()).unwrap(), None).unwrap();
    assert_eq!(sound["Variants"][0], ill["Variants"][0]);
    let latency = |r: &Value| r["Variants"][1]["ModelLatencyMicroseconds"].clone();
    assert_eq!(latency(&sound), latency(&ill));
    let accuracy = |r: &Value| r["Variants"][1]["Accuracy"].as_f64().unwrap();
    // Real inference on the words of another hash: worse than always saying five stars, which is right for 52%.
    assert!(
        accuracy(&sound) > 0.5 && accuracy(&ill) < accuracy(&sound) - 0.1,
        "{} {}",
        accuracy(&sound),
        accuracy(&ill)
    );
}

#[test]
fn errors_name_the_path_in_the_scenario() {
    let variant = |json: &mut Value, field: &str, value: Value| {
        json["EndpointConfig"]["ProductionVariants"][1][field] = value;
    };
    let said = refusal(|j| variant(j, "InitialVariantWeight", "much".into()));
    assert!(said.contains("EndpointConfig.ProductionVariants[1].InitialVariantWeight"), "{said}");
    let said = refusal(|j| variant(j, "InitialVariantWeight", (-1).into()));
    assert!(said.contains("'-1' at 'productionVariants.2.member.initialVariantWeight'"), "{said}");
    let said = refusal(|j| variant(j, "VariantName", "VariantA".into()));
    assert!(said.contains("'VariantA' is given 2 times"), "{said}");
    let said = refusal(|j| variant(j, "VariantName", "not a name".into()));
    assert!(said.contains("'not a name'") && said.contains("pattern"), "{said}");
    let said = refusal(|j| {
        let one = j["EndpointConfig"]["ProductionVariants"][0].clone();
        j["EndpointConfig"]["ProductionVariants"] = vec![one; 11].into();
    });
    assert!(said.contains("[11 variants]") && said.contains("less than or equal to 10"), "{said}");
    let said = refusal(|j| {
        for i in 0..2 {
            j["EndpointConfig"]["ProductionVariants"][i]["InitialVariantWeight"] = 0.into();
        }
    });
    assert!(said.contains("weights of all 2 variants are 0"), "{said}");
    let said = refusal(|j| j["Traffic"]["PerSecond"] = (-5).into());
    assert!(said.contains("`Traffic`") && said.contains("-5"), "{said}");
    let said = refusal(|j| j["Models"]["model-a"] = "stars-z".into());
    assert!(said.contains("Models") && said.contains("stars-z"), "{said}");
    let said = refusal(|j| j["Calls"][0]["Call"]["EndpointName"] = "gone".into());
    assert!(said.contains("Calls[0].Call") && said.contains("Could not find endpoint"), "{said}");
    let fault = |variant: &str, fault: Value| serde_json::json!([{"AtSecond": 1, "LastsSeconds": 5, "VariantName": variant, "Fault": fault}]);
    let slow = serde_json::json!({"SlowModel": {"factor": 0.1}});
    let said = refusal(|j| j["Faults"] = fault("VariantA", slow.clone()));
    assert!(said.contains("Faults[0]") && said.contains("1 to 1000, but is 0.1"), "{said}");
    let said = refusal(|j| j["Faults"] = fault("VariantC", "WrongContainer".into()));
    assert!(said.contains("Faults[0]") && said.contains("no variant VariantC"), "{said}");
    let said = refusal(|j| j["Faults"] = fault("VariantA", "Gremlins".into()));
    assert!(said.contains("Faults[0].Fault") && said.contains("Gremlins"), "{said}");
    let said = refusal(|j| j["DurationInSeconds"] = 1e11.into());
    assert!(said.contains("DurationInSeconds"), "{said}");
    let said = refusal(|j| j["Trafic"] = Value::Null);
    assert!(said.contains("Trafic"), "{said}");
}

#[test]
fn a_file_is_predicted_row_by_row_and_summed_up() {
    let tsv = "star_rating\treview_body\n5\tAbsolutely love it, fits perfectly!\n1\tTerrible quality, it broke at once.\n9\tno such stars\n3\t…\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(tsv.as_bytes()).unwrap();
    for file in
        [Scratch::new("plain.tsv", tsv.as_bytes()), Scratch::new("packed.tsv.gz", &packed.finish().unwrap())]
    {
        let mut out = Vec::new();
        let summary = predict("stars-b", &file.0, &mut out).unwrap();
        assert_eq!((summary.rows, summary.accuracy), (2, 1.0));
        let lines: Vec<Value> =
            String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0]["predicted_stars"], 5);
        assert_eq!(lines[2]["predicted_stars"], Value::Null);
        assert_eq!((&lines[3]["bad_rows"], &lines[3]["without_token"]), (&1.into(), &1.into()));
        assert!(lines[3]["errors"][0].as_str().unwrap().starts_with("line 4:"), "{}", lines[3]);
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_words() {
    let said = |name: &str, bytes: &[u8]| {
        let file = Scratch::new(name, bytes);
        predict("stars-a", &file.0, Vec::new()).unwrap_err().to_string()
    };
    assert!(said("empty.tsv", b"").contains("the file is empty"));
    assert!(said("wrong.tsv", b"a\tb\n1\t2\n").contains("no column `review_body`"));
    assert!(said("header.tsv", b"star_rating\treview_body\n").contains("none of the 0 rows"));
    assert!(said("binary.tsv", &[0xff; 300]).contains("not UTF-8"));
    assert!(said("cut.tsv.gz", &[0x1f, 0x8b, 8, 0, 0, 0]).contains("cannot be read"));
    assert!(predict("stars-z", "x".as_ref(), Vec::new()).unwrap_err().to_string().contains("stars-z"));
    assert!(
        predict("stars-a", "no/such/file".as_ref(), Vec::new())
            .unwrap_err()
            .to_string()
            .contains("no/such/file")
    );
}

#[test]
fn the_summary_is_the_textbook_s() {
    // By hand. Recall: 1/2, 1, 2/3, 3/4 over the four stars that occur. F1: 2/3, 2/3, 4/5, 0, 3/4 over all five.
    let mut confusion = [[0; 5]; 5];
    for (truth, answer) in [(1, 1), (1, 2), (2, 2), (3, 3), (3, 5), (3, 3), (5, 5), (5, 5), (5, 4), (5, 5)] {
        confusion[truth - 1][answer - 1usize] += 1;
    }
    let s = Summary::of(&confusion);
    assert!((s.accuracy - 0.7).abs() < 1e-12);
    assert!((s.balanced_accuracy - 35.0 / 48.0).abs() < 1e-9);
    assert!((s.mae_stars - 0.4).abs() < 1e-12);
    assert!((s.macro_f1 - 173.0 / 300.0).abs() < 1e-9, "{}", s.macro_f1);
}
