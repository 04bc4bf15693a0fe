//! Certificates made for one test: an authority, servers, clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A certificate authority that exists for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key, PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority for one test");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// For 127.0.0.1, ::1 and localhost.
    pub fn server(&self) -> Identity {
        self.identity(&["127.0.0.1", "::1", "localhost"])
    }

    pub fn client(&self, name: &str) -> Identity {
        self.identity(&[name])
    }

    /// A certificate for these names and addresses.
    pub fn identity(&self, names: &[&str]) -> Identity {
        let names = names
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>();
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate")
            .pem();
        Identity {
            certificate,
            key: key.serialize_pem(),
        }
    }

    /// The authority's own certificate as a file, for `ca_file`.
    pub fn write(&self, folder: &Path) -> PathBuf {
        write(folder, "ca.pem", &self.pem, 0o644)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.pem) {
            roots.add(certificate).expect("our own certificate");
        }
        Arc::new(roots)
    }

    /// A server with `identity`; with `mutual`, clients must show a certificate of this authority.
    pub fn server_config(
        &self,
        identity: &Identity,
        alpn: &[&str],
        mutual: bool,
    ) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match mutual {
            true => builder.with_client_cert_verifier(self.verifier()),
            false => builder.with_no_client_auth(),
        };
        let (chain, key) = identity.parts();
        let mut config = builder.with_single_cert(chain, key).expect("an identity");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.into()
    }

    fn verifier(&self) -> Arc<dyn rustls::server::danger::ClientCertVerifier> {
        let builder =
            WebPkiClientVerifier::builder_with_provider(self.roots(), default_provider().into());
        builder.build().expect("a verifier")
    }

    /// A client that trusts this authority alone, and shows `identity` where asked.
    pub fn client_config(&self, identity: Option<&Identity>) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(self.roots());
        match identity.map(Identity::parts) {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .expect("an identity")
                .into(),
            None => builder.with_no_client_auth().into(),
        }
    }
}

impl Identity {
    /// `<name>.pem` and `<name>.key` in `folder`, the key for its owner alone.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let certificate = write(folder, &format!("{name}.pem"), &self.certificate, 0o644);
        (
            certificate,
            write(folder, &format!("{name}.key"), &self.key, 0o600),
        )
    }

    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        (certificates(&self.certificate), key)
    }
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes());
    all.collect::<Result<_, _>>().expect("certificates")
}

/// Writes a file with exactly this mode.
pub fn write(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, text).expect("a temporary file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    path
}
