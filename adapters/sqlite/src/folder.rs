//! A data folder: ours, empty, or none of our business.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::open::{OpenError, inaccessible};

/// The store's file in a data folder.
pub const FILE_NAME: &str = "documents.sqlite3";

/// Creates the folder if there is none; refuses one in which something else lives. The path of the store's file.
pub(crate) fn prepare(folder: &Path) -> Result<PathBuf, OpenError> {
    let file = folder.join(FILE_NAME);
    match fs::read_dir(folder) {
        Ok(entries) => {
            if file.symlink_metadata().is_ok() {
                return Ok(file);
            }
            for entry in entries {
                let name = entry.map_err(inaccessible(folder))?.file_name();
                // What is left of a store that was being created when its process died.
                if !name.to_string_lossy().starts_with(FILE_NAME) {
                    return Err(OpenError::Foreign { path: folder.to_owned() });
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(inaccessible(folder))?;
        }
        Err(error) => return Err(inaccessible(folder)(error)),
    }
    Ok(file)
}
