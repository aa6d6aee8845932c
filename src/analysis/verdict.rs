//! What may be concluded, in words, in the order in which numbers can be trusted.
//!
//! First the split (a mismatch means that records are lost, and then no number counts), then the guardrails, then the
//! one primary test that was chosen before the start, then the rest, corrected for being many. A fixed test speaks at
//! its horizon only: before, its p-value is no verdict however small it is.

use serde::{Deserialize, Serialize};

use super::{
    bandit::Allocation,
    error::{CannotTell, Result, StatisticsError, probability},
    interval::Interval,
    multiple::{Correction, adjusted},
    sequential::group::Boundary,
    srm::SRM_ALARM,
};

/// How far beyond its planned n a fixed test may read: traffic overshoots a little, a second look is more than that.
pub const HORIZON_SLACK: f64 = 1.05;

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Too early: go on as planned.
    Pending,
    /// The candidate has shown what was asked, and harmed no guardrail.
    Passed,
    /// The candidate is worse, or harms a guardrail.
    Failed,
    /// The test is over and does not tell.
    Inconclusive,
    /// The experiment itself is broken: its numbers must not be read.
    Error,
}

impl State {
    /// The state as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }
}

/// Which way a metric is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    /// Accuracy, conversions.
    Higher,
    /// Latency, errors.
    Lower,
}

/// How a metric's interval and p-value were made, and so when they may be read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// For one n: only at its horizon.
    Fixed,
    /// A confidence sequence or an mSPRT: at every look.
    AnytimeValid,
    /// A look of a group sequential test, against its boundary.
    GroupSequential(Boundary),
}

/// B less A with its interval and p-value, by one [`Method`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// B less A, in the metric's unit.
    pub difference: f64,
    /// Its interval at level 1 − α, by the same method.
    pub interval: Interval,
    /// Two-sided p-value.
    pub p: f64,
}

/// The metric that decides, chosen before the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Primary {
    /// Its name, as a reader knows it.
    pub name: String,
    /// Its unit, empty for shares.
    pub unit: String,
    /// Which way it is good.
    pub better: Better,
    /// How it is tested.
    pub method: Method,
    /// What it shows by now, or why nothing.
    pub estimate: Result<Estimate>,
}

/// A metric that must not get worse by more than a margin.
#[derive(Clone, Debug, PartialEq)]
pub struct Guardrail {
    /// Its name, as a reader knows it.
    pub name: String,
    /// Its unit, empty for shares.
    pub unit: String,
    /// Which way it is good.
    pub better: Better,
    /// The greatest loss that is borne, above 0 or 0, in the metric's unit.
    pub margin: f64,
    /// How its interval was made. Harm should be seen at once, so anytime valid is the choice; with [`Method::Fixed`]
    /// it says nothing before the horizon.
    pub method: Method,
    /// The interval of B less A, or why there is none.
    pub interval: Result<Interval>,
}

/// A metric that is looked at besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Secondary {
    /// Its name, as a reader knows it.
    pub name: String,
    /// Its p-value, or why there is none.
    pub p: Result<f64>,
}

/// Everything that a verdict reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Level of the primary test and of the rest together.
    pub alpha: f64,
    /// How units came to variants.
    pub allocation: Allocation,
    /// Units so far, both variants together.
    pub n: u64,
    /// Units at which the test ends, chosen before the start.
    pub planned_n: u64,
    /// p-value of the split: the sequential one where it is looked at more than once.
    pub split: Result<f64>,
    /// Metrics that must not get worse.
    pub guardrails: Vec<Guardrail>,
    /// The one that decides.
    pub primary: Primary,
    /// The rest.
    pub secondary: Vec<Secondary>,
}

/// What a part of the evidence is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Which variant got how much.
    Split,
    /// A guardrail, by name.
    Guardrail(String),
    /// The primary metric.
    Primary(String),
    /// Another metric, by name.
    Secondary(String),
}

/// One part of the evidence, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What it says by itself.
    pub state: State,
    /// The same in a sentence.
    pub sentence: String,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Where the release stands.
    pub state: State,
    /// Why, in a sentence: that of the finding that decided.
    pub because: String,
    /// Every part of the evidence in its order of trust.
    pub findings: Vec<Finding>,
    /// What must be true for the verdict to hold.
    pub assumptions: Vec<String>,
    /// What to do next.
    pub next: String,
}

/// A number with three digits that count: 0.0214, 12.3, 4,560 as 4560.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let decimals = 2 - libm::floor(libm::log10(value.abs())) as i32;
    format!("{value:.*}", decimals.clamp(0, 12) as usize).replace('-', "\u{2212}")
}

/// A difference with its unit; one of shares in percentage points, as people speak of them.
fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() {
        format!("{} points", digits(100.0 * value))
    } else {
        format!("{} {unit}", digits(value))
    }
}

/// Two ends with the unit that they share.
fn range(low: f64, between: &str, high: f64, unit: &str) -> String {
    let low = if unit.is_empty() { 100.0 * low } else { low };
    format!("{} {between} {}", digits(low), with_unit(high, unit))
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {}", digits(p)) }
}

/// Whether numbers by this method may be read after `n` of `planned_n` units.
enum Readable {
    Now,
    NotYet,
    TooLate,
}

impl Method {
    fn readable(&self, n: u64, planned_n: u64) -> Readable {
        match self {
            Self::Fixed if n < planned_n => Readable::NotYet,
            Self::Fixed if n as f64 > HORIZON_SLACK * planned_n as f64 => Readable::TooLate,
            _ => Readable::Now,
        }
    }

    /// Greatest two-sided p-value that counts as found.
    fn limit(&self, alpha: f64) -> f64 {
        match self {
            Self::GroupSequential(boundary) => boundary.nominal_p,
            _ => alpha,
        }
    }

    fn is_over(&self, n: u64, planned_n: u64) -> bool {
        match self {
            Self::GroupSequential(boundary) => boundary.information >= 1.0,
            _ => n >= planned_n,
        }
    }

    fn assumptions(&self, planned_n: u64) -> Vec<String> {
        let text = match self {
            Self::Fixed => vec![
                format!(
                    "The end at {planned_n} units was chosen before the start, and the test is read once, there."
                ),
                "There are enough units for the normal approximation.".to_owned(),
            ],
            Self::AnytimeValid => vec![
                "The method was chosen before the start; the number and the moments of looks are free."
                    .to_owned(),
                "There are enough units, at the first look already, for the normal approximation.".to_owned(),
            ],
            Self::GroupSequential(_) => vec![
                "The design was chosen before the start, and no look was taken that it does not count."
                    .to_owned(),
                "There are enough units at each look for the normal approximation.".to_owned(),
            ],
        };
        let always = [
            "Units are independent: what was randomized is what is counted.",
            "Nothing else differed between the variants, and both ran at the same time.",
        ];
        text.into_iter().chain(always.map(str::to_owned)).collect()
    }
}

/// "Cannot tell" is pending while units may still come; a refused argument is an error.
fn unanswered(error: &StatisticsError, over: bool) -> State {
    match error.cannot_tell() {
        Some(CannotTell::NotByChance { .. } | CannotTell::AdaptiveAllocation) | None => State::Error,
        Some(_) if over => State::Inconclusive,
        Some(_) => State::Pending,
    }
}

fn split_finding(evidence: &Evidence) -> Finding {
    let over = evidence.n >= evidence.planned_n;
    let (state, sentence) = match &evidence.split {
        Ok(p) if *p < SRM_ALARM => (
            State::Error,
            format!(
                "The variants did not get the shares that the weights promised ({}): sample ratio mismatch.",
                p_value(*p)
            ),
        ),
        Ok(p) => (State::Passed, format!("The split is as the weights promised ({}).", p_value(*p))),
        Err(error) => (unanswered(error, over), format!("Split: {error}.")),
    };
    Finding { subject: Subject::Split, state, sentence }
}

impl Guardrail {
    fn finding(&self, n: u64, planned_n: u64) -> Finding {
        let over = self.method.is_over(n, planned_n);
        let margin = with_unit(self.margin, &self.unit);
        let name = &self.name;
        let (state, sentence) = match (self.method.readable(n, planned_n), &self.interval) {
            (_, _) if !(self.margin >= 0.0 && self.margin.is_finite()) => (
                State::Error,
                format!("Guardrail {name}: a margin of {margin} means nothing; it must be 0 or more."),
            ),
            (_, Err(error)) => (unanswered(error, over), format!("Guardrail {name}: {error}.")),
            (Readable::NotYet, _) => (
                State::Pending,
                format!("Guardrail {name}: its test is read at {planned_n} units, {n} have come."),
            ),
            (Readable::TooLate, _) => (
                State::Inconclusive,
                format!("Guardrail {name}: the plan ended at {planned_n} units, these are {n}."),
            ),
            (Readable::Now, Ok(interval)) => {
                // Losses, whichever way the metric is good.
                let (least, most) = match self.better {
                    Better::Higher => (-interval.high, -interval.low),
                    Better::Lower => (interval.low, interval.high),
                };
                let range = format!("between {}", range(least, "and", most, &self.unit));
                if least > self.margin {
                    (
                        State::Failed,
                        format!("Guardrail {name}: B loses {range}, more than the {margin} borne."),
                    )
                } else if most < self.margin {
                    (
                        State::Passed,
                        format!("Guardrail {name}: B loses {range}, less than the {margin} borne."),
                    )
                } else {
                    let state = if over { State::Inconclusive } else { State::Pending };
                    let text = format!(
                        "Guardrail {name}: B loses {range}; whether less than the {margin} borne is open."
                    );
                    (state, text)
                }
            }
        };
        Finding { subject: Subject::Guardrail(name.clone()), state, sentence }
    }
}

impl Primary {
    fn finding(&self, evidence: &Evidence) -> Finding {
        let (n, planned_n) = (evidence.n, evidence.planned_n);
        let over = self.method.is_over(n, planned_n);
        let name = &self.name;
        let (state, sentence) = match (self.method.readable(n, planned_n), &self.estimate) {
            (_, Err(error)) => (unanswered(error, over), format!("{name}: {error}.")),
            (Readable::NotYet, _) => (
                State::Pending,
                format!(
                    "{name}: the test is read once, at {planned_n} units; {n} have come. What it shows before is no \
                     verdict."
                ),
            ),
            (Readable::TooLate, _) => (
                State::Inconclusive,
                format!(
                    "{name}: the plan ended at {planned_n} units, these are {n}. Read the numbers of the planned end: \
                     testing on until it fits finds effects that are not there."
                ),
            ),
            (Readable::Now, Ok(estimate)) => {
                let Estimate { difference, interval, p } = estimate;
                let range = format!(
                    "{} ({}), {}",
                    with_unit(*difference, &self.unit),
                    range(interval.low, "to", interval.high, &self.unit),
                    p_value(*p)
                );
                let good = match self.better {
                    Better::Higher => *difference > 0.0,
                    Better::Lower => *difference < 0.0,
                };
                if *p <= self.method.limit(evidence.alpha) {
                    let (state, word) =
                        if good { (State::Passed, "better") } else { (State::Failed, "worse") };
                    (state, format!("{name}: B is {word}, B less A is {range}."))
                } else if over {
                    (State::Inconclusive, format!("{name}: no difference shown, B less A is {range}."))
                } else {
                    (State::Pending, format!("{name}: no difference shown yet, B less A is {range}."))
                }
            }
        };
        Finding { subject: Subject::Primary(name.clone()), state, sentence }
    }
}

/// The rest, corrected by Holm over those that have a p-value. They inform, they decide nothing.
fn secondary_findings(evidence: &Evidence) -> Result<Vec<Finding>> {
    let over = evidence.primary.method.is_over(evidence.n, evidence.planned_n);
    let known: Vec<f64> = evidence.secondary.iter().filter_map(|s| s.p.ok()).collect();
    let mut corrected =
        if known.is_empty() { Vec::new() } else { adjusted(&known, Correction::Holm)? }.into_iter();
    Ok(evidence
        .secondary
        .iter()
        .map(|metric| {
            let name = &metric.name;
            let (state, sentence) = match &metric.p {
                Err(error) => (unanswered(error, over), format!("{name}: {error}.")),
                Ok(_) if !over => (State::Pending, format!("{name}: read at the end, with the rest.")),
                Ok(p) => {
                    let holm = corrected.next().unwrap_or(*p);
                    let of = known.len();
                    if holm <= evidence.alpha {
                        (State::Passed, format!("{name}: differs, {} after Holm over {of}.", p_value(holm)))
                    } else {
                        let text =
                            format!("{name}: no difference shown, {} after Holm over {of}.", p_value(holm));
                        (State::Inconclusive, text)
                    }
                }
            };
            Finding { subject: Subject::Secondary(name.clone()), state, sentence }
        })
        .collect())
}

/// The verdict on a release.
///
/// # Shapes and units
/// See [`Evidence`]: differences are B less A in each metric's unit, n counts units of both variants.
///
/// # Formula
/// The first that applies: a split or an allocation that breaks the experiment is `Error`; a guardrail harmed is
/// `Failed`; then the primary metric's own state, except that it passes only when every guardrail has passed, and is
/// `Pending` (or, at the end, `Inconclusive`) while one is open. The rest, with Holm, changes no state.
///
/// # Errors
/// `NotAProbability` for α, `OutOfRange` for a p-value outside 0 to 1.
///
/// # Source
/// Fabijan et al., KDD 2019 (the split first); Kohavi, Tang and Xu, Trustworthy Online Controlled Experiments (2020).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Interval, bandit::Allocation, verdict::*};
/// let mut evidence = Evidence {
///     alpha: 0.05,
///     allocation: Allocation::Fixed,
///     n: 3_000,
///     planned_n: 8_000,
///     split: Ok(0.4),
///     guardrails: vec![],
///     primary: Primary {
///         name: "accuracy".into(),
///         unit: String::new(),
///         better: Better::Higher,
///         method: Method::Fixed,
///         estimate: Ok(Estimate { difference: 0.03, interval: Interval { low: 0.01, high: 0.05 }, p: 0.003 }),
///     },
///     secondary: vec![],
/// };
/// assert_eq!(verdict(&evidence)?.state, State::Pending); // p = 0.003, but before the planned end
/// evidence.n = 8_000;
/// assert_eq!(verdict(&evidence)?.state, State::Passed);
/// evidence.split = Ok(0.0002);
/// assert_eq!(verdict(&evidence)?.state, State::Error); // and no number counts
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn verdict(evidence: &Evidence) -> Result<Verdict> {
    probability("alpha", evidence.alpha)?;
    let (n, planned_n) = (evidence.n, evidence.planned_n);
    let primary = &evidence.primary;
    let split = split_finding(evidence);
    let mut guardrails: Vec<Finding> = evidence.guardrails.iter().map(|g| g.finding(n, planned_n)).collect();
    let mut decisive = primary.finding(evidence);
    // No method here is made for weights that follow the outcomes, so such data are refused, not corrected.
    if let Err(refused) = evidence.allocation.for_fixed_tests() {
        decisive.state = State::Error;
        decisive.sentence = format!("{}: {refused}.", primary.name);
    }
    let rest = secondary_findings(evidence)?;

    let open = guardrails.iter().find(|g| g.state != State::Passed);
    let harmed = guardrails.iter().find(|g| g.state == State::Failed);
    let broken = guardrails.iter().find(|g| g.state == State::Error);
    let over = primary.method.is_over(n, planned_n);
    let (state, because, next) = if split.state == State::Error {
        (State::Error, &split.sentence, Next::MendSplit)
    } else if decisive.state == State::Error {
        (State::Error, &decisive.sentence, Next::MendTest)
    } else if let Some(broken) = broken {
        (State::Error, &broken.sentence, Next::MendTest)
    } else if let Some(harmed) = harmed {
        (State::Failed, &harmed.sentence, Next::RollBack)
    } else {
        match (decisive.state, open) {
            (State::Failed, _) => (State::Failed, &decisive.sentence, Next::RollBack),
            (State::Passed, None) => (State::Passed, &decisive.sentence, Next::Promote),
            (State::Passed, Some(open)) if over => {
                (State::Inconclusive, &open.sentence, Next::WidenGuardrail)
            }
            (State::Passed, Some(open)) => (State::Pending, &open.sentence, Next::GoOn),
            (State::Inconclusive, _) => (State::Inconclusive, &decisive.sentence, Next::PlanAnew),
            _ => (State::Pending, &decisive.sentence, Next::GoOn),
        }
    };
    let because = because.clone();
    let mut findings = vec![split];
    findings.append(&mut guardrails);
    findings.push(decisive);
    findings.extend(rest);
    Ok(Verdict {
        state,
        because,
        findings,
        assumptions: primary.method.assumptions(planned_n),
        next: next.sentence(evidence),
    })
}

/// What to do next.
enum Next {
    MendSplit,
    MendTest,
    RollBack,
    Promote,
    WidenGuardrail,
    PlanAnew,
    GoOn,
}

impl Next {
    fn sentence(&self, evidence: &Evidence) -> String {
        match self {
            Self::MendSplit => {
                "Read no metric. Find where requests of one variant get lost (errors, timeouts, \
                                redirects, records), mend that, and start again with new units."
                    .to_owned()
            }
            Self::MendTest => {
                "Mend what the sentence above names, and start again: these data cannot be tested this way."
                    .to_owned()
            }
            Self::RollBack => {
                "Set B's weight to 0 and roll back; look for the cause in its records.".to_owned()
            }
            Self::Promote => "Promote B, in steps, with the guardrails still watched.".to_owned(),
            Self::WidenGuardrail => {
                "Do not promote on this. Run a test long enough for the guardrail, or say before \
                                     the start of the next one that a larger loss is borne."
                    .to_owned()
            }
            Self::PlanAnew => {
                "Keep A, unless B is wanted for another reason and its interval bears that. For a \
                               smaller effect plan a new test with more units; do not prolong this one."
                    .to_owned()
            }
            Self::GoOn => match evidence.planned_n.saturating_sub(evidence.n) {
                0 => "The planned end is reached: take the last look.".to_owned(),
                1 => "Go on as planned: one more unit until the end.".to_owned(),
                left => format!("Go on as planned: {left} more units until the end."),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(method: Method, n: u64, difference: f64, p: f64) -> Evidence {
        Evidence {
            alpha: 0.05,
            allocation: Allocation::Fixed,
            n,
            planned_n: 10_000,
            split: Ok(0.3),
            guardrails: vec![],
            primary: Primary {
                name: "accuracy".into(),
                unit: String::new(),
                better: Better::Higher,
                method,
                estimate: Ok(Estimate { difference, interval: Interval::around(difference, 0.02), p }),
            },
            secondary: vec![],
        }
    }

    fn guardrail(low: f64, high: f64) -> Guardrail {
        Guardrail {
            name: "p99 latency".into(),
            unit: "ms".into(),
            better: Better::Lower,
            margin: 5.0,
            method: Method::AnytimeValid,
            interval: Ok(Interval { low, high }),
        }
    }

    fn state(evidence: &Evidence) -> State {
        verdict(evidence).unwrap().state
    }

    #[test]
    fn a_fixed_test_speaks_at_its_horizon_only() {
        for n in [2, 100, 9_999] {
            let verdict = verdict(&evidence(Method::Fixed, n, 0.05, 1e-9)).unwrap();
            assert_eq!(verdict.state, State::Pending);
            assert!(!format!("{verdict:?}").contains("1e-9"), "an early p-value is not even shown");
        }
        assert_eq!(state(&evidence(Method::Fixed, 10_000, 0.05, 0.01)), State::Passed);
        assert_eq!(state(&evidence(Method::Fixed, 10_400, 0.05, 0.01)), State::Passed);
        assert_eq!(state(&evidence(Method::Fixed, 12_000, 0.05, 0.01)), State::Inconclusive);
        assert_eq!(state(&evidence(Method::Fixed, 10_000, -0.05, 0.01)), State::Failed);
        assert_eq!(state(&evidence(Method::Fixed, 10_000, 0.01, 0.2)), State::Inconclusive);
    }

    #[test]
    fn an_anytime_valid_test_speaks_at_every_look() {
        assert_eq!(state(&evidence(Method::AnytimeValid, 500, 0.05, 0.01)), State::Passed);
        assert_eq!(state(&evidence(Method::AnytimeValid, 500, 0.05, 0.06)), State::Pending);
        assert_eq!(state(&evidence(Method::AnytimeValid, 10_000, 0.05, 0.06)), State::Inconclusive);
        assert_eq!(state(&evidence(Method::AnytimeValid, 12_000, 0.05, 0.01)), State::Passed);
    }

    #[test]
    fn a_group_sequential_look_is_held_to_its_boundary() {
        let look = |information, z, nominal_p| {
            Method::GroupSequential(Boundary { information, z, spent_one_sided: 0.001, nominal_p })
        };
        let early = look(0.5, Some(2.963), 0.00305);
        assert_eq!(state(&evidence(early, 5_000, 0.05, 0.02)), State::Pending);
        assert_eq!(state(&evidence(early, 5_000, 0.05, 0.002)), State::Passed);
        assert_eq!(state(&evidence(look(0.01, None, 0.0), 100, 0.05, 1e-6)), State::Pending);
        assert_eq!(state(&evidence(look(1.0, Some(1.97), 0.0488), 10_000, 0.05, 0.049)), State::Inconclusive);
    }

    #[test]
    fn the_split_blocks_everything() {
        for split in [Ok(0.0005), Err(CannotTell::NotByChance { variant: 1, count: 9 }.into())] {
            let mut evidence = evidence(Method::Fixed, 10_000, 0.05, 1e-6);
            evidence.guardrails.push(guardrail(50.0, 60.0));
            evidence.split = split;
            let verdict = verdict(&evidence).unwrap();
            assert_eq!(verdict.state, State::Error);
            assert_eq!(verdict.because, verdict.findings[0].sentence);
            assert!(verdict.next.starts_with("Read no metric"), "{}", verdict.next);
        }
    }

    #[test]
    fn guardrails_come_before_the_primary_metric() {
        let mut evidence = evidence(Method::AnytimeValid, 4_000, 0.05, 1e-6);
        for (low, high, wanted, at_end) in [
            (-2.0, 3.0, State::Passed, State::Passed),
            (6.0, 9.0, State::Failed, State::Failed),
            (2.0, 8.0, State::Pending, State::Inconclusive),
        ] {
            evidence.guardrails = vec![guardrail(low, high)];
            evidence.n = 4_000;
            assert_eq!(state(&evidence), wanted, "{low} to {high}");
            evidence.n = 10_000;
            assert_eq!(state(&evidence), at_end, "{low} to {high} at the end");
        }
        // A metric where higher is better loses downward.
        evidence.guardrails =
            vec![Guardrail { better: Better::Higher, margin: 0.02, ..guardrail(-0.08, -0.03) }];
        assert_eq!(state(&evidence), State::Failed);
    }

    #[test]
    fn a_guardrail_of_a_fixed_test_waits_for_the_horizon() {
        let mut evidence = evidence(Method::AnytimeValid, 4_000, 0.05, 1e-6);
        evidence.guardrails = vec![Guardrail { method: Method::Fixed, ..guardrail(6.0, 9.0) }];
        assert_eq!(state(&evidence), State::Pending);
        evidence.n = 10_000;
        assert_eq!(state(&evidence), State::Failed);
    }

    #[test]
    fn what_cannot_be_told_is_pending_then_inconclusive() {
        let mut evidence = evidence(Method::AnytimeValid, 1, 0.0, 1.0);
        evidence.primary.estimate = Err(CannotTell::TooFew { what: "users of B", have: 0, need: 2 }.into());
        let early = verdict(&evidence).unwrap();
        assert_eq!(early.state, State::Pending);
        assert!(early.because.contains("users of B: 0 so far"), "{}", early.because);
        evidence.n = 10_000;
        assert_eq!(state(&evidence), State::Inconclusive);
        evidence.primary.estimate = Err(StatisticsError::NotFinite { name: "mean", value: f64::NAN });
        assert_eq!(state(&evidence), State::Error);
    }

    #[test]
    fn a_bandits_data_are_refused() {
        let mut evidence = evidence(Method::Fixed, 10_000, 0.05, 1e-6);
        evidence.allocation = Allocation::Adaptive;
        let verdict = verdict(&evidence).unwrap();
        assert_eq!(verdict.state, State::Error);
        assert!(verdict.because.contains("bandit"), "{}", verdict.because);
    }

    #[test]
    fn the_rest_is_corrected_and_changes_no_state() {
        let mut evidence = evidence(Method::Fixed, 10_000, 0.01, 0.3);
        for (name, p) in [("clicks", 0.01), ("length", 0.04), ("returns", 0.03)] {
            evidence.secondary.push(Secondary { name: name.into(), p: Ok(p) });
        }
        let cannot = CannotTell::TooFew { what: "sales", have: 0, need: 1 };
        evidence.secondary.push(Secondary { name: "sales".into(), p: Err(cannot.into()) });
        let verdict = verdict(&evidence).unwrap();
        assert_eq!(verdict.state, State::Inconclusive);
        let states: Vec<State> = verdict.findings[2..].iter().map(|f| f.state).collect();
        assert_eq!(
            states,
            [State::Passed, State::Inconclusive, State::Inconclusive, State::Inconclusive],
            "{verdict:#?}"
        );
        assert!(verdict.findings[2].sentence.contains("p = 0.0300 after Holm over 3"), "{verdict:#?}");
        evidence.n = 5_000;
        assert!(super::verdict(&evidence).unwrap().findings[2..].iter().all(|f| f.state == State::Pending));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(digits(0.021_44), "0.0214");
        assert_eq!(digits(-12.345), "\u{2212}12.3");
        assert_eq!(digits(4_560.7), "4561");
        assert_eq!(p_value(0.000_01), "p < 0.0001");
        let verdict = verdict(&evidence(Method::Fixed, 10_000, 0.031, 0.0123)).unwrap();
        assert_eq!(
            verdict.because,
            "accuracy: B is better, B less A is 3.10 points (1.10 to 5.10 points), p = 0.0123."
        );
        assert!(verdict.assumptions[0].contains("10000 units was chosen before the start"));
    }
}
