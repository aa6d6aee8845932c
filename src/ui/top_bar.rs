//! Name, labs, clock, pace, cost, and where inference runs.

use leptos::prelude::*;

use super::{
    route::Route,
    server::{elsewhere, server},
    store::Store,
    theme::Theme,
    widgets::{Glyph, Icon, Show, Views, unique_id},
    wording,
};
use crate::{
    domain::{SECOND_NS, VirtualTime},
    lab::{LabAction, LabId, Pace},
    wire::{LineTrouble, ServerLine},
};

/// The paces on offer, and what they are called.
const PACES: [(Pace, &str, &str); 6] = [
    (Pace::Paused, "Pause", "Pause"),
    (Pace::Times(1.0), "1×", "Real time"),
    (Pace::Times(10.0), "10×", "10 times real time"),
    (Pace::Times(60.0), "60×", "60 times real time"),
    (Pace::Times(600.0), "600×", "600 times real time"),
    (Pace::Times(10_000.0), "10k×", "10,000 times real time"),
];
const MINUTE_NS: u64 = 60 * SECOND_NS;

/// Name of a lab on its tab.
const fn tab(lab: LabId) -> &'static str {
    match lab {
        LabId::AbTesting => "A/B testing",
        LabId::Canary => "Canary",
        LabId::ShadowApi => "Shadow",
        LabId::ShadowManaged => "Shadow, managed",
        LabId::Guardrails => "Guardrails",
        LabId::Autoscaling => "Autoscaling",
        LabId::Peeking => "Peeking",
        LabId::PlanATest => "Plan a test",
        LabId::SplitDetective => "Split",
        LabId::BanditRace => "Bandits",
        LabId::FalseFriends => "False friends",
        LabId::BlindRound => "Blind round",
        LabId::Sandbox => "Sandbox",
    }
}

/// The bar above every page.
#[component]
pub fn TopBar(
    /// The lab that is open.
    lab: Memo<Option<LabId>>,
    /// The colours.
    theme: RwSignal<Theme>,
) -> impl IntoView {
    view! {
        <header class="top">
            <a class="top__brand" href=Route::Home.hash()>
                <Logo />
                "Rollout Lab"
            </a>
            <nav class="top__labs" aria-label="Labs">
                {LabId::ALL
                    .into_iter()
                    .map(|id| {
                        view! {
                            <a
                                class="top__lab"
                                href=Route::lab(id).hash()
                                aria-current=move || (lab.get() == Some(id)).then_some("page")
                            >
                                {tab(id)}
                            </a>
                        }
                    })
                    .views()}
            </nav>
            <Show when=move || lab.get().is_some()>
                <Time />
                <Cost />
            </Show>
            <div class="top__end">
                <InferenceBadge />
                <ThemeSwitch theme />
                <Show when=move || lab.get().is_some()>
                    <StartOver />
                </Show>
            </div>
        </header>
    }
}

/// Two streams out of one: the sign of the workshop.
#[component]
fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path class="logo__a" d="M2 12h6c4 0 4-6 8-6h4" />
            <path class="logo__b" d="M2 12h6c4 0 4 6 8 6h4" />
            <circle class="logo__a-end" cx="20.5" cy="6" r="2.5" />
            <rect class="logo__b-end" x="18" y="15.5" width="5" height="5" rx="0.6" />
        </svg>
    }
}

#[component]
fn Time() -> impl IntoView {
    let store = Store::expect();
    let simulated = server().is_none();
    let clock = store.find(move |s| match s.now {
        now if simulated => Some(now.to_string()),
        // The server has not told its time yet.
        VirtualTime::ZERO => None,
        now => Some(date_time(now)),
    });
    let (name, title) = if simulated {
        ("Virtual time", "Virtual time since the lab began")
    } else {
        ("Server time", "The server's time, UTC: here it is real")
    };
    view! {
        <div class="clock" role="group" aria-label=name>
            // No live region: a clock that is read out every second helps nobody.
            <output class="clock__now" title=title>
                {move || clock.get().unwrap_or_else(|| "--:--:--".to_owned())}
            </output>
            {simulated.then(|| view! { <Pacing /> })}
        </div>
    }
}

/// A moment as `28 Nov 12:47:06 UTC`.
fn date_time(at: VirtualTime) -> String {
    let at = at.civil();
    format!("{} {} {:02}:{:02}:{:02} UTC", at.day, at.month_name(), at.hour, at.minute, at.second)
}

/// How fast virtual time goes. Over a server there is none: time is real.
#[component]
fn Pacing() -> impl IntoView {
    let store = Store::expect();
    let pace = store.slice(|s| s.pace);
    let name = unique_id("pace");
    view! {
            <fieldset class="pace">
                <legend class="unseen">"Pace of virtual time"</legend>
                {PACES
                    .into_iter()
                    .map(|(of, short, long)| {
                        let chosen = move || pace.get() == Some(of);
                        view! {
                            <label class="pace__choice" title=long>
                                <input
                                    class="unseen"
                                    type="radio"
                                    name=name.clone()
                                    aria-label=long
                                    prop:checked=chosen
                                    on:change=move |_| {
                                        store.dispatch(LabAction::SetPace(of));
                                    }
                                />
                                {if of == Pace::Paused {
                                    view! { <Icon glyph=Glyph::Pause /> }.into_any()
                                } else {
                                    view! { <span aria-hidden="true">{short}</span> }.into_any()
                                }}
                            </label>
                        }
                    })
                    .views()}
            </fieldset>
            <button
                type="button"
                class="btn btn--quiet btn--small"
                aria-label="Step 1 min"
                title="Let one minute of virtual time pass"
                on:click=move |_| {
                    store.dispatch(LabAction::Step { duration_ns: MINUTE_NS });
                }
            >
                <Icon glyph=Glyph::StepOn />
                "1 min"
            </button>
            <Lag />
    }
}

/// Says so when the worker cannot keep the pace that was asked for.
#[component]
fn Lag() -> impl IntoView {
    let store = Store::expect();
    let pace = store.slice(|s| s.pace);
    let reached = Memo::new(move |_| store.worker.with(|w| w.speed.map(|s| s.reached)));
    let lag = move || match (pace.get(), reached.get()) {
        (Some(Pace::Times(asked)), Some(reached)) if reached < asked * 0.8 => {
            Some(format!("{}× reached", wording::short(reached, usize::from(reached < 10.0))))
        }
        _ => None,
    };
    view! {
        <span class="clock__lag" title="This machine simulates the traffic no faster than that">
            {lag}
        </span>
    }
}

#[component]
fn Cost() -> impl IntoView {
    let store = Store::expect();
    let so_far = store.slice(|s| wording::usd(s.cost_usd));
    let per_hour =
        store.slice(|s| wording::usd(s.endpoints.iter().map(|e| e.cost_usd_per_hour).sum::<f64>()));
    view! {
        <div class="cost" title="What the instances would have cost on SageMaker. Nothing is billed here.">
            <span class="cost__label">"Cost"</span>
            <output class="cost__sum" aria-label="Cost so far">{move || so_far.get()}</output>
            <span class="cost__rate">{move || per_hour.get().map(|p| format!("{p}/h"))}</span>
        </div>
    }
}

#[component]
fn InferenceBadge() -> impl IntoView {
    let store = Store::expect();
    let line = Memo::new(move |_| store.worker.with(|w| w.server.clone()));
    if server().is_some() {
        let which =
            elsewhere().map_or_else(|| "the server".to_owned(), |origin| format!("the server {origin}"));
        let words = move || match line.get() {
            Some(ServerLine { connected: true, mut places, .. }) => {
                places.sort();
                places.dedup();
                match places.len() {
                    0 => format!("Inference in {which}"),
                    _ => format!("Inference in {which} · {}", places.join(", ")),
                }
            }
            Some(ServerLine {
                trouble: Some(LineTrouble::TokenNeeded | LineTrouble::TokenWrong), ..
            }) => "The server asks for its token".to_owned(),
            Some(_) => "The server does not answer; trying again…".to_owned(),
            None => format!("Looking for {which}…"),
        };
        let away = move || line.with(|l| l.as_ref().is_none_or(|l| !l.connected));
        return view! {
            <span class="badge" class:badge--away=away role="status" title="Requests, times and costs are real: nothing is simulated.">
                <Icon glyph=Glyph::Chip />
                {words}
            </span>
        }
        .into_any();
    }
    view! {
        <span class="badge" title="The models are real ONNX files and run in a worker of this browser. The instances are simulated.">
            <Icon glyph=Glyph::Chip />
            "Inference in this browser"
        </span>
    }
    .into_any()
}

#[component]
fn ThemeSwitch(theme: RwSignal<Theme>) -> impl IntoView {
    let name = unique_id("theme");
    view! {
        <fieldset class="pace">
            <legend class="unseen">"Theme"</legend>
            {Theme::ALL
                .into_iter()
                .map(|of| {
                    view! {
                        <label class="pace__choice">
                            <input
                                class="unseen"
                                type="radio"
                                name=name.clone()
                                prop:checked=move || theme.get() == of
                                on:change=move |_| {
                                    of.apply();
                                    theme.set(of);
                                }
                            />
                            {of.title()}
                        </label>
                    }
                })
                .views()}
        </fieldset>
    }
}

#[component]
fn StartOver() -> impl IntoView {
    let store = Store::expect();
    view! {
        <button type="button" class="btn btn--quiet btn--small" on:click=move |_| store.start_over()>
            <Icon glyph=Glyph::Restart />
            "Start over"
        </button>
    }
}
