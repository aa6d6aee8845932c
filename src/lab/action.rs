//! What a learner can do.

use serde::{Deserialize, Serialize};

use crate::{
    analysis::metrics::{Metric, Statistic},
    domain::{Artifact, Command, ImageScope, InstanceType, MetricAlarmInput, ReviewId, ShadowRule, Stars},
    simulation::{Fault, TrafficSettings},
};

/// A lab of the workshop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabId {
    /// Lab 4.3: A/B testing from the signature to released resources.
    AbTesting,
    /// A canary at 5%.
    Canary,
    /// A shadow variant by the API, from two models to its promotion.
    ShadowApi,
    /// A managed shadow test of a week.
    ShadowManaged,
    /// The same bad version in four ways.
    Guardrails,
    /// Autoscaling and cost over a day.
    Autoscaling,
    /// Tests without an effect, and what looking at them too often does.
    Peeking,
    /// A test from its size to its memo.
    PlanATest,
    /// A split that is not what the weights promised.
    SplitDetective,
    /// Policies that move the traffic after the outcomes.
    BanditRace,
    /// Comparisons that mislead.
    FalseFriends,
    /// A verdict on a candidate of which nothing is told.
    BlindRound,
    /// Everything unlocked, no steps.
    Sandbox,
}

impl LabId {
    /// All of them, in teaching order.
    pub const ALL: [Self; 13] = [
        Self::AbTesting,
        Self::Canary,
        Self::ShadowApi,
        Self::ShadowManaged,
        Self::Guardrails,
        Self::Autoscaling,
        Self::Peeking,
        Self::PlanATest,
        Self::SplitDetective,
        Self::BanditRace,
        Self::FalseFriends,
        Self::BlindRound,
        Self::Sandbox,
    ];

    /// Its name in an address, e.g. `ab-testing`.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::AbTesting => "ab-testing",
            Self::Canary => "canary",
            Self::ShadowApi => "shadow-api",
            Self::Autoscaling => "autoscaling",
            Self::ShadowManaged => "shadow-managed",
            Self::Guardrails => "guardrails",
            Self::Peeking => "peeking",
            Self::PlanATest => "plan-a-test",
            Self::SplitDetective => "split-detective",
            Self::BanditRace => "bandit-race",
            Self::FalseFriends => "false-friends",
            Self::BlindRound => "blind-round",
            Self::Sandbox => "sandbox",
        }
    }

    /// The lab with that name in an address.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.slug() == slug)
    }
}

/// How fast virtual time runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Pace {
    /// It stands still.
    Paused,
    /// Virtual seconds in a real one: above 0, at most 10,000.
    Times(f64),
}

/// A number that the learner guesses before it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prompt {
    /// How many of 50 requests at 50/50 will go to variant B?
    SplitOfFifty,
    /// How many percent of 50-request samples miss a 5% canary altogether?
    CanaryMissed,
    /// How high is the shadow's `InvocationsPerInstance` in percent of production's, at 2 and 1 instances and half
    /// of the requests copied?
    ShadowPerInstance,
}

/// An action. With the seed and the moments, the actions are the whole state: replayed, they give it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabAction {
    /// A call to the control plane.
    Call(Command),
    /// Opens the clients, the session and the bucket.
    OpenSession,
    /// Copies an artefact from the bucket and unpacks it.
    FetchArtifact(Artifact),
    /// Opens a prediction signature.
    ReadSignature(Artifact),
    /// Opens the code in front of the model.
    ReadInferenceCode,
    /// Looks up a container image.
    RetrieveImage {
        /// What it is for.
        scope: ImageScope,
        /// What it is to run on.
        instance_type: InstanceType,
    },
    /// Records a guess.
    Guess {
        /// What is asked.
        prompt: Prompt,
        /// The answer.
        value: f64,
    },
    /// Sends the learner's own sentences, one request each, one after another.
    Invoke {
        /// Endpoint.
        endpoint_name: String,
        /// The sentences.
        texts: Vec<String>,
        /// Overrides the weights.
        target_variant: Option<String>,
    },
    /// Sends sampled reviews, one request each, one after another.
    InvokeSample {
        /// Endpoint.
        endpoint_name: String,
        /// How many, 1 to 1,000.
        count: u32,
        /// Overrides the weights.
        target_variant: Option<String>,
    },
    /// Evaluates an alarm over the metrics that are kept: when it would have rung.
    DryRunAlarm(MetricAlarmInput),
    /// Runs the same update all at once, as a canary, linearly and as a shadow, each in a copy of the lab, to see
    /// whom each strategy harms.
    CompareRollouts {
        /// The endpoint.
        endpoint_name: String,
        /// What it is to run.
        endpoint_config_name: String,
        /// Alarms that call canary and linear back.
        alarm_names: Vec<String>,
        /// How long to look, 1 to 120 minutes.
        minutes: u32,
    },
    /// Changes how many shadow variants a configuration may have.
    SetShadowRule(ShadowRule),
    /// Lets something go wrong with a variant, now or later, for a time.
    InjectFault {
        /// Name of the variant, in every endpoint that has one of that name.
        variant: String,
        /// What goes wrong.
        fault: Fault,
        /// Virtual seconds from now, at most 30 days; 0 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        starts_in_s: Option<u64>,
        /// Virtual seconds, 1 to 30 days.
        lasts_s: u64,
    },
    /// Makes the version of a configuration bad, wherever it is rolled out: what serves beside it stays sound.
    BreakVersion {
        /// The configuration; all its variants are hit.
        endpoint_config_name: String,
        /// What goes wrong; anything but a wrong container.
        fault: Fault,
        /// Virtual seconds, 1 to 30 days.
        lasts_s: u64,
    },
    /// Ends a fault now, planned or holding; all of them without a number.
    ClearFaults {
        /// The fault's number in the snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
    },
    /// Gives the verdict of a blind round.
    Decide {
        /// The candidate is promoted; else rolled back.
        promote: bool,
    },
    /// Does an exercise of the labs on decisions.
    Exercise {
        /// Which.
        exercise: super::Exercise,
        /// Its settings, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        settings: Vec<f64>,
    },
    /// Changes the traffic.
    SetTraffic(TrafficSettings),
    /// Changes the pace of virtual time.
    SetPace(Pace),
    /// Lets virtual time go on by so many nanoseconds, also while paused.
    Step {
        /// How long.
        duration_ns: u64,
    },
    /// Looks at a metric.
    ViewMetric {
        /// Which.
        metric: Metric,
        /// Of its samples.
        statistic: Statistic,
    },
    /// Logs the deployment to the experiment's trial.
    TrackDeployment,
    /// Opens the lineage table.
    ReadLineage,
    /// States what an artefact costs, as measured here: written by the worker, so that a replay agrees.
    StateCost {
        /// Whose.
        artifact: Artifact,
        /// Microseconds for a review without tokens.
        base_us: f64,
        /// Microseconds more for each token.
        per_token_us: f64,
    },
    /// Opens a review about which the shadow and production gave different stars.
    ReadDisagreement(ReviewId),
    /// The learner says how many stars a sentence of his own has.
    Label {
        /// The sentence's place in the last ad hoc batch.
        row: usize,
        /// The stars.
        stars: Stars,
    },
}
