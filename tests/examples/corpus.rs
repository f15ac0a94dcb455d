//! Writes what the fuzz targets begin with to `fuzz/corpus`: `cargo run --example corpus -p crdt-socket-sync-tests`.

use std::{fs, path::Path};

use crdt_socket_sync_tests::fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
