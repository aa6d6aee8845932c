//! The blind round: what is hidden stays hidden until the verdict, and the verdict is scored against it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, time::Duration};

use rollout_lab::{
    domain::{Artifact, Command, ProductionVariantInput, ReviewId},
    inference::Prediction,
    lab::{Experiment, Fault, LabAction, LabId, Progress, TrafficSettings},
};

/// A round at 50/50 and 100 requests a second, watched for so many minutes after it is in service. Model A is right
/// about four reviews in five, B about all, and about none when its input is skewed.
fn round(seed: u64, minutes: u64) -> Experiment {
    let mut e = Experiment::new(LabId::BlindRound, seed);
    for i in 0..e.table().reviews() as u32 {
        let truth = e.corpus().get(ReviewId(i)).unwrap().stars.unwrap().index();
        let answer = |star: usize| {
            let mut probabilities = [0.05; 5];
            probabilities[star % 5] = 0.8;
            Prediction::from_probabilities(probabilities)
        };
        let a = if i % 5 == 0 { truth + 1 } else { truth };
        e.table_mut().answer(Artifact::A, ReviewId(i), answer(a));
        e.table_mut().answer(Artifact::B, ReviewId(i), answer(truth));
        e.table_mut().answer_skewed(Artifact::A, ReviewId(i), answer(a));
        e.table_mut().answer_skewed(Artifact::B, ReviewId(i), answer(truth + 1));
    }
    for artifact in Artifact::ALL {
        e.act(&LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    }
    let variant = |name: &str, model: &str| ProductionVariantInput {
        variant_name: name.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        initial_variant_weight: 1.0,
        routing_config: None,
    };
    e.act(&LabAction::Call(Command::CreateEndpointConfig {
        endpoint_config_name: "round".into(),
        production_variants: vec![variant("VariantA", "reviews-a"), variant("VariantB", "reviews-b")],
        shadow_production_variants: vec![],
        data_capture_config: None,
    }))
    .unwrap();
    e.act(&LabAction::Call(Command::CreateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: "round".into(),
        deployment_config: None,
    }))
    .unwrap();
    assert_eq!(e.run_to(e.now() + Duration::from_secs(240), u64::MAX), Progress::Reached);
    e.act(&LabAction::SetTraffic(TrafficSettings {
        on: true,
        per_second: 100.0,
        ..TrafficSettings::default()
    }))
    .unwrap();
    e.run_to(e.now() + Duration::from_secs(60 * minutes), u64::MAX);
    e
}

#[test]
fn every_fault_comes_up_and_is_told_only_after_the_verdict() {
    let mut seen = BTreeSet::new();
    let mut sound = 0;
    for seed in 0..90 {
        let mut e = round(seed, 1);
        let before = e.snapshot();
        assert!(before.faults.is_empty() && before.verdict.is_none());
        e.act(&LabAction::ClearFaults { id: None }).unwrap();
        e.act(&LabAction::Decide { promote: true }).unwrap();
        let verdict = e.snapshot().verdict.unwrap();
        assert_eq!(verdict.right, verdict.fault.is_none());
        assert_eq!(verdict.points > 0, verdict.right);
        match verdict.fault {
            Some(fault) => drop(seen.insert(fault.kind())),
            None => sound += 1,
        }
        let twice = e.act(&LabAction::Decide { promote: false }).unwrap_err();
        assert!(twice.message.contains("your verdict was to promote"), "{}", twice.message);
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    // A third of 90, within 4 standard deviations.
    assert!((12..=48).contains(&sound), "{sound}");
}

#[test]
fn each_hidden_fault_shows_within_the_hour_and_a_sound_candidate_harms_nobody() {
    let mut seen = BTreeSet::new();
    for seed in 0..90 {
        if seen.len() == 7 {
            break;
        }
        let mut quick = round(seed, 0);
        quick.act(&LabAction::Decide { promote: false }).unwrap();
        let kind = quick.verdict().unwrap().fault.map_or("none", |f| f.kind());
        if !seen.insert(kind) {
            continue;
        }
        let mut e = round(seed, 120);
        e.act(&LabAction::Decide { promote: false }).unwrap();
        let v = e.verdict().unwrap();
        let all = e.counts().0;
        match v.fault {
            None => assert!(v.harmed * 1_000 < all && !v.right, "{v:?}"),
            // 50 a second for over an hour and a half: even three in a hundred are thousands.
            Some(_) => assert!(v.harmed > 4_000 && v.right && v.points < 100, "{v:?} of {all}"),
        }
        let truth = if v.fault == Some(Fault::SkewedTokenizer) { 0.0 } else { 1.0 };
        assert!((v.accuracy[0] - 0.8).abs() < 0.05 && v.accuracy[1] == truth, "{v:?}");
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[test]
fn a_verdict_needs_a_candidate_and_a_blind_round() {
    let mut e = Experiment::new(LabId::BlindRound, 1);
    assert!(e.act(&LabAction::Decide { promote: true }).unwrap_err().message.contains("VariantB"));
    let mut e = Experiment::new(LabId::Canary, 1);
    assert!(
        e.act(&LabAction::Decide { promote: true }).unwrap_err().message.contains("only the blind round")
    );
}
