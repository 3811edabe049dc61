//! What only one process at a time may hold.

use std::error::Error;
use std::fmt::Debug;

/// Something that only one process at a time may have open, such as a store in a file. A gateway
/// that takes over from another holds it only after that one has let go.
pub trait Exclusive: Debug + Send {
    /// What it is called when it cannot be opened.
    fn name(&self) -> &str;

    /// Opens it, with some patience: whoever held it may be ending this moment. The gateway is
    /// ready to serve otherwise, and does as soon as this returns. Blocks.
    fn acquire(&mut self) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Writes what the next one to hold it needs, and lets go. No worker runs any more; it may be
    /// acquired again if the next one does not come. Blocks.
    fn release(&mut self);
}
