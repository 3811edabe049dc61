//! How many requests an endpoint may have at once.

/// The right to have one request at an endpoint, held until its answer's end.
#[derive(Debug)]
pub(super) struct Seat;
