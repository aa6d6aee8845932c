//! The way from an endpoint's name to what answers: the control plane's state, compiled for the data plane.
//!
//! A request takes the table as it stands and keeps it to its end. So a change of weights, fleets or configuration
//! never touches a request under way.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use hyper::header::HeaderValue;

use super::{
    backend::{Backend, Backends},
    capture::CapturePlan,
    ledger::{Tally, Totals},
    shadow::Lane,
};
use crate::{
    controller::{ControlPlane, Deployment, Endpoint, LiveVariant},
    domain::{EndpointName, FleetId, VariantName},
    routing::Router,
};

/// A fleet of a variant: what it runs on, and what it did.
#[derive(Debug)]
pub struct Target {
    /// Its instances.
    pub fleet: FleetId,
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The variant.
    pub variant: VariantName,
    /// The variant, as a header says it.
    pub variant_header: HeaderValue,
    /// Whether callers get its answers.
    pub production: bool,
    /// What it runs on.
    pub backend: Backend,
    /// What it did since the server started.
    pub tally: Tally,
    /// What it did before.
    pub before: Totals,
}

impl Target {
    /// What it did in all; `dropped` copies had no room since the server started.
    pub fn totals(&self, dropped: u64) -> Totals {
        let mut totals = self.tally.after(&self.before);
        totals.dropped += dropped;
        totals
    }
}

/// Where the requests of an endpoint go.
#[derive(Debug)]
pub struct EndpointRoutes {
    /// Draws variants and copies.
    pub router: Router,
    /// In the order of the router's entries.
    pub targets: Vec<Arc<Target>>,
    /// In the order of the router's shadows.
    pub shadows: Vec<Arc<Lane>>,
    /// Which requests and answers are kept.
    pub capture: Option<Arc<CapturePlan>>,
}

type ByName = HashMap<String, Arc<EndpointRoutes>>;

/// The routes of all endpoints that serve.
#[derive(Debug, Default)]
pub struct Table {
    routes: RwLock<Arc<ByName>>,
}

impl Table {
    /// The routes of an endpoint; none while it does not serve.
    pub fn find(&self, endpoint: &str) -> Option<Arc<EndpointRoutes>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(endpoint).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Arc<ByName> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What each fleet did since it was launched.
    pub fn totals(&self) -> BTreeMap<FleetId, Totals> {
        let mut totals = BTreeMap::new();
        for routes in self.all().values() {
            totals.extend(routes.targets.iter().map(|t| (t.fleet, t.totals(0))));
            totals.extend(routes.shadows.iter().map(|l| (l.target.fleet, l.target.totals(l.dropped()))));
        }
        totals
    }

    fn set(&self, routes: ByName) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }
}

/// Compiles the table anew after each change, and keeps what goes on: tallies, queues.
#[derive(Debug)]
pub struct Compiler {
    table: Arc<Table>,
    backends: Arc<Backends>,
    lanes: super::shadow::Lanes,
    targets: BTreeMap<FleetId, Arc<Target>>,
    shadows: BTreeMap<FleetId, Arc<Lane>>,
    /// What fleets did before the server started.
    before: BTreeMap<FleetId, Totals>,
}

impl Compiler {
    /// For a table that is empty so far; `before` is what fleets did before the server started.
    pub fn new(
        table: Arc<Table>,
        backends: Arc<Backends>,
        lanes: super::shadow::Lanes,
        before: BTreeMap<FleetId, Totals>,
    ) -> Self {
        Self { table, backends, lanes, targets: BTreeMap::new(), shadows: BTreeMap::new(), before }
    }

    /// Threads that a fleet infers on.
    pub fn vcpus(&self, plane: &ControlPlane, fleet: FleetId) -> u32 {
        let mut all = plane.endpoints().flat_map(deployments).flat_map(Deployment::all);
        all.find(|v| v.fleet == fleet).map_or(1, |v| self.backends.of(v).vcpus())
    }

    /// Compiles the state of the control plane, for all requests from now on.
    pub fn publish(&mut self, plane: &ControlPlane) {
        let (mut targets, mut shadows) = (BTreeMap::new(), BTreeMap::new());
        let mut table = ByName::new();
        for endpoint in plane.endpoints() {
            let routes = endpoint.routes();
            let Ok(router) = Router::new(routes.clone(), endpoint.name.as_str()) else { continue };
            let copies = endpoint.shadow_routes();
            let mut of = |fleet: FleetId, production: bool| {
                let live = variant(endpoint, fleet)?;
                let old = self.targets.get(&fleet).cloned();
                let target = match old {
                    Some(old) => old,
                    None => {
                        let before = self.before.remove(&fleet);
                        target(endpoint, live, production, &self.backends, before)?
                    }
                };
                targets.insert(fleet, target.clone());
                Some(target)
            };
            let serving: Option<Vec<_>> = routes.iter().map(|(fleet, _, _)| of(*fleet, true)).collect();
            let copied: Option<Vec<_>> = copies.iter().map(|(fleet, _, _)| of(*fleet, false)).collect();
            let (Some(serving), Some(copied)) = (serving, copied) else { continue };
            let lanes: Vec<_> = copied
                .into_iter()
                .map(|t| {
                    let fleet = t.fleet;
                    let lane = self.shadows.get(&fleet).cloned().unwrap_or_else(|| self.lanes.open(t));
                    shadows.insert(fleet, lane.clone());
                    lane
                })
                .collect();
            let capture = endpoint.in_charge().capture.as_ref().and_then(CapturePlan::of).map(Arc::new);
            let compiled = EndpointRoutes {
                router: router.with_shadows(copies),
                targets: serving,
                shadows: lanes,
                capture,
            };
            table.insert(endpoint.name.to_string(), Arc::new(compiled));
        }
        (self.targets, self.shadows) = (targets, shadows);
        self.table.set(table);
    }
}

fn deployments(endpoint: &Endpoint) -> impl Iterator<Item = &Deployment> {
    std::iter::once(&endpoint.deployment).chain(endpoint.pending())
}

fn variant(endpoint: &Endpoint, fleet: FleetId) -> Option<&LiveVariant> {
    deployments(endpoint).flat_map(Deployment::all).find(|v| v.fleet == fleet)
}

fn target(
    endpoint: &Endpoint,
    live: &LiveVariant,
    production: bool,
    backends: &Backends,
    before: Option<Totals>,
) -> Option<Arc<Target>> {
    Some(Arc::new(Target {
        fleet: live.fleet,
        endpoint: endpoint.name.clone(),
        variant: live.name.clone(),
        // Names are letters, digits and hyphens, so each is a header's value.
        variant_header: HeaderValue::from_str(live.name.as_str()).ok()?,
        production,
        backend: backends.of(live),
        tally: Tally::default(),
        before: before.unwrap_or_default(),
    }))
}
