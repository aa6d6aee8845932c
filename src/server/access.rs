//! Who may ask, and how often: checked before anything of a request is read.
//!
//! - **Host**: a page elsewhere can make a browser resolve its own name to this machine (DNS rebinding). Only names that
//!   are known are answered; others get 421.
//! - **Origin**: a page of another origin may not call; 403. Only one that the operator named may, to the letter, and
//!   only it gets the headers by which a browser lets a page read answers (CORS). It never comes with a cookie: where
//!   there is a token, the page itself must know it.
//! - **Token**: where other machines reach the server. As `Authorization: Bearer …`, as the cookie that `/api/session`
//!   sets, or as the access key of an AWS SDK's signature (`AWS_ACCESS_KEY_ID`): an SDK can send it nowhere else. 401.
//! - **Rate**: a bucket of tokens per client address; 429.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap, Method, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION,
        COOKIE, HOST, HeaderName, HeaderValue, ORIGIN, VARY,
    },
};
use sha2::{Digest, Sha256};

use super::{refusal::Refusal, settings::Settings};

/// The cookie that a page's session is known by.
pub const COOKIE_NAME: &str = "rollout-lab-session";
/// Clients whose rate is counted; of more, the ones longest unseen are forgotten.
const CLIENTS: usize = 10_000;

/// What a page of an allowed origin may send, and read of the answers, beside what any page may.
const SENT: &str = "authorization, content-type, last-event-id, x-amz-target, x-amzn-sagemaker-custom-attributes, x-amzn-sagemaker-target-variant";
const SHOWN: &str = "retry-after, x-amzn-errortype, x-amzn-invoked-production-variant, x-amzn-requestid, x-amzn-sagemaker-custom-attributes, x-rollout-lab-model-latency-us";
/// By these a browser asks whether a page of the open Internet may reach a private network, and is told.
const PRIVATE_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// What a request is, once it is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// A request.
    Request,
    /// A browser's question whether a page may send one: it bears no token, and asks for nothing else.
    Preflight,
}

/// What is checked of each request.
#[derive(Debug)]
pub struct Access {
    hosts: Vec<String>,
    origins: Vec<String>,
    token: Option<super::settings::Token>,
    /// The cookie's value: known only to whoever knew the token, and worth nothing after a restart with another one.
    session: Option<String>,
    rate: f64,
    burst: f64,
    clients: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

/// The path belongs to the site, or tells whether the server is well: nothing that a token would protect.
fn public(method: &Method, path: &str) -> bool {
    let api = path == "/metrics"
        || path == "/service"
        || ["/api/", "/endpoints/", "/service/"].iter().any(|p| path.starts_with(p));
    (*method == Method::GET || *method == Method::HEAD) && !api
        || *method == Method::POST && path == "/api/session"
}

impl Access {
    /// Of settings, for a server that listens on `listen`.
    pub fn new(settings: &Settings, listen: SocketAddr) -> Self {
        let mut hosts: Vec<String> = settings.allowed_hosts.iter().map(|h| h.to_ascii_lowercase()).collect();
        if listen.ip().is_loopback() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        if !listen.ip().is_unspecified() {
            hosts.push(match listen {
                SocketAddr::V4(a) => a.ip().to_string(),
                SocketAddr::V6(a) => format!("[{}]", a.ip()),
            });
        }
        let session = settings.token.as_ref().map(|token| {
            let mut hash = Sha256::new();
            hash.update(b"rollout-lab session\0");
            token.feed(&mut hash);
            hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
        });
        Self {
            hosts,
            origins: settings.allowed_origins.clone(),
            token: settings.token.clone(),
            session,
            rate: f64::from(settings.limits.requests_per_second),
            burst: f64::from(settings.limits.burst.max(1)),
            clients: Mutex::default(),
        }
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// [`Refusal`] with 400, 401, 403, 421 or 429.
    pub fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        peer: IpAddr,
        now: Instant,
    ) -> Result<Admitted, Refusal> {
        let host = self.host(uri, headers)?;
        self.origin(headers, host)?;
        self.rate(peer, now)?;
        if *method == Method::OPTIONS
            && self.allowed(headers).is_some()
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return Ok(Admitted::Preflight);
        }
        if self.token.is_some() && !public(method, uri.path()) && !self.knows(headers) {
            return Err(Refusal::plain(
                401,
                "a token is needed; send it as `Authorization: Bearer …`, or as the access key of an AWS SDK",
            ));
        }
        Ok(Admitted::Request)
    }

    /// The origin of a request, where it is one that the operator named.
    fn allowed<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.iter().any(|a| a.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    /// What a browser needs to know before it lets a page of another origin read the answer, or send the request.
    pub fn cors(&self, asked: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        if self.origins.is_empty() {
            return Vec::new();
        }
        // An answer that was kept for one origin is none for another.
        let mut told = vec![(VARY, HeaderValue::from_static("origin"))];
        let Some(origin) = self.allowed(asked) else { return told };
        told.push((ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()));
        let fixed = |name, value| (name, HeaderValue::from_static(value));
        if !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            told.push(fixed(ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN));
            return told;
        }
        told.extend([
            fixed(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT"),
            fixed(ACCESS_CONTROL_ALLOW_HEADERS, SENT),
            fixed(ACCESS_CONTROL_MAX_AGE, "600"),
        ]);
        if asked.contains_key(PRIVATE_ASKED) {
            told.push(fixed(PRIVATE_ALLOWED, "true"));
        }
        told
    }

    fn host<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
        let mut given = headers.get_all(HOST).iter();
        let (first, second) = (given.next(), given.next());
        let named = first.and_then(|h| h.to_str().ok()).or_else(|| uri.authority().map(|a| a.as_str()));
        let Some(named) = named.filter(|_| second.is_none()) else {
            return Err(Refusal::plain(400, "the request must name one Host"));
        };
        // The port is the one that was connected to, whatever the header says.
        let name = match named.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => named,
        };
        if self.hosts.iter().any(|h| h.eq_ignore_ascii_case(name)) {
            return Ok(named);
        }
        let shown: String = name.chars().take(100).collect();
        Err(Refusal::plain(421, format!("the host `{shown}` is not served here; add it to allowed_hosts")))
    }

    fn origin(&self, headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let own = |o: &str| {
            let authority = o.strip_prefix("http://").or_else(|| o.strip_prefix("https://"));
            authority.is_some_and(|a| a.eq_ignore_ascii_case(host))
        };
        match origin.to_str() {
            Ok(o) if own(o) || self.allowed(headers).is_some() => Ok(()),
            _ => Err(Refusal::plain(403, "pages of another origin may not call; see allowed_origins")),
        }
    }

    fn rate(&self, peer: IpAddr, now: Instant) -> Result<(), Refusal> {
        if self.rate == 0.0 {
            return Ok(());
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS && !clients.contains_key(&peer) {
            // Whoever has a full bucket again is as good as new.
            clients.retain(|_, (left, seen)| {
                *left + now.saturating_duration_since(*seen).as_secs_f64() * self.rate < self.burst
            });
            if clients.len() >= CLIENTS {
                clients.clear();
            }
        }
        let (left, seen) = clients.entry(peer).or_insert((self.burst, now));
        *left = (*left + now.saturating_duration_since(*seen).as_secs_f64() * self.rate).min(self.burst);
        *seen = now;
        if *left < 1.0 {
            let words =
                format!("more than {} requests per second from one address; send fewer", self.rate as u32);
            return Err(Refusal::plain(429, words));
        }
        *left -= 1.0;
        Ok(())
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        if let Some(bearer) = given.strip_prefix(b"Bearer ") {
            return token.is(bearer);
        }
        if given.starts_with(b"AWS4-HMAC-SHA256") {
            let text = String::from_utf8_lossy(given);
            let credential = text.split("Credential=").nth(1).and_then(|c| c.split('/').next());
            return credential.is_some_and(|key| token.is(key.as_bytes()));
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|c| c.to_str().ok());
        let mut pairs = cookies.flat_map(|c| c.split(';')).filter_map(|p| p.trim().split_once('='));
        let session = self.session.as_deref().unwrap_or_default();
        pairs.any(|(name, value)| name == COOKIE_NAME && same(value.as_bytes(), session.as_bytes()))
    }

    /// The cookie for whoever gives the token in a request's body.
    ///
    /// # Errors
    /// [`Refusal`] with 401 for another token.
    pub fn session(&self, given: &[u8]) -> Result<Option<String>, Refusal> {
        let Some(token) = &self.token else { return Ok(None) };
        if !token.is(given.trim_ascii()) {
            return Err(Refusal::plain(401, "this is not the token that the server was started with"));
        }
        let session = self.session.as_deref().unwrap_or_default();
        Ok(Some(format!("{COOKIE_NAME}={session}; Path=/; HttpOnly; SameSite=Strict")))
    }
}

/// Whether two texts are equal; takes as long wherever they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    (differs == 0) & (a.len() == b.len())
}

/// The headers of every answer, then those of the site's pages beside them.
#[derive(Clone, Debug)]
pub struct Guards {
    page: Vec<(HeaderName, HeaderValue)>,
}

impl Guards {
    /// For a site whose pages hold these scripts between their tags.
    pub fn new(inline_scripts: &[String]) -> Self {
        let hashes: String = inline_scripts
            .iter()
            .map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes()))))
            .collect();
        // Leptos and the plots set style attributes; scripts run from the server's own files only.
        let policy = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; connect-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut page = vec![
            fixed("referrer-policy", "no-referrer"),
            fixed("x-frame-options", "DENY"),
            fixed("cross-origin-opener-policy", "same-origin"),
            fixed("cross-origin-resource-policy", "same-origin"),
            fixed("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ];
        // Base64 and the fixed words are what a header may hold.
        page.extend(
            HeaderValue::from_str(&policy)
                .ok()
                .map(|p| (HeaderName::from_static("content-security-policy"), p)),
        );
        Self { page }
    }

    /// Puts them on an answer. A call's answer is no page: it needs but the first.
    pub fn put(&self, headers: &mut HeaderMap, page: bool) {
        headers
            .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        if page {
            headers.extend(self.page.iter().cloned());
        }
    }
}
