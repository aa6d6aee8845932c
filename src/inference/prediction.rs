//! What a model answers, and the table that keeps it.

use serde::{Deserialize, Serialize};

use crate::domain::{Artifact, ReviewId, Stars};

/// A model's answer to one text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The likeliest rating; the lower one of equals.
    pub stars: Stars,
    /// Probability of 1 to 5 stars; sums to 1.
    pub probabilities: [f32; 5],
}

impl Prediction {
    /// The prediction with these class probabilities; none when one of them is not a number.
    pub fn from_probabilities(probabilities: [f32; 5]) -> Option<Self> {
        let mut best = 0;
        for (i, p) in probabilities.iter().enumerate() {
            if p.is_nan() {
                return None;
            }
            if *p > probabilities[best] {
                best = i;
            }
        }
        Some(Self { stars: Stars::ALL[best], probabilities })
    }
}

/// Time that an artefact takes on one core of the machine that measured it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceCost {
    /// Microseconds for a text without tokens.
    pub base_us: f64,
    /// Microseconds more for each token.
    pub per_token_us: f64,
}

impl ServiceCost {
    /// Microseconds for a text of `tokens` tokens.
    pub fn us(self, tokens: usize) -> f64 {
        self.base_us + self.per_token_us * tokens as f64
    }
}

#[derive(Clone, Debug, Default)]
struct Column {
    /// By review: none while unasked, `Some(None)` for a text without tokens.
    answers: Vec<Option<Option<Prediction>>>,
    asked: u32,
    cost: Option<ServiceCost>,
}

/// Predictions by artefact and review, filled by real inference, read by traffic.
///
/// A million simulated requests about two thousand reviews need two thousand inferences: the model answers the
/// same text the same way each time.
#[derive(Clone, Debug, Default)]
pub struct PredictionTable {
    tokens: Vec<u16>,
    columns: [Column; 3],
    /// Answers to the tokens of a wrongly seeded tokeniser; empty until one is injected.
    skewed: [Column; 3],
}

impl PredictionTable {
    /// Adds a review of `tokens` tokens and returns its place.
    pub fn add_review(&mut self, tokens: usize) -> ReviewId {
        self.tokens.push(tokens.min(usize::from(u16::MAX)) as u16);
        for column in &mut self.columns {
            column.answers.push(None);
        }
        ReviewId(self.tokens.len() as u32 - 1)
    }

    /// Forgets the reviews from `first` on.
    pub fn truncate(&mut self, first: ReviewId) {
        let keep = first.0 as usize;
        self.tokens.truncate(keep);
        for column in self.columns.iter_mut().chain(&mut self.skewed) {
            column.answers.truncate(keep);
            column.asked = column.answers.iter().filter(|a| a.is_some()).count() as u32;
        }
    }

    /// Reviews in the table.
    pub fn reviews(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens of a review; 0 when it is not in the table.
    pub fn tokens(&self, review: ReviewId) -> usize {
        self.tokens.get(review.0 as usize).map_or(0, |&t| usize::from(t))
    }

    /// Keeps what `artifact` answered; `None` for a text without tokens.
    pub fn answer(&mut self, artifact: Artifact, review: ReviewId, prediction: Option<Prediction>) {
        let column = &mut self.columns[artifact.index()];
        if let Some(slot) = column.answers.get_mut(review.0 as usize) {
            column.asked += u32::from(slot.is_none());
            *slot = Some(prediction);
        }
    }

    /// Whether `artifact` was asked about `review`.
    pub fn is_answered(&self, artifact: Artifact, review: ReviewId) -> bool {
        self.columns[artifact.index()].answers.get(review.0 as usize).is_some_and(Option::is_some)
    }

    /// What `artifact` makes of `review`; none when it was not asked or the text has no token.
    pub fn prediction(&self, artifact: Artifact, review: ReviewId) -> Option<&Prediction> {
        self.columns[artifact.index()].answers.get(review.0 as usize)?.as_ref()?.as_ref()
    }

    /// Keeps what `artifact` answered to the [skewed](super::Tokens::skewed) tokens of a review; `None` for a text
    /// without tokens.
    pub fn answer_skewed(&mut self, artifact: Artifact, review: ReviewId, prediction: Option<Prediction>) {
        let (reviews, column) = (self.tokens.len(), &mut self.skewed[artifact.index()]);
        column.answers.resize(reviews, None);
        if let Some(slot) = column.answers.get_mut(review.0 as usize) {
            column.asked += u32::from(slot.is_none());
            *slot = Some(prediction);
        }
    }

    /// Whether `artifact` was asked about the skewed tokens of `review`.
    pub fn is_answered_skewed(&self, artifact: Artifact, review: ReviewId) -> bool {
        self.skewed[artifact.index()].answers.get(review.0 as usize).is_some_and(Option::is_some)
    }

    /// What `artifact` makes of the skewed tokens of `review`; none when it was not asked or the text has no token.
    pub fn skewed_prediction(&self, artifact: Artifact, review: ReviewId) -> Option<&Prediction> {
        self.skewed[artifact.index()].answers.get(review.0 as usize)?.as_ref()?.as_ref()
    }

    /// Reviews that `artifact` was asked about.
    pub fn answered(&self, artifact: Artifact) -> u32 {
        self.columns[artifact.index()].asked
    }

    /// States what `artifact` costs.
    pub fn set_cost(&mut self, artifact: Artifact, cost: ServiceCost) {
        self.columns[artifact.index()].cost = Some(cost);
    }

    /// What `artifact` costs, once measured.
    pub fn cost(&self, artifact: Artifact) -> Option<ServiceCost> {
        self.columns[artifact.index()].cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_the_likeliest_class() {
        let p = Prediction::from_probabilities([0.1, 0.2, 0.4, 0.2, 0.1]).unwrap();
        assert_eq!(p.stars.get(), 3);
        assert!(Prediction::from_probabilities([f32::NAN, 0.0, 0.0, 0.0, 0.0]).is_none());
    }

    #[test]
    fn the_table_tells_unasked_from_unanswerable() {
        let mut table = PredictionTable::default();
        let (full, empty) = (table.add_review(3), table.add_review(0));
        table.answer(Artifact::B, empty, None);
        assert!(table.is_answered(Artifact::B, empty) && !table.is_answered(Artifact::B, full));
        assert_eq!(table.prediction(Artifact::B, empty), None);
        assert_eq!((table.answered(Artifact::B), table.answered(Artifact::A)), (1, 0));
        table.answer(Artifact::B, ReviewId(99), None);
        assert_eq!(table.answered(Artifact::B), 1);
    }
}
