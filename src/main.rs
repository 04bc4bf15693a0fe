//! The command line: one command a run, its result an exit code.

use std::process::ExitCode;

/// Measured against glibc's allocator under the load tests: less CPU a request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sidegate::cli::main()
}
