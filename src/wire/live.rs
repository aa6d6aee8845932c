//! The server's live feed: what a page shows of endpoints that really serve.
//!
//! `GET /api/live` answers `text/event-stream`. Each event has the name `frame`, the frame's number as its `id` and one
//! [`LiveFrame`] as its `data`, on one line. The first frame after connecting has the whole state
//! ([`LiveFrame::plane`]); later ones have it when it has changed. Tallies are totals since the server's start, so a
//! frame that was missed takes nothing with it: rates are differences between any two frames.
//!
//! **Resuming.** A browser's `EventSource` reconnects by itself and sends the last `id` as `Last-Event-ID`. The server
//! then gives the records after that frame, as far as it still holds them ([`LiveFrame::missed`] says how many it does
//! not), and the whole state. A restarted server has another [`LiveFrame::epoch`]: its numbers begin anew, and so do its
//! tallies.
//!
//! `GET /api/state` answers the same frame once, as JSON.

use serde::{Deserialize, Serialize};

use crate::{
    controller::ControlPlane,
    domain::{InvocationRecord, VirtualTime},
};

/// What one event says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveFrame {
    /// Number of the server's start: another one means that all numbers began anew.
    pub epoch: u64,
    /// Number of the newest record that this frame counts.
    pub seq: u64,
    /// The server's time.
    pub now: VirtualTime,
    /// The control plane's state; absent while it is as the last frame said.
    pub plane: Option<LivePlane>,
    /// What each fleet did since the server started, by endpoint and variant.
    pub fleets: Vec<LiveFleet>,
    /// A sample of the newest records since the last frame, oldest first.
    pub records: Vec<LiveRecord>,
    /// Records since the last frame that are not in the sample.
    pub missed: u64,
    /// The clients that the server plays; none while it plays none.
    pub traffic: Option<LiveTraffic>,
}

/// What the server's own clients shall do: `PUT /api/traffic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficOrder {
    /// They call.
    pub on: bool,
    /// Whom.
    pub endpoint: String,
    /// Requests per second, above 0 to 10,000.
    pub per_second: f64,
    /// At even distances; else independently of each other.
    pub constant: bool,
}

/// The server's own clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveTraffic {
    /// What they were told.
    pub order: TrafficOrder,
    /// Requests that were due.
    pub due: u64,
    /// Of these, answered with 200.
    pub answered: u64,
    /// Of these, not.
    pub failed: u64,
}

/// Models, configurations, endpoints, experiments and alarms, each as its `Describe…` call would answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LivePlane {
    /// Counts changes; goes up with each.
    pub version: u64,
    /// The control plane itself, for a page that carries on from it.
    pub state: ControlPlane,
    /// `DescribeModel` of each.
    pub models: Vec<serde_json::Value>,
    /// `DescribeEndpointConfig` of each.
    pub configs: Vec<serde_json::Value>,
    /// `DescribeEndpoint` of each.
    pub endpoints: Vec<serde_json::Value>,
    /// `DescribeInferenceExperiment` of each.
    pub experiments: Vec<serde_json::Value>,
    /// `DescribeAlarms`.
    pub alarms: Vec<serde_json::Value>,
    /// Upstreams that a model may name by its image `upstream/NAME`.
    pub upstreams: Vec<LiveUpstream>,
}

/// An upstream that the operator declared. Its address is not the page's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveUpstream {
    /// Its name.
    pub name: String,
    /// What the last health check found; none before the first.
    pub is_well: Option<bool>,
}

/// What the instances of one variant did since the server started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveFleet {
    /// Endpoint.
    pub endpoint: String,
    /// Variant.
    pub variant: String,
    /// Its number: an update gives the same variant another one.
    pub fleet: u32,
    /// Whether callers get its answers; else it gets copies.
    pub production: bool,
    /// Where it infers: `embedded`, an upstream's name, or `missing`.
    pub place: String,
    /// Invocations that were answered.
    pub answered: u64,
    /// Those that ended in 4xx.
    pub client_errors: u64,
    /// Those whose model failed.
    pub model_errors: u64,
    /// Those that nobody could take.
    pub overloaded: u64,
    /// Model latency, summed, microseconds.
    pub model_us: u64,
    /// Overhead latency, summed, microseconds.
    pub overhead_us: u64,
    /// Predictions of 1 to 5 stars.
    pub by_stars: [u64; 5],
    /// Copies that were dropped for want of room; 0 for a production variant.
    pub dropped: u64,
}

/// A record with what a page shows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRecord {
    /// Counts records from 1.
    pub seq: u64,
    /// The record.
    pub record: InvocationRecord,
    /// HTTP status that the caller saw, or would have.
    pub http: u16,
}

/// What `POST /api/series` answers to a [`MetricQuery`](super::MetricQuery).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesAnswer {
    /// One per variant.
    pub series: Vec<super::VariantSeries>,
    /// First second that has not been published yet.
    pub published_until_s: u64,
}
