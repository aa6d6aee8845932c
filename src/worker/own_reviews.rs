//! Reads a file that the learner dropped, chunk by chunk.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ReadableStream, ReadableStreamDefaultReader};

use crate::simulation::reviews::reader::{OwnReviews, ReviewReader};

/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn words(e: &JsValue) -> String {
    js_sys::Reflect::get(e, &JsValue::from_str("message"))
        .ok()
        .and_then(|m| m.as_string())
        .unwrap_or_else(|| format!("{e:?}"))
}

/// Unpacks a gzip stream with the browser's own decoder.
fn gunzip(stream: &ReadableStream) -> Result<ReadableStream, JsValue> {
    let global = js_sys::global();
    let class: js_sys::Function =
        js_sys::Reflect::get(&global, &JsValue::from_str("DecompressionStream"))?.dyn_into()?;
    let decoder = js_sys::Reflect::construct(&class, &js_sys::Array::of1(&JsValue::from_str("gzip")))?;
    let pipe: js_sys::Function =
        js_sys::Reflect::get(stream, &JsValue::from_str("pipeThrough"))?.dyn_into()?;
    pipe.call1(stream, &decoder)?.dyn_into()
}

/// Reads `file`, TSV or CSV, packed or not; `progress` hears of the rows read so far.
///
/// The browser hands over one chunk at a time and waits for the next to be asked for, so memory stays bounded
/// and messages are heard in between, however large the file is.
///
/// # Errors
/// In words for the learner.
pub(super) async fn read(file: &File, seed: u64, progress: impl Fn(u64)) -> Result<OwnReviews, String> {
    let name = file.name();
    let failed = |e: JsValue| format!("{name} could not be read ({}); choose the file again", words(&e));
    let head = JsFuture::from(file.slice_with_i32_and_i32(0, 2).map_err(failed)?.array_buffer())
        .await
        .map_err(failed)?;
    let packed = js_sys::Uint8Array::new(&head).to_vec() == GZIP_MAGIC;
    let stream = if packed { gunzip(&file.stream()).map_err(failed)? } else { file.stream() };
    let chunks: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut reader = ReviewReader::new(seed);
    loop {
        let chunk = JsFuture::from(chunks.read()).await.map_err(failed)?;
        let get = |key: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(key));
        if get("done").map_err(failed)?.is_truthy() {
            break;
        }
        let value: js_sys::Uint8Array = get("value").map_err(failed)?.unchecked_into();
        reader.push(&value.to_vec());
        progress(reader.rows());
        if reader.failure().is_some() {
            // The rest of the file cannot mend it.
            let _ = chunks.cancel();
            break;
        }
    }
    reader.finish().map_err(|e| format!("{name}: {e}"))
}
