//! A digest of what a document shows.
//!
//! FNV-1a with 128 bits (Fowler, Noll and Vo; RFC 9923): simple, and the same in every language. It tells by accident
//! different documents apart; it is no defence against someone who builds two with the same digest.
//!
//! What is written, in this order: each container at the root, its name, kind and content. What a map's key holds, or an
//! item of a list, is a 0 and the value, or a 1 and the kind and content of a container. So a container counts where it is shown and as what it shows,
//! whoever made it; and one that is not shown does not count. Numbers take eight bytes, and lengths stand before what they
//! are of.

use super::{
    container::{ContainerId, Content, Held, Place, Value},
    items::Items,
    journal::State,
    tagged::Tagged,
    writes::key_text,
};
use crate::proof::{Fault, planted};

/// The digest of all that a document shows.
pub(super) fn digest(state: &State) -> [u8; 16] {
    let mut fnv = Fnv::new();
    for id in state.index.keys() {
        // Those at the root come first.
        let Place::Root(name) = &id.place else { break };
        fnv.sized(name.as_bytes());
        fnv.container(state, id);
    }
    fnv.finish()
}

struct Fnv {
    hash: u128,
}

impl Fnv {
    const fn new() -> Self {
        Self { hash: 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d }
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash ^= u128::from(*byte);
            self.hash = self.hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    /// A number of fixed size: what keeps two neighbours apart is the length written before each.
    fn number(&mut self, number: usize) {
        self.write(&(number as u64).to_be_bytes());
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.write(bytes);
    }

    fn container(&mut self, state: &State, id: &ContainerId) {
        self.write(&id.kind.number().to_be_bytes());
        match state.content(id) {
            Some(Content::Text(sequence)) => {
                let pieces = || state.sequences.pieces(*sequence);
                self.number(pieces().map(str::len).sum());
                pieces().for_each(|piece| self.write(piece.as_bytes()));
            }
            Some(Content::List(_) | Content::MovableList(_)) => self.items(state, id),
            Some(Content::Map(entries)) => {
                let held = entries.iter().filter_map(|(key, entry)| Some((&**key, entry.value.as_ref()?)));
                self.keys(state, id, &held.collect::<Vec<_>>());
            }
            Some(Content::Register(entry)) => {
                let value = entry.as_ref().and_then(|entry| entry.value.as_ref()).and_then(Value::plain);
                self.number(usize::from(value.is_some()));
                value.into_iter().for_each(|value| self.sized(value));
            }
            Some(Content::Counter(sums)) => self.write(&sums.total().to_be_bytes()),
            Some(Content::Tagged(tagged)) if id.kind.has_keys() => {
                let held = tagged.iter().filter_map(|(key, value)| Some((key_text(key)?, value)));
                self.keys(state, id, &held.collect::<Vec<_>>());
            }
            Some(Content::Tagged(tagged)) => self.elements(tagged),
            None => {}
        }
    }

    fn keys(&mut self, state: &State, id: &ContainerId, held: &[(&str, &Value)]) {
        self.number(held.len());
        for (key, value) in held {
            self.sized(key.as_bytes());
            match value {
                Value::Plain(_) if planted(Fault::DigestIgnoresValues) => {}
                Value::Plain(bytes) => {
                    self.write(&[0]);
                    self.sized(bytes);
                }
                Value::Child { .. } if planted(Fault::DigestIgnoresNested) => {}
                // Never deeper than containers are nested.
                Value::Child { .. } => {
                    self.write(&[1]);
                    value.child(id, &(*key).into()).into_iter().for_each(|child| self.container(state, &child));
                }
            }
        }
    }

    fn items(&mut self, state: &State, id: &ContainerId) {
        let items = Items::of(state, id);
        self.number(items.len());
        for held in items.all() {
            match held {
                Held::Value(_) if planted(Fault::DigestIgnoresItems) => {}
                Held::Value(bytes) => {
                    self.write(&[0]);
                    self.sized(bytes);
                }
                Held::Container(_) if planted(Fault::DigestIgnoresNested) => {}
                Held::Container(child) => {
                    self.write(&[1]);
                    self.container(state, &child);
                }
            }
        }
    }

    fn elements(&mut self, tagged: &Tagged) {
        self.number(tagged.len());
        tagged.iter().for_each(|(element, _)| self.sized(element));
    }

    const fn finish(self) -> [u8; 16] {
        self.hash.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 9923 for 128 bits.
    #[test]
    fn the_hash_is_fnv_1a() {
        let hash = |text: &str| {
            let mut fnv = Fnv::new();
            fnv.write(text.as_bytes());
            u128::from_be_bytes(fnv.finish())
        };
        assert_eq!(hash(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(hash("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }
}
