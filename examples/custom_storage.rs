//! A storage of one's own: a folder with one append-only file per document.
//!
//! ```text
//! cargo run -p crdt-socket-sync-examples --example custom_storage [FOLDER]
//! ```
//!
//! A server runs on it and is written to; the power fails in the middle of a write; another server runs on the same
//! folder, and the document is back. Without an argument the folder is a temporary one.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Epoch,
    error::StoreFault,
    store::{Append, StoredDocument},
};
use crdt_socket_sync_tokio::{Client, Level, Limits, Server, Storage};

/// Documents in a folder. A file is a row of records, one for each append:
///
/// | bytes | what they are |
/// |---|---|
/// | 4 | how many bytes follow the checksum, big-endian |
/// | 8 | their checksum |
/// | 17 | 1 and the epoch, or zeroes |
/// | 4 + n, repeated | a change and its length |
///
/// A record is all there or not at all: whatever is left of one that was being written when the power failed was not
/// confirmed to anyone, and is cut off. One process at a time may use a folder; this example does not see to that.
struct Folder {
    path: PathBuf,
    known: BTreeMap<String, Known>,
}

/// What a file ends with, so that it is not read for each append.
#[derive(Clone, Copy, Default)]
struct Known {
    epoch: Option<Epoch>,
    changes: usize,
    bytes: u64,
}

const HEAD: usize = 4 + 8;
const ENDING: &str = ".changes";
/// Names are spelled out in hexadecimal, and a file's name has at most 255 bytes.
const NAME_BYTES: usize = 120;

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned(), known: BTreeMap::new() })
    }

    fn file(&self, name: &str) -> PathBuf {
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.path.join(hex + ENDING)
    }

    /// Reads a file up to where it is whole.
    fn read(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        let bytes = match fs::read(self.file(name)) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(&error)),
        };
        let (mut stored, mut at) = (StoredDocument { epoch: None, changes: Vec::new() }, 0);
        while at < bytes.len() {
            match record(&bytes.slice(at..)) {
                Record::Whole(body) => {
                    at += HEAD + body.len();
                    unpack(body, &mut stored).ok_or_else(|| damaged(name, at))?;
                }
                Record::Torn => break,
                Record::Damaged => return Err(damaged(name, at)),
            }
        }
        let known = Known { epoch: stored.epoch, changes: stored.changes.len(), bytes: at as u64 };
        self.known.insert(name.to_owned(), known);
        Ok((at > 0).then_some(stored))
    }

    fn append_one(&mut self, append: &Append) -> Result<(), StoreFault> {
        if !self.known.contains_key(&append.name) {
            self.read(&append.name)?;
        }
        let known = self.known.get(&append.name).copied().unwrap_or_default();
        if !append.may_follow(known.epoch) {
            return Err(foreign(&append.name));
        }
        let mut changes = &append.changes[..];
        if known.changes != append.after {
            // An earlier attempt may have succeeded unnoticed. What it wrote is here, and must be what is to be written.
            let here = self.read(&append.name)?.map_or(Vec::new(), |stored| stored.changes);
            let repeated = here.get(append.after..).ok_or_else(|| foreign(&append.name))?;
            if repeated.len() > changes.len() || !repeated.iter().zip(changes).all(|(here, new)| *here == new.encode())
            {
                return Err(foreign(&append.name));
            }
            changes = &changes[repeated.len()..];
        }
        let record = pack(append.epoch, changes);
        match write(&self.path, &self.file(&append.name), known.bytes, &record) {
            Ok(()) => {
                let bytes = known.bytes + record.len() as u64;
                let changes = append.after + append.changes.len();
                self.known.insert(append.name.clone(), Known { epoch: append.epoch, changes, bytes });
                Ok(())
            }
            Err(error) => {
                // What is really there, the next attempt has to see for itself.
                self.known.remove(&append.name);
                Err(unavailable(&error))
            }
        }
    }
}

impl Storage for Folder {
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        self.read(name)
    }

    /// Several files cannot be written all or none. It is enough that an append which is tried again finds what is there:
    /// the server does try again, and has told nobody before.
    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault> {
        batch.iter().try_for_each(|append| self.append_one(append))
    }

    fn list(&mut self) -> Result<Vec<String>, StoreFault> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|error| unavailable(&error))? {
            let file = entry.map_err(|error| unavailable(&error))?.file_name();
            let hex = file.to_str().and_then(|file| file.strip_suffix(ENDING));
            names.extend(hex.and_then(unhex));
        }
        names.sort();
        Ok(names)
    }
}

enum Record {
    Whole(Bytes),
    /// The last one, and not all of it: the power failed while it was written.
    Torn,
    /// Not what was written, and not the last one: the disk's fault, or someone's.
    Damaged,
}

fn record(bytes: &Bytes) -> Record {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Record::Torn };
    let (length, sum) = head.split_at(4);
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    match rest.get(..length) {
        // A file may have been lengthened before anything was written to it.
        _ if bytes.iter().all(|byte| *byte == 0) => Record::Torn,
        None => Record::Torn,
        Some(body) if sum == checksum(body).to_be_bytes() => Record::Whole(bytes.slice(HEAD..HEAD + length)),
        Some(_) if rest.len() == length => Record::Torn,
        Some(_) => Record::Damaged,
    }
}

fn pack(epoch: Option<Epoch>, changes: &[Change]) -> Vec<u8> {
    let mut body = vec![u8::from(epoch.is_some())];
    body.extend(epoch.map_or(0, Epoch::bits).to_be_bytes());
    for change in changes {
        let change = change.encode();
        body.extend(length(&change));
        body.extend(change);
    }
    [&length(&body)[..], &checksum(&body).to_be_bytes(), &body].concat()
}

fn unpack(mut body: Bytes, stored: &mut StoredDocument) -> Option<()> {
    let (head, _) = body.split_first_chunk::<17>()?;
    let (has_epoch, epoch) = (head[0] == 1, head[1..].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)));
    stored.epoch = has_epoch.then_some(Epoch::new(epoch));
    body = body.slice(17..);
    while let Some((head, rest)) = body.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*head)).ok().filter(|length| *length <= rest.len())?;
        stored.changes.push(body.slice(4..4 + length));
        body = body.slice(4 + length..);
    }
    body.is_empty().then_some(())
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("appends are far smaller than 4 GiB").to_be_bytes()
}

/// FNV-1a: against a half-written record, not against a person.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Writes a record at a place in a file, over whatever is there; on return it would survive a power cut.
fn write(folder: &Path, path: &Path, at: u64, record: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
    let written = (|| {
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(record)?;
        file.sync_all()
    })();
    if written.is_err() {
        // After a failed flush nobody knows what is on disk; nothing of it may be taken for written later.
        let _ = file.set_len(at);
    }
    written?;
    // A file is found again only if its folder is on disk as well.
    if at == 0 { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unhex(hex: &str) -> Option<String> {
    let byte = |at| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?).ok()
}

fn unavailable(error: &io::Error) -> StoreFault {
    StoreFault::Unavailable(error.to_string())
}

fn damaged(name: &str, at: usize) -> StoreFault {
    StoreFault::Corrupt(format!("the record of {name:?} that ends or begins at byte {at} is not what was written"))
}

fn foreign(name: &str) -> StoreFault {
    StoreFault::Unavailable(format!("{name:?} was written by someone else"))
}

/// Runs a server on the folder, writes a line through it, and stops it. What the document holds then.
async fn session(folder: &Path, line: &str) -> Result<String, Box<dyn Error>> {
    let mut limits = Limits::default();
    limits.name_bytes = NAME_BYTES;
    let mut folder = Folder::open(folder)?;
    // A client is refused what cannot be loaded, and goes on asking. Here it is better to give up.
    folder.load("diary")?;
    let server = Server::builder().storage(folder).limits(limits).bind("127.0.0.1:0").await?;
    let (url, handle) = (format!("ws://{}", server.local_addr()), server.handle());
    let serving = tokio::spawn(server.serve());

    let client = Client::connect(url);
    let diary = client.open("diary")?;
    diary.caught_up().await?;
    diary.edit(|txn| txn.text("text").push_str(line))?;
    diary.synced(Level::Stored).await?;
    let text = diary.read(|document| document.text("text").to_string())?;

    client.close().await;
    handle.shutdown(Duration::from_secs(5)).await?;
    serving.await?;
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let path = env::args_os().nth(1).map_or_else(|| temporary.path().join("documents"), PathBuf::from);

    let before = session(&path, "Monday: it rained.\n").await?;
    print!("before:\n{before}");

    // The power fails while the next record is written: some of it reaches the disk.
    let mut folder = Folder::open(&path)?;
    let changes = folder.load("diary")?.map_or(0, |stored| stored.changes.len());
    let torn = &pack(None, &[])[..9];
    OpenOptions::new().append(true).open(folder.file("diary"))?.write_all(torn)?;

    let after = session(&path, "Tuesday: it rained.\n").await?;
    print!("after:\n{after}");
    assert_eq!(after, before + "Tuesday: it rained.\n");
    let mut folder = Folder::open(&path)?;
    assert_eq!(folder.list()?, ["diary"]);
    assert_eq!(folder.load("diary")?.map(|stored| stored.changes.len()), Some(changes + 1));
    println!("-- {} changes in {} survived the restart", changes + 1, path.display());
    Ok(())
}
