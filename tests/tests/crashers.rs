//! The fuzz targets' bodies without a fuzzer: on every input that once failed, and on some random ones.

use std::{fs, path::Path};

use crdt_socket_sync_tests::{
    cases,
    fuzz::{TARGETS, Target},
};
use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

#[test]
fn what_once_failed_does_so_no_more() {
    let crashers = Path::new(env!("CARGO_MANIFEST_DIR")).join("crashers");
    for folder in fs::read_dir(crashers).expect("the folder is there").map(|entry| entry.expect("an entry").path()) {
        let Some(name) = folder.file_name().filter(|_| folder.is_dir()) else { continue };
        let target = Target::named(&name.to_string_lossy());
        for file in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let bytes = fs::read(&file).expect("a file");
            eprintln!("{}\n{}", file.display(), target.tell.map(|tell| tell(&bytes)).unwrap_or_default());
            (target.body)(&bytes);
        }
    }
}

#[test]
fn every_seed_passes() {
    for target in TARGETS {
        (target.seeds)().iter().for_each(|seed| (target.body)(seed));
    }
}

/// Seeds put together, with some of their bytes changed; and bytes that are nothing but random.
fn inputs(target: &Target) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seeds = (target.seeds)();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let mutated = (prop::sample::select(seeds.clone()), prop::sample::select(seeds), changes).prop_map(
        |(mut bytes, more, changes)| {
            // The first byte is a choice, and made already.
            bytes.extend_from_slice(more.get(1..).unwrap_or_default());
            changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
            bytes
        },
    );
    prop_oneof![4 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

#[track_caller]
fn holds(target: &str, standard: u32) {
    let target = Target::named(target);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(standard)) };
    let failed = TestRunner::new(config).run(&inputs(target), |bytes| {
        (target.body)(&bytes);
        Ok(())
    });
    if let Err(TestError::Fail(why, bytes)) = failed {
        panic!("{why}\n{}", target.report(&bytes));
    }
    failed.expect("no failure, and no other trouble");
}

/// Acceptance line 6.
#[test]
fn any_bytes_are_a_message_or_a_typed_error() {
    holds("frame", 5_000);
}

#[test]
fn any_message_survives_its_frame_and_no_shorter_or_longer_frame_is_one() {
    holds("message", 5_000);
}

/// Acceptance line 131.
#[test]
fn any_changes_leave_a_document_sound_and_like_its_twin() {
    holds("change", 300);
}

/// Acceptance line 14.
#[test]
fn any_bytes_are_a_block_or_a_typed_error_and_what_is_exported_is_imported() {
    holds("block", 400);
}

/// Acceptance line 99: ours closes the link that sent them, and tells it why.
#[test]
fn any_frames_leave_a_servers_other_links_undisturbed() {
    holds("hostile_server", 200);
}

#[test]
fn any_frames_leave_a_client_with_all_that_was_written_in_it() {
    holds("hostile_client", 500);
}

#[test]
fn any_program_leaves_documents_equal_to_each_other_and_to_their_twin() {
    holds("document", 200);
}

/// Acceptance line 131.
#[test]
fn any_snapshot_is_a_sound_document_or_a_typed_error() {
    holds("snapshot", 2_000);
}
