//! The native program.

fn main() -> std::process::ExitCode {
    rollout_lab::cli::run().into()
}
