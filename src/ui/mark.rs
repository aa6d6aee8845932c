//! How a variant is told apart: a colour, and always a shape and a dash as well.

use crate::plot::Marker;

/// The look of one variant. The same slot looks the same in the picture, in the plots and in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    slot: usize,
}

/// Colours that the style sheet has: `--variant-1` to `--variant-5`.
const COLOURS: usize = 5;

const DASHES: [&[f64]; 5] = [&[], &[6.0, 3.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0], &[12.0, 4.0]];

impl Mark {
    /// The look of the variant in `slot`, from 0; slots beyond the last shape begin again.
    pub const fn of_slot(slot: usize) -> Self {
        Self { slot: slot % Marker::ALL.len() }
    }

    /// Its marker: there is one per production variant that a configuration may have.
    pub const fn marker(self) -> Marker {
        Marker::ALL[self.slot]
    }

    /// Its marker as one character.
    pub const fn symbol(self) -> &'static str {
        self.marker().symbol()
    }

    /// Lengths of dash and gap in px, empty for a solid line.
    pub const fn dash(self) -> &'static [f64] {
        DASHES[(self.slot / COLOURS + self.slot) % DASHES.len()]
    }

    /// The custom property that holds its colour, e.g. `--variant-1`.
    pub fn property(self) -> String {
        format!("--variant-{}", self.slot % COLOURS + 1)
    }

    /// Its colour for a style sheet, e.g. `var(--variant-1)`.
    pub fn colour(self) -> String {
        format!("var({})", self.property())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_variants_look_different() {
        let looks: std::collections::BTreeSet<_> =
            (0..10).map(|s| (Mark::of_slot(s).symbol(), Mark::of_slot(s).property())).collect();
        assert_eq!(looks.len(), 10);
    }

    #[test]
    fn one_colour_never_has_one_dash_twice() {
        for s in 0..COLOURS {
            assert_ne!(Mark::of_slot(s).dash(), Mark::of_slot(s + COLOURS).dash(), "{s}");
        }
    }
}
