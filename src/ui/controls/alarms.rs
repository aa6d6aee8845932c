//! Makes alarms, tries them on the past and deletes them.

use leptos::prelude::*;

use super::{
    act::{Act, Weight},
    call::CallView,
    names::ENDPOINT,
};
use crate::{
    analysis::{
        alarm::ALL_TRAFFIC,
        metrics::{Metric, Statistic},
    },
    domain::{Command, ComparisonOperator, Dimension, MetricAlarmInput, TreatMissingData},
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{NumberField, Options, SelectField, TextField},
    },
};

const STATISTICS: [&str; 7] = ["Average", "Sum", "Maximum", "Minimum", "SampleCount", "p90", "p99"];

fn usual() -> MetricAlarmInput {
    MetricAlarmInput {
        alarm_name: "new-alarm".into(),
        namespace: Metric::Invocation5XXErrors.namespace().into(),
        metric_name: Metric::Invocation5XXErrors.name().into(),
        dimensions: vec![
            Dimension::new("EndpointName", ENDPOINT),
            Dimension::new("VariantName", ALL_TRAFFIC),
        ],
        statistic: Some("Average".into()),
        extended_statistic: None,
        period: 60,
        evaluation_periods: 1,
        datapoints_to_alarm: None,
        threshold: 0.05,
        comparison_operator: ComparisonOperator::default(),
        treat_missing_data: Some(TreatMissingData::NotBreaching),
    }
}

fn same(names: impl IntoIterator<Item = String>) -> Options {
    names.into_iter().map(|n| (n.clone(), n)).collect()
}

/// Sets or removes a dimension.
fn set_dimension(alarm: &mut MetricAlarmInput, name: &str, value: &str) {
    alarm.dimensions.retain(|d| d.name != name);
    if !value.is_empty() {
        alarm.dimensions.push(Dimension::new(name, value));
    }
}

/// One alarm at a time, and a list of all.
#[component]
pub fn Alarms() -> impl IntoView {
    let store = Store::expect();
    let alarms = store.slice(|s| s.alarms.clone());
    let alarms = Memo::new(move |_| alarms.get().unwrap_or_default());
    let configs = store.slice(|s| s.configs.iter().map(|c| c.name.to_string()).collect::<Vec<_>>());
    let runs = store.slice(|s| s.dry_runs.clone());
    let form = RwSignal::new(usual());
    let command = Signal::derive(move || Command::PutMetricAlarm(form.get()));
    let name = Signal::derive(move || form.with(|f| f.alarm_name.clone()));
    let exists = Memo::new(move |_| alarms.with(|all| all.iter().any(|a| a.input.alarm_name == name.get())));
    let put = Signal::derive(move || Some(LabAction::Call(command.get())));
    let dry = Signal::derive(move || Some(LabAction::DryRunAlarm(form.get())));
    let delete = Signal::derive(move || {
        exists.get().then(|| LabAction::Call(Command::DeleteAlarms { alarm_names: vec![name.get()] }))
    });
    let edit = Callback::new(move |command| {
        if let Command::PutMetricAlarm(input) = command {
            form.set(input);
        }
    });
    let choose = move |label: &'static str,
                       options: Options,
                       get: fn(&MetricAlarmInput) -> String,
                       set: fn(&mut MetricAlarmInput, String)| {
        let value = Signal::derive(move || form.with(get));
        let write = Callback::new(move |v| form.update(|f| set(f, v)));
        view! { <SelectField label options=Signal::stored(options) value on_choice=write /> }
    };
    let number = move |label: &'static str,
                       step: f64,
                       get: fn(&MetricAlarmInput) -> f64,
                       set: fn(&mut MetricAlarmInput, f64)| {
        let value = Signal::derive(move || form.with(get));
        let write = Callback::new(move |n| form.update(|f| set(f, n)));
        view! { <NumberField label step value on_input=write /> }
    };
    let fleets = Signal::derive(move || {
        let mut options = vec![(String::new(), "old and new".to_owned())];
        options.extend(same(configs.get().unwrap_or_default()));
        options
    });
    let fleet = Signal::derive(move || {
        let of = |d: &Dimension| (d.name == "EndpointConfigName").then(|| d.value.clone());
        form.with(|f| f.dimensions.iter().find_map(of)).unwrap_or_default()
    });
    let tried = move || {
        let run = runs.get().unwrap_or_default().into_iter().rfind(|r| r.alarm_name == name.get())?;
        let rang = run.rang().map(|at| format!("It would have rung at {at}."));
        Some(rang.unwrap_or_else(|| format!("It would not have rung between {} and {}.", run.from, run.to)))
    };
    view! {
        <ul class="alarms">
            <For each=move || alarms.get() key=|a| (a.input.alarm_name.clone(), a.state, a.reason.clone()) let:alarm>
                <li>
                    <button type="button" class="btn" on:click=move |_| form.set(alarm.input.clone())>
                        {alarm.input.alarm_name.clone()}
                    </button>
                    " "
                    <strong>{alarm.state.to_string()}</strong>
                    " "
                    {alarm.reason.clone()}
                </li>
            </For>
        </ul>
        <TextField
            label="Alarm name"
            value=name
            on_input=Callback::new(move |n| form.update(|f| f.alarm_name = n))
        />
        <div class="pair">
            {choose(
                "Metric",
                same(Metric::ALL.map(|m| m.name().to_owned())),
                |f| f.metric_name.clone(),
                |f, name| {
                    if let Some(metric) = Metric::ALL.into_iter().find(|m| m.name() == name) {
                        f.namespace = metric.namespace().into();
                    }
                    f.metric_name = name;
                },
            )}
            {choose(
                "Statistic",
                same(STATISTICS.map(str::to_owned)),
                |f| f.statistic.clone().or_else(|| f.extended_statistic.clone()).unwrap_or_default(),
                |f, text| {
                    let extended = matches!(text.parse(), Ok(Statistic::Percentile(_)));
                    (f.statistic, f.extended_statistic) =
                        if extended { (None, Some(text)) } else { (Some(text), None) };
                },
            )}
        </div>
        <div class="pair">
            {choose(
                "Rings when it is",
                ComparisonOperator::ALL.map(|c| (c.name().to_owned(), c.sign().to_owned())).to_vec(),
                |f| f.comparison_operator.name().to_owned(),
                |f, name| {
                    let found = ComparisonOperator::ALL.into_iter().find(|c| c.name() == name);
                    f.comparison_operator = found.unwrap_or_default();
                },
            )}
            {number("Threshold", 0.01, |f| f.threshold, |f, n| f.threshold = n)}
        </div>
        <div class="pair">
            {number("Period, s", 60.0, |f| f.period as f64, |f, n| f.period = n as i64)}
            {number("Periods (N)", 1.0, |f| f.evaluation_periods as f64, |f, n| f.evaluation_periods = n as i64)}
            {number(
                "To alarm (M)",
                1.0,
                |f| f.datapoints_to_alarm.unwrap_or(f.evaluation_periods) as f64,
                |f, n| f.datapoints_to_alarm = Some(n as i64),
            )}
        </div>
        <div class="pair">
            {choose(
                "Missing data is",
                same(TreatMissingData::ALL.map(|t| t.name().to_owned())),
                |f| f.treat_missing_data.unwrap_or_default().name().to_owned(),
                |f, name| f.treat_missing_data = TreatMissingData::ALL.into_iter().find(|t| t.name() == name),
            )}
            <SelectField
                label="Fleets"
                options=fleets
                value=fleet
                on_choice=Callback::new(move |c: String| {
                    form.update(|f| set_dimension(f, "EndpointConfigName", &c));
                })
            />
        </div>
        <CallView command on_edit=edit />
        <Act label="Dry-run over the past" action=dry weight=Weight::Plain success="Tried." />
        <p class="reveal" role="status">{tried}</p>
        <Act label="Put the alarm" action=put success="It is evaluated every minute from now on." />
        <Act label="Delete the alarm" action=delete weight=Weight::Danger success="Deleted." />
    }
}
