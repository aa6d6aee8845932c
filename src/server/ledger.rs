//! What became of invocations: each ends in one record, and the metrics, the tallies and the live feed are read from
//! those alone.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::routes::Target;
use crate::{
    analysis::metrics::{Changes, FleetHardware, KeptSeries, MetricStore},
    controller::{ControlPlane, FleetChange, FleetOrder, MinuteLoad},
    domain::{EndpointName, FleetId, InvocationRecord, InvocationStatus, VariantName, VirtualTime},
    inference,
};

/// Records that the live feed may still ask for: those between two frames at some thousands a second.
pub const RECENT: usize = 4_096;
/// Upper bounds of the latency buckets, seconds.
pub const BUCKETS_S: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What a fleet did since the server started; for Prometheus, whose counters begin anew with each start.
#[derive(Debug, Default)]
pub struct Tally {
    /// By [`InvocationStatus`]: answered, client errors, model errors, overloaded.
    pub by_status: [AtomicU64; 4],
    /// Model latency, ns, summed.
    pub model_ns: AtomicU64,
    /// Overhead latency, ns, summed.
    pub overhead_ns: AtomicU64,
    /// Invocations whose model latency is within each of [`BUCKETS_S`] and no lower one.
    pub buckets: [AtomicU64; BUCKETS_S.len()],
    /// Predictions by stars.
    pub by_stars: [AtomicU64; 5],
}

/// Place of a status in [`Tally::by_status`].
pub const fn place(status: InvocationStatus) -> usize {
    match status {
        InvocationStatus::Answered => 0,
        InvocationStatus::ClientError => 1,
        InvocationStatus::ModelError => 2,
        InvocationStatus::Overloaded => 3,
    }
}

impl Tally {
    fn count(&self, r: &InvocationRecord) {
        let add = |to: &AtomicU64, n: u64| to.fetch_add(n, Ordering::Relaxed);
        add(&self.by_status[place(r.status)], 1);
        add(&self.model_ns, r.model_latency_ns());
        add(&self.overhead_ns, r.overhead_ns);
        let seconds = Duration::from_nanos(r.model_latency_ns()).as_secs_f64();
        if let Some(i) = BUCKETS_S.iter().position(|b| seconds <= *b) {
            add(&self.buckets[i], 1);
        }
        if let Some(stars) = r.predicted {
            add(&self.by_stars[stars.index()], 1);
        }
    }

    /// Invocations in all.
    pub fn invocations(&self) -> u64 {
        self.by_status.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// With what was counted before the server started.
    pub fn after(&self, before: &Totals) -> Totals {
        let sum = |n: &AtomicU64, before: u64| n.load(Ordering::Relaxed) + before;
        Totals {
            by_status: std::array::from_fn(|i| sum(&self.by_status[i], before.by_status[i])),
            model_ns: sum(&self.model_ns, before.model_ns),
            overhead_ns: sum(&self.overhead_ns, before.overhead_ns),
            by_stars: std::array::from_fn(|i| sum(&self.by_stars[i], before.by_stars[i])),
            dropped: before.dropped,
        }
    }
}

/// What a fleet did since it was launched, earlier starts of the server included; for the live feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// As in [`Tally`].
    pub by_status: [u64; 4],
    /// Model latency, ns, summed.
    pub model_ns: u64,
    /// Overhead latency, ns, summed.
    pub overhead_ns: u64,
    /// Predictions by stars.
    pub by_stars: [u64; 5],
    /// Copies that were dropped for want of room.
    pub dropped: u64,
}

/// A record with the number under which the live feed knows it.
#[derive(Clone, Copy, Debug)]
pub struct Recent {
    /// Counts records from 1.
    pub seq: u64,
    /// The record.
    pub record: InvocationRecord,
}

#[derive(Debug, Default)]
struct Inner {
    metrics: MetricStore,
    recent: VecDeque<Recent>,
    recorded: u64,
}

/// Where records go.
#[derive(Debug, Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    next: AtomicU64,
}

impl Ledger {
    /// That goes on with metrics of before, and with the number of the next invocation. Datapoints show with the
    /// minute's end: nobody waits for a service here.
    pub fn new(mut metrics: MetricStore, next: u64) -> Self {
        metrics.set_publish_lag(Duration::ZERO);
        let inner = Inner { metrics, ..Inner::default() };
        Self { inner: Mutex::new(inner), next: AtomicU64::new(next) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next invocation.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Invocations that were begun; copies have their originals' numbers.
    pub fn begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Takes the record of an invocation of a variant.
    pub fn record(&self, target: &Target, record: InvocationRecord) {
        target.tally.count(&record);
        let mut inner = self.lock();
        inner.metrics.record(&record);
        inner.recorded += 1;
        let seq = inner.recorded;
        if inner.recent.len() == RECENT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(Recent { seq, record });
    }

    /// Records in all, copies included.
    pub fn recorded(&self) -> u64 {
        self.lock().recorded
    }

    /// The records after `seq`, oldest first, and the number of the newest. Where more than `most` are kept, a sample:
    /// half of all requests, or half of these, and so on, each with its copies.
    pub fn recent(&self, seq: u64, most: usize) -> (Vec<Recent>, u64) {
        let inner = self.lock();
        let begin = inner.recent.partition_point(|r| r.seq <= seq);
        let mut records: Vec<_> = inner.recent.range(begin..).copied().collect();
        let newest = inner.recorded;
        drop(inner);
        sample(&mut records, most);
        (records, newest)
    }

    /// Begins or ends the counting for fleets.
    pub fn follow(&self, changes: &[FleetChange], vcpus: impl Fn(FleetId) -> u32, now: VirtualTime) {
        let mut inner = self.lock();
        for change in changes {
            match change {
                FleetChange::Launch(order) => {
                    let hardware = hardware(order, vcpus(order.fleet));
                    let FleetOrder { fleet, endpoint, variant, instances, config, production, .. } = order;
                    inner.metrics.watch_fleet(*fleet, endpoint, variant, config, *production);
                    inner.metrics.register(*fleet, endpoint, variant, hardware, *instances, now);
                }
                FleetChange::Resize { fleet, instances } => inner.metrics.resize(*fleet, *instances, now),
                FleetChange::Retire(fleet) => inner.metrics.retire(*fleet, now),
                FleetChange::Route(_) => {}
            }
        }
    }

    /// At a full minute: closes it, and lets the control plane look at what was counted.
    pub fn minute(&self, plane: &mut ControlPlane, now: VirtualTime) -> Vec<FleetChange> {
        let mut inner = self.lock();
        inner.metrics.advance(now);
        if plane.next_scaling() <= now {
            let minute = now.minute().saturating_sub(1);
            plane.scale(now, |endpoint: &EndpointName, variant: &VariantName| {
                use crate::analysis::metrics::{Metric, Statistic};
                let sum = |m| inner.metrics.of_minute(endpoint, variant, (m, Statistic::Sum), minute);
                MinuteLoad {
                    invocations: sum(Metric::Invocations).unwrap_or(0.0),
                    per_instance: sum(Metric::InvocationsPerInstance).unwrap_or(0.0),
                }
            });
        }
        plane.observe(&inner.metrics, now)
    }

    /// Whether anything is counted for a variant, or was.
    pub fn knows(&self, endpoint: &EndpointName, variant: &VariantName) -> bool {
        self.lock().metrics.knows(endpoint, variant)
    }

    /// Puts the rows of a variant back that an earlier start of the server wrote down.
    pub fn restore(&self, kept: KeptSeries) {
        self.lock().metrics.restore(kept);
    }

    /// What has changed in the metrics since this was asked last.
    pub fn changes(&self, now: VirtualTime) -> Changes {
        let mut inner = self.lock();
        inner.metrics.advance(now);
        inner.metrics.changes()
    }

    /// Reads the metrics, every ended minute closed.
    pub fn metrics<T>(&self, now: VirtualTime, read: impl FnOnce(&MetricStore) -> T) -> T {
        let mut inner = self.lock();
        inner.metrics.advance(now);
        read(&inner.metrics)
    }
}

/// Leaves at most `most` records. Which requests stay hangs on their numbers alone: had it hung on the moment of their
/// ends, a slow copy would be missing where a quick one is there, and pairs would look faster than they are.
fn sample(records: &mut Vec<Recent>, most: usize) {
    // By Fibonacci hashing, so that no client that calls every second time is left out.
    let spread = |id: u64| id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bound = u64::MAX;
    while records.len() > most && bound > 0 {
        bound /= 2;
        records.retain(|r| spread(r.record.id) <= bound);
    }
    records.truncate(most);
}

fn hardware(order: &FleetOrder, vcpus: u32) -> FleetHardware {
    let spec = order.instance_type.spec();
    FleetHardware {
        vcpus,
        memory_gib: spec.memory_gib,
        gpus: 0,
        model_bytes: inference::card(order.artifact).size_bytes,
        container_ns: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReviewId;

    fn recent(seq: u64, id: u64, copy: bool) -> Recent {
        let record = InvocationRecord {
            id,
            arrival: VirtualTime::ZERO,
            user: 0,
            review: ReviewId(0),
            true_stars: None,
            fleet: FleetId(u32::from(copy)),
            instance: 0,
            status: InvocationStatus::Answered,
            wait_ns: 0,
            service_ns: 1,
            overhead_ns: 0,
            predicted: None,
            copy,
            leaked_kib: 0,
        };
        Recent { seq, record }
    }

    #[test]
    fn a_sample_has_each_copy_whose_original_it_has() {
        // Copies end 300 requests after their originals.
        let all = (0..1_300_u64).flat_map(|i| {
            let original = (i < 1_000).then(|| recent(2 * i, i, false));
            let copy = (i >= 300).then(|| recent(2 * i + 1, i - 300, true));
            original.into_iter().chain(copy)
        });
        let all: Vec<_> = all.collect();
        for most in [1, 10, 100, 512, 1_999, 2_000] {
            let mut some = all.clone();
            sample(&mut some, most);
            assert!(some.len() <= most && (most < 100 || some.len() >= most / 4), "{most}: {}", some.len());
            let ids = |copy| -> Vec<u64> {
                some.iter().filter(|r| r.record.copy == copy).map(|r| r.record.id).collect()
            };
            assert_eq!(ids(true), if most == 1 { Vec::new() } else { ids(false) }, "at most {most}");
            assert!(some.is_sorted_by_key(|r| r.seq));
        }
    }
}
