//! Bodies of requests and answers: texts in, predictions out, in the content types that the lab's `inference.py`
//! takes.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{domain::Stars, inference::Prediction};

/// Most texts in one request.
pub const MAX_TEXTS: usize = 1_024;

/// Why a body is no request: the model's container answers 4xx.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A content type that no handler reads.
    #[error(
        "content type {given} is not supported; send application/jsonlines, application/json, text/csv or text/plain"
    )]
    ContentType {
        /// The type given.
        given: String,
    },
    /// The body is not what its content type says.
    #[error("the body is not {wanted}: {problem}")]
    Body {
        /// What it should be.
        wanted: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// No text at all.
    #[error("the body holds no text; send at least one")]
    Empty,
    /// More texts than [`MAX_TEXTS`].
    #[error("the body holds {texts} texts, but at most {MAX_TEXTS} are taken; send several requests")]
    TooMany {
        /// How many.
        texts: usize,
    },
}

impl PayloadError {
    /// The status that a container answers with.
    pub const fn http(&self) -> u16 {
        match self {
            Self::ContentType { .. } => 415,
            Self::TooMany { .. } => 413,
            _ => 400,
        }
    }
}

/// How the answer is to be written: it follows from how the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object per line.
    Lines,
    /// One JSON object with a list in it.
    Instances,
    /// A label per line.
    Csv,
}

impl Shape {
    /// The content type of the answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Lines => "application/jsonlines",
            Self::Instances => "application/json",
            Self::Csv => "text/csv",
        }
    }
}

/// The texts of a request, and how the answer is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// At least one.
    pub texts: Vec<String>,
    /// How the answer is to look.
    pub shape: Shape,
}

impl Texts {
    /// Reads a body by its content type; one without a type is read as JSON lines.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Self, PayloadError> {
        let essence = content_type.map(|t| t.split(';').next().unwrap_or(t).trim().to_ascii_lowercase());
        let texts = match essence.as_deref() {
            None
            | Some(
                ""
                | "application/jsonlines"
                | "application/x-jsonlines"
                | "application/jsonl"
                | "application/x-ndjson"
                | "application/json"
                | "application/octet-stream",
            ) => of_json(body)?,
            Some("text/csv") => Self { texts: of_csv(body)?, shape: Shape::Csv },
            Some("text/plain") => Self { texts: vec![utf8(body)?.to_owned()], shape: Shape::Lines },
            Some(other) => {
                return Err(PayloadError::ContentType { given: other.chars().take(80).collect() });
            }
        };
        match texts.texts.len() {
            0 => Err(PayloadError::Empty),
            n if n > MAX_TEXTS => Err(PayloadError::TooMany { texts: n }),
            _ => Ok(texts),
        }
    }
}

fn utf8(body: &[u8]) -> Result<&str, PayloadError> {
    std::str::from_utf8(body).map_err(|e| PayloadError::Body {
        wanted: "UTF-8",
        problem: format!("byte {} is not part of a character", e.valid_up_to()),
    })
}

fn of_json(body: &[u8]) -> Result<Texts, PayloadError> {
    let bad = |problem: String| PayloadError::Body { wanted: "JSON", problem };
    let mut texts = Vec::new();
    let mut shape = Shape::Lines;
    for value in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let value = value.map_err(|e| bad(e.to_string()))?;
        match value.get("instances").and_then(Value::as_array) {
            Some(instances) => {
                shape = Shape::Instances;
                for one in instances {
                    texts.push(text_of(one).ok_or_else(|| bad("an instance holds no text".to_owned()))?);
                }
            }
            None => texts.push(text_of(&value).ok_or_else(|| {
                bad("a line is neither {\"features\": [\"…\"]} nor {\"instances\": […]}".to_owned())
            })?),
        }
    }
    Ok(Texts { texts, shape })
}

/// The text of an instance: a string, or what `features`, `text` or `review_body` holds.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts.first().and_then(text_of),
        Value::Object(members) => {
            ["features", "text", "review_body"].iter().find_map(|k| members.get(*k)).and_then(text_of)
        }
        _ => None,
    }
}

fn of_csv(body: &[u8]) -> Result<Vec<String>, PayloadError> {
    utf8(body)?;
    let mut reader = csv_core::Reader::new();
    let (mut texts, mut field, mut first) = (Vec::new(), Vec::new(), true);
    let (mut rest, mut out) = (body, [0; 1_024]);
    loop {
        let (result, read, wrote) = reader.read_field(rest, &mut out);
        rest = &rest[read..];
        if first {
            field.extend_from_slice(&out[..wrote]);
        }
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                if first && !field.is_empty() {
                    texts.push(String::from_utf8_lossy(&field).into_owned());
                }
                field.clear();
                first = record_end;
            }
            csv_core::ReadFieldResult::End => return Ok(texts),
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
        }
    }
}

/// What a model made of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Stars, where the answer holds a number of 1 to 5.
    pub stars: Option<Stars>,
    /// Probabilities of 1 to 5 stars, where it gives them.
    pub probabilities: Option<[f32; 5]>,
}

impl From<Option<Prediction>> for Label {
    fn from(prediction: Option<Prediction>) -> Self {
        Self { stars: prediction.map(|p| p.stars), probabilities: prediction.map(|p| p.probabilities) }
    }
}

/// Writes the answer.
pub fn write(labels: &[Label], shape: Shape) -> Bytes {
    let one = |l: &Label| match l.probabilities {
        Some(p) => json!({"predicted_label": l.stars, "probabilities": p}),
        None => json!({"predicted_label": l.stars}),
    };
    let text = match shape {
        Shape::Instances => json!({"predictions": labels.iter().map(one).collect::<Vec<_>>()}).to_string(),
        Shape::Lines => labels.iter().map(|l| one(l).to_string()).collect::<Vec<_>>().join("\n"),
        Shape::Csv => {
            let label = |l: &Label| l.stars.map_or(String::new(), |s| s.get().to_string());
            labels.iter().map(label).collect::<Vec<_>>().join("\n")
        }
    };
    text.into()
}

/// The first label that an answer of an unknown shape holds: the digit behind `predicted_label` or `label`.
///
/// Nothing is parsed: an answer that is only handed on should cost next to nothing.
pub fn first_stars(body: &[u8]) -> Option<Stars> {
    let body = &body[..body.len().min(4_096)];
    let key = b"label\"";
    let at = body.windows(key.len()).position(|w| w == key)? + key.len();
    let mut rest = body[at..].iter().skip_while(|b| b" :[\t\n\"".contains(b));
    let digit = *rest.next()?;
    let whole = rest.next().is_none_or(|b| !b.is_ascii_digit());
    (digit.is_ascii_digit() && whole).then(|| Stars::new(i64::from(digit - b'0')).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(content_type: &str, body: &str) -> Result<Vec<String>, PayloadError> {
        Texts::read(Some(content_type), body.as_bytes()).map(|t| t.texts)
    }

    #[test]
    fn content_types_are_read_as_inference_py_does() {
        let two = ["so good", "so bad, really"];
        for (content_type, body) in [
            ("application/jsonlines", "{\"features\": [\"so good\"]}\n{\"features\": [\"so bad, really\"]}"),
            ("application/json; charset=utf-8", r#"{"instances": ["so good", {"text": "so bad, really"}]}"#),
            ("text/csv", "so good,5\n\"so bad, really\",1\n"),
        ] {
            assert_eq!(texts(content_type, body).unwrap(), two, "{content_type}");
        }
        assert_eq!(texts("text/plain", "so good").unwrap(), ["so good"]);
        assert_eq!(Texts::read(None, b"\"x\"").unwrap().texts, ["x"]);
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_status() {
        for (content_type, body, status, says) in [
            ("image/png", "x", 415, "image/png"),
            ("application/json", "{", 400, "EOF"),
            ("application/json", "{\"x\": 1}", 400, "features"),
            ("application/json", "", 400, "no text"),
            ("text/csv", "", 400, "no text"),
        ] {
            let e = texts(content_type, body).unwrap_err();
            assert_eq!(e.http(), status, "{content_type} {body}");
            assert!(e.to_string().contains(says), "{e}");
        }
        assert_eq!(Texts::read(None, &[0xff]).unwrap_err().http(), 400);
        let many = format!("{{\"instances\": [{}\"x\"]}}", "\"x\",".repeat(MAX_TEXTS));
        assert_eq!(texts("application/json", &many).unwrap_err().http(), 413);
    }

    #[test]
    fn answers_follow_the_request() {
        let labels = [
            Label { stars: Stars::new(5).ok(), probabilities: None },
            Label { stars: None, probabilities: None },
        ];
        assert_eq!(write(&labels, Shape::Csv), "5\n");
        assert_eq!(write(&labels, Shape::Lines), "{\"predicted_label\":5}\n{\"predicted_label\":null}");
        let listed = write(&labels, Shape::Instances);
        assert_eq!(listed, "{\"predictions\":[{\"predicted_label\":5},{\"predicted_label\":null}]}");
        assert_eq!(first_stars(&listed).map(Stars::get), Some(5));
    }

    #[test]
    fn a_label_is_found_without_reading_the_answer() {
        for (body, stars) in [
            ("{\"predicted_label\": 4}", Some(4)),
            ("{\"predictions\":[{\"label\":2,\"logits\":[1]}]}", Some(2)),
            ("{\"label\": 42}", None),
            ("{\"label\": 0}", None),
            ("garbage", None),
            ("{\"label\"", None),
        ] {
            assert_eq!(first_stars(body.as_bytes()).map(Stars::get), stars, "{body}");
        }
    }
}
