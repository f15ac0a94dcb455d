//! loro.
//!
//! What a commit has to send comes from `subscribe_local_update`, which its documentation recommends, or from an export since
//! the last version, which its benchmarks use. It has no sets: a map whose keys are the members is what its users take.

use std::sync::{Arc, Mutex};

use loro::{
    ExportMode, LoroDoc, LoroList, LoroMap, LoroText, LoroValue, Subscription, ValueOrContainer, VersionVector,
};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

pub(crate) struct Loro {
    doc: LoroDoc,
    text: LoroText,
    map: LoroMap,
    list: LoroList,
    way: Way,
}

enum Way {
    Subscription { update: Arc<Mutex<Vec<u8>>>, _subscription: Subscription },
    Export,
    Updates,
    Shallow,
    Other,
}

impl Loro {
    fn with_doc(doc: LoroDoc, setup: Setup<'_>) -> Self {
        doc.set_peer_id(setup.replica).expect("nothing has been edited");
        let (text, map, list) = (doc.get_text("text"), doc.get_map("map"), doc.get_list("list"));
        let way = match setup.way {
            "subscription" => {
                let update = Arc::new(Mutex::new(Vec::new()));
                let there = Arc::clone(&update);
                let subscription = doc.subscribe_local_update(Box::new(move |bytes| {
                    there.lock().expect("one thread").extend_from_slice(bytes);
                    true
                }));
                Way::Subscription { update, _subscription: subscription }
            }
            "export" => Way::Export,
            "updates" => Way::Updates,
            "shallow snapshot" => Way::Shallow,
            _ => Way::Other,
        };
        Self { doc, text, map, list, way }
    }
}

fn number(value: ValueOrContainer) -> u32 {
    match value {
        ValueOrContainer::Value(LoroValue::I64(number)) => number as u32,
        other => panic!("{other:?} is no number"),
    }
}

impl Library for Loro {
    const NAME: &'static str = "loro";
    type Change = Vec<u8>;
    type Version = VersionVector;

    fn ways(measure: Measure, _family: Family) -> &'static [&'static str] {
        match measure {
            Measure::Local | Measure::Tail => &[""],
            Measure::Send | Measure::Remote => &["subscription", "export"],
            Measure::Full | Measure::Load => &["snapshot", "updates"],
            Measure::State => &["state only", "shallow snapshot"],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        Self::with_doc(LoroDoc::new(), setup)
    }

    fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Splice { at, deleted, inserted } => {
                if deleted > 0 {
                    self.text.delete(at, deleted).expect("inside the text");
                }
                if !inserted.is_empty() {
                    self.text.insert(at, inserted).expect("inside the text");
                }
            }
            Edit::Set { key, value } => self.map.insert(key, i64::from(value)).expect("a valid value"),
            Edit::Insert { at, value } => self.list.insert(at, i64::from(value)).expect("inside the list"),
            Edit::Add { member } => self.map.insert(member, true).expect("a valid value"),
            Edit::Remove { member } => self.map.delete(member).expect("a member"),
        }
        self.doc.commit();
    }

    fn edit_encoded(&mut self, edit: Edit) -> Vec<u8> {
        if let Way::Subscription { update, .. } = &self.way {
            let update = Arc::clone(update);
            self.edit(edit);
            std::mem::take(&mut update.lock().expect("one thread"))
        } else {
            let before = self.doc.oplog_vv();
            self.edit(edit);
            self.since(&before)
        }
    }

    fn receive(&mut self, change: &[u8]) {
        self.doc.import(change).expect("a valid update");
    }

    fn shown(&mut self, family: Family) -> Shown {
        match family {
            Family::Text => Shown::Text(self.text.to_string()),
            Family::Map => {
                let keys = self.map.keys().map(|key| key.to_string());
                Shown::Map(
                    keys.map(|key| {
                        let value = self.map.get(&key);
                        (key, number(value.expect("a value")))
                    })
                    .collect(),
                )
            }
            Family::List => {
                let mut values = Vec::new();
                self.list.for_each(|value| values.push(number(value)));
                Shown::List(values)
            }
            Family::Set => Shown::Set(self.map.keys().map(|key| key.to_string()).collect()),
        }
    }

    fn full(&mut self) -> Vec<u8> {
        let mode = if matches!(self.way, Way::Updates) { ExportMode::all_updates() } else { ExportMode::Snapshot };
        self.doc.export(mode).expect("it can be exported")
    }

    fn state_only(&mut self) -> Vec<u8> {
        let frontiers = self.doc.oplog_frontiers();
        let shallow = matches!(self.way, Way::Shallow);
        let mode = if shallow { ExportMode::shallow_snapshot(&frontiers) } else { ExportMode::StateOnly(None) };
        self.doc.export(mode).expect("it can be exported")
    }

    fn load(setup: Setup<'_>, bytes: &[u8]) -> Self {
        let doc = LoroDoc::new();
        doc.import(bytes).expect("a valid snapshot");
        Self::with_doc(doc, setup)
    }

    fn version(&mut self) -> VersionVector {
        self.doc.oplog_vv()
    }

    fn since(&mut self, version: &VersionVector) -> Vec<u8> {
        self.doc.export(ExportMode::updates(version)).expect("a version that it has")
    }
}
