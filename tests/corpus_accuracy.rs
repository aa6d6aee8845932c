//! How often the shipped models are right on the reviews that the lab sends: a golden, through real inference.
//!
//! It holds what the labs teach and `README.md` says: on clothing A and B are level, on food and on software B is
//! better. It changes with the models, the clause bank, the generator or the hand-written reviews; after a wanted
//! change run `cargo test --test corpus_accuracy -- --nocapture` and take over what it prints, here and in the README.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "onnx")]

use rollout_lab::{
    domain::Stars,
    inference::{Model, Tokens},
    simulation::{Corpus, DomainMix, REAL_STAR_MIX, ReviewDomain},
};

/// In the order of [`DomainMix::weights`]; median of tokens of real reviews, and accuracy of A, B and C here.
const DOMAINS: [(ReviewDomain, &str, usize, [f64; 3]); 3] = [
    (ReviewDomain::Clothing, "clothing", 65, [0.688, 0.688, 0.710]),
    (ReviewDomain::Food, "food", 59, [0.645, 0.703, 0.694]),
    (ReviewDomain::Software, "software", 36, [0.496, 0.528, 0.549]),
];
/// At the default mix of domains.
const DEFAULT_MIX: [f64; 3] = [0.627, 0.675, 0.674];
/// One or two reviews of a cell may fall to the other side of a tie on another machine.
const TOLERANCE: f64 = 0.004;
/// The reviews here are no shorter or longer by more than this, in tokens at the median.
const MEDIAN_TOLERANCE: usize = 8;

#[test]
fn the_models_are_as_right_as_the_readme_says() {
    let corpus = Corpus::built_in();
    let models = ["a", "b", "c"].map(|letter| {
        let path = format!("{}/public/models/{letter}.onnx", env!("CARGO_MANIFEST_DIR"));
        Model::read(&std::fs::read(path).unwrap()).unwrap().prepare().unwrap()
    });
    let readme: String =
        include_str!("../README.md").split_whitespace().map(|word| format!("{word} ")).collect();
    let stars_sent: f64 = REAL_STAR_MIX.iter().sum();
    let mut overall = [0.0; 3];
    let mut wrong = Vec::new();
    let mut hold = |name: &str, reviews: &str, seen: [f64; 3], wanted: [f64; 3]| {
        let digits = |a: f64| format!("{a:.3}").trim_start_matches('0').to_owned();
        let row = format!("| {name} ({reviews}) | {} |", seen.map(digits).join(" | "));
        println!("{row}");
        if seen.iter().zip(wanted).any(|(s, w)| (s - w).abs() > TOLERANCE) {
            wrong.push(format!("{name}: {seen:.4?} for {wanted:?}"));
        }
        let stated = format!("| {name} ({reviews}) | {} |", wanted.map(digits).join(" | "));
        if !readme.contains(&stated) {
            wrong.push(format!("README.md does not say: {stated}"));
        }
    };
    let shares = DomainMix::default().shares().weights();
    for ((domain, name, real_median, wanted), share) in DOMAINS.into_iter().zip(shares) {
        let mut lengths = Vec::new();
        let mut accuracy = [0.0; 3];
        for (star, weight) in Stars::ALL.into_iter().zip(REAL_STAR_MIX) {
            let cell = corpus.reviews().iter().filter(|r| r.domain == domain && r.stars == Some(star));
            let (mut right, mut n) = ([0.0; 3], 0.0);
            for review in cell {
                let tokens = Tokens::of(&review.text);
                lengths.push(tokens.texts().len());
                n += 1.0;
                for (right, model) in right.iter_mut().zip(&models) {
                    let said = model.predict(&tokens).unwrap().unwrap().stars;
                    *right += f64::from(u8::from(said == star));
                }
            }
            for (accuracy, right) in accuracy.iter_mut().zip(right) {
                *accuracy += weight / stars_sent * right / n;
            }
        }
        lengths.sort_unstable();
        let at = |p: usize| lengths[lengths.len() * p / 100];
        println!("{name}: tokens at 10%, 50%, 90%: {}, {}, {}", at(10), at(50), at(90));
        assert!(at(50).abs_diff(real_median) <= MEDIAN_TOLERANCE, "{name}: {} tokens", at(50));
        hold(name, &lengths.len().to_string(), accuracy, wanted);
        for (overall, accuracy) in overall.iter_mut().zip(accuracy) {
            *overall += share * accuracy;
        }
        // Level at home, better on what only B was trained on, no worse on what neither knows.
        let gain = accuracy[1] - accuracy[0];
        let at_least = [-0.02, 0.04, 0.0][domain as usize];
        assert!(gain >= at_least, "{name}: B gains {gain}");
    }
    let mix = DomainMix::default().weights().map(|w| w.to_string()).join("/");
    hold("default mix", &mix, overall, DEFAULT_MIX);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Two-sided 5% with power 80%: about 15.7 p (1 - p) / gain² requests for each variant. The labs' pace must do.
    let [a, b, _] = overall;
    let p = (a + b) / 2.0;
    let each = 15.7 * p * (1.0 - p) / (b - a).powi(2);
    println!("requests for each variant: {each:.0}");
    assert!(b > a && each < 2_500.0, "{each}");
}
