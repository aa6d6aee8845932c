//! The core without tract, compiled to wasm32 and run by Node: it must say there what it says natively.
#![cfg(target_family = "wasm")]

use rollout_lab::inference::Tokens;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn tokens_are_those_the_models_were_trained_on() {
    let answers: serde_json::Value = serde_json::from_str(include_str!("golden/known_answers.json")).unwrap();
    let cases = answers["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let tokens = Tokens::of(case["text"].as_str().unwrap());
        let hashes: Vec<u32> = serde_json::from_value(case["hashes"].clone()).unwrap();
        assert_eq!(tokens.hashes(), hashes, "{}", case["about"]);
    }
}
