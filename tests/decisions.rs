//! Tests that run, purses, memos: what the labs on decisions promise, through the experiment as the worker uses it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rollout_lab::{
    analysis::{
        evidence::{Conversion, Outcome, Unit, VariantEvidence, difference, fixed_estimate},
        power::{NullError, RatePlan, pairs_needed},
        proportions::{Proportion, newcombe_interval, two_proportion_z},
        sequential::{
            group::{Design, boundaries, crossing, equal_looks},
            rate_sequence,
        },
        verdict::State,
    },
    domain::{
        Artifact, Command, DesiredWeightAndCapacity, FleetId, InvocationRecord, InvocationStatus, ReviewId,
        Stars, VirtualTime,
    },
    inference::{Prediction, ServiceCost},
    lab::{
        Block, Document, Exercise, Experiment, Journal, JournalEntry, LabAction, LabId, TrafficSettings,
        lessons,
    },
    simulation::{Purpose, Stream},
};

const SECOND_NS: u64 = 1_000_000_000;

/// A lab whose models are right on a fixed part of the reviews: A on 55 in 100, B on 70.
fn opened(lab: LabId, seed: u64) -> Experiment {
    let mut e = Experiment::new(lab, seed);
    answer(&mut e);
    e
}

fn answer(e: &mut Experiment) {
    let reviews: Vec<Option<Stars>> = e.corpus().reviews().iter().map(|r| r.stars).collect();
    for (artifact, percent) in Artifact::ALL.into_iter().zip([55, 70, 70]) {
        for (i, stars) in reviews.iter().enumerate() {
            let mut probabilities = [0.05; 5];
            let truth = stars.map_or(0, Stars::index);
            let is_right =
                (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff < percent * 65_536 / 100;
            probabilities[if is_right { truth } else { (truth + 1) % 5 }] = 0.8;
            e.table_mut().answer(artifact, ReviewId(i as u32), Prediction::from_probabilities(probabilities));
        }
        e.table_mut().set_cost(artifact, ServiceCost { base_us: 50.0, per_token_us: 2.0 });
    }
}

fn exercise(exercise: Exercise, change: &[(usize, f64)]) -> LabAction {
    let mut settings = exercise.usual();
    change.iter().for_each(|(i, value)| settings[*i] = *value);
    LabAction::Exercise { exercise, settings }
}

fn wait(seconds: u64) -> LabAction {
    LabAction::Step { duration_ns: seconds * SECOND_NS }
}

fn traffic() -> LabAction {
    LabAction::SetTraffic(TrafficSettings { on: true, per_second: 100.0, ..TrafficSettings::default() })
}

fn weights(a: f64, b: f64) -> LabAction {
    let set = |name: &str, weight| DesiredWeightAndCapacity {
        variant_name: name.into(),
        desired_weight: Some(weight),
        desired_instance_count: None,
    };
    LabAction::Call(Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: "reviews".into(),
        desired_weights_and_capacities: vec![set("VariantA", a), set("VariantB", b)],
    })
}

/// Does actions, and keeps the journal as a page does.
fn run(e: &mut Experiment, journal: &mut Journal, actions: &[LabAction]) {
    for action in actions {
        let at = e.now();
        e.act(action).unwrap_or_else(|r| panic!("{action:?}: {}", r.message));
        journal.entries.push(JournalEntry { at, action: action.clone() });
        while e.has_replay() {
            e.go_on_with_replay(10_000);
        }
        journal.reached = e.now();
    }
}

fn journal(e: &Experiment, seed: u64) -> Journal {
    Journal { lab: e.lab(), seed, reached: VirtualTime::ZERO, entries: Vec::new() }
}

/// Does a journal again, with nothing but it.
fn replayed(journal: &Journal) -> Experiment {
    let mut e = opened(journal.lab, journal.seed);
    for entry in &journal.entries {
        // Pieces of time that the first run did not know.
        while e.now() < entry.at {
            e.run_to((e.now() + std::time::Duration::from_millis(1_700)).min(entry.at), 1_000);
        }
        e.act(&entry.action).unwrap();
    }
    e
}

fn state(e: &mut Experiment) -> State {
    e.snapshot().decide.assessment.unwrap().state
}

fn record(i: u64, stream: &mut Stream, rate: f64) -> InvocationRecord {
    let truth = Stars::ALL[(i % 5) as usize];
    let right = stream.unit() < rate;
    let answered = stream.unit() < 0.98;
    InvocationRecord {
        id: i,
        arrival: VirtualTime::from_ns(i),
        user: (i % 300) as u32,
        review: ReviewId(0),
        true_stars: Some(truth),
        fleet: FleetId(0),
        instance: 0,
        status: if answered { InvocationStatus::Answered } else { InvocationStatus::ModelError },
        wait_ns: 0,
        service_ns: 1_000_000 + stream.below(5_000_000),
        overhead_ns: 0,
        predicted: answered.then_some(if right { truth } else { Stars::ALL[((i + 1) % 5) as usize] }),
        copy: false,
        leaked_kib: 0,
    }
}

#[test]
fn evidence_is_what_the_records_add_up_to_in_one_piece_or_in_two() {
    let conversion = Conversion { within_ms: 3.0, stars_off: 1 };
    for unit in [Unit::Request, Unit::User] {
        let fresh = || VariantEvidence::new(Outcome::Right, unit, conversion);
        let mut stream = Stream::new(3, Purpose::ByHand);
        let records: Vec<InvocationRecord> = (0..4_000).map(|i| record(i, &mut stream, 0.6)).collect();
        let (mut whole, mut parts) = (fresh(), [fresh(), fresh()]);
        for (i, r) in records.iter().enumerate() {
            whole.record(r);
            parts[usize::from(i > 1_234)].record(r);
        }
        let [mut merged, rest] = parts;
        merged.merge(&rest);
        for outcome in Outcome::ALL {
            let (one, two) = (whole.summary(outcome), merged.summary(outcome));
            assert_eq!(one.n(), two.n());
            assert!((one.mean().unwrap() - two.mean().unwrap()).abs() < 1e-12);
            assert!((one.variance().unwrap() - two.variance().unwrap()).abs() < 1e-9);
        }
        let count =
            |holds: &dyn Fn(&InvocationRecord) -> bool| records.iter().filter(|r| holds(r)).count() as u64;
        let answered = count(&|r| r.predicted.is_some());
        let right = count(&|r| r.predicted == r.true_stars);
        let failed = count(&|r| !r.status.is_answered());
        let off = |r: &InvocationRecord| r.true_stars.zip(r.predicted).map(|(t, p)| t.distance(p));
        let converted = count(&|r| r.service_ns <= 3_000_000 && off(r).is_some_and(|d| d <= 1));
        let share = |o| *whole.proportion(o).unwrap();
        assert_eq!(share(Outcome::Right), Proportion::new(right, answered).unwrap());
        assert_eq!(share(Outcome::Errors), Proportion::new(failed, 4_000).unwrap());
        assert_eq!(share(Outcome::Conversion), Proportion::new(converted, 4_000).unwrap());
        let users = whole.users();
        assert_eq!(users.is_some(), unit == Unit::User);
        if let Some(users) = users {
            assert_eq!(users.n(), 300);
            assert!((users.mean_x().unwrap() * 300.0 - right as f64).abs() < 1e-9);
        }
    }
}

#[test]
fn a_test_of_evidence_is_the_test_of_its_counts() {
    let fresh =
        || VariantEvidence::new(Outcome::Right, Unit::Request, Conversion { within_ms: 3.0, stars_off: 1 });
    let (mut a, mut b) = (fresh(), fresh());
    let mut stream = Stream::new(4, Purpose::ByHand);
    (0..900).for_each(|i| a.record(&record(i, &mut stream, 0.6)));
    (0..700).for_each(|i| b.record(&record(i, &mut stream, 0.7)));
    let (of_a, of_b) = (a.proportion(Outcome::Right).unwrap(), b.proportion(Outcome::Right).unwrap());
    let estimate = fixed_estimate(&a, &b, Outcome::Right, 0.05).unwrap();
    assert_eq!(estimate.p, two_proportion_z(of_a, of_b).unwrap().p);
    assert_eq!(estimate.interval, newcombe_interval(of_a, of_b, 0.05).unwrap());
    let variance = |p: &Proportion| {
        let share = p.share().unwrap();
        share * (1.0 - share) / (p.n() - 1) as f64
    };
    let (_, v) = difference(&a, &b, Outcome::Right).unwrap();
    assert!((v - variance(of_a) - variance(of_b)).abs() < 1e-15);
    let none = fresh();
    for outcome in Outcome::ALL {
        let cannot = fixed_estimate(&none, &b, outcome, 0.05).unwrap_err();
        assert!(cannot.to_string().starts_with("cannot tell yet"), "{cannot}");
    }
}

#[test]
fn a_rate_stays_inside_its_sequence_at_every_look() {
    let mut missed = 0;
    for seed in 0..400 {
        let mut stream = Stream::new(seed, Purpose::ByHand);
        let mut trials = Proportion::default();
        let inside = (0..1_500).all(|i| {
            trials.record(stream.unit() < 0.02);
            i % 25 != 24 || rate_sequence(&trials, 0.05).unwrap().contains(0.02)
        });
        missed += u32::from(!inside);
    }
    // At most 5% of 400, and four standard errors above are 37; the sequence is known to be cautious.
    assert!(missed <= 20, "{missed} of 400 sequences missed the rate");
}

#[test]
fn a_fixed_test_says_nothing_before_its_end_and_one_thing_after_it() {
    let mut e = opened(LabId::PlanATest, 5);
    let mut j = journal(&e, 5);
    run(&mut e, &mut j, &[exercise(Exercise::StartTest, &[(2, 4_000.0)]), traffic()]);
    let mut below = 0;
    for _ in 0..19 {
        run(&mut e, &mut j, &[wait(2)]);
        let now = e.snapshot().decide.assessment.unwrap();
        let board = e.board(Exercise::StartTest, &[]);
        let words = serde_json::to_string(&board).unwrap();
        assert!(!words.contains("significant"), "{words}");
        if now.n < 4_000 {
            assert_eq!(now.state, State::Pending, "{}", now.because);
            assert!(now.because.contains("read once, at 4000 units"), "{}", now.because);
            let naive = board.facts.iter().find(|(t, _)| t.starts_with("Had you stopped")).unwrap();
            below = below
                .max(naive.1.split("at ").nth(1).unwrap().split(' ').next().unwrap().parse::<u32>().unwrap());
        }
    }
    // B is far better: the fixed test would have said so long before it may.
    assert!(below > 10, "{below}");
    run(&mut e, &mut j, &[wait(10)]);
    let at_end = e.snapshot().decide.assessment.unwrap();
    assert_eq!(at_end.state, State::Passed, "{}", at_end.because);
    run(&mut e, &mut j, &[wait(60)]);
    let later = e.snapshot().decide.assessment.unwrap();
    assert_eq!(later.because, at_end.because, "the numbers of the planned end stay");
}

#[test]
fn a_split_that_changes_breaks_the_test_that_runs_and_not_the_one_that_is_over() {
    let mut e = opened(LabId::PlanATest, 6);
    let mut j = journal(&e, 6);
    let start = exercise(Exercise::StartTest, &[(1, 1.0)]);
    // Weights take a minute to change, so the test must be longer than that.
    let long = exercise(Exercise::StartTest, &[(2, 60_000.0)]);
    run(&mut e, &mut j, &[long, traffic(), wait(2), weights(0.2, 0.8), wait(90)]);
    assert_eq!(state(&mut e), State::Error);
    let board = e.board(Exercise::StartTest, &[]);
    assert!(board.headline.contains("split was changed") && board.words[0].contains("anew"), "{board:?}");
    run(&mut e, &mut j, &[start, wait(90)]);
    assert_eq!(state(&mut e), State::Passed, "{:?}", e.board(Exercise::StartTest, &[]));
    run(&mut e, &mut j, &[weights(0.0, 1.0), wait(90)]);
    assert_eq!(state(&mut e), State::Passed, "promoting B spoils nothing");
}

#[test]
fn a_purse_gives_the_bounds_of_its_spending_and_then_is_empty() {
    let mut e = opened(LabId::PlanATest, 7);
    let mut j = journal(&e, 7);
    run(&mut e, &mut j, &[exercise(Exercise::StartTest, &[(1, 2.0), (2, 3_000.0)]), traffic()]);
    let early = e.act(&exercise(Exercise::Peek, &[])).unwrap_err().message;
    assert!(early.contains("1% of the planned requests"), "{early}");
    assert!(
        !serde_json::to_string(&e.board(Exercise::StartTest, &[])).unwrap().contains("VariantB 7"),
        "hidden"
    );
    for _ in 0..2 {
        run(&mut e, &mut j, &[wait(5), exercise(Exercise::Peek, &[])]);
    }
    let table = e.board(Exercise::Peek, &[]).table;
    assert_eq!(table.len(), 3);
    let looks: Vec<f64> =
        table[1..].iter().map(|r| r[1].replace(',', "").parse::<f64>().unwrap() / 3_000.0).collect();
    let wanted = boundaries(Design::OBrienFlemingSpending, &looks, 0.05).unwrap();
    for (row, bound) in table[1..].iter().zip(&wanted) {
        assert_eq!(row[3], bound.z.map_or("\u{2014}".into(), |z| format!("{z:.2}")));
    }
    run(&mut e, &mut j, &[wait(30), exercise(Exercise::Peek, &[])]);
    let empty = e.act(&exercise(Exercise::Peek, &[])).unwrap_err().message;
    assert!(empty.contains("purse is empty"), "{empty}");
    assert_eq!(state(&mut e), State::Passed);
}

#[test]
fn a_memo_is_replayed_bit_for_bit_by_whoever_has_it() {
    let mut e = opened(LabId::PlanATest, 8);
    let mut j = journal(&e, 8);
    let refused = e.act(&exercise(Exercise::Memo, &[])).unwrap_err().message;
    assert!(refused.contains("no test runs"), "{refused}");
    let start = exercise(Exercise::StartTest, &[(1, 1.0), (2, 3_000.0)]);
    run(&mut e, &mut j, &[start, traffic(), wait(41), exercise(Exercise::Memo, &[]), wait(30)]);
    let memo = e.signed_memo().unwrap().clone();
    let document = Document::sign(memo.clone(), j);
    assert_eq!(document.journal.reached, memo.signed);
    assert_eq!(document.sha256.len(), 64);

    let read = Document::read(&document.json()).unwrap();
    assert_eq!(read, document);
    let again = replayed(&read.journal);
    assert_eq!(again.signed_memo(), Some(&memo), "every number is the same");
    assert!(memo.exact.len() > 12, "{:?}", memo.exact);

    let forged = document.json().replacen("\"seed\": 8", "\"seed\": 9", 1);
    assert_ne!(forged, document.json());
    assert!(Document::read(&forged).unwrap_err().contains("changed after it was signed"));
    assert!(Document::read("{}").unwrap_err().contains("not a decision memo"));

    let page = document.markdown();
    for part in
        ["# Decision: passed", "## Configuration", "## Method", "## Numbers", "seed 8", &document.sha256]
    {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[test]
fn users_are_units_only_where_they_stay() {
    let mut e = opened(LabId::PlanATest, 9);
    let users = exercise(Exercise::StartTest, &[(1, 1.0), (4, 1.0)]);
    let refused = e.act(&users).unwrap_err().message;
    assert!(refused.contains("let users stay with their variant first"), "{refused}");
    let sticky = TrafficSettings { on: true, per_second: 200.0, sticky: true, ..TrafficSettings::default() };
    let mut j = journal(&e, 9);
    run(&mut e, &mut j, &[LabAction::SetTraffic(sticky), users, wait(40)]);
    assert_eq!(state(&mut e), State::Passed);
}

#[test]
fn an_aa_test_without_errors_comes_to_an_end() {
    let mut e = opened(LabId::Peeking, 2);
    let mut j = journal(&e, 2);
    run(&mut e, &mut j, &[exercise(Exercise::StartTest, &[(2, 3_000.0)]), traffic(), wait(40)]);
    let end = e.snapshot().decide.assessment.unwrap();
    assert_eq!(end.state, State::Inconclusive, "{}", end.because);
    // Not for want of an error: the guardrail holds without one.
    let board = e.board(Exercise::StartTest, &[]);
    let errors = board.facts.iter().find(|(_, v)| v.starts_with("Guardrail errors")).unwrap();
    assert_eq!(errors.0, "passed", "{errors:?}");
}

/// All words of a lab.
fn text(lab: LabId) -> String {
    let words = |b: &Block| match b {
        Block::Text(t) | Block::Do(t) | Block::Expect(t) | Block::Why(t) | Block::Trap(t) => (*t).to_owned(),
    };
    lessons::lesson(lab).steps.iter().flat_map(|s| s.body.iter().map(words)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_figures_in_the_texts_are_those_of_the_formulas() {
    let (peeking, plan) = (text(LabId::Peeking), text(LabId::PlanATest));
    let says = |text: &str, figure: String| assert!(text.contains(&figure), "{figure} is not in\n{text}");
    let peeked = *crossing(&equal_looks(30).unwrap(), &[1.959_964; 30]).unwrap().last().unwrap();
    says(&peeking, format!("{:.0}% do", peeked * 100.0));
    assert!((5.0..6.5).contains(&(peeked / 0.05)), "six times as many");
    let bounds = |design| {
        let all = boundaries(design, &equal_looks(5).unwrap(), 0.05).unwrap();
        all.iter().map(|b| format!("{:.2}", b.z.unwrap())).collect::<Vec<_>>()
    };
    let obf = bounds(Design::OBrienFlemingSpending);
    says(&peeking, format!("{} and {}", obf[..4].join(", "), obf[4]));
    let pocock = bounds(Design::PocockSpending);
    says(&peeking, format!("{} to {}", pocock[0], pocock[4]));

    says(&plan, format!("{:.0} requests", pairs_needed(0.04, 0.07, 0.05, 0.8).unwrap().ceil()));
    let unpaired = RatePlan { p_a: 0.80, p_b: 0.83, alpha: 0.05, ratio: 1.0 };
    let n = 2.0 * unpaired.n_a(0.8, NullError::Pooled).unwrap().ceil();
    assert_eq!(n, 5_258.0);
    says(&plan, "5,258 requests: 5.5 times".to_owned());
    let sized = |ratio| RatePlan { p_a: 0.627, p_b: 0.677, alpha: 0.05, ratio };
    let even = 2.0 * sized(1.0).n_a(0.8, NullError::Pooled).unwrap();
    says(&plan, format!("about {},{:.0}00 requests", (even / 1_000.0) as u64, (even % 1_000.0) / 100.0));
    let half = RatePlan { p_b: 0.652, ..sized(1.0) }.n_a(0.8, NullError::Pooled).unwrap() * 2.0;
    assert!((half / even - 4.0).abs() < 0.1, "{}", half / even);
    let canary = sized(1.0 / 19.0).power(even * 0.95, NullError::Pooled).unwrap();
    says(&plan, format!("to about {:.0}%", canary * 100.0));
    let whole = sized(1.0 / 19.0).n_a(0.8, NullError::Pooled).unwrap() * 20.0 / 19.0;
    says(&plan, format!("{:.1}", 5.263));
    assert!((whole / even - 5.3).abs() < 0.2, "{}", whole / even);
    assert!((1.0 - 0.99_f64.powi(300) - 0.95).abs() < 0.01);
}

/// Weights and requests of both variants, as the snapshot has them.
fn routed(e: &mut Experiment) -> [(f64, u64); 2] {
    let endpoint = e.snapshot().endpoints.remove(0);
    [0, 1].map(|i| (endpoint.variants[i].current_weight, endpoint.variants[i].tally.invocations))
}

/// The points of a curve of the bandit's second chart: outcomes and what was lost.
fn lost(e: &Experiment, name: &str) -> Vec<[f64; 2]> {
    let chart = e.board(Exercise::RouteByBandit, &[]).second.unwrap();
    let curve = chart.curves.into_iter().find(|c| c.name == name).unwrap();
    curve.points.into_iter().map(|p| [p[0], p[1]]).collect()
}

#[test]
fn every_bandit_sends_most_to_the_better_model_and_loses_less_than_an_even_split() {
    for (place, name) in ["Thompson sampling", "UCB1", "epsilon-greedy"].into_iter().enumerate() {
        let mut e = opened(LabId::BanditRace, 31);
        let mut j = journal(&e, 31);
        run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[(0, place as f64)]), traffic(), wait(100)]);
        let before = routed(&mut e);
        let (own, even) = (lost(&e, name), lost(&e, "even split"));
        run(&mut e, &mut j, &[wait(300)]);
        let after = routed(&mut e);
        // B is right 15 points more often: of the last 30,000 requests most go there, whatever the policy.
        let late = [0, 1].map(|i| (after[i].1 - before[i].1) as f64);
        assert!(late[1] / (late[0] + late[1]) > 0.85, "{name}: {late:?}");
        let sum = after[0].0 + after[1].0;
        assert!((sum - 1.0).abs() < 2e-4, "{name}: weights {after:?} are shares");
        // Half of 15 points a request: the even split loses in proportion, the bandits ever less for each request.
        let [n, even_lost] = *even.last().unwrap();
        assert!((even_lost / n - 0.075).abs() < 0.015, "{name}: {even_lost} of {n}");
        assert!(own.last().unwrap()[1] < 0.6 * even_lost, "{name}: {own:?}");
        let whole = *lost(&e, name).last().unwrap();
        let early = own[own.len() / 2];
        let rate = |[n, lost]: [f64; 2]| lost / n;
        if name == "epsilon-greedy" {
            // Its exploration never ends: a tenth of the requests, half of them at A.
            let late = (whole[1] - own.last().unwrap()[1]) / (whole[0] - own.last().unwrap()[0]);
            assert!((late - 0.1 * 0.5 * 0.15).abs() < 0.003, "{late}");
        } else {
            assert!(rate(whole) < 0.7 * rate(early), "{name}: {whole:?} after {early:?}");
        }
        assert!(
            e.meets(&rollout_lab::lab::Goal::Decide(rollout_lab::lab::DecideGoal::RoutedByBandit(3_000)))
        );
    }
}

#[test]
fn a_bandits_lab_is_replayed_bit_for_bit() {
    let mut e = opened(LabId::BanditRace, 32);
    let mut j = journal(&e, 32);
    let start = exercise(Exercise::RouteByBandit, &[(2, 3.0)]);
    let stop = LabAction::Exercise { exercise: Exercise::StopBandit, settings: Vec::new() };
    run(&mut e, &mut j, &[traffic(), wait(7), start, wait(31), stop, wait(5)]);
    let mut again = replayed(&j);
    again.run_to(e.now(), u64::MAX);
    let (board, other) = (e.board(Exercise::RouteByBandit, &[]), again.board(Exercise::RouteByBandit, &[]));
    assert_eq!(board, other);
    assert!(board.headline.contains("has stopped: it was told to"), "{}", board.headline);
    assert_eq!(routed(&mut e), routed(&mut again));
    assert_eq!(e.counts(), again.counts());
    assert!(e.snapshot().decide.bandit.is_none());
}

#[test]
fn a_test_refuses_what_a_bandit_routes_and_says_why() {
    let mut e = opened(LabId::BanditRace, 33);
    let mut j = journal(&e, 33);
    // A test that runs when the bandit begins has come to no verdict, and cannot any more.
    let test = exercise(Exercise::StartTest, &[(2, 60_000.0)]);
    run(&mut e, &mut j, &[traffic(), test.clone(), wait(5), exercise(Exercise::RouteByBandit, &[])]);
    let now = e.snapshot().decide.assessment.unwrap();
    assert_eq!(now.state, State::Error, "{}", now.because);
    assert!(now.because.contains("a bandit moved the weights after the outcomes"), "{}", now.because);
    run(&mut e, &mut j, &[wait(30)]);
    assert_eq!(e.snapshot().decide.assessment.unwrap(), now, "what the bandit routes is not counted");
    let refused = e.act(&test).unwrap_err().message;
    assert!(refused.contains("a fixed test on them is biased") && refused.contains("Stop it"), "{refused}");
    let board = e.board(Exercise::RouteByBandit, &[]);
    assert!(board.words[0].contains("SageMaker has no such routing"), "{:?}", board.words);
    assert!(
        board.facts.iter().any(|(term, value)| term.contains("fixed test") && value.starts_with("refused"))
    );
    // On weights that stay, with requests of its own, a test may run again.
    let stop = LabAction::Exercise { exercise: Exercise::StopBandit, settings: Vec::new() };
    run(&mut e, &mut j, &[stop, weights(1.0, 1.0), wait(90)]);
    run(&mut e, &mut j, &[exercise(Exercise::StartTest, &[(1, 1.0), (2, 20_000.0)]), wait(5)]);
    assert_ne!(state(&mut e), State::Error);
    // Where no test runs, its panel says why none may.
    let mut e = opened(LabId::Sandbox, 33);
    let nobody = e.act(&exercise(Exercise::RouteByBandit, &[])).unwrap_err().message;
    assert!(nobody.contains("among two to 10 variants"), "{nobody}");
    let mut e = opened(LabId::BanditRace, 33);
    e.act(&exercise(Exercise::RouteByBandit, &[])).unwrap();
    let board = e.board(Exercise::StartTest, &[]);
    assert_eq!(board.state, Some(State::Error));
    assert!(
        board.headline.starts_with("No test may start: Thompson sampling routes reviews"),
        "{}",
        board.headline
    );
}

#[test]
fn whoever_moves_the_weights_by_a_call_ends_the_bandit() {
    let mut e = opened(LabId::BanditRace, 34);
    let mut j = journal(&e, 34);
    run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[]), traffic(), wait(60)]);
    assert!(e.snapshot().decide.bandit.is_some());
    run(&mut e, &mut j, &[weights(1.0, 3.0), wait(120)]);
    let board = e.board(Exercise::RouteByBandit, &[]);
    assert!(board.headline.contains("has stopped: a call has changed the weights"), "{}", board.headline);
    assert_eq!(routed(&mut e).map(|v| v.0), [1.0, 3.0]);
    let none = e.act(&LabAction::Exercise { exercise: Exercise::StopBandit, settings: Vec::new() });
    assert!(none.unwrap_err().message.contains("no bandit routes"));
    // More instances leave the weights alone: the bandit waits, and goes on.
    let more = LabAction::Call(Command::UpdateEndpointWeightsAndCapacities {
        endpoint_name: "reviews".into(),
        desired_weights_and_capacities: vec![DesiredWeightAndCapacity {
            variant_name: "VariantB".into(),
            desired_weight: None,
            desired_instance_count: Some(2),
        }],
    });
    run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[]), wait(30), more, wait(1_000)]);
    assert!(e.snapshot().decide.bandit.is_some());
}

#[test]
fn regret_is_measured_against_the_truth_while_nothing_fails_and_the_estimate_after() {
    let against = |e: &Experiment| {
        let facts = e.board(Exercise::RouteByBandit, &[]).facts;
        facts.into_iter().find(|(term, _)| term == "Measured against").unwrap().1
    };
    let mut e = opened(LabId::BanditRace, 35);
    let mut j = journal(&e, 35);
    run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[]), traffic(), wait(60)]);
    assert!(against(&e).contains("in truth"), "{}", against(&e));
    let fails = LabAction::InjectFault {
        variant: "VariantB".into(),
        fault: rollout_lab::lab::Fault::ModelErrors { share: 0.5 },
        starts_in_s: None,
        lasts_s: 600,
    };
    run(&mut e, &mut j, &[fails, wait(200)]);
    assert!(against(&e).contains("the best estimate: requests failed"), "{}", against(&e));
    // B fails half of its requests by now, so A earns more, and the bandit finds out.
    assert!(routed(&mut e)[0].0 > 0.5, "{:?}", routed(&mut e));
    // In the browser it may begin before the models have answered: the truth is told before the first outcome.
    let mut e = Experiment::new(LabId::BanditRace, 35);
    e.act(&exercise(Exercise::RouteByBandit, &[])).unwrap();
    answer(&mut e);
    let mut j = journal(&e, 35);
    run(&mut e, &mut j, &[traffic(), wait(60)]);
    assert!(against(&e).contains("in truth"), "{}", against(&e));
    // Where only answers count, no model's truth says what is earned.
    let mut e = opened(LabId::BanditRace, 35);
    let mut j = journal(&e, 35);
    run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[(1, 3.0)]), traffic(), wait(60)]);
    assert!(against(&e).contains("as one would have to"), "{}", against(&e));
}

#[test]
fn the_batches_of_a_seed_are_shared_out_as_they_were() {
    // The golden was drawn by this code. Each row's weights were compared with P(best) of its counts by quadrature of
    // scipy.stats.beta: they are the same within 0.00005, what rounding leaves.
    let mut e = opened(LabId::BanditRace, 36);
    let mut j = journal(&e, 36);
    let few = TrafficSettings { on: true, per_second: 4.0, ..TrafficSettings::default() };
    run(&mut e, &mut j, &[exercise(Exercise::RouteByBandit, &[(2, 5.0)]), LabAction::SetTraffic(few)]);
    let mut rows = String::from("outcomes_a,rewarded_a,outcomes_b,rewarded_b,weight_a,weight_b\n");
    for _ in 0..20 {
        run(&mut e, &mut j, &[wait(5)]);
        let endpoint = e.snapshot().endpoints.remove(0);
        let counts =
            [0, 1].map(|i| (endpoint.variants[i].tally.labelled, endpoint.variants[i].tally.correct));
        let [(a, right_a), (b, right_b)] = counts;
        let [(weight_a, _), (weight_b, _)] = routed(&mut e);
        rows.push_str(&format!("{a},{right_a},{b},{right_b},{weight_a},{weight_b}\n"));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bandit_batches.csv");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &rows).unwrap();
    }
    assert_eq!(rows, std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_label_counts_for_the_variant_that_answered_and_for_no_test() {
    let mut e = opened(LabId::BanditRace, 37);
    let texts = vec!["Crashes at every start.".to_owned(), "Does what it says.".to_owned()];
    for own in e.prepare_texts(&texts) {
        for artifact in Artifact::ALL {
            let two_stars = Prediction::from_probabilities([0.1, 0.6, 0.1, 0.1, 0.1]);
            e.table_mut().answer(artifact, own.review, two_stars);
        }
    }
    e.act(&exercise(Exercise::StartTest, &[])).unwrap();
    let invoke =
        LabAction::Invoke { endpoint_name: "reviews".into(), texts, target_variant: Some("VariantB".into()) };
    e.act(&invoke).unwrap();
    let tally = |e: &mut Experiment| {
        let t = e.snapshot().endpoints[0].variants[1].tally.clone();
        (t.invocations, t.labelled, t.correct, t.star_error_sum)
    };
    assert_eq!(tally(&mut e), (2, 0, 0, 0));
    let label = |row, stars| LabAction::Label { row, stars: Stars::new(stars).unwrap() };
    e.act(&label(0, 2)).unwrap();
    e.act(&label(1, 5)).unwrap();
    assert_eq!(tally(&mut e), (2, 2, 1, 3));
    // A second thought takes the first one back.
    e.act(&label(1, 1)).unwrap();
    assert_eq!(tally(&mut e), (2, 2, 1, 1));
    let board = e.board(Exercise::StartTest, &[]);
    assert!(
        board.facts.iter().any(|(t, v)| t == "Means" && v.contains("cannot tell yet")),
        "{:?}",
        board.facts
    );
}
