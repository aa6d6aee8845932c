//! The settings of an exercise as fields: one loop over data.

use leptos::prelude::*;

use crate::{
    lab::{Exercise, Setting},
    ui::widgets::{Disclosure, NumberField, Options, SelectField, Views},
};

/// A field for each setting; the rare ones are folded away.
pub fn fields(exercise: Exercise, values: RwSignal<Vec<f64>>) -> AnyView {
    let all = exercise.settings();
    let some = move |rare: bool| {
        let chosen = all.iter().enumerate().filter(move |(_, s)| s.rare == rare);
        chosen.map(|(i, s)| field(s, i, values)).views()
    };
    let rare = all.iter().any(|s| s.rare);
    view! {
        {some(false)}
        {rare.then(|| view! { <Disclosure title="More settings">{some(true)}</Disclosure> })}
    }
    .into_any()
}

fn field(setting: &'static Setting, place: usize, values: RwSignal<Vec<f64>>) -> AnyView {
    let value = Signal::derive(move || values.with(|v| v.get(place).copied().unwrap_or_default()));
    let set = move |number: f64| {
        values.update(|v| {
            if let Some(slot) = v.get_mut(place) {
                *slot = number;
            }
        });
    };
    if setting.choices.is_empty() {
        return view! {
            <NumberField
                label=setting.label
                unit=setting.unit
                step=setting.step
                value
                on_input=Callback::new(set)
            />
        }
        .into_any();
    }
    let options: Options =
        setting.choices.iter().enumerate().map(|(i, words)| (i.to_string(), (*words).to_owned())).collect();
    view! {
        <SelectField
            label=setting.label
            options
            value=Signal::derive(move || value.get().to_string())
            on_choice=Callback::new(move |chosen: String| {
                set(chosen.parse::<u8>().map_or(0.0, f64::from));
            })
        />
    }
    .into_any()
}
