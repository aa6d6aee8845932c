//! Managed shadow tests as a learner sees them: how each stands, what it measured, and what is kept of one that ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Experiment, PairView, Tally};
use crate::{
    analysis::{
        metrics::{Metric, Statistic},
        pairs::Pairs,
    },
    controller::{InferenceExperiment, InferenceExperimentStatus, ModelVariantStatus},
    domain::{FleetId, InferenceExperimentName, ModelVariantConfig, VirtualTime},
};

/// Metrics of the service's dashboard, in its order.
pub const DASHBOARD: [Metric; 9] = [
    Metric::Invocations,
    Metric::InvocationsPerInstance,
    Metric::ModelLatency,
    Metric::Invocation4XXErrors,
    Metric::Invocation5XXErrors,
    Metric::InvocationModelErrors,
    Metric::CPUUtilization,
    Metric::MemoryUtilization,
    Metric::DiskUtilization,
];

/// Statistics by which the lab describes a variant.
pub const DESCRIPTION: [Statistic; 8] = [
    Statistic::SampleCount,
    Statistic::Sum,
    Statistic::Average,
    Statistic::Minimum,
    Statistic::Percentile(50.0),
    Statistic::Percentile(90.0),
    Statistic::Percentile(99.0),
    Statistic::Maximum,
];

/// One metric of both variants over the whole minutes of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Which.
    pub metric: Metric,
    /// Production's, in the order of [`DESCRIPTION`]; none where there is no sample, or no such statistic.
    pub production: [Option<f64>; 8],
    /// The shadow's.
    pub shadow: [Option<f64>; 8],
}

/// One variant of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestVariantView {
    /// What it is to run on; the endpoint's own where the test says nothing.
    pub config: Option<ModelVariantConfig>,
    /// Name.
    pub name: String,
    /// What it goes through.
    pub status: ModelVariantStatus,
    /// What it has done in the test.
    pub tally: Tally,
}

/// How a managed shadow test stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestView {
    /// Name.
    pub name: String,
    /// Status.
    pub status: InferenceExperimentStatus,
    /// Why it has that status.
    pub status_reason: Option<String>,
    /// What for.
    pub description: Option<String>,
    /// Endpoint.
    pub endpoint: String,
    /// When it was created.
    pub created: VirtualTime,
    /// When it starts, or was to.
    pub start: VirtualTime,
    /// When it ends, or was to.
    pub end: VirtualTime,
    /// When requests were copied for the first time.
    pub began: Option<VirtualTime>,
    /// When it ended.
    pub completed: Option<VirtualTime>,
    /// Share of its schedule that has passed, 0 to 1.
    pub progress: f64,
    /// Percentage of the requests that are copied.
    pub sampling_percentage: u8,
    /// Where requests and replies are kept; nowhere when absent.
    pub destination: Option<String>,
    /// The variant that serves.
    pub production: TestVariantView,
    /// The variant that gets copies.
    pub shadow: TestVariantView,
    /// The paired comparison, frozen once the test has ended; none before the first copy.
    pub pair: Option<PairView>,
}

/// What is kept of a test that ended.
#[derive(Clone, Debug)]
pub(super) struct TestResult {
    tallies: [Tally; 2],
    pair: Option<PairView>,
    pairs: Option<Pairs>,
    statistics: Vec<MetricSummary>,
}

/// Results by test.
pub(super) type TestResults = BTreeMap<InferenceExperimentName, TestResult>;

impl Experiment {
    /// Keeps what the tests that just ended have measured, and forgets that of deleted ones.
    pub(super) fn freeze_tests(&mut self) {
        let ended = |t: &&InferenceExperiment| t.status.has_ended() && t.fleets.is_some();
        let fresh: Vec<InferenceExperiment> = self
            .plane
            .inference_experiments()
            .filter(ended)
            .filter(|t| !self.test_results.contains_key(&t.name))
            .cloned()
            .collect();
        for test in fresh {
            self.close_minutes();
            let result = TestResult {
                tallies: self.test_tallies(&test),
                pair: self.test_pair(&test),
                pairs: test.fleets.and_then(|(p, s)| self.pairs(p, s)).cloned(),
                statistics: self.summaries(&test),
            };
            self.test_results.insert(test.name, result);
        }
        let Self { test_results, plane, .. } = self;
        test_results.retain(|name, _| plane.inference_experiment(name.as_str()).is_some());
    }

    fn test_tallies(&self, test: &InferenceExperiment) -> [Tally; 2] {
        let tally = |fleet: FleetId| self.fleet_tally(fleet).map(|f| f.tally.clone()).unwrap_or_default();
        test.fleets.map(|(p, s)| [tally(p), tally(s)]).unwrap_or_default()
    }

    fn test_pair(&self, test: &InferenceExperiment) -> Option<PairView> {
        let (production, shadow) = test.fleets?;
        let names = (test.plan.source.to_string(), test.plan.shadow.variant_name.to_string());
        self.pairs(production, shadow).map(|pairs| self.pair_view(names, (production, shadow), pairs))
    }

    /// Both variants' metrics over the whole minutes of a test.
    fn summaries(&self, test: &InferenceExperiment) -> Vec<MetricSummary> {
        let Some(began) = test.began else { return Vec::new() };
        let end = test.completed.unwrap_or(self.now());
        let asked: Vec<(Metric, Statistic)> =
            DASHBOARD.iter().flat_map(|m| DESCRIPTION.iter().map(move |s| (*m, *s))).collect();
        let of = |variant| self.metrics().over(&test.endpoint, variant, began, end, &asked);
        let (production, shadow) = (of(&test.plan.source), of(&test.plan.shadow.variant_name));
        let row = |values: &[Option<f64>], i: usize| -> [Option<f64>; 8] {
            std::array::from_fn(|k| values.get(i * DESCRIPTION.len() + k).copied().flatten())
        };
        let summary = |(i, metric): (usize, &Metric)| MetricSummary {
            metric: *metric,
            production: row(&production, i),
            shadow: row(&shadow, i),
        };
        DASHBOARD.iter().enumerate().map(summary).collect()
    }

    /// Descriptive statistics of both variants of a test, so far or frozen; none for an unknown test.
    pub fn test_statistics(&self, name: &str) -> Option<Vec<MetricSummary>> {
        let test = self.plane.inference_experiment(name)?;
        let frozen = self.test_results.get(&test.name).map(|r| r.statistics.clone());
        Some(frozen.unwrap_or_else(|| self.summaries(test)))
    }

    /// The comparison of both variants of a test, request by request, so far or frozen; none before the first copy.
    pub fn test_pairs(&self, name: &str) -> Option<&Pairs> {
        let test = self.plane.inference_experiment(name)?;
        match self.test_results.get(&test.name) {
            Some(frozen) => frozen.pairs.as_ref(),
            None => test.fleets.and_then(|(p, s)| self.pairs(p, s)),
        }
    }

    /// Every managed shadow test, the newest first.
    pub(super) fn test_views(&self) -> Vec<TestView> {
        let mut views: Vec<TestView> =
            self.plane.inference_experiments().map(|t| self.test_view(t)).collect();
        views.sort_by_key(|t| std::cmp::Reverse(t.created));
        views
    }

    fn test_view(&self, t: &InferenceExperiment) -> TestView {
        let frozen = self.test_results.get(&t.name);
        let [production, shadow] = frozen.map_or_else(|| self.test_tallies(t), |f| f.tallies.clone());
        let whole = t.schedule.end.since(t.schedule.start).as_secs_f64().max(1e-9);
        let until = t.completed.unwrap_or(self.now());
        TestView {
            name: t.name.to_string(),
            status: t.status,
            status_reason: t.status_reason.clone(),
            description: t.description.clone(),
            endpoint: t.endpoint.to_string(),
            created: t.created,
            start: t.schedule.start,
            end: t.schedule.end,
            began: t.began,
            completed: t.completed,
            progress: (until.since(t.schedule.start).as_secs_f64() / whole).min(1.0),
            sampling_percentage: t.plan.sampling_percentage,
            destination: t.storage.as_ref().map(|s| s.destination.clone()),
            production: TestVariantView {
                config: t.plan.production.as_ref().map(ModelVariantConfig::from),
                name: t.plan.source.to_string(),
                status: t.variant_status(&t.plan.source),
                tally: production,
            },
            shadow: TestVariantView {
                config: Some(ModelVariantConfig::from(&t.plan.shadow)),
                name: t.plan.shadow.variant_name.to_string(),
                status: t.variant_status(&t.plan.shadow.variant_name),
                tally: shadow,
            },
            pair: match frozen {
                Some(frozen) => frozen.pair.clone(),
                None => self.test_pair(t),
            },
        }
    }
}
