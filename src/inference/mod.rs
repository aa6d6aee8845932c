//! Text → tokens → model → prediction, and the table in which predictions are kept.
//!
//! The only room that knows tract. Without the feature `onnx` it still cuts text into tokens and reads the
//! table, so the page and the simulation need no tract.

#[cfg(feature = "onnx")]
mod onnx;
mod prediction;
mod tokens;

#[cfg(feature = "onnx")]
pub use onnx::{MODEL_BYTES_LIMIT, Model, ModelError, Prepared, Scores};
pub use prediction::{Prediction, PredictionTable, ServiceCost};
pub use tokens::{MAX_TOKEN_BYTES, MAX_TOKENS, Tokens};
