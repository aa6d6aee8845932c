//! What a request to a model server goes over.

use std::{error::Error, time::Duration};

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::tls::Tls;

/// Bytes both ways, in order.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Probes after which a silent connection that nobody uses is known to be dead.
pub const KEEPALIVE: Duration = Duration::from_secs(30);

/// TCP, with a limit for the time that a connection may take to be there.
pub fn tcp(timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(timeout));
    connector.set_keepalive(Some(KEEPALIVE));
    connector
}

/// Opens connections to one server.
#[derive(Clone, Debug)]
pub struct Connector {
    tcp: HttpConnector,
    tls: Option<Tls>,
    to: Uri,
    limit: Duration,
}

impl Connector {
    /// For the server of this address: over TCP, or over TLS where the address says so, which fails when there is no
    /// `tls`. Either may take `limit`. Nothing is connected to yet.
    pub fn new(to: Uri, tls: Option<Tls>, limit: Duration) -> Self {
        let mut tcp = tcp(limit);
        // The address is looked at here.
        tcp.enforce_http(false);
        Self { tcp, tls, to, limit }
    }

    /// Opens one.
    ///
    /// # Errors
    /// The system's words: no such name, nobody listens, not in time, or a certificate that is not trusted.
    pub async fn connect(&self) -> Result<Box<dyn Stream>, Box<dyn Error + Send + Sync>> {
        let stream = self.tcp.clone().oneshot(self.to.clone()).await?.into_inner();
        if self.to.scheme_str() != Some("https") {
            return Ok(Box::new(stream));
        }
        let tls = self.tls.clone().unwrap_or_default();
        Ok(Box::new(tls.wrap(stream, &self.to, self.limit).await?))
    }
}
