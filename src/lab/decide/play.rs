//! What the smaller exercises compute. Each is a function of its settings, a seed and the world, and keeps nothing.

use super::{
    board::{Board, Chart, Curve, Dots, Role, count, lasting, percent, range, signed},
    universes::World,
};
use crate::{
    analysis::{
        Result,
        bandit::{Allocation, epsilon_greedy, regret, thompson, ucb1},
        bayes::BetaPosterior,
        paired::PairedOutcomes,
        power::{NullError, RatePlan, chance_to_see, cost_of_split, pairs_needed},
        proportions::{Proportion, two_proportion_z, wald_interval},
        srm::{SRM_ALARM, srm_chi_square},
        verdict::{Better, Estimate, Evidence, Method, Primary, State, verdict},
    },
    domain::ReviewId,
    simulation::{Corpus, DomainMix, PEAK_HOUR, Purpose, REAL_STAR_MIX, Sampler, Stream},
};

const ALPHA: f64 = 0.05;
/// Power that a plan is judged by.
const POWER: f64 = 0.8;
/// Replays of the paired and the unpaired test.
const REPLAYS: u64 = 200;
/// Points of a curve.
const POINTS: u64 = 60;

fn in_words(result: Result<Board>) -> Board {
    result.unwrap_or_else(|e| Board::says(format!("{e}.")))
}

// ---- Size the test.

fn rate_plan(s: &[f64], share_b: f64) -> RatePlan {
    let p_a = s[0] / 100.0;
    RatePlan { p_a, p_b: p_a + s[1] / 100.0, alpha: s[4] / 100.0, ratio: share_b / (1.0 - share_b) }
}

/// Requests of both variants that the plan of these settings needs.
pub(super) fn requests_planned(s: &[f64]) -> Result<f64> {
    let share_b = s[2] / 100.0;
    let n_a = rate_plan(s, share_b).n_a(s[5] / 100.0, NullError::Pooled)?;
    Ok(libm::ceil(n_a) + libm::ceil(n_a * share_b / (1.0 - share_b)))
}

/// How many requests a test of two rates needs, and what a smaller share of B costs.
pub(super) fn plan(s: &[f64]) -> Board {
    in_words(plan_board(s))
}

fn plan_board(s: &[f64]) -> Result<Board> {
    let (share_b, per_second) = (s[2] / 100.0, s[3]);
    let needed = requests_planned(s)?;
    let to_b = needed * share_b;
    let even = requests_planned(&[s[0], s[1], 50.0, s[3], s[4], s[5]])?;
    let mut board = Board::says(format!(
        "{} requests in all, about {} of them to B: {} at {per_second} a second.",
        count(needed as u64),
        count(to_b.round() as u64),
        lasting(needed / per_second)
    ));
    board.fact("At an equal split", format!("{} requests", count(even as u64)));
    board.fact("What the split costs", format!("{:.2} times as many requests", cost_of_split(share_b)?));
    let plan = rate_plan(s, share_b);
    let power_at = |n: f64| plan.power(n * (1.0 - share_b), NullError::Pooled);
    board.fact("Power with as many as an equal split needs", percent(power_at(even)?));
    let seen = chance_to_see(0.01, libm::ceil(to_b) as u64)?;
    board.fact("An error in 1% of B's requests is met at all", percent(seen));
    let mut points = Vec::new();
    for i in 1..=POINTS {
        let n = libm::floor(1.5 * needed * i as f64 / POINTS as f64).max(2.0);
        let power = power_at(n)? * 100.0;
        points.push([n, power, power, power]);
    }
    board.chart = Some(Chart {
        title: "Power over requests".to_owned(),
        x: "requests".to_owned(),
        y: "%".to_owned(),
        marks: vec![(needed, format!("{} requests", count(needed as u64)))],
        words: format!("Power rises to {}% at {} requests.", s[5], count(needed as u64)),
        curves: vec![
            Curve {
                name: "power asked for".to_owned(),
                role: Role::Bound,
                points: points.iter().map(|p| [p[0], s[5], s[5], s[5]]).collect(),
            },
            Curve { name: "power".to_owned(), role: Role::Peer(0), points },
        ],
    });
    Ok(board)
}

// ---- Paired and unpaired.

/// Tests that found the difference, paired and unpaired, of [`REPLAYS`] each.
pub(super) fn paired(s: &[f64], seed: u64) -> Board {
    in_words(paired_board(s, seed))
}

fn paired_board(s: &[f64], seed: u64) -> Result<Board> {
    let [p_a, a_only, b_only] = [s[0], s[1], s[2]].map(|x| x / 100.0);
    let (n, p_b) = (s[3] as u64, p_a - a_only + b_only);
    if p_a < a_only || p_a + b_only > 1.0 {
        return Ok(Board::says(
            "A is right on what only A gets and on what both get: that is at least what only A gets, and leaves room \
             for what only B gets.",
        ));
    }
    let mut stream = Stream::new(seed, Purpose::Decide);
    let mut found = [String::new(), String::new()];
    for _ in 0..REPLAYS {
        let (mut pairs, mut a, mut b) =
            (PairedOutcomes::default(), Proportion::default(), Proportion::default());
        for i in 0..n {
            let u = stream.unit();
            let (a_right, b_right) = (u < p_a, u < p_a - a_only || (p_a..p_a + b_only).contains(&u));
            pairs.record(a_right, b_right);
            // The unpaired test sends each request to one of the two.
            if i % 2 == 0 { a.record(a_right) } else { b.record(b_right) }
        }
        let mark = |p: f64, difference: f64| match (p <= ALPHA, difference > 0.0) {
            (false, _) => '.',
            (true, true) => 'B',
            (true, false) => 'A',
        };
        found[0].push(pairs.mcnemar().map_or('.', |t| mark(t.p, pairs.difference().unwrap_or(0.0))));
        found[1].push(two_proportion_z(&a, &b).map_or('.', |z| mark(z.p, z.difference)));
    }
    let plan = RatePlan { p_a, p_b, alpha: ALPHA, ratio: 1.0 };
    let pairs = libm::ceil(pairs_needed(a_only, b_only, ALPHA, POWER)?);
    let unpaired = 2.0 * libm::ceil(plan.n_a(POWER, NullError::Pooled)?);
    let hits = |i: usize| found[i].chars().filter(|c| *c != '.').count();
    let mut board = Board::says(format!(
        "With {} requests the paired test found the difference in {} of {REPLAYS} tests, the unpaired one in {}.",
        count(n),
        hits(0),
        hits(1)
    ));
    board.fact("Right", format!("A {}, B {}", percent(p_a), percent(p_b)));
    board.fact(
        "For a power of 80% paired",
        format!("{} requests, each answered by both", count(pairs as u64)),
    );
    board.fact(
        "For a power of 80% unpaired",
        format!("{} requests, each answered by one", count(unpaired as u64)),
    );
    board.fact("So a shadow needs", format!("{:.1} times fewer", unpaired / pairs));
    for (i, name) in ["Paired (McNemar)", "Unpaired (two shares)"].into_iter().enumerate() {
        let words =
            format!("{} of {REPLAYS} find it ({})", hits(i), percent(hits(i) as f64 / REPLAYS as f64));
        board.dots.push(Dots { name: name.to_owned(), found: found[i].clone(), words });
    }
    Ok(board)
}

// ---- Bandits.

/// Share of B's right answers that turn wrong when the world changes.
const SPOILT: f64 = 0.25;
const POLICIES: [&str; 4] = ["Fixed 50/50", "Thompson", "UCB1", "Epsilon-greedy"];

/// Four policies on the same requests: regret, and what may be concluded afterwards.
pub(super) fn bandits(s: &[f64], world: &World, corpus: &Corpus, seed: u64) -> Board {
    in_words(bandits_board(s, world, corpus, seed))
}

fn bandits_board(s: &[f64], world: &World, corpus: &Corpus, seed: u64) -> Result<Board> {
    let (changes, n, epsilon) = (s[0] == 1.0, s[1] as u64, s[2] / 100.0);
    let mut arms = [[Proportion::default(); 2]; 4];
    let mut curves: [Vec<[f64; 4]>; 4] = Default::default();
    // Requests come alike to all four; their own draws decide.
    let mut content = Stream::new(seed, Purpose::Decide);
    let mut draws: [Stream; 4] = std::array::from_fn(|i| Stream::new(seed ^ (i as u64 + 1), Purpose::Route));
    let mut truth = [[0u64; 2]; 2];
    let half = n / 2;
    let mut pulls = [[[0u64; 2]; 2]; 4];
    for i in 0..n {
        let Some(right) = world.answers(corpus, &mut content) else { break };
        let late = changes && i >= half;
        let spoilt = content.unit() < SPOILT && late;
        let right = [right & 1 == 1, right >> 1 & 1 == 1 && !spoilt];
        for (sum, right) in truth[usize::from(late)].iter_mut().zip(right) {
            *sum += u64::from(right);
        }
        for (policy, arms) in arms.iter_mut().enumerate() {
            let stream = &mut draws[policy];
            let [first, second] = [stream.unit(), stream.unit()];
            let arm = match policy {
                0 => usize::from(first < 0.5),
                1 => thompson(arms, &[first, second])?,
                2 => ucb1(arms)?,
                _ => epsilon_greedy(arms, epsilon, [first, second])?,
            };
            arms[arm].record(right[arm]);
            pulls[policy][usize::from(late)][arm] += 1;
        }
        if (i + 1) % (n / POINTS).max(1) == 0 || i + 1 == n {
            let rates = rates_of(&truth, i + 1, half, changes);
            for (curve, pulls) in curves.iter_mut().zip(&pulls) {
                let lost = regret(&pulls[0], &rates[0])? + regret(&pulls[1], &rates[1])?;
                curve.push([(i + 1) as f64, lost, lost, lost]);
            }
        }
    }
    let rates = rates_of(&truth, n, half, changes);
    let lost: Vec<f64> = curves.iter().filter_map(|c| c.last().map(|p| p[1])).collect();
    let best = (0..lost.len()).min_by(|a, b| lost[*a].total_cmp(&lost[*b])).unwrap_or(0);
    let mut board = Board::says(format!(
        "{} lost least: {} right answers fewer than the better model would have given, the fixed split {}.",
        POLICIES[best],
        count(lost.get(best).copied().unwrap_or(0.0).round().max(0.0) as u64),
        count(lost.first().copied().unwrap_or(0.0).round() as u64)
    ));
    let of = |r: [f64; 2]| format!("A {}, B {}", percent(r[0]), percent(r[1]));
    board.fact(
        "Truly right",
        if changes {
            format!("{} before the change, {} after it", of(rates[0]), of(rates[1]))
        } else {
            of(rates[0])
        },
    );
    board.table.push(["Policy", "To B", "Lost", "P(B better)", "A fixed test"].map(str::to_owned).to_vec());
    for (policy, name) in POLICIES.into_iter().enumerate() {
        let [a, b] = &arms[policy];
        let posterior = |p: &Proportion| BetaPosterior::after(1.0, 1.0, p);
        let better =
            posterior(a).and_then(|a| crate::analysis::bayes::probability_better(&a, &posterior(b)?, 0.0));
        board.table.push(vec![
            name.to_owned(),
            percent(b.n() as f64 / (a.n() + b.n()).max(1) as f64),
            format!("{:.0}", lost.get(policy).copied().unwrap_or(0.0)),
            better.map_or_else(|e| e.to_string(), |p| format!("{p:.3}")),
            fixed_words(a, b, if policy == 0 { Allocation::Fixed } else { Allocation::Adaptive })?,
        ]);
    }
    let marks = if changes { vec![(half as f64, "the world changes".to_owned())] } else { Vec::new() };
    let ends = POLICIES.iter().zip(&lost).map(|(name, lost)| format!("{name} {lost:.0}")).collect::<Vec<_>>();
    board.chart = Some(Chart {
        title: "Regret over requests: right answers lost".to_owned(),
        x: "requests".to_owned(),
        y: "answers".to_owned(),
        marks,
        words: format!("Regret at the end: {}.", ends.join(", ")),
        curves: curves
            .into_iter()
            .enumerate()
            .map(|(i, points)| Curve { name: POLICIES[i].to_owned(), role: Role::Peer(i as u8), points })
            .collect(),
    });
    Ok(board)
}

/// Shares of right answers of A and B, before and after the change.
fn rates_of(truth: &[[u64; 2]; 2], n: u64, half: u64, changes: bool) -> [[f64; 2]; 2] {
    let before = if changes { n.min(half) } else { n };
    let of = |sums: [u64; 2], n: u64| sums.map(|s| s as f64 / n.max(1) as f64);
    [of(truth[0], before), of(truth[1], n - before)]
}

/// What the verdict says of two shares, by how the requests were shared out.
fn fixed_words(a: &Proportion, b: &Proportion, allocation: Allocation) -> Result<String> {
    let z = two_proportion_z(a, b);
    let estimate = z.and_then(|z| {
        Ok(Estimate { difference: z.difference, interval: wald_interval(a, b, ALPHA)?, p: z.p })
    });
    let n = a.n() + b.n();
    let evidence = Evidence {
        alpha: ALPHA,
        allocation,
        n,
        planned_n: n,
        split: Ok(1.0),
        guardrails: Vec::new(),
        primary: Primary {
            name: "right answers".to_owned(),
            unit: String::new(),
            better: Better::Higher,
            method: Method::Fixed,
            estimate,
        },
        secondary: Vec::new(),
    };
    let said = verdict(&evidence)?;
    let refused = if said.state == State::Error { "refused: " } else { "" };
    Ok(format!("{refused}{}", said.because))
}

// ---- Before and after.

/// Requests in the busiest hour.
const HOURLY: f64 = 2_000.0;
/// Share of the night's traffic of the peak's.
const NIGHT: f64 = 0.25;

/// From 0 at night to 1 at the peak.
fn daylight(hour: u64) -> f64 {
    let from_peak = (hour as f64 - PEAK_HOUR) / 24.0;
    0.5 + 0.5 * libm::cos(std::f64::consts::TAU * from_peak)
}

/// By day callers write about food, at night about software, which every model finds harder.
fn sampler_at(corpus: &Corpus, hour: u64) -> Sampler {
    let food = 0.1 + 0.75 * daylight(hour);
    let mix = DomainMix { clothing: 0.1, food, software: 0.9 - food };
    Sampler::new(corpus, &REAL_STAR_MIX, &mix)
}

/// What a comparison of before with after says, and what one with a control at the same time says: both differences
/// in points, with their intervals.
pub(super) struct BeforeAfter {
    pub before_after: [f64; 3],
    pub concurrent: [f64; 3],
    pub board: Board,
}

pub(super) fn before_after(s: &[f64], right: &[u8], corpus: &Corpus, seed: u64) -> Result<BeforeAfter> {
    let (new, switch, hours) = (s[0] == 1.0, s[1] as u64, s[2] as u64);
    let mut stream = Stream::new(seed, Purpose::Decide);
    let is_right = |id: ReviewId, b: bool| {
        right.get(id.0 as usize).is_some_and(|bits| bits >> u8::from(b && new) & 1 == 1)
    };
    let mut windows = [Proportion::default(); 2];
    let mut control = [Proportion::default(); 2];
    let mut curves = [Vec::new(), Vec::new()];
    // Two days are simulated, and the switch lies on the second.
    let switch = 24 + switch;
    for hour in switch - hours..switch + hours {
        let sampler = sampler_at(corpus, hour % 24);
        let after = hour >= switch;
        let n = (HOURLY * (NIGHT + (1.0 - NIGHT) * daylight(hour % 24))) as u64;
        let (mut single, mut old) = (Proportion::default(), Proportion::default());
        for _ in 0..n {
            let Some((id, _)) = sampler.draw(corpus, &mut stream) else { break };
            single.record(is_right(id, after));
            // In the other world half the requests stay with the old model throughout.
            let to_b = stream.bits() & 1 == 1;
            let answer = is_right(id, to_b);
            if after {
                control[usize::from(to_b)].record(answer);
            }
            old.record(is_right(id, false));
        }
        windows[usize::from(after)].merge(&single);
        for (curve, p) in curves.iter_mut().zip([&single, &old]) {
            let (share, interval) = (p.share()?, p.wilson(ALPHA)?);
            curve.push([hour as f64 - 24.0, share * 100.0, interval.low * 100.0, interval.high * 100.0]);
        }
    }
    let points = |p: &[Proportion; 2]| -> Result<[f64; 3]> {
        let interval = wald_interval(&p[0], &p[1], ALPHA)?;
        Ok([p[1].share()? - p[0].share()?, interval.low, interval.high].map(|v| v * 100.0))
    };
    let (lie, truth) = (points(&windows)?, points(&control)?);
    let words = |d: [f64; 3]| format!("{} points ({})", signed(d[0]), range(d[1], d[2], "points"));
    let away = |d: [f64; 3]| d[1] > 0.0 || d[2] < 0.0;
    let mut board = Board::says(match (away(lie), away(truth)) {
        (true, false) => "Before and after differ, and the models do not: the hours differ.",
        (true, true) => {
            "Both see a difference. Only the one with a control at the same time may blame the model."
        }
        (false, true) => "The hours hide a difference that the control shows.",
        (false, false) => "Neither sees a difference.",
    });
    board.fact("After less before", words(lie));
    board.fact("New less old, at the same time", words(truth));
    board.fact(
        "Compared",
        format!(
            "{hours} hours on each side of the switch, {} requests",
            count(windows[0].n() + windows[1].n())
        ),
    );
    let [single, old] = curves;
    board.chart = Some(Chart {
        title: "Right answers by hour, in %".to_owned(),
        x: "o'clock".to_owned(),
        y: "%".to_owned(),
        marks: vec![(switch as f64 - 24.0, "switch".to_owned())],
        words: format!("Right answers by the hour; after less before is {}.", words(lie)),
        curves: vec![
            Curve { name: "old model, all the time".to_owned(), role: Role::Contrast, points: old },
            Curve { name: "what was deployed".to_owned(), role: Role::Trusted, points: single },
        ],
    });
    Ok(BeforeAfter { before_after: lie, concurrent: truth, board })
}

// ---- The split's culprit.

/// Requests of the bad split.
const LOGGED: u64 = 20_000;
/// How many groups each property has: hour, caller, domain, length, group before.
const GROUPS: [usize; 5] = [6, 8, 3, 4, 2];

/// Who spoils the split under this seed, as a place in the list of suspects.
pub(super) fn culprit(seed: u64) -> usize {
    Stream::new(seed, Purpose::Decide).below(GROUPS.len() as u64) as usize
}

fn group_name(cut: usize, group: usize) -> String {
    match cut {
        0 => format!("hour {}", group + 1),
        1 => format!("caller {}", group + 1),
        2 => ["clothing", "food", "software"][group.min(2)].to_owned(),
        3 => ["up to 15 words", "16 to 30 words", "31 to 60 words", "over 60 words"][group.min(3)].to_owned(),
        _ => ["was in A", "was in B"][group.min(1)].to_owned(),
    }
}

/// Requests of A and B in the log, by group of each property.
pub(super) fn logged(seed: u64) -> [Vec<[u64; 2]>; 5] {
    let culprit = culprit(seed);
    let mut stream = Stream::new(seed ^ 0x5711_7000, Purpose::Decide);
    let mut counts = GROUPS.map(|groups| vec![[0; 2]; groups]);
    for _ in 0..LOGGED {
        let groups: [usize; 5] = std::array::from_fn(|cut| {
            let u = stream.unit();
            match cut {
                // Most reviews are about food, and short.
                2 => usize::from(u > 0.15) + usize::from(u > 0.75),
                3 => usize::from(u > 0.3) + usize::from(u > 0.6) + usize::from(u > 0.85),
                cut => (u * GROUPS[cut] as f64) as usize,
            }
        });
        let mut to_b = stream.unit() < 0.5;
        let chance = stream.unit();
        // Each takes about 6% of all requests from B, so that 53 : 47 is left.
        let (mut lost, hit) = (false, |group: usize| groups[culprit] == group);
        match culprit {
            0 => to_b &= !(hit(2) && chance < 0.36),
            1 => to_b &= !(hit(4) && chance < 0.48),
            2 => lost = to_b && hit(0) && chance < 0.75,
            3 => lost = to_b && hit(3) && chance < 0.75,
            _ => to_b &= !(hit(0) && chance < 0.12),
        }
        if !lost {
            for (cut, group) in groups.into_iter().enumerate() {
                counts[cut][group][usize::from(to_b)] += 1;
            }
        }
    }
    counts
}

/// The log cut by one property, with the test of the split in each group.
pub(super) fn slice(cut: usize, seed: u64) -> Board {
    in_words(slice_board(cut, seed))
}

fn slice_board(cut: usize, seed: u64) -> Result<Board> {
    let counts = logged(seed);
    let cut = cut.min(counts.len() - 1);
    let sum = counts[0].iter().fold([0, 0], |sum, c| [sum[0] + c[0], sum[1] + c[1]]);
    let whole = srm_chi_square(&sum, &[1.0, 1.0])?;
    let share = |c: &[u64; 2]| percent(c[1] as f64 / (c[0] + c[1]).max(1) as f64);
    let mut board = Board {
        state: Some(State::Error),
        ..Board::says(format!(
            "Weights 50 : 50, but B has {} of the {} requests in the log: {}. No metric may be read.",
            share(&sum),
            count(sum[0] + sum[1]),
            p_words(whole.p)
        ))
    };
    board.table.push(["Group", "A", "B", "Share of B", "Split"].map(str::to_owned).to_vec());
    for (group, c) in counts[cut].iter().enumerate() {
        let p = srm_chi_square(c, &[1.0, 1.0])?.p;
        let word = if p < SRM_ALARM { "mismatch" } else { "as promised" };
        board.table.push(vec![
            group_name(cut, group),
            count(c[0]),
            count(c[1]),
            share(c),
            format!("{word}, {}", p_words(p)),
        ]);
    }
    Ok(board)
}

fn p_words(p: f64) -> String {
    if p < 1e-4 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::lab::decide::Exercise;

    fn usual(exercise: Exercise, change: &[(usize, f64)]) -> Vec<f64> {
        let mut s = exercise.usual();
        change.iter().for_each(|(i, v)| s[*i] = *v);
        s
    }

    /// A model is right on a fixed part of the reviews, more often where they are about food.
    fn right(corpus: &Corpus, a: u64, b: u64) -> Vec<u8> {
        let hash = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let easy = |i: usize| match corpus.reviews()[i].domain {
            crate::simulation::ReviewDomain::Food => 15,
            _ => 0,
        };
        (0..corpus.len())
            .map(|i| {
                let u = hash(i) % 100;
                u8::from(u < a + easy(i)) | u8::from(u < b + easy(i)) << 1
            })
            .collect()
    }

    #[test]
    fn every_suspect_leaves_a_trace_in_one_property_alone() {
        let mut met = [false; 5];
        for seed in 0..40 {
            let guilty = culprit(seed);
            met[guilty] = true;
            let counts = logged(seed);
            let sum = counts[0].iter().fold([0, 0], |s, c| [s[0] + c[0], s[1] + c[1]]);
            let share = |c: &[u64; 2]| c[1] as f64 / (c[0] + c[1]) as f64;
            assert!((share(&sum) - 0.47).abs() < 0.013, "seed {seed}: {}", share(&sum));
            assert!(srm_chi_square(&sum, &[1.0, 1.0]).unwrap().p < 1e-6);
            for (cut, groups) in counts.iter().enumerate() {
                let shares: Vec<f64> = groups.iter().map(share).collect();
                let low = shares.iter().copied().fold(1.0, f64::min);
                let high = shares.iter().copied().fold(0.0, f64::max);
                // Four standard errors of the smallest group, about 2,400 requests.
                assert_eq!(
                    high - low > 0.048,
                    cut == guilty,
                    "seed {seed}, cut {cut}: {shares:?}, culprit {guilty}"
                );
            }
        }
        assert_eq!(met, [true; 5]);
    }

    #[test]
    fn pairs_find_what_the_unpaired_test_needs_five_times_the_requests_for() {
        let found = |requests: f64| {
            let board = paired_board(&usual(Exercise::Paired, &[(3, requests)]), 5).unwrap();
            [0, 1].map(|i| board.dots[i].found.chars().filter(|c| *c != '.').count() as f64 / REPLAYS as f64)
        };
        // Power 0.8 within four standard errors of 200 tests.
        let [paired, unpaired] = found(957.0);
        assert!((paired - 0.8).abs() < 0.115 && unpaired < 0.4, "{paired} {unpaired}");
        let [paired, unpaired] = found(5_258.0);
        assert!((unpaired - 0.8).abs() < 0.115 && paired > 0.99, "{paired} {unpaired}");
        let board = paired_board(&Exercise::Paired.usual(), 5).unwrap();
        let facts: String = board.facts.iter().map(|(t, v)| format!("{t} {v}; ")).collect();
        assert!(facts.contains("957 requests, each answered by both"), "{facts}");
        assert!(
            facts.contains("5,258 requests, each answered by one") && facts.contains("5.5 times"),
            "{facts}"
        );
    }

    #[test]
    fn before_and_after_lie_at_dusk_and_not_over_whole_days() {
        let corpus = Corpus::built_in();
        let right = right(&corpus, 50, 50);
        let run = |switch: f64, hours: f64, seed| {
            before_after(&usual(Exercise::BeforeAfter, &[(1, switch), (2, hours)]), &right, &corpus, seed)
                .unwrap()
        };
        let away = |d: [f64; 3]| d[1] > 0.0 || d[2] < 0.0;
        for seed in [1, 2, 3] {
            let dusk = run(20.0, 6.0, seed);
            assert!(dusk.before_after[2] < -3.0, "{:?}", dusk.before_after);
        }
        // 95% intervals of what is not there miss it now and then: most of a few do not.
        let lies = (0..10).filter(|seed| away(run(20.0, 24.0, *seed).before_after)).count();
        let truths = (0..10).filter(|seed| away(run(20.0, 6.0, *seed).concurrent)).count();
        assert!(lies <= 3 && truths <= 3, "{lies} {truths}");
    }

    #[test]
    fn bandits_lose_less_and_their_data_are_refused() {
        let corpus = Corpus::built_in();
        let world = World {
            sampler: Sampler::new(&corpus, &REAL_STAR_MIX, &DomainMix::default()),
            right: right(&corpus, 45, 60),
            to_b: 1 << 63,
        };
        let board = bandits_board(&usual(Exercise::Bandits, &[(1, 4_000.0)]), &world, &corpus, 3).unwrap();
        let lost: Vec<f64> = board.table[1..].iter().map(|row| row[2].parse().unwrap()).collect();
        // Half of 4,000 requests at 15 points, give or take what the draw of the reviews moves.
        assert!((lost[0] - 300.0).abs() < 60.0 && lost[1] < 0.5 * lost[0], "{lost:?}");
        assert!(board.table[1][4].contains("B is better"), "{:?}", board.table[1]);
        for row in &board.table[2..] {
            assert!(row[4].starts_with("refused: ") && row[4].contains("bandit"), "{row:?}");
        }
    }

    #[test]
    fn a_plan_that_cannot_be_says_why() {
        assert!(plan(&usual(Exercise::Plan, &[(1, 0.0)])).headline.contains("no number of observations"));
        assert!(plan(&usual(Exercise::Plan, &[(0, 98.0)])).headline.contains("p_b"));
        let even = plan(&Exercise::Plan.usual());
        assert!(even.headline.starts_with("2,8"), "{}", even.headline);
    }
}
