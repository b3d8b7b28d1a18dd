//! The laws that every store is held to: a back end's test opens a store, and these try to break it.
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread")]
//! async fn run_conformance_suite_of_a_store() {
//!     run_conformance_suite(async || MyStore::open_empty().await as Arc<dyn Store>).await;
//! }
//! ```
//!
//! A new law comes with the bug that it would have caught.

mod audit_log;
mod commit_listener;
mod commits;
mod counters;
mod cutoffs;
mod fixture;
mod last_seen;
mod metrics;
mod purge;
mod records;
mod revocation_log;
mod session_data;
mod sessions;
mod users;

use std::sync::Arc;

use crate::store::Store;

/// Tries each law on a store of its own, and prints its name first.
macro_rules! hold {
    ($open:ident: $($noun:ident { $($law:ident,)* })*) => {
        $($(
            println!("law: {}", stringify!($law));
            $noun::$law($open().await).await;
        )*)*
    };
}

/// Holds a store to every law. `open` is to give a new, empty store each time.
///
/// To be run on several threads: many of the laws are about callers who race.
///
/// # Panics
///
/// If a law does not hold; its name is printed before it is tried.
pub async fn run_conformance_suite(open: impl AsyncFn() -> Arc<dyn Store>) {
    hold! { open:
        records {
            a_new_store_has_the_default_client_and_nothing_else,
            every_field_of_a_user_comes_back,
            every_field_of_a_session_comes_back,
            every_field_of_a_client_comes_back,
            clients_are_listed_once_in_the_order_of_their_ids,
            every_field_of_a_key_comes_back,
            an_admin_key_comes_back_until_it_is_removed,
            an_admin_key_is_of_a_user_who_is_there_and_goes_with_them,
            a_users_admin_keys_are_removed_and_told_together,
            every_field_of_a_line_of_the_journal_comes_back,
            a_fact_is_what_it_was_last_set_to,
        }
        sessions {
            a_session_is_inserted_only_where_none_is,
            a_session_of_nobody_is_not_inserted,
            only_the_next_revision_is_swapped_in,
            whose_a_session_is_and_since_when_never_changes,
            of_32_parallel_swaps_one_wins,
            an_ended_session_never_lives_again,
            a_session_ends_once,
            ending_all_spares_one_and_appends_one_entry_each,
            live_sessions_are_listed_once_and_the_newest_first,
            a_session_is_read_with_all_that_it_is_judged_by,
            beyond_a_cap_the_oldest_end,
        }
        last_seen {
            a_use_moves_a_session_forward_and_never_back,
            a_use_of_what_has_ended_changes_nothing,
            who_read_a_session_before_its_use_has_lost,
            a_use_puts_off_the_idle_end_alone,
            the_newest_time_follows_a_use,
            no_witness_is_told_of_a_use,
        }
        users {
            of_32_who_race_for_a_name_one_gets_it,
            a_taken_name_cannot_be_taken_over_by_a_swap,
            an_address_finds_nobody_before_it_is_verified,
            users_are_listed_once_in_the_order_of_their_names,
            of_32_parallel_changes_of_a_user_one_wins,
            a_removed_user_is_gone_with_all_their_sessions,
        }
        commits {
            nothing_is_changed_if_the_last_change_is_lost,
            the_first_change_that_does_not_hold_is_named,
            a_raised_epoch_or_revision_is_noticed,
            a_session_is_live_only_until_its_end,
            a_login_in_flight_loses_against_a_change_of_the_password,
            a_caller_who_went_away_changes_nothing,
            one_lost_commit_takes_nothing_from_those_beside_it,
            the_newest_time_follows_what_is_committed,
            a_closed_store_refuses,
        }
        revocation_log {
            positions_rise_in_the_order_of_commits,
            no_reader_sees_a_head_without_what_stands_below_it,
            a_position_is_never_below_its_time_and_rises_when_the_clock_falls,
            the_entries_of_one_commit_keep_their_order,
            a_reader_is_told_only_what_comes_after,
            another_log_begins_above_the_former_and_keeps_what_it_held,
        }
        cutoffs {
            a_mark_is_the_last_position_of_its_commit,
            a_mark_without_an_entry_draws_a_position,
            a_mark_never_falls,
            a_restamped_session_outlives_the_mark,
            all_that_stands_of_a_user_is_restamped_at_once,
            every_cookie_that_stands_is_restamped_and_nothing_else,
            a_restamp_brings_nothing_back_that_a_mark_has_killed,
            what_a_mark_has_killed_is_not_listed,
            who_read_a_session_before_its_restamp_has_lost,
        }
        session_data {
            patches_merge_as_the_examples_of_the_rfc,
            patches_merge_as_the_algorithm_of_the_rfc,
            parallel_patches_of_different_members_all_survive,
            a_patch_beyond_the_limit_changes_nothing,
            a_patch_holds_only_for_the_revision_that_was_seen,
            data_is_kept_with_a_live_session_alone,
        }
        counters {
            of_parallel_takes_none_is_forgotten,
            a_window_begins_anew_when_it_is_over,
            several_counters_are_told_in_the_order_that_was_asked,
            a_counter_is_what_it_was_last_set_to,
        }
        audit_log {
            lines_are_told_by_user_by_session_and_the_newest_first,
            each_session_that_ends_is_told_of_once,
            what_ended_everybody_is_found_by_itself,
        }
        purge {
            what_lives_is_never_dropped,
            what_has_ended_stays_a_day_and_goes_with_its_data,
            a_session_that_is_used_outlives_its_first_end,
            an_entry_goes_when_its_time_is_over_and_a_key_never,
            old_lines_and_spent_counters_go,
            no_purge_drops_more_than_it_was_told,
        }
        commit_listener {
            a_witness_is_told_before_the_caller_and_in_order,
            a_witness_is_told_for_a_caller_who_went_away,
            a_witness_is_not_told_what_was_lost,
        }
        metrics {
            every_read_and_every_commit_is_counted_once,
            those_who_commit_together_share_transactions,
        }
    }
}
