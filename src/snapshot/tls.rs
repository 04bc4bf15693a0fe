//! Certificates for connections to upstreams.

use std::path::Path;
use std::sync::Arc;

use pingora::utils::tls::{parse_x509, CertKey, WrappedX509};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::RootCertStore;

use crate::config::{read_private, UpstreamTls};

/// What a connection to one upstream needs beside its name.
#[derive(Clone, Default)]
pub struct ClientTls {
    /// Only these may sign its certificate; none trusts the system's.
    pub ca: Option<Arc<[WrappedX509]>>,
    /// Our own, for mutual TLS.
    pub client_cert: Option<Arc<CertKey>>,
}

impl ClientTls {
    /// Reads the files that `tls` names; the error is a text for the operator.
    pub fn load(tls: &UpstreamTls) -> Result<ClientTls, String> {
        let ca = tls.ca_file.as_deref().map(ca).transpose()?;
        let client_cert = match (&tls.cert_file, &tls.key_file) {
            (Some(cert), Some(key)) => Some(Arc::new(client_cert(cert, key)?)),
            _ => None,
        };
        Ok(ClientTls { ca, client_cert })
    }
}

fn ca(path: &Path) -> Result<Arc<[WrappedX509]>, String> {
    let certificates = certificates(path)?;
    Ok(certificates
        .into_iter()
        .map(|der| WrappedX509::new(der, parse_x509))
        .collect())
}

fn client_cert(cert: &Path, key: &Path) -> Result<CertKey, String> {
    let certificates = certificates(cert)?;
    let private = read_private(key).map_err(|error| error.to_string())?;
    let der = PrivateKeyDer::from_pem_slice(private.text.expose_secret().as_bytes())
        .map_err(|_| format!("{} holds no private key in PEM form", key.display()))?;
    Ok(CertKey::new(certificates, der.secret_der().to_vec()))
}

/// The certificates in a PEM file, each one readable: Pingora panics on one that isn't.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let broken = |why: &str| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| broken(&error.to_string()))?;
    let mut certificates = Vec::new();
    for der in CertificateDer::pem_slice_iter(&text) {
        let der = der.map_err(|_| broken("is no PEM file of certificates"))?;
        let readable = RootCertStore::empty().add(der.clone()).is_ok();
        if !readable {
            return Err(broken("holds a certificate that can't be read"));
        }
        certificates.push(der.to_vec());
    }
    if certificates.is_empty() {
        return Err(broken("holds no certificate"));
    }
    Ok(certificates)
}
