//! The blind round: the seed hides whether the candidate is sound, and the learner's verdict is scored against that.

use serde::{Deserialize, Serialize};

use super::{Experiment, Refusal};
use crate::{
    domain::{Artifact, Stars, VirtualTime},
    inference::PredictionTable,
    simulation::{Corpus, Fault, Purpose, ReviewDomain, Stream, TrafficSettings},
};

/// Model latency above which the round counts a request as harmed, ms: ten times the usual.
pub const BLIND_SLOW_MS: u64 = 20;
/// Variant that the round's fault strikes.
pub const CANDIDATE: &str = "VariantB";
/// Most points that harm, and that money, can take from a right verdict.
const MOST_LOST: f64 = 40.0;
/// Harmed requests that cost a point, and US dollars that do.
const HARMED_PER_POINT: f64 = 50.0;
const USD_PER_POINT: f64 = 0.1;
/// When the fault begins at the earliest, and within how long after that, virtual seconds.
const STARTS_FROM_S: u64 = 300;
const STARTS_WITHIN_S: u64 = 1_500;

/// What may be hidden: the faults, beside three rounds in nine without one.
const FAULTS: [Fault; 6] = [
    Fault::SlowModel { factor: 12.0 },
    Fault::LatencySpikes { probability: 0.03, extra_ms: 400.0 },
    Fault::ClientErrors { share: 0.05 },
    Fault::ModelErrors { share: 0.04 },
    Fault::MemoryLeak { mib_per_request: 0.7 },
    Fault::SkewedTokenizer,
];
const SOUND: u64 = 3;

/// The hidden fault of a seed, and when it begins; none when the candidate is sound.
pub(super) fn hidden(seed: u64) -> Option<(Fault, u64)> {
    let mut draws = Stream::new(seed, Purpose::Blind);
    let drawn = draws.below(FAULTS.len() as u64 + SOUND) as usize;
    let starts_in_s = STARTS_FROM_S + draws.below(STARTS_WITHIN_S);
    FAULTS.get(drawn).map(|fault| (*fault, starts_in_s))
}

/// A verdict and the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlindVerdict {
    /// When it was given.
    pub at: VirtualTime,
    /// The learner promoted the candidate; else rolled it back.
    pub promoted: bool,
    /// What was hidden.
    pub fault: Option<Fault>,
    /// Whether the verdict fits: a sound candidate promoted, or a faulty one rolled back.
    pub right: bool,
    /// Share of the traffic's requests that each model truly gets right, the candidate's with its fault.
    pub accuracy: [f64; 2],
    /// Callers who got an error, waited longer than [`BLIND_SLOW_MS`], or got a wrong answer that the old model would
    /// have got right, on balance.
    pub harmed: u64,
    /// US dollars until then.
    pub cost_usd: f64,
    /// 0 to 100.
    pub points: u32,
}

/// Share of the requests that a model gets right under this traffic: by star and domain, over every review.
fn expected_accuracy(corpus: &Corpus, traffic: &TrafficSettings, right: impl Fn(u32, Stars) -> bool) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for stars in Stars::ALL {
        let mix = traffic.domain_mix.shares();
        for (domain, share) in [
            (ReviewDomain::Clothing, mix.clothing),
            (ReviewDomain::Food, mix.food),
            (ReviewDomain::Software, mix.software),
        ] {
            let (mut n, mut correct) = (0.0, 0.0);
            for (i, review) in corpus.reviews().iter().enumerate() {
                if review.domain == domain && review.stars == Some(stars) {
                    n += 1.0;
                    correct += f64::from(u8::from(right(i as u32, stars)));
                }
            }
            let w = share * traffic.star_mix[stars.index()];
            if n > 0.0 {
                sum += w * correct / n;
                weight += w;
            }
        }
    }
    if weight > 0.0 { sum / weight } else { 0.0 }
}

fn is_right(table: &PredictionTable, artifact: Artifact, skewed: bool, review: u32, truth: Stars) -> bool {
    let review = crate::domain::ReviewId(review);
    let answer =
        if skewed { table.skewed_prediction(artifact, review) } else { table.prediction(artifact, review) };
    answer.is_some_and(|p| p.stars == truth)
}

/// Points of a verdict.
///
/// # Formula
/// 0 for a wrong one; else 100 less one for every 50 harmed callers (at most 40) and one for every 10 cents (at most
/// 40).
fn points(right: bool, harmed: u64, cost_usd: f64) -> u32 {
    if !right {
        return 0;
    }
    let lost = |by: f64| by.min(MOST_LOST);
    (100.0 - lost(harmed as f64 / HARMED_PER_POINT) - lost(cost_usd / USD_PER_POINT)).round() as u32
}

impl Experiment {
    /// The verdict of a blind round, once given.
    pub fn verdict(&self) -> Option<&BlindVerdict> {
        self.verdict.as_ref()
    }

    pub(super) fn decide(&mut self, promoted: bool) -> Result<(), Refusal> {
        if !self.is_blind() {
            return Err(Refusal::lab_rule("only the blind round asks for a verdict"));
        }
        if let Some(given) = &self.verdict {
            let word = if given.promoted { "promote" } else { "roll back" };
            return Err(Refusal::lab_rule(format!(
                "your verdict was to {word}; start over for another round"
            )));
        }
        let endpoint = self.called_endpoint().filter(|e| e.status.serves());
        let Some(endpoint) = endpoint.filter(|e| e.variants().iter().any(|v| v.name.as_str() == CANDIDATE))
        else {
            return Err(Refusal::lab_rule(format!(
                "deploy both variants first; the candidate is {CANDIDATE}"
            )));
        };
        let of = |candidate: bool| {
            let mut sum = super::Tally::default();
            let chosen = endpoint.variants().iter().filter(|v| (v.name.as_str() == CANDIDATE) == candidate);
            chosen.for_each(|v| sum.add(&self.tally(&endpoint.name, &v.name)));
            sum
        };
        let (old, new) = (of(false), of(true));
        let accuracy_before = old.correct as f64 / old.labelled.max(1) as f64;
        let wrong = (new.labelled as f64 * accuracy_before - new.correct as f64).max(0.0).round() as u64;
        let fault = hidden(self.seed).map(|(fault, _)| fault);
        let skewed = fault == Some(Fault::SkewedTokenizer);
        let traffic = self.simulation.traffic();
        let truly = |artifact, skewed| {
            expected_accuracy(self.corpus(), traffic, |r, s| is_right(self.table(), artifact, skewed, r, s))
        };
        // What accuracy lost by chance alone is no harm.
        let runs = |candidate: bool| {
            let found = endpoint.variants().iter().find(|v| (v.name.as_str() == CANDIDATE) == candidate);
            found.map_or(if candidate { Artifact::B } else { Artifact::A }, |v| v.artifact)
        };
        let accuracy = [truly(runs(false), false), truly(runs(true), skewed)];
        let wrong = if accuracy[1] < accuracy[0] { wrong } else { 0 };
        let harmed = self.day().map_or(0, |d| d.slow_in_all()) + wrong;
        let right = promoted == fault.is_none();
        let cost_usd = self.control_plane().cost_usd();
        let points = points(right, harmed, cost_usd);
        let at = self.now();
        self.verdict = Some(BlindVerdict { at, promoted, fault, right, accuracy, harmed, cost_usd, points });
        Ok(())
    }
}
