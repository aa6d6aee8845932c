//! Plans a managed shadow test.

use leptos::prelude::*;

use crate::{
    controller::EndpointStatus,
    domain::{
        CaptureContentTypeHeader, Command, CreateInferenceExperiment, DataStorageConfig,
        InferenceExperimentType, ModelVariantConfig, ScheduleInput, ShadowModeConfig,
        ShadowModelVariantConfig, VirtualTime,
    },
    lab::{LabAction, Snapshot},
    ui::{
        controls::{
            act::Act,
            call::CallView,
            names::{ENDPOINT, free_name},
        },
        instances,
        store::Store,
        widgets::{NumberField, Options, SelectField, SliderField, TextField},
    },
};

/// Hours that a test lasts when nothing is said.
const USUAL_HOURS: f64 = 168.0;
const ROLE: &str = "arn:aws:iam::123456789012:role/AmazonSageMakerFullAccess";
const DESTINATION: &str = "s3://rollout-lab/tests";

/// What the form holds.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    asked: CreateInferenceExperiment,
    starts_in_h: f64,
    lasts_h: f64,
}

impl Draft {
    /// On the newest endpoint that serves: its production variant, and a shadow of another model on the same instances.
    fn beginning(s: &Snapshot) -> Self {
        let live =
            s.endpoints.iter().filter(|e| e.status == EndpointStatus::InService).max_by_key(|e| e.created);
        let serving = live.and_then(|e| e.variants.first());
        let artifact = serving.map(|v| v.artifact).or(s.models.first().map(|m| m.artifact));
        let model = |differs: bool| {
            let found = s.models.iter().find(|m| (Some(m.artifact) != artifact) == differs);
            found.map(|m| m.name.to_string()).unwrap_or_default()
        };
        let production = match serving {
            Some(v) => ModelVariantConfig::new(
                &v.name,
                &v.model,
                v.instance_type.spec().name,
                v.desired_count.into(),
            ),
            None => ModelVariantConfig::new("Production", &model(false), instances::USUAL, 1),
        };
        let shadow = ModelVariantConfig {
            model_name: model(true),
            variant_name: if production.variant_name == "Shadow" { "Shadow-2" } else { "Shadow" }.to_owned(),
            ..production.clone()
        };
        let asked = CreateInferenceExperiment {
            name: free_name("shadow-test", s.tests.iter().map(|t| t.name.as_str())),
            r#type: InferenceExperimentType::ShadowMode,
            schedule: None,
            description: None,
            role_arn: ROLE.into(),
            endpoint_name: live.map_or(ENDPOINT.to_owned(), |e| e.name.clone()),
            shadow_mode_config: ShadowModeConfig {
                source_model_variant_name: production.variant_name.clone(),
                shadow_model_variants: vec![ShadowModelVariantConfig {
                    shadow_model_variant_name: shadow.variant_name.clone(),
                    sampling_percentage: 50,
                }],
            },
            model_variants: vec![production, shadow],
            data_storage_config: None,
        };
        Self { asked, starts_in_h: 0.0, lasts_h: USUAL_HOURS }
    }

    /// The call at a virtual minute. Moments are whole minutes, so that the call stands still while it is read.
    fn at(&self, minute: u64) -> CreateInferenceExperiment {
        let at = |seconds: f64| VirtualTime::from_s(seconds.max(0.0) as u64).unix_s();
        // The end counts from the moment of the call, within the minute: up for the shortest, down for the longest.
        let (floor_s, next_s) = (minute as f64 * 60.0, (minute + 1) as f64 * 60.0);
        let (starts, lasts) = (self.starts_in_h * 3_600.0, self.lasts_h * 3_600.0);
        let schedule = if self.starts_in_h > 0.0 {
            let start = next_s + starts;
            Some(ScheduleInput { start_time: Some(at(start)), end_time: Some(at(start + lasts)) })
        } else if self.lasts_h == USUAL_HOURS {
            None
        } else {
            let from = if self.lasts_h >= 720.0 { floor_s } else { next_s };
            Some(ScheduleInput { start_time: None, end_time: Some(at(from + lasts)) })
        };
        CreateInferenceExperiment { schedule, ..self.asked.clone() }
    }
}

/// The form, to be read and written by its fields.
#[derive(Clone, Copy)]
struct Form {
    draft: Memo<Option<Draft>>,
    written: RwSignal<Option<Draft>>,
}

impl Form {
    fn read<T: Default + Send + Sync + 'static>(self, part: fn(&Draft) -> T) -> Signal<T> {
        Signal::derive(move || self.draft.with(|d| d.as_ref().map(part).unwrap_or_default()))
    }

    fn write<T: Send + Sync + 'static>(self, change: fn(&mut Draft, T)) -> Callback<T> {
        Callback::new(move |value| {
            if let Some(mut draft) = self.draft.get_untracked() {
                change(&mut draft, value);
                self.written.set(Some(draft));
            }
        })
    }
}

/// Plans a test on an endpoint that serves, or on a new one.
#[component]
pub fn TestCreate() -> impl IntoView {
    let store = Store::expect();
    let usual = store.slice(Draft::beginning);
    let written = RwSignal::new(None::<Draft>);
    // Once a test of that name is there, the form begins anew.
    let taken = store.slice(|s| s.tests.iter().map(|t| t.name.clone()).collect::<Vec<_>>());
    let fresh = move |d: &Draft| !taken.with(|t| t.as_ref().is_some_and(|t| t.contains(&d.asked.name)));
    let draft = Memo::new(move |_| written.get().filter(fresh).or_else(|| usual.get()));
    let form = Form { draft, written };
    let minute = store.slice(|s| s.now.minute());
    let now = move || store.snapshot.with_untracked(|s| s.as_ref().map(|s| s.now)).unwrap_or_default();
    let asked =
        Memo::new(move |_| draft.with(|d| d.as_ref().map(|d| d.at(minute.get().unwrap_or_default()))));
    let problem = Memo::new(move |_| asked.with(|a| a.as_ref()?.check(now()).err().map(|e| e.to_string())));
    let command = Signal::derive(move || match asked.get() {
        Some(asked) => Command::CreateInferenceExperiment(Box::new(asked)),
        None => Command::ListInferenceExperiments(Default::default()),
    });
    let action = Signal::derive(move || {
        (asked.with(Option::is_some) && problem.with(Option::is_none)).then(|| LabAction::Call(command.get()))
    });
    let edit = Callback::new(move |command| {
        if let (Command::CreateInferenceExperiment(asked), Some(draft)) = (command, draft.get_untracked()) {
            written.set(Some(Draft { asked: *asked, ..draft }));
        }
    });
    let models = store.slice(|s| s.models.iter().map(|m| m.name.to_string()).collect::<Vec<_>>());
    let models = Signal::derive(move || {
        models.get().unwrap_or_default().into_iter().map(|m| (m.clone(), m)).collect::<Options>()
    });
    view! {
        <div class="pair">
            <TextField label="Test name" value=form.read(|d| d.asked.name.clone()) on_input=form.write(|d, v| d.asked.name = v) />
            <TextField
                label="Endpoint (a new name creates one)"
                value=form.read(|d| d.asked.endpoint_name.clone())
                on_input=form.write(|d, v| d.asked.endpoint_name = v)
            />
        </div>
        <TextField label="Role" value=form.read(|d| d.asked.role_arn.clone()) on_input=form.write(|d, v| d.asked.role_arn = v) />
        <VariantForm form index=0 title="Production variant" models />
        <VariantForm form index=1 title="Shadow variant" models />
        <SliderField
            label="Traffic sampling"
            unit="%"
            value=form.read(|d| {
                d.asked.shadow_mode_config.shadow_model_variants.first().map_or(0.0, |s| s.sampling_percentage as f64)
            })
            on_input=form.write(|d, v: f64| {
                for s in &mut d.asked.shadow_mode_config.shadow_model_variants {
                    s.sampling_percentage = v as i64;
                }
            })
            min=0.0
            max=100.0
        />
        <div class="pair">
            <NumberField label="Starts in" unit="hours, 0 for at once" value=form.read(|d| d.starts_in_h) on_input=form.write(|d, v| d.starts_in_h = v) />
            <NumberField label="Lasts" unit="hours, 1 to 720" value=form.read(|d| d.lasts_h) on_input=form.write(|d, v| d.lasts_h = v) />
        </div>
        <SelectField
            label="Data capture"
            options=Signal::stored(vec![
                (String::new(), "off: the shadow's replies are thrown away".to_owned()),
                (DESTINATION.to_owned(), format!("on, to {DESTINATION}")),
            ])
            value=form.read(|d| d.asked.data_storage_config.as_ref().map(|s| s.destination.clone()).unwrap_or_default())
            on_choice=form.write(|d, destination: String| {
                d.asked.data_storage_config = (!destination.is_empty()).then(|| DataStorageConfig {
                    destination,
                    kms_key: None,
                    content_type: Some(CaptureContentTypeHeader {
                        csv_content_types: Vec::new(),
                        json_content_types: vec!["application/jsonlines".to_owned()],
                    }),
                });
            })
        />
        <p class="field__problem" role="status">{problem}</p>
        <CallView command on_edit=edit />
        <Act label="Create shadow test" action success="It is being created: watch its status." />
    }
}

/// The fields of one of the two variants.
#[component]
fn VariantForm(form: Form, index: usize, title: &'static str, models: Signal<Options>) -> impl IntoView {
    let read = move |part: fn(&ModelVariantConfig) -> String| {
        Signal::derive(move || {
            form.draft.with(|d| d.as_ref()?.asked.model_variants.get(index).map(part)).unwrap_or_default()
        })
    };
    let write = move |change: fn(&mut ModelVariantConfig, String)| {
        Callback::new(move |value: String| {
            let Some(mut draft) = form.draft.get_untracked() else { return };
            if let Some(v) = draft.asked.model_variants.get_mut(index) {
                change(v, value);
            }
            let names: Vec<String> =
                draft.asked.model_variants.iter().map(|v| v.variant_name.clone()).collect();
            let mode = &mut draft.asked.shadow_mode_config;
            if let ([production, shadow], [s]) = (names.as_slice(), mode.shadow_model_variants.as_mut_slice())
            {
                mode.source_model_variant_name.clone_from(production);
                s.shadow_model_variant_name.clone_from(shadow);
            }
            form.written.set(Some(draft));
        })
    };
    let count = read(|v| v.infrastructure_config.real_time_inference_config.instance_count.to_string());
    let set_count = write(|v, n| {
        v.infrastructure_config.real_time_inference_config.instance_count = n.parse().unwrap_or(0);
    });
    view! {
        <fieldset class="variant-fields">
            <legend>{title}</legend>
            <div class="pair">
                <TextField label="Variant name" value=read(|v| v.variant_name.clone()) on_input=write(|v, n| v.variant_name = n) />
                <SelectField label="Model" options=models value=read(|v| v.model_name.clone()) on_choice=write(|v, m| v.model_name = m) />
            </div>
            <SelectField
                label="Instance type"
                options=instances::options()
                value=read(|v| v.infrastructure_config.real_time_inference_config.instance_type.clone())
                on_choice=write(|v, t| v.infrastructure_config.real_time_inference_config.instance_type = t)
            />
            <NumberField
                label="Instances"
                value=Signal::derive(move || count.get().parse().unwrap_or_default())
                on_input=Callback::new(move |n: f64| set_count.run((n as i64).to_string()))
            />
        </fieldset>
    }
}
