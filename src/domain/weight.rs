//! Variant weights and the traffic split that they make.

use serde::{Deserialize, Serialize};

use super::VariantName;

/// Why a number is no weight, or weights are no split.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// Below zero, infinite or not a number.
    #[error("a variant weight must be a finite number of at least 0, but is {value}")]
    NotAWeight {
        /// The number given.
        value: f64,
    },
    /// Nothing could be routed. A lab rule: no public text says what the service does.
    #[error(
        "the weights of all {variants} variants are 0, so no variant would get a request; give at least one a weight above 0"
    )]
    AllZero {
        /// How many variants there are.
        variants: usize,
    },
}

/// How much of the traffic a variant gets, relative to the sum of the weights.
///
/// ```
/// use rollout_lab::domain::VariantWeight;
/// assert_eq!(VariantWeight::new(50.0).unwrap().get(), 50.0);
/// assert!(VariantWeight::new(-1.0).is_err());
/// assert!(VariantWeight::new(f64::NAN).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct VariantWeight(f64);

impl VariantWeight {
    /// What a variant has when none is given.
    pub const DEFAULT: Self = Self(1.0);
    /// No traffic, unless a request names the variant.
    pub const ZERO: Self = Self(0.0);

    /// Takes a finite number of at least zero.
    ///
    /// # Errors
    /// [`WeightError::NotAWeight`] with the number.
    pub fn new(value: f64) -> Result<Self, WeightError> {
        // −0 is folded into 0 so that equal weights print the same.
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value + 0.0))
        } else {
            Err(WeightError::NotAWeight { value })
        }
    }

    /// The weight as a number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for VariantWeight {
    type Error = WeightError;
    fn try_from(value: f64) -> Result<Self, WeightError> {
        Self::new(value)
    }
}

impl From<VariantWeight> for f64 {
    fn from(weight: VariantWeight) -> f64 {
        weight.0
    }
}

/// The variants that may serve a request, each with its weight; at least one weight is above zero.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSplit {
    entries: Vec<(VariantName, VariantWeight)>,
    total: f64,
}

impl TrafficSplit {
    /// Makes a split of the variants in their order.
    ///
    /// # Errors
    /// [`WeightError::AllZero`] when no weight is above zero, none at all included.
    pub fn new(entries: Vec<(VariantName, VariantWeight)>) -> Result<Self, WeightError> {
        let total: f64 = entries.iter().map(|(_, w)| w.get()).sum();
        if total > 0.0 {
            Ok(Self { entries, total })
        } else {
            Err(WeightError::AllZero { variants: entries.len() })
        }
    }

    /// The variants and weights, in order.
    pub fn entries(&self) -> &[(VariantName, VariantWeight)] {
        &self.entries
    }

    /// Share of the variant at `index`: weight ÷ sum of weights, in 0 to 1.
    pub fn share(&self, index: usize) -> f64 {
        self.entries.get(index).map_or(0.0, |(_, w)| w.get() / self.total)
    }
}

/// How much of the traffic is copied to a shadow variant: the traffic sampling percentage, as a share in 0 to 1.
///
/// # Formula
/// `min(1, shadow weight ÷ sum of the production weights)`. The service publishes no formula; its sample configuration
/// (weight 0.5 beside 1) sends half.
///
/// # Examples
/// ```
/// use rollout_lab::domain::{SamplingShare, VariantWeight};
/// let weight = |w| VariantWeight::new(w).unwrap();
/// assert_eq!(SamplingShare::of_weights(weight(0.5), [weight(1.0)]).get(), 0.5);
/// assert_eq!(SamplingShare::of_weights(weight(3.0), [weight(1.0)]).percentage(), 100.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct SamplingShare(f64);

impl SamplingShare {
    /// No request is copied.
    pub const NONE: Self = Self(0.0);

    /// What a shadow of weight `shadow` gets beside production variants of these weights; nothing beside weights
    /// that are all 0, since there is no request to copy.
    pub fn of_weights(shadow: VariantWeight, production: impl IntoIterator<Item = VariantWeight>) -> Self {
        let total: f64 = production.into_iter().map(VariantWeight::get).sum();
        if total > 0.0 { Self((shadow.get() / total).min(1.0)) } else { Self::NONE }
    }

    /// The share, 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The share in percent, 0 to 100.
    pub const fn percentage(self) -> f64 {
        self.0 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(weights: &[f64]) -> Result<TrafficSplit, WeightError> {
        let named = weights
            .iter()
            .enumerate()
            .map(|(i, &w)| (VariantName::new(format!("v{i}")).unwrap(), VariantWeight::new(w).unwrap()));
        TrafficSplit::new(named.collect())
    }

    #[test]
    fn share_is_weight_over_sum() {
        let s = split(&[2.0, 1.0]).unwrap();
        assert_eq!((s.share(0), s.share(1)), (2.0 / 3.0, 1.0 / 3.0));
        assert_eq!(split(&[0.0, 100.0]).unwrap().share(1), 1.0);
    }

    #[test]
    fn all_zero_and_nothing_are_refused() {
        assert_eq!(split(&[0.0, 0.0]), Err(WeightError::AllZero { variants: 2 }));
        assert_eq!(split(&[]), Err(WeightError::AllZero { variants: 0 }));
    }

    #[test]
    fn bad_numbers_are_named() {
        for bad in [-1.0, f64::NAN, f64::INFINITY, -0.5] {
            assert!(VariantWeight::new(bad).unwrap_err().to_string().contains(&bad.to_string()));
        }
    }
}
