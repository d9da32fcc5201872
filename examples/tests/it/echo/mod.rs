//! The promises of the echo server: each written once, kept by every style.

use examples::Style;

mod bytes;
mod closing;
mod crowds;
mod limits;
mod pressure;
mod reports;
mod silence;
mod urgent;

/// Makes a test of each behaviour for each style.
macro_rules! in_every_style {
    ($($file:ident::$behaviour:ident,)*) => {
        $(mod $behaviour {
            in_every_style!(@ $file::$behaviour: callbacks Callbacks, promises Promises,
                async_await Async, protocol Protocol, fibers Fibers, raw Raw, threads Threads, tokio Tokio, smol Smol);
        })*
    };
    (@ $file:ident::$behaviour:ident: $($test:ident $style:ident),*) => {
        $(#[test]
        fn $test() {
            super::$file::$behaviour(super::Style::$style);
        })*
    };
}

in_every_style! {
    bytes::small_messages_come_back,
    bytes::every_size_comes_back,
    bytes::single_bytes_come_back,
    bytes::sizes_around_a_buffer_come_back,
    bytes::random_bytes_come_back_unchanged,
    bytes::much_comes_back_to_a_slow_reader,
    closing::a_half_closed_client_gets_everything_back,
    closing::a_reset_in_mid_message_leaves_the_others_alone,
    closing::a_signal_ends_the_server_cleanly,
    closing::no_descriptor_is_left_behind,
    crowds::a_thousand_connections_are_served_at_once,
    crowds::an_idle_server_uses_no_processor,
    limits::a_server_out_of_descriptors_recovers,
    limits::a_port_in_use_is_named,
    pressure::a_peer_that_never_reads_costs_no_memory,
    pressure::floods_do_not_starve_a_quiet_peer,
    reports::resets_do_no_harm_when_stderr_takes_nothing,
    reports::an_ordinary_reset_is_reported_in_no_style,
    silence::of_two_connections_the_silent_one_is_closed,
}
