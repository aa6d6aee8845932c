//! The simulation itself: from one arrival to the next.

use std::collections::BTreeMap;

use super::{
    fleet::{Fleet, FleetError, FleetSpec, InstanceGauge, check_instances, unmeasured_cost},
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
    highest: Option<FleetId>,
    /// Fleets that each variant name had.
    generations: BTreeMap<VariantName, u32>,
    router: Option<Router>,
    /// Place in `fleets` of each of the router's entries.
    routed: Vec<usize>,
    /// The clients' clock and the arrival that it gave last; none while they wait.
    clients: Option<(Arrivals, u64)>,
    arrivals: Stream,
    content: Stream,
    route: Stream,
    users: Stream,
    by_hand: Stream,
}

impl Simulation {
    /// Virtual time 0: nothing is launched, nobody calls.
    pub fn new(seed: u64, corpus: Corpus) -> Self {
        let traffic = TrafficSettings::default();
        let sampler = Sampler::new(&corpus, &traffic.star_mix, traffic.software_share);
        Self {
            seed,
            now: VirtualTime::ZERO,
            next_id: 0,
            corpus,
            traffic,
            sampler,
            fleets: Vec::new(),
            highest: None,
            generations: BTreeMap::new(),
            router: None,
            routed: Vec::new(),
            clients: None,
            arrivals: Stream::new(seed, Purpose::Arrivals),
            content: Stream::new(seed, Purpose::Content),
            route: Stream::new(seed, Purpose::Route),
            users: Stream::new(seed, Purpose::Users),
            by_hand: Stream::new(seed, Purpose::ByHand),
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
        self.sampler = Sampler::new(&self.corpus, &self.traffic.star_mix, self.traffic.software_share);
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
    /// [`SimulationError::Fleet`] for a number out of range, [`SimulationError::Launched`] for a number that is not
    /// higher than every fleet's before.
    pub fn launch(&mut self, id: FleetId, spec: FleetSpec) -> Result<(), SimulationError> {
        spec.check()?;
        if self.highest.is_some_and(|h| id <= h) {
            return Err(SimulationError::Launched(id));
        }
        self.highest = Some(id);
        // Retired fleets go once the last request has left them: here, where new ones come, is often enough.
        let now = self.now.as_ns();
        self.fleets.retain(|(_, f)| !(f.retired && f.is_drained(now)));
        let generation = self.generations.entry(spec.variant.clone()).or_insert(0);
        self.fleets.push((id, Fleet::new(self.seed, *generation, spec)));
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

    /// Ends a fleet: it gets nothing new, and finishes what is in it.
    ///
    /// # Errors
    /// [`SimulationError::NoFleet`], [`SimulationError::Routed`] while a route leads to it.
    pub fn retire(&mut self, id: FleetId) -> Result<(), SimulationError> {
        let place = self.place(id)?;
        if self.routed.contains(&place) {
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
        self.routed = routes.filter_map(|r| self.fleets.iter().position(|(id, _)| *id == r.fleet)).collect();
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

    /// Lets time go on to `until`, or to the arrival of the `most`-th request if that is earlier, and gives out the
    /// requests. Returns how many there were: as many as `most` means that time may not have reached `until`.
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
                    let record = self.serve(self.routed[entry], user, review, stars, table, &costs);
                    sink(&record);
                    done += 1;
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

    /// Sends one request now, by hand: to `target` if given, else where the weights send it.
    ///
    /// The request stands in the same queues as the traffic, but draws its route from a stream of its own.
    ///
    /// # Errors
    /// [`SimulationError::NoRoutes`], or [`SimulationError::NoFleet`] for a target that takes no requests.
    pub fn invoke(
        &mut self,
        review: ReviewId,
        user: u32,
        target: Option<FleetId>,
        table: &PredictionTable,
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
        let stars = self.corpus.get(review).and_then(|r| r.stars);
        Ok(self.serve(place, user, review, stars, table, &Costs::of(table)))
    }

    /// A review as the traffic would draw it, from the stream of requests by hand.
    pub fn sample_review(&mut self) -> Option<ReviewId> {
        self.sampler.draw(&self.corpus, &mut self.by_hand).map(|(id, _)| id)
    }

    #[inline]
    fn serve(
        &mut self,
        place: usize,
        user: u32,
        review: ReviewId,
        true_stars: Option<crate::domain::Stars>,
        table: &PredictionTable,
        costs: &Costs,
    ) -> InvocationRecord {
        let (id, fleet) = &mut self.fleets[place];
        let artifact = fleet.spec().artifact;
        let model_us = costs.0[artifact.index()].us(table.tokens(review));
        let served = fleet.serve(self.now.as_ns(), model_us);
        let answered = served.status.is_answered();
        let predicted = if answered { table.prediction(artifact, review).map(|p| p.stars) } else { None };
        let record = InvocationRecord {
            id: self.next_id,
            arrival: self.now,
            user,
            review,
            true_stars,
            fleet: *id,
            instance: served.instance,
            status: served.status,
            wait_ns: served.wait_ns,
            service_ns: served.service_ns,
            overhead_ns: served.overhead_ns,
            predicted,
        };
        self.next_id += 1;
        record
    }
}

/// What each artefact costs.
struct Costs([ServiceCost; 3]);

impl Costs {
    fn of(table: &PredictionTable) -> Self {
        Self(crate::domain::Artifact::ALL.map(|a| table.cost(a).unwrap_or(unmeasured_cost(a))))
    }
}
