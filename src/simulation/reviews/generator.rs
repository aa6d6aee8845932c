//! Reviews from a bank of clauses.

use std::collections::BTreeSet;

use super::{Review, ReviewDomain};
use crate::{
    domain::Stars,
    simulation::random::{Purpose, Stream},
};

/// Place of what is neither praise nor blame.
const MIDDLE: usize = 2;

const CLAUSES: &str = include_str!("clauses.tsv");

/// Per mille of reviews of 1 to 5 stars whose author thinks, in all, strongly ill to strongly well of the thing.
///
/// People of one opinion give different stars, on real reviews as here: this table holds that noise. It and
/// [`POLARITY`] were set so that the models' accuracy on a whole domain comes near that on real reviews.
const OPINION: [[u32; 5]; 5] = [
    [780, 140, 35, 15, 30],
    [250, 490, 190, 45, 25],
    [40, 210, 540, 160, 50],
    [5, 40, 125, 540, 290],
    [2, 8, 15, 85, 890],
];
/// Per mille of clauses of each polarity, strongly negative to strongly positive, that an opinion is put into.
const POLARITY: [[u32; 5]; 5] = [
    [710, 215, 60, 12, 3],
    [150, 560, 190, 90, 10],
    [20, 250, 490, 225, 15],
    [5, 110, 190, 555, 140],
    [1, 6, 48, 175, 770],
];
/// Per mille of clauses and headlines that are about things of this domain rather than about anything one can buy.
const OF_THE_DOMAIN: u64 = 800;
/// Per mille of reviews with an opener.
const OPENERS: u64 = 250;
/// Texts that may be drawn in vain before a repeated one is kept.
const TRIES: u32 = 50;

/// What the reviews of one domain are made like.
struct Style {
    domain: ReviewDomain,
    /// Its name in the bank.
    name: &'static str,
    /// Per mille of reviews that begin with a headline, as many shops have their customers write one.
    headlines: u64,
    /// Per mille of reviews of 1 to 12 clauses; a clause has about eight tokens.
    clauses: [u32; 12],
    /// Parts of the domain whose nouns and clauses do not go together: nobody brews a granola. In the bank the kind
    /// `food/drink` is that part's alone, `food` fits them all.
    parts: &'static [&'static str],
}

/// In the order in which they take turns.
static STYLES: [Style; 3] = [
    Style {
        domain: ReviewDomain::Clothing,
        name: "clothing",
        headlines: 800,
        clauses: [10, 50, 70, 90, 110, 120, 120, 110, 100, 90, 70, 60],
        parts: &[""],
    },
    Style {
        domain: ReviewDomain::Food,
        name: "food",
        headlines: 900,
        clauses: [10, 60, 90, 110, 120, 120, 110, 100, 90, 80, 60, 50],
        parts: &["drink", "eat"],
    },
    Style {
        domain: ReviewDomain::Software,
        name: "software",
        headlines: 200,
        clauses: [160, 150, 130, 110, 90, 80, 70, 60, 50, 40, 30, 30],
        parts: &[""],
    },
];

/// Lines of the bank by polarity, strongly negative to strongly positive.
type ByPolarity = [Vec<&'static str>; 5];

/// The lines of one domain, and those that fit every domain.
struct Bank {
    style: &'static Style,
    /// Clauses about anything.
    any: ByPolarity,
    /// Clauses about the domain's things, for each of its parts.
    own: Vec<ByPolarity>,
    any_headlines: ByPolarity,
    own_headlines: ByPolarity,
    /// Nouns and the place of the part that each belongs to.
    nouns: Vec<(&'static str, usize)>,
    openers: Vec<&'static str>,
}

impl Bank {
    fn of(style: &'static Style) -> Self {
        let mut bank = Self {
            style,
            any: Default::default(),
            own: vec![Default::default(); style.parts.len()],
            any_headlines: Default::default(),
            own_headlines: Default::default(),
            nouns: Vec::new(),
            openers: Vec::new(),
        };
        for line in CLAUSES.lines().skip(1) {
            let mut fields = line.splitn(3, '\t');
            let (Some(kind), Some(polarity), Some(text)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            // −2 to 2; the tests hold that every line has one of them.
            let level = polarity.parse::<i32>().ok().and_then(|p| usize::try_from(p + 2).ok());
            let Some(level) = level.filter(|&l| l < bank.any.len()) else { continue };
            let (kind, part) = kind.split_once('/').unwrap_or((kind, ""));
            let parts = (0..style.parts.len()).filter(|&p| part.is_empty() || style.parts[p] == part);
            match kind {
                "any" => bank.any[level].push(text),
                "title" => bank.any_headlines[level].push(text),
                "opener" => bank.openers.push(text),
                _ if kind == style.name => parts.for_each(|p| bank.own[p][level].push(text)),
                _ if kind.strip_prefix("title-") == Some(style.name) => bank.own_headlines[level].push(text),
                _ if kind.strip_prefix("noun-") == Some(style.name) => {
                    bank.nouns.extend(parts.map(|p| (text, p)));
                }
                _ => {}
            }
        }
        bank
    }

    fn write(&self, star: Stars, stream: &mut Stream) -> String {
        let (noun, part) = pick(&self.nouns, stream);
        let opinion = weighted(&OPINION[star.index()], stream);
        let mut text = String::new();
        if stream.below(1_000) < self.style.headlines {
            let level = weighted(&POLARITY[opinion], stream);
            let of_the_domain = stream.below(1_000) < OF_THE_DOMAIN;
            let from = if of_the_domain { &self.own_headlines } else { &self.any_headlines };
            text.push_str(pick(&from[level], stream));
            text.push_str(pick(&[".", ".", "!"], stream));
        }
        if stream.below(1_000) < OPENERS {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(pick(&self.openers, stream));
        }
        let mut said: Vec<&str> = Vec::new();
        let (mut before, mut last_joint) = (MIDDLE, "");
        for level in self.levels(opinion, stream) {
            let Some(clause) = self.clause(part, level, &said, stream) else { continue };
            if !said.is_empty() {
                let mut joint = joint(level, before, stream);
                // "Also, … Also, …", one comma after the other, "also, delicious": nobody writes like that.
                let clumsy = text.contains(joint) || last_joint.starts_with(',') || !has_subject(clause);
                if joint != "." && clumsy {
                    joint = ".";
                }
                text.push_str(joint);
                last_joint = joint;
            }
            let sentence = text.is_empty() || text.ends_with(['.', '!']);
            if !text.is_empty() {
                text.push(' ');
            }
            let named = said.iter().any(|c| c.contains("{t}"));
            let clause_text = if named { clause.replace("this {t}", "it") } else { clause.to_owned() };
            push_clause(&mut text, &clause_text.replace("{t}", noun), sentence);
            said.push(clause);
            before = level;
        }
        text.push_str(["", ".", ".", ".", "!"][stream.below(5) as usize]);
        text
    }

    /// The polarities of a review's clauses in the order in which they come: first the facts, then one side and then
    /// the other, so that praise and blame do not alternate.
    fn levels(&self, opinion: usize, stream: &mut Stream) -> Vec<usize> {
        let count = weighted(&self.style.clauses, stream) + 1;
        let mut levels: Vec<usize> = (0..count).map(|_| weighted(&POLARITY[opinion], stream)).collect();
        let praise_first = stream.below(2) == 0;
        levels.sort_by_key(|&l| if l == MIDDLE { 0 } else { 1 + u8::from((l > MIDDLE) != praise_first) });
        levels
    }

    /// A clause that was not said yet.
    fn clause(&self, part: usize, level: usize, said: &[&str], stream: &mut Stream) -> Option<&'static str> {
        // There are more clauses than a review may have, so a few draws find a new one.
        (0..TRIES)
            .map(|_| {
                let of_the_domain = stream.below(1_000) < OF_THE_DOMAIN;
                let from = if of_the_domain { self.own.get(part)? } else { &self.any };
                Some(pick(&from[level], stream))
            })
            .find_map(|clause| clause.filter(|c| !said.contains(c)))
    }
}

/// What stands between two clauses: a contrast where praise meets blame.
fn joint(level: usize, before: usize, stream: &mut Stream) -> &'static str {
    let contrast = (level < MIDDLE && before > MIDDLE) || (level > MIDDLE && before < MIDDLE);
    let joints: &[&'static str] =
        if contrast { &[", but", ". However,", ". Still,"] } else { &[", and", ".", ". Also,", "."] };
    pick(joints, stream)
}

/// Whether a clause is a sentence that can follow a comma, rather than an exclamation such as "pure luxury".
fn has_subject(clause: &str) -> bool {
    let first = clause.split(' ').next().unwrap_or_default();
    ["I", "it", "this", "there", "they", "we", "you", "my"].contains(&first)
}

fn push_clause(text: &mut String, clause: &str, sentence: bool) {
    let mut letters = clause.chars();
    match letters.next() {
        Some(first) if sentence => {
            text.extend(first.to_uppercase());
            text.push_str(letters.as_str());
        }
        _ => text.push_str(clause),
    }
}

fn pick<T: Copy + Default>(from: &[T], stream: &mut Stream) -> T {
    from.get(stream.below(from.len() as u64) as usize).copied().unwrap_or_default()
}

/// A place, by weights that sum to 1,000.
fn weighted(per_mille: &[u32], stream: &mut Stream) -> usize {
    let mut left = stream.below(1_000) as u32;
    for (i, &w) in per_mille.iter().enumerate() {
        if left < w {
            return i;
        }
        left -= w;
    }
    per_mille.len() - 1
}

/// `n` reviews, domains and stars in turn, no text twice while the bank has another.
pub(super) fn generate(n: u32, seed: u64) -> Vec<Review> {
    let banks = STYLES.each_ref().map(Bank::of);
    let mut stream = Stream::new(seed, Purpose::Reviews);
    let mut seen = BTreeSet::new();
    (0..n)
        .map(|i| {
            let bank = &banks[i as usize % banks.len()];
            let star = Stars::ALL[i as usize / banks.len() % Stars::ALL.len()];
            let mut text = bank.write(star, &mut stream);
            for _ in 0..TRIES {
                if seen.insert(text.clone()) {
                    break;
                }
                text = bank.write(star, &mut stream);
            }
            Review { name: format!("gen-{:04}", i + 1), text, stars: Some(star), domain: bank.style.domain }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_bank_is_used() {
        let of = |style| {
            let bank = Bank::of(style);
            let by_level = [&bank.any, &bank.any_headlines, &bank.own_headlines].into_iter().chain(&bank.own);
            let clauses: BTreeSet<&str> = by_level.flatten().flatten().copied().collect();
            clauses.len() + bank.nouns.len() + bank.openers.len()
        };
        let used: usize = STYLES.iter().map(of).sum();
        // Lines for every domain are in every bank.
        let shared = |l: &&str| ["any\t", "opener\t", "title\t"].iter().any(|kind| l.starts_with(kind));
        let extra = CLAUSES.lines().filter(shared).count() * (STYLES.len() - 1);
        assert_eq!(used, CLAUSES.lines().count() - 1 + extra);
    }

    #[test]
    fn no_clause_comes_twice_and_all_are_one_line_of_one_sentence() {
        let mut seen = BTreeSet::new();
        for line in CLAUSES.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, _, text] = fields[..] else { panic!("{line}") };
            assert!(seen.insert((kind, text)), "{line}");
            assert!(text == text.trim() && !text.ends_with(['.', '!']) || kind == "opener", "{line}");
        }
    }

    #[test]
    fn tables_sum_to_a_thousand() {
        let styles = STYLES.iter().map(|s| s.clauses.iter().sum::<u32>());
        let tables = OPINION.iter().chain(&POLARITY).map(|row| row.iter().sum::<u32>());
        assert!(styles.chain(tables).all(|sum| sum == 1_000));
    }

    #[test]
    fn every_cell_has_its_share_and_no_text_comes_twice() {
        let reviews = generate(2_400, 1);
        for style in &STYLES {
            for star in Stars::ALL {
                let n = reviews.iter().filter(|r| r.domain == style.domain && r.stars == Some(star)).count();
                assert_eq!(n, 160);
            }
        }
        let texts: BTreeSet<&str> = reviews.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts.len(), 2_400);
        assert_eq!(reviews, generate(2_400, 1));
        assert_ne!(reviews, generate(2_400, 2));
    }

    #[test]
    fn sentences_begin_with_a_capital_and_hold_no_gap() {
        for review in generate(2_000, 7) {
            let text = &review.text;
            assert!(!text.contains("{t}") && !text.contains("  ") && !text.contains(" ."), "{text}");
            for (i, _) in text.match_indices(". ") {
                assert!(!text[i + 2..].starts_with(|c: char| c.is_lowercase()), "{text}");
            }
            assert!(!text.starts_with(|c: char| c.is_lowercase()), "{text}");
        }
    }
}
