//! Edits variants and makes a configuration of them.

use leptos::prelude::*;

use super::{act::Act, call::CallView, names::free_name};
use crate::{
    domain::{
        Command, ConfigError, EndpointConfig, InstanceType, MAX_PRODUCTION_VARIANTS, ProductionVariantInput,
        ShadowRule,
    },
    lab::{LabAction, LabId, Snapshot},
    ui::{
        instances,
        store::Store,
        widgets::{
            Glyph, Icon, NumberField, Options, SelectField, ShareBar, SharePart, SliderField, TextField,
            VariantTag,
        },
        wording,
    },
};

/// What the form holds. Rows have keys of their own, so that removing one leaves the fields of the others alone.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    name: String,
    rows: Vec<(u64, ProductionVariantInput)>,
    next_key: u64,
}

impl Draft {
    /// A variant for each of the first two models.
    fn beginning(snapshot: &Snapshot) -> Self {
        let stem = match snapshot.lab {
            LabId::Canary => "reviews-canary",
            LabId::Autoscaling => "reviews-fleet",
            LabId::BlindRound => "reviews-round",
            LabId::AbTesting | LabId::Sandbox => "reviews-abtest",
        };
        let name = free_name(stem, snapshot.configs.iter().map(|c| c.name.as_str()));
        let mut draft = Self { name, rows: Vec::new(), next_key: 0 };
        let mut models = snapshot.models.iter().map(|m| m.name.to_string()).collect::<Vec<_>>();
        models.truncate(2);
        if models.is_empty() {
            models.push(String::new());
        }
        for model in models {
            draft.add(model);
        }
        draft
    }

    fn add(&mut self, model_name: String) {
        let names = ('A'..='Z').map(|letter| format!("Variant{letter}"));
        let is_free = |name: &String| !self.rows.iter().any(|(_, v)| v.variant_name == *name);
        let variant_name = names.into_iter().find(is_free).unwrap_or_default();
        self.push(ProductionVariantInput {
            variant_name,
            model_name,
            instance_type: instances::USUAL.to_owned(),
            initial_instance_count: 1,
            initial_variant_weight: 50.0,
            routing_config: None,
        });
    }

    fn push(&mut self, variant: ProductionVariantInput) {
        self.rows.push((self.next_key, variant));
        self.next_key += 1;
    }

    fn variants(&self) -> Vec<ProductionVariantInput> {
        self.rows.iter().map(|(_, v)| v.clone()).collect()
    }

    fn share(&self, row: usize) -> f64 {
        let weight = |v: &ProductionVariantInput| v.initial_variant_weight.max(0.0);
        let total: f64 = self.rows.iter().map(|(_, v)| weight(v)).sum();
        self.rows.get(row).filter(|_| total > 0.0).map_or(0.0, |(_, v)| weight(v) / total)
    }

    fn usd_per_hour(&self) -> f64 {
        self.rows.iter().map(|(_, v)| usd_per_hour(v)).sum()
    }
}

fn usd_per_hour(variant: &ProductionVariantInput) -> f64 {
    let price = variant.instance_type.parse::<InstanceType>().map_or(0.0, |t| t.spec().usd_per_hour);
    price * variant.initial_instance_count.max(0) as f64
}

/// The row and field that an error is about, e.g. row 1 and `variantName` of `productionVariants.2.member.variantName`.
fn place(error: &ConfigError) -> Option<(usize, &str)> {
    let ConfigError::Member { path, .. } = error else { return None };
    let (row, field) = path.strip_prefix("productionVariants.")?.split_once(".member.")?;
    Some((row.parse::<usize>().ok()?.checked_sub(1)?, field))
}

/// The editor of an endpoint configuration.
#[component]
pub fn Configuration() -> impl IntoView {
    let store = Store::expect();
    // Until the learner writes into it, the form follows the lab.
    let usual = store.slice(Draft::beginning);
    let written = RwSignal::new(None::<Draft>);
    let draft = Memo::new(move |_| written.get().or_else(|| usual.get()));
    let form = Form { draft, written };
    let models = store.slice(|s| s.models.iter().map(|m| m.name.to_string()).collect::<Vec<_>>());
    let options = Signal::derive(move || {
        models.get().unwrap_or_default().into_iter().map(|m| (m.clone(), m)).collect::<Options>()
    });

    let error = Memo::new(move |_| {
        let d = draft.get()?;
        EndpointConfig::check(&d.name, &d.variants(), &[], ShadowRule::SageMaker).err()
    });
    let name_problem = Signal::derive(move || match error.get() {
        Some(e @ ConfigError::Member { .. }) if place(&e).is_none() => Some(e.to_string()),
        _ => None,
    });
    let split_problem =
        move || error.get().filter(|e| matches!(e, ConfigError::Split(_))).map(|e| e.to_string());
    let command = Signal::derive(move || {
        let (name, variants) =
            draft.with(|d| d.as_ref().map(|d| (d.name.clone(), d.variants()))).unwrap_or_default();
        Command::CreateEndpointConfig {
            endpoint_config_name: name,
            production_variants: variants,
            shadow_production_variants: Vec::new(),
        }
    });
    let action = Signal::derive(move || error.with(Option::is_none).then(|| LabAction::Call(command.get())));
    let edit = Callback::new(move |command| {
        if let Command::CreateEndpointConfig { endpoint_config_name, production_variants, .. } = command {
            form.change(|d| {
                d.name = endpoint_config_name;
                d.rows.clear();
                for variant in production_variants {
                    d.push(variant);
                }
            });
        }
    });
    let keys = Memo::new(move |_| {
        draft
            .with(|d| d.as_ref().map(|d| d.rows.iter().map(|(k, _)| *k).collect::<Vec<_>>()))
            .unwrap_or_default()
    });
    let parts = Signal::derive(move || {
        let d = draft.get()?;
        let part = |(i, (_, v)): (usize, &(u64, ProductionVariantInput))| SharePart {
            name: v.variant_name.clone(),
            mark: store.mark_in_row(&v.variant_name, i),
            share: d.share(i),
        };
        Some(d.rows.iter().enumerate().map(part).collect())
    });
    let add = move |_| {
        form.change(|d| d.add(models.get_untracked().and_then(|m| m.into_iter().next()).unwrap_or_default()))
    };
    let cost = move || draft.with(|d| d.as_ref().map(|d| wording::usd(d.usd_per_hour())));
    view! {
        <TextField
            label="Configuration name"
            value=form.read(|d| d.name.clone())
            on_input=Callback::new(move |text| form.change(|d| d.name = text))
            problem=name_problem
        />
        <For each=move || keys.get() key=|key| *key let:key>
            <VariantFields form key options error />
        </For>
        <button
            type="button"
            class="btn btn--small"
            aria-disabled=move || (keys.get().len() >= MAX_PRODUCTION_VARIANTS).to_string()
            on:click=move |e| if keys.get_untracked().len() < MAX_PRODUCTION_VARIANTS { add(e) }
        >
            <Icon glyph=Glyph::Add />
            "Add variant"
        </button>
        <ShareBar label="Share of the traffic" parts=Signal::derive(move || parts.get().unwrap_or_default()) />
        <p class="field__problem" role="status">{split_problem}</p>
        <p class="quiet">"All variants together: " <strong>{cost}</strong> " an hour"</p>
        <CallView command on_edit=edit />
        <Act label="Create configuration" action success="Created." />
    }
}

/// The form, to be read and written by its rows.
#[derive(Clone, Copy)]
struct Form {
    draft: Memo<Option<Draft>>,
    written: RwSignal<Option<Draft>>,
}

impl Form {
    fn read<T: Default + Send + Sync + 'static>(
        self,
        part: impl Fn(&Draft) -> T + Send + Sync + 'static,
    ) -> Signal<T> {
        Signal::derive(move || self.draft.with(|d| d.as_ref().map(&part).unwrap_or_default()))
    }

    fn change(self, change: impl FnOnce(&mut Draft)) {
        if let Some(mut draft) = self.draft.get_untracked() {
            change(&mut draft);
            self.written.set(Some(draft));
        }
    }

    fn place(self, key: u64) -> usize {
        self.draft.with(|d| d.as_ref().and_then(|d| d.rows.iter().position(|(k, _)| *k == key))).unwrap_or(0)
    }

    fn read_row<T: Default + Send + Sync + 'static>(
        self,
        key: u64,
        part: fn(&ProductionVariantInput) -> T,
    ) -> Signal<T> {
        self.read(move |d| d.rows.iter().find(|(k, _)| *k == key).map(|(_, v)| part(v)).unwrap_or_default())
    }

    fn change_row(self, key: u64, change: impl FnOnce(&mut ProductionVariantInput)) {
        self.change(|d| {
            if let Some((_, variant)) = d.rows.iter_mut().find(|(k, _)| *k == key) {
                change(variant);
            }
        });
    }
}

/// The fields of one variant.
#[component]
fn VariantFields(
    form: Form,
    key: u64,
    options: Signal<Options>,
    error: Memo<Option<ConfigError>>,
) -> impl IntoView {
    let store = Store::expect();
    let row = Memo::new(move |_| form.place(key));
    let name = form.read_row(key, |v| v.variant_name.clone());
    let problem = move |field: &'static str| {
        Signal::derive(move || match error.get()? {
            ConfigError::RepeatedVariant { name: repeated, .. }
                if field == "variantName" && repeated.as_str() == name.get() =>
            {
                error.get().map(|e| e.to_string())
            }
            e => (place(&e) == Some((row.get(), field))).then(|| e.to_string()),
        })
    };
    let share = form.read(move |d| {
        let row = d.rows.iter().position(|(k, _)| *k == key);
        row.map_or(0.0, |row| d.share(row))
    });
    let cost = form.read_row(key, usd_per_hour);
    let alone = form.read(|d| d.rows.len() < 2);
    view! {
        <fieldset class="variant-fields">
            <legend>{move || format!("Variant {}", row.get() + 1)}</legend>
            <div class="variant-fields__head">
                {move || {
                    let name = name.get();
                    let mark = store.mark_in_row(&name, row.get());
                    view! { <VariantTag name mark /> }
                }}
                <span class="variant-fields__sum">
                    {move || wording::percent(share.get())} " of the traffic · "
                    {move || wording::usd(cost.get())} "/h"
                </span>
                <Show when=move || !alone.get()>
                    <button
                        type="button"
                        class="btn btn--quiet btn--icon"
                        aria-label=move || format!("Remove variant {}", name.get())
                        on:click=move |_| form.change(|d| d.rows.retain(|(k, _)| *k != key))
                    >
                        <Icon glyph=Glyph::Delete />
                    </button>
                </Show>
            </div>
            <div class="pair">
                <TextField
                    label="Variant name"
                    value=name
                    on_input=Callback::new(move |text| form.change_row(key, |v| v.variant_name = text))
                    problem=problem("variantName")
                />
                <SelectField
                    label="Model"
                    options
                    value=form.read_row(key, |v| v.model_name.clone())
                    on_choice=Callback::new(move |model| form.change_row(key, |v| v.model_name = model))
                    problem=problem("modelName")
                />
            </div>
                <SelectField
                    label="Instance type"
                    options=instances::options()
                    value=form.read_row(key, |v| v.instance_type.clone())
                    on_choice=Callback::new(move |kind| form.change_row(key, |v| v.instance_type = kind))
                    problem=problem("instanceType")
                />
                <NumberField
                    label="Instances"
                    value=form.read_row(key, |v| v.initial_instance_count as f64)
                    on_input=Callback::new(move |n: f64| form.change_row(key, |v| v.initial_instance_count = n as i64))
                    problem=problem("initialInstanceCount")
                />
            <SliderField
                label="Weight"
                value=form.read_row(key, |v| v.initial_variant_weight)
                on_input=Callback::new(move |w| form.change_row(key, |v| v.initial_variant_weight = w))
                min=0.0
                max=100.0
                problem=problem("initialVariantWeight")
            />
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_find_their_field() {
        let mut draft = Draft { name: "config".into(), rows: Vec::new(), next_key: 0 };
        draft.add("model".into());
        draft.add("model".into());
        assert_eq!(draft.rows[1].1.variant_name, "VariantB");
        assert_eq!((draft.share(0), draft.share(7)), (0.5, 0.0));
        draft.rows[1].1.initial_variant_weight = -1.0;
        let error = EndpointConfig::check(&draft.name, &draft.variants()).unwrap_err();
        assert_eq!(place(&error), Some((1, "initialVariantWeight")));
        let error = EndpointConfig::check("no_name", &draft.variants()).unwrap_err();
        assert_eq!(place(&error), None);
    }

    #[test]
    fn a_fleet_costs_what_its_instances_cost() {
        let mut draft = Draft { name: "config".into(), rows: Vec::new(), next_key: 0 };
        draft.add("model".into());
        draft.rows[0].1.initial_instance_count = 3;
        assert!((draft.usd_per_hour() - 3.0 * 0.115).abs() < 1e-9);
    }
}
