//! Writes what the fuzz targets begin with to `fuzz/corpus`: `cargo run --example corpus -p crdt-socket-sync-tests`.

use std::{fs, path::Path};

use crdt_socket_sync_tests::fuzz::{TARGETS, seeds};

fn main() -> std::io::Result<()> {
    for (target, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds(target).into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
