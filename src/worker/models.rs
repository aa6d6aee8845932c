//! Fetches artefacts and keeps what they answer.

use gloo_net::http::Request;
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, RequestCache};

use super::own_reviews::words;
use crate::{domain::Artifact, inference::card};

/// Fetches an artefact's file; `progress` hears of each chunk: bytes so far, bytes in all. `again` passes by the
/// browser's cache, which may hold what was wrong before.
///
/// # Errors
/// In words for the learner: what could not be had, and what to do.
pub(super) async fn fetch(
    artifact: Artifact,
    again: bool,
    progress: impl Fn(u64, u64),
) -> Result<Vec<u8>, String> {
    let card = card(artifact);
    let file = &card.file;
    // Relative to the worker's own address, which lies beside the models.
    let url = format!("./models/{file}");
    let lost =
        |why: String| format!("{file} could not be fetched ({why}); check the connection and try again");
    let cache = if again { RequestCache::Reload } else { RequestCache::Default };
    let response = Request::get(&url).cache(cache).send().await.map_err(|e| lost(e.to_string()))?;
    if !response.ok() {
        return Err(lost(format!("status {}", response.status())));
    }
    let stream = response.body().ok_or_else(|| lost("the reply has no body".into()))?;
    let in_words = |e: JsValue| lost(words(&e));
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::with_capacity(card.size_bytes as usize);
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(in_words)?;
        let get = |key: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(key));
        if get("done").map_err(in_words)?.is_truthy() {
            break;
        }
        let value: Uint8Array = get("value").map_err(in_words)?.unchecked_into();
        bytes.extend(value.to_vec());
        progress(bytes.len() as u64, card.size_bytes);
    }
    let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if digest != card.sha256 {
        return Err(format!(
            "{file} arrived with {} bytes and sha256 {digest}, but its card says {} bytes and sha256 {}; try again, \
             or build the site again",
            bytes.len(),
            card.size_bytes,
            card.sha256
        ));
    }
    Ok(bytes)
}
