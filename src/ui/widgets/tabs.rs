//! Tabs, after the ARIA authoring practices: arrow keys move, only the chosen tab is a tab stop.

use leptos::{ev::KeyboardEvent, html, prelude::*};

use super::{Views, unique_id};

/// A row of tabs. The caller shows what the chosen one stands for.
#[component]
pub fn Tabs(
    /// What the tabs choose between.
    label: &'static str,
    /// Their names.
    names: &'static [&'static str],
    /// Place of the chosen one.
    chosen: RwSignal<usize>,
    /// What the chosen tab shows.
    children: ChildrenFn,
) -> impl IntoView {
    let panel = unique_id("panel");
    let row = NodeRef::<html::Div>::new();
    let move_to = move |event: KeyboardEvent| {
        let (at, last) = (chosen.get_untracked(), names.len().saturating_sub(1));
        let next = match event.key().as_str() {
            "ArrowRight" => {
                if at == last {
                    0
                } else {
                    at + 1
                }
            }
            "ArrowLeft" => {
                if at == 0 {
                    last
                } else {
                    at - 1
                }
            }
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        chosen.set(next);
        let tab = row.get_untracked().and_then(|r| r.children().item(next as u32));
        if let Some(tab) = tab.and_then(|t| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(t).ok()) {
            // A tab that left the page meanwhile needs no focus.
            let _ = tab.focus();
        }
    };
    view! {
        <div class="tabs">
            <div class="tabs__row" role="tablist" aria-label=label node_ref=row on:keydown=move_to>
                {names
                    .iter()
                    .enumerate()
                    .map(|(i, name)| {
                        view! {
                            <button
                                type="button"
                                role="tab"
                                class="tabs__tab"
                                aria-selected=move || (chosen.get() == i).to_string()
                                aria-controls=panel.clone()
                                tabindex=move || if chosen.get() == i { "0" } else { "-1" }
                                on:click=move |_| chosen.set(i)
                            >
                                {*name}
                            </button>
                        }
                    })
                    .views()}
            </div>
            <div
                id=panel.clone()
                class="tabs__panel"
                role="tabpanel"
                aria-label=move || names.get(chosen.get()).copied().unwrap_or_default()
            >
                {children()}
            </div>
        </div>
    }
}
