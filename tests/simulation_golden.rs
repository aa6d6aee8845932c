//! The same seed gives the same requests, to the last digit, on every target.
//!
//! `tests/golden/simulation_requests.json` was written by this code natively (x86-64 Linux); it holds that nothing
//! changes unnoticed, and, read by a test in the browser, that wasm agrees. That the numbers are right is proved apart,
//! in `tests/queueing.rs` and `tests/split.rs`. After a wanted change:
//! `UPDATE_GOLDEN=1 cargo test --no-default-features --test simulation_golden`.
//!
//! [`differences`] knows no test harness: a wasm test includes this file with `#[path]` and calls it.
#![allow(clippy::unwrap_used)] // the helpers of a test are test code, too

use rollout_lab::{
    analysis::metrics::{FleetHardware, Metric, MetricStore, SeriesQuery, Statistic},
    domain::{
        Artifact, EndpointName, FleetId, InvocationRecord, RoutingStrategy, VariantName, VariantWeight,
        VirtualTime,
    },
    inference::{Prediction, PredictionTable, ServiceCost, Tokens},
    routing::Router,
    simulation::{
        ArrivalProcess, Corpus, FleetSpec, Purpose, Simulation, Stream, TrafficSettings, reviews::Review,
    },
};
use serde_json::{Value, json};

const REQUESTS: u64 = 100_000;
const SHOWN: usize = 200;
/// Each with another process, and another way to choose a variant.
const RUNS: [(u64, ArrivalProcess, bool); 3] = [
    (1, ArrivalProcess::Poisson, false),
    (7, ArrivalProcess::DailyCycle { night_share: 0.4 }, true),
    (u64::MAX, ArrivalProcess::Constant, false),
];

/// FNV-1a of whole numbers, little-endian.
struct Checksum(u64);

impl Checksum {
    fn add(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Predictions that no model made: the goldens need no artefact.
fn table(reviews: &[Review]) -> PredictionTable {
    let mut table = PredictionTable::default();
    let mut random = Stream::new(1, Purpose::ByHand);
    for review in reviews {
        let id = table.add_review(Tokens::of(&review.text).texts().len());
        for artifact in Artifact::ALL {
            let probabilities = std::array::from_fn(|_| random.below(1_000) as f32);
            table.answer(artifact, id, Prediction::from_probabilities(probabilities));
        }
    }
    for (artifact, per_token_us) in Artifact::ALL.into_iter().zip([0.75, 3.1, 27.3]) {
        table.set_cost(artifact, ServiceCost { base_us: 100.0, per_token_us });
    }
    table
}

/// The first requests of a run as rows, and the checksums of its requests and metrics.
fn run(seed: u64, process: ArrivalProcess, sticky: bool) -> (Vec<Value>, String, String) {
    let (endpoint, [a, b]) =
        (EndpointName::new("stars").unwrap(), ["VariantA", "VariantB"].map(|n| VariantName::new(n).unwrap()));
    let corpus = Corpus::built_in();
    let table = table(corpus.reviews());
    let mut simulation = Simulation::new(seed, corpus);
    let mut store = MetricStore::default();
    let instances = ["ml.m5.large", "ml.g4dn.xlarge"].map(|n| n.parse().unwrap());
    let first = FleetSpec::new(a.clone(), Artifact::A, instances[0], 2);
    let mut second = FleetSpec::new(b.clone(), Artifact::B, instances[1], 2);
    second.strategy = RoutingStrategy::LeastOutstandingRequests;
    for (id, spec) in [(FleetId(1), first), (FleetId(2), second)] {
        let instance = spec.instance_type.spec();
        let hardware = FleetHardware {
            vcpus: instance.vcpus,
            memory_gib: instance.memory_gib,
            gpus: instance.gpus,
            model_bytes: 1_987_653,
            container_ns: 2_000_000,
        };
        store.register(id, &endpoint, &spec.variant, hardware, spec.instances, VirtualTime::ZERO);
        simulation.launch(id, spec).unwrap();
    }
    let route = |wa: f64, wb: f64| {
        let entry = |id, name: &VariantName, w| (FleetId(id), name.clone(), VariantWeight::new(w).unwrap());
        Router::new(vec![entry(1, &a, wa), entry(2, &b, wb)], "golden").unwrap()
    };
    simulation.set_routes(Some(route(70.0, 30.0))).unwrap();
    let traffic =
        TrafficSettings { on: true, per_second: 1_900.0, process, sticky, ..TrafficSettings::default() };
    simulation.set_traffic(traffic).unwrap();

    let (mut rows, mut checksum) = (Vec::new(), Checksum(0xcbf2_9ce4_8422_2325));
    let mut sink = |r: &InvocationRecord| {
        store.record(r);
        let stars = |s: Option<rollout_lab::domain::Stars>| u64::from(s.map_or(0, |s| s.get()));
        let numbers = [
            r.id,
            r.arrival.as_ns(),
            u64::from(r.user),
            u64::from(r.review.0),
            u64::from(r.fleet.0),
            u64::from(r.instance),
            u64::from(r.status.http()),
            r.wait_ns,
            r.service_ns,
            r.overhead_ns,
            stars(r.true_stars),
            stars(r.predicted),
        ];
        numbers.into_iter().for_each(|n| checksum.add(n));
        if rows.len() < SHOWN {
            rows.push(json!(numbers));
        }
    };
    // Half way the canary widens, grows, and someone calls by hand.
    simulation.run(VirtualTime::END, REQUESTS / 2, &table, &mut sink);
    simulation.set_routes(Some(route(1.0, 2.0))).unwrap();
    simulation.resize(FleetId(2), 3).unwrap();
    let review = simulation.sample_review().unwrap();
    sink(&simulation.invoke(review, 1, None, &table, &mut |_| {}).unwrap());
    simulation.run(VirtualTime::END, REQUESTS / 2 - 1, &table, &mut sink);

    // Late enough for the last request's minute, and what was left in the queues, to be published.
    let now = simulation.now() + std::time::Duration::from_secs(300);
    store.advance(now);
    let mut metrics = Checksum(0xcbf2_9ce4_8422_2325);
    for variant in [&a, &b] {
        for metric in Metric::ALL {
            for statistic in [Statistic::Sum, Statistic::Percentile(99.0)] {
                let query = SeriesQuery { metric, statistic, period_s: 60, start_s: 0, end_s: 3_600 };
                for point in store.series(&endpoint, variant, &query, now).unwrap() {
                    metrics.add(point.start_s);
                    metrics.add(point.value.to_bits());
                }
            }
        }
    }
    (rows, format!("{:016x}", checksum.0), format!("{:016x}", metrics.0))
}

/// What the simulation gives now, in the form of the golden file.
pub fn requests() -> Value {
    let runs: Vec<Value> = RUNS
        .into_iter()
        .enumerate()
        .map(|(i, (seed, process, sticky))| {
            let (rows, requests, metrics) = run(seed, process, sticky);
            let first = if i == 0 { rows } else { Vec::new() };
            json!({ "seed": seed, "requests": requests, "metrics": metrics, "first": first })
        })
        .collect();
    json!({
        "about": "Checksums (FNV-1a of every number) of 100,000 requests and of their metrics, three seeds; of the first seed also the first 200 requests. Written by tests/simulation_golden.rs on x86-64 Linux.",
        "columns": ["id", "arrival_ns", "user", "review", "fleet", "instance", "http", "wait_ns", "service_ns", "overhead_ns", "true_stars", "predicted"],
        "runs": runs,
    })
}

/// How the simulation differs from the golden file; empty when it does not.
pub fn differences() -> Vec<String> {
    let golden: Value = serde_json::from_str(include_str!("golden/simulation_requests.json")).unwrap();
    let now = requests();
    let mut differences = Vec::new();
    for (was, is) in golden["runs"].as_array().unwrap().iter().zip(now["runs"].as_array().unwrap()) {
        for key in ["seed", "requests", "metrics"] {
            if was[key] != is[key] {
                differences.push(format!("seed {}: {key} {} became {}", was["seed"], was[key], is[key]));
            }
        }
        let rows = was["first"].as_array().unwrap().iter().zip(is["first"].as_array().unwrap());
        let changed = rows.filter(|(was, is)| was != is).take(3);
        differences.extend(changed.map(|(was, is)| format!("request {was} became {is}")));
    }
    if golden["runs"].as_array().unwrap().len() != RUNS.len() {
        differences.push("the golden file has another number of runs".to_owned());
    }
    differences
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_same_seed_gives_the_same_requests() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/simulation_requests.json");
        // A row a line.
        let text = requests().to_string().replace("],[", "],\n[").replace("{\"", "{\n\"");
        std::fs::write(path, text + "\n").unwrap();
        return;
    }
    let differences = differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
