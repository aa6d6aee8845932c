//! Observers of the browser as signals. Each ends with the owner that called it.

use leptos::{html, prelude::*, web_sys};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// Width and height, CSS px.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Keeps what must live as long as the owner and be ended with it.
fn keep_until_cleanup<T: 'static>(thing: T, end: impl Fn(&T) + Send + Sync + 'static) {
    let kept = StoredValue::new_local(thing);
    on_cleanup(move || {
        kept.try_with_value(|thing| end(thing));
    });
}

/// The size of an element's content box; zero until it is on the page.
pub fn use_element_size(node: NodeRef<html::Div>) -> ReadSignal<Size> {
    let (size, set_size) = signal(Size::default());
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        let measure = {
            let element: web_sys::HtmlElement = element.clone().unchecked_into();
            move || {
                let (width, height) = (f64::from(element.client_width()), f64::from(element.client_height()));
                let next = Size { width, height };
                // Writing only what changed keeps a redraw from asking for the next one.
                if size.try_get_untracked().is_some_and(|s| s != next) {
                    set_size.try_set(next);
                }
            }
        };
        // The observer calls once at the beginning, after the browser has laid the page out. To measure here would
        // make it do so at once, in the midst of building: that was the longest task of the page's start.
        let callback = Closure::<dyn FnMut()>::new(measure);
        let Ok(observer) = web_sys::ResizeObserver::new(callback.as_ref().unchecked_ref()) else { return };
        observer.observe(&element);
        keep_until_cleanup((observer, callback), |(observer, _)| observer.disconnect());
    });
    size
}

/// Whether a part of an element is on the screen or within `margin` of it; false until the browser says so.
pub fn use_in_view(node: NodeRef<html::Div>, margin: &'static str) -> ReadSignal<bool> {
    let (in_view, set_in_view) = signal(false);
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        let callback = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
            let newest: Option<web_sys::IntersectionObserverEntry> = entries.pop().dyn_into().ok();
            if let Some(entry) = newest {
                let now = entry.is_intersecting();
                if in_view.try_get_untracked().is_some_and(|before| before != now) {
                    set_in_view.try_set(now);
                }
            }
        });
        let options = web_sys::IntersectionObserverInit::new();
        options.set_root_margin(margin);
        let observer =
            web_sys::IntersectionObserver::new_with_options(callback.as_ref().unchecked_ref(), &options);
        let Ok(observer) = observer else {
            // Without the observer everything counts as seen.
            set_in_view.set(true);
            return;
        };
        observer.observe(&element);
        keep_until_cleanup((observer, callback), |(observer, _)| observer.disconnect());
    });
    in_view
}

/// Whether a media query holds, e.g. `(prefers-reduced-motion: reduce)`.
pub fn use_media(query: &str) -> ReadSignal<bool> {
    let list = window().match_media(query).ok().flatten();
    let (holds, set_holds) = signal(list.as_ref().is_some_and(web_sys::MediaQueryList::matches));
    if let Some(list) = list {
        let callback = Closure::<dyn FnMut(web_sys::MediaQueryListEvent)>::new(
            move |event: web_sys::MediaQueryListEvent| {
                set_holds.try_set(event.matches());
            },
        );
        // A browser that refuses the listener keeps the value of now.
        let _ = list.add_event_listener_with_callback("change", callback.as_ref().unchecked_ref());
        keep_until_cleanup((list, callback), |(list, callback)| {
            let _ = list.remove_event_listener_with_callback("change", callback.as_ref().unchecked_ref());
        });
    }
    holds
}

/// Counts the times at which the style sheet's colours may have changed: the theme of the page or of the system.
pub fn use_colour_changes() -> Signal<u32> {
    let (count, set_count) = signal(0_u32);
    let callback = Closure::<dyn FnMut()>::new(move || {
        set_count.try_update(|n| *n += 1);
    });
    let observer = web_sys::MutationObserver::new(callback.as_ref().unchecked_ref());
    if let (Ok(observer), Some(root)) = (observer, document().document_element()) {
        let options = web_sys::MutationObserverInit::new();
        options.set_attributes(true);
        options.set_attribute_filter(&js_sys::Array::of1(&JsValue::from_str("data-theme")));
        if observer.observe_with_options(&root, &options).is_ok() {
            keep_until_cleanup((observer, callback), |(observer, _)| observer.disconnect());
        }
    }
    let dark = use_media("(prefers-color-scheme: dark)");
    let forced = use_media("(forced-colors: active)");
    let contrast = use_media("(prefers-contrast: more)");
    Signal::derive(move || {
        // The media queries are read so that whoever reads the count is told of them too.
        let _ = (dark.get(), forced.get(), contrast.get());
        count.get()
    })
}
