//! Line drawings of 16 by 16 units in the colour of the text.

use leptos::prelude::*;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Two bars.
    Pause,
    /// One triangle.
    Play,
    /// A triangle that runs into a bar.
    StepOn,
    /// A circling arrow.
    Restart,
    /// Two sheets.
    Copy,
    /// A tick.
    Tick,
    /// A cross.
    Close,
    /// A plus.
    Add,
    /// A bin.
    Delete,
    /// A light bulb.
    Hint,
    /// An arrow to the right.
    Next,
    /// A chip.
    Chip,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Pause => "M5.5 3.5v9M10.5 3.5v9",
            Self::Play => "M5 3.2v9.6L12.5 8z",
            Self::StepOn => "M4 3.5v9L10 8zM12.5 3.5v9",
            Self::Restart => "M3.2 8a4.8 4.8 0 1 0 1.6-3.6M3 2.2v2.9h2.9",
            Self::Copy => "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
            Self::Tick => "M3 8.5l3.2 3.2L13 4.8",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Add => "M8 3.5v9M3.5 8h9",
            Self::Delete => "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
            Self::Hint => "M6 12.5h4M6.5 14.2h3M6 12.3c0-1.8-2-2.4-2-5a4 4 0 0 1 8 0c0 2.6-2 3.2-2 5",
            Self::Next => "M3 8h10M9 4l4 4-4 4",
            Self::Chip => {
                "M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14"
            }
        }
    }
}

/// A drawing beside words. It says nothing by itself, so it is hidden from screen readers.
#[component]
pub fn Icon(
    /// What is drawn.
    glyph: Glyph,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=glyph.path() />
        </svg>
    }
}
