//! The conformance suite of stores. The test of a back end opens a store, and the suite runs every case on
//! it.
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread")]
//! async fn run_conformance_suite_of_a_store() {
//!     run_conformance_suite(async || MyStore::open_empty().await as Arc<dyn Store>).await;
//! }
//! ```
//!
//! Every bug in a back end adds a case here.

mod alternating_store;
mod audit_log;
mod commit_listener;
mod commits;
mod counters;
mod cutoffs;
mod fixture;
mod job_locks;
mod last_seen;
mod metrics;
mod purge;
mod records;
mod revocation_log;
mod session_data;
mod session_ends;
mod sessions;
mod status_lists;
mod users;
mod verifier_keys;

use std::pin::Pin;
use std::sync::Arc;

use crate::store::Store;

pub use crate::model::session::sample::{NOON, cookie_session};
pub use alternating_store::AlternatingStore;

/// A case that is running.
type CaseFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A named case, which gets its own empty store.
struct Case {
    name: &'static str,
    run: fn(Arc<dyn Store>) -> CaseFuture,
}

/// Runs every case. `open` must return a new, empty store each time.
///
/// Run it on a multi-threaded runtime: many cases are about races.
///
/// # Panics
///
/// If a case fails. Its name is printed before it runs.
pub async fn run_conformance_suite(open: impl AsyncFn() -> Arc<dyn Store>) {
    run_cases(CASES.iter(), open).await;
}

/// Runs every case on a store like [`AlternatingStore`], whose calls are executed by several processes in turn, so that each has
/// to see what another one has committed.
///
/// It omits what is required of each process alone: the order in which its own commits are reported, and its
/// metrics.
///
/// # Panics
///
/// As [`run_conformance_suite`].
pub async fn run_conformance_suite_on_several_processes(open: impl AsyncFn() -> Arc<dyn Store>) {
    run_cases(CASES.iter().filter(|case| !OF_ONE_PROCESS.contains(&case.name)), open).await;
}

async fn run_cases(cases: impl Iterator<Item = &Case>, open: impl AsyncFn() -> Arc<dyn Store>) {
    for case in cases {
        println!("case: {}", case.name);
        (case.run)(open().await).await;
    }
}

/// Cases about what each process counts of its own calls, and about the order in which it reports its own commits.
const OF_ONE_PROCESS: &[&str] = &[
    "commit_listener::a_listener_is_called_in_the_order_of_commits",
    "metrics::every_read_and_every_commit_is_counted_once",
    "metrics::parallel_commits_share_transactions",
];

macro_rules! cases {
    ($($module:ident { $($case:ident,)* })*) => {
        &[$($(Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            run: |store| Box::pin($module::$case(store)),
        },)*)*]
    };
}

const CASES: &[Case] = cases! {
    records {
        a_new_store_has_the_default_client_and_nothing_else,
        every_field_of_a_user_is_stored,
        every_field_of_a_session_is_stored,
        every_field_of_a_client_is_stored,
        clients_are_listed_once_in_the_order_of_their_ids,
        every_field_of_a_key_is_stored,
        an_admin_key_is_found_until_it_is_removed,
        an_admin_key_needs_its_user_and_is_removed_with_them,
        all_admin_keys_of_a_user_are_removed_and_recorded,
        every_field_of_an_audit_event_is_stored,
        metadata_has_the_value_that_was_last_set,
        metadata_is_found_by_the_beginning_of_its_key_until_it_is_removed,
    }
    verifier_keys {
        a_verifier_key_is_found_until_it_is_removed,
        verifier_keys_are_listed_once_oldest_first,
    }
    sessions {
        a_session_id_is_inserted_only_once,
        a_session_of_an_unknown_user_or_client_is_not_inserted,
        a_session_is_replaced_only_by_the_next_revision,
        how_a_session_was_opened_never_changes,
        one_of_32_parallel_replacements_applies,
        an_ended_session_never_becomes_active_again,
        a_session_ends_once,
        ending_all_other_sessions_appends_one_revocation_each,
        active_sessions_are_listed_once_and_newest_first,
        the_live_sessions_of_all_users_are_listed_once_and_newest_first,
        a_session_context_is_read_from_one_snapshot,
        above_the_session_limit_the_oldest_sessions_end,
        only_sessions_that_have_not_ended_are_to_be_ended,
        active_sessions_are_counted_by_client,
        active_sessions_are_counted_by_mode_in_portions,
    }
    session_ends {
        many_sessions_are_invalid_at_once_and_marked_in_portions,
        each_session_of_a_portion_is_revoked_and_recorded_as_in_the_first_commit,
        a_login_after_the_end_of_many_sessions_is_not_ended_by_the_portions,
        a_user_with_many_sessions_is_gone_at_once_and_deleted_in_portions,
        one_login_ends_a_bounded_number_of_sessions_above_the_limit,
    }
    job_locks {
        a_lock_is_held_by_one_node_until_it_expires,
        a_node_renews_and_releases_its_own_lock,
        nothing_is_changed_without_the_lock,
        one_of_32_nodes_takes_a_free_lock,
    }
    last_seen {
        a_use_moves_seen_at_forward_and_never_back,
        a_use_of_an_ended_session_changes_nothing,
        a_replacement_based_on_an_earlier_use_conflicts,
        a_use_extends_only_the_idle_timeout,
        the_newest_time_follows_a_use,
        a_use_calls_no_listener,
    }
    users {
        one_of_32_parallel_registrations_gets_the_name,
        a_replacement_cannot_take_an_existing_name,
        an_address_finds_no_user_before_it_is_verified,
        a_name_that_looks_like_another_is_found_and_conflicts,
        an_external_id_belongs_to_one_user,
        users_are_listed_once_in_the_order_of_their_names,
        users_are_counted_in_portions,
        the_names_of_existing_users_are_found_by_their_ids,
        one_of_32_parallel_changes_of_a_user_applies,
        a_user_is_removed_with_all_their_sessions,
        another_administrator_is_enabled_and_has_exactly_the_role,
    }
    commits {
        nothing_is_changed_if_the_last_change_conflicts,
        the_first_part_that_conflicts_is_named,
        a_raised_epoch_or_revision_conflicts,
        a_session_is_active_only_until_its_end,
        a_login_in_progress_conflicts_with_a_password_change,
        a_commit_applies_without_a_waiting_caller,
        a_conflict_does_not_affect_parallel_commits,
        the_newest_time_follows_commits,
        a_closed_store_rejects_every_call,
    }
    revocation_log {
        positions_follow_the_order_of_commits,
        no_reader_sees_a_head_without_the_entries_below_it,
        a_position_is_never_below_its_time_and_rises_when_the_clock_is_set_back,
        the_entries_of_one_commit_keep_their_order,
        a_reader_gets_only_later_entries,
        pages_give_every_entry_once_and_the_head_with_the_last,
        revocations_are_loaded_page_by_page,
        a_new_log_starts_above_the_former_and_keeps_its_entries,
    }
    status_lists {
        a_session_gets_one_index_and_keeps_it,
        an_index_is_assigned_in_the_commit_that_inserts_the_session,
        parallel_sessions_get_different_indexes,
        a_replacement_neither_changes_nor_loses_an_index,
        the_end_of_a_session_names_its_index,
        an_index_is_assigned_again_only_after_its_time,
        the_indexes_of_a_removed_user_are_free_later,
        a_replaced_index_is_revoked_and_free_later,
        the_indexes_below_a_cutoff_are_found,
        a_page_of_status_revocations_says_what_follows,
    }
    cutoffs {
        a_cutoff_is_the_last_position_of_its_commit,
        a_cutoff_without_an_entry_has_its_own_position,
        a_cutoff_never_falls,
        a_refreshed_position_survives_the_cutoff,
        all_active_sessions_of_a_user_get_the_new_position,
        only_active_cookie_sessions_get_the_new_position,
        a_refreshed_position_does_not_undo_a_cutoff,
        sessions_below_a_cutoff_are_not_listed,
        a_replacement_based_on_the_former_position_conflicts,
    }
    session_data {
        patches_merge_as_in_the_examples_of_rfc_7396,
        patches_merge_as_in_the_algorithm_of_rfc_7396,
        parallel_patches_of_different_members_are_all_applied,
        a_patch_above_the_size_limit_changes_nothing,
        a_patch_applies_only_to_its_expected_revision,
        data_is_stored_only_for_active_sessions,
        all_sessions_of_a_user_share_a_size_limit,
    }
    counters {
        no_parallel_increment_is_lost,
        a_counter_starts_again_when_its_window_is_over,
        counters_are_returned_in_the_requested_order,
        a_counter_has_the_value_that_was_last_set,
        an_increment_counts_only_while_the_previous_value_is_low,
    }
    audit_log {
        events_are_listed_by_user_and_session_and_newest_first,
        events_are_found_by_their_actor_and_their_address,
        each_session_end_is_recorded_once,
        events_that_set_a_cutoff_are_listed_alone,
        events_are_filtered_by_kind_and_time_in_both_directions,
        a_read_with_a_filter_visits_a_bounded_number_of_events,
    }
    purge {
        active_records_are_never_purged,
        an_ended_session_stays_a_day_without_its_data,
        an_expired_session_is_purged_after_its_last_token,
        an_expired_session_is_recorded_once_with_its_cause,
        a_session_that_was_ended_or_revoked_does_not_expire,
        a_session_that_is_used_after_its_expiry_was_recorded_is_not_recorded_again,
        many_expired_sessions_are_recorded_in_portions,
        expiries_are_counted_and_not_recorded_if_the_audit_log_omits_them,
        a_session_in_use_is_not_purged,
        log_entries_are_purged_when_they_expire_and_keys_never,
        old_counters_are_purged,
        old_events_are_purged_and_their_numbers_are_not_used_again,
        events_above_the_limit_are_purged_oldest_first_and_in_steps,
        a_purge_removes_at_most_its_limit,
    }
    commit_listener {
        a_listener_is_called_before_the_caller_is_answered,
        a_listener_is_called_in_the_order_of_commits,
        a_listener_is_called_without_a_waiting_caller,
        a_listener_is_not_called_for_a_conflict,
    }
    metrics {
        every_read_and_every_commit_is_counted_once,
        parallel_commits_share_transactions,
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_of_one_process_exist() {
        for name in OF_ONE_PROCESS {
            assert!(CASES.iter().any(|case| case.name == *name), "{name}");
        }
    }
}
