//! Labs on decisions: the test that runs, the exercises beside it, and the memo at the end.
//!
//! An [`Exercise`] takes numbers and gives a [`Board`]: everything that is computed or put into words is computed here,
//! so that the page needs one form and one board for all of them. A test's looks, a replay and a race are functions of
//! seed, actions and their moments, as all of the lab's state.

mod bandit;
mod board;
mod exercise;
mod furniture;
mod memo;
mod play;
mod running;
mod universes;

pub use bandit::BanditView;
pub(super) use bandit::LiveBandit;
use bandit::{Arm, BanditPlan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use board::{Board, Chart, Curve, Dots, Role};
pub use exercise::{Exercise, Setting};
pub(super) use furniture::furniture;
pub use memo::{Document, Memo};
pub(super) use running::RunningTest;
pub use running::{Assessment, Reading, TestPlan};
use universes::{Universes, World};

use super::{Experiment, Refusal, goal::Verdict as Judged};
use crate::{
    analysis::{
        evidence::{Outcome, Unit, difference, fixed_estimate},
        metrics::{Metric, SeriesQuery, Statistic},
        verdict::State,
    },
    controller::EndpointStatus,
    domain::{Artifact, FleetId, ReviewId, SECOND_NS},
    simulation::{DomainMix, Fault, Sampler},
};

/// Replays, and requests of each, that show how often a reading errs.
const UNIVERSES_WANTED: (usize, u64) = (100, 2_000);
/// Variants that an endpoint may have, and so arms of a bandit.
const ARMS_MOST: usize = 10;
/// Variant that the lab on misleading numbers spoils, and how: rarely, and badly then.
pub(super) const SPIKY: (&str, Fault) =
    ("VariantB", Fault::LatencySpikes { probability: 0.03, extra_ms: 60.0 });

/// What a step of these labs asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DecideGoal {
    /// A plan was noted that gives B this share, in percent, and finds five points or less with 80% power.
    Planned(f64),
    /// A test runs that is read like this.
    Started(Reading),
    /// The test has reached its planned end.
    RanToEnd,
    /// The test has come to a verdict.
    Concluded,
    /// The test was replayed in at least 100 universes, with B the same model as A, or another.
    Replayed {
        /// B is the same model.
        same: bool,
    },
    /// The endpoint serves this configuration.
    Serves(&'static str),
    /// So many peeks were paid for, or one of them crossed the bound.
    Peeked(usize),
    /// The paired test was run with at most 1,000 requests.
    PairedTried,
    /// The policies raced, in a world that changes, or does not.
    Raced {
        /// It changes.
        changing: bool,
    },
    /// A bandit that routes has seen so many outcomes.
    RoutedByBandit(u64),
    /// Before and after differed, though nothing had changed but the hour.
    Fooled,
    /// Whole days were compared, and the difference was gone.
    Honest,
    /// The property was found that the split differs by.
    Cut,
    /// The culprit was named.
    Named,
    /// The variant was named that keeps callers waiting.
    SlowerNamed,
    /// A memo was signed.
    Signed,
}

/// What the snapshot says of all this; boards are asked for when the version changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecideView {
    /// Changes whenever a board does.
    pub version: u64,
    /// Where the running test stands.
    pub assessment: Option<Assessment>,
    /// Universes done and asked for, while a replay is under way.
    pub replay: Option<(u64, u64)>,
    /// The bandit that routes.
    pub bandit: Option<BanditView>,
    /// A memo was signed.
    pub signed: bool,
}

/// What was done in these labs.
#[derive(Clone, Debug, Default)]
pub(super) struct Decisions {
    universes: Option<Box<Universes>>,
    boards: Vec<(Exercise, Board)>,
    planned: Vec<Vec<f64>>,
    replayed: [bool; 2],
    paired: bool,
    raced: [bool; 2],
    fooled: bool,
    honest: bool,
    /// A bit for each property that was cut by.
    cuts: u8,
    accused: Vec<usize>,
    slower: bool,
    memo: Option<Memo>,
    acts: u64,
}

impl Decisions {
    fn show(&mut self, exercise: Exercise, board: Board) {
        self.boards.retain(|(of, _)| *of != exercise);
        self.boards.push((exercise, board));
    }
}

impl Experiment {
    /// Does an exercise.
    pub(super) fn exercise(&mut self, exercise: Exercise, settings: &[f64]) -> Result<Value, Refusal> {
        let s = exercise.checked(settings)?;
        let seed = self.seed;
        match exercise {
            Exercise::Plan => {
                play::requests_planned(s).map_err(Refusal::lab_rule)?;
                self.decisions.planned.push(s.to_vec());
                self.decisions.show(exercise, play::plan(s));
            }
            Exercise::StartTest => self.start_test(s)?,
            Exercise::Peek => {
                let test = self.test_mut().ok_or_else(no_test)?;
                test.peek()?;
            }
            Exercise::Universes => {
                let world = self.world(s[0] == 0.0)?;
                self.decisions.universes = Some(Box::new(Universes::new(world, s[0] == 0.0, s, seed)));
            }
            Exercise::StopUniverses => {
                if self.decisions.universes.take().is_none() {
                    return Err(Refusal::lab_rule("no replay is under way"));
                }
            }
            Exercise::Paired => {
                self.decisions.paired |= s[3] <= 1_000.0;
                self.decisions.show(exercise, play::paired(s, seed));
            }
            Exercise::Bandits => {
                let world = self.world(false)?;
                self.decisions.raced[usize::from(s[0] == 1.0)] = true;
                let board = play::bandits(s, &world, self.corpus(), seed);
                self.decisions.show(exercise, board);
            }
            Exercise::RouteByBandit => self.route_by_bandit(BanditPlan::from_settings(s))?,
            Exercise::StopBandit => {
                let bandit = self.bandit_mut().filter(|b| b.routes());
                bandit.ok_or_else(|| Refusal::lab_rule("no bandit routes"))?.end("it was told to");
            }
            Exercise::BeforeAfter => {
                let world = self.world(false)?;
                let done =
                    play::before_after(s, &world.right, self.corpus(), seed).map_err(Refusal::lab_rule)?;
                let away = |d: [f64; 3]| d[1] > 0.0 || d[2] < 0.0;
                let (lie, truth, same) = (away(done.before_after), away(done.concurrent), s[0] == 0.0);
                self.decisions.fooled |= same && lie && !truth;
                self.decisions.honest |= same && !lie && s[2] >= 24.0;
                self.decisions.show(exercise, done.board);
            }
            Exercise::Slice => {
                self.decisions.cuts |= 1 << (s[0] as u8);
                self.decisions.show(exercise, play::slice(s[0] as usize, seed));
            }
            Exercise::Accuse => {
                if self.decisions.cuts == 0 {
                    return Err(Refusal::lab_rule(
                        "cut the requests by a property first, and look who is hit",
                    ));
                }
                self.decisions.accused.push(s[0] as usize);
                let right = s[0] as usize == play::culprit(seed);
                let tries = self.decisions.accused.len();
                let words = if right {
                    format!(
                        "Right, at attempt {tries}. Mend that, and start again with new requests: those that are lost do not come back."
                    )
                } else {
                    "No: that would show in one group alone, and spare the others. Cut by what it would hit."
                        .to_owned()
                };
                self.decisions.show(exercise, Board::says(words));
            }
            Exercise::Slower => {
                let right = s[0] == 1.0;
                self.decisions.slower |= right;
                let words = if right {
                    "VariantB it is: one caller in about 33 waits over 60 ms there. The sum counts requests, the average \
                     spreads the wait over all; only a high percentile shows who waits."
                } else {
                    "Look again: which row would a caller feel?"
                };
                self.decisions.show(exercise, Board::says(words));
            }
            Exercise::Memo => {
                let memo = self.memo()?;
                self.decisions.memo = Some(memo);
            }
        }
        self.decisions.acts += 1;
        Ok(json!({}))
    }

    /// Artefacts whose answers an exercise needs beside those that serve.
    pub fn needed_by(&self, exercise: Exercise) -> Vec<Artifact> {
        match exercise {
            Exercise::Universes | Exercise::Bandits | Exercise::BeforeAfter => {
                vec![self.first_artifact(), Artifact::B]
            }
            Exercise::RouteByBandit => {
                let mut serving: Vec<Artifact> = self
                    .called_endpoint()
                    .into_iter()
                    .flat_map(|e| e.variants())
                    .map(|v| v.artifact)
                    .collect();
                serving.sort();
                serving.dedup();
                serving
            }
            _ => Vec::new(),
        }
    }

    fn first_artifact(&self) -> Artifact {
        self.called_endpoint().and_then(|e| e.variants().first()).map_or(Artifact::A, |v| v.artifact)
    }

    /// The requests of this lab's traffic, and which models are right on them.
    fn world(&self, same: bool) -> Result<World, Refusal> {
        let a = self.first_artifact();
        let b = if same { a } else { Artifact::B };
        for artifact in [a, b] {
            if !self.is_ready(artifact) {
                return Err(Refusal::lab_rule(format!(
                    "{artifact} is still being asked what it makes of the reviews; try again in a moment"
                )));
            }
        }
        let traffic = self.simulation.traffic();
        let is_right = |artifact, id: usize| {
            let truth = self.corpus().reviews().get(id).and_then(|r| r.stars);
            let answer = self.table().prediction(artifact, ReviewId(id as u32)).map(|p| p.stars);
            u8::from(truth.is_some() && truth == answer)
        };
        if !self.corpus().own().is_empty() && self.corpus().own().iter().any(|r| r.stars.is_none()) {
            return Err(Refusal::lab_rule(
                "some of your reviews have no stars, so nobody knows who is right on them; send the lab's own reviews",
            ));
        }
        let split = self.called_endpoint().filter(|e| e.variants().len() == 2).map_or(0.5, |e| {
            let share = e.share(e.variants()[1].fleet);
            if share > 0.0 && share < 1.0 { share } else { 0.5 }
        });
        Ok(World {
            sampler: Sampler::new(self.corpus(), &traffic.star_mix, &traffic.domain_mix),
            right: (0..self.corpus().reviews().len())
                .map(|id| is_right(a, id) | is_right(b, id) << 1)
                .collect(),
            to_b: (split * 18_446_744_073_709_551_616.0) as u64,
        })
    }

    /// Lets a bandit move the weights of the endpoint that the clients call.
    fn route_by_bandit(&mut self, plan: BanditPlan) -> Result<(), Refusal> {
        let serving = self.called_endpoint().filter(|e| e.status == EndpointStatus::InService);
        let Some(endpoint) = serving.filter(|e| (2..=ARMS_MOST).contains(&e.variants().len())) else {
            return Err(Refusal::lab_rule(format!(
                "a bandit chooses among two to {ARMS_MOST} variants of an endpoint that is in service; deploy one"
            )));
        };
        let arms = endpoint.variants().iter().map(|v| Arm::new(v.fleet, v.name.to_string(), v.artifact));
        let weights = endpoint.variants().iter().map(|v| v.current_weight).collect();
        let bandit = LiveBandit::start(plan, endpoint.name.clone(), arms.collect(), weights, self.now());
        if let Some(test) = self.test_mut() {
            test.adapt();
        }
        self.set_bandit(bandit);
        self.tell_bandit_the_truth();
        Ok(())
    }

    /// Says on which reviews each model earns the reward, where the answers of the models decide that.
    pub(super) fn tell_bandit_the_truth(&mut self) {
        let Some(bandit) = self.bandit().filter(|b| b.routes()) else { return };
        // A model on skewed input gives other answers.
        let told = if bandit.asks_for_truth() && !self.needs_skewed() {
            let most_off = u8::from(bandit.plan.reward == Outcome::WithinOneStar);
            let earns = |artifact, id: usize| {
                let truth = self.corpus().reviews().get(id).and_then(|r| r.stars)?;
                let answer = self.table().prediction(artifact, ReviewId(id as u32))?.stars;
                Some(u16::from(truth.distance(answer) <= most_off))
            };
            let bits = |id| {
                let each = bandit.arms.iter().enumerate();
                each.map(|(i, arm)| earns(arm.artifact, id).map(|bit| bit << i)).sum::<Option<u16>>()
            };
            // The learner's own reviews are asked about later, and their stars may be missing: there it is unknown.
            (0..self.corpus().built_in_len()).map(bits).collect::<Option<Vec<_>>>().unwrap_or_default()
        } else {
            Vec::new()
        };
        if let Some(bandit) = self.bandit_mut() {
            bandit.set_truth(told);
        }
    }

    /// Lets the bandit end a batch: it moves the weights, unless somebody else has.
    pub(super) fn ask_bandit(&mut self) {
        let now = self.now();
        if self.needs_skewed() {
            self.tell_bandit_the_truth();
        }
        let Some(bandit) = self.bandit().filter(|b| b.routes()) else { return };
        let name = bandit.endpoint.to_string();
        let end = match self.control_plane().endpoint(&name) {
            None => Some("its endpoint is gone"),
            Some(e) if !e.variants().iter().map(|v| v.fleet).eq(bandit.arms.iter().map(|a| a.fleet)) => {
                Some("other variants serve")
            }
            Some(e)
                if !e.variants().iter().map(|v| v.desired_weight).eq(bandit.weights().iter().copied()) =>
            {
                Some("a call has changed the weights")
            }
            Some(_) => None,
        };
        let free =
            self.control_plane().endpoint(&name).is_some_and(|e| e.status == EndpointStatus::InService);
        let Some(bandit) = self.bandit_mut() else { return };
        if let Some(why) = end {
            bandit.end(why);
            return;
        }
        // Amid a change of capacity the weights wait for the next batch.
        let weights = if free { bandit.next_weights(now) } else { bandit.wait(now) };
        if let Some(weights) = weights {
            self.shift_weights(&name, &weights);
        }
    }

    fn start_test(&mut self, s: &[f64]) -> Result<(), Refusal> {
        let plan = TestPlan::from_settings(s);
        if let Some(bandit) = self.bandit().filter(|b| b.routes()) {
            return Err(Refusal::lab_rule(bandit.refusal()));
        }
        if plan.unit == Unit::User && !self.simulation.traffic().sticky {
            return Err(Refusal::lab_rule(
                "users are no units while each request is routed anew; let users stay with their variant first (Traffic)",
            ));
        }
        let serving = self.called_endpoint().filter(|e| e.status.serves());
        let routes: Vec<_> = serving
            .iter()
            .flat_map(|e| e.variants())
            .filter(|v| v.current_weight.get() > 0.0)
            .map(|v| (v.fleet, v.name.to_string(), v.current_weight.get()))
            .collect();
        let [(a, name_a, weight_a), (b, name_b, weight_b)] = &routes[..] else {
            return Err(Refusal::lab_rule(format!(
                "a test compares two variants with traffic, but {} serve; deploy two",
                routes.len()
            )));
        };
        let sum = weight_a + weight_b;
        let weights = [weight_a / sum, weight_b / sum];
        let test = RunningTest::start(plan, [name_a.clone(), name_b.clone()], [*a, *b], weights, self.now())
            .map_err(Refusal::lab_rule)?;
        self.set_test(test);
        self.decisions.memo = None;
        Ok(())
    }

    /// Tells the running test what is routed now.
    pub(super) fn follow_test(&mut self) {
        let now = self.now();
        let routes: Vec<(FleetId, f64)> = self
            .called_endpoint()
            .into_iter()
            .flat_map(|e| e.routes())
            .map(|(fleet, _, weight)| (fleet, weight.get()))
            .collect();
        if let Some(test) = self.test_mut() {
            test.follow(&routes, now);
        }
    }

    /// Whether universes are left to be gone through.
    pub fn has_replay(&self) -> bool {
        self.decisions.universes.as_ref().is_some_and(|u| !u.is_done())
    }

    /// Goes through universes, about `most` requests of them and at least one universe.
    pub fn go_on_with_replay(&mut self, most: u64) {
        let Some(mut universes) = self.decisions.universes.take() else { return };
        let mut left = most.max(universes.cost());
        while !universes.is_done() && left >= universes.cost() {
            universes.step(self.corpus());
            left -= universes.cost();
        }
        let enough = universes.done.len() >= UNIVERSES_WANTED.0 && universes.requests >= UNIVERSES_WANTED.1;
        let done = universes.is_done();
        if done && enough {
            self.decisions.replayed[usize::from(universes.same)] = true;
        }
        self.decisions.universes = Some(universes);
        if done {
            self.judge();
        }
    }

    /// What the snapshot says of the decisions.
    pub(super) fn decide_view(&self) -> DecideView {
        let (d, test) = (&self.decisions, self.test());
        let replay = d.universes.as_ref().filter(|u| !u.is_done()).map(|u| (u.done.len() as u64, u.of));
        let universes = d.universes.as_ref().map_or(0, |u| u.done.len() as u64);
        let bandit = self.bandit();
        DecideView {
            version: d.acts * 1_000_000
                + test.map_or(0, RunningTest::looks)
                + universes
                + bandit.map_or(0, LiveBandit::version),
            bandit: bandit.and_then(LiveBandit::view),
            assessment: test.map(RunningTest::assessment),
            replay,
            signed: d.memo.is_some(),
        }
    }

    /// A panel's content. Settings count for what follows them while they are typed.
    pub fn board(&self, exercise: Exercise, settings: &[f64]) -> Board {
        let shown =
            |of: Exercise| self.decisions.boards.iter().find(|(e, _)| *e == of).map(|(_, b)| b.clone());
        match exercise {
            Exercise::Plan => match exercise.checked(settings) {
                Ok(s) => play::plan(s),
                Err(refusal) => Board::says(refusal.message),
            },
            Exercise::StartTest => match (self.test(), self.bandit().filter(|b| b.routes())) {
                (Some(test), _) => test.board(),
                (None, Some(bandit)) => bandit.refusing_board(),
                (None, None) => Board::says(
                    "No test runs. Choose what decides before the first request is counted, then start it.",
                ),
            },
            Exercise::RouteByBandit | Exercise::StopBandit => {
                self.bandit().map_or_else(Board::default, LiveBandit::board)
            }
            Exercise::Peek => self.test().map_or_else(
                || Board::says("No test runs: start one that is read from a purse."),
                RunningTest::purse_board,
            ),
            Exercise::Universes | Exercise::StopUniverses => {
                self.decisions.universes.as_ref().map_or_else(Board::default, |u| u.board())
            }
            Exercise::Slower => self.latencies(shown(exercise)),
            Exercise::Memo => self.memo_board(),
            _ => shown(exercise).unwrap_or_default(),
        }
    }

    /// The same latencies by four statistics, and what was said of them.
    fn latencies(&self, said: Option<Board>) -> Board {
        let mut board = said.unwrap_or_default();
        let Some(endpoint) = self.called_endpoint() else { return board };
        let minutes = self.now().as_ns() / (60 * SECOND_NS) + 1;
        let statistics =
            [Statistic::Sum, Statistic::Average, Statistic::Percentile(50.0), Statistic::Percentile(99.0)];
        let mut rows: Vec<Vec<String>> = Vec::new();
        for statistic in statistics {
            let query = SeriesQuery {
                metric: Metric::ModelLatency,
                statistic,
                period_s: minutes * 60,
                start_s: 0,
                end_s: minutes * 60,
            };
            let Ok(series) = self.series(endpoint.name.as_str(), &query) else { continue };
            if rows.is_empty() {
                let names = series.iter().map(|(name, _)| name.clone());
                rows.push(std::iter::once("ModelLatency, ms".to_owned()).chain(names).collect());
            }
            let value = |(_, points): &(String, Vec<crate::analysis::metrics::Datapoint>)| {
                points.last().map_or("no request yet".to_owned(), |p| match p.value / 1e3 {
                    ms if ms >= 1e3 => board::count(ms as u64),
                    ms => format!("{ms:.2}"),
                })
            };
            rows.push(std::iter::once(statistic.to_string()).chain(series.iter().map(value)).collect());
        }
        board.table = rows;
        board
    }

    fn memo(&self) -> Result<Memo, Refusal> {
        let test = self.test().ok_or_else(no_test)?;
        if !test.is_over() {
            return Err(Refusal::lab_rule(format!(
                "the test is pending, and a memo states a verdict. {}",
                test.verdict.next
            )));
        }
        let mut configuration = Vec::new();
        if let Some(endpoint) = self.called_endpoint() {
            configuration.push((
                "Endpoint".to_owned(),
                format!("{}, configuration {}", endpoint.name, endpoint.config),
            ));
            for v in endpoint.variants() {
                configuration.push((
                    format!("Variant {}", v.name),
                    format!(
                        "{} of {}, {} \u{d7} {}, weight {}",
                        v.model,
                        v.artifact,
                        v.current_count,
                        v.instance_type,
                        v.current_weight.get()
                    ),
                ));
            }
        }
        let traffic = self.simulation.traffic();
        let DomainMix { clothing, food, software } = traffic.domain_mix;
        configuration.push((
            "Traffic".to_owned(),
            format!(
                "{} requests a second; clothing, food, software {clothing} : {food} : {software}; {}",
                traffic.per_second,
                if traffic.sticky { "users stay with their variant" } else { "each request is routed anew" }
            ),
        ));
        let mut method =
            vec![format!("Chosen at {}, before the first request: {}.", test.began, test.plan_words())];
        method.extend(test.verdict.assumptions.iter().cloned());
        if !self.corpus().own().is_empty() {
            method.push("The reviews were the learner's own: a replay needs the same file.".to_owned());
        }
        let mut numbers = vec![("Requests".to_owned(), test.counts_words())];
        numbers.extend(test.means());
        numbers.extend(test.verdict.findings.iter().map(|f| (f.state.word().to_owned(), f.sentence.clone())));
        let [a, b] = &test.evidence;
        let mut exact = vec![
            ("requests of A".to_owned(), a.requests() as f64),
            ("requests of B".to_owned(), b.requests() as f64),
        ];
        for outcome in Outcome::ALL {
            if let Ok((d, v)) = difference(a, b, outcome) {
                exact.push((format!("{}: B less A", outcome.name()), d));
                exact.push((format!("{}: squared error", outcome.name()), v));
            }
            if let Ok(e) = fixed_estimate(a, b, outcome, test.plan.alpha) {
                exact.push((format!("{}: p of a fixed test", outcome.name()), e.p));
            }
        }
        Ok(Memo {
            lab: self.lab,
            seed: self.seed,
            signed: self.now(),
            configuration,
            method,
            numbers,
            exact,
            state: test.verdict.state,
            because: test.verdict.because.clone(),
            next: test.verdict.next.clone(),
        })
    }

    /// The memo that was signed.
    pub fn signed_memo(&self) -> Option<&Memo> {
        self.decisions.memo.as_ref()
    }

    fn memo_board(&self) -> Board {
        let Some(memo) = &self.decisions.memo else {
            return Board::says(
                "Nothing is signed yet. A memo can be signed once the test has come to a verdict.",
            );
        };
        let mut board = Board {
            state: Some(memo.state),
            headline: memo.because.clone(),
            words: std::iter::once(memo.next.clone()).chain(memo.method.iter().cloned()).collect(),
            ..Board::default()
        };
        board.fact("Lab and seed", format!("{}, {}", memo.lab.slug(), memo.seed));
        board.fact("Signed", format!("at {} of virtual time", memo.signed));
        board.facts.extend(memo.configuration.iter().chain(&memo.numbers).cloned());
        board
    }
}

fn no_test() -> Refusal {
    Refusal::lab_rule("no test runs; choose what decides and start one first")
}

/// How a goal of these labs stands.
pub(super) fn judge(goal: DecideGoal, e: &Experiment) -> Judged {
    let (d, test) = (&e.decisions, e.test());
    match goal {
        DecideGoal::Planned(share) => {
            let fits = |s: &Vec<f64>| {
                (s[2] - share).abs() <= 0.5 && s[1].abs() <= 5.0 && s[5] >= 80.0 && s[4] <= 5.0
            };
            let missing = format!(
                "no plan was noted that gives B {share}% and finds five points or less with 80% power at 5% false alarms"
            );
            Judged::when(d.planned.iter().any(fits), missing)
        }
        DecideGoal::Started(reading) => {
            let of_purse = |r: Reading| r.design().is_some();
            let runs = test
                .is_some_and(|t| t.plan.reading == reading || of_purse(t.plan.reading) && of_purse(reading));
            Judged::when(runs, "no test runs that is read as asked")
        }
        DecideGoal::RanToEnd => match test {
            Some(t) => Judged::counted(t.n().min(t.plan.planned_n), t.plan.planned_n, "requests counted"),
            None => Judged::when(false, "no test runs"),
        },
        DecideGoal::Concluded => match test {
            Some(t) if t.verdict.state == State::Error => Judged::when(false, t.verdict.because.clone()),
            Some(t) if t.is_over() => Judged::done(),
            Some(t) => Judged::counted(
                t.n().min(t.plan.planned_n - 1),
                t.plan.planned_n,
                "requests at most until a verdict",
            ),
            None => Judged::when(false, "no test runs"),
        },
        DecideGoal::Replayed { same } => {
            let missing = match d.universes.as_ref().filter(|u| u.same == same && !u.is_done()) {
                Some(u) => format!("{} of {} universes", u.done.len(), u.of),
                None if same => "not replayed with the same model in both variants yet".to_owned(),
                None => "not replayed with stars-b as B yet".to_owned(),
            };
            Judged::when(d.replayed[usize::from(same)], missing)
        }
        DecideGoal::Serves(config) => {
            let serves = e.called_endpoint().is_some_and(|found| {
                found.config.as_str() == config && found.status == EndpointStatus::InService
            });
            Judged::when(serves, format!("no endpoint serves {config} yet"))
        }
        DecideGoal::Peeked(times) => match test {
            Some(t) if t.peeks.iter().any(running::Peek::crossed) => Judged::done(),
            Some(t) => Judged::counted(t.peeks.len() as u64, times as u64, "peeks"),
            None => Judged::when(false, "no test runs"),
        },
        DecideGoal::PairedTried => Judged::when(d.paired, "not run with at most 1,000 requests yet"),
        DecideGoal::Raced { changing } => {
            let missing = if changing {
                "no race in a world that changes yet"
            } else {
                "no race in a steady world yet"
            };
            Judged::when(d.raced[usize::from(changing)], missing)
        }
        DecideGoal::RoutedByBandit(n) => match e.bandit() {
            Some(bandit) => Judged::counted(bandit.n().min(n), n, "outcomes seen by the bandit"),
            None => Judged::when(false, "no bandit routes"),
        },
        DecideGoal::Fooled => Judged::when(
            d.fooled,
            "with the same model on both sides, before and after do not differ yet by more than chance",
        ),
        DecideGoal::Honest => {
            Judged::when(d.honest, "not compared over 24 hours on each side yet, with the same model")
        }
        DecideGoal::Cut => Judged::when(
            d.cuts >> play::culprit(e.seed) & 1 == 1,
            "not cut yet by the property that the mismatch sits in",
        ),
        DecideGoal::Named => Judged::when(
            d.accused.contains(&play::culprit(e.seed)),
            if d.accused.is_empty() { "nobody was accused yet" } else { "it was not them" },
        ),
        DecideGoal::SlowerNamed => Judged::when(d.slower, "not answered rightly yet"),
        DecideGoal::Signed => Judged::when(d.memo.is_some(), "nothing is signed yet"),
    }
}
