//! What a shadow variant may and may not change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rollout_lab::{
    domain::{
        Artifact, FleetId, InvocationRecord, InvocationStatus, SamplingShare, VariantName, VariantWeight,
        VirtualTime,
    },
    inference::PredictionTable,
    routing::Router,
    simulation::{Corpus, Fault, FleetSpec, ServiceSettings, Simulation, TrafficSettings},
};

fn name(text: &str) -> VariantName {
    VariantName::new(text).unwrap()
}

/// A share by the weights that give it.
fn share(of_one: f64) -> SamplingShare {
    SamplingShare::of_weights(VariantWeight::new(of_one).unwrap(), [VariantWeight::DEFAULT])
}

/// Production on two instances, and a shadow with these times if any, called at 200 requests per second.
fn simulation(seed: u64, shadow: Option<(ServiceSettings, SamplingShare)>) -> Simulation {
    let mut s = Simulation::new(seed, Corpus::built_in());
    let production = FleetSpec::new(name("Production"), Artifact::A, "ml.m5.large".parse().unwrap(), 2);
    s.launch(FleetId(0), production).unwrap();
    let mut router =
        Router::new(vec![(FleetId(0), name("Production"), VariantWeight::DEFAULT)], "shadow").unwrap();
    if let Some((service, share)) = shadow {
        let spec = FleetSpec::new(name("Shadow"), Artifact::B, "ml.m5.large".parse().unwrap(), 1);
        s.launch(FleetId(1), FleetSpec { service, ..spec }).unwrap();
        router = router.with_shadows(vec![(FleetId(1), name("Shadow"), share)]);
    }
    s.set_routes(Some(router)).unwrap();
    s.set_traffic(TrafficSettings { on: true, per_second: 200.0, ..TrafficSettings::default() }).unwrap();
    s
}

/// Callers' records and copies of the first `n` requests.
fn run(mut s: Simulation, n: usize) -> (Vec<InvocationRecord>, Vec<InvocationRecord>) {
    let (mut production, mut copies) = (Vec::with_capacity(n), Vec::new());
    let table = PredictionTable::default();
    while production.len() < n {
        // Small and odd slices: what is left over of a slice must not matter either.
        s.run(VirtualTime::END, 997, &table, &mut |r| {
            if r.copy { copies.push(*r) } else { production.push(*r) }
        });
    }
    production.truncate(n);
    let last = production[n - 1].id;
    copies.retain(|c| c.id <= last);
    (production, copies)
}

fn slower(times: f64) -> ServiceSettings {
    let usual = ServiceSettings::default();
    ServiceSettings { container_us: usual.container_us * times, ..usual }
}

#[test]
fn callers_see_the_same_whatever_the_shadow_does() {
    for seed in 0..50 {
        let (alone, none) = run(simulation(seed, None), 100_000);
        assert!(none.is_empty());
        for service in [ServiceSettings::default(), slower(100.0)] {
            let (with, copies) = run(simulation(seed, Some((service, share(1.0)))), 100_000);
            assert_eq!(with, alone, "seed {seed}");
            assert_eq!(copies.len(), with.len());
        }
        for faults in [
            [Fault::LostInstances { instances: 1 }].as_slice(),
            &[Fault::SlowModel { factor: 100.0 }],
            &[Fault::ModelErrors { share: 0.5 }, Fault::ClientErrors { share: 0.3 }],
            &[
                Fault::MemoryLeak { mib_per_request: 1.0 },
                Fault::LatencySpikes { probability: 0.1, extra_ms: 90.0 },
            ],
        ] {
            let mut ill = simulation(seed, Some((ServiceSettings::default(), share(1.0))));
            ill.set_faults(FleetId(1), faults).unwrap();
            let (with, copies) = run(ill, 100_000);
            assert_eq!(with, alone, "seed {seed}, {faults:?}");
            assert_eq!(copies.len(), with.len());
            // A fault that nobody would see proves nothing.
            assert!(copies.iter().any(|c| !c.status.is_answered()), "{faults:?}");
        }
    }
}

#[test]
fn a_slow_shadow_drowns_alone() {
    let (production, copies) = run(simulation(3, Some((slower(100.0), share(1.0)))), 20_000);
    assert!(production.iter().all(|r| r.status == InvocationStatus::Answered));
    let refused = copies.iter().filter(|c| c.status == InvocationStatus::Overloaded).count();
    assert!(refused > copies.len() / 2, "{refused}");
}

#[test]
fn copies_follow_their_share() {
    let n = 100_000;
    for seed in 0..20 {
        for wanted in [0.001, 0.01, 0.1, 0.5, 1.0] {
            let (_, copies) = run(simulation(seed, Some((ServiceSettings::default(), share(wanted)))), n);
            let (expected, seen) = (n as f64 * wanted, copies.len() as f64);
            // 100 looks at 4.4 standard deviations: a false alarm in a thousand runs of this test.
            let sd = (expected * (1.0 - wanted)).sqrt();
            assert!((seen - expected).abs() <= 4.4 * sd, "seed {seed}, {wanted}: {seen} of {expected}");
        }
    }
}

#[test]
fn a_copy_names_its_original() {
    let (production, copies) = run(simulation(1, Some((ServiceSettings::default(), share(0.5)))), 10_000);
    for copy in &copies {
        let original = &production[copy.id as usize];
        assert_eq!(
            (copy.id, copy.arrival, copy.user, copy.review),
            (original.id, original.arrival, original.user, original.review)
        );
        assert_eq!((copy.fleet, original.fleet), (FleetId(1), FleetId(0)));
    }
}
