//! One queue with several servers, first come first served.

use std::collections::VecDeque;

/// Servers up to which a scan for the one that is free first beats a heap.
const SCANNED: usize = 16;

/// What became of a request that came to a [`Queue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A server takes it after `wait_ns`.
    Served {
        /// Time in the queue, ns.
        wait_ns: u64,
    },
    /// Every server is busy and as many wait as may.
    Full,
}

/// A queue in front of c servers that take one request at a time, with room for so many that wait.
///
/// No event is kept: who comes is told at once when his service will begin, because nobody who comes later can
/// change it.
///
/// # Shapes and units
/// Time in whole ns. Requests must come in order of time.
///
/// # Formula
/// `start = max(arrival, earliest free server)` and that server is free again at `start + service`: the
/// Kiefer–Wolfowitz recursion. Starts never decrease, so those who wait are a run at the end of all starts.
/// With exponential times it is the M/M/c/K queue, `K = servers + room`.
///
/// # Source
/// Kiefer, Wolfowitz, Trans. AMS 78 (1955). Exact waits in `tests/golden/queueing.json`, read by `tests/queueing.rs`.
///
/// # Examples
/// ```
/// use rollout_lab::simulation::{Admission, Queue};
/// let mut queue = Queue::new(1, 1);
/// assert_eq!(queue.offer(0, 10), Admission::Served { wait_ns: 0 });
/// assert_eq!(queue.offer(4, 10), Admission::Served { wait_ns: 6 });
/// assert_eq!(queue.offer(5, 10), Admission::Full);
/// assert_eq!(queue.offer(10, 10), Admission::Served { wait_ns: 10 }); // the one from 4 is being served
/// ```
#[derive(Clone, Debug)]
pub struct Queue {
    /// When each server is free: a plain array up to `SCANNED`, else a heap with the least first.
    free: Vec<u64>,
    /// Starts of service of those who wait, in order.
    starts: VecDeque<u64>,
    room: u32,
}

impl Queue {
    /// An idle queue of at least one server.
    pub fn new(servers: u32, room: u32) -> Self {
        Self { free: vec![0; servers.max(1) as usize], starts: VecDeque::new(), room }
    }

    /// A request comes at `arrival_ns` and needs a server for `service_ns`.
    #[inline]
    pub fn offer(&mut self, arrival_ns: u64, service_ns: u64) -> Admission {
        self.forget_started(arrival_ns);
        let first = self.first_free(arrival_ns);
        let start = self.free[first].max(arrival_ns);
        if start > arrival_ns {
            if self.starts.len() >= self.room as usize {
                return Admission::Full;
            }
            self.starts.push_back(start);
        }
        self.occupy(first, start.saturating_add(service_ns));
        Admission::Served { wait_ns: start - arrival_ns }
    }

    /// Servers at work at `now_ns`.
    pub fn busy(&self, now_ns: u64) -> u32 {
        self.free.iter().filter(|&&t| t > now_ns).count() as u32
    }

    /// Requests that wait at `now_ns`.
    pub fn waiting(&self, now_ns: u64) -> u32 {
        // Starts are in order: skip those of the past.
        (self.starts.len() - self.starts.partition_point(|&s| s <= now_ns)) as u32
    }

    /// Requests in it at `now_ns`, at work or waiting; forgets those that left.
    #[inline]
    pub fn outstanding(&mut self, now_ns: u64) -> u32 {
        self.forget_started(now_ns);
        self.starts.len() as u32 + self.busy(now_ns)
    }

    /// When the last of its requests is done.
    pub fn drained_ns(&self) -> u64 {
        self.free.iter().copied().max().unwrap_or(0)
    }

    #[inline]
    fn forget_started(&mut self, now_ns: u64) {
        while self.starts.front().is_some_and(|&s| s <= now_ns) {
            self.starts.pop_front();
        }
    }

    /// An idle server, or else the one that is idle first. Idle servers are all alike to who comes now or later.
    #[inline]
    fn first_free(&self, now_ns: u64) -> usize {
        if self.free.len() > SCANNED {
            return 0;
        }
        if let Some(idle) = self.free.iter().position(|&t| t <= now_ns) {
            return idle;
        }
        let (mut first, mut least) = (0, u64::MAX);
        for (i, &t) in self.free.iter().enumerate() {
            if t < least {
                (first, least) = (i, t);
            }
        }
        first
    }

    #[inline]
    fn occupy(&mut self, server: usize, until_ns: u64) {
        self.free[server] = until_ns;
        if self.free.len() > SCANNED {
            self.sink(server);
        }
    }

    /// Restores the heap after the root got later.
    fn sink(&mut self, mut at: usize) {
        let heap = &mut self.free;
        loop {
            let left = 2 * at + 1;
            let Some(&l) = heap.get(left) else { return };
            let child = if heap.get(left + 1).is_some_and(|&r| r < l) { left + 1 } else { left };
            if heap[at] <= heap[child] {
                return;
            }
            heap.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_it_refuses_when_all_are_busy() {
        let mut q = Queue::new(2, 0);
        assert_eq!(q.offer(0, 10), Admission::Served { wait_ns: 0 });
        assert_eq!(q.offer(1, 10), Admission::Served { wait_ns: 0 });
        assert_eq!(q.offer(2, 10), Admission::Full);
        assert_eq!(q.offer(10, 10), Admission::Served { wait_ns: 0 });
    }

    #[test]
    fn gauges_count_who_is_there() {
        let mut q = Queue::new(2, 8);
        for t in 0..5 {
            q.offer(t, 100);
        }
        assert_eq!((q.busy(10), q.waiting(10)), (2, 3));
        assert_eq!((q.busy(100), q.waiting(100)), (2, 2));
        assert_eq!((q.busy(101), q.waiting(101)), (2, 1));
        assert_eq!(q.outstanding(101), 3);
        assert_eq!((q.busy(q.drained_ns()), q.waiting(q.drained_ns())), (0, 0));
    }

    #[test]
    fn scan_and_heap_agree() {
        // The same requests to 17 servers by the heap, and by a scan written out here.
        let mut q = Queue::new(17, u32::MAX);
        let mut free = [0u64; 17];
        let (mut state, mut now) = (1u64, 0);
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now += (state >> 33) % 60;
            let service = (state >> 20) % 1_000;
            let least = (0..17).min_by_key(|&i| free[i]).unwrap();
            let start = free[least].max(now);
            free[least] = start + service;
            assert_eq!(q.offer(now, service), Admission::Served { wait_ns: start - now });
        }
    }
}
