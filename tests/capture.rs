//! Managed shadow tests with traffic, and what is captured of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use rollout_lab::{
    analysis::metrics::Metric,
    controller::InferenceExperimentStatus as Status,
    domain::*,
    inference::{Prediction, Tokens},
    lab::{CAPTURE_LIMIT_BYTES, DASHBOARD, Experiment, LabAction, LabId, TrafficSettings},
    simulation::reviews::captured::CaptureReader,
};
use serde_json::Value;

const SECOND_NS: u64 = 1_000_000_000;
const ENDPOINT: &str = "reviews";

/// What a model that reads only the tokens might answer: the same text gets the same answer, wherever it stands.
fn answer(artifact: Artifact, text: &str) -> Option<Prediction> {
    let tokens = Tokens::of(text);
    let hash = tokens
        .texts()
        .iter()
        .flat_map(|t| t.bytes())
        .fold(artifact.index() as u32 + 7, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    if tokens.is_empty() {
        return None;
    }
    let mut probabilities = [0.05_f32; 5];
    probabilities[(hash % 5) as usize] = 0.8;
    Prediction::from_probabilities(probabilities)
}

fn fill(e: &mut Experiment) {
    for i in 0..e.table().reviews() as u32 {
        let text = e.text(ReviewId(i)).unwrap_or_default().to_owned();
        for artifact in Artifact::ALL {
            e.table_mut().answer(artifact, ReviewId(i), answer(artifact, &text));
        }
    }
}

fn act(e: &mut Experiment, action: LabAction) {
    e.act(&action).unwrap_or_else(|r| panic!("{action:?}: {}", r.message));
}

fn call(e: &mut Experiment, command: Command) {
    act(e, LabAction::Call(command));
}

fn wait(e: &mut Experiment, seconds: u64) {
    act(e, LabAction::Step { duration_ns: seconds * SECOND_NS });
}

fn traffic(e: &mut Experiment, per_second: f64) {
    act(e, LabAction::SetTraffic(TrafficSettings { on: true, per_second, ..TrafficSettings::default() }));
}

fn capture(percentage: i64, mode: CaptureMode, json: bool) -> DataCaptureConfig {
    DataCaptureConfig {
        enable_capture: true,
        initial_sampling_percentage: percentage,
        destination_s3_uri: "s3://rollout-lab/captured".into(),
        capture_options: vec![CaptureOption { capture_mode: mode }],
        capture_content_type_header: json.then(|| CaptureContentTypeHeader {
            json_content_types: vec!["application/jsonlines".into()],
            ..CaptureContentTypeHeader::default()
        }),
    }
}

/// Production of model A on four instances, with data capture if any, in service at second 240.
fn served(seed: u64, data_capture_config: Option<DataCaptureConfig>) -> Experiment {
    let mut e = Experiment::new(LabId::Sandbox, seed);
    fill(&mut e);
    for artifact in Artifact::ALL {
        act(&mut e, LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 });
    }
    call(
        &mut e,
        Command::CreateEndpointConfig {
            endpoint_config_name: "live".into(),
            production_variants: vec![ProductionVariantInput {
                variant_name: "Production".into(),
                model_name: "reviews-a".into(),
                instance_type: "ml.m5.xlarge".into(),
                initial_instance_count: 4,
                initial_variant_weight: 1.0,
                routing_config: None,
            }],
            shadow_production_variants: Vec::new(),
            data_capture_config,
        },
    );
    call(
        &mut e,
        Command::CreateEndpoint {
            endpoint_name: ENDPOINT.into(),
            endpoint_config_name: "live".into(),
            deployment_config: None,
        },
    );
    wait(&mut e, 241);
    e
}

fn test(percentage: i64, storage: bool) -> Command {
    Command::CreateInferenceExperiment(
        CreateInferenceExperiment {
            name: "shadow-test".into(),
            r#type: InferenceExperimentType::ShadowMode,
            schedule: None,
            description: None,
            role_arn: "arn:aws:iam::123456789012:role/SageMaker".into(),
            endpoint_name: ENDPOINT.into(),
            model_variants: vec![ModelVariantConfig::new("Shadow", "reviews-b", "ml.m5.xlarge", 4)],
            data_storage_config: storage.then(|| DataStorageConfig {
                destination: "s3://rollout-lab/tests".into(),
                kms_key: None,
                content_type: Some(CaptureContentTypeHeader {
                    json_content_types: vec!["application/jsonlines".into()],
                    ..CaptureContentTypeHeader::default()
                }),
            }),
            shadow_mode_config: ShadowModeConfig {
                source_model_variant_name: "Production".into(),
                shadow_model_variants: vec![ShadowModelVariantConfig {
                    shadow_model_variant_name: "Shadow".into(),
                    sampling_percentage: percentage,
                }],
            },
        }
        .into(),
    )
}

fn stop(action: ModelVariantAction) -> Command {
    Command::StopInferenceExperiment(StopInferenceExperiment {
        name: "shadow-test".into(),
        model_variant_actions: [("Shadow".to_owned(), action)].into(),
        ..StopInferenceExperiment::default()
    })
}

fn status(e: &Experiment) -> Status {
    e.control_plane().inference_experiment("shadow-test").unwrap().status
}

/// All lines of a variant, fetched in pieces as a page would.
fn lines(e: &Experiment, variant: &str) -> Vec<String> {
    let (mut all, mut from) = (String::new(), Some(0));
    while let Some(at) = from {
        let piece = e.captured_lines(ENDPOINT, variant, at, 10_000);
        all += &piece.text;
        from = piece.next;
    }
    all.lines().map(str::to_owned).collect()
}

#[test]
fn no_request_is_lost_through_the_whole_life_at_500_a_second() {
    let mut e = served(1, None);
    traffic(&mut e, 500.0);
    wait(&mut e, 30);
    call(&mut e, test(50, false));
    wait(&mut e, 300);
    assert_eq!(status(&e), Status::Running);
    let update = UpdateInferenceExperiment {
        name: "shadow-test".into(),
        shadow_mode_config: Some(ShadowModeConfig {
            source_model_variant_name: "Production".into(),
            shadow_model_variants: vec![ShadowModelVariantConfig {
                shadow_model_variant_name: "Shadow".into(),
                sampling_percentage: 100,
            }],
        }),
        ..UpdateInferenceExperiment::default()
    };
    call(&mut e, Command::UpdateInferenceExperiment(update.into()));
    wait(&mut e, 120);
    call(&mut e, stop(ModelVariantAction::Promote));
    wait(&mut e, 300);
    assert_eq!(status(&e), Status::Completed);
    call(&mut e, Command::DeleteInferenceExperiment(ByExperimentName { name: "shadow-test".into() }));
    wait(&mut e, 30);
    let (sent, answered) = e.counts();
    assert!((370_000..410_000).contains(&sent), "{sent}");
    assert_eq!(sent, answered, "a request failed");
}

#[test]
fn results_are_frozen_when_a_test_ends_and_go_with_it() {
    let mut e = served(2, None);
    traffic(&mut e, 50.0);
    call(&mut e, test(50, false));
    wait(&mut e, 20 + 240 + 3_600);
    let live = e.test_statistics("shadow-test").unwrap();
    call(&mut e, stop(ModelVariantAction::Remove));
    wait(&mut e, 241);
    let (frozen, pairs) =
        (e.test_statistics("shadow-test").unwrap(), e.test_pairs("shadow-test").unwrap().clone());
    let view = e.snapshot().tests[0].clone();
    assert_eq!(view.status, Status::Completed);
    let pair = view.pair.clone().unwrap();
    assert_eq!(pair.copies.sent, view.shadow.tally.invocations);
    assert_eq!(pair.copies, pairs.copies());
    // 64 minutes of 3,000 requests, half of them copied: 5 standard deviations.
    let copied = pair.copies.sent as f64 / view.production.tally.invocations as f64;
    assert!((copied - 0.5).abs() < 5.0 * (0.25 / 190_000.0_f64).sqrt(), "{copied}");
    assert_eq!(frozen.iter().map(|s| s.metric).collect::<Vec<_>>(), DASHBOARD);
    let latency = |all: &[rollout_lab::lab::MetricSummary]| {
        all.iter().find(|s| s.metric == Metric::ModelLatency).unwrap().clone()
    };
    let (before, after) = (latency(&live), latency(&frozen));
    assert!(after.production[0] > before.production[0] && before.shadow[0] > Some(80_000.0));
    // Count, sum and mean agree, and the percentiles stand in order.
    let [n, sum, mean, min, p50, p90, p99, max] = after.shadow.map(Option::unwrap);
    assert!((sum / n - mean).abs() < 1e-6 * mean);
    assert!(min <= p50 && p50 <= p90 && p90 <= p99 && p99 <= max);
    assert!(n <= pair.copies.answered as f64 && n > 0.95 * pair.copies.answered as f64);

    // Time goes on; what was measured does not.
    wait(&mut e, 3_600);
    assert_eq!(e.test_statistics("shadow-test").unwrap(), frozen);
    assert_eq!(*e.test_pairs("shadow-test").unwrap(), pairs);
    assert_eq!(e.snapshot().tests[0], view);
    call(&mut e, Command::DeleteInferenceExperiment(ByExperimentName { name: "shadow-test".into() }));
    assert!(e.test_statistics("shadow-test").is_none() && e.test_pairs("shadow-test").is_none());
}

/// The documented record: `captureData` with `endpointInput` and `endpointOutput`, each with content type, mode, data
/// and encoding; `eventMetadata` with an event's number and time; version "0".
fn check_schema(line: &str) -> BTreeMap<String, String> {
    let value: Value = serde_json::from_str(line).unwrap();
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(keys(&value), set(&["captureData", "eventMetadata", "eventVersion"]));
    assert_eq!(value["eventVersion"], "0");
    let data = &value["captureData"];
    assert!(!keys(data).is_empty() && keys(data).is_subset(&set(&["endpointInput", "endpointOutput"])));
    let mut found = BTreeMap::new();
    for (name, mode) in [("endpointInput", "INPUT"), ("endpointOutput", "OUTPUT")] {
        let Some(entry) = data.get(name) else { continue };
        assert_eq!(keys(entry), set(&["observedContentType", "mode", "data", "encoding"]));
        assert_eq!(entry["mode"], mode);
        assert!(entry["observedContentType"].as_str().unwrap().contains('/'));
        assert!(["CSV", "JSON", "BASE64"].contains(&entry["encoding"].as_str().unwrap()));
        found.insert(name.to_owned(), entry["data"].as_str().unwrap().to_owned());
        found.insert(format!("{name}Encoding"), entry["encoding"].as_str().unwrap().to_owned());
    }
    let metadata = &value["eventMetadata"];
    assert!(keys(metadata).is_subset(&set(&["eventId", "inferenceId", "inferenceTime"])));
    let id = metadata["eventId"].as_str().unwrap();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert!(id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()));
    let inference = metadata["inferenceId"].as_str().unwrap();
    assert!((1..=64).contains(&inference.len()));
    let time = metadata["inferenceTime"].as_str().unwrap().as_bytes();
    let shape = b"0000-00-00T00:00:00Z";
    assert_eq!(time.len(), shape.len());
    assert!(time.iter().zip(shape).all(|(c, s)| if *s == b'0' { c.is_ascii_digit() } else { c == s }));
    found.insert("eventId".into(), id.to_owned());
    found.insert("inferenceId".into(), inference.to_owned());
    found
}

#[test]
fn captured_records_have_the_documented_form() {
    for (mode, json) in [
        (CaptureMode::InputAndOutput, true),
        (CaptureMode::InputAndOutput, false),
        (CaptureMode::Input, true),
        (CaptureMode::Output, false),
    ] {
        let mut e = served(3, Some(capture(100, mode, json)));
        traffic(&mut e, 20.0);
        wait(&mut e, 60);
        let lines = lines(&e, "Production");
        assert_eq!(lines.len() as u64, e.counts().1, "every answered request is captured at 100%");
        let mut ids = BTreeSet::new();
        for line in &lines {
            let found = check_schema(line);
            assert_eq!(found.contains_key("endpointInput"), mode != CaptureMode::Output);
            assert_eq!(found.contains_key("endpointOutput"), mode != CaptureMode::Input);
            let encodings = found.iter().filter(|(k, _)| k.ends_with("Encoding"));
            assert!(encodings.map(|(_, v)| v.as_str()).all(|v| v == if json { "JSON" } else { "BASE64" }));
            assert!(ids.insert(found["eventId"].clone()), "an event's number came twice");
        }
        let view = e.snapshot().capture;
        let kept = &view.variants[0];
        assert_eq!((kept.endpoint.as_str(), kept.variant.as_str()), (ENDPOINT, "Production"));
        assert_eq!(kept.records as usize, lines.len());
        assert_eq!(kept.bytes as usize, lines.iter().map(|l| l.len() + 1).sum::<usize>());
        assert_eq!(kept.folder, "reviews/Production/2026/06/01/00");
        assert_eq!((view.dropped, view.limit_bytes), (0, CAPTURE_LIMIT_BYTES));
    }
}

#[test]
fn the_captured_share_is_binomial() {
    for percentage in [1, 20, 50] {
        for seed in 0..20 {
            let mut e = served(seed, Some(capture(percentage, CaptureMode::Input, true)));
            traffic(&mut e, 400.0);
            wait(&mut e, 60);
            let (n, p) = (e.counts().1 as f64, percentage as f64 / 100.0);
            let kept = e.snapshot().capture.variants.first().map_or(0, |v| v.records) as f64;
            // 60 samples: 4.5 standard deviations are missed by chance once in 2,500 runs of this test.
            assert!((kept - n * p).abs() < 4.5 * (n * p * (1.0 - p)).sqrt(), "{percentage}%: {kept} of {n}");
        }
    }
    let mut off = served(1, Some(capture(0, CaptureMode::Input, true)));
    traffic(&mut off, 400.0);
    wait(&mut off, 60);
    assert!(off.snapshot().capture.variants.is_empty());
}

#[test]
fn what_is_captured_changes_nothing_else_and_not_with_a_shadow() {
    let run = |config: Option<DataCaptureConfig>, shadow: bool| {
        let mut e = served(5, config);
        traffic(&mut e, 100.0);
        if shadow {
            call(&mut e, test(50, false));
        }
        wait(&mut e, 600);
        e
    };
    let plain = run(None, false).tally_by_name(&EndpointName::new(ENDPOINT).unwrap(), "Production");
    let captured = run(Some(capture(30, CaptureMode::Input, true)), false);
    assert_eq!(captured.tally_by_name(&EndpointName::new(ENDPOINT).unwrap(), "Production"), plain);
    let beside = run(Some(capture(30, CaptureMode::Input, true)), true);
    assert_eq!(lines(&captured, "Production"), lines(&beside, "Production"));
    assert!(!lines(&beside, "Shadow").is_empty(), "what the endpoint captures goes on in a test");
}

#[test]
fn a_test_captures_both_variants_and_pairs_are_found_by_their_inference_id() {
    let mut e = served(6, None);
    traffic(&mut e, 20.0);
    wait(&mut e, 60);
    call(&mut e, test(25, true));
    wait(&mut e, 20 + 240 + 600);
    call(&mut e, stop(ModelVariantAction::Remove));
    wait(&mut e, 600);
    let view = e.snapshot().tests[0].clone();
    let (production, shadow) = (lines(&e, "Production"), lines(&e, "Shadow"));
    assert_eq!(
        production.len() as u64,
        view.production.tally.invocations,
        "only what the test's fleet answered"
    );
    assert_eq!(shadow.len() as u64, view.pair.unwrap().copies.answered);
    let by_id: BTreeMap<String, String> = production
        .iter()
        .map(|l| check_schema(l))
        .map(|f| (f["inferenceId"].clone(), f["endpointInput"].clone()))
        .collect();
    for line in &shadow {
        let found = check_schema(line);
        assert_eq!(by_id[&found["inferenceId"]], found["endpointInput"]);
    }
}

/// The text and the stars of a captured line.
fn text_and_stars(line: &str) -> (String, i64) {
    let found = check_schema(line);
    let input: Value = serde_json::from_str(&found["endpointInput"]).unwrap();
    let output: Value = serde_json::from_str(&found["endpointOutput"]).unwrap();
    (input["features"][0].as_str().unwrap().to_owned(), output["predicted_label"].as_i64().unwrap_or(0))
}

#[test]
fn a_replay_gives_the_same_predictions() {
    let mut e = served(7, Some(capture(100, CaptureMode::InputAndOutput, true)));
    traffic(&mut e, 50.0);
    wait(&mut e, 120);
    let first = lines(&e, "Production");
    let file = first.join("\n");
    let mut reader = CaptureReader::new(1);
    file.as_bytes().chunks(1_000).for_each(|c| reader.push(c));
    let read = reader.finish();
    assert_eq!((read.bad_lines, read.texts.len()), (0, first.len()));
    let sent: Vec<String> = first.iter().map(|l| text_and_stars(l).0).collect();
    assert_eq!(read.texts, sent);

    // Another lab, another seed: the captured inputs are all that is sent.
    let mut again = served(8, Some(capture(100, CaptureMode::InputAndOutput, true)));
    again.set_own_reviews(read.texts.into_iter().map(|t| (t, None)).collect());
    fill(&mut again);
    traffic(&mut again, 50.0);
    wait(&mut again, 120);
    let wanted: BTreeMap<String, i64> = first.iter().map(|l| text_and_stars(l)).collect();
    let replayed = lines(&again, "Production");
    assert!(replayed.len() > 5_000);
    for line in &replayed {
        let (text, stars) = text_and_stars(line);
        assert_eq!(wanted.get(&text), Some(&stars), "{text}");
    }
    // What was captured before other reviews were sent keeps its texts.
    again.set_own_reviews(Vec::new());
    fill(&mut again);
    assert_eq!(lines(&again, "Production"), replayed);
}

#[test]
fn a_gigabyte_captured_stays_within_the_limit_and_says_what_went() {
    let mut e = served(9, Some(capture(100, CaptureMode::InputAndOutput, true)));
    traffic(&mut e, 1_000.0);
    let mut bytes_per_line = 0.0;
    loop {
        wait(&mut e, 600);
        let view = e.snapshot().capture;
        let kept = &view.variants[0];
        assert!(kept.bytes <= CAPTURE_LIMIT_BYTES);
        assert_eq!(kept.records + view.dropped, e.counts().1);
        bytes_per_line = f64::max(bytes_per_line, kept.bytes as f64 / kept.records as f64);
        if (kept.records + view.dropped) as f64 * bytes_per_line > 1e9 {
            assert!(kept.bytes > CAPTURE_LIMIT_BYTES * 9 / 10);
            break;
        }
    }
    // The newest are there, the oldest are not.
    let piece = e.captured_lines(ENDPOINT, "Production", 0, 1 << 20);
    let first = check_schema(piece.text.lines().next().unwrap());
    let dropped = e.snapshot().capture.dropped;
    assert_eq!(first["inferenceId"], format!("invocation-{dropped}"));
}

#[test]
fn a_gigabyte_replayed_takes_no_more_memory_than_a_small_file() {
    let line = |i: u64| {
        let text = format!("request {i} {}", "so it goes ".repeat(80));
        let input = serde_json::json!({"observedContentType": "text/plain", "mode": "INPUT", "data": text, "encoding": "JSON"});
        format!("{}\n", serde_json::json!({"captureData": {"endpointInput": input}, "eventVersion": "0"}))
    };
    let chunk: String = (0..1_000).map(line).collect();
    let mut reader = CaptureReader::new(3);
    let mut pushed = 0_u64;
    let mut most = 0;
    while pushed < 1_000_000_000 {
        reader.push(chunk.as_bytes());
        pushed += chunk.len() as u64;
        most = most.max(reader.held_bytes());
    }
    assert!(most < 24 << 20, "{most} bytes are held");
    let read = reader.finish();
    assert_eq!((read.texts.len(), read.bad_lines), (10_000, 0));
    assert_eq!(read.lines, pushed / chunk.len() as u64 * 1_000);
}
