//! Fields: each has a visible label, and says what is wrong with it beneath.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::{Views, unique_id};
use crate::wire::json;

/// What a select offers: value and words.
pub type Options = Vec<(String, String)>;

/// What is wrong with a field; read out when it appears.
#[component]
fn Problem(id: String, problem: Signal<Option<String>>) -> impl IntoView {
    view! {
        <span class="field__problem" id=id role="status">
            {problem}
        </span>
    }
}

fn invalid(problem: Signal<Option<String>>) -> impl Fn() -> Option<&'static str> + Send + Sync {
    move || problem.with(Option::is_some).then_some("true")
}

/// The fields of a form whose text is no number. A form that provides this to its fields holds its action back
/// meanwhile: it would act on the numbers that stood there before.
#[derive(Clone, Copy, Default)]
pub struct Garbled(RwSignal<BTreeSet<String>>);

impl Garbled {
    /// Whether there is such a field.
    pub fn any(self) -> bool {
        self.0.with(|fields| !fields.is_empty())
    }

    fn mark(self, field: &str, garbled: bool) {
        if self.0.with_untracked(|fields| fields.contains(field)) != garbled {
            self.0.update(|fields| {
                if !fields.remove(field) {
                    fields.insert(field.to_owned());
                }
            });
        }
    }
}

/// One line of text.
#[component]
pub fn TextField(
    /// Its label.
    label: &'static str,
    /// Its text.
    #[prop(into)]
    value: Signal<String>,
    /// Called with the text at every change.
    #[prop(into)]
    on_input: Callback<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let id = unique_id("field");
    let about = format!("{id}-problem");
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>{label}</label>
            <input
                id=id
                class="field__input field__input--mono"
                type="text"
                autocomplete="off"
                spellcheck="false"
                aria-invalid=invalid(problem)
                aria-describedby=about.clone()
                prop:value=value
                on:input:target=move |event| on_input.run(event.target().value())
            />
            <Problem id=about problem />
        </div>
    }
}

/// A choice from a list.
#[component]
pub fn SelectField(
    /// Its label.
    label: &'static str,
    /// What there is.
    #[prop(into)]
    options: Signal<Options>,
    /// Value of the chosen one.
    #[prop(into)]
    value: Signal<String>,
    /// Called with the value at every choice.
    #[prop(into)]
    on_choice: Callback<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let id = unique_id("field");
    let about = format!("{id}-problem");
    // A value that is not on offer must be seen as what it is, not as the first option.
    let offered = move || {
        let (mut all, chosen) = (options.get(), value.get());
        if !all.iter().any(|(v, _)| *v == chosen) {
            let words =
                if chosen.is_empty() { "choose one".to_owned() } else { format!("{chosen} (unknown)") };
            all.insert(0, (chosen, words));
        }
        all
    };
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>{label}</label>
            <select
                id=id
                class="field__input"
                aria-invalid=invalid(problem)
                aria-describedby=about.clone()
                on:change:target=move |event| on_choice.run(event.target().value())
            >
                {move || {
                    offered()
                        .into_iter()
                        .map(|(v, words)| {
                            let chosen = v == value.get();
                            view! { <option value=v selected=chosen>{words}</option> }
                        })
                        .views()
                }}
            </select>
            <Problem id=about problem />
        </div>
    }
}

/// A number that one types. Text that is no number is kept to be mended and not handed on.
#[component]
pub fn NumberField(
    /// Its label.
    label: &'static str,
    /// Its value.
    #[prop(into)]
    value: Signal<f64>,
    /// Called with every number that is typed.
    #[prop(into)]
    on_input: Callback<f64>,
    /// Called when the learner has settled on a number.
    #[prop(optional, into)]
    on_settle: Option<Callback<f64>>,
    /// Distance of two values that the arrow keys go.
    #[prop(default = 1.0)]
    step: f64,
    /// Unit, behind the label.
    #[prop(optional)]
    unit: &'static str,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let id = unique_id("field");
    let about = format!("{id}-problem");
    let garbled = RwSignal::new(false);
    let form = use_context::<Garbled>();
    let field = StoredValue::new(id.clone());
    let mark = move |is: bool| {
        garbled.set(is);
        if let Some(form) = form {
            field.with_value(|field| form.mark(field, is));
        }
    };
    // A number that comes from elsewhere, such as the slider, takes the place of the text.
    Effect::new(move |_| {
        value.track();
        mark(false);
    });
    on_cleanup(move || mark(false));
    let problem = Signal::derive(move || {
        if garbled.get() {
            Some(format!("Write a number: this is none. Before, it was {}.", value.get()))
        } else {
            problem.get()
        }
    });
    let take = move |text: String, settle: Option<Callback<f64>>| {
        let number = json::number(text.trim()).filter(|n| n.is_finite());
        mark(number.is_none());
        if let Some(n) = number {
            on_input.run(n);
            if let Some(settle) = settle {
                settle.run(n);
            }
        }
    };
    view! {
        <div class="field field--number">
            <label class="field__label" for=id.clone()>
                {label}
                {(!unit.is_empty()).then(|| view! { " " <span class="field__unit">{unit}</span> })}
            </label>
            <input
                id=id
                class="field__input"
                type="number"
                inputmode="decimal"
                step=step.to_string()
                aria-invalid=invalid(problem)
                aria-describedby=about.clone()
                prop:value=move || value.get().to_string()
                on:input:target=move |event| take(event.target().value(), None)
                on:change:target=move |event| take(event.target().value(), on_settle)
            />
            <Problem id=about problem />
        </div>
    }
}

/// A number that one types or drags. The slider covers the usual range; the number takes any.
#[component]
pub fn SliderField(
    /// Its label; the slider is called "… slider".
    label: &'static str,
    /// Its value.
    #[prop(into)]
    value: Signal<f64>,
    /// Called at every change.
    #[prop(into)]
    on_input: Callback<f64>,
    /// Called when the learner lets go.
    #[prop(optional, into)]
    on_settle: Option<Callback<f64>>,
    /// Left end of the slider.
    min: f64,
    /// Right end of the slider.
    max: f64,
    /// Distance of two values.
    #[prop(default = 1.0)]
    step: f64,
    /// Equal ways are equal factors; both ends must be above 0.
    #[prop(optional)]
    logarithmic: bool,
    /// Unit, behind the label.
    #[prop(optional)]
    unit: &'static str,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let to_place = move |v: f64| if logarithmic { libm::log10(v.max(min)) } else { v };
    let of_place = move |p: f64| {
        if !logarithmic {
            return p;
        }
        // Two digits are as fine as a hand drags.
        let value = libm::pow(10.0, p);
        let unit = libm::pow(10.0, libm::floor(libm::log10(value)) - 1.0);
        let rounded = (value / unit).round() * unit;
        (rounded * 1e6).round() / 1e6
    };
    let (low, high) = (to_place(min), to_place(max));
    let read = move |text: String| json::number(&text).map(of_place);
    let filled = move || ((to_place(value.get()) - low) / (high - low)).clamp(0.0, 1.0).to_string();
    view! {
        <div class="slider">
            <NumberField label value on_input on_settle=on_settle.unwrap_or(Callback::new(|_| ())) step unit problem />
            <input
                class="slider__range"
                type="range"
                aria-label=format!("{label} slider")
                aria-valuetext=move || format!("{} {unit}", value.get())
                min=low.to_string()
                max=high.to_string()
                step=if logarithmic { (high - low) / 200.0 } else { step }.to_string()
                style:--share=filled
                prop:value=move || to_place(value.get()).to_string()
                on:input:target=move |event| {
                    if let Some(v) = read(event.target().value()) {
                        on_input.run(v);
                    }
                }
                on:change:target=move |event| {
                    if let (Some(v), Some(settle)) = (read(event.target().value()), on_settle) {
                        settle.run(v);
                    }
                }
            />
        </div>
    }
}
