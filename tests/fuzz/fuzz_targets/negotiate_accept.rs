//! `Accept` headers: hostile ones get an answer that they name, or 0.0.4; well-formed ones get the best that there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nilometer_fuzz::accept::{Input, Range, input, lines};
use nilometer_prometheus::{EscapingScheme, Exposition, Format};

fn negotiate(lines: &[&[u8]]) -> (Format, EscapingScheme) {
    let exposition = Exposition::negotiate(lines.iter().copied());
    (exposition.format(), exposition.escaping())
}

/// Whether some line has this text, in letters of any case.
fn names(lines: &[&[u8]], text: &str) -> bool {
    let has = |line: &&[u8]| line.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    lines.iter().any(has)
}

fn hostile(lines: &[&[u8]]) {
    let answer = negotiate(lines);
    let named: &[&str] = match answer.0 {
        Format::Text => &[],
        Format::Text1 => &["text/plain", "1.0.0"],
        Format::OpenMetrics => &["application/openmetrics-text"],
        Format::Protobuf => &["application/vnd.google.protobuf", "delimited"],
        other => panic!("a format that nobody knows: {other:?}"),
    };
    assert!(named.iter().all(|text| names(lines, text)), "{answer:?} was not asked for");
    if answer.1 != EscapingScheme::Underscores {
        assert!(names(lines, "escaping") && names(lines, answer.1.as_str()), "{answer:?} was not asked for");
    }
    // SPEC: RFC 9110, section 5.3: lines are one list. One that is not ASCII is left out as a whole, and a quote that is
    // not closed goes to the end of its line.
    if lines.iter().all(|line| line.is_ascii() && !line.contains(&b'"')) {
        assert_eq!(negotiate(&[&lines.join(&b","[..])]), answer, "on one line");
    }
}

fn formed(lists: &[Vec<Range>]) {
    let mut best: Option<Range> = None;
    for range in lists.iter().flatten().filter(|range| range.format().is_some()) {
        let quality = range.quality.thousandths();
        if quality > best.map_or(0, |best| best.quality.thousandths()) {
            best = Some(*range);
        }
    }
    // Prometheus 3.5 says the scheme at its text formats alone.
    let elsewhere = lists.iter().flatten().find_map(|range| range.escaping());
    let expected = best.map_or((Format::Text, EscapingScheme::Underscores), |best| {
        let format = best.format().unwrap_or_default();
        let scheme = match format {
            Format::Protobuf => best.escaping().or(elsewhere),
            // It has no quotes around names.
            Format::Text => best.escaping().filter(|scheme| *scheme != EscapingScheme::AllowUtf8),
            _ => best.escaping(),
        };
        (format, scheme.unwrap_or(EscapingScheme::Underscores))
    });
    let lines = lines(lists, Range::text);
    let answer = negotiate(&lines.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert_eq!(answer, expected, "{lines:?}");
}

fuzz_target!(|data: &[u8]| {
    match input::<Range>(data) {
        Ok(Input::Hostile(lines)) => hostile(&lines),
        Ok(Input::Formed(lists)) => formed(&lists),
        Err(_) => {}
    }
});
