//! Weights compiled into a table that one comparison after the other decides.

use super::StickyKey;
use crate::domain::{FleetId, TrafficSplit, VariantName, VariantWeight, WeightError};

/// 2⁶⁴ as a float: the draws there are.
const DRAWS: f64 = 18_446_744_073_709_551_616.0;

/// One variant that a request can go to.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The instances that serve it.
    pub fleet: FleetId,
    /// Its name.
    pub variant: VariantName,
    /// Its weight.
    pub weight: VariantWeight,
    /// The first draw that is past this variant, clipped to 2⁶⁴ − 1.
    end: u64,
}

/// Chooses a variant for each request.
///
/// # Shapes and units
/// One to ten entries, in the order of the configuration. A draw is 64 even bits, a user any number. The answer is
/// the place of the entry.
///
/// # Formula
/// Entry i takes the draws from `⌊2⁶⁴ Σ_{j<i} w_j ÷ Σ w⌋` up to `⌊2⁶⁴ Σ_{j≤i} w_j ÷ Σ w⌋` (excluded): its share is
/// `w_i ÷ Σ w` to the precision of an f64, and nothing for a weight of 0.
/// A sticky choice reads the user's place ([`StickyKey`]) in the same table. Raising one variant's weight, the others
/// kept, widens its interval at both ends: its users stay, and whoever moves, moves towards it in the order of the
/// entries. Of two variants that is: only from the other to it.
///
/// # Errors
/// [`WeightError::AllZero`] when no weight is above 0.
///
/// # Source
/// Shares: `ProductionVariant.InitialVariantWeight` in the SageMaker API reference. The interval table follows
/// growthbook's `getBucketRanges`.
///
/// # Examples
/// ```
/// use rollout_lab::domain::{FleetId, VariantName, VariantWeight};
/// use rollout_lab::routing::Router;
/// let entry = |id, name, weight| {
///     (FleetId(id), VariantName::new(name).unwrap(), VariantWeight::new(weight).unwrap())
/// };
/// let router = Router::new(vec![entry(1, "VariantA", 3.0), entry(2, "VariantB", 1.0)], "demo")?;
/// assert_eq!(router.route(0), 0);
/// assert_eq!(router.route(3 << 62), 1); // the last quarter of the draws
/// # Ok::<(), rollout_lab::domain::WeightError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Router {
    routes: Vec<Route>,
    /// The last entry with a weight above 0: it takes what rounding leaves over.
    last: usize,
    key: StickyKey,
}

impl Router {
    /// Compiles the entries, in their order. `salt` decides where users are when the choice is sticky.
    ///
    /// # Errors
    /// [`WeightError::AllZero`] when no weight is above 0, no entry at all included.
    pub fn new(entries: Vec<(FleetId, VariantName, VariantWeight)>, salt: &str) -> Result<Self, WeightError> {
        let split = TrafficSplit::new(entries.iter().map(|(_, n, w)| (n.clone(), *w)).collect())?;
        let weights = || split.entries().iter().map(|(_, w)| w.get());
        // Weights near the largest f64 would overflow their sum; their shares do not depend on the scale.
        let largest = weights().fold(0.0, f64::max);
        let total: f64 = weights().map(|w| w / largest).sum();
        let last = weights().enumerate().rfind(|(_, w)| *w > 0.0).map_or(0, |(i, _)| i);
        let mut sum = 0.0;
        let routes = entries
            .into_iter()
            .map(|(fleet, variant, weight)| {
                sum += weight.get() / largest;
                Route { fleet, variant, weight, end: (sum / total * DRAWS) as u64 }
            })
            .collect();
        Ok(Self { routes, last, key: StickyKey::new(salt) })
    }

    /// The entries, in order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The place of the entry that this draw falls on.
    pub fn route(&self, draw: u64) -> usize {
        // At most ten entries, nearly always two: a scan beats a binary search.
        self.routes.iter().position(|r| draw < r.end).unwrap_or(self.last)
    }

    /// The place of the entry where this user always lands while the weights stay.
    pub fn sticky(&self, user: u64) -> usize {
        self.route(self.key.place(user))
    }

    /// The place of the named variant, whatever its weight.
    pub fn target(&self, name: &VariantName) -> Option<usize> {
        self.routes.iter().position(|r| r.variant == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(weights: &[f64]) -> Result<Router, WeightError> {
        let entries = weights.iter().enumerate().map(|(i, &w)| {
            let name = VariantName::new(format!("v{i}")).unwrap();
            (FleetId(i as u32), name, VariantWeight::new(w).unwrap())
        });
        Router::new(entries.collect(), "test")
    }

    #[test]
    fn a_weight_of_zero_is_never_drawn() {
        for (weights, allowed) in [([0.0, 1.0, 0.0], 1), ([1.0, 0.0, 0.0], 0), ([0.0, 0.0, 5.0], 2)] {
            let r = router(&weights).unwrap();
            for draw in [0, 1, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX] {
                assert_eq!(r.route(draw), allowed);
            }
        }
        let r = router(&[1.0, 0.0, 1.0]).unwrap();
        assert_eq!((r.route((1 << 63) - 1), r.route(1 << 63)), (0, 2));
    }

    #[test]
    fn huge_and_tiny_weights_keep_their_shares() {
        let r = router(&[f64::MAX, f64::MAX]).unwrap();
        assert_eq!((r.route((1 << 63) - 1), r.route(1 << 63)), (0, 1));
        let r = router(&[f64::MIN_POSITIVE, f64::MIN_POSITIVE]).unwrap();
        assert_eq!((r.route((1 << 63) - 1), r.route(1 << 63)), (0, 1));
    }

    #[test]
    fn a_name_overrides_the_weights() {
        let r = router(&[1.0, 0.0]).unwrap();
        assert_eq!(r.target(&VariantName::new("v1").unwrap()), Some(1));
        assert_eq!(r.target(&VariantName::new("v2").unwrap()), None);
    }

    #[test]
    fn nothing_to_route_is_refused() {
        assert_eq!(router(&[0.0, 0.0]), Err(WeightError::AllZero { variants: 2 }));
    }
}
