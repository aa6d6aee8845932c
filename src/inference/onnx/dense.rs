//! Rows × constant matrix + bias, cut off from below: one operation of ours in the place of up to three of tract's.

use tract_core::{
    internal::*,
    ops::{binary::TypedBinOp, einsum::EinSum, math},
};

use super::tile::{Panels, multiply};

/// `[…, k]` → `[…, n]`: every row times a matrix, plus a bias, and no less than `least`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    panels: Panels,
    /// One for each column, or none at all.
    bias: Arc<[f32]>,
    /// 0 for a Relu, -∞ for nothing.
    least: f32,
}

impl Eq for Dense {}

impl Op for Dense {
    fn name(&self) -> StaticName {
        "Dense".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Dense {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = args_1!(inputs);
        let mut shape: TVec<usize> = x.shape().into();
        let last = shape.last_mut().filter(|k| **k == self.panels.depth).context("rows of another length")?;
        *last = self.panels.columns;
        let mut out = Tensor::zero::<f32>(&shape)?;
        let plain = x.try_as_plain_ram()?;
        multiply(
            plain.as_slice::<f32>()?,
            &self.panels,
            &self.bias,
            self.least,
            out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?,
        );
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Dense {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mut shape = inputs[0].shape.to_tvec();
        *shape.last_mut().context("a row has no axis")? = self.panels.columns.to_dim();
        Ok(tvec!(f32::fact(shape)))
    }

    as_op!();
}

/// A product of rows and a constant matrix: the rows, and the matrix `[k, n]`.
pub(super) fn rows_by_matrix(
    model: &TypedModel,
    node: &TypedNode,
) -> TractResult<Option<(OutletId, Arc<Tensor>)>> {
    let Some(product) = node.op_as::<EinSum>() else { return Ok(None) };
    let [rows, matrix] = *node.inputs else { return Ok(None) };
    let Some(matrix) = model.outlet_fact(matrix)?.konst.clone() else { return Ok(None) };
    let fact = model.outlet_fact(rows)?;
    let batch: String = ('A'..='Z').take(fact.rank().saturating_sub(2)).collect();
    let plain = fact.rank() >= 2 && matrix.rank() == 2 && product.q_params.is_none();
    let f32s =
        [fact.datum_type, matrix.datum_type(), product.operating_dt].iter().all(|t| *t == f32::datum_type());
    let as_matrix: AxesMapping = format!("{batch}mk,kn->{batch}mn").parse()?;
    Ok((plain && f32s && product.axes == as_matrix).then_some((rows, matrix)))
}

/// The only reader of a node that has one output, if it is one of tract's two-sided operations with a constant.
fn only_reader<'a>(
    model: &'a TypedModel,
    node: &TypedNode,
) -> Option<(&'a TypedNode, &'a TypedBinOp, Arc<Tensor>)> {
    let [reader] = *node.outputs.first()?.successors else { return None };
    let used_outside = model.output_outlets().ok()?.iter().any(|o| o.node == node.id);
    let next = model.node(reader.node);
    let other = next.inputs.get(1 - reader.slot.min(1))?;
    let constant = model.outlet_fact(*other).ok()?.konst.clone()?;
    (!used_outside).then_some((next, next.op_as::<TypedBinOp>()?, constant))
}

/// The dense operation that `node` begins, its rows, and the last node that it takes the place of.
fn dense(model: &TypedModel, node: &TypedNode) -> TractResult<Option<(Dense, OutletId, usize)>> {
    let Some((rows, matrix)) = rows_by_matrix(model, node)? else { return Ok(None) };
    let (depth, columns) = (matrix.shape()[0], matrix.shape()[1]);
    let Some(panels) = Panels::cut(matrix.try_as_plain_ram()?.as_slice::<f32>()?, depth, columns) else {
        return Ok(None);
    };
    let mut found = Dense { panels, bias: Arc::new([]), least: f32::NEG_INFINITY };
    let mut last = node;
    if let Some((next, op, constant)) = only_reader(model, last)
        && op.0.is::<math::Add>()
        && constant.datum_type() == f32::datum_type()
        && constant.len() == columns
        && constant.shape().last() == Some(&columns)
    {
        found.bias = constant.try_as_plain_ram()?.as_slice::<f32>()?.into();
        last = next;
    }
    if let Some((next, op, constant)) = only_reader(model, last)
        && op.0.is::<math::Max>()
        && constant.datum_type() == f32::datum_type()
        && constant.len() == 1
    {
        found.least = constant.cast_to_scalar::<f32>()?;
        last = next;
    }
    Ok(Some((found, rows, last.id)))
}

/// Puts a [`Dense`] in the place of products of rows with constant matrices whose columns fill its panels.
///
/// # Errors
/// tract's, when the graph cannot be patched.
pub(super) fn fuse(mut model: TypedModel) -> TractResult<TypedModel> {
    for id in 0..model.nodes().len() {
        if let Some((op, rows, last)) = dense(&model, model.node(id))? {
            let mut patch = TypedModelPatch::default();
            let rows = patch.tap_model(&model, rows)?;
            let out = patch.wire_node(format!("dense.{id}"), op, &[rows])?;
            patch.shunt_outside(&model, last.into(), out[0])?;
            patch.apply(&mut model)?;
        }
    }
    Ok(model)
}
