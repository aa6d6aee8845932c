//! What the tests of server mode share: a server on loopback, model servers that behave or not, and a client.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a test fails by panicking; not every test uses all"
)]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use rollout_lab::server::{App, ControlThread, Settings, backend, router, serve};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Settings in which nothing waits: transitions end as soon as the control plane looks.
pub fn settings(toml: &str) -> Settings {
    let durations = "[durations]\ncreate_s = 0.0\nupdate_s = 0.0\nweights_s = 0.0\ncapacity_s = 0.0\ndelete_s = 0.0\nexperiment_s = 0.0\n";
    Settings::parse(&format!("{toml}\n{durations}"), "test.toml").unwrap()
}

/// A server on loopback.
pub struct Server {
    pub app: Arc<App>,
    pub address: SocketAddr,
    pub client: backend::Client,
    end: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    control: Option<ControlThread>,
}

impl Server {
    pub async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (app, control) = App::new(settings, address).unwrap();
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(serve(app.clone(), listener, async {
            let _ = ended.await;
        }));
        let client = backend::client(Duration::from_secs(5), 1_024);
        Self { app, address, client, end: Some(end), served, control: Some(control) }
    }

    /// Ends it as an operator would: requests under way are finished.
    pub async fn end(mut self) {
        let _ = self.end.take().unwrap().send(());
        (&mut self.served).await.unwrap();
    }

    /// Ends it, and returns once everything is written down: another one may open the same state.
    pub async fn end_wholly(mut self) {
        let _ = self.end.take().unwrap().send(());
        (&mut self.served).await.unwrap();
        let control = self.control.take().unwrap();
        drop(self);
        tokio::task::spawn_blocking(|| control.join()).await.unwrap();
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let request = hyper::Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()));
        let answer = self.client.request(request.unwrap()).await.unwrap();
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    /// A call of SageMaker, or of the service that `operation` names before a dot.
    pub async fn call(&self, operation: &str, members: Value) -> (u16, Value) {
        let target =
            if operation.contains('.') { operation.to_owned() } else { format!("SageMaker.{operation}") };
        let request = hyper::Request::post(format!("http://{}/", self.address))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Full::from(members.to_string()))
            .unwrap();
        let answer = self.client.request(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap())
    }

    /// A call that must succeed.
    pub async fn must(&self, operation: &str, members: Value) -> Value {
        let (status, answer) = self.call(operation, members).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> String {
        let request = hyper::Request::get(format!("http://{}{path}", self.address)).body(Full::default());
        let answer = self.client.request(request.unwrap()).await.unwrap();
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    /// Sum of a metric over all its labels that hold `part`.
    pub async fn metric(&self, name: &str, part: &str) -> f64 {
        let page = self.get("/metrics").await;
        let lines = page.lines().filter(|l| l.starts_with(name) && l.contains(part));
        lines.map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until a metric is as wanted, for as long as it takes: the runner ends a test that hangs.
    pub async fn until(&self, name: &str, part: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        loop {
            let value = self.metric(name, part).await;
            if wanted(value) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until no copy waits or is worked on.
    pub async fn until_copies_end(&self) {
        loop {
            // Both from one page: what leaves the queue is under way then.
            let page = self.get("/metrics").await;
            let busy = |l: &&str| {
                ["rollout_shadow_in_flight{", "rollout_shadow_queued{"].iter().any(|n| l.starts_with(n))
                    && !l.ends_with(" 0")
            };
            if page.lines().filter(busy).count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn until_in_service(&self, endpoint: &str) {
        loop {
            let said = self.must("DescribeEndpoint", json!({"EndpointName": endpoint})).await;
            if said["EndpointStatus"] == "InService" {
                return;
            }
            assert_ne!(said["EndpointStatus"], "Failed", "{said}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Models named like their images, a configuration and an endpoint `ep` that serves.
    pub async fn deploy(&self, production: &[(&str, &str, f64)], shadows: &[(&str, &str, f64)]) {
        self.configure("cfg", production, shadows, json!({})).await;
        self.must("CreateEndpoint", json!({"EndpointName": "ep", "EndpointConfigName": "cfg"})).await;
        self.until_in_service("ep").await;
    }

    /// A configuration of variants `(name, image, weight)`.
    pub async fn configure(
        &self,
        config: &str,
        production: &[(&str, &str, f64)],
        shadows: &[(&str, &str, f64)],
        more: Value,
    ) {
        let mut variants = [Vec::new(), Vec::new()];
        for (list, into) in [production, shadows].iter().zip(&mut variants) {
            for (name, image, weight) in *list {
                let model = format!("{config}-{name}");
                self.must("CreateModel", json!({"ModelName": model, "PrimaryContainer": container(image)}))
                    .await;
                into.push(json!({
                    "VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1, "InitialVariantWeight": weight,
                }));
            }
        }
        let mut members = more;
        members["EndpointConfigName"] = json!(config);
        members["ProductionVariants"] = json!(variants[0]);
        if !variants[1].is_empty() {
            members["ShadowProductionVariants"] = json!(variants[1]);
        }
        self.must("CreateEndpointConfig", members).await;
    }

    pub async fn invoke(&self, endpoint: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let uri = format!("http://{}/endpoints/{endpoint}/invocations", self.address);
        let mut request = hyper::Request::post(uri).header("content-type", "application/jsonlines");
        for (name, value) in headers {
            request.headers_mut().unwrap().insert(
                hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        let answer = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, variant) = (answer.status().as_u16(), header("x-amzn-invoked-production-variant"));
        let (error, content_type) = (header("x-amzn-errortype"), header("content-type"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, variant, error, content_type, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// What a caller got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub variant: String,
    pub error: String,
    pub content_type: String,
    pub body: String,
}

/// A container: `stars-a` to `stars-c` embedded, anything else an upstream of that name.
pub fn container(image: &str) -> Value {
    if image.starts_with("stars-") {
        json!({"Image": "lab/inference:1", "ModelDataUrl": format!("s3://rollout-lab/{image}/output/model.tar.gz")})
    } else {
        json!({"Image": format!("upstream/{image}")})
    }
}

pub const REVIEW: &str = "{\"features\": [\"great app, love it\"]}";

/// How a model server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Takes requests and never answers.
    Hanging,
    /// Answers 500.
    Failing,
    /// Answers something that is not HTTP's idea of the protocol.
    Garbage,
    /// Answers 100 MB.
    Huge,
}

/// A container of the lab's own: `/ping` and `/invocations`.
pub struct Upstream {
    pub address: SocketAddr,
    pub asked: Arc<AtomicU64>,
    pub under_way: Arc<AtomicUsize>,
    pub most_under_way: Arc<AtomicUsize>,
    numbers: Arc<Mutex<Vec<u64>>>,
    served: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.served.abort();
    }
}

struct Leave(Arc<AtomicUsize>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Upstream {
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, under_way, most) = (Arc::<AtomicU64>::default(), Arc::default(), Arc::default());
        let numbers = Arc::<Mutex<Vec<u64>>>::default();
        let counts = (asked.clone(), Arc::<AtomicUsize>::clone(&under_way), Arc::<AtomicUsize>::clone(&most));
        let noted = numbers.clone();
        let answer = move |request: Request| {
            let ((asked, under_way, most), noted) = (counts.clone(), noted.clone());
            async move {
                if request.uri().path() == "/ping" {
                    return Response::new(Body::empty());
                }
                asked.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _leave = Leave(under_way);
                let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
                if let Ok(number) = String::from_utf8_lossy(&body).parse() {
                    noted.lock().unwrap().push(number);
                }
                let mut response = Response::new(Body::from("{\"predicted_label\": 4}"));
                match mood {
                    Mood::Well => {}
                    Mood::Hanging => std::future::pending().await,
                    Mood::Failing => *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR,
                    Mood::Garbage => *response.body_mut() = Body::from(vec![0xff; 1_000]),
                    Mood::Huge => {
                        let piece = Bytes::from(vec![b' '; 1 << 20]);
                        let pieces = futures_util::stream::iter(
                            (0..100).map(move |_| Ok::<_, std::io::Error>(piece.clone())),
                        );
                        *response.body_mut() = Body::from_stream(pieces);
                    }
                }
                response
            }
        };
        let app = Router::new().fallback(answer);
        let served = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, asked, under_way, most_under_way: most, numbers, served }
    }

    /// Bodies that were numbers, in the order in which they came.
    pub fn numbers(&self) -> Vec<u64> {
        self.numbers.lock().unwrap().clone()
    }

    /// Its table in the configuration file.
    pub fn declared(&self, name: &str) -> String {
        declared(name, self.address)
    }
}

pub fn declared(name: &str, address: SocketAddr) -> String {
    format!("[upstream.{name}]\nprotocol = \"http\"\nurl = \"http://{address}\"\nhealth_interval_ms = 0\n")
}

/// An address on which nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A folder of its own that goes when dropped.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rollout-lab-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The router without a socket.
pub fn routes(server: &Server) -> Router {
    router(server.app.clone())
}
