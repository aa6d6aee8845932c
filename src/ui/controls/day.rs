//! The last 24 hours: how many requests were too slow, and what the fleet cost.

use leptos::prelude::*;

use crate::{
    lab::P99_TARGET_MS,
    ui::{store::Store, wording},
};

/// Width and height of the drawing in its own units.
const SIZE: (f64, f64) = (320.0, 80.0);
/// Share of slow requests at the top of the drawing.
const TOP: f64 = 0.03;

/// A bar per hour against the line of one in a hundred, and the day's bill.
#[component]
pub fn Day() -> impl IntoView {
    let store = Store::expect();
    let hours = store.slice(|s| s.hours.clone());
    let hours = Memo::new(move |_| hours.get().unwrap_or_default());
    let held = move || hours.with(|h| h.iter().filter(|h| h.is_held()).count());
    let words = move || {
        let (n, cost) = hours.with(|h| (h.len(), h.iter().map(|h| h.cost_usd).sum::<f64>()));
        format!(
            "{} of the last {} held 99% below {P99_TARGET_MS} ms. Together they cost {}.",
            held(),
            wording::plural(n as u64, "hour"),
            wording::usd(cost)
        )
    };
    let bars = move || {
        let (width, height) = SIZE;
        let bar = |(i, h): (usize, &crate::lab::HourView)| {
            let share = h.slow as f64 / h.requests.max(1) as f64;
            // A stump, so that an hour without slow requests is seen to be there.
            let tall = (height * (share / TOP).min(1.0)).max(2.0);
            let class = if h.is_held() { "curve__bar" } else { "curve__bar curve__bar--bad" };
            let (x, y) = (width * i as f64 / 24.0, height - tall);
            view! { <rect class=class x=x.to_string() y=y.to_string() width="11" height=tall.to_string() /> }
        };
        hours.with(|h| h.iter().enumerate().map(bar).collect_view())
    };
    let line = SIZE.1 * (1.0 - 0.01 / TOP);
    view! {
        <svg
            class="curve"
            viewBox=format!("-4 -6 {} {}", SIZE.0 + 8.0, SIZE.1 + 12.0)
            role="img"
            aria-label=words
        >
            <path class="curve__axis" d=format!("M0 0V{h}H{w}", w = SIZE.0, h = SIZE.1) />
            {bars}
            <path class="curve__drop" d=format!("M0 {line}H{}", SIZE.0) />
            <text class="curve__text" x="6" y=(line - 4.0).to_string()>"1% slow or failed"</text>
        </svg>
        <p role="status">{words}</p>
    }
}
