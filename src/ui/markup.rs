//! The little markup of lesson texts: `code` between backticks, emphasis between asterisks.

/// A run of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    /// As it is.
    Plain(&'a str),
    /// Code.
    Code(&'a str),
    /// Emphasis.
    Emphasis(&'a str),
}

/// Cuts a text into runs. A sign without its partner stands for itself.
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(offset) = rest[at..].find(['`', '*']) {
        let open = at + offset;
        let sign = if rest[open..].starts_with('`') { '`' } else { '*' };
        let inner = open + 1;
        match rest[inner..].find(sign) {
            Some(length) if length > 0 => {
                if open > 0 {
                    spans.push(Span::Plain(&rest[..open]));
                }
                let run = &rest[inner..inner + length];
                spans.push(if sign == '`' { Span::Code(run) } else { Span::Emphasis(run) });
                rest = &rest[inner + length + 1..];
                at = 0;
            }
            _ => at = inner,
        }
    }
    if !rest.is_empty() {
        spans.push(Span::Plain(rest));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::{Span::*, *};

    #[test]
    fn runs_are_cut_at_their_signs() {
        assert_eq!(
            spans("Set `DesiredWeight` to *zero* now."),
            [Plain("Set "), Code("DesiredWeight"), Plain(" to "), Emphasis("zero"), Plain(" now.")]
        );
        assert_eq!(spans("`a`*b*"), [Code("a"), Emphasis("b")]);
        assert_eq!(spans(""), []);
    }

    #[test]
    fn a_lone_sign_stands_for_itself() {
        assert_eq!(spans("2 * 3"), [Plain("2 * 3")]);
        assert_eq!(spans("a ` b *c*"), [Plain("a ` b "), Emphasis("c")]);
        assert_eq!(spans("`` empty"), [Plain("`` empty")]);
    }
}
