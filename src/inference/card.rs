//! Model cards: what is known of each shipped model, as its training wrote it down.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::domain::Artifact;

/// The figures of a model card that the engine needs; the page shows the whole card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// File beside the card.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Measured on validation reviews, by domain.
    pub metrics: std::collections::BTreeMap<String, CardMetrics>,
}

/// What was measured on one set of validation reviews.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CardMetrics {
    /// Reviews.
    pub rows: u64,
    /// Share predicted exactly.
    pub accuracy: f64,
}

static CARDS: LazyLock<[ModelCard; 3]> = LazyLock::new(|| {
    [
        include_str!("../../public/models/a.json"),
        include_str!("../../public/models/b.json"),
        include_str!("../../public/models/c.json"),
    ]
    // A test reads all three, so the default never shows.
    .map(|text| serde_json::from_str(text).unwrap_or_default())
});

/// The card of a shipped artefact.
pub fn card(artifact: Artifact) -> &'static ModelCard {
    &CARDS[artifact.index()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_artefact_has_a_card() {
        for artifact in Artifact::ALL {
            let card = card(artifact);
            assert!(card.size_bytes > 100_000 && card.sha256.len() == 64, "{artifact}");
            assert!(card.metrics["clothing"].accuracy > 0.5, "{artifact}");
        }
    }
}
