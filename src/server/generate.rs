//! Traffic: an open loop that sends by a schedule, whether answers come or not.
//!
//! Latency counts from the scheduled moment. A closed loop waits for the last answer before it asks again, so a server
//! that stands still is asked less and looks better than it is (coordinated omission); this one is asked all the same,
//! and what it was late with shows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};

use super::{backend, random};
use crate::{analysis::metrics::LatencySketch, wire::live::TrafficOrder};

/// Requests that may be without an answer at a time; what is due beyond it is not sent and counts as failed.
pub const MAX_OUTSTANDING: usize = 4_096;
/// Longest time for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two words on how it goes.
const PROGRESS: Duration = Duration::from_secs(1);

/// Why traffic cannot be sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// An address that is none.
    #[error("`{url}` is no address like http://127.0.0.1:8080")]
    Target {
        /// The value given.
        url: String,
    },
    /// A rate that cannot be kept.
    #[error("the rate must be above 0 and at most 1000000 requests per second, but is {rate}")]
    Rate {
        /// The value given.
        rate: f64,
    },
    /// Nothing to send.
    #[error("there is no request to send; the input holds none")]
    Empty,
}

/// When requests are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// At even distances.
    Constant,
    /// Independently of each other: gaps are exponential.
    Poisson,
}

/// One request of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its content type.
    pub content_type: HeaderValue,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What the server's own clients send by an order, in turn; or why nothing can be sent like that, in words. The lab's
/// reviews are not the server's to know.
pub type Draw = fn(&TrafficOrder) -> Result<Vec<Body>, String>;

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, e.g. `http://127.0.0.1:8080`.
    pub target: String,
    /// The endpoint.
    pub endpoint: String,
    /// Requests per second.
    pub rate: f64,
    /// For how long requests are due.
    pub lasts: Duration,
    /// When.
    pub arrivals: Arrivals,
    /// What, one after the other and again from the beginning.
    pub bodies: Vec<Body>,
    /// The server's token, where it demands one.
    pub token: Option<HeaderValue>,
}

/// How it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests that were due.
    pub due: u64,
    /// Those that were answered with 200.
    pub answered: u64,
    /// Those that were not.
    pub failed: u64,
}

/// Latencies, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// Mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 9 of 10 are below.
    pub p90_ms: f64,
    /// 99 of 100 are below.
    pub p99_ms: f64,
    /// 999 of 1,000 are below.
    pub p999_ms: f64,
    /// The greatest.
    pub max_ms: f64,
}

impl Latencies {
    fn of(sketch: &LatencySketch) -> Self {
        let ms = |ns: Option<f64>| ns.unwrap_or(0.0) / 1e6;
        Self {
            mean_ms: ms(sketch.mean()),
            p50_ms: ms(sketch.percentile(50.0)),
            p90_ms: ms(sketch.percentile(90.0)),
            p99_ms: ms(sketch.percentile(99.0)),
            p999_ms: ms(sketch.percentile(99.9)),
            max_ms: ms(sketch.max().map(|m| m as f64)),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Requests that were due.
    pub due: u64,
    /// Those that were answered with 200.
    pub answered: u64,
    /// Those that were not, by what came instead: a status, `unreachable`, `timed out` or `not sent`.
    pub failed: BTreeMap<String, u64>,
    /// Requests per second that were asked for.
    pub rate: f64,
    /// Answers per second, until the last one came.
    pub answered_per_second: f64,
    /// From the scheduled moment to the end of the answer; of answered requests.
    pub from_schedule: Latencies,
    /// From sending to the end of the answer: what a closed loop would have seen.
    pub from_sending: Latencies,
    /// Answers by the variant that gave them.
    pub by_variant: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Sum {
    report: Report,
    schedule: LatencySketch,
    sending: LatencySketch,
    last: Option<Instant>,
}

/// Seconds to the next request.
fn gap(plan: &Plan) -> f64 {
    match plan.arrivals {
        Arrivals::Constant => 1.0 / plan.rate,
        // 53 even bits in (0, 1]: the logarithm of 0 would be endless.
        Arrivals::Poisson => {
            let even = ((random::draw() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
            -even.ln() / plan.rate
        }
    }
}

/// Sends by the plan, and says every second how it goes. Ends early, with what was sent, once `stop` is told.
///
/// # Errors
/// [`GenerateError`] for a plan that cannot be followed; nothing was sent then.
pub async fn generate(
    plan: Plan,
    mut progress: impl FnMut(Progress),
    mut stop: oneshot::Receiver<()>,
) -> Result<Report, GenerateError> {
    let url = format!("{}/endpoints/{}/invocations", plan.target.trim_end_matches('/'), plan.endpoint);
    let uri: Uri = url.parse().map_err(|_| GenerateError::Target { url: plan.target.clone() })?;
    if uri.scheme_str() != Some("http") || uri.authority().is_none() {
        return Err(GenerateError::Target { url: plan.target.clone() });
    }
    if !(plan.rate > 0.0 && plan.rate <= 1e6) {
        return Err(GenerateError::Rate { rate: plan.rate });
    }
    if plan.bodies.is_empty() {
        return Err(GenerateError::Empty);
    }
    let client = backend::client(Duration::from_secs(5), MAX_OUTSTANDING);
    let room = Arc::new(Semaphore::new(MAX_OUTSTANDING));
    let sum = Arc::new(Mutex::new(Sum::default()));
    let began = Instant::now();
    let (mut due, mut at, mut told) = (0_u64, gap(&plan), began);
    let mut bodies = plan.bodies.iter().cycle();
    while at < plan.lasts.as_secs_f64() {
        let moment = began + Duration::from_secs_f64(at);
        tokio::select! {
            () = tokio::time::sleep_until(moment.into()), if moment > Instant::now() => {}
            () = std::future::ready(()), if moment <= Instant::now() => {}
            _ = &mut stop => break,
        }
        // Late is late: what was due meanwhile is sent at once, and its latency counts from when it was due.
        at += gap(&plan);
        due += 1;
        let Some(body) = bodies.next() else { break };
        match room.clone().try_acquire_owned() {
            Ok(permit) => {
                let mut request = Request::new(Full::new(body.bytes.clone()));
                *request.method_mut() = hyper::Method::POST;
                *request.uri_mut() = uri.clone();
                request.headers_mut().insert(CONTENT_TYPE, body.content_type.clone());
                if let Some(token) = &plan.token {
                    request.headers_mut().insert(AUTHORIZATION, token.clone());
                }
                let (client, sum) = (client.clone(), sum.clone());
                tokio::spawn(async move {
                    send(&client, request, moment, &sum).await;
                    drop(permit);
                });
            }
            Err(_) => failed(&sum, "not sent".to_owned()),
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            progress(so_far(&sum, due));
        }
    }
    // All permits are back once the last answer is.
    let _ = room.acquire_many(u32::try_from(MAX_OUTSTANDING).unwrap_or(u32::MAX)).await;
    progress(so_far(&sum, due));
    let sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    let took = sum.last.map_or(0.0, |l| l.saturating_duration_since(began).as_secs_f64());
    Ok(Report {
        due,
        rate: plan.rate,
        answered_per_second: if took > 0.0 { sum.report.answered as f64 / took } else { 0.0 },
        from_schedule: Latencies::of(&sum.schedule),
        from_sending: Latencies::of(&sum.sending),
        ..sum.report.clone()
    })
}

fn so_far(sum: &Mutex<Sum>, due: u64) -> Progress {
    let sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    Progress { due, answered: sum.report.answered, failed: sum.report.failed.values().sum() }
}

fn failed(sum: &Mutex<Sum>, how: String) {
    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    *sum.report.failed.entry(how).or_default() += 1;
}

async fn send(client: &backend::Client, request: Request<Full<Bytes>>, due: Instant, sum: &Mutex<Sum>) {
    let sent = Instant::now();
    let exchange = async {
        let answer = client.request(request).await.map_err(|_| "unreachable".to_owned())?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        answer.into_body().collect().await.map_err(|_| "unreachable".to_owned())?;
        if !status.is_success() {
            return Err(status.as_u16().to_string());
        }
        let variant = headers.get("x-amzn-invoked-production-variant").and_then(|v| v.to_str().ok());
        Ok(variant.unwrap_or("unknown").to_owned())
    };
    let outcome = tokio::time::timeout(TIMEOUT, exchange).await;
    match outcome.unwrap_or_else(|_| Err("timed out".to_owned())) {
        Ok(variant) => {
            let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.report.answered += 1;
            *sum.report.by_variant.entry(variant).or_default() += 1;
            sum.schedule.record(ns(due.elapsed()));
            sum.sending.record(ns(sent.elapsed()));
            sum.last = Some(Instant::now());
        }
        Err(how) => failed(sum, how),
    }
}
