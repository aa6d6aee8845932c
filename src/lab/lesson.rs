//! The form of a lesson.

use super::{DecideGoal, Exercise, GuardGoal, LabId, Prompt};
use crate::{analysis::metrics::Metric, domain::Artifact};

/// A part of a step's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Block {
    /// A paragraph. `code` stands between backticks, emphasis between asterisks.
    Text(&'static str),
    /// What to do, as one imperative sentence.
    Do(&'static str),
    /// What one will see.
    Expect(&'static str),
    /// Why it matters in production.
    Why(&'static str),
    /// A trap of the lab that this one follows, and how it springs.
    Trap(&'static str),
}

/// The controls that a step unlocks; the page has a panel for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Opens clients and session.
    Session,
    /// Deletes what an earlier lab left behind.
    Leftover,
    /// Fetches artefacts.
    Artifacts,
    /// Shows prediction signatures.
    Signatures,
    /// Shows the pre-processing code.
    InferenceCode,
    /// Looks up a container image.
    Image,
    /// Makes models.
    Models,
    /// Edits variants and makes a configuration.
    Configuration,
    /// Asks for a guess.
    Guess(Prompt),
    /// Creates the endpoint.
    Deploy,
    /// Shows the endpoint's description while it changes.
    Describe,
    /// Logs the deployment.
    Tracking,
    /// Shows the lineage table.
    Lineage,
    /// Sends the learner's own sentences.
    Predict,
    /// Sends sampled reviews.
    Batch,
    /// Starts and shapes the traffic.
    Traffic,
    /// Points to the metrics.
    Metrics,
    /// Changes weights and capacities.
    Weights,
    /// Moves the endpoint to a configuration with fewer variants.
    Remove,
    /// Deletes endpoint, configurations and models.
    Release,
    /// Says how likely a canary is missed.
    Exposure,
    /// Compares a shadow with what it shadows, pair by pair.
    Comparison,
    /// Lists the reviews on which the two disagree.
    Disagreements,
    /// Registers variants for autoscaling, and shows what it did.
    Autoscaling,
    /// Injects faults, and clears them.
    Faults,
    /// Shows the last 24 hours: how slow, and for how much.
    Day,
    /// Lists managed shadow tests, starts and deletes them.
    TestList,
    /// Plans a managed shadow test.
    TestCreate,
    /// Shows what a managed shadow test measures.
    TestMonitor,
    /// Changes a managed shadow test that is planned or runs.
    TestEdit,
    /// Ends a managed shadow test: promotes its shadow or removes it.
    TestComplete,
    /// Shows what was captured, and hands it out.
    Captured,
    /// Moves the endpoint to another configuration, guarded.
    Deployment,
    /// Makes, tries and deletes alarms.
    Alarms,
    /// Draws whom rollouts harmed.
    Harm,
    /// Moves the endpoint to another configuration.
    Update,
    /// Asks for the verdict of a blind round.
    Verdict,
    /// Shows the test that runs: no step has it, it stands beside the metrics.
    Decision,
    /// Lets the learner do an exercise on decisions.
    Exercise(Exercise),
}

/// What must be true of the experiment for a step to be done. Each names what the learner must bring about;
/// `lab::goal` decides it from the experiment's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Clients and session are open.
    SessionOpen,
    /// No endpoint of an earlier lab is left.
    LeftoverGone,
    /// Artefacts A and B are fetched.
    ArtifactsFetched,
    /// Both signatures were opened.
    SignaturesRead,
    /// The code was opened.
    InferenceCodeRead,
    /// An inference image was looked up last.
    InferenceImageChosen,
    /// There is a model of each of A and B.
    TwoModels,
    /// There is a model of each of these.
    ModelsOf(&'static [Artifact]),
    /// There is a configuration that copies this share to a shadow, with so many instances each.
    ShadowConfig {
        /// Share of the requests that are copied, 0 to 1.
        sampling: f64,
        /// Instances of the production variant.
        production_instances: u32,
        /// Instances of the shadow variant.
        shadow_instances: u32,
    },
    /// An endpoint serves, and has a shadow variant.
    ShadowInService,
    /// These were looked at since the last change of the split.
    MetricsViewed(&'static [Metric]),
    /// A shadow and what it shadows were compared on so many requests.
    PairsCompared(u64),
    /// A disagreement was opened.
    DisagreementRead,
    /// A shadow gets copies of this share of the requests, within 0.5 points.
    ShadowSampling(f64),
    /// The endpoint has one variant, with this artefact, and no shadow.
    OnlyServes(Artifact),
    /// There is a configuration whose variants have these shares, within 0.5 points, with models A and B.
    ConfigWithShares(&'static [f64]),
    /// A guess was made.
    Guessed(Prompt),
    /// An endpoint was created and is on its way, or serves.
    EndpointCreated,
    /// An endpoint serves two variants.
    EndpointInService,
    /// The deployment was logged.
    DeploymentTracked,
    /// The lineage table was opened after that.
    LineageRead,
    /// A sentence of the learner's own was answered.
    OwnSentenceAnswered,
    /// So many sampled reviews were answered in one batch, by an endpoint of so many live variants.
    BatchAnswered {
        /// Rows in the batch.
        rows: u32,
        /// Variants with traffic at that time.
        live_variants: u32,
    },
    /// Traffic runs and so many requests were served.
    TrafficServed(u64),
    /// These four were looked at since the last change of the split: CPUUtilization, Invocations,
    /// InvocationsPerInstance, ModelLatency.
    FourMetricsViewed,
    /// Model latency was looked at as a sum and as an average.
    SumAndAverageCompared,
    /// All traffic goes to the variant with artefact B.
    AllTrafficToB,
    /// The endpoint has one variant, with artefact B.
    OnlyBRemains,
    /// What the Guardrails lab asks for.
    Guarded(GuardGoal),
    /// What the labs on decisions ask for.
    Decide(DecideGoal),
    /// No endpoint, configuration or model is left.
    AllReleased,
    /// The canary, a variant with artefact B, has this share, within 0.5 points, and has served so many requests.
    CanaryServed {
        /// Share, 0 to 1.
        share: f64,
        /// Requests.
        requests: u64,
    },
    /// An endpoint is in service.
    OneInService,
    /// So many requests of callers have failed.
    RequestsFailed(u64),
    /// A variant of the endpoint is registered for autoscaling and has a policy.
    PolicyInPlace,
    /// Autoscaling has added instances.
    ScaledOut,
    /// Autoscaling has added instances, and then taken some away.
    ScaledIn,
    /// The endpoint runs on GPU instances, which have served so many requests.
    GpuServed(u64),
    /// An endpoint serves the blind round's candidate beside another variant.
    CandidateDeployed,
    /// The verdict was given.
    Decided,
    /// In each of the last 24 full hours 99% of the requests were answered within 100 ms, at the lab's traffic.
    DayHeld {
        /// Most US dollars for these hours.
        usd: f64,
    },
    /// The list of managed shadow tests was asked for.
    TestsListed,
    /// A managed shadow test is planned or under way, whose shadow serves another artefact than production.
    TestCreated,
    /// A managed shadow test runs.
    TestRunning,
    /// The dashboard's four were looked at since a test began: ModelLatency, Invocation4XXErrors, CPUUtilization,
    /// DiskUtilization.
    DashboardViewed,
    /// A managed shadow test runs and copies so many percent of the requests.
    TestSampling(u8),
    /// A managed shadow test has run to the end of its schedule.
    TestEnded,
    /// So many replies of a test's shadow are captured.
    ShadowCaptured(u64),
    /// A test was marked complete, and its shadow serves in production.
    ShadowPromoted,
    /// There was a managed shadow test, and none is listed any more.
    TestsDeleted,
}

/// A step that the learner does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its name, unique in the lesson and stable.
    pub id: &'static str,
    /// Chapter that it belongs to.
    pub chapter: &'static str,
    /// Title, an imperative.
    pub title: &'static str,
    /// What to do, what to expect, why it matters.
    pub body: &'static [Block],
    /// What must hold for it to be done.
    pub goal: Goal,
    /// Shown one by one on demand.
    pub hints: &'static [&'static str],
    /// Panels beside the text, in order.
    pub controls: &'static [Control],
}

/// A step without its texts: what must be done in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// The step's name.
    pub id: &'static str,
    /// What must hold for it to be done.
    pub goal: Goal,
}

/// A lab: its steps in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    /// Which.
    pub id: LabId,
    /// Title.
    pub title: &'static str,
    /// One sentence on what one will be able to do.
    pub summary: &'static str,
    /// Minutes that it takes.
    pub minutes: u32,
    /// Its steps; none in the sandbox.
    pub steps: &'static [Step],
    /// Panels that are open throughout.
    pub controls: &'static [Control],
}
