//! Autoscaling: decisions against sequences worked out by hand, refusals, a day in the life of a fleet, and its bill.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use rollout_lab::{
    controller::{ControlPlane, Durations, EndpointStatus, MinuteLoad},
    domain::{
        Artifact, Command, CommandError, ContainerImage, ContainerInput, DeleteScalingPolicy,
        DeregisterScalableTarget, DescribeScalableTargets, ImageScope, PredefinedMetric,
        ProductionVariantInput, PutScalingPolicy, RegisterScalableTarget, ReviewId, SECOND_NS,
        TargetTracking, VirtualTime, resource_id,
    },
    inference::Prediction,
    lab::{Experiment, Fault, LabAction, LabId, Progress, TrafficSettings},
    simulation::{ArrivalProcess, Purpose, Stream},
    wire::calls,
};

fn variant(name: &str, instance_type: &str, count: i64) -> ProductionVariantInput {
    ProductionVariantInput {
        variant_name: name.into(),
        model_name: "reviews-a".into(),
        instance_type: instance_type.into(),
        initial_instance_count: count,
        initial_variant_weight: 1.0,
        routing_config: None,
    }
}

fn config(name: &str, production: &[ProductionVariantInput], shadow: &[ProductionVariantInput]) -> Command {
    Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: production.to_vec(),
        shadow_production_variants: shadow.to_vec(),
        data_capture_config: None,
    }
}

fn create(config: &str) -> Command {
    Command::CreateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        deployment_config: None,
    }
}

fn update(config: &str) -> Command {
    Command::UpdateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: vec![],
        deployment_config: None,
        retain_deployment_config: false,
    }
}

fn register(variant: &str, min: i64, max: i64) -> RegisterScalableTarget {
    RegisterScalableTarget {
        service_namespace: "sagemaker".into(),
        resource_id: resource_id("reviews", variant),
        scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
        min_capacity: Some(min),
        max_capacity: Some(max),
    }
}

fn policy(variant: &str, target_value: f64) -> PutScalingPolicy {
    PutScalingPolicy {
        policy_name: "keep-up".into(),
        service_namespace: "sagemaker".into(),
        resource_id: resource_id("reviews", variant),
        scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
        policy_type: "TargetTrackingScaling".into(),
        target_tracking_scaling_policy_configuration: TargetTracking {
            target_value,
            predefined_metric_specification: PredefinedMetric {
                predefined_metric_type: "SageMakerVariantInvocationsPerInstance".into(),
            },
            scale_in_cooldown: None,
            scale_out_cooldown: None,
            disable_scale_in: false,
        },
    }
}

/// One variant in service from second 240, with these two calls made.
fn scaled(count: i64, target: RegisterScalableTarget, policy: PutScalingPolicy) -> ControlPlane {
    let mut plane = ControlPlane::new(Durations::default());
    for call in [
        Command::CreateModel {
            model_name: "reviews-a".into(),
            primary_container: ContainerInput {
                image: ContainerImage::retrieve(ImageScope::Inference, false).as_str().into(),
                model_data_url: Artifact::A.model_data_url(),
            },
        },
        config("one", &[variant("Main", "ml.m5.large", count)], &[]),
        create("one"),
    ] {
        plane.execute(&call, VirtualTime::ZERO).unwrap();
    }
    let now = VirtualTime::from_s(240);
    plane.advance(now);
    plane.execute(&Command::RegisterScalableTarget(target), now).unwrap();
    plane.execute(&Command::PutScalingPolicy(policy), now).unwrap();
    plane
}

fn count(plane: &ControlPlane) -> u32 {
    plane.endpoint("reviews").unwrap().variants()[0].current_count
}

/// Lets each minute after the fourth bring so many invocations.
fn live(plane: &mut ControlPlane, minutes: &mut u64, loads: &[(u64, f64)]) {
    for &(times, invocations) in loads {
        for _ in 0..times {
            *minutes += 1;
            let now = VirtualTime::from_s(*minutes * 60);
            assert_eq!(plane.next_scaling(), now);
            let instances = f64::from(count(plane));
            plane.scale(now, |_, _| MinuteLoad { invocations, per_instance: invocations / instances });
            plane.advance(now);
        }
    }
}

/// Minute, from, to of every activity.
fn activities(plane: &ControlPlane) -> Vec<(u64, u32, u32)> {
    plane.scaling_activities().map(|a| (a.at.minute(), a.from, a.to)).collect()
}

#[test]
fn it_scales_out_after_three_minutes_and_in_after_fifteen() {
    let mut plane = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    let mut now = 4;
    // Two minutes are not three.
    live(&mut plane, &mut now, &[(2, 50.0), (2, 250.0), (1, 90.0), (2, 250.0)]);
    assert_eq!(activities(&plane), []);
    // The third, minute 12: ⌈1 · 250 ÷ 100⌉ = 3. Two minutes later they serve.
    live(&mut plane, &mut now, &[(1, 250.0)]);
    assert_eq!(activities(&plane), [(12, 1, 3)]);
    assert_eq!(count(&plane), 1);
    live(&mut plane, &mut now, &[(2, 250.0)]);
    assert_eq!(count(&plane), 3);
    // 240 on three are 80 each: below 90% of the target, but ⌈240 ÷ 100⌉ is three.
    live(&mut plane, &mut now, &[(20, 240.0)]);
    // 120 from minute 35 on: once the last of 240 is fifteen minutes old, at minute 49, ⌈120 ÷ 100⌉ = 2.
    live(&mut plane, &mut now, &[(15, 120.0)]);
    assert_eq!(activities(&plane), [(12, 1, 3), (49, 3, 2)]);
    // Nobody calls from minute 50 on. The cooldown ends at 51 + 5, but the window holds 120 until minute 63: then
    // the minimum.
    live(&mut plane, &mut now, &[(30, 0.0)]);
    assert_eq!(activities(&plane), [(12, 1, 3), (49, 3, 2), (64, 2, 1)]);
    assert_eq!(count(&plane), 1);
}

#[test]
fn cooldowns_hold_back_what_adds_no_more_and_never_a_scale_out_after_a_scale_in() {
    let mut plane = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    let mut now = 4;
    live(&mut plane, &mut now, &[(3, 250.0)]);
    assert_eq!(activities(&plane), [(7, 1, 3)]);
    // Done at minute 9, cooling until 14. Two more are wanted at once, which is no more than before: minute 14.
    live(&mut plane, &mut now, &[(7, 420.0)]);
    assert_eq!(activities(&plane), [(7, 1, 3), (14, 3, 5)]);
    // Done at 16, cooling until 21. Four more are more than two: minute 17, the first that is free to act.
    live(&mut plane, &mut now, &[(3, 870.0)]);
    assert_eq!(activities(&plane), [(7, 1, 3), (14, 3, 5), (17, 5, 9)]);
    // In: fifteen minutes of 180 from minute 18 on.
    live(&mut plane, &mut now, &[(15, 180.0)]);
    assert_eq!(activities(&plane)[3..], [(32, 9, 2)]);
    // The scale-in is done at 34 and cools until 39. Load comes back at once: nine bear it, two do not. The third
    // minute on two is 37.
    live(&mut plane, &mut now, &[(5, 700.0)]);
    assert_eq!(activities(&plane)[4..], [(37, 2, 7)]);
}

#[test]
fn bounds_hold_and_scale_in_can_be_switched_off() {
    let mut only_out = policy("Main", 100.0);
    only_out.target_tracking_scaling_policy_configuration.disable_scale_in = true;
    let mut plane = scaled(1, register("Main", 2, 4), only_out);
    let mut now = 4;
    live(&mut plane, &mut now, &[(1, 0.0)]);
    assert_eq!(activities(&plane), [(5, 1, 2)], "below the minimum");
    live(&mut plane, &mut now, &[(20, 5_000.0), (60, 0.0)]);
    // It cools down, but two are more than one.
    assert_eq!(activities(&plane)[1..], [(8, 2, 4)]);
    assert_eq!(count(&plane), 4);
    // A lower maximum takes effect at the next minute.
    let at = VirtualTime::from_s(now * 60);
    plane.execute(&Command::RegisterScalableTarget(register("Main", 1, 3)), at).unwrap();
    live(&mut plane, &mut now, &[(3, 0.0)]);
    assert_eq!(count(&plane), 3);
}

#[test]
fn nothing_is_decided_while_an_update_runs_and_callers_are_never_refused() {
    let mut plane = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    let at = VirtualTime::from_s(240);
    plane.execute(&config("two", &[variant("Main", "ml.m5.large", 1)], &[]), at).unwrap();
    plane.execute(&update("two"), at).unwrap();
    let mut now = 4;
    live(&mut plane, &mut now, &[(4, 400.0)]);
    assert_eq!(activities(&plane), []);
    live(&mut plane, &mut now, &[(1, 400.0)]);
    assert_eq!(activities(&plane), [(9, 1, 4)]);
    let endpoint = plane.endpoint("reviews").unwrap();
    assert!(endpoint.status == EndpointStatus::Updating && endpoint.status.serves());
    assert_eq!(
        endpoint.variants()[0].status.as_ref().unwrap().message,
        "Scaling out desired instance count to 4."
    );
}

#[test]
fn an_update_may_not_take_a_scaled_variant_away_or_change_its_type() {
    let mut plane = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    let at = VirtualTime::from_s(250);
    plane.execute(&config("gpu", &[variant("Main", "ml.g4dn.xlarge", 1)], &[]), at).unwrap();
    plane.execute(&config("other", &[variant("Other", "ml.m5.large", 1)], &[]), at).unwrap();
    for to in ["gpu", "other"] {
        let refused = plane.execute(&update(to), at).unwrap_err();
        assert!(matches!(&refused, CommandError::ScaledVariants { names } if names == "Main"));
        assert!(refused.to_string().contains("Deregister the scalable target(s) first"), "{refused}");
    }
    let deregister = DeregisterScalableTarget {
        service_namespace: "sagemaker".into(),
        resource_id: resource_id("reviews", "Main"),
        scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
    };
    plane.execute(&Command::DeregisterScalableTarget(deregister), at).unwrap();
    assert_eq!(plane.next_scaling(), VirtualTime::END);
    plane.execute(&update("gpu"), at).unwrap();
}

#[test]
fn bad_calls_are_refused_in_the_service_s_words() {
    let mut plane = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    let at = VirtualTime::from_s(250);
    let mut said = |call: Command| {
        let refused = plane.execute(&call, at).unwrap_err();
        format!("{}: {refused}", refused.code())
    };
    let target = |change: &dyn Fn(&mut RegisterScalableTarget)| {
        let mut call = register("Main", 1, 10);
        change(&mut call);
        Command::RegisterScalableTarget(call)
    };
    let put = |change: &dyn Fn(&mut PutScalingPolicy)| {
        let mut call = policy("Main", 100.0);
        change(&mut call);
        Command::PutScalingPolicy(call)
    };
    for (call, words) in [
        (
            target(&|t| t.service_namespace = "ecs".into()),
            "ValidationException: Unsupported service namespace",
        ),
        (target(&|t| t.resource_id = "endpoint/reviews".into()), "given: sagemaker, endpoint/reviews,"),
        (
            target(&|t| t.resource_id = resource_id("reviews", "None")),
            "endpoint/reviews/variant/None does not exist",
        ),
        (target(&|t| t.min_capacity = Some(0)), "Value '0' at 'minCapacity'"),
        (target(&|t| t.max_capacity = Some(101)), "Value '101' at 'maxCapacity'"),
        (target(&|t| t.min_capacity = Some(11)), "Maximum capacity cannot be less than minimum capacity"),
        (
            put(&|p| p.resource_id = resource_id("reviews", "None")),
            "ObjectNotFoundException: No scalable target registered for service namespace: sagemaker, resource ID: endpoint/reviews/variant/None",
        ),
        (put(&|p| p.policy_name = String::new()), "'policyName'"),
        (put(&|p| p.policy_name = "second".into()), "Only one TargetTrackingScaling policy"),
        (put(&|p| p.policy_type = "StepScaling".into()), "Value 'StepScaling' at 'policyType'"),
        (put(&|p| p.target_tracking_scaling_policy_configuration.target_value = f64::NAN), "Value 'NaN'"),
        (put(&|p| p.target_tracking_scaling_policy_configuration.target_value = 0.0), "must be above 0"),
        (
            put(&|p| p.target_tracking_scaling_policy_configuration.scale_in_cooldown = Some(-1)),
            "Value '-1' at 'targetTrackingScalingPolicyConfiguration.scaleInCooldown'",
        ),
        (
            Command::DeleteScalingPolicy(DeleteScalingPolicy {
                policy_name: "gone".into(),
                service_namespace: "sagemaker".into(),
                resource_id: resource_id("reviews", "Main"),
                scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
            }),
            "ObjectNotFoundException: No scaling policy found",
        ),
    ] {
        let all = said(call);
        assert!(all.contains(words), "{all}");
    }
    let mut burstable = scaled(1, register("Main", 1, 10), policy("Main", 100.0));
    burstable.execute(&config("t2", &[variant("Small", "ml.t2.medium", 1)], &[]), at).unwrap();
    let call = Command::CreateEndpoint {
        endpoint_name: "small".into(),
        endpoint_config_name: "t2".into(),
        deployment_config: None,
    };
    burstable.execute(&call, at).unwrap();
    burstable.advance(VirtualTime::from_s(490));
    let mut target = register("Small", 1, 2);
    target.resource_id = resource_id("small", "Small");
    let refused = burstable.execute(&Command::RegisterScalableTarget(target), VirtualTime::from_s(490));
    assert!(refused.unwrap_err().to_string().contains("burstable"));
}

#[test]
fn the_calls_are_written_in_all_three_languages_and_read_back() {
    let register = Command::RegisterScalableTarget(register("Main", 1, 4));
    let put = Command::PutScalingPolicy(policy("Main", 70.0));
    assert!(calls::boto3(&register).starts_with("application_autoscaling.register_scalable_target(\n    ServiceNamespace=\"sagemaker\",\n    ResourceId=\"endpoint/reviews/variant/Main\","));
    assert!(
        calls::cli(&put)
            .starts_with("aws application-autoscaling put-scaling-policy \\\n  --policy-name keep-up")
    );
    let described = Command::DescribeScalableTargets(DescribeScalableTargets {
        service_namespace: "sagemaker".into(),
        resource_ids: vec![],
    });
    for call in [register, put, described] {
        assert_eq!(calls::parse_json(&call, &calls::json(&call)).unwrap(), call);
        let journal = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&journal).unwrap(), call);
    }
    let typo = calls::parse_json(&Command::PutScalingPolicy(policy("Main", 70.0)), "{\"Policy\": 1}");
    assert!(typo.unwrap_err().problem.contains("unknown field `Policy`"));
}

/// One variant in service on ml.m5.large in the sandbox, and a shadow of it, with answers by a rule.
fn serving(count: i64) -> Experiment {
    let mut e = Experiment::new(LabId::Sandbox, 4);
    for i in 0..e.table().reviews() as u32 {
        e.table_mut().answer(
            Artifact::A,
            ReviewId(i),
            Prediction::from_probabilities([0.1, 0.1, 0.1, 0.1, 0.6]),
        );
    }
    e.act(&LabAction::StateCost { artifact: Artifact::A, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    let (main, shadow) = (variant("Main", "ml.m5.large", count), variant("Shadow", "ml.c5.large", 1));
    e.act(&LabAction::Call(config("both", &[main], &[shadow]))).unwrap();
    e.act(&LabAction::Call(create("both"))).unwrap();
    run(&mut e, 240);
    e
}

fn run(e: &mut Experiment, seconds: u64) {
    assert_eq!(e.run_to(e.now() + Duration::from_secs(seconds), u64::MAX), Progress::Reached);
}

fn scale(e: &mut Experiment, variant: &str, target_value: f64) {
    e.act(&LabAction::Call(Command::RegisterScalableTarget(register(variant, 1, 6)))).unwrap();
    e.act(&LabAction::Call(Command::PutScalingPolicy(policy(variant, target_value)))).unwrap();
}

fn day(per_second: f64) -> LabAction {
    let process = ArrivalProcess::DailyCycle { night_share: 0.1 };
    LabAction::SetTraffic(TrafficSettings { on: true, per_second, process, ..TrafficSettings::default() })
}

#[test]
fn a_day_scales_out_and_in_and_is_billed_for_what_ran() {
    let mut e = serving(1);
    scale(&mut e, "Main", 600.0);
    scale(&mut e, "Shadow", 900.0);
    let (began, before) = (e.now(), e.control_plane().cost_usd());
    e.act(&day(40.0)).unwrap();
    run(&mut e, 86_400);
    let of = |name: &str| -> Vec<_> {
        e.control_plane().scaling_activities().filter(|a| a.variant.as_str() == name).cloned().collect()
    };
    let price = |kind: &str| kind.parse::<rollout_lab::domain::InstanceType>().unwrap().spec().usd_per_hour;
    let mut bill = 0.0;
    // 2,400 a minute at 14:00: four of 600, three of 900 (copies are at most as many as requests).
    for (name, kind, peak) in [("Main", "ml.m5.large", 4..=5), ("Shadow", "ml.c5.large", 3..=3)] {
        let activities = of(name);
        let most = activities.iter().map(|a| a.to).max().unwrap();
        assert!(peak.contains(&most), "{name}: {most}");
        let top = activities.iter().position(|a| a.to == most).unwrap();
        assert!(activities[..=top].iter().all(|a| a.to > a.from), "{name} grows until its peak");
        assert!(activities.iter().skip_while(|a| a.to >= a.from).any(|a| a.to < a.from));
        let hour = |at: VirtualTime| at.as_s() / 3_600.0;
        assert!((8.0..15.0).contains(&hour(activities[top].at)), "{activities:?}");
        // New instances are billed from the moment they are asked for, leaving ones until they are gone.
        let (mut count, mut since) = (1, began);
        for a in &activities {
            assert_eq!(a.from, count);
            let changes = if a.to > a.from { a.at } else { a.at + Duration::from_secs(120) };
            bill += f64::from(count) * price(kind) * hour(VirtualTime::ZERO + changes.since(since));
            (count, since) = (a.to, changes);
        }
        bill += f64::from(count) * price(kind) * hour(VirtualTime::ZERO + e.now().since(since));
    }
    let billed = e.control_plane().cost_usd() - before;
    assert!((billed - bill).abs() < 1e-6, "{billed} for {bill}");
    assert_eq!(e.counts().0, e.counts().1, "a request failed");
}

#[test]
fn decisions_do_not_depend_on_how_time_is_cut() {
    let day = |slice: u64, most: u64| {
        let mut e = serving(2);
        scale(&mut e, "Main", 500.0);
        e.act(&LabAction::InjectFault {
            variant: "Main".into(),
            fault: Fault::LostInstances { instances: 1 },
            starts_in_s: Some(1_800),
            lasts_s: 3_000,
        })
        .unwrap();
        let process = ArrivalProcess::Poisson;
        let traffic = TrafficSettings { on: true, per_second: 30.0, process, ..TrafficSettings::default() };
        e.act(&LabAction::SetTraffic(traffic)).unwrap();
        let end = e.now() + Duration::from_secs(7_200);
        while e.now() < end {
            let next = (e.now() + Duration::from_nanos(slice)).min(end);
            while e.run_to(next, most) == Progress::OutOfBudget {}
        }
        let mut s = e.snapshot();
        s.recent.clear();
        s.cost_usd = (s.cost_usd * 1e6).round();
        s.endpoints.iter_mut().for_each(|e| e.cost_usd = (e.cost_usd * 1e6).round());
        serde_json::to_value(&s).unwrap()
    };
    let whole = day(7_200 * SECOND_NS, u64::MAX);
    assert!(!whole["scaling_activities"].as_array().unwrap().is_empty());
    assert_eq!(whole, day(61 * SECOND_NS, 97));
    assert_eq!(whole, day(SECOND_NS * 7 / 3, u64::MAX));
}

#[test]
fn new_instances_that_never_get_healthy_are_given_up() {
    let mut e = serving(1);
    scale(&mut e, "Main", 500.0);
    let fault = LabAction::InjectFault {
        variant: "Main".into(),
        fault: Fault::WrongContainer,
        starts_in_s: None,
        lasts_s: 3_600,
    };
    e.act(&fault).unwrap();
    e.act(&LabAction::SetTraffic(TrafficSettings {
        on: true,
        per_second: 30.0,
        ..TrafficSettings::default()
    }))
    .unwrap();
    run(&mut e, 1_200);
    let endpoint = e.called_endpoint().unwrap();
    assert_eq!(endpoint.variants()[0].current_count, 1);
    assert!(e.control_plane().scaling_activities().next().is_some());
}

#[test]
fn no_sequence_of_calls_and_faults_loses_a_request_or_leaves_a_variant_stuck() {
    const FAULTS: [Fault; 9] = [
        Fault::SlowModel { factor: 200.0 },
        Fault::LatencySpikes { probability: 0.2, extra_ms: 2_000.0 },
        Fault::ClientErrors { share: 0.5 },
        Fault::ModelErrors { share: 0.5 },
        Fault::WrongContainer,
        Fault::MemoryLeak { mib_per_request: 40.0 },
        Fault::SkewedTokenizer,
        Fault::ColdStart { requests: 50, extra_ms: 900.0 },
        Fault::LostInstances { instances: 2 },
    ];
    for seed in 0..20 {
        let mut random = Stream::new(seed, Purpose::ByHand);
        let mut e = serving(2);
        for i in 0..e.table().reviews() as u32 {
            e.table_mut().answer_skewed(Artifact::A, ReviewId(i), None);
        }
        e.act(&LabAction::SetTraffic(TrafficSettings {
            on: true,
            per_second: 20.0,
            ..TrafficSettings::default()
        }))
        .unwrap();
        for (name, kind) in [("again", "ml.m5.large"), ("gpu", "ml.g4dn.xlarge")] {
            e.act(&LabAction::Call(config(name, &[variant("Main", kind, 1)], &[variant("Shadow", kind, 1)])))
                .unwrap();
        }
        let (mut refused, mut done) = (0, 0);
        for _ in 0..400 {
            let pick = |random: &mut Stream, names: &[&str]| {
                names[random.below(names.len() as u64) as usize].to_owned()
            };
            let name = pick(&mut random, &["Main", "Shadow", "Nobody"]);
            let action = match random.below(9) {
                0 => LabAction::Call(Command::RegisterScalableTarget(register(
                    &name,
                    1 + random.below(3) as i64,
                    6,
                ))),
                1 => LabAction::Call(Command::PutScalingPolicy(policy(
                    &name,
                    50.0 + random.below(1_000) as f64,
                ))),
                2 => LabAction::Call(Command::DeregisterScalableTarget(DeregisterScalableTarget {
                    service_namespace: "sagemaker".into(),
                    resource_id: resource_id("reviews", &name),
                    scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
                })),
                3 => LabAction::Call(update(&pick(&mut random, &["both", "again", "gpu"]))),
                4..7 => LabAction::InjectFault {
                    variant: name,
                    fault: FAULTS[random.below(9) as usize],
                    starts_in_s: Some(random.below(200)),
                    lasts_s: 1 + random.below(600),
                },
                7 => LabAction::ClearFaults { id: (random.below(4) > 0).then(|| random.below(200) as u32) },
                _ => LabAction::Step { duration_ns: (1 + random.below(900)) * SECOND_NS },
            };
            match e.act(&action) {
                Ok(_) => done += 1,
                Err(refusal) => {
                    assert!(!refusal.message.is_empty());
                    refused += 1;
                }
            }
        }
        assert!(done > 100 && refused > 50, "{done} done, {refused} refused");
        e.act(&LabAction::ClearFaults { id: None }).unwrap();
        for name in ["Main", "Shadow"] {
            let gone = DeregisterScalableTarget {
                service_namespace: "sagemaker".into(),
                resource_id: resource_id("reviews", name),
                scalable_dimension: "sagemaker:variant:DesiredInstanceCount".into(),
            };
            let _ = e.act(&LabAction::Call(Command::DeregisterScalableTarget(gone)));
        }
        run(&mut e, 600);
        let endpoint = e.called_endpoint().unwrap();
        assert_eq!(endpoint.status, EndpointStatus::InService);
        assert!(endpoint.deployment.all().all(|v| v.status.is_none() && v.current_count == v.desired_count));
        let (name, main) = (endpoint.name.clone(), endpoint.variants()[0].name.clone());
        let tally = e.tally(&name, &main);
        let (sent, answered) = e.counts();
        assert_eq!(tally.invocations, sent);
        assert_eq!(sent - answered, tally.errors_4xx + tally.errors_5xx);
        // Healed, nobody is turned away.
        run(&mut e, 60);
        let (more, fine) = e.counts();
        assert_eq!(more - sent, fine - answered, "seed {seed}");
        e.act(&LabAction::Call(Command::DeleteEndpoint { endpoint_name: "reviews".into() })).unwrap();
        run(&mut e, 60);
        let cost = e.control_plane().cost_usd();
        run(&mut e, 3_600);
        assert_eq!(e.control_plane().cost_usd(), cost, "a deleted endpoint is billed");
        assert_eq!(e.control_plane().next_scaling(), VirtualTime::END);
    }
}
