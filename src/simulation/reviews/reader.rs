//! Reads a learner's own file of reviews, piece by piece.

use csv_core::{ReadFieldResult, ReaderBuilder};

use crate::{
    domain::Stars,
    simulation::random::{Purpose, Stream},
};

/// Rows kept of a file, unless fewer are asked for; of more, every row is as likely to be kept.
pub const MAX_ROWS: usize = 200_000;
/// Bytes that a field or the header line may have.
pub const MAX_FIELD_BYTES: usize = 64 * 1_024;
/// Bytes kept of a text. The models read 128 tokens, fewer bytes than this in all but odd texts.
pub const MAX_TEXT_BYTES: usize = 2_048;
/// Errors of rows that are kept; all are counted.
pub const MAX_ROW_ERRORS: usize = 100;

const BODY: &str = "review_body";
const RATING: &str = "star_rating";

/// A row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct RowError {
    /// Line of the file where the row begins, from 1.
    pub line: u64,
    /// What is wrong, with the value and what it should be.
    pub message: String,
}

/// Why a file as a whole could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it but blank lines.
    #[error("the file is empty; choose one with a header line and at least one review")]
    Empty,
    /// The text of the header is not UTF-8.
    #[error("the header line is not UTF-8 text; save the file as UTF-8 and choose it again")]
    NotText,
    /// No line break where a header would end.
    #[error(
        "the first line has more than {MAX_FIELD_BYTES} bytes, so it is no header; the first line must name the columns"
    )]
    NoHeader,
    /// A column that is needed.
    #[error(
        "there is no column `{wanted}`; the header names {found}. Rename the column that holds it to `{wanted}`"
    )]
    MissingColumn {
        /// Its name.
        wanted: &'static str,
        /// The columns that there are, in backticks.
        found: String,
    },
    /// A header and no row under it that can be used.
    #[error("none of the {rows} rows can be used{}", first.as_ref().map(|e| format!("; {e}")).unwrap_or_default())]
    NoRow {
        /// Rows under the header.
        rows: u64,
        /// What is wrong with the first.
        first: Option<RowError>,
    },
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnReviews {
    /// The reviews that are kept, with their stars.
    pub reviews: Vec<(String, Stars)>,
    /// Rows under the header, good and bad.
    pub rows: u64,
    /// Rows that could not be used.
    pub bad_rows: u64,
    /// Of these, rows whose text is not UTF-8.
    pub not_utf8_rows: u64,
    /// The first [`MAX_ROW_ERRORS`] of them.
    pub errors: Vec<RowError>,
    /// What stands between fields: a tab, a comma or a semicolon.
    pub delimiter: char,
}

/// Reads reviews in the layout of the Amazon reviews sets, in any pieces.
///
/// The header decides: with a tab in it the file is TSV, in which quotes mean nothing (as in those sets); otherwise it
/// is CSV with the quotes of RFC 4180, parted by commas or semicolons. The columns `review_body` and `star_rating`
/// must be there, in any case and order, among any others.
///
/// # Shapes and units
/// Memory is bounded: one field, [`MAX_ROWS`] texts of [`MAX_TEXT_BYTES`], [`MAX_ROW_ERRORS`] errors. A file cut into
/// other pieces gives the same result.
///
/// # Errors
/// [`ReadError`] for the file as a whole. A bad row is a [`RowError`] and the next is read: another number of fields
/// than the header, a field over [`MAX_FIELD_BYTES`], text that is not UTF-8, no text, or stars that are not 1 to 5.
///
/// # Source
/// RFC 4180; rows are kept by reservoir sampling (Vitter 1985, algorithm R), seeded.
///
/// # Examples
/// ```
/// use rollout_lab::simulation::reviews::reader::ReviewReader;
/// let mut reader = ReviewReader::new(1);
/// reader.push(b"star_rating,review_body\n5,\"Lovely, ");
/// reader.push(b"simply lovely\"\n9,no\n");
/// let own = reader.finish()?;
/// assert_eq!(own.reviews[0].0, "Lovely, simply lovely");
/// assert_eq!(own.errors[0].to_string(), "line 3: star_rating is `9`, but must be a whole number from 1 to 5");
/// # Ok::<(), rollout_lab::simulation::reviews::reader::ReadError>(())
/// ```
#[derive(Debug)]
pub struct ReviewReader {
    stage: Stage,
    sample: Stream,
    /// Rows kept at most.
    most: usize,
    read: OwnReviews,
}

#[derive(Debug)]
enum Stage {
    /// Collecting bytes until the header line is whole.
    Header(Vec<u8>),
    Rows(Box<Rows>),
    Failed(ReadError),
}

#[derive(Debug)]
struct Rows {
    parser: csv_core::Reader,
    columns: usize,
    body_column: usize,
    rating_column: usize,
    field: Vec<u8>,
    field_len: usize,
    /// Line breaks consumed.
    breaks: u64,
    /// Rows kept at most.
    most: usize,
    row: Row,
}

/// The row that is being read.
#[derive(Debug, Default)]
struct Row {
    line: u64,
    fields: usize,
    too_long: Option<usize>,
    field_too_long: bool,
    body: Vec<u8>,
    rating: Vec<u8>,
}

impl ReviewReader {
    /// A reader at the beginning of a file; `seed` decides which rows of a very long one are kept.
    pub fn new(seed: u64) -> Self {
        Self {
            stage: Stage::Header(Vec::new()),
            sample: Stream::new(seed, Purpose::Rows),
            most: MAX_ROWS,
            read: OwnReviews {
                reviews: Vec::new(),
                rows: 0,
                bad_rows: 0,
                not_utf8_rows: 0,
                errors: Vec::new(),
                delimiter: ',',
            },
        }
    }

    /// The same reader, keeping at most `most` rows.
    #[must_use]
    pub fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Reads on. After an error in the header the rest is ignored.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Failed(_) => {}
            Stage::Rows(rows) => rows.feed(bytes, &mut self.read, &mut self.sample),
            Stage::Header(head) => {
                head.extend_from_slice(bytes);
                let begin = header_begin(head);
                match head[begin..].iter().position(|b| matches!(b, b'\n' | b'\r')) {
                    Some(length) if length <= MAX_FIELD_BYTES => self.open(begin, length),
                    None if head.len() - begin <= MAX_FIELD_BYTES => {}
                    _ => self.stage = Stage::Failed(ReadError::NoHeader),
                }
            }
        }
    }

    /// Rows under the header so far.
    pub fn rows(&self) -> u64 {
        self.read.rows
    }

    /// Why reading further is of no use, when it is.
    pub fn failure(&self) -> Option<&ReadError> {
        if let Stage::Failed(e) = &self.stage { Some(e) } else { None }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ReadError`] when there is no usable header or no usable row.
    pub fn finish(mut self) -> Result<OwnReviews, ReadError> {
        if let Stage::Header(head) = &self.stage {
            let begin = header_begin(head);
            if begin == head.len() {
                return Err(ReadError::Empty);
            }
            let length = head.len() - begin;
            self.open(begin, length);
        }
        match self.stage {
            Stage::Rows(mut rows) => rows.end(&mut self.read, &mut self.sample),
            Stage::Failed(e) => return Err(e),
            Stage::Header(_) => return Err(ReadError::Empty),
        }
        if self.read.reviews.is_empty() {
            let first = self.read.errors.into_iter().next();
            return Err(ReadError::NoRow { rows: self.read.rows, first });
        }
        Ok(self.read)
    }

    /// Goes on to the rows once the header line stands at `begin` of the bytes collected.
    fn open(&mut self, begin: usize, length: usize) {
        let Stage::Header(head) = &mut self.stage else { return };
        let head = std::mem::take(head);
        let (header, rest) = head[begin..].split_at(length);
        let count = |b: u8| header.iter().filter(|&&h| h == b).count();
        let delimiter = match (count(b'\t'), count(b','), count(b';')) {
            (t, c, s) if t > 0 && t >= c && t >= s => b'\t',
            (_, c, s) if s > c => b';',
            _ => b',',
        };
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).quoting(delimiter != b'\t');
        self.read.delimiter = char::from(delimiter);
        self.stage = match columns(header, &builder) {
            Err(e) => Stage::Failed(e),
            Ok((columns, body_column, rating_column)) => {
                let mut rows = Box::new(Rows {
                    parser: builder.build(),
                    columns,
                    body_column,
                    rating_column,
                    // One byte more than may be, so that a field of the limit does not look cut.
                    field: vec![0; MAX_FIELD_BYTES + 1],
                    field_len: 0,
                    breaks: head[..begin].iter().filter(|&&b| b == b'\n').count() as u64,
                    most: self.most,
                    row: Row::default(),
                });
                rows.feed(rest, &mut self.read, &mut self.sample);
                Stage::Rows(rows)
            }
        };
    }
}

/// Where the header begins: past a byte order mark and blank lines.
fn header_begin(head: &[u8]) -> usize {
    let mark = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    mark + head[mark..].iter().take_while(|b| matches!(b, b'\n' | b'\r')).count()
}

/// How many columns there are, and which hold the text and the stars.
fn columns(header: &[u8], builder: &ReaderBuilder) -> Result<(usize, usize, usize), ReadError> {
    let mut parser = builder.build();
    let mut names: Vec<String> = Vec::new();
    let mut field = vec![0; header.len() + 1];
    let mut rest = header;
    loop {
        // The header fits the buffer and has no line break, so each turn is a field, the end, or both.
        let (result, consumed, written) = parser.read_field(rest, &mut field);
        rest = &rest[consumed..];
        match result {
            ReadFieldResult::InputEmpty => {
                let (result, _, more) = parser.read_field(&[], &mut field[written..]);
                if matches!(result, ReadFieldResult::Field { .. }) {
                    names.push(name(&field[..written + more])?);
                }
                break;
            }
            ReadFieldResult::Field { record_end } => {
                names.push(name(&field[..written])?);
                if record_end {
                    break;
                }
            }
            ReadFieldResult::OutputFull | ReadFieldResult::End => break,
        }
    }
    let find = |wanted: &'static str| {
        names.iter().position(|n| n.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            let shown =
                names.iter().take(40).map(|n| format!("`{}`", n.chars().take(60).collect::<String>()));
            ReadError::MissingColumn { wanted, found: shown.collect::<Vec<_>>().join(", ") }
        })
    };
    Ok((names.len(), find(BODY)?, find(RATING)?))
}

fn name(bytes: &[u8]) -> Result<String, ReadError> {
    std::str::from_utf8(bytes).map(|n| n.trim().to_owned()).map_err(|_| ReadError::NotText)
}

impl Rows {
    fn feed(&mut self, mut bytes: &[u8], read: &mut OwnReviews, sample: &mut Stream) {
        while !bytes.is_empty() {
            // Between rows, blank lines and the second half of \r\n are skipped here, so that `breaks` is right.
            if self.row.fields == 0 && self.field_len == 0 && !self.row.field_too_long && self.row.line == 0 {
                let blank = bytes.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
                let (skipped, rest) = bytes.split_at(blank);
                self.count_breaks(skipped);
                bytes = rest;
                if bytes.is_empty() {
                    return;
                }
                self.row.line = self.breaks + 1;
            }
            let (result, consumed, written) =
                self.parser.read_field(bytes, &mut self.field[self.field_len..]);
            let (done, rest) = bytes.split_at(consumed);
            self.count_breaks(done);
            bytes = rest;
            self.take(result, written, read, sample);
        }
    }

    fn end(&mut self, read: &mut OwnReviews, sample: &mut Stream) {
        loop {
            let (result, _, written) = self.parser.read_field(&[], &mut self.field[self.field_len..]);
            if matches!(result, ReadFieldResult::End | ReadFieldResult::InputEmpty) {
                return;
            }
            self.take(result, written, read, sample);
        }
    }

    fn count_breaks(&mut self, bytes: &[u8]) {
        self.breaks += bytes.iter().filter(|&&b| b == b'\n').count() as u64;
    }

    fn take(&mut self, result: ReadFieldResult, written: usize, read: &mut OwnReviews, sample: &mut Stream) {
        self.field_len += written;
        match result {
            ReadFieldResult::InputEmpty | ReadFieldResult::End => {}
            ReadFieldResult::OutputFull => {
                self.row.field_too_long = true;
                self.field_len = 0;
            }
            ReadFieldResult::Field { record_end } => {
                let row = &mut self.row;
                let field = &self.field[..self.field_len];
                if row.field_too_long || field.len() > MAX_FIELD_BYTES {
                    row.too_long.get_or_insert(row.fields);
                } else if row.fields == self.body_column {
                    row.body.extend_from_slice(field);
                } else if row.fields == self.rating_column {
                    row.rating.extend_from_slice(field);
                }
                row.fields += 1;
                row.field_too_long = false;
                self.field_len = 0;
                if record_end {
                    self.end_row(read, sample);
                }
            }
        }
    }

    fn end_row(&mut self, read: &mut OwnReviews, sample: &mut Stream) {
        read.rows += 1;
        match self.review(read) {
            Ok(review) => {
                let good = read.rows - read.bad_rows;
                if read.reviews.len() < self.most {
                    read.reviews.push(review);
                } else if let Some(kept) = read.reviews.get_mut(sample.below(good) as usize) {
                    *kept = review;
                }
            }
            Err(message) => {
                read.bad_rows += 1;
                if read.errors.len() < MAX_ROW_ERRORS {
                    read.errors.push(RowError { line: self.row.line, message });
                }
            }
        }
        self.row.body.clear();
        self.row.rating.clear();
        self.row.line = 0;
        self.row.fields = 0;
        self.row.too_long = None;
    }

    fn review(&self, read: &mut OwnReviews) -> Result<(String, Stars), String> {
        let row = &self.row;
        if let Some(place) = row.too_long {
            return Err(format!("field {} has more than {MAX_FIELD_BYTES} bytes", place + 1));
        }
        if row.fields != self.columns {
            return Err(format!("the row has {} fields, but the header has {}", row.fields, self.columns));
        }
        let (Ok(body), Ok(rating)) = (std::str::from_utf8(&row.body), std::str::from_utf8(&row.rating))
        else {
            read.not_utf8_rows += 1;
            return Err("the text is not UTF-8; save the file as UTF-8".to_owned());
        };
        let (body, rating) = (body.trim(), rating.trim());
        let stars = rating.parse().ok().and_then(|n| Stars::new(n).ok()).ok_or_else(|| {
            let shown: String = rating.chars().take(20).collect();
            format!("{RATING} is `{shown}`, but must be a whole number from 1 to 5")
        })?;
        if body.is_empty() {
            return Err(format!("{BODY} is empty"));
        }
        let end = (0..=MAX_TEXT_BYTES.min(body.len())).rev().find(|&i| body.is_char_boundary(i)).unwrap_or(0);
        Ok((body[..end].to_owned(), stars))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<OwnReviews, ReadError> {
        read_pieces(bytes, &[])
    }

    fn read_pieces(bytes: &[u8], cuts: &[usize]) -> Result<OwnReviews, ReadError> {
        let mut reader = ReviewReader::new(1);
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            reader.push(&bytes[from..cut]);
            from = cut;
        }
        reader.finish()
    }

    fn texts(own: &OwnReviews) -> Vec<(&str, u8)> {
        own.reviews.iter().map(|(t, s)| (t.as_str(), s.get())).collect()
    }

    #[test]
    fn the_amazon_layout_is_read() {
        let own = read(
            b"\xef\xbb\xbfmarketplace\tstar_rating\treview_headline\treview_body\treview_date\n\
            US\t5\tNice\tThe \"best\" one, \"really\t2015-08-31\r\n\
            \r\n\
            US\t1\tBad\tBroke.\t2015-08-31",
        )
        .unwrap();
        assert_eq!(texts(&own), [("The \"best\" one, \"really", 5), ("Broke.", 1)]);
        assert_eq!((own.delimiter, own.rows, own.bad_rows), ('\t', 2, 0));
    }

    #[test]
    fn csv_may_quote() {
        let own = read(b"Review_Body;STAR_RATING\r\n\"a;\r\nb \"\"c\"\"\";4\r\nplain;2\r\n;3\r\nx;5;y\r\n")
            .unwrap();
        assert_eq!(texts(&own), [("a;\r\nb \"c\"", 4), ("plain", 2)]);
        let said: Vec<String> = own.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["line 5: review_body is empty", "line 6: the row has 3 fields, but the header has 2"]
        );
    }

    #[test]
    fn a_quoted_header_is_read() {
        let own = read(b"\"star_rating\",\"review_body\"\n1,no\n").unwrap();
        assert_eq!(texts(&own), [("no", 1)]);
        let own = read(b"star_rating,\"review_body\"\n1,no\n").unwrap();
        assert_eq!(texts(&own), [("no", 1)]);
    }

    #[test]
    fn whole_file_errors_say_what_to_do() {
        for empty in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf"] {
            assert_eq!(read(empty), Err(ReadError::Empty));
        }
        assert_eq!(read(b"review_b\xffdy,star_rating\n"), Err(ReadError::NotText));
        let said = read(b"text,star_rating,id\na,1,2\n").unwrap_err().to_string();
        assert!(said.contains("`review_body`") && said.contains("`text`, `star_rating`, `id`"), "{said}");
        let said = read(b"review_body,star_rating").unwrap_err().to_string();
        assert!(said.contains("none of the 0 rows"), "{said}");
        let said = read(b"review_body,star_rating\na,b\n").unwrap_err().to_string();
        assert!(said.contains("line 2: star_rating is `b`"), "{said}");
        assert_eq!(read(&vec![b'x'; MAX_FIELD_BYTES + 1]), Err(ReadError::NoHeader));
    }

    #[test]
    fn a_field_over_the_limit_is_an_error_of_its_row() {
        let mut file = b"review_body,star_rating\n".to_vec();
        for length in [MAX_FIELD_BYTES, MAX_FIELD_BYTES + 1, 3 * MAX_FIELD_BYTES] {
            file.extend(std::iter::repeat_n(b'x', length));
            file.extend(b",1\n");
        }
        file.extend(b"y,2\n");
        let own = read(&file).unwrap();
        assert_eq!((own.rows, own.bad_rows, own.reviews.len()), (4, 2, 2));
        assert_eq!(own.reviews[0].0.len(), MAX_TEXT_BYTES);
        assert_eq!(own.errors[0].to_string(), "line 3: field 1 has more than 65536 bytes");
    }

    #[test]
    fn rows_that_are_not_utf8_are_counted() {
        let own = read(b"review_body,star_rating\nok,1\n\xff\xfe,2\n\xc3,3\n").unwrap();
        assert_eq!((own.not_utf8_rows, own.bad_rows), (2, 2));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let file = format!("review_body,star_rating\na{},1\n", "é".repeat(MAX_TEXT_BYTES));
        let own = read(file.as_bytes()).unwrap();
        assert_eq!(own.reviews[0].0.len(), MAX_TEXT_BYTES - 1);
    }

    #[test]
    fn of_a_long_file_every_row_is_as_likely() {
        let mut reader = ReviewReader::new(5);
        reader.push(b"review_body\tstar_rating\n");
        for i in 0..300_000 {
            reader.push(format!("{i}\t{}\n", i % 5 + 1).as_bytes());
        }
        for i in 0..500 {
            reader.push(format!("bad {i}\t0\n").as_bytes());
        }
        let own = reader.finish().unwrap();
        assert_eq!((own.rows, own.bad_rows, own.errors.len()), (300_500, 500, MAX_ROW_ERRORS));
        assert_eq!(own.reviews.len(), MAX_ROWS);
        let late = own.reviews.iter().filter(|(t, _)| t.parse::<u32>().unwrap() >= 150_000).count();
        // Half of the rows: 100,000 ± 4 standard deviations of a hypergeometric count.
        assert!(late.abs_diff(100_000) < 4 * 130, "{late}");
    }

    #[test]
    fn fewer_rows_are_drawn_from_the_whole_file_too() {
        let mut reader = ReviewReader::new(5).keeping(1_000);
        reader.push(b"review_body\tstar_rating\n");
        for i in 0..20_000 {
            reader.push(format!("{i}\t1\n").as_bytes());
        }
        let own = reader.finish().unwrap();
        assert_eq!((own.rows, own.reviews.len()), (20_000, 1_000));
        let late = own.reviews.iter().filter(|(t, _)| t.parse::<u32>().unwrap() >= 10_000).count();
        // Half of the rows: 500 ± 4 standard deviations of a hypergeometric count.
        assert!(late.abs_diff(500) < 4 * 16, "{late}");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            prop_assert_eq!(read(&bytes), read_pieces(&bytes, &cuts));
        }

        #[test]
        fn any_rows_in_any_pieces_give_the_same(
            rows in "([a\"é;,\t\r\n]{0,9}[,\t][0-7]{0,2}(\r\n|\n|\r)){0,12}",
            tabs in any::<bool>(),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let header = if tabs { "review_body\tstar_rating\r\n" } else { "review_body,star_rating\r\n" };
            let file = format!("{header}{rows}");
            prop_assert_eq!(read(file.as_bytes()), read_pieces(file.as_bytes(), &cuts));
        }
    }
}
