//! Whatever a shadow does, callers see nothing of it; whatever the control plane does, no request is lost.
//!
//! The tests here are small. `make bench` runs the same with 200,000 requests each (`ISOLATION_REQUESTS`).
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
use server::{Mood, REVIEW, Server, Upstream, declared, nobody, settings};

const SHADOW: &str = "[shadow]\nin_flight = 8\nqueue = 32\nqueue_bytes = 1_000_000\ntimeout_ms = 2000\n";

fn requests(small: u64) -> u64 {
    std::env::var("ISOLATION_REQUESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(small)
}

/// Sends from 16 connections at a time; gives the latencies, sorted, and how many were not 200.
async fn load(server: &Arc<Server>, requests: u64) -> (Vec<Duration>, u64) {
    let (sent, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (server, sent, failed) = (server.clone(), sent.clone(), failed.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while sent.fetch_add(1, Ordering::Relaxed) < requests {
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

#[tokio::test(flavor = "multi_thread")]
async fn callers_see_nothing_of_a_shadow() {
    let good = Upstream::start(Mood::Well).await;
    let n = requests(600);
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
        let (took, failed) = load(&server, n).await;
        assert_eq!(failed, 0, "{mood:?}");
        // Every copy ends: answered, failed, dropped, or by the time limit of copies.
        server.until_copies_end().await;
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
        let rss = server.metric("process_resident_memory_bytes", "").await / 1e6;
        let at = |p: usize| took[(took.len() * p / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
        println!(
            "shadow {mood:?}: {n} requests, 0 failed, p50 {:.2} ms, p99 {:.2} ms; {recorded} copies, {dropped} dropped, at most {most} at a time; {rss:.0} MB",
            at(50),
            at(99)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_everything_changes() {
    let (one, two) = (Upstream::start(Mood::Well).await, Upstream::start(Mood::Well).await);
    let toml = format!("{SHADOW}{}{}", one.declared("one"), two.declared("two"));
    let server = Arc::new(Server::start(settings(&toml)).await);
    server.deploy(&[("A", "one", 1.0), ("B", "two", 1.0)], &[]).await;
    let done = Arc::new(AtomicBool::new(false));
    let changes = tokio::spawn({
        let (server, done) = (server.clone(), done.clone());
        async move {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                // Shift, update, and update back: another fleet each time, the old one ends.
                let desired = |v: &str, w: u32| json!({"VariantName": v, "DesiredWeight": w});
                let weights = json!({
                    "EndpointName": "ep",
                    "DesiredWeightsAndCapacities": [desired("A", rounds % 2), desired("B", 1 + rounds % 3)],
                });
                server.must("UpdateEndpointWeightsAndCapacities", weights).await;
                server.until_in_service("ep").await;
                let config = format!("next-{rounds}");
                server.configure(&config, &[("A", "two", 1.0), ("B", "one", 2.0)], &[], json!({})).await;
                server
                    .must("UpdateEndpoint", json!({"EndpointName": "ep", "EndpointConfigName": config}))
                    .await;
                server.until_in_service("ep").await;
                rounds += 1;
            }
            rounds
        }
    });
    let n = requests(3_000);
    let (_, failed) = load(&server, n).await;
    done.store(true, Ordering::Relaxed);
    let rounds = changes.await.unwrap();
    assert_eq!(failed, 0);
    assert!(rounds > 0);
    assert_eq!(server.app.ledger.recorded(), n, "one record per invocation");
    println!("{n} requests through {rounds} shifts of weights and {rounds} updates: 0 failed");
}
