//! Rows × constant matrix, faster than tract's own kernel in a browser.
//!
//! tract's 8 × 8 tile keeps 16 accumulators, as many as x86 has vector registers: compiled to wasm it spills them,
//! and how badly depends on the stack. A tile of 6 × 8 leaves room for the operands. It is plain Rust over arrays of
//! a fixed size, which the compiler turns into SIMD on every target.

use std::sync::Arc;

use tract_onnx::tract_core::{internal::*, ops::einsum::EinSum};

/// Columns of a tile: two vectors of four.
const WIDE: usize = 8;
/// Rows of a tile.
const HIGH: usize = 6;

/// Products that are rows × matrix once their axes are laid flat: `m` rows of all inner axes, `n` columns.
const FORMS: [(&str, usize); 6] = [
    ("amk,kn->amn", 1),
    ("amk,kn->mn", 1),
    ("mk,kn->amn", 0),
    ("mk,kn->mn", 0),
    ("mbk,bkn->amn", 0),
    ("mbk,bkn->mn", 0),
];

/// A matrix cut into panels of [`WIDE`] columns, row after row in each; the last is filled up with zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Dense {
    /// `[panels, k, WIDE]`.
    panels: Arc<Tensor>,
    k: usize,
    n: usize,
    /// The axis of the input that counts the rows.
    rows_axis: usize,
    /// Axes of the output: rows and columns, and a unit axis before them if 3.
    output_rank: usize,
}

fn pack(matrix: &[f32], k: usize, n: usize) -> TractResult<Tensor> {
    let panels = n.div_ceil(WIDE);
    let mut packed = vec![0.0f32; panels * k * WIDE];
    for (row, values) in matrix.chunks_exact(n.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            packed[(column / WIDE * k + row) * WIDE + column % WIDE] = *value;
        }
    }
    Tensor::from_shape(&[panels, k, WIDE], &packed)
}

/// `x · w` for `x` of rows of `k` and `w` of packed panels; `out` has rows of `n`.
fn multiply(x: &[f32], panels: &[f32], k: usize, n: usize, out: &mut [f32]) {
    let mut block = vec![[0.0f32; HIGH]; k];
    for (rows, out) in x.chunks(HIGH * k).zip(out.chunks_mut(HIGH * n)) {
        // Turned by a quarter, so that the tile reads its rows side by side; rows that are missing stay zero.
        block.fill([0.0; HIGH]);
        for (r, row) in rows.chunks_exact(k).enumerate() {
            for (turned, value) in block.iter_mut().zip(row) {
                turned[r] = *value;
            }
        }
        for (p, panel) in panels.chunks_exact(k * WIDE).enumerate() {
            let mut tile = [[0.0f32; WIDE]; HIGH];
            for (a, w) in block.iter().zip(panel.as_chunks::<WIDE>().0) {
                for r in 0..HIGH {
                    for c in 0..WIDE {
                        tile[r][c] += a[r] * w[c];
                    }
                }
            }
            let wide = WIDE.min(n - p * WIDE);
            for (row, sums) in out.chunks_exact_mut(n).zip(&tile) {
                row[p * WIDE..p * WIDE + wide].copy_from_slice(&sums[..wide]);
            }
        }
    }
}

impl Op for Dense {
    fn name(&self) -> StaticName {
        "Dense".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{} x {}", self.k, self.n)])
    }

    op_as_typed_op!();
}

impl EvalOp for Dense {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let (x, w) = (input.try_as_plain_ram()?, self.panels.try_as_plain_ram()?);
        let x = x.as_slice::<f32>()?;
        let rows = x.len() / self.k.max(1);
        let mut out = vec![0.0f32; rows * self.n];
        multiply(x, w.as_slice::<f32>()?, self.k, self.n, &mut out);
        let shape: TVec<usize> =
            if self.output_rank == 3 { tvec!(1, rows, self.n) } else { tvec!(rows, self.n) };
        Ok(tvec!(Tensor::from_shape(&shape, &out)?.into_tvalue()))
    }
}

impl TypedOp for Dense {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let rows = inputs[0].shape[self.rows_axis].clone();
        let mut shape: TVec<TDim> = tvec!(rows, self.n.to_dim());
        if self.output_rank == 3 {
            shape.insert(0, 1.to_dim());
        }
        Ok(tvec!(f32::fact(&shape)))
    }

    as_op!();
}

/// The product of a node as a [`Dense`]; none when it is something else.
fn dense(model: &TypedModel, node: &TypedNode) -> TractResult<Option<Dense>> {
    let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
    let [activation, weights] = *node.inputs else { return Ok(None) };
    let axes = product.axes.to_string();
    let Some((_, rows_axis)) = FORMS.iter().find(|(form, _)| *form == axes) else { return Ok(None) };
    let (fact, weights) = (model.outlet_fact(activation)?, model.outlet_fact(weights)?);
    let Some(matrix) = &weights.konst else { return Ok(None) };
    let all_f32 =
        [fact.datum_type, matrix.datum_type(), product.operating_dt].iter().all(|t| *t == f32::datum_type());
    // The unit axis must be one: a batch would be rows, too.
    if !all_f32 || product.q_params.is_some() || (*rows_axis == 1 && fact.shape[0] != 1.to_dim()) {
        return Ok(None);
    }
    let Some((&n, inner)) = matrix.shape().split_last() else { return Ok(None) };
    let k: usize = inner.iter().product();
    let panels = Arc::new(pack(matrix.try_as_plain_ram()?.as_slice::<f32>()?, k, n)?);
    let output_rank = node.outputs[0].fact.rank();
    Ok(Some(Dense { panels, k, n, rows_axis: *rows_axis, output_rank }))
}

/// Puts a [`Dense`] in the place of every product of rows with a constant matrix.
///
/// # Errors
/// tract's, when the graph cannot be patched.
pub(super) fn speed_up(mut model: TypedModel) -> TractResult<TypedModel> {
    let products: Vec<usize> = model.nodes().iter().filter(|n| n.op_is::<EinSum>()).map(|n| n.id).collect();
    for id in products {
        if let Some(op) = dense(&model, model.node(id))? {
            let node = model.node(id);
            let patch = TypedModelPatch::replace_single_op(&model, node, &[node.inputs[0]], op)?;
            patch.apply(&mut model)?;
        }
    }
    model.compact()?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use tract_onnx::prelude::*;

    use super::*;

    #[test]
    fn the_tile_multiplies_as_the_definition_does() {
        for (m, k, n) in [(1, 1, 1), (6, 8, 8), (7, 5, 9), (13, 56, 640), (2, 3, 17)] {
            let value = |i: usize| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 1.0;
            let x: Vec<f32> = (0..m * k).map(value).collect();
            let w: Vec<f32> = (0..k * n).map(|i| value(i + 77)).collect();
            let packed = pack(&w, k, n).unwrap();
            let mut out = vec![f32::NAN; m * n];
            multiply(&x, packed.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap(), k, n, &mut out);
            for r in 0..m {
                for c in 0..n {
                    let exact: f64 = (0..k).map(|i| f64::from(x[r * k + i]) * f64::from(w[i * n + c])).sum();
                    assert!((f64::from(out[r * n + c]) - exact).abs() < 1e-4, "{m} x {k} x {n} at {r}, {c}");
                }
            }
        }
    }

    #[test]
    fn the_shipped_models_use_it() {
        // One product in B, nine in C: the CNN's and, in both layers, query-key-value, output and the two dense ones.
        for (letter, expected) in [("b", 1), ("c", 9)] {
            let path = format!("{}/public/models/{letter}.onnx", env!("CARGO_MANIFEST_DIR"));
            let mut reader = std::io::Cursor::new(std::fs::read(path).unwrap());
            let model = tract_onnx::onnx().model_for_read(&mut reader).unwrap();
            let model = speed_up(model.into_typed().unwrap().into_decluttered().unwrap()).unwrap();
            assert_eq!(model.nodes().iter().filter(|n| n.op_is::<Dense>()).count(), expected, "{letter}");
        }
    }
}
