//! The reader against ONNX Runtime's answers, and the graph of ours against tract's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use tract_core::{internal::*, ops::nn::Reduce};

use super::{operators, reader, *};

const TOLERANCE: f64 = 1e-4;

fn model_bytes(letter: &str) -> Vec<u8> {
    std::fs::read(format!("{}/public/models/{letter}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read(bytes: &[u8]) -> TypedModel {
    match reader::read(bytes) {
        Ok(model) => model,
        Err(Refusal::Operators(names)) => panic!("{names:?}"),
        Err(Refusal::Other(reason)) => panic!("{reason}"),
    }
}

/// A tensor as `training/known_operators.py` wrote it, in the type that the model asks for.
fn tensor(value: &serde_json::Value, kind: DatumType) -> Tensor {
    let list =
        |key: &str| value[key].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>();
    let shape: Vec<usize> = list("shape").into_iter().map(|d| d as usize).collect();
    Tensor::from_shape(&shape, &list("numbers")).unwrap().cast_to_dt(kind).unwrap().into_owned()
}

#[test]
fn every_operator_answers_as_onnx_runtime_does() {
    let known: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../tests/golden/operators.json")).unwrap();
    let mut tried = BTreeSet::new();
    for (place, case) in known.iter().enumerate() {
        let name = case["operator"].as_str().unwrap();
        let case_name = format!("case {place}, {name}");
        let hex = case["model"].as_str().unwrap();
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        let model = read(&bytes);
        let kind = model.input_fact(0).unwrap().datum_type;
        let x = tensor(&case["x"], kind);
        for fused in [false, true] {
            let model = if fused { fuse(model.clone()).unwrap() } else { model.clone() };
            let plan =
                model.into_decluttered().and_then(|m| m.into_optimized()).and_then(|m| m.into_runnable());
            let plan = plan.unwrap_or_else(|e| panic!("{case_name}: {e:?}"));
            let found =
                plan.run(tvec!(x.clone().into_tvalue())).unwrap_or_else(|e| panic!("{case_name}: {e:?}"));
            let (found, wanted) = (found[0].cast_to::<f64>().unwrap(), tensor(&case["y"], f64::datum_type()));
            assert_eq!(found.shape(), wanted.shape(), "{case_name}");
            let (found, wanted) = (found.try_as_plain_ram().unwrap(), wanted.try_as_plain_ram().unwrap());
            for (ours, theirs) in
                found.as_slice::<f64>().unwrap().iter().zip(wanted.as_slice::<f64>().unwrap())
            {
                assert!(
                    (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0),
                    "{case_name}: {ours} for {theirs}"
                );
            }
        }
        tried.insert(name);
    }
    let untried: Vec<_> = operators::TABLE.iter().filter(|(name, _)| !tried.contains(name)).collect();
    assert!(untried.is_empty(), "no case for {untried:?}");
}

#[test]
fn an_operator_outside_the_table_is_named() {
    // The file's own Relu, by its field of the format, becomes one that the lab does not run.
    let mut bytes = model_bytes("b");
    let at = bytes.windows(6).position(|w| w == b"\x22\x04Relu").unwrap();
    bytes[at + 2] = b'S';
    let refusal = Model::read(&bytes).unwrap_err();
    assert_eq!(refusal, ModelError::Unsupported { operators: vec!["Selu".into()] });
    let words = refusal.to_string();
    assert!(words.contains("uses Selu") && words.contains("Relu") && words.contains("MatMul"), "{words}");
}

#[test]
fn the_fused_graph_gives_the_same_numbers() {
    for letter in ["a", "b", "c"] {
        let model = read(&model_bytes(letter));
        let plain = Prepared::of(model.clone()).unwrap();
        let fused = Model(model).prepare().unwrap();
        for length in [1usize, 2, 3, 5, 8, 40, 127, 128] {
            let hashes: Vec<u32> = (1..=length as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
            let (one, other) =
                (plain.scores_of_hashes(&hashes).unwrap(), fused.scores_of_hashes(&hashes).unwrap());
            for (a, b) in one.unwrap().logits.iter().zip(other.unwrap().logits) {
                assert!((a - b).abs() <= 1e-5, "stars-{letter} at {length} tokens: {a} and {b}");
            }
        }
    }
}

#[test]
fn the_shipped_models_are_fused() {
    let count = |model: &TypedModel, name: &str| model.nodes().iter().filter(|n| n.op.name() == name).count();
    // Four widths of filters; in both layers of C query-key-value, output and the two inner products.
    for (letter, answers, dense) in [("a", 0, 0), ("b", 4, 0), ("c", 4, 8)] {
        let model = fuse(read(&model_bytes(letter))).unwrap().into_decluttered().unwrap();
        assert_eq!(count(&model, "LargestAnswer"), answers, "stars-{letter}");
        assert_eq!(count(&model, "Dense"), dense, "stars-{letter}");
    }
}

#[test]
fn a_product_that_is_no_convolution_is_left_alone() {
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact([1, 6, 4])).unwrap();
    let matrix = model.add_const("w", Tensor::zero::<f32>(&[4, 10]).unwrap()).unwrap();
    let axes = "Amk,kn->Amn".parse().unwrap();
    let einsum = tract_core::ops::einsum::EinSum { axes, operating_dt: f32::datum_type(), q_params: None };
    let product = model.wire_node("product", einsum, &[x, matrix]).unwrap();
    let largest = Reduce::new(tvec!(1), tract_core::ops::nn::Reducer::Max);
    let out = model.wire_node("largest", largest, &product).unwrap();
    model.select_output_outlets(&out).unwrap();
    let before: Vec<_> = model.nodes().iter().map(|n| n.op.name()).collect();
    let after = fuse(model).unwrap();
    assert_eq!(before, after.nodes().iter().map(|n| n.op.name()).collect::<Vec<_>>());
}
