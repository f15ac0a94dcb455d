//! A document as one value, as it is shown: for tools, for exports, and for a type that has its shape.

use ciborium::Value as Cbor;
use serde::de::DeserializeOwned;

use super::{
    Document,
    container::{ContainerId, Content, Held, Place, Value},
    items::Items,
    journal::State,
    value::{self, ValueError},
    writes::key_text,
};

impl Document {
    /// The whole document as JSON: an object with what is at the root, by name.
    ///
    /// A text is a string, a list or a movable list is an array, a map or an or-map is an object, a counter is a number, an or-set an array in the order of its
    /// elements' bytes, and a register what it holds, or null. Of several containers of one name, which have different kinds,
    /// that one is there which comes first in the order of [`ContainerKind`](super::ContainerKind), those in which nothing is
    /// after all others.
    ///
    /// Values are what their CBOR says. What JSON does not have: bytes are an array of numbers; keys that are no texts are
    /// the JSON of what they are, as a text; of equal keys the last stays; tags are left out; a number that is infinite or
    /// none, and a value that cannot be read, is null.
    ///
    /// ```
    /// # use crdt_socket_sync::{Document, ReplicaId, Wall, document::EditError};
    /// let mut document = Document::new(ReplicaId::new(1));
    /// document.edit(Wall::from_millis(1), |txn| {
    ///     txn.text("title").push_str("Minutes")?;
    ///     txn.map("people").set("ann", &41)
    /// })?;
    /// assert_eq!(document.to_json(), r#"{"people":{"ann":41},"title":"Minutes"}"#);
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json(&whole(&self.state), &mut out);
        out
    }

    /// The whole document as a value of a type that has its shape: a struct with a field for each name at the root that it
    /// wants, say. What is where is as in [`to_json`](Self::to_json).
    ///
    /// ```
    /// # use crdt_socket_sync::{Document, ReplicaId, Wall, document::EditError};
    /// #[derive(serde::Deserialize)]
    /// struct Page {
    ///     title: String,
    ///     #[serde(default)]
    ///     tags: Vec<String>,
    /// }
    ///
    /// let mut document = Document::new(ReplicaId::new(1));
    /// document.edit(Wall::from_millis(1), |txn| txn.text("title").push_str("Minutes"))?;
    /// let page: Page = document.get().unwrap();
    /// assert_eq!((page.title.as_str(), page.tags.len()), ("Minutes", 0));
    /// # Ok::<_, EditError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If what is shown is no `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        whole(&self.state).deserialized().map_err(|fault| ValueError::Mismatch(fault.to_string()))
    }
}

fn whole(state: &State) -> Cbor {
    let mut shown: Vec<(&str, bool, Cbor)> = Vec::new();
    // Those at the root come first, by name and then kind.
    for id in state.index.keys() {
        let Place::Root(name) = &id.place else { break };
        let filled = is_filled(state.content(id), state);
        match shown.last_mut() {
            Some((last, is_filled, there)) if *last == &**name => {
                if filled && !*is_filled {
                    (*is_filled, *there) = (true, container(state, id));
                }
            }
            _ => shown.push((name, filled, container(state, id))),
        }
    }
    Cbor::Map(shown.into_iter().map(|(name, _, value)| (Cbor::Text(name.to_owned()), value)).collect())
}

/// Whether something is in a container.
fn is_filled(content: Option<&Content>, state: &State) -> bool {
    match content {
        Some(content @ (Content::Text(_) | Content::List(_) | Content::MovableList(_))) => {
            content.sequence().is_some_and(|sequence| state.sequences.len(sequence) > 0)
        }
        Some(Content::Map(entries)) => entries.values().any(|entry| entry.value.is_some()),
        Some(Content::Register(entry)) => entry.as_ref().is_some_and(|entry| entry.value.is_some()),
        Some(Content::Counter(sums)) => sums.total() != 0,
        Some(Content::Tagged(tagged)) => tagged.len() > 0,
        None => false,
    }
}

/// What a container shows. Never deeper than containers are nested.
fn container(state: &State, id: &ContainerId) -> Cbor {
    let at = |key: &str, value: &Value| (Cbor::Text(key.to_owned()), held(state, id, key, value));
    match state.content(id) {
        Some(Content::Text(sequence)) => Cbor::Text(state.sequences.pieces(*sequence).collect()),
        Some(Content::List(_) | Content::MovableList(_)) => {
            Cbor::Array(Items::of(state, id).all().map(|held| item(state, &held)).collect())
        }
        Some(Content::Map(entries)) => {
            Cbor::Map(entries.iter().filter_map(|(key, entry)| Some(at(key, entry.value.as_ref()?))).collect())
        }
        Some(Content::Register(entry)) => {
            let value = entry.as_ref().and_then(|entry| entry.value.as_ref()).and_then(Value::plain);
            value.map_or(Cbor::Null, |bytes| plain(bytes))
        }
        Some(Content::Counter(sums)) => number(sums.total()),
        Some(Content::Tagged(tagged)) if id.kind.has_keys() => {
            Cbor::Map(tagged.iter().filter_map(|(key, value)| Some(at(key_text(key)?, value))).collect())
        }
        Some(Content::Tagged(tagged)) => Cbor::Array(tagged.iter().map(|(element, _)| plain(element)).collect()),
        None => Cbor::Null,
    }
}

fn held(state: &State, parent: &ContainerId, key: &str, value: &Value) -> Cbor {
    match value {
        Value::Plain(bytes) => plain(bytes),
        value => value.child(parent, &key.into()).map_or(Cbor::Null, |child| container(state, &child)),
    }
}

fn item(state: &State, held: &Held<'_>) -> Cbor {
    match held {
        Held::Value(bytes) => plain(bytes),
        Held::Container(child) => container(state, child),
    }
}

fn plain(bytes: &[u8]) -> Cbor {
    value::decode(bytes).unwrap_or(Cbor::Null)
}

/// A sum; past 64 bits the nearest number with a point.
fn number(sum: i128) -> Cbor {
    let integer = u64::try_from(sum).map(Cbor::from).or_else(|_| i64::try_from(sum).map(Cbor::from));
    integer.unwrap_or(Cbor::Float(sum as f64))
}

fn json(value: &Cbor, out: &mut String) {
    match value {
        Cbor::Bool(true) => out.push_str("true"),
        Cbor::Bool(false) => out.push_str("false"),
        Cbor::Integer(number) => out.push_str(&i128::from(*number).to_string()),
        Cbor::Float(number) if number.is_finite() => out.push_str(&format!("{number:?}")),
        Cbor::Text(text) => json_text(text, out),
        Cbor::Bytes(bytes) => json_list(bytes, '[', ']', out, |byte, out| out.push_str(&byte.to_string())),
        Cbor::Array(items) => json_list(items, '[', ']', out, json),
        Cbor::Tag(_, inner) => json(inner, out),
        Cbor::Map(entries) => {
            let entries: std::collections::BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (name(key), value)).collect();
            json_list(entries, '{', '}', out, |(key, value), out| {
                json_text(&key, out);
                out.push(':');
                json(value, out);
            });
        }
        _ => out.push_str("null"),
    }
}

/// A key of an object.
fn name(key: &Cbor) -> String {
    match key {
        Cbor::Text(text) => text.clone(),
        key => {
            let mut out = String::new();
            json(key, &mut out);
            out
        }
    }
}

fn json_list<T>(
    items: impl IntoIterator<Item = T>,
    begin: char,
    end: char,
    out: &mut String,
    write: impl Fn(T, &mut String),
) {
    out.push(begin);
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(end);
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
}
