//! One request, opened: its text, what each model makes of it, and where its time went.

use leptos::{
    ev,
    prelude::*,
    web_sys::{FocusOptions, HtmlElement},
};
use wasm_bindgen::JsCast;

use super::{
    parts::Parts,
    store::{Explanation, Route, Store},
    widgets::{CodeBlock, Glyph, Icon, Probabilities, Show, StarRow, VariantTag, Views},
    wording,
};
use crate::{domain::InvocationRecord, wire::calls};

/// Id of the drawer, which takes the focus when it opens.
const DRAWER: &str = "inspector";
const DRAWER_ITSELF: &str = "#inspector";

/// The drawer; nothing while no request is selected.
#[component]
pub fn Inspector() -> impl IntoView {
    let store = Store::expect();
    let selected = store.selected_request;
    let explanation = RwSignal::new(None::<(u64, Explanation)>);
    // What had the focus before the drawer took it.
    let opener = StoredValue::new_local(None::<HtmlElement>);
    // Asking the worker is no write: the answer arrives later, and is taken only if it is still wanted.
    Effect::new(move |was_open: Option<bool>| {
        let record = selected.get();
        let open = record.is_some();
        if !open && was_open == Some(true) {
            // After the drawer has left the page, or the browser would move the focus once more.
            request_animation_frame(move || give_back(opener.try_get_value().flatten()));
        }
        if let Some(record) = record {
            if let Some(outside) = focused().filter(|e| e.closest(DRAWER_ITSELF).ok().flatten().is_none()) {
                opener.set_value(Some(outside));
            }
            store.explain(record, move |answer| {
                explanation.set(Some((record.id, answer)));
            });
            request_animation_frame(|| super::app::focus(DRAWER));
        }
        open
    });
    let escape = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" && selected.with_untracked(Option::is_some) {
            selected.set(None);
        }
    });
    on_cleanup(move || escape.remove());
    let explained = Memo::new(move |_| {
        let id = selected.get()?.id;
        explanation.get().filter(|(of, _)| *of == id).map(|(_, e)| e)
    });
    view! {
        <Show when=move || selected.with(Option::is_some)>
            <aside id=DRAWER class="drawer" tabindex="-1" aria-label="Request inspector">
                <header class="drawer__head">
                    <h2 class="region__title">
                        {move || selected.get().map(|r| format!("Request {}", wording::count(r.id)))}
                    </h2>
                    <button
                        type="button"
                        class="btn btn--quiet btn--icon"
                        aria-label="Close request inspector"
                        on:click=move |_| selected.set(None)
                    >
                        <Icon glyph=Glyph::Close />
                    </button>
                </header>
                {Parts::expect().inspector.view(move |draw| draw(selected, explained))}
            </aside>
        </Show>
    }
}

/// Draws what is known of a request, of the part that it came with.
pub type DrawRequest = fn(RwSignal<Option<InvocationRecord>>, Memo<Option<Explanation>>) -> AnyView;

/// Where the request went, and what the models make of it.
pub fn draw_request(
    selected: RwSignal<Option<InvocationRecord>>,
    explained: Memo<Option<Explanation>>,
) -> AnyView {
    view! {
        {move || selected.get().map(|record| view! { <Journey record /> })}
        {move || match explained.get() {
            None => view! { <p class="quiet">"Asking the models…"</p> }.into_any(),
            Some(explanation) => view! { <Explained explanation /> }.into_any(),
        }}
    }
    .into_any()
}

fn focused() -> Option<HtmlElement> {
    document().active_element()?.dyn_into().ok()
}

/// Gives the focus back to what opened the drawer; when that has left the page, to the region that it was in.
fn give_back(opener: Option<HtmlElement>) {
    // Who closed it by going elsewhere has the focus there already.
    if focused().is_some_and(|e| e.tag_name() != "BODY") {
        return;
    }
    let still_there = opener.filter(|e| e.is_connected() && e.tag_name() != "BODY");
    let region = || document().get_element_by_id("endpoint")?.dyn_into().ok();
    if let Some(element) = still_there.or_else(region) {
        let stay = FocusOptions::new();
        stay.set_prevent_scroll(true);
        let _ = element.focus_with_options(&stay);
    }
}

/// Where a request went and where its time went.
#[component]
fn Journey(record: InvocationRecord) -> impl IntoView {
    let store = Store::expect();
    let route = match store.route(record.fleet) {
        Some(Route { endpoint, variant: name }) => {
            let mark = store.mark(&name);
            view! { {endpoint} " → " <VariantTag name mark /> }.into_any()
        }
        None => "a variant that is gone".into_any(),
    };
    let parts = [("wait", record.wait_ns), ("service", record.service_ns), ("overhead", record.overhead_ns)];
    let total: u64 = parts.iter().map(|(_, ns)| ns).sum();
    let words = parts.map(|(name, ns)| format!("{name} {}", wording::micros(ns as f64 / 1e3))).join(", ");
    view! {
        <dl class="facts">
            <dt>"Arrived"</dt>
            <dd class="numerals">{record.arrival.to_string()}</dd>
            <dt>"Route"</dt>
            <dd>{route} " → instance " {record.instance + 1}</dd>
            <dt>"User"</dt>
            <dd class="numerals">{record.user}</dd>
            <dt>"Ended"</dt>
            <dd class:bad=!record.status.is_answered()>"HTTP " {record.status.http()}</dd>
            <dt>"Took"</dt>
            <dd class="numerals">{wording::micros(total as f64 / 1e3)}</dd>
        </dl>
        <div class="spans" role="img" aria-label=words>
            {parts
                .into_iter()
                .filter(|(_, ns)| *ns > 0)
                .map(|(name, ns)| {
                    view! {
                        <span
                            class=format!("spans__part spans__part--{name}")
                            style:--share=(ns as f64 / total.max(1) as f64).to_string()
                        ></span>
                    }
                })
                .views()}
        </div>
        <ul class="spans__legend">
            {parts
                .into_iter()
                .map(|(name, ns)| {
                    view! {
                        <li>
                            <span class=format!("spans__key spans__part--{name}") aria-hidden="true"></span>
                            {name}
                            " "
                            <span class="numerals">{wording::micros(ns as f64 / 1e3)}</span>
                        </li>
                    }
                })
                .views()}
        </ul>
    }
}

/// Text, tokens and opinions.
#[component]
fn Explained(explanation: Explanation) -> impl IntoView {
    let store = Store::expect();
    let endpoint = store
        .selected_request
        .get_untracked()
        .and_then(|r| store.route(r.fleet))
        .map_or_else(|| "ENDPOINT".to_owned(), |route| route.endpoint);
    if explanation.text.is_empty() {
        return view! { <p class="quiet">"Its text was one of your own reviews, which others have replaced."</p> }.into_any();
    }
    let curl = curl(&endpoint, &explanation.text);
    let truth = explanation.true_stars.map(|s| s.get());
    view! {
        <h3 class="substep">"Text"</h3>
        <blockquote class="quote">{explanation.text}</blockquote>
        <p>"True rating: " <StarRow stars=truth /></p>
        <h3 class="substep">"What each model makes of it"</h3>
        <ul class="list">
            {explanation
                .opinions
                .into_iter()
                .map(|opinion| {
                    let stars = opinion.probabilities.and_then(|p| likeliest(&p));
                    view! {
                        <li class="list__item opinion">
                            <code>{opinion.artifact.name()}</code>
                            <StarRow stars />
                            {opinion.probabilities.map(|p| view! { <Probabilities values=p.to_vec() /> })}
                        </li>
                    }
                })
                .views()}
        </ul>
        <h3 class="substep">"Tokens"</h3>
        <ol class="tokens tokens--plain" aria-label="Tokens">
            {explanation.tokens.into_iter().map(|t| view! { <li class="token">{t}</li> }).views()}
        </ol>
        <h3 class="substep">"As a call"</h3>
        <CodeBlock text=curl what="request as curl" />
    }
    .into_any()
}

/// The likeliest rating; the lower one of equals.
fn likeliest(probabilities: &[f64; 5]) -> Option<u8> {
    let probabilities = probabilities.map(|p| p as f32);
    crate::inference::Prediction::from_probabilities(probabilities).map(|p| p.stars.get())
}

/// The request as a shell would send it to the service.
pub fn curl(endpoint: &str, text: &str) -> String {
    let body = calls::features(text).replace('\'', r"'\''");
    format!(
        "curl --aws-sigv4 \"aws:amz:us-east-1:sagemaker\" \\\n  --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" \\\n  -H 'Content-Type: application/jsonlines' \\\n  -H 'Accept: application/jsonlines' \\\n  -d '{body}' \\\n  https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/{endpoint}/invocations"
    )
}
