//! Opening a file without harm: nothing is written to one that is not known to be a sound store of ours.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

/// The version of the tables that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// `CSSy`, where SQLite keeps the number of the program that a file belongs to.
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"CSSy");

const SCHEMA: &str = "
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        epoch BLOB
    ) STRICT;
    CREATE TABLE changes (
        document INTEGER NOT NULL REFERENCES documents (id),
        position INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (document, position)
    ) STRICT, WITHOUT ROWID;
";

/// Why a store was not opened. It is as it was before.
///
/// Each says in one line what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another part of this one, has it open for writing.
    #[error("the store {} is in use by another process — stop that one first, or use another data folder", path.display())]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// The folder is not empty, and no store of ours is in it; or the file is another program's database.
    #[error("{} belongs to something else — name an empty or new data folder", path.display())]
    Foreign {
        /// The folder or the file.
        path: PathBuf,
    },
    /// The store was written by a newer version of this crate.
    #[error("the store {} has format {format}, and this program knows {FORMAT} — use a newer version of it", path.display())]
    Newer {
        /// The store's file.
        path: PathBuf,
        /// The format that it has.
        format: u32,
    },
    /// The file is cut short, overwritten, or no database at all.
    #[error(
        "the store {} is damaged: {what} — nothing was changed; put a backup in its place, or use another data folder",
        path.display()
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no such file, and none was to be created.
    #[error("there is no store {} — check the path", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The operating system says no.
    #[error("cannot use {}: {why} — check the path and its permissions", path.display())]
    Inaccessible {
        /// The file or folder.
        path: PathBuf,
        /// What the system, or SQLite, says.
        why: String,
    },
}

/// For `map_err`.
pub(crate) fn inaccessible(path: &Path) -> impl Fn(io::Error) -> OpenError + '_ {
    |error| OpenError::Inaccessible { path: path.to_owned(), why: error.to_string() }
}

/// Opens a store as its only owner, creating it if there is none.
pub(crate) fn to_write(path: &Path) -> Result<(Connection, File), OpenError> {
    // Looked at before anything is created beside it, and again once it cannot change any more.
    if path.symlink_metadata().is_ok() {
        check_header(path)?;
    }
    let owner = own(path)?;
    if path.symlink_metadata().is_ok() {
        check_header(path)?;
    } else {
        create(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault(path))?;
    // Until everything is known to be in order, closing must not carry the log over into the file.
    keep_log_on_close(&connection, path, true)?;
    check_contents(&connection, path)?;
    let configure = || {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A commit returns when it would survive a power cut.
        connection.pragma_update(None, "synchronous", "full")?;
        // On systems where flushing a file needs more than the usual call, make that call.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)
    };
    configure().map_err(fault(path))?;
    keep_log_on_close(&connection, path, false)?;
    Ok((connection, owner))
}

/// Opens a store to look into it.
pub(crate) fn to_read(path: &Path) -> Result<Connection, OpenError> {
    if path.symlink_metadata().is_err() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    check_header(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault(path))?;
    check_contents(&connection, path)?;
    Ok(connection)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Becomes the owner of a store, by a lock that the operating system takes back when the process ends, however it ends.
fn own(path: &Path) -> Result<File, OpenError> {
    let lock = beside(path, ".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&lock).map_err(inaccessible(&lock))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(inaccessible(&lock)(error)),
    }
}

/// Makes an empty store under another name and renames it, so that one that is there is whole.
fn create(path: &Path) -> Result<(), OpenError> {
    let new = beside(path, ".new");
    // What is left of an attempt that was killed.
    for leftover in [new.clone(), beside(&new, "-journal")] {
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(inaccessible(&leftover)(error)),
            _ => {}
        }
    }
    let fill = || {
        let connection = Connection::open(&new)?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        connection.execute_batch(SCHEMA)?;
        connection.close().map_err(|(_, error)| error)
    };
    fill().map_err(fault(path))?;
    fs::rename(&new, path).map_err(inaccessible(path))?;
    // The rename itself is to survive a power cut too. Elsewhere folders cannot be flushed like this.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(inaccessible(folder))?;
    }
    Ok(())
}

/// Judges a file by its first 100 bytes and its length, without SQLite, which might begin to repair it.
fn check_header(path: &Path) -> Result<(), OpenError> {
    let damaged = |what: String| Err(OpenError::Damaged { path: path.to_owned(), what });
    let mut file = File::open(path).map_err(inaccessible(path))?;
    let metadata = file.metadata().map_err(inaccessible(path))?;
    if !metadata.is_file() {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let bytes = metadata.len();
    let mut header = [0; 100];
    if let Err(error) = file.read_exact(&mut header) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(format!("it has only {bytes} bytes")),
            _ => Err(inaccessible(path)(error)),
        };
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return damaged("it is not an SQLite file".into());
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let format = number(60);
    if format > FORMAT {
        return Err(OpenError::Newer { path: path.to_owned(), format });
    }
    if format < FORMAT {
        return damaged(format!("it says that its format is {format}"));
    }
    // While there is a log beside it, the file may rightly be shorter than it will be.
    let logged = beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0);
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    let expected = page * u64::from(number(28));
    if !logged && bytes < expected {
        return damaged(format!("it was cut short, {bytes} of {expected} bytes are left"));
    }
    Ok(())
}

/// Has SQLite look for damage. Reads the whole file, once, in order.
fn check_contents(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault(path))?;
    if verdict == "ok" {
        Ok(())
    } else {
        let what = verdict.lines().last().unwrap_or_default().to_owned();
        Err(OpenError::Damaged { path: path.to_owned(), what })
    }
}

fn keep_log_on_close(connection: &Connection, path: &Path, keep: bool) -> Result<(), OpenError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(|_| ()).map_err(fault(path))
}

/// For `map_err`.
fn fault(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
    |error| {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                OpenError::Damaged { path, what: error.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path },
            _ => OpenError::Inaccessible { path, why: error.to_string() },
        }
    }
}
