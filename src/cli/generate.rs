//! `rollout-lab generate`: open-loop traffic of reviews towards an endpoint, and what came of it as JSON.

use std::{fs, io::Write, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::{
    server::generate::{Arrivals, Body, Plan, generate as send},
    simulation::{Corpus, Simulation},
};

/// Reviews that the server's own clients send in turn.
const REVIEWS: usize = 5_000;
const REVIEWS_SEED: u64 = 1;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArrivalKind {
    /// At even distances.
    Constant,
    /// Independently of each other.
    Poisson,
}

/// Where to, how much and for how long.
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: String,
    /// The endpoint.
    #[arg(long)]
    endpoint: String,
    /// Requests per second.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Seconds for which requests are due.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// When requests are due.
    #[arg(long, value_enum, default_value = "poisson")]
    arrivals: ArrivalKind,
    /// What is sent: captured requests or JSON lines (`.jsonl`), else a review per line. [default: the lab's own reviews]
    #[arg(long)]
    input: Option<PathBuf>,
}

fn lines(text: &str) -> Body {
    Body {
        content_type: HeaderValue::from_static("application/jsonlines"),
        bytes: Bytes::from(text.to_owned()),
    }
}

/// The request of a captured line; none when it is no captured line, or holds no request.
fn captured(line: &Value) -> Option<Body> {
    let input = line.pointer("/captureData/endpointInput")?;
    let data = input.get("data")?.as_str()?;
    let bytes = match input.get("encoding").and_then(Value::as_str) {
        Some("BASE64") => STANDARD.decode(data).ok()?,
        _ => data.as_bytes().to_vec(),
    };
    let content_type = input.get("observedContentType").and_then(Value::as_str);
    let content_type = content_type.unwrap_or("application/jsonlines");
    Some(Body { content_type: HeaderValue::from_str(content_type).ok()?, bytes: bytes.into() })
}

/// Reviews as the lab's clients send them: drawn by the usual mix of domains and stars.
pub(super) fn sampled() -> Vec<Body> {
    let mut simulation = Simulation::new(REVIEWS_SEED, Corpus::built_in());
    let drawn: Vec<_> = (0..REVIEWS).filter_map(|_| simulation.sample_review()).collect();
    let corpus = Corpus::built_in();
    let review = |text: &str| lines(&json!({"features": [text]}).to_string());
    drawn.into_iter().filter_map(|r| corpus.get(r)).map(|r| review(&r.text)).collect()
}

fn bodies(input: Option<&PathBuf>) -> Result<Vec<Body>, String> {
    let review = |text: &str| lines(&json!({"features": [text]}).to_string());
    let Some(path) = input else {
        let corpus = Corpus::built_in();
        return Ok(corpus.reviews().iter().map(|r| review(&r.text)).collect());
    };
    let text = fs::read_to_string(path)
        .map_err(|e| format!("{} cannot be read ({e}); check the path given by --input", path.display()))?;
    let given = text.lines().filter(|l| !l.trim().is_empty());
    if path.extension().is_none_or(|e| e != "jsonl") {
        return Ok(given.map(review).collect());
    }
    given
        .enumerate()
        .map(|(i, line)| {
            let value: Value = serde_json::from_str(line)
                .map_err(|e| format!("{}, line {}: no JSON ({e})", path.display(), i + 1))?;
            Ok(captured(&value).unwrap_or_else(|| lines(line)))
        })
        .collect()
}

/// Sends, and prints the report.
pub(super) fn generate(arguments: &GenerateArguments) -> Result<(), String> {
    if !(arguments.seconds > 0.0 && arguments.seconds <= 86_400.0) {
        return Err(format!("--seconds must be above 0 and at most 86400, but is {}", arguments.seconds));
    }
    let token = std::env::var(super::serve::TOKEN).ok();
    let token = token.map(|t| HeaderValue::from_str(&format!("Bearer {}", t.trim())));
    let mut token = token.transpose().map_err(|_| "the token holds what a header cannot".to_owned())?;
    if let Some(token) = &mut token {
        token.set_sensitive(true);
    }
    let plan = Plan {
        target: arguments.target.clone(),
        endpoint: arguments.endpoint.clone(),
        rate: arguments.rate,
        lasts: Duration::from_secs_f64(arguments.seconds),
        arrivals: match arguments.arrivals {
            ArrivalKind::Constant => Arrivals::Constant,
            ArrivalKind::Poisson => Arrivals::Poisson,
        },
        bodies: bodies(arguments.input.as_ref())?,
        token,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("a thread cannot be started ({e})"))?;
    let report = runtime.block_on(async {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        tokio::spawn(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = stop.send(());
            }
        });
        let tell = |p: crate::server::generate::Progress| {
            // Progress is for whoever looks; nobody has to.
            let _ =
                writeln!(std::io::stderr(), "{} due, {} answered, {} failed", p.due, p.answered, p.failed);
        };
        send(plan, tell, stopped).await
    });
    let report = report.map_err(|e| e.to_string())?;
    super::print(&serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?)
}
