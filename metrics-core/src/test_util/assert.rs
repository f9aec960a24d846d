//! Asserting what a sample is, with what is there instead when it is not.

use std::cmp::Reverse;
use std::fmt;

use thiserror::Error;

use super::snapshot::{Id, Sample, Shown, Snapshot, sorted};
use crate::collect::{Collector, Number};

/// How many samples a message shows at most.
const SHOWN: usize = 8;

/// A value that a sample is expected to have: any number.
#[derive(Debug, Clone, Copy)]
pub struct Expected(Number);

macro_rules! numbers {
    ($($from:ty => $to:ty),*) => {$(
        impl From<$from> for Expected {
            fn from(value: $from) -> Expected {
                Expected(Number::from(<$to>::from(value)))
            }
        }
    )*};
}
numbers!(u8 => u64, u16 => u64, u32 => u64, u64 => u64, i8 => i64, i16 => i64, i32 => i64, i64 => i64);
numbers!(f32 => f64, f64 => f64);

impl From<usize> for Expected {
    fn from(value: usize) -> Expected {
        Expected(Number::U64(value as u64))
    }
}

impl From<Number> for Expected {
    fn from(value: Number) -> Expected {
        Expected(value)
    }
}

/// Whether two numbers are equal, whatever types they were recorded in: whole numbers exactly, and NaN is NaN.
pub(super) fn is_same(one: Number, other: Number) -> bool {
    let whole = |number| match number {
        Number::U64(value) => Some(i128::from(value)),
        Number::I64(value) => Some(i128::from(value)),
        Number::F64(_) => None,
    };
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return one == other;
    }
    let (one, other) = (one.as_f64(), other.as_f64());
    #[expect(clippy::float_cmp, reason = "a test says exactly what it expects")]
    let is_equal = one == other;
    is_equal || (one.is_nan() && other.is_nan())
}

/// Says that a sample is not what it was expected to be, and what there is instead.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The sample has another value.
    #[error("`{sample}` was expected to be {}{near}", Shown(*.expected))]
    Value {
        /// The sample.
        sample: Box<Sample>,
        /// The value that was expected.
        expected: Number,
        /// Other samples of its name.
        near: Box<Near>,
    },
    /// There is no such sample.
    #[error("there is no `{id}`, which was expected to be {}{near}", Shown(*.expected))]
    Absent {
        /// The name and the labels.
        id: String,
        /// The value that was expected.
        expected: Number,
        /// Samples that could have been meant.
        near: Box<Near>,
    },
}

/// Samples that could have been meant, the likeliest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    what: String,
    samples: Vec<Sample>,
    more: usize,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.samples.is_empty() {
            return write!(f, "\n{}: none", self.what);
        }
        write!(f, "\n{}:", self.what)?;
        self.samples.iter().try_for_each(|sample| write!(f, "\n    {sample}"))?;
        if self.more > 0 { write!(f, "\n    and {} more", self.more) } else { Ok(()) }
    }
}

impl Snapshot {
    /// Checks the value of the sample with this name and exactly these labels: what
    /// [`assert_metric!`](crate::assert_metric) asserts.
    ///
    /// # Errors
    ///
    /// [`Mismatch`], with the samples that could have been meant.
    pub fn check(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        expected: impl Into<Expected>,
    ) -> Result<(), Mismatch> {
        let (labels, Expected(expected)) = (sorted(labels), expected.into());
        match self.sample(name, &labels) {
            Some(sample) if is_same(sample.value(), expected) => Ok(()),
            Some(sample) => Err(Mismatch::Value {
                sample: Box::new(sample.clone()),
                expected,
                near: Box::new(self.near_labels(name, &labels)),
            }),
            None => {
                let has_name = self.samples().any(|sample| sample.name() == name);
                let near = if has_name { self.near_labels(name, &labels) } else { self.near_names(name) };
                Err(Mismatch::Absent { id: Id(name, &labels).to_string(), expected, near: Box::new(near) })
            }
        }
    }

    /// The other samples of a name, those with the most labels in common first.
    fn near_labels(&self, name: &str, labels: &[(String, String)]) -> Near {
        let others = self.samples().filter(|sample| sample.name() == name && sample.pairs() != labels);
        let mut others: Vec<&Sample> = others.collect();
        let differing = |sample: &Sample| {
            let common = sample.pairs().iter().filter(|label| labels.contains(label)).count();
            sample.pairs().len() + labels.len() - 2 * common
        };
        others.sort_by_key(|sample| differing(sample));
        Near::of(format!("other samples of `{name}`"), &others)
    }

    /// The samples whose names are most like one that is not there.
    fn near_names(&self, name: &str) -> Near {
        let mut others: Vec<(usize, &Sample)> =
            self.samples().map(|sample| (likeness(name, sample.name()), sample)).collect();
        others.retain(|&(likeness, _)| 2 * likeness >= name.len());
        others.sort_by_key(|&(likeness, _)| Reverse(likeness));
        let others: Vec<&Sample> = others.into_iter().map(|(_, sample)| sample).collect();
        Near::of("samples of names like it".to_owned(), &others)
    }
}

impl Near {
    fn of(what: String, samples: &[&Sample]) -> Near {
        let shown = samples.iter().take(SHOWN).map(|&sample| sample.clone()).collect();
        Near { what, samples: shown, more: samples.len().saturating_sub(SHOWN) }
    }
}

/// How many bytes two names begin and end with alike.
fn likeness(one: &str, other: &str) -> usize {
    let same = |(one, other): &(u8, u8)| one == other;
    let begin = one.bytes().zip(other.bytes()).take_while(same).count();
    let end = one.bytes().rev().zip(other.bytes().rev()).take_while(same).count();
    (begin + end).min(one.len()).min(other.len())
}

/// The label that a macro's token stands for.
#[must_use]
pub fn label_name(token: &'static str) -> &'static str {
    let token = token.strip_prefix("r#").unwrap_or(token);
    token.strip_prefix('"').and_then(|token| token.strip_suffix('"')).unwrap_or(token)
}

/// What [`assert_metric!`](crate::assert_metric) calls.
///
/// # Panics
///
/// When the sample is not what was expected, or the collector fails.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion that does not hold panics")]
pub fn assert_sample<C: Collector + ?Sized>(
    collector: &C,
    name: &str,
    labels: &[(&str, &str)],
    expected: impl Into<Expected>,
) {
    let snapshot = match Snapshot::of(collector) {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("{error}"),
    };
    if let Err(mismatch) = snapshot.check(name, labels, expected) {
        panic!("{mismatch}");
    }
}

/// What [`assert_no_metric!`](crate::assert_no_metric) calls.
///
/// # Panics
///
/// When the sample is there, or the collector fails.
#[track_caller]
#[expect(clippy::panic, reason = "an assertion that does not hold panics")]
pub fn assert_absent<C: Collector + ?Sized>(collector: &C, name: &str, labels: &[(&str, &str)]) {
    let snapshot = match Snapshot::of(collector) {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("{error}"),
    };
    if let Some(sample) = snapshot.sample(name, &sorted(labels)) {
        panic!("`{sample}` was expected not to be there");
    }
}

/// Asserts that a sample of a collector has a value.
///
/// The sample is named as on a page ([`test_util`](crate::test_util)), and has exactly these labels. The value is any
/// number.
///
/// # Panics
///
/// When the sample is not there or has another value. The message shows the samples that could have been meant.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, assert_metric};
///
/// let registry = MetricsRegistry::new();
/// let wait = registry.register_histogram("wait_seconds", "Time waited.", &[0.5, 1.0])?;
/// wait.get_or_create(&[("queue", "mail")]).observe(0.25);
/// registry.register_gauge("load", "Load.")?.default().set(0.75);
///
/// assert_metric!(registry, "load" == 0.75);
/// assert_metric!(registry, "wait_seconds_count", { queue = "mail" } == 1);
/// assert_metric!(registry, "wait_seconds_bucket", { queue = "mail", le = "0.5" } == 1);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[macro_export]
macro_rules! assert_metric {
    ($collector:expr, $name:literal == $expected:expr $(,)?) => {
        $crate::assert_metric!($collector, $name, {} == $expected)
    };
    ($collector:expr, $name:expr, { $($label:tt = $value:expr),* $(,)? } == $expected:expr $(,)?) => {
        $crate::test_util::assert_sample(
            &$collector,
            $name,
            &[$(($crate::test_util::label_name(stringify!($label)), $value)),*],
            $expected,
        )
    };
}

/// Asserts that a collector has no sample of this name with exactly these labels.
///
/// # Panics
///
/// When it has one.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, assert_no_metric};
///
/// let registry = MetricsRegistry::new();
/// registry.register_counter("errors_total", "Errors.")?;
/// assert_no_metric!(registry, "errors_total", { kind = "timeout" });
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[macro_export]
macro_rules! assert_no_metric {
    ($collector:expr, $name:literal $(,)?) => {
        $crate::assert_no_metric!($collector, $name, {})
    };
    ($collector:expr, $name:expr, { $($label:tt = $value:expr),* $(,)? } $(,)?) => {
        $crate::test_util::assert_absent(
            &$collector,
            $name,
            &[$(($crate::test_util::label_name(stringify!($label)), $value)),*],
        )
    };
}
