//! Each copied request beside its original: what a shadow variant would have answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metrics::LatencySketch;
use crate::domain::{InvocationRecord, InvocationStatus, ReviewId, Stars};

/// Most reviews whose disagreement is kept. When there are more, those with the smallest gap go first.
pub const MAX_DISAGREEMENTS: usize = 5_000;

/// What became of the copies that a shadow variant was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyCounts {
    /// Copies that were made.
    pub sent: u64,
    /// Answered with 2xx.
    pub answered: u64,
    /// Reached the shadow's container, and ended in 4xx or 5xx.
    pub failed: u64,
    /// Reached no container, because every queue that could have taken them was full.
    pub dropped: u64,
}

impl CopyCounts {
    fn record(&mut self, status: InvocationStatus) {
        self.sent += 1;
        match status {
            InvocationStatus::Answered => self.answered += 1,
            InvocationStatus::ClientError | InvocationStatus::ModelError => self.failed += 1,
            InvocationStatus::Overloaded => self.dropped += 1,
        }
    }
}

/// Differences of model latency, shadow less production, over pairs that were both answered.
///
/// # Shapes and units
/// Nanoseconds; negative where the shadow was faster. 60 KiB, however many there are.
///
/// # Formula
/// Mean and variance (n − 1) by Welford's recurrence. Percentiles come from two histograms, of the pairs in which the
/// shadow was faster and of the rest, each within [`SKETCH_RELATIVE_ERROR`](super::metrics::SKETCH_RELATIVE_ERROR) of the difference at its rank.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyDifferences {
    n: u64,
    mean_ns: f64,
    squares: f64,
    faster: LatencySketch,
    slower: LatencySketch,
}

impl LatencyDifferences {
    fn record(&mut self, production_ns: u64, shadow_ns: u64) {
        let difference = shadow_ns as f64 - production_ns as f64;
        self.n += 1;
        let from_mean = difference - self.mean_ns;
        self.mean_ns += from_mean / self.n as f64;
        self.squares += from_mean * (difference - self.mean_ns);
        if shadow_ns < production_ns {
            self.faster.record(production_ns - shadow_ns);
        } else {
            self.slower.record(shadow_ns - production_ns);
        }
    }

    /// Pairs.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Mean difference, ns; none without a pair.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean_ns)
    }

    /// Sample variance, ns²; none for fewer than two pairs.
    pub fn variance(&self) -> Option<f64> {
        (self.n > 1).then(|| self.squares / (self.n - 1) as f64)
    }

    /// Share of pairs in which the shadow was faster; none without a pair.
    pub fn faster_share(&self) -> Option<f64> {
        (self.n > 0).then(|| self.faster.count() as f64 / self.n as f64)
    }

    /// The difference of rank `⌈p n ÷ 100⌉`, ns, within [`SKETCH_RELATIVE_ERROR`](super::metrics::SKETCH_RELATIVE_ERROR); none without a pair or for p
    /// outside 0 to 100.
    pub fn percentile_ns(&self, p: f64) -> Option<f64> {
        if self.n == 0 || !(0.0..=100.0).contains(&p) {
            return None;
        }
        let rank = ((p / 100.0 * self.n as f64).ceil() as u64).clamp(1, self.n);
        let faster = self.faster.count();
        // The sketches count ranks from their least value; the fastest shadow is the greatest of `faster`.
        let of = |sketch: &LatencySketch, rank: u64| {
            sketch.percentile((rank as f64 - 0.5) / sketch.count() as f64 * 100.0)
        };
        if rank <= faster {
            of(&self.faster, faster + 1 - rank).map(|v| -v)
        } else {
            of(&self.slower, rank - faster)
        }
    }
}

/// Reviews about which production and shadow gave different stars, one entry each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The review.
    pub review: ReviewId,
    /// The stars that it truly has, where known.
    pub true_stars: Option<Stars>,
    /// Production's answer.
    pub production: Stars,
    /// The shadow's answer.
    pub shadow: Stars,
    /// Pairs about this review that disagreed.
    pub pairs: u64,
    /// The invocation that was the last of them.
    pub last_id: u64,
    /// Model latencies of that invocation, ns: production's and the shadow's.
    pub last_ns: (u64, u64),
}

impl Disagreement {
    /// How many stars apart the two answers are.
    pub const fn gap(&self) -> u8 {
        self.production.distance(self.shadow)
    }
}

/// Production and shadow, request by request, in bounded memory.
///
/// # Shapes and units
/// `confusion` and `right` count pairs in which both answered with stars. About 60 KiB and at most
/// [`MAX_DISAGREEMENTS`] disagreements, however many pairs there are.
///
/// # Examples
/// ```
/// # use rollout_lab::{analysis::pairs::Pairs, domain::*};
/// # let answer = |stars| InvocationRecord {
/// #     id: 0, arrival: VirtualTime::ZERO, user: 0, review: ReviewId(0), true_stars: Stars::new(5).ok(),
/// #     fleet: FleetId(0), instance: 0, status: InvocationStatus::Answered, wait_ns: 0, service_ns: 1_000,
/// #     overhead_ns: 0, predicted: Stars::new(stars).ok(), copy: false, leaked_kib: 0,
/// # };
/// let mut pairs = Pairs::default();
/// pairs.record(&answer(5), &answer(3));
/// assert_eq!(pairs.agreement(), Some(0.0));
/// assert_eq!(pairs.right()[1][0], 1); // production was right, the shadow was not
/// assert_eq!(pairs.disagreements().next().unwrap().gap(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    copies: CopyCounts,
    confusion: [[u64; 5]; 5],
    right: [[u64; 2]; 2],
    latency: LatencyDifferences,
    disagreements: BTreeMap<ReviewId, Disagreement>,
    forgotten: u64,
}

impl Pairs {
    /// Takes in a request and its copy.
    pub fn record(&mut self, production: &InvocationRecord, shadow: &InvocationRecord) {
        self.copies.record(shadow.status);
        if !(production.status.is_answered() && shadow.status.is_answered()) {
            return;
        }
        self.latency.record(production.model_latency_ns(), shadow.model_latency_ns());
        let (Some(ours), Some(theirs)) = (production.predicted, shadow.predicted) else { return };
        self.confusion[ours.index()][theirs.index()] += 1;
        if let Some(truth) = production.true_stars {
            self.right[usize::from(ours == truth)][usize::from(theirs == truth)] += 1;
        }
        if ours != theirs {
            self.disagree(production, shadow, ours, theirs);
        }
    }

    fn disagree(
        &mut self,
        production: &InvocationRecord,
        shadow: &InvocationRecord,
        ours: Stars,
        theirs: Stars,
    ) {
        let last_ns = (production.model_latency_ns(), shadow.model_latency_ns());
        let fresh = Disagreement {
            review: production.review,
            true_stars: production.true_stars,
            production: ours,
            shadow: theirs,
            pairs: 0,
            last_id: production.id,
            last_ns,
        };
        if !self.disagreements.contains_key(&production.review)
            && self.disagreements.len() == MAX_DISAGREEMENTS
        {
            let least = self.disagreements.values().min_by_key(|d| (d.gap(), d.last_id)).copied();
            match least {
                Some(least) if least.gap() <= fresh.gap() => {
                    self.disagreements.remove(&least.review);
                    self.forgotten += 1;
                }
                _ => {
                    self.forgotten += 1;
                    return;
                }
            }
        }
        let entry = self.disagreements.entry(production.review).or_insert(fresh);
        *entry = Disagreement { pairs: entry.pairs + 1, ..fresh };
    }

    /// What became of the copies.
    pub fn copies(&self) -> CopyCounts {
        self.copies
    }

    /// Pairs by answer, `[production's stars − 1][shadow's stars − 1]`.
    pub fn confusion(&self) -> &[[u64; 5]; 5] {
        &self.confusion
    }

    /// Pairs with known stars by who was right, `[production][shadow]` with 0 for wrong and 1 for right: the table
    /// that McNemar's test reads.
    pub fn right(&self) -> &[[u64; 2]; 2] {
        &self.right
    }

    /// Differences of model latency.
    pub fn latency(&self) -> &LatencyDifferences {
        &self.latency
    }

    /// Pairs in which both answered with stars.
    pub fn compared(&self) -> u64 {
        self.confusion.iter().flatten().sum()
    }

    /// Share of compared pairs with the same stars; none without a pair.
    pub fn agreement(&self) -> Option<f64> {
        let n = self.compared();
        let same: u64 = (0..5).map(|i| self.confusion[i][i]).sum();
        (n > 0).then(|| same as f64 / n as f64)
    }

    /// The kept disagreements, by review.
    pub fn disagreements(&self) -> impl Iterator<Item = &Disagreement> {
        self.disagreements.values()
    }

    /// Disagreements that had no room and were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        analysis::metrics::SKETCH_RELATIVE_ERROR,
        domain::{FleetId, VirtualTime},
    };

    fn answered(id: u64, review: u32, stars: i64, service_ns: u64) -> InvocationRecord {
        InvocationRecord {
            id,
            arrival: VirtualTime::ZERO,
            user: 0,
            review: ReviewId(review),
            true_stars: Stars::new(5).ok(),
            fleet: FleetId(0),
            instance: 0,
            status: InvocationStatus::Answered,
            wait_ns: 0,
            service_ns,
            overhead_ns: 0,
            predicted: Stars::new(stars).ok(),
            copy: false,
            leaked_kib: 0,
        }
    }

    #[test]
    fn copies_are_counted_by_their_end() {
        let mut pairs = Pairs::default();
        let production = answered(0, 0, 5, 1);
        for status in [
            InvocationStatus::Answered,
            InvocationStatus::ClientError,
            InvocationStatus::ModelError,
            InvocationStatus::Overloaded,
        ] {
            pairs.record(&production, &InvocationRecord { status, ..production });
        }
        assert_eq!(pairs.copies(), CopyCounts { sent: 4, answered: 1, failed: 2, dropped: 1 });
        assert_eq!((pairs.compared(), pairs.latency().n()), (1, 1));
        let failed = InvocationRecord { status: InvocationStatus::Overloaded, ..production };
        pairs.record(&failed, &production);
        assert_eq!((pairs.copies().answered, pairs.compared()), (2, 1));
    }

    #[test]
    fn differences_have_the_moments_and_ranks_of_their_samples() {
        // Shadow less production: −99, −98, …, 100.
        let mut d = LatencyDifferences::default();
        for i in 1..=200_u64 {
            d.record(100_000, 100_000 + i * 1_000 - 100_000);
        }
        assert_eq!(d.mean_ns().unwrap(), 500.0);
        // Σ over 200 equally spaced values: 1000² · (200² − 1) ÷ 12 · 200 ÷ 199.
        let wanted = 1e6 * (40_000.0 - 1.0) / 12.0 * 200.0 / 199.0;
        assert!((d.variance().unwrap() / wanted - 1.0).abs() < 1e-12);
        for (p, value) in [(0.0, -99e3), (1.0, -98e3), (50.0, 0.0), (75.0, 50e3), (100.0, 100e3)] {
            let seen = d.percentile_ns(p).unwrap();
            assert!(
                (seen - value).abs() <= SKETCH_RELATIVE_ERROR * f64::abs(value) + 1e-9,
                "{p}: {seen} for {value}"
            );
        }
        assert!((d.faster_share().unwrap() - 99.0 / 200.0).abs() < 1e-12);
        assert_eq!(d.percentile_ns(101.0), None);
    }

    #[test]
    fn one_entry_for_each_review_and_the_widest_gaps_stay() {
        let mut pairs = Pairs::default();
        for id in 0..3 {
            pairs.record(&answered(id, 7, 5, 1), &answered(id, 7, 1, 2));
        }
        for review in 100..100 + MAX_DISAGREEMENTS as u32 {
            pairs.record(&answered(9, review, 5, 1), &answered(9, review, 4, 2));
        }
        assert_eq!((pairs.disagreements().count(), pairs.forgotten()), (MAX_DISAGREEMENTS, 1));
        let widest = pairs.disagreements().max_by_key(|d| d.gap()).unwrap();
        assert_eq!((widest.review, widest.pairs, widest.gap(), widest.last_id), (ReviewId(7), 3, 4, 2));
    }
}
