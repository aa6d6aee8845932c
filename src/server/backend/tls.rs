//! TLS towards upstreams whose address begins with `https://`.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};
use tower::Service;

/// Why nobody could be trusted; in words that fit behind the name of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificates.
    #[error(
        "{path} cannot be read ({why}); name a PEM file with the certificate of the upstream's authority"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A file without certificates.
    #[error("{path} holds no certificate; name a PEM file that has `-----BEGIN CERTIFICATE-----` in it")]
    Empty {
        /// The file.
        path: String,
    },
    /// The system has none either.
    #[error("the system trusts no certificate authority; install ca-certificates, or name one by ca_file")]
    NoSystem,
    /// No version of TLS; cannot be with the cryptography that is built in.
    #[error("no version of TLS can be spoken ({why})")]
    Unspoken {
        /// Why.
        why: String,
    },
    /// A certificate that is none, or that this program's cryptography cannot hold.
    #[error("{path} holds a certificate that cannot be used ({why})")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

/// Whom to trust, and how to speak: HTTP/1.1 over TLS 1.2 or 1.3.
#[derive(Clone, Default)]
pub struct Tls {
    /// None trusts nobody.
    connector: Option<TlsConnector>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let shown = || path.display().to_string();
    let unreadable = |why: String| TlsError::Unreadable { path: shown(), why };
    let text = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|e| TlsError::Unusable { path: shown(), why: e.to_string() })?;
    }
    if roots.is_empty() { Err(TlsError::Empty { path: shown() }) } else { Ok(roots) }
}

fn of_system() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Some stores hold a few that cannot be parsed; the others do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystem) } else { Ok(roots) }
}

impl Tls {
    /// Trusts the authorities in a PEM file, and nobody else; those of the system where none is named.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(ca_file: Option<&Path>) -> Result<Self, TlsError> {
        let roots = ca_file.map_or_else(of_system, of_file)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Unspoken { why: e.to_string() })?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// Speaks TLS over a connection to the server of that address.
    ///
    /// # Errors
    /// A certificate that is not trusted or is another server's, a server that speaks no TLS, or `limit` passed.
    pub async fn wrap<S>(&self, stream: S, to: &Uri, limit: Duration) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = self.connector.as_ref().ok_or_else(|| io::Error::other("nobody is trusted"))?;
        let host = to.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let shaken = tokio::time::timeout(limit, connector.connect(name, stream)).await;
        shaken.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no TLS in time")))
    }
}

/// TCP, or TLS over it.
#[derive(Debug)]
pub enum Stream {
    /// `http://`.
    Plain(TcpStream),
    /// `https://`.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens connections for the client's pool.
#[derive(Clone, Debug)]
pub struct Connector {
    tcp: HttpConnector,
    tls: Option<Tls>,
    limit: Duration,
}

impl Connector {
    /// Over TCP; over TLS where the address says so, which fails when there is no `tls`. Either may take `limit`.
    pub fn new(mut tcp: HttpConnector, tls: Option<Tls>, limit: Duration) -> Self {
        // The address is looked at here.
        tcp.enforce_http(false);
        Self { tcp, tls, limit }
    }
}

type Opening = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, BoxError>> + Send>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = BoxError;
    type Future = Opening;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Opening {
        let opening = self.tcp.call(to.clone());
        let (tls, limit) = (self.tls.clone(), self.limit);
        Box::pin(async move {
            let tcp = opening.await?.into_inner();
            let stream = match to.scheme_str() {
                Some("https") => {
                    let tls = tls.unwrap_or_default();
                    Stream::Tls(Box::new(tls.wrap(tcp, &to, limit).await?))
                }
                _ => Stream::Plain(tcp),
            };
            Ok(TokioIo::new(stream))
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Does the same with either kind of stream.
macro_rules! either {
    ($of:expr, $stream:ident => $do:expr) => {
        match $of.get_mut() {
            Stream::Plain($stream) => {
                let $stream = Pin::new($stream);
                $do
            }
            Stream::Tls($stream) => {
                let $stream = Pin::new($stream.as_mut());
                $do
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(context, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(context))
    }
}
