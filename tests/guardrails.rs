//! Deployment guardrails: every stage and its words, every refusal, the way back, and whom a rollout harms.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use rollout_lab::{
    analysis::metrics::MetricStore,
    controller::{ControlPlane, Durations, Endpoint, EndpointStatus, FleetChange, RolloutPhase},
    domain::{
        AlarmState, Artifact, AutoRollbackConfiguration, BlueGreenUpdatePolicy, CapacitySize, CapacityType,
        Command, ComparisonOperator, ContainerImage, ContainerInput, DeploymentConfig, Dimension, FleetId,
        ImageScope, MetricAlarmInput, ProductionVariantInput, ReviewId, RollbackAlarm, RollingUpdatePolicy,
        TrafficRoutingConfiguration, TrafficRoutingType, TreatMissingData, VirtualTime,
    },
    inference::Prediction,
    lab::{Experiment, Harm, LabAction, LabId, Progress, TrafficSettings},
    routing::Router,
    simulation::Fault,
    wire::calls,
};

const NAME: &str = "reviews";

fn s(seconds: u64) -> VirtualTime {
    VirtualTime::from_s(seconds)
}

fn model(name: &str, artifact: Artifact) -> Command {
    Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput {
            image: ContainerImage::retrieve(ImageScope::Inference, false).as_str().into(),
            model_data_url: artifact.model_data_url(),
        },
    }
}

fn config(name: &str, variants: &[(&str, &str, i64)]) -> Command {
    let variant = |&(variant, model, instances): &(&str, &str, i64)| ProductionVariantInput {
        variant_name: variant.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: instances,
        initial_variant_weight: 1.0,
        routing_config: None,
    };
    Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: variants.iter().map(variant).collect(),
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
    }
}

fn create(config: &str) -> Command {
    Command::CreateEndpoint {
        endpoint_name: NAME.into(),
        endpoint_config_name: config.into(),
        deployment_config: None,
    }
}

fn update(config: &str, deployment_config: Option<DeploymentConfig>) -> Command {
    Command::UpdateEndpoint {
        endpoint_name: NAME.into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: Vec::new(),
        deployment_config,
        retain_deployment_config: false,
    }
}

fn percent(value: i64) -> CapacitySize {
    CapacitySize { kind: CapacityType::CapacityPercent, value }
}

fn alarms(names: &[&str]) -> Option<AutoRollbackConfiguration> {
    let alarms: Vec<_> = names.iter().map(|n| RollbackAlarm { alarm_name: (*n).into() }).collect();
    (!alarms.is_empty()).then_some(AutoRollbackConfiguration { alarms })
}

fn blue_green(
    kind: TrafficRoutingType,
    size: i64,
    wait: i64,
    end: i64,
    timeout: Option<i64>,
    named: &[&str],
) -> Option<DeploymentConfig> {
    Some(DeploymentConfig {
        blue_green_update_policy: Some(BlueGreenUpdatePolicy {
            traffic_routing_configuration: TrafficRoutingConfiguration {
                kind,
                wait_interval_in_seconds: wait,
                canary_size: (kind == TrafficRoutingType::Canary).then_some(percent(size)),
                linear_step_size: (kind == TrafficRoutingType::Linear).then_some(percent(size)),
            },
            termination_wait_in_seconds: Some(end),
            maximum_execution_timeout_in_seconds: timeout,
        }),
        rolling_update_policy: None,
        auto_rollback_configuration: alarms(named),
    })
}

/// 10%, ten minutes, everything, ten minutes: the service's sample with a smaller canary.
fn canary(named: &[&str]) -> Option<DeploymentConfig> {
    blue_green(TrafficRoutingType::Canary, 10, 600, 600, None, named)
}

fn linear(named: &[&str]) -> Option<DeploymentConfig> {
    blue_green(TrafficRoutingType::Linear, 20, 300, 300, None, named)
}

fn rolling(batch: i64, rollback: Option<i64>, named: &[&str]) -> Option<DeploymentConfig> {
    Some(DeploymentConfig {
        rolling_update_policy: Some(RollingUpdatePolicy {
            maximum_batch_size: percent(batch),
            wait_interval_in_seconds: 300,
            maximum_execution_timeout_in_seconds: None,
            rollback_maximum_batch_size: rollback.map(percent),
        }),
        blue_green_update_policy: None,
        auto_rollback_configuration: alarms(named),
    })
}

fn alarm_on(name: &str, metric: &str, dimensions: &[(&str, &str)]) -> MetricAlarmInput {
    MetricAlarmInput {
        alarm_name: name.into(),
        namespace: "AWS/SageMaker".into(),
        metric_name: metric.into(),
        dimensions: dimensions.iter().map(|(n, v)| Dimension::new(n, v)).collect(),
        statistic: Some("Average".into()),
        extended_statistic: None,
        period: 60,
        evaluation_periods: 1,
        datapoints_to_alarm: None,
        threshold: 0.05,
        comparison_operator: ComparisonOperator::GreaterThanThreshold,
        treat_missing_data: Some(TreatMissingData::NotBreaching),
    }
}

/// An alarm about an endpoint without metrics: whether it rings is what missing data is treated as.
fn put(name: &str, rings: bool) -> Command {
    let missing = if rings { TreatMissingData::Breaching } else { TreatMissingData::NotBreaching };
    let watched = [("EndpointName", NAME), ("VariantName", "AllTraffic")];
    Command::PutMetricAlarm(MetricAlarmInput {
        treat_missing_data: Some(missing),
        ..alarm_on(name, "Invocation5XXErrors", &watched)
    })
}

/// Ten instances of model a in service since second 240, a configuration of ten of model b, and a silent alarm.
fn plane() -> ControlPlane {
    let mut plane = ControlPlane::new(Durations::default());
    for call in [
        model("a", Artifact::A),
        model("b", Artifact::B),
        config("old", &[("V", "a", 10)]),
        config("new", &[("V", "b", 10)]),
        config("renamed", &[("W", "b", 10)]),
        config("two", &[("V", "a", 5), ("W", "b", 5)]),
        config("small", &[("V", "b", 1)]),
        put("errors", false),
        create("old"),
    ] {
        plane.execute(&call, s(0)).unwrap();
    }
    plane.advance(s(240));
    plane
}

fn endpoint(plane: &ControlPlane) -> &Endpoint {
    plane.endpoint(NAME).unwrap()
}

fn green_status(plane: &ControlPlane) -> (String, String) {
    let status = endpoint(plane).pending().unwrap().variants[0].status.clone().unwrap();
    (status.status, status.message)
}

/// Share of the requests that go to the new fleet.
fn green_share(plane: &ControlPlane) -> f64 {
    let e = endpoint(plane);
    e.pending().map_or(0.0, |d| d.variants.iter().map(|v| e.share(v.fleet)).sum())
}

#[test]
fn a_canary_goes_through_every_stage_in_the_documented_words() {
    let mut plane = plane();
    let old = endpoint(&plane).variants()[0].fleet;
    plane.advance(s(300));
    plane.execute(&update("new", canary(&["errors"])), s(300)).unwrap();
    let words = |status: &str, message: &str| (status.to_owned(), message.to_owned());
    assert_eq!(green_status(&plane), words("Creating", "Launching 10 instance(s)."));

    let changes = plane.advance(s(540));
    assert!(matches!(&changes[..], [FleetChange::Launch(o)] if o.instances == 1), "{changes:?}");
    assert_eq!(
        green_status(&plane),
        words("ActivatingTraffic", "Activating traffic on canary capacity of 1 instance(s).")
    );
    assert_eq!(green_share(&plane), 0.0);

    let changes = plane.advance(s(555));
    assert!(matches!(changes[..], [FleetChange::Route(_)]), "{changes:?}");
    assert_eq!(
        green_status(&plane),
        words(
            "Baking",
            "Baking for 600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
        )
    );
    assert!((green_share(&plane) - 0.1).abs() < 1e-12);
    assert!((endpoint(&plane).share(old) - 0.9).abs() < 1e-12);

    plane.advance(s(1_155));
    assert_eq!(
        green_status(&plane),
        words("ActivatingTraffic", "Activating traffic on full capacity of 10 instance(s).")
    );
    let changes = plane.advance(s(1_170));
    assert!(
        matches!(changes[..], [FleetChange::Resize { instances: 10, .. }, FleetChange::Route(_)]),
        "{changes:?}"
    );
    assert_eq!(
        green_status(&plane),
        words(
            "Baking",
            "Baking for 600 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 10 instance(s)."
        )
    );
    assert_eq!((green_share(&plane), endpoint(&plane).share(old)), (1.0, 0.0));
    assert_eq!(endpoint(&plane).config.as_str(), "old");

    let changes = plane.advance(s(1_770));
    assert!(matches!(changes[..], [FleetChange::Retire(f)] if f == old), "{changes:?}");
    let blue = endpoint(&plane).variants()[0].status.clone().unwrap();
    assert_eq!((blue.status.as_str(), blue.message.as_str()), ("Deleting", "Terminating 10 instance(s)."));
    assert_eq!(endpoint(&plane).status, EndpointStatus::Updating);

    assert!(plane.advance(s(1_800)).is_empty());
    let e = endpoint(&plane);
    assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "new"));
    assert_eq!((e.variants()[0].status.clone(), e.variants()[0].current_count), (None, 10));
    let outcome = e.last_rollout.as_ref().unwrap();
    assert_eq!((outcome.failure.clone(), outcome.ended), (None, s(1_800)));
    // Both fleets of ten at 0.115 dollars an hour from the update to its end.
    let hours = (1_800.0 - 300.0) / 3_600.0;
    let expected = 10.0 * 0.115 * 300.0 / 3_600.0 + 20.0 * 0.115 * hours;
    assert!((plane.cost_usd() - expected).abs() < 1e-9, "{} {expected}", plane.cost_usd());
}

#[test]
fn a_linear_shift_has_equal_steps() {
    let mut plane = plane();
    plane.execute(&update("new", linear(&["errors"])), s(300)).unwrap();
    let mut seen = Vec::new();
    for step in 0..5 {
        plane.advance(s(555 + 315 * step));
        seen.push((green_share(&plane) * 100.0).round() as u32);
        assert_eq!(endpoint(&plane).rollout().unwrap().phase, RolloutPhase::Baking);
    }
    assert_eq!(seen, [20, 40, 60, 80, 100]);
    let end = endpoint(&plane).rollout().unwrap().expected_end;
    assert_eq!(end, s(300 + 240 + 5 * 15 + 5 * 300 + 30));
    plane.advance(end);
    assert_eq!(endpoint(&plane).status, EndpointStatus::InService);
}

#[test]
fn a_rolling_deployment_grows_one_fleet_and_shrinks_the_other() {
    let mut plane = plane();
    plane.execute(&update("new", rolling(50, None, &["errors"])), s(300)).unwrap();
    assert!((endpoint(&plane).usd_per_hour() - 15.0 * 0.115).abs() < 1e-12);
    let changes = plane.advance(s(555));
    assert!(
        matches!(&changes[..], [FleetChange::Launch(o), FleetChange::Route(_)] if o.instances == 5),
        "{changes:?}"
    );
    assert!((green_share(&plane) - 0.5).abs() < 1e-12);
    // The batch has baked: half of the old fleet ends before the next batch is started.
    let changes = plane.advance(s(855));
    assert!(matches!(changes[..], [FleetChange::Resize { instances: 5, .. }]), "{changes:?}");
    assert_eq!(green_status(&plane).1, "Launching 5 instance(s).");
    assert!((endpoint(&plane).usd_per_hour() - 15.0 * 0.115).abs() < 1e-12);
    plane.advance(s(855 + 240 + 15));
    assert_eq!(green_share(&plane), 1.0);
    plane.advance(s(855 + 240 + 15 + 300 + 30));
    let e = endpoint(&plane);
    assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "new"));
    assert!((e.usd_per_hour() - 10.0 * 0.115).abs() < 1e-12);
}

/// The alarm begins to ring, and the next full minute sees it. Returns what happens to the fleets then.
fn ring(plane: &mut ControlPlane, at: u64) -> (Vec<FleetChange>, VirtualTime) {
    plane.advance(s(at));
    plane.execute(&put("errors", true), s(at)).unwrap();
    let minute = s((at / 60 + 1) * 60);
    plane.advance(minute);
    (plane.observe(&MetricStore::default(), minute), minute)
}

#[test]
fn an_alarm_in_any_bake_returns_everything_to_the_old_fleet_at_the_next_minute() {
    let canary_bakes = [600, 1_000, 1_200, 1_600];
    let linear_bakes = [560, 900, 1_200, 1_530, 1_850];
    for (policy, bakes) in [(canary(&["errors"]), &canary_bakes[..]), (linear(&["errors"]), &linear_bakes)] {
        for &at in bakes {
            let mut plane = plane();
            let old = endpoint(&plane).variants()[0].fleet;
            plane.execute(&update("new", policy.clone()), s(300)).unwrap();
            let (changes, minute) = ring(&mut plane, at);
            let new = endpoint(&plane).pending().unwrap().variants[0].fleet;
            assert!(
                matches!(changes[..], [FleetChange::Route(_), FleetChange::Retire(f)] if f == new),
                "{at}: {changes:?}"
            );
            assert!(minute.since(s(at)) <= Duration::from_secs(60));
            assert_eq!((endpoint(&plane).share(old), green_share(&plane)), (1.0, 0.0), "{at}");
            assert_eq!(green_status(&plane).1, "Terminating 10 instance(s).");
            plane.advance(minute + Duration::from_secs(30));
            let e = endpoint(&plane);
            assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "old"));
            let reason = e.failure_reason.clone().unwrap();
            assert!(reason.contains("the CloudWatch alarm \"errors\" is in state ALARM"), "{reason}");
            let failure = e.last_rollout.as_ref().unwrap().failure.clone().unwrap();
            assert_eq!((failure.alarm.unwrap().as_str(), failure.at), ("errors", minute));
            assert!((e.usd_per_hour() - 10.0 * 0.115).abs() < 1e-12);
            // It can be tried again.
            plane.execute(&update("new", None), minute + Duration::from_secs(31)).unwrap();
        }
    }
}

#[test]
fn an_alarm_outside_a_bake_waits_for_the_next_one() {
    // While the fleet is launched; it is called back as its first bake begins.
    let mut plane = plane();
    plane.execute(&update("new", canary(&["errors"])), s(300)).unwrap();
    let (changes, _) = ring(&mut plane, 400);
    assert!(changes.is_empty());
    let changes = plane.advance(s(555));
    assert!(
        matches!(
            changes[..],
            [FleetChange::Launch(_), FleetChange::Route(_), FleetChange::Route(_), FleetChange::Retire(_)]
        ),
        "{changes:?}"
    );
    plane.advance(s(600));
    assert_eq!(endpoint(&plane).config.as_str(), "old");
    // Once the old fleet ends there is no way back.
    let mut plane = self::plane();
    plane.execute(&update("new", canary(&["errors"])), s(300)).unwrap();
    let (changes, _) = ring(&mut plane, 1_771);
    assert!(changes.is_empty());
    plane.advance(s(1_900));
    assert_eq!(endpoint(&plane).config.as_str(), "new");
}

#[test]
fn an_alarm_that_rings_already_is_taken_and_calls_back_at_the_first_bake() {
    let mut plane = plane();
    ring(&mut plane, 250);
    plane.execute(&update("new", canary(&["errors"])), s(320)).unwrap();
    let notes = &endpoint(&plane).rollout().unwrap().notes;
    assert!(notes.iter().any(|n| n.contains("\"errors\" is in state ALARM already")), "{notes:?}");
    plane.advance(s(320 + 240 + 15 + 30));
    let e = endpoint(&plane);
    assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "old"));
}

#[test]
fn a_rolling_deployment_gets_its_instances_back_before_it_gives_up() {
    for (batch, expected_counts) in [(None, &[10u32][..]), (Some(30), &[8, 10])] {
        let mut plane = plane();
        plane.execute(&update("new", rolling(50, batch, &["errors"])), s(300)).unwrap();
        // In the bake of the second batch five of the old ten are gone.
        let (changes, minute) = ring(&mut plane, 1_130);
        assert!(changes.is_empty(), "{changes:?}");
        assert_eq!(endpoint(&plane).rollout().unwrap().phase, RolloutPhase::RollingBack);
        let mut now = minute;
        for &count in expected_counts {
            now = now + Duration::from_secs(120);
            let changes = plane.advance(now);
            assert!(
                matches!(changes[0], FleetChange::Resize { instances, .. } if instances == count),
                "{changes:?}"
            );
        }
        assert_eq!(green_share(&plane), 0.0);
        plane.advance(now + Duration::from_secs(30));
        let e = endpoint(&plane);
        assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "old"));
        assert_eq!((e.variants()[0].current_count, e.variants()[0].desired_count), (10, 10));
        assert!(e.failure_reason.as_ref().unwrap().contains("errors"));
    }
}

#[test]
fn a_deployment_that_takes_too_long_goes_back() {
    // Launch and activation take 255 s beside 590 s of waits: 600 s are over in the bake.
    let policy = blue_green(TrafficRoutingType::Canary, 10, 295, 295, Some(600), &["errors"]);
    let mut plane = plane();
    plane.execute(&update("new", policy), s(300)).unwrap();
    plane.advance(s(899));
    assert_eq!(endpoint(&plane).status, EndpointStatus::Updating);
    let changes = plane.advance(s(900));
    assert!(matches!(changes[..], [FleetChange::Route(_), FleetChange::Retire(_)]), "{changes:?}");
    plane.advance(s(930));
    let e = endpoint(&plane);
    assert_eq!((e.status, e.config.as_str()), (EndpointStatus::InService, "old"));
    let reason = e.failure_reason.as_ref().unwrap();
    assert!(reason.contains("longer than 600 seconds (MaximumExecutionTimeoutInSeconds)"), "{reason}");
}

#[test]
fn no_stage_takes_another_change() {
    let words =
        "Cannot update in-progress endpoint \"arn:aws:sagemaker:us-east-1:123456789012:endpoint/reviews\".";
    let weights = Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: NAME.into(),
        desired_weights_and_capacities: Vec::new(),
    };
    let delete = Command::DeleteEndpoint { endpoint_name: NAME.into() };
    let mut seen = Vec::new();
    let mut refused = |plane: &mut ControlPlane, at: u64| {
        plane.advance(s(at));
        seen.push(endpoint(plane).rollout().unwrap().phase);
        for call in [update("old", None), update("two", canary(&[])), weights.clone(), delete.clone()] {
            let refusal = plane.execute(&call, s(at)).unwrap_err();
            assert_eq!((refusal.to_string().as_str(), refusal.code()), (words, "ValidationException"));
        }
    };
    let mut plane = plane();
    plane.execute(&update("new", canary(&["errors"])), s(300)).unwrap();
    for at in [301, 541, 556, 1_156, 1_171, 1_771] {
        refused(&mut plane, at);
    }
    let mut plane = self::plane();
    plane.execute(&update("new", rolling(50, None, &["errors"])), s(300)).unwrap();
    let (_, minute) = ring(&mut plane, 1_130);
    for at in [1, 121] {
        refused(&mut plane, (minute + Duration::from_secs(at)).as_s() as u64);
    }
    use RolloutPhase::*;
    let all = [
        Launching,
        ActivatingTraffic,
        Baking,
        ActivatingTraffic,
        Baking,
        Terminating,
        RollingBack,
        Discarding,
    ];
    assert_eq!(seen, all);
}

#[test]
fn what_is_excluded_falls_back_or_is_refused_with_the_reason() {
    // Another variant name: all at once, no bake, and a note.
    let mut renamed = plane();
    renamed.execute(&update("renamed", canary(&["errors"])), s(300)).unwrap();
    let notes = &endpoint(&renamed).rollout().unwrap().notes;
    assert!(
        notes[0].contains("variant(s) V and the new one W") && notes[0].contains("all at once"),
        "{notes:?}"
    );
    renamed.advance(s(540));
    assert_eq!(endpoint(&renamed).status, EndpointStatus::InService);
    assert_eq!(endpoint(&renamed).last_rollout.as_ref().unwrap().notes.len(), 1);

    let mut plane = plane();
    let mut said = |call: Command| {
        let before = format!("{plane:?}");
        let said = plane.execute(&call, s(300)).unwrap_err();
        assert_eq!(format!("{plane:?}"), before, "a refused call changes nothing");
        said
    };
    let rolled = said(update("two", rolling(50, None, &[]))).to_string();
    assert!(rolled.contains("'[2 variants]' at 'deploymentConfig.rollingUpdatePolicy'"), "{rolled}");
    let unknown = said(update("new", canary(&["gone"])));
    assert_eq!((unknown.code(), unknown.http()), ("ResourceNotFound", 404));
    let one = said(update("small", canary(&[]))).to_string();
    assert!(one.contains("1 of 1 instance(s) is 100%"), "{one}");
    let long = said(update("new", blue_green(TrafficRoutingType::Canary, 10, 600, 600, Some(1_200), &[])));
    assert!(long.to_string().contains("which is 1200 seconds"), "{long}");
    let gone = said(Command::DeleteAlarms { alarm_names: vec!["errors".into(), "gone".into()] });
    assert_eq!(gone.to_string(), "The CloudWatch alarm \"gone\" does not exist.");
    let bad =
        said(Command::PutMetricAlarm(MetricAlarmInput { period: 61, ..alarm_on("x", "Invocations", &[]) }));
    assert_eq!(bad.code(), "ValidationError");
}

#[test]
fn a_deployment_configuration_is_stored_at_creation_and_used_when_retained() {
    let mut plane = plane();
    let mut other = create("old");
    if let Command::CreateEndpoint { endpoint_name, deployment_config, .. } = &mut other {
        (*endpoint_name, *deployment_config) = ("stored".into(), linear(&[]));
    }
    plane.execute(&other, s(240)).unwrap();
    plane.advance(s(480));
    let stored = plane.endpoint("stored").unwrap();
    assert_eq!(stored.status, EndpointStatus::InService);
    assert_eq!(stored.deployment_config, linear(&[]));
    let said = rollout_lab::lab::describe(stored);
    let step = "/LastDeploymentConfig/BlueGreenUpdatePolicy/TrafficRoutingConfiguration/LinearStepSize/Value";
    assert_eq!(said.pointer(step), Some(&20.into()));
    let mut call = update("new", None);
    if let Command::UpdateEndpoint { endpoint_name, retain_deployment_config, .. } = &mut call {
        (*endpoint_name, *retain_deployment_config) = ("stored".into(), true);
    }
    plane.execute(&call, s(500)).unwrap();
    assert_eq!(plane.endpoint("stored").unwrap().rollout().unwrap().steps, 5);
    // Retained or given, not both.
    let mut both = update("new", linear(&[]));
    if let Command::UpdateEndpoint { retain_deployment_config, .. } = &mut both {
        *retain_deployment_config = true;
    }
    assert!(plane.execute(&both, s(500)).unwrap_err().to_string().contains("retainDeploymentConfig"));
}

#[test]
fn it_does_not_matter_how_time_is_cut() {
    let run = |slice: u64| {
        let mut plane = plane();
        let mut all = Vec::new();
        for (policy, to) in
            [(canary(&["errors"]), "new"), (linear(&[]), "old"), (rolling(30, None, &[]), "new")]
        {
            let began = plane.endpoints().map(|e| e.modified).max().unwrap();
            plane.execute(&update(to, policy), began).unwrap();
            let end = endpoint(&plane).rollout().unwrap().expected_end;
            let mut now = began;
            while now < end {
                now = (now + Duration::from_secs(slice)).min(end);
                all.extend(plane.advance(now));
            }
            assert_eq!(endpoint(&plane).status, EndpointStatus::InService);
        }
        (all, format!("{:?}", endpoint(&plane)))
    };
    assert_eq!(run(7), run(100_000));
    assert_eq!(run(311), run(100_000));
}

#[test]
fn a_sticky_user_only_moves_from_the_old_to_the_new_instances_of_a_variant() {
    let mut plane = ControlPlane::new(Durations::default());
    for call in [
        model("a", Artifact::A),
        model("b", Artifact::B),
        config("old", &[("V", "a", 10), ("W", "a", 10)]),
        config("new", &[("V", "b", 10), ("W", "b", 10)]),
        create("old"),
    ] {
        plane.execute(&call, s(0)).unwrap();
    }
    plane.advance(s(240));
    plane.execute(&update("new", linear(&[])), s(300)).unwrap();
    let mut last: Vec<FleetId> = Vec::new();
    let (mut moved, new) = (0, endpoint(&plane).pending().unwrap().clone());
    for at in [310, 555, 870, 1_185, 1_500, 1_815, 2_400] {
        plane.advance(s(at));
        let router = Router::new(endpoint(&plane).routes(), NAME).unwrap();
        let at_place = |user| {
            let route = &router.routes()[router.sticky(user)];
            (route.fleet, route.variant.clone())
        };
        for user in 0..2_000u64 {
            let (fleet, variant) = at_place(user);
            if let Some(before) = last.get_mut(user as usize) {
                if *before != fleet {
                    moved += 1;
                    let to = new.variants.iter().find(|v| v.fleet == fleet).unwrap();
                    assert_eq!(to.name, variant);
                    *before = fleet;
                }
            } else {
                last.push(fleet);
            }
        }
    }
    assert_eq!(moved, 2_000, "each moves once");
}

// ---- In the lab: alarms see metrics, and harm is counted. ----

fn opened(seed: u64, per_second: f64) -> Experiment {
    let mut e = Experiment::new(LabId::Sandbox, seed);
    for artifact in Artifact::ALL {
        for i in 0..e.table().reviews() as u32 {
            let mut probabilities = [0.05; 5];
            probabilities[(i as usize + artifact.index()) % 5] = 0.8;
            e.table_mut().answer(artifact, ReviewId(i), Prediction::from_probabilities(probabilities));
        }
        e.act(&LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    }
    for call in
        [config("old", &[("V", "reviews-a", 10)]), config("new", &[("V", "reviews-b", 10)]), create("old")]
    {
        e.act(&LabAction::Call(call)).unwrap();
    }
    until(&mut e, 240);
    let traffic = TrafficSettings { on: true, per_second, ..TrafficSettings::default() };
    e.act(&LabAction::SetTraffic(traffic)).unwrap();
    e
}

fn until(e: &mut Experiment, second: u64) {
    assert_eq!(e.run_to(s(second), u64::MAX), Progress::Reached);
}

fn call(e: &mut Experiment, command: Command) {
    e.act(&LabAction::Call(command)).unwrap();
}

fn new_fleet_errors() -> MetricAlarmInput {
    let watched = [("EndpointName", NAME), ("VariantName", "V"), ("EndpointConfigName", "new")];
    alarm_on("new-errors", "Invocation5XXErrors", &watched)
}

fn break_new(e: &mut Experiment, share: f64) {
    let fault = Fault::ModelErrors { share };
    let config = "new".to_owned();
    e.act(&LabAction::BreakVersion { endpoint_config_name: config, fault, lasts_s: 86_400 }).unwrap();
}

fn last_harm(e: &Experiment) -> Harm {
    e.harms().last().unwrap().clone()
}

/// Whether a count lies within 4.5 standard deviations of a binomial's mean: a false alarm in 150,000 looks.
fn assert_binomial(seen: u32, n: f64, p: f64, what: &str) {
    let (mean, sd) = (n * p, (n * p * (1.0 - p)).sqrt().max(1.0));
    assert!((f64::from(seen) - mean).abs() <= 4.5 * sd, "{what}: {seen}, not {mean:.0} ± {:.0}", 4.5 * sd);
}

#[test]
fn harm_is_share_times_rate_times_error_rate_times_time() {
    let (rate, error) = (50.0, 0.3);
    for seed in 0..5 {
        // No alarm: every step lasts as long as it should.
        for (policy, exposed) in [
            // 600 s at a tenth (and 15 s while the rest is turned on), then all, until the end of the count.
            (canary(&[]), 0.1 * 615.0 + 1_000.0),
            (linear(&[]), (0.2 + 0.4 + 0.6 + 0.8) * 315.0 + 1_000.0),
        ] {
            let mut e = opened(seed, rate);
            break_new(&mut e, error);
            until(&mut e, 300);
            call(&mut e, update("new", policy.clone()));
            let full = if policy == canary(&[]) { 555 + 615 } else { 555 + 4 * 315 };
            until(&mut e, full + 1_000);
            let total = last_harm(&e).total();
            let what = format!("seed {seed}, {exposed} s");
            // Arrivals are Poisson: their number has its own spread, so errors are held against what arrived …
            assert_binomial(total.errors, f64::from(total.new), error, &what);
            // … and what arrived against share × rate × time, whose variance is its mean.
            let expected = exposed * rate;
            assert!((f64::from(total.new) - expected).abs() < 4.5 * expected.sqrt(), "{what}: {}", total.new);
            assert_eq!(total.old_errors, 0);
            let (sent, answered) = e.counts();
            assert_eq!(u64::from(total.errors), sent - answered);
        }
    }
}

#[test]
fn an_alarm_limits_the_harm_and_blue_never_loses_a_request() {
    for (policy, share) in [(canary(&["new-errors"]), 0.1), (linear(&["new-errors"]), 0.2)] {
        for seed in 0..5 {
            let mut e = opened(seed, 50.0);
            call(&mut e, Command::PutMetricAlarm(new_fleet_errors()));
            break_new(&mut e, 0.3);
            until(&mut e, 300);
            call(&mut e, update("new", policy.clone()));
            until(&mut e, 3_000);
            let endpoint = e.control_plane().endpoint(NAME).unwrap();
            assert_eq!((endpoint.status, endpoint.config.as_str()), (EndpointStatus::InService, "old"));
            assert!(endpoint.failure_reason.as_ref().unwrap().contains("\"new-errors\""));
            let failure = endpoint.last_rollout.as_ref().unwrap().failure.clone().unwrap();
            // Traffic from 555 s; the minute from 540 s is published at 660 s and rings then.
            assert_eq!(failure.at, s(660));
            let alarm = e.control_plane().alarms().next().unwrap();
            let rang = alarm.history.iter().find(|c| c.state == AlarmState::Alarm).unwrap();
            assert_eq!(rang.at, failure.at, "back within the evaluation that rang");
            let total = last_harm(&e).total();
            let expected = share * 105.0 * 50.0;
            assert!((f64::from(total.new) - expected).abs() < 4.5 * expected.sqrt(), "{}", total.new);
            assert_binomial(total.errors, f64::from(total.new), 0.3, "harmed");
            assert_eq!(total.old_errors, 0, "the old fleet lost a request");
            let (sent, answered) = e.counts();
            assert_eq!(u64::from(total.errors), sent - answered, "nothing failed but on the new fleet");
        }
    }
}

#[test]
fn the_sample_alarm_with_threshold_1_never_rings_and_a_dry_run_tells() {
    let mut e = opened(3, 50.0);
    let sample = MetricAlarmInput {
        threshold: 1.0,
        ..alarm_on("sample", "Invocation5XXErrors", &[("EndpointName", NAME), ("VariantName", "AllTraffic")])
    };
    call(&mut e, Command::PutMetricAlarm(sample.clone()));
    break_new(&mut e, 1.0);
    until(&mut e, 300);
    call(&mut e, update("new", canary(&["sample"])));
    until(&mut e, 2_400);
    let endpoint = e.control_plane().endpoint(NAME).unwrap();
    assert_eq!(endpoint.config.as_str(), "new", "every request fails, and the alarm is still OK");
    assert_eq!(e.control_plane().alarms().next().unwrap().state, AlarmState::Ok);
    let reply = e.act(&LabAction::DryRunAlarm(sample.clone())).unwrap();
    assert_eq!(reply["WouldHaveRung"], 0);
    assert!(reply["NeverRings"].as_str().unwrap().contains("never > 1"), "{reply}");
    let sound = MetricAlarmInput { alarm_name: "sound".into(), threshold: 0.05, ..sample };
    let reply = e.act(&LabAction::DryRunAlarm(sound)).unwrap();
    assert_eq!((reply["WouldHaveRung"].as_u64(), &reply["NeverRings"]), (Some(1), &serde_json::Value::Null));
    // The canary's first errors come at 555 s; their minute ends at 600 s and is published at 660 s.
    assert_eq!(reply["FirstAt"], "00:11:00");
}

#[test]
fn a_dry_run_rings_when_the_alarm_did() {
    let mut e = opened(4, 50.0);
    call(&mut e, Command::PutMetricAlarm(new_fleet_errors()));
    break_new(&mut e, 0.3);
    until(&mut e, 300);
    call(&mut e, update("new", linear(&[])));
    until(&mut e, 2_000);
    let lived: Vec<_> = e.control_plane().alarms().next().unwrap().history.clone();
    e.act(&LabAction::DryRunAlarm(new_fleet_errors())).unwrap();
    let tried = &e.dry_runs()[0].changes;
    // The alarm was put at 240 s, so that its first state is of that time.
    assert_eq!(tried[1..], lived[1..]);
    assert!(lived.iter().any(|c| c.state == AlarmState::Alarm));
}

#[test]
fn the_state_does_not_depend_on_how_time_is_cut() {
    let run = |slice_ns: u64, most: u64| {
        let mut e = opened(7, 20.0);
        call(&mut e, Command::PutMetricAlarm(new_fleet_errors()));
        break_new(&mut e, 0.3);
        until(&mut e, 290);
        call(&mut e, update("new", canary(&["new-errors"])));
        let end = s(1_000);
        while e.now() < end {
            let next = (e.now() + Duration::from_nanos(slice_ns)).min(end);
            while e.run_to(next, most) == Progress::OutOfBudget {}
        }
        let mut shot = e.snapshot();
        shot.recent.clear();
        let mut json = serde_json::to_value(&shot).unwrap();
        json["cost_usd"] = (shot.cost_usd * 1e6).round().into();
        json["endpoints"][0]["cost_usd"] = (shot.endpoints[0].cost_usd * 1e6).round().into();
        json
    };
    let whole = run(u64::MAX / 4, u64::MAX);
    assert_eq!(whole["endpoints"][0]["last_rollout"]["failure"]["alarm"], "new-errors");
    assert_eq!(run(7_000_000_000, 37), whole);
    assert_eq!(run(999_999_937, 5), whole);
}

#[test]
fn four_strategies_side_by_side_meet_the_same_requests() {
    let mut e = opened(5, 50.0);
    call(&mut e, Command::PutMetricAlarm(new_fleet_errors()));
    break_new(&mut e, 0.3);
    until(&mut e, 300);
    let before = e.counts();
    let compare = |minutes| LabAction::CompareRollouts {
        endpoint_name: NAME.into(),
        endpoint_config_name: "new".into(),
        alarm_names: vec!["new-errors".into()],
        minutes,
    };
    e.act(&compare(30)).unwrap();
    assert_eq!((e.counts(), e.now()), (before, s(300)), "the lab itself stands still");
    let harmed: Vec<(&str, u32)> =
        e.compared().iter().map(|h| (h.strategy.as_str(), h.total().errors)).collect();
    let [(_, all), (_, canary), (_, linear), (shadow, none)] = harmed[..] else { panic!("{harmed:?}") };
    assert_eq!((shadow, none), ("shadow", 0));
    assert!(e.compared()[3].total().unseen > 10_000, "the shadow's failures are seen by nobody");
    assert!(all > 10 * linear && linear > canary && canary > 0, "{harmed:?}");
    let shot = e.snapshot();
    assert_eq!(shot.compared, e.compared());
    let text = serde_json::to_string(&shot).unwrap();
    assert_eq!(serde_json::from_str::<rollout_lab::lab::Snapshot>(&text).unwrap().compared, shot.compared);
    for h in e.compared() {
        assert_eq!((h.minutes.len(), h.total().old_errors), (30, 0));
    }
    let requests = |h: &Harm| h.total().new + h.total().old;
    assert!(e.compared().iter().all(|h| requests(h) == requests(&e.compared()[0])));
    assert!(e.act(&compare(0)).unwrap_err().message.contains("not 0"));
}

#[test]
fn shadows_move_with_the_new_fleet_once_it_has_everything() {
    let mut e = opened(6, 20.0);
    let mut shadowed = config("shadowed", &[("V", "reviews-a", 10)]);
    if let Command::CreateEndpointConfig { shadow_production_variants, production_variants, .. } =
        &mut shadowed
    {
        let shadow = production_variants[0].clone();
        shadow_production_variants.push(ProductionVariantInput { variant_name: "S".into(), ..shadow });
    }
    call(&mut e, shadowed);
    until(&mut e, 300);
    call(&mut e, update("shadowed", canary(&[])));
    until(&mut e, 1_169);
    let copies = |e: &Experiment| e.tally_by_name(&e.called_endpoint().unwrap().name, "S").invocations;
    assert_eq!(copies(&e), 0);
    until(&mut e, 1_770);
    assert!(copies(&e) > 10_000);
}

#[test]
fn calls_are_said_in_every_language() {
    let put = Command::PutMetricAlarm(new_fleet_errors());
    let python = calls::boto3(&put);
    assert!(python.starts_with("cloudwatch.put_metric_alarm(\n    AlarmName=\"new-errors\","), "{python}");
    assert!(python.contains("TreatMissingData=\"notBreaching\","), "{python}");
    let shell = calls::cli(&Command::DeleteAlarms { alarm_names: vec!["a".into()] });
    assert_eq!(shell, "aws cloudwatch delete-alarms \\\n  --alarm-names '[\"a\"]'");
    let calls = [put, update("new", canary(&["a"])), Command::DescribeAlarms { alarm_names: Vec::new() }];
    for call in calls {
        assert_eq!(calls::parse_json(&call, &calls::json(&call)), Ok(call.clone()));
        let text = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), call);
    }
    assert!(calls::boto3(&update("new", canary(&[]))).contains("\"TerminationWaitInSeconds\": 600,"));
    let reply =
        opened(1, 1.0).act(&LabAction::Call(Command::DescribeAlarms { alarm_names: vec![] })).unwrap();
    assert_eq!(reply["MetricAlarms"], serde_json::json!([]));
}
