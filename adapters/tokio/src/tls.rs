//! Whom a client trusts.

use std::sync::Arc;

use rustls::{ClientConfig, Error, RootCertStore, crypto::ring, pki_types::CertificateDer};

/// Trusts the authorities that Mozilla trusts, and one more.
pub(crate) fn config(also: Option<&[u8]>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(certificate) = also {
        roots.add(CertificateDer::from(certificate.to_vec()))?;
    }
    // The provider is named, because an application's other dependencies may bring another one.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
