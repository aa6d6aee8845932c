//! `rollout-lab generate`: open-loop traffic of reviews towards an endpoint, and what came of it as JSON.

use std::{collections::BTreeMap, fs, io::Write, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::{
    domain::ReviewId,
    lab::TrafficSettings,
    server::generate::{Arrivals, Body, Plan, generate as send},
    simulation::{Corpus, Simulation},
    wire::live::TrafficOrder,
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

/// Reviews as the lab's clients send them: drawn by the mix of domains and stars that was ordered, from the lab's own
/// or those that came with the order.
pub(super) fn drawn(order: &TrafficOrder) -> Result<Vec<Body>, String> {
    let mut simulation = Simulation::new(REVIEWS_SEED, Corpus::built_in());
    let mix = TrafficSettings {
        domain_mix: order.domain_mix,
        star_mix: order.star_mix,
        ..TrafficSettings::default()
    };
    simulation.set_traffic(mix).map_err(|e| e.to_string())?;
    if !order.texts.is_empty() {
        simulation.set_own_reviews(order.texts.clone());
    }
    // The same review is drawn many times, and kept once.
    let mut bodies: BTreeMap<ReviewId, Body> = BTreeMap::new();
    let mut drawn = Vec::with_capacity(REVIEWS);
    for _ in 0..REVIEWS {
        let Some(review) = simulation.sample_review() else { continue };
        let Some(of) = simulation.corpus().get(review) else { continue };
        let body = || lines(&json!({"features": [of.text]}).to_string());
        drawn.push(bodies.entry(review).or_insert_with(body).clone());
    }
    if drawn.is_empty() { Err("no review has stars of a weight above 0".to_owned()) } else { Ok(drawn) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Stars, lab::DomainMix};

    fn order() -> TrafficOrder {
        serde_json::from_value(json!({"on": true, "endpoint": "e", "per_second": 1.0, "constant": true}))
            .expect("an order that leaves the mix out is one")
    }

    fn texts(order: &TrafficOrder) -> Vec<String> {
        let of = |b: Body| serde_json::from_slice::<Value>(&b.bytes).expect("a line of JSON");
        let bodies = drawn(order).expect("there is something to send");
        bodies.into_iter().map(|b| of(b)["features"][0].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn what_is_sent_follows_the_order() {
        let corpus = Corpus::built_in();
        let find = |text: &String| corpus.reviews().iter().find(|r| r.text == *text);
        let clothing = DomainMix { clothing: 1.0, food: 0.0, software: 0.0 };
        let one_star = TrafficOrder { domain_mix: clothing, star_mix: [1.0, 0.0, 0.0, 0.0, 0.0], ..order() };
        let texts_of_one_star = texts(&one_star);
        assert_eq!(texts_of_one_star.len(), REVIEWS);
        for text in &texts_of_one_star {
            let review = find(text).expect("it is the lab's");
            assert_eq!((review.stars.map(Stars::get), review.name.starts_with("gen-")), (Some(1), true));
        }
        let own = vec![("mine".to_owned(), None), ("yours".to_owned(), Some(Stars::ALL[4]))];
        let mut sent = texts(&TrafficOrder { texts: own, ..order() });
        sent.sort();
        sent.dedup();
        assert_eq!(sent, ["mine", "yours"]);
        let nothing = DomainMix { clothing: 0.0, ..clothing };
        let why = drawn(&TrafficOrder { domain_mix: nothing, ..order() }).expect_err("nothing can be drawn");
        assert!(why.contains("all 0"), "{why}");
    }
}
