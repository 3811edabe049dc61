//! What the circumstances of a scan demand of a code: its scene and its place.

pub mod place;
pub mod scene;

pub use self::place::{Caller, Place, Proving, Strangers, Terminal, Terminals};
pub use self::scene::{Audited, Care, Demand, Idempotency, RegionRule, Scene, Scenes, WhenAway};
