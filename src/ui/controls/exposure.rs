//! Says how likely a canary is missed.

use leptos::prelude::*;

use crate::{
    analysis::binomial,
    ui::{widgets::SliderField, wording},
};

/// Width and height of the drawing in its own units.
const SIZE: (f64, f64) = (320.0, 120.0);

/// The curve (1 − f)ⁿ, and where the learner stands on it.
#[component]
pub fn Exposure() -> impl IntoView {
    let percent = RwSignal::new(5.0_f64);
    let requests = RwSignal::new(50.0_f64);
    let share = move || (percent.get() / 100.0).clamp(0.0, 1.0);
    let n = move || requests.get().max(0.0) as u64;
    let missed = Memo::new(move |_| binomial::missed(share(), n()));
    let enough = move || binomial::requests_until_seen(share(), 0.05);
    let reach = move || (n() * 2).max(enough().unwrap_or(0) * 3 / 2).max(20);
    let path = move || {
        let (width, height) = SIZE;
        let points = (0..=80_u64).map(|i| {
            let at = (reach() as f64 * i as f64 / 80.0).round();
            let y = height * (1.0 - binomial::missed(share(), at as u64));
            format!("{:.1},{y:.1}", width * at / reach() as f64)
        });
        points.collect::<Vec<_>>().join(" ")
    };
    let at_x = move || SIZE.0 * n() as f64 / reach() as f64;
    let at_y = move || SIZE.1 * (1.0 - missed.get());
    view! {
        <SliderField
            label="Canary share"
            unit="%"
            value=percent
            on_input=Callback::new(move |p: f64| percent.set(p.clamp(0.0, 100.0)))
            min=0.5
            max=50.0
            step=0.5
        />
        <SliderField
            label="Requests"
            value=requests
            on_input=Callback::new(move |n: f64| requests.set(n.clamp(0.0, 1e6).round()))
            min=1.0
            max=1_000.0
        />
        <svg
            class="curve"
            viewBox=format!("-4 -6 {} {}", SIZE.0 + 8.0, SIZE.1 + 24.0)
            role="img"
            aria-label=move || {
                format!(
                    "Chance that {} all miss a canary of {}: {}",
                    wording::plural(n(), "request"),
                    wording::percent(share()),
                    wording::percent(missed.get()),
                )
            }
        >
            <path class="curve__axis" d=format!("M0 0V{h}H{w}", w = SIZE.0, h = SIZE.1) />
            <polyline class="curve__line" points=path />
            <line class="curve__drop" x1=at_x x2=at_x y1=at_y y2=SIZE.1.to_string() />
            <circle class="curve__at" cx=at_x cy=at_y r="4.5" />
            <text class="curve__text" x="6" y="10">"100% missed"</text>
            <text class="curve__text curve__text--end" x=SIZE.0.to_string() y=(SIZE.1 + 14.0).to_string()>
                {move || format!("{} requests", wording::count(reach()))}
            </text>
        </svg>
        <p role="status">
            "All "
            {move || wording::count(n())}
            " requests miss it with probability "
            <strong>{move || wording::percent(missed.get())}</strong>
            ". "
            {move || {
                enough()
                    .map(|n| format!("From {} on that is at most 5%.", wording::plural(n, "request")))
            }}
        </p>
    }
}
