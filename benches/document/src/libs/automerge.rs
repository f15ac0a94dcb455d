//! automerge.
//!
//! `AutoCommit`, committed after each edit, as its documentation does. A change to send is `save_after`, which is
//! what `save_incremental` of its benchmarks does without sending again what was received, or the last local change by itself. The container is an object that all replicas have from the
//! beginning. It has no sets: a map whose keys are the members is what its users take.

use automerge::{
    ActorId, AutoCommit, Change, ChangeHash, LoadOptions, ObjId, ObjType, ROOT, ReadDoc, VerificationMode,
    transaction::Transactable,
};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

pub(crate) struct Automerge {
    doc: AutoCommit,
    object: ObjId,
    /// Changes are sent by themselves.
    bare: bool,
    /// Many changes are sent as a bundle, which is denser and called experimental.
    bundle: bool,
    uncompressed: bool,
}

impl Automerge {
    fn with_doc(mut doc: AutoCommit, setup: Setup<'_>) -> Self {
        doc.set_actor(ActorId::from(&setup.replica.to_be_bytes()[7 - setup.replica.ilog2() as usize / 8..]));
        let (_, object) = doc.get(ROOT, "content").expect("it can be read").expect("it is there");
        let way = setup.way;
        let (bare, bundle, uncompressed) = (way == "change", way == "bundle", way.starts_with("uncompressed"));
        Self { doc, object, bare, bundle, uncompressed }
    }
}

impl Library for Automerge {
    const NAME: &'static str = "automerge";
    type Change = Vec<u8>;
    type Version = Vec<ChangeHash>;

    fn ways(measure: Measure, _family: Family) -> &'static [&'static str] {
        match measure {
            Measure::Local => &[""],
            Measure::Tail => &["save_after", "bundle"],
            Measure::Send | Measure::Remote => &["save_after", "change"],
            Measure::Full => &["compressed", "uncompressed"],
            Measure::Load => &["compressed", "compressed, unverified", "uncompressed, unverified"],
            Measure::State => &[],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        let mut doc = AutoCommit::new().with_actor(ActorId::from([0]));
        let kind = match setup.family {
            Family::Text => ObjType::Text,
            Family::List => ObjType::List,
            Family::Map | Family::Set => ObjType::Map,
        };
        doc.put_object(ROOT, "content", kind).expect("an empty document");
        doc.commit();
        Self::with_doc(doc, setup)
    }

    fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Splice { at, deleted, inserted } => {
                self.doc.splice_text(&self.object, at, deleted as isize, inserted)
            }
            Edit::Set { key, value } => self.doc.put(&self.object, key, u64::from(value)),
            Edit::Insert { at, value } => self.doc.insert(&self.object, at, u64::from(value)),
            Edit::Add { member } => self.doc.put(&self.object, member, true),
            Edit::Remove { member } => self.doc.delete(&self.object, member),
        }
        .expect("the edit fits the document");
        self.doc.commit();
    }

    fn edit_encoded(&mut self, edit: Edit) -> Vec<u8> {
        if self.bare {
            self.edit(edit);
            self.doc.get_last_local_change().expect("it has just been made").raw_bytes().to_vec()
        } else {
            let before = self.doc.get_heads();
            self.edit(edit);
            self.doc.save_after(&before)
        }
    }

    fn receive(&mut self, change: &[u8]) {
        if self.bare {
            let change = Change::try_from(change).expect("a valid change");
            self.doc.apply_changes([change]).expect("a change that fits");
        } else {
            self.doc.load_incremental(change).expect("valid changes");
        }
    }

    fn shown(&mut self, family: Family) -> Shown {
        let number = |value: automerge::Value<'_>| value.as_u64().expect("a number") as u32;
        match family {
            Family::Text => Shown::Text(self.doc.text(&self.object).expect("a text")),
            Family::Map => {
                let items = self.doc.map_range(&self.object, ..);
                Shown::Map(items.map(|item| (item.key.to_string(), number(item.value.into()))).collect())
            }
            Family::List => {
                let items = self.doc.list_range(&self.object, ..);
                Shown::List(items.map(|item| number(item.value.into())).collect())
            }
            Family::Set => Shown::Set(self.doc.keys(&self.object).map(|key| key.to_string()).collect()),
        }
    }

    fn full(&mut self) -> Vec<u8> {
        if self.uncompressed { self.doc.save_nocompress() } else { self.doc.save() }
    }

    fn load(setup: Setup<'_>, bytes: &[u8]) -> Self {
        let unverified = setup.way.ends_with("unverified");
        let mode = if unverified { VerificationMode::DontCheck } else { VerificationMode::Check };
        let options = LoadOptions::new().verification_mode(mode);
        Self::with_doc(AutoCommit::load_with_options(bytes, options).expect("a valid document"), setup)
    }

    fn version(&mut self) -> Vec<ChangeHash> {
        self.doc.get_heads()
    }

    fn since(&mut self, version: &Vec<ChangeHash>) -> Vec<u8> {
        if !self.bundle {
            return self.doc.save_after(version);
        }
        let hashes: Vec<_> = self.doc.get_changes_meta(version).iter().map(|change| change.hash).collect();
        self.doc.bundle(hashes).expect("changes that it has").bytes().to_vec()
    }
}
