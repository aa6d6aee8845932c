//! Streams of random numbers: one per purpose, so that drawing more for one changes no other.
//!
//! ChaCha8 is a fixed algorithm and the rest is integers, `+ − × ÷ √` and `libm`, so every target draws the same.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::domain::VariantName;

/// What a stream is for. A number of ChaCha8's stream counter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Gaps between requests.
    Arrivals = 1,
    /// Which review is sent.
    Content = 2,
    /// Which variant gets a request.
    Route = 3,
    /// Which requests are copied to a shadow variant.
    Shadow = 4,
    /// Who sends a request.
    Users = 5,
    /// Requests that a learner sends by hand, so that these move no draw of the traffic.
    ByHand = 6,
    /// The generated reviews.
    Reviews = 7,
    /// Which rows of a long file are kept.
    Rows = 8,
    /// What a blind round hides.
    Blind = 9,
    /// Tests that are replayed beside the lab's own traffic, and what else the labs on decisions draw.
    Decide = 10,
    /// Which requests are captured.
    Capture = 21,
    /// Which copies for a shadow variant are captured.
    CaptureOfCopies = 22,
}

/// What a variant draws for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum VariantPurpose {
    /// Noise of the service time.
    Service = 1,
    /// Which instance gets a request.
    Instance = 2,
    /// Overhead latency.
    Overhead = 3,
    /// Which requests a fault makes slow.
    Spikes = 4,
    /// Which requests a fault turns away.
    ClientErrors = 5,
    /// Which requests a fault makes fail.
    ModelErrors = 6,
}

/// One stream of random bits.
///
/// ```
/// use rollout_lab::simulation::{Purpose, Stream};
/// let mut a = Stream::new(7, Purpose::Arrivals);
/// assert_eq!(a.bits(), Stream::new(7, Purpose::Arrivals).bits());
/// assert_ne!(a.bits(), Stream::new(7, Purpose::Route).bits());
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
    /// The next draws, taken over by the quarter kilobyte: one at a time they cost twice as much.
    ready: [u64; BATCH],
    taken: usize,
}

const BATCH: usize = 32;

impl Stream {
    /// The stream of this seed for this purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self::numbered(seed, purpose as u64)
    }

    /// The stream of a variant. Its number is a hash of the variant's name, so that no other variant's coming,
    /// going or order changes it; `generation` counts the fleets of that name.
    pub fn of_variant(seed: u64, name: &VariantName, generation: u32, purpose: VariantPurpose) -> Self {
        // FNV-1a of `name`, 0, the generation and the purpose. The top bit keeps clear of `Purpose`.
        let tail = [0].into_iter().chain(generation.to_le_bytes()).chain([purpose as u8]);
        let hash =
            name.as_str().bytes().chain(tail).fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
                (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        Self::numbered(seed, hash | 1 << 63)
    }

    fn numbered(seed: u64, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Self { rng, ready: [0; BATCH], taken: BATCH }
    }

    #[cold]
    fn refill(&mut self) {
        let mut bytes = [0; 8 * BATCH];
        self.rng.fill_bytes(&mut bytes);
        for (draw, bytes) in self.ready.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *draw = u64::from_le_bytes(*bytes);
        }
        self.taken = 0;
    }

    /// 64 even bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        if self.taken >= BATCH {
            self.refill();
        }
        let draw = self.ready[self.taken];
        self.taken += 1;
        draw
    }

    /// Even in 0 to 1, 1 excluded, in steps of 2⁻⁵³.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number below `n`, each as likely but for 2⁻⁶⁴; 0 when `n` is 0.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Exponential with mean 1: `−ln(1 − u)`.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}

/// Lognormal numbers of a given mean.
///
/// # Formula
/// `mean · exp(σz − σ²/2)` with z standard normal by Marsaglia's polar method, so the mean is `mean` for every σ and
/// the squared coefficient of variation `exp(σ²) − 1`.
#[derive(Clone, Debug)]
pub struct Lognormal {
    stream: Stream,
    sigma: f64,
    scale: f64,
    spare: Option<f64>,
}

impl Lognormal {
    /// Numbers with this mean, in its unit, and this σ of their logarithm.
    pub fn new(stream: Stream, mean: f64, sigma: f64) -> Self {
        Self { stream, sigma, scale: mean * libm::exp(-0.5 * sigma * sigma), spare: None }
    }

    /// The next one.
    #[inline]
    pub fn draw(&mut self) -> f64 {
        if self.sigma == 0.0 {
            return self.scale;
        }
        let z = match self.spare.take() {
            Some(z) => z,
            None => self.normal_pair(),
        };
        self.scale * libm::exp(self.sigma * z)
    }

    /// Two normals from one pair of even numbers: gives one, keeps the other.
    #[inline]
    fn normal_pair(&mut self) -> f64 {
        loop {
            // 32 bits a coordinate are one draw for both; the grid reaches beyond 6 standard deviations.
            let bits = self.stream.bits();
            let x = f64::from((bits >> 32) as u32 as i32) * (1.0 / 2_147_483_648.0);
            let y = f64::from(bits as u32 as i32) * (1.0 / 2_147_483_648.0);
            let s = x * x + y * y;
            if s < 1.0 && s > 0.0 {
                let factor = (-2.0 * libm::log(s) / s).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 1_000_000;

    /// Mean and variance.
    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..N {
            let x = draw();
            sum += x;
            squares += x * x;
        }
        let mean = sum / N as f64;
        (mean, squares / N as f64 - mean * mean)
    }

    #[test]
    fn the_exponential_has_mean_and_variance_1() {
        let mut s = Stream::new(1, Purpose::Arrivals);
        let (mean, variance) = moments(|| s.exponential());
        // Standard errors: 1/√N of the mean, √(8/N) of the variance; 4 of them.
        assert!((mean - 1.0).abs() < 4e-3, "{mean}");
        assert!((variance - 1.0).abs() < 4.0 * (8.0 / N as f64).sqrt(), "{variance}");
    }

    #[test]
    fn the_lognormal_keeps_its_mean_for_every_sigma() {
        for sigma in [0.0, 0.25, 0.5, 1.0] {
            let mut l = Lognormal::new(Stream::new(3, Purpose::Users), 5.0, sigma);
            let (mean, variance) = moments(|| l.draw());
            let wanted = 25.0 * ((sigma * sigma).exp() - 1.0);
            assert!((mean - 5.0).abs() <= 4.0 * (wanted / N as f64).sqrt() + 1e-9, "{sigma}: {mean}");
            assert!((variance - wanted).abs() <= 0.1 * wanted + 1e-6, "{sigma}: {variance} for {wanted}");
        }
    }

    #[test]
    fn the_normal_has_the_right_tails() {
        // Share of |z| above 1, 2, 3: 0.317311, 0.045500, 0.002700 (any table of the normal distribution).
        let mut l = Lognormal::new(Stream::new(5, Purpose::Users), 1.0, 1.0);
        let mut over = [0u32; 3];
        for _ in 0..N {
            let z = libm::log(l.draw() / l.scale).abs();
            for (k, count) in over.iter_mut().enumerate() {
                *count += u32::from(z > (k + 1) as f64);
            }
        }
        for (count, wanted) in over.into_iter().zip([0.317_311, 0.045_500, 0.002_700]) {
            let (share, n) = (f64::from(count) / N as f64, N as f64);
            assert!((share - wanted).abs() < 4.0 * (wanted / n).sqrt(), "{share} for {wanted}");
        }
    }

    #[test]
    fn batches_change_no_draw() {
        let mut s = Stream::numbered(7, 11);
        let mut one_by_one = ChaCha8Rng::seed_from_u64(7);
        one_by_one.set_stream(11);
        for _ in 0..1_000 {
            assert_eq!(s.bits(), one_by_one.next_u64());
        }
    }

    #[test]
    fn below_reaches_every_number_alike() {
        let mut s = Stream::new(2, Purpose::Content);
        let mut seen = [0u32; 7];
        for _ in 0..70_000 {
            seen[s.below(7) as usize] += 1;
        }
        assert!(seen.into_iter().all(|n| (9_500..10_500).contains(&n)), "{seen:?}");
        assert_eq!(s.below(0), 0);
    }
}
