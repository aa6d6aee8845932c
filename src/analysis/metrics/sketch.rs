//! A histogram with cells that widen with the value: percentiles of any number of samples in a few kilobytes.

/// Sub-cells of each power of two: 2⁶.
const BITS: u32 = 6;
const SUB: u64 = 1 << BITS;
/// Cells for every u64.
const CELLS: usize = index(u64::MAX) + 1;

/// How far a percentile of a [`LatencySketch`] can be from the sample at its rank, relative to that sample:
/// half a cell, 2⁻⁷.
pub const SKETCH_RELATIVE_ERROR: f64 = 1.0 / 128.0;

/// The cell of a value: itself below 64, else its power of two and the six bits after the first.
const fn index(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let shift = 63 - BITS - value.leading_zeros();
    ((shift as u64 * SUB) + (value >> shift)) as usize
}

/// The middle of a cell.
fn middle(cell: usize) -> f64 {
    let cell = cell as u64;
    if cell < 2 * SUB {
        return cell as f64;
    }
    let shift = cell / SUB - 1;
    let least = (cell - shift * SUB) << shift;
    least as f64 + ((1u64 << shift) - 1) as f64 * 0.5
}

/// A summary of whole numbers, e.g. latencies in ns, that gives sum, mean and extremes exactly and percentiles nearly.
///
/// # Shapes and units
/// Values in the unit that they were recorded in. 30 KiB, however many there are.
///
/// # Formula
/// Cells are exact below 128 and 2⁻⁶ to 2⁻⁷ of their value wide above. Percentile p of n values is the one of rank
/// `⌈p n ÷ 100⌉` (nearest rank), read as the middle of its cell, never outside the extremes:
/// within [`SKETCH_RELATIVE_ERROR`] of it.
///
/// # Source
/// The cells are those of HdrHistogram with 64 sub-buckets (Tene, hdrhistogram.org).
///
/// # Examples
/// ```
/// use rollout_lab::analysis::metrics::LatencySketch;
/// let mut sketch = LatencySketch::default();
/// (1..=1_000).for_each(|us| sketch.record(us * 1_000));
/// assert_eq!((sketch.count(), sketch.min(), sketch.max()), (1_000, Some(1_000), Some(1_000_000)));
/// let p99_us = sketch.percentile(99.0).unwrap() / 1_000.0;
/// assert!((p99_us / 990.0 - 1.0).abs() < 0.01);
/// ```
#[derive(Clone, PartialEq)]
pub struct LatencySketch {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    cells: Box<[u64]>,
}

impl Default for LatencySketch {
    fn default() -> Self {
        Self { count: 0, sum: 0, min: u64::MAX, max: 0, cells: vec![0; CELLS].into_boxed_slice() }
    }
}

impl std::fmt::Debug for LatencySketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let p50 = self.percentile(50.0);
        write!(f, "LatencySketch {{ count: {}, p50: {p50:?}, max: {:?} }}", self.count, self.max())
    }
}

impl LatencySketch {
    /// Adds a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.cells[index(value)] += 1;
    }

    /// Adds all values of another: the same as if they had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            *mine += theirs;
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, exact.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least; none without a value.
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest; none without a value.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Their mean; none without a value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value of rank `⌈p n ÷ 100⌉`, within [`SKETCH_RELATIVE_ERROR`]; none without a value.
    pub fn percentile(&self, p: f64) -> Option<f64> {
        let cells = self.cells.iter().enumerate().map(|(i, &n)| (i, n));
        percentile(cells, self.count, self.min, self.max, p)
    }

    /// Packs the values.
    pub(super) fn packed(&self) -> Packed {
        if self.count == 0 {
            return Packed::default();
        }
        let begin = index(self.min);
        let used = self.cells[begin..=index(self.max)].iter().enumerate();
        Packed {
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            cells: pack(used.map(|(i, &n)| (begin + i, n))),
        }
    }

    /// Packs the values and forgets them.
    pub(super) fn take(&mut self) -> Packed {
        let packed = self.packed();
        if self.count > 0 {
            self.cells[index(self.min)..=index(self.max)].fill(0);
            (self.count, self.sum, self.min, self.max) = (0, 0, u64::MAX, 0);
        }
        packed
    }
}

fn percentile(
    cells: impl Iterator<Item = (usize, u64)>,
    count: u64,
    min: u64,
    max: u64,
    p: f64,
) -> Option<f64> {
    if count == 0 {
        return None;
    }
    let rank = rank(count, p);
    let mut below = 0;
    for (cell, n) in cells {
        below += n;
        if below >= rank {
            return Some(middle(cell).clamp(min as f64, max as f64));
        }
    }
    Some(max as f64)
}

/// `⌈p n ÷ 100⌉`, at least 1 and at most n.
pub(super) fn rank(count: u64, p: f64) -> u64 {
    // p × n before ÷ 100: 99 % of 1,000 is 990 then, and not the number above.
    ((p * count as f64 / 100.0).ceil() as u64).clamp(1, count)
}

/// A sketch at rest: only the cells in use, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packed {
    pub count: u64,
    pub sum: u128,
    pub min: u64,
    pub max: u64,
    /// Pairs of LEB128 numbers: cells skipped since the last one in use, and how many values this one has.
    cells: Box<[u8]>,
}

impl Default for Packed {
    fn default() -> Self {
        Self { count: 0, sum: 0, min: u64::MAX, max: 0, cells: Box::default() }
    }
}

impl Packed {
    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.cells = if self.count == 0 {
            other.cells.clone()
        } else {
            let (mut mine, mut theirs) = (self.cells().peekable(), other.cells().peekable());
            pack(std::iter::from_fn(|| match (mine.peek().copied(), theirs.peek().copied()) {
                (Some((i, n)), Some((j, m))) if i == j => {
                    mine.next();
                    theirs.next();
                    Some((i, n + m))
                }
                (Some((i, _)), Some((j, _))) if j < i => theirs.next(),
                (None, _) => theirs.next(),
                _ => mine.next(),
            }))
        };
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// As [`LatencySketch::percentile`].
    pub fn percentile(&self, p: f64) -> Option<f64> {
        percentile(self.cells(), self.count, self.min, self.max, p)
    }

    /// Writes it after `bytes`, for [`Packed::read`].
    pub fn write(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.count);
        if self.count > 0 {
            put(bytes, self.sum as u64);
            put(bytes, (self.sum >> 64) as u64);
            put(bytes, self.min);
            put(bytes, self.max);
            put(bytes, self.cells.len() as u64);
            bytes.extend_from_slice(&self.cells);
        }
    }

    /// Reads what [`Packed::write`] wrote, and goes on behind it. Bytes that contradict themselves are refused: what
    /// is counted on later must add up.
    pub fn read(bytes: &mut &[u8]) -> Option<Self> {
        let count = number(bytes, MAX_COUNT)?;
        if count == 0 {
            return Some(Self::default());
        }
        let (low, high) = (number(bytes, u64::MAX)?, number(bytes, u64::MAX)?);
        let sum = u128::from(high) << 64 | u128::from(low);
        let (min, max) = (number(bytes, u64::MAX)?, number(bytes, u64::MAX)?);
        let length = number(bytes, bytes.len() as u64)? as usize;
        let (cells, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        let possible = u128::from(count) * u128::from(min)..=u128::from(count) * u128::from(max);
        let mut left = cells;
        let (mut at, mut counted, mut first, mut last) = (0_u64, 0_u64, None, 0);
        while !left.is_empty() {
            let cell = at + number(&mut left, (CELLS as u64 - 1).checked_sub(at)?)?;
            let n = number(&mut left, count - counted).filter(|n| *n > 0)?;
            first = first.or(Some(cell));
            (at, counted, last) = (cell + 1, counted + n, cell);
        }
        let adds_up = counted == count
            && possible.contains(&sum)
            && first == Some(index(min) as u64)
            && last == index(max) as u64;
        adds_up.then(|| Self { count, sum, min, max, cells: cells.into() })
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.cells.len()
    }

    /// The cells in use, in order, with their counts.
    fn cells(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let mut bytes = self.cells.iter().copied();
        let mut at = 0;
        std::iter::from_fn(move || {
            let skipped = leb128(&mut bytes)?;
            let n = leb128(&mut bytes)?;
            let cell = at + skipped as usize;
            at = cell + 1;
            Some((cell, n))
        })
    }
}

fn leb128(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

/// Most values that a packed sketch is read with: a million a second for nine years. More could overflow a sum of rows.
pub(super) const MAX_COUNT: u64 = 1 << 48;

/// Appends a number as LEB128.
pub(super) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes a LEB128 number from the front; none where there is no whole one, or one above `most`.
pub(super) fn number(bytes: &mut &[u8], most: u64) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if *byte < 0x80 {
            return (value <= most).then_some(value);
        }
    }
    None
}

fn pack(cells: impl Iterator<Item = (usize, u64)>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    let mut at = 0;
    for (cell, n) in cells.filter(|(_, n)| *n > 0) {
        put(&mut bytes, (cell - at) as u64);
        put(&mut bytes, n);
        at = cell + 1;
    }
    bytes.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_one_another_and_hold_their_middle() {
        assert_eq!(CELLS, 3_776);
        let mut last = 0;
        for value in (0..100_000u64).chain((17..64).flat_map(|b| [(1 << b) - 1, 1 << b, (1 << b) + 1])) {
            let cell = index(value);
            assert!(cell >= last, "{value}");
            last = cell;
            assert_eq!(index(middle(cell) as u64), cell, "{value}");
            let error = (middle(cell) - value as f64).abs();
            assert!(error <= SKETCH_RELATIVE_ERROR * value as f64, "{value}: {error}");
        }
    }

    #[test]
    fn packing_loses_nothing() {
        let (mut a, mut b) = (LatencySketch::default(), LatencySketch::default());
        for i in 0..10_000u64 {
            a.record(i * i);
            b.record(i * 31 + u64::from(i == 77) * (u64::MAX / 2));
        }
        let mut both = a.clone();
        both.merge(&b);
        let (mut packed, other) = (a.take(), b.take());
        assert_eq!(a, LatencySketch::default());
        packed.merge(&other);
        for p in [0.001, 1.0, 50.0, 90.0, 99.0, 99.99, 100.0] {
            assert_eq!(packed.percentile(p), both.percentile(p));
        }
        assert_eq!(packed, both.take());
        assert_eq!(Packed::default().percentile(50.0), None);
    }

    #[test]
    fn ranks_are_nearest_ranks() {
        assert_eq!((rank(1_000, 99.0), rank(1_000, 99.9), rank(10, 0.001), rank(1, 100.0)), (990, 999, 1, 1));
        assert_eq!((rank(4, 50.0), rank(5, 50.0)), (2, 3));
    }
}
