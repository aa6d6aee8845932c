//! Moves an endpoint to another configuration, with guardrails.

use leptos::prelude::*;

use super::{
    act::Act,
    call::CallView,
    names::{ChosenEndpoint, EndpointChoice},
};
use crate::{
    domain::{
        AutoRollbackConfiguration, BlueGreenUpdatePolicy, CapacitySize, CapacityType, Command,
        DeploymentConfig, RollbackAlarm, RollingUpdatePolicy, TrafficRoutingConfiguration,
        TrafficRoutingType,
    },
    lab::LabAction,
    ui::{
        store::Store,
        widgets::{NumberField, Options, SelectField},
        wording,
    },
};

const KINDS: [&str; 4] = ["All at once", "Canary", "Linear", "Rolling"];

/// What the form holds.
#[derive(Clone, Debug, PartialEq)]
struct Form {
    kind: usize,
    size: CapacitySize,
    wait: i64,
    end: i64,
    limit: Option<i64>,
    alarms: Vec<String>,
}

impl Default for Form {
    fn default() -> Self {
        let size = CapacitySize { kind: CapacityType::CapacityPercent, value: 10 };
        Self { kind: 0, size, wait: 300, end: 0, limit: None, alarms: Vec::new() }
    }
}

impl Form {
    fn config(&self) -> Option<DeploymentConfig> {
        let alarms: Vec<_> = self.alarms.iter().map(|a| RollbackAlarm { alarm_name: a.clone() }).collect();
        let auto_rollback_configuration =
            (!alarms.is_empty()).then_some(AutoRollbackConfiguration { alarms });
        if self.kind == 0 && self.end == 0 && auto_rollback_configuration.is_none() {
            return None;
        }
        let kind = [TrafficRoutingType::AllAtOnce, TrafficRoutingType::Canary, TrafficRoutingType::Linear];
        Some(match kind.get(self.kind) {
            Some(&kind) => DeploymentConfig {
                blue_green_update_policy: Some(BlueGreenUpdatePolicy {
                    traffic_routing_configuration: TrafficRoutingConfiguration {
                        kind,
                        wait_interval_in_seconds: self.wait,
                        canary_size: (self.kind == 1).then_some(self.size),
                        linear_step_size: (self.kind == 2).then_some(self.size),
                    },
                    termination_wait_in_seconds: Some(self.end),
                    maximum_execution_timeout_in_seconds: self.limit,
                }),
                auto_rollback_configuration,
                ..DeploymentConfig::default()
            },
            None => DeploymentConfig {
                rolling_update_policy: Some(RollingUpdatePolicy {
                    maximum_batch_size: self.size,
                    wait_interval_in_seconds: self.wait,
                    maximum_execution_timeout_in_seconds: self.limit,
                    rollback_maximum_batch_size: None,
                }),
                auto_rollback_configuration,
                ..DeploymentConfig::default()
            },
        })
    }

    fn of(config: Option<DeploymentConfig>) -> Self {
        let mut form = Self::default();
        let Some(config) = config else { return form };
        if let Some(policy) = config.blue_green_update_policy {
            let routing = policy.traffic_routing_configuration;
            form.kind = routing.kind as usize;
            form.size = routing.canary_size.or(routing.linear_step_size).unwrap_or(form.size);
            form.wait = routing.wait_interval_in_seconds;
            form.end = policy.termination_wait_in_seconds.unwrap_or(0);
            form.limit = policy.maximum_execution_timeout_in_seconds;
        } else if let Some(policy) = config.rolling_update_policy {
            form.kind = 3;
            form.size = policy.maximum_batch_size;
            form.wait = policy.wait_interval_in_seconds;
            form.limit = policy.maximum_execution_timeout_in_seconds;
        }
        let alarms = config.auto_rollback_configuration.map(|a| a.alarms).unwrap_or_default();
        form.alarms = alarms.into_iter().map(|a| a.alarm_name).collect();
        form
    }
}

/// The update of an endpoint and how it goes.
#[component]
pub fn Deployment() -> impl IntoView {
    let store = Store::expect();
    let chosen = ChosenEndpoint::new(store);
    let configs = store.slice(|s| s.configs.iter().map(|c| c.name.to_string()).collect::<Vec<_>>());
    let alarms = store.slice(|s| s.alarms.iter().map(|a| a.input.alarm_name.clone()).collect::<Vec<_>>());
    let serving = store.slice(move |s| {
        let name = chosen.name.get();
        s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref()).map(|e| e.config_name.clone())
    });
    let form = RwSignal::new(Form::default());
    let choice = RwSignal::new(None::<String>);
    let config = Signal::derive(move || {
        let now = serving.get().flatten();
        // The newest that does not serve already: what one most likely wants.
        let other = move || configs.get()?.into_iter().rfind(|c| Some(c) != now.as_ref());
        choice.get().or_else(other).unwrap_or_default()
    });
    let command = Signal::derive(move || Command::UpdateEndpoint {
        endpoint_name: chosen.name_or_usual(),
        endpoint_config_name: config.get(),
        retain_all_variant_properties: false,
        exclude_retained_variant_properties: Vec::new(),
        deployment_config: form.with(Form::config),
        retain_deployment_config: false,
    });
    let action = Signal::derive(move || chosen.name.get().map(|_| LabAction::Call(command.get())));
    let edit = Callback::new(move |command| {
        if let Command::UpdateEndpoint { endpoint_config_name, deployment_config, .. } = command {
            choice.set(Some(endpoint_config_name));
            form.set(Form::of(deployment_config));
        }
    });
    let options = Signal::derive(move || {
        configs.get().unwrap_or_default().into_iter().map(|c| (c.clone(), c)).collect::<Options>()
    });
    let kinds = KINDS.iter().enumerate().map(|(i, k)| (i.to_string(), (*k).to_owned())).collect::<Options>();
    let number =
        move |label: &'static str, unit: &'static str, get: fn(&Form) -> i64, set: fn(&mut Form, i64)| {
            let value = Signal::derive(move || form.with(get) as f64);
            let write = Callback::new(move |n: f64| form.update(|f| set(f, n as i64)));
            view! { <NumberField label unit value on_input=write /> }
        };
    let kind = Memo::new(move |_| form.with(|f| f.kind));
    view! {
        <EndpointChoice chosen />
        <SelectField
            label="New configuration"
            options
            value=config
            on_choice=Callback::new(move |c| choice.set(Some(c)))
        />
        <SelectField
            label="Traffic moves"
            options=Signal::stored(kinds)
            value=Signal::derive(move || kind.get().to_string())
            on_choice=Callback::new(move |k: String| form.update(|f| f.kind = k.parse().unwrap_or(0)))
        />
        {move || {
            let steps = kind.get() > 0;
            view! {
                <div class="pair">
                    {steps.then(|| number("Step", "% of the fleet", |f| f.size.value, |f, n| f.size.value = n))}
                    {steps.then(|| number("Wait between steps", "s", |f| f.wait, |f, n| f.wait = n))}
                </div>
                {(kind.get() < 3)
                    .then(|| number("Wait before the old fleet ends", "s", |f| f.end, |f, n| f.end = n))}
            }
        }}
        <fieldset class="variant-fields">
            <legend class="field__label">"Alarms that call it back"</legend>
            <For each=move || alarms.get().unwrap_or_default() key=|name| name.clone() let:name>
                <AlarmTick name form />
            </For>
        </fieldset>
        <CallView command on_edit=edit />
        <Act label="Update the endpoint" action success="The rollout has begun." />
        <Progress chosen />
    }
}

#[component]
fn AlarmTick(name: String, form: RwSignal<Form>) -> impl IntoView {
    let label = name.clone();
    let ticked = {
        let name = name.clone();
        move || form.with(|f| f.alarms.contains(&name))
    };
    view! {
        <label class="check">
            <input
                type="checkbox"
                prop:checked=ticked
                on:change:target=move |event| {
                    let on = event.target().checked();
                    form.update(|f| {
                        f.alarms.retain(|a| *a != name);
                        if on {
                            f.alarms.push(name.clone());
                        }
                    });
                }
            />
            {label}
        </label>
    }
}

/// How the rollout goes, or how the last one went.
#[component]
fn Progress(chosen: ChosenEndpoint) -> impl IntoView {
    let store = Store::expect();
    let lines = store.slice(move |s| {
        let name = chosen.name.get();
        let Some(e) = s.endpoints.iter().find(|e| Some(&e.name) == name.as_ref()) else {
            return Vec::new();
        };
        if let Some(r) = &e.rollout {
            let mut lines = vec![format!(
                "{}: step {} of {}, {} of the traffic on the new fleet, next at {}.",
                r.strategy,
                r.step,
                r.steps,
                wording::percent(r.green_share),
                r.phase_ends
            )];
            let told = e.pending_variants.iter().chain(&e.variants).filter_map(|v| v.status.as_ref());
            lines.extend(told.map(|t| t.message.clone()));
            lines.extend(r.notes.iter().cloned());
            lines.extend(r.failure.iter().cloned());
            return lines;
        }
        let Some(o) = &e.last_rollout else { return Vec::new() };
        let ended = match &o.failure {
            Some(f) => f.reason.clone(),
            None => format!("{} to {}: completed at {}.", o.shift.name(), o.to, o.ended),
        };
        std::iter::once(ended).chain(o.notes.iter().cloned()).collect()
    });
    view! {
        <div role="status">
            {move || {
                lines.get().unwrap_or_default().into_iter().map(|l| view! { <p class="reveal">{l}</p> }).collect_view()
            }}
        </div>
    }
}
