//! What is measured. A case runs in a process of its own: everything is made ready, and then one thing is timed.

mod exchange;
mod growth;
mod workload;

use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use workload::Workload;

use crate::{
    heap,
    library::{Family, Library, Measure, Setup, Shown},
    libs::WithLibrary,
};

/// What came out: milliseconds, microseconds or bytes, by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// A case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Case {
    /// Its name before the slash.
    group: &'static str,
    measure: Measure,
    family: Family,
    /// How large it is, where it comes in sizes.
    size: Option<usize>,
}

const MEASURES: [(&str, Measure); 7] = [
    ("send", Measure::Send),
    ("local", Measure::Local),
    ("remote", Measure::Remote),
    ("full", Measure::Full),
    ("state", Measure::State),
    ("load", Measure::Load),
    ("tail", Measure::Tail),
];

/// The cases about many edits of one kind.
const WORKLOADS: [(&str, Family); 4] =
    [("paper", Family::Text), ("map", Family::Map), ("list", Family::List), ("set", Family::Set)];

/// The cases that come in sizes, to show how the cost grows.
const GROWTH: [(&str, Measure, &[usize]); 5] = [
    ("scale", Measure::Local, &[1_000, 10_000, 100_000, 1_000_000, 10_000_000]),
    ("paste", Measure::Local, &[1_000_000, 10_000_000]),
    ("delete-all", Measure::Local, &[100_000, 1_000_000]),
    ("ends", Measure::Local, &[20_000, 200_000]),
    ("replicas", Measure::Remote, &[100, 1_000, 10_000]),
];

impl Case {
    /// All there are, smaller ones before larger ones.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (group, family) in WORKLOADS {
            cases.extend(MEASURES.map(|(_, measure)| Self { group, measure, family, size: None }));
            if family == Family::Text {
                cases.push(Self { group: "friends", measure: Measure::Send, family, size: None });
            }
        }
        for (group, measure, sizes) in GROWTH {
            cases.extend(sizes.iter().map(|size| Self { group, measure, family: Family::Text, size: Some(*size) }));
        }
        cases
    }

    /// As it is called on the command line.
    pub(crate) fn name(&self) -> String {
        match (self.group, self.size) {
            (group, Some(size)) => format!("{group}/{size}"),
            ("friends", None) => "friends/exchange".to_owned(),
            (group, None) => {
                let measure = MEASURES.iter().find(|(_, measure)| *measure == self.measure);
                format!("{group}/{}", measure.expect("all are named").0)
            }
        }
    }

    /// What a library has to be able to do for it.
    pub(crate) fn needs(&self) -> (Measure, Family) {
        (self.measure, self.family)
    }

    /// Whether this is the same at a larger size: it need not be tried when the smaller one took too long.
    pub(crate) fn is_larger_than(&self, other: &Self) -> bool {
        self.group == other.group && self.size > other.size
    }
}

/// A case to be run with a library in one of its ways.
pub(crate) struct Run<'a> {
    pub(crate) case: Case,
    pub(crate) way: &'static str,
    /// Where what takes long to make is kept between the processes of one run.
    pub(crate) cache: &'a Path,
}

impl WithLibrary for Run<'_> {
    type Output = Figures;

    fn with<L: Library>(self) -> Figures {
        match (self.case.group, self.case.size) {
            ("friends", _) => exchange::exchange::<L>(self.way),
            ("scale", Some(size)) => growth::scale::<L>(self.way, size),
            ("paste", Some(size)) => growth::paste::<L>(self.way, size),
            ("delete-all", Some(size)) => growth::delete_all::<L>(self.way, size),
            ("ends", Some(size)) => growth::alternate_ends::<L>(self.way, size),
            ("replicas", Some(size)) => growth::many_replicas::<L>(self.way, size),
            _ => self.workload::<L>(Workload::of(self.case.group)),
        }
    }
}

impl Run<'_> {
    fn workload<L: Library>(&self, workload: Workload) -> Figures {
        let family = self.case.family;
        let saves = matches!(self.case.measure, Measure::Full | Measure::Load);
        let setup = Setup { replica: 1, family, way: self.way, history: saves };
        let reader = Setup { replica: 2, ..setup };
        let check = |document: &mut L| assert!(document.shown(family).agrees(&workload.result), "shows something else");
        match self.case.measure {
            Measure::Local => {
                let (mut document, figures) = timed(|| {
                    let mut document = L::new(setup);
                    workload.edits.iter().for_each(|edit| document.edit(*edit));
                    document
                });
                check(&mut document);
                figures
            }
            Measure::Send => {
                let ((mut document, changes), mut figures) = timed(|| {
                    let mut document = L::new(setup);
                    let changes: Vec<_> = workload.edits.iter().map(|edit| document.edit_encoded(*edit)).collect();
                    (document, changes)
                });
                check(&mut document);
                let bytes: usize = changes.iter().map(|change| change.as_ref().len()).sum();
                figures.insert("mean bytes".to_owned(), bytes as f64 / changes.len() as f64);
                figures
            }
            Measure::Remote => {
                let file = self.cached::<L>("changes", || {
                    let mut document = L::new(setup);
                    join(workload.edits.iter().map(|edit| document.edit_encoded(*edit)))
                });
                let changes = split(&file);
                timed_and_read(family, &workload.result, || {
                    let mut document = L::new(reader);
                    changes.iter().for_each(|change| document.receive(change));
                    document
                })
            }
            Measure::Full | Measure::State => {
                let mut document = L::new(setup);
                workload.edits.iter().for_each(|edit| document.edit(*edit));
                let full = self.case.measure == Measure::Full;
                let (bytes, mut figures) = timed(|| if full { document.full() } else { document.state_only() });
                check(&mut L::load(reader, &bytes));
                figures.insert("bytes".to_owned(), bytes.len() as f64);
                figures
            }
            Measure::Load => {
                let file = self.cached::<L>("full", || {
                    let mut document = L::new(setup);
                    workload.edits.iter().for_each(|edit| document.edit(*edit));
                    document.full()
                });
                timed_and_read(family, &workload.result, || L::load(reader, &file))
            }
            Measure::Tail => {
                let (mut writer, mut other) = (L::new(setup), L::new(reader));
                let beginning = writer.version();
                let (most, last) = workload.edits.split_at(workload.edits.len() / 10 * 9);
                most.iter().for_each(|edit| writer.edit(*edit));
                other.receive(&writer.since(&beginning));
                let version = writer.version();
                last.iter().for_each(|edit| writer.edit(*edit));
                let (bytes, exported) = timed(|| writer.since(&version));
                let ((), imported) = timed(|| other.receive(&bytes));
                check(&mut other);
                let times = [("export", exported), ("import", imported)].into_iter().flat_map(|(what, figures)| {
                    ["ms", "cpu ms"].map(|time| (format!("{time} of {what}"), figures[time]))
                });
                times.chain([("bytes".to_owned(), bytes.len() as f64)]).collect()
            }
        }
    }

    /// What `make` makes, or made in an earlier process of this run.
    fn cached<L: Library>(&self, what: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
        let path = self.cache.join(format!("{} {} {} {what}", L::NAME, self.case.group, self.way));
        if let Ok(bytes) = fs::read(&path) {
            return bytes;
        }
        fs::write(&path, make()).expect("the folder for temporary files can be written to");
        // Read again rather than passed on, so that this process is like the others.
        fs::read(&path).expect("it has just been written")
    }
}

/// Times something, by the clock and by the processor, and counts what it left on the heap and the most there was at a time.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Figures) {
    let before = heap::live();
    heap::forget_peak();
    let (began, began_cpu) = (Instant::now(), processor_time());
    let result = black_box(work());
    let (elapsed, cpu) = (began.elapsed(), processor_time() - began_cpu);
    let (held, peak) = (heap::live() - before, heap::peak() - before);
    let mut figures = Figures::new();
    figures.insert("ms".to_owned(), elapsed.as_secs_f64() * 1e3);
    figures.insert("cpu ms".to_owned(), cpu.as_secs_f64() * 1e3);
    figures.insert("held".to_owned(), held as f64);
    figures.insert("peak".to_owned(), peak as f64);
    (result, figures)
}

/// What this thread has had of the processor. No library uses another thread for what is measured here.
fn processor_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().expect("not before the thread began")
}

/// The same for a document that comes about and is then read. What it holds is counted without what was read.
fn timed_and_read<L: Library>(family: Family, result: &Shown, work: impl FnOnce() -> L) -> Figures {
    let ((document, shown), mut figures) = timed(|| {
        let mut document = work();
        let shown = document.shown(family);
        (document, shown)
    });
    assert!(shown.agrees(result), "shows something else");
    let before = heap::live();
    drop(shown);
    *figures.entry("held".to_owned()).or_default() -= (before - heap::live()) as f64;
    drop(document);
    figures
}

/// Changes in one piece of memory, each after its length.
fn join(changes: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in changes {
        bytes.extend((change.as_ref().len() as u32).to_le_bytes());
        bytes.extend(change.as_ref());
    }
    bytes
}

fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut changes = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (change, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        changes.push(change);
        bytes = rest;
    }
    changes
}
