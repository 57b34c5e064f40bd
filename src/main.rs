//! The `dagtwin` program.

use std::process::ExitCode;

/// Swarms and sweeps make and drop small things by the hundred million: a fifth of their time. The
/// agent lasts, and under transparent huge pages this allocator would hold three times as much.
#[cfg(not(feature = "agent"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dagtwin::cli::main()
}
