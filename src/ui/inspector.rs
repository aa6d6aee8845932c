//! One request, opened: its text, what each model makes of it, and where its time went.

use leptos::{ev, prelude::*};

use super::{
    store::{Explanation, Store},
    widgets::{CodeBlock, Glyph, Icon, Probabilities, Show, StarRow, VariantTag, Views},
    wording,
};
use crate::{
    domain::{FleetId, InvocationRecord},
    wire::calls,
};

/// Id of the drawer, which takes the focus when it opens.
const DRAWER: &str = "inspector";

/// The drawer; nothing while no request is selected.
#[component]
pub fn Inspector() -> impl IntoView {
    let store = Store::expect();
    let selected = store.selected_request;
    let explanation = RwSignal::new(None::<(u64, Explanation)>);
    // Asking the worker is no write: the answer arrives later, and is taken only if it is still wanted.
    Effect::new(move || {
        if let Some(record) = selected.get() {
            store.explain(record, move |answer| {
                explanation.set(Some((record.id, answer)));
            });
            request_animation_frame(|| super::app::focus(DRAWER));
        }
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
                {move || selected.get().map(|record| view! { <Journey record /> })}
                {move || match explained.get() {
                    None => view! { <p class="quiet">"Asking the models…"</p> }.into_any(),
                    Some(explanation) => view! { <Explained explanation /> }.into_any(),
                }}
            </aside>
        </Show>
    }
}

/// Endpoint and variant of a fleet, while it is known.
fn route(store: Store, fleet: FleetId) -> Option<(String, String)> {
    store.snapshot.with_untracked(|s| {
        s.as_ref()?.endpoints.iter().find_map(|e| {
            let variant = e.all_variants().find(|v| v.fleet == fleet)?;
            Some((e.name.clone(), variant.name.clone()))
        })
    })
}

/// Where a request went and where its time went.
#[component]
fn Journey(record: InvocationRecord) -> impl IntoView {
    let store = Store::expect();
    let (endpoint, variant) = route(store, record.fleet).unzip();
    let tag = variant.map(|name| {
        let mark = store.mark(&name);
        view! { <VariantTag name mark /> }
    });
    let parts = [("wait", record.wait_ns), ("service", record.service_ns), ("overhead", record.overhead_ns)];
    let total: u64 = parts.iter().map(|(_, ns)| ns).sum();
    let words = parts.map(|(name, ns)| format!("{name} {}", wording::micros(ns as f64 / 1e3))).join(", ");
    view! {
        <dl class="facts">
            <dt>"Arrived"</dt>
            <dd class="numerals">{record.arrival.to_string()}</dd>
            <dt>"Route"</dt>
            <dd>{endpoint} " → " {tag} " → instance " {record.instance + 1}</dd>
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
        .and_then(|r| route(store, r.fleet))
        .map_or_else(|| "ENDPOINT".to_owned(), |(endpoint, _)| endpoint);
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
