//! Weights compiled into a table that one comparison after the other decides.

use super::{StickyKey, sticky::mix};
use crate::domain::{FleetId, SamplingShare, TrafficSplit, VariantName, VariantWeight, WeightError};

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
    shadows: Vec<Shadow>,
}

/// A shadow variant: it gets copies.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    /// The instances that serve it.
    pub fleet: FleetId,
    /// Its name.
    pub variant: VariantName,
    /// Share of the requests that are copied to it.
    pub share: SamplingShare,
    /// The first draw for which no copy is made; none when every request is copied.
    end: Option<u64>,
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
        Ok(Self { routes, last, key: StickyKey::new(salt), shadows: Vec::new() })
    }

    /// The same routes, with shadow variants that get copies: which variant serves a request does not depend on them.
    #[must_use]
    pub fn with_shadows(mut self, shadows: Vec<(FleetId, VariantName, SamplingShare)>) -> Self {
        let compiled = shadows.into_iter().map(|(fleet, variant, share)| {
            let end = (share.get() < 1.0).then_some((share.get() * DRAWS) as u64);
            Shadow { fleet, variant, share, end }
        });
        self.shadows = compiled.collect();
        self
    }

    /// The shadow variants, in order.
    pub fn shadows(&self) -> &[Shadow] {
        &self.shadows
    }

    /// The places of the shadow variants that get a copy for this draw of 64 even bits, each with its own probability
    /// and independently of the others.
    pub fn copies(&self, draw: u64) -> impl Iterator<Item = usize> {
        let own = move |i: usize| if i == 0 { draw } else { mix(draw ^ i as u64) };
        self.shadows
            .iter()
            .enumerate()
            .filter(move |(i, s)| s.end.is_none_or(|end| own(*i) < end))
            .map(|(i, _)| i)
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
    fn copies_are_made_by_share_and_apart_from_the_routes() {
        let weight = |w| VariantWeight::new(w).unwrap();
        let share = |w: f64| SamplingShare::of_weights(weight(w), [weight(1.0)]);
        let shadow = |id: u32, w: f64| (FleetId(id), VariantName::new(format!("s{id}")).unwrap(), share(w));
        let r = router(&[1.0]).unwrap().with_shadows(vec![shadow(10, 0.5), shadow(11, 1.0), shadow(12, 0.0)]);
        let places = |draw| r.copies(draw).collect::<Vec<_>>();
        assert_eq!((places((1 << 63) - 1), places(1 << 63)), (vec![0, 1], vec![1]));
        assert_eq!((places(0), places(u64::MAX)), (vec![0, 1], vec![1]));
        assert_eq!(r.route(1 << 63), router(&[1.0]).unwrap().route(1 << 63));
    }

    #[test]
    fn two_shadows_are_sampled_independently() {
        let half = SamplingShare::of_weights(VariantWeight::DEFAULT, [VariantWeight::new(2.0).unwrap()]);
        let shadow = |id: u32| (FleetId(id), VariantName::new(format!("s{id}")).unwrap(), half);
        let r = router(&[1.0]).unwrap().with_shadows(vec![shadow(10), shadow(11)]);
        let n = 40_000_u64;
        let mut seen = [0u32; 4];
        for i in 0..n {
            let places: Vec<_> = r.copies(mix(i)).collect();
            seen[usize::from(places.contains(&0)) + 2 * usize::from(places.contains(&1))] += 1;
        }
        // Four cells of a quarter each, within 4 standard deviations of a binomial.
        assert!(
            seen.into_iter().all(|c| (f64::from(c) - 1e4).abs() < 4.0 * (4e4_f64 * 0.25 * 0.75).sqrt()),
            "{seen:?}"
        );
    }

    #[test]
    fn nothing_to_route_is_refused() {
        assert_eq!(router(&[0.0, 0.0]), Err(WeightError::AllZero { variants: 2 }));
    }
}
