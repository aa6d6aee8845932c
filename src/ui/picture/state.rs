//! What the picture shows of an endpoint, and the words for it.

use std::fmt::Write;

use crate::{
    controller::EndpointStatus,
    domain::{FleetId, InvocationRecord},
    lab::{EndpointView, VariantView},
    plot::scene::LaneSpec,
    ui::wording::{self, percent, plural, usd},
};

/// One lane of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneState {
    /// The variant.
    pub variant: VariantView,
    /// Its fleet is being started.
    pub starting: bool,
    /// It gets copies, and its answers go nowhere.
    pub shadow: bool,
    /// Share that was asked for, 0 to 1: of the requests, or for a shadow the traffic sampling percentage.
    pub wanted: f64,
    /// Share of the last ten seconds, 0 to 1; none when nobody asked.
    pub seen: Option<f64>,
}

impl LaneState {
    /// What it is known by, while others come and go.
    pub fn key(&self) -> String {
        format!("{}{}", self.variant.fleet.0, if self.starting { " starting" } else { "" })
    }

    /// What the layout needs of it.
    pub fn spec(&self) -> LaneSpec {
        let instances = self.variant.instances.len().max(self.variant.current_count as usize);
        let wanted = if self.starting { self.variant.desired_count as usize } else { 0 };
        LaneSpec {
            instances: instances.max(wanted).max(1),
            share: if self.starting { 0.0 } else { self.variant.share },
            starting: self.starting,
            shadow: self.shadow,
        }
    }

    /// `wanted 50%, seen 48.2%`.
    pub fn share_words(&self) -> String {
        if self.starting {
            return "no traffic yet".to_owned();
        }
        let seen = self.seen.map_or_else(|| "nothing seen".to_owned(), |s| format!("seen {}", percent(s)));
        if self.shadow {
            return format!("copies of {}, {seen}", percent(self.wanted));
        }
        format!("wanted {}, {seen}", percent(self.wanted))
    }

    /// `2 × ml.m5.large, $0.230/h`.
    pub fn fleet_words(&self) -> String {
        let v = &self.variant;
        let count = if self.starting { v.desired_count } else { v.current_count };
        let cost = f64::from(count) * v.instance_type.spec().usd_per_hour;
        let change = if !self.starting && v.desired_count != v.current_count {
            format!(" (wants {})", v.desired_count)
        } else {
            String::new()
        };
        format!("{count} × {}{change}, {}/h", v.instance_type, usd(cost))
    }

    /// `3 of 8 vCPUs busy, 2 waiting`.
    pub fn work_words(&self) -> String {
        let sum =
            |of: fn(&crate::lab::InstanceView) -> u32| self.variant.instances.iter().map(of).sum::<u32>();
        let (busy, vcpus, waiting) = (sum(|i| i.busy), sum(|i| i.vcpus), sum(|i| i.waiting));
        if vcpus == 0 {
            return String::new();
        }
        format!("{busy} of {vcpus} vCPUs busy, {waiting} waiting")
    }
}

/// The lanes of an endpoint: what serves, then what is being started.
pub fn lanes_of(endpoint: &EndpointView) -> Vec<LaneState> {
    let total_wanted: f64 = endpoint.variants.iter().map(|v| v.desired_weight).sum();
    let all = endpoint.variants.iter().chain(&endpoint.pending_variants);
    let total_seen: f64 = all.map(|v| v.per_second).sum();
    // In a rollout both fleets have traffic, and the weights alone do not say how much.
    let split = endpoint.pending_variants.iter().any(|v| v.share > 0.0);
    let creating = endpoint.status == EndpointStatus::Creating;
    let lane = |v: &VariantView, starting, shadow| LaneState {
        variant: v.clone(),
        starting,
        shadow,
        wanted: match total_wanted {
            _ if shadow => v.share,
            _ if split => v.share,
            total if total > 0.0 => v.desired_weight / total,
            _ => 0.0,
        },
        // Of a shadow: copies, as a share of the requests that were answered.
        seen: (total_seen > 0.0 && !starting).then(|| v.per_second / total_seen),
    };
    let serving = endpoint.variants.iter().map(|v| lane(v, creating, false));
    let shadows = endpoint.shadows.iter().map(|v| lane(v, creating, true));
    // A new fleet that has traffic already serves beside the old one.
    let starting = endpoint.pending_variants.iter().map(|v| lane(v, v.share == 0.0, false));
    let starting_shadows = endpoint.pending_shadows.iter().map(|v| lane(v, true, true));
    serving.chain(shadows).chain(starting).chain(starting_shadows).collect()
}

/// The state of an endpoint for those who do not see the picture.
pub fn describe(endpoint: &EndpointView) -> String {
    let mut text = format!("Endpoint {} is {}", endpoint.name, endpoint.status);
    if let Some(progress) = endpoint.progress {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {} done", percent(progress));
    }
    if let Some(why) = &endpoint.failure_reason {
        let _ = write!(text, ": {why}");
    }
    text.push('.');
    for lane in lanes_of(endpoint) {
        let v = &lane.variant;
        let state = if lane.starting { ", being started" } else { "" };
        let role = if lane.shadow { " (shadow)" } else { "" };
        let _ = write!(text, " {}{role}{state}: {}; {}", v.name, lane.share_words(), lane.fleet_words());
        let work = lane.work_words();
        if !work.is_empty() {
            let _ = write!(text, "; {work}");
        }
        text.push('.');
    }
    text
}

/// How a request ended, in words for its button.
pub fn request_words(record: &InvocationRecord, variant: &str) -> String {
    let latency = wording::micros(record.model_latency_ns() as f64 / 1_000.0);
    let outcome = match (record.status.is_answered(), record.predicted, record.true_stars) {
        (false, _, _) => format!("failed with {}", record.status.http()),
        (_, Some(p), Some(t)) => {
            format!("predicted {}, truly {}", plural(u64::from(p.get()), "star"), t.get())
        }
        (_, Some(p), None) => format!("predicted {}", plural(u64::from(p.get()), "star")),
        (_, None, _) => "no prediction".to_owned(),
    };
    format!("Request {}: {variant}, {outcome}, {latency}", wording::count(record.id))
}

/// What the reply of a request looks like on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The prediction is the truth.
    Right,
    /// It is not.
    Wrong,
    /// Nobody knows.
    Unknown,
    /// There is none: an error.
    Failed,
}

impl Outcome {
    /// How a request ended.
    pub fn of(record: &InvocationRecord) -> Self {
        match (record.status.is_answered(), record.predicted, record.true_stars) {
            (false, _, _) => Self::Failed,
            (_, Some(p), Some(t)) if p == t => Self::Right,
            (_, Some(_), Some(_)) => Self::Wrong,
            _ => Self::Unknown,
        }
    }
}

/// Which lane a fleet has.
pub fn lane_of(lanes: &[LaneState], fleet: FleetId) -> Option<usize> {
    lanes.iter().position(|l| l.variant.fleet == fleet)
}
