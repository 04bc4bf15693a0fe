//! Ports and certificates of the listeners.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use pingora::listeners::tls::TlsSettings;
use pingora::protocols::ALPN;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::RootCertStore;

use super::StartError;
use crate::config::{read_private, ListenerTls};
use crate::platform::ReservedPort;

/// Binds the address once, so that a port in use ends the process at once. Port 0 becomes a free one.
pub fn check_free(address: SocketAddr, key: &str) -> Result<SocketAddr, StartError> {
    let listener = bind(address, key)?;
    let local = listener.local_addr();
    local.map_err(|error| StartError::System(format!("{key}: {error}")))
}

/// A port to listen on: the one that was asked for, found free, or one that the system chose, kept until it is listened on.
pub struct Port {
    pub address: SocketAddr,
    _kept: Option<ReservedPort>,
}

/// The same for both ports. A chosen one is kept, so that the other is another, and so is every other gateway's.
pub fn take_both(listen: SocketAddr, admin: SocketAddr) -> Result<[Port; 2], StartError> {
    Ok([take(listen, "listen")?, take(admin, "admin")?])
}

fn take(address: SocketAddr, key: &str) -> Result<Port, StartError> {
    if address.port() != 0 {
        let address = check_free(address, key)?;
        return Ok(Port {
            address,
            _kept: None,
        });
    }
    let kept = ReservedPort::choose(address)
        .map_err(|error| StartError::Taken(format!("{key}: no port is free: {error}")))?;
    Ok(Port {
        address: kept.address(),
        _kept: Some(kept),
    })
}

/// Binds the address, which is what `key` says.
pub fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| {
        let advice = "stop what listens there (`lsof -nP -i` shows it) or set another port";
        StartError::Taken(format!("{key}: cannot bind {address}: {error}; {advice}"))
    })
}

/// The wanted port, or where it is taken any free one.
pub fn pick_free_port(wanted: SocketAddr) -> SocketAddr {
    let any = SocketAddr::new(wanted.ip(), 0);
    check_free(wanted, "listen")
        .or_else(|_| check_free(any, "listen"))
        .unwrap_or(wanted)
}

/// The data listener's TLS. Pingora panics on bad files, so everything is read and tried here.
pub fn tls_settings(tls: &ListenerTls) -> Result<TlsSettings, StartError> {
    let wrong = |text: String| StartError::Configuration(vec![format!("tls: {text}")]);
    let chain = certificates(&tls.cert_file).map_err(wrong)?;
    let key = read_private(&tls.key_file).map_err(|error| wrong(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key.text.expose_secret().as_bytes()).map_err(|_| {
        wrong(format!(
            "{} holds no private key in PEM form",
            tls.key_file.display()
        ))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certified =
        CertifiedKey::from_der(chain, key, &provider).map_err(|error| wrong(error.to_string()))?;
    // The paths are read by nobody: the resolver has everything already.
    let mut settings =
        TlsSettings::intermediate("", "").map_err(|error| wrong(error.to_string()))?;
    settings.set_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    settings.set_alpn(ALPN::H1);
    if let Some(path) = &tls.client_ca_file {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path).map_err(wrong)? {
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        settings.set_client_cert_verifier(verifier);
    }
    Ok(settings)
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|_| format!("{} is no PEM file of certificates", path.display()))?;
    if chain.is_empty() {
        return Err(format!("{} holds no certificate", path.display()));
    }
    Ok(chain)
}
