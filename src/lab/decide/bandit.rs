//! A bandit that routes the lab's traffic: the outcomes so far move the weights, batch by batch.
//!
//! The policy is `analysis`'s, the weights are the controller's, the draws the simulation's: here the three meet. What
//! a batch is shared out by follows from the records before it, so a replay routes every request alike.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::board::{Board, Chart, Curve, Role, count, percent};
use crate::{
    analysis::{
        CannotTell,
        bandit::{Policy, regret},
        bayes::{BetaPosterior, probability_best},
        evidence::{Conversion, Outcome},
        proportions::Proportion,
        verdict::State,
    },
    domain::{Artifact, EndpointName, FleetId, InvocationRecord, VariantWeight, VirtualTime},
};

/// Moments that are kept for the drawings; beyond, every other one goes.
const MOMENTS_KEPT: usize = 200;
/// Shares are whole ten-thousandths: weights that a reader can read.
const FINEST_SHARE: f64 = 10_000.0;
/// Share of the requests so far that must be new before weights move again: less would not show in them, and a day at
/// full speed stays quick.
const LEAST_NEWS: f64 = 0.01;

/// What a request earns.
const REWARDS: [Outcome; 4] = [Outcome::Right, Outcome::WithinOneStar, Outcome::Errors, Outcome::Conversion];

/// What is chosen before a bandit routes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BanditPlan {
    pub policy: Policy,
    pub reward: Outcome,
    pub conversion: Conversion,
    pub every: Duration,
}

impl BanditPlan {
    /// From the settings of the exercise, which were checked.
    pub fn from_settings(s: &[f64]) -> Self {
        let at = |i: usize| s.get(i).copied().unwrap_or_default();
        Self {
            policy: match at(0) as usize {
                0 => Policy::Thompson,
                1 => Policy::Ucb1,
                _ => Policy::EpsilonGreedy { epsilon: at(3) / 100.0 },
            },
            reward: REWARDS.get(at(1) as usize).copied().unwrap_or(Outcome::Right),
            every: Duration::from_secs_f64(at(2)),
            conversion: Conversion { within_ms: at(4), stars_off: at(5) as u8 },
        }
    }

    /// Whether a request earned; none where nobody knows. A request that failed earned nothing.
    fn earned(&self, r: &InvocationRecord) -> Option<bool> {
        let answered = r.status.is_answered();
        if self.reward == Outcome::Errors {
            return Some(answered);
        }
        let truth = r.true_stars?;
        let Some(off) = r.predicted.filter(|_| answered).map(|p| p.distance(truth)) else {
            return Some(false);
        };
        Some(match self.reward {
            Outcome::WithinOneStar => off <= 1,
            Outcome::Conversion => {
                off <= self.conversion.stars_off
                    && r.model_latency_ns() as f64 * 1e-6 <= self.conversion.within_ms
            }
            _ => off == 0,
        })
    }

    const fn reward_name(&self) -> &'static str {
        match self.reward {
            Outcome::Errors => "answers without error",
            other => other.name(),
        }
    }
}

/// A variant that the bandit may choose.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    pub fleet: FleetId,
    pub name: String,
    pub artifact: Artifact,
    pub outcomes: Proportion,
    /// Requests whose model would have earned, of all that were sent to whomever.
    would_earn: u64,
}

impl Arm {
    pub fn new(fleet: FleetId, name: String, artifact: Artifact) -> Self {
        Self { fleet, name, artifact, outcomes: Proportion::default(), would_earn: 0 }
    }
}

/// What is known at the end of a batch.
#[derive(Clone, Debug, PartialEq)]
struct Moment {
    n: u64,
    /// Rewards lost so far, and what an even split would have lost.
    lost: Option<[f64; 2]>,
    /// Share of the next batch, by arm.
    shares: Vec<f64>,
}

/// What the snapshot says of a bandit that routes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BanditView {
    /// The endpoint whose traffic it routes.
    pub endpoint: String,
    /// Its policy.
    pub policy: String,
    /// Requests that it has routed and whose outcome is known.
    pub n: u64,
}

/// A bandit under way, or one that has ended.
#[derive(Clone, Debug)]
pub(in crate::lab) struct LiveBandit {
    pub(super) plan: BanditPlan,
    pub(super) endpoint: EndpointName,
    pub(super) arms: Vec<Arm>,
    /// By review: a bit for each arm whose model earns on it. Empty where that says nothing of the reward.
    truth: Vec<u16>,
    judged: u64,
    /// Requests that failed: the models' answers are not all there is to know then.
    failed: u64,
    /// Weights in force, as they were set.
    weights: Vec<VariantWeight>,
    /// Requests at the last change of weights, and at the last batch's end.
    moved_at: u64,
    batch_from: u64,
    /// When the batch ends.
    next: VirtualTime,
    moments: Vec<Moment>,
    stride: u64,
    batches: u64,
    ended: Option<String>,
}

impl LiveBandit {
    pub(super) fn start(
        plan: BanditPlan,
        endpoint: EndpointName,
        arms: Vec<Arm>,
        weights: Vec<VariantWeight>,
        now: VirtualTime,
    ) -> Self {
        Self {
            plan,
            endpoint,
            arms,
            truth: Vec::new(),
            judged: 0,
            failed: 0,
            weights,
            moved_at: 0,
            batch_from: 0,
            next: now + plan.every,
            moments: Vec::new(),
            stride: 1,
            batches: 0,
            ended: None,
        }
    }

    /// Whether the models' answers alone say what a request earns, were nothing to fail.
    pub(super) fn asks_for_truth(&self) -> bool {
        matches!(self.plan.reward, Outcome::Right | Outcome::WithinOneStar)
    }

    /// Whether the truth is not told yet, and still may be: no outcome has come.
    pub fn awaits_truth(&self) -> bool {
        self.routes() && self.asks_for_truth() && self.truth.is_empty() && self.n() == 0
    }

    /// Says on which reviews each arm's model earns, a bit for each arm. What was counted by other reviews goes on
    /// counting.
    pub(super) fn set_truth(&mut self, truth: Vec<u16>) {
        self.truth = truth;
    }

    /// Takes in a caller's request.
    #[inline]
    pub fn record(&mut self, r: &InvocationRecord) {
        if self.ended.is_some() {
            return;
        }
        let Some(arm) = self.arms.iter_mut().find(|arm| arm.fleet == r.fleet) else { return };
        self.failed += u64::from(!r.status.is_answered());
        let Some(earned) = self.plan.earned(r) else { return };
        arm.outcomes.record(earned);
        if let Some(bits) = self.truth.get(r.review.0 as usize) {
            self.judged += 1;
            for (i, arm) in self.arms.iter_mut().enumerate() {
                arm.would_earn += u64::from(bits >> i & 1);
            }
        }
    }

    /// Requests whose outcome is known.
    pub(super) fn n(&self) -> u64 {
        self.arms.iter().map(|arm| arm.outcomes.n()).sum()
    }

    /// When it is to be asked next; the end of time once it has ended.
    pub fn next(&self) -> VirtualTime {
        if self.ended.is_some() { VirtualTime::END } else { self.next }
    }

    pub(super) fn routes(&self) -> bool {
        self.ended.is_none()
    }

    pub(super) fn end(&mut self, why: impl Into<String>) {
        self.ended.get_or_insert(why.into());
        self.batches += 1;
    }

    /// Counts up with everything that a board would show.
    pub(super) fn version(&self) -> u64 {
        self.batches
    }

    pub(super) fn weights(&self) -> &[VariantWeight] {
        &self.weights
    }

    /// Ends a batch: the weights of the next one; none where too little is new, and they stay.
    pub(super) fn next_weights(&mut self, now: VirtualTime) -> Option<Vec<VariantWeight>> {
        self.next = now + self.plan.every;
        let n = self.n();
        let batch = (n - self.batch_from).max(1);
        self.batch_from = n;
        let news = n - self.moved_at;
        if news == 0 || (news as f64) < LEAST_NEWS * n as f64 {
            return None;
        }
        let arms: Vec<Proportion> = self.arms.iter().map(|arm| arm.outcomes).collect();
        // Settings were checked and there is an arm, so a policy always has an answer.
        let shares = self.plan.policy.shares(&arms, batch).ok()?;
        let weights: Option<Vec<VariantWeight>> = shares
            .iter()
            .map(|s| VariantWeight::new((s * FINEST_SHARE).round() / FINEST_SHARE).ok())
            .collect();
        let weights = weights.filter(|w| w.iter().any(|w| w.get() > 0.0))?;
        self.moved_at = n;
        self.note(n, shares);
        self.weights.clone_from(&weights);
        Some(weights)
    }

    /// Lets a batch go on while nothing may be moved.
    pub(super) fn wait(&mut self, now: VirtualTime) -> Option<Vec<VariantWeight>> {
        self.next = now + self.plan.every;
        None
    }

    fn note(&mut self, n: u64, shares: Vec<f64>) {
        self.batches += 1;
        if !self.batches.is_multiple_of(self.stride) && !self.moments.is_empty() {
            return;
        }
        let lost = self.lost();
        self.moments.push(Moment { n, lost, shares });
        if self.moments.len() >= MOMENTS_KEPT {
            let mut place = 0;
            self.moments.retain(|_| {
                place += 1;
                place % 2 == 0
            });
            self.stride *= 2;
        }
    }

    /// Whether the simulator knows what each variant earns: by the answers of its model, while nothing fails.
    fn knows_truth(&self) -> bool {
        self.judged > 0 && self.judged == self.n() && self.failed == 0
    }

    /// Rewards that a request earns at each arm: in truth where that is known, else by what was seen.
    fn rates(&self) -> Option<Vec<f64>> {
        if self.knows_truth() {
            return Some(self.arms.iter().map(|a| a.would_earn as f64 / self.judged as f64).collect());
        }
        self.arms.iter().map(|a| a.outcomes.share().ok()).collect()
    }

    /// Rewards lost against the best arm, by the bandit and by an even split; none before each arm was met.
    fn lost(&self) -> Option<[f64; 2]> {
        let rates = self.rates()?;
        let pulls: Vec<u64> = self.arms.iter().map(|a| a.outcomes.n()).collect();
        let own = regret(&pulls, &rates).ok()?;
        let once = regret(&vec![1; rates.len()], &rates).ok()?;
        Some([own, once / rates.len() as f64 * self.n() as f64])
    }

    pub(super) fn view(&self) -> Option<BanditView> {
        self.routes().then(|| BanditView {
            endpoint: self.endpoint.to_string(),
            policy: self.plan.policy.name().to_owned(),
            n: self.n(),
        })
    }

    /// Why a test may not read what this bandit routed, as a test says it.
    pub(super) fn refusal(&self) -> String {
        format!(
            "{} routes {}: {}. Stop it, and start the test on weights that stay",
            self.plan.policy.name(),
            self.endpoint,
            CannotTell::AdaptiveAllocation
        )
    }

    /// What the panel of the test says while this routes and no test runs.
    pub(super) fn refusing_board(&self) -> Board {
        Board { state: Some(State::Error), ..Board::says(format!("No test may start: {}.", self.refusal())) }
    }

    /// What its own panel shows.
    pub(super) fn board(&self) -> Board {
        let n = self.n();
        let name = self.plan.policy.name();
        let reward = self.plan.reward_name();
        let mut board = Board::says(match &self.ended {
            Some(why) => format!("{name} has stopped: {why}. The weights stay as it left them."),
            None if n == 0 => format!("{name} routes. It waits for the first outcome."),
            None => format!("{name} routes, and has seen {} outcomes.", count(n)),
        });
        board.words.push(
            "A lab rule: SageMaker has no such routing. Who runs a bandit on it moves the weights by \
             UpdateEndpointWeightsAndCapacities, or names a TargetVariant with each request."
                .to_owned(),
        );
        board.words.push(format!(
            "Assumes: {reward} are known as soon as a request has ended. Feedback that comes late makes batches longer."
        ));
        if let Some([own, even]) = self.lost() {
            let each = own / n.max(1) as f64;
            board.fact("Lost so far", format!("{own:.1} {reward}, {:.2} in 100 requests", each * 100.0));
            board.fact("An even split would have lost", format!("{even:.1}"));
            board.fact(
                "Measured against",
                if self.knows_truth() {
                    "the best variant in truth, which only a simulator knows"
                } else if self.asks_for_truth() && self.failed > 0 {
                    "the best estimate: requests failed, so the models' answers are not all there is"
                } else {
                    "the best estimate, as one would have to outside a simulator"
                },
            );
        } else {
            board.fact("Lost so far", "cannot tell yet: not every variant has an outcome");
        }
        board
            .table
            .push(["Variant", "Weight now", "Outcomes", "Rewarded", "P(best)"].map(str::to_owned).to_vec());
        let best = self.probabilities();
        for (i, arm) in self.arms.iter().enumerate() {
            board.table.push(vec![
                arm.name.clone(),
                self.weights.get(i).map_or_else(String::new, |w| format!("{:.4}", w.get())),
                count(arm.outcomes.n()),
                arm.outcomes.share().map_or_else(|_| "cannot tell yet".to_owned(), percent),
                best.as_ref()
                    .and_then(|p| p.get(i))
                    .map_or_else(|| "cannot tell yet".to_owned(), |p| format!("{p:.3}")),
            ]);
        }
        board.fact("A fixed test on these counts", format!("refused: {}", CannotTell::AdaptiveAllocation));
        board.chart = self.chart_of_shares();
        board.second = self.chart_of_regret();
        board
    }

    fn probabilities(&self) -> Option<Vec<f64>> {
        if self.n() == 0 {
            return None;
        }
        let posteriors: Result<Vec<_>, _> =
            self.arms.iter().map(|a| BetaPosterior::after(1.0, 1.0, &a.outcomes)).collect();
        probability_best(&posteriors.ok()?).ok()
    }

    fn chart_of_shares(&self) -> Option<Chart> {
        let last = self.moments.last()?;
        let curve = |(i, arm): (usize, &Arm)| Curve {
            name: arm.name.clone(),
            role: Role::Peer(i as u8),
            points: self
                .moments
                .iter()
                .filter_map(|m| m.shares.get(i).map(|s| [m.n as f64, s * 100.0, s * 100.0, s * 100.0]))
                .collect(),
        };
        let ends = self.arms.iter().zip(&last.shares).map(|(arm, s)| format!("{} {}", arm.name, percent(*s)));
        Some(Chart {
            title: "Share of the traffic, by variant".to_owned(),
            x: "outcomes".to_owned(),
            y: "%".to_owned(),
            curves: self.arms.iter().enumerate().map(curve).collect(),
            marks: Vec::new(),
            words: format!(
                "After {} outcomes the next requests go to {}.",
                count(last.n),
                ends.collect::<Vec<_>>().join(", ")
            ),
        })
    }

    fn chart_of_regret(&self) -> Option<Chart> {
        let known: Vec<(u64, [f64; 2])> =
            self.moments.iter().filter_map(|m| m.lost.map(|lost| (m.n, lost))).collect();
        let (n, [own, even]) = *known.last()?;
        let points = |which: usize| {
            known
                .iter()
                .map(|(n, lost)| [*n as f64, lost[which], lost[which], lost[which]])
                .collect::<Vec<_>>()
        };
        let name = self.plan.policy.name();
        Some(Chart {
            title: format!("Regret: {} lost", self.plan.reward_name()),
            x: "outcomes".to_owned(),
            y: String::new(),
            marks: Vec::new(),
            words: format!("After {} outcomes {name} has lost {own:.1}, an even split {even:.1}.", count(n)),
            curves: vec![
                Curve { name: "even split".to_owned(), role: Role::Contrast, points: points(1) },
                Curve { name: name.to_owned(), role: Role::Peer(1), points: points(0) },
            ],
        })
    }
}
