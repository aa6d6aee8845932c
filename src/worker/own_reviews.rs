//! Reads a file that the learner dropped, chunk by chunk.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ReadableStream, ReadableStreamDefaultReader};

use super::shell::{now_ms, rest};
use crate::{
    domain::Stars,
    simulation::reviews::{captured::CaptureReader, reader::ReviewReader},
};

/// What a file held, a table of reviews or captured requests.
pub(super) struct Read {
    /// The texts that are kept, with their stars where known.
    pub reviews: Vec<(String, Option<Stars>)>,
    /// Rows or lines.
    pub rows: u64,
    /// Those that could not be used.
    pub bad_rows: u64,
    /// The first of these, with their lines.
    pub errors: Vec<String>,
}

/// Reads what the file's first bytes say that it is.
enum Reader {
    Reviews(Box<ReviewReader>),
    Captured(Box<CaptureReader>),
}

impl Reader {
    fn of(head: &[u8], seed: u64, most: usize) -> Self {
        if CaptureReader::accepts(head) {
            Self::Captured(Box::new(CaptureReader::new(seed)))
        } else {
            Self::Reviews(Box::new(ReviewReader::new(seed).keeping(most)))
        }
    }

    /// Reads on; whether it is of any use to go on.
    fn push(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Reviews(reader) => {
                reader.push(bytes);
                reader.failure().is_none()
            }
            Self::Captured(reader) => {
                reader.push(bytes);
                true
            }
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Reviews(reader) => reader.rows(),
            Self::Captured(reader) => reader.lines(),
        }
    }

    fn finish(self) -> Result<Read, String> {
        match self {
            Self::Reviews(reader) => {
                let own = reader.finish().map_err(|e| e.to_string())?;
                Ok(Read {
                    reviews: own.reviews.into_iter().map(|(text, stars)| (text, Some(stars))).collect(),
                    rows: own.rows,
                    bad_rows: own.bad_rows,
                    errors: own.errors.iter().map(ToString::to_string).collect(),
                })
            }
            Self::Captured(reader) => {
                let read = reader.finish();
                let errors: Vec<String> = read.errors.iter().map(ToString::to_string).collect();
                if read.texts.is_empty() {
                    let first = errors.first().map(|e| format!("; {e}")).unwrap_or_default();
                    return Err(format!(
                        "none of the {} captured lines can be sent again{first}",
                        read.lines
                    ));
                }
                Ok(Read {
                    reviews: read.texts.into_iter().map(|text| (text, None)).collect(),
                    rows: read.lines,
                    bad_rows: read.bad_lines,
                    errors,
                })
            }
        }
    }
}

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

/// Reads `file`, TSV, CSV or captured requests in JSON Lines, packed or not, and keeps at most `most` of its texts;
/// none when `progress`, which hears of the rows read so far, says that nobody wants them any more.
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
) -> Result<Option<Read>, String> {
    let name = file.name();
    let failed = |e: JsValue| format!("{name} could not be read ({}); choose the file again", words(&e));
    let head = JsFuture::from(file.slice_with_i32_and_i32(0, 2).map_err(failed)?.array_buffer())
        .await
        .map_err(failed)?;
    let packed = js_sys::Uint8Array::new(&head).to_vec() == GZIP_MAGIC;
    let stream = if packed { gunzip(&file.stream()).map_err(failed)? } else { file.stream() };
    let chunks: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut reader = None::<Reader>;
    let mut began = now_ms();
    loop {
        let chunk = JsFuture::from(chunks.read()).await.map_err(failed)?;
        let get = |key: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(key));
        if get("done").map_err(failed)?.is_truthy() {
            break;
        }
        let value: js_sys::Uint8Array = get("value").map_err(failed)?.unchecked_into();
        let bytes = value.to_vec();
        let reader = reader.get_or_insert_with(|| Reader::of(&bytes, seed, most));
        let useful = reader.push(&bytes);
        let wanted = progress(reader.rows());
        if !wanted || !useful {
            // The rest of the file cannot mend it.
            let _ = chunks.cancel();
            if !wanted {
                return Ok(None);
            }
            break;
        }
        if now_ms() - began > STRETCH_MS {
            rest(0).await;
            began = now_ms();
        }
    }
    let mut read =
        reader.unwrap_or_else(|| Reader::of(&[], seed, most)).finish().map_err(|e| format!("{name}: {e}"))?;
    read.reviews.truncate(most);
    Ok(Some(read))
}
