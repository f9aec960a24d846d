//! The compression that an `Accept-Encoding` header asks for.

use super::header::members;
use crate::compress::Coding;

/// Chooses by the lines of a request's `Accept-Encoding` header: of the `available` codings the one with the highest
/// quality, and of several the one that is available first, unless the page as it is has a higher one. `None` is the
/// page as it is, which those get as well who send no header, or want nothing that there is.
///
/// SPEC: RFC 9110, section 12.5.3. Where a client takes any coding, the page as it is will do; where it takes any but
/// the page as it is, it gets what is available last, which is what the most clients understand.
pub(crate) fn negotiate_coding<'a>(
    accept_encoding: impl IntoIterator<Item = &'a [u8]>,
    available: &'static [Coding],
) -> Option<&'static Coding> {
    let mut qualities: Vec<Option<u16>> = vec![None; available.len()];
    let (mut identity, mut any) = (None, None);
    for member in members(accept_encoding) {
        let is = |name: &str| member.name.eq_ignore_ascii_case(name);
        let quality = match available.iter().position(|coding| coding.names.iter().any(|name| is(name))) {
            Some(place) => &mut qualities[place],
            None if is("identity") => &mut identity,
            None if is("*") => &mut any,
            None => continue,
        };
        // Whoever names something twice has said it the first time.
        quality.get_or_insert(member.quality);
    }
    let identity = identity.or(any);
    let refuses_identity = identity == Some(0);
    let at_least = identity.unwrap_or(0).max(1);
    let mut best: Option<(u16, &Coding)> = None;
    for (coding, quality) in available.iter().zip(&qualities) {
        let quality = quality.unwrap_or(0);
        if quality >= at_least && best.is_none_or(|(than, _)| quality > than) {
            best = Some((quality, coding));
        }
    }
    let last = available.iter().zip(&qualities).rfind(|(_, quality)| quality.is_none());
    let takes_any = refuses_identity && any.is_some_and(|quality| quality > 0);
    best.map(|(_, coding)| coding).or(last.filter(|_| takes_any).map(|(coding, _)| coding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::{GZIP, gzip_as};

    /// Two codings, of which gzip is the second.
    static BOTH: [Coding; 2] = [gzip_as(&["best"]), GZIP];

    fn negotiate(lines: &[&str]) -> &'static str {
        let lines = lines.iter().map(|line| line.as_bytes());
        negotiate_coding(lines, &BOTH).map_or("identity", Coding::name)
    }

    #[test]
    fn the_best_coding_that_there_is_wins() {
        for (accept, expected) in [
            // What Prometheus sends, with and without compression; curl; browsers.
            ("gzip", "gzip"),
            ("identity", "identity"),
            ("deflate, gzip, br, best", "best"),
            ("gzip, deflate, br", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("gzip;q=0.5, best;q=0.4", "gzip"),
            ("gzip;q=0.5, best;q=0.5", "best"),
            ("gzip;q=0.5, identity;q=0.6", "identity"),
            ("gzip;q=0.5, identity;q=0.5", "gzip"),
            ("gzip;q=0, best;q=0", "identity"),
            ("gzip;q=0", "identity"),
            ("br", "identity"),
            ("*", "identity"),
            ("*;q=0", "identity"),
            ("gzip, *;q=0", "gzip"),
            ("identity;q=0", "identity"),
            ("identity;q=0, *", "gzip"),
            ("identity;q=0, gzip;q=0, *", "best"),
            ("identity;q=0, gzip;q=0, best;q=0, *", "identity"),
            ("identity;q=0, gzip;q=0.1", "gzip"),
            ("*;q=0.5, gzip;q=0.1", "identity"),
            ("*, gzip", "gzip"),
            ("gzip, gzip;q=0", "gzip"),
        ] {
            assert_eq!(negotiate(&[accept]), expected, "{accept}");
        }
        assert_eq!(negotiate(&["br", "gzip"]), "gzip", "on two lines");
    }

    #[test]
    fn no_header_and_hostile_ones_get_the_page_as_it_is() {
        let long = "gzip;q=2,".repeat(10_000);
        assert_eq!(negotiate(&[]), "identity");
        for accept in ["", ",", "gzip;q=", "gzip;q=x", "gz\0ip", "\"gzip", "gzip=1", "é, gzip", &long] {
            assert_eq!(negotiate(&[accept]), "identity", "{accept:.20}");
        }
    }
}
