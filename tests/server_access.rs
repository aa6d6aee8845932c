//! Who is refused, and with which status: forged hosts and origins, missing and wrong tokens, bodies that are too large
//! or too slow, paths that lead upwards, upstreams that nobody declared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response};
use rollout_lab::server::{App, Settings, router, settings::Token};
use serde_json::json;
use server::{Mood, REVIEW, Server, Upstream, container, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

const TOKEN: &str = "correct-horse-battery";

async fn app(settings: Settings) -> axum::Router {
    let (app, _control) = App::new(settings, "127.0.0.1:8080".parse().unwrap()).unwrap();
    router(app)
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(n, _)| *n == "host") {
        request = request.header("host", "127.0.0.1:8080");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

async fn answer(app: &axum::Router, request: Request<Body>) -> Response<Body> {
    app.clone().oneshot(request).await.unwrap()
}

async fn status(app: &axum::Router, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    answer(app, request(method, path, headers, Body::empty())).await.status().as_u16()
}

#[tokio::test]
async fn forged_hosts_and_origins_are_refused() {
    let app =
        app(settings("allowed_hosts = [\"lab.example\"]\nallowed_origins = [\"https://course.example\"]"))
            .await;
    for (host, wanted) in [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("lab.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8080", 421),
        ("", 421),
    ] {
        assert_eq!(status(&app, "GET", "/healthz", &[("host", host)]).await, wanted, "{host}");
    }
    let none = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(answer(&app, none).await.status(), 400);
    assert_eq!(status(&app, "GET", "/healthz", &[("host", "localhost"), ("host", "localhost")]).await, 400);
    for (origin, wanted) in [
        ("http://127.0.0.1:8080", 200),
        ("https://course.example", 200),
        ("http://evil.example", 403),
        ("http://127.0.0.1:9090", 403),
        ("null", 403),
    ] {
        assert_eq!(status(&app, "GET", "/healthz", &[("origin", origin)]).await, wanted, "{origin}");
    }
}

#[tokio::test]
async fn without_the_token_nothing_but_the_site_is_answered() {
    let app = app(Settings { token: Some(Token::new(TOKEN).unwrap()), ..settings("") }).await;
    let bearer = |token: &str| format!("Bearer {token}");
    let signed = |key: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261122/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
        )
    };
    for (authorization, wanted) in [
        (None, 401),
        (Some(bearer("wrong")), 401),
        (Some(bearer("")), 401),
        (Some(signed("AKIDEXAMPLE")), 401),
        (Some("Basic Y29ycmVjdA==".to_owned()), 401),
        (Some(bearer(TOKEN)), 200),
        (Some(signed(TOKEN)), 200),
    ] {
        let mut headers = vec![];
        headers.extend(authorization.as_deref().map(|a| ("authorization", a)));
        for path in ["/api/state", "/metrics"] {
            assert_eq!(status(&app, "GET", path, &headers).await, wanted, "{path} {authorization:?}");
        }
        let invoked = status(&app, "POST", "/endpoints/ep/invocations", &headers).await;
        assert_eq!(invoked, if wanted == 200 { 400 } else { 401 });
        let called = status(&app, "POST", "/", &headers).await;
        assert_eq!(called, if wanted == 200 { 404 } else { 401 });
    }
    assert_eq!(status(&app, "GET", "/healthz", &[]).await, 200);

    let refused = answer(&app, request("POST", "/api/session", &[], "wrong")).await;
    assert_eq!(refused.status(), 401);
    let session = answer(&app, request("POST", "/api/session", &[], TOKEN)).await;
    assert_eq!(session.status(), 204);
    let cookie = session.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(status(&app, "GET", "/api/state", &[("cookie", cookie)]).await, 200);
    let forged = format!("{}0", &cookie[..cookie.len() - 1]);
    let forged = if forged == cookie { format!("{}1", &cookie[..cookie.len() - 1]) } else { forged };
    assert_eq!(status(&app, "GET", "/api/state", &[("cookie", &forged)]).await, 401);
}

#[tokio::test]
async fn large_slow_and_many_requests_are_refused() {
    let limited = "[limits]\nbody_bytes = 1000\ncall_bytes = 2000\nbody_timeout_ms = 30\nrequests_per_second = 1\nburst = 7";
    let app = app(settings(limited)).await;
    let invocations = "/endpoints/ep/invocations";
    let said =
        answer(&app, request("POST", invocations, &[("content-length", "1001")], vec![b'x'; 1_001])).await;
    assert_eq!(said.status(), 413);
    let said = said.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&said).contains("exceeded 1000 bytes"), "{said:?}");
    // Without an announced length: counted as it comes.
    let pieces =
        || futures_util::stream::iter((0..9).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 500]))));
    for path in [invocations, "/"] {
        let said = answer(&app, request("POST", path, &[], Body::from_stream(pieces()))).await;
        assert_eq!(said.status(), 413, "{path}");
        assert_eq!(said.headers()["connection"], "close");
    }
    let never = || futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
    for path in [invocations, "/"] {
        let said = answer(&app, request("POST", path, &[], Body::from_stream(never()))).await;
        assert_eq!(said.status(), 408, "{path}");
    }
    // Two of seven are left; the third is one too many.
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(status(&app, "GET", "/healthz", &[]).await);
    }
    assert_eq!(seen, [200, 200, 429, 429]);
    let said = answer(&app, request("POST", "/", &[], "")).await;
    assert_eq!((said.status().as_u16(), said.headers()["retry-after"].to_str().unwrap()), (429, "1"));
}

#[tokio::test]
async fn paths_that_lead_upwards_are_refused() {
    let folder = server::Folder::new("site");
    std::fs::write(folder.0.join("index.html"), "<script>go()</script>").unwrap();
    let app = app(Settings { site: Some(folder.0.clone()), ..settings("") }).await;
    for (path, wanted) in [
        ("/", 200),
        ("/index.html", 200),
        ("/nothing", 404),
        ("/../Cargo.toml", 400),
        ("/..%2f..%2fetc/passwd", 400),
        ("/%2e%2e/etc/passwd", 400),
        ("/models/..%5c..%5cx", 400),
    ] {
        assert_eq!(status(&app, "GET", path, &[]).await, wanted, "{path}");
    }
    assert_eq!(status(&app, "DELETE", "/index.html", &[]).await, 405);
    let page = answer(&app, request("GET", "/", &[], "")).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "'wasm-unsafe-eval'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "'sha256-",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("'unsafe-eval'") && !policy.contains("script-src 'self' 'unsafe-inline'"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(page.headers()[name], value);
    }
}

#[tokio::test]
async fn a_caller_cannot_make_the_server_connect_anywhere() {
    let trap = Upstream::start(Mood::Well).await;
    let server = Server::start(settings("")).await;
    let image = format!("http://{}/", trap.address);
    for (i, given) in [image.as_str(), "../good", "good@evil", "localhost"].iter().enumerate() {
        let (model, endpoint) = (format!("m{i}"), format!("e{i}"));
        let made = json!({"ModelName": model, "PrimaryContainer": container(given)});
        server.must("CreateModel", made).await;
        let variant = json!({"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1});
        let config = json!({"EndpointConfigName": endpoint, "ProductionVariants": [variant]});
        server.must("CreateEndpointConfig", config).await;
        server
            .must("CreateEndpoint", json!({"EndpointName": endpoint, "EndpointConfigName": endpoint}))
            .await;
        server.until_in_service(&endpoint).await;
        let said = server.invoke(&endpoint, &[], REVIEW).await;
        assert_eq!((said.status, said.error.as_str()), (503, "ServiceUnavailable"), "{given}");
        assert!(said.body.contains("has not declared"), "{said:?}");
    }
    let elsewhere = json!({"Image": "x:1", "ModelDataUrl": image});
    let (status, said) =
        server.call("CreateModel", json!({"ModelName": "other", "PrimaryContainer": elsewhere})).await;
    assert_eq!((status, said["__type"].as_str().unwrap()), (400, "ValidationException"));
    assert_eq!(trap.asked.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_takes_no_place() {
    let server = Server::start(settings("[limits]\nheader_timeout_ms = 50\nconnections = 1")).await;
    let mut slow = tokio::net::TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nHost: 127").await.unwrap();
    // The only connection there may be: once it has ended, the next one is served.
    assert_eq!(server.get("/healthz").await, "ok\n");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[test]
fn another_address_than_loopback_demands_a_token() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rollout-lab"));
    command.args(["serve", "--listen", "0.0.0.0:0"]).env_remove("ROLLOUT_LAB_TOKEN");
    let said = command.output().unwrap();
    assert!(!said.status.success());
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(words.contains("0.0.0.0:0") && words.contains("ROLLOUT_LAB_TOKEN"), "{words}");
}

#[tokio::test]
async fn an_order_for_traffic_that_cannot_be_kept_is_refused_with_value_and_limit() {
    let app = app(settings("")).await;
    let put = async |body: serde_json::Value| {
        let headers = [("content-type", "application/json")];
        let answer = answer(&app, request("PUT", "/api/traffic", &headers, body.to_string())).await;
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&text).into_owned())
    };
    let order = |on: bool, endpoint: &str, rate: f64| json!({"on": on, "endpoint": endpoint, "per_second": rate, "constant": false});
    for (order, wanted, words) in [
        (order(true, "reviews", 0.0), 400, "at most 10000, but is 0"),
        (order(true, "reviews", 20_000.0), 400, "at most 10000, but is 20000"),
        (order(true, "a/../../b", 1.0), 400, "endpoint: "),
        (order(true, "reviews", 1.0), 409, "no reviews to send"),
        (json!({"on": 1}), 400, "no order for traffic"),
        (order(false, "", 0.0), 204, ""),
    ] {
        let (status, text) = put(order.clone()).await;
        assert!(status == wanted && text.contains(words), "{order}: {status} {text}");
    }
}

#[tokio::test]
async fn series_that_cannot_be_read_are_refused_with_the_reason() {
    let app = app(settings("")).await;
    let headers = [("content-type", "application/json")];
    for (body, words) in [("", "no query"), ("{}", "no query"), ("[", "no query")] {
        let answer = answer(&app, request("POST", "/api/series", &headers, body)).await;
        assert_eq!(answer.status().as_u16(), 400, "{body}");
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&text).contains(words), "{body}");
    }
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_read_and_others_may_not() {
    let lab = |more: &str| settings(&format!("allowed_origins = [\"https://course.example\"]\n{more}"));
    let app = app(lab("")).await;
    let get = async |app: &axum::Router, headers: &[(&str, &str)]| {
        let answer = answer(app, request("GET", "/api/state", headers, Body::empty())).await;
        let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        (answer.status().as_u16(), header("access-control-allow-origin"), header("vary"))
    };
    let vary = Some("origin".to_owned());
    let theirs = Some("https://course.example".to_owned());
    assert_eq!(get(&app, &[("origin", "https://course.example")]).await, (200, theirs.clone(), vary.clone()));
    assert_eq!(get(&app, &[]).await, (200, None, vary.clone()));
    assert_eq!(get(&app, &[("origin", "http://127.0.0.1:8080")]).await, (200, None, vary.clone()));
    for other in [
        "https://COURSE.example",
        "https://course.example:8443",
        "http://course.example",
        "https://x.course.example",
        "https://course.example.evil",
        "null",
        "",
    ] {
        assert_eq!(get(&app, &[("origin", other)]).await, (403, None, vary.clone()), "{other}");
    }
    let shown = answer(&app, request("GET", "/api/state", &[("origin", "https://course.example")], "")).await;
    let shown = shown.headers()["access-control-expose-headers"].to_str().unwrap().to_owned();
    assert!(shown.contains("x-amzn-invoked-production-variant"), "{shown}");
    // Off unless the operator names somebody.
    let closed = self::app(settings("")).await;
    assert_eq!(get(&closed, &[("origin", "https://course.example")]).await, (403, None, None));
    assert_eq!(get(&closed, &[]).await, (200, None, None));
}

#[tokio::test]
async fn a_browser_may_ask_before_it_sends() {
    let mut lab = settings("allowed_origins = [\"https://course.example\"]");
    lab.token = Some(Token::new(TOKEN).unwrap());
    let app = app(lab).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        answer(&app, request("OPTIONS", path, headers, "")).await
    };
    let theirs = ("origin", "https://course.example");
    let wanted = ("access-control-request-method", "PUT");
    for path in ["/api/live", "/api/traffic", "/", "/endpoints/ep/invocations"] {
        let said = ask(path, &[theirs, wanted, ("access-control-request-headers", "authorization")]).await;
        let header = |name: &str| said.headers().get(name).map(|v| v.to_str().unwrap());
        // A browser sends no token with this question, so none is asked for.
        assert_eq!(said.status(), 204, "{path}");
        assert_eq!(header("access-control-allow-origin"), Some("https://course.example"));
        assert_eq!(header("access-control-allow-methods"), Some("GET, POST, PUT"));
        for sent in ["authorization", "content-type", "last-event-id", "x-amz-target"] {
            assert!(header("access-control-allow-headers").unwrap().contains(sent), "{sent}");
        }
        // No cookie ever comes along, and nobody asked about private networks.
        assert_eq!(header("access-control-allow-credentials"), None);
        assert_eq!(header("access-control-allow-private-network"), None);
    }
    let private =
        ask("/api/live", &[theirs, wanted, ("access-control-request-private-network", "true")]).await;
    assert_eq!(private.headers()["access-control-allow-private-network"], "true");
    let others = ask("/api/live", &[("origin", "https://evil.example"), wanted]).await;
    assert_eq!((others.status().as_u16(), others.headers().get("access-control-allow-origin")), (403, None));
    let own = ask("/api/live", &[("origin", "http://127.0.0.1:8080"), wanted]).await;
    assert_eq!((own.status().as_u16(), own.headers().get("access-control-allow-methods")), (401, None));
    // Not a question of a browser's: it needs the token like any request.
    assert_eq!(ask("/api/live", &[theirs]).await.status(), 401);

    // The request itself: refused so that the page can tell why, and answered with the token.
    let get = async |headers: &[(&str, &str)]| answer(&app, request("GET", "/api/state", headers, "")).await;
    let refused = get(&[theirs]).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["access-control-allow-origin"]),
        (401, &"https://course.example".parse().unwrap())
    );
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(get(&[theirs, ("authorization", &bearer)]).await.status(), 200);
    assert_eq!(get(&[("origin", "https://evil.example"), ("authorization", &bearer)]).await.status(), 403);
}
