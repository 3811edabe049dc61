//! What is fetched from issuers, and kept: their keys, what they took back, their word about a code.
//!
//! One thread for the whole process, the [`Keeper`]'s, asks key servers and looks at files; what it
//! has goes into a snapshot that scans read. It outlives reloads: an issuer whose origins stay
//! keeps its keys. A key nobody knows makes it ask at once, within limits that no stranger's code
//! can stretch (`gate`). Whatever comes back instead of keys, the last good ones stay.
//!
//! Deliberately absent: whether a key may verify. That is `trust`'s, with its own `now`.

mod address;
mod adoption;
mod card_lists;
mod client;
mod complaint;
mod error;
mod flight;
mod gate;
pub mod introspection;
mod keeper;
mod look;
mod pace;
mod recall;
mod report;
mod rounds;
mod snapshot;
pub mod source;
mod tended;

pub(crate) use self::client::authority;
pub use self::error::Unfetched;
pub use self::introspection::{Introspection, Platform};
pub use self::keeper::{Keeper, KeeperGone, Renewal, Setting};
pub use self::pace::Pace;
pub use self::recall::recalled;
pub use self::source::{Feed, Origin, Remote, WhenStale, WhenUnlisted};
