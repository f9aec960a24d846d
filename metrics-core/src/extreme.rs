//! The largest and the smallest of what was observed lately.

use std::panic::Location;
use std::time::Duration;

use crate::cell::extreme::NOTHING;
use crate::cell::{Extreme, Values};
use crate::clock::Clock;
use crate::collect::{GaugePoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, Odd, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};
use crate::timer::{Timed, Timer};
use crate::window::{WINDOW, Windows};

/// A number whose order is that of the values for which it stands, and which is above [`NOTHING`]: negative values are
/// turned over, and come before the others.
fn number(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | SIGN }
}

fn value(number: u64) -> f64 {
    f64::from_bits(if number & SIGN == 0 { !number } else { number & !SIGN })
}

const SIGN: u64 = 1 << 63;

/// The same with the order turned over, so that the smallest value has the largest number.
fn opposite(value: f64) -> u64 {
    !number(value)
}

fn value_of_opposite(opposite: u64) -> f64 {
    value(!opposite)
}

/// Writes the two kinds, which differ in what they keep.
macro_rules! extreme_gauge {
    (
        $(#[$docs:meta])*
        $kind:ident, $identity:literal, $timed:ident, $method:ident,
        $most:literal, $name:literal, $kept:literal, $number:ident, $value:ident
    ) => {
        $(#[$docs])*
        ///
        /// # What a reader sees
        ///
        /// Time is cut into windows, of a minute unless the family says otherwise
        /// ([`FamilyBuilder::with_window`](crate::FamilyBuilder::with_window)). A window ends with the first collection,
        /// by whatever reader, that comes when its length is over; so its end waits for a reader, and no clock is read
        /// where something is observed. A page shows
        #[doc = concat!("the ", $most, " of the current window and the one before.")]
        ///
        /// - Reading takes nothing away: any number of readers see the same.
        /// - What is observed is on every page from then on, until the window after the one that it is in has ended: for
        ///   at least one length of a window, and at most two, plus what the collections that end them come late.
        /// - A reader that comes at least once in the length of a window misses nothing, and neither does one that is
        ///   the only one, however seldom it comes. Beside others, one that comes more seldom than that can miss what
        ///   came and went: make the window as long as the longest interval.
        /// - Where nothing was observed in either window there is no value, and the series is not on the page: a gap in
        ///   the graph, and not a zero.
        ///
        /// NaN is ignored. An infinite value is taken like any other. Both are counted in
        /// `nilometer_odd_observations_total`.
        ///
        /// Clones observe into the same series.
        ///
        /// # Concurrency
        ///
        /// Every method is lock-free and can be called from any thread. An observation that does not change what there
        /// is writes nothing, so threads do not slow each other down.
        ///
        /// # Examples
        ///
        /// ```
        /// use nilometer_core::MetricsRegistry;
        ///
        /// let registry = MetricsRegistry::new();
        #[doc = concat!("let family = registry.", stringify!($method), "(\"", $name, "\", \"The ", $most, ".\")?;")]
        /// let gauge = family.default();
        /// assert_eq!(gauge.get(), None);
        /// for value in [2.0, 7.5, 1.25] {
        ///     gauge.observe(value);
        /// }
        #[doc = concat!("assert_eq!(gauge.get(), Some(", $kept, "));")]
        /// # Ok::<(), nilometer_core::MetricsError>(())
        /// ```
        #[derive(Clone)]
        #[must_use = "a gauge that observes nothing is never shown"]
        pub struct $kind {
            series: SeriesRef<Extreme>,
        }

        impl $kind {
            /// A gauge of its own, outside of any family and registry, with windows of a minute. Only a collection of its
            /// family moves them, and it has none: it keeps what it observes.
            ///
            /// Names are checked where they could reach a page: when something is registered or collected.
            #[track_caller]
            pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> $kind {
                let descriptor = Descriptor::unchecked(name, help, MetricType::Gauge, Location::caller());
                let setup = Setup::of_windows(Windows::new(WINDOW, &Clock::system()));
                <$kind as sealed::Sealed>::create(InfoRef::new(descriptor, setup), labels.into(), 0)
            }

            /// Observes a value.
            #[inline]
            pub fn observe(&self, value: f64) {
                if value.abs() < f64::INFINITY {
                    self.series.cell.observe($number(value));
                } else {
                    self.observe_odd(value);
                }
            }

            #[cold]
            fn observe_odd(&self, value: f64) {
                if value.is_nan() {
                    return self.series.info().count_odd(Odd::Nan);
                }
                self.series.info().count_odd(Odd::Infinite);
                self.series.cell.observe($number(value));
            }

            /// Observes a duration in the unit that the name ends with: seconds where it ends with none.
            pub fn observe_duration(&self, duration: Duration) {
                self.observe(duration.as_secs_f64() * self.series.info().units_per_second);
            }

            /// Starts a timer that observes the time until it is dropped.
            pub fn start_timer(&self) -> Timer {
                Timer::start(Timed::$timed(self.clone()))
            }

            /// What a page would show: as of the windows of the last collection, since this reads no clock. `None` where
            /// nothing was observed.
            #[must_use]
            pub fn get(&self) -> Option<f64> {
                Some(self.series.cell.read()).filter(|&number| number != NOTHING).map($value)
            }
        }

        handle_basics!($kind);

        impl Metric for $kind {
            const TYPE: MetricType = MetricType::Gauge;
        }

        impl sealed::Sealed for $kind {
            type Cell = Extreme;

            const IDENTITY: &'static str = $identity;
            const TAKES_WINDOW: bool = true;

            fn setup(options: &Options) -> Result<Setup, SetupError> {
                let length = options.window.unwrap_or(WINDOW);
                if length.is_zero() {
                    return Err(SetupError::Window);
                }
                Ok(Setup::of_windows(Windows::new(length, &options.clock)))
            }

            fn begin(info: &FamilyInfo) {
                if let Some(windows) = &info.setup.windows {
                    windows.tick();
                }
            }

            fn cell(info: &FamilyInfo, _: usize) -> Extreme {
                Extreme::new(info.setup.windows.as_ref().map_or(0, Windows::number))
            }

            fn handle(series: SeriesRef<Extreme>) -> $kind {
                $kind { series }
            }

            fn series(&self) -> &SeriesRef<Extreme> {
                &self.series
            }

            fn read_all(handles: &[$kind], values: &mut Values) {
                let number = handles.first().and_then(|first| first.series.info().setup.windows.as_ref());
                let number = number.map_or(0, Windows::number);
                values.take_numbers(handles.iter().map(|handle| {
                    handle.series.cell.move_to(number);
                    handle.series.cell.read()
                }));
            }

            fn is_shown(&self, at: usize, values: &Values) -> bool {
                values.number(at) != NOTHING
            }

            fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
                GaugePoint::new($value(values.number(at))).into()
            }
        }
    };
}

extreme_gauge! {
    /// A handle of a gauge that shows the largest value observed lately: the peak between two scrapes, which a gauge that
    /// is set would have forgotten.
    MaxGauge, "max gauge", Max, register_max_gauge, "largest value", "batch_rows_max", "7.5", number, value
}

extreme_gauge! {
    /// A handle of a gauge that shows the smallest value observed lately: the trough between two scrapes, which a gauge
    /// that is set would have forgotten.
    MinGauge, "min gauge", Min, register_min_gauge, "smallest value", "pool_free_min", "1.25",
    opposite, value_of_opposite
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_values_and_above_nothing() {
        let values = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.0,
            -f64::MIN_POSITIVE,
            -0.0,
            0.0,
            1e-310,
            1.0,
            f64::MAX,
            f64::INFINITY,
        ];
        for pair in values.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
            assert!(opposite(pair[0]) > opposite(pair[1]), "{pair:?}");
        }
        for expected in values {
            assert_eq!(value(number(expected)).to_bits(), expected.to_bits());
            assert_eq!(value_of_opposite(opposite(expected)).to_bits(), expected.to_bits());
            assert!(number(expected) > NOTHING && opposite(expected) > NOTHING, "{expected}");
        }
    }
}
