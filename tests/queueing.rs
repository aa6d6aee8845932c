//! The queues wait as queueing theory says.
//!
//! The values are in `tests/golden/queueing.json`: exact ones by the formulas it states, and the standard deviation of
//! one run of n requests by an independent simulator in Python. Another file of that form is read instead when
//! `REFERENCE_QUEUEING` names one; every entry in it is checked.
//!
//! Tolerance: one run of the same n lies within 4 standard deviations of a run (`run_sd`). The entries with a limit
//! (`mmck`) have none, so there it is 4 standard errors by 50 batch means of the run itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the helpers of a test are test code, too

use std::collections::BTreeMap;

use rollout_lab::{
    domain::{Artifact, FleetId, InvocationRecord, VariantName, VariantWeight, VirtualTime},
    inference::{PredictionTable, ServiceCost},
    routing::Router,
    simulation::{
        Admission, Corpus, FleetSpec, Lognormal, MAX_QUEUE_LIMIT, Purpose, Queue, ServiceSettings,
        Simulation, Stream, TrafficSettings,
    },
};
use serde_json::Value;

const S: f64 = 1e9;
const SDS: f64 = 4.0;

fn reference() -> Value {
    let text = match std::env::var("REFERENCE_QUEUEING") {
        Ok(path) => std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")),
        Err(_) => include_str!("golden/queueing.json").to_owned(),
    };
    serde_json::from_str(&text).expect("the reference is JSON")
}

fn entries(kind: &str) -> Vec<Value> {
    let entries = reference()[kind].as_array().cloned().unwrap_or_default();
    assert!(!entries.is_empty(), "the reference has no `{kind}`");
    entries
}

fn number(entry: &Value, key: &str) -> f64 {
    entry[key].as_f64().unwrap_or_else(|| panic!("no number `{key}` in {entry}"))
}

/// Draws service times in ns.
enum Service {
    Exponential(Box<Stream>, f64),
    Constant(f64),
    Lognormal(Box<Lognormal>),
}

impl Service {
    fn of(entry: &Value, seed: u64) -> Self {
        let stream = Stream::new(seed, Purpose::Content);
        let mean_ns = match entry["service_mean"].as_f64() {
            Some(mean) => mean * S,
            None => S / number(entry, "mu"),
        };
        match entry["service"].as_str().unwrap_or("exp") {
            "exp" => Self::Exponential(Box::new(stream), mean_ns),
            "det" => Self::Constant(mean_ns),
            "lognormal" => Self::Lognormal(Box::new(Lognormal::new(stream, mean_ns, number(entry, "sigma")))),
            other => panic!("no service `{other}`"),
        }
    }

    fn ns(&mut self) -> u64 {
        let ns = match self {
            Self::Exponential(stream, mean) => stream.exponential() * *mean,
            Self::Constant(ns) => *ns,
            Self::Lognormal(lognormal) => lognormal.draw(),
        };
        (ns + 0.5) as u64
    }
}

/// One run: (wait, service) of each request in ns, none when it was refused; and the time of the last arrival.
fn run(entry: &Value, servers: u32, room: u32, n: usize, seed: u64) -> (Vec<Option<(u64, u64)>>, u64) {
    let gap_ns = S / number(entry, "lambda");
    let mut arrivals = Stream::new(seed, Purpose::Arrivals);
    let mut service = Service::of(entry, seed);
    let mut queue = Queue::new(servers, room);
    let mut now = 0;
    let requests = (0..n)
        .map(|_| {
            now += (arrivals.exponential() * gap_ns + 0.5) as u64;
            let service_ns = service.ns();
            match queue.offer(now, service_ns) {
                Admission::Served { wait_ns } => Some((wait_ns, service_ns)),
                Admission::Full => None,
            }
        })
        .collect();
    (requests, now)
}

/// Nearest rank.
fn percentile(values: &mut [u64], p: f64) -> f64 {
    let rank = ((p * values.len() as f64 / 100.0).ceil() as usize).clamp(1, values.len());
    *values.select_nth_unstable(rank - 1).1 as f64 / S
}

/// The metrics of a run that the reference names, in seconds.
fn metrics(requests: impl Iterator<Item = (u64, u64)>) -> BTreeMap<&'static str, f64> {
    let (mut n, mut waited, mut wait, mut sojourns) = (0.0, 0.0, 0.0, Vec::new());
    for (wait_ns, service_ns) in requests {
        n += 1.0;
        waited += f64::from(u8::from(wait_ns > 0));
        wait += wait_ns as f64;
        sojourns.push(wait_ns + service_ns);
    }
    let w = sojourns.iter().map(|&t| t as f64).sum::<f64>() / n / S;
    let mut p = |p| percentile(&mut sojourns, p);
    let percentiles = [("p50", p(50.0)), ("p90", p(90.0)), ("p99", p(99.0))];
    [("p_wait", waited / n), ("wq", wait / n / S), ("w", w), ("mean", w), ("count", n)]
        .into_iter()
        .chain(percentiles)
        .collect()
}

/// Compares with the exact value where there is one, else with the mean of the simulated runs.
fn compare(
    name: &str,
    seen: &BTreeMap<&'static str, f64>,
    simulated: &Value,
    exact: impl Fn(&str) -> Option<f64>,
) -> Vec<String> {
    let mut misses = Vec::new();
    let mut compared = 0;
    for (metric, spread) in simulated.as_object().expect("simulated metrics") {
        let (Some(&value), Some(run_sd)) = (seen.get(metric.as_str()), spread["run_sd"].as_f64()) else {
            continue;
        };
        let (wanted, sd) = match exact(metric) {
            Some(exact) => (exact, run_sd),
            // The mean of the runs is itself a little off.
            None => (number(spread, "mean"), run_sd.hypot(spread["se"].as_f64().unwrap_or(0.0))),
        };
        compared += 1;
        let off = (value - wanted).abs() / sd.max(1e-12);
        if off > SDS {
            misses.push(format!("{name} {metric}: {value} for {wanted}, {off:.1} standard deviations off"));
        }
    }
    assert!(compared >= 3, "{name}: only {compared} metrics to compare");
    misses
}

fn samples(simulated: &Value) -> usize {
    simulated["n"].as_u64().expect("the requests of a run") as usize
}

fn check_unlimited(kind: &str, seed: u64) {
    let mut misses = Vec::new();
    for (i, entry) in entries(kind).iter().enumerate() {
        let servers = entry["c"].as_u64().unwrap_or(1) as u32;
        let simulated = if entry["simulated"].is_object() { &entry["simulated"] } else { entry };
        let (requests, _) = run(entry, servers, u32::MAX, samples(simulated), seed + i as u64);
        let seen = metrics(requests.into_iter().flatten());
        let exact = |metric: &str| match metric {
            "p50" | "p90" | "p99" => entry[format!("sojourn_{metric}")].as_f64(),
            _ => entry[metric].as_f64(),
        };
        misses.extend(compare(&format!("{kind}[{i}]"), &seen, simulated, exact));
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn many_servers_wait_as_erlang_c_says() {
    check_unlimited("mmc", 100);
}

#[test]
fn one_server_waits_as_pollaczek_and_khinchine_say() {
    check_unlimited("mg1", 200);
}

#[test]
fn other_services_wait_as_another_simulator_says() {
    check_unlimited("mgc_simulated_only", 300);
}

#[test]
fn a_limited_queue_refuses_as_often_as_it_should() {
    const N: usize = 1_000_000;
    const BATCHES: usize = 50;
    let mut misses = Vec::new();
    for (i, entry) in entries("mmck").iter().enumerate() {
        let (c, k) = (number(entry, "c"), number(entry, "K"));
        let (requests, end_ns) = run(entry, c as u32, (k - c) as u32, N, 400 + i as u64);
        let per_second = N as f64 / (end_ns as f64 / S);
        // Each metric of a batch; their mean is the run's, their spread gives its standard error.
        type OfBatch<'a> = Box<dyn Fn(&[Option<(u64, u64)>]) -> f64 + 'a>;
        let mean = |batch: &[Option<(u64, u64)>], of: fn((u64, u64)) -> u64| {
            let n = batch.iter().flatten().count() as f64;
            batch.iter().flatten().map(|r| of(*r) as f64).sum::<f64>() / n.max(1.0) / S
        };
        let share = |batch: &[Option<(u64, u64)>]| batch.iter().flatten().count() as f64 / batch.len() as f64;
        let wanted: [(&str, OfBatch); 5] = [
            ("p_block", Box::new(move |b| 1.0 - share(b))),
            ("wq", Box::new(move |b| mean(b, |(wait, _)| wait))),
            ("w", Box::new(move |b| mean(b, |(wait, service)| wait + service))),
            ("lambda_effective", Box::new(move |b| share(b) * per_second)),
            ("utilisation", Box::new(move |b| share(b) * mean(b, |(_, service)| service) * per_second / c)),
        ];
        for (metric, of) in wanted {
            let values: Vec<f64> = requests.chunks(N / BATCHES).map(of).collect();
            let mean = values.iter().sum::<f64>() / BATCHES as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (BATCHES - 1) as f64;
            let error = (variance / BATCHES as f64).sqrt();
            // The rate that came differs from λ by chance: relative standard error 1 ÷ √N.
            let arrivals =
                if metric == "lambda_effective" || metric == "utilisation" { mean / 1e3 } else { 0.0 };
            let tolerance = SDS * error.hypot(arrivals) + 1e-9;
            if (mean - number(entry, metric)).abs() > tolerance {
                misses.push(format!("mmck[{i}] {metric}: {mean} for {} ± {tolerance}", entry[metric]));
            }
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// A simulation whose service times are lognormal with this mean and σ, on four vCPUs a variant, queues without limit.
fn four_servers(
    seed: u64,
    per_second: f64,
    weights: &[f64],
    mean_s: f64,
    sigma: f64,
) -> (Simulation, PredictionTable) {
    let mut simulation = Simulation::new(seed, Corpus::new(10, 1));
    let mut table = PredictionTable::default();
    table.set_cost(Artifact::A, ServiceCost { base_us: 0.0, per_token_us: 0.0 });
    let mut routes = Vec::new();
    for (i, &weight) in weights.iter().enumerate() {
        let (id, name) = (FleetId(i as u32), VariantName::new(format!("v{i}")).unwrap());
        let service =
            ServiceSettings { container_us: mean_s * 1e6, noise_sigma: sigma, ..ServiceSettings::default() };
        let instance = "ml.m5.xlarge".parse().unwrap();
        let spec = FleetSpec {
            queue_limit: MAX_QUEUE_LIMIT,
            service,
            ..FleetSpec::new(name.clone(), Artifact::A, instance, 1)
        };
        simulation.launch(id, spec).unwrap();
        routes.push((id, name, VariantWeight::new(weight).unwrap()));
    }
    simulation.set_routes(Some(Router::new(routes, "queueing").unwrap())).unwrap();
    simulation.set_traffic(TrafficSettings { on: true, per_second, ..TrafficSettings::default() }).unwrap();
    (simulation, table)
}

#[test]
fn the_whole_simulation_waits_like_its_queue() {
    let mut misses = Vec::new();
    for (i, entry) in entries("mgc_simulated_only").iter().enumerate() {
        if entry["c"] != 4 || entry["service"] != "lognormal" {
            continue;
        }
        let n = samples(entry) as u64;
        let (lambda, mean, sigma) =
            (number(entry, "lambda"), number(entry, "service_mean"), number(entry, "sigma"));
        let (mut simulation, table) = four_servers(500 + i as u64, lambda, &[1.0], mean, sigma);
        let mut requests = Vec::new();
        let done = simulation.run(VirtualTime::END, n, &table, &mut |r: &InvocationRecord| {
            requests.push((r.wait_ns, r.service_ns));
        });
        assert_eq!(done, n);
        let seen = metrics(requests.into_iter());
        misses.extend(compare(&format!("simulation of mgc[{i}]"), &seen, entry, |_| None));
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn two_variants_share_the_traffic_and_wait_apart() {
    let scenario = &reference()["two_variant_scenario"];
    let weights: Vec<f64> =
        scenario["weights"].as_array().expect("weights").iter().filter_map(Value::as_f64).collect();
    assert_eq!(number(scenario, "servers_per_variant"), 4.0);
    // "lognormal mean 0.008 s sigma 0.5 (…)"
    let words: Vec<&str> = scenario["service"].as_str().expect("a service").split(' ').collect();
    let after = |word: &str| {
        let at = words.iter().position(|w| *w == word).expect("the service names its numbers");
        words[at + 1].parse::<f64>().unwrap()
    };
    let rate = number(scenario, "arrivals_per_s");
    let (mut simulation, table) = four_servers(600, rate, &weights, after("mean"), after("sigma"));
    let mut requests = vec![Vec::new(); weights.len()];
    let end = VirtualTime::from_s(number(scenario, "horizon_s") as u64);
    simulation.run_until(end, &table, &mut |r: &InvocationRecord| {
        requests[r.fleet.0 as usize].push((r.wait_ns, r.service_ns));
    });
    let mut misses = Vec::new();
    for (requests, name) in requests.into_iter().zip(["a", "b"]) {
        let seen = metrics(requests.into_iter());
        misses.extend(compare(&format!("variant {name}"), &seen, &scenario[name], |_| None));
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
