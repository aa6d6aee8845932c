//! Copies for shadow variants: fire and forget, behind a bounded queue of their own.
//!
//! A copy is handed over after its original was answered and before the caller has the answer. Handing over takes no
//! lock that a slow shadow holds and waits for nothing: a copy that finds no room is dropped and counted. So whatever
//! a shadow does (hang, fail, answer 100 MB), callers see nothing of it, and memory stays within
//! `queue_bytes + in_flight · (a body + an answer)`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};

use super::{
    backend::Call,
    capture::{CapturePlan, Captures},
    clock,
    invoke::{Ended, Origin},
    ledger::Ledger,
    routes::Target,
    settings::ShadowLimits,
};

/// A copy that waits.
#[derive(Debug)]
pub struct Copy {
    /// What is asked.
    pub call: Call,
    /// Whose request it is.
    pub origin: Origin,
    /// Whether it is kept, and how.
    pub capture: Option<Arc<CapturePlan>>,
}

/// A shadow variant with its queue.
#[derive(Debug)]
pub struct Lane {
    /// The variant.
    pub target: Arc<Target>,
    queue: mpsc::Sender<(Copy, usize)>,
    limits: ShadowLimits,
    gauges: Arc<Gauges>,
}

#[derive(Debug, Default)]
struct Gauges {
    queued_bytes: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    dropped: AtomicU64,
}

/// Opens lanes.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Where their work runs.
    pub runtime: Handle,
    /// Where records go.
    pub ledger: Arc<Ledger>,
    /// Where captured copies go.
    pub captures: Captures,
    /// What copies may take.
    pub limits: ShadowLimits,
}

impl Lanes {
    /// Opens the lane of a shadow variant. It ends with the last request that could reach it, once its queue is empty.
    pub fn open(&self, target: Arc<Target>) -> Arc<Lane> {
        let (queue, waiting) = mpsc::channel(self.limits.queue.max(1));
        let gauges = Arc::new(Gauges::default());
        let work = work(target.clone(), waiting, self.clone(), gauges.clone());
        self.runtime.spawn(work);
        Arc::new(Lane { target, queue, limits: self.limits, gauges })
    }
}

impl Lane {
    /// Hands a copy over, or drops it when there is no room.
    pub fn send(&self, copy: Copy) {
        let bytes = copy.call.body.len();
        let queued = self.gauges.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued > self.limits.queue_bytes || self.queue.try_send((copy, bytes)).is_err() {
            self.gauges.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.gauges.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Copies that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.gauges.dropped.load(Ordering::Relaxed)
    }

    /// Copies that are worked on, and the most that ever were.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.gauges.in_flight.load(Ordering::Relaxed), self.gauges.most_in_flight.load(Ordering::Relaxed))
    }

    /// Copies that wait.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

async fn work(
    target: Arc<Target>,
    mut waiting: mpsc::Receiver<(Copy, usize)>,
    lanes: Lanes,
    gauges: Arc<Gauges>,
) {
    let room = Arc::new(Semaphore::new(lanes.limits.in_flight));
    loop {
        // Room first: what waits stays in the queue, where it is counted.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Some((copy, bytes)) = waiting.recv().await else { return };
        gauges.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let running = gauges.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        gauges.most_in_flight.fetch_max(running, Ordering::Relaxed);
        let (target, gauges) = (target.clone(), gauges.clone());
        let (ledger, captures) = (lanes.ledger.clone(), lanes.captures.clone());
        let limit = Duration::from_millis(lanes.limits.timeout_ms);
        lanes.runtime.spawn(async move {
            let Copy { call, mut origin, capture } = copy;
            let call = Call { timeout: Some(limit), once: true, ..call };
            let body = capture.as_ref().map(|_| (call.content_type.clone(), call.body.clone()));
            origin.arrival = clock::now();
            let began = Instant::now();
            let answer = target.backend.call(call).await;
            let ended = Ended::of(&answer, began.elapsed());
            ledger.record(&target, ended.record(&target, &origin, began.elapsed()));
            if let (Some(plan), Some((content_type, body)), Ok(answer)) = (capture, body, &answer) {
                captures.keep(&plan, &target, &origin, (content_type.as_ref(), &body), answer);
            }
            gauges.in_flight.fetch_sub(1, Ordering::Relaxed);
            drop(permit);
        });
    }
}
