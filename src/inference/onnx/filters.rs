//! A convolution over text and its largest answer, in one operation.
//!
//! A text CNN that is written for speed multiplies every row once by all filters' taps, adds slices of the product
//! that are shifted against each other, and takes the largest sum. Here the product never exists: the shifted sum of
//! row `i` is the product of the rows `i, i + 1, …`, which lie side by side in memory, with the taps below each other.

use tract_core::{
    internal::*,
    ops::{
        array::Slice,
        binary::TypedBinOp,
        math,
        nn::{Reduce, Reducer},
    },
};

use super::{
    dense::rows_by_matrix,
    tile::{Panels, largest},
};

/// `[1, rows, k]` and `[1, places, 1]` → `[1, 1, n]`: over all places, the largest of filter · window + what is added.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LargestAnswer {
    panels: Panels,
    /// Row at which the first place's window begins.
    first: usize,
    /// Numbers in a row.
    stride: usize,
}

impl Op for LargestAnswer {
    fn name(&self) -> StaticName {
        "LargestAnswer".into()
    }

    op_as_typed_op!();
}

impl EvalOp for LargestAnswer {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (x, added) = args_2!(inputs);
        let (x, added) = (x.try_as_plain_ram()?, added.try_as_plain_ram()?);
        let (x, added) = (x.as_slice::<f32>()?, added.as_slice::<f32>()?);
        let x = x.get(self.first * self.stride..).context("too few rows")?;
        let needed = added.len().saturating_sub(1) * self.stride + self.panels.depth;
        ensure!(needed <= x.len(), "too few rows");
        let mut out = Tensor::zero::<f32>(&[1, 1, self.panels.columns])?;
        largest(x, self.stride, &self.panels, added, out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for LargestAnswer {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact([1, 1, self.panels.columns])))
    }

    as_op!();
}

/// A slice of a product: whose, from which row on, which columns.
#[derive(PartialEq)]
struct Tap {
    product: usize,
    row: usize,
    columns: std::ops::Range<usize>,
}

/// Whether `outlet` is one number for each place.
fn is_column(model: &TypedModel, outlet: OutletId) -> TractResult<bool> {
    let shape = &model.outlet_fact(outlet)?.shape;
    Ok(shape.rank() == 3 && shape[0].is_one() && shape[2].is_one())
}

/// What is added up to make `outlet`; how a column came about does not matter.
fn terms(model: &TypedModel, outlet: OutletId, found: &mut Vec<OutletId>) -> TractResult<()> {
    let node = model.node(outlet.node);
    if node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<math::Add>()) && !is_column(model, outlet)? {
        for input in &node.inputs {
            terms(model, *input, found)?;
        }
    } else {
        found.push(outlet);
    }
    Ok(())
}

/// The tap that `outlet` is, if it is a slice of a product.
fn tap(model: &TypedModel, outlet: OutletId) -> Option<Tap> {
    let shape = &model.outlet_fact(outlet).ok()?.shape;
    let (mut row, mut column) = (0, 0);
    let mut node = model.node(outlet.node);
    while let Some(slice) = node.op_as::<Slice>() {
        match slice.axis {
            1 => row += slice.start.to_usize().ok()?,
            2 => column += slice.start.to_usize().ok()?,
            _ => return None,
        }
        node = model.node(node.inputs.first()?.node);
    }
    let width = shape.to_tvec().get(2)?.to_usize().ok()?;
    Some(Tap { product: node.id, row, columns: column..column + width })
}

/// The operation that `node` ends, with its two inputs.
fn largest_answer(
    model: &TypedModel,
    node: &TypedNode,
) -> TractResult<Option<(LargestAnswer, [OutletId; 2])>> {
    let Some(reduce) = node.op_as::<Reduce>() else { return Ok(None) };
    if reduce.reducer != Reducer::Max || *reduce.axes != [1] || model.outlet_fact(node.inputs[0])?.rank() != 3
    {
        return Ok(None);
    }
    let mut outlets = vec![];
    terms(model, node.inputs[0], &mut outlets)?;
    let (mut taps, mut added) = (vec![], vec![]);
    for outlet in outlets {
        let fact = model.outlet_fact(outlet)?;
        match tap(model, outlet) {
            _ if fact.datum_type != f32::datum_type() => return Ok(None),
            _ if is_column(model, outlet)? => added.push(outlet),
            Some(tap) => taps.push(tap),
            None => return Ok(None),
        }
    }
    taps.sort_by_key(|tap| tap.row);
    let ([added], Some(first)) = (&*added, taps.first()) else { return Ok(None) };
    let regular = taps.iter().enumerate().all(|(i, tap)| {
        tap.product == first.product && tap.row == first.row + i && tap.columns.len() == first.columns.len()
    });
    let places = &model.outlet_fact(*added)?.shape[1];
    if !regular || *places != model.outlet_fact(node.inputs[0])?.shape[1] {
        return Ok(None);
    }
    let Some((rows, matrix)) = rows_by_matrix(model, model.node(first.product))? else { return Ok(None) };
    if !model.outlet_fact(rows)?.shape[0].is_one() {
        return Ok(None);
    }
    let (stride, all) = (matrix.shape()[0], matrix.shape()[1]);
    let plain = matrix.try_as_plain_ram()?;
    let matrix = plain.as_slice::<f32>()?;
    let below_each_other: Vec<f32> = taps
        .iter()
        .flat_map(|tap| matrix.chunks_exact(all).filter_map(|row| row.get(tap.columns.clone())))
        .flatten()
        .copied()
        .collect();
    let panels = Panels::cut(&below_each_other, stride * taps.len(), first.columns.len());
    Ok(panels.map(|panels| (LargestAnswer { panels, first: first.row, stride }, [rows, *added])))
}

/// Puts one operation in the place of shifted slices of a product that are added up, masked, and whose largest is taken.
///
/// # Errors
/// tract's, when the graph cannot be patched.
pub(super) fn fuse(mut model: TypedModel) -> TractResult<TypedModel> {
    for id in 0..model.nodes().len() {
        if let Some((op, inputs)) = largest_answer(&model, model.node(id))? {
            let patch = TypedModelPatch::replace_single_op(&model, model.node(id), &inputs, op)?;
            patch.apply(&mut model)?;
        }
    }
    Ok(model)
}
