//! No sequence of commands loses a request, leaves a variant stuck, bills what is gone, or panics.
//!
//! By default 200 seeds of 50 random commands each, 10,000 in all; `cargo test --test commands -- --ignored` runs
//! 10,000 commands for each of the 200 seeds. To add commands, add a row to [`MOVES`]: a weight, and what makes an
//! action of a lab and a draw.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use rollout_lab::{
    controller::{EndpointStatus, RolloutFailure},
    domain::{
        Artifact, AutoRollbackConfiguration, BlueGreenUpdatePolicy, ByExperimentName, CapacitySize,
        CapacityType, CaptureContentTypeHeader, Command, ComparisonOperator, ContainerImage, ContainerInput,
        CreateInferenceExperiment, DataStorageConfig, DeleteScalingPolicy, DeploymentConfig,
        DeregisterScalableTarget, DesiredWeightAndCapacity, Dimension, ImageScope, InferenceExperimentType,
        MetricAlarmInput, ModelVariantAction, ModelVariantConfig, PredefinedMetric, ProductionVariantInput,
        PutScalingPolicy, RegisterScalableTarget, ReviewId, RollbackAlarm, RollingUpdatePolicy,
        ScheduleInput, ShadowModeConfig, ShadowModelVariantConfig, StopInferenceExperiment, TargetTracking,
        TrafficRoutingConfiguration, TrafficRoutingType, TreatMissingData, UpdateInferenceExperiment,
        VirtualTime, resource_id,
    },
    inference::Prediction,
    lab::{Experiment, LabAction, LabId, Progress, TrafficSettings},
    simulation::Fault,
};

/// SplitMix64: the test's own numbers, apart from the lab's.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }

    /// True once in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

const ENDPOINTS: [&str; 2] = ["reviews", "other"];
const VARIANTS: [&str; 3] = ["A", "B", "C"];
const CONFIGS: [&str; 6] = ["c0", "c1", "c2", "c3", "c4", "c5"];
const MODELS: [&str; 4] = ["reviews-a", "reviews-b", "reviews-c", "broken"];
const TESTS: [&str; 3] = ["t0", "t1", "t2"];
const ALARMS: [&str; 3] = ["errors", "slow", "quiet"];

type Move = (u64, fn(&mut Draw) -> LabAction);

/// What may happen, by weight.
const MOVES: &[Move] = &[
    (3, |d| LabAction::Call(create_config(d))),
    (3, |d| LabAction::Call(create_endpoint(d))),
    (12, |d| LabAction::Call(update_endpoint(d))),
    (4, |d| LabAction::Call(update_weights(d))),
    (1, |d| LabAction::Call(Command::DeleteEndpoint { endpoint_name: d.of(&ENDPOINTS).into() })),
    (1, |d| LabAction::Call(Command::DeleteEndpointConfig { endpoint_config_name: d.of(&CONFIGS).into() })),
    (1, |d| LabAction::Call(Command::DescribeEndpoint { endpoint_name: d.of(&ENDPOINTS).into() })),
    (3, |d| LabAction::Call(Command::PutMetricAlarm(alarm(d)))),
    (1, |d| LabAction::Call(Command::DeleteAlarms { alarm_names: vec![d.of(&ALARMS).into()] })),
    (1, |_| LabAction::Call(Command::DescribeAlarms { alarm_names: Vec::new() })),
    (1, |d| LabAction::DryRunAlarm(alarm(d))),
    (2, traffic),
    (2, |d| LabAction::InvokeSample {
        endpoint_name: d.of(&ENDPOINTS).into(),
        count: 1 + d.below(5) as u32,
        target_variant: d.once_in(2).then(|| d.of(&VARIANTS).into()),
    }),
    (2, |d| LabAction::BreakVersion {
        endpoint_config_name: d.of(&CONFIGS).into(),
        fault: Fault::ModelErrors { share: 0.5 },
        lasts_s: 1 + d.below(3_600),
    }),
    (3, |d| LabAction::Call(create_test(d))),
    (1, |d| LabAction::Call(Command::StartInferenceExperiment(test(d)))),
    (2, |d| LabAction::Call(update_test(d))),
    (3, |d| LabAction::Call(stop_test(d))),
    (2, |d| LabAction::Call(Command::DeleteInferenceExperiment(test(d)))),
    (1, |d| LabAction::Call(Command::DescribeInferenceExperiment(test(d)))),
    (3, |d| LabAction::Call(register(d))),
    (3, |d| LabAction::Call(put_policy(d))),
    (1, |d| LabAction::Call(delete_policy(d))),
    (1, |d| LabAction::Call(deregister(d))),
    (4, |d| LabAction::InjectFault {
        variant: d.of(&["A", "B", "C", "S", "Shadow"]).into(),
        fault: fault(d),
        starts_in_s: d.once_in(2).then(|| d.below(600)),
        lasts_s: 1 + d.below(3_600),
    }),
    (1, |d| LabAction::ClearFaults { id: d.once_in(2).then(|| d.below(8) as u32) }),
];

fn test(d: &mut Draw) -> ByExperimentName {
    ByExperimentName { name: d.of(&TESTS).into() }
}

fn mode(d: &mut Draw) -> ShadowModeConfig {
    ShadowModeConfig {
        source_model_variant_name: d.of(&["A", "A", "A", "B"]).into(),
        shadow_model_variants: vec![ShadowModelVariantConfig {
            shadow_model_variant_name: "Shadow".into(),
            sampling_percentage: d.of(&[0, 10, 50, 100, 101]),
        }],
    }
}

fn schedule(d: &mut Draw) -> Option<ScheduleInput> {
    let mut moment = |n| d.once_in(n).then(|| VirtualTime::from_s(d.below(400_000)).unix_s());
    let (start_time, end_time) = (moment(2), moment(2));
    (start_time.is_some() || end_time.is_some()).then_some(ScheduleInput { start_time, end_time })
}

fn create_test(d: &mut Draw) -> Command {
    let shadow = ModelVariantConfig::new("Shadow", d.of(&MODELS), "ml.m5.large", d.of(&[1, 2, 2, 0]));
    let production = ModelVariantConfig::new("A", d.of(&MODELS), "ml.m5.large", d.of(&[1, 2, 4]));
    let capture = d.once_in(3).then(|| DataStorageConfig {
        destination: "s3://rollout-lab/tests".into(),
        kms_key: None,
        content_type: Some(CaptureContentTypeHeader {
            csv_content_types: Vec::new(),
            json_content_types: vec!["application/jsonlines".into()],
        }),
    });
    Command::CreateInferenceExperiment(Box::new(CreateInferenceExperiment {
        name: d.of(&TESTS).into(),
        r#type: InferenceExperimentType::ShadowMode,
        schedule: schedule(d),
        description: None,
        role_arn: "arn:aws:iam::111122223333:role/lab".into(),
        endpoint_name: d.of(&["reviews", "reviews", "other"]).into(),
        model_variants: if d.once_in(3) { vec![production, shadow] } else { vec![shadow] },
        data_storage_config: capture,
        shadow_mode_config: mode(d),
    }))
}

fn update_test(d: &mut Draw) -> Command {
    Command::UpdateInferenceExperiment(Box::new(UpdateInferenceExperiment {
        name: d.of(&TESTS).into(),
        schedule: if d.once_in(2) { schedule(d) } else { None },
        shadow_mode_config: d.once_in(2).then(|| mode(d)),
        ..UpdateInferenceExperiment::default()
    }))
}

fn stop_test(d: &mut Draw) -> Command {
    use ModelVariantAction::{Promote, Remove, Retain};
    let actions = d.of(&[[Remove, Promote], [Retain, Remove], [Retain, Retain], [Promote, Promote]]);
    let sized =
        |d: &mut Draw| ModelVariantConfig::new("Shadow", d.of(&MODELS), "ml.m5.large", d.of(&[1, 2, 4]));
    Command::StopInferenceExperiment(StopInferenceExperiment {
        name: d.of(&TESTS).into(),
        model_variant_actions: ["A", "Shadow"].map(str::to_owned).into_iter().zip(actions).collect(),
        desired_model_variants: d.once_in(2).then(|| vec![sized(d)]),
        ..StopInferenceExperiment::default()
    })
}

const DIMENSION: &str = "sagemaker:variant:DesiredInstanceCount";

fn scaled(d: &mut Draw) -> String {
    let (endpoint, variant) = (d.of(&["reviews", "reviews", "other"]), d.of(&["A", "A", "B"]));
    resource_id(endpoint, variant)
}

fn register(d: &mut Draw) -> Command {
    Command::RegisterScalableTarget(RegisterScalableTarget {
        service_namespace: "sagemaker".into(),
        resource_id: scaled(d),
        scalable_dimension: DIMENSION.into(),
        min_capacity: Some(d.of(&[0, 1, 2])),
        max_capacity: Some(d.of(&[1, 4, 10])),
    })
}

fn put_policy(d: &mut Draw) -> Command {
    let cooldown = |d: &mut Draw| d.once_in(2).then(|| d.of(&[0, 60, 600]));
    Command::PutScalingPolicy(PutScalingPolicy {
        policy_name: "keep-up".into(),
        service_namespace: "sagemaker".into(),
        resource_id: scaled(d),
        scalable_dimension: DIMENSION.into(),
        policy_type: "TargetTrackingScaling".into(),
        target_tracking_scaling_policy_configuration: TargetTracking {
            target_value: d.of(&[0.0, 1.0, 30.0, 200.0]),
            predefined_metric_specification: PredefinedMetric {
                predefined_metric_type: "SageMakerVariantInvocationsPerInstance".into(),
            },
            scale_in_cooldown: cooldown(d),
            scale_out_cooldown: cooldown(d),
            disable_scale_in: d.once_in(4),
        },
    })
}

fn delete_policy(d: &mut Draw) -> Command {
    Command::DeleteScalingPolicy(DeleteScalingPolicy {
        policy_name: "keep-up".into(),
        service_namespace: "sagemaker".into(),
        resource_id: scaled(d),
        scalable_dimension: DIMENSION.into(),
    })
}

fn deregister(d: &mut Draw) -> Command {
    Command::DeregisterScalableTarget(DeregisterScalableTarget {
        service_namespace: "sagemaker".into(),
        resource_id: scaled(d),
        scalable_dimension: DIMENSION.into(),
    })
}

fn fault(d: &mut Draw) -> Fault {
    d.of(&[
        Fault::SlowModel { factor: 20.0 },
        Fault::LatencySpikes { probability: 0.1, extra_ms: 2_000.0 },
        Fault::ClientErrors { share: 0.2 },
        Fault::ModelErrors { share: 0.5 },
        Fault::WrongContainer,
        Fault::MemoryLeak { mib_per_request: 20.0 },
        Fault::SkewedTokenizer,
        Fault::ColdStart { requests: 20, extra_ms: 500.0 },
        Fault::LostInstances { instances: 1 },
    ])
}

fn variant(d: &mut Draw, name: &str) -> ProductionVariantInput {
    ProductionVariantInput {
        variant_name: name.into(),
        model_name: d.of(&MODELS).into(),
        instance_type: d.of(&["ml.m5.large", "ml.c5.xlarge", "ml.t2.medium"]).into(),
        initial_instance_count: d.of(&[1, 1, 2, 3, 10, 40]),
        initial_variant_weight: d.of(&[0.0, 0.1, 1.0, 1.0, 50.0]),
        routing_config: None,
    }
}

fn create_config(d: &mut Draw) -> Command {
    let n = d.of(&[1, 1, 1, 2, 3]);
    let start = d.below(3) as usize;
    let names = (0..n).map(|i| VARIANTS[(start + i) % 3]);
    let mut variants: Vec<_> = names.map(|name| variant(d, name)).collect();
    let shadows = if n == 1 && d.once_in(4) { vec![variant(d, "S")] } else { Vec::new() };
    // Mostly a name that is tried often, so that updates find the same variant on both sides.
    if n == 1 && !d.once_in(3) {
        variants[0].variant_name = "A".into();
    }
    Command::CreateEndpointConfig {
        endpoint_config_name: d.of(&CONFIGS).into(),
        production_variants: variants,
        shadow_production_variants: shadows,
        data_capture_config: None,
    }
}

fn policy(d: &mut Draw) -> Option<DeploymentConfig> {
    if d.once_in(3) {
        return None;
    }
    let size = |d: &mut Draw| CapacitySize {
        kind: d.of(&[
            CapacityType::CapacityPercent,
            CapacityType::CapacityPercent,
            CapacityType::InstanceCount,
        ]),
        value: d.of(&[1, 5, 10, 25, 33, 50, 60]),
    };
    let wait = d.of(&[0, 0, 30, 60, 300]);
    let kind = d.of(&[TrafficRoutingType::AllAtOnce, TrafficRoutingType::Canary, TrafficRoutingType::Linear]);
    let timeout = d.once_in(4).then(|| d.of(&[600, 700, 3_600]));
    let named: Vec<_> = ALARMS.iter().filter(|_| d.once_in(3)).collect();
    let alarms: Vec<_> = named.iter().map(|a| RollbackAlarm { alarm_name: (**a).into() }).collect();
    let rolling = d.once_in(3);
    Some(DeploymentConfig {
        blue_green_update_policy: (!rolling).then(|| BlueGreenUpdatePolicy {
            traffic_routing_configuration: TrafficRoutingConfiguration {
                kind,
                wait_interval_in_seconds: wait,
                canary_size: (kind == TrafficRoutingType::Canary).then(|| size(d)),
                linear_step_size: (kind == TrafficRoutingType::Linear).then(|| size(d)),
            },
            termination_wait_in_seconds: d.once_in(2).then_some(wait),
            maximum_execution_timeout_in_seconds: timeout,
        }),
        rolling_update_policy: rolling.then(|| RollingUpdatePolicy {
            maximum_batch_size: size(d),
            wait_interval_in_seconds: wait,
            maximum_execution_timeout_in_seconds: timeout,
            rollback_maximum_batch_size: d.once_in(2).then(|| size(d)),
        }),
        auto_rollback_configuration: (!alarms.is_empty()).then_some(AutoRollbackConfiguration { alarms }),
    })
}

fn create_endpoint(d: &mut Draw) -> Command {
    Command::CreateEndpoint {
        endpoint_name: d.of(&ENDPOINTS).into(),
        endpoint_config_name: d.of(&CONFIGS).into(),
        deployment_config: if d.once_in(4) { policy(d) } else { None },
    }
}

fn update_endpoint(d: &mut Draw) -> Command {
    let retain = d.once_in(5);
    Command::UpdateEndpoint {
        endpoint_name: d.of(&["reviews", "reviews", "other"]).into(),
        endpoint_config_name: d.of(&CONFIGS).into(),
        retain_all_variant_properties: d.once_in(4),
        exclude_retained_variant_properties: Vec::new(),
        deployment_config: if retain { None } else { policy(d) },
        retain_deployment_config: retain,
    }
}

fn update_weights(d: &mut Draw) -> Command {
    let entry = |d: &mut Draw| DesiredWeightAndCapacity {
        variant_name: d.of(&VARIANTS).into(),
        desired_weight: d.once_in(2).then(|| d.of(&[0.0, 1.0, 5.0])),
        desired_instance_count: d.once_in(2).then(|| d.of(&[0, 1, 2, 5, 90])),
    };
    Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: d.of(&ENDPOINTS).into(),
        desired_weights_and_capacities: (0..1 + d.below(2)).map(|_| entry(d)).collect(),
    }
}

fn alarm(d: &mut Draw) -> MetricAlarmInput {
    let config = d.of(&CONFIGS);
    let mut dimensions = vec![
        Dimension::new("EndpointName", d.of(&ENDPOINTS)),
        Dimension::new("VariantName", d.of(&["AllTraffic", "A", "B"])),
    ];
    if d.once_in(3) {
        dimensions.push(Dimension::new("EndpointConfigName", config));
    }
    let n = 1 + d.below(3) as i64;
    MetricAlarmInput {
        alarm_name: d.of(&ALARMS).into(),
        namespace: "AWS/SageMaker".into(),
        metric_name: d.of(&["Invocation5XXErrors", "ModelLatency", "Invocations"]).into(),
        dimensions,
        statistic: Some(d.of(&["Average", "Sum", "Maximum"]).into()),
        extended_statistic: None,
        period: d.of(&[60, 60, 300]),
        evaluation_periods: n,
        datapoints_to_alarm: Some(1 + d.below(n as u64) as i64),
        threshold: d.of(&[0.0, 0.5, 1.0, 1e4]),
        comparison_operator: d.of(&ComparisonOperator::ALL),
        treat_missing_data: Some(d.of(&TreatMissingData::ALL)),
    }
}

fn traffic(d: &mut Draw) -> LabAction {
    LabAction::SetTraffic(TrafficSettings {
        on: !d.once_in(5),
        per_second: d.of(&[0.5, 2.0, 10.0]),
        sticky: d.once_in(3),
        ..TrafficSettings::default()
    })
}

fn drawn(d: &mut Draw) -> LabAction {
    let sum: u64 = MOVES.iter().map(|(w, _)| w).sum();
    let mut left = d.below(sum);
    for (weight, make) in MOVES {
        if left < *weight {
            return make(d);
        }
        left -= weight;
    }
    traffic(d)
}

fn opened(seed: u64) -> Experiment {
    let mut e = Experiment::new(LabId::Sandbox, seed);
    for artifact in Artifact::ALL {
        for i in 0..e.table().reviews() as u32 {
            let mut probabilities = [0.05; 5];
            probabilities[(i as usize + artifact.index()) % 5] = 0.8;
            let answer = Prediction::from_probabilities(probabilities);
            e.table_mut().answer(artifact, ReviewId(i), answer);
            e.table_mut().answer_skewed(artifact, ReviewId(i), answer);
        }
        e.act(&LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    }
    // A model whose container never answers its health check.
    let broken = Command::CreateModel {
        model_name: "broken".into(),
        primary_container: ContainerInput {
            image: ContainerImage::retrieve(ImageScope::Training, false).as_str().into(),
            model_data_url: Artifact::A.model_data_url(),
        },
    };
    e.act(&LabAction::Call(broken)).unwrap();
    // A start from which updates go both ways; the rest is chance.
    let mut d = Draw(seed ^ 1);
    for (i, name) in CONFIGS.iter().enumerate() {
        let one = ProductionVariantInput {
            model_name: MODELS[i % 2].into(),
            initial_instance_count: [2, 10, 4][i % 3],
            initial_variant_weight: 1.0,
            ..variant(&mut d, "A")
        };
        let config = Command::CreateEndpointConfig {
            endpoint_config_name: (*name).into(),
            production_variants: vec![one],
            shadow_production_variants: Vec::new(),
            data_capture_config: None,
        };
        e.act(&LabAction::Call(config)).unwrap();
    }
    for name in ALARMS {
        let alarm = MetricAlarmInput { alarm_name: name.into(), ..alarm(&mut d) };
        e.act(&LabAction::Call(Command::PutMetricAlarm(alarm))).unwrap();
    }
    let create = Command::CreateEndpoint {
        endpoint_name: ENDPOINTS[0].into(),
        endpoint_config_name: CONFIGS[0].into(),
        deployment_config: None,
    };
    e.act(&LabAction::Call(create)).unwrap();
    e.act(&LabAction::SetTraffic(TrafficSettings { on: true, ..TrafficSettings::default() })).unwrap();
    e
}

/// What must hold at every moment.
fn check(e: &Experiment, cost: &mut f64, what: &str) {
    let (sent, answered) = e.counts();
    let plane = e.control_plane();
    let mut seen = 0;
    for (_, tally) in e.tallies() {
        seen += tally.invocations;
        assert!(tally.errors_4xx + tally.errors_5xx <= tally.invocations, "{what}");
    }
    assert_eq!(seen, sent + e.copies(), "a request was lost, {what}");
    assert!(answered <= sent, "{what}");
    assert!(plane.cost_usd() >= *cost - 1e-9, "the bill shrank, {what}");
    *cost = plane.cost_usd();
    for endpoint in plane.endpoints() {
        assert_eq!(endpoint.status.is_in_progress(), endpoint.transition.is_some(), "{what}");
        let shares: f64 = endpoint.routes().iter().map(|(fleet, _, _)| endpoint.share(*fleet)).sum();
        if endpoint.status.serves() {
            assert!((shares - 1.0).abs() < 1e-9, "shares of {shares}, {what}");
            for (fleet, name, weight) in endpoint.routes() {
                let there = e.fleet_instances(fleet);
                assert!(weight.get() == 0.0 || there > 0, "{name} is routed to but is not there, {what}");
            }
        }
        for v in endpoint.deployment.all().filter(|_| endpoint.status == EndpointStatus::InService) {
            assert_eq!(
                (v.current_count, v.current_weight, v.status.clone()),
                (v.desired_count, v.desired_weight, None),
                "{} is stuck, {what}",
                v.name
            );
            assert_eq!(e.fleet_instances(v.fleet), v.current_count as usize, "{}, {what}", v.name);
        }
    }
}

/// What a run has been through, so that a test can say that it was no idle one.
#[derive(Default)]
struct Seen {
    taken: usize,
    sent: u64,
    completed: usize,
    called_back: usize,
    tested: usize,
    scaled: usize,
}

fn play(seed: u64, commands: usize, seen: &mut Seen) {
    let mut e = opened(seed);
    let mut d = Draw(seed);
    let mut cost = 0.0;
    for i in 0..commands {
        let action = drawn(&mut d);
        let taken = e.act(&action).is_ok();
        seen.taken += usize::from(taken);
        seen.tested +=
            usize::from(taken && matches!(action, LabAction::Call(Command::CreateInferenceExperiment(_))));
        seen.scaled += usize::from(taken && matches!(action, LabAction::Call(Command::PutScalingPolicy(_))));
        let what = format!("seed {seed}, after command {i}: {action:?}");
        check(&e, &mut cost, &what);
        let on = Duration::from_secs(d.of(&[0, 1, 20, 60, 200, 700]));
        assert_eq!(e.run_to(e.now() + on, u64::MAX), Progress::Reached, "{what}");
        check(&e, &mut cost, &what);
    }
    // Nothing is left hanging: within the longest deployment everything has settled.
    let off = LabAction::SetTraffic(TrafficSettings { on: false, ..TrafficSettings::default() });
    e.act(&off).unwrap();
    assert_eq!(e.run_to(e.now() + Duration::from_secs(86_400), u64::MAX), Progress::Reached);
    let stuck = e.control_plane().endpoints().find(|x| x.transition.is_some());
    assert!(stuck.is_none(), "seed {seed}: {stuck:?}");
    check(&e, &mut cost, "at the end");
    // A test that is planned or runs holds its endpoint; what is under way must first end to be stopped.
    for _ in 0..4 {
        let held: Vec<_> = e
            .control_plane()
            .inference_experiments()
            .map(|t| {
                (t.name.to_string(), [t.plan.source.to_string(), t.plan.shadow.variant_name.to_string()])
            })
            .collect();
        for (name, variants) in held {
            let retain = variants.map(|v| (v, ModelVariantAction::Retain));
            let model_variant_actions = retain.into_iter().collect();
            let stop =
                StopInferenceExperiment { name: name.clone(), model_variant_actions, ..Default::default() };
            let _ = e.act(&LabAction::Call(Command::DeleteInferenceExperiment(ByExperimentName { name })));
            let _ = e.act(&LabAction::Call(Command::StopInferenceExperiment(stop)));
        }
        assert_eq!(e.run_to(e.now() + Duration::from_secs(3_600), u64::MAX), Progress::Reached);
    }
    let held = e.control_plane().inference_experiments().find(|t| !t.status.has_ended());
    assert!(held.is_none(), "seed {seed}: {held:?}");
    // And nothing is billed that is gone.
    for name in ENDPOINTS {
        let _ = e.act(&LabAction::Call(Command::DeleteEndpoint { endpoint_name: name.into() }));
    }
    assert_eq!(e.run_to(e.now() + Duration::from_secs(60), u64::MAX), Progress::Reached);
    assert_eq!(e.control_plane().endpoints().count(), 0, "seed {seed}");
    let end = e.control_plane().cost_usd();
    assert_eq!(e.run_to(e.now() + Duration::from_secs(86_400), u64::MAX), Progress::Reached);
    assert_eq!(e.control_plane().cost_usd(), end, "seed {seed}: what is gone is billed");
    seen.sent += e.counts().0;
    seen.completed += e.outcomes().iter().filter(|o| o.failure.is_none()).count();
    let alarmed = |f: &RolloutFailure| f.alarm.is_some();
    seen.called_back += e.outcomes().iter().filter(|o| o.failure.as_ref().is_some_and(alarmed)).count();
}

#[test]
fn ten_thousand_random_commands_lose_nothing_and_leave_nothing_stuck() {
    let mut seen = Seen::default();
    for seed in 0..200 {
        play(seed, 50, &mut seen);
    }
    // The test would show nothing if nearly everything were refused.
    let Seen { taken, sent, completed, called_back, tested, scaled } = seen;
    assert!(tested > 50 && scaled > 10, "{tested} shadow tests, {scaled} scaling policies");
    assert!(taken > 3_000, "{taken} of 10,000 commands were taken");
    assert!(sent > 500_000, "{sent} requests");
    assert!(completed > 100 && called_back > 20, "{completed} rollouts completed, {called_back} called back");
}

#[test]
#[ignore = "two million commands; minutes"]
fn ten_thousand_random_commands_for_each_seed() {
    for seed in 0..200 {
        play(seed, 10_000, &mut Seen::default());
    }
}
