//! Storage for `crdt-socket-sync` in one SQLite file, with nothing to install.
//!
//! [`SqliteStorage`] is a [`Storage`]: a whole batch of appends is one transaction and one flush to disk, and it returns
//! when the bytes would survive a power cut. One process owns a store at a time.
//!
//! ```
//! use crdt_socket_sync::Storage;
//! use crdt_socket_sync_sqlite::SqliteStorage;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path().join("data");
//! let mut storage = SqliteStorage::open_in_dir(&folder)?;
//! assert!(storage.list().unwrap().is_empty());
//! # Ok::<_, crdt_socket_sync_sqlite::OpenError>(())
//! ```
//!
//! # The file
//!
//! `documents (id, name, epoch)` and `changes (document, position, bytes)`, where the bytes are those of
//! [`Change::encode`]. The application id is `CSSy` and the user version is [`FORMAT`]. A file is opened for
//! writing only when both are known and SQLite finds nothing wrong with it; until then no byte of it is changed.
//!
//! Beside the file lie SQLite's own `-wal` and `-shm`, without which the file is not complete, and an empty `.lock`, which
//! says who owns it and can stay where it is.

mod folder;
mod open;

use std::{fs::File, path::Path};

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Epoch, Storage,
    error::StoreFault,
    store::{Append, StoredDocument},
};
pub use folder::FILE_NAME;
pub use open::{FORMAT, OpenError};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

/// Documents in one SQLite file. See the [crate's page](crate).
#[derive(Debug)]
pub struct SqliteStorage {
    connection: Connection,
    /// Held for as long as the store is open; the operating system lets go of it whatever becomes of the process.
    _owner: Option<File>,
}

impl SqliteStorage {
    /// Opens the store in a file, or creates it if there is no such file.
    ///
    /// # Errors
    ///
    /// If the file is something else, damaged, of a newer version, in use by another process, or out of reach. It is left
    /// exactly as it is then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let (connection, owner) = open::to_write(path.as_ref())?;
        Ok(Self { connection, _owner: Some(owner) })
    }

    /// Opens the store in a data folder, in the file [`FILE_NAME`]; creates the folder and the store if they do not exist.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`OpenError::Foreign`] for a folder that has other things in it and no store.
    pub fn open_in_dir(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open(folder::prepare(folder.as_ref())?)
    }

    /// Opens a store only to look into it, also while another process owns it. [`append`](Storage::append) fails.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) except that it may be in use; nothing is created.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self { connection: open::to_read(path.as_ref())?, _owner: None })
    }
}

impl Storage for SqliteStorage {
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        // A transaction, so that a reader beside the owner sees one moment.
        let tx = self.connection.transaction().map_err(fault)?;
        let Some(Row { id, epoch }) = find(&tx, name)? else { return Ok(None) };
        let mut changes: Vec<Bytes> = Vec::new();
        let mut select = tx
            .prepare_cached("SELECT position, bytes FROM changes WHERE document = ?1 ORDER BY position")
            .map_err(fault)?;
        let mut rows = select.query([id]).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            let (position, bytes): (i64, Vec<u8>) = (row.get(0).map_err(fault)?, row.get(1).map_err(fault)?);
            if position != number(changes.len()) {
                return Err(StoreFault::Corrupt(format!("{name:?} lacks its change {}", changes.len())));
            }
            changes.push(bytes.into());
        }
        Ok(Some(StoredDocument { epoch, changes }))
    }

    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault> {
        // Dropped on the way out of an error, it rolls back.
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        batch.iter().try_for_each(|append| write(&tx, append))?;
        tx.commit().map_err(fault)
    }

    fn list(&mut self) -> Result<Vec<String>, StoreFault> {
        let mut select = self.connection.prepare_cached("SELECT name FROM documents ORDER BY name").map_err(fault)?;
        let names = select.query_map([], |row| row.get(0)).map_err(fault)?;
        names.collect::<Result<_, _>>().map_err(fault)
    }
}

/// A document's row.
struct Row {
    id: i64,
    epoch: Option<Epoch>,
}

fn find(tx: &Transaction<'_>, name: &str) -> Result<Option<Row>, StoreFault> {
    let mut select = tx.prepare_cached("SELECT id, epoch FROM documents WHERE name = ?1").map_err(fault)?;
    let row = select.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(fault)?;
    let Some((id, epoch)): Option<(i64, Option<Vec<u8>>)> = row else { return Ok(None) };
    let epoch = epoch
        .map(|bytes| <[u8; 16]>::try_from(bytes).map(|bytes| Epoch::new(u128::from_be_bytes(bytes))))
        .transpose()
        .map_err(|_| StoreFault::Corrupt(format!("the birth mark of {name:?} does not have 16 bytes")))?;
    Ok(Some(Row { id, epoch }))
}

/// Writes one document's changes, but for those that an earlier attempt has written already.
fn write(tx: &Transaction<'_>, append: &Append) -> Result<(), StoreFault> {
    let Append { name, epoch, replaces: _, after, changes } = append;
    let someone_else = || StoreFault::Unavailable(format!("{name:?} was written by someone else"));
    let id = match find(tx, name)? {
        Some(row) if !append.may_follow(row.epoch) => return Err(someone_else()),
        Some(row) => {
            if row.epoch != *epoch {
                set_epoch(tx, row.id, *epoch)?;
            }
            row.id
        }
        None => create(tx, name, *epoch)?,
    };
    let held = count(tx, id)?;
    let Some(known) = held.checked_sub(*after) else { return Err(someone_else()) };
    if known > changes.len() {
        return Err(someone_else());
    }
    let (repeated, new) = changes.split_at(known);
    for (index, change) in repeated.iter().enumerate() {
        if stored_change(tx, id, after + index)? != change.encode() {
            return Err(someone_else());
        }
    }
    let mut insert =
        tx.prepare_cached("INSERT INTO changes (document, position, bytes) VALUES (?1, ?2, ?3)").map_err(fault)?;
    for (index, bytes) in new.iter().map(Change::encode).enumerate() {
        insert.execute(params![id, number(held + index), &bytes[..]]).map_err(fault)?;
    }
    Ok(())
}

fn create(tx: &Transaction<'_>, name: &str, epoch: Option<Epoch>) -> Result<i64, StoreFault> {
    let mut insert = tx.prepare_cached("INSERT INTO documents (name, epoch) VALUES (?1, ?2)").map_err(fault)?;
    insert.insert(params![name, epoch_bytes(epoch)]).map_err(fault)
}

fn set_epoch(tx: &Transaction<'_>, id: i64, epoch: Option<Epoch>) -> Result<(), StoreFault> {
    let mut update = tx.prepare_cached("UPDATE documents SET epoch = ?2 WHERE id = ?1").map_err(fault)?;
    update.execute(params![id, epoch_bytes(epoch)]).map(|_| ()).map_err(fault)
}

fn epoch_bytes(epoch: Option<Epoch>) -> Option<[u8; 16]> {
    epoch.map(|epoch| epoch.bits().to_be_bytes())
}

/// How many changes of a document there are. Positions have no gaps, so the last one tells.
fn count(tx: &Transaction<'_>, id: i64) -> Result<usize, StoreFault> {
    let mut select = tx.prepare_cached("SELECT max(position) FROM changes WHERE document = ?1").map_err(fault)?;
    let last: Option<i64> = select.query_row([id], |row| row.get(0)).map_err(fault)?;
    let count = last.map_or(Ok(0), |last| usize::try_from(last).map(|last| last + 1));
    count.map_err(|_| StoreFault::Corrupt("a change has a negative position".into()))
}

fn stored_change(tx: &Transaction<'_>, id: i64, position: usize) -> Result<Vec<u8>, StoreFault> {
    let mut select =
        tx.prepare_cached("SELECT bytes FROM changes WHERE document = ?1 AND position = ?2").map_err(fault)?;
    select.query_row(params![id, number(position)], |row| row.get(0)).map_err(fault)
}

/// SQLite's integers are signed; nothing that fits in memory is out of their reach.
fn number(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// What went wrong, in the engine's words.
fn fault(error: rusqlite::Error) -> StoreFault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreFault::Corrupt(error.to_string()),
        // A row that is missing or of another type is damage as well; it is not SQLite that says so.
        None => StoreFault::Corrupt(error.to_string()),
        Some(_) => StoreFault::Unavailable(error.to_string()),
    }
}
