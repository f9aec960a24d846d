//! How numbers are spelled on a page.

use std::fmt::Write as _;

use nilometer_core::collect::Number;

/// How many bytes a number takes at most: the longest float has 25.
pub(crate) const NUMBER_ROOM: usize = 32;

/// Appends a sample's value: every digit of a whole number, the shortest digits that read back as the same float, and
/// no fraction where there is none.
///
/// SPEC: Prometheus, "Exposition formats", text format details: what Go's `ParseFloat` reads, and `NaN`, `+Inf`,
/// `-Inf`.
#[inline]
pub(crate) fn push_number_line(number: Number, out: &mut String) {
    match number {
        Number::U64(value) => push_whole_line(value, out),
        Number::I64(value) => push_signed_line(value, out),
        Number::F64(value) => push_float_line(value, out),
    }
}

#[inline(never)]
fn push_signed_line(value: i64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
    out.push('\n');
}

/// Three digits and a line feed for each number below 1000, and four bytes behind the last one.
///
/// PERF: `encode/text_page` in `benches/LEDGER.md`. Four bytes are copied from wherever a number's digits begin, and what
/// is too much is cut off: nothing branches on how many digits there are, which no processor foresees.
#[expect(clippy::cast_possible_truncation, reason = "digits are below 10")]
const GROUPS: &str = {
    const BYTES: [u8; 4 * 1000 + 4] = {
        let mut bytes = [b'\n'; 4 * 1000 + 4];
        let mut number = 0_u16;
        while number < 1000 {
            let at = 4 * number as usize;
            bytes[at] = b'0' + (number / 100) as u8;
            bytes[at + 1] = b'0' + (number / 10 % 10) as u8;
            bytes[at + 2] = b'0' + (number % 10) as u8;
            number += 1;
        }
        bytes
    };
    match str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    }
};

/// Appends a whole number and a line feed.
#[inline]
pub(crate) fn push_whole_line(value: u64, out: &mut String) {
    if value < 1000 {
        push_digits(group(value), 1, out);
    } else {
        push_long_line(value, out);
    }
}

#[inline(never)]
fn push_long_line(value: u64, out: &mut String) {
    if value < 1_000_000 {
        push_digits(group(value / 1000), 0, out);
        push_four(4 * group(value), out);
    } else {
        out.push_str(itoa::Buffer::new().format(value));
        out.push('\n');
    }
}

/// The last three digits of a number, as one number.
fn group(number: u64) -> usize {
    (number % 1000) as usize
}

/// Appends the digits of a number below 1000, and so many of the bytes behind them.
#[inline]
fn push_digits(number: usize, more: usize, out: &mut String) {
    let leading = usize::from(number < 100) + usize::from(number < 10);
    let end = out.len() + 3 + more - leading;
    push_four(4 * number + leading, out);
    out.truncate(end);
}

#[inline]
fn push_four(at: usize, out: &mut String) {
    // Always there: groups are below 1000.
    if let Some(digits) = GROUPS.get(at..at + 4) {
        out.push_str(digits);
    }
}

#[inline(never)]
fn push_float_line(value: f64, out: &mut String) {
    if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let digits = buffer.format_finite(value);
        out.push_str(digits.strip_suffix(".0").unwrap_or(digits));
    } else if value.is_nan() {
        out.push_str("NaN");
    } else {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    out.push('\n');
}

/// Appends an upper bound in its one canonical spelling: Go's shortest `%g`, and `.0` behind it where that has
/// neither a point nor an exponent.
///
/// To Prometheus 2 the label's text is the series' identity, so every format has to agree on one spelling; Prometheus
/// 3 rewrites all others to this one.
///
/// SPEC: OpenMetrics 1.0.0, "Considerations: Canonical Numbers".
pub(crate) fn push_bound(bound: f64, out: &mut String) {
    if bound.is_infinite() {
        out.push_str(if bound > 0.0 { "+Inf" } else { "-Inf" });
        return;
    }
    if bound == 0.0 {
        // Zero has no sign as a bound.
        out.push_str("0.0");
        return;
    }
    let scientific = format!("{:e}", bound.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if bound < 0.0 {
        out.push('-');
    }
    // Go's `%g` turns to the exponent below 1e-4 and, for shortest digits, from 1e6 on.
    let written = if (-4..6).contains(&exponent) {
        let start = out.len();
        let written = write!(out, "{}", bound.abs());
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
        written
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(value: f64) -> String {
        let mut text = String::new();
        push_bound(value, &mut text);
        text
    }

    fn sample(value: Number) -> String {
        let mut line = String::from("x ");
        push_number_line(value, &mut line);
        assert!(line.len() < NUMBER_ROOM);
        line.strip_prefix("x ").and_then(|line| line.strip_suffix('\n')).unwrap().to_owned()
    }

    #[test]
    fn whole_numbers_of_every_length_have_their_digits() {
        let powers = (0..20).map(|digits| 10_u64.pow(digits));
        let near = powers.flat_map(|power| [power - 1, power, power + 1, power.wrapping_mul(7)]);
        for value in near.chain(0..12_345).chain([u64::MAX]) {
            assert_eq!(sample(Number::U64(value)), value.to_string());
        }
    }

    #[test]
    fn bounds_have_the_canonical_spelling() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (10.0, "10.0"),
            (2.5, "2.5"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.000_099, "9.9e-05"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (99_999.0, "99999.0"),
            (100_000.0, "100000.0"),
            (999_999.5, "999999.5"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (-1_234_567.25, "-1.23456725e+06"),
            (1_048_576.0, "1.048576e+06"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(bound(value), expected, "{value:e}");
        }
    }

    #[test]
    fn samples_keep_every_digit_and_no_empty_fraction() {
        for (value, expected) in [
            (Number::U64(u64::MAX), "18446744073709551615"),
            (Number::I64(i64::MIN), "-9223372036854775808"),
            (Number::F64(10.0), "10"),
            (Number::F64(0.0), "0"),
            (Number::F64(-0.0), "-0"),
            (Number::F64(-2.5), "-2.5"),
            (Number::F64(0.1), "0.1"),
            (Number::F64(1e6), "1000000"),
            (Number::F64(f64::NAN), "NaN"),
            (Number::F64(-f64::NAN), "NaN"),
            (Number::F64(f64::INFINITY), "+Inf"),
            (Number::F64(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(sample(value), expected);
        }
    }

    #[test]
    fn every_float_is_read_back_as_it_was() {
        // Steps through the bit patterns of all magnitudes, with an odd stride so that mantissas vary.
        let mut bits = 1_u64;
        while bits < f64::INFINITY.to_bits() {
            let value = f64::from_bits(bits);
            assert_eq!(sample(Number::F64(value)).parse::<f64>().unwrap().to_bits(), bits);
            assert_eq!(bound(value).parse::<f64>().unwrap().to_bits(), bits);
            bits += 0x0003_9a7b_1357_9bdf;
        }
    }
}
