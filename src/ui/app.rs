//! The page as a whole: it follows the address, and shows the place that it names.

use leptos::{ev, prelude::*};

use super::{
    controls::CallLanguage,
    pages::{Home, Lab},
    parts::Parts,
    route::Route,
    server::{ServerNotice, check_address},
    store::Store,
    theme::Theme,
    toasts::Toasts,
    top_bar::TopBar,
};
use crate::lab::lessons;

/// The page. Mount it once.
#[component]
pub fn App() -> impl IntoView {
    let store = Store::new();
    provide_context(store);
    provide_context(CallLanguage(RwSignal::new(0)));
    provide_context(Parts::new());
    check_address(store);
    let theme = RwSignal::new(Theme::load());
    theme.get_untracked().apply();

    let route = RwSignal::new(here());
    let follow = move || {
        let next = here();
        if let Route::Lab { lab, .. } = &next {
            store.open(*lab);
        }
        route.set(next);
    };
    follow();
    let on_hash = window_event_listener(ev::hashchange, move |_| follow());
    let on_visible = document_visibility(store);
    on_cleanup(move || {
        on_hash.remove();
        on_visible.remove();
    });

    let lab = Memo::new(move |_| match route.get() {
        Route::Home => None,
        Route::Lab { lab, .. } => Some(lab),
    });
    let step = Memo::new(move |_| match route.get() {
        Route::Lab { step, .. } => step,
        Route::Home => None,
    });
    // A lab that is begun anew gets a page anew.
    let place = Memo::new(move |_| (lab.get(), lab.get().map(|_| store.opened.get())));
    Effect::new(move || {
        let title = lab.get().map(|lab| format!("{} – Rollout Lab", lessons::heading(lab).title));
        document().set_title(title.as_deref().unwrap_or("Rollout Lab"));
    });
    view! {
        // A plain `#main` would leave the lab: the hash is the address of a place.
        <a
            class="skip"
            href="#main"
            on:click=move |event| {
                event.prevent_default();
                focus("main");
            }
        >
            "Skip to the content"
        </a>
        <TopBar lab theme />
        <ServerNotice />
        {move || match place.get() {
            (None, _) => view! { <Home /> }.into_any(),
            (Some(lab), _) => view! { <Lab lab step /> }.into_any(),
        }}
        <Toasts />
    }
}

fn here() -> Route {
    Route::of_hash(&window().location().hash().unwrap_or_default())
}

/// Moves the focus to the element with that id and brings it into view.
pub fn focus(id: &str) {
    let element = document().get_element_by_id(id);
    let element = element.and_then(|e| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(e).ok());
    if let Some(element) = element {
        // An element that takes no focus is still scrolled to.
        let _ = element.focus();
        element.scroll_into_view();
    }
}

fn document_visibility(store: Store) -> WindowListenerHandle {
    // `visibilitychange` bubbles from the document to the window.
    window_event_listener(ev::visibilitychange, move |_| store.set_visible(!document().hidden()))
}
