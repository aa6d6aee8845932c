//! Records in, series out: per variant and minute, in bounded memory.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Datapoint, LatencySketch, Metric, Statistic,
    sketch::{Packed, rank},
    watch::FleetLog,
};
use crate::domain::{
    EndpointName, FleetId, InvocationRecord, InvocationStatus, SECOND_NS, VariantName, VirtualTime,
    idle_memory_gib,
};

/// Time from a full minute to its datapoint (a lab rule; the service takes minutes, too).
pub const DEFAULT_PUBLISH_LAG: Duration = Duration::from_secs(60);
/// Minutes for which each minute is kept.
pub const MINUTES_KEPT: u64 = 1_440;
/// Minutes for which every five are kept: 7 days.
pub const WEEK_KEPT: u64 = 7 * 1_440;
/// Minutes for which every hour is kept: 455 days.
pub const HOURS_KEPT: u64 = 455 * 1_440;
/// Most datapoints in an answer.
pub const MAX_DATAPOINTS: u64 = 1_440;
/// Variants whose metrics are kept. When there are more, those that ended first are forgotten.
pub const MAX_SERIES: usize = 64;

/// Minutes ahead for which work in the queues is booked; what lies beyond is not counted.
const MAX_AHEAD: usize = 1_440;
const MINUTE_NS: u64 = 60 * SECOND_NS;
/// Percents are summed as whole numbers of this part of one.
const PERCENT: f64 = 1e6;

// The lab's rules for what no request reveals. Round figures of a small Linux container.
/// Memory of a request in flight, GiB.
const REQUEST_GIB: f64 = 1.0 / 1_024.0;
/// Disk of an instance, GiB.
const DISK_GIB: f64 = 30.0;
/// Disk of the image, GiB.
const IMAGE_GIB: f64 = 3.0;
/// Bytes that a request leaves in the log, and bytes at which the log is cut.
const LOG_LINE_BYTES: u64 = 200;
const LOG_BYTES: u64 = 256 << 20;
const GIB: f64 = (1u64 << 30) as f64;
const KIB_PER_GIB: f64 = (1u64 << 20) as f64;

/// What an instance of a fleet has, as far as metrics depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetHardware {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// GPUs.
    pub gpus: u32,
    /// Size of the model's file, bytes.
    pub model_bytes: u64,
    /// The part of a service time that is spent outside the model, ns: the GPU rests meanwhile.
    pub container_ns: u64,
}

/// Why a series cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The period is no multiple of a minute.
    #[error("the period must be a multiple of 60 seconds and at least 60, but is {period_s}")]
    Period {
        /// The number given, seconds.
        period_s: u64,
    },
    /// There is nothing between start and end.
    #[error("the start must be before the end, but {start_s} s is not before {end_s} s")]
    Range {
        /// Start, virtual seconds.
        start_s: u64,
        /// End, virtual seconds.
        end_s: u64,
    },
    /// More datapoints than an answer may have.
    #[error(
        "the query asks for {points} datapoints, but at most {MAX_DATAPOINTS} are given; choose a longer period or a shorter range"
    )]
    TooMany {
        /// Datapoints asked for.
        points: u64,
    },
}

/// What `GetMetricStatistics` is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesQuery {
    /// Which metric.
    pub metric: Metric,
    /// How the samples of a period become one number.
    pub statistic: Statistic,
    /// Length of a period, seconds: a multiple of 60.
    pub period_s: u64,
    /// First moment, virtual seconds; rounded down to a whole period.
    pub start_s: u64,
    /// First moment that is not asked for, virtual seconds.
    pub end_s: u64,
}

/// Work on one instance in one minute.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// vCPU time, ns.
    busy_ns: u64,
    /// GPU time, ns.
    gpu_ns: u64,
    /// Time of requests in it, waiting or served, ns.
    present_ns: u64,
    /// What its container had lost when a request was last taken, KiB. It stays lost, so it goes on into the next minute.
    leaked_kib: u32,
}

/// Samples of one variant in a minute, or in several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    /// First minute.
    pub(super) minute: u64,
    /// Invocations by the number of instances at that time. Under 0: minutes without an invocation, each of which
    /// is a sample of 0.
    pub(super) invocations: Vec<(u32, u64)>,
    pub(super) errors_4xx: u64,
    pub(super) errors_5xx: u64,
    pub(super) model_errors: u64,
    /// ns.
    pub(super) model: Packed,
    pub(super) overhead: Packed,
    /// 10⁻⁶ percent, one sample per instance and minute.
    pub(super) cpu: Packed,
    pub(super) memory: Packed,
    pub(super) disk: Packed,
    pub(super) gpu: Packed,
}

impl Row {
    pub(super) fn requests(&self) -> u64 {
        self.invocations.iter().filter(|(i, _)| *i > 0).map(|(_, n)| n).sum()
    }

    fn count_invocations(&mut self, instances: u32, n: u64) {
        match self.invocations.iter_mut().find(|(i, _)| *i == instances) {
            Some((_, count)) => *count += n,
            None => self.invocations.push((instances, n)),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for &(instances, n) in &other.invocations {
            self.count_invocations(instances, n);
        }
        self.errors_4xx += other.errors_4xx;
        self.errors_5xx += other.errors_5xx;
        self.model_errors += other.model_errors;
        self.model.merge(&other.model);
        self.overhead.merge(&other.overhead);
        self.cpu.merge(&other.cpu);
        self.memory.merge(&other.memory);
        self.disk.merge(&other.disk);
        self.gpu.merge(&other.gpu);
    }

    pub(super) fn bytes(&self) -> usize {
        let packed = [&self.model, &self.overhead, &self.cpu, &self.memory, &self.disk, &self.gpu];
        size_of::<Self>()
            + self.invocations.capacity() * size_of::<(u32, u64)>()
            + packed.iter().map(|p| p.heap_bytes()).sum::<usize>()
    }

    /// A statistic of one metric; none without a sample.
    pub(super) fn statistic(&self, metric: Metric, statistic: Statistic) -> Option<f64> {
        let flags = |ones: u64| of_values(&mut [(0.0, self.requests() - ones), (1.0, ones)], statistic);
        let by_instances = |value: fn(f64) -> f64| {
            let value = |i| if i == 0 { 0.0 } else { value(f64::from(i)) };
            let mut values: Vec<_> = self.invocations.iter().map(|&(i, n)| (value(i), n)).collect();
            of_values(&mut values, statistic)
        };
        match metric {
            Metric::Invocations => by_instances(|_| 1.0),
            Metric::InvocationsPerInstance => by_instances(|i| 1.0 / i),
            Metric::Invocation4XXErrors => flags(self.errors_4xx),
            Metric::Invocation5XXErrors => flags(self.errors_5xx),
            Metric::InvocationModelErrors => flags(self.model_errors),
            Metric::ModelLatency => of_packed(&self.model, 1e3, statistic),
            Metric::OverheadLatency => of_packed(&self.overhead, 1e3, statistic),
            Metric::CPUUtilization => of_packed(&self.cpu, PERCENT, statistic),
            Metric::MemoryUtilization => of_packed(&self.memory, PERCENT, statistic),
            Metric::DiskUtilization => of_packed(&self.disk, PERCENT, statistic),
            Metric::GPUUtilization => of_packed(&self.gpu, PERCENT, statistic),
        }
    }
}

/// Of values with how often each was seen.
fn of_values(values: &mut [(f64, u64)], statistic: Statistic) -> Option<f64> {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let seen = || values.iter().filter(|(_, n)| *n > 0);
    let count: u64 = seen().map(|(_, n)| n).sum();
    let sum = || seen().map(|(v, n)| v * *n as f64).sum::<f64>();
    if count == 0 {
        return None;
    }
    match statistic {
        Statistic::Sum => Some(sum()),
        Statistic::Average => Some(sum() / count as f64),
        Statistic::Minimum => seen().next().map(|(v, _)| *v),
        Statistic::Maximum => seen().next_back().map(|(v, _)| *v),
        Statistic::SampleCount => Some(count as f64),
        Statistic::Percentile(p) => {
            let mut left = rank(count, p);
            for (value, n) in seen() {
                if *n >= left {
                    return Some(*value);
                }
                left -= n;
            }
            None
        }
    }
}

fn of_packed(samples: &Packed, scale: f64, statistic: Statistic) -> Option<f64> {
    if samples.count == 0 {
        return None;
    }
    Some(match statistic {
        Statistic::Sum => samples.sum as f64 / scale,
        Statistic::Average => samples.sum as f64 / samples.count as f64 / scale,
        Statistic::Minimum => samples.min as f64 / scale,
        Statistic::Maximum => samples.max as f64 / scale,
        Statistic::SampleCount => samples.count as f64,
        Statistic::Percentile(p) => samples.percentile(p)? / scale,
    })
}

/// The rows of one variant of one endpoint: minutes, then fives, then hours. No minute is in two of them.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) endpoint: EndpointName,
    pub(super) variant: VariantName,
    pub(super) tiers: [VecDeque<Row>; 3],
    /// Tier and minute of the rows that came, changed or went since somebody asked; none where nobody does.
    pub(super) changed: Option<BTreeSet<(u8, u64)>>,
}

/// Minutes in a row of each tier, and how long it is kept.
pub(super) const TIERS: [(u64, u64); 3] = [(1, MINUTES_KEPT), (5, WEEK_KEPT), (60, HOURS_KEPT)];

impl Series {
    pub(super) fn new(endpoint: &EndpointName, variant: &VariantName, kept: bool) -> Self {
        Self {
            endpoint: endpoint.clone(),
            variant: variant.clone(),
            tiers: Default::default(),
            changed: kept.then(BTreeSet::new),
        }
    }

    /// Adds a row to a tier: the sum of both where there is one of that time.
    pub(super) fn add(&mut self, tier: usize, row: Row) {
        self.note(tier, row.minute);
        add_row(&mut self.tiers[tier], row);
    }

    /// Puts rows back that were there before; those that came since, few in number, are added to them.
    pub(super) fn put(&mut self, tiers: [VecDeque<Row>; 3]) {
        for (rows, before) in self.tiers.iter_mut().zip(tiers) {
            for row in std::mem::replace(rows, before) {
                add_row(rows, row);
            }
        }
    }

    fn note(&mut self, tier: usize, minute: u64) {
        if let Some(changed) = &mut self.changed {
            changed.insert((tier as u8, minute));
        }
    }

    /// Moves rows that are too old for their tier into the next, and forgets the oldest.
    fn age(&mut self, minute: u64) {
        for (tier, (length, kept)) in TIERS.into_iter().enumerate() {
            while self.tiers[tier].front().is_some_and(|r| r.minute + length + kept <= minute) {
                let Some(mut row) = self.tiers[tier].pop_front() else { break };
                self.note(tier, row.minute);
                if let Some((next, _)) = TIERS.get(tier + 1) {
                    row.minute -= row.minute % next;
                    self.add(tier + 1, row);
                }
            }
        }
    }

    /// The newest minute that is kept.
    fn newest(&self) -> u64 {
        self.tiers.iter().filter_map(|t| t.back()).map(|r| r.minute).max().unwrap_or(0)
    }
}

/// Merges a row into the one of the same time, or puts it in its place.
fn add_row(rows: &mut VecDeque<Row>, row: Row) {
    let place = rows.partition_point(|r| r.minute < row.minute);
    match rows.get_mut(place) {
        Some(there) if there.minute == row.minute => there.merge(&row),
        _ => rows.insert(place, row),
    }
}

/// A fleet whose current minute is being counted.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) series: usize,
    hardware: FleetHardware,
    instances: u32,
    retired: bool,
    pub(super) minute: u64,
    minute_end_ns: u64,
    /// Invocations of this minute before and after a change of the number of instances.
    earlier: Vec<(u32, u64)>,
    invocations: u64,
    errors_4xx: u64,
    errors_5xx: u64,
    model_errors: u64,
    model: LatencySketch,
    overhead: LatencySketch,
    /// By instance: this minute, the last one, and requests since it started.
    load: Vec<Load>,
    last: Vec<Load>,
    served: Vec<u64>,
    /// Whether a container ever lost memory.
    leaks: bool,
    /// Work that is booked for the minutes after this one.
    ahead: VecDeque<Vec<Load>>,
    /// Samples of the instances of a minute that is being closed.
    scratch: LatencySketch,
    /// Invocations of this minute when [`Live::has_news`] was asked last.
    told: u64,
}

impl Live {
    fn new(series: usize, hardware: FleetHardware, instances: u32, at: VirtualTime) -> Self {
        let minute = at.minute();
        Self {
            series,
            hardware,
            instances,
            retired: false,
            minute,
            minute_end_ns: (minute + 1).saturating_mul(MINUTE_NS),
            earlier: Vec::new(),
            invocations: 0,
            errors_4xx: 0,
            errors_5xx: 0,
            model_errors: 0,
            model: LatencySketch::default(),
            overhead: LatencySketch::default(),
            load: vec![Load::default(); instances as usize],
            last: Vec::new(),
            served: vec![0; instances as usize],
            leaks: false,
            ahead: VecDeque::new(),
            scratch: LatencySketch::default(),
            told: 0,
        }
    }

    /// Whether the minute that runs has counted requests since this was asked last.
    pub(super) fn has_news(&mut self) -> bool {
        let counted = self.invocations + self.earlier.iter().map(|(_, n)| n).sum::<u64>();
        std::mem::replace(&mut self.told, counted) != counted
    }

    /// What the minute that runs has counted of requests; none while there were none. What is sampled once a minute,
    /// utilisation, is not in it.
    pub(super) fn so_far(&self) -> Option<Row> {
        let mut row = Row {
            minute: self.minute,
            errors_4xx: self.errors_4xx,
            errors_5xx: self.errors_5xx,
            model_errors: self.model_errors,
            model: self.model.packed(),
            overhead: self.overhead.packed(),
            ..Row::default()
        };
        for &(instances, n) in self.earlier.iter().chain(&[(self.instances, self.invocations)]) {
            if n > 0 {
                row.count_invocations(instances.max(1), n);
            }
        }
        (!row.invocations.is_empty()).then_some(row)
    }

    #[inline]
    fn count(&mut self, record: &InvocationRecord) {
        self.invocations += 1;
        if self.leaks || record.leaked_kib > 0 {
            self.note_leak(record);
        }
        match record.status {
            InvocationStatus::Answered => {}
            InvocationStatus::ClientError => {
                self.errors_4xx += 1;
                self.model_errors += 1;
            }
            InvocationStatus::ModelError | InvocationStatus::Overloaded => {
                self.errors_5xx += 1;
                self.model_errors += 1;
            }
        }
        if matches!(record.status, InvocationStatus::Answered | InvocationStatus::ModelError) {
            self.model.record(record.model_latency_ns());
            self.overhead.record(record.overhead_ns);
            self.book(record);
        }
    }

    #[cold]
    fn note_leak(&mut self, record: &InvocationRecord) {
        self.leaks = true;
        if let Some(load) = self.load.get_mut(usize::from(record.instance)) {
            load.leaked_kib = record.leaked_kib;
        }
    }

    /// Books the work of a request for the minutes that it covers.
    #[inline]
    fn book(&mut self, record: &InvocationRecord) {
        let instance = usize::from(record.instance);
        if instance >= self.load.len() {
            self.load.resize(instance + 1, Load::default());
        }
        // Apart from the loads: a fleet that has just grown has a log for each instance, but no load yet.
        if instance >= self.served.len() {
            self.served.resize(instance + 1, 0);
        }
        self.served[instance] += 1;
        let arrival = record.arrival.as_ns();
        let end = arrival.saturating_add(record.model_latency_ns());
        let model_ns = record.service_ns.saturating_sub(self.hardware.container_ns);
        if end <= self.minute_end_ns {
            let load = &mut self.load[instance];
            load.busy_ns += record.service_ns;
            load.gpu_ns += model_ns;
            load.present_ns += record.model_latency_ns();
        } else {
            let start = arrival.saturating_add(record.wait_ns);
            self.book_ahead(instance, [arrival, start, end - model_ns.min(end), end]);
        }
    }

    /// `times`: arrival, start of service, start of the model's part, end.
    fn book_ahead(&mut self, instance: usize, times: [u64; 4]) {
        let [arrival, start, model, end] = times;
        let (mut from, mut to) = (self.minute_end_ns - MINUTE_NS.min(self.minute_end_ns), self.minute_end_ns);
        for place in 0..=MAX_AHEAD {
            if from >= end {
                return;
            }
            let within = |begin: u64| end.min(to).saturating_sub(begin.max(from));
            let load = if place == 0 {
                &mut self.load
            } else {
                if self.ahead.len() < place {
                    self.ahead.push_back(Vec::new());
                }
                &mut self.ahead[place - 1]
            };
            if load.len() <= instance {
                load.resize(instance + 1, Load::default());
            }
            load[instance].busy_ns += within(start);
            load[instance].gpu_ns += within(model);
            load[instance].present_ns += within(arrival);
            (from, to) = (to, to.saturating_add(MINUTE_NS));
        }
    }

    /// Whether nothing is left to count for a retired fleet.
    fn is_over(&self) -> bool {
        self.retired
            && self.invocations == 0
            && self.earlier.is_empty()
            && self.ahead.is_empty()
            && self.load.iter().all(|l| l.present_ns == 0)
    }

    fn resize(&mut self, instances: u32) {
        if self.invocations > 0 {
            self.earlier.push((self.instances, self.invocations));
            self.invocations = 0;
        }
        // An instance that comes anew starts with an empty log.
        self.served.truncate(instances as usize);
        self.served.resize(instances as usize, 0);
        for gone in self.load.iter_mut().skip(instances as usize) {
            gone.leaked_kib = 0;
        }
        self.instances = instances;
    }

    /// Ends the minute and begins the next.
    fn close(&mut self) -> Row {
        let mut row = Row {
            minute: self.minute,
            errors_4xx: std::mem::take(&mut self.errors_4xx),
            errors_5xx: std::mem::take(&mut self.errors_5xx),
            model_errors: std::mem::take(&mut self.model_errors),
            model: self.model.take(),
            overhead: self.overhead.take(),
            ..Row::default()
        };
        for (instances, n) in self.earlier.drain(..) {
            row.count_invocations(instances, n);
        }
        if self.invocations > 0 {
            row.count_invocations(self.instances.max(1), std::mem::take(&mut self.invocations));
        }
        if row.invocations.is_empty() && !self.retired {
            row.count_invocations(0, 1);
        }
        row.cpu = self.sample(|_, _, load| 100.0 * load.busy_ns as f64 / MINUTE_NS as f64);
        row.memory = self.sample(|h, _, load| {
            let requests = load.present_ns as f64 / MINUTE_NS as f64;
            let leaked = f64::from(load.leaked_kib) / KIB_PER_GIB;
            let gib = idle_memory_gib(h.vcpus, h.model_bytes) + requests * REQUEST_GIB + leaked;
            (100.0 * gib / h.memory_gib).min(100.0)
        });
        row.disk = self.sample(|h, served, _| {
            let log = served.saturating_mul(LOG_LINE_BYTES).min(LOG_BYTES) as f64;
            // The archive and what is unpacked from it.
            let gib = IMAGE_GIB + (2.0 * h.model_bytes as f64 + log) / GIB;
            (100.0 * gib / DISK_GIB).min(100.0)
        });
        if self.hardware.gpus > 0 {
            row.gpu = self.sample(|h, _, load| {
                (100.0 * load.gpu_ns as f64 / MINUTE_NS as f64).min(100.0 * f64::from(h.gpus))
            });
        }
        self.minute += 1;
        self.told = 0;
        self.minute_end_ns = self.minute_end_ns.saturating_add(MINUTE_NS);
        let next = match self.ahead.pop_front() {
            Some(next) => next,
            None => {
                let mut reused = std::mem::take(&mut self.last);
                reused.clear();
                reused
            }
        };
        self.last = std::mem::replace(&mut self.load, next);
        let instances = self.load.len().max(self.instances as usize);
        self.load.resize(instances, Load::default());
        if self.leaks {
            for (load, last) in self.load.iter_mut().zip(&self.last) {
                load.leaked_kib = last.leaked_kib;
            }
        }
        row
    }

    /// One sample for each instance that is there, or that left and still works.
    fn sample(&mut self, percent: impl Fn(&FleetHardware, u64, &Load) -> f64) -> Packed {
        for (i, load) in self.load.iter().enumerate() {
            let there = i < self.instances as usize && !self.retired;
            if there || load.busy_ns > 0 {
                let served = self.served.get(i).copied().unwrap_or(0);
                self.scratch.record((percent(&self.hardware, served, load) * PERCENT + 0.5) as u64);
            }
        }
        self.scratch.take()
    }
}

/// Metrics of every variant, as CloudWatch keeps them: no record is kept, only counts per minute.
///
/// A request is counted in the minute in which it arrived; vCPU time in the minutes in which it was spent. Fleets of
/// one variant of one endpoint, e.g. the old and the new one during an update, are one series.
///
/// # Shapes and units
/// Latencies in microseconds, utilisation in percent (CPU: 0 to 100 × vCPUs), the rest without a unit. Each live
/// variant takes 2 KB a minute or less, for a day; every five minutes for a week; every hour for 455 days; at most
/// [`MAX_SERIES`] variants. What alarms read is kept once more for each fleet, for
/// [`WATCHED_MINUTES`](super::WATCHED_MINUTES).
///
/// # Formula
/// - `Invocations` 1 for each request, `InvocationsPerInstance` 1 ÷ instances; a minute without one is a sample of 0.
/// - `Invocation4XXErrors`, `Invocation5XXErrors`, `InvocationModelErrors`: 0 or 1 for each request. A refused request
///   is a 5xx; every request that was not answered is a model error.
/// - `ModelLatency`, `OverheadLatency`: of requests that reached the model.
/// - `CPUUtilization`: `100 · vCPU time ÷ 60 s` of each instance and minute, idle ones 0.
/// - `GPUUtilization`: the same of the model's part of the service times, at most 100 per GPU; none without a GPU.
/// - `MemoryUtilization` (a lab rule): 0.5 GiB + per vCPU (0.1 GiB + 3 × model) + 1 MiB per request in flight
///   + what the container has lost.
/// - `DiskUtilization` (a lab rule): of 30 GiB, 3 GiB image + 2 × model + 200 bytes of log per request, cut at 256 MiB.
///
/// Percentiles of latencies and utilisation are within [`SKETCH_RELATIVE_ERROR`](super::SKETCH_RELATIVE_ERROR) of the
/// sample at their rank; everything else is exact.
///
/// # Source
/// SageMaker Developer Guide, "Monitor Amazon SageMaker with CloudWatch"; CloudWatch API, `GetMetricStatistics`.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::metrics::{FleetHardware, Metric, MetricStore, SeriesQuery, Statistic};
/// use rollout_lab::domain::{EndpointName, FleetId, VariantName, VirtualTime};
///
/// let (endpoint, variant) = (EndpointName::new("stars")?, VariantName::new("VariantA")?);
/// let hardware =
///     FleetHardware { vcpus: 2, memory_gib: 8.0, gpus: 0, model_bytes: 500_000, container_ns: 2_000_000 };
/// let mut store = MetricStore::default();
/// store.register(FleetId(1), &endpoint, &variant, hardware, 1, VirtualTime::ZERO);
/// let now = VirtualTime::from_s(300);
/// store.advance(now);
/// let query = SeriesQuery {
///     metric: Metric::CPUUtilization,
///     statistic: Statistic::Average,
///     period_s: 60,
///     start_s: 0,
///     end_s: 300,
/// };
/// let idle = store.series(&endpoint, &variant, &query, now)?;
/// assert_eq!(idle.len(), 4); // the fifth minute is full, but not yet published
/// assert!(idle.iter().all(|point| point.value == 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MetricStore {
    lag: Duration,
    pub(super) series: Vec<Series>,
    /// Numbers of the live fleets, apart from the fleets themselves: a search reads one cache line.
    ids: Vec<FleetId>,
    pub(super) live: Vec<Live>,
    aged: u64,
    /// Minutes of each fleet alone, for alarms.
    pub(super) logs: Vec<FleetLog>,
    /// Minutes of fleets that were counted by an earlier start of the program and are not watched yet.
    pub(super) watched_before: BTreeMap<FleetId, VecDeque<Row>>,
    /// Series that were forgotten since somebody asked; none where nobody does.
    pub(super) forgotten: Option<Vec<(EndpointName, VariantName)>>,
}

impl Default for MetricStore {
    fn default() -> Self {
        Self {
            lag: DEFAULT_PUBLISH_LAG,
            series: Vec::new(),
            ids: Vec::new(),
            live: Vec::new(),
            aged: 0,
            logs: Vec::new(),
            watched_before: BTreeMap::new(),
            forgotten: None,
        }
    }
}

impl MetricStore {
    /// Changes the time from a full minute to its datapoint.
    pub fn set_publish_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }

    /// The end of the last minute that can be read at `now`: the last full minute's, less the lag.
    pub fn published_until(&self, now: VirtualTime) -> VirtualTime {
        let floor = |t: VirtualTime| VirtualTime::from_ns(t.minute() * MINUTE_NS);
        floor(floor(now) - self.lag)
    }

    /// Begins to count for a fleet. A number that is counted already is left as it is.
    pub fn register(
        &mut self,
        id: FleetId,
        endpoint: &EndpointName,
        variant: &VariantName,
        hardware: FleetHardware,
        instances: u32,
        at: VirtualTime,
    ) {
        self.advance(at);
        if self.place(id).is_some() {
            return;
        }
        let series = self.series_of(endpoint, variant);
        self.ids.push(id);
        self.live.push(Live::new(series, hardware, instances, at));
    }

    /// The place of a variant's series, which is there from now on.
    pub(super) fn series_of(&mut self, endpoint: &EndpointName, variant: &VariantName) -> usize {
        let found = self.series.iter().position(|s| s.endpoint == *endpoint && s.variant == *variant);
        found.unwrap_or_else(|| {
            self.forget_a_series();
            self.series.push(Series::new(endpoint, variant, self.forgotten.is_some()));
            self.series.len() - 1
        })
    }

    /// The series that ended first; none while all are counted for.
    fn ended_first(&self) -> Option<usize> {
        let ended = |i: &usize| self.live.iter().all(|l| l.series != *i);
        (0..self.series.len()).filter(ended).min_by_key(|&i| self.series[i].newest())
    }

    /// Whether a variant has a series, or may have one without another being forgotten that ended later than `kept`.
    pub(super) fn has_room_for(&self, kept: &Series) -> bool {
        self.knows(&kept.endpoint, &kept.variant)
            || self.series.len() < MAX_SERIES
            || self.ended_first().is_some_and(|i| self.series[i].newest() < kept.newest())
    }

    /// Whether there is a series of a variant.
    pub fn knows(&self, endpoint: &EndpointName, variant: &VariantName) -> bool {
        self.series.iter().any(|s| s.endpoint == *endpoint && s.variant == *variant)
    }

    /// Makes room for one more series, if need be, by the one that ended first.
    fn forget_a_series(&mut self) {
        if self.series.len() < MAX_SERIES {
            return;
        }
        if let Some(oldest) = self.ended_first() {
            let gone = self.series.remove(oldest);
            if let Some(forgotten) = &mut self.forgotten {
                forgotten.push((gone.endpoint, gone.variant));
            }
            for live in &mut self.live {
                live.series -= usize::from(live.series > oldest);
            }
        }
    }

    /// A fleet has so many instances from now on.
    pub fn resize(&mut self, id: FleetId, instances: u32, at: VirtualTime) {
        self.advance(at);
        if let Some(place) = self.place(id) {
            self.live[place].resize(instances);
        }
    }

    /// A fleet gets no more requests; the work that is in it is counted to its end.
    pub fn retire(&mut self, id: FleetId, at: VirtualTime) {
        self.advance(at);
        if let Some(place) = self.place(id) {
            self.live[place].retired = true;
        }
    }

    fn place(&self, id: FleetId) -> Option<usize> {
        self.ids.iter().position(|i| *i == id)
    }

    /// Counts one invocation. Records come in order of arrival; one of an earlier minute than the current counts for
    /// the current, one of an unknown fleet for nothing.
    #[inline]
    pub fn record(&mut self, record: &InvocationRecord) {
        let Some(place) = self.place(record.fleet) else { return };
        if record.arrival.as_ns() >= self.live[place].minute_end_ns {
            self.close_until(place, record.arrival.minute());
        }
        self.live[place].count(record);
    }

    fn close_until(&mut self, place: usize, minute: u64) {
        let live = &mut self.live[place];
        let series = &mut self.series[live.series];
        while live.minute < minute && !live.is_over() {
            let row = live.close();
            let closed = row.minute;
            if let Some(log) = self.logs.iter_mut().find(|l| l.fleet == self.ids[place]) {
                log.add(&row);
            }
            series.add(0, row);
            series.age(closed);
        }
    }

    /// Closes every minute that has ended by `now`, idle ones too. To be called before a series is read.
    pub fn advance(&mut self, now: VirtualTime) {
        let minute = now.minute();
        if minute == self.aged {
            return;
        }
        self.aged = minute;
        for place in 0..self.live.len() {
            self.close_until(place, minute);
        }
        for place in (0..self.live.len()).rev() {
            if self.live[place].is_over() && self.live[place].minute < minute {
                self.live.remove(place);
                self.ids.remove(place);
            }
        }
        for series in &mut self.series {
            series.age(minute);
        }
        let ids = &self.ids;
        self.logs.retain_mut(|log| log.age(minute) || ids.contains(&log.fleet));
    }

    /// The datapoints of a variant that are published by `now`, oldest first; none for a variant that is not known.
    ///
    /// A period without a sample has no datapoint. Of old times only five-minute or hour sums are kept: they have no
    /// datapoint in a period that these do not divide.
    ///
    /// # Errors
    /// [`QueryError`] for a period that is no multiple of 60 s, an empty range, or more than [`MAX_DATAPOINTS`].
    pub fn series(
        &self,
        endpoint: &EndpointName,
        variant: &VariantName,
        query: &SeriesQuery,
        now: VirtualTime,
    ) -> Result<Vec<Datapoint>, QueryError> {
        let &SeriesQuery { metric, statistic, period_s, start_s, end_s } = query;
        if period_s == 0 || !period_s.is_multiple_of(60) {
            return Err(QueryError::Period { period_s });
        }
        if start_s >= end_s {
            return Err(QueryError::Range { start_s, end_s });
        }
        let start_s = start_s - start_s % period_s;
        let points = (end_s - start_s).div_ceil(period_s);
        if points > MAX_DATAPOINTS {
            return Err(QueryError::TooMany { points });
        }
        let found = self.series.iter().find(|s| s.endpoint == *endpoint && s.variant == *variant);
        let published = self.published_until(now).minute();
        let (first, period) = (start_s / 60, period_s / 60);
        let end = end_s.div_ceil(60).min(published);
        let mut answer = Vec::new();
        // The period's start and its rows so far; copied only when there are several.
        let mut merged: Option<(u64, Cow<Row>)> = None;
        let mut close = |(minute, row): (u64, Cow<Row>)| {
            let value = row.statistic(metric, statistic);
            answer.extend(value.map(|value| Datapoint { start_s: minute * 60, value }));
        };
        // The oldest tier first, so the rows come in order of time.
        for (tier, (length, _)) in TIERS.iter().enumerate().rev() {
            let rows = found.map(|s| &s.tiers[tier]).filter(|_| period.is_multiple_of(*length));
            let Some(rows) = rows else { continue };
            let begin = rows.partition_point(|r| r.minute < first);
            for row in rows.range(begin..).take_while(|r| r.minute + length <= end) {
                let period_start = row.minute - row.minute % period;
                match &mut merged {
                    Some((start, rows)) if *start == period_start => rows.to_mut().merge(row),
                    _ => {
                        if let Some(full) = merged.replace((period_start, Cow::Borrowed(row))) {
                            close(full);
                        }
                    }
                }
            }
        }
        if let Some(full) = merged {
            close(full);
        }
        Ok(answer)
    }

    /// A statistic of one minute of a variant, as soon as it is full: what a service sees that does not wait for the
    /// datapoint. None for a minute without a sample, or older than a day.
    pub fn of_minute(
        &self,
        endpoint: &EndpointName,
        variant: &VariantName,
        (metric, statistic): (Metric, Statistic),
        minute: u64,
    ) -> Option<f64> {
        let series = self.series.iter().find(|s| s.endpoint == *endpoint && s.variant == *variant)?;
        let rows = &series.tiers[0];
        let row = rows.get(rows.partition_point(|r| r.minute < minute)).filter(|r| r.minute == minute)?;
        row.statistic(metric, statistic)
    }

    /// Statistics of a variant over the whole minutes between two moments, published or not, in the order asked.
    ///
    /// None without a sample, and for a statistic that a metric does not have. Of old times only five-minute or hour
    /// sums are kept: those that lie wholly between the two moments count. Close the minutes before: [`Self::advance`].
    pub fn over(
        &self,
        endpoint: &EndpointName,
        variant: &VariantName,
        start: VirtualTime,
        end: VirtualTime,
        asked: &[(Metric, Statistic)],
    ) -> Vec<Option<f64>> {
        let found = self.series.iter().find(|s| s.endpoint == *endpoint && s.variant == *variant);
        let (first, end) = (start.as_ns().div_ceil(MINUTE_NS), end.minute());
        let mut sum: Option<Cow<Row>> = None;
        for (tier, (length, _)) in TIERS.iter().enumerate().rev() {
            let rows = found.map(|s| &s.tiers[tier]).into_iter().flatten();
            for row in rows.filter(|r| r.minute >= first && r.minute + length <= end) {
                match &mut sum {
                    Some(sum) => sum.to_mut().merge(row),
                    None => sum = Some(Cow::Borrowed(row)),
                }
            }
        }
        asked.iter().map(|(m, s)| sum.as_ref().and_then(|row| row.statistic(*m, *s))).collect()
    }

    /// Share of the vCPU time of each instance at work in the last full minute, 0 to 1; empty for a fleet that is not
    /// known or younger.
    pub fn load(&self, id: FleetId) -> Vec<f64> {
        let Some(live) = self.place(id).map(|p| &self.live[p]) else { return Vec::new() };
        let full = MINUTE_NS as f64 * f64::from(live.hardware.vcpus.max(1));
        live.last.iter().take(live.instances as usize).map(|l| l.busy_ns as f64 / full).collect()
    }

    /// Endpoints' variants that there are rows of, those that are gone included.
    pub fn variants(&self) -> impl Iterator<Item = (&EndpointName, &VariantName)> {
        self.series.iter().map(|s| (&s.endpoint, &s.variant))
    }

    /// Bytes that the rows take, nearly.
    pub fn bytes(&self) -> usize {
        let logs: usize = self.logs.iter().map(FleetLog::bytes).sum();
        logs + self.series.iter().flat_map(|s| &s.tiers).flatten().map(Row::bytes).sum::<usize>()
    }
}
