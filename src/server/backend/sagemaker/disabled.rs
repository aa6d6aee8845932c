//! The program without the SDK: settings that name a real endpoint are refused before this is reached.

use crate::server::{
    backend::{Answer, Call, CallError},
    settings::Upstream,
};

/// Whether the program can reach real endpoints.
pub const ENABLED: bool = false;

/// A real endpoint that this program cannot reach.
#[derive(Debug)]
pub struct Sagemaker;

impl Sagemaker {
    /// Of settings.
    pub const fn new(_: &str, _: &Upstream, _: usize) -> Self {
        Self
    }

    /// Refuses.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] always.
    pub async fn call(&self, _: &Call) -> Result<Answer, CallError> {
        let why = "this program was built without the feature `sagemaker`".to_owned();
        Err(CallError::Unavailable { why })
    }
}
