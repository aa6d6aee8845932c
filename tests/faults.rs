//! Each fault against arithmetic, and what no fault may change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use rollout_lab::{
    analysis::metrics::{Metric, SeriesQuery, Statistic},
    controller::EndpointStatus,
    domain::{
        Artifact, Command, FleetId, InvocationRecord, InvocationStatus, ProductionVariantInput, ReviewId,
        RoutingStrategy, SECOND_NS, VariantName, VariantWeight, VirtualTime, idle_memory_gib,
    },
    inference::{Prediction, PredictionTable, card},
    lab::{Experiment, LabAction, LabId, Progress, TrafficSettings},
    routing::Router,
    simulation::{ArrivalProcess, Corpus, Fault, FleetSpec, HEALTH_CHECK_S, RESTART_S, Simulation},
};

fn name(text: &str) -> VariantName {
    VariantName::new(text).unwrap()
}

/// Variants A and B at even weights on so many ml.m5.large each, called at a constant rate.
fn simulation(instances: u32, per_second: f64, strategy: RoutingStrategy) -> Simulation {
    let mut s = Simulation::new(5, Corpus::built_in());
    let mut routes = Vec::new();
    for (i, variant) in ["A", "B"].into_iter().enumerate() {
        let id = FleetId(i as u32);
        let spec = FleetSpec::new(name(variant), Artifact::A, "ml.m5.large".parse().unwrap(), instances);
        s.launch(id, FleetSpec { strategy, ..spec }).unwrap();
        routes.push((id, name(variant), VariantWeight::DEFAULT));
    }
    s.set_routes(Some(Router::new(routes, "faults").unwrap())).unwrap();
    let process = ArrivalProcess::Constant;
    s.set_traffic(TrafficSettings { on: true, per_second, process, ..TrafficSettings::default() }).unwrap();
    s
}

/// Records of A, and of B, until a moment.
fn run(s: &mut Simulation, until_s: u64) -> [Vec<InvocationRecord>; 2] {
    let mut seen = [Vec::new(), Vec::new()];
    s.run_until(VirtualTime::from_s(until_s), &PredictionTable::default(), &mut |r| {
        seen[r.fleet.0 as usize].push(*r);
    });
    seen
}

/// B's records of 200 s at 200 a second, sound and with a fault from the beginning; A's must not differ.
fn sound_and_ill(fault: Fault) -> (Vec<InvocationRecord>, Vec<InvocationRecord>) {
    let random = RoutingStrategy::Random;
    let (mut sound, mut ill) = (simulation(2, 200.0, random), simulation(2, 200.0, random));
    ill.set_faults(FleetId(1), &[fault]).unwrap();
    let ([a, b], [a_beside, b_ill]) = (run(&mut sound, 200), run(&mut ill, 200));
    assert_eq!(a, a_beside, "{fault:?} on B reached A");
    assert_eq!(b.len(), b_ill.len());
    (b, b_ill)
}

/// Whether a count is what a share of `n` gives: within 4.4 standard deviations.
fn is_share(seen: usize, n: usize, share: f64) -> bool {
    let (expected, sd) = (n as f64 * share, (n as f64 * share * (1.0 - share)).sqrt());
    (seen as f64 - expected).abs() <= 4.4 * sd
}

#[test]
fn a_slow_model_multiplies_each_service_time() {
    let (sound, ill) = sound_and_ill(Fault::SlowModel { factor: 3.0 });
    for (s, i) in sound.iter().zip(&ill) {
        assert_eq!(i.service_ns, (s.service_ns as f64 * 3.0) as u64);
        assert_eq!(i.overhead_ns, s.overhead_ns);
    }
}

#[test]
fn a_model_that_is_too_slow_answers_what_its_vcpus_can() {
    // 100 requests a second; 4 vCPUs at 2.1 ms × 50 = 105 ms serve about 38 a second, and the rest is refused.
    let (_, ill) = sound_and_ill(Fault::SlowModel { factor: 50.0 });
    let served: Vec<_> = ill.iter().filter(|r| r.status == InvocationStatus::Answered).collect();
    let refused = ill.iter().filter(|r| r.status == InvocationStatus::Overloaded).count();
    assert_eq!(served.len() + refused, ill.len());
    let busy_s: f64 = served.iter().map(|r| r.service_ns as f64 / 1e9).sum();
    // All vCPUs work all the time: 4 · 200 s, and at the end a full queue is still to be done.
    let mean_s = busy_s / served.len() as f64;
    let queued = 2.0 * 64.0 * mean_s;
    assert!((busy_s - 800.0 - queued).abs() < 0.02 * 800.0, "{busy_s} with {queued} left");
    // Who comes to a full queue waits for the 64 before him on 2 vCPUs.
    let full: Vec<_> = served.iter().filter(|r| r.arrival > VirtualTime::from_s(60)).collect();
    let wait_s = full.iter().map(|r| r.wait_ns as f64 / 1e9).sum::<f64>() / full.len() as f64;
    assert!((wait_s / (32.0 * mean_s) - 1.0).abs() < 0.03, "{wait_s} for {}", 32.0 * mean_s);
}

#[test]
fn spikes_hit_their_share_for_their_time() {
    let (sound, ill) = sound_and_ill(Fault::LatencySpikes { probability: 0.03, extra_ms: 40.0 });
    let later = |(s, i): &(&InvocationRecord, &InvocationRecord)| i.service_ns != s.service_ns;
    let hit: Vec<_> = sound.iter().zip(&ill).filter(later).collect();
    assert!(hit.iter().all(|(s, i)| i.service_ns == s.service_ns + 40_000_000));
    assert!(is_share(hit.len(), ill.len(), 0.03), "{} of {}", hit.len(), ill.len());
}

#[test]
fn a_burst_fails_its_share_and_says_whose_fault_it_is() {
    let (_, ill) = sound_and_ill(Fault::ClientErrors { share: 0.2 });
    let failed: Vec<_> = ill.iter().filter(|r| !r.status.is_answered()).collect();
    assert!(is_share(failed.len(), ill.len(), 0.2), "{} of {}", failed.len(), ill.len());
    // The model never saw them.
    assert!(failed.iter().all(|r| r.status == InvocationStatus::ClientError && r.service_ns == 0));

    let (sound, ill) = sound_and_ill(Fault::ModelErrors { share: 0.2 });
    let failed: Vec<_> = sound.iter().zip(&ill).filter(|(_, i)| !i.status.is_answered()).collect();
    assert!(is_share(failed.len(), ill.len(), 0.2), "{} of {}", failed.len(), ill.len());
    // The model ran, and then failed.
    assert!(failed.iter().all(|(s, i)| {
        i.status == InvocationStatus::ModelError && (i.service_ns, i.predicted) == (s.service_ns, None)
    }));
}

#[test]
fn a_leak_kills_an_instance_when_its_memory_is_full() {
    let mut s = simulation(1, 100.0, RoutingStrategy::Random);
    s.set_faults(FleetId(0), &[Fault::MemoryLeak { mib_per_request: 2.0 }]).unwrap();
    let [a, _] = run(&mut s, 600);
    let hardware = "ml.m5.large".parse::<rollout_lab::domain::InstanceType>().unwrap().spec();
    let idle = idle_memory_gib(hardware.vcpus, card(Artifact::A).size_bytes);
    let bearable = ((hardware.memory_gib - idle) * 1_024.0 / 2.0).ceil() as usize;
    let killed: Vec<usize> = (0..a.len()).filter(|&i| a[i].status == InvocationStatus::ModelError).collect();
    assert_eq!(killed[0] + 1, bearable);
    // Memory grows by 2 MiB with each request, and is free again after the kill.
    assert!((0..killed[0]).all(|i| a[i].leaked_kib == 2 * 1_024 * (i as u32 + 1)));
    assert_eq!(a[killed[0]].leaked_kib, 0);
    // For a minute nobody answers; then it takes as many again.
    let back = a[killed[0]].arrival + Duration::from_secs(RESTART_S);
    let down = a[killed[0] + 1..].iter().take_while(|r| r.arrival < back);
    let down: Vec<_> = down.collect();
    assert!(!down.is_empty() && down.iter().all(|r| r.status == InvocationStatus::Overloaded));
    assert_eq!(killed[1] - killed[0] - down.len(), bearable);
}

#[test]
fn lost_instances_fail_their_share_until_the_health_check() {
    for (strategy, more) in
        [(RoutingStrategy::Random, false), (RoutingStrategy::LeastOutstandingRequests, true)]
    {
        let mut s = simulation(2, 1_000.0, strategy);
        run(&mut s, 10);
        s.set_faults(FleetId(0), &[Fault::LostInstances { instances: 1 }]).unwrap();
        assert_eq!(s.gauges(FleetId(0)).iter().map(|g| g.down).collect::<Vec<_>>(), [false, true]);
        let [before, _] = run(&mut s, 10 + HEALTH_CHECK_S);
        let failed = before.iter().filter(|r| r.status == InvocationStatus::Overloaded).count();
        if more {
            // Who fails at once never has requests outstanding: the dead instance looks like the idlest.
            assert!(failed > before.len() * 6 / 10, "{failed} of {}", before.len());
        } else {
            assert!(is_share(failed, before.len(), 0.5), "{failed} of {}", before.len());
        }
        assert!(before.iter().all(|r| r.status.is_answered() == (r.instance == 0)));
        let [after, _] = run(&mut s, 60);
        assert!(after.iter().all(|r| r.status.is_answered() && r.instance == 0));
        s.set_faults(FleetId(0), &[]).unwrap();
        let [healed, _] = run(&mut s, 70);
        assert!(healed.iter().all(|r| r.status.is_answered()) && healed.iter().any(|r| r.instance == 1));
    }
}

#[test]
fn a_fleet_that_is_lost_altogether_answers_nobody() {
    let (_, ill) = sound_and_ill(Fault::LostInstances { instances: 2 });
    assert!(ill.iter().all(|r| r.status == InvocationStatus::Overloaded));
}

#[test]
fn only_the_first_requests_on_a_new_instance_are_cold() {
    let cold = Fault::ColdStart { requests: 7, extra_ms: 100.0 };
    let slow = |records: &[InvocationRecord], instance: u16| {
        records.iter().filter(|r| r.instance == instance && r.service_ns > 100_000_000).count()
    };
    // A fleet that has only just started, or served for a while.
    let (_, fresh) = sound_and_ill(cold);
    assert_eq!((slow(&fresh, 0), slow(&fresh, 1)), (7, 7));
    let mut s = simulation(1, 50.0, RoutingStrategy::Random);
    run(&mut s, 10);
    s.set_faults(FleetId(0), &[cold]).unwrap();
    s.resize(FleetId(0), 3).unwrap();
    let [a, _] = run(&mut s, 60);
    assert_eq!((slow(&a, 0), slow(&a, 1), slow(&a, 2)), (0, 7, 7));
}

#[test]
fn sizes_out_of_range_are_named_with_their_limits() {
    for (fault, value, limit) in [
        (Fault::SlowModel { factor: 0.5 }, "0.5", "1 to 1000"),
        (Fault::SlowModel { factor: f64::NAN }, "NaN", "1000"),
        (Fault::LatencySpikes { probability: -0.1, extra_ms: 1.0 }, "-0.1", "0 to 1"),
        (Fault::LatencySpikes { probability: 0.1, extra_ms: 6e9 }, "6000000000", "60000"),
        (Fault::ClientErrors { share: 2.0 }, "2", "0 to 1"),
        (Fault::MemoryLeak { mib_per_request: 0.0 }, "but is 0", "1024"),
        (Fault::ColdStart { requests: 0, extra_ms: 1.0 }, "but is 0", "1 to 100000"),
        (Fault::LostInstances { instances: 0 }, "but is 0", "1 to 1000"),
    ] {
        let said = fault.check().unwrap_err().to_string();
        assert!(said.contains(value) && said.contains(limit), "{fault:?}: {said}");
        assert!(simulation(1, 1.0, RoutingStrategy::Random).set_faults(FleetId(0), &[fault]).is_err());
    }
}

fn fill(e: &mut Experiment, artifact: Artifact, skewed: bool) {
    for i in 0..e.table().reviews() as u32 {
        let mut probabilities = [0.05; 5];
        probabilities[(i as usize + usize::from(skewed)) % 5] = 0.8;
        let answer = Prediction::from_probabilities(probabilities);
        match skewed {
            true => e.table_mut().answer_skewed(artifact, ReviewId(i), answer),
            false => e.table_mut().answer(artifact, ReviewId(i), answer),
        }
    }
}

fn config(name: &str, variants: &[(&str, &str, u32)]) -> LabAction {
    let variant = |&(variant, model, count): &(&str, &str, u32)| ProductionVariantInput {
        variant_name: variant.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: count.into(),
        initial_variant_weight: 1.0,
        routing_config: None,
    };
    LabAction::Call(Command::CreateEndpointConfig {
        endpoint_config_name: name.into(),
        production_variants: variants.iter().map(variant).collect(),
        shadow_production_variants: Vec::new(),
        data_capture_config: None,
    })
}

fn update(config: &str) -> LabAction {
    LabAction::Call(Command::UpdateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: config.into(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: vec![],
        deployment_config: None,
        retain_deployment_config: false,
    })
}

fn inject(variant: &str, fault: Fault, starts_in_s: u64, lasts_s: u64) -> LabAction {
    LabAction::InjectFault { variant: variant.into(), fault, starts_in_s: Some(starts_in_s), lasts_s }
}

fn wait(e: &mut Experiment, seconds: u64) {
    assert_eq!(e.run_to(e.now() + Duration::from_secs(seconds), u64::MAX), Progress::Reached);
}

/// Variants A and B in service on two instances each, called at 100 a second.
fn serving(seed: u64) -> Experiment {
    let mut e = Experiment::new(LabId::Sandbox, seed);
    for artifact in [Artifact::A, Artifact::B] {
        fill(&mut e, artifact, false);
        e.act(&LabAction::StateCost { artifact, base_us: 50.0, per_token_us: 2.0 }).unwrap();
    }
    e.act(&config("ab", &[("A", "reviews-a", 2), ("B", "reviews-b", 2)])).unwrap();
    let create = Command::CreateEndpoint {
        endpoint_name: "reviews".into(),
        endpoint_config_name: "ab".into(),
        deployment_config: None,
    };
    e.act(&LabAction::Call(create)).unwrap();
    wait(&mut e, 240);
    let traffic = TrafficSettings { on: true, per_second: 100.0, ..TrafficSettings::default() };
    e.act(&LabAction::SetTraffic(traffic)).unwrap();
    e
}

#[test]
fn a_skewed_tokenizer_waits_for_its_answers_and_changes_answers_only() {
    let (mut sound, mut ill) = (serving(1), serving(1));
    // Beyond the reach of this test there is nothing to wait for yet, but a plan asks at once.
    ill.act(&inject("B", Fault::SkewedTokenizer, 60, 300)).unwrap();
    let end = ill.now() + Duration::from_secs(600);
    let began = ill.now();
    assert_eq!(ill.run_to(end, u64::MAX), Progress::WaitsFor(Artifact::A));
    fill(&mut ill, Artifact::A, true);
    assert_eq!(ill.run_to(end, u64::MAX), Progress::WaitsFor(Artifact::B));
    assert_eq!(ill.now(), began);
    fill(&mut ill, Artifact::B, true);
    wait(&mut ill, 600);
    wait(&mut sound, 600);
    let tallies = |e: &Experiment| {
        let endpoint = e.called_endpoint().unwrap().name.clone();
        [e.tally(&endpoint, &name("A")), e.tally(&endpoint, &name("B"))]
    };
    let ([a, b], [a_beside, b_ill]) = (tallies(&sound), tallies(&ill));
    assert_eq!(a, a_beside);
    assert_eq!(
        (b.invocations, b.labelled, b.model_latency_sum_ns),
        (b_ill.invocations, b_ill.labelled, b_ill.model_latency_sum_ns)
    );
    assert_ne!(b.confusion, b_ill.confusion);
    // It is over: nothing is planned, and nobody waits for more.
    assert!(ill.snapshot().faults.is_empty() && !ill.needs_skewed());
}

#[test]
fn a_wrong_container_fails_what_starts_and_leaves_what_serves() {
    let mut e = serving(1);
    e.act(&config("next", &[("A", "reviews-b", 1), ("B", "reviews-b", 1)])).unwrap();
    e.act(&inject("B", Fault::WrongContainer, 0, 3_600)).unwrap();
    e.act(&update("next")).unwrap();
    wait(&mut e, 240);
    let endpoint = e.called_endpoint().unwrap();
    assert_eq!((endpoint.config.as_str(), endpoint.status), ("ab", EndpointStatus::InService));
    let reason = endpoint.failure_reason.clone().unwrap();
    assert!(reason.contains("variant B did not pass the ping health check"), "{reason}");
    assert_eq!(e.counts().0, e.counts().1, "callers noticed");
    e.act(&LabAction::ClearFaults { id: None }).unwrap();
    e.act(&update("next")).unwrap();
    wait(&mut e, 240);
    assert_eq!(e.called_endpoint().unwrap().config.as_str(), "next");
}

#[test]
fn memory_is_seen_to_rise_and_fall() {
    let mut e = serving(1);
    e.act(&inject("A", Fault::MemoryLeak { mib_per_request: 0.5 }, 0, 1_200)).unwrap();
    wait(&mut e, 1_500);
    let query = SeriesQuery {
        metric: Metric::MemoryUtilization,
        statistic: Statistic::Maximum,
        period_s: 60,
        start_s: 240,
        end_s: 1_740,
    };
    let series = e.series("reviews", &query).unwrap();
    let of = |variant: &str| {
        let found = series.iter().find(|(v, _)| v == variant).unwrap();
        found.1.iter().map(|p| p.value).collect::<Vec<_>>()
    };
    let (a, b) = (of("A"), of("B"));
    // 50 a second on two instances are 25 · 60 · 0.5 MiB = 750 MiB a minute of 8 GiB: 9.2 points.
    let steps: Vec<f64> = a[1..6].windows(2).map(|w| w[1] - w[0]).collect();
    assert!(steps.iter().all(|s| (s - 9.155).abs() < 1.0), "{steps:?}");
    assert!(a.iter().any(|v| *v > 90.0) && a.last().unwrap() < &15.0, "{a:?}");
    assert!(b.iter().all(|v| *v < 15.0));
    assert!(e.counts().0 > e.counts().1);
}

#[test]
fn faults_come_and_go_at_their_moments_however_time_is_cut() {
    let run = |slice: u64, most: u64| {
        let mut e = serving(3);
        e.act(&inject("A", Fault::SlowModel { factor: 40.0 }, 17, 100)).unwrap();
        e.act(&inject("B", Fault::LostInstances { instances: 1 }, 30, 90)).unwrap();
        e.act(&inject("B", Fault::MemoryLeak { mib_per_request: 3.0 }, 50, 400)).unwrap();
        e.act(&inject("A", Fault::LatencySpikes { probability: 0.1, extra_ms: 30.0 }, 200, 50)).unwrap();
        let end = e.now() + Duration::from_secs(600);
        let seen = e.snapshot().faults;
        assert_eq!(seen.len(), 4);
        assert!(!seen[0].holds(e.now()) && seen[0].holds(seen[0].starts) && !seen[0].holds(seen[0].ends));
        while e.now() < end {
            let next = (e.now() + Duration::from_nanos(slice)).min(end);
            while e.run_to(next, most) == Progress::OutOfBudget {}
        }
        let mut s = e.snapshot();
        s.recent.clear();
        s.cost_usd = 0.0;
        s.endpoints.iter_mut().for_each(|e| e.cost_usd = 0.0);
        serde_json::to_value(&s).unwrap()
    };
    let whole = run(600 * SECOND_NS, u64::MAX);
    assert!(whole["failed"].as_u64().unwrap() > 0);
    assert_eq!(whole, run(7 * SECOND_NS, 41));
    assert_eq!(whole, run(SECOND_NS / 3, u64::MAX));
}

#[test]
fn what_cannot_be_injected_is_refused_in_words() {
    let mut e = serving(1);
    let mut said = |action: LabAction| e.act(&action).unwrap_err().message;
    let slow = Fault::SlowModel { factor: 2.0 };
    assert!(said(inject("C", slow, 0, 60)).contains("no variant C; configurations and endpoints have: A, B"));
    assert!(said(inject("A", slow, 0, 0)).contains("1 to 2592000 seconds, but is 0"));
    assert!(said(inject("A", slow, 2_592_001, 1)).contains("but is 2592001"));
    assert!(said(inject("A", Fault::ModelErrors { share: -1.0 }, 0, 60)).contains("but is -1"));
    assert!(said(LabAction::ClearFaults { id: Some(9) }).contains("no fault 9"));
    for _ in 0..32 {
        e.act(&inject("A", slow, 5, 60)).unwrap();
    }
    assert!(e.act(&inject("A", slow, 5, 60)).unwrap_err().message.contains("at most 32"));
    e.act(&LabAction::ClearFaults { id: Some(3) }).unwrap();
    assert_eq!(e.snapshot().faults.len(), 31);
}
