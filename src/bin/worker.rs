//! The browser worker: the engine and tract, off the main thread.

fn main() {
    console_error_panic_hook::set_once();
    rollout_lab::worker::start();
}
