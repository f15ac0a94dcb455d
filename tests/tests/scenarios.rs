//! What is promised, each in the smallest setting in which it can be broken (`src/scenarios/`). Those that are not here are
//! among their neighbours in the other files.

use crdt_socket_sync_tests::scenarios;

#[test]
fn letters_side_by_side_that_had_different_neighbours_stay_two_runs() {
    scenarios::letters_side_by_side_that_had_different_neighbours_stay_two_runs();
}

#[test]
fn both_parts_of_a_split_run_have_the_same_right_neighbour() {
    scenarios::both_parts_of_a_split_run_have_the_same_right_neighbour();
}

#[test]
fn what_two_write_one_behind_the_other_is_two_runs_however_long_they_are() {
    scenarios::what_two_write_one_behind_the_other_is_two_runs_however_long_they_are();
}

#[test]
fn what_one_reader_had_sent_itself_the_next_one_is_sent() {
    scenarios::what_one_reader_had_sent_itself_the_next_one_is_sent();
}

#[test]
fn a_document_has_caught_up_when_all_is_here_that_the_server_had() {
    scenarios::a_document_has_caught_up_when_all_is_here_that_the_server_had();
}

#[test]
fn what_a_server_asks_for_is_sent_again_from_there_on() {
    scenarios::what_a_server_asks_for_is_sent_again_from_there_on();
}

#[test]
fn a_change_of_ones_own_that_comes_back_is_not_taken_for_stored() {
    scenarios::a_change_of_ones_own_that_comes_back_is_not_taken_for_stored();
}

#[test]
fn what_a_clients_own_store_fails_to_write_is_not_sent_until_it_is_written() {
    scenarios::what_a_clients_own_store_fails_to_write_is_not_sent_until_it_is_written();
}

#[test]
fn a_link_joins_only_so_many_documents_at_a_time() {
    scenarios::a_link_joins_only_so_many_documents_at_a_time();
}

#[test]
fn a_leave_ends_no_other_join_than_its_own() {
    scenarios::a_leave_ends_no_other_join_than_its_own();
}

#[test]
fn documents_of_one_link_take_turns() {
    scenarios::documents_of_one_link_take_turns();
}

#[test]
fn a_stored_document_that_lacks_a_change_in_its_midst_is_not_opened() {
    scenarios::a_stored_document_that_lacks_a_change_in_its_midst_is_not_opened();
}

#[test]
fn a_document_that_cannot_be_read_is_not_begun_with_the_birth_mark_that_a_client_brings() {
    scenarios::a_document_that_cannot_be_read_is_not_begun_with_the_birth_mark_that_a_client_brings();
}
