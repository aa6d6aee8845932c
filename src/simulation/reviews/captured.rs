//! Reads a file of captured requests, ours or a real endpoint's, piece by piece: its inputs become reviews.

use serde::Deserialize;
use serde_json::Value;

use super::reader::{MAX_ROW_ERRORS, MAX_TEXT_BYTES, RowError};
use crate::simulation::random::{Purpose, Stream};

/// Inputs kept of a file; of more, every one is as likely to be kept.
pub const MAX_REPLAYED: usize = 10_000;
/// Bytes that a line may have: a body at its limit in base64, and its reply.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapturedInputs {
    /// The inputs that are kept, in the order of the file while there are no more than [`MAX_REPLAYED`].
    pub texts: Vec<String>,
    /// Lines that are not blank, good and bad.
    pub lines: u64,
    /// Inputs in the good lines: one or more each.
    pub inputs: u64,
    /// Lines that could not be used.
    pub bad_lines: u64,
    /// The first [`MAX_ROW_ERRORS`] of them.
    pub errors: Vec<RowError>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "captureData")]
    capture_data: CaptureData,
}

#[derive(Deserialize)]
struct CaptureData {
    #[serde(rename = "endpointInput")]
    endpoint_input: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "observedContentType")]
    observed_content_type: Option<String>,
    data: String,
    encoding: String,
}

/// Reads captured requests in JSON Lines, in any pieces.
///
/// An input is found in `captureData.endpointInput`: its `data` as it is for the encodings `CSV` and `JSON`, decoded for
/// `BASE64`. Of a JSON body every text in it is an input (of several members those named `features`, `instances`,
/// `inputs`, `text`, or `review_body`, where there are such); of a CSV body the longest field of each row; of any other
/// the whole.
///
/// # Shapes and units
/// Memory is bounded: a line of [`MAX_LINE_BYTES`], [`MAX_REPLAYED`] texts of
/// [`MAX_TEXT_BYTES`], [`MAX_ROW_ERRORS`] errors. A file cut into other pieces gives the same
/// result.
///
/// # Errors
/// None for the file as a whole. A bad line is a [`RowError`] with its number, and the next is read.
///
/// # Source
/// The record's form: "Capture data from real-time endpoint" in the SageMaker developer guide. Lines are kept by
/// reservoir sampling (Vitter 1985, algorithm R), seeded.
///
/// # Examples
/// ```
/// use rollout_lab::simulation::reviews::captured::CaptureReader;
/// let mut reader = CaptureReader::new(1);
/// reader.push(br#"{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","#);
/// reader.push(b"\"data\":\"\\\"Lovely, simply lovely\\\"\\n\",\"encoding\":\"CSV\"}}}\nno record\n");
/// let read = reader.finish();
/// assert_eq!(read.texts, ["Lovely, simply lovely"]);
/// assert!(read.errors[0].to_string().starts_with("line 2: "));
/// ```
#[derive(Debug)]
pub struct CaptureReader {
    line: Vec<u8>,
    number: u64,
    /// The line is longer than may be: the rest of it is skipped.
    too_long: bool,
    sample: Stream,
    read: CapturedInputs,
}

impl CaptureReader {
    /// A reader at the beginning of a file; `seed` decides which inputs of a very long one are kept.
    pub fn new(seed: u64) -> Self {
        Self {
            line: Vec::new(),
            number: 0,
            too_long: false,
            sample: Stream::new(seed, Purpose::Rows),
            read: CapturedInputs::default(),
        }
    }

    /// Whether a file that begins so can be one of captured requests: a table has no brace there.
    pub fn accepts(head: &[u8]) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        head.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
    }

    /// Reads on.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.extend(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        self.read.lines
    }

    /// Ends the file.
    pub fn finish(mut self) -> CapturedInputs {
        self.end_line();
        self.read
    }

    /// Bytes that it holds, nearly: what does not grow with the file.
    pub fn held_bytes(&self) -> usize {
        self.line.capacity() + self.read.texts.iter().map(String::capacity).sum::<usize>()
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > MAX_LINE_BYTES {
            self.too_long = true;
            self.line = Vec::new();
        }
        if !self.too_long {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) {
        self.number += 1;
        let line = std::mem::take(&mut self.line);
        let outcome = if std::mem::take(&mut self.too_long) {
            Err(format!("the line has more than {MAX_LINE_BYTES} bytes"))
        } else if line.trim_ascii().is_empty() {
            return self.keep_room(line);
        } else {
            texts_of_line(&line)
        };
        self.keep_room(line);
        self.read.lines += 1;
        match outcome {
            Ok(texts) => texts.into_iter().for_each(|t| self.keep(t)),
            Err(message) => {
                self.read.bad_lines += 1;
                if self.read.errors.len() < MAX_ROW_ERRORS {
                    self.read.errors.push(RowError { line: self.number, message });
                }
            }
        }
    }

    /// Uses the room of a line of usual length again.
    fn keep_room(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= 1 << 16 {
            line.clear();
            self.line = line;
        }
    }

    fn keep(&mut self, text: String) {
        self.read.inputs += 1;
        if self.read.texts.len() < MAX_REPLAYED {
            self.read.texts.push(text);
        } else {
            let place = self.sample.below(self.read.inputs) as usize;
            if let Some(slot) = self.read.texts.get_mut(place) {
                *slot = text;
            }
        }
    }
}

/// The inputs of a line, or what is wrong with it.
fn texts_of_line(line: &[u8]) -> Result<Vec<String>, String> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let read: Line = serde_json::from_slice(line).map_err(|e| format!("this is no captured request: {e}"))?;
    let entry = read.capture_data.endpoint_input.ok_or("there is no captureData.endpointInput in it")?;
    let data = match entry.encoding.as_str() {
        "CSV" | "JSON" => entry.data,
        "BASE64" => {
            let bytes = of_base64(&entry.data).ok_or("its data is no base64")?;
            String::from_utf8(bytes).map_err(|_| "its data is no UTF-8 text".to_owned())?
        }
        other => return Err(format!("its encoding is `{other}`, but must be CSV, JSON or BASE64")),
    };
    let kind = entry.observed_content_type.unwrap_or_default().to_ascii_lowercase();
    let json = || {
        let values = serde_json::Deserializer::from_str(&data).into_iter::<Value>();
        values.collect::<Result<Vec<_>, _>>().ok().filter(|v| !v.is_empty())
    };
    let mut texts = Vec::new();
    if entry.encoding == "CSV" || kind.starts_with("text/csv") {
        longest_fields(&data, &mut texts);
    } else if let Some(values) = json() {
        values.iter().for_each(|v| texts_of(v, &mut texts));
    } else {
        texts.push(data);
    }
    texts.retain(|t| !t.trim().is_empty());
    texts.iter_mut().for_each(shorten);
    if texts.is_empty() { Err("there is no text in its input".to_owned()) } else { Ok(texts) }
}

/// Cuts at the last whole letter within [`MAX_TEXT_BYTES`].
fn shorten(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Members that inputs go by.
const INPUTS: [&str; 5] = ["features", "instances", "inputs", "text", "review_body"];

fn texts_of(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|v| texts_of(v, out)),
        Value::Object(members) => {
            let named = members.iter().filter(|(k, _)| INPUTS.contains(&k.as_str())).map(|(_, v)| v);
            let before = out.len();
            named.for_each(|v| texts_of(v, out));
            if out.len() == before {
                members.values().for_each(|v| texts_of(v, out));
            }
        }
        _ => {}
    }
}

/// The longest field of each row, with the quotes of RFC 4180 taken off.
fn longest_fields(data: &str, out: &mut Vec<String>) {
    let mut reader = csv_core::Reader::new();
    let mut rest = data.as_bytes();
    let (mut field, mut longest) = (vec![0; data.len() + 1], Vec::<u8>::new());
    let mut filled = 0;
    loop {
        let (result, read, written) = reader.read_field(rest, &mut field[filled..]);
        rest = &rest[read..];
        filled += written;
        let (ends_field, ends_row) = match result {
            csv_core::ReadFieldResult::Field { record_end } => (true, record_end),
            csv_core::ReadFieldResult::End => (false, true),
            // The room is as long as all of the data.
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => (false, false),
        };
        if ends_field {
            if filled > longest.len() {
                longest = field[..filled].to_vec();
            }
            filled = 0;
        }
        if ends_row {
            // A part of valid UTF-8 between ASCII marks is valid.
            out.extend(String::from_utf8(std::mem::take(&mut longest)).ok().filter(|t| !t.is_empty()));
        }
        if matches!(result, csv_core::ReadFieldResult::End | csv_core::ReadFieldResult::OutputFull) {
            return;
        }
    }
}

/// RFC 4648, with or without padding; line breaks do not count.
fn of_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // A single letter at the end holds no byte.
    (count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(data: &str, kind: &str, encoding: &str) -> Vec<u8> {
        let entry = serde_json::json!({
            "observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding
        });
        serde_json::json!({"captureData": {"endpointInput": entry}, "eventVersion": "0"})
            .to_string()
            .into_bytes()
    }

    fn texts(data: &str, kind: &str, encoding: &str) -> Vec<String> {
        texts_of_line(&line(data, kind, encoding)).unwrap()
    }

    #[test]
    fn inputs_are_found_in_every_encoding() {
        for (data, kind, encoding, wanted) in [
            ("{\"features\":[\"fine\"]}", "application/jsonlines", "JSON", &["fine"][..]),
            ("{\"features\":[\"a\"]}\n{\"features\":[\"b\"]}", "application/jsonlines", "JSON", &["a", "b"]),
            ("{\"instances\":[\"x\",\"y\"],\"id\":\"7\"}", "application/json", "JSON", &["x", "y"]),
            ("\"just a text\"", "application/json", "JSON", &["just a text"]),
            ("{\"review\":\"unknown name\"}", "application/json", "JSON", &["unknown name"]),
            ("5,\"so, so\"\n1,bad", "text/csv", "CSV", &["so, so", "bad"]),
            ("plain words", "text/plain", "JSON", &["plain words"]),
            ("eyJmZWF0dXJlcyI6WyJmaW5lIl19", "application/json", "BASE64", &["fine"]),
            ("NSxnb29kIGVub3VnaA==", "text/csv", "BASE64", &["good enough"]),
            ("d29yZHM", "application/x-text", "BASE64", &["words"]),
        ] {
            assert_eq!(texts(data, kind, encoding), wanted, "{data}");
        }
    }

    #[test]
    fn bad_lines_are_numbered_and_the_next_is_read() {
        let mut reader = CaptureReader::new(1);
        let lines: Vec<Vec<u8>> = vec![
            line("good", "text/plain", "JSON"),
            b"not json".to_vec(),
            Vec::new(),
            br#"{"captureData":{"endpointOutput":{"data":"1","encoding":"CSV"}}}"#.to_vec(),
            line("??", "text/plain", "BASE64"),
            line("x", "text/plain", "XML"),
            line("[1,2,3]", "application/json", "JSON"),
            line("last", "text/plain", "JSON"),
        ];
        for l in &lines {
            reader.push(l);
            reader.push(b"\r\n");
        }
        let read = reader.finish();
        assert_eq!(read.texts, ["good", "last"]);
        assert_eq!((read.lines, read.bad_lines), (7, 5));
        let numbers: Vec<u64> = read.errors.iter().map(|e| e.line).collect();
        assert_eq!(numbers, [2, 4, 5, 6, 7]);
    }

    #[test]
    fn pieces_change_nothing() {
        let all: Vec<u8> = (0..30_000)
            .flat_map(|i| {
                let mut l = line(&format!("text {i}"), "text/plain", "JSON");
                l.push(b'\n');
                l
            })
            .collect();
        let read = |size: usize| {
            let mut reader = CaptureReader::new(9);
            all.chunks(size).for_each(|c| reader.push(c));
            reader.finish()
        };
        let whole = read(all.len());
        assert_eq!((whole.texts.len(), whole.inputs, whole.bad_lines), (MAX_REPLAYED, 30_000, 0));
        assert_eq!(read(977), whole);
    }

    #[test]
    fn lines_over_the_limit_are_bad_and_long_texts_are_cut() {
        let mut reader = CaptureReader::new(1);
        reader.push(&vec![b'x'; MAX_LINE_BYTES + 1]);
        reader.push(b"\n");
        reader.push(&line(&"é".repeat(MAX_TEXT_BYTES), "text/plain", "JSON"));
        let read = reader.finish();
        assert_eq!((read.bad_lines, read.texts[0].len()), (1, MAX_TEXT_BYTES));
    }
}
