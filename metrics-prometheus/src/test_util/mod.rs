//! Reading a page back, for tests of programs that serve one.
//!
//! With the feature `test-util`, for development dependencies. [`parse_page`] reads the text formats 0.0.4 and 1.0.0; what it
//! returns is a [`Collector`](nilometer_core::collect::Collector), so that whatever looks at a registry looks at a page
//! that was scraped, `assert_metric!` and the linter of nilometer's `test_util` among them.
//!
//! # Examples
//!
//! ```
//! use nilometer_prometheus::test_util::parse_page;
//!
//! let page = parse_page("# TYPE requests_total counter\nrequests_total{method=\"GET\"} 3\n")?;
//! assert_eq!(page.value("requests_total", &[("method", "GET")]), Some(3.0));
//! # Ok::<(), nilometer_prometheus::test_util::PageError>(())
//! ```

mod collect;
mod line;
mod page;

pub use self::page::{Fault, PageError, ParsedFamily, ParsedPage, ParsedSample, parse_page};
