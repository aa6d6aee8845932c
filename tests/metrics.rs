//! Metrics: percentiles within their bound, minutes that add up, lag, retention, bounded memory.
#![allow(clippy::unwrap_used)] // the helpers of a test are test code, too

use std::time::Duration;

use proptest::prelude::*;
use rollout_lab::{
    analysis::metrics::{
        FleetHardware, KeptSeries, LatencySketch, MAX_DATAPOINTS, MAX_SERIES, MINUTES_KEPT, Metric,
        MetricStore, QueryError, SKETCH_RELATIVE_ERROR, SeriesQuery, Statistic, Watch,
    },
    domain::{
        EndpointConfigName, EndpointName, FleetId, InvocationRecord, InvocationStatus, ReviewId, SECOND_NS,
        VariantName, VirtualTime,
    },
};

const MS: u64 = 1_000_000;

fn endpoint() -> EndpointName {
    EndpointName::new("stars").unwrap()
}

fn variant(name: &str) -> VariantName {
    VariantName::new(name).unwrap()
}

fn hardware() -> FleetHardware {
    FleetHardware { vcpus: 2, memory_gib: 8.0, gpus: 0, model_bytes: 500_000, container_ns: 2 * MS }
}

fn store(instances: u32) -> MetricStore {
    let mut store = MetricStore::default();
    store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), instances, VirtualTime::ZERO);
    store
}

fn record(arrival_ns: u64) -> InvocationRecord {
    InvocationRecord {
        id: 0,
        arrival: VirtualTime::from_ns(arrival_ns),
        user: 0,
        review: ReviewId(0),
        true_stars: None,
        fleet: FleetId(1),
        instance: 0,
        status: InvocationStatus::Answered,
        wait_ns: 0,
        service_ns: 4 * MS,
        overhead_ns: 3 * MS,
        predicted: None,
        copy: false,
        leaked_kib: 0,
    }
}

/// The series by minute up to `minutes`, all of them published.
fn read(store: &mut MetricStore, metric: Metric, statistic: Statistic, minutes: u64) -> Vec<(u64, f64)> {
    read_period(store, metric, statistic, 60, (0, minutes * 60))
}

fn read_period(
    store: &mut MetricStore,
    metric: Metric,
    statistic: Statistic,
    period_s: u64,
    (start_s, end_s): (u64, u64),
) -> Vec<(u64, f64)> {
    let now = VirtualTime::from_s(end_s.div_ceil(60) * 60 + 60);
    store.advance(now);
    let query = SeriesQuery { metric, statistic, period_s, start_s, end_s };
    let points = store.series(&endpoint(), &variant("A"), &query, now).unwrap();
    points.into_iter().map(|p| (p.start_s, p.value)).collect()
}

fn sketch(values: &[u64]) -> LatencySketch {
    let mut sketch = LatencySketch::default();
    values.iter().for_each(|&v| sketch.record(v));
    sketch
}

proptest! {
    #[test]
    fn percentiles_are_within_their_bound(
        mut values in proptest::collection::vec(1u64..100_000_000_000, 1..400),
        p in 0.001f64..=100.0,
    ) {
        let sketch = sketch(&values);
        values.sort_unstable();
        let rank = ((p * values.len() as f64 / 100.0).ceil() as usize).clamp(1, values.len());
        let (wanted, seen) = (values[rank - 1] as f64, sketch.percentile(p).unwrap());
        prop_assert!((seen - wanted).abs() <= SKETCH_RELATIVE_ERROR * wanted, "{} for {}", seen, wanted);
        prop_assert_eq!(sketch.sum(), values.iter().map(|&v| u128::from(v)).sum::<u128>());
        prop_assert_eq!((sketch.min(), sketch.max()), (values.first().copied(), values.last().copied()));
    }

    #[test]
    fn merged_equals_batch(
        values in proptest::collection::vec(any::<u64>(), 0..400),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(values.len() + 1);
        let mut merged = sketch(&values[..cut]);
        merged.merge(&sketch(&values[cut..]));
        prop_assert_eq!(merged, sketch(&values));
    }

    #[test]
    fn a_longer_period_is_the_sum_of_its_minutes(
        gaps in proptest::collection::vec(0u64..40 * SECOND_NS, 1..300),
        services in proptest::collection::vec(1u64..30 * SECOND_NS, 300),
    ) {
        let mut by_record = store(1);
        let mut at = 0;
        for (gap, service_ns) in gaps.into_iter().zip(services) {
            at += gap;
            by_record.record(&InvocationRecord { service_ns, ..record(at) });
        }
        let minutes = at / (60 * SECOND_NS) / 10 * 10 + 10;
        for metric in Metric::ALL {
            for statistic in [Statistic::Sum, Statistic::SampleCount] {
                let ones: f64 = read(&mut by_record, metric, statistic, minutes).iter().map(|p| p.1).sum();
                let range = (0, minutes * 60);
                let tens: f64 =
                    read_period(&mut by_record, metric, statistic, 600, range).iter().map(|p| p.1).sum();
                prop_assert!((ones - tens).abs() <= 1e-9 * ones.abs(), "{:?}: {} and {}", metric, ones, tens);
            }
        }
    }
}

#[test]
fn latency_is_in_microseconds_and_counts_are_counts() {
    let mut store = store(4);
    for i in 0..10 {
        store.record(&InvocationRecord { wait_ns: i * MS, ..record(i * SECOND_NS) });
    }
    let mut at = |metric, statistic| read(&mut store, metric, statistic, 1)[0].1;
    assert_eq!(at(Metric::Invocations, Statistic::Sum), 10.0);
    assert_eq!(at(Metric::Invocations, Statistic::Average), 1.0);
    assert_eq!(at(Metric::InvocationsPerInstance, Statistic::Sum), 2.5);
    assert_eq!(at(Metric::InvocationsPerInstance, Statistic::Average), 0.25);
    assert_eq!(at(Metric::ModelLatency, Statistic::Average), 8_500.0);
    assert_eq!(at(Metric::ModelLatency, Statistic::Sum), 85_000.0);
    assert_eq!(at(Metric::ModelLatency, Statistic::Minimum), 4_000.0);
    assert_eq!(at(Metric::ModelLatency, Statistic::Maximum), 13_000.0);
    assert_eq!(at(Metric::ModelLatency, Statistic::SampleCount), 10.0);
    assert_eq!(at(Metric::OverheadLatency, Statistic::Average), 3_000.0);
    let p90 = at(Metric::ModelLatency, Statistic::Percentile(90.0));
    assert!((p90 - 12_000.0).abs() <= SKETCH_RELATIVE_ERROR * 12_000.0, "{p90}");
}

#[test]
fn every_ending_counts_as_its_error() {
    let mut store = store(1);
    for status in [
        InvocationStatus::Answered,
        InvocationStatus::ClientError,
        InvocationStatus::ModelError,
        InvocationStatus::Overloaded,
        InvocationStatus::Overloaded,
    ] {
        store.record(&InvocationRecord { status, ..record(0) });
    }
    let mut at = |metric, statistic| read(&mut store, metric, statistic, 1)[0].1;
    assert_eq!(at(Metric::Invocations, Statistic::Sum), 5.0);
    assert_eq!(at(Metric::Invocation4XXErrors, Statistic::Sum), 1.0);
    assert_eq!(at(Metric::Invocation4XXErrors, Statistic::Average), 0.2);
    assert_eq!(at(Metric::Invocation5XXErrors, Statistic::Sum), 3.0);
    assert_eq!(at(Metric::Invocation5XXErrors, Statistic::Percentile(40.0)), 0.0);
    assert_eq!(at(Metric::Invocation5XXErrors, Statistic::Percentile(40.1)), 1.0);
    assert_eq!(at(Metric::InvocationModelErrors, Statistic::Sum), 4.0);
    assert_eq!(at(Metric::InvocationModelErrors, Statistic::SampleCount), 5.0);
    // Refused requests and bad calls never reached the model.
    assert_eq!(at(Metric::ModelLatency, Statistic::SampleCount), 2.0);
}

#[test]
fn vcpu_time_is_spread_over_the_minutes_that_it_covers() {
    let mut store = store(1);
    // Waits 30 s, works from 1:20 to 3:50 on one of two vCPUs.
    let long =
        InvocationRecord { wait_ns: 30 * SECOND_NS, service_ns: 150 * SECOND_NS, ..record(50 * SECOND_NS) };
    store.record(&long);
    let cpu = read(&mut store, Metric::CPUUtilization, Statistic::Maximum, 5);
    let wanted = [0.0, 40.0 / 60.0, 1.0, 50.0 / 60.0, 0.0].map(|share| 100.0 * share);
    assert_eq!(cpu.len(), 5);
    for ((_, seen), wanted) in cpu.iter().zip(wanted) {
        assert!((seen - wanted).abs() < 1e-5, "{cpu:?}");
    }
    // Two at once on two vCPUs: 200%.
    let mut both = self::store(1);
    for _ in 0..2 {
        both.record(&InvocationRecord { service_ns: 60 * SECOND_NS, ..record(0) });
    }
    assert_eq!(read(&mut both, Metric::CPUUtilization, Statistic::Average, 1), [(0, 200.0)]);
    assert_eq!(both.load(FleetId(1)), [0.0]); // the minute after that
}

#[test]
fn each_instance_is_a_sample() {
    let mut store = store(2);
    store.record(&InvocationRecord { service_ns: 30 * SECOND_NS, instance: 1, ..record(0) });
    let mut cpu = |statistic| read(&mut store, Metric::CPUUtilization, statistic, 1)[0].1;
    assert_eq!(cpu(Statistic::SampleCount), 2.0);
    assert_eq!(cpu(Statistic::Average), 25.0);
    assert_eq!((cpu(Statistic::Minimum), cpu(Statistic::Maximum)), (0.0, 50.0));
    store.resize(FleetId(1), 5, VirtualTime::from_s(121));
    let after = read(&mut store, Metric::CPUUtilization, Statistic::SampleCount, 4);
    assert_eq!(after.last(), Some(&(180, 5.0)));
}

#[test]
fn the_gpu_works_only_for_the_model() {
    let mut store = MetricStore::default();
    let gpu = FleetHardware { gpus: 1, container_ns: 3 * SECOND_NS, ..hardware() };
    store.register(FleetId(1), &endpoint(), &variant("A"), gpu, 1, VirtualTime::ZERO);
    store.record(&InvocationRecord { service_ns: 9 * SECOND_NS, ..record(0) });
    assert_eq!(read(&mut store, Metric::GPUUtilization, Statistic::Average, 1), [(0, 10.0)]);
    assert_eq!(read(&mut store, Metric::CPUUtilization, Statistic::Average, 1), [(0, 15.0)]);
    let mut without = self::store(1);
    without.record(&record(0));
    assert_eq!(read(&mut without, Metric::GPUUtilization, Statistic::Average, 1), []);
}

#[test]
fn memory_and_disk_follow_the_stated_rules() {
    let mut store = store(1);
    for _ in 0..1_000 {
        // 60 requests are in flight throughout.
        store.record(&InvocationRecord { service_ns: 3_600 * MS, ..record(0) });
    }
    let gib = f64::from(1 << 30);
    let memory = read(&mut store, Metric::MemoryUtilization, Statistic::Average, 1)[0].1;
    let wanted = 100.0 * (0.5 + 2.0 * (0.1 + 3.0 * 500_000.0 / gib) + 60.0 / 1_024.0) / 8.0;
    assert!((memory - wanted).abs() < 1e-6, "{memory} for {wanted}");
    let disk = read(&mut store, Metric::DiskUtilization, Statistic::Average, 1)[0].1;
    let wanted = 100.0 * (3.0 + (2.0 * 500_000.0 + 200_000.0) / gib) / 30.0;
    assert!((disk - wanted).abs() < 1e-6, "{disk} for {wanted}");
}

#[test]
fn idle_minutes_are_zero_for_counts_and_cpu_and_nothing_for_latency() {
    let mut store = store(1);
    store.record(&record(3 * 60 * SECOND_NS));
    let zeros_and_one = [(0, 0.0), (60, 0.0), (120, 0.0), (180, 1.0), (240, 0.0)];
    assert_eq!(read(&mut store, Metric::Invocations, Statistic::Sum, 5), zeros_and_one);
    assert_eq!(read(&mut store, Metric::CPUUtilization, Statistic::Average, 5).len(), 5);
    assert_eq!(read(&mut store, Metric::ModelLatency, Statistic::Average, 5), [(180, 4_000.0)]);
    assert_eq!(read(&mut store, Metric::Invocation5XXErrors, Statistic::Sum, 5), [(180, 0.0)]);
}

#[test]
fn a_minute_is_seen_once_it_is_full_and_the_lag_is_over() {
    let mut store = store(1);
    let points = |store: &mut MetricStore, now_s: u64| {
        let now = VirtualTime::from_s(now_s);
        store.advance(now);
        let query = SeriesQuery {
            metric: Metric::Invocations,
            statistic: Statistic::Sum,
            period_s: 60,
            start_s: 0,
            end_s: 600,
        };
        store.series(&endpoint(), &variant("A"), &query, now).unwrap().len()
    };
    assert_eq!([59, 60, 119, 120, 179, 180].map(|now| points(&mut store, now)), [0, 0, 0, 1, 1, 2]);
    assert_eq!(store.published_until(VirtualTime::from_s(185)), VirtualTime::from_s(120));
    store.set_publish_lag(Duration::ZERO);
    assert_eq!(points(&mut store, 185), 3);
    store.set_publish_lag(Duration::from_secs(90));
    assert_eq!(points(&mut store, 185), 1);
}

#[test]
fn queries_follow_the_rules_of_get_metric_statistics() {
    let mut store = store(1);
    for minute in 0..12 {
        store.record(&record(minute * 60 * SECOND_NS + 1));
    }
    let now = VirtualTime::from_s(3_600);
    store.advance(now);
    let ask = |period_s, start_s, end_s| {
        let query =
            SeriesQuery { metric: Metric::Invocations, statistic: Statistic::Sum, period_s, start_s, end_s };
        let points = store.series(&endpoint(), &variant("A"), &query, now)?;
        Ok(points.into_iter().map(|p| (p.start_s, p.value)).collect::<Vec<_>>())
    };
    // The start is rounded down, the end is not part.
    assert_eq!(ask(60, 61, 180), Ok(vec![(60, 1.0), (120, 1.0)]));
    assert_eq!(ask(300, 301, 660), Ok(vec![(300, 5.0), (600, 1.0)]));
    assert_eq!(ask(0, 0, 60), Err(QueryError::Period { period_s: 0 }));
    assert_eq!(ask(90, 0, 60), Err(QueryError::Period { period_s: 90 }));
    assert_eq!(ask(60, 60, 60), Err(QueryError::Range { start_s: 60, end_s: 60 }));
    assert_eq!(ask(60, 0, 60 * (MAX_DATAPOINTS + 1)), Err(QueryError::TooMany { points: 1_441 }));
    assert!(ask(60, 0, 60 * MAX_DATAPOINTS).is_ok());
    assert!(ask(60, 0, u64::MAX).unwrap_err().to_string().contains("at most 1440"));
    let query = SeriesQuery {
        metric: Metric::Invocations,
        statistic: Statistic::Sum,
        period_s: 60,
        start_s: 0,
        end_s: 60,
    };
    assert_eq!(store.series(&endpoint(), &variant("none"), &query, now), Ok(Vec::new()));
}

#[test]
fn minutes_become_fives_and_hours_and_no_request_is_lost() {
    let mut store = store(1);
    let days = 9;
    for minute in 0..days * 1_440 {
        store.record(&record(minute * 60 * SECOND_NS));
    }
    let end_s = days * 86_400;
    let now = VirtualTime::from_s(end_s + 60);
    store.advance(now);
    let ask = |period_s: u64, start_s: u64| {
        let query = SeriesQuery {
            metric: Metric::Invocations,
            statistic: Statistic::Sum,
            period_s,
            start_s,
            end_s: end_s.min(start_s + period_s * MAX_DATAPOINTS),
        };
        store.series(&endpoint(), &variant("A"), &query, now).unwrap()
    };
    // By the hour everything is there.
    let hours = ask(3_600, 0);
    assert_eq!(hours.len() as u64, days * 24);
    assert!(hours.iter().all(|p| p.value == 60.0));
    // By the minute only the last day, by five minutes only the last week.
    let last_day = ask(60, end_s - 86_400);
    assert_eq!((last_day.len() as u64, last_day[0].value), (MINUTES_KEPT - 1, 1.0));
    assert_eq!(ask(60, end_s - 2 * 86_400).iter().filter(|p| p.start_s < end_s - 86_400 - 60).count(), 0);
    let fives = ask(300, end_s - 5 * 86_400);
    assert_eq!(fives.len() as u64, 5 * 288);
    assert!(fives.iter().all(|p| p.value == 5.0));
    assert_eq!(ask(300, 0).iter().filter(|p| p.start_s < 86_400).count(), 0);
    // Latency survives the merging.
    let query = SeriesQuery {
        metric: Metric::ModelLatency,
        statistic: Statistic::Percentile(50.0),
        period_s: 86_400,
        start_s: 0,
        end_s,
    };
    let by_day = store.series(&endpoint(), &variant("A"), &query, now).unwrap();
    assert_eq!(by_day.len() as u64, days);
    assert!(by_day.iter().all(|p| p.value == 4_000.0));
}

#[test]
fn two_fleets_of_one_variant_are_one_series() {
    let mut store = store(1);
    let seconds = |s: u64| VirtualTime::from_s(s);
    store.record(&record(10 * SECOND_NS));
    store.register(FleetId(2), &endpoint(), &variant("A"), hardware(), 1, seconds(20));
    let busy = InvocationRecord { service_ns: 60 * SECOND_NS, ..record(50 * SECOND_NS) };
    store.record(&busy);
    store.retire(FleetId(1), seconds(55));
    store.record(&InvocationRecord { fleet: FleetId(2), ..record(56 * SECOND_NS) });
    assert_eq!(read(&mut store, Metric::Invocations, Statistic::Sum, 3), [(0, 3.0), (60, 0.0), (120, 0.0)]);
    // The old one works on for 50 s, as a sample beside the new one's, and is then no sample any more.
    let cpu = read(&mut store, Metric::CPUUtilization, Statistic::Sum, 3);
    assert!((cpu[1].1 - 100.0 * 50.0 / 60.0).abs() < 1e-5, "{cpu:?}");
    let samples = read(&mut store, Metric::CPUUtilization, Statistic::SampleCount, 3);
    assert_eq!(samples[1..], [(60, 2.0), (120, 1.0)]);
}

#[test]
fn memory_is_bounded_in_time_and_in_variants() {
    let mut busy = store(1);
    let mut bytes_by_day = Vec::new();
    let mut state = 1u64;
    for day in 0..16u64 {
        for i in 0..1_440 * 20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let service_ns = 2 * MS + (state >> 33) % (40 * MS);
            busy.record(&InvocationRecord { service_ns, ..record((day * 86_400 + i * 3) * SECOND_NS) });
        }
        bytes_by_day.push(busy.bytes());
    }
    // After a week only hours are added: 24 rows a day.
    let growth = bytes_by_day[15] - bytes_by_day[14];
    assert!(growth < 24 * 1_500, "{bytes_by_day:?}");
    assert!(bytes_by_day[15] < 4_000_000, "{bytes_by_day:?}");

    let mut many = MetricStore::default();
    for i in 0..3 * MAX_SERIES as u32 {
        let at = VirtualTime::from_s(u64::from(i) * 120);
        many.register(FleetId(i), &endpoint(), &variant(&format!("v{i}")), hardware(), 1, at);
        many.record(&InvocationRecord { fleet: FleetId(i), ..record(at.as_ns()) });
        many.retire(FleetId(i), at);
    }
    let now = VirtualTime::from_s(3 * MAX_SERIES as u64 * 120 + 600);
    many.advance(now);
    assert!(many.bytes() < MAX_SERIES * 2_000, "{}", many.bytes());
    let last = variant(&format!("v{}", 3 * MAX_SERIES - 1));
    let query = SeriesQuery {
        metric: Metric::Invocations,
        statistic: Statistic::Sum,
        period_s: 3_600,
        start_s: 0,
        end_s: now.as_ns() / SECOND_NS,
    };
    assert_eq!(many.series(&endpoint(), &last, &query, now).unwrap().len(), 1);
}

/// What a program that keeps metrics has written: rows by endpoint, variant, tier and minute. Those of a fleet alone
/// have its number in the place of the names, and a tier of their own.
type Disk = std::collections::BTreeMap<(String, String, u8, u64), Vec<u8>>;

fn write(store: &mut MetricStore, disk: &mut Disk) {
    let changes = store.changes();
    for (endpoint, variant) in changes.forgotten {
        disk.retain(|(e, v, _, _), _| (e.as_str(), v.as_str()) != (endpoint.as_str(), variant.as_str()));
    }
    for kept in changes.rows {
        let key = (kept.endpoint.to_string(), kept.variant.to_string(), kept.tier, kept.minute);
        match kept.row {
            Some(row) => drop(disk.insert(key, row)),
            None => drop(disk.remove(&key)),
        }
    }
    for (fleet, minute, row) in changes.fleets {
        disk.insert((fleet.0.to_string(), String::new(), 9, minute), row);
    }
}

fn start_again(disk: &Disk) -> MetricStore {
    let mut store = MetricStore::default();
    store.note_changes();
    for ((e, _, _, minute), row) in disk.iter().filter(|(key, _)| key.2 == 9) {
        store.restore_fleet(FleetId(e.parse().unwrap()), *minute, row).unwrap();
    }
    kept(disk).into_iter().for_each(|series| store.restore(series));
    store
}

/// The rows of variants, read.
fn kept(disk: &Disk) -> Vec<KeptSeries> {
    let mut all: std::collections::BTreeMap<(&str, &str), KeptSeries> = Default::default();
    for ((e, v, tier, minute), row) in disk.iter().filter(|(key, _)| key.2 != 9) {
        let series = all.entry((e, v)).or_insert_with(|| {
            KeptSeries::new(&EndpointName::new(e.as_str()).unwrap(), &VariantName::new(v.as_str()).unwrap())
        });
        series.read((*tier, *minute), row).unwrap();
    }
    all.into_values().collect()
}

#[test]
fn kept_metrics_come_back_in_every_tier() {
    let mut store = MetricStore::default();
    store.note_changes();
    store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 2, VirtualTime::ZERO);
    let mut disk = Disk::new();
    // Nine days: minutes, fives and hours are all there in the end.
    let minutes = 9 * 1_440;
    for minute in 0..minutes {
        for i in 0..minute % 5 {
            let status =
                [InvocationStatus::Answered, InvocationStatus::ModelError, InvocationStatus::Overloaded];
            let mut r = record(minute * 60 * SECOND_NS + i * SECOND_NS);
            r.service_ns = (minute % 97 + 1) * MS;
            r.status = status[(minute * 7 + i) as usize % 3];
            store.record(&r);
        }
        if minute % 13 == 0 {
            write(&mut store, &mut disk);
        }
    }
    store.advance(VirtualTime::from_s(minutes * 60));
    write(&mut store, &mut disk);
    assert_eq!(store.changes(), rollout_lab::analysis::metrics::Changes::default());
    let mut again = start_again(&disk);
    let statistics = ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p99"];
    for (period_s, span_s) in [(60, 86_400), (300, 4 * 86_400), (3_600, 9 * 86_400)] {
        for metric in Metric::ALL {
            for statistic in statistics {
                let of = |store: &mut MetricStore| {
                    let range = (minutes * 60 - span_s, minutes * 60);
                    read_period(store, metric, statistic.parse().unwrap(), period_s, range)
                };
                let (before, after) = (of(&mut store), of(&mut again));
                assert_eq!(before, after, "{metric:?} {statistic} {period_s}");
                assert_eq!(before.is_empty(), metric == Metric::GPUUtilization, "{metric:?} {statistic}");
            }
        }
    }
    // What is on the disk is bounded as the store is: a day of minutes, six of fives, the rest in hours.
    let of_tier = |t: u8| disk.keys().filter(|k| k.2 == t).count() as u64;
    assert_eq!([of_tier(0), of_tier(1), of_tier(2)], [1_440, 6 * 288, 2 * 24]);
}

#[test]
fn a_minute_that_was_cut_short_goes_on() {
    let mut disk = Disk::new();
    let mut store = MetricStore::default();
    store.note_changes();
    store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 1, VirtualTime::ZERO);
    (0..3).for_each(|i| store.record(&record(i * SECOND_NS)));
    write(&mut store, &mut disk);
    // Counted, but not written when the program is killed.
    store.record(&record(4 * SECOND_NS));
    let mut store = start_again(&disk);
    store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 1, VirtualTime::from_s(20));
    (0..2).for_each(|i| store.record(&record((30 + i) * SECOND_NS)));
    write(&mut store, &mut disk);
    assert_eq!(read(&mut store, Metric::Invocations, Statistic::Sum, 1), [(0, 5.0)]);
    // Killed again, and back in a later minute.
    let mut again = start_again(&disk);
    again.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 1, VirtualTime::from_s(200));
    assert_eq!(read(&mut again, Metric::Invocations, Statistic::Sum, 4), [(0, 5.0), (180, 0.0)]);
    assert_eq!(read(&mut again, Metric::ModelLatency, Statistic::Average, 4), [(0, 4_000.0)]);
}

#[test]
fn alarms_see_the_minutes_from_before() {
    let config = EndpointConfigName::new("c").unwrap();
    let watch = |store: &mut MetricStore, at| {
        store.watch_fleet(FleetId(1), &endpoint(), &variant("A"), &config, true);
        store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 1, at);
    };
    let mut store = MetricStore::default();
    store.note_changes();
    watch(&mut store, VirtualTime::ZERO);
    let mut disk = Disk::new();
    for minute in 0..5 {
        (0..=minute).for_each(|i| store.record(&record(minute * 60 * SECOND_NS + i)));
        store.advance(VirtualTime::from_s((minute + 1) * 60));
        write(&mut store, &mut disk);
    }
    let mut again = start_again(&disk);
    watch(&mut again, VirtualTime::from_s(300));
    let seen = |store: &MetricStore| {
        let endpoint = endpoint();
        let of = Watch { endpoint: &endpoint, variant: None, config: Some(&config) };
        store.windows(&of, Metric::Invocations, Statistic::Sum, 1, 5, 5)
    };
    assert_eq!(seen(&again), [1.0, 2.0, 3.0, 4.0, 5.0].map(Some));
    assert_eq!(seen(&again), seen(&store));
    // Another fleet's are not its own.
    let mut other = start_again(&disk);
    other.watch_fleet(FleetId(2), &endpoint(), &variant("A"), &config, true);
    assert_eq!(seen(&other), [None; 5]);
}

#[test]
fn forgotten_variants_are_forgotten_on_the_disk_too() {
    let mut store = MetricStore::default();
    store.note_changes();
    let mut disk = Disk::new();
    for i in 0..MAX_SERIES as u32 + 3 {
        let at = VirtualTime::from_s(u64::from(i) * 60);
        store.register(FleetId(i), &endpoint(), &variant(&format!("v{i}")), hardware(), 1, at);
        store.retire(FleetId(i), at + Duration::from_secs(60));
        store.advance(at + Duration::from_secs(120));
        write(&mut store, &mut disk);
    }
    let variants: std::collections::BTreeSet<_> = disk.keys().map(|k| k.1.clone()).collect();
    assert_eq!(variants.len(), MAX_SERIES);
    assert!(!variants.contains("v0") && variants.contains(&format!("v{}", MAX_SERIES + 2)));
}

/// A server serves before it has read what it kept: in whatever order counting, changes of the minute and reading come,
/// the sums are those of one store that never stopped.
#[test]
fn kept_metrics_may_come_while_new_ones_are_counted() {
    let count = |store: &mut MetricStore, from: u64, to: u64| {
        for minute in from..to {
            for i in 0..5 {
                store.record(&InvocationRecord {
                    service_ns: (minute % 97 + 1) * MS,
                    ..record(minute * 60 * SECOND_NS + i * SECOND_NS)
                });
            }
        }
    };
    let begin = |at: u64| {
        let mut store = MetricStore::default();
        store.note_changes();
        let at = VirtualTime::from_s(at * 60);
        store.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 2, at);
        store
    };
    // The first program ends amid minute 2,000: fives are there, too.
    let mut first = begin(0);
    let mut disk = Disk::new();
    count(&mut first, 0, 2_001);
    write(&mut first, &mut disk);
    let mut whole = begin(0);
    count(&mut whole, 0, 2_001);
    count(&mut whole, 2_000, 2_010);
    whole.advance(VirtualTime::from_s(2_010 * 60));
    // The second counts on in the same minute, and reads what was kept at once, within the minute, or much later.
    for read_after in [2_000, 2_001, 2_007] {
        let mut second = begin(2_000);
        count(&mut second, 2_000, read_after);
        kept(&disk).into_iter().for_each(|series| second.restore(series));
        count(&mut second, read_after, 2_010);
        second.advance(VirtualTime::from_s(2_010 * 60));
        let mut written = disk.clone();
        write(&mut second, &mut written);
        for store in [&mut second, &mut start_again(&written)] {
            for (period, from, statistic) in [
                (60, 1_200, Statistic::Sum),
                (300, 300, Statistic::Sum),
                (300, 300, Statistic::Percentile(90.0)),
            ] {
                let of = |store: &mut MetricStore, metric| {
                    read_period(store, metric, statistic, period, (from * 60, 2_010 * 60))
                };
                assert_eq!(of(store, Metric::Invocations), of(&mut whole, Metric::Invocations));
                assert_eq!(of(store, Metric::ModelLatency), of(&mut whole, Metric::ModelLatency));
            }
        }
    }
}

#[test]
fn of_too_many_kept_variants_those_that_ended_last_stay() {
    let ended = |i: usize| {
        let mut one = MetricStore::default();
        one.note_changes();
        let at = VirtualTime::from_s(i as u64 * 60);
        one.register(FleetId(1), &endpoint(), &variant(&format!("v{i}")), hardware(), 1, at);
        one.advance(at + Duration::from_secs(120));
        let mut disk = Disk::new();
        write(&mut one, &mut disk);
        kept(&disk).remove(0)
    };
    let names = |store: &MetricStore| {
        store.variants().map(|(_, v)| v.to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    // Whichever comes first: one that serves now, and of the others the newest.
    for order in [(0..MAX_SERIES + 5).collect::<Vec<_>>(), (0..MAX_SERIES + 5).rev().collect()] {
        let mut store = MetricStore::default();
        store.note_changes();
        store.register(FleetId(1), &endpoint(), &variant("now"), hardware(), 1, VirtualTime::from_s(0));
        order.into_iter().for_each(|i| store.restore(ended(i)));
        let wanted: std::collections::BTreeSet<_> =
            (6..MAX_SERIES + 5).map(|i| format!("v{i}")).chain(["now".to_owned()]).collect();
        assert_eq!(names(&store), wanted);
        let forgotten: std::collections::BTreeSet<_> =
            store.changes().forgotten.into_iter().map(|(_, v)| v.to_string()).collect();
        assert_eq!(forgotten, (0..6).map(|i| format!("v{i}")).collect());
    }
}

proptest! {
    #[test]
    fn no_bytes_break_a_store(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flip in (any::<prop::sample::Index>(), any::<u8>()),
        tier in 0..4_u8,
        minute in any::<u64>(),
    ) {
        let mut store = MetricStore::default();
        // Bytes that nobody wrote are refused in words, or are a row like any other.
        let mut series = KeptSeries::new(&endpoint(), &variant("A"));
        let _ = series.read((tier, minute), &bytes);
        let mut whole = MetricStore::default();
        whole.note_changes();
        whole.register(FleetId(1), &endpoint(), &variant("A"), hardware(), 2, VirtualTime::ZERO);
        (0..50).for_each(|i| whole.record(&InvocationRecord { service_ns: i * i * MS, ..record(i * SECOND_NS) }));
        whole.advance(VirtualTime::from_s(60));
        let mut row = whole.changes().rows[0].row.clone().unwrap();
        prop_assert_eq!(series.clone().read((0, 0), &row), Ok(()));
        let place = flip.0.index(row.len());
        row[place] ^= flip.1;
        let _ = series.read((0, 0), &row);
        for cut in 0..row.len() {
            prop_assert!(series.read((0, 0), &row[..cut]).is_err());
        }
        store.restore(series);
        // Whatever was taken can be read, and merged.
        for metric in Metric::ALL {
            for statistic in [Statistic::Sum, Statistic::Percentile(99.0)] {
                read_period(&mut store, metric, statistic, 3_600, (0, 86_400));
            }
        }
    }
}
