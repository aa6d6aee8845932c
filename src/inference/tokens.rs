//! rltok-1: the tokeniser that every shipped model shares.

/// Most tokens that a model sees; the rest of a text is cut off.
pub const MAX_TOKENS: usize = 128;
/// Most bytes of a token; the rest of a word is cut off.
pub const MAX_TOKEN_BYTES: usize = 24;

/// The tokens of a text, at most [`MAX_TOKENS`], and their hashes.
///
/// 1. U+2018, U+2019 and U+02BC become `'`; A–Z become a–z.
/// 2. A token is a longest run of `[a-z0-9']` without the `'` at its ends, or one `!` or `?`. Everything else
///    separates.
/// 3. A token is cut to [`MAX_TOKEN_BYTES`] bytes and hashed by FNV-1a (32 bit).
///
/// There is no vocabulary: each model maps a hash to a bucket of its own.
///
/// ```
/// use rollout_lab::inference::Tokens;
/// let tokens = Tokens::of("Don’t buy THIS!!");
/// assert_eq!(tokens.texts(), ["don't", "buy", "this", "!", "!"]);
/// assert_eq!(tokens.hashes().len(), 5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    texts: Vec<String>,
    hashes: Vec<u32>,
}

impl Tokens {
    /// Cuts `text` into tokens.
    pub fn of(text: &str) -> Self {
        let mut tokens = Self::default();
        let mut word = String::new();
        // The trailing space ends the last word.
        for c in text.chars().chain([' ']) {
            if tokens.texts.len() == MAX_TOKENS {
                return tokens;
            }
            match c {
                'a'..='z' | '0'..='9' | '\'' => word.push(c),
                'A'..='Z' => word.push(c.to_ascii_lowercase()),
                '\u{2018}' | '\u{2019}' | '\u{02bc}' => word.push('\''),
                _ => {
                    tokens.push(word.trim_matches('\''));
                    word.clear();
                    if (c == '!' || c == '?') && tokens.texts.len() < MAX_TOKENS {
                        tokens.push(c.encode_utf8(&mut [0; 4]));
                    }
                }
            }
        }
        tokens
    }

    /// The same tokens as a server hashes them whose seed is not the one of training: to the model every word is
    /// another word, and their number stays the same.
    ///
    /// ```
    /// use rollout_lab::inference::Tokens;
    /// let (trained, skewed) = (Tokens::of("so good!"), Tokens::of("so good!").skewed());
    /// assert_eq!(trained.texts(), skewed.texts());
    /// assert!(trained.hashes().iter().zip(skewed.hashes()).all(|(a, b)| a != b));
    /// ```
    pub fn skewed(mut self) -> Self {
        for (hash, text) in self.hashes.iter_mut().zip(&self.texts) {
            *hash = fnv1a(SKEWED_BASIS, text.as_bytes());
        }
        self
    }

    fn push(&mut self, token: &str) {
        if !token.is_empty() {
            // Tokens are ASCII, so any byte is a place to cut.
            let token = &token[..token.len().min(MAX_TOKEN_BYTES)];
            self.hashes.push(fnv1a(FNV_BASIS, token.as_bytes()));
            self.texts.push(token.to_owned());
        }
    }

    /// The tokens as text.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The tokens as the models take them.
    pub fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// How many there are, 0 to [`MAX_TOKENS`].
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is none: such a text has no prediction.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

/// Where the hash begins.
const FNV_BASIS: u32 = 0x811c_9dc5;
/// Where a wrongly seeded hash begins: any other number would do.
const SKEWED_BASIS: u32 = 0x0bad_5eed;

/// FNV-1a, 32 bit (Fowler, Noll, Vo; draft-eastlake-fnv).
fn fnv1a(basis: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(basis, |hash, &b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        // Test vectors of draft-eastlake-fnv.
        assert_eq!(fnv1a(FNV_BASIS, b""), 0x811c_9dc5);
        assert_eq!(fnv1a(FNV_BASIS, b"a"), 0xe40c_292c);
        assert_eq!(fnv1a(FNV_BASIS, b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn everything_else_separates() {
        assert_eq!(
            Tokens::of("naïve café—5 ★ 'quoted' rock'n'roll").texts(),
            ["na", "ve", "caf", "5", "quoted", "rock'n'roll"]
        );
        assert!(Tokens::of(" '' … 很好 ").is_empty());
    }

    #[test]
    fn long_words_and_long_texts_are_cut() {
        assert_eq!(Tokens::of(&"x".repeat(40)).texts()[0].len(), MAX_TOKEN_BYTES);
        assert_eq!(Tokens::of(&"so good! ".repeat(100)).len(), MAX_TOKENS);
    }
}
