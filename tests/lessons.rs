//! Each lab's goals are unmet at the start, and each is met by its scripted solution, in order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rollout_lab::{
    analysis::metrics::{Metric, Statistic},
    domain::{
        Artifact, AutoRollbackConfiguration, BlueGreenUpdatePolicy, ByExperimentName, CapacitySize,
        CapacityType, Command, ComparisonOperator, ContainerImage, ContainerInput, CreateInferenceExperiment,
        DataStorageConfig, DeploymentConfig, DeregisterScalableTarget, DesiredWeightAndCapacity, Dimension,
        INVOCATIONS_PER_INSTANCE, ImageScope, MetricAlarmInput, ModelVariantAction, ModelVariantConfig,
        PredefinedMetric, ProductionVariantInput, PutScalingPolicy, RegisterScalableTarget, ReviewId,
        RollbackAlarm, SCALABLE_DIMENSION, SERVICE_NAMESPACE, ShadowModeConfig, ShadowModelVariantConfig,
        Stars, StopInferenceExperiment, TargetTracking, TrafficRoutingConfiguration, TrafficRoutingType,
        TreatMissingData, UpdateInferenceExperiment, resource_id,
    },
    inference::{Prediction, ServiceCost},
    lab::{
        ArrivalProcess, DAY_NIGHT_SHARE, DAY_PEAK_PER_SECOND, Exercise, Experiment, LabAction, LabId, Pace,
        Progress, Prompt, TrafficSettings, lessons,
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

/// A disagreement that is kept: which reviews differ, and of these which have room, depends on the whole corpus.
fn kept_disagreement(e: &Experiment) -> ReviewId {
    let endpoint = e.called_endpoint().unwrap();
    let (production, shadow) = (endpoint.variants()[0].fleet, endpoint.shadows()[0].fleet);
    e.pairs(production, shadow).unwrap().disagreements().next().unwrap().review
}

fn act(e: &mut Experiment, mut action: LabAction) {
    if let LabAction::ReadDisagreement(review) = &mut action {
        *review = kept_disagreement(e);
    }
    if let LabAction::Invoke { texts, .. } = &action {
        e.prepare_texts(texts);
        for artifact in Artifact::ALL {
            fill(e, artifact);
        }
    }
    e.act(&action).unwrap_or_else(|r| panic!("{action:?}: {}", r.message));
    while e.has_replay() {
        e.go_on_with_replay(50_000);
    }
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
        data_capture_config: None,
    })
}

fn create(endpoint: &str, config: &str) -> LabAction {
    call(Command::CreateEndpoint {
        endpoint_name: endpoint.into(),
        endpoint_config_name: config.into(),
        deployment_config: None,
    })
}

fn shadow_config(name: &str) -> LabAction {
    let variant = |name: &str, model: &str, count, weight| ProductionVariantInput {
        variant_name: name.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: count,
        initial_variant_weight: weight,
        routing_config: None,
    };
    call(Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: vec![variant("Production", "model-a", 2, 1.0)],
        shadow_production_variants: vec![variant("Shadow", "model-c", 1, 0.5)],
        data_capture_config: None,
    })
}

fn copy_all() -> LabAction {
    call(Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: "reviews".into(),
        desired_weights_and_capacities: vec![DesiredWeightAndCapacity {
            variant_name: "Shadow".into(),
            desired_weight: Some(1.0),
            desired_instance_count: Some(2),
        }],
    })
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
        data_capture_config: None,
    })
}

fn update(config: &str) -> LabAction {
    call(Command::UpdateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: vec![],
        deployment_config: None,
        retain_deployment_config: false,
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

fn exercise(exercise: Exercise, change: &[(usize, f64)]) -> LabAction {
    let mut settings = exercise.usual();
    for (i, value) in change {
        settings[*i] = *value;
    }
    LabAction::Exercise { exercise, settings }
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

const GUARD: &[&str] = &["reviews-errors"];

fn roll_out(config: &str, kind: Option<TrafficRoutingType>, alarms: &[&str]) -> LabAction {
    let size = |value| CapacitySize { kind: CapacityType::CapacityPercent, value };
    let policy = kind.map(|kind| DeploymentConfig {
        blue_green_update_policy: Some(BlueGreenUpdatePolicy {
            traffic_routing_configuration: TrafficRoutingConfiguration {
                kind,
                wait_interval_in_seconds: 300,
                canary_size: (kind == TrafficRoutingType::Canary).then(|| size(10)),
                linear_step_size: (kind == TrafficRoutingType::Linear).then(|| size(20)),
            },
            termination_wait_in_seconds: Some(300),
            maximum_execution_timeout_in_seconds: None,
        }),
        rolling_update_policy: None,
        auto_rollback_configuration: Some(AutoRollbackConfiguration {
            alarms: alarms.iter().map(|a| RollbackAlarm { alarm_name: (*a).into() }).collect(),
        }),
    });
    call(Command::UpdateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: vec![],
        deployment_config: policy,
        retain_deployment_config: false,
    })
}

fn errors_above(threshold: f64) -> MetricAlarmInput {
    MetricAlarmInput {
        alarm_name: "reviews-errors".into(),
        namespace: "AWS/SageMaker".into(),
        metric_name: "Invocation5XXErrors".into(),
        dimensions: vec![
            Dimension::new("EndpointName", "reviews"),
            Dimension::new("VariantName", "AllTraffic"),
        ],
        statistic: Some("Average".into()),
        extended_statistic: None,
        period: 60,
        evaluation_periods: 1,
        datapoints_to_alarm: None,
        threshold,
        comparison_operator: ComparisonOperator::GreaterThanThreshold,
        treat_missing_data: Some(TreatMissingData::NotBreaching),
    }
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
                        deployment_config: None,
                        retain_deployment_config: false,
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
        LabId::ShadowApi => vec![
            ("models", vec![model("model-a", Artifact::A), model("model-c", Artifact::C)]),
            ("configuration", vec![shadow_config("shadowed")]),
            ("deploy", vec![create("reviews", "shadowed"), wait(241)]),
            ("guess", vec![LabAction::Guess { prompt: Prompt::ShadowPerInstance, value: 50.0 }]),
            ("traffic", vec![traffic(20.0), wait(155)]),
            (
                "metrics",
                vec![
                    view(Metric::InvocationsPerInstance),
                    view(Metric::ModelLatency),
                    view(Metric::OverheadLatency),
                ],
            ),
            ("pairs", vec![wait(60)]),
            ("disagreements", vec![LabAction::ReadDisagreement(ReviewId(0))]),
            ("all-copies", vec![copy_all(), wait(121)]),
            (
                "promote",
                vec![
                    config("c-only", &[("Shadow", "model-c", 1.0)]),
                    call(Command::UpdateEndpoint {
                        endpoint_name: "reviews".into(),
                        endpoint_config_name: "c-only".into(),
                        retain_all_variant_properties: false,
                        exclude_retained_variant_properties: vec![],
                        deployment_config: None,
                        retain_deployment_config: false,
                    }),
                    wait(241),
                ],
            ),
            ("release", release("reviews", &["shadowed", "c-only"], &["model-a", "model-c"])),
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
        LabId::ShadowManaged => {
            let name = |name: &str| ByExperimentName { name: name.into() };
            vec![
                ("list", vec![call(Command::ListInferenceExperiments(Default::default()))]),
                ("traffic", vec![traffic(2.0), wait(120)]),
                ("create", vec![shadow_test("week", 50, false)]),
                ("running", vec![wait(261)]),
                (
                    "monitor",
                    vec![
                        view(Metric::ModelLatency),
                        view(Metric::Invocation4XXErrors),
                        view(Metric::CPUUtilization),
                        view(Metric::DiskUtilization),
                    ],
                ),
                (
                    "sampling",
                    vec![
                        call(Command::UpdateInferenceExperiment(
                            UpdateInferenceExperiment {
                                name: "week".into(),
                                shadow_mode_config: Some(shadow_mode(100)),
                                ..Default::default()
                            }
                            .into(),
                        )),
                        wait(46),
                    ],
                ),
                ("week", vec![wait(7 * 86_400)]),
                ("again", vec![shadow_test("again", 100, true), wait(261)]),
                ("capture", vec![wait(300)]),
                (
                    "promote",
                    vec![
                        call(Command::StopInferenceExperiment(StopInferenceExperiment {
                            name: "again".into(),
                            model_variant_actions: [
                                ("Production".to_owned(), ModelVariantAction::Remove),
                                ("Shadow".to_owned(), ModelVariantAction::Promote),
                            ]
                            .into(),
                            desired_model_variants: Some(vec![ModelVariantConfig::new(
                                "Shadow",
                                "reviews-b",
                                "ml.m5.large",
                                2,
                            )]),
                            ..Default::default()
                        })),
                        wait(241),
                    ],
                ),
                ("check", vec![sample()]),
                (
                    "delete-tests",
                    vec![
                        call(Command::DeleteInferenceExperiment(name("week"))),
                        call(Command::DeleteInferenceExperiment(name("again"))),
                    ],
                ),
                (
                    "release",
                    release(
                        "reviews",
                        &["reviews-live", "again-promoted"],
                        &["reviews-a", "reviews-b", "reviews-c"],
                    ),
                ),
            ]
        }
        LabId::Guardrails => vec![
            ("serve", vec![create("reviews", "reviews-v1"), wait(241)]),
            ("traffic", vec![traffic(50.0), wait(30)]),
            ("all-at-once", vec![roll_out("reviews-v2", None, &[]), wait(241 + 120)]),
            ("back", vec![roll_out("reviews-v1", None, &[]), wait(241)]),
            (
                "alarms",
                vec![
                    LabAction::DryRunAlarm(errors_above(1.0)),
                    call(Command::PutMetricAlarm(errors_above(0.02))),
                    LabAction::DryRunAlarm(errors_above(0.02)),
                ],
            ),
            // By then the disaster has left the alarm's window, and the alarm is OK.
            (
                "canary",
                vec![wait(180), roll_out("reviews-v2", Some(TrafficRoutingType::Canary), GUARD), wait(900)],
            ),
            ("linear", vec![roll_out("reviews-v2", Some(TrafficRoutingType::Linear), GUARD), wait(900)]),
            (
                "compare",
                vec![LabAction::CompareRollouts {
                    endpoint_name: "reviews".into(),
                    endpoint_config_name: "reviews-v2".into(),
                    alarm_names: vec!["reviews-errors".into()],
                    minutes: 30,
                }],
            ),
            ("release", release("reviews", &["reviews-v1", "reviews-v2"], &["reviews-a", "reviews-b"])),
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
        LabId::Peeking => vec![
            ("plan-aa", vec![exercise(Exercise::StartTest, &[])]),
            ("run-aa", vec![wait(241), exercise(Exercise::StartTest, &[]), traffic(100.0), wait(62)]),
            ("universes-aa", vec![exercise(Exercise::Universes, &[(1, 2_000.0), (3, 100.0)])]),
            ("universes-ab", vec![exercise(Exercise::Universes, &[(0, 1.0), (1, 2_000.0), (3, 100.0)])]),
            ("deploy-b", vec![update("a-b"), wait(400)]),
            ("purse", vec![exercise(Exercise::StartTest, &[(1, 2.0)])]),
            ("peek", (0..3).flat_map(|_| [wait(18), exercise(Exercise::Peek, &[])]).collect()),
        ],
        LabId::PlanATest => vec![
            ("plan", vec![exercise(Exercise::Plan, &[])]),
            ("canary", vec![exercise(Exercise::Plan, &[(2, 5.0)])]),
            ("paired", vec![exercise(Exercise::Paired, &[])]),
            ("start", vec![wait(241), exercise(Exercise::StartTest, &[(1, 1.0)])]),
            ("decide", vec![traffic(100.0), wait(70)]),
            ("memo", vec![exercise(Exercise::Memo, &[])]),
        ],
        LabId::SplitDetective => vec![
            ("cut", (0..5).map(|cut| exercise(Exercise::Slice, &[(0, f64::from(cut))])).collect()),
            (
                "accuse",
                (0..5).map(|suspect| exercise(Exercise::Accuse, &[(0, f64::from(suspect))])).collect(),
            ),
        ],
        LabId::BanditRace => vec![
            ("race", vec![exercise(Exercise::Bandits, &[(1, 2_000.0)])]),
            ("change", vec![exercise(Exercise::Bandits, &[(0, 1.0), (1, 2_000.0)])]),
            ("route", vec![exercise(Exercise::RouteByBandit, &[]), traffic(100.0), wait(40)]),
        ],
        LabId::FalseFriends => vec![
            (
                "fooled",
                (19..=21).map(|hour| exercise(Exercise::BeforeAfter, &[(1, f64::from(hour))])).collect(),
            ),
            ("honest", vec![exercise(Exercise::BeforeAfter, &[(2, 24.0)])]),
            ("traffic", vec![wait(241), traffic(50.0), wait(110)]),
            (
                "statistics",
                vec![
                    LabAction::ViewMetric { metric: Metric::ModelLatency, statistic: Statistic::Sum },
                    LabAction::ViewMetric { metric: Metric::ModelLatency, statistic: Statistic::Average },
                ],
            ),
            ("slower", vec![exercise(Exercise::Slower, &[(0, 1.0)])]),
        ],
        LabId::Sandbox => vec![],
    }
}

fn shadow_mode(sampling_percentage: i64) -> ShadowModeConfig {
    ShadowModeConfig {
        source_model_variant_name: "Production".into(),
        shadow_model_variants: vec![ShadowModelVariantConfig {
            shadow_model_variant_name: "Shadow".into(),
            sampling_percentage,
        }],
    }
}

fn shadow_test(name: &str, percentage: i64, captured: bool) -> LabAction {
    let asked = CreateInferenceExperiment {
        name: name.into(),
        r#type: Default::default(),
        schedule: None,
        description: None,
        role_arn: "arn:aws:iam::123456789012:role/SageMaker".into(),
        endpoint_name: "reviews".into(),
        model_variants: vec![ModelVariantConfig::new("Shadow", "reviews-b", "ml.m5.large", 2)],
        data_storage_config: captured.then(|| DataStorageConfig {
            destination: "s3://rollout-lab/tests".into(),
            kms_key: None,
            content_type: None,
        }),
        shadow_mode_config: shadow_mode(percentage),
    };
    call(Command::CreateInferenceExperiment(asked.into()))
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
        // An overload is what the autoscaling lab begins with, and a bad version is rolled out in that of guardrails.
        let failed = e.counts().0 - e.counts().1;
        let meant = matches!(lab, LabId::Autoscaling | LabId::Guardrails);
        assert_eq!(failed > 0, meant, "{failed} requests failed in {lab:?}");
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
