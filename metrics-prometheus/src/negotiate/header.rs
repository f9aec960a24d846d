//! Lists of what a client accepts, each with parameters and a quality.
//!
//! Whatever a client sends is read as far as it makes sense: what does not is as if it were not there.

/// The quality of what is named without one, in thousandths, which is the highest.
const BEST: u16 = 1000;

/// One member of a list: what it names, and how much it is wanted.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    /// What stands before the first parameter.
    pub(super) name: &'a str,
    parameters: &'a str,
    /// In thousandths; zero is not wanted at all.
    pub(super) quality: u16,
}

impl<'a> Member<'a> {
    fn parse(text: &'a str) -> Option<Member<'a>> {
        let name = split(text, ';').next()?;
        let parameters = &text[name.len()..];
        let mut member = Member { name: trim(name), parameters, quality: BEST };
        if let Some(quality) = member.parameter("q") {
            member.quality = parse_quality(quality)?;
        }
        (!member.name.is_empty()).then_some(member)
    }

    /// The value of a parameter, without its quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        split(self.parameters, ';').find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            let value = trim(value);
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            trim(found).eq_ignore_ascii_case(name).then_some(quoted.unwrap_or(value))
        })
    }
}

/// The members of a header that may stand on several lines. A line that is not ASCII is left out.
///
/// SPEC: RFC 9110, section 5.6.1 (lists) and 12.4.2 (quality values).
pub(super) fn members<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = Member<'a>> {
    let lines = lines.into_iter().filter(|line| line.is_ascii());
    let lines = lines.filter_map(|line| str::from_utf8(line).ok());
    lines.flat_map(|line| split(line, ',')).filter_map(Member::parse)
}

/// The quality in thousandths; digits that are smaller than that are left out.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    let thousandths = digits.fold(0, |sum, digit| 10 * sum + u16::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(BEST),
        _ => None,
    }
}

/// SPEC: RFC 9110, section 5.6.3: blanks and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Splits at each separator that is not in a quoted string. A quote that is not closed goes to the end.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        let ends = character == separator && !quoted;
        match character {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<(String, u16)> {
        let lines = lines.iter().map(|line| line.as_bytes());
        members(lines).map(|member| (member.name.to_owned(), member.quality)).collect()
    }

    #[test]
    fn members_of_all_lines_are_read_with_their_quality() {
        let expected = |members: &[(&str, u16)]| -> Vec<(String, u16)> {
            members.iter().map(|&(name, quality)| (name.to_owned(), quality)).collect()
        };
        assert_eq!(
            read(&["a;q=0.5, b ;x=1; Q=0.1234 ,,", "c"]),
            expected(&[("a", 500), ("b", 123), ("c", 1000)])
        );
        assert_eq!(read(&["a;x=\"y,z;q=0\";q=1.000"]), expected(&[("a", 1000)]));
        assert_eq!(read(&["a;x=\"\\\",b\", c"]), expected(&[("a", 1000), ("c", 1000)]));
    }

    #[test]
    fn what_makes_no_sense_is_as_if_it_were_not_there() {
        for bad in [
            "",
            ",",
            ";",
            ";q=1",
            "a;q=",
            "a;q=2",
            "a;q=-1",
            "a;q=NaN",
            "a;q=1.5",
            "a;q=0.x",
            "é",
            "a;q=1.0é",
        ] {
            assert_eq!(read(&[bad]), [], "{bad:?}");
        }
        assert_eq!(read(&["a;x=\"b, c"]).len(), 1, "a quote that is not closed");
    }

    #[test]
    fn parameters_are_found_by_any_case_and_without_their_quotes() {
        let member = Member::parse("text/plain ; Version = \"1.0.0\" ; escaping=dots; flag").unwrap();
        assert_eq!(member.parameter("version"), Some("1.0.0"));
        assert_eq!(member.parameter("escaping"), Some("dots"));
        assert_eq!(member.parameter("flag"), None);
        assert_eq!(member.parameter("text/plain"), None);
    }
}
