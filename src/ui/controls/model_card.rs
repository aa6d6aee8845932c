//! The card that ships beside each model.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::Artifact;

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ModelCard {
    /// What it is, in a few words.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// Of the ONNX file.
    pub sha256: String,
    /// Of the ONNX file.
    pub size_bytes: u64,
    /// Trained numbers.
    pub parameters: u64,
    /// Licence, SPDX.
    pub licence: String,
    /// What it was trained on.
    pub trained_on: Vec<Source>,
    /// Layers.
    pub architecture: String,
    /// How text becomes its input.
    pub tokeniser: String,
    /// ONNX operator set.
    pub opset: u32,
    /// What goes in.
    pub inputs: Vec<Tensor>,
    /// What comes out.
    pub outputs: Vec<Tensor>,
    /// How often each operator stands in the graph.
    pub operators: BTreeMap<String, u32>,
    /// How it does, by domain of the reviews.
    pub metrics: BTreeMap<String, DomainMetrics>,
    /// What it cannot do.
    #[serde(default)]
    pub limits: Vec<String>,
}

/// A data set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Reviews in it.
    pub rows: u64,
    /// Licence.
    pub licence: String,
}

/// A tensor of a signature.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tensor {
    /// Name.
    pub name: String,
    /// Type of its numbers.
    pub dtype: String,
    /// Lengths, symbolic ones as text.
    pub shape: Vec<Length>,
}

impl Tensor {
    /// `[1, L]`.
    pub fn shape_text(&self) -> String {
        let lengths = self.shape.iter().map(|l| match l {
            Length::Fixed(n) => n.to_string(),
            Length::Symbol(s) => s.clone(),
        });
        format!("[{}]", lengths.collect::<Vec<_>>().join(", "))
    }
}

/// The length of a dimension.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Length {
    /// Always so long.
    Fixed(i64),
    /// As long as the text.
    Symbol(String),
}

/// How a model does on the reviews of one domain.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DomainMetrics {
    /// Reviews that were asked about.
    pub rows: u64,
    /// It was trained on no review of that domain.
    pub out_of_domain: bool,
    /// Share that is right.
    pub accuracy: f64,
    /// Mean of the F1 scores of the five ratings.
    pub macro_f1: f64,
    /// Mean distance from the true rating, stars.
    pub mae_stars: f64,
    /// The same for a model that says five stars to everything.
    pub always_five: Baseline,
    /// Reviews by true rating (row) and prediction (column).
    pub confusion: [[u64; 5]; 5],
}

/// How saying five stars to everything does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Baseline {
    /// Share that is right.
    pub accuracy: f64,
    /// Mean of the F1 scores.
    pub macro_f1: f64,
    /// Mean distance, stars.
    pub mae_stars: f64,
}

impl ModelCard {
    /// Fetches the card of an artefact, from beside the page.
    ///
    /// # Errors
    /// In words for the learner, naming the file.
    pub async fn fetch(artifact: Artifact) -> Result<Self, String> {
        let file = match artifact {
            Artifact::A => "./models/a.json",
            Artifact::B => "./models/b.json",
            Artifact::C => "./models/c.json",
        };
        let reply = gloo_net::http::Request::get(file).send().await;
        let reply = reply.map_err(|e| format!("{file} could not be fetched: {e}"))?;
        if !reply.ok() {
            return Err(format!("{file} could not be fetched: HTTP {}", reply.status()));
        }
        let text = reply.text().await.map_err(|e| format!("{file} broke off: {e}"))?;
        serde_json::from_str(&text).map_err(|e| format!("{file} is no model card: {e}"))
    }
}
