//! Every sentence of what a store promises, as a case that runs on every store.
//!
//! A store brings a [`Bench`]; `on_every!` then makes a test of each case. Time is an argument: a
//! bench whose store has a clock of its own really waits, which is why the spans are short.

mod bench;
mod bounds;
mod claims;
mod disks;
mod doubles;
mod kills;
mod ledger;
mod model;
mod outcomes;
mod races;
mod redis;
mod restarts;

/// Every case as a test on the bench that the expression makes.
macro_rules! on_every {
    ($bench:expr) => {
        crate::state::on_every!(@claims $bench;
            a_code_is_used_by_one_request_only
            a_refused_code_leaves_no_trace
            a_code_of_which_nothing_was_sent_can_be_used_again
            a_code_stays_used_while_nobody_knows
            a_retry_whose_record_is_gone_is_unknown_while_its_code_lives
            a_code_is_forgotten_when_its_time_is_over
            another_code_is_not_touched
        );
        crate::state::on_every!(@doubles $bench;
            a_second_read_joins_the_first
            a_second_read_joins_as_long_as_the_first_is_under_way
            a_second_read_that_comes_late_is_a_request_of_its_own
            what_is_kept_briefly_is_seen_as_long_as_a_second_read_may_come
            a_key_that_joined_finds_the_outcome_later
            a_key_that_joined_makes_the_outcome_last
            a_key_that_joined_what_was_not_sent_is_free
            a_second_read_of_what_was_not_sent_begins_anew
            a_read_without_a_key_is_joined_by_one_key_only
            two_keys_are_never_joined
        );
        crate::state::on_every!(@outcomes $bench;
            a_new_name_is_begun
            a_request_under_way_is_in_flight
            an_outcome_is_told_again
            an_answer_comes_back_as_it_was
            a_name_with_another_fingerprint_is_another_request
            a_request_of_which_nothing_was_sent_leaves_nothing
            what_nobody_knows_stays_and_is_listed
            what_nobody_knows_is_listed_oldest_first_and_no_more_than_asked
            a_ticket_dropped_before_its_intent_leaves_nothing
            a_ticket_dropped_after_its_intent_is_unknown
            an_outcome_is_forgotten_when_its_time_is_over
        );
        crate::state::on_every!(@races $bench;
            of_64_requests_with_one_code_one_begins
            of_64_requests_with_one_key_one_begins
            of_64_double_reads_one_begins
        );
    };
    (@$file:ident $bench:expr; $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::state::$file::$case(&$bench.await).await;
            }
        )*
    };
}
use on_every;
