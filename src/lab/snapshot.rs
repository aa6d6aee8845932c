//! All that a page shows of an experiment at one moment.

use serde::{Deserialize, Serialize};

use super::{
    AlarmView, BlindVerdict, DryRun, Harm, HourView, InjectedFault, LabId, Pace, RolloutView, TrafficSettings,
};
use crate::{
    analysis::pairs::CopyCounts,
    controller::{EndpointStatus, RolloutOutcome, ScalableTarget, ScalingActivity, VariantStatus},
    domain::{
        Artifact, EndpointConfig, FleetId, InstanceType, InvocationRecord, InvocationStatus, Model,
        ShadowRule, Stars, VirtualTime,
    },
};

/// What a variant has done since its first request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were routed to it.
    pub invocations: u64,
    /// Ended in 4xx.
    pub errors_4xx: u64,
    /// Ended in 5xx, model errors included.
    pub errors_5xx: u64,
    /// Answered, and the true stars are known.
    pub labelled: u64,
    /// Of these, predicted exactly.
    pub correct: u64,
    /// Sum of the distances between predicted and true stars.
    pub star_error_sum: u64,
    /// True stars by predicted stars, `[true − 1][predicted − 1]`.
    pub confusion: [[u64; 5]; 5],
    /// Sum of model latencies of answered requests, ns.
    pub model_latency_sum_ns: f64,
}

/// One instance at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceView {
    /// vCPUs at work; over a server, on the average of the last ten seconds.
    pub busy: u32,
    /// vCPUs.
    pub vcpus: u32,
    /// Requests that wait.
    pub waiting: u32,
    /// Requests that may wait before the next is refused.
    pub queue_limit: u32,
    /// Share of its vCPU time at work over the last minute, 0 to 1; over a server, over the last ten seconds.
    pub load: f64,
    /// It does not answer.
    pub down: bool,
}

/// One variant of a live endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantView {
    /// Name.
    pub name: String,
    /// Model that it serves.
    pub model: String,
    /// What that model is made of.
    pub artifact: Artifact,
    /// Its instances' type.
    pub instance_type: InstanceType,
    /// Its instances in this deployment.
    pub fleet: FleetId,
    /// Weight that routes now.
    pub current_weight: f64,
    /// Weight asked for.
    pub desired_weight: f64,
    /// Instances that serve now.
    pub current_count: u32,
    /// Instances asked for.
    pub desired_count: u32,
    /// Share of the traffic now, 0 to 1.
    pub share: f64,
    /// What it is going through, with the service's words.
    pub status: Option<VariantStatus>,
    /// Its instances.
    pub instances: Vec<InstanceView>,
    /// What it has done.
    pub tally: Tally,
    /// Requests per virtual second over the last ten.
    pub per_second: f64,
}

/// A shadow variant beside the production variant that it shadows, request by request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairView {
    /// The production variant.
    pub production: String,
    /// Its fleet.
    pub production_fleet: FleetId,
    /// The shadow variant.
    pub shadow: String,
    /// Its fleet.
    pub shadow_fleet: FleetId,
    /// What became of the copies.
    pub copies: CopyCounts,
    /// Pairs by answer, `[production's stars − 1][shadow's stars − 1]`.
    pub confusion: [[u64; 5]; 5],
    /// Pairs with known stars by who was right, `[production][shadow]`, 0 wrong and 1 right.
    pub right: [[u64; 2]; 2],
    /// Model latency, shadow less production.
    pub latency: LatencyDifferenceView,
}

/// Differences of model latency, shadow less production, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyDifferenceView {
    /// Pairs.
    pub n: u64,
    /// Their mean.
    pub mean_us: f64,
    /// Their standard deviation (n − 1); none for fewer than two.
    pub sd_us: Option<f64>,
    /// Share of pairs in which the shadow was faster.
    pub faster_share: f64,
    /// Percentiles 1, 5, 25, 50, 75, 95 and 99.
    pub percentiles_us: [f64; 7],
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointView {
    /// Name.
    pub name: String,
    /// The configuration that serves.
    pub config_name: String,
    /// Status.
    pub status: EndpointStatus,
    /// Why it failed, or why its last update did.
    pub failure_reason: Option<String>,
    /// When it was created.
    pub created: VirtualTime,
    /// How far the running transition is, 0 to 1.
    pub progress: Option<f64>,
    /// When the running transition ends.
    pub ready_at: Option<VirtualTime>,
    /// The configuration that is being moved to.
    pub pending_config: Option<String>,
    /// What serves now.
    pub variants: Vec<VariantView>,
    /// What is being started, and serves after the update.
    pub pending_variants: Vec<VariantView>,
    /// What gets copies now; the share is the traffic sampling percentage.
    pub shadows: Vec<VariantView>,
    /// What is being started, and gets copies after the update.
    pub pending_shadows: Vec<VariantView>,
    /// How the new fleet takes over; none while no update is under way.
    pub rollout: Option<RolloutView>,
    /// How the last update ended.
    pub last_rollout: Option<RolloutOutcome>,
    /// Each shadow's comparison with what it shadows; none before its first copy.
    pub pairs: Vec<PairView>,
    /// US dollars so far.
    pub cost_usd: f64,
    /// US dollars per hour now, the fleet that is being started included.
    pub cost_usd_per_hour: f64,
}

impl EndpointView {
    /// Every variant: production, shadow, and those of both kinds that are being started.
    pub fn all_variants(&self) -> impl Iterator<Item = &VariantView> {
        [&self.variants, &self.shadows, &self.pending_variants, &self.pending_shadows].into_iter().flatten()
    }
}

/// How far an artefact is from answering.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactState {
    /// Which.
    pub artifact: Artifact,
    /// Fetched by the learner.
    pub fetched: bool,
    /// Reviews of the corpus that it has predicted.
    pub predicted: u32,
    /// Reviews of the corpus.
    pub corpus: u32,
    /// Measured cost: microseconds at no token, and per token.
    pub cost_us: Option<(f64, f64)>,
}

/// One row of a batch: a request and its reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRow {
    /// The text that was sent.
    pub text: String,
    /// The stars that it has, where known.
    pub true_stars: Option<Stars>,
    /// The stars predicted.
    pub predicted: Option<Stars>,
    /// Probability of each star, 1 to 5; empty when it failed.
    pub probabilities: Vec<f64>,
    /// Who answered.
    pub variant: String,
    /// How it ended.
    pub status: InvocationStatus,
    /// Model latency, µs.
    pub model_latency_us: f64,
    /// Overhead latency, µs.
    pub overhead_us: f64,
}

/// The replies to one `Invoke` or `InvokeSample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// When it was sent.
    pub sent: VirtualTime,
    /// Endpoint.
    pub endpoint: String,
    /// Whether the sentences are the learner's own.
    pub own_words: bool,
    /// The rows, in order.
    pub rows: Vec<BatchRow>,
    /// Shares of the variants when it was sent, 0 to 1.
    #[serde(default)]
    pub shares: Vec<(String, f64)>,
}

/// One row of the experiment's lineage table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineageRow {
    /// When it was logged.
    pub created: VirtualTime,
    /// Trial component, e.g. `train`, `deploy`.
    pub component: String,
    /// Its parameters, name and value.
    pub parameters: Vec<(String, String)>,
    /// `validation:accuracy`, where it has one.
    pub accuracy: Option<f64>,
}

/// How a step of the lab stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// The step's name in the lesson.
    pub id: String,
    /// Its goal is met.
    pub done: bool,
    /// What is still missing, in words; empty when done.
    pub missing: String,
    /// Share of the goal that is met, 0 to 1, where it is a matter of degree.
    pub fraction: Option<f64>,
}

/// All that a page shows of an experiment at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Virtual time.
    pub now: VirtualTime,
    /// Pace asked for.
    pub pace: Pace,
    /// Seed of every random number.
    pub seed: u64,
    /// The lab that is open.
    pub lab: LabId,
    /// Clients, session and bucket are open.
    pub session_open: bool,
    /// The traffic.
    pub traffic: TrafficSettings,
    /// Reviews that the learner brought; 0 while the lab's own are sent.
    pub own_reviews: u32,
    /// How many shadow variants a configuration may have.
    pub shadow_rule: ShadowRule,
    /// Faults that hold or are planned, in order of injection.
    pub faults: Vec<InjectedFault>,
    /// The test that runs, and the exercises beside it.
    pub decide: super::DecideView,
    /// The verdict of a blind round and the truth; none before it was given.
    pub verdict: Option<BlindVerdict>,
    /// Variants that are scaled automatically.
    pub scalable_targets: Vec<ScalableTarget>,
    /// What autoscaling did last, oldest first.
    pub scaling_activities: Vec<ScalingActivity>,
    /// The last 24 full hours, in the lab that keeps a ledger of them; else none.
    pub hours: Vec<HourView>,
    /// Models.
    pub models: Vec<Model>,
    /// Configurations.
    pub configs: Vec<EndpointConfig>,
    /// Endpoints, deleted ones left out.
    pub endpoints: Vec<EndpointView>,
    /// Artefacts.
    pub artifacts: Vec<ArtifactState>,
    /// Image looked up last.
    pub image: Option<String>,
    /// Requests sent, answered, and failed since the lab began.
    pub sent: u64,
    /// Answered with a prediction.
    pub answered: u64,
    /// Ended in an error that the caller saw.
    pub failed: u64,
    /// US dollars since the lab began, deleted endpoints included.
    pub cost_usd: f64,
    /// Requests since the last snapshot, thinned out to a few dozen.
    pub recent: Vec<InvocationRecord>,
    /// The last batches, newest last.
    pub batches: Vec<Batch>,
    /// Guesses made.
    pub guesses: Vec<(super::Prompt, f64)>,
    /// Alarms by name.
    pub alarms: Vec<AlarmView>,
    /// Whom the last rollouts harmed, oldest first.
    pub harms: Vec<Harm>,
    /// The last comparison of strategies.
    pub compared: Vec<Harm>,
    /// When each alarm that was tried would have rung.
    pub dry_runs: Vec<DryRun>,
    /// Lineage table, in order of creation.
    pub lineage: Vec<LineageRow>,
    /// The lab's steps.
    pub steps: Vec<StepState>,
    /// Managed shadow tests, the newest first.
    pub tests: Vec<super::TestView>,
    /// Requests and replies that were captured.
    pub capture: super::CaptureView,
}
