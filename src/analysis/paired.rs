//! Two variants on the same requests: what a shadow test gives. Each request is its own control, so far fewer are
//! needed than for two separate groups.

use serde::{Deserialize, Serialize};

use super::{
    distribution::{binomial, chi_square, normal, student},
    error::{CannotTell, Result, StatisticsError, at_least, probability},
    interval::Interval,
    summary::Summary,
};

/// How often A answered class i where B answered class j. Mergeable, k² numbers.
///
/// # Shapes and units
/// Classes 0 to k − 1; rows are A's answers, columns B's; counts of requests.
///
/// # Examples
/// ```
/// use rollout_lab::analysis::paired::{Confusion, Disagreement};
/// let confusion = Confusion::from_counts(&[vec![40, 10], vec![5, 45]])?;
/// assert_eq!(confusion.agreement()?, 0.85);
/// assert!((confusion.kappa(Disagreement::Any)?.kappa - 0.70).abs() < 1e-12);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// What a disagreement costs in a kappa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disagreement {
    /// Every disagreement counts alike: classes without an order.
    Any,
    /// By distance: one star off is better than four.
    Linear,
    /// By squared distance.
    Quadratic,
}

/// Agreement beyond chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kappa {
    /// 1: always agree; 0: as often as by chance; below: less often.
    pub kappa: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its standard error if there were no agreement beyond chance: the one to test kappa = 0 with.
    pub standard_error_of_none: f64,
}

impl Kappa {
    /// The large-sample interval `κ ± z SE`.
    ///
    /// # Errors
    /// `NotAProbability` for α outside (0, 1).
    pub fn interval(&self, alpha: f64) -> Result<Interval> {
        let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
        Ok(Interval::around(self.kappa, z * self.standard_error))
    }
}

impl Confusion {
    /// Of this many classes, nothing seen.
    ///
    /// # Errors
    /// `WrongLength` below two classes.
    pub fn new(classes: usize) -> Result<Self> {
        if classes < 2 {
            return Err(StatisticsError::WrongLength { name: "classes", have: classes, need: 2 });
        }
        Ok(Self { classes, counts: vec![0; classes * classes] })
    }

    /// From a square of counts, rows A.
    ///
    /// # Errors
    /// `WrongLength` when it is no square of at least two classes.
    pub fn from_counts(rows: &[Vec<u64>]) -> Result<Self> {
        let mut confusion = Self::new(rows.len())?;
        for row in rows {
            if row.len() != rows.len() {
                return Err(StatisticsError::WrongLength { name: "row", have: row.len(), need: rows.len() });
            }
        }
        confusion.counts = rows.concat();
        Ok(confusion)
    }

    /// Adds one request: A's class and B's.
    ///
    /// # Errors
    /// `OutOfRange` for a class that there is not.
    pub fn record(&mut self, a: usize, b: usize) -> Result<()> {
        for (name, class) in [("class of A", a), ("class of B", b)] {
            if class >= self.classes {
                let limit = "below the number of classes";
                return Err(StatisticsError::OutOfRange { name, value: class as f64, limit });
            }
        }
        self.counts[a * self.classes + b] += 1;
        Ok(())
    }

    /// Adds all requests of another.
    ///
    /// # Errors
    /// `WrongLength` when the classes differ in number.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.classes != self.classes {
            return Err(StatisticsError::WrongLength {
                name: "classes",
                have: other.classes,
                need: self.classes,
            });
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        Ok(())
    }

    /// How many requests A put into class `a` and B into class `b`; 0 for a class that there is not.
    pub fn count(&self, a: usize, b: usize) -> u64 {
        if a < self.classes && b < self.classes { self.counts[a * self.classes + b] } else { 0 }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Requests seen.
    pub fn n(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Share of requests with the same answer of both, 0 to 1.
    ///
    /// # Errors
    /// `CannotTell` without a request.
    pub fn agreement(&self) -> Result<f64> {
        at_least("pairs", self.n(), 1)?;
        let same: u64 = (0..self.classes).map(|c| self.count(c, c)).sum();
        Ok(same as f64 / self.n() as f64)
    }

    /// Cohen's kappa: how much more often the two agree than two that answer at random with the same shares would.
    ///
    /// # Formula
    /// With shares `p_ij`, agreement weights `w_ij` (1 on the diagonal; off it 0, or `1 − |i − j|/(k − 1)`, or
    /// `1 − (i − j)²/(k − 1)²`), `p_o = Σ w_ij p_ij`, `p_e = Σ w_ij p_i. p_.j`: `κ = (p_o − p_e)/(1 − p_e)`. With
    /// `v_ij = Σ_l w_il p_.l + Σ_l w_lj p_l.`:
    /// `SE² = [Σ p_ij (w_ij − v_ij (1 − κ))² − (κ − p_e (1 − κ))²] / (n (1 − p_e)²)`, and without agreement
    /// `SE₀² = [Σ p_i. p_.j (w_ij − v_ij)² − p_e²] / (n (1 − p_e)²)`.
    ///
    /// # Errors
    /// `CannotTell` below two requests, or when both use one and the same class only.
    ///
    /// # Source
    /// Cohen (1960, 1968); Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969).
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::paired::{Confusion, Disagreement};
    /// let kappa = Confusion::from_counts(&[vec![22, 15], vec![9, 14]])?.kappa(Disagreement::Any)?;
    /// assert!((kappa.kappa - 0.193729).abs() < 1e-6 && (kappa.standard_error - 0.124351).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn kappa(&self, disagreement: Disagreement) -> Result<Kappa> {
        let k = self.classes;
        at_least("pairs", self.n(), 2)?;
        let n = self.n() as f64;
        let share = |i: usize, j: usize| self.count(i, j) as f64 / n;
        let rows: Vec<f64> =
            (0..k).map(|i| (0..k).map(|j| self.count(i, j)).sum::<u64>() as f64 / n).collect();
        let columns: Vec<f64> =
            (0..k).map(|j| (0..k).map(|i| self.count(i, j)).sum::<u64>() as f64 / n).collect();
        let weight = |i: usize, j: usize| {
            let apart = i.abs_diff(j) as f64 / (k - 1) as f64;
            match disagreement {
                Disagreement::Any => f64::from(u8::from(i == j)),
                Disagreement::Linear => 1.0 - apart,
                Disagreement::Quadratic => 1.0 - apart * apart,
            }
        };
        let over = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
            (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).map(|(i, j)| f(i, j)).sum()
        };
        // As costs, not weights: 1 − p_e from a sum of what is lost keeps its digits near complete agreement.
        let lost = over(&|i, j| (1.0 - weight(i, j)) * share(i, j));
        let lost_by_chance = over(&|i, j| (1.0 - weight(i, j)) * rows[i] * columns[j]);
        if lost_by_chance <= 0.0 {
            return Err(CannotTell::OneClass.into());
        }
        let kappa = 1.0 - lost / lost_by_chance;
        let by_chance = 1.0 - lost_by_chance;
        let of_row: Vec<f64> = (0..k).map(|i| (0..k).map(|l| weight(i, l) * columns[l]).sum()).collect();
        let of_column: Vec<f64> = (0..k).map(|j| (0..k).map(|l| weight(l, j) * rows[l]).sum()).collect();
        let spread = over(&|i, j| {
            let gap = weight(i, j) - (of_row[i] + of_column[j]) * (1.0 - kappa);
            share(i, j) * gap * gap
        });
        let spread_of_none = over(&|i, j| {
            let gap = weight(i, j) - (of_row[i] + of_column[j]);
            rows[i] * columns[j] * gap * gap
        });
        let centre = kappa - by_chance * (1.0 - kappa);
        let error = |variance: f64| libm::sqrt(variance.max(0.0) / n) / lost_by_chance;
        Ok(Kappa {
            kappa,
            standard_error: error(spread - centre * centre),
            standard_error_of_none: error(spread_of_none - by_chance * by_chance),
        })
    }
}

/// Right and wrong of both variants on the same requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedOutcomes {
    /// Both right.
    pub both_right: u64,
    /// A right, B wrong: what B would lose.
    pub a_right_b_wrong: u64,
    /// A wrong, B right: what B would win.
    pub a_wrong_b_right: u64,
    /// Both wrong.
    pub both_wrong: u64,
}

/// McNemar's test in its usual forms. The chi-squares have one degree of freedom.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// `(b − c)²/(b + c)`.
    pub chi2: f64,
    /// Its p-value.
    pub p: f64,
    /// `(|b − c| − 1)²/(b + c)`, with the correction for continuity.
    pub chi2_corrected: f64,
    /// Its p-value.
    pub p_corrected: f64,
    /// Exact: both tails of Binomial(b + c, ½).
    pub p_exact: f64,
    /// The exact one less the probability of what was seen: less timid, nearly as safe.
    pub p_mid: f64,
}

impl PairedOutcomes {
    /// Adds one request.
    pub fn record(&mut self, a_right: bool, b_right: bool) {
        *match (a_right, b_right) {
            (true, true) => &mut self.both_right,
            (true, false) => &mut self.a_right_b_wrong,
            (false, true) => &mut self.a_wrong_b_right,
            (false, false) => &mut self.both_wrong,
        } += 1;
    }

    /// Adds all requests of another.
    pub fn merge(&mut self, other: &Self) {
        self.both_right += other.both_right;
        self.a_right_b_wrong += other.a_right_b_wrong;
        self.a_wrong_b_right += other.a_wrong_b_right;
        self.both_wrong += other.both_wrong;
    }

    /// Requests seen.
    pub fn n(&self) -> u64 {
        self.both_right + self.discordant() + self.both_wrong
    }

    /// Requests that one variant got right and the other wrong: the only ones that speak.
    pub fn discordant(&self) -> u64 {
        self.a_right_b_wrong + self.a_wrong_b_right
    }

    /// Accuracy of B less that of A, −1 to 1.
    ///
    /// # Errors
    /// `CannotTell` without a request.
    pub fn difference(&self) -> Result<f64> {
        at_least("pairs", self.n(), 1)?;
        Ok((self.a_wrong_b_right as f64 - self.a_right_b_wrong as f64) / self.n() as f64)
    }

    /// Large-sample interval for the difference of the accuracies.
    ///
    /// # Formula
    /// `d ± z √(b + c − (b − c)²/n)/n`, b and c the discordant counts.
    ///
    /// # Errors
    /// `CannotTell` without a request or when its error is 0 (no discordant pair, or every pair discordant the same
    /// way); `NotAProbability` for α outside (0, 1).
    ///
    /// # Source
    /// Agresti, Categorical Data Analysis (2002), 10.1.1.
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::paired::PairedOutcomes;
    /// let pairs = PairedOutcomes { both_right: 850, a_right_b_wrong: 40, a_wrong_b_right: 65, both_wrong: 45 };
    /// let interval = pairs.interval(0.05)?;
    /// assert!((interval.low - 0.004976).abs() < 1e-6 && (interval.high - 0.045024).abs() < 1e-6);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn interval(&self, alpha: f64) -> Result<Interval> {
        let z = normal::exceeded_with(0.5 * probability("alpha", alpha)?);
        let difference = self.difference()?;
        let n = self.n() as f64;
        if self.discordant() == 0 {
            return Err(CannotTell::NoDiscordantPairs { pairs: self.n() }.into());
        }
        let variance = (self.discordant() as f64 - difference * difference * n) / (n * n);
        if variance <= 0.0 {
            return Err(CannotTell::NoVariance { what: "pairs" }.into());
        }
        Ok(Interval::around(difference, z * libm::sqrt(variance)))
    }

    /// McNemar's test of equal accuracy: is a discordant pair as likely to favour A as B?
    ///
    /// # Formula
    /// See [`McNemar`]; mid-p: `2 P(X ≤ min(b, c)) − P(X = min(b, c))`, X ~ Binomial(b + c, ½).
    ///
    /// # Errors
    /// `CannotTell` below two requests or without a discordant pair.
    ///
    /// # Source
    /// McNemar, Psychometrika 12 (1947); mid-p: Fagerland, Lydersen and Laake, BMC Med. Res. Meth. 13 (2013).
    ///
    /// # Examples
    /// ```
    /// use rollout_lab::analysis::paired::PairedOutcomes;
    /// let pairs = PairedOutcomes { both_right: 1_000, a_right_b_wrong: 86, a_wrong_b_right: 150, both_wrong: 0 };
    /// let test = pairs.mcnemar()?;
    /// assert!((test.chi2 - 17.35593).abs() < 1e-5 && (test.p_exact - 3.7159e-5).abs() < 1e-9);
    /// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
    /// ```
    pub fn mcnemar(&self) -> Result<McNemar> {
        let (b, c, m) = (self.a_right_b_wrong, self.a_wrong_b_right, self.discordant());
        at_least("pairs", self.n(), 2)?;
        if m == 0 {
            return Err(CannotTell::NoDiscordantPairs { pairs: self.n() }.into());
        }
        let gap = b.abs_diff(c) as f64;
        let chi2 = gap * gap / m as f64;
        let chi2_corrected = (gap - 1.0) * (gap - 1.0) / m as f64;
        let seen = binomial::probability_of(b, m, 0.5);
        let (p_exact, p_mid) = if b == c {
            (1.0, 1.0 - 0.5 * seen)
        } else {
            let both = (2.0 * binomial::tails(b.min(c), m, 0.5).0).min(1.0);
            (both, both - seen)
        };
        Ok(McNemar {
            chi2,
            p: chi_square::above(chi2, 1),
            chi2_corrected,
            p_corrected: chi_square::above(chi2_corrected, 1),
            p_exact,
            p_mid,
        })
    }
}

/// A t test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TTest {
    /// The estimate, in the metric's unit.
    pub difference: f64,
    /// Its standard error, same unit.
    pub standard_error: f64,
    /// Their ratio.
    pub t: f64,
    /// Degrees of freedom; not whole for Welch's test.
    pub df: f64,
    /// Two-sided p-value.
    pub p: f64,
}

impl TTest {
    pub(super) fn new(difference: f64, squared_error: f64, df: f64) -> Self {
        let standard_error = libm::sqrt(squared_error);
        let t = difference / standard_error;
        Self { difference, standard_error, t, df, p: student::outside(t, df) }
    }

    /// The interval `difference ± t SE`, with the t of these degrees of freedom.
    ///
    /// # Errors
    /// `NotAProbability` for α outside (0, 1).
    pub fn interval(&self, alpha: f64) -> Result<Interval> {
        let t = student::exceeded_with(0.5 * probability("alpha", alpha)?, self.df);
        Ok(Interval::around(self.difference, t * self.standard_error))
    }
}

/// Paired t test: is the mean of the differences B − A, request by request, 0?
///
/// # Shapes and units
/// `differences`: the summary of B − A of each request, in the metric's unit, e.g. ms of model latency.
///
/// # Formula
/// `t = mean/(s/√n)`, n − 1 degrees of freedom.
///
/// # Errors
/// `CannotTell` below two pairs or when all differences are the same.
///
/// # Source
/// Student, Biometrika 6 (1908).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::{Summary, paired::paired_t};
/// let test = paired_t(&Summary::of(&[1.2, -0.4, 0.9, 2.1, 0.7]))?;
/// assert!((test.t - 2.229198).abs() < 1e-6 && (test.p - 0.089691).abs() < 1e-6);
/// # Ok::<(), rollout_lab::analysis::StatisticsError>(())
/// ```
pub fn paired_t(differences: &Summary) -> Result<TTest> {
    let squared_error = differences.squared_error("differences of pairs")?;
    Ok(TTest::new(differences.mean()?, squared_error, (differences.n() - 1) as f64))
}
