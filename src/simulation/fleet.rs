//! The instances of one variant: who gets a request, how long it takes.

use super::{
    faults::{Fault, Trouble},
    queue::{Admission, Queue},
    random::{Lognormal, Stream, VariantPurpose},
};
use crate::{
    domain::{Artifact, InstanceType, InvocationStatus, RoutingStrategy, VariantName},
    inference::ServiceCost,
};

/// Requests that may wait at one instance when nothing else is said (a lab rule).
pub const DEFAULT_QUEUE_LIMIT: u32 = 64;
/// Most requests that may wait at one instance.
pub const MAX_QUEUE_LIMIT: u32 = 100_000;
/// Most instances of a fleet; more than the lab's quota, so that tests may be larger.
pub const MAX_INSTANCES: u32 = 1_000;
/// Most microseconds of the container around a model, and of the mean overhead: the time in which the service wants
/// an answer.
pub const MAX_TIME_US: f64 = 60_000_000.0;
/// Largest σ of a noise: at 2 the mean is over seven times the median already.
pub const MAX_SIGMA: f64 = 2.0;

/// What an artefact costs as long as nobody measured it here.
///
/// # Source
/// tract 0.23 on one native core at 3–6, 12–20 and 128 tokens (the lab's own measurement): stars-a 32 to 103 µs,
/// stars-b 155 to 500 µs, stars-c 434 to 3,700 µs.
pub const fn unmeasured_cost(artifact: Artifact) -> ServiceCost {
    match artifact {
        Artifact::A => ServiceCost { base_us: 32.0, per_token_us: 0.6 },
        Artifact::B => ServiceCost { base_us: 150.0, per_token_us: 2.8 },
        Artifact::C => ServiceCost { base_us: 430.0, per_token_us: 26.0 },
    }
}

/// How long things take that are no part of the model: lab rules, all of them, because no public text gives them.
///
/// # Formula
/// `service = (cost(tokens) + container) · service factor · noise`, `noise` lognormal with mean 1 and `noise_sigma`;
/// `overhead` lognormal with its own mean and σ, independent of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceSettings {
    /// CPU time of the container around the model (parsing, copying, the HTTP server), µs on the machine that the
    /// costs were measured on; 0 to [`MAX_TIME_US`].
    pub container_us: f64,
    /// σ of the logarithm of the service time; 0 to [`MAX_SIGMA`].
    pub noise_sigma: f64,
    /// Mean of the overhead latency, µs; 0 to [`MAX_TIME_US`].
    pub overhead_us: f64,
    /// σ of the logarithm of the overhead; 0 to [`MAX_SIGMA`].
    pub overhead_sigma: f64,
}

impl Default for ServiceSettings {
    /// 2 ms of container, noise 0.25, overhead 3 ms with 0.3.
    fn default() -> Self {
        Self { container_us: 2_000.0, noise_sigma: 0.25, overhead_us: 3_000.0, overhead_sigma: 0.3 }
    }
}

/// What a fleet is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSpec {
    /// The variant that it serves.
    pub variant: VariantName,
    /// What the variant's model is made of.
    pub artifact: Artifact,
    /// Type of its instances: their vCPUs each take one request at a time.
    pub instance_type: InstanceType,
    /// How many instances, 1 to [`MAX_INSTANCES`].
    pub instances: u32,
    /// How an instance is chosen.
    pub strategy: RoutingStrategy,
    /// Requests that may wait at one instance, at most [`MAX_QUEUE_LIMIT`]; the next is refused.
    pub queue_limit: u32,
    /// How long things take around the model.
    pub service: ServiceSettings,
}

impl FleetSpec {
    /// A fleet with the usual spread, queue and times.
    pub fn new(
        variant: VariantName,
        artifact: Artifact,
        instance_type: InstanceType,
        instances: u32,
    ) -> Self {
        Self {
            variant,
            artifact,
            instance_type,
            instances,
            strategy: RoutingStrategy::default(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
            service: ServiceSettings::default(),
        }
    }

    /// Whether a fleet can be like this.
    ///
    /// # Errors
    /// [`FleetError`] for the first number that is out of range.
    pub fn check(&self) -> Result<(), FleetError> {
        check_instances(self.instances)?;
        if self.queue_limit > MAX_QUEUE_LIMIT {
            return Err(FleetError::QueueLimit { value: self.queue_limit });
        }
        let s = &self.service;
        for (name, value, limit) in [
            ("the container's time in µs", s.container_us, MAX_TIME_US),
            ("the σ of the service time", s.noise_sigma, MAX_SIGMA),
            ("the mean overhead in µs", s.overhead_us, MAX_TIME_US),
            ("the σ of the overhead", s.overhead_sigma, MAX_SIGMA),
        ] {
            if !(0.0..=limit).contains(&value) {
                return Err(FleetError::Service { name, value, limit });
            }
        }
        Ok(())
    }
}

pub(super) fn check_instances(value: u32) -> Result<(), FleetError> {
    if (1..=MAX_INSTANCES).contains(&value) { Ok(()) } else { Err(FleetError::Instances { value }) }
}

/// Why a fleet cannot be as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FleetError {
    /// Too few or too many.
    #[error("a fleet has 1 to {MAX_INSTANCES} instances, but {value} were asked for")]
    Instances {
        /// The number given.
        value: u32,
    },
    /// Too long a queue.
    #[error("at most {MAX_QUEUE_LIMIT} requests may wait at an instance, but {value} were asked for")]
    QueueLimit {
        /// The number given.
        value: u32,
    },
    /// A time or a noise is out of range.
    #[error("{name} must be in 0 to {limit}, but is {value}")]
    Service {
        /// Which.
        name: &'static str,
        /// The number given.
        value: f64,
        /// The most that it may be.
        limit: f64,
    },
}

/// One instance at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceGauge {
    /// vCPUs at work.
    pub busy: u32,
    /// vCPUs.
    pub vcpus: u32,
    /// Requests that wait.
    pub waiting: u32,
    /// Requests that may wait before the next is refused.
    pub queue_limit: u32,
    /// It does not answer.
    pub down: bool,
}

/// What a fleet makes of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub instance: u16,
    pub status: InvocationStatus,
    pub wait_ns: u64,
    pub service_ns: u64,
    pub overhead_ns: u64,
    pub leaked_kib: u32,
}

/// The instances of one variant in one deployment.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    spec: FleetSpec,
    instances: Vec<Queue>,
    /// What the container costs, and how ns here relate to measured µs.
    container_us: f64,
    ns_per_us: f64,
    noise: Lognormal,
    overhead: Lognormal,
    choice: Stream,
    pub retired: bool,
    /// What its streams are named after.
    seed: u64,
    generation: u32,
    began_ns: u64,
    /// None until its first fault, so that a sound fleet pays one look at it.
    trouble: Option<Box<Trouble>>,
}

impl Fleet {
    /// `generation` counts the fleets of this variant's name from 0.
    pub fn new(seed: u64, generation: u32, began_ns: u64, spec: FleetSpec) -> Self {
        let stream = |purpose| Stream::of_variant(seed, &spec.variant, generation, purpose);
        let instance = spec.instance_type.spec();
        let s = spec.service;
        Self {
            instances: vec![Queue::new(instance.vcpus, spec.queue_limit); spec.instances as usize],
            container_us: s.container_us,
            ns_per_us: 1_000.0 * instance.service_factor,
            noise: Lognormal::new(stream(VariantPurpose::Service), 1.0, s.noise_sigma),
            overhead: Lognormal::new(
                stream(VariantPurpose::Overhead),
                1_000.0 * s.overhead_us,
                s.overhead_sigma,
            ),
            choice: stream(VariantPurpose::Instance),
            retired: false,
            seed,
            generation,
            began_ns,
            trouble: None,
            spec,
        }
    }

    pub fn spec(&self) -> &FleetSpec {
        &self.spec
    }

    /// New instances are idle. The last ones leave first: nothing new comes to them, and what is in them ends as it
    /// would have.
    pub fn resize(&mut self, instances: u32) {
        let idle = Queue::new(self.spec.instance_type.spec().vcpus, self.spec.queue_limit);
        self.instances.resize(instances as usize, idle);
        if let Some(trouble) = &mut self.trouble {
            trouble.resize(instances as usize);
        }
        self.spec.instances = instances;
    }

    /// Takes a request that costs the model `model_us`.
    #[inline]
    pub fn serve(&mut self, now_ns: u64, model_us: f64) -> Served {
        let instance = self.choose(now_ns);
        let (service_ns, overhead_ns) = self.draw(model_us);
        let place = instance as u16;
        match self.instances[instance].offer(now_ns, service_ns) {
            Admission::Served { wait_ns } => Served {
                instance: place,
                status: InvocationStatus::Answered,
                wait_ns,
                service_ns,
                overhead_ns,
                leaked_kib: 0,
            },
            Admission::Full => Served {
                instance: place,
                status: InvocationStatus::Overloaded,
                wait_ns: 0,
                service_ns: 0,
                overhead_ns,
                leaked_kib: 0,
            },
        }
    }

    /// Service time and overhead of the next request, ns. Drawn for refused requests too: the k-th request of a
    /// variant has the k-th draw.
    #[inline]
    fn draw(&mut self, model_us: f64) -> (u64, u64) {
        let service_ns = ((model_us + self.container_us) * self.ns_per_us * self.noise.draw() + 0.5) as u64;
        (service_ns, (self.overhead.draw() + 0.5) as u64)
    }

    /// From `now_ns` on these faults hold, and no others.
    pub fn set_faults(&mut self, now_ns: u64, faults: &[Fault]) {
        if faults.is_empty() && self.trouble.is_none() {
            return;
        }
        let Self { spec, instances, trouble, seed, generation, began_ns, .. } = self;
        let trouble = trouble.get_or_insert_with(|| Box::new(Trouble::new(*seed, *generation, spec)));
        trouble.set(now_ns, faults, instances, spec, now_ns == *began_ns);
    }

    /// Whether a fault holds, so that [`Self::serve_in_trouble`] is to be asked instead of [`Self::serve`].
    #[inline]
    pub fn in_trouble(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| t.any())
    }

    /// Whether its model gets skewed input.
    pub fn skewed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| t.skewed())
    }

    /// [`Self::serve`] while a fault holds.
    pub fn serve_in_trouble(&mut self, now_ns: u64, model_us: f64) -> Served {
        let (service_ns, overhead_ns) = self.draw(model_us);
        // Taken out and put back, so that a choice can look at the queues meanwhile.
        let mut trouble = self.trouble.take();
        let served = trouble.as_mut().and_then(|trouble| {
            trouble.find_candidates(now_ns);
            let instance = self.choose_among(now_ns, &trouble.candidates);
            let queue = self.instances.get_mut(instance)?;
            Some(trouble.serve(now_ns, instance, queue, service_ns, overhead_ns, &self.spec))
        });
        self.trouble = trouble;
        served.unwrap_or(Served {
            instance: 0,
            status: InvocationStatus::Overloaded,
            wait_ns: 0,
            service_ns: 0,
            overhead_ns,
            leaked_kib: 0,
        })
    }

    /// [`Self::choose`] among some of the instances.
    fn choose_among(&mut self, now_ns: u64, candidates: &[usize]) -> usize {
        let any_of = |choice: &mut Stream, n: usize| if n > 1 { choice.below(n as u64) as usize } else { 0 };
        let found = match self.spec.strategy {
            RoutingStrategy::Random => candidates.get(any_of(&mut self.choice, candidates.len())).copied(),
            RoutingStrategy::LeastOutstandingRequests => {
                let there: Vec<u32> =
                    candidates.iter().map(|&i| self.instances[i].outstanding(now_ns)).collect();
                let least = there.iter().min();
                let equals = there.iter().filter(|t| Some(*t) == least).count();
                let skip = any_of(&mut self.choice, equals);
                let mut best = candidates.iter().zip(&there).filter(|(_, t)| Some(*t) == least);
                best.nth(skip).map(|(i, _)| *i)
            }
        };
        found.unwrap_or(0)
    }

    #[inline]
    fn choose(&mut self, now_ns: u64) -> usize {
        let n = self.instances.len();
        if n == 1 {
            return 0;
        }
        match self.spec.strategy {
            RoutingStrategy::Random => self.choice.below(n as u64) as usize,
            RoutingStrategy::LeastOutstandingRequests => {
                // Of equals any, each as likely: the k-th equal takes over with probability 1 ÷ k.
                let (mut least, mut chosen, mut equals) = (u32::MAX, 0, 0);
                for i in 0..n {
                    let there = self.instances[i].outstanding(now_ns);
                    if there < least {
                        (least, chosen, equals) = (there, i, 1);
                    } else if there == least {
                        equals += 1;
                    }
                }
                if equals > 1 {
                    let mut skip = self.choice.below(equals);
                    for i in chosen..n {
                        if self.instances[i].outstanding(now_ns) == least {
                            if skip == 0 {
                                return i;
                            }
                            skip -= 1;
                        }
                    }
                }
                chosen
            }
        }
    }

    pub fn gauges(&self, now_ns: u64) -> Vec<InstanceGauge> {
        let vcpus = self.spec.instance_type.spec().vcpus;
        let queue_limit = self.spec.queue_limit;
        let gauge = |(i, q): (usize, &Queue)| InstanceGauge {
            busy: q.busy(now_ns),
            vcpus,
            waiting: q.waiting(now_ns),
            queue_limit,
            down: self.trouble.as_ref().is_some_and(|t| t.is_down(i, now_ns)),
        };
        self.instances.iter().enumerate().map(gauge).collect()
    }

    /// Whether nothing is left in it.
    pub fn is_drained(&self, now_ns: u64) -> bool {
        self.instances.iter().all(|q| q.drained_ns() <= now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(strategy: RoutingStrategy, instances: u32) -> FleetSpec {
        let m5 = "ml.m5.large".parse().unwrap();
        FleetSpec { strategy, ..FleetSpec::new(VariantName::new("A").unwrap(), Artifact::A, m5, instances) }
    }

    #[test]
    fn bad_numbers_are_named() {
        let ok = spec(RoutingStrategy::Random, 1);
        assert_eq!(ok.check(), Ok(()));
        let said = FleetSpec { instances: 0, ..ok.clone() }.check().unwrap_err().to_string();
        assert!(said.contains("but 0 were"), "{said}");
        let queue = FleetSpec { queue_limit: MAX_QUEUE_LIMIT + 1, ..ok.clone() };
        assert_eq!(queue.check(), Err(FleetError::QueueLimit { value: 100_001 }));
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let service = ServiceSettings { container_us: bad, ..ServiceSettings::default() };
            let said = FleetSpec { service, ..ok.clone() }.check().unwrap_err().to_string();
            assert!(said.contains(&bad.to_string()) && said.contains("60000000"), "{said}");
        }
    }

    #[test]
    fn the_least_busy_instance_is_chosen_and_ties_are_even() {
        let mut fleet = Fleet::new(1, 0, 0, spec(RoutingStrategy::LeastOutstandingRequests, 3));
        // Three instances of two vCPUs: six requests at one moment fill them evenly.
        let mut seen = [0; 3];
        for _ in 0..6 {
            seen[usize::from(fleet.serve(0, 100.0).instance)] += 1;
        }
        assert_eq!(seen, [2, 2, 2]);
        let mut first = [0u32; 3];
        for i in 1..=30_000 {
            first[usize::from(fleet.serve(i * 1_000_000_000, 100.0).instance)] += 1;
        }
        assert!(first.into_iter().all(|n| n.abs_diff(10_000) < 400), "{first:?}");
    }

    #[test]
    fn a_fleet_that_shrinks_keeps_its_first_instances() {
        let mut fleet = Fleet::new(1, 0, 0, spec(RoutingStrategy::Random, 3));
        for _ in 0..100 {
            fleet.serve(0, 1e6);
        }
        let before = fleet.gauges(0);
        fleet.resize(1);
        assert_eq!(fleet.gauges(0), before[..1]);
        fleet.resize(2);
        assert_eq!(
            fleet.gauges(0)[1],
            InstanceGauge { busy: 0, vcpus: 2, waiting: 0, queue_limit: 64, down: false }
        );
        assert!(!fleet.is_drained(0) && fleet.is_drained(u64::MAX));
    }

    #[test]
    fn a_generation_draws_its_own_noise() {
        let mut a = Fleet::new(1, 0, 0, spec(RoutingStrategy::Random, 1));
        let mut b = Fleet::new(1, 1, 0, spec(RoutingStrategy::Random, 1));
        assert_ne!(a.serve(0, 1.0).service_ns, b.serve(0, 1.0).service_ns);
    }
}
