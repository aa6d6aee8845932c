//! The words over the picture, and what can be focused in it.

use leptos::prelude::*;

use super::{
    Picture,
    state::{LaneState, Outcome, request_words},
};
use crate::{
    controller::EndpointStatus, domain::InvocationRecord, plot::scene::Rect, ui::widgets::each,
    ui::wording::short,
};

/// All words that have a place in the picture.
#[component]
pub fn Overlay() -> impl IntoView {
    let picture = expect_context::<Picture>();
    let scene = picture.scene;
    let traffic = move || {
        picture.store.snapshot.with(|s| {
            let s = s.as_deref()?;
            let rate = format!("{}/s", short(s.traffic.per_second, 1));
            Some(if s.traffic.on { rate } else { "idle".to_owned() })
        })
    };
    let routed = move || {
        // Copies are no requests: nobody waits for them.
        let routed = |l: &&LaneState| !l.starting && !l.shadow;
        let total: f64 = picture.lanes.with(|l| l.iter().filter(routed).map(|l| l.variant.per_second).sum());
        (total > 0.0).then(|| format!("{}/s", short(total, 1)))
    };
    let rule = move || {
        let endpoint = picture.endpoint.with(|e| e.as_ref().map(|e| e.name.clone()));
        let bandit = picture.store.snapshot.with(|s| s.as_deref().and_then(|s| s.decide.bandit.clone()));
        // The router is narrow: which bandit it is, its panel says.
        if bandit.is_some_and(|b| Some(b.endpoint) == endpoint) { "by bandit" } else { "by weight" }
    };
    let count = Memo::new(move |_| picture.lanes.with(Vec::len));
    let message = move || {
        picture.endpoint.with(|e| match e {
            None => Some((false, "No endpoint", "Create one in the guide.".to_owned())),
            Some(e) if e.status == EndpointStatus::Failed => {
                let why = e.failure_reason.clone().unwrap_or_else(|| "No reason was given.".to_owned());
                Some((true, "The endpoint failed", why))
            }
            Some(_) => None,
        })
    };
    view! {
        <div class="picture__place picture__clients" use:placed=move || scene.with(|s| s.clients)>
            <span class="picture__caption">"Clients" <span class="picture__rate">{traffic}</span></span>
        </div>
        <div
            class="picture__place picture__router"
            class:picture__router--ghost=move || count.get() == 0
            use:placed=move || scene.with(|s| s.router)
        >
            <span class="picture__title">"Router"</span>
            <span class="picture__sub">{rule}</span>
            <span class="picture__rate">{routed}</span>
        </div>
        {move || {
            scene
                .with(|s| s.serving_heading)
                .map(|r| {
                    view! {
                        <p class="picture__place picture__heading" use:placed=move || r>
                            "Serving now"
                        </p>
                    }
                })
        }}
        {move || {
            scene
                .with(|s| s.starting_heading)
                .map(|r| {
                    view! {
                        <div class="picture__place picture__heading" use:placed=move || r>
                            <Progress />
                        </div>
                    }
                })
        }}
        {each(
            move || picture.lanes.with(|l| l.iter().map(LaneState::key).collect()),
            |key| view! { <LaneCard key /> }.into_any(),
        )}
        {move || {
            message()
                .map(|(failed, title, words)| {
                    view! {
                        <div class="picture__message" class:picture__message--trouble=failed>
                            <strong>{failed.then_some("✕ ")} {title}</strong>
                            <span>{words}</span>
                        </div>
                    }
                })
        }}
    }
}

/// How far the fleet is that is being started.
#[component]
fn Progress() -> impl IntoView {
    let endpoint = expect_context::<Picture>().endpoint;
    // Whole percents: the words are not written anew in every frame.
    let done = Memo::new(move |_| {
        endpoint.with(|e| e.as_ref().and_then(|e| e.progress).map(|p| (p * 100.0).round().clamp(0.0, 100.0)))
    });
    let ready_at = Memo::new(move |_| endpoint.with(|e| e.as_ref().and_then(|e| e.ready_at)));
    let words = move || {
        let done = done.get().map(|p| format!(", {p:.0}%")).unwrap_or_default();
        let at = ready_at.get().map(|t| format!(", ready at {t}")).unwrap_or_default();
        format!("Being started{done}{at}")
    };
    view! {
        <span
            class="picture__ring"
            aria-hidden="true"
            hidden=move || done.get().is_none()
            style:--progress=move || done.get().map(|p| (p / 100.0).to_string())
        ></span>
        <span>{words}</span>
    }
}

/// Puts an element where the scene wants it.
fn placed(element: leptos::web_sys::Element, rect: impl Fn() -> Rect + 'static) {
    use wasm_bindgen::JsCast;
    let Ok(element) = element.dyn_into::<leptos::web_sys::HtmlElement>() else { return };
    Effect::new(move |_| {
        let r = rect();
        let style = element.style();
        for (name, length) in [("--x", r.x), ("--y", r.y), ("--w", r.width), ("--h", r.height)] {
            // Setting a custom property fails only for a name that is none.
            let _ = style.set_property(name, &format!("{length:.1}px"));
        }
    });
}

/// One variant: what it is, its share wanted and seen, its instances in words.
#[component]
fn LaneCard(key: String) -> impl IntoView {
    let picture = expect_context::<Picture>();
    let store = picture.store;
    let index = Memo::new(move |_| {
        picture.lanes.with(|l| l.iter().position(|l| l.key() == key)).unwrap_or(usize::MAX)
    });
    let read = move |of: fn(&LaneState) -> String| {
        Memo::new(move |_| picture.lanes.with(|l| l.get(index.get()).map(of).unwrap_or_default()))
    };
    let name = read(|l| l.variant.name.clone());
    let model = read(|l| l.variant.artifact.name().to_owned());
    let shares = read(LaneState::share_words);
    let fleet = read(LaneState::fleet_words);
    let work = read(|l| {
        let rate = if l.variant.per_second > 0.0 && !l.starting {
            format!(", {}/s", short(l.variant.per_second, 1))
        } else {
            String::new()
        };
        format!("{}{rate}", l.work_words())
    });
    let status = read(|l| l.variant.status.as_ref().map(|s| s.message.clone()).unwrap_or_default());
    let wanted = read(|l| l.wanted.to_string());
    let seen = read(|l| l.seen.unwrap_or_default().to_string());
    let starting = Memo::new(move |_| picture.lanes.with(|l| l.get(index.get()).is_some_and(|l| l.starting)));
    let mark = move || store.mark(&name.get());
    let brought_out = move || store.selected_variant.with(|s| s.as_ref() == Some(&name.get()));
    view! {
        <section
            class="picture__place picture__lane"
            class:picture__lane--starting=starting
            class:picture__lane--out=brought_out
            aria-label=name
            style:--mark=move || mark().colour()
            use:placed=move || {
                picture.scene.with(|s| s.lanes.get(index.get()).map(|l| l.frame).unwrap_or_default())
            }
        >
            <div class="picture__row">
                <button
                    type="button"
                    class="picture__variant"
                    aria-pressed=move || brought_out().to_string()
                    title="Bring this variant out everywhere"
                    on:click=move |_| {
                        let name = name.get_untracked();
                        store
                            .selected_variant
                            .update(|s| *s = if s.as_ref() == Some(&name) { None } else { Some(name) });
                    }
                >
                    <span class="picture__symbol" aria-hidden="true">{move || mark().symbol()}</span>
                    {name}
                </button>
                <span class="picture__model">{model}</span>
                <span class="picture__shares">{shares}</span>
            </div>
            <div
                class="picture__bar"
                aria-hidden="true"
                hidden=starting
                style:--wanted=wanted
                style:--seen=seen
            ></div>
            <div class="picture__row picture__row--low">
                <span class="picture__fleet">{fleet}</span>
                <span class="picture__work">
                    {move || if status.with(String::is_empty) { work.get() } else { status.get() }}
                </span>
            </div>
        </section>
    }
}

/// The last requests as buttons: the way to them without a pointer.
#[component]
pub fn RecentRequests(
    /// The requests, newest first.
    listed: ReadSignal<Vec<InvocationRecord>>,
    /// Set while the learner is in the list, so that it stands still.
    held: RwSignal<bool>,
) -> impl IntoView {
    let picture = expect_context::<Picture>();
    let button = move |id: String| {
        let record = listed.with_untracked(|all| all.iter().find(|r| r.id.to_string() == id).copied());
        record.map(|record| view! { <RequestButton record picture /> }).into_any()
    };
    view! {
        <div
            class="picture__recent"
            role="group"
            aria-label="Last requests"
            on:pointerenter=move |_| held.set(true)
            on:pointerleave=move |_| held.set(false)
            on:focusin=move |_| held.set(true)
            on:focusout=move |_| held.set(false)
        >
            {each(move || listed.with(|all| all.iter().map(|r| r.id.to_string()).collect()), button)}
            <p class="picture__none" hidden=move || !listed.with(Vec::is_empty)>
                "The last requests appear here; each opens in the inspector."
            </p>
        </div>
    }
}

#[component]
fn RequestButton(record: InvocationRecord, picture: Picture) -> impl IntoView {
    let store = picture.store;
    let variant = picture.variant_of(record.fleet).unwrap_or_else(|| "a variant that is gone".to_owned());
    let mark = store.mark(&variant);
    let (sign, stars) = match Outcome::of(&record) {
        Outcome::Failed => ("✕".to_owned(), record.status.http().to_string()),
        Outcome::Right => ("✓".to_owned(), stars(&record)),
        Outcome::Wrong => (error_in_stars(&record), stars(&record)),
        Outcome::Unknown => (String::new(), stars(&record)),
    };
    let failed = !record.status.is_answered();
    let chosen = move || store.selected_request.with(|r| r.as_ref().is_some_and(|r| r.id == record.id));
    view! {
        <button
            type="button"
            class="picture__request"
            class:picture__request--failed=failed
            style:--mark=mark.colour()
            aria-pressed=move || chosen().to_string()
            title=request_words(&record, &variant)
            on:click=move |_| store.selected_request.set(Some(record))
        >
            <span class="picture__symbol" aria-hidden="true">{mark.symbol()}</span>
            <span class="picture__stars">{stars}</span>
            <span class="picture__outcome">{sign}</span>
            // The name holds what is seen on the button, so that whoever speaks to it can say that.
            <span class="unseen">{format!(" {}", request_words(&record, &variant))}</span>
        </button>
    }
}

/// How far a prediction is off, e.g. `+2` for two stars too many.
fn error_in_stars(record: &InvocationRecord) -> String {
    let (Some(predicted), Some(truth)) = (record.predicted, record.true_stars) else { return String::new() };
    let sign = if predicted > truth { '+' } else { '−' };
    format!("{sign}{}", predicted.distance(truth))
}

fn stars(record: &InvocationRecord) -> String {
    record.predicted.map_or_else(|| "–".to_owned(), |s| format!("{}★", s.get()))
}
