//! The product of rows and a constant matrix, tile by tile.
//!
//! tract's tile of 8 x 8 keeps 16 accumulators, as many as x86 has vector registers: in a browser it spills them. A
//! tile of [`HIGH`] x [`WIDE`] leaves room for its operands, and its rows may overlap: rows that begin `stride` numbers
//! apart but are longer than that are the windows of a convolution, without a copy of them.

use std::sync::Arc;

use super::lanes::Four;

/// Rows of a tile.
const HIGH: usize = 4;
/// Columns of a tile: two vectors of four.
pub(super) const WIDE: usize = 8;
const ZERO: [f32; 4] = [0.0; 4];

/// A constant matrix, `depth` x `columns`, cut into panels of [`WIDE`] columns: its rows lie side by side in each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panels {
    rows: Arc<[[Four; 2]]>,
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
            .flat_map(|panel| matrix.chunks_exact(columns).map(move |row| &row[panel * WIDE..][..WIDE]))
            .map(|eight| match eight {
                [a, b, c, d, e, f, g, h] => [Four::new([*a, *b, *c, *d]), Four::new([*e, *f, *g, *h])],
                _ => [Four::new(ZERO); 2],
            })
            .collect();
        Some(Self { rows, depth, columns })
    }

    fn panels(&self) -> impl Iterator<Item = &[[Four; 2]]> {
        self.rows.chunks_exact(self.depth)
    }
}

/// One row of `x` times a panel; it begins at `start`.
#[inline(always)]
fn row(x: &[f32], start: usize, panel: &[[Four; 2]]) -> [[Four; 2]; 1] {
    let mut sums = [Four::new(ZERO); 2];
    for (number, columns) in x[start..][..panel.len()].iter().zip(panel) {
        sums = more(sums, *number, columns);
    }
    [sums]
}

/// [`HIGH`] rows of `x` times a panel, the first at `start`, each `stride` behind the one before.
///
/// Every accumulator has a name: the worker is compiled for size, and then no compiler unrolls a loop over them, so
/// that they would lie in memory.
#[inline(always)]
fn tile(x: &[f32], start: usize, stride: usize, panel: &[[Four; 2]]) -> [[Four; 2]; HIGH] {
    let row = |r: usize| &x[start + r * stride..][..panel.len()];
    let (first, second, third, fourth) = (row(0), row(1), row(2), row(3));
    let zero = [Four::new(ZERO); 2];
    let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
    for (k, columns) in panel.iter().enumerate() {
        a = more(a, first[k], columns);
        b = more(b, second[k], columns);
        c = more(c, third[k], columns);
        d = more(d, fourth[k], columns);
    }
    [a, b, c, d]
}

/// The sums of a row, and a number of it times its row of the panel.
#[inline(always)]
fn more([left, right]: [Four; 2], number: f32, columns: &[Four; 2]) -> [Four; 2] {
    let number = Four::splat(number);
    [left.plus(number.times(columns[0])), right.plus(number.times(columns[1]))]
}

/// What is done to a tile's sums: the first row, the panel, the sums of each row.
trait Finish {
    fn rows(&mut self, first: usize, panel: usize, sums: &[[Four; 2]]);
}

/// All tiles of `count` rows. The last tile may lie over the one before it: its rows come twice, with the same sums.
#[inline(always)]
fn tiles(x: &[f32], stride: usize, count: usize, panels: &Panels, finish: &mut impl Finish) {
    for (p, panel) in panels.panels().enumerate() {
        if count >= HIGH {
            let mut first = 0;
            loop {
                finish.rows(first, p, &tile(x, first * stride, stride, panel));
                if first + HIGH >= count {
                    break;
                }
                first = (first + HIGH).min(count - HIGH);
            }
        } else {
            for first in 0..count {
                finish.rows(first, p, &row(x, first * stride, panel));
            }
        }
    }
}

/// Rows times a matrix, plus a bias for every column, and no less than `least`.
///
/// `x`: rows of `panels.depth`; `bias`: `panels.columns` or nothing; `out`: as many rows of `panels.columns`.
pub(super) fn multiply(x: &[f32], panels: &Panels, bias: &[f32], least: f32, out: &mut [f32]) {
    struct Store<'a> {
        out: &'a mut [f32],
        columns: usize,
        bias: &'a [f32],
        least: Four,
    }
    impl Finish for Store<'_> {
        #[inline(always)]
        fn rows(&mut self, first: usize, panel: usize, sums: &[[Four; 2]]) {
            let column = panel * WIDE;
            let of_bias = |half: usize| {
                let four = self.bias.get(column + 4 * half..).and_then(|b| b.first_chunk::<4>());
                Four::new(*four.unwrap_or(&ZERO))
            };
            let bias = [of_bias(0), of_bias(1)];
            for (r, sums) in sums.iter().enumerate() {
                let place = &mut self.out[(first + r) * self.columns + column..][..WIDE];
                for ((four, sum), bias) in place.as_chunks_mut::<4>().0.iter_mut().zip(sums).zip(bias) {
                    *four = sum.plus(bias).max(self.least).numbers();
                }
            }
        }
    }
    let count = x.len() / panels.depth;
    let mut store = Store { out, columns: panels.columns, bias, least: Four::splat(least) };
    tiles(x, panels.depth, count, panels, &mut store);
}

/// The largest of every column over rows that overlap, each row with a number of its own added.
///
/// `x`: row `i` begins at `i * stride` and has `panels.depth` numbers; `added`: one for each row; `out`: `panels.columns`.
/// Without rows the result is -∞.
pub(super) fn largest(x: &[f32], stride: usize, panels: &Panels, added: &[f32], out: &mut [f32]) {
    struct Largest<'a> {
        out: &'a mut [f32],
        added: &'a [f32],
    }
    impl Finish for Largest<'_> {
        #[inline(always)]
        fn rows(&mut self, first: usize, panel: usize, sums: &[[Four; 2]]) {
            let place = &mut self.out[panel * WIDE..][..WIDE];
            for (half, four) in place.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let mut best = Four::new(*four);
                for (sums, added) in sums.iter().zip(&self.added[first..]) {
                    best = best.max(sums[half].plus(Four::splat(*added)));
                }
                *four = best.numbers();
            }
        }
    }
    out.fill(f32::NEG_INFINITY);
    tiles(x, stride, added.len(), panels, &mut Largest { out, added });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i + seed).wrapping_mul(2_654_435_761) % 1_000) as f32 / 500.0 - 1.0).collect()
    }

    fn exact(x: &[f32], start: usize, w: &[f32], depth: usize, columns: usize, column: usize) -> f64 {
        (0..depth).map(|k| f64::from(x[start + k]) * f64::from(w[k * columns + column])).sum()
    }

    #[test]
    fn the_tiles_multiply_as_the_definition_does() {
        for (rows, depth, columns) in [(1, 1, 8), (4, 3, 16), (5, 8, 8), (7, 56, 24), (23, 128, 64)] {
            let (x, w) = (numbers(rows * depth, 1), numbers(depth * columns, 77));
            let bias = numbers(columns, 5);
            let panels = Panels::cut(&w, depth, columns).unwrap();
            let mut out = vec![f32::NAN; rows * columns];
            for (bias, least) in [(&bias[..], 0.0), (&[], f32::NEG_INFINITY)] {
                multiply(&x, &panels, bias, least, &mut out);
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
            let mut out = vec![0.0; columns];
            largest(&x, stride, &panels, &added, &mut out);
            for (c, found) in out.iter().enumerate() {
                let wanted = (0..count)
                    .map(|i| exact(&x, i * stride, &w, depth, columns, c) + f64::from(added[i]))
                    .fold(f64::NEG_INFINITY, f64::max);
                assert!((f64::from(*found) - wanted).abs() < 1e-4, "{count} rows, column {c}");
            }
        }
    }

    #[test]
    fn a_matrix_that_does_not_fill_its_panels_is_left_alone() {
        assert!(Panels::cut(&[0.0; 12], 1, 12).is_none());
        assert!(Panels::cut(&[0.0; 16], 3, 8).is_none());
    }
}
