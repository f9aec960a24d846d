//! Requests, made of structure, and what is to come of them.

use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Version;

use crate::text::Text;

/// The one user.
pub const USER: &str = "prometheus";

/// The user's password.
pub const PASSWORD: &str = "correct horse";

/// The one token.
pub const TOKEN: &str = "f8bf35b8e2c14d0a";

/// How many names a filter may have.
const NAMES: usize = 256;

/// Who asks.
#[derive(Arbitrary, Debug, Clone)]
pub enum Credentials {
    /// Nobody.
    None,
    /// The user.
    User(Style),
    /// The token.
    Token(Style),
    /// Somebody with this password.
    Other(Style, Text, Text),
    /// Whatever these bytes are.
    Raw(Vec<u8>),
    /// Two headers, of which one would do.
    Twice(Vec<u8>),
}

/// How a header is written.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub struct Style {
    is_upper: bool,
    spaces: u8,
}

impl Style {
    fn header(self, scheme: &str, credentials: &str) -> Vec<u8> {
        let scheme = if self.is_upper { scheme.to_ascii_uppercase() } else { scheme.to_owned() };
        let spaces = " ".repeat(usize::from(self.spaces % 3) + 1);
        format!("{scheme}{spaces}{credentials}").into_bytes()
    }
}

fn basic(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

impl Credentials {
    /// The `Authorization` headers.
    #[must_use]
    pub fn headers(&self) -> Vec<Vec<u8>> {
        match self {
            Credentials::None => Vec::new(),
            Credentials::User(style) => vec![style.header("Basic", &basic(USER, PASSWORD))],
            Credentials::Token(style) => vec![style.header("Bearer", TOKEN)],
            Credentials::Other(style, user, password) => {
                vec![style.header("Basic", &basic(&user.text(), &password.text()))]
            }
            Credentials::Raw(bytes) => vec![bytes.clone()],
            Credentials::Twice(bytes) => vec![format!("Bearer {TOKEN}").into_bytes(), bytes.clone()],
        }
    }
}

/// Whether these `Authorization` headers are those of somebody who may see the page: one header, the scheme in letters of
/// any case, spaces, and the very text that stands for the user or the token.
#[must_use]
pub fn may_see(headers: &[Vec<u8>]) -> bool {
    let [header] = headers else { return false };
    let right = [("basic ", basic(USER, PASSWORD)), ("bearer ", TOKEN.to_owned())];
    right.iter().any(|(scheme, text)| {
        header.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
            && header[scheme.len()..].trim_ascii() == text.as_bytes()
    })
}

/// A parameter of a query.
#[derive(Arbitrary, Debug, Clone)]
pub struct Parameter {
    key: Key,
    name: Name,
    /// How many times it is there, up to 300; few parameters are there more than once.
    times: u16,
    encoding: u8,
}

#[derive(Arbitrary, Debug, Clone)]
enum Key {
    Wanted,
    Excluded,
    Other(Text),
}

#[derive(Arbitrary, Debug, Clone)]
enum Name {
    /// One of those that families have.
    Known(u8),
    /// The beginning of one, and a star.
    Beginning(u8, u8),
    Any(Text),
}

/// A family under all its names: that of its descriptor, which is first, and those of a page and its samples.
pub type Names = &'static [&'static str];

impl Name {
    fn text(&self, families: &[Names]) -> String {
        let known: Vec<&str> = families.iter().flat_map(|names| names.iter().copied()).collect();
        match self {
            Name::Known(index) => known[usize::from(*index) % known.len()].to_owned(),
            Name::Beginning(index, length) => {
                let name = known[usize::from(*index) % known.len()];
                let letters = usize::from(*length) % (name.chars().count() + 1);
                name.chars().take(letters).chain(['*']).collect()
            }
            Name::Any(text) => text.text(),
        }
    }
}

/// The query of a request.
#[derive(Arbitrary, Debug, Clone)]
pub enum Query {
    /// These parameters.
    Formed(Vec<Parameter>),
    /// Whatever these bytes are.
    Raw(Vec<u8>),
}

/// What a query asks for.
#[derive(Debug, Default)]
pub struct Wanted {
    wanted: Vec<String>,
    excluded: Vec<String>,
}

impl Query {
    /// As it stands in the request, and what it asks for where that is known.
    #[must_use]
    pub fn written(&self, families: &[Names]) -> (Vec<u8>, Option<Wanted>) {
        let parameters = match self {
            Query::Raw(bytes) => return (bytes.clone(), None),
            Query::Formed(parameters) => parameters,
        };
        let mut pairs = Vec::new();
        let mut wanted = Wanted::default();
        for parameter in parameters.iter().take(8) {
            let name = parameter.name.text(families);
            let key = match &parameter.key {
                Key::Wanted => "name[]".to_owned(),
                Key::Excluded => "exclude[]".to_owned(),
                Key::Other(text) => text.text(),
            };
            let times = if parameter.times % 16 == 1 { usize::from(parameter.times % 300) } else { 1 };
            for _ in 0..times {
                match &*key {
                    "name[]" => wanted.wanted.push(name.clone()),
                    "exclude[]" => wanted.excluded.push(name.clone()),
                    _ => {}
                }
                let encoding = parameter.encoding;
                pairs.push(format!(
                    "{}={}",
                    encoded(&key, encoding),
                    encoded(&name, encoding.rotate_left(3))
                ));
            }
        }
        (pairs.join("&").into_bytes(), Some(wanted))
    }
}

/// Percent-encoded where it has to be, and where `choice` likes it.
fn encoded(text: &str, choice: u8) -> String {
    let mut result = String::new();
    for (index, byte) in text.bytes().enumerate() {
        let likes = choice >> (index % 8) & 1 == 1;
        match byte {
            b' ' if likes => result.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"_-.~*:[]!".contains(&byte) && !likes => {
                result.push(char::from(byte));
            }
            byte => {
                let code = if likes { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
                result.push_str(&code);
            }
        }
    }
    result
}

impl Wanted {
    /// Whether this is a filter at all.
    #[must_use]
    pub fn is_filter(&self) -> bool {
        let all = || self.wanted.iter().chain(&self.excluded);
        let is_name = |name: &String| {
            !name.is_empty()
                && name.chars().rev().skip(1).all(|letter| letter != '*')
                && !name.chars().any(char::is_control)
        };
        all().all(is_name) && all().count() <= NAMES
    }

    /// Whether it lets a family through.
    #[must_use]
    pub fn permits(&self, names: Names) -> bool {
        let is_meant = |name: &String| match name.strip_suffix('*') {
            Some(beginning) => names[0].starts_with(beginning),
            None => names.contains(&name.as_str()),
        };
        (self.wanted.is_empty() || self.wanted.iter().any(is_meant)) && !self.excluded.iter().any(is_meant)
    }
}

/// A version of HTTP.
#[must_use]
pub fn version(choice: u8) -> Version {
    [Version::HTTP_11, Version::HTTP_2, Version::HTTP_10, Version::HTTP_11, Version::HTTP_09, Version::HTTP_3]
        [usize::from(choice) % 6]
}
