//! The reviews about which a shadow variant and what it shadows gave different stars, sorted and filtered.

use serde::{Deserialize, Serialize};

use super::Experiment;
use crate::{
    analysis::pairs::Disagreement,
    domain::{FleetId, ReviewId},
};

/// Most rows in one answer.
pub const MAX_ROWS: usize = 200;

/// In which order disagreements are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisagreementOrder {
    /// The most stars apart first.
    #[default]
    Gap,
    /// The most often asked first.
    Pairs,
    /// The last one first.
    Recent,
    /// The largest difference of model latency first, whichever of the two was slower.
    Latency,
}

/// Which disagreements are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisagreementFilter {
    /// Every one.
    #[default]
    All,
    /// Those in which the shadow was right.
    ShadowRight,
    /// Those in which production was right.
    ProductionRight,
    /// Those in which neither was right.
    NeitherRight,
}

impl DisagreementFilter {
    fn takes(self, d: &Disagreement) -> bool {
        let (ours, theirs) = (d.true_stars == Some(d.production), d.true_stars == Some(d.shadow));
        match self {
            Self::All => true,
            Self::ShadowRight => theirs,
            Self::ProductionRight => ours,
            Self::NeitherRight => d.true_stars.is_some() && !ours && !theirs,
        }
    }
}

/// What is asked of the disagreements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisagreementQuery {
    /// The production fleet.
    pub production: FleetId,
    /// The shadow's fleet.
    pub shadow: FleetId,
    /// In which order.
    pub order: DisagreementOrder,
    /// Which.
    pub only: DisagreementFilter,
    /// Rows that are left out at the front.
    pub skip: usize,
    /// Rows that are wanted, at most [`MAX_ROWS`].
    pub take: usize,
}

/// One disagreement, with what the models were asked and how sure each was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisagreementRow {
    /// Who said what.
    pub disagreement: Disagreement,
    /// The review's text.
    pub text: String,
    /// Production's probabilities of 1 to 5 stars; empty when it was asked with another artefact.
    pub production: Vec<f64>,
    /// The shadow's.
    pub shadow: Vec<f64>,
}

/// Disagreements as they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DisagreementPage {
    /// The rows.
    pub rows: Vec<DisagreementRow>,
    /// Rows that fit the filter.
    pub total: usize,
    /// Reviews whose disagreement had no room and was forgotten.
    pub forgotten: u64,
}

impl Experiment {
    /// The disagreements of a shadow with what it shadows; none for fleets that were never compared.
    pub fn disagreements(&self, query: &DisagreementQuery) -> DisagreementPage {
        let Some(pairs) = self.pairs(query.production, query.shadow) else {
            return DisagreementPage::default();
        };
        let mut all: Vec<_> = pairs.disagreements().filter(|d| query.only.takes(d)).copied().collect();
        let rank = |d: &Disagreement| match query.order {
            DisagreementOrder::Gap => u64::from(d.gap()),
            DisagreementOrder::Pairs => d.pairs,
            DisagreementOrder::Recent => d.last_id,
            DisagreementOrder::Latency => d.last_ns.0.abs_diff(d.last_ns.1),
        };
        // Of equals the one that came up more often, then the older review: the order is the same on every target.
        all.sort_by_key(|d| (std::cmp::Reverse((rank(d), d.pairs)), d.review));
        let total = all.len();
        let probabilities = |fleet: FleetId, review: ReviewId| {
            let artifact = self.simulation.fleet(fleet).map(|f| f.artifact);
            let answer = artifact.and_then(|a| self.table().prediction(a, review));
            answer.map(|p| p.probabilities.map(f64::from).to_vec()).unwrap_or_default()
        };
        let rows = all.into_iter().skip(query.skip).take(query.take.min(MAX_ROWS)).map(|d| DisagreementRow {
            disagreement: d,
            text: self.text(d.review).unwrap_or_default().to_owned(),
            production: probabilities(query.production, d.review),
            shadow: probabilities(query.shadow, d.review),
        });
        DisagreementPage { rows: rows.collect(), total, forgotten: pairs.forgotten() }
    }
}
