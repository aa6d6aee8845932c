//! Data capture: requests and answers as JSON lines, in files named as the service names its objects.
//!
//! `DestinationS3Uri` says where in a bucket; here the lines go to `capture/{endpoint}/{variant}/yyyy/mm/dd/hh/` in the
//! folder of the state, one file an hour. Without such a folder nothing is kept, and what would have been is counted.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use serde_json::{Map, Value, json};

use super::{backend::Answer, invoke::Origin, random, routes::Target};
use crate::domain::{Civil, DataCaptureConfig, VirtualTime};

/// Lines that wait to be written; beyond it they are dropped and counted.
const WAITING: usize = 4_096;
/// Bytes of a body that are kept; of longer ones nothing is.
const BODY_BYTES: usize = 1 << 20;
/// How soon a line is in its file.
const FLUSH: Duration = Duration::from_millis(500);

/// What an endpoint keeps.
#[derive(Clone, Debug)]
pub struct CapturePlan {
    config: DataCaptureConfig,
    /// A draw below it is kept; 2⁶⁴ for all.
    threshold: u128,
}

impl CapturePlan {
    /// Of an endpoint's configuration; none when nothing is kept.
    pub fn of(config: &DataCaptureConfig) -> Option<Self> {
        let share = config.share();
        let threshold = (share * 18_446_744_073_709_551_616.0) as u128;
        (share > 0.0).then(|| Self { config: config.clone(), threshold })
    }

    /// Whether this request is kept.
    pub fn draws(&self, draw: u64) -> bool {
        u128::from(draw) < self.threshold
    }
}

struct Line {
    folder: PathBuf,
    text: String,
}

/// Where captured lines go.
#[derive(Clone, Debug)]
pub struct Captures {
    lines: Option<mpsc::SyncSender<Line>>,
    kept: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

impl Captures {
    /// Into files under `folder`, by a thread of its own that ends with the last sender; nowhere when there is none.
    ///
    /// # Errors
    /// The system's words when no thread can be had.
    pub fn start(folder: Option<&Path>) -> std::io::Result<Self> {
        let lines = match folder {
            None => None,
            Some(folder) => {
                let (sender, lines) = mpsc::sync_channel(WAITING);
                let root = folder.join("capture");
                std::thread::Builder::new().name("capture".into()).spawn(move || write(&root, &lines))?;
                Some(sender)
            }
        };
        Ok(Self { lines, kept: Arc::default(), dropped: Arc::default() })
    }

    /// Lines kept, and lines dropped.
    pub fn counts(&self) -> (u64, u64) {
        (self.kept.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// Keeps a request and its answer. Never waits.
    pub fn keep(
        &self,
        plan: &CapturePlan,
        target: &Target,
        origin: &Origin,
        (content_type, body): (Option<&HeaderValue>, &[u8]),
        answer: &Answer,
    ) {
        let sent = self.lines.as_ref().filter(|_| body.len().max(answer.body.len()) <= BODY_BYTES).and_then(
            |lines| {
                let mut data = Map::new();
                if plan.config.input() {
                    data.insert("endpointInput".into(), entry(&plan.config, "INPUT", content_type, body));
                }
                if plan.config.output() {
                    let written = entry(&plan.config, "OUTPUT", answer.content_type.as_ref(), &answer.body);
                    data.insert("endpointOutput".into(), written);
                }
                let line = json!({
                    "captureData": data,
                    "eventMetadata": {
                        "eventId": random::request_id().as_str(),
                        "inferenceId": origin.inference_id.as_deref(),
                        "inferenceTime": origin.arrival.civil().to_string(),
                    },
                    "eventVersion": "0",
                });
                let folder = folder(target.endpoint.as_str(), target.variant.as_str(), origin.arrival);
                lines.try_send(Line { folder: folder.into(), text: line.to_string() }).ok()
            },
        );
        let count = if sent.is_some() { &self.kept } else { &self.dropped };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn write(root: &Path, lines: &mpsc::Receiver<Line>) {
    let mut open: Option<(PathBuf, BufWriter<File>)> = None;
    loop {
        let line = match lines.recv_timeout(FLUSH) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some((_, file)) = &mut open
                    && let Err(e) = file.flush()
                {
                    tracing::error!(error = %e, "captured lines cannot be written; free some space");
                    open = None;
                }
                continue;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        if open.as_ref().is_none_or(|(folder, _)| *folder != line.folder) {
            let at = root.join(&line.folder);
            let file = fs::create_dir_all(&at)
                .and_then(|()| OpenOptions::new().create(true).append(true).open(at.join("data.jsonl")));
            match file {
                Ok(file) => open = Some((line.folder, BufWriter::new(file))),
                Err(e) => {
                    tracing::error!(folder = %at.display(), error = %e, "captured lines cannot be written");
                    open = None;
                }
            }
        }
        if let Some((_, file)) = &mut open
            && let Err(e) = writeln!(file, "{}", line.text)
        {
            tracing::error!(error = %e, "captured lines cannot be written; free some space");
            open = None;
        }
    }
}

fn entry(config: &DataCaptureConfig, mode: &str, content_type: Option<&HeaderValue>, body: &[u8]) -> Value {
    let given = content_type.and_then(|t| t.to_str().ok()).unwrap_or("application/octet-stream");
    let essence = given.split(';').next().unwrap_or(given).trim();
    let header = config.capture_content_type_header.as_ref();
    let listed = |types: &[String]| types.iter().any(|t| t.eq_ignore_ascii_case(essence));
    let text = std::str::from_utf8(body).ok();
    let (encoding, data) = match (header, text) {
        (Some(h), Some(text)) if listed(&h.json_content_types) => ("JSON", text.to_owned()),
        (Some(h), Some(text)) if listed(&h.csv_content_types) => ("CSV", text.to_owned()),
        _ => ("BASE64", STANDARD.encode(body)),
    };
    json!({"observedContentType": given, "mode": mode, "data": data, "encoding": encoding})
}

fn folder(endpoint: &str, variant: &str, at: VirtualTime) -> String {
    let Civil { year, month, day, hour, .. } = at.civil();
    format!("{endpoint}/{variant}/{year:04}/{month:02}/{day:02}/{hour:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_the_hour() {
        assert_eq!(folder("e", "v", VirtualTime::from_s(30 * 86_400 + 19 * 3_600)), "e/v/2026/07/01/19");
    }

    #[test]
    fn bodies_are_kept_as_their_type_says() {
        let header = crate::domain::CaptureContentTypeHeader {
            csv_content_types: vec!["text/csv".into()],
            json_content_types: vec!["application/json".into()],
        };
        let config = DataCaptureConfig::of_everything("s3://b/p".into(), Some(header));
        let encoding = |content_type: &'static str, body: &[u8]| {
            let content_type = HeaderValue::from_static(content_type);
            entry(&config, "INPUT", Some(&content_type), body)["encoding"].clone()
        };
        assert_eq!(encoding("text/csv; charset=utf-8", b"a"), "CSV");
        assert_eq!(encoding("application/json", b"{}"), "JSON");
        assert_eq!(encoding("application/json", &[0xff]), "BASE64");
        assert_eq!(encoding("text/plain", b"a"), "BASE64");
    }
}
