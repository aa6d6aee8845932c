//! The product of rows and a constant matrix, tile by tile.
//!
//! tract's tile of 8 x 8 keeps 16 accumulators, as many as x86 has vector registers: in a browser it spills them. A
//! tile of [`HIGH`] rows and one panel leaves room for its operands (where registers hold eight numbers, two panels do,
//! and multiplying and adding is one step), and its rows may overlap: rows that begin `stride` numbers apart but are
//! longer than that are the windows of a convolution, without a copy of them.

use std::sync::Arc;

use super::lanes::{Eight, Four, Lanes, Work, larger, on_best_lanes};

/// Rows of a tile.
const HIGH: usize = 4;
/// Columns of a panel.
pub(super) const WIDE: usize = 8;

/// A constant matrix, `depth` x `columns`, cut into panels of [`WIDE`] columns: its rows lie side by side in each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panels {
    rows: Arc<[Eight]>,
    pub depth: usize,
    pub columns: usize,
}

// No number of a matrix that was read is compared with itself and found different but NaN, and that stays NaN.
impl Eq for Panels {}

impl Panels {
    /// Cuts `matrix`, row after row, into panels; none unless its columns fill them.
    pub fn cut(matrix: &[f32], depth: usize, columns: usize) -> Option<Self> {
        if depth == 0 || columns == 0 || !columns.is_multiple_of(WIDE) || matrix.len() != depth * columns {
            return None;
        }
        let rows = (0..columns / WIDE)
            .flat_map(|panel| matrix.chunks_exact(columns).map(move |row| &row[panel * WIDE..]))
            .map(eight)
            .collect();
        Some(Self { rows, depth, columns })
    }

    /// How many panels there are.
    fn count(&self) -> usize {
        self.columns / WIDE
    }

    fn panel(&self, place: usize) -> &[Eight] {
        &self.rows[place * self.depth..][..self.depth]
    }
}

/// The first eight of some numbers; zeros where there are fewer.
#[inline(always)]
fn eight(numbers: &[f32]) -> Eight {
    match numbers.first_chunk::<WIDE>() {
        Some([a, b, c, d, e, f, g, h]) => [Four::new([*a, *b, *c, *d]), Four::new([*e, *f, *g, *h])],
        None => [Four::ZERO; 2],
    }
}

/// One row of `x` times a panel; it begins at `start`.
#[inline(always)]
fn row<L: Lanes>(lanes: L, x: &[f32], start: usize, panel: &[Eight]) -> [Eight; 1] {
    let mut sums = lanes.splat(0.0);
    for (number, columns) in x[start..][..panel.len()].iter().zip(panel) {
        sums = lanes.more(sums, lanes.splat(*number), columns);
    }
    [lanes.numbers(sums)]
}

/// [`HIGH`] rows of `x` times a panel, the first at `start`, each `stride` behind the one before.
///
/// Every accumulator has a name: the worker is compiled for size, and then no compiler unrolls a loop over them, so
/// that they would lie in memory.
#[inline(always)]
fn tile<L: Lanes>(lanes: L, x: &[f32], start: usize, stride: usize, panel: &[Eight]) -> [Eight; HIGH] {
    let row = |r: usize| &x[start + r * stride..][..panel.len()];
    let (first, second, third, fourth) = (row(0), row(1), row(2), row(3));
    let zero = lanes.splat(0.0);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    for (k, columns) in panel.iter().enumerate() {
        a = lanes.more(a, lanes.splat(first[k]), columns);
        b = lanes.more(b, lanes.splat(second[k]), columns);
        c = lanes.more(c, lanes.splat(third[k]), columns);
        d = lanes.more(d, lanes.splat(fourth[k]), columns);
    }
    [a, b, c, d].map(|sums| lanes.numbers(sums))
}

/// As [`tile`], times two panels: a sum waits for the one before it, so four of them would leave the adders idle.
#[inline(always)]
fn tiles_of_two<L: Lanes>(
    lanes: L,
    x: &[f32],
    start: usize,
    stride: usize,
    [left, right]: [&[Eight]; 2],
) -> [[Eight; HIGH]; 2] {
    let row = |r: usize| &x[start + r * stride..][..left.len()];
    let (first, second, third, fourth) = (row(0), row(1), row(2), row(3));
    let zero = lanes.splat(0.0);
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    let (mut e, mut f, mut g, mut h) = (zero, zero, zero, zero);
    for (k, (left, right)) in left.iter().zip(right).enumerate() {
        let number = lanes.splat(first[k]);
        (a, e) = (lanes.more(a, number, left), lanes.more(e, number, right));
        let number = lanes.splat(second[k]);
        (b, f) = (lanes.more(b, number, left), lanes.more(f, number, right));
        let number = lanes.splat(third[k]);
        (c, g) = (lanes.more(c, number, left), lanes.more(g, number, right));
        let number = lanes.splat(fourth[k]);
        (d, h) = (lanes.more(d, number, left), lanes.more(h, number, right));
    }
    [[a, b, c, d], [e, f, g, h]].map(|sums| sums.map(|sums| lanes.numbers(sums)))
}

/// What is done to a tile's sums: the first row, the panel, the sums of each row.
trait Finish {
    fn rows(&mut self, first: usize, panel: usize, sums: &[Eight]);
}

/// All tiles of `count` rows, and what is done to them.
struct Tiles<'a, F> {
    x: &'a [f32],
    stride: usize,
    count: usize,
    panels: &'a Panels,
    finish: F,
}

impl<F: Finish> Tiles<'_, F> {
    /// The last tile may lie over the one before it: its rows come twice, with the same sums.
    #[inline(always)]
    fn each_tile(count: usize, mut of: impl FnMut(usize)) {
        let mut first = 0;
        loop {
            of(first);
            if first + HIGH >= count {
                return;
            }
            first = (first + HIGH).min(count - HIGH);
        }
    }
}

impl<F: Finish> Work for Tiles<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Self { x, stride, count, panels, .. } = self;
        let mut p = 0;
        while p < panels.count() {
            let panel = panels.panel(p);
            if count < HIGH {
                for first in 0..count {
                    self.finish.rows(first, p, &row(lanes, x, first * stride, panel));
                }
            } else if L::TWO_PANELS && p + 1 < panels.count() {
                let pair = [panel, panels.panel(p + 1)];
                Self::each_tile(count, |first| {
                    let [left, right] = tiles_of_two(lanes, x, first * stride, stride, pair);
                    self.finish.rows(first, p, &left);
                    self.finish.rows(first, p + 1, &right);
                });
                p += 1;
            } else {
                Self::each_tile(count, |first| {
                    self.finish.rows(first, p, &tile(lanes, x, first * stride, stride, panel));
                });
            }
            p += 1;
        }
    }
}

/// Stores sums with a bias for every column, and no less than `least`.
struct Store<'a> {
    out: &'a mut [f32],
    columns: usize,
    bias: &'a [f32],
    least: Four,
}

impl Finish for Store<'_> {
    #[inline(always)]
    fn rows(&mut self, first: usize, panel: usize, sums: &[Eight]) {
        let column = panel * WIDE;
        let bias = self.bias.get(column..).map_or([Four::ZERO; 2], eight);
        for (r, sums) in sums.iter().enumerate() {
            let place = &mut self.out[(first + r) * self.columns + column..][..WIDE];
            for ((four, sum), bias) in place.as_chunks_mut::<4>().0.iter_mut().zip(sums).zip(bias) {
                *four = larger(*sum + bias, self.least).to_array();
            }
        }
    }
}

/// Keeps the largest sum of every column, after each row's own number was added.
struct Largest<'a> {
    out: &'a mut [f32],
    added: &'a [f32],
}

impl Finish for Largest<'_> {
    #[inline(always)]
    fn rows(&mut self, first: usize, panel: usize, sums: &[Eight]) {
        let place = &mut self.out[panel * WIDE..][..WIDE];
        for (half, four) in place.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let mut best = Four::new(*four);
            for (sums, added) in sums.iter().zip(&self.added[first..]) {
                best = larger(best, sums[half] + Four::splat(*added));
            }
            *four = best.to_array();
        }
    }
}

/// Rows times a matrix, plus a bias for every column, and no less than `least`.
///
/// `x`: rows of `panels.depth`; `bias`: `panels.columns` or nothing; `out`: as many rows of `panels.columns`.
pub(super) fn multiply(x: &[f32], panels: &Panels, bias: &[f32], least: f32, out: &mut [f32]) {
    on_best_lanes(multiplication(x, panels, bias, least, out));
}

fn multiplication<'a>(
    x: &'a [f32],
    panels: &'a Panels,
    bias: &'a [f32],
    least: f32,
    out: &'a mut [f32],
) -> Tiles<'a, Store<'a>> {
    let finish = Store { out, columns: panels.columns, bias, least: Four::splat(least) };
    Tiles { x, stride: panels.depth, count: x.len() / panels.depth, panels, finish }
}

/// The largest of every column over rows that overlap, each row with a number of its own added.
///
/// `x`: row `i` begins at `i * stride` and has `panels.depth` numbers; `added`: one for each row; `out`: `panels.columns`.
/// Without rows the result is -∞.
pub(super) fn largest(x: &[f32], stride: usize, panels: &Panels, added: &[f32], out: &mut [f32]) {
    on_best_lanes(largest_of(x, stride, panels, added, out));
}

fn largest_of<'a>(
    x: &'a [f32],
    stride: usize,
    panels: &'a Panels,
    added: &'a [f32],
    out: &'a mut [f32],
) -> Tiles<'a, Largest<'a>> {
    out.fill(f32::NEG_INFINITY);
    Tiles { x, stride, count: added.len(), panels, finish: Largest { out, added } }
}

#[cfg(test)]
mod tests {
    use super::{super::lanes::Portable, *};

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i + seed).wrapping_mul(2_654_435_761) % 1_000) as f32 / 500.0 - 1.0).collect()
    }

    fn exact(x: &[f32], start: usize, w: &[f32], depth: usize, columns: usize, column: usize) -> f64 {
        (0..depth).map(|k| f64::from(x[start + k]) * f64::from(w[k * columns + column])).sum()
    }

    #[test]
    fn the_tiles_multiply_as_the_definition_does() {
        for (rows, depth, columns) in
            [(1, 1, 8), (3, 5, 24), (4, 3, 16), (5, 8, 8), (7, 56, 24), (23, 128, 64)]
        {
            let (x, w) = (numbers(rows * depth, 1), numbers(depth * columns, 77));
            let bias = numbers(columns, 5);
            let panels = Panels::cut(&w, depth, columns).unwrap();
            for (bias, least, best) in
                [(&bias[..], 0.0, true), (&[], f32::NEG_INFINITY, true), (&bias, 0.0, false)]
            {
                let mut out = vec![f32::NAN; rows * columns];
                if best {
                    multiply(&x, &panels, bias, least, &mut out);
                } else {
                    multiplication(&x, &panels, bias, least, &mut out).run(Portable);
                }
                for r in 0..rows {
                    for c in 0..columns {
                        let added = f64::from(bias.get(c).copied().unwrap_or(0.0));
                        let wanted =
                            (exact(&x, r * depth, &w, depth, columns, c) + added).max(f64::from(least));
                        assert!(
                            (f64::from(out[r * columns + c]) - wanted).abs() < 1e-4,
                            "{rows} {depth} at {r}, {c}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_of_overlapping_rows() {
        for count in [1, 2, 5, 6, 11, 128] {
            let (stride, depth, columns) = (7, 21, 16);
            let (x, w) = (numbers((count + 2) * stride, 3), numbers(depth * columns, 9));
            let added = numbers(count, 31);
            let panels = Panels::cut(&w, depth, columns).unwrap();
            let (mut best, mut portable) = (vec![0.0; columns], vec![0.0; columns]);
            largest(&x, stride, &panels, &added, &mut best);
            largest_of(&x, stride, &panels, &added, &mut portable).run(Portable);
            for (c, (best, portable)) in best.iter().zip(&portable).enumerate() {
                let wanted = (0..count)
                    .map(|i| exact(&x, i * stride, &w, depth, columns, c) + f64::from(added[i]))
                    .fold(f64::NEG_INFINITY, f64::max);
                for found in [best, portable] {
                    assert!((f64::from(*found) - wanted).abs() < 1e-4, "{count} rows, column {c}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let panels = Panels::cut(&numbers(3 * 16, 9), 3, 16).unwrap();
        let mut x = numbers(5 * 3, 1);
        x[2 * 3 + 1] = f32::NAN;
        let mut out = [vec![0.0; 5 * 16], vec![0.0; 5 * 16]];
        multiply(&x, &panels, &[], 0.0, &mut out[0]);
        multiplication(&x, &panels, &[], 0.0, &mut out[1]).run(Portable);
        for out in out {
            for (r, row) in out.chunks(16).enumerate() {
                assert!(row.iter().all(|n| n.is_nan() == (r == 2)), "row {r}: {row:?}");
            }
        }
    }

    #[test]
    fn a_matrix_that_does_not_fill_its_panels_is_left_alone() {
        assert!(Panels::cut(&[0.0; 12], 1, 12).is_none());
        assert!(Panels::cut(&[0.0; 16], 3, 8).is_none());
    }
}
