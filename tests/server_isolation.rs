//! Whatever a shadow does, callers see nothing of it; whatever the control plane does, no request is lost.
//!
//! The tests here are small. `make bench` runs the same with 200,000 requests beside each shadow (`ISOLATION_REQUESTS`)
//! and 1,000,000 through changes (`CHANGES_REQUESTS`); latencies are compared by `tests/python/isolation.py`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use server::{Mood, REVIEW, Server, Upstream, container, declared, nobody, settings};

const SHADOW: &str = "[shadow]\nin_flight = 8\nqueue = 32\nqueue_bytes = 1_000_000\ntimeout_ms = 2000\n";

/// Bytes that a copy of [`REVIEW`] and its answer may take: as many of the answer as are read, and the room that it
/// grows into.
const COPY_BYTES: f64 = 2.0 * 6_291_456.0;
/// What a test may take beside copies: the server's and the model servers' own buffers, of which one sends 100 MB.
const BESIDE_BYTES: f64 = 96e6;

fn requests(variable: &str, small: u64) -> u64 {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(small)
}

/// Sends from 16 connections at a time, `requests` and then as many as come until `enough`; gives the latencies,
/// sorted, and how many were not 200.
async fn load(server: &Arc<Server>, requests: u64, enough: &Arc<AtomicBool>) -> (Vec<Duration>, u64) {
    let (sent, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (server, sent, failed) = (server.clone(), sent.clone(), failed.clone());
            let enough = enough.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while sent.fetch_add(1, Ordering::Relaxed) < requests || !enough.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = server.invoke("ep", &[], REVIEW).await;
                    took.push(began.elapsed());
                    failed.fetch_add(u64::from(answer.status != 200), Ordering::Relaxed);
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for caller in callers {
        took.extend(caller.await.unwrap());
    }
    took.sort();
    (took, failed.load(Ordering::Relaxed))
}

fn resident_bytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    // Elsewhere than on Linux nothing is measured, and nothing is found to be too much.
    pages.and_then(|p| p.split(' ').nth(1)?.parse::<f64>().ok()).map_or(0.0, |pages| pages * 4_096.0)
}

/// The most memory that the process holds while `work` goes on.
async fn most_resident<T>(work: impl Future<Output = T>) -> (T, f64) {
    let most = Arc::new(std::sync::Mutex::new(0.0_f64));
    let watch = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            let mut most = most.lock().unwrap();
            *most = most.max(resident_bytes());
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = watch => unreachable!(),
    };
    let most = most.lock().unwrap().max(resident_bytes());
    (done, most)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_see_nothing_of_a_shadow() {
    let good = Upstream::start(Mood::Well).await;
    let n = requests("ISOLATION_REQUESTS", 600);
    for mood in [
        Some(Mood::Well),
        None,
        Some(Mood::Hanging),
        Some(Mood::Failing),
        Some(Mood::Garbage),
        Some(Mood::Huge),
    ] {
        let ill = match mood {
            Some(mood) => Some(Upstream::start(mood).await),
            None => None,
        };
        let at = match &ill {
            Some(upstream) => upstream.address,
            None => nobody().await,
        };
        let toml = format!("{SHADOW}{}{}", good.declared("good"), declared("ill", at));
        let server = Arc::new(Server::start(settings(&toml)).await);
        server.deploy(&[("live", "good", 1.0)], &[("ghost", "ill", 0.5)]).await;
        let before = resident_bytes();
        let ((took, failed), most_bytes) = most_resident(async {
            let loaded = load(&server, n, &Arc::new(AtomicBool::new(true))).await;
            // Every copy ends: answered, failed, dropped, or by the time limit of copies.
            server.until_copies_end().await;
            loaded
        })
        .await;
        assert_eq!(failed, 0, "{mood:?}");
        // The latencies that the test keeps are no part of it.
        let grown = most_bytes - before - (n as f64) * 2.0 * size_of::<Duration>() as f64;
        let bound = 1e6 + 8.0 * COPY_BYTES + BESIDE_BYTES;
        assert!(grown <= bound, "{mood:?}: {grown} bytes more at a time, but at most {bound}");
        let dropped = server.metric("rollout_shadow_dropped_total", "ghost").await;
        let recorded = server.metric("rollout_invocations_total", "ghost").await;
        let most = server.metric("rollout_shadow_in_flight_max", "ghost").await;
        assert!(most <= 8.0, "{mood:?}: {most} copies at a time");
        // A server that hangs learns late that a copy was given up, and may hold the next one already.
        if let Some(ill) = ill.as_ref().filter(|_| mood != Some(Mood::Hanging)) {
            assert!(ill.most_under_way.load(Ordering::SeqCst) <= 8, "{mood:?}");
        }
        // Half of the requests, within 5 standard deviations.
        let copies = dropped + recorded;
        let off = 5.0 * (n as f64 * 0.25).sqrt();
        assert!(
            (copies - n as f64 / 2.0).abs() < off,
            "{mood:?}: {recorded} copies and {dropped} dropped of {n}"
        );
        assert_eq!(server.metric("rollout_invocations_total", "live").await, n as f64);
        assert_eq!(server.metric("rollout_invocations_total", "variant=\"live\"").await, n as f64);
        let answered = server
            .metric("rollout_invocations_total", "ghost\",fleet=\"1\",role=\"shadow\",status=\"answered\"")
            .await;
        match mood {
            // Who answers anything with 200 has answered: what is in it is the analyst's business.
            Some(Mood::Well | Mood::Garbage) => assert_eq!(answered, recorded, "{mood:?}"),
            _ => assert_eq!(answered, 0.0, "{mood:?}"),
        }
        if mood == Some(Mood::Hanging) {
            assert!(dropped > 0.0, "a hanging shadow's queue has an end");
        }
        let at = |p: usize| took[(took.len() * p / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
        println!(
            "shadow {mood:?}: {n} requests, 0 failed, p50 {:.2} ms, p99 {:.2} ms; {recorded} copies, {dropped} dropped, at most {most} at a time; at most {:.0} MB more",
            at(50),
            at(99),
            grown / 1e6
        );
    }
}

/// Ends the load when dropped, also when the changes have failed.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What was changed, and how often.
#[derive(Debug, Default)]
struct Changes {
    shifts: u64,
    updates: u64,
    promotions: u64,
    cancellations: u64,
    guarded: u64,
    rollbacks: u64,
}

/// An experiment on the endpoint's only variant: its shadow takes over, or all is as before.
async fn experiment(server: &Server, round: u64, config: &str, promote: bool) {
    let name = format!("test-{round}-{promote}");
    let infrastructure = json!({"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}});
    let of = |name: &str, model: &str| json!({"ModelName": model, "VariantName": name, "InfrastructureConfig": infrastructure});
    let plan = json!({
        "Name": name, "Type": "ShadowMode", "RoleArn": "arn:aws:iam::123456789012:role/lab",
        "EndpointName": "ep", "ModelVariants": [of("A", &format!("{config}-A")), of("ghost", "next")],
        "ShadowModeConfig": {"SourceModelVariantName": "A", "ShadowModelVariants": [{"ShadowModelVariantName": "ghost", "SamplingPercentage": 50}]},
    });
    server.must("CreateInferenceExperiment", plan).await;
    let until = async |wanted: &str| loop {
        let said = server.must("DescribeInferenceExperiment", json!({"Name": name})).await;
        if said["Status"] == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    until("Running").await;
    let (actions, state) = if promote {
        (json!({"A": "Remove", "ghost": "Promote"}), "Completed")
    } else {
        (json!({"A": "Retain", "ghost": "Remove"}), "Cancelled")
    };
    let stop = json!({"Name": name, "ModelVariantActions": actions, "DesiredState": state});
    server.must("StopInferenceExperiment", stop).await;
    until(state).await;
    server.until_in_service("ep").await;
    // There may be 50 of them.
    server.must("DeleteInferenceExperiment", json!({"Name": name})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_everything_changes() {
    let (one, two) = (Upstream::start(Mood::Well).await, Upstream::start(Mood::Well).await);
    let toml = format!("{SHADOW}{}{}", one.declared("one"), two.declared("two"));
    let server = Arc::new(Server::start(settings(&toml)).await);
    server.deploy(&[("A", "one", 1.0), ("B", "two", 1.0)], &[]).await;
    server.must("CreateModel", json!({"ModelName": "next", "PrimaryContainer": container("two")})).await;
    // It rings at the first full minute, for ever: there are no such metrics, and that counts as breaching.
    let alarm = json!({
        "AlarmName": "errors", "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": "other"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "breaching",
    });
    server.must("GraniteServiceVersion20100801.PutMetricAlarm", alarm).await;
    let n = requests("CHANGES_REQUESTS", 3_000);
    // A minute is too long for a small test, so only a long run sees the alarm ring, in a bake of a second.
    let long = n >= 100_000;
    let (enough, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let changes = tokio::spawn({
        let (server, enough, over) = (server.clone(), enough.clone(), over.clone());
        async move {
            let _ends = Ends(enough.clone());
            let mut seen = Changes::default();
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                let desired = |v: &str, w: u64| json!({"VariantName": v, "DesiredWeight": w});
                let weights = json!({
                    "EndpointName": "ep",
                    "DesiredWeightsAndCapacities": [desired("A", round % 2), desired("B", 1 + round % 3)],
                });
                server.must("UpdateEndpointWeightsAndCapacities", weights).await;
                server.until_in_service("ep").await;
                seen.shifts += 1;
                // One variant alone, for an experiment: another fleet each time, the old one ends.
                let alone = format!("alone-{round}");
                server.configure(&alone, &[("A", "one", 1.0)], &[], json!({})).await;
                let update = |config: &str| json!({"EndpointName": "ep", "EndpointConfigName": config});
                server.must("UpdateEndpoint", update(&alone)).await;
                server.until_in_service("ep").await;
                seen.updates += 1;
                experiment(&server, round, &alone, false).await;
                seen.cancellations += 1;
                experiment(&server, round, &alone, true).await;
                seen.promotions += 1;
                let both = format!("both-{round}");
                server.configure(&both, &[("A", "two", 1.0), ("B", "one", 2.0)], &[], json!({})).await;
                server.must("UpdateEndpoint", update(&both)).await;
                server.until_in_service("ep").await;
                seen.updates += 1;
                // Guardrails watch only where the variants have the names that they had.
                let safe = format!("safe-{round}");
                server.configure(&safe, &[("A", "one", 1.0), ("B", "two", 2.0)], &[], json!({})).await;
                let mut guarded = update(&safe);
                guarded["DeploymentConfig"] = json!({
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
                        "TerminationWaitInSeconds": u64::from(long),
                    },
                    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
                });
                server.must("UpdateEndpoint", guarded).await;
                server.until_in_service("ep").await;
                seen.guarded += 1;
                let said = server.must("DescribeEndpoint", json!({"EndpointName": "ep"})).await;
                if said["EndpointConfigName"] != safe.as_str() {
                    assert_eq!(said["EndpointConfigName"], both.as_str(), "{said}");
                    assert!(said["FailureReason"].as_str().unwrap().contains("errors"), "{said}");
                    seen.rollbacks += 1;
                }
                round += 1;
                enough.store(!long || seen.rollbacks > 0, Ordering::Relaxed);
            }
            seen
        }
    });
    let (took, failed) = load(&server, n, &enough).await;
    over.store(true, Ordering::Relaxed);
    let seen = changes.await.unwrap();
    assert_eq!(failed, 0, "{seen:?}");
    assert!(!long || seen.rollbacks > 0, "{seen:?}");
    let sent = took.len() as u64;
    assert!(sent >= n && server.app.ledger.begun() == sent, "{sent} sent");
    // One record for each request and each copy: both models together were asked as often. (A test that waits here for
    // ever is ended by its runner.)
    let asked = || one.asked.load(Ordering::SeqCst) + two.asked.load(Ordering::SeqCst);
    while server.app.ledger.recorded() != asked() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{sent} requests through {seen:?}: 0 failed");
}
