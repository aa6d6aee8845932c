//! The experiment: control plane, simulated fleets, metrics and lesson, changed by actions and by time alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Batch, BatchRow, Goal, Journal, LabAction, LabId, LineageRow, Pace, Prompt, Refusal, StepState, Tally,
    blind::{self, BlindVerdict},
    capture::{CaptureStore, CapturedLines},
    changes::{Change, ChangeLog},
    day::{DayLedger, P99_TARGET_MS},
    decide::{self, Decisions, LiveBandit, RunningTest},
    faults::FaultPlan,
    goal,
    guardrails::Guardrails,
    lessons,
    live::Live,
    managed::TestResults,
};
use crate::{
    analysis::{
        metrics::{Datapoint, FleetHardware, Metric, MetricStore, QueryError, SeriesQuery, Statistic},
        pairs::Pairs,
    },
    controller::{
        ControlPlane, Deployment, Durations, Endpoint, EndpointStatus, FleetChange, FleetOrder, MinuteLoad,
        reply_to,
    },
    domain::{
        Artifact, Command, ContainerImage, ContainerInput, EndpointName, FleetId, ImageScope,
        InvocationRecord, InvocationStatus, ProductionVariantInput, ReviewId, SECOND_NS, Stars, VariantName,
        VariantWeight, VirtualTime,
    },
    inference::{Prediction, PredictionTable, ServiceCost, Tokens, card},
    routing::Router,
    simulation::{Corpus, FleetSpec, ServiceSettings, Simulation},
};

/// Fastest pace: virtual seconds in a real one.
pub const MAX_PACE: f64 = 10_000.0;
/// Most sentences in one `Invoke`, and reviews in one `InvokeSample`.
pub const MAX_BATCH: u32 = 1_000;
/// Longest text that may be sent: the service's limit on a body.
pub const MAX_BODY_BYTES: usize = 6_291_456;
/// Most requests that one step of the clock may hold: a few seconds of computing.
pub const MAX_STEP_REQUESTS: f64 = 1e7;
/// Batches kept.
const BATCHES_KEPT: usize = 6;
/// Requests handed to a page in one snapshot.
const RECENT_KEPT: usize = 64;
/// Comparisons of a shadow with what it shadowed that are kept, the newest ones.
const PAIRS_KEPT: usize = 16;
/// Name of the endpoint that an earlier lab left behind.
pub const LEFTOVER_ENDPOINT: &str = "autopilot-leftover";
/// A client's pause between two requests of a batch.
const THINK_NS: u64 = 20_000_000;

/// A text that was sent by hand, with its place in the prediction table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnText {
    /// Its place in the table.
    pub review: ReviewId,
    /// The text.
    pub text: String,
}

/// How far [`Experiment::run_to`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To the moment asked for.
    Reached,
    /// It has done as many requests as it was let.
    OutOfBudget,
    /// A fleet is about to serve with this artefact, whose predictions or cost are not in the table yet.
    WaitsFor(Artifact),
}

/// What a fleet has done, kept dense by fleet number: it is written once per request.
#[derive(Clone, Debug, Default)]
pub(super) struct FleetTally {
    pub tally: Tally,
    /// Requests by second, over the last sixteen.
    seconds: [(u64, u32); 16],
}

impl FleetTally {
    fn record(&mut self, r: &InvocationRecord) {
        let t = &mut self.tally;
        t.invocations += 1;
        match r.status {
            InvocationStatus::Answered => t.model_latency_sum_ns += r.model_latency_ns() as f64,
            InvocationStatus::ClientError => t.errors_4xx += 1,
            InvocationStatus::ModelError | InvocationStatus::Overloaded => t.errors_5xx += 1,
        }
        if let (Some(truth), Some(answer)) = (r.true_stars, r.predicted) {
            t.label(truth, answer);
        }
        let second = r.arrival.as_ns() / SECOND_NS;
        let slot = &mut self.seconds[(second % 16) as usize];
        if slot.0 == second { slot.1 += 1 } else { *slot = (second, 1) }
    }

    /// Requests per second over the ten whole seconds before `now`.
    pub fn per_second(&self, now: VirtualTime) -> f64 {
        let second = now.as_ns() / SECOND_NS;
        let from = second.saturating_sub(10);
        let sum: u32 = self.seconds.iter().filter(|(s, _)| (from..second).contains(s)).map(|(_, n)| n).sum();
        f64::from(sum) / (second - from).max(1) as f64
    }
}

/// A sample of the requests since it was last taken: every `stride`-th, never more than [`RECENT_KEPT`].
#[derive(Clone, Debug)]
struct Recent {
    kept: Vec<InvocationRecord>,
    stride: u64,
    seen: u64,
}

impl Recent {
    fn record(&mut self, r: &InvocationRecord) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() >= RECENT_KEPT {
                let mut place = 0;
                self.kept.retain(|r| {
                    place += u32::from(!r.copy);
                    place % 2 == 1
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(*r);
            }
        }
        self.seen += 1;
    }

    /// A copy is kept where its original is, right behind it.
    fn record_copy(&mut self, copy: &InvocationRecord) {
        if self.kept.last().is_some_and(|r| r.id == copy.id) && self.kept.len() < 2 * RECENT_KEPT {
            self.kept.push(*copy);
        }
    }

    fn take(&mut self) -> Vec<InvocationRecord> {
        (self.seen, self.stride) = (0, (self.stride / 2).max(1));
        std::mem::take(&mut self.kept)
    }
}

/// What the records of requests become.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) metrics: MetricStore,
    pub(super) fleets: Vec<FleetTally>,
    recent: Recent,
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// The last request of a caller: the copies that follow belong to it.
    pub(super) last: Option<InvocationRecord>,
    pairs: Vec<PairLedger>,
    /// The test that runs.
    test: Option<Box<RunningTest>>,
    /// The bandit that routes, or routed last.
    bandit: Option<Box<LiveBandit>>,
    /// Hours and their cost, in the lab that asks for them.
    day: Option<Box<DayLedger>>,
}

/// A shadow's fleet beside the fleet that it shadows.
#[derive(Clone, Debug)]
pub(super) struct PairLedger {
    pub production: FleetId,
    pub shadow: FleetId,
    pub pairs: Pairs,
}

impl Ledger {
    pub(super) fn record(&mut self, r: &InvocationRecord) {
        self.metrics.record(r);
        if let Some(fleet) = self.fleets.get_mut(r.fleet.0 as usize) {
            fleet.record(r);
        }
        if r.copy {
            self.pair(r);
            return;
        }
        self.last = Some(*r);
        self.recent.record(r);
        if let Some(day) = &mut self.day {
            day.record(r);
        }
        if let Some(test) = &mut self.test {
            test.record(r);
        }
        if let Some(bandit) = &mut self.bandit {
            bandit.record(r);
        }
        self.sent += 1;
        self.answered += u64::from(r.status.is_answered());
    }

    fn pair(&mut self, copy: &InvocationRecord) {
        let Some(original) = self.last.filter(|o| o.id == copy.id) else { return };
        self.recent.record_copy(copy);
        let (production, shadow) = (original.fleet, copy.fleet);
        let place = self.pairs.iter().rposition(|p| p.production == production && p.shadow == shadow);
        let place = place.unwrap_or_else(|| {
            if self.pairs.len() == PAIRS_KEPT {
                self.pairs.remove(0);
            }
            self.pairs.push(PairLedger { production, shadow, pairs: Pairs::default() });
            self.pairs.len() - 1
        });
        self.pairs[place].pairs.record(&original, copy);
    }
}

/// One lab under way.
///
/// Its state is its seed, its actions and their moments, and nothing else: two experiments with the same are the
/// same to the last digit, on every target.
#[derive(Clone, Debug)]
pub struct Experiment {
    pub(super) lab: LabId,
    pub(super) seed: u64,
    pub(super) pace: Pace,
    pub(super) plane: ControlPlane,
    pub(super) simulation: Simulation,
    pub(super) faults: FaultPlan,
    /// Given in a blind round.
    pub(super) verdict: Option<BlindVerdict>,
    table: PredictionTable,
    pub(super) ledger: Ledger,
    /// Present where the endpoints are a server's.
    pub(super) live: Option<Box<Live>>,
    pub(super) fleet_variants: BTreeMap<FleetId, (EndpointName, VariantName)>,
    service: ServiceSettings,
    /// The endpoint that the clients call: the last one that came into service.
    pub(super) called: Option<EndpointName>,
    pub(super) own_texts: Vec<OwnText>,
    /// When the learner's own reviews were last replaced.
    own_since: VirtualTime,
    pub(super) session_open: bool,
    pub(super) fetched: [bool; 3],
    pub(super) signatures_read: [bool; 3],
    pub(super) code_read: bool,
    pub(super) image: Option<(ImageScope, ContainerImage)>,
    pub(super) guesses: Vec<(Prompt, f64)>,
    pub(super) batches: Vec<Batch>,
    /// Live variants with traffic when each kept batch was sent.
    pub(super) batch_live: Vec<usize>,
    /// Metrics looked at since the split last changed.
    pub(super) viewed: Vec<(Metric, Statistic)>,
    pub(super) lineage: Vec<LineageRow>,
    pub(super) lineage_read: bool,
    pub(super) disagreement_read: bool,
    pub(super) guardrails: Guardrails,
    pub(super) decisions: Decisions,
    done: Vec<bool>,
    pub(super) changes: ChangeLog,
    pub(super) test_results: TestResults,
    /// Whether the list of managed shadow tests was asked for.
    pub(super) tests_listed: bool,
    pub(super) capture: CaptureStore,
}

impl Experiment {
    /// A lab at its beginning.
    pub fn new(lab: LabId, seed: u64) -> Self {
        let usual = ServiceSettings::default();
        // A container heavy enough that a fleet matters, and a day of requests still takes seconds to simulate.
        let heavy = ServiceSettings { container_us: 40_000.0, ..usual };
        let service = if lab == LabId::Autoscaling { heavy } else { usual };
        Self::with(lab, seed, Durations::default(), service, Corpus::built_in())
    }

    /// A lab at its beginning, with times and reviews of one's own.
    pub fn with(
        lab: LabId,
        seed: u64,
        durations: Durations,
        service: ServiceSettings,
        corpus: Corpus,
    ) -> Self {
        let mut table = PredictionTable::default();
        for review in corpus.reviews() {
            table.add_review(Tokens::of(&review.text).len());
        }
        let mut experiment = Self {
            lab,
            seed,
            pace: Pace::Times(1.0),
            plane: ControlPlane::new(Durations { create: std::time::Duration::ZERO, ..durations }),
            simulation: Simulation::new(seed, corpus),
            faults: FaultPlan::default(),
            live: None,
            verdict: None,
            table,
            ledger: Ledger {
                metrics: MetricStore::default(),
                fleets: Vec::new(),
                recent: Recent { kept: Vec::new(), stride: 1, seen: 0 },
                sent: 0,
                answered: 0,
                last: None,
                pairs: Vec::new(),
                test: None,
                bandit: None,
                day: match lab {
                    LabId::Autoscaling => Some(Box::new(DayLedger::new(P99_TARGET_MS))),
                    LabId::BlindRound => Some(Box::new(DayLedger::new(blind::BLIND_SLOW_MS))),
                    _ => None,
                },
            },
            fleet_variants: BTreeMap::new(),
            service,
            called: None,
            own_texts: Vec::new(),
            own_since: VirtualTime::ZERO,
            session_open: lab != LabId::AbTesting,
            fetched: [lab != LabId::AbTesting; 3],
            signatures_read: [false; 3],
            code_read: false,
            image: None,
            guesses: Vec::new(),
            batches: Vec::new(),
            batch_live: Vec::new(),
            viewed: Vec::new(),
            lineage: Vec::new(),
            lineage_read: false,
            disagreement_read: false,
            guardrails: Guardrails::default(),
            decisions: Decisions::default(),
            done: vec![false; lessons::tasks(lab).len()],
            changes: ChangeLog::default(),
            test_results: TestResults::new(),
            tests_listed: false,
            capture: CaptureStore::new(seed),
        };
        experiment.furnish();
        experiment.plane.set_durations(durations);
        experiment
    }

    /// What is there before the learner comes.
    fn furnish(&mut self) {
        let training = Artifact::ALL.map(|artifact| LineageRow {
            created: VirtualTime::ZERO,
            component: format!("train {artifact}"),
            parameters: vec![("artifact".into(), artifact.model_data_url())],
            accuracy: card(artifact).metrics.get("clothing").map(|m| m.accuracy),
        });
        self.lineage.extend(training);
        let image = ContainerImage::retrieve(ImageScope::Inference, false).as_str().to_owned();
        let model = |name: &str, artifact: Artifact| Command::CreateModel {
            model_name: name.into(),
            primary_container: ContainerInput {
                image: image.clone(),
                model_data_url: artifact.model_data_url(),
            },
        };
        let calls = match self.lab {
            LabId::AbTesting => vec![
                model("autopilot-model", Artifact::A),
                Command::CreateEndpointConfig {
                    endpoint_config_name: "autopilot-config".into(),
                    production_variants: vec![ProductionVariantInput {
                        variant_name: "AllTraffic".into(),
                        model_name: "autopilot-model".into(),
                        instance_type: "ml.m5.large".into(),
                        initial_instance_count: 1,
                        initial_variant_weight: 1.0,
                        routing_config: None,
                    }],
                    shadow_production_variants: Vec::new(),
                    data_capture_config: None,
                },
                Command::CreateEndpoint {
                    endpoint_name: LEFTOVER_ENDPOINT.into(),
                    endpoint_config_name: "autopilot-config".into(),
                    deployment_config: None,
                },
                Command::DeleteEndpointConfig { endpoint_config_name: "autopilot-config".into() },
                Command::DeleteModel { model_name: "autopilot-model".into() },
            ],
            LabId::ShadowApi => Vec::new(),
            LabId::Guardrails => lessons::guardrails::furniture(),
            LabId::Canary | LabId::BlindRound => {
                vec![model("reviews-a", Artifact::A), model("reviews-b", Artifact::B)]
            }
            LabId::Autoscaling => vec![model("reviews-b", Artifact::B)],
            LabId::ShadowManaged => vec![
                model("reviews-a", Artifact::A),
                model("reviews-b", Artifact::B),
                model("reviews-c", Artifact::C),
                Command::CreateEndpointConfig {
                    endpoint_config_name: "reviews-live".into(),
                    production_variants: vec![ProductionVariantInput {
                        variant_name: "Production".into(),
                        model_name: "reviews-a".into(),
                        instance_type: "ml.m5.large".into(),
                        initial_instance_count: 2,
                        initial_variant_weight: 1.0,
                        routing_config: None,
                    }],
                    shadow_production_variants: Vec::new(),
                    data_capture_config: None,
                },
                Command::CreateEndpoint {
                    endpoint_name: "reviews".into(),
                    endpoint_config_name: "reviews-live".into(),
                    deployment_config: None,
                },
            ],
            LabId::Peeking
            | LabId::PlanATest
            | LabId::SplitDetective
            | LabId::BanditRace
            | LabId::FalseFriends => decide::furniture(self.lab),
            LabId::Sandbox => vec![
                model("reviews-a", Artifact::A),
                model("reviews-b", Artifact::B),
                model("reviews-c", Artifact::C),
            ],
        };
        for call in &calls {
            // The calls are constants that the controller takes; a test opens every lab.
            let _ = self.plane.execute(call, VirtualTime::ZERO);
        }
        if self.lab == LabId::Guardrails {
            // The version is bad from the beginning, and the alarms are watched from then on.
            let [_, bad] = lessons::guardrails::VERSIONS;
            let _ = self.break_version(bad, lessons::guardrails::BAD, super::MAX_FAULT_S);
            self.guardrails.follow(&self.plane, VirtualTime::ZERO);
        }
        if self.lab == LabId::FalseFriends
            && let Ok(spiky) = VariantName::new(decide::SPIKY.0)
        {
            self.faults.hide(spiky, decide::SPIKY.1, VirtualTime::ZERO);
        }
        if self.is_blind()
            && let (Some((fault, at_s)), Ok(candidate)) =
                (blind::hidden(self.seed), VariantName::new(blind::CANDIDATE))
        {
            self.faults.hide(candidate, fault, VirtualTime::from_s(at_s));
        }
        // The leftover comes into service without a fleet: nobody calls it, it only costs.
        let changes = self.plane.advance(VirtualTime::ZERO);
        if self.lab != LabId::AbTesting {
            self.carry_out(changes);
        }
    }

    /// Virtual time that it has reached.
    pub fn now(&self) -> VirtualTime {
        self.simulation.now()
    }

    /// Pace asked for.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The lab.
    pub fn lab(&self) -> LabId {
        self.lab
    }

    /// Predictions by artefact and review.
    pub fn table(&self) -> &PredictionTable {
        &self.table
    }

    /// The same, to be filled by inference.
    pub fn table_mut(&mut self) -> &mut PredictionTable {
        &mut self.table
    }

    /// The reviews that the clients send.
    pub fn corpus(&self) -> &Corpus {
        self.simulation.corpus()
    }

    /// Metrics per variant and minute.
    pub fn metrics(&self) -> &MetricStore {
        &self.ledger.metrics
    }

    /// Writes out what was captured since.
    fn settle_capture(&mut self) {
        if self.capture.is_behind() {
            let Self { capture, simulation, table, own_texts, .. } = self;
            let text = |review: ReviewId| {
                let own = own_texts.iter().find(|t| t.review == review).map(|t| t.text.as_str());
                own.or_else(|| simulation.corpus().get(review).map(|r| r.text.as_str())).unwrap_or_default()
            };
            capture.settle(|review, artifact| (text(review), table.prediction(artifact, review)));
        }
    }

    /// Captured lines of a variant from the `from`-th of all on, about `most` bytes of them.
    pub fn captured_lines(&self, endpoint: &str, variant: &str, from: u64, most: usize) -> CapturedLines {
        self.capture.lines(endpoint, variant, from, most)
    }

    /// Closes the minutes that have ended.
    pub(super) fn close_minutes(&mut self) {
        let now = self.now();
        self.ledger.metrics.advance(now);
    }

    /// Requests sent and answered.
    pub fn counts(&self) -> (u64, u64) {
        (self.ledger.sent, self.ledger.answered)
    }

    /// Models, configurations and endpoints.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// A sample of the requests since the last call of this.
    pub(super) fn take_recent(&mut self) -> Vec<InvocationRecord> {
        self.ledger.recent.take()
    }

    /// The test that runs, or ran last.
    pub(super) fn test(&self) -> Option<&RunningTest> {
        self.ledger.test.as_deref()
    }

    pub(super) fn test_mut(&mut self) -> Option<&mut RunningTest> {
        self.ledger.test.as_deref_mut()
    }

    pub(super) fn set_test(&mut self, test: RunningTest) {
        self.ledger.test = Some(Box::new(test));
    }

    /// The bandit that routes, or routed last.
    pub(super) fn bandit(&self) -> Option<&LiveBandit> {
        self.ledger.bandit.as_deref()
    }

    pub(super) fn bandit_mut(&mut self) -> Option<&mut LiveBandit> {
        self.ledger.bandit.as_deref_mut()
    }

    pub(super) fn set_bandit(&mut self, bandit: LiveBandit) {
        self.ledger.bandit = Some(Box::new(bandit));
    }

    pub(super) fn day(&self) -> Option<&DayLedger> {
        self.ledger.day.as_deref()
    }

    pub(super) fn fleet_tally(&self, fleet: FleetId) -> Option<&FleetTally> {
        self.ledger.fleets.get(fleet.0 as usize)
    }

    /// Every comparison of a shadow with what it shadowed that is kept, oldest first.
    pub(super) fn pair_ledgers(&self) -> &[PairLedger] {
        &self.ledger.pairs
    }

    /// The comparison of a shadow's fleet with a production fleet; none before the first copy.
    pub fn pairs(&self, production: FleetId, shadow: FleetId) -> Option<&Pairs> {
        let found = self.ledger.pairs.iter().rfind(|p| p.production == production && p.shadow == shadow);
        found.map(|p| &p.pairs)
    }

    /// What a variant of an endpoint has done in all its deployments.
    pub fn tally(&self, endpoint: &EndpointName, variant: &VariantName) -> Tally {
        let mut sum = Tally::default();
        for (fleet, _) in self.fleet_variants.iter().filter(|(_, (e, v))| e == endpoint && v == variant) {
            if let Some(fleet) = self.fleet_tally(*fleet) {
                sum.add(&fleet.tally);
            }
        }
        sum
    }

    /// The same, for a variant by the text of its name: nothing for one that never was.
    pub fn tally_by_name(&self, endpoint: &EndpointName, variant: &str) -> Tally {
        VariantName::new(variant).map(|v| self.tally(endpoint, &v)).unwrap_or_default()
    }

    /// One series per variant that the endpoint has or had, in order of appearance.
    ///
    /// # Errors
    /// [`QueryError`] for a period, span or number of points that the service refuses too.
    pub fn series(
        &self,
        endpoint: &str,
        query: &SeriesQuery,
    ) -> Result<Vec<(String, Vec<Datapoint>)>, QueryError> {
        let mut seen: Vec<&VariantName> = Vec::new();
        let mut all = Vec::new();
        for (name, variant) in self.fleet_variants.values().filter(|(e, _)| e.as_str() == endpoint) {
            if !seen.contains(&variant) {
                seen.push(variant);
                all.push((
                    variant.to_string(),
                    self.ledger.metrics.series(name, variant, query, self.now())?,
                ));
            }
        }
        Ok(all)
    }

    /// The endpoint that the clients call.
    pub fn called_endpoint(&self) -> Option<&Endpoint> {
        self.called.as_ref().and_then(|name| self.plane.endpoint(name.as_str()))
    }

    /// The text of a review, or of a sentence that was sent by hand.
    pub fn text(&self, review: ReviewId) -> Option<&str> {
        let own = self.own_texts.iter().find(|t| t.review == review).map(|t| t.text.as_str());
        own.or_else(|| self.corpus().get(review).map(|r| r.text.as_str()))
    }

    /// The text that a request carried; none once the learner's own reviews were replaced by others.
    pub fn text_of(&self, record: &InvocationRecord) -> Option<&str> {
        let replaced =
            record.review.0 as usize >= self.corpus().built_in_len() && record.arrival < self.own_since;
        if replaced { None } else { self.text(record.review) }
    }

    /// Sends the learner's own reviews from now on; none at all sends the built-in ones again. Their predictions
    /// must be filled in anew.
    pub fn set_own_reviews(&mut self, own: Vec<(String, Option<Stars>)>) {
        self.own_since = self.now();
        self.table.truncate(ReviewId(self.corpus().built_in_len() as u32));
        self.own_texts.clear();
        self.capture.forget_bodies();
        self.simulation.set_own_reviews(own);
        let built_in = self.corpus().built_in_len();
        let tokens: Vec<usize> =
            self.corpus().reviews()[built_in..].iter().map(|r| Tokens::of(&r.text).len()).collect();
        for tokens in tokens {
            self.table.add_review(tokens);
        }
        self.tell_bandit_the_truth();
    }

    /// Makes room in the table for sentences that are about to be sent, and says which have no answer yet.
    pub fn prepare_texts(&mut self, texts: &[String]) -> Vec<OwnText> {
        let mut fresh = Vec::new();
        for text in texts {
            if !self.own_texts.iter().any(|t| t.text == *text) {
                let review = self.table.add_review(Tokens::of(text).len());
                self.own_texts.push(OwnText { review, text: text.clone() });
            }
            if let Some(own) = self.own_texts.iter().find(|t| t.text == *text)
                && Artifact::ALL.iter().any(|a| {
                    !self.table.is_answered(*a, own.review)
                        || (self.needs_skewed() && !self.table.is_answered_skewed(*a, own.review))
                })
            {
                fresh.push(own.clone());
            }
        }
        fresh
    }

    /// Whether models must be asked about [skewed](Tokens::skewed) input too: such a fault holds, or is planned.
    pub fn needs_skewed(&self) -> bool {
        // A blind round asks in any case: who waits for one seed longer than for another would know.
        self.faults.skews() || self.is_blind()
    }

    pub(super) fn is_blind(&self) -> bool {
        self.lab == LabId::BlindRound
    }

    /// Whether requests to `artifact` can be answered: its cost and every review's prediction are in the table.
    pub fn is_ready(&self, artifact: Artifact) -> bool {
        let skewed = self.needs_skewed();
        self.table.cost(artifact).is_some()
            && self.corpus().sent().all(|r| {
                self.table.is_answered(artifact, r) && (!skewed || self.table.is_answered_skewed(artifact, r))
            })
    }

    /// The first artefact of a fleet whose launch is next and that is not ready.
    fn awaited(&self) -> Option<Artifact> {
        let next = self.plane.next_transition();
        let due = self.plane.endpoints().filter(|e| e.transition.as_ref().is_some_and(|t| t.ends == next));
        let starting = due.flat_map(|e| {
            let first = (e.status == EndpointStatus::Creating).then_some(&e.deployment);
            first.into_iter().chain(e.pending()).flat_map(Deployment::all)
        });
        let mut artifacts = starting.map(|v| v.artifact);
        artifacts.find(|a| !self.is_ready(*a))
    }

    /// The first artefact that serves with skewed input, now or later, and was not asked about all of it.
    fn awaited_skewed(&self) -> Option<Artifact> {
        let live = self.called_endpoint().filter(|e| self.needs_skewed() && e.status.serves());
        let mut artifacts = live.into_iter().flat_map(|e| e.deployment.all()).map(|v| v.artifact);
        artifacts.find(|a| !self.is_ready(*a))
    }

    /// Lets time go on to `until`, for at most `most` requests.
    pub fn run_to(&mut self, until: VirtualTime, most: u64) -> Progress {
        let mut left = most;
        if let Some(artifact) = self.awaited_skewed() {
            return Progress::WaitsFor(artifact);
        }
        // A bandit may begin while the models are still being asked; time goes on only once they have answered.
        if self.bandit().is_some_and(LiveBandit::awaits_truth) {
            self.tell_bandit_the_truth();
        }
        loop {
            let transition = self.plane.next_transition();
            let (change, scaling) = (self.faults.next_change(self.now()), self.plane.next_scaling());
            let hour = self.ledger.day.as_ref().map_or(VirtualTime::END, |d| d.ends);
            let check = self.guardrails.next_check;
            let batch = self.bandit().map_or(VirtualTime::END, LiveBandit::next);
            let stop = until.min(transition).min(change).min(scaling).min(hour).min(check).min(batch);
            if self.now() < stop {
                let Self { simulation, table, ledger, capture, guardrails, .. } = self;
                let did = simulation.run(stop, left, table, &mut |r| {
                    ledger.record(r);
                    capture.record(r);
                    guardrails.harm.record(r, table);
                });
                self.settle_capture();
                left -= did.min(left);
                if left == 0 && self.now() < stop {
                    self.judge();
                    return Progress::OutOfBudget;
                }
            }
            if hour <= stop {
                self.plane.bill(hour);
                if let Some(day) = &mut self.ledger.day {
                    day.close(self.plane.cost_usd());
                }
            } else if scaling <= stop {
                // Before a transition of the same moment: the minute that has ended was served by what was there then.
                self.scale();
            } else if change <= stop {
                // Before a transition of the same moment: it decides how that ends.
                self.apply_faults();
            } else if check <= stop {
                // Before what else happens at that moment: an alarm that rings as a bake ends still calls it back.
                self.check_alarms();
                self.judge();
            } else if batch <= stop {
                self.ask_bandit();
                self.judge();
            } else if transition <= until {
                if let Some(artifact) = self.awaited() {
                    return Progress::WaitsFor(artifact);
                }
                let changes = self.plane.advance(transition);
                self.carry_out(changes);
                self.judge();
            } else {
                let now = self.now();
                self.plane.advance(now);
                self.ledger.metrics.advance(now);
                self.judge();
                return Progress::Reached;
            }
        }
    }

    /// Lets autoscaling decide, at a full minute.
    fn scale(&mut self) {
        let now = self.now();
        self.ledger.metrics.advance(now);
        let metrics = &self.ledger.metrics;
        let minute = now.minute().saturating_sub(1);
        self.plane.scale(now, |endpoint, variant| {
            let sum = |metric| {
                metrics.of_minute(endpoint, variant, (metric, Statistic::Sum), minute).unwrap_or(0.0)
            };
            MinuteLoad {
                invocations: sum(Metric::Invocations),
                per_instance: sum(Metric::InvocationsPerInstance),
            }
        });
    }

    /// Lets those faults hold, and only those, that are due now.
    pub(super) fn apply_faults(&mut self) {
        let now = self.now();
        self.faults.forget(now);
        for (fleet, (_, variant)) in &self.fleet_variants {
            // Only fleets that still take requests can be ill.
            let _ = self.simulation.set_faults(*fleet, &self.faults.of(*fleet, variant, now));
        }
        self.plane.set_unhealthy(self.faults.unhealthy(now));
    }

    /// Does to the fleets what the control plane ordered.
    pub(super) fn carry_out(&mut self, changes: Vec<FleetChange>) {
        let now = self.now();
        for change in changes {
            match change {
                FleetChange::Launch(order) => self.launch(order),
                FleetChange::Resize { fleet, instances } => {
                    // The control plane only resizes fleets that it launched, to counts that it checked.
                    let _ = self.simulation.resize(fleet, instances);
                    self.ledger.metrics.resize(fleet, instances, now);
                }
                FleetChange::Retire(fleet) => {
                    let _ = self.simulation.retire(fleet);
                    self.ledger.metrics.retire(fleet, now);
                }
                FleetChange::Route(name) => {
                    self.route(&name);
                    if self
                        .plane
                        .endpoint(name.as_str())
                        .is_some_and(|e| e.status == EndpointStatus::InService)
                    {
                        self.changes.in_effect(name.as_str(), now);
                    }
                }
            }
        }
        self.freeze_tests();
        self.guardrails.follow(&self.plane, now);
    }

    /// Closes the minutes that have ended, so that alarms can read them.
    pub(super) fn advance_metrics(&mut self, now: VirtualTime) {
        self.ledger.metrics.advance(now);
    }

    /// Lets the control plane look at the metrics.
    pub(super) fn observe(&mut self, now: VirtualTime) -> Vec<FleetChange> {
        self.plane.observe(&self.ledger.metrics, now)
    }

    fn launch(&mut self, order: FleetOrder) {
        let spec = order.instance_type.spec();
        let hardware = FleetHardware {
            vcpus: spec.vcpus,
            memory_gib: spec.memory_gib,
            gpus: spec.gpus,
            model_bytes: card(order.artifact).size_bytes,
            container_ns: (self.service.container_us * spec.service_factor * 1e3) as u64,
        };
        self.ledger.metrics.register(
            order.fleet,
            &order.endpoint,
            &order.variant,
            hardware,
            order.instances,
            self.now(),
        );
        self.ledger.metrics.watch_fleet(
            order.fleet,
            &order.endpoint,
            &order.variant,
            &order.config,
            order.production,
        );
        let fleet = FleetSpec {
            strategy: order.strategy,
            service: self.service,
            ..FleetSpec::new(order.variant.clone(), order.artifact, order.instance_type, order.instances)
        };
        let _ = self.simulation.launch(order.fleet, fleet);
        self.faults.configs.insert(order.fleet, order.config);
        let ill = self.faults.of(order.fleet, &order.variant, self.now());
        let _ = self.simulation.set_faults(order.fleet, &ill);
        let dense = order.fleet.0 as usize + 1;
        if self.ledger.fleets.len() < dense {
            self.ledger.fleets.resize_with(dense, FleetTally::default);
        }
        self.fleet_variants.insert(order.fleet, (order.endpoint, order.variant));
    }

    fn route(&mut self, name: &EndpointName) {
        self.compile_routes(name);
        self.viewed.clear();
        self.follow_test();
    }

    /// Moves the weights of an endpoint for its bandit: nothing that anybody called for.
    pub(super) fn shift_weights(&mut self, name: &str, weights: &[VariantWeight]) {
        // The endpoint is in service, and no policy leaves every variant without traffic.
        if self.plane.shift_weights(name, weights, self.now()).is_ok()
            && let Some(name) = self.plane.endpoint(name).map(|e| e.name.clone())
        {
            self.compile_routes(&name);
        }
    }

    fn compile_routes(&mut self, name: &EndpointName) {
        let split = self.plane.endpoint(name.as_str()).and_then(|e| e.split().map(|_| e));
        self.capture.follow(name.as_str(), split);
        match split {
            Some(endpoint) => {
                let shadows = endpoint.shadow_routes();
                let router =
                    Router::new(endpoint.routes(), name.as_str()).ok().map(|r| r.with_shadows(shadows));
                self.called = Some(name.clone());
                let _ = self.simulation.set_routes(router);
            }
            None if self.called.as_ref() == Some(name) => {
                self.called = None;
                let _ = self.simulation.set_routes(None);
            }
            None => {}
        }
    }

    /// What was changed on an endpoint, by time.
    pub fn changes(&self, endpoint: &str) -> Vec<Change> {
        self.changes.of(endpoint)
    }

    /// Does an action now.
    ///
    /// # Errors
    /// [`Refusal`] with the service's words, or the lab's; nothing has changed then.
    pub fn act(&mut self, action: &LabAction) -> Result<Value, Refusal> {
        let now = self.now();
        let outcome = self.update(action)?;
        self.changes.act(action, now);
        self.judge();
        Ok(outcome)
    }

    fn update(&mut self, action: &LabAction) -> Result<Value, Refusal> {
        match action {
            LabAction::Call(command) => {
                let changes = self.plane.execute(command, self.now())?;
                self.carry_out(changes);
                self.tests_listed |= matches!(command, Command::ListInferenceExperiments(_));
                return Ok(reply_to(command, &self.plane));
            }
            LabAction::OpenSession => self.session_open = true,
            LabAction::FetchArtifact(artifact) => self.fetched[artifact.index()] = true,
            LabAction::ReadSignature(artifact) => self.signatures_read[artifact.index()] = true,
            LabAction::ReadInferenceCode => self.code_read = true,
            LabAction::RetrieveImage { scope, instance_type } => {
                let image = ContainerImage::retrieve(*scope, instance_type.spec().gpus > 0);
                let reply = json!(image.as_str());
                self.image = Some((*scope, image));
                return Ok(reply);
            }
            LabAction::Guess { prompt, value } => {
                if !value.is_finite() {
                    return Err(Refusal::lab_rule(format!("a guess is a number, but this is {value}")));
                }
                self.guesses.retain(|(p, _)| p != prompt);
                self.guesses.push((*prompt, *value));
            }
            LabAction::Invoke { endpoint_name, texts, target_variant } => {
                return self.invoke_texts(endpoint_name, texts, target_variant.as_deref());
            }
            LabAction::InvokeSample { endpoint_name, count, target_variant } => {
                return self.invoke_sample(endpoint_name, *count, target_variant.as_deref());
            }
            LabAction::DryRunAlarm(input) => return self.dry_run(input),
            LabAction::CompareRollouts { endpoint_name, endpoint_config_name, alarm_names, minutes } => {
                return self.compare_rollouts(endpoint_name, endpoint_config_name, alarm_names, *minutes);
            }
            LabAction::SetShadowRule(rule) => self.plane.set_shadow_rule(*rule),
            LabAction::InjectFault { variant, fault, starts_in_s, lasts_s } => {
                let name = self.known_variant(variant)?;
                let starts_in_s = starts_in_s.unwrap_or(0);
                let id = self.faults.inject(self.now(), name, None, *fault, starts_in_s, *lasts_s)?;
                self.apply_faults();
                return Ok(json!({"FaultId": id}));
            }
            LabAction::BreakVersion { endpoint_config_name, fault, lasts_s } => {
                return self.break_version(endpoint_config_name, *fault, *lasts_s);
            }
            LabAction::ClearFaults { id } => {
                self.faults.clear(*id)?;
                self.apply_faults();
            }
            LabAction::Decide { promote } => self.decide(*promote)?,
            LabAction::Exercise { exercise, settings } => return self.exercise(*exercise, settings),
            LabAction::SetTraffic(settings) => {
                self.simulation.set_traffic(*settings).map_err(Refusal::lab_rule)?;
            }
            LabAction::SetPace(pace) => {
                if let Pace::Times(times) = pace
                    && !(*times > 0.0 && *times <= MAX_PACE)
                {
                    let limit = format!("the pace must be above 0 and at most {MAX_PACE}, but is {times}");
                    return Err(Refusal::lab_rule(limit));
                }
                self.pace = *pace;
            }
            LabAction::Step { duration_ns } => {
                let expected = self.simulation.traffic().per_second * *duration_ns as f64 / SECOND_NS as f64;
                if expected > MAX_STEP_REQUESTS {
                    return Err(Refusal::lab_rule(format!(
                        "a step may simulate about {MAX_STEP_REQUESTS} requests, but this one holds {expected:.0}; step less far, or let time run"
                    )));
                }
                let until = self.now() + std::time::Duration::from_nanos(*duration_ns);
                self.run_to(until, u64::MAX);
            }
            LabAction::ViewMetric { metric, statistic } => {
                if !self.viewed.contains(&(*metric, *statistic)) {
                    self.viewed.push((*metric, *statistic));
                }
            }
            LabAction::TrackDeployment => {
                let endpoint = self.plane.endpoints().filter(|e| e.name.as_str() != LEFTOVER_ENDPOINT).last();
                let endpoint = endpoint
                    .ok_or_else(|| Refusal::lab_rule("there is no endpoint to log yet; create it first"))?;
                let parameters = vec![
                    ("endpoint_name".to_owned(), endpoint.name.to_string()),
                    ("endpoint_config_name".to_owned(), endpoint.config.to_string()),
                ];
                let row = LineageRow {
                    created: self.now(),
                    component: "deploy".into(),
                    parameters,
                    accuracy: None,
                };
                self.lineage.push(row);
                self.lineage_read = false;
            }
            LabAction::ReadLineage => self.lineage_read = true,
            LabAction::StateCost { artifact, base_us, per_token_us } => {
                let cost = ServiceCost { base_us: *base_us, per_token_us: *per_token_us };
                let sound = |us: f64| (0.0..=1e7).contains(&us);
                if !sound(cost.base_us) || !sound(cost.per_token_us) {
                    return Err(Refusal::lab_rule(format!(
                        "a cost must be in 0 to 10,000,000 µs, but is {cost:?}"
                    )));
                }
                self.table.set_cost(*artifact, cost);
            }
            LabAction::ReadDisagreement(review) => {
                let mut all = self.ledger.pairs.iter().flat_map(|p| p.pairs.disagreements());
                if !all.any(|d| d.review == *review) {
                    return Err(Refusal::lab_rule(format!(
                        "production and shadow never disagreed on review {}; open one of the list",
                        review.0
                    )));
                }
                self.disagreement_read = true;
            }
            LabAction::Label { row, stars } => self.label(*row, *stars)?,
        }
        Ok(Value::Null)
    }

    /// Notes how many stars a sentence of the learner's has: the variant that answered it is right or wrong by that.
    ///
    /// A test that runs does not read it: which sentences are labelled is the learner's choice, no draw.
    fn label(&mut self, row: usize, stars: Stars) -> Result<(), Refusal> {
        let batch = self.batches.iter_mut().rev().find(|b| b.own_words);
        let found = batch.and_then(|b| b.rows.get_mut(row).map(|row| (&b.endpoint, row)));
        let (endpoint, row) =
            found.ok_or_else(|| Refusal::lab_rule("there is no such sentence to label; send one first"))?;
        let before = row.true_stars.replace(stars);
        // The first fleet of that name, always: another label finds the tally that holds the one before.
        let fleet = self
            .fleet_variants
            .iter()
            .find(|(_, (e, v))| e.as_str() == endpoint && v.as_str() == row.variant)
            .and_then(|(fleet, _)| self.ledger.fleets.get_mut(fleet.0 as usize));
        if let (Some(fleet), Some(answer)) = (fleet, row.predicted) {
            if let Some(before) = before {
                fleet.tally.unlabel(before, answer);
            }
            fleet.tally.label(stars, answer);
        }
        Ok(())
    }

    /// The variant of that name, of any endpoint or configuration.
    fn known_variant(&self, name: &str) -> Result<VariantName, Refusal> {
        let configured = self.plane.configs().flat_map(|c| c.variants()).map(|v| &v.variant_name);
        let live = self.plane.endpoints().filter(|e| e.name.as_str() != LEFTOVER_ENDPOINT);
        let live = live.flat_map(|e| e.deployment.all()).map(|v| &v.name);
        let mut known: Vec<&VariantName> = configured.chain(live).collect();
        known.sort();
        known.dedup();
        let found = known.iter().find(|v| v.as_str() == name).map(|v| (*v).clone());
        found.ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|v| v.as_str()).collect();
            Refusal::lab_rule(format!(
                "there is no variant {name}; configurations and endpoints have: {}",
                if names.is_empty() { "none yet".to_owned() } else { names.join(", ") }
            ))
        })
    }

    /// The endpoint and fleet that a request by hand goes to; no fleet where the weights decide.
    fn target(&self, endpoint: &str, variant: Option<&str>) -> Result<Option<FleetId>, Refusal> {
        let found = self.plane.endpoint(endpoint).filter(|e| e.status.serves());
        let found = found.ok_or_else(|| {
            Refusal::runtime(format!("Endpoint {endpoint} of account 123456789012 not found."))
        })?;
        if self.called.as_ref() != Some(&found.name) {
            return Err(Refusal::lab_rule(format!(
                "endpoint {endpoint} gets no requests in this lab; send them to the one that was deployed last"
            )));
        }
        let Some(variant) = variant else { return Ok(None) };
        // While a new fleet takes over, a variant's name means the old one until the new one has all the traffic.
        let variants = &found.in_charge().variants;
        let target = variants.iter().find(|v| v.name.as_str() == variant).map(|v| v.fleet);
        target.map(Some).ok_or_else(|| {
            let names: Vec<_> = found.variants().iter().map(|v| v.name.as_str()).collect();
            Refusal::runtime(format!(
                "Variant {variant} not found in endpoint {endpoint}; it has {}. (The lab's words: the service's are not public.)",
                names.join(", ")
            ))
        })
    }

    fn invoke_texts(
        &mut self,
        endpoint: &str,
        texts: &[String],
        target: Option<&str>,
    ) -> Result<Value, Refusal> {
        let target = self.target(endpoint, target)?;
        if texts.is_empty() || texts.len() > MAX_BATCH as usize {
            let n = texts.len();
            return Err(Refusal::lab_rule(format!("send 1 to {MAX_BATCH} sentences at a time, not {n}")));
        }
        if let Some(long) = texts.iter().find(|t| t.len() > MAX_BODY_BYTES) {
            let n = long.len();
            return Err(Refusal::runtime(format!(
                "a body may have {MAX_BODY_BYTES} bytes, but this one has {n}"
            )));
        }
        self.prepare_texts(texts);
        let place = |t: &String| self.own_texts.iter().find(|o| o.text == *t).map(|o| o.review);
        let reviews: Vec<ReviewId> = texts.iter().filter_map(place).collect();
        self.send(endpoint, &reviews, target, true)
    }

    fn invoke_sample(&mut self, endpoint: &str, count: u32, target: Option<&str>) -> Result<Value, Refusal> {
        let target = self.target(endpoint, target)?;
        if !(1..=MAX_BATCH).contains(&count) {
            return Err(Refusal::lab_rule(format!("send 1 to {MAX_BATCH} reviews at a time, not {count}")));
        }
        let reviews: Vec<ReviewId> = (0..count).filter_map(|_| self.simulation.sample_review()).collect();
        self.send(endpoint, &reviews, target, false)
    }

    /// Sends requests one after another, as a loop in a notebook does: each waits for the reply to the last.
    fn send(
        &mut self,
        endpoint: &str,
        reviews: &[ReviewId],
        target: Option<FleetId>,
        own_words: bool,
    ) -> Result<Value, Refusal> {
        if let Some(artifact) = self.awaited_skewed() {
            return Err(Refusal::lab_rule(format!(
                "{artifact} is still being asked what it makes of the skewed input; try again in a moment"
            )));
        }
        let sent = self.now();
        let live = self
            .called_endpoint()
            .map_or(0, |e| e.variants().iter().filter(|v| v.current_weight.get() > 0.0).count());
        let shares = self.called_endpoint().map(|e| {
            let split = e.split();
            let share = |i| split.as_ref().map_or(0.0, |s| s.share(i));
            e.variants().iter().enumerate().map(|(i, v)| (v.name.to_string(), share(i))).collect()
        });
        let mut rows = Vec::with_capacity(reviews.len());
        for &review in reviews {
            // The user is nobody in particular: a notebook, which a sticky split puts in one place.
            let mut copies = Vec::new();
            let sent = self.simulation.invoke(review, 0, target, &self.table, &mut |c| copies.push(*c));
            let record = sent.map_err(Refusal::runtime)?;
            for record in std::iter::once(&record).chain(&copies) {
                self.ledger.record(record);
                self.capture.record(record);
                self.guardrails.harm.record(record, &self.table);
            }
            self.settle_capture();
            rows.push(self.row(&record));
            self.run_to(record.end() + std::time::Duration::from_nanos(THINK_NS), u64::MAX);
        }
        let reply = json!({"Rows": rows.len()});
        let endpoint = endpoint.to_owned();
        self.keep_batch(Batch { sent, endpoint, own_words, rows, shares: shares.unwrap_or_default() }, live);
        Ok(reply)
    }

    /// Keeps a batch that was sent while `live` variants had traffic.
    pub(super) fn keep_batch(&mut self, batch: Batch, live: usize) {
        self.batches.push(batch);
        self.batch_live.push(live);
        if self.batches.len() > BATCHES_KEPT {
            self.batches.remove(0);
            self.batch_live.remove(0);
        }
    }

    fn row(&self, record: &InvocationRecord) -> BatchRow {
        let artifact = self.simulation.fleet(record.fleet).map(|f| f.artifact);
        let prediction: Option<&Prediction> =
            artifact.filter(|_| record.status.is_answered()).and_then(|a| {
                if self.simulation.is_skewed(record.fleet) {
                    self.table.skewed_prediction(a, record.review)
                } else {
                    self.table.prediction(a, record.review)
                }
            });
        BatchRow {
            text: self.text(record.review).unwrap_or_default().to_owned(),
            true_stars: record.true_stars,
            predicted: record.predicted,
            probabilities: prediction.map(|p| p.probabilities.map(f64::from).to_vec()).unwrap_or_default(),
            variant: self.fleet_variants.get(&record.fleet).map(|(_, v)| v.to_string()).unwrap_or_default(),
            status: record.status,
            model_latency_us: record.model_latency_ns() as f64 / 1e3,
            overhead_us: record.overhead_ns as f64 / 1e3,
        }
    }

    /// Marks the steps whose goals are met: in order, and once and for all.
    pub(super) fn judge(&mut self) {
        let tasks = lessons::tasks(self.lab);
        while let Some(next) = self.done.iter().position(|d| !d) {
            if !goal::judge(&tasks[next].goal, self).done {
                break;
            }
            self.done[next] = true;
        }
    }

    /// How each step of the lesson stands.
    pub fn steps(&self) -> Vec<StepState> {
        let tasks = lessons::tasks(self.lab);
        let state = |(step, done): (&super::Task, &bool)| {
            let verdict = if *done { goal::Verdict::done() } else { goal::judge(&step.goal, self) };
            StepState {
                id: step.id.to_owned(),
                done: *done,
                missing: if *done { String::new() } else { verdict.missing },
                fraction: verdict.fraction,
            }
        };
        tasks.iter().zip(&self.done).map(state).collect()
    }

    /// Whether a goal is met now, in any order.
    pub fn meets(&self, goal: &Goal) -> bool {
        goal::judge(goal, self).done
    }

    /// A fresh experiment for a journal.
    pub fn for_journal(journal: &Journal) -> Self {
        Self::new(journal.lab, journal.seed)
    }
}

impl Tally {
    /// Notes the true stars of an answer.
    fn label(&mut self, truth: Stars, answer: Stars) {
        self.labelled += 1;
        self.correct += u64::from(truth == answer);
        self.star_error_sum += u64::from(truth.distance(answer));
        self.confusion[truth.index()][answer.index()] += 1;
    }

    /// Takes back what was noted so.
    fn unlabel(&mut self, truth: Stars, answer: Stars) {
        self.labelled = self.labelled.saturating_sub(1);
        self.correct = self.correct.saturating_sub(u64::from(truth == answer));
        self.star_error_sum = self.star_error_sum.saturating_sub(u64::from(truth.distance(answer)));
        let cell = &mut self.confusion[truth.index()][answer.index()];
        *cell = cell.saturating_sub(1);
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.invocations += other.invocations;
        self.errors_4xx += other.errors_4xx;
        self.errors_5xx += other.errors_5xx;
        self.labelled += other.labelled;
        self.correct += other.correct;
        self.star_error_sum += other.star_error_sum;
        self.model_latency_sum_ns += other.model_latency_sum_ns;
        for (ours, theirs) in self.confusion.iter_mut().flatten().zip(other.confusion.iter().flatten()) {
            *ours += theirs;
        }
    }
}
