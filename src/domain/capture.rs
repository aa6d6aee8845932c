//! Which requests and replies an endpoint keeps, and where.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Longest destination, in characters.
pub const DESTINATION_LIMIT: usize = 512;
/// Most entries of `CaptureOptions`.
pub const MAX_CAPTURE_OPTIONS: usize = 32;

/// What of an invocation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptureMode {
    /// The request.
    Input,
    /// The reply.
    Output,
    /// Both, in one entry.
    InputAndOutput,
}

/// One entry of `CaptureOptions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CaptureOption {
    /// What is kept.
    pub capture_mode: CaptureMode,
}

/// Content types whose bodies are kept as they are; all others are kept in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CaptureContentTypeHeader {
    /// Kept as CSV.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub csv_content_types: Vec<String>,
    /// Kept as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_content_types: Vec<String>,
}

/// `DataCaptureConfig` of an endpoint configuration, with the field names of the API.
///
/// # Source
/// `API_DataCaptureConfig` of the SageMaker API reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DataCaptureConfig {
    /// Whether anything is kept; it is when this is absent.
    #[serde(default = "yes")]
    pub enable_capture: bool,
    /// Percentage of the requests that are kept, a whole number of 0 to 100.
    pub initial_sampling_percentage: i64,
    /// Where, e.g. `s3://bucket/prefix`.
    #[serde(rename = "DestinationS3Uri")]
    pub destination_s3_uri: String,
    /// What, 1 to 32 entries.
    pub capture_options: Vec<CaptureOption>,
    /// Content types whose bodies need no base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_content_type_header: Option<CaptureContentTypeHeader>,
}

fn yes() -> bool {
    true
}

fn member(value: impl ToString, path: &str, constraint: impl ToString) -> ConfigError {
    ConfigError::Member { value: value.to_string(), path: path.into(), constraint: constraint.to_string() }
}

/// Takes `s3://` or `https://` and something behind it.
///
/// # Errors
/// [`ConfigError::Member`] at `path` for anything else, or for more than [`DESTINATION_LIMIT`] characters.
pub(super) fn check_destination(uri: &str, path: &str) -> Result<(), ConfigError> {
    if uri.chars().count() > DESTINATION_LIMIT {
        let limit = format!("Member must have length less than or equal to {DESTINATION_LIMIT}");
        return Err(member(uri, path, limit));
    }
    let rest = uri.strip_prefix("s3://").or_else(|| uri.strip_prefix("https://"));
    match rest.and_then(|r| r.chars().next()) {
        Some(first) if first != '/' => Ok(()),
        _ => {
            let pattern = "Member must satisfy regular expression pattern: ^(https|s3)://([^/])/?(.*)$";
            Err(member(uri, path, pattern))
        }
    }
}

impl CaptureContentTypeHeader {
    /// Takes 1 to 10 content types a list, each a type and a subtype.
    ///
    /// # Errors
    /// [`ConfigError::Member`] at `path` and the list's name.
    pub(super) fn check(&self, path: &str) -> Result<(), ConfigError> {
        for (list, name) in
            [(&self.csv_content_types, "csvContentTypes"), (&self.json_content_types, "jsonContentTypes")]
        {
            let at = format!("{path}.{name}");
            if list.len() > 10 {
                let limit = "Member must have length less than or equal to 10";
                return Err(member(format!("[{} types]", list.len()), &at, limit));
            }
            let sound = |t: &&String| {
                let parts = t.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty());
                t.len() <= 256
                    && parts.is_some()
                    && t.chars().all(|c| c.is_ascii_alphanumeric() || "-./+".contains(c))
            };
            if let Some(bad) = list.iter().find(|t| !sound(t)) {
                return Err(member(bad, &at, "Member must be a content type, e.g. application/json"));
            }
        }
        Ok(())
    }
}

impl DataCaptureConfig {
    /// Keeps every request and reply, with JSON and CSV as they are: what an inference experiment asks for.
    pub fn of_everything(destination: String, header: Option<CaptureContentTypeHeader>) -> Self {
        Self {
            enable_capture: true,
            initial_sampling_percentage: 100,
            destination_s3_uri: destination,
            capture_options: vec![CaptureOption { capture_mode: CaptureMode::InputAndOutput }],
            capture_content_type_header: header,
        }
    }

    /// Checks what a caller wrote.
    ///
    /// # Errors
    /// [`ConfigError::Member`]: a percentage outside 0 to 100, a destination that is no address, no option or more
    /// than [`MAX_CAPTURE_OPTIONS`], or something that is no content type.
    pub fn check(&self) -> Result<(), ConfigError> {
        let percentage = self.initial_sampling_percentage;
        if !(0..=100).contains(&percentage) {
            let range = "Member must have value between 0 and 100";
            return Err(member(percentage, "dataCaptureConfig.initialSamplingPercentage", range));
        }
        check_destination(&self.destination_s3_uri, "dataCaptureConfig.destinationS3Uri")?;
        let options = self.capture_options.len();
        if !(1..=MAX_CAPTURE_OPTIONS).contains(&options) {
            let range = format!("Member must have length between 1 and {MAX_CAPTURE_OPTIONS}");
            return Err(member(format!("[{options} options]"), "dataCaptureConfig.captureOptions", range));
        }
        let header = self.capture_content_type_header.as_ref();
        header.map_or(Ok(()), |h| h.check("dataCaptureConfig.captureContentTypeHeader"))
    }

    /// Whether requests are kept.
    pub fn input(&self) -> bool {
        self.capture_options.iter().any(|o| o.capture_mode != CaptureMode::Output)
    }

    /// Whether replies are kept.
    pub fn output(&self) -> bool {
        self.capture_options.iter().any(|o| o.capture_mode != CaptureMode::Input)
    }

    /// Share of the requests that are kept, 0 to 1; 0 while capture is off.
    pub fn share(&self) -> f64 {
        if self.enable_capture { self.initial_sampling_percentage as f64 / 100.0 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_documented_ones() {
        let good = DataCaptureConfig::of_everything("s3://bucket/tests".into(), None);
        assert_eq!(good.check(), Ok(()));
        assert!(good.input() && good.output() && good.share() == 1.0);
        let says = |change: &dyn Fn(&mut DataCaptureConfig)| {
            let mut c = good.clone();
            change(&mut c);
            c.check().unwrap_err().to_string()
        };
        assert!(says(&|c| c.initial_sampling_percentage = 101).contains("'101' at"));
        assert!(says(&|c| c.initial_sampling_percentage = -1).contains("between 0 and 100"));
        assert!(says(&|c| c.destination_s3_uri = "ftp://x".into()).contains("destinationS3Uri"));
        assert!(says(&|c| c.destination_s3_uri = "s3:///x".into()).contains("pattern"));
        assert!(says(&|c| c.destination_s3_uri = format!("s3://{}", "x".repeat(508))).contains("512"));
        assert!(says(&|c| c.capture_options.clear()).contains("captureOptions"));
        let odd = CaptureContentTypeHeader {
            csv_content_types: vec!["csv".into()],
            ..CaptureContentTypeHeader::default()
        };
        assert!(says(&|c| c.capture_content_type_header = Some(odd.clone())).contains("csvContentTypes"));
    }
}
