//! Requests are split as the weights say, and sticky users stay.
#![allow(clippy::unwrap_used)] // the helpers of a test are test code, too

use proptest::prelude::*;
use rollout_lab::{
    domain::{Artifact, FleetId, VariantName, VariantWeight, VirtualTime},
    inference::PredictionTable,
    routing::{Router, STICKY_VERSION, StickyKey},
    simulation::{Corpus, FleetSpec, Purpose, Simulation, Stream, TrafficSettings, USERS},
};

const REQUESTS: u64 = 100_000;
const SEEDS: u64 = 20;
/// Upper 0.001 points of χ² with 1 to 4 degrees of freedom: Abramowitz & Stegun, table 26.8.
const CHI_SQUARE_0_001: [f64; 4] = [10.828, 13.816, 16.266, 18.467];

const SPLITS: [&[f64]; 4] = [&[50.0, 50.0], &[95.0, 5.0], &[1.0, 2.0, 3.0, 4.0], &[3.0, 0.0, 1.0]];

fn router(weights: &[f64], salt: &str) -> Router {
    let entries = weights.iter().enumerate().map(|(i, &w)| {
        let name = VariantName::new(format!("v{i}")).unwrap();
        (FleetId(i as u32), name, VariantWeight::new(w).unwrap())
    });
    Router::new(entries.collect(), salt).unwrap()
}

/// χ² of counts against weights does not reject at 0.001, and a weight of 0 has no count.
fn assert_split(weights: &[f64], counts: &[u64], what: &str) {
    let (n, total) = (counts.iter().sum::<u64>() as f64, weights.iter().sum::<f64>());
    let mut chi_square = 0.0;
    for (&weight, &count) in weights.iter().zip(counts) {
        let expected = n * weight / total;
        if weight == 0.0 {
            assert_eq!(count, 0, "{what}: a weight of 0");
        } else {
            chi_square += (count as f64 - expected).powi(2) / expected;
        }
    }
    let degrees = weights.iter().filter(|w| **w > 0.0).count() - 1;
    assert!(chi_square < CHI_SQUARE_0_001[degrees - 1], "{what}: χ² {chi_square} of {counts:?}");
}

#[test]
fn draws_follow_the_weights() {
    for weights in SPLITS {
        let router = router(weights, "split");
        for seed in 0..SEEDS {
            let mut stream = Stream::new(seed, Purpose::Route);
            let mut counts = vec![0; weights.len()];
            for _ in 0..REQUESTS {
                counts[router.route(stream.bits())] += 1;
            }
            assert_split(weights, &counts, &format!("{weights:?}, seed {seed}"));
        }
    }
}

#[test]
fn users_follow_the_weights_under_every_salt() {
    for weights in SPLITS {
        for salt in 0..SEEDS {
            let router = router(weights, &format!("salt {salt}"));
            let mut counts = vec![0; weights.len()];
            for user in 0..REQUESTS {
                counts[router.sticky(user)] += 1;
            }
            assert_split(weights, &counts, &format!("{weights:?}, salt {salt}"));
        }
    }
}

#[test]
fn salts_place_users_independently() {
    // Users of A under one salt, split by another: a 2 × 2 table with one degree of freedom.
    let weights = [1.0, 1.0];
    for salt in 0..SEEDS {
        let (one, other) = (router(&weights, &format!("x{salt}")), router(&weights, &format!("y{salt}")));
        let mut counts = [0; 4];
        for user in 0..REQUESTS {
            counts[2 * one.sticky(user) + other.sticky(user)] += 1;
        }
        assert_split(&[1.0; 4], &counts, &format!("salt {salt}"));
    }
}

#[test]
fn places_are_those_of_another_implementation() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden/simulation_sticky.json")).unwrap();
    assert_eq!(STICKY_VERSION, 1, "the golden file is of version 1");
    let cases = golden["cases"].as_array().unwrap();
    for case in cases {
        let place = StickyKey::new(case["salt"].as_str().unwrap()).place(case["user"].as_u64().unwrap());
        assert_eq!(format!("{place:016x}"), case["place"].as_str().unwrap(), "{case}");
    }
    assert!(cases.len() >= 20);
}

fn simulation(weights: &[f64], seed: u64, sticky: bool) -> Simulation {
    let mut simulation = Simulation::new(seed, Corpus::new(10, 1));
    for i in 0..weights.len() as u32 {
        let name = VariantName::new(format!("v{i}")).unwrap();
        let spec = FleetSpec::new(name, Artifact::A, "ml.m5.4xlarge".parse().unwrap(), 2);
        simulation.launch(FleetId(i), spec).unwrap();
    }
    simulation.set_routes(Some(router(weights, "demo"))).unwrap();
    let traffic = TrafficSettings { on: true, per_second: 1_000.0, sticky, ..TrafficSettings::default() };
    simulation.set_traffic(traffic).unwrap();
    simulation
}

#[test]
fn simulated_requests_follow_the_weights() {
    for weights in SPLITS {
        for seed in 0..SEEDS {
            let mut simulation = simulation(weights, seed, false);
            let mut counts = vec![0; weights.len()];
            simulation.run(VirtualTime::END, REQUESTS, &PredictionTable::default(), &mut |r| {
                counts[r.fleet.0 as usize] += 1;
            });
            assert_split(weights, &counts, &format!("simulated {weights:?}, seed {seed}"));
        }
    }
}

#[test]
fn a_sticky_user_stays_and_a_wider_canary_takes_nobody_back() {
    let mut simulation = simulation(&[95.0, 5.0], 1, true);
    let mut last = vec![None; USERS as usize];
    let mut moved_to_b = 0;
    for b in [5.0, 20.0, 50.0, 100.0] {
        simulation.set_routes(Some(router(&[100.0 - b, b], "demo"))).unwrap();
        let mut now = vec![None; USERS as usize];
        simulation.run(VirtualTime::END, REQUESTS, &PredictionTable::default(), &mut |r| {
            let user = r.user as usize;
            // One variant a user while the weights stand.
            assert!(now[user].is_none_or(|fleet| fleet == r.fleet));
            now[user] = Some(r.fleet);
            if last[user].is_some_and(|fleet| fleet != r.fleet) {
                assert_eq!((last[user], r.fleet), (Some(FleetId(0)), FleetId(1)));
                moved_to_b += 1;
                last[user] = Some(r.fleet);
            }
        });
        last = now;
    }
    assert!(moved_to_b > 8_000, "{moved_to_b}");
}

proptest! {
    #[test]
    fn raising_one_weight_only_moves_users_towards_it(
        weights in proptest::collection::vec(0.0f64..100.0, 2..=10),
        raised in any::<prop::sample::Index>(),
        by in 0.0f64..100.0,
        users in proptest::collection::vec(any::<u64>(), 200),
    ) {
        prop_assume!(weights.iter().sum::<f64>() > 0.0);
        let raised = raised.index(weights.len());
        let before = router(&weights, "p");
        let mut wider = weights.clone();
        wider[raised] += by;
        let after = router(&wider, "p");
        for user in users {
            let (from, to) = (before.sticky(user), after.sticky(user));
            // In the order of the entries; of two variants: only to it. Nobody leaves it.
            let towards = (from < to && to <= raised) || (raised <= to && to < from);
            prop_assert!(from == to || towards, "user {} from {} to {}", user, from, to);
        }
    }

    #[test]
    fn every_draw_falls_on_a_weight_above_zero(
        weights in proptest::collection::vec(prop_oneof![Just(0.0), 1e-300f64..1e300], 1..=10),
        draws in proptest::collection::vec(any::<u64>(), 100),
    ) {
        prop_assume!(weights.iter().any(|w| *w > 0.0));
        let router = router(&weights, "p");
        for draw in draws.into_iter().chain([0, u64::MAX]) {
            prop_assert!(weights[router.route(draw)] > 0.0);
        }
    }
}
