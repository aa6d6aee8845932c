//! The server: its parts, its routes, its life from start to drained end.

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    middleware::{self, Next},
    response::Response,
    routing::{get, post, put},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    body::Incoming,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tower::ServiceExt;

use super::{
    access::{Access, Admitted, Guards},
    aws,
    backend::{Backends, EmbeddedError},
    capture::Captures,
    clock,
    control::{Control, ControlThread},
    exposition,
    history::{History, Past, Progress},
    invoke,
    ledger::Ledger,
    live,
    random::{self, RequestId},
    refusal::{Refusal, Style},
    routes::{Compiler, Table},
    settings::{Settings, SettingsError},
    shadow::Lanes,
    site::{Site, SiteError},
    store::{Store, StoreError},
    traffic::Traffic,
};
use crate::{domain::ShadowRule, wire::MetricQuery};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a start waits for metrics of earlier ones; a longer history comes while the server serves.
const HISTORY_WAIT: Duration = Duration::from_millis(100);
/// Pause after the system would not hand out a connection, e.g. for want of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was set.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The models.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The address.
    #[error("{listen} cannot be listened on ({why}); choose another port with --listen")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The system's words.
        why: std::io::Error,
    },
    /// A thread.
    #[error("a thread cannot be started ({0})")]
    Thread(std::io::Error),
}

/// All parts of the server, as handlers see them.
#[derive(Debug)]
pub struct App {
    /// As the operator set it.
    pub settings: Settings,
    /// Routes of endpoints that serve.
    pub table: Arc<Table>,
    /// Where records go.
    pub ledger: Arc<Ledger>,
    /// The control plane.
    pub control: Control,
    /// What variants run on.
    pub backends: Arc<Backends>,
    /// Where captured requests go.
    pub captures: Captures,
    /// How metrics are written down; none where no state lasts.
    pub history: Option<Arc<Progress>>,
    /// Tells one start of the server from another.
    pub epoch: u64,
    /// The clients that the server plays.
    pub traffic: Traffic,
    access: Access,
    guards: Guards,
    site: Site,
    end: watch::Sender<bool>,
    /// Gone with the app: then the last metrics are written down.
    _lives: mpsc::Sender<()>,
}

impl App {
    /// Puts the parts together; `listen` is the address that was bound. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(settings: Settings, listen: SocketAddr) -> Result<(Arc<Self>, ControlThread), StartError> {
        let site = Site::find(settings.site.as_ref())?;
        let backends = Arc::new(Backends::new(&settings)?);
        let store = settings.state.as_deref().map(Store::open).transpose()?;
        let anew = store.as_ref().is_none_or(|(_, state, calls)| state.is_none() && calls.is_empty());
        let opened = settings.state.as_deref().map(|folder| History::open(folder, anew)).transpose()?;
        let (history, past) = opened.map_or((None, Past::default()), |(h, p)| (Some(h), p));
        let ledger = Arc::new(Ledger::new(past.metrics, past.begun));
        let table = Arc::new(Table::default());
        let captures = Captures::start(settings.state.as_deref()).map_err(StartError::Thread)?;
        let lanes = Lanes {
            runtime: tokio::runtime::Handle::current(),
            ledger: ledger.clone(),
            captures: captures.clone(),
            limits: settings.shadow,
        };
        let compiler = Compiler::new(table.clone(), backends.clone(), lanes, past.totals);
        let rule =
            if settings.beyond_sagemaker { ShadowRule::BeyondSageMaker } else { ShadowRule::SageMaker };
        let rules = (settings.durations.durations(), rule);
        let (control, mut thread) =
            Control::start(store, rules, compiler, ledger.clone()).map_err(StartError::Thread)?;
        let (lives, until) = mpsc::channel();
        let progress = match history {
            Some(history) => {
                let (every, progress) =
                    (Duration::from_millis(settings.history.flush_ms), Arc::new(Progress::default()));
                let kept = (ledger.clone(), table.clone());
                let (writer, loaded) =
                    history.keep(kept, every, progress.clone(), until).map_err(StartError::Thread)?;
                thread.join_with(writer);
                // Most histories are read by then, and the first visitor sees all of it. An error is the news that it is.
                let _ = loaded.recv_timeout(HISTORY_WAIT);
                Some(progress)
            }
            None => None,
        };
        let app = Arc::new(Self {
            traffic: Traffic::new(listen, settings.bearer(), settings.reviews),
            access: Access::new(&settings, listen),
            guards: Guards::new(site.inline_scripts()),
            site,
            epoch: clock::now().as_ns() / 1_000_000,
            end: watch::Sender::new(false),
            _lives: lives,
            history: progress,
            settings,
            table,
            ledger,
            control,
            backends,
            captures,
        });
        for upstream in app.backends.upstreams() {
            let (upstream, end) = (upstream.clone(), app.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = upstream.watch() => {}
                    () = end.ending() => {}
                }
            });
        }
        Ok((app, thread))
    }

    /// Returns once the server is told to end.
    pub async fn ending(&self) {
        let mut end = self.end.subscribe();
        // An error means that the app is gone, which is an end, too.
        let _ = end.wait_for(|e| *e).await;
    }

    /// Tells the server to end.
    pub fn end(&self) {
        self.end.send_replace(true);
    }
}

/// The address that a request came from; put there by the server's own loop.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// All routes. `tower::ServiceExt::oneshot` answers one request of a test without a socket.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/endpoints/{endpoint}/invocations", post(invocations))
        .route("/", post(call).get(site))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/live", get(feed))
        .route("/api/state", get(state))
        .route("/api/series", post(series))
        .route("/api/traffic", put(traffic))
        .route("/api/session", post(session))
        .fallback(site)
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// How errors are told on this path.
fn style(method: &Method, path: &str) -> Style {
    if path.starts_with("/endpoints/") {
        Style::Runtime
    } else if *method == Method::POST && path == "/" {
        Style::Json
    } else {
        Style::Plain
    }
}

/// What every request goes through: access before, headers and the log after.
async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |p| p.0);
    let (visit, allowed) = Visit::begin(&app, request.method(), request.uri(), request.headers(), peer);
    request.extensions_mut().insert(visit.began);
    let response = match allowed {
        Ok(Admitted::Request) => next.run(request).await,
        Ok(Admitted::Preflight) => no_content(),
        Err(refusal) => refusal.answer(visit.style),
    };
    visit.end(&app, response)
}

/// A request on its way through the server.
struct Visit {
    began: Instant,
    id: RequestId,
    style: Style,
    /// Method, path, target and peer: of requests that are logged only. Queries and headers never are, they may hold
    /// secrets.
    shown: Option<(Method, String, String, IpAddr)>,
    /// What a page of another origin that may call is told.
    cors: Vec<(HeaderName, HeaderValue)>,
}

impl Visit {
    /// Its begin, and whether it may go on.
    fn begin(
        app: &App,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> (Self, Result<Admitted, Refusal>) {
        let began = Instant::now();
        let style = style(method, uri.path());
        let allowed = app.access.check(method, uri, headers, peer, began);
        let logged = tracing::enabled!(tracing::Level::DEBUG)
            || style != Style::Runtime && tracing::enabled!(tracing::Level::INFO);
        let shown = logged.then(|| {
            let target = headers.get(TARGET).and_then(|t| t.to_str().ok()).unwrap_or("").to_owned();
            (method.clone(), uri.path().to_owned(), target, peer)
        });
        let cors = app.access.cors(headers);
        (Self { began, id: random::request_id(), style, shown, cors }, allowed)
    }

    fn end<B>(self, app: &App, mut response: hyper::Response<B>) -> hyper::Response<B> {
        let Self { began, id, style, shown, cors } = self;
        let headers = response.headers_mut();
        headers.extend(cors);
        headers.insert(REQUEST_ID, invoke::header(id.as_str()));
        app.guards.put(headers, style == Style::Plain);
        if let Some((method, path, target, peer)) = shown {
            let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1e3);
            if style == Style::Runtime || path == "/healthz" || path == "/metrics" {
                tracing::debug!(request_id = %id, %method, path, status, ms, "request");
            } else {
                tracing::info!(request_id = %id, %method, path, target, status, ms, %peer, "request");
            }
        }
        response
    }
}

fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Reads a body of at most `limit` bytes, in bounded time.
async fn read<B: hyper::body::Body<Data = Bytes> + Unpin>(
    body: B,
    headers: &HeaderMap,
    limit: usize,
    limit_ms: u64,
) -> Result<Bytes, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limit as u64) {
        return Err(Refusal::too_large(limit));
    }
    let whole = async {
        let mut body = body;
        let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::cut_short())?.into_data() else { continue };
            if first.len() + rest.len() + data.len() > limit {
                return Err(Refusal::too_large(limit));
            }
            // Nearly every body comes in one piece, which then needs no copy.
            if first.is_empty() && rest.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&std::mem::take(&mut first));
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    };
    let in_time = tokio::time::timeout(Duration::from_millis(limit_ms), whole).await;
    in_time.unwrap_or_else(|_| Err(Refusal::too_slow(limit_ms)))
}

/// An answer to a request whose body may not have been read to its end: the connection cannot be used again.
fn refuse<B: From<String>>(refusal: &Refusal, style: Style) -> hyper::Response<B> {
    let mut response = refusal.answer(style);
    if matches!(refusal.status, 408 | 413) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn invocations(
    State(app): State<Arc<App>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let began = head.extensions.get::<Instant>().copied().unwrap_or_else(Instant::now);
    invocation(&app, &endpoint, &head.headers, body, began).await.map(Body::new)
}

async fn invocation<B: hyper::body::Body<Data = Bytes> + Unpin>(
    app: &App,
    endpoint: &str,
    headers: &HeaderMap,
    body: B,
    began: Instant,
) -> hyper::Response<Full<Bytes>> {
    let limits = &app.settings.limits;
    let body = match read(body, headers, limits.body_bytes, limits.body_timeout_ms).await {
        Ok(body) => body,
        Err(refusal) => return refuse(&refusal, Style::Runtime),
    };
    let answered = invoke::invoke(app, endpoint, headers, body, began).await;
    answered.unwrap_or_else(|refusal| refuse(&refusal, Style::Runtime))
}

/// The endpoint that a request invokes, where its path says so plainly.
fn invoked<'a>(method: &Method, uri: &'a Uri) -> Option<&'a str> {
    let endpoint = uri.path().strip_prefix("/endpoints/")?.strip_suffix("/invocations")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (*method == Method::POST && !endpoint.is_empty() && endpoint.bytes().all(plain)).then_some(endpoint)
}

/// All that a connection's requests need.
struct Front {
    app: Arc<App>,
    router: Router,
}

impl Front {
    /// Answers a request. Invocations go past the routes, which do the same with them: the way there takes boxed
    /// bodies and futures and a map for what a handler extracts.
    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        peer: IpAddr,
    ) -> Result<hyper::Response<Either<Full<Bytes>, Body>>, Infallible> {
        if invoked(request.method(), request.uri()).is_none() {
            // Boxed, so that an invocation's future is no larger than its own.
            return Ok(Box::pin(self.routed(request, peer)).await.map(Either::Right));
        }
        let (head, body) = request.into_parts();
        let endpoint = invoked(&head.method, &head.uri).unwrap_or_default();
        let (visit, allowed) = Visit::begin(&self.app, &head.method, &head.uri, &head.headers, peer);
        let response = match allowed {
            // A preflight is no POST.
            Ok(Admitted::Request | Admitted::Preflight) => {
                invocation(&self.app, endpoint, &head.headers, body, visit.began).await
            }
            Err(refusal) => refusal.answer(visit.style),
        };
        Ok(visit.end(&self.app, response).map(Either::Left))
    }

    async fn routed(&self, request: hyper::Request<Incoming>, peer: IpAddr) -> Response {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

async fn call(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let limits = &app.settings.limits;
    let target = head.headers.get(TARGET).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let answered = async {
        let body = read(body, &head.headers, limits.call_bytes, limits.body_timeout_ms).await?;
        aws::call(&app, target, &body).await
    };
    // CloudWatch speaks 1.0, the others 1.1: each is answered as it asked.
    let asked =
        head.headers.get(CONTENT_TYPE).filter(|t| t.as_bytes().starts_with(b"application/x-amz-json-1."));
    let content_type =
        asked.cloned().unwrap_or_else(|| HeaderValue::from_static("application/x-amz-json-1.1"));
    let mut response = match answered.await {
        Ok(value) => Response::new(Body::from(value.to_string())),
        Err(refusal) => {
            let mut response = refuse(&refusal, Style::Json);
            if let Some(code) = refusal.code.filter(|_| target.starts_with("GraniteService")) {
                // Clients that were written for the older protocol know the code without its ending.
                let code = format!("{};Sender", code.trim_end_matches("Exception"));
                response.headers_mut().insert(QUERY_ERROR, invoke::header(&code));
            }
            response
        }
    };
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn site(State(app): State<Arc<App>>, request: Request) -> Response {
    let style = style(request.method(), request.uri().path());
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Refusal::plain(405, "this path is only read").answer(style);
    }
    let found = app.site.get(request.uri().path(), request.headers());
    found.unwrap_or_else(|refusal| refusal.answer(style))
}

/// Ready to take traffic: everything is loaded before the port is opened, so only an end is a reason not to be.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let ending = *app.end.borrow();
    let upstreams: serde_json::Map<_, _> =
        app.backends.upstreams().map(|u| (u.name.clone(), json!(u.is_well()))).collect();
    let endpoints = app.table.all().len();
    let said = json!({"ready": !ending, "endpoints": endpoints, "upstreams": upstreams});
    let mut response = Response::new(Body::from(said.to_string()));
    if ending {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::from(exposition::page(&app)));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn feed(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    live::feed(app, headers.get(LAST_EVENT_ID).and_then(|l| l.to_str().ok()))
}

async fn state(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::from(json!(live::frame(&app, 0, None)).to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Lets the server's own clients call, or ends them.
async fn traffic(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let limits = &app.settings.limits;
    let answered = async {
        let body = read(body, &head.headers, limits.call_bytes, limits.body_timeout_ms).await?;
        let order = serde_json::from_slice(&body)
            .map_err(|e| Refusal::plain(400, format!("the body is no order for traffic: {e}")))?;
        app.traffic.order(order)
    };
    answered.await.map_or_else(|refusal| refuse(&refusal, Style::Plain), |()| no_content())
}

/// Series of an endpoint's variants, as the page's plots ask for them.
async fn series(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let limits = &app.settings.limits;
    let answered = async {
        let body = read(body, &head.headers, limits.call_bytes, limits.body_timeout_ms).await?;
        let query = serde_json::from_slice::<MetricQuery>(&body)
            .map_err(|e| Refusal::plain(400, format!("the body is no query: {e}")))?;
        live::series(&app, &query).map_err(|e| Refusal::plain(400, e.to_string()))
    };
    match answered.await {
        Ok(answer) => {
            let mut response = Response::new(Body::from(json!(answer).to_string()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refusal) => refusal.answer(Style::Plain),
    }
}

async fn session(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answered = async {
        let given = read(body, &head.headers, 4_096, app.settings.limits.body_timeout_ms).await?;
        app.access.session(&given)
    };
    match answered.await {
        Ok(cookie) => {
            let mut response = no_content();
            if let Some(cookie) = cookie {
                response.headers_mut().insert(SET_COOKIE, invoke::header(&cookie));
            }
            response
        }
        Err(refusal) => refuse(&refusal, Style::Plain),
    }
}

/// Serves until `end`, then lets requests under way finish, for as long as `limits.drain_ms` says.
pub async fn serve(app: Arc<App>, listener: TcpListener, end: impl Future<Output = ()>) {
    let front = Arc::new(Front { app: app.clone(), router: router(app.clone()) });
    let limits = app.settings.limits;
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .keep_alive(true);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    tokio::pin!(end);
    loop {
        // Room first: what is not taken waits in the system's queue.
        let accepted = async {
            let permit = room.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            both = accepted => both,
            () = &mut end => break,
        };
        let (stream, peer) = match accepted {
            Ok(both) => both,
            Err(e) => {
                tracing::warn!(error = %e, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // Answers are written at once: waiting to fill a packet would count as overhead.
        let _ = stream.set_nodelay(true);
        let (front, peer) = (front.clone(), peer.ip());
        let service = service_fn(move |request| front.clone().answer(request, peer));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that hangs up amid a request is no event.
            let _ = connection.await;
            drop(permit);
        });
    }
    app.end();
    tracing::info!("ending: requests under way are finished");
    drop(listener);
    let drained = tokio::time::timeout(Duration::from_millis(limits.drain_ms), graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!(
            limit_ms = limits.drain_ms,
            "requests were still under way; their connections end now"
        );
    }
}

/// Runs the server until it is interrupted; `started` is told the address once it serves.
///
/// # Errors
/// [`StartError`].
pub fn run(settings: Settings, started: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let listen = settings.guarded()?;
    // One thread needs nobody to hand work over to, which is what several cost.
    let mut runtime = match settings.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if settings.threads > 1 {
        runtime.worker_threads(settings.threads);
    }
    let runtime = runtime.enable_all().thread_name("server").build().map_err(StartError::Thread)?;
    let control = runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|why| StartError::Listen { listen, why })?;
        let bound = listener.local_addr().unwrap_or(listen);
        let (app, control) = App::new(settings, bound)?;
        started(bound);
        serve(app, listener, interrupted()).await;
        Ok::<_, StartError>(control)
    })?;
    // Tasks that are left hold the app, and with it the control plane, which writes its last snapshot once nobody can
    // call it any more. The same goes for the metrics.
    runtime.shutdown_timeout(Duration::from_secs(1));
    control.join();
    Ok(())
}

/// Returns at Ctrl-C, or at the signal by which services are ended.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            // Without signals the server ends with its process.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}
