//! TLS towards upstreams whose address begins with `https://`.

use std::{io, path::Path, sync::Arc, time::Duration};

use hyper::Uri;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

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
