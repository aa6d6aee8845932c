//! Upstreams over TLS: whom a server trusts, and how it says that it does not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rollout_lab::server::Settings;
use rustls_pki_types::PrivateKeyDer;
use server::{Folder, REVIEW, Server, settings};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

/// Signs certificates; its own is what a client trusts.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A model server that shows a certificate for `name`, and answers in all three protocols.
    async fn serves(&self, name: &str) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever does not trust the certificate hangs up.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = hyper::service::service_fn(answer);
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        address
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.uri().path() {
        "/v2/models/m/infer" => r#"{"outputs":[{"name":"label","data":[4]}]}"#,
        "/v1/models/m:predict" => r#"{"predictions":[3]}"#,
        "/invocations" => r#"{"predicted_label": 2}"#,
        _ => "",
    };
    Ok(Response::new(Full::from(body)))
}

fn upstream(name: &str, protocol: &str, at: SocketAddr, more: &str) -> String {
    format!(
        "[upstream.{name}]\nprotocol = \"{protocol}\"\nurl = \"https://{at}\"\nmodel = \"m\"\n{more}\nhealth_interval_ms = 0\nretries = 0\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_are_reached_over_tls_and_only_those_that_are_trusted() {
    let folder = Folder::new("tls");
    let (ours, theirs) = (Authority::new(), Authority::new());
    let pem = folder.0.join("ca.pem");
    std::fs::write(&pem, &ours.pem).unwrap();
    let trusted = ours.serves("127.0.0.1").await;
    let ca_file = format!("ca_file = {:?}", pem.display().to_string());
    let plain = server::Upstream::start(server::Mood::Well).await;
    let toml = [
        upstream("oip", "oip", trusted, &ca_file),
        upstream("serving", "tfserving", trusted, &ca_file),
        upstream("container", "http", trusted, &ca_file),
        upstream("stranger", "http", theirs.serves("127.0.0.1").await, &ca_file),
        upstream("other-name", "http", ours.serves("models.example").await, &ca_file),
        upstream("plain", "http", plain.address, &ca_file),
    ]
    .concat();
    // By the system's authorities, where it has some.
    let unknown = upstream("unknown", "http", trusted, "");
    let system = Settings::parse(&unknown, "test.toml").is_ok();
    let server = Server::start(settings(&(toml + if system { &unknown } else { "" }))).await;
    let mut names = vec!["oip", "serving", "container", "stranger", "other-name", "plain"];
    names.extend(system.then_some("unknown"));
    let variants: Vec<_> = names.iter().map(|n| (*n, *n, 1.0)).collect();
    server.deploy(&variants, &[]).await;
    let ask = async |name: &str| {
        let said = server.invoke("ep", &[("x-amzn-sagemaker-target-variant", name)], REVIEW).await;
        (said.status, said.body)
    };
    for (name, label) in [
        ("oip", "\"predicted_label\":4"),
        ("serving", "\"predicted_label\":3"),
        ("container", "\"predicted_label\": 2"),
    ] {
        for _ in 0..2 {
            let (status, body) = ask(name).await;
            assert!(status == 200 && body.contains(label), "{name}: {body}");
        }
    }
    for (name, words) in [
        ("stranger", "invalid peer certificate"),
        ("other-name", "not valid for name"),
        ("unknown", "invalid peer certificate"),
        // What it answers to a greeting it does not understand is no TLS.
        ("plain", "does not answer"),
    ]
    .into_iter()
    .filter(|(name, _)| names.contains(name))
    {
        let (status, body) = ask(name).await;
        assert!(status == 503 && body.contains(words), "{name}: {status} {body}");
    }
    assert_eq!(plain.asked.load(std::sync::atomic::Ordering::SeqCst), 0);
}
