//! The opening handshake, and how large a connection's buffers are.

use crdt_socket_sync::Limits;
use tungstenite::{
    client::IntoClientRequest,
    handshake::{
        client,
        server::{ErrorResponse, Request, Response},
    },
    http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    protocol::WebSocketConfig,
};

use crate::DialError;

/// The WebSocket subprotocol that both sides name, so that a client knows at once whether it has come to the right place.
pub const SUBPROTOCOL: &str = "crdt-socket-sync";

/// What is read from the network at once, and what is gathered before it is written. Most of what an idle connection
/// costs is the first of them.
const BUFFER: usize = 4 << 10;

/// A client's request.
///
/// # Errors
///
/// [`DialError::BadUrl`] if the URL has no scheme `ws` or `wss`, or no host.
pub fn request(url: &str) -> Result<client::Request, DialError> {
    let bad = |why: String| DialError::BadUrl { url: url.to_owned(), why };
    let mut request = url.into_client_request().map_err(|error| bad(error.to_string()))?;
    match request.uri().scheme_str() {
        Some("ws" | "wss") => {}
        _ => return Err(bad("it has to begin with ws:// or wss://".into())),
    }
    if request.uri().host().is_none_or(str::is_empty) {
        return Err(bad("it names no host".into()));
    }
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(request)
}

/// Host and port of a request, and whether the connection is to be secure.
///
/// # Errors
///
/// [`DialError::BadUrl`] if it names no host.
pub fn target(request: &client::Request) -> Result<(String, u16, bool), DialError> {
    let uri = request.uri();
    let no_host = || DialError::BadUrl { url: uri.to_string(), why: "it names no host".into() };
    let host = uri.host().ok_or_else(no_host)?;
    let secure = uri.scheme_str() == Some("wss");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // What a resolver takes for an address has no brackets.
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port, secure))
}

/// A server's answer: any path will do, and the subprotocol is named if it was asked for.
///
/// # Errors
///
/// None; it has the form that tungstenite wants.
#[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
pub fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let asked = request
        .headers()
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == SUBPROTOCOL);
    if asked {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// The sizes of a connection's buffers and messages.
pub fn sizes(limits: &Limits) -> WebSocketConfig {
    let frame = limits.frame_bytes;
    // One frame beyond the buffer is all that is ever handed over before it is flushed; relayed changes and joins with
    // many writers make the largest ones, and the peer may read more than this side does.
    let most = BUFFER + 4 * frame.max(limits.change_bytes).max(limits.batch_bytes);
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(most)
        .max_message_size(Some(frame))
        .max_frame_size(Some(frame))
}
