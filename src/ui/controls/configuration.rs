//! Edits variants and makes a configuration of them.

use leptos::{context::Provider, prelude::*};

use super::{act::Act, call::CallView, names::free_name};
use crate::{
    domain::{
        Command, ConfigError, DataCaptureConfig, EndpointConfig, InstanceType, MAX_PRODUCTION_VARIANTS,
        ProductionVariantInput, RoutingConfigInput, RoutingStrategy, ShadowRule,
    },
    lab::{LabAction, LabId, Snapshot},
    ui::{
        instances,
        store::Store,
        widgets::{
            Garbled, Glyph, Icon, NumberField, Options, SelectField, ShareBar, SharePart, Show, SliderField,
            TextField, VariantTag, each,
        },
        wording,
    },
};

/// Path of the configuration's name in the words of an error.
const CONFIG_NAME: &str = "endpointConfigName";

/// What the form holds. Rows have keys of their own, so that removing one leaves the fields of the others alone.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    name: String,
    rows: Vec<Row>,
    /// Written in the JSON only.
    capture: Option<DataCaptureConfig>,
    next_key: u64,
}

/// A variant in the form.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    key: u64,
    /// It gets copies and answers nobody.
    shadow: bool,
    variant: ProductionVariantInput,
}

impl Draft {
    /// A variant for each of the first two models.
    fn beginning(snapshot: &Snapshot) -> Self {
        let stem = match snapshot.lab {
            LabId::Canary => "reviews-canary",
            LabId::ShadowApi => "reviews-shadow",
            LabId::Autoscaling => "reviews-fleet",
            LabId::BlindRound => "reviews-round",
            _ => "reviews-abtest",
        };
        let name = free_name(stem, snapshot.configs.iter().map(|c| c.name.as_str()));
        let mut draft = Self { name, rows: Vec::new(), capture: None, next_key: 0 };
        let mut models = snapshot.models.iter().map(|m| m.name.to_string()).collect::<Vec<_>>();
        // A shadow stands beside one production variant.
        models.truncate(if snapshot.lab == LabId::ShadowApi { 1 } else { 2 });
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
        let is_free = |name: &String| !self.rows.iter().any(|r| r.variant.variant_name == *name);
        let variant_name = names.into_iter().find(is_free).unwrap_or_default();
        self.push(variant(variant_name, model_name, 50.0), false);
    }

    /// A shadow that gets copies of half of the requests.
    fn add_shadow(&mut self, model_name: String) {
        let production: f64 = self.production().map(|r| r.variant.initial_variant_weight.max(0.0)).sum();
        self.push(variant("Shadow".into(), model_name, production / 2.0), true);
    }

    fn push(&mut self, variant: ProductionVariantInput, shadow: bool) {
        self.rows.push(Row { key: self.next_key, shadow, variant });
        self.next_key += 1;
    }

    fn production(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|r| !r.shadow)
    }

    /// Production variants and shadow variants.
    fn variants(&self) -> [Vec<ProductionVariantInput>; 2] {
        [false, true].map(|shadow| {
            self.rows.iter().filter(|r| r.shadow == shadow).map(|r| r.variant.clone()).collect()
        })
    }

    fn command(&self) -> Command {
        let [production_variants, shadow_production_variants] = self.variants();
        Command::CreateEndpointConfig {
            endpoint_config_name: self.name.clone(),
            production_variants,
            shadow_production_variants,
            data_capture_config: self.capture.clone(),
        }
    }

    fn check(&self, rule: ShadowRule) -> Result<EndpointConfig, ConfigError> {
        let [production, shadows] = self.variants();
        EndpointConfig::check(&self.name, &production, &shadows, rule)
    }

    /// Share of the traffic; of a shadow the share that is copied to it.
    fn share(&self, key: u64) -> f64 {
        let weight = |r: &Row| r.variant.initial_variant_weight.max(0.0);
        let total: f64 = self.production().map(weight).sum();
        self.rows.iter().find(|r| r.key == key && total > 0.0).map_or(0.0, |r| (weight(r) / total).min(1.0))
    }

    fn usd_per_hour(&self) -> f64 {
        self.rows.iter().map(|r| usd_per_hour(&r.variant)).sum()
    }
}

fn variant(variant_name: String, model_name: String, initial_variant_weight: f64) -> ProductionVariantInput {
    ProductionVariantInput {
        variant_name,
        model_name,
        instance_type: instances::USUAL.to_owned(),
        initial_instance_count: 1,
        initial_variant_weight,
        routing_config: None,
    }
}

fn usd_per_hour(variant: &ProductionVariantInput) -> f64 {
    let price = variant.instance_type.parse::<InstanceType>().map_or(0.0, |t| t.spec().usd_per_hour);
    price * variant.initial_instance_count.max(0) as f64
}

/// The strategies by their names in the API, the usual one first.
const ROUTING: [&str; 2] = ["RANDOM", "LEAST_OUTSTANDING_REQUESTS"];

fn spreads_by_load(variant: &ProductionVariantInput) -> bool {
    let strategy = variant.routing_config.as_ref().map(|c| c.routing_strategy);
    strategy == Some(RoutingStrategy::LeastOutstandingRequests)
}

/// A call need not name what is usual.
fn routing_config(name: &str) -> Option<RoutingConfigInput> {
    let routing_strategy = RoutingStrategy::LeastOutstandingRequests;
    (name == ROUTING[1]).then_some(RoutingConfigInput { routing_strategy })
}

/// Whether a shadow, the row among its kind and the field that an error is about, e.g. row 1 and `variantName` of
/// `productionVariants.2.member.variantName`.
fn place(error: &ConfigError) -> Option<(bool, usize, &str)> {
    let ConfigError::Member { path, .. } = error else { return None };
    let shadow = path.strip_prefix("shadowProductionVariants.");
    let (row, field) = shadow.or_else(|| path.strip_prefix("productionVariants."))?.split_once(".member.")?;
    Some((shadow.is_some(), row.parse::<usize>().ok()?.checked_sub(1)?, field))
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

    let rule = store.slice(|s| s.shadow_rule);
    let shadowed = store.slice(|s| matches!(s.lab, LabId::ShadowApi | LabId::Sandbox));
    let error = Memo::new(move |_| {
        let d = draft.get()?;
        d.check(rule.get().unwrap_or_default()).err()
    });
    let is_of_name = |e: &ConfigError| matches!(e, ConfigError::Member { path, .. } if path == CONFIG_NAME);
    let name_problem = Signal::derive(move || error.get().filter(is_of_name).map(|e| e.to_string()));
    // What is about no single field: the split, how many variants there are, a name in both lists.
    let whole_problem = move || {
        let e = error.get()?;
        let of_variants = matches!(e, ConfigError::Member { .. }) && place(&e).is_none() && !is_of_name(&e);
        let of_all = matches!(e, ConfigError::Split(_) | ConfigError::ShadowNamedTwice { .. });
        (of_variants || of_all).then(|| e.to_string())
    };
    let command = Signal::derive(move || {
        let empty = Draft { name: String::new(), rows: Vec::new(), capture: None, next_key: 0 };
        draft.with(|d| d.as_ref().unwrap_or(&empty).command())
    });
    let garbled = Garbled::default();
    let action = Signal::derive(move || {
        let sound = error.with(Option::is_none) && !garbled.any();
        sound.then(|| LabAction::Call(command.get()))
    });
    let edit = Callback::new(move |command| {
        if let Command::CreateEndpointConfig {
            endpoint_config_name,
            production_variants,
            shadow_production_variants,
            data_capture_config,
        } = command
        {
            form.change(|d| {
                d.capture = data_capture_config;
                d.name = endpoint_config_name;
                d.rows.clear();
                production_variants.into_iter().for_each(|v| d.push(v, false));
                shadow_production_variants.into_iter().for_each(|v| d.push(v, true));
            });
        }
    });
    let keys = Memo::new(move |_| {
        draft
            .with(|d| d.as_ref().map(|d| d.rows.iter().map(|r| r.key).collect::<Vec<_>>()))
            .unwrap_or_default()
    });
    let parts = Signal::derive(move || {
        let d = draft.get()?;
        let part = |(i, r): (usize, &Row)| SharePart {
            name: r.variant.variant_name.clone(),
            mark: store.mark_in_row(&r.variant.variant_name, i),
            share: d.share(r.key),
        };
        Some(d.production().enumerate().map(part).collect())
    });
    let add = move |_| {
        form.change(|d| d.add(models.get_untracked().and_then(|m| m.into_iter().next()).unwrap_or_default()))
    };
    // The model that production does not serve is the likely one to be watched in its shadow.
    let add_shadow = move |_| {
        form.change(|d| {
            let models = models.get_untracked().unwrap_or_default();
            let serves = |m: &&String| d.rows.iter().any(|r| r.variant.model_name == **m);
            let model = models.iter().find(|m| !serves(m)).or(models.first()).cloned().unwrap_or_default();
            d.add_shadow(model);
        });
    };
    let has_shadow = form.read(|d| d.rows.iter().any(|r| r.shadow));
    let cost = move || draft.with(|d| d.as_ref().map(|d| wording::usd(d.usd_per_hour())));
    let fields = move |key: String| {
        key.parse().ok().map(|key| view! { <VariantFields form key options error /> }).into_any()
    };
    view! {
        <TextField
            label="Configuration name"
            value=form.read(|d| d.name.clone())
            on_input=Callback::new(move |text| form.change(|d| d.name = text))
            problem=name_problem
        />
        <Provider value=garbled>{each(move || keys.get().iter().map(u64::to_string).collect(), fields)}</Provider>
        <button
            type="button"
            class="btn btn--small"
            aria-disabled=move || (keys.get().len() >= MAX_PRODUCTION_VARIANTS).to_string()
            on:click=move |e| if keys.get_untracked().len() < MAX_PRODUCTION_VARIANTS { add(e) }
        >
            <Icon glyph=Glyph::Add />
            "Add variant"
        </button>
        <Show when=move || keys.with(Vec::len) == MAX_PRODUCTION_VARIANTS>
            <p class="quiet" role="status">
                {format!("{MAX_PRODUCTION_VARIANTS} variants are the most that a configuration may have.")}
            </p>
        </Show>
        <Show when=move || shadowed.get() == Some(true) && (!has_shadow.get() || rule.get() == Some(ShadowRule::BeyondSageMaker))>
            <button type="button" class="btn btn--small" on:click=add_shadow>
                <Icon glyph=Glyph::Add />
                "Add shadow variant"
            </button>
        </Show>
        <Show when=move || shadowed.get() == Some(true)>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || rule.get() == Some(ShadowRule::BeyondSageMaker)
                    on:change=move |e| {
                        let rule = if event_target_checked(&e) { ShadowRule::BeyondSageMaker } else { ShadowRule::SageMaker };
                        store.dispatch(LabAction::SetShadowRule(rule));
                    }
                />
                "Beyond SageMaker: several shadow variants, beside several production variants"
            </label>
        </Show>
        <ShareBar label="Share of the traffic" parts=Signal::derive(move || parts.get().unwrap_or_default()) />
        <p class="field__problem" role="status">{whole_problem}</p>
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

    /// Whether the row is a shadow, and its place among its kind.
    fn kind_and_place(self, key: u64) -> Option<(bool, usize)> {
        self.draft.with(|d| {
            let rows = &d.as_ref()?.rows;
            let shadow = rows.iter().find(|r| r.key == key)?.shadow;
            Some((shadow, rows.iter().filter(|r| r.shadow == shadow).position(|r| r.key == key)?))
        })
    }

    fn place(self, key: u64) -> usize {
        self.draft.with(|d| d.as_ref().and_then(|d| d.rows.iter().position(|r| r.key == key))).unwrap_or(0)
    }

    fn read_row<T: Default + Send + Sync + 'static>(
        self,
        key: u64,
        part: fn(&ProductionVariantInput) -> T,
    ) -> Signal<T> {
        self.read(move |d| d.rows.iter().find(|r| r.key == key).map(|r| part(&r.variant)).unwrap_or_default())
    }

    fn change_row(self, key: u64, change: impl FnOnce(&mut ProductionVariantInput)) {
        self.change(|d| {
            if let Some(row) = d.rows.iter_mut().find(|r| r.key == key) {
                change(&mut row.variant);
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
            e => {
                let of_kind = form.kind_and_place(key)?;
                (place(&e) == Some((of_kind.0, of_kind.1, field))).then(|| e.to_string())
            }
        })
    };
    let share = form.read(move |d| d.share(key));
    let shadow = form.read(move |d| d.rows.iter().any(|r| r.key == key && r.shadow));
    let cost = form.read_row(key, usd_per_hour);
    let alone = form.read(|d| d.rows.len() < 2);
    view! {
        <fieldset class="variant-fields">
            <legend>{move || if shadow.get() { "Shadow variant".to_owned() } else { format!("Variant {}", row.get() + 1) }}</legend>
            <div class="variant-fields__head">
                {move || {
                    let name = name.get();
                    let mark = store.mark_in_row(&name, row.get());
                    view! { <VariantTag name mark /> }
                }}
                <span class="variant-fields__sum">
                    {move || wording::percent(share.get())}
                    {move || if shadow.get() { " of the requests copied · " } else { " of the traffic · " }}
                    {move || wording::usd(cost.get())} "/h"
                </span>
                <Show when=move || !alone.get()>
                    <button
                        type="button"
                        class="btn btn--quiet btn--icon"
                        aria-label=move || format!("Remove variant {}", name.get())
                        on:click=move |_| form.change(|d| d.rows.retain(|r| r.key != key))
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
            <SelectField
                label="Routing among its instances"
                options=Signal::stored(ROUTING.map(|name| (name.to_owned(), name.to_owned())).to_vec())
                value=form.read_row(key, |v| ROUTING[usize::from(spreads_by_load(v))].to_owned())
                on_choice=Callback::new(move |chosen: String| {
                    form.change_row(key, |v| v.routing_config = routing_config(&chosen))
                })
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
        let mut draft = Draft { name: "config".into(), rows: Vec::new(), capture: None, next_key: 0 };
        draft.add("model".into());
        draft.add("model".into());
        assert_eq!(draft.rows[1].variant.variant_name, "VariantB");
        assert_eq!((draft.share(0), draft.share(7)), (0.5, 0.0));
        draft.rows[1].variant.initial_variant_weight = -1.0;
        let error = draft.check(ShadowRule::SageMaker).unwrap_err();
        assert_eq!(place(&error), Some((false, 1, "initialVariantWeight")));
        draft.rows[1].shadow = true;
        let error = draft.check(ShadowRule::SageMaker).unwrap_err();
        assert_eq!(place(&error), Some((true, 0, "initialVariantWeight")));
        draft.name = "no_name".into();
        let error = draft.check(ShadowRule::SageMaker).unwrap_err();
        assert_eq!(place(&error), None);
    }

    #[test]
    fn a_fleet_costs_what_its_instances_cost() {
        let mut draft = Draft { name: "config".into(), rows: Vec::new(), capture: None, next_key: 0 };
        draft.add("model".into());
        draft.rows[0].variant.initial_instance_count = 3;
        assert!((draft.usd_per_hour() - 3.0 * 0.115).abs() < 1e-9);
    }
}
