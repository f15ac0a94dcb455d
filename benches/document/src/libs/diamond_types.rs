//! diamond-types, which has texts only.
//!
//! Patches and files with their content compressed and not are two ways.

use diamond_types::{
    AgentId, LocalVersion,
    list::{
        ListCRDT,
        encoding::{ENCODE_FULL, ENCODE_PATCH, EncodeOptions},
    },
};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

pub(crate) struct DiamondTypes {
    list: ListCRDT,
    agent: AgentId,
    compress: bool,
}

impl DiamondTypes {
    fn with_list(mut list: ListCRDT, setup: Setup<'_>) -> Self {
        let agent = list.get_or_create_agent_id(&setup.replica.to_string());
        Self { list, agent, compress: setup.way == "compressed" }
    }

    fn options(&self, options: EncodeOptions<'static>) -> EncodeOptions<'static> {
        EncodeOptions { compress_content: self.compress, ..options }
    }
}

impl Library for DiamondTypes {
    const NAME: &'static str = "diamond-types";
    type Change = Vec<u8>;
    type Version = LocalVersion;

    fn ways(measure: Measure, family: Family) -> &'static [&'static str] {
        match (measure, family) {
            (Measure::State, _) | (_, Family::Map | Family::List | Family::Set) => &[],
            (Measure::Local, _) => &[""],
            _ => &["compressed", "uncompressed"],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        Self::with_list(ListCRDT::new(), setup)
    }

    fn edit(&mut self, edit: Edit) {
        let Edit::Splice { at, deleted, inserted } = edit else { unreachable!("it has texts only") };
        if deleted > 0 {
            self.list.delete_without_content(self.agent, at..at + deleted);
        }
        if !inserted.is_empty() {
            self.list.insert(self.agent, at, inserted);
        }
    }

    fn edit_encoded(&mut self, edit: Edit) -> Vec<u8> {
        let before = self.list.oplog.local_version();
        self.edit(edit);
        self.list.oplog.encode_from(self.options(ENCODE_PATCH), &before)
    }

    fn receive(&mut self, change: &[u8]) {
        self.list.merge_data_and_ff(change).expect("a valid patch");
    }

    fn shown(&mut self, _family: Family) -> Shown {
        Shown::Text(self.list.branch.content().to_string())
    }

    fn full(&mut self) -> Vec<u8> {
        self.list.oplog.encode(self.options(ENCODE_FULL))
    }

    fn load(setup: Setup<'_>, bytes: &[u8]) -> Self {
        Self::with_list(ListCRDT::load_from(bytes).expect("a valid file"), setup)
    }

    fn version(&mut self) -> LocalVersion {
        self.list.oplog.local_version()
    }

    fn since(&mut self, version: &LocalVersion) -> Vec<u8> {
        self.list.oplog.encode_from(self.options(ENCODE_PATCH), version)
    }
}
