//! What the operator sets: a TOML file, the environment, flags; the later wins.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use hyper::header::HeaderValue;

use super::{
    backend::{SAGEMAKER, Tls},
    generate::Draw,
};
use crate::controller::Durations;

/// Most characters of an upstream's name.
const NAME_LIMIT: usize = 63;
/// A body of `InvokeEndpoint` may have so many bytes, as in the service model.
pub const BODY_BYTES: usize = 6_291_456;
/// Fewest characters of a token: 128 bits in hexadecimal have twice as many.
pub const TOKEN_CHARACTERS: usize = 16;

/// Why the server does not start as it is set.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path} cannot be read ({why}); check the path given by --config or ROLLOUT_LAB_CONFIG")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// The file says something that cannot be.
    #[error("{path}, line {line}: `{key}`: {problem}")]
    Value {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Key, with the tables it stands in.
        key: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A flag or an environment variable says something that cannot be.
    #[error("{what} is `{value}`: {problem}")]
    Flag {
        /// Which.
        what: &'static str,
        /// The value given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Reached from other machines without a token.
    #[error(
        "the server is to listen on {listen}, which other machines can reach, and no token is set; set ROLLOUT_LAB_TOKEN (or token_file) to at least {TOKEN_CHARACTERS} characters, or listen on 127.0.0.1"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// A token that can be guessed.
    #[error(
        "the token has {characters} characters, but at least {TOKEN_CHARACTERS} are needed; make one with `openssl rand -hex 32`"
    )]
    ShortToken {
        /// Its length.
        characters: usize,
    },
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Open Inference Protocol v2: Triton, KServe, MLServer.
    Oip,
    /// TensorFlow Serving's REST predict; KServe's v1 is the same.
    TfServing,
    /// A SageMaker container: `POST /invocations`, `GET /ping`.
    Http,
    /// A real SageMaker endpoint.
    Sagemaker,
}

/// An upstream as the operator declares it: `[upstream.NAME]`. A browser can name one, but never make one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Where it is, e.g. `http://127.0.0.1:8000` or `https://models.example`. For `sagemaker` the endpoint URL that replaces the region's.
    #[serde(default)]
    pub url: String,
    /// Name of the model (`oip`, `tfserving`) or of the endpoint (`sagemaker`) there.
    #[serde(default)]
    pub model: String,
    /// Version of the model; the server's choice when empty.
    #[serde(default)]
    pub version: String,
    /// Name of the text input (`oip`).
    #[serde(default = "text")]
    pub input: String,
    /// Variant of the real endpoint (`sagemaker`); its own weights decide when empty.
    #[serde(default)]
    pub target_variant: String,
    /// AWS region (`sagemaker`); the usual chain says it when empty.
    #[serde(default)]
    pub region: String,
    /// PEM file with the authorities that vouch for an `https://` upstream, in the place of those that the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Path of the health check; the protocol's own when empty.
    #[serde(default)]
    pub health_path: String,
    /// Longest time for an answer, ms. The service's own limit is 60 s.
    #[serde(default = "minute_ms")]
    pub timeout_ms: u64,
    /// Longest time for a connection, ms.
    #[serde(default = "second_ms")]
    pub connect_timeout_ms: u64,
    /// Idle connections that are kept.
    #[serde(default = "connections")]
    pub idle_connections: usize,
    /// How often a request that never reached the upstream is tried again.
    #[serde(default = "one")]
    pub retries: u32,
    /// Failures in a row that open the circuit.
    #[serde(default = "five")]
    pub breaker_failures: u32,
    /// Time for which an open circuit refuses, ms.
    #[serde(default = "second_ms")]
    pub breaker_open_ms: u64,
    /// Time between two health checks, ms; 0 for none.
    #[serde(default = "five_seconds_ms")]
    pub health_interval_ms: u64,
}

impl Upstream {
    /// Whether it is spoken to over TLS.
    pub(super) fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }
}

fn text() -> String {
    "text".to_owned()
}
const fn minute_ms() -> u64 {
    60_000
}
const fn second_ms() -> u64 {
    1_000
}
const fn five_seconds_ms() -> u64 {
    5_000
}
const fn connections() -> usize {
    256
}
const fn one() -> u32 {
    1
}
const fn five() -> u32 {
    5
}

/// `[limits]`: what a caller may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most bytes of an invocation's body; beyond it: 413.
    pub body_bytes: usize,
    /// Most bytes of a control-plane call; beyond it: 413.
    pub call_bytes: usize,
    /// Most bytes of an upstream's answer; beyond it the answer is an error.
    pub answer_bytes: usize,
    /// Longest time for the head of a request, ms; then the connection ends.
    pub header_timeout_ms: u64,
    /// Longest time for the body of a request, ms; then: 408.
    pub body_timeout_ms: u64,
    /// Most connections at a time; more wait to be taken.
    pub connections: usize,
    /// Requests per second and client address, on average; beyond it: 429. 0 for no limit.
    pub requests_per_second: u32,
    /// Requests that a client may send at once before the average counts.
    pub burst: u32,
    /// Longest time for requests under way once the server is told to end, ms.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: BODY_BYTES,
            call_bytes: 1 << 20,
            answer_bytes: BODY_BYTES,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            connections: 4_096,
            requests_per_second: 0,
            burst: 200,
            drain_ms: 10_000,
        }
    }
}

/// `[shadow]`: what copies may take. Beyond it copies are dropped and counted; callers see nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShadowLimits {
    /// Copies that a shadow variant works on at a time.
    pub in_flight: usize,
    /// Copies that wait for it.
    pub queue: usize,
    /// Bytes of the bodies that wait for it.
    pub queue_bytes: usize,
    /// Longest time for a copy's answer, ms: shorter than an upstream's own, so that a hanging one is noticed.
    pub timeout_ms: u64,
}

impl Default for ShadowLimits {
    fn default() -> Self {
        Self { in_flight: 64, queue: 1_024, queue_bytes: 64 << 20, timeout_ms: 30_000 }
    }
}

/// `[history]`: metrics that outlast the server, where `state` names a folder.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistorySettings {
    /// Time between two flushes of the metrics, ms: what was counted since the last one is lost when the server is
    /// killed.
    pub flush_ms: u64,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { flush_ms: 5_000 }
    }
}

/// `[embedded]`: the models that the program carries.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddedLimits {
    /// Threads that infer; 0 for one per core.
    pub threads: usize,
    /// Requests that wait for one, and as many copies, which come after them; beyond it: 503.
    pub queue: usize,
}

impl Default for EmbeddedLimits {
    fn default() -> Self {
        Self { threads: 0, queue: 1_024 }
    }
}

/// `[durations]`: how long the control plane takes, seconds. Real fleets are not started here, so it is short.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DurationSettings {
    /// From `CreateEndpoint` to `InService`.
    pub create_s: f64,
    /// From `UpdateEndpoint` to the new fleet.
    pub update_s: f64,
    /// A change of weights.
    pub weights_s: f64,
    /// A change of instance counts.
    pub capacity_s: f64,
    /// From `DeleteEndpoint` until it is gone.
    pub delete_s: f64,
    /// From `CreateInferenceExperiment` to its start.
    pub experiment_s: f64,
}

impl Default for DurationSettings {
    fn default() -> Self {
        Self {
            create_s: 1.0,
            update_s: 1.0,
            weights_s: 0.5,
            capacity_s: 0.5,
            delete_s: 0.5,
            experiment_s: 0.5,
        }
    }
}

impl DurationSettings {
    /// The same as the control plane takes it.
    pub fn durations(&self) -> Durations {
        let of = Duration::from_secs_f64;
        Durations {
            create: of(self.create_s),
            update: of(self.update_s),
            weights: of(self.weights_s),
            capacity: of(self.capacity_s),
            delete: of(self.delete_s),
            experiment: of(self.experiment_s),
            activate: of(self.weights_s),
            terminate: of(self.delete_s),
        }
    }

    fn all(&self) -> [(&'static str, f64); 6] {
        [
            ("create_s", self.create_s),
            ("update_s", self.update_s),
            ("weights_s", self.weights_s),
            ("capacity_s", self.capacity_s),
            ("delete_s", self.delete_s),
            ("experiment_s", self.experiment_s),
        ]
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Everything that can be set. `Settings::default()` serves on loopback with embedded models.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address and port.
    pub listen: String,
    /// Folder of the built site; `./dist` where there is one, else the site that the program carries, else none.
    pub site: Option<PathBuf>,
    /// Folder in which state lasts; none keeps it in memory only.
    pub state: Option<PathBuf>,
    /// Threads that serve; 0 for one per core.
    pub threads: usize,
    /// File that holds the token, so that it stands in no listing of processes.
    pub token_file: Option<PathBuf>,
    /// Names, beside those of the address itself, that a request may give as its `Host`.
    pub allowed_hosts: Vec<String>,
    /// Origins, beside the server's own, whose pages may call, e.g. `https://course.example`: to the letter, as a browser
    /// writes them.
    pub allowed_origins: Vec<String>,
    /// Whether a caller that names its user always lands on the same variant while the weights stay.
    pub sticky: bool,
    /// Whether a configuration may have several shadow variants, and one beside several production variants: more than
    /// SageMaker allows.
    pub beyond_sagemaker: bool,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What a caller may ask for.
    pub limits: Limits,
    /// What copies may take.
    pub shadow: ShadowLimits,
    /// Metrics that outlast the server.
    pub history: HistorySettings,
    /// The models that the program carries.
    pub embedded: EmbeddedLimits,
    /// How long the control plane takes.
    pub durations: DurationSettings,
    /// Model servers and endpoints that variants may run on, by name.
    pub upstream: BTreeMap<String, Upstream>,
    /// The token; never written down here, printed or sent.
    #[serde(skip)]
    pub token: Option<Token>,
    /// What the server's own clients send; none is not a reason not to serve.
    #[serde(skip)]
    pub reviews: Option<Draw>,
}

impl Settings {
    /// The token as a client of this server sends it.
    pub(super) fn bearer(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.token.as_ref()?.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A secret: compared in constant time, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Takes at least [`TOKEN_CHARACTERS`] characters.
    ///
    /// # Errors
    /// [`SettingsError::ShortToken`] with its length.
    pub fn new(text: &str) -> Result<Self, SettingsError> {
        let text = text.trim();
        let characters = text.chars().count();
        if characters < TOKEN_CHARACTERS {
            return Err(SettingsError::ShortToken { characters });
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether `given` is it; takes as long whichever character differs.
    pub fn is(&self, given: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differs = own.iter().zip(given.iter().chain(std::iter::repeat(&0)));
        let sum = differs.fold(0, |sum, (a, b)| sum | (a ^ b));
        (sum == 0) & (own.len() == given.len())
    }

    /// Hands it to a hash, the only thing that may see it.
    pub(super) fn feed(&self, hash: &mut impl sha2::Digest) {
        hash.update(self.0.as_bytes());
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            site: None,
            state: None,
            threads: 0,
            token_file: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            sticky: false,
            beyond_sagemaker: false,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            limits: Limits::default(),
            shadow: ShadowLimits::default(),
            history: HistorySettings::default(),
            embedded: EmbeddedLimits::default(),
            durations: DurationSettings::default(),
            upstream: BTreeMap::new(),
            token: None,
            reviews: None,
        }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`], or [`SettingsError::Value`] for the first key that is unknown or wrong.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let shown = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|e| SettingsError::Unreadable { path: shown.clone(), why: e.to_string() })?;
        Self::parse(&text, &shown)
    }

    /// Reads the text of a file that is called `path` in errors.
    ///
    /// # Errors
    /// [`SettingsError::Value`] for the first key that is unknown or wrong.
    pub fn parse(text: &str, path: &str) -> Result<Self, SettingsError> {
        let value = |line, key: String, problem: String| {
            let key = if key.is_empty() { "the file".to_owned() } else { key };
            SettingsError::Value { path: path.to_owned(), line, key, problem }
        };
        let line_at = |byte: usize| 1 + text.bytes().take(byte).filter(|b| *b == b'\n').count();
        let of_toml = |e: &toml::de::Error, key: String| {
            let problem = e.message().lines().next().unwrap_or("cannot be read").to_owned();
            value(e.span().map_or(1, |s| line_at(s.start)), key, problem)
        };
        let reader = toml::Deserializer::parse(text).map_err(|e| of_toml(&e, String::new()))?;
        let settings: Self = serde_path_to_error::deserialize(reader).map_err(|e| {
            let key = e.path().to_string();
            of_toml(e.inner(), if key == "." { String::new() } else { key })
        })?;
        settings.check().map_err(|(key, problem)| {
            let line = span_of(text, &key).map_or(1, line_at);
            value(line, key.join("."), problem)
        })?;
        Ok(settings)
    }

    /// What the types do not hold: the key at fault and what is wrong with it.
    fn check(&self) -> Result<(), (Vec<String>, String)> {
        let key = |parts: &[&str]| parts.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        self.address().map_err(|e| (key(&["listen"]), e))?;
        for origin in &self.allowed_origins {
            check_origin(origin).map_err(|e| (key(&["allowed_origins"]), e))?;
        }
        if self.log.parse::<tracing::Level>().is_err() {
            let problem = format!("`{}` is no level; use error, warn, info, debug or trace", self.log);
            return Err((key(&["log"]), problem));
        }
        for (name, seconds) in self.durations.all() {
            if !(0.0..=86_400.0).contains(&seconds) {
                let problem = format!("{seconds} is outside 0 to 86400 seconds");
                return Err((key(&["durations", name]), problem));
            }
        }
        for (name, least, given) in [
            ("body_bytes", 1, self.limits.body_bytes),
            ("call_bytes", 1_024, self.limits.call_bytes),
            ("answer_bytes", 1, self.limits.answer_bytes),
            ("connections", 1, self.limits.connections),
        ] {
            if given < least {
                return Err((key(&["limits", name]), format!("{given} is below {least}")));
            }
        }
        if !(10..=60_000).contains(&self.history.flush_ms) {
            let problem = format!("{} is outside 10 to 60000 ms", self.history.flush_ms);
            return Err((key(&["history", "flush_ms"]), problem));
        }
        if self.shadow.in_flight == 0 {
            return Err((key(&["shadow", "in_flight"]), "0 copies at a time is below 1".to_owned()));
        }
        for (name, upstream) in &self.upstream {
            let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !name.is_empty()
                && name.len() <= NAME_LIMIT;
            if !sound {
                let problem = format!("a name has 1 to {NAME_LIMIT} letters, digits and hyphens");
                return Err((key(&["upstream", name]), problem));
            }
            let at = |field: &str| key(&["upstream", name, field]);
            if upstream.protocol == Protocol::Sagemaker && !SAGEMAKER {
                let problem = "this program was built without the feature `sagemaker`; use `make server`";
                return Err((at("protocol"), problem.to_owned()));
            }
            let needs_url = upstream.protocol != Protocol::Sagemaker;
            if needs_url || !upstream.url.is_empty() {
                check_url(&upstream.url).map_err(|e| (at("url"), e))?;
            }
            // The SDK has its own TLS, and the system's authorities.
            let ours = needs_url && upstream.is_https();
            if upstream.ca_file.is_some() && !ours {
                let problem =
                    "only an upstream with an https:// url, and not one of protocol `sagemaker`, has one";
                return Err((at("ca_file"), problem.to_owned()));
            }
            if ours && let Err(e) = Tls::new(upstream.ca_file.as_deref()) {
                let field = if upstream.ca_file.is_some() { "ca_file" } else { "url" };
                return Err((at(field), e.to_string()));
            }
            if upstream.protocol != Protocol::Http && upstream.model.is_empty() {
                return Err((
                    at("model"),
                    "this protocol needs the name of the model or endpoint".to_owned(),
                ));
            }
            let segment = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            for (field, text) in [("model", &upstream.model), ("version", &upstream.version)] {
                if !segment(text) || text.contains("..") {
                    let problem = format!("`{text}` may hold letters, digits, `-`, `_` and `.` only");
                    return Err((at(field), problem));
                }
            }
            if upstream.timeout_ms == 0 || upstream.timeout_ms > 600_000 {
                return Err((at("timeout_ms"), format!("{} is outside 1 to 600000 ms", upstream.timeout_ms)));
            }
            if upstream.connect_timeout_ms == 0 {
                return Err((at("connect_timeout_ms"), "0 ms is below 1".to_owned()));
            }
            if upstream.breaker_failures == 0 {
                return Err((at("breaker_failures"), "0 failures is below 1".to_owned()));
            }
        }
        Ok(())
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// Words that name the value.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.listen
            .parse()
            .map_err(|_| format!("`{}` is no address with a port, e.g. 127.0.0.1:8080", self.listen))
    }

    /// Refuses what must not be served: an address that others reach, without a token.
    ///
    /// # Errors
    /// [`SettingsError::Open`], or [`SettingsError::Flag`] for an address that is none.
    pub fn guarded(&self) -> Result<SocketAddr, SettingsError> {
        let listen = self.address().map_err(|problem| SettingsError::Flag {
            what: "--listen",
            value: self.listen.clone(),
            problem,
        })?;
        if !listen.ip().is_loopback() && self.token.is_none() {
            return Err(SettingsError::Open { listen });
        }
        Ok(listen)
    }
}

/// Takes an origin as browsers write it: scheme, host in lower case, and a port that is not the scheme's own.
fn check_origin(origin: &str) -> Result<(), String> {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let parsed = authority.and_then(|a| a.parse::<hyper::http::uri::Authority>().ok());
    let sound = parsed.is_some_and(|a| {
        let own_port = if origin.starts_with("https:") { 443 } else { 80 };
        a.port_u16() != Some(own_port)
            && !a.as_str().ends_with(':')
            && !a.as_str().contains('@')
            && a.as_str().bytes().all(|b| !b.is_ascii_uppercase() && b != b'*')
    });
    if sound {
        return Ok(());
    }
    Err(format!(
        "`{origin}` is no origin like https://course.example or http://localhost:8081: no path, no `*`"
    ))
}

/// Takes `http://host:port` or `https://host:port` and nothing that a path, a query or a user could be hidden in.
fn check_url(url: &str) -> Result<(), String> {
    let shape = || format!("`{url}` is no address like http://127.0.0.1:8000");
    let uri: hyper::Uri = url.parse().map_err(|_| shape())?;
    let authority = uri.authority().ok_or_else(shape)?;
    if authority.as_str().contains('@') {
        return Err(format!("`{url}` holds a user; credentials have no place in an address"));
    }
    // In this writing: elsewhere it is told by its beginning.
    if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(format!("`{url}` must begin with http:// or https://"));
    }
    if uri.query().is_some() {
        return Err(format!("`{url}` holds a query; only a path may follow the port"));
    }
    Ok(())
}

/// The byte at which a key stands in a TOML text.
fn span_of(text: &str, key: &[String]) -> Option<usize> {
    let table = toml::de::DeTable::parse(text).ok()?;
    let mut at = table.span().start;
    let mut here: Option<toml::Spanned<toml::de::DeValue>> = None;
    let mut top = Some(table.into_inner());
    for part in key {
        let found = match (top.take(), here.take().map(toml::Spanned::into_inner)) {
            (Some(mut table), _) | (None, Some(toml::de::DeValue::Table(mut table))) => {
                table.remove(part.as_str())
            }
            _ => None,
        };
        let Some(found) = found else { break };
        at = found.span().start;
        here = Some(found);
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> String {
        Settings::parse(text, "lab.toml").unwrap_err().to_string()
    }

    #[test]
    fn errors_name_file_line_and_key() {
        for (text, wanted) in [
            ("log = \"info\"\nlisten = \"nowhere\"", "lab.toml, line 2: `listen`: `nowhere`"),
            ("\n\n[limits]\nbody_bites = 3", "line 4: `limits.body_bites`: unknown field"),
            ("[limits]\nbody_bytes = \"x\"", "line 2: `limits.body_bytes`: invalid type"),
            ("a = [", "line 1: `the file`"),
            ("[shadow]\nin_flight = 0", "line 2: `shadow.in_flight`: 0 copies"),
            ("\nallowed_origins = [\"*\"]", "line 2: `allowed_origins`: `*` is no origin"),
            ("allowed_origins = [\"https://a.example/\"]", "`https://a.example/` is no origin"),
            ("allowed_origins = [\"https://A.example\"]", "`https://A.example` is no origin"),
            ("allowed_origins = [\"http://a.example:80\"]", "`http://a.example:80` is no origin"),
            ("allowed_origins = [\"null\"]", "`null` is no origin"),
            ("[history]\nflush_ms = 0", "line 2: `history.flush_ms`: 0 is outside 10 to 60000"),
            ("[durations]\n\ncreate_s = -1.0", "line 3: `durations.create_s`: -1 is outside 0 to 86400"),
            (
                "[upstream.b]\nprotocol = \"oip\"\nurl = \"ftp://x\"\nmodel = \"m\"",
                "line 3: `upstream.b.url`: `ftp://x` must begin with http:// or https://",
            ),
            ("[upstream.b]\nprotocol = \"oip\"\nurl = \"http://x:1\"", "`upstream.b.model`: this protocol"),
            (
                "[upstream.b]\nprotocol = \"http\"\nurl = \"http://x:1\"\nca_file = \"x.pem\"",
                "line 4: `upstream.b.ca_file`: only an upstream with an https:// url",
            ),
            (
                "[upstream.b]\nprotocol = \"http\"\nurl = \"https://x:1\"\nca_file = \"/no/x.pem\"",
                "line 4: `upstream.b.ca_file`: /no/x.pem cannot be read",
            ),
            (
                "[upstream.b]\nprotocol = \"oip\"\nurl = \"http://x:1\"\nmodel = \"../x\"",
                "line 4: `upstream.b.model`: `../x` may hold",
            ),
            ("[upstream.b]\nprotocol = \"grpc\"", "unknown variant `grpc`"),
        ] {
            let said = says(text);
            assert!(said.contains(wanted), "{said}\nlacks: {wanted}");
        }
    }

    #[test]
    fn an_open_address_needs_a_token() {
        let mut settings = Settings { listen: "0.0.0.0:8080".into(), ..Settings::default() };
        assert!(settings.guarded().unwrap_err().to_string().contains("0.0.0.0:8080"));
        settings.token = Some(Token::new("0123456789abcdef").unwrap());
        assert!(settings.guarded().is_ok());
        assert!(Settings::default().guarded().is_ok());
        assert!(Token::new("short").unwrap_err().to_string().contains('5'));
        assert!(!format!("{settings:?}").contains("0123456789"));
    }

    #[test]
    fn a_token_is_itself_and_nothing_else() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "x123456789abcdef"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
    }
}
