//! A chart: drawn by the plot room, read by pointer, by keyboard and aloud.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};

use crate::{
    lab::{Chart, Curve, Role},
    plot::{Axes, Look, Marker, Palette, Sheet, Trace, draw_curves},
    ui::{
        canvas::{Inks, Size, device_ratio, fit, look, use_element_size, use_inks},
        mark::Mark,
        widgets::{Views, unique_id},
        wording,
    },
};

/// Units of the drawing in a CSS px: a canvas backend takes whole numbers only.
const UNITS: f64 = 8.0;

fn look_of(role: Role, inks: &Inks) -> Look {
    match role {
        Role::Trusted => look(inks, Mark::of_slot(0)),
        Role::Contrast => {
            Look { ink: inks.of("--draw-muted"), marker: Marker::Diamond, dash: vec![2.0, 3.0] }
        }
        Role::Bound => Look { ink: inks.of("--draw-annotation"), marker: Marker::Plus, dash: vec![6.0, 3.0] },
        Role::Peer(place) => look(inks, Mark::of_slot(usize::from(place))),
    }
}

/// Class of the key of a curve, and its symbol.
fn key(role: Role) -> (String, &'static str) {
    match role {
        Role::Trusted => (Mark::of_slot(0).colour(), Mark::of_slot(0).symbol()),
        Role::Contrast => ("var(--ink-faint)".to_owned(), Marker::Diamond.symbol()),
        Role::Bound => ("var(--ink-soft)".to_owned(), Marker::Plus.symbol()),
        Role::Peer(place) => {
            let mark = Mark::of_slot(usize::from(place));
            (mark.colour(), mark.symbol())
        }
    }
}

/// What a curve says at the point nearest to `x`.
fn reading(curve: &Curve, x: f64) -> Option<(f64, String)> {
    let p = curve.points.iter().min_by(|a, b| (a[0] - x).abs().total_cmp(&(b[0] - x).abs()))?;
    let number = |v: f64| wording::short(v, if v.abs() < 100.0 { 2 } else { 0 }).replace('-', "\u{2212}");
    let text = if p[2] < p[3] {
        format!("{} ({} to {})", number(p[1]), number(p[2]), number(p[3]))
    } else {
        number(p[1])
    };
    Some((p[0], text))
}

fn draw(canvas: &leptos::web_sys::HtmlCanvasElement, size: Size, chart: &Chart, inks: &Inks) -> Option<Axes> {
    let context = fit(canvas, size, device_ratio(), UNITS)?;
    context.set_line_join("round");
    let mut backend = plotters_canvas::CanvasBackend::with_canvas_object(canvas.clone())?;
    let sheet = Sheet { width: size.width, height: size.height, units: UNITS };
    let trace = |c: &Curve| Trace {
        look: look_of(c.role, inks),
        filled: c.role == Role::Trusted,
        points: c.points.clone(),
    };
    let traces: Vec<Trace> = chart.curves.iter().map(trace).collect();
    let palette: Palette = inks.palette();
    draw_curves(&mut backend, sheet, &traces, &chart.marks, &chart.y, &palette).ok()
}

/// The chart on a canvas with its key, a crosshair, and its words.
pub fn chart_view(chart: Memo<Option<Chart>>) -> AnyView {
    let stage = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let size = use_element_size(stage);
    let inks = use_inks(stage);
    let axes = RwSignal::new(None::<Axes>);
    let cursor = RwSignal::new(None::<f64>);
    // Towards the canvas; where things lie on it is known only then.
    Effect::new(move |_| {
        let (Some(canvas), Some(inks), size) = (canvas.get(), inks.get(), size.get()) else { return };
        let drawn = chart.with(|c| c.as_ref().and_then(|c| draw(&canvas, size, c, &inks)));
        if drawn.is_some() && axes.get_untracked() != drawn {
            axes.set(drawn);
        }
    });
    let xs = move || {
        chart.with(|c| {
            let longest = c.as_ref().and_then(|c| c.curves.iter().max_by_key(|c| c.points.len()));
            longest.map(|c| c.points.iter().map(|p| p[0]).collect::<Vec<_>>()).unwrap_or_default()
        })
    };
    let on_move = move |event: PointerEvent| {
        if let Some(axes) = axes.get_untracked() {
            cursor.set(Some(axes.x_at(f64::from(event.offset_x()))));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let xs = untrack(xs);
        let Some(last) = xs.len().checked_sub(1) else { return };
        let here = cursor.get_untracked().map(|x| xs.partition_point(|p| *p < x).min(last));
        let next = match event.key().as_str() {
            "Escape" => None,
            "ArrowRight" => Some(here.map_or(last, |i| (i + 1).min(last))),
            "ArrowLeft" => Some(here.map_or(last, |i| i.saturating_sub(1))),
            "Home" => Some(0),
            "End" => Some(last),
            _ => return,
        };
        event.prevent_default();
        cursor.set(next.and_then(|i| xs.get(i).copied()));
    };
    let readings = Memo::new(move |_| {
        let x = cursor.get()?;
        chart.with(|c| {
            let c = c.as_ref()?;
            let each = c.curves.iter().rev().filter_map(|curve| {
                let (at, text) = reading(curve, x)?;
                Some((at, curve.role, curve.name.clone(), text))
            });
            let each: Vec<_> = each.collect();
            let at = each.first()?.0;
            let head = format!("{} {}", wording::short(at, 0), c.x);
            Some((at, head, each))
        })
    });
    let spoken = move || {
        let (_, head, each) = readings.get()?;
        let each: Vec<_> = each.into_iter().map(|(_, _, name, text)| format!("{name} {text}")).collect();
        Some(format!("{head}: {}", each.join(", ")))
    };
    let about = unique_id("chart-words");
    view! {
        <figure class="chart">
            <figcaption class="substep">{move || chart.with(|c| c.as_ref().map(|c| c.title.clone()))}</figcaption>
            <ul class="chart__key">
                {move || {
                    let curves = chart.with(|c| {
                        let curves = c.as_ref().map(|c| c.curves.iter().map(|c| (c.name.clone(), c.role)).collect());
                        curves.unwrap_or_else(Vec::new)
                    });
                    curves
                        .into_iter()
                        .map(|(name, role)| {
                            let (colour, symbol) = key(role);
                            view! {
                                <li>
                                    <span style:color=colour aria-hidden="true">{symbol}</span>
                                    " "
                                    {name}
                                </li>
                            }
                        })
                        .views()
                }}
            </ul>
            <div
                class="plot__stage"
                node_ref=stage
                tabindex="0"
                role="group"
                aria-roledescription="plot"
                aria-label=move || {
                    let title = chart.with(|c| c.as_ref().map(|c| c.title.clone()).unwrap_or_default());
                    format!("{title}; arrow keys read the values")
                }
                aria-describedby=about.clone()
                on:pointermove=on_move
                on:pointerdown=on_move
                on:pointerleave=move |_| cursor.set(None)
                on:keydown=on_key
                on:blur=move |_| cursor.set(None)
            >
                <canvas class="plot__canvas" node_ref=canvas aria-hidden="true"></canvas>
                {move || {
                    let ((at, head, each), axes) = readings.get().zip(axes.get())?;
                    let [left, right, top, bottom] = axes.area;
                    let (x, px) = (axes.x_of(at), |v: f64| format!("{v:.1}px"));
                    let rows = each
                        .into_iter()
                        .map(|(_, role, name, text)| {
                            let (colour, symbol) = key(role);
                            view! {
                                <span class="plot__reading" style:--mark=colour>
                                    <span class="plot__symbol">{symbol}</span>
                                    <span class="plot__name">{name}</span>
                                    <span class="plot__value">{text}</span>
                                </span>
                            }
                        })
                        .views();
                    Some(
                        view! {
                            <div class="plot__crosshair" aria-hidden="true">
                                <span class="plot__line" style:--x=px(x) style:--y=px(top) style:--length=px(bottom - top)></span>
                                <div
                                    class="plot__readout"
                                    class:plot__readout--left={x > f64::midpoint(left, right)}
                                    style:--x=px(x)
                                    style:--y=px(top)
                                >
                                    <span class="plot__time">{head}</span>
                                    {rows}
                                </div>
                            </div>
                        },
                    )
                }}
            </div>
            <p class="unseen" id=about>{move || chart.with(|c| c.as_ref().map(|c| c.words.clone()))}</p>
            <p class="unseen" role="status">{spoken}</p>
        </figure>
    }
    .into_any()
}
