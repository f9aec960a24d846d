//! `baggage`.
//!
//! The SDK's own propagator cuts a value at its second equals sign, loses blanks at the ends of values, and writes
//! decoded metadata back undecoded, which forges members; so this is written from the specification.

use opentelemetry::baggage::{Baggage, KeyValueMetadata};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::stats::Counters;

/// SPEC: W3C Baggage, 3.3.2: at least 8192 bytes and 64 members are propagated, and more need not be.
pub(super) const BYTES: usize = 8192;
const MEMBERS: usize = 64;

/// All that is not a `token` of RFC 9110, 5.6.2; the percent sign, which is one, stands for itself no more.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The same of values. More than that may stand as it is, but few characters do in practice, and less is misread.
const VALUE: &AsciiSet = &NAME.remove(b'/').remove(b':').remove(b'@');

/// The members of a field that are well formed; the others are counted. `None` when it is too large.
pub(super) fn read(field: &str, counters: &Counters) -> Option<Vec<KeyValueMetadata>> {
    let members = || field.split(',').filter(|member| !blank(member).is_empty());
    if field.len() > BYTES || members().nth(MEMBERS).is_some() {
        counters.oversized_baggage.inc();
        return None;
    }
    let known = members().filter_map(|text| {
        let member = member(text);
        if member.is_none() {
            counters.malformed_baggage.inc();
        }
        member
    });
    Some(known.collect())
}

/// Reads `name = value ; property ; property`.
fn member(text: &str) -> Option<KeyValueMetadata> {
    let (pair, properties) = text.split_once(';').unwrap_or((text, ""));
    let (name, value) = pair.split_once('=')?;
    let (name, value) = (blank(name), blank(value));
    if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(is_octet) {
        return None;
    }
    let decoded = |text| percent_decode_str(text).decode_utf8().ok();
    let (name, value) = (decoded(name)?.into_owned(), decoded(value)?.into_owned());
    // They are kept as they are, so that they go on as they came.
    let properties = blank(properties);
    well_formed(properties).then(|| KeyValueMetadata::new(name, value, properties))
}

/// Whether properties can stand behind a value without ending it.
fn well_formed(properties: &str) -> bool {
    properties.bytes().all(|byte| is_octet(byte) || matches!(byte, b';' | b' ' | b'\t'))
}

/// The field that holds this baggage, as far as it fits; what does not is counted. `None` when there is nothing.
pub(super) fn write(baggage: &Baggage, counters: &Counters) -> Option<String> {
    let mut field = String::new();
    for (index, (name, (value, metadata))) in baggage.iter().enumerate() {
        let mut member = format!(
            "{}={}",
            utf8_percent_encode(name.as_str(), NAME),
            utf8_percent_encode(value.as_str(), VALUE)
        );
        let properties = blank(metadata.as_str());
        if !properties.is_empty() {
            if well_formed(properties) {
                member.push(';');
                member.push_str(properties);
            } else {
                counters.malformed_baggage.inc();
            }
        }
        let comma = usize::from(!field.is_empty());
        if index >= MEMBERS || field.len() + comma + member.len() > BYTES {
            counters.oversized_baggage.inc();
            continue;
        }
        if comma == 1 {
            field.push(',');
        }
        field.push_str(&member);
    }
    (!field.is_empty()).then_some(field)
}

fn blank(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// SPEC: RFC 9110, 5.6.2, `tchar`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// SPEC: W3C Baggage, 3.3.1, `baggage-octet`.
fn is_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}
