//! The same test in many universes: other draws, the same world.

use super::board::{Board, Dots, count, percent, signed};
use crate::{
    analysis::{
        Summary,
        proportions::{Proportion, two_proportion_z},
        sequential::{ConfidenceSequence, group::crossing},
    },
    domain::ReviewId,
    simulation::{Corpus, Purpose, Sampler, Stream},
};

/// Level of every test here.
const ALPHA: f64 = 0.05;
/// Bound of |z| of a fixed test at that level, to the last bit.
const Z: f64 = 1.959_963_984_540_054;

/// The world that all universes share.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub sampler: Sampler,
    /// By review: bit 0 when A is right on it, bit 1 when B is.
    pub right: Vec<u8>,
    /// Of 2⁶⁴ draws, those that go to B.
    pub to_b: u64,
}

impl World {
    /// The next request: whether it goes to B, and whether that variant is right; none without reviews.
    #[inline]
    pub fn request(&self, corpus: &Corpus, stream: &mut Stream) -> Option<(bool, bool)> {
        let b = stream.bits() < self.to_b;
        let right = self.answers(corpus, stream)?;
        Some((b, right >> u8::from(b) & 1 == 1))
    }

    /// Who would be right on the next review: bit 0 for A, bit 1 for B.
    #[inline]
    pub fn answers(&self, corpus: &Corpus, stream: &mut Stream) -> Option<u8> {
        let (ReviewId(id), _) = self.sampler.draw(corpus, stream)?;
        self.right.get(id as usize).copied()
    }
}

/// How one universe's test went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// B less A at the end.
    pub difference: f64,
    /// B less A where the reading found something first: read once at the end, at every look, by the sequence.
    pub found: [Option<f64>; 3],
}

/// A replay under way or done.
#[derive(Clone, Debug)]
pub(super) struct Universes {
    pub world: World,
    /// B answers with the same model as A.
    pub same: bool,
    pub requests: u64,
    pub looks: u64,
    pub of: u64,
    seed: u64,
    pub done: Vec<Outcome>,
}

impl Universes {
    pub fn new(world: World, same: bool, settings: &[f64], seed: u64) -> Self {
        let at = |i: usize| settings.get(i).copied().unwrap_or(1.0) as u64;
        Self { world, same, requests: at(1), looks: at(2).min(at(1)), of: at(3), seed, done: Vec::new() }
    }

    pub fn is_done(&self) -> bool {
        self.done.len() as u64 >= self.of
    }

    /// Requests of one universe: what a slice of computing is measured by.
    pub fn cost(&self) -> u64 {
        self.requests.max(1)
    }

    /// Goes through one more universe.
    pub fn step(&mut self, corpus: &Corpus) {
        let number = self.done.len() as u64;
        // Neighbouring seeds give unrelated streams: the generator's key is a hash of the seed.
        let mut stream =
            Stream::new(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)), Purpose::Decide);
        let (mut a, mut b) = (Proportion::default(), Proportion::default());
        let sequence = ConfidenceSequence::new(ALPHA, self.requests as f64);
        let mut found = [None; 3];
        for look in 1..=self.looks {
            let until = self.requests * look / self.looks;
            let (mut to_b, mut hits) = (0, [0, 0]);
            let before = a.n() + b.n();
            for _ in before..until {
                let Some((b, right)) = self.world.request(corpus, &mut stream) else { break };
                to_b += u64::from(b);
                hits[usize::from(b)] += u64::from(right);
            }
            let of = |hits, n| Proportion::new(hits, n).unwrap_or_default();
            a.merge(&of(hits[0], until - before - to_b));
            b.merge(&of(hits[1], to_b));
            let Ok(z) = two_proportion_z(&a, &b) else { continue };
            let alarm = z.p <= ALPHA;
            if look == self.looks && alarm {
                found[0] = Some(z.difference);
            }
            if alarm {
                found[1] = found[1].or(Some(z.difference));
            }
            if let (Ok(sequence), Some(v)) = (sequence, squared_error(&a, &b))
                && sequence.clone().look(z.difference, v, until).is_ok_and(|look| look.p <= ALPHA)
            {
                found[2] = found[2].or(Some(z.difference));
            }
        }
        let share = |p: &Proportion| p.share().unwrap_or(0.0);
        self.done.push(Outcome { difference: share(&b) - share(&a), found });
    }

    /// Universes that each reading found something in.
    pub fn found(&self) -> [usize; 3] {
        std::array::from_fn(|i| self.done.iter().filter(|u| u.found[i].is_some()).count())
    }

    pub fn board(&self) -> Board {
        let n = self.done.len();
        let mut board = Board::default();
        let [fixed, peeked, sequence] = self.found();
        let share = |k: usize| percent(k as f64 / n.max(1) as f64);
        board.headline = if !self.is_done() {
            format!("{} of {} universes so far.", n, self.of)
        } else if self.same {
            format!(
                "B is A, yet of {n} tests {fixed} find a difference at their end, {peeked} at one of {} looks, and \
                 {sequence} by the confidence sequence.",
                self.looks
            )
        } else {
            format!(
                "Of {n} tests {fixed} find a difference at their end, {peeked} at one of {} looks, and {sequence} by \
                 the confidence sequence.",
                self.looks
            )
        };
        let rows =
            [("Read once, at the end", fixed), ("Peeked at", peeked), ("Confidence sequence", sequence)];
        for (i, (name, k)) in rows.into_iter().enumerate() {
            let dot = |u: &Outcome| match u.found[i] {
                Some(d) if d > 0.0 => 'B',
                Some(_) => 'A',
                None => '.',
            };
            board.dots.push(Dots {
                name: name.to_owned(),
                found: self.done.iter().map(dot).collect(),
                words: format!("{k} of {n} find a difference ({})", share(k)),
            });
        }
        if self.is_done() {
            let mut differences: Vec<f64> = self.done.iter().map(|u| u.difference * 100.0).collect();
            differences.sort_by(f64::total_cmp);
            let at = |share: f64| differences.get((share * (n - 1) as f64) as usize).copied().unwrap_or(0.0);
            board
                .fact("Requests", format!("{} each, {} looks, read at 5%", count(self.requests), self.looks));
            board.fact(
                "B less A at the end",
                format!("{} to {} points in 95 of 100 universes", signed(at(0.025)), signed(at(0.975))),
            );
            if self.same
                && let Some(expected) = expected_alarms(self.looks)
            {
                board.fact(
                    "In the long run",
                    format!(
                        "{} read once, {} peeked at {} times",
                        percent(ALPHA),
                        percent(expected),
                        self.looks
                    ),
                );
            }
        }
        board
    }
}

/// Share of tests without an effect that a fixed test at some of so many even looks calls different.
fn expected_alarms(looks: u64) -> Option<f64> {
    let information: Vec<f64> = (1..=looks).map(|k| k as f64 / looks as f64).collect();
    crossing(&information, &vec![Z; information.len()]).ok()?.last().copied()
}

/// Squared standard error of the difference of two shares; none while it has none.
fn squared_error(a: &Proportion, b: &Proportion) -> Option<f64> {
    let of = |p: &Proportion| {
        let (n, share) = (p.n(), p.share().ok()?);
        Summary::from_moments(n, share, share * (1.0 - share) * n as f64 / (n.max(2) - 1) as f64)
            .and_then(|s| s.variance())
            .ok()
            .map(|v| v / n as f64)
    };
    Some(of(a)? + of(b)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::simulation::{DomainMix, REAL_STAR_MIX};

    fn replay(right: impl Fn(usize) -> u8, universes: f64, seed: u64) -> Universes {
        let corpus = Corpus::built_in();
        let world = World {
            sampler: Sampler::new(&corpus, &REAL_STAR_MIX, &DomainMix::default()),
            right: (0..corpus.len()).map(right).collect(),
            to_b: 1 << 63,
        };
        let mut all = Universes::new(world, true, &[0.0, 3_000.0, 30.0, universes], seed);
        while !all.is_done() {
            all.step(&corpus);
        }
        all
    }

    #[test]
    fn without_an_effect_each_reading_errs_as_often_as_it_says() {
        let same = |i: usize| if i % 10 < 6 { 3 } else { 0 };
        let all = replay(same, 1_000.0, 11);
        let [fixed, peeked, sequence] = all.found();
        // 5% and 28% of 1,000, within four standard errors; the sequence is below 5%.
        assert!(
            (22..=78).contains(&fixed) && (223..=337).contains(&peeked) && sequence <= 50,
            "{:?}",
            all.found()
        );
        let board = all.board();
        assert!(board.headline.starts_with("B is A, yet of 1000 tests"), "{}", board.headline);
        let expected = expected_alarms(30).unwrap();
        // Armitage, McPherson and Rowe (1969).
        assert!((expected - 0.280).abs() < 1e-3);
        assert!(board.facts.iter().any(|(_, v)| v.contains("28.0% peeked at 30 times")), "{:?}", board.facts);
    }

    #[test]
    fn a_real_difference_is_found_and_each_universe_is_its_own() {
        let better = |i: usize| u8::from(i % 10 < 5) | u8::from(i % 10 < 7) << 1;
        let all = replay(better, 40.0, 5);
        assert!(all.found()[0] == 40 && all.found()[2] >= 38, "{:?}", all.found());
        assert!(all.done.windows(2).all(|w| w[0].difference != w[1].difference));
        assert_eq!(all.done, replay(better, 40.0, 5).done);
        assert!(all.board().dots.iter().all(|d| !d.found.contains('A')));
    }
}
