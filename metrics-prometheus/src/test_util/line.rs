//! One line of a page.

use std::borrow::Cow;

use super::page::{Fault, Labels};

/// What a line says.
pub(super) enum Line<'a> {
    Nothing,
    Help { name: Cow<'a, str>, help: String },
    Type { name: Cow<'a, str>, metric_type: &'a str },
    Sample { name: Cow<'a, str>, labels: Labels, value: &'a str },
}

/// Reads a line.
///
/// SPEC: Prometheus, "Exposition formats", text format 0.0.4: tokens are separated by blanks and tabs; comments but HELP
/// and TYPE mean nothing; a timestamp may follow the value. Names that are not classic are in quotes, a sample's inside of
/// the braces (Prometheus, "Content negotiation" and the UTF-8 extension of the text formats).
pub(super) fn parse(line: &str) -> Result<Line<'_>, Fault> {
    let line = line.trim_matches(BLANKS);
    if line.is_empty() {
        return Ok(Line::Nothing);
    }
    match line.strip_prefix('#') {
        Some(comment) => parse_comment(comment.trim_start_matches(BLANKS)),
        None => parse_sample(line),
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

fn parse_comment(comment: &str) -> Result<Line<'_>, Fault> {
    let (keyword, rest) = word(comment);
    match keyword {
        "HELP" => {
            let (name, rest) = parse_name(rest, true)?;
            let help = unescape(rest.trim_start_matches(BLANKS), &['\\']);
            Ok(Line::Help { name, help })
        }
        "TYPE" => {
            let (name, rest) = parse_name(rest, true)?;
            let (metric_type, rest) = word(rest.trim_start_matches(BLANKS));
            if rest.is_empty() {
                Ok(Line::Type { name, metric_type })
            } else {
                Err(Fault::Rest(rest.to_owned()))
            }
        }
        _ => Ok(Line::Nothing),
    }
}

fn parse_sample(line: &str) -> Result<Line<'_>, Fault> {
    let (name, labels, rest) = if let Some(inside) = line.strip_prefix('{') {
        let inside = inside.trim_start_matches(BLANKS);
        let (name, rest) = parse_name(inside, true)?;
        let rest = rest.trim_start_matches(BLANKS);
        let is_quoted = matches!(name, Cow::Owned(_));
        let rest = rest.strip_prefix(',').or(rest.starts_with('}').then_some(rest));
        let rest = rest.filter(|_| is_quoted).ok_or_else(|| Fault::Labels(inside.to_owned()))?;
        let (labels, rest) = parse_labels(rest)?;
        (name, labels, rest)
    } else {
        let (name, rest) = parse_name(line, true)?;
        let rest = rest.trim_start_matches(BLANKS);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => parse_labels(rest)?,
            None => (Vec::new(), rest),
        };
        (name, labels, rest)
    };
    let (value, rest) = word(rest.trim_start_matches(BLANKS));
    let (timestamp, rest) = word(rest);
    if !timestamp.is_empty() && timestamp.parse::<i64>().is_err() {
        return Err(Fault::Timestamp(timestamp.to_owned()));
    }
    if rest.is_empty() { Ok(Line::Sample { name, labels, value }) } else { Err(Fault::Rest(rest.to_owned())) }
}

/// Reads labels up to the closing brace; returns them in the order of their names, and what is behind the brace.
fn parse_labels(mut rest: &str) -> Result<(Labels, &str), Fault> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(behind) = rest.strip_prefix('}') {
            labels.sort();
            return Ok((labels, behind));
        }
        let (name, behind) = parse_name(rest, false)?;
        let value = behind.trim_start_matches(BLANKS).strip_prefix('=');
        let quoted = value.and_then(|value| value.trim_start_matches(BLANKS).strip_prefix('"'));
        let quoted = quoted.ok_or_else(|| Fault::Labels(rest.to_owned()))?;
        let end = closing_quote(quoted).ok_or_else(|| Fault::Labels(rest.to_owned()))?;
        if labels.iter().any(|(known, _)| *known == name) {
            return Err(Fault::DuplicateLabel(name.into_owned()));
        }
        let value = unescape(&quoted[..end], &['\\', '"']);
        // To Prometheus, a label without a value is not there.
        if !value.is_empty() {
            labels.push((name.into_owned(), value));
        }
        rest = quoted[end + 1..].trim_start_matches(BLANKS);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with('}') => {}
            None => return Err(Fault::Labels(rest.to_owned())),
        }
    }
}

/// Reads a name, in quotes or not; returns what is behind it too. A name that was in quotes is owned.
fn parse_name(text: &str, is_metric: bool) -> Result<(Cow<'_, str>, &str), Fault> {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = closing_quote(quoted).filter(|&end| end > 0).ok_or_else(|| Fault::Name(text.to_owned()))?;
        return Ok((Cow::Owned(unescape(&quoted[..end], &['\\', '"'])), &quoted[end + 1..]));
    }
    let end = text.find(['{', '}', '=', ',', '"', ' ', '\t']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    check_name(name, is_metric)?;
    Ok((Cow::Borrowed(name), rest))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Takes back the escapes of a line feed and of these characters; others stay as they are.
fn unescape(text: &str, escaped: &[char]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some(other) if escaped.contains(&other) => plain.push(other),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// The text up to the next blank, and what is behind the blanks.
fn word(text: &str) -> (&str, &str) {
    match text.split_once(BLANKS) {
        Some((word, rest)) => (word, rest.trim_start_matches(BLANKS)),
        None => (text, ""),
    }
}

fn check_name(name: &str, is_metric: bool) -> Result<(), Fault> {
    let is_fit = |(at, byte): (usize, u8)| {
        byte.is_ascii_alphabetic()
            || byte == b'_'
            || (at > 0 && byte.is_ascii_digit())
            || (is_metric && byte == b':')
    };
    if !name.is_empty() && name.bytes().enumerate().all(is_fit) {
        Ok(())
    } else {
        Err(Fault::Name(name.to_owned()))
    }
}
