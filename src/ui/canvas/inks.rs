//! Colours of the style sheet as numbers, for what is drawn on a canvas.

use leptos::{html, prelude::*, web_sys};
use wasm_bindgen::{JsCast, JsValue};

use super::use_colour_changes;
use crate::{
    plot::{Ink, Look, Palette},
    ui::mark::Mark,
};

/// The style sheet's colours at one moment. Read anew when the theme changes, not per frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Inks {
    by_property: Vec<(String, Ink)>,
    /// Family of the font.
    pub font: String,
}

/// The style sheet's colours for an element, read anew when the theme changes; none until it is on the page.
pub fn use_inks(node: NodeRef<html::Div>) -> Memo<Option<Inks>> {
    let colours = use_colour_changes();
    // The element exists before it is on the page, and off the page it has no style: the first frame is after both.
    let on_page = RwSignal::new(false);
    request_animation_frame(move || {
        on_page.try_set(true);
    });
    Memo::new(move |_| {
        colours.track();
        node.get().filter(|_| on_page.get()).and_then(|element| Inks::read(&element))
    })
}

const ROLES: [&str; 10] = [
    "--draw-lane",
    "--draw-box",
    "--draw-surface",
    "--draw-text",
    "--draw-muted",
    "--draw-grid",
    "--draw-axis",
    "--draw-annotation",
    "--draw-unpublished",
    "--draw-trouble",
];

impl Inks {
    /// Reads the colours that hold for an element.
    ///
    /// A custom property may be written in any way that CSS knows (`light-dark`, `oklch`, a mix); painting one
    /// px and reading it back is the only way that gives numbers for all of them.
    fn read(element: &web_sys::Element) -> Option<Self> {
        let document = document();
        let probe: web_sys::HtmlElement = document.create_element("span").ok()?.dyn_into().ok()?;
        // The probe must be on the page to inherit; it goes before anyone sees it.
        element.append_child(&probe).ok()?;
        let canvas: web_sys::HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
        canvas.set_width(1);
        canvas.set_height(1);
        let options = js_sys::Object::new();
        js_sys::Reflect::set(&options, &JsValue::from_str("willReadFrequently"), &JsValue::TRUE).ok()?;
        let context = canvas.get_context_with_context_options("2d", &options).ok()??;
        let context: web_sys::CanvasRenderingContext2d = context.dyn_into().ok()?;

        let marks = (0..10).map(|slot| Mark::of_slot(slot).property());
        let properties: Vec<String> = ROLES.iter().map(|r| (*r).to_owned()).chain(marks).collect();
        let computed = window().get_computed_style(&probe).ok()??;
        let font = computed.get_property_value("font-family").unwrap_or_else(|_| "sans-serif".to_owned());
        let mut by_property: Vec<(String, Ink)> = Vec::new();
        for property in properties {
            if by_property.iter().any(|(p, _)| *p == property) {
                continue;
            }
            probe.style().set_property("color", &format!("var({property})")).ok()?;
            let colour = computed.get_property_value("color").ok()?;
            context.clear_rect(0.0, 0.0, 1.0, 1.0);
            context.set_fill_style_str(&colour);
            context.fill_rect(0.0, 0.0, 1.0, 1.0);
            let data = context.get_image_data(0.0, 0.0, 1.0, 1.0).ok()?.data();
            if let [r, g, b, a] = data.0[..] {
                by_property.push((property, Ink { rgb: (r, g, b), alpha: f64::from(a) / 255.0 }));
            }
        }
        probe.remove();
        Some(Self { by_property, font })
    }

    /// The colour of a custom property; black when the style sheet lacks it.
    pub fn of(&self, property: &str) -> Ink {
        let found = self.by_property.iter().find(|(p, _)| p == property);
        found.map_or(Ink::opaque(0, 0, 0), |(_, ink)| *ink)
    }

    /// The colours of a plot.
    pub fn palette(&self) -> Palette {
        Palette {
            surface: self.of("--draw-surface"),
            text: self.of("--draw-text"),
            muted: self.of("--draw-muted"),
            grid: self.of("--draw-grid"),
            axis: self.of("--draw-axis"),
            annotation: self.of("--draw-annotation"),
            unpublished: self.of("--draw-unpublished"),
            font: self.font.clone(),
        }
    }
}

/// How a variant with that mark is drawn.
pub fn look(inks: &Inks, mark: Mark) -> Look {
    Look { ink: inks.of(&mark.property()), marker: mark.marker(), dash: mark.dash().to_vec() }
}
