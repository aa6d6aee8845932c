//! Copies for shadow variants: fire and forget, behind a bounded queue of their own.
//!
//! A copy is handed over after its original was answered and before the caller has the answer. Handing over waits for
//! nothing, whatever the shadow does: the one lock is held for as long as a queue takes a piece in or gives it out, and
//! a copy that finds no room is dropped and counted. So callers see nothing of a shadow that hangs, fails or answers
//! 100 MB, and memory stays within `queue_bytes + in_flight · (a body + an answer)`.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{
    backend::{Call, How},
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
    means: Lanes,
    queue: Mutex<Queue>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Copy>,
    waiting_bytes: usize,
    in_flight: usize,
    most_in_flight: usize,
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
        Arc::new(Lane { target, means: self.clone(), queue: Mutex::default(), dropped: AtomicU64::new(0) })
    }
}

impl Lane {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a copy over, or drops it when there is no room.
    pub fn send(self: &Arc<Self>, copy: Copy) {
        let limits = &self.means.limits;
        let mut queue = self.queue();
        if queue.in_flight < limits.in_flight {
            queue.in_flight += 1;
            queue.most_in_flight = queue.most_in_flight.max(queue.in_flight);
            drop(queue);
            self.means.runtime.spawn(work(Place { lane: self.clone(), taken: true }, copy));
            return;
        }
        let bytes = queue.waiting_bytes + copy.call.body.len();
        if queue.waiting.len() < limits.queue && bytes <= limits.queue_bytes {
            queue.waiting_bytes = bytes;
            queue.waiting.push_back(copy);
        } else {
            drop(queue);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Copies that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Copies that are worked on, and the most that ever were.
    pub fn in_flight(&self) -> (usize, usize) {
        let queue = self.queue();
        (queue.in_flight, queue.most_in_flight)
    }

    /// Copies that wait.
    pub fn queued(&self) -> usize {
        self.queue().waiting.len()
    }
}

/// A place among the copies in flight. Dropped amid a copy, at the server's end, it is free again.
struct Place {
    lane: Arc<Lane>,
    taken: bool,
}

impl Place {
    /// The copy that waits longest. Without one the place is free, under the same lock: a copy that comes now finds it.
    fn next(&mut self) -> Option<Copy> {
        let mut queue = self.lane.queue();
        let copy = queue.waiting.pop_front();
        match &copy {
            Some(copy) => queue.waiting_bytes -= copy.call.body.len(),
            None => {
                queue.in_flight -= 1;
                self.taken = false;
            }
        }
        copy
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.taken {
            self.lane.queue().in_flight -= 1;
        }
    }
}

/// Asks for one copy after the other, until none waits.
async fn work(mut place: Place, first: Copy) {
    let lane = place.lane.clone();
    let how = How { timeout: Some(Duration::from_millis(lane.means.limits.timeout_ms)), copy: true };
    let mut next = Some(first);
    while let Some(Copy { call, mut origin, capture }) = next.take() {
        let target = &lane.target;
        origin.arrival = clock::now();
        let began = Instant::now();
        let answer = target.backend.call(&call, how).await;
        let took = began.elapsed();
        lane.means.ledger.record(target, Ended::of(&answer, took).record(target, &origin, took));
        if let (Some(plan), Ok(answer)) = (capture, &answer) {
            let asked = (call.content_type.as_ref(), &call.body[..]);
            lane.means.captures.keep(&plan, target, &origin, asked, answer);
        }
        next = place.next();
    }
}
