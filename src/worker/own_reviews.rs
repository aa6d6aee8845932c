//! Reads a file that the learner dropped, chunk by chunk.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, File, ReadableStream, ReadableStreamDefaultReader};

use super::shell::now_ms;
use crate::simulation::reviews::reader::{OwnReviews, ReviewReader};

/// Longest stretch of reading, ms: then it is the turn of clock and messages.
const STRETCH_MS: f64 = 10.0;
/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An error as the browser words it.
pub(super) fn words(e: &JsValue) -> String {
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

/// Lets what waits in the worker's queue have its turn.
async fn pause() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let turn = js_sys::Promise::new(&mut |resolve, _| {
        // Where there is no timer, reading goes on at once.
        if scope.set_timeout_with_callback(&resolve).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(turn).await;
}

/// Reads `file`, TSV or CSV, packed or not, and keeps at most `most` of its reviews; none when `progress`, which
/// hears of the rows read so far, says that nobody wants them any more.
///
/// The browser hands over one chunk at a time and waits for the next to be asked for, so memory stays bounded,
/// however large the file is. Chunks that lie ready would come one after another without end: a pause between
/// them keeps the clock going.
///
/// # Errors
/// In words for the learner.
pub(super) async fn read(
    file: &File,
    seed: u64,
    most: usize,
    progress: impl Fn(u64) -> bool,
) -> Result<Option<OwnReviews>, String> {
    let name = file.name();
    let failed = |e: JsValue| format!("{name} could not be read ({}); choose the file again", words(&e));
    let head = JsFuture::from(file.slice_with_i32_and_i32(0, 2).map_err(failed)?.array_buffer())
        .await
        .map_err(failed)?;
    let packed = js_sys::Uint8Array::new(&head).to_vec() == GZIP_MAGIC;
    let stream = if packed { gunzip(&file.stream()).map_err(failed)? } else { file.stream() };
    let chunks: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut reader = ReviewReader::new(seed).keeping(most);
    let mut began = now_ms();
    loop {
        let chunk = JsFuture::from(chunks.read()).await.map_err(failed)?;
        let get = |key: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(key));
        if get("done").map_err(failed)?.is_truthy() {
            break;
        }
        let value: js_sys::Uint8Array = get("value").map_err(failed)?.unchecked_into();
        reader.push(&value.to_vec());
        let wanted = progress(reader.rows());
        if !wanted || reader.failure().is_some() {
            // The rest of the file cannot mend it.
            let _ = chunks.cancel();
            if !wanted {
                return Ok(None);
            }
            break;
        }
        if now_ms() - began > STRETCH_MS {
            pause().await;
            began = now_ms();
        }
    }
    reader.finish().map(Some).map_err(|e| format!("{name}: {e}"))
}
