//! Simulated requests per CPU-second with every metric on, and whether memory stays flat.
//!
//! ```text
//! cargo bench --no-default-features --bench simulation            # 100 million requests
//! cargo bench --no-default-features --bench simulation -- 10      # 10 million
//! ```
//! Two variants at 50/50 on three instances, 2,565 reviews with predictions from a random table, 20,000 requests per
//! virtual second, after eight virtual days at 20 a second. CPU time and memory are read from `/proc` and so printed on Linux only.
#![allow(clippy::unwrap_used)] // a failing benchmark may stop

use std::time::Instant;

use rollout_lab::{
    analysis::metrics::{FleetHardware, Metric, MetricStore, SeriesQuery, Statistic},
    domain::{
        Artifact, EndpointName, FleetId, RoutingStrategy, SECOND_NS, VariantName, VariantWeight, VirtualTime,
    },
    inference::{Prediction, PredictionTable, ServiceCost, Tokens},
    routing::Router,
    simulation::{Corpus, FleetSpec, Purpose, Simulation, Stream, TrafficSettings},
};

const PER_SECOND: f64 = 20_000.0;
const ROUNDS: u64 = 10;
/// Before the measurement metrics fill up what they keep: a day of minutes, a week of fives.
const WARM_DAYS: u64 = 8;
const WARM_PER_SECOND: f64 = 20.0;

/// User and system time of this process, s.
fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Resident memory, KiB.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
}

/// One row of the table that `make bench` prints.
fn say(name: &str, value: f64, better: &str) {
    println!(
        r#"BENCH {{"group":"simulation, native","name":"{name}","value":{value},"unit":"","better":"{better}"}}"#
    );
}

fn main() {
    let millions: u64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100);
    let endpoint = EndpointName::new("stars").unwrap();
    let variants = ["VariantA", "VariantB"].map(|n| VariantName::new(n).unwrap());

    let corpus = Corpus::built_in();
    let mut table = PredictionTable::default();
    let mut random = Stream::new(1, Purpose::ByHand);
    for review in corpus.reviews() {
        let id = table.add_review(Tokens::of(&review.text).texts().len());
        for artifact in Artifact::ALL {
            let probabilities = std::array::from_fn(|_| random.unit() as f32);
            table.answer(artifact, id, Prediction::from_probabilities(probabilities));
        }
    }
    for artifact in Artifact::ALL {
        table.set_cost(artifact, ServiceCost { base_us: 60.0, per_token_us: 1.0 });
    }
    let reviews = corpus.len();

    let mut simulation = Simulation::new(7, corpus);
    let mut store = MetricStore::default();
    let mut routes = Vec::new();
    for (i, (variant, artifact)) in variants.iter().zip([Artifact::A, Artifact::B]).enumerate() {
        let id = FleetId(i as u32);
        let mut spec = FleetSpec::new(variant.clone(), artifact, "ml.m5.4xlarge".parse().unwrap(), 3);
        spec.strategy = RoutingStrategy::Random;
        let hardware = FleetHardware {
            vcpus: 16,
            memory_gib: 64.0,
            gpus: 0,
            model_bytes: 500_000,
            container_ns: (spec.service.container_us * 1_000.0) as u64,
        };
        simulation.launch(id, spec).unwrap();
        store.register(id, &endpoint, variant, hardware, 3, VirtualTime::ZERO);
        routes.push((id, variant.clone(), VariantWeight::new(50.0).unwrap()));
    }
    simulation.set_routes(Some(Router::new(routes, "bench").unwrap())).unwrap();
    let traffic = TrafficSettings { on: true, per_second: WARM_PER_SECOND, ..TrafficSettings::default() };
    simulation.set_traffic(traffic).unwrap();
    let warm = VirtualTime::from_s(WARM_DAYS * 86_400);
    simulation.run_until(warm, &table, &mut |record| store.record(record));
    simulation.set_traffic(TrafficSettings { per_second: PER_SECOND, ..traffic }).unwrap();
    let before = simulation.invocations();

    println!("{millions} million requests about {reviews} reviews, {PER_SECOND} a virtual second");
    let (began, cpu_began) = (Instant::now(), cpu_s());
    let mut resident = Vec::new();
    let (mut answered, mut right) = (0u64, 0u64);
    for round in 1..=ROUNDS {
        simulation.run(VirtualTime::END, millions * 1_000_000 / ROUNDS, &table, &mut |record| {
            store.record(record);
            answered += u64::from(record.status.is_answered());
            right += u64::from(record.predicted.is_some() && record.predicted == record.true_stars);
        });
        store.advance(simulation.now());
        let memory = resident_kib();
        resident.extend(memory);
        println!(
            "{:>12} requests, virtual {:>9}, metric rows {:>8} bytes, resident {} KiB",
            round * millions * 1_000_000 / ROUNDS,
            simulation.now().to_string(),
            store.bytes(),
            memory.map_or("?".to_owned(), |m| m.to_string()),
        );
    }
    let requests = (simulation.invocations() - before) as f64;
    println!("answered {answered}, of these right {right}");
    println!(
        "{:.2} million requests per second of wall time",
        requests / began.elapsed().as_secs_f64() / 1e6
    );
    if let (Some(before), Some(after)) = (cpu_began, cpu_s()) {
        say("million requests per CPU-second", requests / (after - before) / 1e6, "higher");
    }
    if let (Some(first), Some(last)) = (resident.first(), resident.last()) {
        say("growth of resident memory, %", 100.0 * (*last as f64 / *first as f64 - 1.0), "lower");
    }

    let now = simulation.now();
    let query = SeriesQuery {
        metric: Metric::ModelLatency,
        statistic: Statistic::Percentile(99.0),
        period_s: 60,
        start_s: (now - std::time::Duration::from_secs(86_340)).as_ns() / SECOND_NS,
        end_s: now.as_ns() / SECOND_NS,
    };
    let began = Instant::now();
    let points = store.series(&endpoint, &variants[0], &query, now).unwrap();
    say(&format!("{} datapoints of p99, ms", points.len()), began.elapsed().as_secs_f64() * 1e3, "lower");
}
