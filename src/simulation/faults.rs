//! What can go wrong with a variant, and how it does: in its queues, its service times, its input, its memory.
//!
//! No fault touches a metric. Each changes how a fleet takes requests, and the records tell the rest.

use serde::{Deserialize, Serialize};

use super::{
    fleet::{FleetSpec, MAX_INSTANCES, Served},
    queue::{Admission, Queue},
    random::{Stream, VariantPurpose},
};
use crate::{
    domain::{InvocationStatus, SECOND_NS, idle_memory_gib},
    inference::card,
};

/// Seconds until the health check has noticed that an instance does not answer, and requests go to the others (a lab
/// rule).
pub const HEALTH_CHECK_S: u64 = 30;
/// Seconds that an instance takes to come back after its memory was full (a lab rule).
pub const RESTART_S: u64 = 60;
/// Largest factor of a slow model.
pub const MAX_SLOW_FACTOR: f64 = 1_000.0;
/// Longest extra time, ms: the time in which the service wants an answer.
pub const MAX_EXTRA_MS: f64 = 60_000.0;
/// Fastest leak, MiB per request.
pub const MAX_LEAK_MIB: f64 = 1_024.0;
/// Most requests that are slow on a new instance.
pub const MAX_COLD_REQUESTS: u32 = 100_000;

/// Something that goes wrong with a variant.
///
/// Of several faults of one kind on one variant, the one that was injected last holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// The model takes longer: service times are multiplied.
    SlowModel {
        /// By how much, 1 to [`MAX_SLOW_FACTOR`].
        factor: f64,
    },
    /// Some requests occupy their vCPU for longer.
    LatencySpikes {
        /// Share of the requests, 0 to 1.
        probability: f64,
        /// How much longer, ms, 0 to [`MAX_EXTRA_MS`].
        extra_ms: f64,
    },
    /// The container turns requests away before the model sees them: 4xx.
    ClientErrors {
        /// Share of the requests, 0 to 1.
        share: f64,
    },
    /// The model runs and then fails: 5xx, after its whole service time.
    ModelErrors {
        /// Share of the requests, 0 to 1.
        share: f64,
    },
    /// Instances that are to start meanwhile never pass their health check. Those that serve go on.
    WrongContainer,
    /// Each request leaves memory behind. When none is left, the instance is killed, the request with it; those that
    /// come while it restarts fail.
    MemoryLeak {
        /// Memory lost per request, MiB, above 0 to [`MAX_LEAK_MIB`].
        mib_per_request: f64,
    },
    /// The serving code hashes tokens with another seed than training did: the model answers other words.
    SkewedTokenizer,
    /// The first requests on each instance that starts meanwhile take longer: caches and just-in-time code are cold.
    ColdStart {
        /// Requests per instance, 1 to [`MAX_COLD_REQUESTS`].
        requests: u32,
        /// How much longer each, ms, 0 to [`MAX_EXTRA_MS`].
        extra_ms: f64,
    },
    /// The last instances of the fleet do not answer. Requests that are sent to them fail until the health check has
    /// taken them out; then the rest serve all.
    LostInstances {
        /// How many, 1 to [`MAX_INSTANCES`].
        instances: u32,
    },
}

/// A size that a fault cannot have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} must be in {least} to {limit}, but is {value}")]
pub struct FaultError {
    /// Which size.
    pub name: &'static str,
    /// The number given.
    pub value: f64,
    /// The least that it may be.
    pub least: f64,
    /// The most that it may be.
    pub limit: f64,
}

impl Fault {
    /// Its name, as the journal and a scenario write it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SlowModel { .. } => "SlowModel",
            Self::LatencySpikes { .. } => "LatencySpikes",
            Self::ClientErrors { .. } => "ClientErrors",
            Self::ModelErrors { .. } => "ModelErrors",
            Self::WrongContainer => "WrongContainer",
            Self::MemoryLeak { .. } => "MemoryLeak",
            Self::SkewedTokenizer => "SkewedTokenizer",
            Self::ColdStart { .. } => "ColdStart",
            Self::LostInstances { .. } => "LostInstances",
        }
    }

    /// Whether a fault can be like this.
    ///
    /// # Errors
    /// [`FaultError`] for the first size that is out of range.
    ///
    /// ```
    /// use rollout_lab::simulation::Fault;
    /// assert!(Fault::SlowModel { factor: 3.0 }.check().is_ok());
    /// let said = Fault::ModelErrors { share: 1.5 }.check().unwrap_err().to_string();
    /// assert_eq!(said, "the share of failing requests must be in 0 to 1, but is 1.5");
    /// ```
    pub fn check(&self) -> Result<(), FaultError> {
        let within = |name, value: f64, least: f64, limit: f64| {
            // A number that is none lies in no range.
            if (least..=limit).contains(&value) {
                Ok(())
            } else {
                Err(FaultError { name, value, least, limit })
            }
        };
        let extra = |ms| within("the extra time in ms", ms, 0.0, MAX_EXTRA_MS);
        match *self {
            Self::SlowModel { factor } => within("the factor of a slow model", factor, 1.0, MAX_SLOW_FACTOR),
            Self::LatencySpikes { probability, extra_ms } => {
                within("the probability of a spike", probability, 0.0, 1.0).and(extra(extra_ms))
            }
            Self::ClientErrors { share } | Self::ModelErrors { share } => {
                within("the share of failing requests", share, 0.0, 1.0)
            }
            Self::MemoryLeak { mib_per_request } => {
                // Less than a byte would never fill anything, and never look like a leak.
                within("the leak in MiB per request", mib_per_request, 1e-6, MAX_LEAK_MIB)
            }
            Self::ColdStart { requests, extra_ms } => {
                let most = f64::from(MAX_COLD_REQUESTS);
                within("the slow requests of a new instance", requests.into(), 1.0, most).and(extra(extra_ms))
            }
            Self::LostInstances { instances } => {
                within("the instances lost", instances.into(), 1.0, f64::from(MAX_INSTANCES))
            }
            Self::WrongContainer | Self::SkewedTokenizer => Ok(()),
        }
    }
}

/// When an instance does not answer, ns.
#[derive(Clone, Copy, Debug)]
struct Down {
    from: u64,
    until: u64,
    /// It comes back when the fault ends, not by itself.
    lost: bool,
}

/// What is the matter with one instance.
#[derive(Clone, Copy, Debug, Default)]
struct Patient {
    down: Option<Down>,
    leaked_mib: f64,
    /// Requests that will still be slow.
    cold: u32,
}

/// A fleet's faults and what they have done to its instances.
///
/// It stays with the fleet once there was a fault, so that no draw comes twice.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    slow: f64,
    spikes: Option<(f64, u64)>,
    client_errors: f64,
    model_errors: f64,
    leak_mib: Option<f64>,
    skewed: bool,
    cold: Option<(u32, u64)>,
    lost: u32,
    any: bool,
    patients: Vec<Patient>,
    /// Instances that requests may be sent to; kept to be filled anew.
    pub candidates: Vec<usize>,
    spike_draws: Stream,
    client_draws: Stream,
    model_draws: Stream,
}

impl Trouble {
    /// No trouble yet. `generation` is the fleet's.
    pub fn new(seed: u64, generation: u32, spec: &FleetSpec) -> Self {
        let stream = |purpose| Stream::of_variant(seed, &spec.variant, generation, purpose);
        Self {
            slow: 1.0,
            spikes: None,
            client_errors: 0.0,
            model_errors: 0.0,
            leak_mib: None,
            skewed: false,
            cold: None,
            lost: 0,
            any: false,
            patients: vec![Patient::default(); spec.instances as usize],
            candidates: Vec::new(),
            spike_draws: stream(VariantPurpose::Spikes),
            client_draws: stream(VariantPurpose::ClientErrors),
            model_draws: stream(VariantPurpose::ModelErrors),
        }
    }

    /// Whether a fault holds now.
    #[inline]
    pub fn any(&self) -> bool {
        self.any
    }

    /// Whether the model gets skewed input.
    #[inline]
    pub fn skewed(&self) -> bool {
        self.skewed
    }

    /// From now on these faults hold, and no others. `fresh`: the fleet has only just started.
    pub fn set(
        &mut self,
        now_ns: u64,
        faults: &[Fault],
        queues: &mut [Queue],
        spec: &FleetSpec,
        fresh: bool,
    ) {
        let ns = |ms: f64| (ms * 1e6 + 0.5) as u64;
        let lost_before = self.lost;
        (self.slow, self.client_errors, self.model_errors) = (1.0, 0.0, 0.0);
        (self.spikes, self.leak_mib, self.skewed, self.cold, self.lost) = (None, None, false, None, 0);
        for fault in faults {
            match *fault {
                Fault::SlowModel { factor } => self.slow = factor,
                Fault::LatencySpikes { probability, extra_ms } => {
                    self.spikes = Some((probability, ns(extra_ms)));
                }
                Fault::ClientErrors { share } => self.client_errors = share,
                Fault::ModelErrors { share } => self.model_errors = share,
                Fault::MemoryLeak { mib_per_request } => self.leak_mib = Some(mib_per_request),
                Fault::SkewedTokenizer => self.skewed = true,
                Fault::ColdStart { requests, extra_ms } => self.cold = Some((requests, ns(extra_ms))),
                Fault::LostInstances { instances } => self.lost = instances,
                // Who starts instances sees to that.
                Fault::WrongContainer => {}
            }
        }
        self.any = !faults.is_empty();
        if self.leak_mib.is_none() {
            // The container that leaks is gone, and its memory with it.
            for patient in self.patients.iter_mut().filter(|p| !p.down.is_some_and(|d| d.lost)) {
                (patient.leaked_mib, patient.down) = (0.0, None);
            }
        }
        if self.lost != lost_before {
            self.lose(now_ns, queues, spec);
        }
        if fresh {
            self.chill(0);
        }
    }

    /// Takes away the last instances, or gives back those that were lost.
    fn lose(&mut self, now_ns: u64, queues: &mut [Queue], spec: &FleetSpec) {
        let first_lost = self.patients.len().saturating_sub(self.lost as usize);
        for (i, patient) in self.patients.iter_mut().enumerate() {
            let was_lost = patient.down.is_some_and(|d| d.lost);
            if i >= first_lost && !was_lost {
                patient.down = Some(Down { from: now_ns, until: u64::MAX, lost: true });
            } else if i < first_lost && was_lost {
                // It comes back as a new one.
                *patient =
                    Patient { cold: self.cold.map_or(0, |(requests, _)| requests), ..Patient::default() };
                if let Some(queue) = queues.get_mut(i) {
                    *queue = Queue::new(spec.instance_type.spec().vcpus, spec.queue_limit);
                }
            }
        }
    }

    /// Instances from `first` on are new, so they are cold while that fault holds.
    fn chill(&mut self, first: usize) {
        if let Some((requests, _)) = self.cold {
            self.patients.iter_mut().skip(first).for_each(|p| p.cold = requests);
        }
    }

    /// The fleet has another number of instances.
    pub fn resize(&mut self, instances: usize) {
        let before = self.patients.len();
        self.patients.resize(instances, Patient::default());
        self.chill(before);
    }

    /// Whether an instance does not answer.
    pub fn is_down(&self, instance: usize, now_ns: u64) -> bool {
        let down = self.patients.get(instance).and_then(|p| p.down);
        down.is_some_and(|d| d.from <= now_ns && now_ns < d.until)
    }

    /// Fills `candidates` with the instances that requests are sent to: all but those that the health check has
    /// taken out, or all when that leaves none.
    pub fn find_candidates(&mut self, now_ns: u64) {
        self.candidates.clear();
        let taken_out =
            |d: Down| now_ns >= d.from.saturating_add(HEALTH_CHECK_S * SECOND_NS) && now_ns < d.until;
        for (i, patient) in self.patients.iter().enumerate() {
            if !patient.down.is_some_and(taken_out) {
                self.candidates.push(i);
            }
        }
        if self.candidates.is_empty() {
            self.candidates.extend(0..self.patients.len());
        }
    }

    /// What becomes of a request at `instance` that would take `service_ns` if nothing were wrong.
    ///
    /// Each fault that holds draws once for every request, whatever becomes of it: the k-th request has the k-th draw.
    pub fn serve(
        &mut self,
        now_ns: u64,
        instance: usize,
        queue: &mut Queue,
        service_ns: u64,
        overhead_ns: u64,
        spec: &FleetSpec,
    ) -> Served {
        let spiked = self.spikes.and_then(|(p, extra)| (self.spike_draws.unit() < p).then_some(extra));
        let client_error = self.client_errors > 0.0 && self.client_draws.unit() < self.client_errors;
        let model_error = self.model_errors > 0.0 && self.model_draws.unit() < self.model_errors;
        let failed = |status| Served {
            instance: instance as u16,
            status,
            wait_ns: 0,
            service_ns: 0,
            overhead_ns,
            leaked_kib: 0,
        };
        let restarted = |q: &mut Queue| *q = Queue::new(spec.instance_type.spec().vcpus, spec.queue_limit);
        let Some(patient) = self.patients.get_mut(instance) else {
            return failed(InvocationStatus::Overloaded);
        };
        if let Some(down) = patient.down {
            if now_ns < down.until {
                // Nobody answers: the endpoint says 503 for it.
                return failed(InvocationStatus::Overloaded);
            }
            *patient = Patient { cold: self.cold.map_or(0, |(requests, _)| requests), ..Patient::default() };
            restarted(queue);
        }
        let kib = |mib: f64| (mib * 1_024.0) as u32;
        if client_error {
            return Served { leaked_kib: kib(patient.leaked_mib), ..failed(InvocationStatus::ClientError) };
        }
        let mut service_ns = (service_ns as f64 * self.slow) as u64 + spiked.unwrap_or(0);
        if patient.cold > 0
            && let Some((_, extra)) = self.cold
        {
            service_ns += extra;
        }
        let Admission::Served { wait_ns } = queue.offer(now_ns, service_ns) else {
            return Served { leaked_kib: kib(patient.leaked_mib), ..failed(InvocationStatus::Overloaded) };
        };
        patient.cold = patient.cold.saturating_sub(1);
        let mut status = if model_error { InvocationStatus::ModelError } else { InvocationStatus::Answered };
        if let Some(mib) = self.leak_mib {
            patient.leaked_mib += mib;
            let hardware = spec.instance_type.spec();
            let idle_gib = idle_memory_gib(hardware.vcpus, card(spec.artifact).size_bytes);
            if patient.leaked_mib >= (hardware.memory_gib - idle_gib) * 1_024.0 {
                // The kernel kills the container with this request in it.
                status = InvocationStatus::ModelError;
                let until = now_ns.saturating_add(RESTART_S * SECOND_NS);
                *patient =
                    Patient { down: Some(Down { from: now_ns, until, lost: false }), ..Patient::default() };
            }
        }
        let leaked_kib = kib(patient.leaked_mib);
        Served { instance: instance as u16, status, wait_ns, service_ns, overhead_ns, leaked_kib }
    }
}
