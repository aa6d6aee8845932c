//! A plot as a table, the latest period first.

use leptos::prelude::*;

use super::{Panel, settings::Chosen};
use crate::{
    plot::{Figure, clock, union_of_starts, value_at},
    ui::widgets::{VariantTag, Views},
};

/// Rows that are shown; the file has all of them.
const ROWS: usize = 120;

/// The numbers of a plot.
#[component]
pub fn PlotTable(
    /// What the plot shows.
    chosen: RwSignal<Chosen>,
    /// Its numbers.
    figure: Memo<Option<Figure>>,
) -> impl IntoView {
    let panel = expect_context::<Panel>();
    let caption = move || {
        let c = chosen.get();
        let unit = figure.with(|f| f.as_ref().map(|f| f.quantity.suffix()).unwrap_or_default());
        let unit = if unit.is_empty() { String::new() } else { format!(" in {unit}") };
        format!("{} {}{unit}, latest first", c.metric.name(), c.statistic)
    };
    let names = Memo::new(move |_| {
        figure.with(|f| f.iter().flat_map(|f| &f.lines).map(|l| l.name.clone()).collect::<Vec<_>>())
    });
    let rows = move || {
        figure.with(|f| {
            let Some(f) = f else { return Vec::new() };
            let starts = union_of_starts(f);
            let row = |start: u64| {
                let cell = |line: &crate::plot::Line| {
                    value_at(&line.datapoints, start).map_or_else(|| "–".to_owned(), |v| f.quantity.number(v))
                };
                (clock(start, f.days), f.lines.iter().map(cell).collect::<Vec<_>>())
            };
            starts.into_iter().rev().take(ROWS).map(row).collect()
        })
    };
    let left_out = move || {
        let all = figure.with(|f| f.as_ref().map_or(0, |f| union_of_starts(f).len()));
        (all > ROWS).then(|| format!("The latest {ROWS} of {all} periods; the CSV has all."))
    };
    view! {
        <div class="plot__table" role="region" tabindex="0" aria-label=caption>
            <table class="datapoints">
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Period from"</th>
                        {move || {
                            names
                                .get()
                                .into_iter()
                                .map(|name| {
                                    let mark = panel.mark(&name);
                                    view! {
                                        <th scope="col">
                                            <VariantTag name mark />
                                        </th>
                                    }
                                })
                                .views()
                        }}
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        rows()
                            .into_iter()
                            .map(|(start, cells)| {
                                view! {
                                    <tr>
                                        <th scope="row">{start}</th>
                                        {cells.into_iter().map(|c| view! { <td>{c}</td> }).views()}
                                    </tr>
                                }
                            })
                            .views()
                    }}
                </tbody>
            </table>
            {move || left_out().map(|words| view! { <p class="plot__note">{words}</p> })}
        </div>
    }
}
