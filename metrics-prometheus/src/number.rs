//! How numbers are spelled on a page.

use std::fmt::Write as _;

use nilometer_core::collect::Number;

/// Room for one number's digits, on the stack of whoever writes it.
pub(crate) struct NumberBuffer {
    whole: itoa::Buffer,
    float: zmij::Buffer,
}

impl NumberBuffer {
    pub(crate) fn new() -> NumberBuffer {
        NumberBuffer { whole: itoa::Buffer::new(), float: zmij::Buffer::new() }
    }

    /// A sample's value: every digit of a whole number, the shortest digits that read back as the same float, and no
    /// fraction where there is none.
    ///
    /// SPEC: Prometheus, "Exposition formats", text format details: what Go's `ParseFloat` reads, and `NaN`, `+Inf`,
    /// `-Inf`.
    pub(crate) fn sample(&mut self, number: Number) -> &str {
        match number {
            Number::U64(value) => self.whole.format(value),
            Number::I64(value) => self.whole.format(value),
            Number::F64(value) if value.is_nan() => "NaN",
            Number::F64(f64::INFINITY) => "+Inf",
            Number::F64(f64::NEG_INFINITY) => "-Inf",
            Number::F64(value) => {
                let digits = self.float.format_finite(value);
                digits.strip_suffix(".0").unwrap_or(digits)
            }
        }
    }
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
            assert_eq!(NumberBuffer::new().sample(value), expected);
        }
    }

    #[test]
    fn every_float_is_read_back_as_it_was() {
        // Steps through the bit patterns of all magnitudes, with an odd stride so that mantissas vary.
        let mut bits = 1_u64;
        while bits < f64::INFINITY.to_bits() {
            let value = f64::from_bits(bits);
            let mut buffer = NumberBuffer::new();
            assert_eq!(buffer.sample(Number::F64(value)).parse::<f64>().unwrap().to_bits(), bits);
            assert_eq!(bound(value).parse::<f64>().unwrap().to_bits(), bits);
            bits += 0x0003_9a7b_1357_9bdf;
        }
    }
}
