//! The living picture of an endpoint: clients, router, variants and their instances, and requests on their way.

mod brush;
mod overlay;
mod state;
mod traffic;

use std::time::Duration;

use leptos::{ev::PointerEvent, html, prelude::*};

use self::{
    brush::Brush,
    overlay::{Overlay, RecentRequests},
    state::{LaneState, describe, lane_of, lanes_of},
    traffic::Traffic,
};
use super::{
    canvas::{
        Inks, Size, device_ratio, fit, look, use_element_size, use_in_view, use_inks, use_media, use_slowed,
    },
    store::Store,
    widgets::unique_id,
};
use crate::{
    domain::{FleetId, InvocationRecord},
    lab::EndpointView,
    plot::{
        Look,
        scene::{LaneSpec, Scene},
    },
};

/// The words for screen readers change no more often.
const WORDS_EVERY: Duration = Duration::from_secs(2);
/// The list of requests changes no more often.
const LIST_EVERY: Duration = Duration::from_millis(1_000);
/// A click this near to a dot is meant for it, px.
const NEAR_PX: f64 = 14.0;

/// What the parts of the picture share.
#[derive(Clone, Copy)]
struct Picture {
    store: Store,
    endpoint: Memo<Option<EndpointView>>,
    lanes: Memo<Vec<LaneState>>,
    scene: Memo<Scene>,
    inks: Memo<Option<Inks>>,
    looks: Memo<Vec<Look>>,
    /// Dots move: the learner has not asked for less motion.
    moving: Memo<bool>,
    traffic: StoredValue<Traffic>,
    /// Counts the snapshots that the traffic has taken in.
    admitted: RwSignal<u64>,
}

impl Picture {
    fn variant_of(self, fleet: FleetId) -> Option<String> {
        self.store.route(fleet).map(|route| route.variant)
    }
}

/// A picture of an endpoint in which its traffic moves. A request can be picked to see it in the inspector.
#[component]
pub fn EndpointPicture(
    /// The endpoint; without a name the one that was created last.
    #[prop(optional, into)]
    endpoint: MaybeProp<String>,
) -> impl IntoView {
    let store = Store::expect();
    let stage = NodeRef::<html::Div>::new();
    let (back, front) = (NodeRef::<html::Canvas>::new(), NodeRef::<html::Canvas>::new());
    let size = use_element_size(stage);
    let in_view = use_in_view(stage, "0px");
    let picture = shared(store, endpoint, stage, size);
    provide_context(picture);

    paint_what_stands(picture, back);
    let run = animate(picture, front, in_view);
    take_in(picture, run);

    let words = use_slowed(
        move || {
            picture.endpoint.with(|e| {
                e.as_ref().map_or_else(|| "No endpoint: create one in the guide.".to_owned(), describe)
            })
        },
        WORDS_EVERY,
        Signal::stored(false),
    );
    let held = RwSignal::new(false);
    let listed = use_slowed(
        move || {
            picture.admitted.track();
            picture.traffic.with_value(Traffic::listed)
        },
        LIST_EVERY,
        held.into(),
    );
    let one_of = use_slowed(
        move || {
            picture.admitted.track();
            picture.traffic.with_value(Traffic::one_of)
        },
        LIST_EVERY,
        Signal::stored(false),
    );
    let about = unique_id("picture-words");
    view! {
        <div class="picture">
            <div
                class="picture__stage"
                class:picture__stage--tall=move || picture.scene.with(|s| s.tall)
                class:picture__stage--compact=move || picture.scene.with(|s| s.compact)
                class:picture__stage--narrow=move || picture.scene.with(|s| s.narrow)
                node_ref=stage
                role="group"
                aria-label="Picture of the endpoint"
                aria-describedby=about.clone()
                style:--height=move || format!("{}px", picture.scene.with(|s| s.height))
                on:pointerdown=move |event| pick(picture, &event)
            >
                <canvas class="picture__canvas" node_ref=back aria-hidden="true"></canvas>
                <Overlay />
                <canvas class="picture__canvas picture__canvas--front" node_ref=front aria-hidden="true"></canvas>
            </div>
            <p class="unseen" id=about>{words}</p>
            <Key one_of />
            <RecentRequests listed held />
        </div>
    }
}

/// What the signs mean, and how many requests one of them stands for.
#[component]
fn Key(one_of: ReadSignal<Option<u64>>) -> impl IntoView {
    let picture = expect_context::<Picture>();
    let share = move || {
        if !picture.moving.get() {
            return "Motion is reduced: the numbers tell what the dots would.".to_owned();
        }
        match one_of.get() {
            None => "Dots travel at a pace for the eye, not to scale.".to_owned(),
            Some(1) => "Every request is a dot. Their pace is for the eye, not to scale.".to_owned(),
            Some(n) => {
                format!("Showing 1 of {} requests, at a pace for the eye.", super::wording::count(n))
            }
        }
    };
    view! {
        <div class="picture__key">
            <span class="picture__sign picture__sign--asked">"asked"</span>
            <span class="picture__sign picture__sign--right">"right"</span>
            <span class="picture__sign picture__sign--wrong">"wrong"</span>
            <span class="picture__sign picture__sign--failed">"failed"</span>
            <span class="picture__share">{share}</span>
        </div>
    }
}

fn shared(
    store: Store,
    name: MaybeProp<String>,
    stage: NodeRef<html::Div>,
    size: ReadSignal<Size>,
) -> Picture {
    let endpoint = Memo::new(move |_| {
        let name = name.get();
        store.snapshot.with(|s| {
            let all = &s.as_deref()?.endpoints;
            match name {
                Some(name) => all.iter().find(|e| e.name == name).cloned(),
                None => all.iter().max_by_key(|e| e.created).cloned(),
            }
        })
    });
    let lanes = Memo::new(move |_| endpoint.with(|e| e.as_ref().map(lanes_of).unwrap_or_default()));
    let specs = Memo::new(move |_| lanes.with(|l| l.iter().map(LaneState::spec).collect::<Vec<LaneSpec>>()));
    let scene = Memo::new(move |_| specs.with(|s| Scene::layout(size.get().width, s)));
    let inks = use_inks(stage);
    let names =
        Memo::new(move |_| lanes.with(|l| l.iter().map(|l| l.variant.name.clone()).collect::<Vec<_>>()));
    let looks = Memo::new(move |_| {
        let inks = inks.get();
        let look_of = |name: &String| inks.as_ref().map(|inks| look(inks, store.mark(name)));
        names.with(|names| names.iter().filter_map(look_of).collect())
    });
    let still = use_media("(prefers-reduced-motion: reduce)");
    Picture {
        store,
        endpoint,
        lanes,
        scene,
        inks,
        looks,
        moving: Memo::new(move |_| !still.get()),
        traffic: StoredValue::new(Traffic::default()),
        admitted: RwSignal::new(0),
    }
}

fn now_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Hands the records of each snapshot to the traffic.
fn take_in(picture: Picture, run: impl Fn() + Copy + 'static) {
    let before = StoredValue::new(0.0_f64);
    Effect::new(move |_| {
        let Some(snapshot) = picture.store.snapshot.get() else {
            // Another lab is being opened.
            picture.traffic.set_value(Traffic::default());
            return;
        };
        let now = now_ms();
        let spread = (now - before.get_value()).clamp(16.0, 250.0);
        before.set_value(now);
        let moving = picture.moving.get_untracked() && !document().hidden();
        // Requests to other endpoints are in the snapshot too.
        let mine = |r: &&InvocationRecord| picture.lanes.with_untracked(|l| lane_of(l, r.fleet).is_some());
        let recent: Vec<InvocationRecord> = snapshot.recent.iter().filter(mine).copied().collect();
        picture.traffic.update_value(|t| t.admit(&recent, snapshot.sent, now, spread, moving));
        if !recent.is_empty() {
            picture.admitted.update(|n| *n += 1);
            run();
        }
    });
}

/// Paints what stands, when it changed: once per frame at most.
fn paint_what_stands(picture: Picture, canvas: NodeRef<html::Canvas>) {
    let asked = StoredValue::new(false);
    let paint = move || {
        // The picture may have left the page.
        if asked.try_update_value(|a| *a = false).is_none() {
            return;
        }
        let (Some(canvas), Some(inks)) = (canvas.get_untracked(), picture.inks.get_untracked()) else {
            return;
        };
        picture.scene.with_untracked(|scene| {
            let size = Size { width: scene.width, height: scene.height };
            let Some(context) = fit(&canvas, size, device_ratio(), 1.0) else { return };
            let brush = Brush { context: &context, inks: &inks };
            let asking = picture.lanes.with_untracked(|l| l.iter().any(|l| l.variant.per_second > 0.0));
            picture.lanes.with_untracked(|lanes| {
                picture.looks.with_untracked(|looks| brush.stand(scene, lanes, looks, asking));
            });
        });
    };
    Effect::new(move |_| {
        picture.scene.track();
        picture.lanes.track();
        picture.looks.track();
        picture.inks.track();
        if canvas.get().is_some() && !asked.get_value() {
            asked.set_value(true);
            request_animation_frame(paint);
        }
    });
}

/// Moves the dots, a frame at a time, as long as there are any and someone sees them. Returns what sets it going.
fn animate(
    picture: Picture,
    canvas: NodeRef<html::Canvas>,
    in_view: ReadSignal<bool>,
) -> impl Fn() + Copy + 'static {
    let running = StoredValue::new(false);
    let run = move || {
        if running.try_get_value() == Some(false) && in_view.get_untracked() {
            running.set_value(true);
            next_frame(picture, canvas, in_view, running);
        }
    };
    Effect::new(move |_| {
        // A change of size or colours, and coming into view, call for a frame as well.
        picture.scene.track();
        picture.inks.track();
        picture.moving.track();
        picture.store.selected_request.track();
        if in_view.get() {
            run();
        }
    });
    run
}

fn next_frame(
    picture: Picture,
    canvas: NodeRef<html::Canvas>,
    in_view: ReadSignal<bool>,
    running: StoredValue<bool>,
) {
    request_animation_frame(move || {
        let now = now_ms();
        let aloft = picture.traffic.try_update_value(|t| {
            t.land(now);
            !t.flights().is_empty()
        });
        // The picture has left the page.
        let Some(aloft) = aloft else { return };
        if let Some(canvas) = canvas.get_untracked() {
            paint_what_moves(picture, &canvas, now);
        }
        if aloft && in_view.try_get_untracked() == Some(true) {
            next_frame(picture, canvas, in_view, running);
        } else {
            running.try_set_value(false);
        }
    });
}

fn paint_what_moves(picture: Picture, canvas: &leptos::web_sys::HtmlCanvasElement, now: f64) {
    let Some(inks) = picture.inks.get_untracked() else { return };
    let selected = picture.store.selected_request.with_untracked(|r| r.map(|r| r.id));
    picture.scene.with_untracked(|scene| {
        let size = Size { width: scene.width, height: scene.height };
        let Some(context) = fit(canvas, size, device_ratio(), 1.0) else { return };
        context.clear_rect(0.0, 0.0, scene.width, scene.height);
        let brush = Brush { context: &context, inks: &inks };
        picture.lanes.with_untracked(|lanes| {
            picture.looks.with_untracked(|looks| {
                picture.traffic.with_value(|traffic| {
                    for flight in traffic.flights() {
                        let Some(lane) = lane_of(lanes, flight.record.fleet) else { continue };
                        let (Some(spot), Some(look)) = (flight.at(scene, lane, now), looks.get(lane)) else {
                            continue;
                        };
                        brush.request(spot, flight.outcome, look, selected == Some(flight.record.id));
                    }
                });
            });
        });
    });
}

/// Opens the request whose dot was clicked on.
fn pick(picture: Picture, event: &PointerEvent) {
    let Some(stage) = event.current_target() else { return };
    let Ok(stage) = wasm_bindgen::JsCast::dyn_into::<leptos::web_sys::Element>(stage) else { return };
    let frame = stage.get_bounding_client_rect();
    let (x, y) = (f64::from(event.client_x()) - frame.left(), f64::from(event.client_y()) - frame.top());
    let now = now_ms();
    let nearest = picture.scene.with_untracked(|scene| {
        picture.lanes.with_untracked(|lanes| {
            picture.traffic.with_value(|traffic| {
                let distance = |f: &traffic::Flight| {
                    let spot = f.at(scene, lane_of(lanes, f.record.fleet)?, now)?;
                    let far = (spot.at.x - x).hypot(spot.at.y - y);
                    (far <= NEAR_PX).then_some((far, f.record))
                };
                traffic.flights().iter().filter_map(distance).min_by(|a, b| a.0.total_cmp(&b.0))
            })
        })
    });
    if let Some((_, record)) = nearest {
        picture.store.selected_request.set(Some(record));
    }
}
