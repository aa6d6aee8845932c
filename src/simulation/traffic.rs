//! What the clients send, and when.

use serde::{Deserialize, Serialize};

use super::random::Stream;
use crate::domain::{SECOND_NS, VirtualTime};

/// Most requests per virtual second.
pub const MAX_PER_SECOND: f64 = 100_000.0;
/// Users that there are.
pub const USERS: u32 = 10_000;
/// Share of 1 to 5 stars among software reviews, as counted for this lab in public sets of reviews.
pub const REAL_STAR_MIX: [f64; 5] = [0.17, 0.06, 0.09, 0.16, 0.52];
/// Virtual hour of the day at which a daily cycle peaks.
pub const PEAK_HOUR: f64 = 14.0;

const DAY_S: u64 = 86_400;

/// When requests come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ArrivalProcess {
    /// Independent callers: exponential gaps.
    Poisson,
    /// One every 1 ÷ rate seconds.
    Constant,
    /// Poisson whose rate swings over a day between a night's share of the rate and the rate itself: a cosine of
    /// 24 hours with its peak at [`PEAK_HOUR`]; time 0 is midnight.
    DailyCycle {
        /// Rate at the quietest hour ÷ rate at the busiest, in 0 to 1.
        night_share: f64,
    },
}

/// What the reviews are about: a weight for each domain. Only their ratios matter.
///
/// # Examples
/// ```
/// use rollout_lab::simulation::DomainMix;
/// let mix = DomainMix { clothing: 1.0, food: 3.0, software: 0.0 };
/// assert_eq!(mix.shares(), DomainMix { clothing: 0.25, food: 0.75, software: 0.0 });
/// assert!(DomainMix { food: -1.0, ..mix }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainMix {
    /// Things to wear: what today's model was trained on.
    pub clothing: f64,
    /// Things to eat and drink: what the candidate was trained on besides.
    pub food: f64,
    /// Programs: new to every model that the lab brings.
    pub software: f64,
}

impl Default for DomainMix {
    /// Mostly food: the shop has grown past what its model learned from, and the candidate knows that part, too.
    fn default() -> Self {
        Self { clothing: 10.0, food: 75.0, software: 15.0 }
    }
}

impl DomainMix {
    /// The weights of clothing, food and software.
    pub fn weights(&self) -> [f64; 3] {
        [self.clothing, self.food, self.software]
    }

    /// The mix whose weights sum to 1; all alike where there is none to go by.
    pub fn shares(&self) -> Self {
        // Weights may be so large that their sum overflows.
        let largest = self.weights().into_iter().fold(0.0, f64::max);
        let scaled = self.weights().map(|w| if largest > 0.0 { w / largest } else { 1.0 });
        let sum: f64 = scaled.iter().sum();
        let [clothing, food, software] = scaled.map(|w| w / sum);
        Self { clothing, food, software }
    }

    /// Whether reviews can be mixed like this.
    ///
    /// # Errors
    /// [`TrafficError::DomainWeight`] for the first weight that is not finite or below 0, [`TrafficError::NoDomain`]
    /// when all are 0.
    pub fn check(&self) -> Result<(), TrafficError> {
        for (domain, value) in ["clothing", "food", "software"].into_iter().zip(self.weights()) {
            if !(value.is_finite() && value >= 0.0) {
                return Err(TrafficError::DomainWeight { domain, value });
            }
        }
        if self.weights().iter().all(|&w| w == 0.0) { Err(TrafficError::NoDomain) } else { Ok(()) }
    }
}

/// The traffic as a journal has it. Those of before there was food had a share of software, the rest clothing.
#[derive(Deserialize)]
struct StoredTraffic {
    on: bool,
    per_second: f64,
    process: ArrivalProcess,
    star_mix: [f64; 5],
    domain_mix: Option<DomainMix>,
    software_share: Option<f64>,
    sticky: bool,
}

impl From<StoredTraffic> for TrafficSettings {
    fn from(stored: StoredTraffic) -> Self {
        let StoredTraffic { on, per_second, process, star_mix, domain_mix, software_share, sticky } = stored;
        let of_share = |software: f64| DomainMix { clothing: 1.0 - software, food: 0.0, software };
        let domain_mix = domain_mix.or(software_share.map(of_share)).unwrap_or_default();
        Self { on, per_second, process, star_mix, domain_mix, sticky }
    }
}

/// The traffic from the clients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredTraffic")]
pub struct TrafficSettings {
    /// Whether anyone calls.
    pub on: bool,
    /// Requests per virtual second (the busiest hour's for a daily cycle), above 0, at most 100,000.
    pub per_second: f64,
    /// When they come.
    pub process: ArrivalProcess,
    /// Weights of 1 to 5 stars among the reviews.
    pub star_mix: [f64; 5],
    /// Weights of the domains among the reviews.
    pub domain_mix: DomainMix,
    /// Whether a user stays with one variant.
    pub sticky: bool,
}

impl Default for TrafficSettings {
    /// Nobody calls yet; once they do, 20 requests a second, mostly about food, stars as in real reviews.
    fn default() -> Self {
        Self {
            on: false,
            per_second: 20.0,
            process: ArrivalProcess::Poisson,
            star_mix: REAL_STAR_MIX,
            domain_mix: DomainMix::default(),
            sticky: false,
        }
    }
}

/// Why traffic cannot be as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrafficError {
    /// The rate is no rate.
    #[error("requests per second must be above 0 and at most {MAX_PER_SECOND}, but are {value}")]
    Rate {
        /// The number given.
        value: f64,
    },
    /// A weight of the stars is no weight.
    #[error("the weight of {stars} stars must be a finite number of at least 0, but is {value}")]
    StarWeight {
        /// Whose, 1 to 5.
        stars: usize,
        /// The number given.
        value: f64,
    },
    /// No star could be drawn.
    #[error(
        "the weights of all five star ratings are 0, so no review could be sent; give one a weight above 0"
    )]
    NoStars,
    /// A weight of a domain is no weight.
    #[error("the weight of {domain} reviews must be a finite number of at least 0, but is {value}")]
    DomainWeight {
        /// Whose: `clothing`, `food` or `software`.
        domain: &'static str,
        /// The number given.
        value: f64,
    },
    /// No domain could be drawn.
    #[error(
        "the weights of clothing, food and software reviews are all 0, so no review could be sent; give one a weight above 0"
    )]
    NoDomain,
    /// A share is outside 0 to 1.
    #[error("{name} must be in 0 to 1, but is {value}")]
    Share {
        /// Which.
        name: &'static str,
        /// The number given.
        value: f64,
    },
}

impl TrafficSettings {
    /// Whether traffic can be like this.
    ///
    /// # Errors
    /// [`TrafficError`] for the first number that is out of range.
    pub fn check(&self) -> Result<(), TrafficError> {
        let share = |name, value: f64| {
            if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(TrafficError::Share { name, value }) }
        };
        if !(self.per_second > 0.0 && self.per_second <= MAX_PER_SECOND) {
            return Err(TrafficError::Rate { value: self.per_second });
        }
        for (i, &value) in self.star_mix.iter().enumerate() {
            if !(value.is_finite() && value >= 0.0) {
                return Err(TrafficError::StarWeight { stars: i + 1, value });
            }
        }
        if self.star_mix.iter().all(|&w| w == 0.0) {
            return Err(TrafficError::NoStars);
        }
        self.domain_mix.check()?;
        if let ArrivalProcess::DailyCycle { night_share } = self.process {
            share("the night's share of the rate", night_share)?;
        }
        Ok(())
    }

    /// Requests per virtual second that are expected at `at`; 0 while nobody calls.
    pub fn expected_per_second(&self, at: VirtualTime) -> f64 {
        match self.process {
            _ if !self.on => 0.0,
            ArrivalProcess::Poisson | ArrivalProcess::Constant => self.per_second,
            ArrivalProcess::DailyCycle { night_share } => {
                self.per_second * day_factor(at.as_ns(), night_share)
            }
        }
    }
}

/// Share of the peak rate at a time of day: `night + (1 − night)(1 + cos(2π(h − 14)/24))/2`.
fn day_factor(at_ns: u64, night_share: f64) -> f64 {
    let hour = (at_ns % (DAY_S * SECOND_NS)) as f64 / (3_600.0 * SECOND_NS as f64);
    let angle = core::f64::consts::TAU * (hour - PEAK_HOUR) / 24.0;
    night_share + (1.0 - night_share) * 0.5 * (1.0 + libm::cos(angle))
}

/// The clients' clock: gives one arrival after the other.
///
/// A daily cycle is drawn by thinning (Lewis, Shedler 1979): candidates at the peak rate, each kept with the
/// probability `rate now ÷ peak rate`.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    process: ArrivalProcess,
    gap_ns: f64,
    /// Where the process began, and how many came since: a constant rate must not add up rounding errors.
    began_ns: u64,
    count: u64,
    last_ns: u64,
}

impl Arrivals {
    pub(super) fn from(start: VirtualTime, settings: &TrafficSettings) -> Self {
        Self {
            process: settings.process,
            gap_ns: SECOND_NS as f64 / settings.per_second,
            began_ns: start.as_ns(),
            count: 0,
            last_ns: start.as_ns(),
        }
    }

    /// When the next request comes, ns.
    #[inline]
    pub(super) fn next_ns(&mut self, stream: &mut Stream) -> u64 {
        match self.process {
            ArrivalProcess::Poisson => self.last_ns = self.last_ns.saturating_add(self.gap(stream)),
            ArrivalProcess::Constant => {
                self.count += 1;
                let since = (self.count as f64 * self.gap_ns + 0.5) as u64;
                self.last_ns = self.began_ns.saturating_add(since);
            }
            ArrivalProcess::DailyCycle { night_share } => loop {
                self.last_ns = self.last_ns.saturating_add(self.gap(stream));
                if stream.unit() < day_factor(self.last_ns, night_share) || self.last_ns == u64::MAX {
                    break;
                }
            },
        }
        self.last_ns
    }

    #[inline]
    fn gap(&self, stream: &mut Stream) -> u64 {
        // Half up, or every gap would be half a nanosecond short.
        (stream.exponential() * self.gap_ns + 0.5) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Purpose;

    fn settings(process: ArrivalProcess) -> TrafficSettings {
        TrafficSettings { on: true, per_second: 3.0, process, ..TrafficSettings::default() }
    }

    #[test]
    fn bad_numbers_are_named() {
        let ok = TrafficSettings::default();
        assert_eq!(ok.check(), Ok(()));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 100_000.5] {
            let said = TrafficSettings { per_second: rate, ..ok }.check().unwrap_err().to_string();
            assert!(said.contains(&rate.to_string()) && said.contains("100000"), "{said}");
        }
        let mix = TrafficSettings { star_mix: [0.0, 0.0, -2.0, 0.0, 0.0], ..ok };
        assert_eq!(mix.check(), Err(TrafficError::StarWeight { stars: 3, value: -2.0 }));
        assert_eq!(TrafficSettings { star_mix: [0.0; 5], ..ok }.check(), Err(TrafficError::NoStars));
        let night = ArrivalProcess::DailyCycle { night_share: f64::NAN };
        assert!(TrafficSettings { process: night, ..ok }.check().is_err());
    }

    #[test]
    fn a_domain_s_weight_is_checked_and_named() {
        let ok = DomainMix::default();
        for value in [-0.5, f64::NAN, f64::INFINITY] {
            let said = DomainMix { food: value, ..ok }.check().unwrap_err().to_string();
            assert!(
                said.contains(&value.to_string()) && said.contains("food") && said.contains("at least 0")
            );
        }
        let none = DomainMix { clothing: 0.0, food: 0.0, software: 0.0 };
        assert_eq!(none.check(), Err(TrafficError::NoDomain));
        let traffic = TrafficSettings { domain_mix: none, ..TrafficSettings::default() };
        assert_eq!(traffic.check(), Err(TrafficError::NoDomain));
        let huge = DomainMix { clothing: f64::MAX, food: f64::MAX, software: 0.0 };
        assert_eq!(huge.shares(), DomainMix { clothing: 0.5, food: 0.5, software: 0.0 });
    }

    #[test]
    fn a_journal_of_before_food_is_read() {
        let now = TrafficSettings::default();
        let mut json = serde_json::to_value(now).unwrap();
        assert_eq!(serde_json::from_value::<TrafficSettings>(json.clone()).unwrap(), now);
        json.as_object_mut().unwrap().remove("domain_mix");
        json["software_share"] = 0.25.into();
        let read: TrafficSettings = serde_json::from_value(json).unwrap();
        assert_eq!(read.domain_mix, DomainMix { clothing: 0.75, food: 0.0, software: 0.25 });
    }

    #[test]
    fn a_constant_rate_does_not_drift() {
        let mut s = Stream::new(1, Purpose::Arrivals);
        let mut arrivals = Arrivals::from(VirtualTime::from_s(5), &settings(ArrivalProcess::Constant));
        for _ in 1..3_000_000 {
            arrivals.next_ns(&mut s);
        }
        assert_eq!(arrivals.next_ns(&mut s), VirtualTime::from_s(5 + 1_000_000).as_ns());
    }

    #[test]
    fn a_day_has_the_requests_that_its_cosine_holds() {
        let mut s = Stream::new(1, Purpose::Arrivals);
        let process = ArrivalProcess::DailyCycle { night_share: 0.2 };
        let mut arrivals = Arrivals::from(VirtualTime::ZERO, &settings(process));
        let mut by_hour = [0u32; 24];
        loop {
            let t = arrivals.next_ns(&mut s);
            if t >= DAY_S * SECOND_NS {
                break;
            }
            by_hour[(t / (3_600 * SECOND_NS)) as usize] += 1;
        }
        // The cosine's mean is (1 + night) / 2.
        let all = f64::from(by_hour.iter().sum::<u32>());
        let wanted = 3.0 * 86_400.0 * 0.6;
        assert!((all - wanted).abs() < 4.0 * wanted.sqrt(), "{all} for {wanted}");
        // Hours 13 and 14 touch the peak, 1 and 2 the trough.
        for (hour, factor) in [(13, 1.0), (14, 1.0), (1, 0.2), (2, 0.2)] {
            let wanted = 3.0 * 3_600.0 * factor;
            let seen = f64::from(by_hour[hour]);
            // Within the hour the cosine leaves its end by less than 0.01.
            assert!((seen - wanted).abs() < 4.0 * wanted.sqrt() + 0.01 * 10_800.0, "{hour}: {seen}");
        }
    }

    #[test]
    fn a_night_without_requests_ends() {
        let mut s = Stream::new(1, Purpose::Arrivals);
        let process = ArrivalProcess::DailyCycle { night_share: 0.0 };
        let mut arrivals = Arrivals::from(VirtualTime::from_s(2 * 3_600), &settings(process));
        assert!(arrivals.next_ns(&mut s) > VirtualTime::from_s(2 * 3_600).as_ns());
    }
}
