//! Inference, natively: what each shipped model takes for a review of real length, on one thread.
//!
//! ```text
//! cargo bench --bench inference
//! ```
//! The hashes of tokens are those of `tests/browser/ort.bench.mjs`, which measures the same in Chromium.
#![allow(clippy::unwrap_used)] // a failing benchmark may stop

use std::{hint::black_box, time::Instant};

use rollout_lab::inference::Model;

/// Token counts of 48 reviews, at even quantiles of the rows that the models were validated on (clothing and food).
const LENGTHS: &str = include_str!("lengths.json");
const ROUNDS: usize = 12;

fn say(model: &str, name: &str, value: f64) {
    println!(
        r#"BENCH {{"group":"inference, native, {model}, 48 reviews of real length","name":"{name}","value":{value},"unit":"µs","better":"lower"}}"#
    );
}

fn main() {
    let mut state = 2026_u32;
    let mut hash = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state
    };
    let lengths: Vec<usize> = serde_json::from_str(LENGTHS).unwrap();
    let texts: Vec<Vec<u32>> =
        lengths.into_iter().map(|length| (0..length).map(|_| hash()).collect()).collect();
    for (name, file) in [("stars-a", "a.onnx"), ("stars-b", "b.onnx"), ("stars-c", "c.onnx")] {
        let bytes = std::fs::read(format!("{}/public/models/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let model = Model::read(&bytes).and_then(Model::prepare).unwrap();
        let mut took = Vec::new();
        for round in 0..ROUNDS + 2 {
            for hashes in &texts {
                let began = Instant::now();
                black_box(model.scores_of_hashes(black_box(hashes)).unwrap());
                // The first rounds fill caches.
                if round >= 2 {
                    took.push(began.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
        took.sort_by(f64::total_cmp);
        say(name, "mean per review", took.iter().sum::<f64>() / took.len() as f64);
        say(name, "median per review", took[took.len() / 2]);
        say(name, "99th percentile", took[took.len() * 99 / 100]);
    }
}
