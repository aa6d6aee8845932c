//! The autoscaling lab's ledger: hour by hour, how many requests were too slow and what the fleet cost.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::goal::Verdict;
use crate::{
    controller::{Endpoint, ScalingActivity},
    domain::{InvocationRecord, SECOND_NS, VirtualTime},
};

/// Model latency that the autoscaling lab wants 99% of an hour's requests to stay below, ms.
pub const P99_TARGET_MS: u64 = 100;
/// Requests per second at two in the afternoon that its daily cycle must have.
pub const DAY_PEAK_PER_SECOND: f64 = 120.0;
/// Rate at night as a share of it.
pub const DAY_NIGHT_SHARE: f64 = 0.2;
/// Requests of a day that count as such a day: the cycle's own, less what chance may take.
const DAY_REQUESTS: u64 = 6_000_000;
const HOUR_NS: u64 = 3_600 * SECOND_NS;
const HOURS: usize = 24;

/// One full hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HourView {
    /// It ends here.
    pub ends: VirtualTime,
    /// Requests of callers.
    pub requests: u64,
    /// Of these, slower than [`P99_TARGET_MS`] or failed.
    pub slow: u64,
    /// US dollars for all instances.
    pub cost_usd: f64,
}

impl HourView {
    /// Whether the 99th percentile of latency stayed below the target: at most one in a hundred was slower.
    pub fn is_held(&self) -> bool {
        self.requests > 0 && self.slow * 100 <= self.requests
    }
}

/// The last day, and the hour that is being counted.
#[derive(Clone, Debug)]
pub(super) struct DayLedger {
    /// When the hour ends.
    pub ends: VirtualTime,
    requests: u64,
    slow: u64,
    slow_in_all: u64,
    limit_ns: u64,
    billed_usd: f64,
    hours: VecDeque<HourView>,
}

impl DayLedger {
    /// An empty one that takes a request for slow beyond `limit_ms`.
    pub fn new(limit_ms: u64) -> Self {
        Self {
            ends: VirtualTime::from_ns(HOUR_NS),
            requests: 0,
            slow: 0,
            slow_in_all: 0,
            limit_ns: limit_ms * 1_000_000,
            billed_usd: 0.0,
            hours: VecDeque::new(),
        }
    }

    #[inline]
    pub fn record(&mut self, r: &InvocationRecord) {
        self.requests += 1;
        let slow = !r.status.is_answered() || r.model_latency_ns() > self.limit_ns;
        self.slow += u64::from(slow);
        self.slow_in_all += u64::from(slow);
    }

    /// Ends the hour; `cost_usd` is what everything has cost until now.
    pub fn close(&mut self, cost_usd: f64) {
        if self.hours.len() == HOURS {
            self.hours.pop_front();
        }
        self.hours.push_back(HourView {
            ends: self.ends,
            requests: std::mem::take(&mut self.requests),
            slow: std::mem::take(&mut self.slow),
            cost_usd: cost_usd - self.billed_usd,
        });
        self.billed_usd = cost_usd;
        self.ends = VirtualTime::from_ns(self.ends.as_ns().saturating_add(HOUR_NS));
    }

    /// Slow or failed requests since the lab began.
    pub fn slow_in_all(&self) -> u64 {
        self.slow_in_all
    }

    /// The last 24 full hours, oldest first.
    pub fn hours(&self) -> impl Iterator<Item = &HourView> {
        self.hours.iter()
    }

    /// Whether the last 24 hours all held the target, at the lab's traffic and for at most so much.
    pub fn held(&self, usd: f64) -> Verdict {
        let full = self.hours.len() as u64;
        let since_bad = self.hours.iter().rev().take_while(|h| h.is_held()).count() as u64;
        if since_bad < full || full < HOURS as u64 {
            let mut verdict =
                Verdict::counted(since_bad, HOURS as u64, "hours in a row with 99% below 100 ms");
            verdict.done = false;
            return verdict;
        }
        let requests: u64 = self.hours.iter().map(|h| h.requests).sum();
        if requests < DAY_REQUESTS {
            return Verdict::when(
                false,
                format!(
                    "the last day had {requests} requests; let one pass at {DAY_PEAK_PER_SECOND} per second by day and {:.0}% of it at night",
                    100.0 * DAY_NIGHT_SHARE
                ),
            );
        }
        let cost: f64 = self.hours.iter().map(|h| h.cost_usd).sum();
        Verdict::when(cost <= usd, format!("the last day cost ${cost:.2}, and ${usd:.2} are enough"))
    }
}

/// Whether autoscaling added instances, and, for `inwards`, took some away after that.
pub(super) fn scaled<'a>(
    mut activities: impl Iterator<Item = &'a ScalingActivity>,
    inwards: bool,
) -> Verdict {
    let out = activities.any(|a| a.to > a.from);
    if !inwards {
        return Verdict::when(out, "autoscaling has not added an instance yet");
    }
    let missing =
        if out { "autoscaling has not taken an instance away yet" } else { "nothing was added yet" };
    Verdict::when(out && activities.any(|a| a.to < a.from), missing)
}

/// Whether the endpoint serves on GPUs, and has answered so many requests there.
pub(super) fn on_gpu(
    endpoint: Option<&Endpoint>,
    requests: u64,
    served: impl Fn(&Endpoint) -> u64,
) -> Verdict {
    match endpoint.filter(|e| e.variants().iter().any(|v| v.instance_type.spec().gpus > 0)) {
        None => Verdict::when(false, "no variant serves on a GPU instance"),
        Some(e) => Verdict::counted(served(e), requests, "requests served on it"),
    }
}
