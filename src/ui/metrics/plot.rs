//! One plot: what it shows, its crosshair, its table and its files.

use std::time::Duration;

use leptos::{ev::KeyboardEvent, ev::PointerEvent, html, prelude::*};

use super::{
    Panel,
    download::{draw_on, save_picture, save_text},
    feed::{View, use_feed},
    settings::{self, Chosen, STATISTICS, period_title},
    table::PlotTable,
};
use crate::{
    analysis::metrics::{Metric, Statistic},
    plot::{
        Days, Figure, Line, PixelMap, Quantity, caution, clock, csv, describe, nearest_start,
        union_of_starts, value_at,
    },
    ui::{
        canvas::{Inks, device_ratio, look, use_element_size, use_in_view},
        server::server,
        store::Tone,
        widgets::{Show, Views, unique_id},
    },
};

/// A plot that is seen for this long has been looked at.
const LOOKED_AT_AFTER: Duration = Duration::from_secs(1);

/// One variant's value under the crosshair.
#[derive(Clone, Debug, PartialEq)]
struct Reading {
    name: String,
    symbol: &'static str,
    colour: String,
    text: String,
    /// Where its point lies, CSS px; none without a datapoint.
    at: Option<(f64, f64)>,
}

/// What the crosshair says.
#[derive(Clone, Debug, PartialEq)]
struct Readout {
    x: f64,
    top: f64,
    bottom: f64,
    /// The words stand left of the crosshair.
    flipped: bool,
    time: String,
    readings: Vec<Reading>,
    changes: Vec<String>,
}

impl Readout {
    fn spoken(&self) -> String {
        let each = self.readings.iter().map(|r| format!("{} {}", r.name, r.text));
        let all: Vec<String> = each.chain(self.changes.iter().cloned()).collect();
        format!("{}: {}", self.time, all.join(", "))
    }
}

/// A plot of one metric over time with a line per variant.
#[component]
pub fn MetricPlot(
    /// Its place in the panel, from 0.
    index: usize,
    /// What it shows.
    chosen: RwSignal<Chosen>,
) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let stage = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let size = use_element_size(stage);
    let in_view = use_in_view(stage, "0px");
    // Asked for a little before it is scrolled to, so that it is there when it is seen.
    let near = use_in_view(stage, "600px");
    let map = RwSignal::new(None::<PixelMap>);
    let as_table = RwSignal::new(false);
    let spoken = RwSignal::new(String::new());

    let question = Memo::new(move |_| {
        let endpoint = panel.endpoint.get()?;
        Some(settings::query(&endpoint, chosen.get(), panel.window.get(), panel.minute.get()?))
    });
    let view = use_feed(panel.store, question, near.into());
    // What is drawn belongs to what is asked: an answer to another metric is not shown under this one's name.
    let current = Memo::new(move |_| {
        let chosen = chosen.get();
        view.get().filter(|v| {
            v.query.metric == chosen.metric
                && v.query.statistic == chosen.statistic
                && Some(&v.query.endpoint_name) == panel.endpoint.get().as_ref()
        })
    });
    Effect::new(move |_| {
        let names = current.with(|v| v.as_ref().map(variants_of).unwrap_or_default());
        panel.report(&names);
    });
    let figure = Memo::new(move |_| {
        let inks = panel.inks.get()?;
        let hidden = panel.hidden.get();
        let brought_out = panel.store.selected_variant.get();
        Some(match current.get() {
            Some(view) => figure_of(&view, &panel, &inks, &hidden, brought_out.as_deref()),
            None => empty_figure(question.get().as_ref(), chosen.get()),
        })
    });
    let starts = Memo::new(move |_| figure.with(|f| f.as_ref().map(union_of_starts).unwrap_or_default()));

    redraw_when_needed(canvas, size, panel.inks, figure, map);
    look_at(panel, chosen, Signal::derive(move || in_view.get() && !starts.with(Vec::is_empty)));

    let readout = Memo::new(move |_| {
        let cursor = panel.cursor.get()?;
        let map = map.get()?;
        let start = starts.with(|s| nearest_start(s, cursor as f64))?;
        figure.with(|f| f.as_ref().map(|f| read_at(f, &map, start, &panel)))
    });
    let words = Memo::new(move |_| {
        let chosen = chosen.get();
        figure.with(|f| f.as_ref().map(|f| describe(chosen.metric, chosen.statistic, f)).unwrap_or_default())
    });
    let message = Memo::new(move |_| empty_message(&panel, chosen.get(), current.get(), figure));

    let on_move = move |event: PointerEvent| {
        if let Some(map) = map.get_untracked() {
            panel.active.set(Some(index));
            panel.cursor.set(Some(map.second_at(f64::from(event.offset_x())) as u64));
        }
    };
    let leave = move || {
        panel.active.set(None);
        panel.cursor.set(None);
    };
    let on_key = move |event: KeyboardEvent| {
        let Some(next) = step(&event.key(), &starts.get_untracked(), panel.cursor.get_untracked()) else {
            return;
        };
        event.prevent_default();
        panel.active.set(next.map(|_| index));
        panel.cursor.set(next);
        spoken.set(readout.get_untracked().map(|r| r.spoken()).unwrap_or_default());
    };

    let title = unique_id("plot");
    let about = unique_id("plot-words");
    view! {
        <article class="plot" aria-labelledby=title.clone()>
            <PlotHead index chosen title=title.clone() />
            <div
                class="plot__stage"
                node_ref=stage
                tabindex="0"
                role="group"
                aria-roledescription="plot"
                aria-label=move || {
                    let c = chosen.get();
                    format!("{} {} over time; arrow keys read the values", c.metric.name(), c.statistic)
                }
                aria-describedby=about.clone()
                on:pointermove=on_move
                on:pointerdown=on_move
                on:pointerleave=move |_| leave()
                on:keydown=on_key
                on:blur=move |_| leave()
            >
                <canvas class="plot__canvas" node_ref=canvas aria-hidden="true"></canvas>
                {move || {
                    let shown = panel.active.get() == Some(index);
                    readout.get().map(|r| view! { <Crosshair readout=r words=shown /> })
                }}
                <p class="plot__message" hidden=move || message.with(Option::is_none)>{message}</p>
            </div>
            <p class="unseen" id=about>{words}</p>
            <p class="unseen" role="status">{spoken}</p>
            <footer class="plot__foot">
                <PlotNotes chosen current />
                <PlotActions index chosen as_table figure />
            </footer>
            <Show when=move || as_table.get()>
                <PlotTable chosen figure />
            </Show>
        </article>
    }
}

/// The choice of metric and statistic.
#[component]
fn PlotHead(index: usize, chosen: RwSignal<Chosen>, title: String) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let number = index + 1;
    view! {
        <header class="plot__head">
            <h3 class="unseen" id=title>
                {move || format!("Plot {number}: {} {}", chosen.get().metric.name(), chosen.get().statistic)}
            </h3>
            <div class="plot__choice">
                <select
                    class="plot__select plot__select--metric"
                    aria-label=format!("Metric of plot {number}")
                    on:change:target=move |event| {
                        let name = event.target().value();
                        if let Some(metric) = Metric::ALL.into_iter().find(|m| m.name() == name) {
                            // A statistic that suits one metric misleads with another.
                            chosen.set(Chosen::usual(metric));
                            panel.look_at(chosen.get_untracked());
                        }
                    }
                >
                    {Metric::ALL
                        .into_iter()
                        .map(|m| {
                            view! {
                                <option value=m.name() selected=move || chosen.get().metric == m>
                                    {m.name()}
                                </option>
                            }
                        })
                        .views()}
                </select>
                <select
                    class="plot__select"
                    aria-label=format!("Statistic of plot {number}")
                    on:change:target=move |event| {
                        if let Ok(statistic) = event.target().value().parse::<Statistic>() {
                            chosen.update(|c| c.statistic = statistic);
                            panel.look_at(chosen.get_untracked());
                        }
                    }
                >
                    {STATISTICS
                        .into_iter()
                        .map(|s| {
                            view! {
                                <option value=s.to_string() selected=move || chosen.get().statistic == s>
                                    {s.to_string()}
                                </option>
                            }
                        })
                        .views()}
                </select>
            </div>
        </header>
    }
}

/// What can be done with the plot.
#[component]
fn PlotActions(
    index: usize,
    chosen: RwSignal<Chosen>,
    as_table: RwSignal<bool>,
    figure: Memo<Option<Figure>>,
) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let number = index + 1;
    let save_csv = move |_| {
        let Some(figure) = figure.get_untracked() else { return };
        let c = chosen.get_untracked();
        let text = csv(c.metric, c.statistic, &figure);
        say_if_refused(&panel, save_text(&file_name(c, "csv"), "text/csv", &text));
    };
    let save_png = move |_| {
        let (Some(figure), Some(inks)) = (figure.get_untracked(), panel.inks.get_untracked()) else { return };
        let c = chosen.get_untracked();
        let unit = unit_words(c, figure.period_s);
        let endpoint = panel.endpoint.get_untracked().unwrap_or_default();
        let heading = format!("{} {} ({unit}), endpoint {endpoint}", c.metric.name(), c.statistic);
        say_if_refused(&panel, save_picture(&file_name(c, "png"), &figure, &inks.palette(), &heading));
    };
    view! {
    <div class="plot__actions">
                <button
                    type="button"
                    class="plot__action"
                    aria-pressed=move || as_table.get().to_string()
                    aria-label=format!("Table of plot {number}")
                    on:click=move |_| as_table.update(|t| *t = !*t)
                >
                    "Table"
                </button>
                <button
                    type="button"
                    class="plot__action"
                    aria-label=format!("CSV of plot {number}")
                    on:click=save_csv
                >
                    "CSV"
                </button>
                <button
                    type="button"
                    class="plot__action"
                    aria-label=format!("PNG of plot {number}")
                    on:click=save_png
                >
                    "PNG"
                </button>
            </div>
        }
}

/// Unit, and what one should know before reading the plot.
#[component]
fn PlotNotes(chosen: RwSignal<Chosen>, current: Memo<Option<View>>) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let unit = move || {
        let c = chosen.get();
        let period_s = current.with(|v| v.as_ref().map_or(panel.window.get().period_s, |v| v.query.period_s));
        let mut words = unit_words(c, period_s);
        let of_cpu = c.metric == Metric::CPUUtilization && c.statistic != Statistic::SampleCount;
        if let Some(most) = panel.vcpus.get().filter(|_| of_cpu) {
            words.push_str(&most);
        }
        words
    };
    let coarser = move || {
        let asked = panel.window.get().period_s;
        let shown = current.with(|v| v.as_ref().map(|v| v.query.period_s)).filter(|s| *s > asked)?;
        Some(format!(
            "{} gives more than {} datapoints, CloudWatch's limit for one reply: shown by {}.",
            period_title(asked),
            crate::ui::wording::count(settings::DATAPOINT_LIMIT),
            period_title(shown)
        ))
    };
    let warning = move || caution(chosen.get().metric, chosen.get().statistic);
    view! {
        <div class="plot__notes">
            <p class="plot__unit">{unit}</p>
            {move || coarser().map(|words| view! { <p class="plot__note">{words}</p> })}
            {move || {
                warning()
                    .map(|words| {
                        view! {
                            <p class="plot__caution">
                                <span class="plot__caution-sign" aria-hidden="true">"!"</span>
                                {words}
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// The crosshair, a dot per variant, and, where the pointer is, the words.
#[component]
fn Crosshair(readout: Readout, words: bool) -> impl IntoView {
    let Readout { x, top, bottom, flipped, time, readings, changes } = readout;
    let dots = readings.iter().filter_map(|r| {
        let (x, y) = r.at?;
        Some(view! {
            <span class="plot__dot" style:--x=px(x) style:--y=px(y) style:--mark=r.colour.clone()></span>
        })
    });
    let dots = dots.views();
    view! {
        <div class="plot__crosshair" aria-hidden="true">
            <span class="plot__line" style:--x=px(x) style:--y=px(top) style:--length=px(bottom - top)></span>
            {dots}
            {words
                .then(|| {
                    view! {
                        <div class="plot__readout" class:plot__readout--left=flipped style:--x=px(x) style:--y=px(top)>
                            <span class="plot__time">{time}</span>
                            {readings
                                .into_iter()
                                .map(|r| {
                                    view! {
                                        <span class="plot__reading" style:--mark=r.colour>
                                            <span class="plot__symbol">{r.symbol}</span>
                                            <span class="plot__name">{r.name}</span>
                                            <span class="plot__value">{r.text}</span>
                                        </span>
                                    }
                                })
                                .views()}
                            {changes
                                .into_iter()
                                .map(|c| view! { <span class="plot__change">{c}</span> })
                                .views()}
                        </div>
                    }
                })}
        </div>
    }
}

fn px(length: f64) -> String {
    format!("{length:.1}px")
}

fn variants_of(view: &View) -> Vec<String> {
    match &view.reply.series {
        Ok(series) => series.iter().map(|s| s.variant.clone()).collect(),
        Err(_) => Vec::new(),
    }
}

fn figure_of(
    view: &View,
    panel: &Panel,
    inks: &Inks,
    hidden: &[String],
    brought_out: Option<&str>,
) -> Figure {
    let series = view.reply.series.as_deref().unwrap_or_default();
    let someone =
        brought_out.filter(|b| series.iter().any(|s| s.variant == **b) && !hidden.iter().any(|h| h == b));
    let mut lines: Vec<Line> = series
        .iter()
        .filter(|s| !hidden.contains(&s.variant))
        .map(|s| {
            let mut look = look(inks, panel.mark(&s.variant));
            if someone.is_some_and(|b| b != s.variant) {
                look.ink = look.ink.faded(0.28);
            }
            Line { name: s.variant.clone(), look, datapoints: s.datapoints.clone() }
        })
        .collect();
    // What is brought out is drawn last, above the others.
    if let Some(place) = lines.iter().position(|l| Some(l.name.as_str()) == someone) {
        let line = lines.remove(place);
        lines.push(line);
    }
    let query = &view.query;
    Figure {
        quantity: Quantity::of(query.metric, query.statistic),
        start_s: query.start_s,
        end_s: query.end_s,
        period_s: query.period_s,
        published_until_s: view.reply.published_until_s,
        lines,
        annotations: view.annotations.clone(),
        days: days(),
    }
}

/// Axes without anything on them.
fn empty_figure(question: Option<&crate::wire::MetricQuery>, chosen: Chosen) -> Figure {
    let (start_s, end_s) = question.map_or((0, 900), |q| (q.start_s, q.end_s));
    Figure {
        quantity: Quantity::of(chosen.metric, chosen.statistic),
        start_s,
        end_s,
        period_s: 60,
        published_until_s: end_s,
        lines: Vec::new(),
        annotations: Vec::new(),
        days: days(),
    }
}

fn empty_message(
    panel: &Panel,
    chosen: Chosen,
    current: Option<View>,
    figure: Memo<Option<Figure>>,
) -> Option<String> {
    if panel.endpoint.with(Option::is_none) {
        return Some("No endpoint yet: its metrics begin when it is in service.".to_owned());
    }
    // For the blink of an eye before the first answer, axes are enough.
    let view = current?;
    let series = match view.reply.series {
        Ok(series) => series,
        Err(why) => return Some(why),
    };
    if figure.with(|f| f.as_ref().is_none_or(|f| !f.is_empty())) {
        return None;
    }
    let any = series.iter().any(|s| !s.datapoints.is_empty());
    if any {
        return Some("All variants are hidden. The legend above brings them back.".to_owned());
    }
    if chosen.metric == Metric::GPUUtilization {
        return Some("No datapoints: these instances have no GPU.".to_owned());
    }
    if chosen.metric.namespace() == "AWS/SageMaker" && !panel.sent.get() {
        return Some(
            "No requests yet, so no datapoints. Send some in the guide or turn the traffic on.".to_owned(),
        );
    }
    let minute = panel.minute.get().unwrap_or_default();
    let at = |minutes: u64| clock((minute + minutes) * 60, days());
    Some(match days() {
        Days::Counted => {
            format!("No datapoints yet; the first appears at {} (metrics lag by a minute).", at(2))
        }
        Days::Dated => format!("No datapoints yet; the first appears at {}, with the minute's end.", at(1)),
    })
}

/// Over a server time is real.
fn days() -> Days {
    if server().is_some() { Days::Dated } else { Days::Counted }
}

fn read_at(figure: &Figure, map: &PixelMap, start: u64, panel: &Panel) -> Readout {
    let x = map.x_of(start as f64);
    let readings = figure.lines.iter().map(|line| {
        let mark = panel.mark(&line.name);
        let value = value_at(&line.datapoints, start);
        Reading {
            name: line.name.clone(),
            symbol: mark.symbol(),
            colour: mark.colour(),
            text: value.map_or_else(|| "no samples".to_owned(), |v| figure.quantity.text(v)),
            at: value.map(|v| (x, map.y_of(figure.quantity.shown(v)))),
        }
    });
    let period = start..start + figure.period_s;
    let changes = figure.annotations.iter().filter(|a| period.contains(&a.at_s));
    Readout {
        x,
        top: map.top,
        bottom: map.bottom,
        flipped: x > f64::midpoint(map.left, map.right),
        time: if figure.period_s > 60 {
            format!("{} to {}", clock(start, figure.days), clock(start + figure.period_s, figure.days))
        } else {
            clock(start, figure.days)
        },
        readings: readings.collect(),
        changes: changes.map(|a| a.label.clone()).collect(),
    }
}

/// Where a key moves the crosshair: `Some(None)` takes it away, `None` is not for it.
fn step(key: &str, starts: &[u64], cursor: Option<u64>) -> Option<Option<u64>> {
    let last = starts.len().checked_sub(1)?;
    let here =
        cursor.and_then(|c| nearest_start(starts, c as f64)).and_then(|s| starts.binary_search(&s).ok());
    let next = match key {
        "Escape" => return cursor.map(|_| None),
        "ArrowRight" => here.map_or(last, |i| (i + 1).min(last)),
        "ArrowLeft" => here.map_or(last, |i| i.saturating_sub(1)),
        "PageDown" => here.map_or(last, |i| (i + 10).min(last)),
        "PageUp" => here.map_or(last, |i| i.saturating_sub(10)),
        "Home" => 0,
        "End" => last,
        _ => return None,
    };
    Some(starts.get(next).copied())
}

fn unit_words(chosen: Chosen, period_s: u64) -> String {
    let period = period_title(period_s);
    match (Quantity::of(chosen.metric, chosen.statistic), chosen.statistic) {
        (Quantity::Milliseconds, _) => format!("milliseconds by {period}; CloudWatch stores Microseconds"),
        (Quantity::CpuPercent, _) => format!("percent by {period}"),
        (Quantity::Percent, _) => format!("percent by {period}"),
        (Quantity::Count, Statistic::SampleCount) => format!("samples in {period}"),
        (Quantity::Count, Statistic::Sum) => format!("count in {period}"),
        (Quantity::Count, _) => format!("per request, by {period}"),
    }
}

fn file_name(chosen: Chosen, extension: &str) -> String {
    format!("rollout-lab-{}-{}.{extension}", chosen.metric.name(), chosen.statistic)
}

fn say_if_refused(panel: &Panel, saved: Result<(), wasm_bindgen::JsValue>) {
    if saved.is_err() {
        let text = "The browser refused to make the file.".to_owned();
        panel.store.toast(Tone::Alert, "Not saved", text, None);
    }
}

/// Draws when figure, size or colours changed: once per frame at most.
fn redraw_when_needed(
    canvas: NodeRef<html::Canvas>,
    size: ReadSignal<crate::ui::canvas::Size>,
    inks: Memo<Option<Inks>>,
    figure: Memo<Option<Figure>>,
    map: RwSignal<Option<PixelMap>>,
) {
    let asked = StoredValue::new(false);
    let draw = move || {
        if asked.try_update_value(|a| *a = false).is_none() {
            return;
        }
        let (Some(canvas), Some(inks)) = (canvas.get_untracked(), inks.get_untracked()) else { return };
        let drawn = figure.with_untracked(|f| {
            let palette = inks.palette();
            f.as_ref().and_then(|f| draw_on(&canvas, size.get_untracked(), device_ratio(), f, &palette, None))
        });
        if map.get_untracked() != drawn {
            map.set(drawn);
        }
    };
    Effect::new(move |_| {
        figure.track();
        size.track();
        inks.track();
        if canvas.get().is_some() && !asked.get_value() {
            asked.set_value(true);
            request_animation_frame(draw);
        }
    });
}

/// Tells the lab that a metric has been looked at, when its plot was seen for a while with something on it.
fn look_at(panel: Panel, chosen: RwSignal<Chosen>, seen: Signal<bool>) {
    let seen = Memo::new(move |_| seen.get());
    Effect::new(move |_| {
        let (now, _, _) = (chosen.get(), panel.split.get(), panel.endpoint.get());
        if !seen.get() {
            return;
        }
        set_timeout(
            move || {
                // It may have left the page, or been changed, while the time ran.
                let still = seen.try_get_untracked() == Some(true) && chosen.try_get_untracked() == Some(now);
                if still && !document().hidden() {
                    panel.look_at(now);
                }
            },
            LOOKED_AT_AFTER,
        );
    });
}
