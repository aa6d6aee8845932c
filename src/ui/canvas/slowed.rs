//! Values that are read aloud or clicked on must not change under the reader.

use std::time::Duration;

use leptos::prelude::*;

/// Follows a value, but changes at most once in `gap` of real time and not while `held`.
pub fn use_slowed<T>(
    value: impl Fn() -> T + Copy + Send + Sync + 'static,
    gap: Duration,
    held: Signal<bool>,
) -> ReadSignal<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let newest = Memo::new(move |_| value());
    let (slow, set_slow) = signal(newest.get_untracked());
    let waiting = StoredValue::new(false);
    let follow = move || {
        let Some(next) = newest.try_get_untracked() else { return };
        if slow.try_with_untracked(|s| *s != next) == Some(true) {
            set_slow.try_set(next);
        }
    };
    Effect::new(move |_| {
        newest.track();
        if held.get() || waiting.get_value() {
            return;
        }
        if slow.with_untracked(|s| newest.with_untracked(|n| s != n)) {
            waiting.set_value(true);
            follow();
            set_timeout(
                move || {
                    if waiting.try_set_value(false).is_none() && held.try_get_untracked() == Some(false) {
                        follow();
                    }
                },
                gap,
            );
        }
    });
    slow
}
