//! `watch`: prints what happens to a document, a line each.

use crdt_socket_sync::{
    Level, Status,
    document::{ContainerEdit, ContainerId, DocumentEvent, Origin, Place},
};
use crdt_socket_sync_websocket::{Client, DocEvent, Runtime};
use futures_util::future::{Either, select};
use serde_json::{Value, json};

use crate::{
    Outcome, connect, output,
    record::RecordArgs,
    runtime::{Job, RuntimeName, done},
};

/// Print what happens to a document, one line for each event, until ctrl-c
///
///     crdt-socket-sync watch ws://127.0.0.1:7070 page
///     crdt-socket-sync watch ws://127.0.0.1:7070 page --json | jq .
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The server, as ws://HOST:PORT or wss://HOST:PORT
    url: String,
    /// The document
    doc: String,
    /// End once everything is here that the server has
    #[arg(long)]
    until_synced: bool,
    /// End after the first edit that comes in after that
    #[arg(long, conflicts_with = "until_synced")]
    once: bool,
    /// The async runtime that the client runs on
    #[arg(long, value_enum, default_value_t)]
    runtime: RuntimeName,
    #[command(flatten)]
    record: RecordArgs,
}

struct Watch(Args, bool);

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    args.runtime.run(Watch(args, json))
}

impl Job for Watch {
    async fn run<R: Runtime + Default>(self) -> Outcome {
        let Self(Args { url, doc: name, until_synced, once, record, .. }, json) = self;
        let client: Client<R> = record.connect(&url)?;
        let mut statuses = client.statuses();
        // Opened first, so that no event is missed.
        let doc = client.open(&name).map_err(connect::misuse)?;
        let mut events = doc.events();
        connect::first_attempt(&client, &url).await?;
        let mut caught_up = false;
        loop {
            let next = match select(Box::pin(events.next()), Box::pin(statuses.next())).await {
                Either::Left((event, _)) => event.map(|event| {
                    let edited = matches!(event, DocEvent::Document(_));
                    let (word, line) = described(&event);
                    caught_up |= matches!(event, DocEvent::CaughtUp);
                    (word, line, (until_synced && caught_up) || (once && caught_up && edited))
                }),
                Either::Right((status, _)) => status.map(|status| {
                    let (word, line) = status_line(&status);
                    (word, line, matches!(status, Status::Refused(_)))
                }),
            };
            let Some((line, value, last)) = next else { return done() };
            if json {
                output::json(&value)?;
            } else {
                output::line(line)?;
            }
            if last {
                break;
            }
        }
        if let Status::Refused(reason) = client.status() {
            return Err(connect::not_connected(&url, &crdt_socket_sync_websocket::ConnectError::Refused(reason)));
        }
        client.close().await;
        done()
    }
}

fn status_line(status: &Status) -> (String, Value) {
    let (word, detail) = match status {
        Status::Disconnected => ("disconnected", String::new()),
        Status::Connecting => ("connecting", String::new()),
        Status::Connected => ("connected", String::new()),
        Status::Reconnecting { failures, wait, why } => {
            ("reconnecting", format!("in {:.1} s, attempt {}: {why}", wait.as_secs_f64(), failures + 1))
        }
        Status::Refused(reason) => ("refused", reason.to_string()),
    };
    (format!("{word:<12} {detail}").trim_end().to_owned(), json!({ "event": word, "detail": detail }))
}

fn described(event: &DocEvent) -> (String, Value) {
    let plain = |word: &str, detail: String| {
        (format!("{word:<12} {detail}").trim_end().to_owned(), json!({ "event": word, "detail": detail }))
    };
    match event {
        DocEvent::Document(DocumentEvent::Changed { origin, change, edits, .. }) => {
            let origin = match origin {
                Origin::Remote => "remote",
                _ => "local",
            };
            let (lines, values): (Vec<_>, Vec<_>) = edits.iter().map(edit).unzip();
            let value = json!({ "event": "changed", "origin": origin, "change": change.to_string(), "edits": values });
            (format!("{:<12} {change} {}", "changed", lines.join("; ")), value)
        }
        DocEvent::Document(DocumentEvent::Unreadable { change, why }) => plain("unreadable", format!("{change} {why}")),
        DocEvent::Document(other) => plain("other", format!("{other:?}")),
        DocEvent::Joined { access } => plain("joined", format!("{access:?}").to_lowercase()),
        DocEvent::CaughtUp => plain("caught-up", String::new()),
        DocEvent::Synced { level } => {
            plain("synced", if *level == Level::Stored { "stored" } else { "received" }.to_owned())
        }
        DocEvent::Refused { reason } => plain("refused", reason.to_string()),
        DocEvent::EpochMismatch { ours, theirs } => plain("other-history", format!("{ours} here, {theirs} there")),
        DocEvent::Diverged { fault } => plain("diverged", fault.to_string()),
        DocEvent::StoreFailed { fault, .. } => plain("store-failed", fault.to_string()),
        DocEvent::RecordFailed { error } => plain("record-failed", error.clone()),
        DocEvent::Lagged => plain("lagged", "some events are not shown".into()),
        other => plain("other", format!("{other:?}")),
    }
}

fn edit(edit: &ContainerEdit) -> (String, Value) {
    let kind = edit.id().kind.to_string();
    let (names, names_json) = names(edit.id());
    let (detail, name, value) = match edit {
        ContainerEdit::Text { edits, .. } => {
            let lines: Vec<_> = edits
                .iter()
                .map(|edit| match (edit.removed, edit.inserted.as_str()) {
                    (0, inserted) => format!("at {} +{inserted:?}", edit.at),
                    (removed, "") => format!("at {} -{removed}", edit.at),
                    (removed, inserted) => format!("at {} -{removed} +{inserted:?}", edit.at),
                })
                .collect();
            let values: Vec<_> = edits
                .iter()
                .map(|edit| json!({ "at": edit.at, "removed": edit.removed, "inserted": edit.inserted }))
                .collect();
            (lines.join(", "), "edits", json!(values))
        }
        ContainerEdit::Map { keys, .. } | ContainerEdit::OrMap { keys, .. } => {
            let keys: Vec<_> = keys.iter().map(|key| &**key).collect();
            (keys.join(", "), "keys", json!(keys))
        }
        ContainerEdit::Counter { by, .. } => (format!("{by:+}"), "by", json!(by.to_string())),
        ContainerEdit::OrSet { elements, .. } => {
            (format!("{} elements", elements.len()), "elements", json!(elements.len()))
        }
        _ => (String::new(), "changed", json!(true)),
    };
    let mut line = json!({ (&*kind): names_json });
    if !matches!(edit, ContainerEdit::Register { .. }) {
        line[name] = value;
    }
    (format!("{kind} {names} {detail}").trim_end().to_owned(), line)
}

/// A container's name, and before it those of the containers that it is in: for a person, and as JSON, where one at the
/// root is its name alone.
fn names(id: &ContainerId) -> (String, Value) {
    let mut names = Vec::new();
    let mut at = Some(id);
    while let Some(id) = at {
        match &id.place {
            Place::Root(name) => names.push(&**name),
            Place::Key(slot) => names.push(&*slot.key),
            _ => {}
        }
        at = id.parent();
    }
    names.reverse();
    let words: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    let value = if let [name] = names[..] { json!(name) } else { json!(names) };
    (words.join("/"), value)
}
