//! Whom a client asks.

use http::Uri;
use http::uri::Authority;

/// The server that a URI names, if it names one.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    authority: Option<Authority>,
    /// That of the scheme.
    default_port: Option<u16>,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Target {
        let default_port = match uri.scheme_str() {
            Some("http" | "ws") => Some(80),
            Some("https" | "wss") => Some(443),
            _ => None,
        };
        Target { authority: uri.authority().cloned(), default_port }
    }

    /// The host; empty where none is named. One of IPv6 has no brackets.
    pub(super) fn address(&self) -> &str {
        let host = self.authority.as_ref().map_or("", Authority::host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(super) fn port(&self) -> Option<u16> {
        let authority = self.authority.as_ref()?;
        authority.port_u16().or(self.default_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_the_host_and_the_port_that_is_written_or_the_schemes() {
        for (uri, address, port) in [
            ("http://shop.example/orders", "shop.example", Some(80)),
            ("https://shop.example:8443/", "shop.example", Some(8443)),
            ("https://user:secret@shop.example/", "shop.example", Some(443)),
            ("http://[::1]:9464/metrics", "::1", Some(9464)),
            ("/orders", "", None),
            ("shop.example:80", "shop.example", Some(80)),
            ("*", "", None),
        ] {
            let target = Target::of(&uri.parse().unwrap());
            assert_eq!((target.address(), target.port()), (address, port), "{uri}");
        }
    }
}
