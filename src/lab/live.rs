//! A lab over endpoints that really serve: the control plane and the records come from a server, the time as well.
//!
//! Lessons, goals, progress and metrics are the same as over simulated endpoints; nothing is simulated here.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    Batch, BatchRow, Exercise, Experiment, LabAction, LabId, Refusal, TrafficSettings, experiment::MAX_BATCH,
};
use crate::{
    analysis::pairs::CopyCounts,
    controller::{ControlPlane, EndpointStatus},
    domain::{Command, FleetId, InvocationRecord, ReviewId, SECOND_NS, Stars, VirtualTime},
};

/// Requests whose copies may still come.
const ORIGINALS: usize = 4_096;

/// What a lab over real endpoints holds beside the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// The newest requests by number, so that a copy finds the one that it was made of.
    originals: BTreeMap<u64, InvocationRecord>,
    order: VecDeque<u64>,
    /// Totals by fleet, as the server counts them.
    totals: BTreeMap<FleetId, LiveTotals>,
    /// What each fleet had done in the frames of the last seconds.
    lately: BTreeMap<FleetId, VecDeque<Moment>>,
}

/// A fleet's totals at a moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: VirtualTime,
    invocations: u64,
    model_ns: f64,
}

/// Time over which requests per second are counted.
const LATELY: Duration = Duration::from_secs(10);

/// What a fleet did since it was launched, as the server counts it: records may be a sample, these are not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LiveTotals {
    /// Invocations.
    pub invocations: u64,
    /// Of these, 4xx.
    pub errors_4xx: u64,
    /// Of these, 5xx.
    pub errors_5xx: u64,
    /// Model latency of those that were answered, summed, ns.
    pub model_latency_sum_ns: f64,
    /// They are copies for a shadow variant.
    pub copies: bool,
    /// Copies that were dropped for want of room, beside the invocations.
    pub dropped: u64,
}

impl Live {
    fn note(&mut self, fleet: FleetId, totals: Moment) {
        let lately = self.lately.entry(fleet).or_default();
        // After a kill the last seconds may not have been written down.
        if lately.back().is_some_and(|before| before.invocations > totals.invocations) {
            lately.clear();
        }
        lately.push_back(totals);
        // The oldest that is kept is the last one before the ten seconds began.
        while lately.get(1).is_some_and(|m| totals.at.since(m.at) >= LATELY) {
            lately.pop_front();
        }
    }

    /// By how much a total of a fleet grew in a second, over the last ten.
    fn rate(&self, fleet: FleetId, of: impl Fn(&Moment) -> f64) -> f64 {
        let ends = self.lately.get(&fleet).and_then(|all| Some((all.front()?, all.back()?)));
        ends.map_or(0.0, |(from, to)| {
            let seconds = to.at.since(from.at).as_secs_f64();
            if seconds > 0.0 { (of(to) - of(from)).max(0.0) / seconds } else { 0.0 }
        })
    }
}

impl Experiment {
    /// A lab at its beginning, over a server's endpoints. What other labs find furnished is not there: the account is
    /// the server's.
    pub fn live(lab: LabId, seed: u64) -> Self {
        let mut experiment = Self::new(lab, seed);
        let gone = ControlPlane::default().changes_since(&experiment.plane);
        experiment.plane = ControlPlane::default();
        experiment.carry_out(gone);
        experiment.live = Some(Box::default());
        experiment
    }

    /// Takes the server's control plane as it is at `now`. Moments never run backwards: an earlier `now` is taken for
    /// the latest one.
    pub fn adopt(&mut self, plane: ControlPlane, now: VirtualTime) {
        self.go_to_live(now);
        let changes = plane.changes_since(&self.plane);
        self.plane = plane;
        self.carry_out(changes);
        self.judge();
    }

    /// Takes records of the server, in the order of their ends, with which `now` is reached.
    ///
    /// A copy is paired with its original where that is among the last 4,096.
    pub fn observe_live(&mut self, records: &[InvocationRecord], now: VirtualTime) {
        // A request's record may come after that of its copy.
        let mut sorted: Vec<&InvocationRecord> = records.iter().collect();
        sorted.sort_by_key(|r| (r.copy, r.id));
        for record in sorted {
            let Some(live) = &mut self.live else { return };
            if record.copy {
                if let Some(original) = live.originals.get(&record.id).copied() {
                    self.ledger.last = Some(original);
                }
            } else {
                if live.order.len() == ORIGINALS
                    && let Some(oldest) = live.order.pop_front()
                {
                    live.originals.remove(&oldest);
                }
                live.order.push_back(record.id);
                live.originals.insert(record.id, *record);
            }
            self.ledger.record(record);
        }
        self.go_to_live(now);
        self.judge();
    }

    /// Takes the server's own counts.
    pub fn count_live(&mut self, totals: impl IntoIterator<Item = (FleetId, LiveTotals)>) {
        for (fleet, totals) in totals {
            let Some(tally) = self.ledger.fleets.get_mut(fleet.0 as usize) else { continue };
            let t = &mut tally.tally;
            t.invocations = totals.invocations;
            (t.errors_4xx, t.errors_5xx) = (totals.errors_4xx, totals.errors_5xx);
            t.model_latency_sum_ns = totals.model_latency_sum_ns;
            let now = self.simulation.now();
            if let Some(live) = &mut self.live {
                live.totals.insert(fleet, totals);
                let LiveTotals { invocations, model_latency_sum_ns: model_ns, .. } = totals;
                live.note(fleet, Moment { at: now, invocations, model_ns });
            }
        }
        if let Some(live) = &self.live {
            let asked = || live.totals.values().filter(|t| !t.copies);
            let sum = |of: fn(&LiveTotals) -> u64| asked().map(of).sum::<u64>();
            let failed = sum(|t| t.errors_4xx + t.errors_5xx);
            self.ledger.sent = sum(|t| t.invocations);
            self.ledger.answered = self.ledger.sent - failed;
        }
    }

    /// Notes what the server answered to sentences or sampled reviews that were sent to `endpoint`.
    pub fn add_live_batch(&mut self, endpoint: &str, own_words: bool, rows: Vec<BatchRow>) {
        let sent = self.now();
        self.called = self.plane.endpoint(endpoint).map(|e| e.name.clone()).or(self.called.take());
        let live = self
            .called_endpoint()
            .map_or(0, |e| e.variants().iter().filter(|v| v.current_weight.get() > 0.0).count());
        let shares = self.called_endpoint().map(|e| {
            let split = e.split();
            let share = |i| split.as_ref().map_or(0.0, |s| s.share(i));
            e.variants().iter().enumerate().map(|(i, v)| (v.name.to_string(), share(i))).collect()
        });
        let endpoint = endpoint.to_owned();
        self.keep_batch(Batch { sent, endpoint, own_words, rows, shares: shares.unwrap_or_default() }, live);
        self.judge();
    }

    /// Notes that an action was done at the server, for who reads the metrics; gives the moment.
    pub fn note_live(&mut self, action: &LabAction) -> VirtualTime {
        let now = self.now();
        self.changes.act(action, now);
        if let LabAction::SetTraffic(settings) = action {
            // Shown, not simulated. The server took it, so it is sound.
            let _ = self.simulation.set_traffic(*settings);
        }
        if let LabAction::Call(Command::ListInferenceExperiments(_)) = action {
            self.tests_listed = true;
        }
        self.judge();
        now
    }

    /// Requests per second of a fleet, as the server counted them over the last ten seconds; none over simulated
    /// endpoints.
    pub(super) fn live_per_second(&self, fleet: FleetId) -> Option<f64> {
        Some(self.live.as_ref()?.rate(fleet, |m| m.invocations as f64))
    }

    /// Requests that a fleet had in hand on the average of the last ten seconds, by Little's law; none over simulated
    /// endpoints.
    pub(super) fn live_in_hand(&self, fleet: FleetId) -> Option<f64> {
        Some(self.live.as_ref()?.rate(fleet, |m| m.model_ns) / SECOND_NS as f64)
    }

    /// What became of a shadow's copies since it was launched, as the server counts them; none over simulated endpoints.
    pub(super) fn live_copies(&self, shadow: FleetId) -> Option<CopyCounts> {
        let totals = self.live.as_ref()?.totals.get(&shadow)?;
        let failed = totals.errors_4xx + totals.errors_5xx;
        Some(CopyCounts {
            sent: totals.invocations + totals.dropped,
            answered: totals.invocations.saturating_sub(failed),
            failed,
            dropped: totals.dropped,
        })
    }

    /// A server that was started again numbers its requests anew: no copy belongs to an original of before.
    pub fn begin_anew(&mut self) {
        if let Some(live) = &mut self.live {
            (live.originals, live.order) = Default::default();
        }
    }

    /// Takes the clients that the server plays; none while it plays none.
    pub fn show_traffic(&mut self, playing: Option<TrafficSettings>) {
        let before = *self.simulation.traffic();
        let settings = playing.unwrap_or(TrafficSettings { on: false, ..before });
        if settings != *self.simulation.traffic() {
            // Shown, not simulated; the server has checked it.
            let _ = self.simulation.set_traffic(settings);
        }
    }

    /// Reviews of the lab, drawn as the clients draw them, with their true stars.
    ///
    /// # Errors
    /// [`Refusal`] for a number out of 1 to 1,000.
    pub fn sample_texts(&mut self, count: u32) -> Result<Vec<(String, Option<Stars>)>, Refusal> {
        if !(1..=MAX_BATCH).contains(&count) {
            return Err(Refusal::lab_rule(format!("send 1 to {MAX_BATCH} reviews at a time, not {count}")));
        }
        let drawn: Vec<_> = (0..count).filter_map(|_| self.simulation.sample_review()).collect();
        let corpus = self.corpus();
        Ok(drawn.into_iter().filter_map(|r| corpus.get(r)).map(|r| (r.text.clone(), r.stars)).collect())
    }

    /// The place of a sentence that was sent by hand.
    pub fn review_of(&self, text: &str) -> Option<ReviewId> {
        self.own_texts.iter().find(|o| o.text == text).map(|o| o.review)
    }

    /// Why an action cannot be done over a server's endpoints; none where it can, here or by a call.
    pub fn refuse_live(&self, action: &LabAction) -> Option<Refusal> {
        let why = match action {
            LabAction::SetPace(_) | LabAction::Step { .. } => {
                "time is real in server mode: it cannot be paused or hurried"
            }
            LabAction::InjectFault { .. }
            | LabAction::BreakVersion { .. }
            | LabAction::ClearFaults { .. } => {
                "faults are injected into simulated fleets only; in server mode break an upstream of your own"
            }
            LabAction::CompareRollouts { .. } => {
                "four rollouts of the same requests can only be simulated; open the static page for that"
            }
            LabAction::DryRunAlarm(_) => {
                "a dry run needs the metrics of this lab; in server mode put the alarm and watch it"
            }
            LabAction::SetShadowRule(_) => {
                "the operator of the server decides how many shadows may be: --beyond-sagemaker"
            }
            LabAction::Exercise { exercise: Exercise::RouteByBandit, .. } => {
                "a bandit moves the weights of simulated fleets only; here move them by \
                 UpdateEndpointWeightsAndCapacities"
            }
            LabAction::Decide { .. } => {
                "a blind round hides a fault in simulated fleets; open the static page for that"
            }
            _ => return None,
        };
        Some(Refusal::lab_rule(why))
    }

    /// The endpoint that a batch without a name goes to: the newest that serves.
    pub fn live_endpoint(&self) -> Option<&str> {
        let serving = self.plane.endpoints().filter(|e| e.status.serves());
        serving.max_by_key(|e| e.created).map(|e| e.name.as_str())
    }

    fn go_to_live(&mut self, now: VirtualTime) {
        if now > self.now() {
            self.simulation.idle_until(now);
            self.ledger.metrics.advance(now);
        }
        // A server may hold endpoints that came before the page: the newest that serves is the one called.
        if self.called_endpoint().is_none_or(|e| e.status != EndpointStatus::InService) {
            let name = self.live_endpoint().and_then(|n| self.plane.endpoint(n)).map(|e| e.name.clone());
            if name.is_some() {
                self.called = name;
            }
        }
    }
}
