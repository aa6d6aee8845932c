//! Paints the picture on its two canvases: what stands, and what moves.

use leptos::web_sys::CanvasRenderingContext2d;

use super::state::{LaneState, Outcome};
use crate::{
    lab::InstanceView,
    plot::{
        Ink, Look,
        scene::{CLIENTS, Curve, LINK_PX, Lane, Leg, Point, Rect, Scene, Spot},
    },
    ui::canvas::Inks,
};

/// Radius of a request's dot, px.
const DOT_PX: f64 = 3.6;
/// Slots of one row in an instance box.
const SLOTS_IN_ROW: u32 = 8;

/// A context in CSS px with the colours of the style sheet.
pub struct Brush<'a> {
    /// What is painted on.
    pub context: &'a CanvasRenderingContext2d,
    /// Colours.
    pub inks: &'a Inks,
}

impl Brush<'_> {
    /// Everything that stands: clients, links, instance boxes.
    pub fn stand(&self, scene: &Scene, lanes: &[LaneState], looks: &[Look], asking: bool) {
        self.context.clear_rect(0.0, 0.0, scene.width, scene.height);
        self.inlet(scene);
        for index in 0..CLIENTS {
            self.client(scene.client(index), asking);
        }
        for ((place, state), look) in scene.lanes.iter().zip(lanes).zip(looks) {
            self.link(place, look, state);
        }
        for lane in &scene.lanes {
            self.context.set_fill_style_str(&self.inks.of("--draw-lane").css());
            self.round(lane.frame, 8.0);
            self.context.fill();
        }
        for ((place, state), look) in scene.lanes.iter().zip(lanes).zip(looks) {
            self.boxes(place, state, look);
        }
    }

    fn inlet(&self, scene: &Scene) {
        self.stroke_style(self.inks.of("--draw-grid"), LINK_PX * 0.7);
        self.trace(&scene.inlet());
    }

    fn link(&self, lane: &Lane, look: &Look, state: &LaneState) {
        let share = state.variant.share;
        let c = self.context;
        c.set_line_cap("butt");
        if lane.starting || share <= 0.0 {
            self.dashes(&[2.0, 5.0]);
            self.stroke_style(look.ink.faded(0.65), 1.25);
            self.trace(&lane.link);
            self.dashes(&[]);
        } else {
            // Dashes are the second sign of a shadow: nothing flows back on them.
            if lane.shadow {
                self.dashes(&[8.0, 5.0]);
            }
            self.stroke_style(look.ink.faded(0.2), lane.link_width);
            self.trace(&lane.link);
            self.dashes(&[]);
        }
    }

    fn client(&self, at: Point, asking: bool) {
        let ink = self.inks.of("--draw-muted").faded(if asking { 1.0 } else { 0.45 });
        let c = self.context;
        c.set_fill_style_str(&ink.css());
        c.begin_path();
        // A refused arc leaves the client without a head; nothing else depends on it.
        let _ = c.arc(at.x, at.y - 4.5, 3.6, 0.0, std::f64::consts::TAU);
        c.fill();
        c.begin_path();
        c.move_to(at.x - 6.5, at.y + 8.0);
        c.bezier_curve_to(at.x - 6.5, at.y - 1.5, at.x + 6.5, at.y - 1.5, at.x + 6.5, at.y + 8.0);
        c.close_path();
        c.fill();
    }

    fn boxes(&self, lane: &Lane, state: &LaneState, look: &Look) {
        let last = lane.boxes.len().saturating_sub(1);
        for (i, place) in lane.boxes.iter().enumerate() {
            if i == last && lane.hidden > 0 {
                self.more(*place, lane.hidden, look);
            } else if lane.starting {
                self.ghost(*place, look);
            } else {
                let idle =
                    InstanceView { vcpus: state.variant.instance_type.spec().vcpus, ..Default::default() };
                let instance = state.variant.instances.get(i).copied();
                self.instance(*place, instance.unwrap_or(idle), look);
            }
        }
    }

    /// vCPU slots, what waits, and the load of the last minute.
    fn instance(&self, place: Rect, instance: InstanceView, look: &Look) {
        let c = self.context;
        c.set_fill_style_str(&self.inks.of("--draw-box").css());
        self.round(place, 5.0);
        c.fill();
        let full = instance.waiting > 0 && instance.waiting >= instance.queue_limit;
        let rim = if full { self.inks.of("--draw-trouble") } else { look.ink.faded(0.55) };
        self.stroke_style(rim, if full { 1.75 } else { 1.0 });
        c.stroke();
        self.slots(place, instance, look.ink);

        let low = place.height < 40.0;
        let text = if low { String::new() } else { format!("{} waiting", compact(instance.waiting)) };
        if !low {
            let ink = if full {
                self.inks.of("--draw-trouble")
            } else if instance.waiting > 0 {
                self.inks.of("--draw-text")
            } else {
                self.inks.of("--draw-muted")
            };
            self.write(&text, Point { x: place.x + 7.0, y: place.bottom() - 16.0 }, ink);
        }
        let bar = Rect { x: place.x + 7.0, y: place.bottom() - 8.0, width: place.width - 14.0, height: 3.0 };
        c.set_fill_style_str(&self.inks.of("--draw-grid").css());
        self.round(bar, 1.5);
        c.fill();
        let width = bar.width * instance.load.clamp(0.0, 1.0);
        if width > 0.5 {
            c.set_fill_style_str(&look.ink.css());
            self.round(Rect { width: width.max(3.0), ..bar }, 1.5);
            c.fill();
        }
    }

    fn slots(&self, place: Rect, instance: InstanceView, ink: Ink) {
        let columns = instance.vcpus.clamp(1, SLOTS_IN_ROW);
        let rows = instance.vcpus.div_ceil(columns).clamp(1, 2);
        let gap = 2.0;
        let width = ((place.width - 14.0 + gap) / f64::from(columns) - gap).min(16.0);
        let height = if rows > 1 || place.height < 40.0 { 6.0 } else { 9.0 };
        // More than two rows do not fit: each slot then stands for several vCPUs.
        let shown = columns * rows;
        let busy =
            (f64::from(instance.busy) / f64::from(instance.vcpus.max(1)) * f64::from(shown)).ceil() as u32;
        let idle = ink.faded(0.18).css();
        let ink = ink.css();
        for slot in 0..shown {
            let (row, column) = (slot / columns, slot % columns);
            let at = Rect {
                x: place.x + 7.0 + f64::from(column) * (width + gap),
                y: place.y + 7.0 + f64::from(row) * (height + gap),
                width,
                height,
            };
            self.context.set_fill_style_str(if slot < busy { &ink } else { &idle });
            self.round(at, 1.5);
            self.context.fill();
        }
    }

    /// An instance that is being started.
    fn ghost(&self, place: Rect, look: &Look) {
        self.dashes(&[4.0, 3.0]);
        self.stroke_style(look.ink.faded(0.6), 1.0);
        self.round(place, 5.0);
        self.context.stroke();
        self.dashes(&[]);
    }

    /// Instances that have no box of their own.
    fn more(&self, place: Rect, hidden: usize, look: &Look) {
        self.ghost(place, look);
        let at = Point { x: place.x + 10.0, y: place.centre().y };
        self.write(&format!("+ {hidden} more"), at, self.inks.of("--draw-muted"));
    }

    /// One request.
    pub fn request(&self, spot: Spot, outcome: Outcome, look: &Look, selected: bool) {
        let c = self.context;
        let Point { x, y } = spot.at;
        if selected {
            self.stroke_style(self.inks.of("--draw-text"), 1.5);
            c.begin_path();
            let _ = c.arc(x, y, DOT_PX + 4.0, 0.0, std::f64::consts::TAU);
            c.stroke();
        }
        if spot.leg == Leg::Asking {
            c.set_fill_style_str(&self.inks.of("--draw-muted").css());
            c.begin_path();
            let _ = c.arc(x, y, DOT_PX - 0.6, 0.0, std::f64::consts::TAU);
            c.fill();
            return;
        }
        if spot.leg == Leg::Served && !selected {
            // The slots of the instance show the work; dots on top of them would hide it.
            return;
        }
        let back = spot.leg == Leg::Returning;
        if back && outcome == Outcome::Failed {
            self.stroke_style(self.inks.of("--draw-trouble"), 2.0);
            c.begin_path();
            let arm = DOT_PX + 0.4;
            c.move_to(x - arm, y - arm);
            c.line_to(x + arm, y + arm);
            c.move_to(x + arm, y - arm);
            c.line_to(x - arm, y + arm);
            c.stroke();
            return;
        }
        c.begin_path();
        for (i, (dx, dy)) in look.marker.outline().into_iter().enumerate() {
            let (px, py) = (x + dx * DOT_PX, y + dy * DOT_PX);
            if i == 0 {
                c.move_to(px, py);
            } else {
                c.line_to(px, py);
            }
        }
        c.close_path();
        if back && outcome == Outcome::Wrong {
            c.set_fill_style_str(&self.inks.of("--draw-surface").css());
            c.fill();
            self.stroke_style(look.ink, 1.5);
            c.stroke();
        } else {
            c.set_fill_style_str(&look.ink.css());
            c.fill();
        }
    }

    fn stroke_style(&self, ink: Ink, width: f64) {
        self.context.set_stroke_style_str(&ink.css());
        self.context.set_line_width(width);
    }

    fn dashes(&self, pattern: &[f64]) {
        let lengths: js_sys::Array = pattern.iter().map(|l| wasm_bindgen::JsValue::from_f64(*l)).collect();
        // A refused pattern leaves the line solid.
        let _ = self.context.set_line_dash(&lengths);
    }

    fn trace(&self, curve: &Curve) {
        let Curve { from, lead, trail, to } = curve;
        self.context.begin_path();
        self.context.move_to(from.x, from.y);
        self.context.bezier_curve_to(lead.x, lead.y, trail.x, trail.y, to.x, to.y);
        self.context.stroke();
    }

    fn round(&self, r: Rect, radius: f64) {
        self.context.begin_path();
        if self.context.round_rect_with_f64(r.x, r.y, r.width, r.height, radius).is_err() {
            self.context.rect(r.x, r.y, r.width, r.height);
        }
    }

    fn write(&self, text: &str, at: Point, ink: Ink) {
        self.context.set_font(&format!("10.5px {}", self.inks.font));
        self.context.set_text_baseline("middle");
        self.context.set_fill_style_str(&ink.css());
        // A refused text is a text that is not there; the lane's words say the same.
        let _ = self.context.fill_text(text, at.x, at.y);
    }
}

/// A count that fits a box.
fn compact(n: u32) -> String {
    if n < 10_000 { n.to_string() } else { format!("{}k", n / 1_000) }
}
