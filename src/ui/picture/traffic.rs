//! Requests on their way: which are shown, and how many stand behind each.

use std::{collections::VecDeque, time::Duration};

use super::state::Outcome;
use crate::{
    domain::InvocationRecord,
    plot::scene::{Journey, Scene, Spot},
};

/// Requests that are on the picture at most.
const ALOFT: usize = 200;
/// Requests that set out in a second of real time at most: as many as are aloft after their usual journey.
const PER_SECOND: f64 = 70.0;
/// Requests that may set out at once after a pause.
const BURST: f64 = 24.0;
/// Requests that are kept for the list beneath.
pub const LISTED: usize = 12;
/// Over this real time it is counted how many requests one dot stands for, ms.
const COUNTED_MS: f64 = 3_000.0;

/// One request on the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The request.
    pub record: InvocationRecord,
    /// How it ends.
    pub outcome: Outcome,
    born_ms: f64,
}

impl Flight {
    /// Where it is on its lane.
    pub fn at(&self, scene: &Scene, lane: usize, now_ms: f64) -> Option<Spot> {
        let age = Duration::try_from_secs_f64((now_ms - self.born_ms) / 1_000.0).ok()?;
        self.journey(lane).at(scene, age)
    }

    fn journey(&self, lane: usize) -> Journey {
        // Neighbouring requests must not follow one another in a row: any odd multiplier scatters them.
        let scattered = (self.record.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 16_777_216.0;
        Journey {
            client: self.record.user as usize,
            lane,
            instance: usize::from(self.record.instance),
            jitter: scattered * 2.0 - 1.0,
            latency: Duration::from_nanos(self.record.model_latency_ns()),
        }
    }
}

/// The requests on the picture.
#[derive(Debug, Default)]
pub struct Traffic {
    flights: Vec<Flight>,
    listed: VecDeque<InvocationRecord>,
    permits: f64,
    topped_up_ms: f64,
    /// Real time, requests sent in all, requests shown in all.
    counts: VecDeque<(f64, u64, u64)>,
    shown: u64,
}

impl Traffic {
    /// Takes in the records of a snapshot; they set out over `spread_ms`. `sent` counts all requests of the lab.
    pub fn admit(
        &mut self,
        recent: &[InvocationRecord],
        sent: u64,
        now_ms: f64,
        spread_ms: f64,
        moving: bool,
    ) {
        for record in recent.iter().rev().take(LISTED).rev() {
            self.listed.push_back(*record);
        }
        while self.listed.len() > LISTED {
            self.listed.pop_front();
        }
        if !moving {
            self.flights.clear();
            return;
        }
        self.permits =
            (self.permits + (now_ms - self.topped_up_ms).max(0.0) / 1_000.0 * PER_SECOND).min(BURST);
        self.topped_up_ms = now_ms;
        let room = ALOFT.saturating_sub(self.flights.len());
        let count = recent.len().min(self.permits as usize).min(room);
        self.permits -= count as f64;
        for i in 0..count {
            // Evenly from all of them, so that what is rare is neither hidden nor favoured.
            let Some(record) = recent.get(i * recent.len() / count) else { continue };
            let born_ms = now_ms + spread_ms * i as f64 / count as f64;
            self.flights.push(Flight { record: *record, outcome: Outcome::of(record), born_ms });
        }
        self.shown += count as u64;
        self.counts.push_back((now_ms, sent, self.shown));
        while self.counts.len() > 2 && self.counts.front().is_some_and(|c| now_ms - c.0 > COUNTED_MS) {
            self.counts.pop_front();
        }
    }

    /// Lets go of those that have arrived.
    pub fn land(&mut self, now_ms: f64) {
        self.flights.retain(|f| now_ms - f.born_ms < f.journey(0).length().as_secs_f64() * 1_000.0);
    }

    /// Those that are on the picture.
    pub fn flights(&self) -> &[Flight] {
        &self.flights
    }

    /// The last requests, newest first.
    pub fn listed(&self) -> Vec<InvocationRecord> {
        self.listed.iter().rev().copied().collect()
    }

    /// How many requests one dot stands for; none while nothing is shown.
    pub fn one_of(&self) -> Option<u64> {
        let (first, last) = (self.counts.front()?, self.counts.back()?);
        let (sent, shown) = (last.1.saturating_sub(first.1), last.2 - first.2);
        (shown > 0).then(|| ((sent as f64 / shown as f64).round() as u64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FleetId, InvocationStatus, ReviewId, VirtualTime};

    fn record(id: u64) -> InvocationRecord {
        InvocationRecord {
            id,
            arrival: VirtualTime::ZERO,
            user: 7,
            review: ReviewId(0),
            true_stars: None,
            fleet: FleetId(1),
            instance: 0,
            status: InvocationStatus::Answered,
            wait_ns: 0,
            service_ns: 2_000_000,
            overhead_ns: 0,
            predicted: None,
            copy: false,
            leaked_kib: 0,
        }
    }

    fn records(from: u64, count: u64) -> Vec<InvocationRecord> {
        (from..from + count).map(record).collect()
    }

    #[test]
    fn a_flood_never_fills_the_picture_and_says_what_a_dot_stands_for() {
        let mut traffic = Traffic::default();
        for tick in 1..=100_u64 {
            let now = tick as f64 * 100.0;
            traffic.land(now);
            traffic.admit(&records(tick * 1_000, 40), tick * 1_000, now, 100.0, true);
            assert!(traffic.flights().len() <= ALOFT, "{} at {now}", traffic.flights().len());
        }
        // 10,000 requests a second, 70 dots a second.
        assert!(traffic.one_of().is_some_and(|n| (120..=170).contains(&n)), "{:?}", traffic.one_of());
    }

    #[test]
    fn few_requests_are_all_shown() {
        let mut traffic = Traffic::default();
        for tick in 1..=20_u64 {
            traffic.admit(&records(tick * 2, 2), tick * 2, tick as f64 * 100.0, 100.0, true);
        }
        assert_eq!((traffic.one_of(), traffic.flights().len()), (Some(1), 40));
    }

    #[test]
    fn without_motion_only_the_list_goes_on() {
        let mut traffic = Traffic::default();
        traffic.admit(&records(0, 30), 30, 100.0, 100.0, false);
        assert!(traffic.flights().is_empty());
        assert_eq!(traffic.listed().first().map(|r| r.id), Some(29));
        assert_eq!(traffic.listed().len(), LISTED);
    }
}
