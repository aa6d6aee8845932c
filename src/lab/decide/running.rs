//! A test of two variants under way: evidence, looks, and what may be concluded.

use serde::{Deserialize, Serialize};

use super::board::{Board, Chart, Curve, Role, count, lasting, percent, range, signed};
use crate::{
    analysis::{
        CannotTell, Interval, Result, Summary,
        bandit::Allocation,
        evidence::{
            Conversion, Outcome, Unit, VariantEvidence, cuped_estimate, difference, fixed_estimate, shown,
        },
        sequential::{
            ConfidenceSequence,
            group::{Boundary, Design, boundaries},
            rate_difference_sequence,
        },
        srm::SequentialSrm,
        verdict::{Estimate, Evidence, Guardrail, Method, Primary, Secondary, State, Verdict, verdict},
    },
    domain::{FleetId, InvocationRecord, VirtualTime},
    lab::Refusal,
};

/// Looks that are kept for the drawing; beyond, every other one goes.
const LOOKS_KEPT: usize = 200;
/// Looks until the planned end.
const LOOKS_PLANNED: u64 = 100;
/// How firmly the split's test believes in the weights, in requests.
const SPLIT_CONCENTRATION: f64 = 10_000.0;
/// Least share of the plan between two peeks: less would buy nothing.
const LEAST_STEP: f64 = 0.01;

/// How a test is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// Once, at the planned end.
    Fixed,
    /// At any time, by a confidence sequence.
    AnyTime,
    /// At peeks that are paid for, dear at first.
    OBrienFleming,
    /// At peeks that are paid for, each about as dear.
    Pocock,
}

impl Reading {
    const ALL: [Self; 4] = [Self::Fixed, Self::AnyTime, Self::OBrienFleming, Self::Pocock];

    const fn words(self) -> &'static str {
        match self {
            Self::Fixed => "read once, at the end",
            Self::AnyTime => "read at any time (confidence sequence)",
            Self::OBrienFleming => "read at peeks, paid for by O'Brien-Fleming spending",
            Self::Pocock => "read at peeks, paid for by Pocock spending",
        }
    }

    /// How a purse spends; none where nothing is spent.
    pub const fn design(self) -> Option<Design> {
        match self {
            Self::OBrienFleming => Some(Design::OBrienFlemingSpending),
            Self::Pocock => Some(Design::PocockSpending),
            Self::Fixed | Self::AnyTime => None,
        }
    }
}

/// What is chosen before a test starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestPlan {
    /// The metric that decides.
    pub primary: Outcome,
    /// How it is read.
    pub reading: Reading,
    /// Requests of both variants at which it ends.
    pub planned_n: u64,
    /// Share of false alarms that is borne.
    pub alpha: f64,
    /// What is randomized.
    pub unit: Unit,
    /// Share of requests by which B may fail more often.
    pub errors_borne: f64,
    /// Milliseconds by which B may be slower.
    pub latency_borne_ms: f64,
    /// What counts as a conversion.
    pub conversion: Conversion,
}

impl TestPlan {
    /// From the settings of the exercise, which were checked.
    pub(super) fn from_settings(s: &[f64]) -> Self {
        let at = |i: usize| s.get(i).copied().unwrap_or_default();
        let place = |i: usize| at(i) as usize;
        Self {
            primary: Outcome::ALL.get(place(0)).copied().unwrap_or(Outcome::Right),
            reading: Reading::ALL.get(place(1)).copied().unwrap_or(Reading::Fixed),
            planned_n: at(2) as u64,
            alpha: at(3) / 100.0,
            unit: if place(4) == 1 { Unit::User } else { Unit::Request },
            errors_borne: at(5) / 100.0,
            latency_borne_ms: at(6),
            conversion: Conversion { within_ms: at(7), stars_off: at(8) as u8 },
        }
    }
}

/// What is known after so many requests.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    n: u64,
    difference: f64,
    /// What all looks so far leave open.
    sequence: Interval,
    /// Of the fixed test, as if this were its end.
    fixed: Interval,
}

/// A look into the purse's test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peek {
    pub n: u64,
    pub z: f64,
    pub boundary: Boundary,
    estimate: Estimate,
}

impl Peek {
    pub fn crossed(&self) -> bool {
        self.boundary.z.is_some_and(|limit| self.z.abs() >= limit)
    }
}

/// Where a test stands, in the snapshot: what else there is to say is asked for as a board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Requests so far, both variants together.
    pub n: u64,
    /// Requests at which it ends.
    pub planned_n: u64,
    /// The verdict.
    pub state: State,
    /// Why, in a sentence.
    pub because: String,
}

/// A test under way.
#[derive(Clone, Debug)]
pub struct RunningTest {
    pub plan: TestPlan,
    pub names: [String; 2],
    pub began: VirtualTime,
    fleets: [FleetId; 2],
    /// Shares of the two alone.
    pub weights: [f64; 2],
    pub evidence: [VariantEvidence; 2],
    split: SequentialSrm,
    sequence: ConfidenceSequence,
    latency: ConfidenceSequence,
    points: Vec<Point>,
    stride: u64,
    next_look: u64,
    pub looked_at: VirtualTime,
    /// Looks at which the fixed test would have alarmed, of all looks.
    naive: (u64, u64),
    pub peeks: Vec<Peek>,
    /// The fixed test at its end, with the rest of what was known there.
    horizon: Option<(u64, Result<Estimate>, Vec<Secondary>)>,
    /// Requests since are not of this test: it has reached its end, or the split was changed.
    closed: bool,
    /// Why that spoils the test: it had come to no verdict yet.
    disturbed: Option<String>,
    /// A bandit began to move the weights before it had come to one.
    allocation: Allocation,
    pub verdict: Verdict,
}

/// Nothing was looked at yet.
const UNSEEN: CannotTell = CannotTell::TooFew { what: "looks", have: 0, need: 1 };

impl RunningTest {
    pub fn start(
        plan: TestPlan,
        names: [String; 2],
        fleets: [FleetId; 2],
        weights: [f64; 2],
        began: VirtualTime,
    ) -> Result<Self> {
        let planned_n = plan.planned_n as f64;
        let evidence = || VariantEvidence::new(plan.primary, plan.unit, plan.conversion);
        let stride = (plan.planned_n / LOOKS_PLANNED).max(1);
        let mut test = Self {
            plan,
            names,
            began,
            fleets,
            weights,
            evidence: [evidence(), evidence()],
            split: SequentialSrm::new(&weights, SPLIT_CONCENTRATION)?,
            sequence: ConfidenceSequence::new(plan.alpha, planned_n)?,
            latency: ConfidenceSequence::new(plan.alpha, planned_n)?,
            points: Vec::new(),
            stride,
            next_look: stride,
            looked_at: began,
            naive: (0, 0),
            peeks: Vec::new(),
            horizon: None,
            closed: false,
            disturbed: None,
            allocation: Allocation::Fixed,
            verdict: Verdict {
                state: State::Pending,
                because: String::new(),
                findings: Vec::new(),
                assumptions: Vec::new(),
                next: String::new(),
            },
        };
        test.judge(Err(UNSEEN.into()), Err(UNSEEN.into()))?;
        Ok(test)
    }

    /// Takes in a caller's request. Looks fall on fixed numbers of requests, so a replay sees the same.
    #[inline]
    pub fn record(&mut self, r: &InvocationRecord) {
        let place = usize::from(r.fleet == self.fleets[1]);
        if r.fleet != self.fleets[place] || self.closed {
            return;
        }
        self.evidence[place].record(r);
        if self.n() >= self.next_look {
            self.look(r.arrival);
        }
    }

    /// Looks and peeks so far.
    pub fn looks(&self) -> u64 {
        self.naive.1 + self.peeks.len() as u64 + u64::from(self.closed)
    }

    /// Requests of both variants.
    pub fn n(&self) -> u64 {
        self.evidence.iter().map(VariantEvidence::requests).sum()
    }

    /// Notes that what is routed now is no longer what the test began with.
    pub fn follow(&mut self, routes: &[(FleetId, f64)], now: VirtualTime) {
        if self.closed {
            return;
        }
        let weight = |fleet| routes.iter().find(|(f, _)| *f == fleet).map_or(0.0, |(_, w)| *w);
        let weights = self.fleets.map(weight);
        let sum: f64 = weights.iter().sum();
        let same = |i: usize| sum > 0.0 && (weights[i] / sum - self.weights[i]).abs() < 1e-9;
        self.closed = !(same(0) && same(1));
        if self.closed && !self.is_over() {
            self.disturbed = Some(format!(
                "the split was changed at {now}; requests before and after do not belong to one test"
            ));
            let _ = self.rejudge();
        }
    }

    /// Notes that a bandit moves the weights from now on: what comes is not of this test, and a test that has come to
    /// no verdict cannot come to one any more.
    pub fn adapt(&mut self) {
        if !self.closed && !self.is_over() {
            self.allocation = Allocation::Adaptive;
        }
        self.closed = true;
        if self.allocation == Allocation::Adaptive {
            let _ = self.rejudge();
        }
    }

    fn look(&mut self, at: VirtualTime) {
        let [a, b] = &self.evidence;
        let (n, primary, alpha) = (self.n(), self.plan.primary, self.plan.alpha);
        self.looked_at = at;
        // Requests at a variant of weight 0 are told by the verdict, which asks again.
        let _ = self.split.look(&[a.requests(), b.requests()]);
        let fixed = fixed_estimate(a, b, primary, alpha);
        let latency = difference(a, b, Outcome::Latency).and_then(|(d, v)| self.latency.look(d, v, n));
        if let (Ok((d, v)), Ok(fixed)) = (difference(a, b, primary), &fixed)
            && self.sequence.look(d, v, n).is_ok()
        {
            self.naive.0 += u64::from(fixed.p <= alpha);
            self.naive.1 += 1;
            let sequence = self.sequence.running().unwrap_or(Interval::EVERYTHING);
            self.points.push(Point { n, difference: d, sequence, fixed: fixed.interval });
        }
        if n >= self.plan.planned_n && self.horizon.is_none() {
            let rest = [Outcome::Right, Outcome::WithinOneStar, Outcome::StarError, Outcome::Conversion];
            let rest = rest.into_iter().filter(|o| *o != primary);
            let p = |o: Outcome| fixed_estimate(a, b, o, alpha).map(|e| e.p);
            let secondary = rest.map(|o| Secondary { name: o.name().to_owned(), p: p(o) }).collect();
            self.horizon = Some((n, fixed, secondary));
        }
        if self.points.len() >= LOOKS_KEPT {
            let mut place = 0;
            self.points.retain(|_| {
                place += 1;
                place % 2 == 0
            });
            self.stride *= 2;
        }
        self.next_look = n + self.stride;
        if n < self.plan.planned_n {
            self.next_look = self.next_look.min(self.plan.planned_n);
        }
        // What comes after the planned end is not of this test, however it is read.
        self.closed |= n >= self.plan.planned_n;
        // What could be wrong with the plan was refused when it was made.
        let _ = self.judge(fixed, latency.map(|look| look.interval));
    }

    fn rejudge(&mut self) -> Result<()> {
        let latency = self.latency.running().ok_or(UNSEEN.into());
        self.judge(Err(UNSEEN.into()), latency)
    }

    /// The primary metric as its method may be read now, and n as the verdict counts it.
    fn primary(&self) -> (Method, Result<Estimate>, u64) {
        let n = self.n();
        match self.plan.reading {
            Reading::Fixed => match &self.horizon {
                // Read once, there; what came after is not looked at.
                Some((at, estimate, _)) => (Method::Fixed, *estimate, (*at).min(self.plan.planned_n)),
                None => (Method::Fixed, Err(UNSEEN.into()), n),
            },
            Reading::AnyTime => {
                let estimate = match (self.sequence.running(), self.points.last()) {
                    (Some(interval), Some(last)) if interval.low <= interval.high => {
                        Ok(Estimate { difference: last.difference, interval, p: self.sequence.running_p() })
                    }
                    (Some(_), Some(last)) => Ok(Estimate {
                        difference: last.difference,
                        interval: last.fixed,
                        p: self.sequence.running_p(),
                    }),
                    _ => Err(UNSEEN.into()),
                };
                (Method::AnytimeValid, estimate, n)
            }
            Reading::OBrienFleming | Reading::Pocock => match self.peeks.last() {
                Some(peek) => (Method::GroupSequential(peek.boundary), Ok(peek.estimate), peek.n),
                None => {
                    let unpaid = Boundary { information: 0.0, z: None, spent_one_sided: 0.0, nominal_p: 0.0 };
                    let unseen = CannotTell::TooFew { what: "peeks", have: 0, need: 1 };
                    (Method::GroupSequential(unpaid), Err(unseen.into()), n)
                }
            },
        }
    }

    fn judge(&mut self, fixed: Result<Estimate>, latency: Result<Interval>) -> Result<()> {
        let plan = &self.plan;
        let [a, b] = &self.evidence;
        let (method, mut estimate, n) = self.primary();
        if matches!((method, &estimate, &fixed), (Method::Fixed, Err(_), Ok(_))) {
            // Before the end the verdict says so itself; the number is there, but it is not read.
            estimate = fixed;
        }
        let mut guardrails = Vec::new();
        if plan.primary != Outcome::Errors {
            let interval = match (a.proportion(Outcome::Errors), b.proportion(Outcome::Errors)) {
                (Some(a), Some(b)) => rate_difference_sequence(a, b, plan.alpha),
                _ => Err(UNSEEN.into()),
            };
            guardrails.push(Guardrail {
                name: Outcome::Errors.name().to_owned(),
                unit: String::new(),
                better: Outcome::Errors.better(),
                margin: plan.errors_borne,
                method: Method::AnytimeValid,
                interval,
            });
        }
        if plan.primary != Outcome::Latency {
            guardrails.push(Guardrail {
                name: Outcome::Latency.name().to_owned(),
                unit: Outcome::Latency.unit().to_owned(),
                better: Outcome::Latency.better(),
                margin: plan.latency_borne_ms,
                method: Method::AnytimeValid,
                interval: latency,
            });
        }
        let secondary = self.horizon.as_ref().map(|(_, _, rest)| rest.clone()).unwrap_or_default();
        let evidence = Evidence {
            alpha: plan.alpha,
            allocation: self.allocation,
            n,
            planned_n: plan.planned_n,
            split: if a.requests() + b.requests() > 0 { Ok(self.split.p()) } else { Err(UNSEEN.into()) },
            guardrails,
            primary: Primary {
                name: plan.primary.name().to_owned(),
                unit: plan.primary.unit().to_owned(),
                better: plan.primary.better(),
                method,
                estimate,
            },
            secondary,
        };
        self.verdict = verdict(&evidence)?;
        if let Some(why) = &self.disturbed {
            self.verdict.state = State::Error;
            self.verdict.because = format!("The test is broken: {why}.");
            self.verdict.next = "Start the test anew, and leave the split alone until it ends.".to_owned();
        }
        Ok(())
    }

    /// Looks into the purse's test and pays for it.
    ///
    /// # Errors
    /// [`Refusal`] where nothing is paid for looks, where the purse is empty, or where too little is new.
    pub fn peek(&mut self) -> std::result::Result<(), Refusal> {
        let Some(design) = self.plan.reading.design() else {
            return Err(Refusal::lab_rule(
                "this test is not read from a purse; start one that is, or read it as it was planned",
            ));
        };
        let n = self.n().min(self.plan.planned_n);
        let information = n as f64 / self.plan.planned_n as f64;
        let before = self.peeks.last().map_or(0.0, |p| p.boundary.information);
        if before >= 1.0 {
            return Err(Refusal::lab_rule("the purse is empty: all of alpha was spent at the planned end"));
        }
        if information < 1.0 && information - before < LEAST_STEP {
            let need = ((before + LEAST_STEP) * self.plan.planned_n as f64).ceil() as u64;
            return Err(Refusal::lab_rule(format!(
                "a peek needs 1% of the planned requests since the last one: wait until there are {}, now there are {}",
                count(need),
                count(n)
            )));
        }
        let [a, b] = &self.evidence;
        let words = |e: crate::analysis::StatisticsError| Refusal::lab_rule(e.to_string());
        let estimate = fixed_estimate(a, b, self.plan.primary, self.plan.alpha).map_err(words)?;
        let (d, v) = difference(a, b, self.plan.primary).map_err(words)?;
        let mut looks: Vec<f64> = self.peeks.iter().map(|p| p.boundary.information).collect();
        looks.push(information);
        let boundary = boundaries(design, &looks, self.plan.alpha).map_err(words)?.pop();
        let Some(boundary) = boundary else { return Err(Refusal::lab_rule("there is no look to pay for")) };
        self.peeks.push(Peek { n: self.n(), z: d / libm::sqrt(v), boundary, estimate });
        self.rejudge().map_err(words)
    }

    pub fn assessment(&self) -> Assessment {
        Assessment {
            n: self.n(),
            planned_n: self.plan.planned_n,
            state: self.verdict.state,
            because: self.verdict.because.clone(),
        }
    }

    /// Whether it was read to its planned end, or decided before, as its method allows.
    pub fn is_over(&self) -> bool {
        self.verdict.state != State::Pending
    }

    fn mean_words(&self, i: usize, outcome: Outcome) -> String {
        let mean = |s: Summary| s.mean();
        match mean(self.evidence[i].summary(outcome)) {
            Ok(share) if outcome.is_share() => format!("{} {}", self.names[i], percent(share)),
            Ok(mean) => format!("{} {mean:.2} {}", self.names[i], outcome.unit()),
            Err(_) => format!("{} cannot tell yet", self.names[i]),
        }
    }

    /// Means of both variants in words, outcome by outcome.
    pub fn means(&self) -> Vec<(String, String)> {
        let row = |o: Outcome| {
            (o.name().to_owned(), format!("{}, {}", self.mean_words(0, o), self.mean_words(1, o)))
        };
        Outcome::ALL.into_iter().map(row).collect()
    }

    /// The counts that the verdict rests on.
    pub fn counts_words(&self) -> String {
        let [a, b] = &self.evidence;
        format!(
            "{} of {} planned: {} {}, {} {}",
            count(self.n()),
            count(self.plan.planned_n),
            self.names[0],
            count(a.requests()),
            self.names[1],
            count(b.requests())
        )
    }

    /// The plan in a sentence.
    pub fn plan_words(&self) -> String {
        let plan = &self.plan;
        format!(
            "{}, {} less {}, {}, at {} false alarms; {} are randomized",
            plan.primary.name(),
            self.names[1],
            self.names[0],
            plan.reading.words(),
            percent(plan.alpha),
            if plan.unit == Unit::User { "users" } else { "requests" },
        )
    }

    /// What the panel beside the test shows.
    pub fn board(&self) -> Board {
        let mut board = Board {
            state: Some(self.verdict.state),
            headline: self.verdict.because.clone(),
            words: vec![self.verdict.next.clone()],
            ..Board::default()
        };
        board.fact("Test", self.plan_words());
        board.fact("Requests", self.counts_words());
        let primary = self.plan.primary;
        let purse = self.plan.reading.design().is_some();
        if !purse {
            board.fact("Means", format!("{}, {}", self.mean_words(0, primary), self.mean_words(1, primary)));
        }
        if let Some(last) = self.points.last().filter(|_| !purse) {
            let of = |v: f64| shown(primary, v).0;
            let unit = shown(primary, 0.0).1;
            board.fact("B less A", format!("{} {unit}", signed(of(last.difference))));
            board.fact("Open at any look", range(of(last.sequence.low), of(last.sequence.high), unit));
            board.fact(
                "A fixed test, were this its end",
                range(of(last.fixed.low), of(last.fixed.high), unit),
            );
            let [a, b] = &self.evidence;
            if let Ok((estimate, gone)) = cuped_estimate(a, b, self.plan.alpha) {
                board.fact(
                    "The same with CUPED, by the true stars",
                    format!(
                        "{}; {} less variance",
                        range(of(estimate.interval.low), of(estimate.interval.high), unit),
                        percent(gone)
                    ),
                );
            }
            let p = self.sequence.running_p();
            board.fact(
                "Evidence so far",
                format!(
                    "p at any look is {}; at {} the interval leaves 0",
                    if p < 0.001 { "under 0.001".to_owned() } else { format!("{p:.3}") },
                    self.plan.alpha
                ),
            );
            board.fact(
                "Had you stopped at the first p < \u{3b1}",
                format!(
                    "the fixed test lay below \u{3b1} at {} of {} looks; none of them is a verdict",
                    self.naive.0, self.naive.1
                ),
            );
        }
        let seconds = self.looked_at.since(self.began).as_secs_f64();
        let left = self.plan.planned_n.saturating_sub(self.n());
        board.fact(
            "Left",
            match () {
                _ if left == 0 => "the planned end is reached".to_owned(),
                _ if self.n() == 0 || seconds <= 0.0 => "cannot tell yet: no look so far".to_owned(),
                _ => format!("about {} at this rate", lasting(left as f64 * seconds / self.n() as f64)),
            },
        );
        for finding in self.verdict.findings.iter().filter(|f| f.sentence != self.verdict.because) {
            board.fact(finding.state.word(), finding.sentence.clone());
        }
        board.words.extend(self.verdict.assumptions.iter().map(|a| format!("Assumes: {a}")));
        board.chart = if purse { self.purse_chart() } else { self.chart() };
        board
    }

    fn chart(&self) -> Option<Chart> {
        let last = self.points.last()?;
        let primary = self.plan.primary;
        let of = |v: f64| shown(primary, v).0;
        let unit = shown(primary, 0.0).1;
        let curve = |name: &str, role, interval: fn(&Point) -> Interval| Curve {
            name: name.to_owned(),
            role,
            points: self
                .points
                .iter()
                .map(|p| {
                    let i = interval(p);
                    [p.n as f64, of(p.difference), of(i.low), of(i.high)]
                })
                .collect(),
        };
        Some(Chart {
            title: format!("{} of B less A, in {unit}, over requests", primary.name()),
            x: "requests".to_owned(),
            y: unit.to_owned(),
            curves: vec![
                Curve {
                    name: "no difference".to_owned(),
                    role: Role::Bound,
                    points: self.points.iter().map(|p| [p.n as f64, 0.0, 0.0, 0.0]).collect(),
                },
                curve("fixed test", Role::Contrast, |p| p.fixed),
                curve("confidence sequence", Role::Trusted, |p| p.sequence),
            ],
            marks: vec![(self.plan.planned_n as f64, "planned end".to_owned())],
            words: format!(
                "After {} requests B less A is {} {unit}. The confidence sequence leaves {} open, a fixed test with \
                 its end here {}.",
                count(last.n),
                signed(of(last.difference)),
                range(of(last.sequence.low), of(last.sequence.high), unit),
                range(of(last.fixed.low), of(last.fixed.high), unit),
            ),
        })
    }

    /// Peeks against their boundary.
    fn purse_chart(&self) -> Option<Chart> {
        let last = self.peeks.last()?;
        let points = |value: fn(&Peek) -> f64| {
            self.peeks.iter().map(|p| [p.n as f64, value(p), value(p), value(p)]).collect::<Vec<_>>()
        };
        let bound = |p: &Peek| p.boundary.z.unwrap_or(8.0);
        Some(Chart {
            title: "z at each peek, and the bound that it must cross".to_owned(),
            x: "requests".to_owned(),
            y: "z".to_owned(),
            curves: vec![
                Curve { name: "upper bound".into(), role: Role::Bound, points: points(bound) },
                Curve {
                    name: "lower bound".into(),
                    role: Role::Bound,
                    points: points(|p| -p.boundary.z.unwrap_or(8.0)),
                },
                Curve { name: "z of B less A".into(), role: Role::Peer(1), points: points(|p| p.z) },
            ],
            marks: vec![(self.plan.planned_n as f64, "planned end".to_owned())],
            words: format!(
                "Peek {} at {} requests: z is {}, the bound {}.",
                self.peeks.len(),
                count(last.n),
                signed(last.z),
                last.boundary.z.map_or("beyond reach".to_owned(), |z| format!("{z:.2}")),
            ),
        })
    }

    /// The purse: what is in it and what each peek cost.
    pub fn purse_board(&self) -> Board {
        if self.plan.reading.design().is_none() {
            return Board::says(
                "The test that runs is not read from a purse: looks at it cost nothing and prove nothing.",
            );
        }
        let alpha = self.plan.alpha;
        let spent = self.peeks.last().map_or(0.0, |p| 2.0 * p.boundary.spent_one_sided);
        let mut board = Board {
            state: Some(self.verdict.state),
            headline: format!(
                "{} of {} spent, {} left in the purse. {}",
                fine(spent),
                percent(alpha),
                fine(alpha - spent),
                self.verdict.because
            ),
            chart: self.purse_chart(),
            ..Board::default()
        };
        board.fact("Requests", self.counts_words());
        if !self.peeks.is_empty() {
            let head = ["Peek", "Requests", "z", "Bound", "Spent", "Result"];
            board.table.push(head.map(str::to_owned).to_vec());
        }
        for (i, peek) in self.peeks.iter().enumerate() {
            board.table.push(vec![
                (i + 1).to_string(),
                count(peek.n),
                signed(peek.z),
                peek.boundary.z.map_or("\u{2014}".to_owned(), |z| format!("{z:.2}")),
                fine(2.0 * peek.boundary.spent_one_sided),
                if peek.crossed() { "crossed" } else { "not crossed" }.to_owned(),
            ]);
        }
        board
    }
}

/// A share of alpha: small ones keep their digits.
fn fine(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 { "under 0.01%".to_owned() } else { format!("{percent:.2}%") }
}
