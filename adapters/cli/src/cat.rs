//! `cat`: prints what a document holds.

use ciborium::Value;
use crdt_socket_sync::{
    Document,
    document::{ContainerId, ContainerKind, Held, Place},
};
use crdt_socket_sync_websocket::{Client, Runtime};
use serde::Serialize;

use crate::{
    Outcome,
    connect::{self, TextArgs},
    failure::Failure,
    hash::text_hash,
    output,
    runtime::{Job, done},
};

/// Print a document's text, exactly, with no newline added
///
///     crdt-socket-sync cat ws://127.0.0.1:7070 page
///     crdt-socket-sync cat ws://127.0.0.1:7070 page --json    (everything that the document holds)
///
/// A document that nobody has opened before is empty, and is there from then on: a misspelt name is no error.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    text: TextArgs,
}

/// A whole document, for programs.
#[derive(Serialize)]
struct Report {
    doc: String,
    changes: usize,
    containers: Vec<Container>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Container {
    Text {
        name: String,
        chars: usize,
        hash: String,
        value: String,
    },
    Map {
        name: String,
        value: serde_json::Value,
    },
    Register {
        name: String,
        value: Option<serde_json::Value>,
    },
    List {
        name: String,
        value: serde_json::Value,
    },
    Counter {
        name: String,
        value: serde_json::Value,
    },
    #[serde(rename = "or-set")]
    OrSet {
        name: String,
        value: serde_json::Value,
    },
    #[serde(rename = "or-map")]
    OrMap {
        name: String,
        value: serde_json::Value,
    },
    Unknown {
        name: String,
    },
}

struct Cat(Args, bool);

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    args.text.runtime.run(Cat(args, json))
}

impl Job for Cat {
    async fn run<R: Runtime + Default>(self) -> Outcome {
        let Self(Args { text: TextArgs { url, doc: name, text, record, .. } }, json) = self;
        let client: Client<R> = record.connect(&url)?;
        connect::first_attempt(&client, &url).await?;
        let doc = connect::open(&client, &name).await?;
        if json {
            let report = doc.read(|document| Report::new(&name, document)).map_err(connect::misuse)?;
            output::json(&report)?;
        } else {
            let (text, others) = doc.read(|document| text_of(document, &text)).map_err(connect::misuse)?;
            match (text, others) {
                (Some(text), _) => output::text(&text)?,
                // A document that nobody has written to yet is an empty text, like an empty file.
                (None, others) if others.is_empty() => {}
                (None, others) => {
                    return Err(Failure::new(
                        format!("{name:?} has no text of that name; it has {}", others.join(", ")),
                        "choose one with --text, or see everything with --json",
                    ));
                }
            }
        }
        client.close().await;
        done()
    }
}

/// A text, if there is one of this name, and what else there is.
fn text_of(document: &Document, name: &str) -> (Option<String>, Vec<String>) {
    let wanted = ContainerId::root(ContainerKind::Text, name);
    let text = document.containers().any(|id| *id == wanted).then(|| document.text(name).to_string());
    (text, roots(document).map(|(id, _)| format!("{id:?}")).collect())
}

impl Report {
    fn new(name: &str, document: &Document) -> Self {
        let containers = roots(document).map(|(id, name)| Container::new(document, id, name.to_owned())).collect();
        Self { doc: name.to_owned(), changes: document.log().end(), containers }
    }
}

impl Container {
    fn new(document: &Document, id: &ContainerId, name: String) -> Self {
        match id.kind {
            ContainerKind::Text => {
                let text = document.text(&name);
                let value = text.to_string();
                Self::Text { chars: text.len(), hash: text_hash(&value), value, name }
            }
            ContainerKind::Register => {
                let value = document.register::<Value>(&name).encoded().map(|bytes| from_cbor(bytes));
                Self::Register { value, name }
            }
            ContainerKind::Map => Self::Map { value: shown(document, id), name },
            ContainerKind::List => Self::List { value: shown(document, id), name },
            ContainerKind::Counter => Self::Counter { value: shown(document, id), name },
            ContainerKind::OrSet => Self::OrSet { value: shown(document, id), name },
            ContainerKind::OrMap => Self::OrMap { value: shown(document, id), name },
            _ => Self::Unknown { name },
        }
    }
}

/// What a container shows, and the containers in it.
fn shown(document: &Document, id: &ContainerId) -> serde_json::Value {
    use serde_json::{Number, Value as Json};
    let value = |held: Held<'_>| match held {
        Held::Value(bytes) => from_cbor(bytes),
        Held::Container(id) => shown(document, &id),
    };
    let held = |(key, held): (&str, Held<'_>)| (key.to_owned(), value(held));
    let value = match id.kind {
        ContainerKind::Text => document.text_of(id).map(|text| Json::String(text.to_string())),
        ContainerKind::List => document.list_of::<Value>(id).map(|list| Json::Array(list.held().map(value).collect())),
        ContainerKind::Map => document.map_of::<Value>(id).map(|map| Json::Object(map.held().map(held).collect())),
        ContainerKind::OrMap => document.or_map_of::<Value>(id).map(|map| Json::Object(map.held().map(held).collect())),
        ContainerKind::Register => {
            document.register_of::<Value>(id).and_then(|register| register.encoded().map(|bytes| from_cbor(bytes)))
        }
        ContainerKind::Counter => {
            document.counter_of(id).and_then(|counter| Number::from_i128(counter.value())).map(Json::Number)
        }
        ContainerKind::OrSet => document
            .or_set_of::<Value>(id)
            .map(|set| Json::Array(set.encoded().map(|bytes| from_cbor(bytes)).collect())),
        _ => None,
    };
    value.unwrap_or(Json::Null)
}

/// The containers at the root, with their names.
fn roots(document: &Document) -> impl Iterator<Item = (&ContainerId, &str)> {
    document.containers().filter_map(|id| match &id.place {
        Place::Root(name) => Some((id, &**name)),
        _ => None,
    })
}

/// A value as JSON: what JSON has no word for is shown as what it is called.
fn from_cbor(bytes: &[u8]) -> serde_json::Value {
    match ciborium::de::from_reader_with_recursion_limit::<Value, _>(bytes, 100) {
        Ok(value) => to_json(value),
        Err(_) => serde_json::Value::String("(unreadable)".into()),
    }
}

fn to_json(value: Value) -> serde_json::Value {
    use serde_json::{Number, Value as Json};
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(value),
        Value::Integer(value) => Number::from_i128(value.into()).map_or(Json::Null, Json::Number),
        Value::Float(value) => Number::from_f64(value).map_or_else(|| Json::String(value.to_string()), Json::Number),
        Value::Text(value) => Json::String(value),
        Value::Bytes(bytes) => Json::Array(bytes.into_iter().map(Json::from).collect()),
        Value::Array(values) => Json::Array(values.into_iter().map(to_json).collect()),
        Value::Map(entries) => {
            let key = |key| match to_json(key) {
                Json::String(key) => key,
                other => other.to_string(),
            };
            Json::Object(entries.into_iter().map(|(k, value)| (key(k), to_json(value))).collect())
        }
        Value::Tag(_, value) => to_json(*value),
        _ => Json::String("(unknown)".into()),
    }
}
