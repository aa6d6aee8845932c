//! The reviews that clients send: hand-written, generated from a bank of clauses, or the learner's own.

pub mod captured;
mod generator;
pub mod reader;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{random::Stream, traffic::DomainMix};
use crate::domain::{ReviewId, Stars};

/// Generated reviews that a corpus has when nothing else is said.
pub const GENERATED: u32 = 2_400;
/// Seed of the generated reviews: the same in every lab, so that predictions of them can be kept.
pub const CORPUS_SEED: u64 = 20_240_607;

const HANDWRITTEN: &str = include_str!("handwritten.tsv");

/// What a review is about.
///
/// The built-in ones stand in the order of [`DomainMix::weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReviewDomain {
    /// Things to wear.
    Clothing,
    /// Things to eat and drink.
    Food,
    /// Programs.
    Software,
    /// Whatever the learner brought.
    Own,
}

/// A review that can be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its name: `hw-001` hand-written, `gen-0001` generated, `own-1` the learner's.
    pub name: String,
    /// What is sent.
    pub text: String,
    /// Stars that its author gave, where known.
    pub stars: Option<Stars>,
    /// What it is about.
    pub domain: ReviewDomain,
}

/// All reviews that can be sent, and those that are.
///
/// A review's [`ReviewId`] is its place: hand-written ones first, then generated ones, then the learner's own. Once
/// there are own reviews, only these are sent.
///
/// # Formula
/// Built in: a star and a domain by the mixes' weights, then any review of that cell alike.
/// Own: a review without stars with the share that these have; otherwise a star by the mix's weights among the
/// stars that there are, then any own review of it alike. All with one draw of 128 bits, whatever the size.
///
/// # Examples
/// ```
/// use rollout_lab::simulation::reviews::Corpus;
/// let corpus = Corpus::built_in();
/// assert_eq!(corpus.len(), 165 + 2_400);
/// assert_eq!(corpus.reviews()[0].name, "hw-001");
/// ```
#[derive(Clone, Debug)]
pub struct Corpus {
    reviews: Vec<Review>,
    built_in: usize,
    /// Reviews by cell: those of `Clothing`, `Food` and `Software` by star, own by star, own without stars.
    by_cell: Vec<u32>,
    cells: [Range<u32>; CELLS],
}

const CELLS: usize = 21;
const OWN: usize = 15;
const OWN_UNRATED: usize = 20;

fn cell(review: &Review) -> usize {
    let star = review.stars.map(Stars::index);
    match (review.domain, star) {
        (ReviewDomain::Own, None) => OWN_UNRATED,
        (ReviewDomain::Own, Some(star)) => OWN + star,
        (domain, star) => 5 * domain as usize + star.unwrap_or(2),
    }
}

/// Reads a whole number of stars out of a bundled file; the tests hold that each is one.
fn stars(text: &str) -> Option<Stars> {
    text.parse().ok().and_then(|n| Stars::new(n).ok())
}

impl Corpus {
    /// The reviews that the lab brings: the hand-written ones and [`GENERATED`] from [`CORPUS_SEED`].
    pub fn built_in() -> Self {
        Self::new(GENERATED, CORPUS_SEED)
    }

    /// The hand-written reviews and `generated` more from `seed`, spread evenly over domains and stars.
    pub fn new(generated: u32, seed: u64) -> Self {
        let handwritten = HANDWRITTEN.lines().skip(1).filter_map(|line| {
            let mut fields = line.splitn(5, '\t');
            let (name, rating, domain, _tags, text) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            let domain = match domain {
                "clothing" => ReviewDomain::Clothing,
                "food" => ReviewDomain::Food,
                _ => ReviewDomain::Software,
            };
            Some(Review { name: name.to_owned(), text: text.to_owned(), stars: stars(rating), domain })
        });
        let mut reviews: Vec<Review> = handwritten.collect();
        reviews.extend(generator::generate(generated, seed));
        let mut corpus = Self {
            built_in: reviews.len(),
            reviews,
            by_cell: Vec::new(),
            cells: std::array::from_fn(|_| 0..0),
        };
        corpus.sort_into_cells();
        corpus
    }

    /// Sends these reviews, with their stars where known, instead of the built-in ones; none at all sends the
    /// built-in ones again.
    pub fn set_own(&mut self, own: Vec<(String, Option<Stars>)>) {
        self.reviews.truncate(self.built_in);
        self.reviews.extend(own.into_iter().enumerate().map(|(i, (text, stars))| Review {
            name: format!("own-{}", i + 1),
            text,
            stars,
            domain: ReviewDomain::Own,
        }));
        self.sort_into_cells();
    }

    /// Every review by its place.
    pub fn reviews(&self) -> &[Review] {
        &self.reviews
    }

    /// The review of that place.
    pub fn get(&self, id: ReviewId) -> Option<&Review> {
        self.reviews.get(id.0 as usize)
    }

    /// How many reviews there are, built-in and own.
    pub fn len(&self) -> usize {
        self.reviews.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.reviews.is_empty()
    }

    /// How many are built in: the first own review has this place.
    pub fn built_in_len(&self) -> usize {
        self.built_in
    }

    /// The learner's own reviews; empty while the built-in ones are sent.
    pub fn own(&self) -> &[Review] {
        &self.reviews[self.built_in..]
    }

    /// The places of the reviews that are sent.
    pub fn sent(&self) -> impl Iterator<Item = ReviewId> + use<> {
        let range = if self.own().is_empty() { 0..self.built_in } else { self.built_in..self.len() };
        range.map(|i| ReviewId(i as u32))
    }

    /// Counting sort by cell.
    fn sort_into_cells(&mut self) {
        let mut ends = [0u32; CELLS];
        for review in &self.reviews {
            ends[cell(review)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            let begin = sum;
            sum += *end;
            *end = begin;
        }
        let begins = ends;
        self.by_cell = vec![0; self.reviews.len()];
        for (i, review) in self.reviews.iter().enumerate() {
            let end = &mut ends[cell(review)];
            self.by_cell[*end as usize] = i as u32;
            *end += 1;
        }
        self.cells = std::array::from_fn(|c| begins[c]..ends[c]);
    }
}

/// A corpus, a star mix and a domain mix, compiled into cells with cumulative thresholds.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// First 64-bit draw past each choice, and the cell that it falls on.
    choices: Vec<(u64, Range<u32>, Option<Stars>)>,
}

impl Sampler {
    /// For weights of 1 to 5 stars and of the domains.
    pub fn new(corpus: &Corpus, star_mix: &[f64; 5], domain_mix: &DomainMix) -> Self {
        let size = |c: usize| corpus.cells[c].len() as f64;
        let mut weighted: Vec<(f64, usize, Option<Stars>)> = Vec::with_capacity(CELLS);
        // The mix may hold numbers whose sum overflows; only their ratios matter.
        let largest = star_mix.iter().copied().fold(0.0, f64::max);
        let mix = |star: usize| if largest > 0.0 { star_mix[star] / largest } else { 1.0 };
        if corpus.own().is_empty() {
            let domains = domain_mix.shares().weights();
            for (s, stars) in Stars::ALL.into_iter().enumerate() {
                // A cell without a review lends its weight to the other domains'.
                let there = |d: usize| f64::from(u8::from(size(5 * d + s) > 0.0));
                let mut shares: [f64; 3] = std::array::from_fn(|d| domains[d] * there(d));
                if shares.iter().all(|&w| w == 0.0) {
                    shares = std::array::from_fn(there);
                }
                let total: f64 = shares.iter().sum();
                for (d, share) in shares.into_iter().enumerate() {
                    if share > 0.0 {
                        weighted.push((mix(s) * share / total, 5 * d + s, Some(stars)));
                    }
                }
            }
        } else {
            let unrated = size(OWN_UNRATED) / corpus.own().len() as f64;
            let present = |even: bool| -> [f64; 5] {
                std::array::from_fn(|s| match size(OWN + s) > 0.0 {
                    true if even => size(OWN + s),
                    true => mix(s),
                    false => 0.0,
                })
            };
            // A mix of stars that nobody gave would send nothing: then every rated review is alike.
            let mut by_star = present(false);
            if by_star.iter().all(|&w| w == 0.0) {
                by_star = present(true);
            }
            let total: f64 = by_star.iter().sum();
            for (s, stars) in Stars::ALL.into_iter().enumerate() {
                if by_star[s] > 0.0 {
                    weighted.push((by_star[s] / total * (1.0 - unrated), OWN + s, Some(stars)));
                }
            }
            weighted.push((unrated, OWN_UNRATED, None));
        }
        weighted.retain(|(w, c, _)| *w > 0.0 && size(*c) > 0.0);
        // The likeliest first: the scan in `draw` then mostly ends at once.
        weighted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let total: f64 = weighted.iter().map(|(w, ..)| w).sum();
        let mut sum = 0.0;
        let choices = weighted
            .into_iter()
            .map(|(w, c, stars)| {
                sum += w;
                ((sum / total * 18_446_744_073_709_551_616.0) as u64, corpus.cells[c].clone(), stars)
            })
            .collect();
        Self { choices }
    }

    /// The next review to send, and its stars; none when there is no review.
    #[inline]
    pub fn draw(&self, corpus: &Corpus, stream: &mut Stream) -> Option<(ReviewId, Option<Stars>)> {
        let bits = stream.bits();
        let choice = self.choices.iter().find(|(end, ..)| bits < *end).or(self.choices.last());
        let (_, cell, stars) = choice?;
        let at = cell.start + stream.below(u64::from(cell.end - cell.start)) as u32;
        let id = corpus.by_cell.get(at as usize)?;
        Some((ReviewId(*id), *stars))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Purpose;

    const fn mix_of(clothing: f64, food: f64, software: f64) -> DomainMix {
        DomainMix { clothing, food, software }
    }

    /// Shares of the stars, of clothing, food and software, and of what has no stars.
    fn shares(corpus: &Corpus, mix: [f64; 5], domains: DomainMix) -> ([f64; 5], [f64; 3], f64) {
        let sampler = Sampler::new(corpus, &mix, &domains);
        let mut stream = Stream::new(9, Purpose::Content);
        let (mut by_star, mut by_domain, mut unrated) = ([0.0; 5], [0.0; 3], 0.0);
        const N: usize = 100_000;
        for _ in 0..N {
            let (id, stars) = sampler.draw(corpus, &mut stream).unwrap();
            let review = corpus.get(id).unwrap();
            assert_eq!(review.stars, stars);
            match stars {
                Some(s) => by_star[s.index()] += 1.0 / N as f64,
                None => unrated += 1.0 / N as f64,
            }
            if let Some(share) = by_domain.get_mut(review.domain as usize) {
                *share += 1.0 / N as f64;
            }
        }
        (by_star, by_domain, unrated)
    }

    #[test]
    fn the_handwritten_file_is_read_whole() {
        let corpus = Corpus::new(0, 1);
        assert_eq!(corpus.len(), HANDWRITTEN.lines().count() - 1);
        assert!(corpus.reviews().iter().all(|r| r.stars.is_some() && !r.text.is_empty()));
    }

    #[test]
    fn stars_and_domains_are_sent_as_mixed() {
        let mix = [0.17, 0.06, 0.09, 0.16, 0.52];
        let (by_star, by_domain, _) = shares(&Corpus::built_in(), mix, mix_of(1.0, 4.0, 3.0));
        let seen = by_star.into_iter().chain(by_domain);
        for (seen, wanted) in seen.zip(mix.into_iter().chain([0.125, 0.5, 0.375])) {
            assert!((seen - wanted).abs() < 0.007, "{seen} for {wanted}");
        }
        let (by_star, by_domain, _) =
            shares(&Corpus::built_in(), [0.0, 0.0, 7.0, 0.0, 0.0], mix_of(9.0, 0.0, 0.0));
        assert_eq!((by_star[0], by_domain[1], by_domain[2]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_domain_without_reviews_lends_its_place() {
        // No review about clothing is written by hand.
        let corpus = Corpus::new(0, 1);
        let (_, [clothing, food, software], _) = shares(&corpus, [1.0; 5], mix_of(5.0, 1.0, 0.0));
        assert!((food - 1.0).abs() < 1e-9, "{clothing} {food} {software}");
        let (_, [_, food, software], _) = shares(&corpus, [1.0; 5], mix_of(1.0, 0.0, 0.0));
        assert!((food - 0.5).abs() < 0.007 && (software - 0.5).abs() < 0.007, "{food} {software}");
    }

    #[test]
    fn own_reviews_replace_the_others() {
        let mut corpus = Corpus::new(10, 1);
        let built_in = corpus.len();
        let one = Stars::ALL[0];
        corpus.set_own(vec![("bad".into(), Some(one)), ("?".into(), None), ("awful".into(), Some(one))]);
        assert_eq!((corpus.own().len(), corpus.own()[0].name.as_str()), (3, "own-1"));
        assert!(corpus.sent().eq((built_in..built_in + 3).map(|i| ReviewId(i as u32))));
        let (by_star, _, unrated) = shares(&corpus, [0.0, 0.0, 0.0, 0.0, 1.0], DomainMix::default());
        assert!((by_star[0] - 2.0 / 3.0).abs() < 0.007 && (unrated - 1.0 / 3.0).abs() < 0.007);
        corpus.set_own(Vec::new());
        assert_eq!(corpus.len(), built_in);
        assert_eq!(corpus.sent().count(), built_in);
    }
}
