//! `wss://`, to a server with a certificate of its own making.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use crdt_socket_sync_tokio::{Client, ConnectError, DialError, Level, Limits, Server, ServerHandle, Tokio};
use crdt_socket_sync_websocket::handshake;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::TlsAcceptor;

/// Someone else's server that accepts secure connections, upgrades them, and has ours serve them.
async fn secure_front(handle: ServerHandle) -> (String, Vec<u8>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let sizes = Some(handshake::sizes(&Limits::default()));
            let upgraded = tokio_tungstenite::accept_hdr_async_with_config(stream, handshake::answer, sizes).await;
            tokio::spawn(handle.serve_socket(upgraded.unwrap()));
        }
    });
    (url, cert.der().to_vec())
}

#[tokio::test]
async fn a_secure_connection_needs_a_certificate_that_is_trusted() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let (url, certificate) = secure_front(server.handle()).await;

    let trusting = Client::builder(&url).runtime(Tokio::trusting(&certificate).unwrap()).connect();
    let notes = trusting.open("notes").unwrap();
    notes.edit(|txn| txn.text("body").push_str("secret")).unwrap();
    timeout(Duration::from_secs(30), notes.synced(Level::Stored)).await.unwrap().unwrap();

    let wary = Client::connect(&url);
    let first = timeout(Duration::from_secs(30), wary.first_attempt()).await.unwrap();
    assert!(matches!(first, Err(ConnectError::Dial(DialError::Tls(_)))), "{first:?}");
}
