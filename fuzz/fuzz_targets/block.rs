#![no_main]

use crdt_socket_sync_tests::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::block(bytes));
