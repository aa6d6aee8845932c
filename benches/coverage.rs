//! How often each method raises a false alarm: simulated experiments without an effect, and the rate that is promised.
//!
//! ```text
//! cargo bench --no-default-features --bench coverage            # 20,000 experiments each
//! cargo bench --no-default-features --bench coverage -- 100000
//! ```
//! Requests are right with probability 0.7 in both variants, 6,000 requests an experiment, 30 even looks. It fails when
//! a rate leaves its promise: the fixed test 5% ± 0.5 at its horizon and 28% ± 1.5 when peeked at, every method that
//! pays for its looks at most 5%, the split's alarm at most 0.1%. The spending designs and the split's test at the end
//! spend exactly that, so with another number of experiments chance may put them a hair above.
#![allow(clippy::unwrap_used)] // a failing benchmark may stop

use std::{process::ExitCode, time::Instant};

use rollout_lab::{
    analysis::{
        Summary,
        proportions::{Proportion, two_proportion_z},
        sequential::{
            BernsteinSequence, ConfidenceSequence, Msprt,
            group::{Boundary, Design, boundaries, equal_looks},
        },
        srm::{SRM_ALARM, SequentialSrm, srm_chi_square},
    },
    simulation::{Purpose, Stream},
};

const LOOKS: u64 = 30;
const PER_LOOK: u64 = 200;
const RATE: f64 = 0.7;
const ALPHA: f64 = 0.05;

/// False alarms of every method over all experiments.
#[derive(Default)]
struct Alarms {
    fixed: u64,
    peeked: u64,
    confidence: u64,
    mixture: u64,
    pocock: u64,
    obrien_fleming: u64,
    bernstein: u64,
    split: u64,
    split_sequential: u64,
}

/// What one experiment saw at any look.
#[derive(Default)]
struct Seen {
    fixed: bool,
    peeked: bool,
    confidence: bool,
    mixture: bool,
    pocock: bool,
    obrien_fleming: bool,
}

/// Trials of 0 and 1 as a summary of values.
fn summary(trials: &Proportion) -> Option<Summary> {
    let (n, p) = (trials.n(), trials.share().ok()?);
    Summary::from_moments(n, p, p * (1.0 - p) * n as f64 / (n - 1) as f64).ok()
}

fn experiment(stream: &mut Stream, spending: &[Vec<Boundary>; 2], alarms: &mut Alarms) {
    let (mut a, mut b) = (Proportion::default(), Proportion::default());
    let mut confidence = ConfidenceSequence::new(ALPHA, (LOOKS * PER_LOOK) as f64 / 2.0).unwrap();
    // Effects of about two percentage points are thought likely.
    let mut mixture = Msprt::new(4e-4, 0.0, ALPHA).unwrap();
    let mut split = SequentialSrm::new(&[1.0, 1.0], 10_000.0).unwrap();
    let mut bernstein = BernsteinSequence::new(ALPHA).unwrap();
    let (mut seen, mut missed) = (Seen::default(), false);
    for (pocock, obrien_fleming) in spending[0].iter().zip(&spending[1]) {
        for _ in 0..PER_LOOK {
            let right = stream.unit() < RATE;
            if stream.bits() & 1 == 0 {
                a.record(right)
            } else {
                b.record(right)
            }
            bernstein.record(f64::from(u8::from(right))).unwrap();
        }
        split.look(&[a.n(), b.n()]).unwrap();
        missed |= !bernstein.interval().unwrap().contains(RATE);
        let Ok(z) = two_proportion_z(&a, &b) else { continue };
        seen.fixed = z.p <= ALPHA;
        seen.peeked |= seen.fixed;
        let crosses = |boundary: &Boundary| boundary.z.is_some_and(|limit| z.z.abs() >= limit);
        seen.pocock |= crosses(pocock);
        seen.obrien_fleming |= crosses(obrien_fleming);
        if let (Some(of_a), Some(of_b)) = (summary(&a), summary(&b)) {
            confidence.look_at_difference(&of_a, &of_b).unwrap();
            seen.confidence |= confidence.running_p() <= ALPHA;
            // Arms differ by chance in n: the harmonic mean keeps the difference's error.
            let squared = of_a.variance().unwrap() / a.n() as f64 + of_b.variance().unwrap() / b.n() as f64;
            let n = 2.0 / (1.0 / a.n() as f64 + 1.0 / b.n() as f64);
            mixture.look(n as u64, z.difference, squared * (n as u64) as f64).unwrap();
            seen.mixture |= mixture.rejects();
        }
    }
    alarms.fixed += u64::from(seen.fixed);
    alarms.peeked += u64::from(seen.peeked);
    alarms.confidence += u64::from(seen.confidence);
    alarms.mixture += u64::from(seen.mixture);
    alarms.pocock += u64::from(seen.pocock);
    alarms.obrien_fleming += u64::from(seen.obrien_fleming);
    alarms.bernstein += u64::from(missed);
    alarms.split += u64::from(srm_chi_square(&[a.n(), b.n()], &[1.0, 1.0]).unwrap().p < SRM_ALARM);
    alarms.split_sequential += u64::from(split.p() < SRM_ALARM);
}

/// One row of the table that `make bench` prints; whether the rate keeps its promise, in percent.
fn say(name: &str, alarms: u64, experiments: u64, least: f64, most: f64) -> bool {
    let percent = 100.0 * alarms as f64 / experiments as f64;
    let name = if least > 0.0 { format!("{name} (at least {least})") } else { name.to_owned() };
    println!(
        r#"BENCH {{"group":"false alarms of {experiments} experiments","name":"{name}","value":{percent},"unit":"%","better":"lower","budget":{most}}}"#
    );
    let kept = (least..=most).contains(&percent);
    if !kept {
        println!("{name}: {percent}% is not between {least}% and {most}%");
    }
    kept
}

fn main() -> ExitCode {
    let experiments: u64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(20_000);
    let information = equal_looks(LOOKS as u32).unwrap();
    let spending = [Design::PocockSpending, Design::OBrienFlemingSpending]
        .map(|design| boundaries(design, &information, ALPHA).unwrap());
    let mut stream = Stream::new(20_260, Purpose::ByHand);
    let mut alarms = Alarms::default();
    let began = Instant::now();
    for _ in 0..experiments {
        experiment(&mut stream, &spending, &mut alarms);
    }
    println!("{experiments} experiments in {:.1} s", began.elapsed().as_secs_f64());
    let rows = [
        ("fixed test at its horizon", alarms.fixed, 4.5, 5.5),
        ("fixed test, any of 30 looks", alarms.peeked, 26.5, 29.5),
        ("confidence sequence, any look", alarms.confidence, 0.0, 5.0),
        ("mSPRT, any look", alarms.mixture, 0.0, 5.0),
        ("spending of Pocock type, any look", alarms.pocock, 0.0, 5.0),
        ("spending of O'Brien-Fleming type, any look", alarms.obrien_fleming, 0.0, 5.0),
        ("empirical Bernstein sequence, any look", alarms.bernstein, 0.0, 5.0),
        ("sample ratio mismatch at the end", alarms.split, 0.0, 0.1),
        ("sample ratio mismatch, sequential", alarms.split_sequential, 0.0, 0.1),
    ];
    let mut kept = true;
    for (name, count, least, most) in rows {
        kept &= say(name, count, experiments, least, most);
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
