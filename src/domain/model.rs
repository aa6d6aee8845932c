//! Models, the artefacts they are made of, and what they answer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ModelName;

/// A number that is no star rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a star rating is a whole number from 1 to 5, but this is {value}")]
pub struct StarsOutOfRange {
    /// The number given.
    pub value: i64,
}

/// A star rating, 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Stars(u8);

impl Stars {
    /// The lowest to the highest.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// Takes 1 to 5.
    ///
    /// # Errors
    /// [`StarsOutOfRange`] with the number.
    pub fn new(value: i64) -> Result<Self, StarsOutOfRange> {
        match u8::try_from(value) {
            Ok(stars @ 1..=5) => Ok(Self(stars)),
            _ => Err(StarsOutOfRange { value }),
        }
    }

    /// The rating as a number, 1 to 5.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Place in an array of five classes, 0 to 4.
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// How many stars apart the two are.
    pub const fn distance(self, other: Self) -> u8 {
        self.0.abs_diff(other.0)
    }
}

impl TryFrom<i64> for Stars {
    type Error = StarsOutOfRange;
    fn try_from(value: i64) -> Result<Self, StarsOutOfRange> {
        Self::new(value)
    }
}

impl From<Stars> for i64 {
    fn from(stars: Stars) -> i64 {
        i64::from(stars.0)
    }
}

/// No trained artefact of that name ships with the lab.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no model artefact `{value}`; choose one of stars-a, stars-b, stars-c")]
pub struct UnknownArtifact {
    /// The name given.
    pub value: String,
}

/// A trained model as it is stored: what `ModelDataUrl` points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Artifact {
    /// Small, trained on clothing reviews only: today's production model.
    #[serde(rename = "stars-a")]
    A,
    /// A text CNN trained on two domains: the candidate.
    #[serde(rename = "stars-b")]
    B,
    /// A committee with a transformer, larger and slower: for the shadow.
    #[serde(rename = "stars-c")]
    C,
}

impl Artifact {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// Its name, e.g. `stars-a`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "stars-a",
            Self::B => "stars-b",
            Self::C => "stars-c",
        }
    }

    /// Place in a table with a column per artefact.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Where the lab says that it is stored.
    pub fn model_data_url(self) -> String {
        format!("s3://rollout-lab/{}/output/model.tar.gz", self.name())
    }

    /// The artefact that a `ModelDataUrl` points to.
    pub fn from_model_data_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.model_data_url() == url)
    }
}

impl FromStr for Artifact {
    type Err = UnknownArtifact;
    fn from_str(name: &str) -> Result<Self, UnknownArtifact> {
        let found = Self::ALL.into_iter().find(|a| a.name() == name);
        found.ok_or_else(|| UnknownArtifact { value: name.to_owned() })
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a container image is for. A training image starts, but answers no health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageScope {
    /// Made to serve.
    Inference,
    /// Made to train.
    Training,
}

/// A container image, by its address in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerImage(String);

impl ContainerImage {
    /// The image of the lab's framework for a scope and a kind of instance.
    pub fn retrieve(scope: ImageScope, gpu: bool) -> Self {
        let (scope, device) = (
            match scope {
                ImageScope::Inference => "inference",
                ImageScope::Training => "training",
            },
            if gpu { "gpu" } else { "cpu" },
        );
        Self(format!("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-{scope}:2.3.1-{device}-py37"))
    }

    /// Takes any address without white space.
    pub fn new(address: impl Into<String>) -> Option<Self> {
        let address = address.into();
        let sound = !address.is_empty() && address.len() <= 255 && !address.contains(char::is_whitespace);
        sound.then_some(Self(address))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a container of it answers `GET /ping`.
    pub fn serves(&self) -> bool {
        !self.0.contains("-training:")
    }
}

/// A model: an artefact in a container, under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: ModelName,
    /// What it answers with.
    pub artifact: Artifact,
    /// What it runs in.
    pub image: ContainerImage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_one_to_five() {
        assert!([0, 6, -1, 256 + 3].into_iter().all(|v| Stars::new(v).is_err()));
        assert_eq!(Stars::new(5).unwrap().index(), 4);
    }

    #[test]
    fn artefacts_are_found_by_name_and_address() {
        for a in Artifact::ALL {
            assert_eq!(a.name().parse(), Ok(a));
            assert_eq!(Artifact::from_model_data_url(&a.model_data_url()), Some(a));
        }
        assert!("stars-z".parse::<Artifact>().unwrap_err().to_string().contains("stars-z"));
    }

    #[test]
    fn only_an_inference_image_serves() {
        assert!(ContainerImage::retrieve(ImageScope::Inference, false).serves());
        assert!(!ContainerImage::retrieve(ImageScope::Training, true).serves());
    }
}
