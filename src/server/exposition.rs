//! `GET /metrics`: Prometheus' text format, version 0.0.4.

use std::{
    fmt::Write,
    sync::{Arc, atomic::Ordering},
};

use super::{
    app::App,
    ledger::BUCKETS_S,
    routes::{EndpointRoutes, Target},
};

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            _ => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}

/// CPU time of this process, seconds; and its memory, bytes. None where the system does not say.
fn process() -> Option<(f64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything; what follows is numbers.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // Linux has had 100 ticks a second, and pages of 4 KiB, on every machine that this runs on.
    Some((ticks / 100.0, pages * 4_096))
}

fn labels(target: &Target) -> String {
    let role = if target.production { "production" } else { "shadow" };
    // Names are letters, digits and hyphens: nothing to escape.
    format!(
        "endpoint=\"{}\",variant=\"{}\",fleet=\"{}\",role=\"{role}\"",
        target.endpoint, target.variant, target.fleet.0
    )
}

/// The page.
pub fn page(app: &App) -> String {
    let mut page = Page(String::new());
    let table = app.table.all();
    let mut routes: Vec<&Arc<EndpointRoutes>> = table.values().collect();
    routes.sort_by_key(|r| r.targets.first().map(|t| t.fleet));
    let mut targets: Vec<&Arc<Target>> =
        routes.iter().flat_map(|r| r.targets.iter().chain(r.shadows.iter().map(|l| &l.target))).collect();
    targets.sort_by_key(|t| t.fleet);
    targets.dedup_by_key(|t| t.fleet);

    let name = "rollout_invocations_total";
    page.head(name, "counter", "Invocations of a variant by how they ended.");
    for target in &targets {
        for (i, status) in ["answered", "client_error", "model_error", "overloaded"].iter().enumerate() {
            let labels = format!("{},status=\"{status}\"", labels(target));
            page.line(name, &labels, target.tally.by_status[i].load(Ordering::Relaxed));
        }
    }
    let name = "rollout_model_latency_seconds";
    page.head(name, "histogram", "Time from asking the model to its answer.");
    for target in &targets {
        let (labels, mut sum) = (labels(target), 0);
        for (bound, count) in BUCKETS_S.iter().zip(&target.tally.buckets) {
            sum += count.load(Ordering::Relaxed);
            page.line(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), sum);
        }
        let all = target.tally.invocations();
        page.line(&format!("{name}_bucket"), &format!("{labels},le=\"+Inf\""), all);
        page.line(
            &format!("{name}_sum"),
            &labels,
            target.tally.model_ns.load(Ordering::Relaxed) as f64 / 1e9,
        );
        page.line(&format!("{name}_count"), &labels, all);
    }
    let name = "rollout_overhead_seconds_total";
    page.head(name, "counter", "Time of requests outside the model.");
    for target in &targets {
        page.line(name, &labels(target), target.tally.overhead_ns.load(Ordering::Relaxed) as f64 / 1e9);
    }
    let lanes = || routes.iter().flat_map(|r| &r.shadows);
    for (name, kind, help) in [
        ("rollout_shadow_dropped_total", "counter", "Copies dropped for want of room."),
        ("rollout_shadow_queued", "gauge", "Copies that wait."),
        ("rollout_shadow_in_flight", "gauge", "Copies that are worked on."),
        ("rollout_shadow_in_flight_max", "gauge", "Most copies that were ever worked on at a time."),
    ] {
        page.head(name, kind, help);
        for lane in lanes() {
            let value = match name {
                "rollout_shadow_dropped_total" => lane.dropped(),
                "rollout_shadow_queued" => lane.queued() as u64,
                "rollout_shadow_in_flight" => lane.in_flight().0 as u64,
                _ => lane.in_flight().1 as u64,
            };
            page.line(name, &labels(&lane.target), value);
        }
    }
    for (name, kind, help) in [
        ("rollout_upstream_up", "gauge", "1 when the last health check was answered."),
        ("rollout_upstream_open", "gauge", "1 while the circuit of callers is open."),
        ("rollout_upstream_opened_total", "counter", "How often the circuit of callers opened."),
        ("rollout_upstream_retries_total", "counter", "Requests that were tried again."),
    ] {
        page.head(name, kind, help);
        for upstream in app.backends.upstreams() {
            let value = match name {
                "rollout_upstream_up" => u64::from(upstream.is_well() == Some(true)),
                "rollout_upstream_open" => u64::from(upstream.breakers()[0].is_open()),
                "rollout_upstream_opened_total" => upstream.breakers()[0].opened(),
                _ => upstream.retried(),
            };
            page.line(name, &format!("upstream=\"{}\"", upstream.name), value);
        }
    }
    if let Some(history) = &app.history {
        let (written, failed) = (&history.written, &history.failed);
        page.one(
            "rollout_metrics_written_total",
            "counter",
            "Invocations whose metrics are on the disk.",
            written.load(Ordering::Acquire),
        );
        page.one(
            "rollout_metrics_write_failures_total",
            "counter",
            "Times that metrics could not be written.",
            failed.load(Ordering::Relaxed),
        );
        page.one(
            "rollout_history_unread_variants",
            "gauge",
            "Variants whose metrics of earlier starts are still being read.",
            history.unread.load(Ordering::Acquire),
        );
        page.one(
            "rollout_history_unreadable_rows_total",
            "counter",
            "Rows of earlier metrics that cannot be read and are left out.",
            history.unreadable.load(Ordering::Relaxed),
        );
    }
    let (kept, dropped) = app.captures.counts();
    page.one("rollout_captured_total", "counter", "Requests that were kept.", kept);
    page.one(
        "rollout_capture_dropped_total",
        "counter",
        "Requests that were to be kept and were not.",
        dropped,
    );
    let waiting = app.backends.embedded().waiting();
    page.one("rollout_inference_waiting", "gauge", "Requests that wait for embedded inference.", waiting);
    if let Some((cpu_s, bytes)) = process() {
        page.one("process_cpu_seconds_total", "counter", "CPU time of the server.", cpu_s);
        page.one("process_resident_memory_bytes", "gauge", "Memory of the server.", bytes);
    }
    page.0
}
