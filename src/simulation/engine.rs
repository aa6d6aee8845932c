//! The simulation itself: from one arrival to the next.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    faults::{Fault, FaultError},
    fleet::{Fleet, FleetError, FleetSpec, InstanceGauge, Served, check_instances, unmeasured_cost},
    random::{Purpose, Stream},
    reviews::{Corpus, Sampler},
    traffic::{Arrivals, TrafficError, TrafficSettings, USERS},
};
use crate::{
    domain::{FleetId, InvocationRecord, ReviewId, VariantName, VirtualTime},
    inference::{PredictionTable, ServiceCost},
    routing::Router,
};

/// Why the simulation cannot do what it is asked to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// The traffic cannot be like that.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// A fleet cannot be like that.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A fault cannot be like that.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The number names a fleet already.
    #[error("fleet {} was launched before; a fleet's number is never used twice", .0.0)]
    Launched(FleetId),
    /// No such fleet serves.
    #[error("there is no fleet {} that takes requests", .0.0)]
    NoFleet(FleetId),
    /// Requests still go to it.
    #[error("requests are still routed to fleet {}; set other routes before it is retired", .0.0)]
    Routed(FleetId),
    /// Nowhere to send a request.
    #[error("no routes are set, so a request has nowhere to go")]
    NoRoutes,
}

/// Clients, routes and fleets in virtual time.
///
/// Each request is simulated whole when it arrives: its wait follows from the requests before it, so its record, with
/// an end that may lie ahead of [`Simulation::now`], is given out at once, in order of arrival.
///
/// # Shapes and units
/// Memory does not grow with requests: records go to the caller.
///
/// # Examples
/// ```
/// use rollout_lab::domain::{Artifact, FleetId, VariantName, VariantWeight, VirtualTime};
/// use rollout_lab::inference::PredictionTable;
/// use rollout_lab::routing::Router;
/// use rollout_lab::simulation::{Corpus, FleetSpec, Simulation, TrafficSettings};
///
/// let mut simulation = Simulation::new(7, Corpus::built_in());
/// let name = VariantName::new("VariantA")?;
/// let spec = FleetSpec::new(name.clone(), Artifact::A, "ml.m5.large".parse()?, 1);
/// simulation.launch(FleetId(1), spec)?;
/// simulation.set_routes(Some(Router::new(vec![(FleetId(1), name, VariantWeight::DEFAULT)], "demo")?))?;
/// simulation.set_traffic(TrafficSettings { on: true, per_second: 50.0, ..TrafficSettings::default() })?;
///
/// let mut answered = 0;
/// simulation.run_until(VirtualTime::from_s(60), &PredictionTable::default(), &mut |record| {
///     answered += u32::from(record.status.is_answered());
/// });
/// assert!((2_780..3_220).contains(&answered)); // 50 a second for a minute, ± 4 standard deviations
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    seed: u64,
    now: VirtualTime,
    next_id: u64,
    corpus: Corpus,
    traffic: TrafficSettings,
    sampler: Sampler,
    fleets: Vec<(FleetId, Fleet)>,
    /// Every number that a fleet had. They need not come in order: of two fleets that are ordered one after the other
    /// the second may be ready first.
    launched: BTreeSet<FleetId>,
    /// Fleets that each variant name had.
    generations: BTreeMap<VariantName, u32>,
    router: Option<Router>,
    /// Place in `fleets` of each of the router's entries.
    routed: Vec<usize>,
    /// Place in `fleets` of each of the router's shadows.
    shadowed: Vec<usize>,
    /// The clients' clock and the arrival that it gave last; none while they wait.
    clients: Option<(Arrivals, u64)>,
    arrivals: Stream,
    content: Stream,
    route: Stream,
    users: Stream,
    by_hand: Stream,
    shadow: Stream,
}

impl Simulation {
    /// Virtual time 0: nothing is launched, nobody calls.
    pub fn new(seed: u64, corpus: Corpus) -> Self {
        let traffic = TrafficSettings::default();
        let sampler = Sampler::new(&corpus, &traffic.star_mix, &traffic.domain_mix);
        Self {
            seed,
            now: VirtualTime::ZERO,
            next_id: 0,
            corpus,
            traffic,
            sampler,
            fleets: Vec::new(),
            launched: BTreeSet::new(),
            generations: BTreeMap::new(),
            router: None,
            routed: Vec::new(),
            shadowed: Vec::new(),
            clients: None,
            arrivals: Stream::new(seed, Purpose::Arrivals),
            content: Stream::new(seed, Purpose::Content),
            route: Stream::new(seed, Purpose::Route),
            users: Stream::new(seed, Purpose::Users),
            by_hand: Stream::new(seed, Purpose::ByHand),
            shadow: Stream::new(seed, Purpose::Shadow),
        }
    }

    /// Virtual time that it has reached.
    pub fn now(&self) -> VirtualTime {
        self.now
    }

    /// Invocations so far.
    pub fn invocations(&self) -> u64 {
        self.next_id
    }

    /// The reviews.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// Changes the reviews that are sent.
    pub fn set_corpus(&mut self, corpus: Corpus) {
        self.corpus = corpus;
        self.compile_sampler();
    }

    /// Sends the learner's own reviews, or the built-in ones again: see [`Corpus::set_own`].
    pub fn set_own_reviews(&mut self, own: Vec<(String, Option<crate::domain::Stars>)>) {
        self.corpus.set_own(own);
        self.compile_sampler();
    }

    fn compile_sampler(&mut self) {
        self.sampler = Sampler::new(&self.corpus, &self.traffic.star_mix, &self.traffic.domain_mix);
    }

    /// The traffic.
    pub fn traffic(&self) -> &TrafficSettings {
        &self.traffic
    }

    /// Changes the traffic from now on. A new rate or process begins now; what is sent changes with the next request.
    ///
    /// # Errors
    /// [`SimulationError::Traffic`]; the traffic then stays as it was.
    pub fn set_traffic(&mut self, settings: TrafficSettings) -> Result<(), SimulationError> {
        settings.check()?;
        let before = std::mem::replace(&mut self.traffic, settings);
        self.compile_sampler();
        let clock = |t: &TrafficSettings| (t.on, t.per_second, t.process);
        if clock(&before) != clock(&settings) {
            self.clients = None;
        }
        self.wake_clients();
        Ok(())
    }

    /// Starts the clients' clock, unless it runs or nobody is to call, or could.
    fn wake_clients(&mut self) {
        if !self.traffic.on || self.router.is_none() {
            self.clients = None;
        } else if self.clients.is_none() {
            let mut arrivals = Arrivals::from(self.now, &self.traffic);
            let first = arrivals.next_ns(&mut self.arrivals);
            self.clients = Some((arrivals, first));
        }
    }

    /// Starts a fleet; it gets requests once it is routed to.
    ///
    /// # Errors
    /// [`SimulationError::Fleet`] for a number out of range, [`SimulationError::Launched`] for a number that a
    /// fleet had before.
    pub fn launch(&mut self, id: FleetId, spec: FleetSpec) -> Result<(), SimulationError> {
        spec.check()?;
        if !self.launched.insert(id) {
            return Err(SimulationError::Launched(id));
        }
        // Retired fleets go once the last request has left them: here, where new ones come, is often enough.
        let now = self.now.as_ns();
        self.fleets.retain(|(_, f)| !(f.retired && f.is_drained(now)));
        let generation = self.generations.entry(spec.variant.clone()).or_insert(0);
        self.fleets.push((id, Fleet::new(self.seed, *generation, now, spec)));
        *generation += 1;
        self.find_routed();
        Ok(())
    }

    /// Changes how many instances a fleet has. The last ones leave first, and finish what is in them.
    ///
    /// # Errors
    /// [`SimulationError::NoFleet`], [`SimulationError::Fleet`] for 0 or too many.
    pub fn resize(&mut self, id: FleetId, instances: u32) -> Result<(), SimulationError> {
        check_instances(instances)?;
        let place = self.place(id)?;
        self.fleets[place].1.resize(instances);
        Ok(())
    }

    /// From now on these faults hold on a fleet, and no others; none at all heals it. A fleet that has just been
    /// launched must be told at once.
    ///
    /// # Errors
    /// [`SimulationError::NoFleet`], [`SimulationError::Fault`] for a size out of range; nothing has changed then.
    pub fn set_faults(&mut self, id: FleetId, faults: &[Fault]) -> Result<(), SimulationError> {
        faults.iter().try_for_each(Fault::check)?;
        let place = self.place(id)?;
        let now = self.now.as_ns();
        self.fleets[place].1.set_faults(now, faults);
        Ok(())
    }

    /// Whether a fleet's model gets skewed input.
    pub fn is_skewed(&self, id: FleetId) -> bool {
        self.fleets.iter().any(|(f, fleet)| *f == id && fleet.skewed())
    }

    /// Ends a fleet: it gets nothing new, and finishes what is in it.
    ///
    /// # Errors
    /// [`SimulationError::NoFleet`], [`SimulationError::Routed`] while a route leads to it.
    pub fn retire(&mut self, id: FleetId) -> Result<(), SimulationError> {
        let place = self.place(id)?;
        if self.routed.contains(&place) || self.shadowed.contains(&place) {
            return Err(SimulationError::Routed(id));
        }
        self.fleets[place].1.retired = true;
        Ok(())
    }

    /// Where requests go from now on; none, and the clients wait.
    ///
    /// # Errors
    /// [`SimulationError::NoFleet`] for a route to a fleet that is not there; the routes then stay as they were.
    pub fn set_routes(&mut self, router: Option<Router>) -> Result<(), SimulationError> {
        for route in router.iter().flat_map(Router::routes) {
            self.place(route.fleet)?;
        }
        for shadow in router.iter().flat_map(Router::shadows) {
            self.place(shadow.fleet)?;
        }
        self.router = router;
        self.find_routed();
        self.wake_clients();
        Ok(())
    }

    /// The routes.
    pub fn routes(&self) -> Option<&Router> {
        self.router.as_ref()
    }

    fn find_routed(&mut self) {
        let routes = self.router.iter().flat_map(Router::routes);
        let place = |fleet| self.fleets.iter().position(|(id, _)| *id == fleet);
        self.routed = routes.filter_map(|r| place(r.fleet)).collect();
        let shadows = self.router.iter().flat_map(Router::shadows);
        self.shadowed = shadows.filter_map(|s| place(s.fleet)).collect();
    }

    fn place(&self, id: FleetId) -> Result<usize, SimulationError> {
        let found = self.fleets.iter().position(|(f, fleet)| *f == id && !fleet.retired);
        found.ok_or(SimulationError::NoFleet(id))
    }

    /// What a fleet is made of; a retired one's until it is empty.
    pub fn fleet(&self, id: FleetId) -> Option<&FleetSpec> {
        self.fleets.iter().find(|(f, _)| *f == id).map(|(_, fleet)| fleet.spec())
    }

    /// The instances of a fleet at this moment, in order; empty for an unknown fleet.
    pub fn gauges(&self, id: FleetId) -> Vec<InstanceGauge> {
        let fleet = self.fleets.iter().find(|(f, _)| *f == id);
        fleet.map(|(_, fleet)| fleet.gauges(self.now.as_ns())).unwrap_or_default()
    }

    /// Lets time go on to `until` and gives out every request that arrives by then.
    pub fn run_until(
        &mut self,
        until: VirtualTime,
        table: &PredictionTable,
        sink: &mut impl FnMut(&InvocationRecord),
    ) {
        self.run(until, u64::MAX, table, sink);
    }

    /// Lets time go on to `until`, or until `most` records were given out if that is earlier. Returns how many there
    /// were: as many as `most` or more means that time may not have reached `until`.
    ///
    /// The copies of a request follow its own record at once, so it can be more than `most` by the shadow variants.
    pub fn run(
        &mut self,
        until: VirtualTime,
        most: u64,
        table: &PredictionTable,
        sink: &mut impl FnMut(&InvocationRecord),
    ) -> u64 {
        let until_ns = until.as_ns();
        // `VirtualTime::END` is where clients end up whose next call would come later than time can tell.
        let last_ns = until_ns.min(u64::MAX - 1);
        let costs = Costs::of(table);
        let mut done = 0;
        // The clients' clock only runs while there are routes; without it the routes stay where they are.
        if let Some((mut arrivals, mut next)) = self.clients.take()
            && let Some(router) = self.router.take()
        {
            while next <= last_ns && done < most {
                self.now = VirtualTime::from_ns(next);
                // One draw for each purpose and request, used or not, keeps the streams in step.
                let drawn = self.sampler.draw(&self.corpus, &mut self.content);
                let user = self.users.below(u64::from(USERS)) as u32;
                let draw = self.route.bits();
                if let Some((review, stars)) = drawn {
                    let entry =
                        if self.traffic.sticky { router.sticky(u64::from(user)) } else { router.route(draw) };
                    let request = Request { id: self.count(), user, review, true_stars: stars };
                    let record = self.serve(self.routed[entry], request, table, &costs);
                    sink(&record);
                    done += 1;
                    if !self.shadowed.is_empty() {
                        done += self.copy(&router, &record, table, &costs, sink);
                    }
                }
                next = arrivals.next_ns(&mut self.arrivals);
            }
            self.clients = Some((arrivals, next));
            self.router = Some(router);
            if next <= last_ns {
                return done;
            }
        }
        self.now = self.now.max(until);
        done
    }

    /// Lets time pass without traffic: for a lab whose requests are served elsewhere.
    pub fn idle_until(&mut self, until: VirtualTime) {
        self.now = self.now.max(until);
    }

    /// Sends one request now, by hand: to `target` if given, else where the weights send it.
    ///
    /// The request stands in the same queues as the traffic, but draws its route from a stream of its own. Its copies,
    /// if any, go to `copies`.
    ///
    /// # Errors
    /// [`SimulationError::NoRoutes`], or [`SimulationError::NoFleet`] for a target that takes no requests.
    pub fn invoke(
        &mut self,
        review: ReviewId,
        user: u32,
        target: Option<FleetId>,
        table: &PredictionTable,
        copies: &mut impl FnMut(&InvocationRecord),
    ) -> Result<InvocationRecord, SimulationError> {
        let draw = self.by_hand.bits();
        let place = match target {
            Some(id) => self.place(id)?,
            None => {
                let router = self.router.as_ref().ok_or(SimulationError::NoRoutes)?;
                let sticky = self.traffic.sticky;
                self.routed[if sticky { router.sticky(u64::from(user)) } else { router.route(draw) }]
            }
        };
        let true_stars = self.corpus.get(review).and_then(|r| r.stars);
        let (request, costs) = (Request { id: self.count(), user, review, true_stars }, Costs::of(table));
        let record = self.serve(place, request, table, &costs);
        if let Some(router) = self.router.take() {
            self.copy(&router, &record, table, &costs, copies);
            self.router = Some(router);
        }
        Ok(record)
    }

    /// The number of a new invocation.
    fn count(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Sends copies of a request to the shadow variants that are drawn for it, and returns how many.
    ///
    /// Shadows have queues, draws and numbers of their own and come after the request, so nothing about them can
    /// reach a caller.
    fn copy(
        &mut self,
        router: &Router,
        of: &InvocationRecord,
        table: &PredictionTable,
        costs: &Costs,
        sink: &mut impl FnMut(&InvocationRecord),
    ) -> u64 {
        let mut copies = 0;
        let draw = self.shadow.bits();
        let request = Request { id: of.id, user: of.user, review: of.review, true_stars: of.true_stars };
        for shadow in router.copies(draw) {
            let copy = self.serve(self.shadowed[shadow], request, table, costs);
            sink(&InvocationRecord { copy: true, ..copy });
            copies += 1;
        }
        copies
    }

    /// A review as the traffic would draw it, from the stream of requests by hand.
    pub fn sample_review(&mut self) -> Option<ReviewId> {
        self.sampler.draw(&self.corpus, &mut self.by_hand).map(|(id, _)| id)
    }

    #[inline]
    fn serve(
        &mut self,
        place: usize,
        request: Request,
        table: &PredictionTable,
        costs: &Costs,
    ) -> InvocationRecord {
        let now = self.now;
        let (fleet_id, fleet) = &mut self.fleets[place];
        let artifact = fleet.spec().artifact;
        let model_us = costs.0[artifact.index()].us(table.tokens(request.review));
        if fleet.in_trouble() {
            return serve_in_trouble(*fleet_id, fleet, now, request, table, model_us);
        }
        let served = fleet.serve(now.as_ns(), model_us);
        let answered = served.status.is_answered();
        let predicted =
            if answered { table.prediction(artifact, request.review).map(|p| p.stars) } else { None };
        request.record(now, *fleet_id, served, predicted)
    }
}

/// A request to a fleet on which a fault holds: apart, so that sound fleets do not pay for it.
#[cold]
#[inline(never)]
fn serve_in_trouble(
    id: FleetId,
    fleet: &mut Fleet,
    now: VirtualTime,
    request: Request,
    table: &PredictionTable,
    model_us: f64,
) -> InvocationRecord {
    let artifact = fleet.spec().artifact;
    let served = fleet.serve_in_trouble(now.as_ns(), model_us);
    let answer = match served.status.is_answered() {
        true if fleet.skewed() => table.skewed_prediction(artifact, request.review),
        true => table.prediction(artifact, request.review),
        false => None,
    };
    request.record(now, id, served, answer.map(|p| p.stars))
}

impl Request {
    #[inline]
    fn record(
        self,
        arrival: VirtualTime,
        fleet: FleetId,
        served: Served,
        predicted: Option<crate::domain::Stars>,
    ) -> InvocationRecord {
        InvocationRecord {
            id: self.id,
            arrival,
            user: self.user,
            review: self.review,
            true_stars: self.true_stars,
            fleet,
            instance: served.instance,
            status: served.status,
            wait_ns: served.wait_ns,
            service_ns: served.service_ns,
            overhead_ns: served.overhead_ns,
            predicted,
            copy: false,
            leaked_kib: served.leaked_kib,
        }
    }
}

/// What a caller sends.
#[derive(Clone, Copy)]
struct Request {
    id: u64,
    user: u32,
    review: ReviewId,
    true_stars: Option<crate::domain::Stars>,
}

/// What each artefact costs.
struct Costs([ServiceCost; 3]);

impl Costs {
    fn of(table: &PredictionTable) -> Self {
        Self(crate::domain::Artifact::ALL.map(|a| table.cost(a).unwrap_or(unmeasured_cost(a))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Artifact, InvocationStatus, VariantWeight},
        simulation::{ArrivalProcess, ServiceSettings},
    };

    fn name(text: &str) -> VariantName {
        VariantName::new(text).unwrap()
    }

    fn spec(variant: &str) -> FleetSpec {
        FleetSpec::new(name(variant), Artifact::A, "ml.m5.large".parse().unwrap(), 1)
    }

    fn routes(entries: &[(u32, &str, f64)]) -> Option<Router> {
        let entry = |&(id, n, w): &(u32, &str, f64)| (FleetId(id), name(n), VariantWeight::new(w).unwrap());
        Some(Router::new(entries.iter().map(entry).collect(), "test").unwrap())
    }

    fn on(per_second: f64) -> TrafficSettings {
        TrafficSettings { on: true, per_second, ..TrafficSettings::default() }
    }

    /// Fleet 1 with all the traffic.
    fn started(seed: u64) -> Simulation {
        let mut s = Simulation::new(seed, Corpus::new(20, 1));
        s.launch(FleetId(1), spec("A")).unwrap();
        s.set_routes(routes(&[(1, "A", 1.0)])).unwrap();
        s.set_traffic(on(200.0)).unwrap();
        s
    }

    fn records(s: &mut Simulation, until_s: u64) -> Vec<InvocationRecord> {
        let mut seen = Vec::new();
        s.run_until(VirtualTime::from_s(until_s), &PredictionTable::default(), &mut |r| seen.push(*r));
        seen
    }

    #[test]
    fn time_passes_and_clients_wait_while_there_is_no_route() {
        let mut s = Simulation::new(1, Corpus::new(0, 1));
        s.set_traffic(on(100.0)).unwrap();
        assert_eq!(records(&mut s, 10), []);
        assert_eq!(s.now(), VirtualTime::from_s(10));
        s.launch(FleetId(1), spec("A")).unwrap();
        s.set_routes(routes(&[(1, "A", 1.0)])).unwrap();
        let first = records(&mut s, 20);
        assert!((840..1_160).contains(&first.len()), "{}", first.len());
        assert!(first.iter().all(|r| r.arrival > VirtualTime::from_s(10)));
        s.set_routes(None).unwrap();
        assert_eq!(records(&mut s, 30), []);
        s.set_traffic(TrafficSettings { on: false, ..on(100.0) }).unwrap();
        s.set_routes(routes(&[(1, "A", 1.0)])).unwrap();
        assert_eq!(records(&mut s, 40), []);
    }

    #[test]
    fn pieces_of_time_give_the_same_requests() {
        let whole = records(&mut started(3), 60);
        let mut s = started(3);
        let mut pieces = Vec::new();
        for until in 1..=60 {
            pieces.extend(records(&mut s, until));
        }
        assert_eq!(pieces, whole);
        let mut s = started(3);
        let mut counted = Vec::new();
        let table = PredictionTable::default();
        while s.run(VirtualTime::from_s(60), 7, &table, &mut |r| counted.push(*r)) == 7 {}
        assert_eq!(counted, whole);
        assert_eq!(s.now(), VirtualTime::from_s(60));
        assert!(whole.iter().zip(0..).all(|(r, id)| r.id == id));
        assert_ne!(records(&mut started(4), 60), whole);
    }

    #[test]
    fn another_variant_changes_nothing_of_a_variants_own_draws() {
        let times = |others: &[&str]| {
            let mut s = Simulation::new(5, Corpus::new(0, 1));
            let mut entries = Vec::new();
            for (i, other) in others.iter().enumerate() {
                s.launch(FleetId(i as u32), spec(other)).unwrap();
                entries.push((i as u32, *other, 1.0));
            }
            s.launch(FleetId(9), spec("A")).unwrap();
            entries.push((9, "A", 1.0));
            s.set_routes(routes(&entries)).unwrap();
            s.set_traffic(on(100.0)).unwrap();
            // Without a table every review costs alike: what differs is the variant's own.
            let own = records(&mut s, 30).into_iter().filter(|r| r.fleet == FleetId(9));
            own.take(500).map(|r| (r.service_ns, r.overhead_ns)).collect::<Vec<_>>()
        };
        assert_eq!(times(&["B"]), times(&["C", "D"]));
        assert_eq!(times(&[])[..500], times(&["B"])[..500]);
    }

    #[test]
    fn traffic_by_hand_moves_no_request_of_the_clients() {
        let arrivals = |by_hand: bool| {
            let mut s = started(1);
            let mut seen = Vec::new();
            for until in 1..=10 {
                seen.extend(records(&mut s, until));
                if by_hand {
                    let review = s.sample_review().unwrap();
                    s.invoke(review, 0, None, &PredictionTable::default(), &mut |_| {}).unwrap();
                }
            }
            seen.iter().map(|r| (r.arrival, r.review, r.user)).collect::<Vec<_>>()
        };
        assert_eq!(arrivals(true), arrivals(false));
    }

    #[test]
    fn a_target_overrides_the_weights() {
        let mut s = started(1);
        s.launch(FleetId(2), spec("B")).unwrap();
        s.set_routes(routes(&[(1, "A", 1.0), (2, "B", 0.0)])).unwrap();
        let table = PredictionTable::default();
        let mut to =
            |target| s.invoke(ReviewId(0), 3, target, &table, &mut |_| {}).map(|r| (r.fleet, r.user));
        assert_eq!(to(None), Ok((FleetId(1), 3)));
        assert_eq!(to(Some(FleetId(2))), Ok((FleetId(2), 3)));
        assert_eq!(to(Some(FleetId(7))), Err(SimulationError::NoFleet(FleetId(7))));
        s.set_routes(None).unwrap();
        assert_eq!(s.invoke(ReviewId(0), 0, None, &table, &mut |_| {}), Err(SimulationError::NoRoutes));
        assert_eq!(s.invocations(), 2);
    }

    #[test]
    fn fleets_come_and_go_in_order() {
        let mut s = started(1);
        assert_eq!(s.launch(FleetId(1), spec("B")), Err(SimulationError::Launched(FleetId(1))));
        assert_eq!(s.retire(FleetId(1)), Err(SimulationError::Routed(FleetId(1))));
        assert_eq!(s.set_routes(routes(&[(2, "B", 1.0)])), Err(SimulationError::NoFleet(FleetId(2))));
        s.launch(FleetId(2), spec("B")).unwrap();
        records(&mut s, 1);
        s.set_routes(routes(&[(2, "B", 1.0)])).unwrap();
        s.retire(FleetId(1)).unwrap();
        assert_eq!(s.resize(FleetId(1), 2), Err(SimulationError::NoFleet(FleetId(1))));
        assert!(s.resize(FleetId(2), 0).is_err());
        s.resize(FleetId(2), 3).unwrap();
        assert_eq!(s.gauges(FleetId(2)).len(), 3);
        assert!(s.fleet(FleetId(1)).is_some());
        records(&mut s, 100);
        s.launch(FleetId(3), spec("C")).unwrap();
        // The retired one is empty by now and forgotten; its routes' places moved with it.
        assert!(s.fleet(FleetId(1)).is_none() && s.gauges(FleetId(1)).is_empty());
        assert!(records(&mut s, 101).iter().all(|r| r.fleet == FleetId(2)));
    }

    #[test]
    fn too_much_traffic_fills_queues_and_is_refused() {
        let mut s = started(1);
        let mut slow = spec("B");
        slow.queue_limit = 5;
        slow.service = ServiceSettings { container_us: 100_000.0, ..ServiceSettings::default() };
        s.launch(FleetId(2), slow).unwrap();
        s.set_routes(routes(&[(2, "B", 1.0)])).unwrap();
        let seen = records(&mut s, 60);
        // Two vCPUs of 0.1 s serve 20 a second of 200.
        let answered = seen.iter().filter(|r| r.status.is_answered()).count() as f64;
        assert!((answered / 1_200.0 - 1.0).abs() < 0.05, "{answered}");
        assert!(seen.iter().any(|r| r.status == InvocationStatus::Overloaded));
        assert!(seen.iter().all(|r| r.status.is_answered() == (r.service_ns > 0)));
        let gauge = s.gauges(FleetId(2))[0];
        assert_eq!((gauge.busy, gauge.vcpus, gauge.queue_limit), (2, 2, 5));
        assert!(gauge.waiting >= 3);
    }

    #[test]
    fn a_bad_change_of_traffic_changes_nothing() {
        let mut s = started(1);
        let before = *s.traffic();
        assert!(s.set_traffic(TrafficSettings { per_second: f64::NAN, ..before }).is_err());
        assert_eq!(*s.traffic(), before);
        // What is sent may change without a jump of the clients' clock.
        let mut other = started(1);
        other.set_traffic(TrafficSettings { star_mix: [1.0, 0.0, 0.0, 0.0, 0.0], ..before }).unwrap();
        let (a, b) = (records(&mut s, 5), records(&mut other, 5));
        assert!(a.iter().map(|r| r.arrival).eq(b.iter().map(|r| r.arrival)));
        assert!(b.iter().all(|r| r.true_stars.is_some_and(|s| s.get() == 1)));
        let constant = TrafficSettings { process: ArrivalProcess::Constant, ..before };
        s.set_traffic(constant).unwrap();
        assert_eq!(records(&mut s, 6).len(), 200);
    }
}
