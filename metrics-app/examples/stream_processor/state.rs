//! What is kept for each airport.

use std::collections::HashMap;

use nilometer::application::StateMetrics;
use nilometer::{Counter, Histogram};

use crate::flight::{Airport, Flight};
use crate::metrics::{AirportLabels, FlightMetrics};
use crate::time::EventTime;

/// Per-airport state, of which airports without a departure for `keep` seconds of event time are forgotten.
///
/// Only the state goes: their series stay, as what was counted was counted.
#[derive(Debug)]
pub(crate) struct Airports {
    /// Seconds of event time.
    keep: i64,
    by_code: HashMap<Airport, AirportState>,
    metrics: StateMetrics,
    flight_metrics: FlightMetrics,
}

/// One airport: its last departure, and the handles of its series, so that a flight costs no lookup by labels.
#[derive(Debug)]
struct AirportState {
    last_departure: EventTime,
    flights: u64,
    delay_seconds: f64,
    events_total: Counter,
    delay_histogram: Histogram,
}

/// An airport and the mean delay of its flights, since it was last forgotten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeanDelay {
    pub(crate) airport: Airport,
    pub(crate) flights: u64,
    pub(crate) mean_seconds: f64,
}

impl Airports {
    pub(crate) fn new(keep: i64, metrics: StateMetrics, flight_metrics: FlightMetrics) -> Airports {
        Airports { keep, by_code: HashMap::new(), metrics, flight_metrics }
    }

    /// Counts a flight for its origin.
    pub(crate) fn record(&mut self, flight: &Flight) {
        if let Some(state) = self.by_code.get_mut(&flight.origin) {
            self.metrics.hits_total.inc();
            state.record(flight);
            return;
        }
        self.metrics.misses_total.inc();
        let labels = AirportLabels { airport: flight.origin.as_str() };
        let mut state = AirportState {
            last_departure: flight.scheduled,
            flights: 0,
            delay_seconds: 0.0,
            events_total: self.flight_metrics.events_total.get_or_create(&labels),
            delay_histogram: self.flight_metrics.delay_seconds.get_or_create(&labels),
        };
        state.record(flight);
        self.by_code.insert(flight.origin, state);
        self.metrics.insertions_total.inc();
        self.report_size();
    }

    /// Forgets the airports that have been idle for too long at `now`.
    pub(crate) fn evict_idle(&mut self, now: EventTime) {
        let before = self.by_code.len();
        self.by_code.retain(|_, state| now.since(state.last_departure) <= self.keep);
        let evicted = before - self.by_code.len();
        if evicted > 0 {
            self.metrics.evictions_total.inc_by(evicted as u64);
            self.report_size();
        }
    }

    /// The airport with the highest mean delay of those with at least `flights` flights.
    pub(crate) fn most_delayed(&self, flights: u64) -> Option<MeanDelay> {
        self.by_code
            .iter()
            .filter(|(_, state)| state.flights >= flights.max(1))
            .map(|(&airport, state)| state.mean_delay(airport))
            .max_by(|a, b| {
                a.mean_seconds
                    .total_cmp(&b.mean_seconds)
                    .then_with(|| b.airport.as_str().cmp(a.airport.as_str()))
            })
    }

    fn report_size(&self) {
        // What the entries take; the table's spare room and the series are not in it.
        let bytes = self.by_code.len() * size_of::<(Airport, AirportState)>();
        #[expect(
            clippy::cast_precision_loss,
            reason = "26^3 airports of some dozen bytes are far below 2^53"
        )]
        {
            self.metrics.entries.set(self.by_code.len() as f64);
            self.metrics.size_bytes.set(bytes as f64);
        }
    }
}

impl AirportState {
    fn record(&mut self, flight: &Flight) {
        self.last_departure = self.last_departure.max(flight.scheduled);
        self.flights += 1;
        self.delay_seconds += flight.delay_seconds;
        self.events_total.inc();
        self.delay_histogram.observe(flight.delay_seconds);
    }

    fn mean_delay(&self, airport: Airport) -> MeanDelay {
        #[expect(clippy::cast_precision_loss, reason = "an airport has fewer than 2^53 flights")]
        let mean_seconds = self.delay_seconds / self.flights as f64;
        MeanDelay { airport, flights: self.flights, mean_seconds }
    }
}

#[cfg(test)]
mod tests {
    use nilometer::MetricsRegistry;

    use super::*;
    use crate::metrics::StreamMetrics;

    fn flight(time: &str, origin: &str, delay_seconds: f64) -> Flight {
        Flight {
            scheduled: EventTime::parse(time).unwrap(),
            origin: Airport::parse(origin).unwrap(),
            delay_seconds,
        }
    }

    fn airports() -> (Airports, StreamMetrics) {
        let metrics = StreamMetrics::new(&MetricsRegistry::new()).unwrap();
        (Airports::new(3600, metrics.state.clone(), metrics.flight.clone()), metrics)
    }

    #[test]
    fn flights_count_for_their_origin() {
        let (mut airports, metrics) = airports();
        airports.record(&flight("2001-01-01T00:00", "ATL", 600.0));
        airports.record(&flight("2001-01-01T00:10", "ATL", -300.0));
        airports.record(&flight("2001-01-01T00:20", "ORD", 60.0));
        let atl = AirportLabels { airport: "ATL" };
        assert_eq!(metrics.flight.events_total.get_or_create(&atl).get(), 2);
        let delays = metrics.flight.delay_seconds.get_or_create(&atl).snapshot();
        assert_eq!((delays.count(), delays.sum().to_string()), (2, "300".to_owned()));
        assert_eq!((metrics.state.hits_total.get(), metrics.state.misses_total.get()), (1, 2));
        assert_eq!(metrics.state.insertions_total.get(), 2);
        assert_eq!(metrics.state.entries.get().to_string(), "2");
        assert!(metrics.state.size_bytes.get() > 0.0);
    }

    #[test]
    fn an_idle_airport_is_forgotten_and_its_series_stay() {
        let (mut airports, metrics) = airports();
        airports.record(&flight("2001-01-01T00:00", "ATL", 600.0));
        airports.record(&flight("2001-01-01T01:00", "ORD", 60.0));
        airports.evict_idle(EventTime::parse("2001-01-01T01:01").unwrap());
        assert_eq!(metrics.state.evictions_total.get(), 1);
        assert_eq!(metrics.state.entries.get().to_string(), "1");
        airports.record(&flight("2001-01-01T02:00", "ATL", 0.0));
        let atl = AirportLabels { airport: "ATL" };
        assert_eq!(metrics.flight.events_total.get_or_create(&atl).get(), 2);
    }

    #[test]
    fn the_most_delayed_airport_has_flights_enough() {
        let (mut airports, _) = airports();
        assert_eq!(airports.most_delayed(0), None);
        airports.record(&flight("2001-01-01T00:00", "ATL", 600.0));
        airports.record(&flight("2001-01-01T00:00", "ORD", 60.0));
        airports.record(&flight("2001-01-01T00:00", "ORD", 120.0));
        assert_eq!(airports.most_delayed(1).unwrap().airport.as_str(), "ATL");
        let most = airports.most_delayed(2).unwrap();
        assert_eq!(
            (most.airport.as_str(), most.flights, most.mean_seconds.to_string()),
            ("ORD", 2, "90".to_owned())
        );
    }
}
