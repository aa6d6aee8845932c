//! Group sequential tests: a few looks, planned beforehand or paid for from a purse of α.

use serde::{Deserialize, Serialize};

use crate::analysis::{
    distribution::normal,
    error::{Result, StatisticsError, at_least, finite, positive, probability},
};

/// How α is shared among the looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Design {
    /// The same |z| at every look: early wins come cheap, the last look is dear.
    Pocock,
    /// |z| falls as `C/√t`: hardly any early win, the last look nearly that of a fixed test.
    OBrienFleming,
    /// Lan and DeMets' spending of Pocock type, `a ln(1 + (e − 1)t)`: looks need not be planned.
    PocockSpending,
    /// Lan and DeMets' spending of O'Brien–Fleming type, `2 − 2Φ(z_{1−a/2}/√t)`.
    OBrienFlemingSpending,
}

/// What is allowed at one look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boundary {
    /// Share of the planned information (units, mostly), 0 to 1.
    pub information: f64,
    /// Stop where |z| is at least this; none beyond 7.5, which no honest data reach.
    pub z: Option<f64>,
    /// α spent by now on one side; both sides spend twice that.
    pub spent_one_sided: f64,
    /// Two-sided p-value that `z` is for a fixed test, 0 without one.
    pub nominal_p: f64,
}

/// Looks at evenly spaced information, the last at all of it.
///
/// # Errors
/// `CannotTell` below one look.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::group::equal_looks;
/// assert_eq!(equal_looks(4)?, [0.25, 0.5, 0.75, 1.0]);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn equal_looks(looks: u32) -> Result<Vec<f64>> {
    at_least("looks", looks.into(), 1)?;
    Ok((1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect())
}

fn checked(information: &[f64]) -> Result<()> {
    at_least("looks", information.len() as u64, 1)?;
    let mut before = 0.0;
    for &t in information {
        if finite("information", t)? <= before {
            let limit = "above 0 and above the look before";
            return Err(StatisticsError::OutOfRange { name: "information", value: t, limit });
        }
        before = t;
    }
    Ok(())
}

/// α spent on one side by information t, of `one_sided` in all.
fn spent(design: Design, one_sided: f64, t: f64) -> f64 {
    if t >= 1.0 {
        return one_sided;
    }
    if design == Design::PocockSpending {
        one_sided * libm::log1p((std::f64::consts::E - 1.0) * t)
    } else {
        2.0 * normal::above(normal::exceeded_with(0.5 * one_sided) / libm::sqrt(t))
    }
}

/// The z at each look such that all looks together alarm falsely with probability α.
///
/// # Shapes and units
/// `information`: shares of the planned units at the looks so far, rising; 1 at the last. With a spending design they
/// may be any, and a list that does not reach 1 yet gives the boundaries up to now. With the other two the list is the
/// whole plan.
///
/// # Formula
/// Each side is held to α/2: `P(Z_1 ≥ z_1 or … or Z_k ≥ z_k)` is α/2 in all (Pocock, O'Brien–Fleming) or what the
/// spending function allows by look k. `Z_k √t_k` is a Brownian motion; its density below the boundaries is carried from
/// look to look by Gauss–Legendre quadrature (Armitage, McPherson and Rowe 1969), to about 1e-10.
///
/// # Errors
/// `NotAProbability` for α; `CannotTell` without a look; `OutOfRange` for information that does not rise.
///
/// # Source
/// Pocock, Biometrika 64 (1977); O'Brien and Fleming, Biometrics 35 (1979); Lan and DeMets, Biometrika 70 (1983). The
/// reference is R's rpact, whose own integrals are off by 5e-5 at 20 looks and by 3e-4 where looks are close together.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::group::{Design, boundaries, equal_looks};
/// let looks = boundaries(Design::OBrienFleming, &equal_looks(5)?, 0.05)?;
/// assert!((looks[0].z.unwrap() - 4.56174).abs() < 1e-5 && (looks[4].z.unwrap() - 2.04007).abs() < 1e-5);
/// // Unplanned looks at 20% and 50%: what may be concluded now?
/// let so_far = boundaries(Design::OBrienFlemingSpending, &[0.2, 0.5], 0.05)?;
/// assert!((so_far[1].z.unwrap() - 2.96263).abs() < 1e-5);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn boundaries(design: Design, information: &[f64], alpha: f64) -> Result<Vec<Boundary>> {
    let one_sided = 0.5 * probability("alpha", alpha)?;
    checked(information)?;
    let last = information[information.len() - 1];
    if last > 1.0 {
        let limit = "at most 1: all of alpha is spent there";
        return Err(StatisticsError::OutOfRange { name: "information", value: last, limit });
    }
    let z_of = |scale: f64, t: f64| match design {
        Design::OBrienFleming => scale / libm::sqrt(t / last),
        _ => scale,
    };
    let (z, spent): (Vec<f64>, Vec<f64>) = match design {
        Design::Pocock | Design::OBrienFleming => {
            let crossed = |scale: f64| {
                let z: Vec<f64> = information.iter().map(|&t| z_of(scale, t)).collect();
                walk(information, &z, false)
            };
            let excess = |scale: f64| crossed(scale).last().copied().unwrap_or(0.0) - one_sided;
            // At least a fixed test's z; at most what Bonferroni asks.
            let low = normal::exceeded_with(one_sided);
            let high = normal::exceeded_with(one_sided / information.len() as f64) + 1e-9;
            let scale = root(excess, low, high);
            (information.iter().map(|&t| z_of(scale, t)).collect(), crossed(scale))
        }
        Design::PocockSpending | Design::OBrienFlemingSpending => {
            let mut walk = Walk::new(false);
            let (mut z, mut spent_by) = (Vec::new(), Vec::new());
            let mut before = 0.0;
            for (k, &t) in information.iter().enumerate() {
                let now = spent(design, one_sided, t);
                let wanted = now - before;
                let at = walk.boundary_for(t, wanted);
                walk.step(t, at, information.get(k + 1).copied());
                z.push(at);
                spent_by.push(now);
                before = now;
            }
            (z, spent_by)
        }
    };
    Ok(information
        .iter()
        .zip(z)
        .zip(spent)
        .map(|((&information, z), spent_one_sided)| Boundary {
            information,
            z: (z <= FARTHEST).then_some(z),
            spent_one_sided,
            nominal_p: if z <= FARTHEST { normal::outside(z) } else { 0.0 },
        })
        .collect())
}

/// Probability, without an effect, to have crossed the |z| given for each look by each look: what peeking costs.
///
/// # Shapes and units
/// `information` as in [`boundaries`]; `z`: one bound a look, on both sides. Returns cumulative probabilities.
///
/// # Errors
/// `WrongLength` unless there is a z for each look; `OutOfRange`, `NotFinite`.
///
/// # Source
/// Armitage, McPherson and Rowe, JRSS A 132 (1969).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::sequential::group::{crossing, equal_looks};
/// let peeked = crossing(&equal_looks(30)?, &[1.959964; 30])?;
/// assert!((peeked[0] - 0.05).abs() < 1e-7 && (peeked[29] - 0.280).abs() < 1e-3);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn crossing(information: &[f64], z: &[f64]) -> Result<Vec<f64>> {
    checked(information)?;
    if z.len() != information.len() {
        return Err(StatisticsError::WrongLength { name: "z", have: z.len(), need: information.len() });
    }
    for &z in z {
        positive("z", z)?;
    }
    Ok(walk(information, z, true))
}

fn walk(information: &[f64], z: &[f64], both_sides: bool) -> Vec<f64> {
    let mut walk = Walk::new(both_sides);
    let mut sum = 0.0;
    information
        .iter()
        .zip(z)
        .enumerate()
        .map(|(k, (&t, &z))| {
            sum += walk.crossed(t, z);
            walk.step(t, z, information.get(k + 1).copied());
            sum
        })
        .collect()
}

/// Where a falling function passes 0, by the Illinois rule.
fn root(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    let mut side = 0;
    for _ in 0..200 {
        let x = (low * at_high - high * at_low) / (at_high - at_low);
        let at_x = f(x);
        if at_x == 0.0 || high - low < 1e-13 * high {
            return x;
        }
        if at_x > 0.0 {
            (low, at_low) = (x, at_x);
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else {
            (high, at_high) = (x, at_x);
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        }
        if (at_x / (at_low.abs() + at_high.abs())).abs() < 1e-15 {
            return x;
        }
    }
    0.5 * (low + high)
}

/// Nodes above 0 and weights of the 12-point Gauss–Legendre rule.
const LEGENDRE: [(f64, f64); 6] = [
    (0.125_233_408_511_468_9, 0.249_147_045_813_402_77),
    (0.367_831_498_998_180_2, 0.233_492_536_538_354_8),
    (0.587_317_954_286_617_4, 0.203_167_426_723_065_92),
    (0.769_902_674_194_304_7, 0.160_078_328_543_346_22),
    (0.904_117_256_370_474_9, 0.106_939_325_995_318_43),
    (0.981_560_634_246_719_2, 0.047_175_336_386_511_83),
];
/// A |z| beyond this, p below 6e-14, is no stopping rule; the reference leaves it out alike.
const FARTHEST: f64 = 7.5;
/// Standard deviations beyond which nothing is left.
const REACH: f64 = 9.0;

/// The Brownian motion `Z √t`, with what has crossed taken out: nodes and the mass at each, rising.
struct Walk {
    both_sides: bool,
    t: f64,
    mass: Vec<(f64, f64)>,
}

impl Walk {
    fn new(both_sides: bool) -> Self {
        Self { both_sides, t: 0.0, mass: vec![(0.0, 1.0)] }
    }

    /// Mass that the next step, to information t, carries beyond z.
    fn crossed(&self, t: f64, z: f64) -> f64 {
        let (sd, bound) = (libm::sqrt(t - self.t), z * libm::sqrt(t));
        let beyond = |u: f64| {
            let above = normal::above((bound - u) / sd);
            if self.both_sides { above + normal::above((bound + u) / sd) } else { above }
        };
        self.mass.iter().map(|&(u, mass)| mass * beyond(u)).sum()
    }

    /// The z that this much mass exceeds at information t.
    fn boundary_for(&self, t: f64, mass: f64) -> f64 {
        let excess = |z: f64| libm::log(self.crossed(t, z) / mass);
        let (low, mut high) = (-REACH, normal::exceeded_with(mass.clamp(1e-300, 0.5)) + 1.0);
        while excess(high) > 0.0 {
            high += 1.0;
        }
        root(excess, low, high)
    }

    /// Density of what arrives at s.
    fn density(&self, s: f64, sd: f64) -> f64 {
        let from = self.mass.partition_point(|&(u, _)| u < s - REACH * sd);
        self.mass[from..]
            .iter()
            .take_while(|&&(u, _)| u <= s + REACH * sd)
            .map(|&(u, mass)| mass * normal::density((s - u) / sd))
            .sum::<f64>()
            / sd
    }

    /// Goes to information t and keeps what lies below z there; `next` is where it will go from there.
    fn step(&mut self, t: f64, z: f64, next: Option<f64>) {
        let Some(next) = next else { return };
        let sd = libm::sqrt(t - self.t);
        let end = (z * libm::sqrt(t)).min(REACH * libm::sqrt(t));
        let start = if self.both_sides { -end } else { -REACH * libm::sqrt(t) };
        // Both the density and what becomes of it at the next step must be smooth over a panel.
        let width = sd.min(libm::sqrt(next - t));
        let panels = libm::ceil(((end - start) / width).max(1.0)) as usize;
        let half = 0.5 * (end - start) / panels as f64;
        let mut mass = Vec::with_capacity(panels * 12);
        for panel in 0..panels {
            let middle = start + half * (2 * panel + 1) as f64;
            let left = LEGENDRE.iter().rev().map(|&(x, w)| (-x, w));
            for (x, weight) in left.chain(LEGENDRE) {
                let s = middle + half * x;
                mass.push((s, half * weight * self.density(s, sd)));
            }
        }
        *self = Self { both_sides: self.both_sides, t, mass };
    }
}
