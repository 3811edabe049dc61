//! Keeps what is in memory out of files and from debuggers: keys, and codes while they are read, are there
//! in the clear.
//!
//! The variables of the environment that hold secrets stay: a successor that is started from here needs
//! them. With this they cannot be read by other programs of the same user.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Has a crash write nothing, and keeps other processes of the same user from looking in.
pub(super) fn forbid() -> io::Result<()> {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, nothing)?;
    // A limit alone is not heeded where the kernel hands dumps to a program.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}
