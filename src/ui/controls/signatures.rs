//! Shows prediction signatures: what goes into a model, what comes out, and how well it does.

use leptos::{prelude::*, task::spawn_local};

use super::{
    act::{Act, Weight},
    call::PlainCall,
    model_card::{DomainMetrics, ModelCard, Tensor},
};
use crate::{
    domain::Artifact,
    lab::LabAction,
    ui::{
        widgets::{Disclosure, Tabs, Views},
        wording,
    },
};

const SHELL: &str = "saved_model_cli show --all --dir model/tensorflow/saved_model/0/";
const PYTHON: &str = "import onnx

graph = onnx.load(\"model/model.onnx\").graph
for tensor in (*graph.input, *graph.output):
    print(tensor.name, tensor.type.tensor_type)";

/// The signature of each artefact.
#[component]
pub fn Signatures() -> impl IntoView {
    let chosen = RwSignal::new(0);
    let artifact = move || Artifact::ALL.get(chosen.get()).copied().unwrap_or(Artifact::A);
    let card = RwSignal::new(None::<Result<ModelCard, String>>);
    Effect::new(move || {
        let wanted = artifact();
        spawn_local(async move {
            let fetched = ModelCard::fetch(wanted).await;
            // Meanwhile another one may have been chosen, or the panel closed.
            if chosen.try_get_untracked().is_some_and(|slot| Artifact::ALL.get(slot) == Some(&wanted)) {
                card.set(Some(fetched));
            }
        });
    });
    let action = Signal::derive(move || Some(LabAction::ReadSignature(artifact())));
    let label = Signal::derive(move || format!("Open signature of {}", artifact()));
    view! {
        <PlainCall title="Show the signature" boto3=PYTHON.to_owned() cli=SHELL.to_owned() />
        <Tabs label="Artefact" names=&["stars-a", "stars-b", "stars-c"] chosen>
            <Act label action weight=Weight::Primary success="Opened." />
            {move || match card.get() {
                None => view! { <p class="quiet">"Fetching the card…"</p> }.into_any(),
                Some(Err(why)) => view! { <p class="bad" role="alert">{why}</p> }.into_any(),
                Some(Ok(card)) => view! { <Card card /> }.into_any(),
            }}
        </Tabs>
    }
}

#[component]
fn Card(card: ModelCard) -> impl IntoView {
    let trained_on = card
        .trained_on
        .iter()
        .map(|s| format!("{} ({}, {})", s.name, wording::plural(s.rows, "review"), s.licence))
        .collect::<Vec<_>>()
        .join("; ");
    let operators =
        card.operators.iter().map(|(name, n)| format!("{name} ×{n}")).collect::<Vec<_>>().join(", ");
    let size = wording::bytes(card.size_bytes);
    view! {
        <p><strong>{card.title}</strong> ". " {card.summary}</p>
        <Signature title="Inputs" tensors=card.inputs />
        <Signature title="Outputs" tensors=card.outputs />
        <dl class="facts">
            <dt>"Architecture"</dt>
            <dd>{card.architecture}</dd>
            <dt>"Trained on"</dt>
            <dd>{trained_on}</dd>
            <dt>"Parameters"</dt>
            <dd>{wording::count(card.parameters)} ", " {size}</dd>
            <dt>"Tokeniser"</dt>
            <dd><code>{card.tokeniser}</code></dd>
            <dt>"Licence"</dt>
            <dd>{card.licence}</dd>
        </dl>
        <p class="substep">"How it does, beside a model that always says five stars"</p>
        <Metrics metrics=card.metrics.clone() />
        <p class="substep">"True stars (rows) by predicted stars (columns)"</p>
        <ul class="confusions">
            {card
                .metrics
                .into_iter()
                .map(|(domain, metrics)| view! { <Confusion domain metrics /> })
                .views()}
        </ul>
        <Disclosure title="Limits, operators, checksum">
            <ul class="prose-list">{card.limits.into_iter().map(|l| view! { <li>{l}</li> }).views()}</ul>
            <p class="quiet">"ONNX opset " {card.opset} ": " {operators}</p>
            <p class="uri">"sha256 " <code>{card.sha256}</code></p>
        </Disclosure>
    }
}

#[component]
fn Signature(title: &'static str, tensors: Vec<Tensor>) -> impl IntoView {
    view! {
        <table class="table table--tight">
            <caption class="table__caption">{title}</caption>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Type"</th>
                    <th scope="col">"Shape"</th>
                </tr>
            </thead>
            <tbody>
                {tensors
                    .into_iter()
                    .map(|t| {
                        let shape = t.shape_text();
                        view! {
                            <tr>
                                <th scope="row"><code>{t.name}</code></th>
                                <td><code>{t.dtype}</code></td>
                                <td><code>{shape}</code></td>
                            </tr>
                        }
                    })
                    .views()}
            </tbody>
        </table>
    }
}

#[component]
fn Metrics(metrics: Vec<(String, DomainMetrics)>) -> impl IntoView {
    view! {
        <table class="table table--tight">
            <thead>
                <tr>
                    <th scope="col">"Reviews of"</th>
                    <th scope="col" class="table__number">"Accuracy"</th>
                    <th scope="col" class="table__number">"Always 5"</th>
                    <th scope="col" class="table__number">"Macro F1"</th>
                    <th scope="col" class="table__number">"Stars off"</th>
                </tr>
            </thead>
            <tbody>
                {metrics
                    .into_iter()
                    .map(|(domain, m)| {
                        view! {
                            <tr>
                                <th scope="row">
                                    {domain}
                                    {m.out_of_domain.then(|| view! { <span class="quiet">" unseen"</span> })}
                                </th>
                                <td class="table__number">{wording::percent(m.accuracy)}</td>
                                <td class="table__number quiet">{wording::percent(m.always_five.accuracy)}</td>
                                <td class="table__number">{format!("{:.2}", m.macro_f1)}</td>
                                <td class="table__number">{format!("{:.2}", m.mae_stars)}</td>
                            </tr>
                        }
                    })
                    .views()}
            </tbody>
        </table>
    }
}

/// A small square of 25 cells; each row is shaded by its share of the true rating.
#[component]
fn Confusion(domain: String, metrics: DomainMetrics) -> impl IntoView {
    let diagonal = (0..5)
        .map(|i| {
            let row: u64 = metrics.confusion[i].iter().sum();
            format!("{}★ {}", i + 1, wording::percent(metrics.confusion[i][i] as f64 / row.max(1) as f64))
        })
        .collect::<Vec<_>>()
        .join(", ");
    let cells = metrics.confusion.into_iter().enumerate().flat_map(|(truth, row)| {
        let all: u64 = row.iter().sum::<u64>().max(1);
        row.into_iter().enumerate().map(move |(predicted, n)| {
            let share = n as f64 / all as f64;
            let words =
                format!("{} true, {} predicted: {n} ({})", truth + 1, predicted + 1, wording::percent(share));
            (share, words, truth == predicted)
        })
    });
    view! {
        <li class="confusion">
            <div class="confusion__grid" role="img" aria-label=format!("{domain}, answered rightly: {diagonal}")>
                {cells
                    .map(|(share, words, right)| {
                        view! {
                            <span
                                class="confusion__cell"
                                class:confusion__cell--right=right
                                style:--share=format!("{share:.3}")
                                title=words
                            ></span>
                        }
                    })
                    .views()}
            </div>
            <span class="confusion__name">{domain}</span>
        </li>
    }
}
