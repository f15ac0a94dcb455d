//! One promise each, in the smallest setting in which it can be broken.
//!
//! What random programs come by too rarely, or cannot judge. Each function panics if its promise does not hold. Tests call
//! them by name; [`planted`](crate::planted) calls them all.

mod arranging;
mod clients;
mod documents;
mod editing;
mod log;
mod servers;
mod snapshots;
mod stores;

use crate::short::document::document;
use crate::short::world::{config, text, write};
use crdt_socket_sync_loopback::Simulation;

pub use self::{arranging::*, clients::*, documents::*, editing::*, log::*, servers::*, snapshots::*, stores::*};

/// A promise: its name, and what panics if it does not hold.
pub type Scenario = (&'static str, fn());

/// A list of these functions with their names.
macro_rules! scenarios {
    ($($name:ident,)*) => {
        &[$((stringify!($name), $name),)*]
    };
}

/// All of them.
pub const SCENARIOS: &[Scenario] = scenarios![
    // log
    a_chain_has_one_head_and_a_fork_has_both,
    a_change_that_contradicts_one_that_is_here_is_refused_however_it_does_so,
    a_clock_that_is_not_after_a_dependencys_is_refused_at_once_or_when_the_dependency_comes,
    what_waits_is_bounded_by_number_and_by_size_and_what_is_ready_is_not,
    writers_are_bounded_and_those_who_are_in_go_on,
    a_block_that_is_damaged_or_too_large_changes_nothing_and_one_that_contradicts_only_what_is_before_that,
    a_block_is_made_only_if_all_that_is_asked_for_is_kept,
    // documents
    a_header_that_says_another_length_than_the_body_makes_it_a_no_op,
    letters_side_by_side_that_had_different_neighbours_stay_two_runs,
    both_parts_of_a_split_run_have_the_same_right_neighbour,
    what_two_write_one_behind_the_other_is_two_runs_however_long_they_are,
    two_who_make_a_container_at_once_make_one_and_what_both_write_is_kept,
    a_container_that_is_made_again_is_another_one,
    containers_are_nested_only_so_deep,
    an_element_that_two_move_at_once_is_where_the_later_one_moved_it_in_any_order_of_arrival,
    an_element_that_two_set_at_once_has_the_later_value_in_any_order_of_arrival,
    a_deletion_wins_over_moves_and_values_in_any_order_of_arrival,
    a_place_of_an_element_is_no_element,
    lists_of_other_values_have_another_digest,
    of_a_transaction_that_fails_nothing_is_left_in_any_kind_of_container,
    // snapshots
    a_snapshot_of_which_a_bit_is_another_one_is_refused,
    a_snapshot_that_would_take_more_than_the_limit_is_refused,
    changes_that_are_packed_with_a_snapshot_are_given_to_a_server_that_lacks_them,
    a_document_without_its_history_is_joined_only_where_nothing_of_that_is_lacking,
    a_document_without_its_history_is_joined_only_where_all_of_that_is_stored,
    a_replica_that_is_put_in_the_place_of_another_one_is_joined_anew,
    a_replica_that_is_kept_in_a_clients_own_store_is_not_replaced,
    a_replica_that_has_taken_in_a_snapshot_is_joined_anew,
    snapshots_of_two_who_know_nothing_of_each_other_give_all_that_both_did_in_either_order,
    // editing
    an_error_inside_a_nested_transaction_undoes_that_one_and_what_is_around_it_goes_on,
    a_cursor_stays_where_its_deleted_item_was_whatever_is_edited_since,
    undoing_an_insertion_deletes_what_is_left_of_it_and_nothing_of_others,
    undoing_a_deletion_inserts_it_again_at_its_place_even_without_its_neighbours,
    older_edits_find_what_came_back_by_undoing_younger_ones,
    undoing_a_write_gives_back_what_stood_there_unless_others_have_written_since,
    a_view_of_a_past_version_shows_what_was_shown_then_and_a_difference_leads_there_and_back,
    // arranging
    undoing_a_move_or_a_value_gives_back_what_was_before_unless_others_have_moved_or_set_it_since,
    an_element_that_comes_back_is_what_it_was_where_it_was_and_older_edits_find_it,
    a_container_that_comes_back_as_an_item_holds_what_it_held_and_older_edits_are_undone_in_it,
    // clients
    whoever_misses_something_asks_for_it_once_however_much_there_is_that_waits_for_it,
    a_document_has_caught_up_when_all_is_here_that_the_server_had,
    what_a_server_asks_for_is_sent_again_from_there_on,
    a_change_of_ones_own_that_comes_back_is_not_taken_for_stored,
    what_a_clients_own_store_fails_to_write_is_not_sent_until_it_is_written,
    // servers
    a_link_joins_only_so_many_documents_at_a_time,
    a_leave_ends_no_other_join_than_its_own,
    documents_of_one_link_take_turns,
    what_one_reader_had_sent_itself_the_next_one_is_sent,
    a_change_that_is_too_large_is_refused_by_the_server_and_others_go_on,
    a_change_from_a_clock_that_is_a_year_ahead_is_refused_and_stays_with_its_maker,
    // stores
    a_stored_document_that_lacks_a_change_in_its_midst_is_not_opened,
    a_document_that_cannot_be_read_is_not_begun_with_the_birth_mark_that_a_client_brings,
    a_server_that_is_told_to_stop_stores_and_acknowledges_first,
];

/// Lets things happen until something is so.
fn until(world: &mut Simulation, so: impl Fn(&Simulation) -> bool) {
    for _ in 0..10_000 {
        if so(world) {
            return;
        }
        assert!(world.step(), "nothing is going to happen");
    }
    panic!("it does not come to that");
}
