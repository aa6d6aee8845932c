//! Data capture: which requests and replies are kept, and the lines that they are written as.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    controller::Endpoint,
    domain::{Artifact, Civil, DataCaptureConfig, FleetId, InvocationRecord, ReviewId, VirtualTime},
    inference::Prediction,
    simulation::{Purpose, Stream},
};

/// Bytes of captured lines that the lab keeps; of more, the oldest go (a lab rule: a bucket has no such limit).
pub const CAPTURE_LIMIT_BYTES: u64 = 64 << 20;
/// Fewest bytes that a line has: what waits to be written out is bounded by it.
const LEAST_LINE_BYTES: u64 = 256;
/// What a request and its reply are, as the lab's clients send them.
const CONTENT_TYPE: &str = "application/jsonlines";

/// What is kept of one variant's requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedVariant {
    /// Endpoint.
    pub endpoint: String,
    /// Variant.
    pub variant: String,
    /// Folder of the newest line, as it would be named in the bucket.
    pub folder: String,
    /// Lines kept.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is kept in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureView {
    /// By variant, in order of name; those of deleted endpoints included.
    pub variants: Vec<CapturedVariant>,
    /// Lines that went because of the limit, the oldest first.
    pub dropped: u64,
    /// Bytes that are kept at most.
    pub limit_bytes: u64,
}

/// Lines of one variant, so far as one message holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedLines {
    /// The lines, each with its line break.
    pub text: String,
    /// Where to go on; none at the end.
    pub next: Option<u64>,
}

/// An endpoint and one of its variants.
type Owner = Arc<(String, String)>;

/// Lines and bytes kept of a variant, and the moment of the newest.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    records: u64,
    bytes: u64,
    last: VirtualTime,
}

/// A variant whose requests are captured.
#[derive(Clone, Debug)]
struct Place {
    owner: Owner,
    artifact: Artifact,
    config: DataCaptureConfig,
    /// A draw below it is kept.
    threshold: u128,
    /// What does not change from one request about a review to the next.
    bodies: BTreeMap<ReviewId, Arc<str>>,
}

/// A request that is kept.
#[derive(Clone, Debug)]
struct Captured {
    owner: Owner,
    body: Arc<str>,
    id: u64,
    at: VirtualTime,
    copy: bool,
}

/// Kept, but not yet written out: its text is out of reach while requests are simulated.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    fleet: FleetId,
    review: ReviewId,
    id: u64,
    at: VirtualTime,
    copy: bool,
}

/// What an experiment has captured, in bounded memory.
#[derive(Clone, Debug)]
pub(super) struct CaptureStore {
    limit_bytes: u64,
    places: BTreeMap<FleetId, Place>,
    /// Callers' requests and copies draw apart, so that a shadow changes nothing about what is kept of production.
    draws: [Stream; 2],
    fresh: VecDeque<Fresh>,
    kept: VecDeque<Captured>,
    bytes: u64,
    dropped: u64,
    sums: BTreeMap<Owner, Sum>,
}

impl CaptureStore {
    pub fn new(seed: u64) -> Self {
        Self {
            limit_bytes: CAPTURE_LIMIT_BYTES,
            places: BTreeMap::new(),
            draws: [Stream::new(seed, Purpose::Capture), Stream::new(seed, Purpose::CaptureOfCopies)],
            fresh: VecDeque::new(),
            kept: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            sums: BTreeMap::new(),
        }
    }

    /// Captures what an endpoint's variants get from now on, as its deployment says; nothing of one that is gone.
    pub fn follow(&mut self, name: &str, endpoint: Option<&Endpoint>) {
        let capture = endpoint.and_then(|e| e.deployment.capture.as_ref()).filter(|c| c.share() > 0.0);
        let live = endpoint.into_iter().flat_map(|e| e.deployment.all());
        let mut places = BTreeMap::new();
        for v in live {
            let Some(config) = capture else { continue };
            let owner = Arc::new((name.to_owned(), v.name.to_string()));
            // 2⁶⁴ for everything, so that no draw is left out.
            let threshold = (config.share() * 18_446_744_073_709_551_616.0) as u128;
            let fresh = Place {
                owner,
                artifact: v.artifact,
                config: config.clone(),
                threshold,
                bodies: BTreeMap::new(),
            };
            let before = self.places.remove(&v.fleet).filter(|p| p.config == *config);
            places.insert(v.fleet, before.unwrap_or(fresh));
        }
        self.places.retain(|_, p| p.owner.0 != name);
        self.places.append(&mut places);
    }

    /// Forgets what was known of the reviews: others have their places now.
    pub fn forget_bodies(&mut self) {
        for place in self.places.values_mut() {
            place.bodies.clear();
        }
    }

    /// Keeps a request, if it is drawn. A lab rule: only of those that were answered, as there is no reply to others.
    #[inline]
    pub fn record(&mut self, r: &InvocationRecord) {
        if self.places.is_empty() {
            return;
        }
        let Some(place) = self.places.get(&r.fleet) else { return };
        let draw = self.draws[usize::from(r.copy)].bits();
        if u128::from(draw) >= place.threshold || !r.status.is_answered() {
            return;
        }
        if self.fresh.len() as u64 >= self.limit_bytes / LEAST_LINE_BYTES {
            self.fresh.pop_front();
            self.dropped += 1;
        }
        self.fresh.push_back(Fresh {
            fleet: r.fleet,
            review: r.review,
            id: r.id,
            at: r.arrival,
            copy: r.copy,
        });
    }

    /// Whether something waits to be written out.
    pub fn is_behind(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Writes out what was kept: `look_up` gives text and answer.
    pub fn settle<'a>(&mut self, look_up: impl Fn(ReviewId, Artifact) -> (&'a str, Option<&'a Prediction>)) {
        while let Some(f) = self.fresh.pop_front() {
            let Some(place) = self.places.get_mut(&f.fleet) else { continue };
            let body = place.bodies.entry(f.review).or_insert_with(|| {
                let (text, answer) = look_up(f.review, place.artifact);
                body(&place.config, text, answer).into()
            });
            let captured =
                Captured { owner: place.owner.clone(), body: body.clone(), id: f.id, at: f.at, copy: f.copy };
            self.push(captured);
        }
    }

    fn push(&mut self, captured: Captured) {
        let length = captured.length();
        let sum = self.sums.entry(captured.owner.clone()).or_default();
        *sum = Sum { records: sum.records + 1, bytes: sum.bytes + length, last: captured.at };
        self.bytes += length;
        self.kept.push_back(captured);
        while self.bytes > self.limit_bytes {
            let Some(oldest) = self.kept.pop_front() else { break };
            let length = oldest.length();
            self.bytes -= length;
            self.dropped += 1;
            if let Some(sum) = self.sums.get_mut(&oldest.owner) {
                (sum.records, sum.bytes) = (sum.records - 1, sum.bytes - length);
            }
        }
    }

    pub fn view(&self) -> CaptureView {
        let variant = |(owner, sum): (&Owner, &Sum)| CapturedVariant {
            endpoint: owner.0.clone(),
            variant: owner.1.clone(),
            folder: folder(&owner.0, &owner.1, sum.last),
            records: sum.records,
            bytes: sum.bytes,
        };
        CaptureView {
            variants: self.sums.iter().map(variant).collect(),
            dropped: self.dropped,
            limit_bytes: self.limit_bytes,
        }
    }

    /// Lines of a variant from the `from`-th of all on, until there are `most` bytes or no more.
    pub fn lines(&self, endpoint: &str, variant: &str, from: u64, most: usize) -> CapturedLines {
        let mut text = String::new();
        let begin = from.saturating_sub(self.dropped) as usize;
        for (i, captured) in self.kept.iter().enumerate().skip(begin) {
            if captured.owner.0 == endpoint && captured.owner.1 == variant {
                if text.len() >= most {
                    return CapturedLines { text, next: Some(self.dropped + i as u64) };
                }
                captured.write(&mut text);
            }
        }
        CapturedLines { text, next: None }
    }
}

impl Captured {
    /// Bytes of its line.
    fn length(&self) -> u64 {
        (self.body.len() + LINE_WITHOUT_BODY_AND_ID) as u64
            + u64::from(self.id.checked_ilog10().unwrap_or(0))
            + 1
    }

    /// Its line, in the documented form.
    fn write(&self, out: &mut String) {
        // Not random, so that a replay of the lab gives the same; the form is that of a UUID.
        let mix = |n: u64| (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n.rotate_left(29);
        let (a, b) =
            (mix(self.id.wrapping_mul(2) + u64::from(self.copy) + 1), mix(self.at.as_ns() ^ self.id << 17));
        out.push_str(&format!(
            "{{\"captureData\":{},\"eventMetadata\":{{\"eventId\":\"{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}\",\"inferenceId\":\"invocation-{}\",\"inferenceTime\":\"{}\"}},\"eventVersion\":\"0\"}}\n",
            self.body,
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            0x8000 | b >> 48 & 0x3fff,
            b & 0xffff_ffff_ffff,
            self.id,
            self.at.civil(),
        ));
    }
}

const LINE_WITHOUT_BODY_AND_ID: usize = r#"{"captureData":,"eventMetadata":{"eventId":"00000000-0000-0000-0000-000000000000","inferenceId":"invocation-","inferenceTime":"2026-06-01T00:00:00Z"},"eventVersion":"0"}"#.len() + 1;

/// `captureData` of a request about a text.
fn body(config: &DataCaptureConfig, text: &str, answer: Option<&Prediction>) -> String {
    let input = json!({ "features": [text] }).to_string();
    let output = match answer {
        Some(p) => json!({"predicted_label": p.stars, "probabilities": p.probabilities}),
        None => json!({"predicted_label": null, "probabilities": []}),
    };
    let mut all = serde_json::Map::new();
    if config.input() {
        all.insert("endpointInput".into(), entry(config, "INPUT", &input));
    }
    if config.output() {
        all.insert("endpointOutput".into(), entry(config, "OUTPUT", &output.to_string()));
    }
    serde_json::Value::Object(all).to_string()
}

fn entry(config: &DataCaptureConfig, mode: &str, data: &str) -> serde_json::Value {
    let header = config.capture_content_type_header.as_ref();
    let listed = |types: &[String]| types.iter().any(|t| t.eq_ignore_ascii_case(CONTENT_TYPE));
    let (encoding, data) = match header {
        Some(h) if listed(&h.json_content_types) => ("JSON", data.to_owned()),
        Some(h) if listed(&h.csv_content_types) => ("CSV", data.to_owned()),
        _ => ("BASE64", base64(data.as_bytes())),
    };
    json!({"observedContentType": CONTENT_TYPE, "mode": mode, "data": data, "encoding": encoding})
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// Where in its bucket an endpoint writes what a variant got at a moment.
///
/// ```
/// use rollout_lab::{domain::VirtualTime, lab::capture_folder};
/// let evening = VirtualTime::from_s(30 * 86_400 + 19 * 3_600);
/// assert_eq!(capture_folder("reviews", "Shadow", evening), "reviews/Shadow/2026/07/01/19");
/// ```
pub fn folder(endpoint: &str, variant: &str, at: VirtualTime) -> String {
    let Civil { year, month, day, hour, .. } = at.civil();
    format!("{endpoint}/{variant}/{year:04}/{month:02}/{day:02}/{hour:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_line_is_as_long_as_it_says() {
        for id in [0, 9, 10, 12_345_678] {
            let captured = Captured {
                owner: Arc::new(("e".into(), "v".into())),
                body: "{}".into(),
                id,
                at: VirtualTime::from_s(40 * 86_400 + id),
                copy: id == 9,
            };
            let mut line = String::new();
            captured.write(&mut line);
            assert_eq!(line.len() as u64, captured.length(), "{line}");
        }
    }
}
