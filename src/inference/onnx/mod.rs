//! ONNX bytes → [`Model`] → [`Prepared`] → [`Prediction`], through tract.
//!
//! One type per stage, so that an unprepared model cannot be asked anything.

mod dense;
mod filters;
#[cfg(target_arch = "wasm32")]
mod four;
mod lanes;
mod norm;
mod operators;
mod proto;
mod reader;
#[cfg(test)]
mod tests;
mod tile;

use tract_core::{internal::TractErrorContext, prelude::*};

use super::{Prediction, Tokens};
use reader::Refusal;

/// Largest model file that is read, bytes: tract unpacks it to several times that.
pub const MODEL_BYTES_LIMIT: usize = 64 << 20;

/// Why bytes are no model that the lab can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Nothing there.
    #[error("the model file is empty; fetch it again")]
    Empty,
    /// Larger than [`MODEL_BYTES_LIMIT`].
    #[error(
        "the model file has {bytes} bytes, but at most {MODEL_BYTES_LIMIT} are read; export a smaller model"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not ONNX, cut short, or with an operator used in a way that the lab does not know.
    #[error("the model file cannot be read as ONNX ({reason}); fetch it again, or export it with opset 17")]
    Unreadable {
        /// What the reader or tract said.
        reason: String,
    },
    /// ONNX, but with operators that the lab does not run.
    #[error(
        "the model uses {}, which the lab does not run; export it with these operators only: {}",
        operators.join(", "),
        supported_operators().join(", ")
    )]
    Unsupported {
        /// Their names, each once; those of another operator set with its domain before them.
        operators: Vec<String>,
    },
    /// An ONNX model, but for other inputs and outputs.
    #[error(
        "the model must take `tokens` int64 [1, L] and give `logits` and `probs` float32 [1, 5], but {found}"
    )]
    WrongSignature {
        /// What differs.
        found: String,
    },
    /// It ran, and failed.
    #[error("the model failed on a text of {tokens} tokens ({reason})")]
    Failed {
        /// Tokens of the text.
        tokens: usize,
        /// What tract said.
        reason: String,
    },
}

/// First line of tract's chain of causes: the rest repeats graph internals.
fn brief(error: &TractError) -> String {
    let root = error.root_cause().to_string();
    root.lines().next().unwrap_or("no reason given").chars().take(200).collect()
}

/// The names of the ONNX operators that a model may use, in order.
pub fn supported_operators() -> Vec<&'static str> {
    operators::TABLE.iter().map(|(name, _)| *name).collect()
}

fn unreadable(error: &TractError) -> ModelError {
    ModelError::Unreadable { reason: brief(error) }
}

/// A model as it was read: parsed and typed, with the length of the text left open.
#[derive(Clone, Debug)]
pub struct Model(TypedModel);

impl Model {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`ModelError`]: empty, too large, not ONNX, with operators outside [`supported_operators`], or with other inputs
    /// and outputs than the lab's models.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.is_empty() {
            return Err(ModelError::Empty);
        }
        if bytes.len() > MODEL_BYTES_LIMIT {
            return Err(ModelError::TooLarge { bytes: bytes.len() });
        }
        let typed = reader::read(bytes).map_err(|refusal| match refusal {
            Refusal::Operators(operators) => ModelError::Unsupported { operators },
            Refusal::Other(reason) => ModelError::Unreadable { reason },
        })?;
        let inputs = typed.input_outlets().map_err(|e| unreadable(&e))?;
        let inputs: Vec<&str> = inputs.iter().map(|o| typed.node(o.node).name.as_str()).collect();
        if inputs != ["tokens"] {
            return Err(ModelError::WrongSignature { found: format!("it takes {inputs:?}") });
        }
        let outputs = typed.output_outlets().map_err(|e| unreadable(&e))?.len();
        if outputs != 2 {
            return Err(ModelError::WrongSignature { found: format!("it gives {outputs} outputs") });
        }
        for slot in 0..2 {
            let fact = typed.output_fact(slot).map_err(|e| unreadable(&e))?;
            let five = fact.shape.as_concrete() == Some(&[1, 5]);
            if fact.datum_type != f32::datum_type() || !five {
                let found = format!("output {slot} is {:?} {:?}", fact.datum_type, fact.shape);
                return Err(ModelError::WrongSignature { found });
            }
        }
        Ok(Self(typed))
    }

    /// Optimises it for being run.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] when tract cannot plan the graph.
    pub fn prepare(self) -> Result<Prepared, ModelError> {
        fuse(self.0).and_then(Prepared::of).map_err(|e| unreadable(&e))
    }
}

/// Puts the lab's own operations in the place of those that tract is slow at; a graph without them stays as it is.
fn fuse(model: TypedModel) -> TractResult<TypedModel> {
    let mut model = filters::fuse(model).and_then(dense::fuse)?;
    model.compact()?;
    Ok(model)
}

/// A model that answers.
#[derive(Clone, Debug)]
pub struct Prepared(std::sync::Arc<TypedRunnableModel>);

/// A model's answer before it was read as stars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Logits of 1 to 5 stars.
    pub logits: [f32; 5],
    /// Probabilities of 1 to 5 stars.
    pub probabilities: [f32; 5],
}

impl Prepared {
    fn of(model: TypedModel) -> TractResult<Self> {
        Ok(Self(model.into_decluttered()?.into_optimized()?.into_runnable()?))
    }

    /// What the model makes of a text; none when it has no token.
    ///
    /// # Errors
    /// [`ModelError::Failed`] when the graph cannot be run on it, or answers with no numbers.
    pub fn predict(&self, tokens: &Tokens) -> Result<Option<Prediction>, ModelError> {
        let Some(scores) = self.scores(tokens)? else { return Ok(None) };
        let no_number =
            || ModelError::Failed { tokens: tokens.len(), reason: "a probability is not a number".into() };
        Prediction::from_probabilities(scores.probabilities).map(Some).ok_or_else(no_number)
    }

    /// Logits and probabilities; none when the text has no token.
    ///
    /// # Errors
    /// [`ModelError::Failed`] when the graph cannot be run on it.
    pub fn scores(&self, tokens: &Tokens) -> Result<Option<Scores>, ModelError> {
        self.scores_of_hashes(tokens.hashes())
    }

    /// The same for a text that was cut into tokens already, given by their hashes: at most [`super::MAX_TOKENS`]
    /// are read.
    ///
    /// # Errors
    /// [`ModelError::Failed`] when the graph cannot be run on it.
    pub fn scores_of_hashes(&self, hashes: &[u32]) -> Result<Option<Scores>, ModelError> {
        let hashes = &hashes[..hashes.len().min(super::MAX_TOKENS)];
        if hashes.is_empty() {
            return Ok(None);
        }
        let failed = |e: TractError| ModelError::Failed { tokens: hashes.len(), reason: brief(&e) };
        let hashes: Vec<i64> = hashes.iter().map(|&h| i64::from(h)).collect();
        let input = Tensor::from_shape(&[1, hashes.len()], &hashes).map_err(failed)?;
        let outputs = self.0.run(tvec!(input.into_tvalue())).map_err(failed)?;
        let row = |slot: usize| -> TractResult<[f32; 5]> {
            let tensor = outputs.get(slot).context("an output is missing")?;
            let plain = tensor.try_as_plain_ram()?;
            Ok(plain.as_slice::<f32>()?.try_into()?)
        };
        Ok(Some(Scores { logits: row(0).map_err(failed)?, probabilities: row(1).map_err(failed)? }))
    }
}
