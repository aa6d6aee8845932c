//! Logs the deployment to the experiment, and shows the lineage.

use leptos::prelude::*;

use super::{act::Act, call::PlainCall};
use crate::{
    lab::LabAction,
    ui::widgets::{Show, Views},
    ui::{store::Store, wording},
};

const TRACK: &str = "trial = Trial.load(trial_name=trial_name)
tracker = Tracker.create(display_name=\"deploy\")
trial.add_trial_component(tracker.trial_component)
tracker.log_parameters({\"endpoint_name\": endpoint_name})
tracker.trial_component.save()";

const TRACK_SHELL: &str = "aws sagemaker create-trial-component --trial-component-name deploy \\
  --parameters '{\"endpoint_name\": {\"StringValue\": \"reviews\"}}'
aws sagemaker associate-trial-component \\
  --trial-component-name deploy --trial-name reviews-trial";

const LINEAGE: &str = "ExperimentAnalytics(
    experiment_name=experiment_name,
    metric_names=[\"validation:accuracy\"],
    sort_by=\"CreationTime\",
    sort_order=\"Ascending\",
).dataframe()";

const LINEAGE_SHELL: &str = "aws sagemaker search --resource ExperimentTrialComponent \\
  --sort-by CreationTime --sort-order Ascending";

/// Logs the deployment.
#[component]
pub fn Tracking() -> impl IntoView {
    view! {
        <PlainCall title="Tracker.log_parameters" boto3=TRACK.to_owned() cli=TRACK_SHELL.to_owned() />
        <Act label="Log the deployment" action=Some(LabAction::TrackDeployment) success="Logged and saved." />
    }
}

/// The lineage table.
#[component]
pub fn Lineage() -> impl IntoView {
    let store = Store::expect();
    let rows = store.slice(|s| s.lineage.clone());
    let empty = move || rows.with(|r| r.as_ref().is_none_or(Vec::is_empty));
    view! {
        <PlainCall title="ExperimentAnalytics" boto3=LINEAGE.to_owned() cli=LINEAGE_SHELL.to_owned() />
        <Act label="Open the lineage table" action=Some(LabAction::ReadLineage) success="Opened." />
        <Show when=move || !empty() fallback=|| view! { <p class="quiet">"Nothing was logged yet."</p> }>
            <div class="table-frame" tabindex="0" role="group" aria-label="Lineage table">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Component"</th>
                            <th scope="col">"Created"</th>
                            <th scope="col">"Parameters"</th>
                            <th scope="col" class="table__number">"Accuracy"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || {
                            rows.get()
                                .unwrap_or_default()
                                .into_iter()
                                .map(|row| {
                                    let parameters = row.parameters.iter().map(|(k, v)| format!("{k} = {v}"));
                                    let parameters = parameters.collect::<Vec<_>>().join("\n");
                                    view! {
                                        <tr>
                                            <th scope="row">{row.component}</th>
                                            <td class="numerals">{row.created.to_string()}</td>
                                            <td class="table__lines">{parameters}</td>
                                            <td class="table__number">
                                                {row.accuracy.map_or_else(|| "–".to_owned(), wording::percent)}
                                            </td>
                                        </tr>
                                    }
                                })
                                .views()
                        }}
                    </tbody>
                </table>
            </div>
        </Show>
    }
}
