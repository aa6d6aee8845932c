//! The card that ships beside each model.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::{domain::Artifact, ui::link::understood};

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
    #[serde(deserialize_with = "members")]
    pub operators: Vec<(String, u32)>,
    /// How it does, by domain of the reviews.
    #[serde(deserialize_with = "members")]
    pub metrics: Vec<(String, DomainMetrics)>,
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

/// The members of an object by name: there are a few, and a list of them is smaller than a map.
fn members<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, T)>, D::Error> {
    struct Members<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = Vec<(String, T)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members: Vec<(String, T)> = Vec::new();
            while let Some(member) = map.next_entry()? {
                let place = members.partition_point(|(name, _)| *name < member.0);
                members.insert(place, member);
            }
            Ok(members)
        }
    }
    from.deserialize_map(Members(PhantomData))
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
        understood(text).ok_or_else(|| format!("{file} is no model card."))
    }
}
