//! Each lab's goals are unmet at the start, and each is met by its scripted solution, in order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rollout_lab::{
    analysis::metrics::{Metric, Statistic},
    domain::{
        Artifact, Command, ContainerImage, ContainerInput, DeregisterScalableTarget,
        DesiredWeightAndCapacity, INVOCATIONS_PER_INSTANCE, ImageScope, PredefinedMetric,
        ProductionVariantInput, PutScalingPolicy, RegisterScalableTarget, ReviewId, SCALABLE_DIMENSION,
        SERVICE_NAMESPACE, Stars, TargetTracking, resource_id,
    },
    inference::{Prediction, ServiceCost},
    lab::{
        ArrivalProcess, DAY_NIGHT_SHARE, DAY_PEAK_PER_SECOND, Experiment, LabAction, LabId, Pace, Progress,
        Prompt, TrafficSettings, lessons,
    },
};

const SECOND_NS: u64 = 1_000_000_000;

/// An experiment whose models answer from a rule instead of inference: the lessons need answers, not good ones.
fn opened(lab: LabId, seed: u64) -> Experiment {
    let mut e = Experiment::new(lab, seed);
    for artifact in Artifact::ALL {
        fill(&mut e, artifact);
        e.act(&LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    }
    e
}

fn fill(e: &mut Experiment, artifact: Artifact) {
    for i in 0..e.table().reviews() as u32 {
        let mut probabilities = [0.05; 5];
        probabilities[(i as usize + artifact.index()) % 5] = 0.8;
        let answer = Prediction::from_probabilities(probabilities);
        e.table_mut().answer(artifact, ReviewId(i), answer);
        e.table_mut().answer_skewed(artifact, ReviewId(i), answer);
    }
}

fn act(e: &mut Experiment, action: LabAction) {
    if let LabAction::Invoke { texts, .. } = &action {
        e.prepare_texts(texts);
        for artifact in Artifact::ALL {
            fill(e, artifact);
        }
    }
    e.act(&action).unwrap_or_else(|r| panic!("{action:?}: {}", r.message));
}

fn wait(seconds: u64) -> LabAction {
    LabAction::Step { duration_ns: seconds * SECOND_NS }
}

fn call(command: Command) -> LabAction {
    LabAction::Call(command)
}

fn model(name: &str, artifact: Artifact) -> LabAction {
    call(Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput {
            image: ContainerImage::retrieve(ImageScope::Inference, false).as_str().into(),
            model_data_url: artifact.model_data_url(),
        },
    })
}

fn config(name: &str, variants: &[(&str, &str, f64)]) -> LabAction {
    let variant = |&(variant, model, weight): &(&str, &str, f64)| ProductionVariantInput {
        variant_name: variant.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        initial_variant_weight: weight,
        routing_config: None,
    };
    call(Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: variants.iter().map(variant).collect(),
        shadow_production_variants: Vec::new(),
    })
}

fn create(endpoint: &str, config: &str) -> LabAction {
    call(Command::CreateEndpoint { endpoint_name: endpoint.into(), endpoint_config_name: config.into() })
}

fn all_to_b() -> LabAction {
    let set = |name: &str, weight| DesiredWeightAndCapacity {
        variant_name: name.into(),
        desired_weight: Some(weight),
        desired_instance_count: None,
    };
    call(Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: "reviews".into(),
        desired_weights_and_capacities: vec![set("VariantA", 0.0), set("VariantB", 100.0)],
    })
}

fn sample() -> LabAction {
    LabAction::InvokeSample { endpoint_name: "reviews".into(), count: 50, target_variant: None }
}

fn traffic(per_second: f64) -> LabAction {
    LabAction::SetTraffic(TrafficSettings { on: true, per_second, ..TrafficSettings::default() })
}

fn fleet(name: &str, instance_type: &str, count: i64) -> LabAction {
    call(Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: vec![ProductionVariantInput {
            variant_name: "VariantA".into(),
            model_name: "reviews-b".into(),
            instance_type: instance_type.into(),
            initial_instance_count: count,
            initial_variant_weight: 1.0,
            routing_config: None,
        }],
        shadow_production_variants: Vec::new(),
    })
}

fn update(config: &str) -> LabAction {
    call(Command::UpdateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: vec![],
    })
}

fn day_and_night() -> LabAction {
    LabAction::SetTraffic(TrafficSettings {
        on: true,
        per_second: DAY_PEAK_PER_SECOND,
        process: ArrivalProcess::DailyCycle { night_share: DAY_NIGHT_SHARE },
        ..TrafficSettings::default()
    })
}

fn bounds(min: i64, max: i64) -> LabAction {
    call(Command::RegisterScalableTarget(RegisterScalableTarget {
        service_namespace: SERVICE_NAMESPACE.into(),
        resource_id: resource_id("reviews", "VariantA"),
        scalable_dimension: SCALABLE_DIMENSION.into(),
        min_capacity: Some(min),
        max_capacity: Some(max),
    }))
}

fn deregister() -> LabAction {
    call(Command::DeregisterScalableTarget(DeregisterScalableTarget {
        service_namespace: SERVICE_NAMESPACE.into(),
        resource_id: resource_id("reviews", "VariantA"),
        scalable_dimension: SCALABLE_DIMENSION.into(),
    }))
}

fn track(target_value: f64) -> LabAction {
    call(Command::PutScalingPolicy(PutScalingPolicy {
        policy_name: "follow-the-day".into(),
        service_namespace: SERVICE_NAMESPACE.into(),
        resource_id: resource_id("reviews", "VariantA"),
        scalable_dimension: SCALABLE_DIMENSION.into(),
        policy_type: "TargetTrackingScaling".into(),
        target_tracking_scaling_policy_configuration: TargetTracking {
            target_value,
            predefined_metric_specification: PredefinedMetric {
                predefined_metric_type: INVOCATIONS_PER_INSTANCE.into(),
            },
            scale_in_cooldown: None,
            scale_out_cooldown: None,
            disable_scale_in: false,
        },
    }))
}

fn view(metric: Metric) -> LabAction {
    LabAction::ViewMetric { metric, statistic: metric.usual_statistic() }
}

fn four() -> Vec<LabAction> {
    vec![
        view(Metric::CPUUtilization),
        view(Metric::Invocations),
        view(Metric::InvocationsPerInstance),
        view(Metric::ModelLatency),
    ]
}

fn release(endpoint: &str, configs: &[&str], models: &[&str]) -> Vec<LabAction> {
    let mut all = vec![call(Command::DeleteEndpoint { endpoint_name: endpoint.into() }), wait(31)];
    all.extend(
        configs.iter().map(|c| call(Command::DeleteEndpointConfig { endpoint_config_name: (*c).into() })),
    );
    all.extend(models.iter().map(|m| call(Command::DeleteModel { model_name: (*m).into() })));
    all
}

/// What a learner does at each step, by the step's name.
fn solution(lab: LabId) -> Vec<(&'static str, Vec<LabAction>)> {
    let ab = [("VariantA", "model-a", 50.0), ("VariantB", "model-b", 50.0)];
    match lab {
        LabId::AbTesting => vec![
            ("session", vec![LabAction::OpenSession]),
            (
                "leftover",
                vec![call(Command::DeleteEndpoint { endpoint_name: "autopilot-leftover".into() }), wait(31)],
            ),
            ("artifacts", vec![LabAction::FetchArtifact(Artifact::A), LabAction::FetchArtifact(Artifact::B)]),
            (
                "signatures",
                vec![LabAction::ReadSignature(Artifact::A), LabAction::ReadSignature(Artifact::B)],
            ),
            ("code", vec![LabAction::ReadInferenceCode]),
            (
                "image",
                vec![LabAction::RetrieveImage {
                    scope: ImageScope::Inference,
                    instance_type: "ml.m5.large".parse().unwrap(),
                }],
            ),
            ("models", vec![model("model-a", Artifact::A), model("model-b", Artifact::B)]),
            ("configuration", vec![config("ab", &ab)]),
            ("guess", vec![LabAction::Guess { prompt: Prompt::SplitOfFifty, value: 25.0 }]),
            ("deploy", vec![create("reviews", "ab")]),
            ("wait", vec![wait(241)]),
            ("track", vec![LabAction::TrackDeployment]),
            ("lineage", vec![LabAction::ReadLineage]),
            (
                "own-sentence",
                vec![LabAction::Invoke {
                    endpoint_name: "reviews".into(),
                    texts: vec!["this is great!".into()],
                    target_variant: None,
                }],
            ),
            ("batch", vec![sample()]),
            ("traffic", vec![traffic(20.0), wait(120)]),
            ("metrics", four()),
            (
                "sum-trap",
                vec![
                    LabAction::ViewMetric { metric: Metric::ModelLatency, statistic: Statistic::Sum },
                    LabAction::ViewMetric { metric: Metric::ModelLatency, statistic: Statistic::Average },
                ],
            ),
            ("shift", vec![all_to_b(), wait(46)]),
            ("batch-on-b", vec![sample()]),
            ("metrics-on-b", four()),
            (
                "remove",
                vec![
                    config("b-only", &[("VariantB", "model-b", 100.0)]),
                    call(Command::UpdateEndpoint {
                        endpoint_name: "reviews".into(),
                        endpoint_config_name: "b-only".into(),
                        retain_all_variant_properties: false,
                        exclude_retained_variant_properties: vec![],
                    }),
                    wait(241),
                ],
            ),
            ("batch-after", vec![sample()]),
            ("release", release("reviews", &["ab", "b-only"], &["model-a", "model-b"])),
        ],
        LabId::Canary => vec![
            (
                "configuration",
                vec![config("canary", &[("VariantA", "reviews-a", 95.0), ("VariantB", "reviews-b", 5.0)])],
            ),
            ("deploy", vec![create("reviews", "canary"), wait(241)]),
            ("guess", vec![LabAction::Guess { prompt: Prompt::CanaryMissed, value: 8.0 }]),
            ("batch", vec![sample()]),
            ("traffic", vec![traffic(100.0), wait(90)]),
            ("promote", vec![all_to_b(), wait(46)]),
            ("release", release("reviews", &["canary"], &["reviews-a", "reviews-b"])),
        ],
        LabId::Autoscaling => vec![
            ("deploy", vec![fleet("small", "ml.c5.large", 1), create("reviews", "small"), wait(241)]),
            ("overload", vec![day_and_night(), wait(10 * 3_600)]),
            ("policy", vec![bounds(1, 6), track(1_700.0)]),
            ("out", vec![wait(600)]),
            ("in", vec![wait(12 * 3_600)]),
            ("gpu", vec![deregister(), fleet("gpu", "ml.g4dn.xlarge", 1), update("gpu"), wait(1_800)]),
            (
                "cheapest",
                vec![
                    fleet("many", "ml.c5.large", 3),
                    update("many"),
                    wait(300),
                    bounds(1, 6),
                    track(1_800.0),
                    // A step may hold ten million requests.
                    wait(43_200),
                    wait(46_800),
                ],
            ),
            ("release", release("reviews", &["small", "gpu", "many"], &["reviews-b"])),
        ],
        LabId::BlindRound => vec![
            (
                "deploy",
                vec![
                    config("round", &[("VariantA", "reviews-a", 50.0), ("VariantB", "reviews-b", 50.0)]),
                    create("reviews", "round"),
                    wait(241),
                ],
            ),
            ("watch", vec![traffic(50.0), wait(110)]),
            ("decide", vec![LabAction::Decide { promote: true }]),
        ],
        LabId::Sandbox => vec![],
    }
}

fn done(e: &Experiment, id: &str) -> bool {
    e.steps().iter().find(|s| s.id == id).unwrap().done
}

#[test]
fn every_goal_is_unmet_until_its_solution_is_done() {
    for lab in LabId::ALL {
        let steps = lessons::lesson(lab).steps;
        let solution = solution(lab);
        assert_eq!(
            steps.iter().map(|s| s.id).collect::<Vec<_>>(),
            solution.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        );
        let mut e = opened(lab, 7);
        for state in e.steps() {
            assert!(!state.done && !state.missing.is_empty(), "{} is met at the start", state.id);
        }
        for (id, actions) in solution {
            let step = steps.iter().find(|s| s.id == id).unwrap();
            // Only what asks for the same again may be met beforehand: the two batches on B.
            if id != "batch-after" {
                assert!(!e.meets(&step.goal) && !done(&e, id), "{id} is met before its solution");
            }
            for action in actions {
                act(&mut e, action);
            }
            assert!(
                done(&e, id),
                "{id} is not met by its solution: {:?}",
                e.steps().iter().find(|s| s.id == id)
            );
        }
        // An overload is what the autoscaling lab begins with.
        let failed = e.counts().0 - e.counts().1;
        assert_eq!(failed > 0, lab == LabId::Autoscaling, "{failed} requests failed in {lab:?}");
    }
}

#[test]
fn every_step_has_words_a_hint_and_a_control() {
    for lab in LabId::ALL {
        for step in lessons::lesson(lab).steps {
            assert!(
                !step.body.is_empty() && !step.hints.is_empty() && !step.controls.is_empty(),
                "{}",
                step.id
            );
            assert!(
                step.body.iter().any(|b| matches!(b, rollout_lab::lab::Block::Do(_))),
                "{} says nothing to do",
                step.id
            );
        }
    }
}

#[test]
fn a_replay_gives_the_same_state_however_time_is_cut() {
    let run = |slice: u64| {
        let mut e = opened(LabId::AbTesting, 11);
        let mut now = e.now();
        for (_, actions) in solution(LabId::AbTesting) {
            for action in actions {
                match action {
                    LabAction::Step { duration_ns } => {
                        let end = now + std::time::Duration::from_nanos(duration_ns);
                        while e.now() < end {
                            let next = (e.now() + std::time::Duration::from_nanos(slice)).min(end);
                            while e.run_to(next, 37) == Progress::OutOfBudget {}
                        }
                    }
                    other => act(&mut e, other),
                }
                now = e.now();
            }
        }
        let mut s = e.snapshot();
        // A sample for the eye, which depends on how often it is taken.
        s.recent.clear();
        serde_json::to_value(&s).unwrap()
    };
    let whole = run(u64::MAX / 4);
    for slice in [7 * SECOND_NS, SECOND_NS / 3] {
        let cut = run(slice);
        // Bills are added up in other portions, so cents agree, not bits.
        let (mut a, mut b) = (whole.clone(), cut);
        for s in [&mut a, &mut b] {
            s["cost_usd"] = (s["cost_usd"].as_f64().unwrap() * 1e6).round().into();
        }
        assert_eq!(a, b);
    }
}

#[test]
fn what_cannot_be_done_is_refused_in_words_and_leaves_no_trace() {
    let mut e = opened(LabId::Sandbox, 3);
    let before = serde_json::to_string(&e.snapshot()).unwrap();
    let mut refuse = |action: LabAction, words: &str| {
        let refusal = e.act(&action).unwrap_err();
        assert!(refusal.message.contains(words), "{action:?}: {}", refusal.message);
    };
    refuse(
        LabAction::InvokeSample { endpoint_name: "none".into(), count: 5, target_variant: None },
        "Endpoint none of account",
    );
    refuse(LabAction::SetPace(Pace::Times(f64::NAN)), "NaN");
    refuse(LabAction::SetPace(Pace::Times(20_000.0)), "at most 10000");
    refuse(LabAction::Step { duration_ns: u64::MAX }, "step less far");
    refuse(LabAction::Guess { prompt: Prompt::SplitOfFifty, value: f64::INFINITY }, "inf");
    refuse(LabAction::TrackDeployment, "no endpoint");
    refuse(LabAction::Label { row: 3, stars: Stars::new(2).unwrap() }, "no such sentence");
    refuse(traffic(-3.0), "-3");
    refuse(traffic(f64::NAN), "NaN");
    refuse(LabAction::StateCost { artifact: Artifact::A, base_us: f64::NAN, per_token_us: 0.0 }, "NaN");
    assert_eq!(serde_json::to_string(&e.snapshot()).unwrap(), before);
}

#[test]
fn a_fleet_waits_for_its_model_and_says_for_which() {
    let mut e = Experiment::new(LabId::Canary, 1);
    act(&mut e, config("c", &[("VariantA", "reviews-a", 1.0), ("VariantB", "reviews-b", 1.0)]));
    act(&mut e, create("reviews", "c"));
    let end = e.now() + std::time::Duration::from_secs(600);
    assert_eq!(e.run_to(end, u64::MAX), Progress::WaitsFor(Artifact::A));
    fill(&mut e, Artifact::A);
    e.table_mut().set_cost(Artifact::A, ServiceCost { base_us: 1.0, per_token_us: 0.0 });
    assert_eq!(e.run_to(end, u64::MAX), Progress::WaitsFor(Artifact::B));
    fill(&mut e, Artifact::B);
    e.table_mut().set_cost(Artifact::B, ServiceCost { base_us: 1.0, per_token_us: 0.0 });
    assert_eq!(e.run_to(end, u64::MAX), Progress::Reached);
}
