//! The server's live feed: what a page shows of endpoints that really serve.
//!
//! `GET /api/live` answers `text/event-stream`. Each event has the name `frame`, the frame's number as its `id` and one
//! [`LiveFrame`] as its `data`, on one line. The first frame after connecting has the whole state
//! ([`LiveFrame::plane`]); later ones have it when it has changed. Tallies are totals since the variant's instances were
//! launched, so a frame that was missed takes nothing with it: rates are differences between any two frames.
//!
//! **Resuming.** A browser's `EventSource` reconnects by itself and sends the last `id` as `Last-Event-ID`. The server
//! then gives the records after that frame, as far as it still holds them ([`LiveFrame::missed`] says how many it does
//! not), and the whole state. A restarted server has another [`LiveFrame::epoch`]: its records are numbered anew. Its
//! tallies go on where state lasts; after a kill they may lack what the last seconds counted.
//!
//! `GET /api/state` answers the same frame once, as JSON.
//!
//! A page of another origin, which the operator has allowed, reads the stream by `fetch` and an [`EventReader`]: an
//! `EventSource` can send no token.

use serde::{Deserialize, Serialize};

use crate::{
    controller::ControlPlane,
    domain::{InvocationRecord, ReviewId, Stars, VirtualTime},
    lab::{DomainMix, TrafficSettings},
};

/// Most texts of an order's own.
pub const MAX_OWN_TEXTS: usize = 2_000;

/// The number under which a record knows the body that was sent. The server does not know the lab's reviews; a page
/// finds by it which of them a record is about.
///
/// # Source
/// FNV-1a over words of eight bytes, the length as its basis: one byte a step takes a microsecond for 500 of them.
///
/// # Examples
/// ```
/// use rollout_lab::wire::live::body_number;
/// assert_eq!(body_number(b"I love it!"), body_number(b"I love it!"));
/// assert_ne!(body_number(b"I love it!"), body_number(b"I love it"));
/// ```
pub fn body_number(body: &[u8]) -> ReviewId {
    let (words, rest) = body.as_chunks::<8>();
    // The product moves a difference upwards only, so its halves change places after each step.
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(32);
    let hash = words.iter().fold(body.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
    ReviewId((hash ^ (hash >> 32)) as u32)
}

/// What one event says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveFrame {
    /// Number of the server's start: another one means that records are numbered anew.
    pub epoch: u64,
    /// Number of the newest record that this frame counts.
    pub seq: u64,
    /// The server's time.
    pub now: VirtualTime,
    /// The control plane's state; absent while it is as the last frame said.
    pub plane: Option<LivePlane>,
    /// What each fleet did since it was launched, by endpoint and variant.
    pub fleets: Vec<LiveFleet>,
    /// The records since the last frame, oldest first; where they are too many, a sample by the requests' numbers, so
    /// that a copy is in it when its original is.
    pub records: Vec<LiveRecord>,
    /// Records since the last frame that are not in it.
    pub missed: u64,
    /// The clients that the server plays; none while it plays none.
    pub traffic: Option<LiveTraffic>,
}

/// What the server's own clients shall do: `PUT /api/traffic`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficOrder {
    /// They call.
    pub on: bool,
    /// Whom.
    pub endpoint: String,
    /// Requests per second, above 0 to 10,000.
    pub per_second: f64,
    /// At even distances; else independently of each other.
    pub constant: bool,
    /// What the reviews are about.
    #[serde(default)]
    pub domain_mix: DomainMix,
    /// Weights of 1 to 5 stars among the reviews.
    #[serde(default = "usual_stars")]
    pub star_mix: [f64; 5],
    /// Texts to be sent in the place of the server's reviews, with their stars where known: at most
    /// [`MAX_OWN_TEXTS`], in a body within the server's `limits.call_bytes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<(String, Option<Stars>)>,
}

fn usual_stars() -> [f64; 5] {
    TrafficSettings::default().star_mix
}

/// The server's own clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveTraffic {
    /// What they were told, less the texts.
    pub order: TrafficOrder,
    /// Texts of the order's own that they send; 0 when they send the server's reviews.
    pub own_texts: u32,
    /// Requests that were due.
    pub due: u64,
    /// Of these, answered with 200.
    pub answered: u64,
    /// Of these, not.
    pub failed: u64,
}

/// Models, configurations, endpoints, experiments and alarms, each as its `Describe…` call would answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LivePlane {
    /// Counts changes; goes up with each.
    pub version: u64,
    /// The control plane itself, for a page that carries on from it.
    pub state: ControlPlane,
    /// `DescribeModel` of each.
    pub models: Vec<serde_json::Value>,
    /// `DescribeEndpointConfig` of each.
    pub configs: Vec<serde_json::Value>,
    /// `DescribeEndpoint` of each.
    pub endpoints: Vec<serde_json::Value>,
    /// `DescribeInferenceExperiment` of each.
    pub experiments: Vec<serde_json::Value>,
    /// `DescribeAlarms`.
    pub alarms: Vec<serde_json::Value>,
    /// Upstreams that a model may name by its image `upstream/NAME`.
    pub upstreams: Vec<LiveUpstream>,
}

/// An upstream that the operator declared. Its address is not the page's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveUpstream {
    /// Its name.
    pub name: String,
    /// What the last health check found; none before the first.
    pub is_well: Option<bool>,
}

/// What the instances of one variant did since they were launched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveFleet {
    /// Endpoint.
    pub endpoint: String,
    /// Variant.
    pub variant: String,
    /// Its number: an update gives the same variant another one.
    pub fleet: u32,
    /// Whether callers get its answers; else it gets copies.
    pub production: bool,
    /// Where it infers: `embedded`, an upstream's name, or `missing`.
    pub place: String,
    /// Invocations that were answered.
    pub answered: u64,
    /// Those that ended in 4xx.
    pub client_errors: u64,
    /// Those whose model failed.
    pub model_errors: u64,
    /// Those that nobody could take.
    pub overloaded: u64,
    /// Model latency, summed, microseconds.
    pub model_us: u64,
    /// Overhead latency, summed, microseconds.
    pub overhead_us: u64,
    /// Predictions of 1 to 5 stars.
    pub by_stars: [u64; 5],
    /// Copies that were dropped for want of room; 0 for a production variant.
    pub dropped: u64,
}

/// A record with what a page shows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRecord {
    /// Counts records from 1.
    pub seq: u64,
    /// The record.
    pub record: InvocationRecord,
    /// HTTP status that the caller saw, or would have.
    pub http: u16,
}

/// What `POST /api/series` answers to a [`MetricQuery`](super::MetricQuery).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesAnswer {
    /// One per variant.
    pub series: Vec<super::VariantSeries>,
    /// First second that has not been published yet.
    pub published_until_s: u64,
}

/// Most bytes of an event that has not ended: a frame has far fewer.
const EVENT_BYTES: usize = 64 << 20;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEvent {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its `id`, where it has one.
    pub id: Option<String>,
    /// Its data, lines parted by a line feed.
    pub data: String,
}

/// A stream that is none of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream has more than {EVENT_BYTES} bytes")]
pub struct TooLong;

/// Reads events out of the bytes of a stream, however they are cut.
///
/// # Source
/// HTML, "Server-sent events", 9.2.6; a carriage return alone ends no line here.
///
/// # Examples
/// ```
/// use rollout_lab::wire::live::EventReader;
/// let mut reader = EventReader::default();
/// assert_eq!(reader.push(b"event: frame\nid: 7-1\nda")?, []);
/// let events = reader.push(b"ta: {}\n\n: still there\n\n")?;
/// assert_eq!((events.len(), events[0].name.as_str(), events[0].data.as_str()), (1, "frame", "{}"));
/// # Ok::<(), rollout_lab::wire::live::TooLong>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventReader {
    line: Vec<u8>,
    event: StreamEvent,
    data: Option<String>,
}

impl EventReader {
    /// Takes bytes; gives the events that end in them.
    ///
    /// # Errors
    /// [`TooLong`] for one that does not end.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, TooLong> {
        let mut events = Vec::new();
        let mut parts = bytes.split(|b| *b == b'\n');
        // What stands before the first line feed ends the line that was begun; what stands after the last begins one.
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            self.line.extend_from_slice(part);
            let line = std::mem::take(&mut self.line);
            events.extend(self.take(&String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line))));
            part = next;
        }
        self.line.extend_from_slice(part);
        let unfinished = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if unfinished > EVENT_BYTES { Err(TooLong) } else { Ok(events) }
    }

    fn take(&mut self, line: &str) -> Option<StreamEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // An event without data is none.
            return self.data.take().map(|data| StreamEvent { data, ..event });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let stream = ": hello\r\nevent: frame\r\nid: 1-2\r\ndata: {\"é\":\r\ndata: 1}\r\n\r\nretry: 5\n\ndata\n\nid\ndata:  x\n\n";
        let event = |name: &str, id: Option<&str>, data: &str| StreamEvent {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        };
        let wanted =
            [event("frame", Some("1-2"), "{\"é\":\n1}"), event("", None, ""), event("", Some(""), " x")];
        for size in 1..=stream.len() {
            let mut reader = EventReader::default();
            let pieces =
                stream.as_bytes().chunks(size).flat_map(|piece| reader.push(piece).expect("it is short"));
            assert_eq!(pieces.collect::<Vec<_>>(), wanted, "{size} bytes at a time");
        }
    }

    #[test]
    fn an_event_without_an_end_is_refused() {
        let mut reader = EventReader::default();
        let piece = vec![b'x'; EVENT_BYTES / 2 + 1];
        assert_eq!(reader.push(&piece), Ok(Vec::new()));
        assert_eq!(reader.push(&piece), Err(TooLong));
    }

    #[test]
    fn an_order_of_an_older_page_is_understood() {
        let order = r#"{"on":true,"endpoint":"e","per_second":5.0,"constant":false}"#;
        let order: TrafficOrder = serde_json::from_str(order).expect("the mix may be left out");
        assert_eq!((order.domain_mix, order.texts.len()), (DomainMix::default(), 0));
        assert_eq!(order.star_mix, TrafficSettings::default().star_mix);
    }
}
