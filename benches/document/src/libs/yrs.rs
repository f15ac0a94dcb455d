//! yrs, the Rust implementation of Yjs.
//!
//! Its update formats v1 and v2 are two ways. Local edits are measured with offsets in bytes, its default, and in UTF-16
//! units, as its bindings for editors count; elsewhere the default is used. It forgets deleted content by default; where
//! the history is to be saved it is told not to. It has no sets: a map whose keys are the members is what its users take.

use yrs::{
    Any, Array, ArrayRef, ClientID, Doc, GetString, Map, MapRef, OffsetKind, Options, Out, ReadTxn, StateVector, Text,
    TextRef, Transact, Update, any::Number, updates::decoder::Decode,
};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

pub(crate) struct Yrs {
    doc: Doc,
    text: TextRef,
    map: MapRef,
    list: ArrayRef,
    v2: bool,
}

impl Yrs {
    fn apply(&self, txn: &mut yrs::TransactionMut<'_>, edit: Edit) {
        match edit {
            Edit::Splice { at, deleted, inserted } => {
                if deleted > 0 {
                    self.text.remove_range(txn, at as u32, deleted as u32);
                }
                if !inserted.is_empty() {
                    self.text.insert(txn, at as u32, inserted);
                }
            }
            Edit::Set { key, value } => {
                self.map.insert(txn, key, value);
            }
            Edit::Insert { at, value } => {
                self.list.insert(txn, at as u32, value);
            }
            Edit::Add { member } => {
                self.map.insert(txn, member, true);
            }
            Edit::Remove { member } => {
                self.map.remove(txn, member);
            }
        }
    }

    fn everything_since(&self, version: &StateVector) -> Vec<u8> {
        let txn = self.doc.transact();
        if self.v2 { txn.encode_state_as_update_v2(version) } else { txn.encode_state_as_update_v1(version) }
    }
}

fn number(value: &Out) -> u32 {
    match value {
        Out::Any(Any::Number(Number::Int(number))) => *number as u32,
        Out::Any(Any::Number(Number::Float(number))) => *number as u32,
        other => panic!("{other} is no number"),
    }
}

impl Library for Yrs {
    const NAME: &'static str = "yrs";
    type Change = Vec<u8>;
    type Version = StateVector;

    fn ways(measure: Measure, _family: Family) -> &'static [&'static str] {
        match measure {
            Measure::Local => &["bytes", "utf-16"],
            _ => &["v1", "v2"],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        let mut options = Options::with_client_id(ClientID::new(setup.replica));
        options.skip_gc = setup.history;
        if setup.way.ends_with("utf-16") {
            options.offset_kind = OffsetKind::Utf16;
        }
        let doc = Doc::with_options(options);
        let (text, map, list) =
            (doc.get_or_insert_text("text"), doc.get_or_insert_map("map"), doc.get_or_insert_array("list"));
        Self { doc, text, map, list, v2: setup.way.starts_with("v2") }
    }

    fn edit(&mut self, edit: Edit) {
        self.apply(&mut self.doc.transact_mut(), edit);
    }

    fn edit_encoded(&mut self, edit: Edit) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        self.apply(&mut txn, edit);
        if self.v2 { txn.encode_update_v2() } else { txn.encode_update_v1() }
    }

    fn receive(&mut self, change: &[u8]) {
        let update = if self.v2 { Update::decode_v2(change) } else { Update::decode_v1(change) };
        self.doc.transact_mut().apply_update(update.expect("a valid update")).expect("an update that fits");
    }

    fn shown(&mut self, family: Family) -> Shown {
        let txn = self.doc.transact();
        match family {
            Family::Text => Shown::Text(self.text.get_string(&txn)),
            Family::Map => {
                Shown::Map(self.map.iter(&txn).map(|(key, value)| (key.to_owned(), number(&value))).collect())
            }
            Family::List => Shown::List(self.list.iter(&txn).map(|value| number(&value)).collect()),
            Family::Set => Shown::Set(self.map.keys(&txn).map(str::to_owned).collect()),
        }
    }

    fn full(&mut self) -> Vec<u8> {
        self.everything_since(&StateVector::default())
    }

    fn state_only(&mut self) -> Vec<u8> {
        self.everything_since(&StateVector::default())
    }

    fn load(setup: Setup<'_>, bytes: &[u8]) -> Self {
        let mut document = Self::new(setup);
        document.receive(bytes);
        document
    }

    fn version(&mut self) -> StateVector {
        self.doc.transact().state_vector()
    }

    fn since(&mut self, version: &StateVector) -> Vec<u8> {
        self.everything_since(version)
    }
}
