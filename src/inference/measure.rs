//! What a prepared model costs on this machine.

use super::{MAX_TOKENS, ModelError, Prepared, ServiceCost, Tokens};

/// Token counts at which the cost is measured; the cost in between is a straight line.
const SHORT: usize = 8;
const LONG: usize = 64;
/// Time for which a round goes on, ms: long beside the steps of browsers' clocks (up to 0.1 ms), short beside the time
/// that a busy machine lets a thread run, so that some round is not interrupted.
const ROUND_MS: f64 = 3.0;
const ROUNDS: usize = 14;

/// Runs `model` on texts of two lengths and says what it costs, at best of a few rounds.
///
/// `now_ms` is the caller's clock, in milliseconds from any moment: this room has none.
///
/// # Errors
/// [`ModelError::Failed`] when the model cannot be run.
pub fn measure(model: &Prepared, mut now_ms: impl FnMut() -> f64) -> Result<ServiceCost, ModelError> {
    let mut at = |length: usize| -> Result<f64, ModelError> {
        let words: Vec<String> = (0..length.min(MAX_TOKENS)).map(|i| format!("word{i}")).collect();
        let tokens = Tokens::of(&words.join(" "));
        model.scores(&tokens)?;
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let (began, mut runs) = (now_ms(), 0u32);
            let elapsed = loop {
                model.scores(&tokens)?;
                runs += 1;
                let elapsed = now_ms() - began;
                // A clock that stands still must not hold the caller for ever.
                if elapsed >= ROUND_MS || runs >= 20_000 {
                    break elapsed;
                }
            };
            best = best.min(elapsed * 1e3 / f64::from(runs));
        }
        Ok(best)
    };
    let (short, long) = (at(SHORT)?, at(LONG)?);
    let per_token_us = ((long - short) / (LONG - SHORT) as f64).max(0.0);
    Ok(ServiceCost { base_us: (short - per_token_us * SHORT as f64).max(0.0), per_token_us })
}
