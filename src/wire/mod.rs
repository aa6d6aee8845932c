//! What the page, the worker and later the server say to each other. Messages travel as JSON text.

pub mod calls;

use serde::{Deserialize, Serialize};

use crate::{
    analysis::metrics::{Datapoint, Metric, Statistic},
    domain::{Artifact, InvocationRecord, Stars, VirtualTime},
    lab::{LabAction, LabId, Snapshot},
};

/// An action and the moment it happened at. The journal of a lab, replayed, gives its state again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Virtual time of the action.
    pub at: VirtualTime,
    /// The action.
    pub action: LabAction,
}

/// A lab as it is kept in the browser or in a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// The lab.
    pub lab: LabId,
    /// Seed of every random number.
    pub seed: u64,
    /// Virtual time that it had reached.
    pub reached: VirtualTime,
    /// What was done.
    pub entries: Vec<JournalEntry>,
}

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Opens a lab, from its beginning or from where a journal leaves off. Answered by snapshots.
    Open(Journal),
    /// Does something. Answered by `Done` with the same number.
    Do {
        /// Number of the message.
        id: u64,
        /// The action.
        action: LabAction,
    },
    /// Asks for series. Answered by `Series` with the same number.
    Metrics {
        /// Number of the message.
        id: u64,
        /// What is asked.
        query: MetricQuery,
    },
    /// Asks what each artefact makes of a request. Answered by `Explained` with the same number.
    Explain {
        /// Number of the message.
        id: u64,
        /// The request.
        record: InvocationRecord,
    },
    /// Whether the page is seen: an unseen page needs no snapshots.
    Visible(bool),
}

/// Asks for one series per variant of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricQuery {
    /// Endpoint.
    pub endpoint_name: String,
    /// Metric.
    pub metric: Metric,
    /// Statistic.
    pub statistic: Statistic,
    /// Length of a period, seconds: a multiple of 60.
    pub period_s: u64,
    /// First second.
    pub start_s: u64,
    /// Second after the last.
    pub end_s: u64,
}

/// The series of one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantSeries {
    /// Variant.
    pub variant: String,
    /// Its datapoints, by time; periods without samples are left out.
    pub datapoints: Vec<Datapoint>,
}

/// What an artefact makes of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// Which.
    pub artifact: Artifact,
    /// Probabilities of 1 to 5 stars; none when the text has no token.
    pub probabilities: Option<[f64; 5]>,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker runs and can be spoken to.
    Ready,
    /// A model is on its way.
    Loading {
        /// Which.
        artifact: Artifact,
        /// Bytes that have arrived.
        received: u64,
        /// Bytes in all.
        total: u64,
        /// It answers.
        ready: bool,
    },
    /// A replay is under way: share done, 0 to 1.
    Replaying(f64),
    /// The state now.
    Snapshot(Box<Snapshot>),
    /// How an action ended.
    Done {
        /// Number of the message.
        id: u64,
        /// The reply as the service would send it, or the refusal.
        outcome: Result<serde_json::Value, Refusal>,
        /// What to add to the journal; none when it was refused.
        entry: Option<JournalEntry>,
    },
    /// Series asked for.
    Series {
        /// Number of the message.
        id: u64,
        /// One per variant, or why not.
        series: Result<Vec<VariantSeries>, String>,
        /// First second that has not been published yet: CloudWatch lags.
        published_until_s: u64,
    },
    /// A request explained.
    Explained {
        /// Number of the message.
        id: u64,
        /// The text.
        text: String,
        /// Its tokens as the models see them.
        tokens: Vec<String>,
        /// True stars, where known.
        true_stars: Option<Stars>,
        /// What each artefact makes of it.
        opinions: Vec<Opinion>,
    },
    /// An entry that the worker itself added (a measured cost).
    Journaled(JournalEntry),
    /// How the worker fares: virtual seconds per real one that it reached, and requests per second of its own time.
    Speed {
        /// Virtual seconds per real second.
        reached: f64,
        /// Requests simulated per second of computing.
        requests_per_s: f64,
    },
    /// Something that should not happen, in words for the learner.
    Trouble(String),
}

/// A refused action, as an SDK would raise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Error code, e.g. `ValidationException`; `LabRule` for what only the lab asks.
    pub code: String,
    /// HTTP status.
    pub http: u16,
    /// The message.
    pub message: String,
}
