//! A board: verdict, drawing, replays, table, facts.

use leptos::prelude::*;

use super::chart::chart_view;
use crate::{
    analysis::verdict::State,
    lab::{Board, Dots},
    ui::widgets::{Disclosure, Show, Views},
};

/// Dots in a row.
const COLUMNS: usize = 40;
/// Distance of two dots in the drawing's own units.
const PITCH: f64 = 8.0;

/// Lays a board out. The drawing stays as it is while its numbers change.
pub fn board_view(board: RwSignal<Board>) -> AnyView {
    let chart = Memo::new(move |_| board.with(|b| b.chart.clone()));
    let second = Memo::new(move |_| board.with(|b| b.second.clone()));
    view! {
        <div class="board">
            <p
                class="board__headline"
                data-state=move || board.with(|b| b.state.map(State::word))
                hidden=move || board.with(|b| b.headline.is_empty())
            >
                {move || board.with(|b| b.state.map(|s| view! { <strong class="board__state">{s.word()}</strong> }))}
                <span role="status">{move || board.with(|b| b.headline.clone())}</span>
            </p>
            {move || board.with(|b| b.words.first().map(|next| view! { <p>{next.clone()}</p> }))}
            <Show when=move || chart.with(Option::is_some)>{chart_view(chart)}</Show>
            <Show when=move || second.with(Option::is_some)>{chart_view(second)}</Show>
            {move || board.with(|b| b.dots.iter().map(dots).views())}
            {move || board.with(|b| table(&b.table))}
            <dl class="facts facts--numbers" hidden=move || board.with(|b| b.facts.is_empty())>
                {move || {
                    let facts = board.with(|b| b.facts.clone());
                    facts.into_iter().map(|(term, value)| view! { <dt>{term}</dt><dd>{value}</dd> }).views()
                }}
            </dl>
            <Show when=move || board.with(|b| b.words.len() > 1)>
                <Disclosure title="What this assumes">
                    <ul class="board__words">
                        {move || {
                            let words = board.with(|b| b.words.get(1..).unwrap_or_default().to_vec());
                            words.into_iter().map(|line| view! { <li>{line}</li> }).views()
                        }}
                    </ul>
                </Disclosure>
            </Show>
        </div>
    }
    .into_any()
}

/// Replays in rows: big dots found something, squares found the wrong one.
fn dots(dots: &Dots) -> AnyView {
    let path = |kind: char| {
        let mut path = String::new();
        for (i, _) in dots.found.chars().enumerate().filter(|(_, c)| *c == kind) {
            let (x, y) = ((i % COLUMNS) as f64 * PITCH, (i / COLUMNS) as f64 * PITCH);
            path.push_str(&format!("M{x} {y}h.01"));
        }
        path
    };
    let rows = dots.found.len().div_ceil(COLUMNS).max(1);
    let (width, height) = (COLUMNS as f64 * PITCH, rows as f64 * PITCH);
    let words = format!("{}: {}", dots.name, dots.words);
    view! {
        <figure class="dots">
            <figcaption><strong>{dots.name.clone()}</strong>" "{dots.words.clone()}</figcaption>
            <svg viewBox=format!("-4 -4 {width} {height}") role="img" aria-label=words>
                <path class="dots__none" d=path('.') />
                <path class="dots__b" d=path('B') />
                <path class="dots__a" d=path('A') />
            </svg>
        </figure>
    }
    .into_any()
}

fn table(rows: &[Vec<String>]) -> Option<AnyView> {
    let (head, body) = rows.split_first()?;
    let heads = head.iter().map(|h| view! { <th scope="col">{h.clone()}</th> }).views();
    let body = body.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(i, cell)| match i {
            0 => view! { <th scope="row">{cell.clone()}</th> }.into_any(),
            _ => view! { <td>{cell.clone()}</td> }.into_any(),
        });
        view! { <tr>{cells.views()}</tr> }
    });
    Some(
        view! {
            // A box that scrolls must be reachable by keyboard.
            <div class="table-frame" tabindex="0" role="group" aria-label="Table">
                <table class="table">
                    <thead><tr>{heads}</tr></thead>
                    <tbody>{body.views()}</tbody>
                </table>
            </div>
        }
        .into_any(),
    )
}
