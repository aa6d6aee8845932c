//! The Rust pipeline (tokeniser, tract) against the reference runtime's answers for the shipped models.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(feature = "onnx")]

use rollout_lab::inference::{Model, ModelError, Tokens};
use serde_json::Value;

/// Largest difference that is let through, in logits and probabilities.
const TOLERANCE: f64 = 1e-4;

fn model_bytes(letter: &str) -> Vec<u8> {
    std::fs::read(format!("{}/public/models/{letter}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn known_answers() -> Value {
    serde_json::from_str(include_str!("golden/known_answers.json")).unwrap()
}

#[test]
fn tokens_and_hashes_are_the_recipe_s() {
    for case in known_answers()["cases"].as_array().unwrap() {
        let tokens = Tokens::of(case["text"].as_str().unwrap());
        assert_eq!(serde_json::json!(tokens.texts()), case["tokens"], "{}", case["text"]);
        assert_eq!(serde_json::json!(tokens.hashes()), case["hashes"], "{}", case["text"]);
    }
}

#[test]
fn every_model_answers_as_the_reference_runtime_does() {
    let known = known_answers();
    for letter in ["a", "b", "c"] {
        let prepared = Model::read(&model_bytes(letter)).unwrap().prepare().unwrap();
        let mut worst = 0.0_f64;
        for case in known["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let expected = &case["models"][letter];
            let tokens = Tokens::of(text);
            let Some(scores) = prepared.scores(&tokens).unwrap() else {
                assert!(expected.is_null(), "{text:?} has no token");
                continue;
            };
            for (ours, theirs) in [(scores.logits, "logits"), (scores.probabilities, "probs")] {
                for (i, ours) in ours.into_iter().enumerate() {
                    worst = worst.max((f64::from(ours) - expected[theirs][i].as_f64().unwrap()).abs());
                }
            }
            let stars = prepared.predict(&tokens).unwrap().unwrap().stars.get();
            assert_eq!(serde_json::json!(stars), expected["star"], "{letter} on {text:?}");
        }
        assert!(worst <= TOLERANCE, "stars-{letter} is off by {worst}");
    }
}

#[test]
fn the_cards_tell_the_truth_about_the_files() {
    use sha2::Digest;
    for letter in ["a", "b", "c"] {
        let card: Value = serde_json::from_slice(
            &std::fs::read(format!("{}/public/models/{letter}.json", env!("CARGO_MANIFEST_DIR"))).unwrap(),
        )
        .unwrap();
        let bytes = model_bytes(letter);
        let digest: String = sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!((&card["sha256"], &card["size_bytes"]), (&digest.into(), &bytes.len().into()));
    }
}

#[test]
fn what_is_no_model_is_refused_in_words() {
    assert_eq!(Model::read(&[]).unwrap_err(), ModelError::Empty);
    let good = model_bytes("a");
    let noise: Vec<u8> = (0..4_096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bad in [b"<html>404</html>".as_slice(), &good[..good.len() / 2], &good[..100], &noise] {
        let refusal = Model::read(bad).and_then(Model::prepare).unwrap_err();
        assert!(!refusal.to_string().is_empty(), "{refusal}");
    }
}
