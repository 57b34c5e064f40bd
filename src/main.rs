//! The `dagtwin` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    dagtwin::cli::main()
}
