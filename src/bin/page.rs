//! The page: mounts the user interface.

use leptos::prelude::*;
use rollout_lab::ui::App;

fn main() {
    console_error_panic_hook::set_once();
    mount_to_body(App);
    // What stood in for the page while it was on its way.
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}
