//! A circuit breaker: an upstream that fails again and again is left alone for a while.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Counts failures in a row.
///
/// Closed, it lets everything through. After `failures` in a row it is open for `open`: everything is refused at
/// once, without waiting for a time-out. Then one request at a time may try; if it succeeds the circuit closes, else
/// it is open for another `open`.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// use rollout_lab::server::backend::Breaker;
/// let (breaker, began) = (Breaker::new(2, Duration::from_secs(1)), Instant::now());
/// let at = |ms| began + Duration::from_millis(ms);
/// breaker.failed(at(0));
/// assert!(breaker.lets_through(at(1)));
/// breaker.failed(at(2));
/// assert!(!breaker.lets_through(at(3)));
/// assert!(breaker.lets_through(at(1_003)) && !breaker.lets_through(at(1_004))); // one probe
/// breaker.succeeded();
/// assert!(breaker.lets_through(at(1_005)));
/// ```
#[derive(Debug)]
pub struct Breaker {
    limit: u32,
    open: Duration,
    began: Instant,
    failures: AtomicU32,
    /// Nanoseconds since `began` until which it refuses; 0 while closed.
    until: AtomicU64,
    opened: AtomicU64,
}

impl Breaker {
    /// Closed.
    pub fn new(limit: u32, open: Duration) -> Self {
        Self {
            limit: limit.max(1),
            open,
            began: Instant::now(),
            failures: AtomicU32::new(0),
            until: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        }
    }

    fn ns(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether a request may go; a probe counts as gone.
    pub fn lets_through(&self, now: Instant) -> bool {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return true;
        }
        let now_ns = self.ns(now);
        // Whoever moves the end of the refusal is the probe.
        let next = self.ns(now + self.open);
        now_ns >= until
            && self.until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// A request was answered.
    pub fn succeeded(&self) {
        // Read first: the usual case then writes nothing that other cores would have to fetch.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Release);
        }
        if self.until.load(Ordering::Relaxed) != 0 {
            self.until.store(0, Ordering::Release);
        }
    }

    /// A request was not answered.
    pub fn failed(&self, now: Instant) {
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if failures >= self.limit {
            let before = self.until.swap(self.ns(now + self.open).max(1), Ordering::AcqRel);
            if before == 0 {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether it refuses.
    pub fn is_open(&self) -> bool {
        self.until.load(Ordering::Acquire) != 0
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}
