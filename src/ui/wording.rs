//! How numbers are said to people.

/// With a comma at every third digit: `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// US dollars: cents from a dollar on, else as many digits as it takes to see something.
pub fn usd(dollars: f64) -> String {
    match dollars {
        0.0 => "$0.00".to_owned(),
        d if d.abs() < 0.01 => format!("${d:.4}"),
        d if d.abs() < 1.0 => format!("${d:.3}"),
        d if d.abs() < 1_000.0 => format!("${d:.2}"),
        d => format!("${}", count(d.round() as u64)),
    }
}

/// A share of 0 to 1 in percent, with the digits that it needs and not more: `5%`, `33.3%`, `0.04%`.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    let text = if p == 0.0 || (p - p.round()).abs() < 0.05 && p.round() != 0.0 {
        format!("{:.0}", p.round())
    } else if p.abs() < 0.1 {
        format!("{p:.2}")
    } else {
        format!("{p:.1}")
    };
    format!("{text}%")
}

/// Bytes in the unit that keeps it short: `165 KB`, `2.7 MB`.
pub fn bytes(n: u64) -> String {
    match n as f64 {
        b if b < 1_000.0 => format!("{n} B"),
        b if b < 1_000_000.0 => format!("{:.0} KB", b / 1e3),
        b => format!("{:.1} MB", b / 1e6),
    }
}

/// Microseconds in the unit that keeps it short: `850 µs`, `12.3 ms`, `1.25 s`.
pub fn micros(us: f64) -> String {
    match us {
        u if u < 1_000.0 => format!("{u:.0} µs"),
        u if u < 1_000_000.0 => format!("{:.1} ms", u / 1e3),
        u => format!("{:.2} s", u / 1e6),
    }
}

/// A number with at most `digits` after the point and no zeros at its end: `50`, `0.25`.
pub fn short(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The word for one or for more: `1 request`, `2 requests`.
pub fn plural(n: u64, word: &str) -> String {
    format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_lose_nothing_that_matters() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.0012, 0.23, 12.345, 4_321.0].map(usd),
            ["$0.00", "$0.0012", "$0.230", "$12.35", "$4,321"]
        );
        assert_eq!([0.05, 1.0 / 3.0, 0.0004, 0.0, 1.0].map(percent), ["5%", "33.3%", "0.04%", "0%", "100%"]);
        assert_eq!([12, 165_375, 2_680_000].map(bytes), ["12 B", "165 KB", "2.7 MB"]);
        assert_eq!([850.0, 12_345.0, 1_250_000.0].map(micros), ["850 µs", "12.3 ms", "1.25 s"]);
        assert_eq!(
            (short(50.0, 2), short(0.25, 3), short(100.0, 0)),
            ("50".into(), "0.25".into(), "100".into())
        );
        assert_eq!((plural(1, "request"), plural(2, "request")), ("1 request".into(), "2 requests".into()));
    }
}
