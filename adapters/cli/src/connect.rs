//! Getting to a server and into a document, or saying in one line why not.

use crdt_socket_sync::error::{Code, Misuse};
use crdt_socket_sync_websocket::{Client, ConnectError, DialError, Doc, DocError, DocEvent, Runtime, SyncError};

use crate::{failure::Failure, record::RecordArgs, runtime::RuntimeName};

/// A text, and how to get to it.
#[derive(Debug, clap::Args)]
pub(crate) struct TextArgs {
    /// The server, as ws://HOST:PORT or wss://HOST:PORT
    pub(crate) url: String,
    /// The document
    pub(crate) doc: String,
    /// The text in the document
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub(crate) text: String,
    /// The async runtime that the client runs on
    #[arg(long, value_enum, default_value_t)]
    pub(crate) runtime: RuntimeName,
    #[command(flatten)]
    pub(crate) record: RecordArgs,
}

/// Waits for the first attempt of a client to succeed. From then on it reconnects by itself.
pub(crate) async fn first_attempt<R: Runtime>(client: &Client<R>, url: &str) -> Result<(), Failure> {
    client.first_attempt().await.map_err(|error| not_connected(url, &error))
}

/// Opens a document and waits until everything is here that the server has.
pub(crate) async fn open<R: Runtime>(client: &Client<R>, name: &str) -> Result<Doc, Failure> {
    let doc = client.open(name).map_err(misuse)?;
    let mut events = doc.events();
    // The client would go on asking; whoever waits here would rather know.
    let refused = async {
        loop {
            match events.next().await {
                Some(DocEvent::Refused { reason }) => break SyncError::Refused(reason),
                Some(_) => {}
                None => break SyncError::Left,
            }
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = doc.caught_up() => outcome,
        error = refused => Err(error),
    };
    outcome.map_err(|error| not_synced(name, &error))?;
    Ok(doc)
}

/// Why there is no connection, and what to do.
pub(crate) fn not_connected(url: &str, error: &ConnectError) -> Failure {
    const OURS: &str = "name the URL of a crdt-socket-sync server";
    let what = format!("cannot connect to {url}: {error}");
    let todo = match error {
        ConnectError::Dial(DialError::BadUrl { .. }) => "give one like ws://127.0.0.1:7070",
        ConnectError::Dial(DialError::Refused(_)) => "start a server there with `crdt-socket-sync serve`",
        ConnectError::Dial(DialError::Unreachable(_)) if url.starts_with("wss://") => {
            "check the address and the network; if the server has no certificate, use ws://"
        }
        ConnectError::Dial(DialError::Unreachable(_) | DialError::TimedOut) => "check the address and the network",
        ConnectError::Dial(DialError::Tls(why)) if why.contains("crdt-socket-sync-tokio") => "use --runtime tokio",
        ConnectError::Dial(DialError::Tls(_)) => "check the server's certificate, or use ws:// if it has none",
        ConnectError::Dial(_) => OURS,
        ConnectError::Refused(reason) => match reason.code {
            Code::Version => "update whichever side is older",
            Code::Forbidden => "ask whoever runs the server to let you in",
            _ => OURS,
        },
        ConnectError::Lost(_) => "try again; if it stays so, name the URL of a crdt-socket-sync server",
        _ => "try again",
    };
    Failure::new(what, todo)
}

/// Why a document is not in step, and what to do.
pub(crate) fn not_synced(name: &str, error: &SyncError) -> Failure {
    let what = format!("cannot keep {name:?} in step: {error}");
    let todo = match error {
        SyncError::Refused(reason) if reason.code == Code::StoreFailed => {
            "look at what the server says, and at its store"
        }
        SyncError::Refused(_) | SyncError::ReadOnly => "ask whoever runs the server for access",
        _ => "try again",
    };
    Failure::new(what, todo)
}

/// Why a document cannot be opened.
pub(crate) fn misuse(error: Misuse) -> Failure {
    match error {
        Misuse::Name { .. } => Failure::new(error.to_string(), "use another document name"),
        error => Failure::bug(error),
    }
}

/// Why a document cannot be edited.
pub(crate) fn not_edited(error: DocError) -> Failure {
    match error {
        DocError::Edit(error) => Failure::complete(error),
        error => Failure::bug(error),
    }
}
