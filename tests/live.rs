//! A lab over a server's endpoints: what it counts comes from the server's totals, not from the sample of records.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use rollout_lab::{
    analysis::pairs::CopyCounts,
    controller::{ControlPlane, Durations},
    domain::{
        Artifact, Command, ContainerInput, FleetId, InvocationRecord, InvocationStatus,
        ProductionVariantInput, ReviewId, Stars, VirtualTime,
    },
    lab::{DomainMix, Experiment, LabId, LiveTotals, TrafficSettings, VariantView},
};

const NOON: u64 = 180 * 86_400 + 12 * 3_600;

fn variant(name: &str, model: &str) -> ProductionVariantInput {
    ProductionVariantInput {
        variant_name: name.into(),
        model_name: model.into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        initial_variant_weight: 1.0,
        routing_config: None,
    }
}

/// A server's control plane with an endpoint of one variant and its shadow.
fn plane(now: VirtualTime) -> ControlPlane {
    let mut plane = ControlPlane::new(Durations { create: Duration::ZERO, ..Durations::default() });
    let model = |name: &str, artifact: Artifact| Command::CreateModel {
        model_name: name.into(),
        primary_container: ContainerInput {
            image: "lab/inference:1".into(),
            model_data_url: artifact.model_data_url(),
        },
    };
    for command in [
        model("a", Artifact::A),
        model("b", Artifact::B),
        Command::CreateEndpointConfig {
            endpoint_config_name: "c".into(),
            production_variants: vec![variant("Live", "a")],
            shadow_production_variants: vec![variant("Ghost", "b")],
            data_capture_config: None,
        },
        Command::CreateEndpoint {
            endpoint_name: "ep".into(),
            endpoint_config_name: "c".into(),
            deployment_config: None,
        },
    ] {
        plane.execute(&command, now).unwrap();
    }
    plane.advance(now + Duration::from_secs(1));
    plane
}

fn totals(invocations: u64, copies: bool) -> LiveTotals {
    // 0.6 ms each.
    let model_latency_sum_ns = invocations as f64 * 6e5;
    LiveTotals {
        invocations,
        errors_4xx: 0,
        errors_5xx: invocations / 10,
        model_latency_sum_ns,
        copies,
        dropped: 0,
    }
}

/// A lab that has seen the server's [`plane`] since a second, and the fleets of the variant and its shadow.
fn lab(began: VirtualTime) -> (Experiment, FleetId, FleetId) {
    let mut lab = Experiment::live(LabId::Sandbox, 1);
    let plane = plane(began);
    let all: Vec<_> = plane.endpoints().next().unwrap().deployment.all().map(|v| v.fleet).collect();
    lab.adopt(plane, began + Duration::from_secs(1));
    (lab, all[0], all[1])
}

#[test]
fn figures_per_second_are_the_servers_own() {
    let began = VirtualTime::from_s(NOON);
    let (mut lab, live, ghost) = lab(began);
    // 5,000 requests a second in frames of half a second, far more than the records in them; half of them are copied.
    for frame in 0..60_u64 {
        lab.observe_live(&[], began + Duration::from_secs(2) + Duration::from_millis(500 * frame));
        let sent = 100_000 + 2_500 * frame;
        lab.count_live([(live, totals(sent, false)), (ghost, totals(sent / 2, true))]);
    }
    let of = |lab: &mut Experiment| {
        let snapshot = lab.snapshot();
        let endpoint = &snapshot.endpoints[0];
        (endpoint.variants[0].per_second, endpoint.shadows[0].per_second, snapshot.sent, snapshot.failed)
    };
    // Copies are nobody's requests.
    assert_eq!(of(&mut lab), (5_000.0, 2_500.0, 247_500, 24_750));
    // Little's law: 5,000 a second of 0.6 ms each are 3 in hand on the average, one more than there are vCPUs.
    let endpoint = lab.snapshot().endpoints.remove(0);
    let work = |v: &VariantView| (v.instances[0].busy, v.instances[0].vcpus, v.instances[0].waiting);
    assert_eq!((work(&endpoint.variants[0]), work(&endpoint.shadows[0])), ((2, 2, 1), (2, 2, 0)));
    // The server was killed: what its last seconds counted was not written down, and is no negative rate.
    let at = |s: f64| began + Duration::from_secs(60) + Duration::from_secs_f64(s);
    lab.begin_anew();
    for (s, sent) in [(0.0, 240_000), (0.5, 240_000), (1.0, 240_100)] {
        lab.observe_live(&[], at(s));
        lab.count_live([(live, totals(sent, false)), (ghost, totals(120_000, true))]);
    }
    assert_eq!(of(&mut lab), (100.0, 0.0, 240_100, 24_010));
}

#[test]
fn copies_that_the_server_dropped_are_counted_though_no_record_tells_of_them() {
    let began = VirtualTime::from_s(NOON);
    let (mut lab, live, ghost) = lab(began);
    let record = |fleet: FleetId, stars: i64, copy: bool| InvocationRecord {
        id: 5,
        arrival: began,
        user: 0,
        review: ReviewId(0),
        true_stars: Stars::new(5).ok(),
        fleet,
        instance: 0,
        status: InvocationStatus::Answered,
        wait_ns: 0,
        service_ns: 1_000,
        overhead_ns: 0,
        predicted: Stars::new(stars).ok(),
        copy,
        leaked_kib: 0,
    };
    // The copy's record may come first.
    lab.observe_live(&[record(ghost, 5, true), record(live, 4, false)], began + Duration::from_secs(2));
    lab.count_live([(live, totals(100, false)), (ghost, LiveTotals { dropped: 7, ..totals(40, true) })]);
    let pair = lab.snapshot().endpoints.remove(0).pairs.remove(0);
    assert_eq!(pair.copies, CopyCounts { sent: 47, answered: 36, failed: 4, dropped: 7 });
    assert_eq!(pair.right, [[0, 1], [0, 0]]);
}

#[test]
fn the_servers_clients_are_shown_as_they_are() {
    let mut lab = Experiment::live(LabId::Sandbox, 1);
    let food = DomainMix { clothing: 0.0, food: 1.0, software: 0.0 };
    let playing = TrafficSettings {
        on: true,
        per_second: 70.0,
        domain_mix: food,
        star_mix: [1.0, 0.0, 0.0, 0.0, 0.0],
        ..TrafficSettings::default()
    };
    lab.show_traffic(Some(playing));
    assert_eq!(lab.snapshot().traffic, playing);
    // Once nobody calls, what was set last stays to be seen.
    lab.show_traffic(None);
    assert_eq!(lab.snapshot().traffic, TrafficSettings { on: false, ..playing });
}
