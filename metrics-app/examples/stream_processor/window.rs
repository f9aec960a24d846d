//! Tumbling event-time windows, their watermark, and what comes too late for them.

use std::collections::BTreeMap;

use nilometer::application::WindowMetrics;

use crate::time::EventTime;

/// Counts events in windows that follow one another without gap or overlap.
///
/// The watermark is the latest event time seen. A window closes once the watermark is `lateness` past its end, so what
/// closes a window is an event, never a clock; an event whose window has closed is missed. One event from the far
/// future therefore makes all that follow it late: they are counted, and the stream goes on.
#[derive(Debug)]
pub(crate) struct Windows {
    /// Seconds of event time.
    length: i64,
    /// Seconds of event time.
    lateness: i64,
    watermark: Option<EventTime>,
    /// By their start: events so far.
    open: BTreeMap<EventTime, u64>,
    busiest: Option<ClosedWindow>,
    metrics: WindowMetrics,
}

/// A window that takes no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClosedWindow {
    pub(crate) start: EventTime,
    pub(crate) events: u64,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Counted, and the watermark stands at it, which closed so many windows.
    InOrder { closed: u64 },
    /// Counted, though behind the watermark.
    Late,
    /// Not counted: its window has closed.
    Missed,
}

impl Windows {
    pub(crate) fn new(length: i64, lateness: i64, metrics: WindowMetrics) -> Windows {
        Windows { length, lateness, watermark: None, open: BTreeMap::new(), busiest: None, metrics }
    }

    /// Puts an event into its window and closes those that the watermark has passed.
    pub(crate) fn place(&mut self, time: EventTime) -> Placement {
        let behind = self.watermark.map_or(0, |watermark| watermark.since(time).max(0));
        #[expect(clippy::cast_precision_loss, reason = "times to the year 9999 are far below 2^53 seconds")]
        self.metrics.event_lateness_seconds.observe(behind as f64);
        let start = time.window_start(self.length);
        if self.watermark.is_some_and(|watermark| watermark >= self.closes_at(start)) {
            self.metrics.missed_events_total.inc();
            return Placement::Missed;
        }
        *self.open.entry(start).or_insert_with(|| {
            self.metrics.opened_total.inc();
            self.metrics.open.inc();
            0
        }) += 1;
        if behind > 0 {
            self.metrics.late_events_total.inc();
            return Placement::Late;
        }
        Placement::InOrder { closed: self.advance(time) }
    }

    /// Closes what is still open, because the input has ended.
    pub(crate) fn finish(&mut self) {
        while let Some((start, events)) = self.open.pop_first() {
            self.close(ClosedWindow { start, events });
        }
    }

    /// The closed window with the most events, the earliest of several.
    pub(crate) fn busiest(&self) -> Option<ClosedWindow> {
        self.busiest
    }

    /// Returns how many windows it closed.
    fn advance(&mut self, watermark: EventTime) -> u64 {
        let mut closed = 0;
        self.watermark = Some(watermark);
        #[expect(clippy::cast_precision_loss, reason = "times to the year 9999 are far below 2^53 seconds")]
        self.metrics.watermark_timestamp_seconds.set(watermark.seconds() as f64);
        while let Some((&start, &events)) = self.open.first_key_value() {
            if watermark < self.closes_at(start) {
                break;
            }
            self.open.remove(&start);
            self.close(ClosedWindow { start, events });
            closed += 1;
        }
        closed
    }

    /// The watermark at which the window that starts at `start` closes.
    fn closes_at(&self, start: EventTime) -> EventTime {
        start.after(self.length + self.lateness)
    }

    fn close(&mut self, window: ClosedWindow) {
        self.metrics.closed_total.inc();
        self.metrics.open.dec();
        #[expect(clippy::cast_precision_loss, reason = "a window of 2^53 events is beyond any input")]
        self.metrics.events_per_window.observe(window.events as f64);
        if self.busiest.is_none_or(|busiest| window.events > busiest.events) {
            self.busiest = Some(window);
        }
    }
}

#[cfg(test)]
mod tests {
    use nilometer::MetricsRegistry;

    use super::*;

    fn windows() -> (Windows, WindowMetrics) {
        let metrics = WindowMetrics::new(&MetricsRegistry::new()).unwrap();
        (Windows::new(3600, 900, metrics.clone()), metrics)
    }

    fn at(clock: &str) -> EventTime {
        EventTime::parse(&format!("2001-01-01T{clock}")).unwrap()
    }

    #[test]
    fn a_window_closes_when_the_watermark_is_the_lateness_past_its_end() {
        let (mut windows, metrics) = windows();
        windows.place(at("00:00"));
        windows.place(at("01:14"));
        assert_eq!((metrics.opened_total.get(), metrics.closed_total.get()), (2, 0));
        windows.place(at("01:15"));
        assert_eq!((metrics.opened_total.get(), metrics.closed_total.get()), (2, 1));
    }

    #[test]
    fn a_late_event_counts_while_its_window_is_open() {
        let (mut windows, metrics) = windows();
        assert_eq!(windows.place(at("01:14")), Placement::InOrder { closed: 0 });
        assert_eq!(windows.place(at("00:59")), Placement::Late);
        assert_eq!(windows.place(at("01:15")), Placement::InOrder { closed: 1 });
        assert_eq!(windows.place(at("00:59")), Placement::Missed);
        assert_eq!((metrics.late_events_total.get(), metrics.missed_events_total.get()), (1, 1));
        assert_eq!(metrics.events_per_window.snapshot().count(), 1);
    }

    #[test]
    fn lateness_is_measured_from_the_watermark() {
        let (mut windows, metrics) = windows();
        for clock in ["02:00", "01:30", "02:00", "00:00"] {
            windows.place(at(clock));
        }
        let lateness = metrics.event_lateness_seconds.snapshot();
        assert_eq!((lateness.count(), lateness.sum().to_string()), (4, "9000".to_owned()));
    }

    #[test]
    fn the_end_of_the_input_closes_every_window() {
        let (mut windows, metrics) = windows();
        for clock in ["00:10", "01:10", "01:05"] {
            windows.place(at(clock));
        }
        windows.finish();
        assert_eq!(metrics.closed_total.get(), metrics.opened_total.get());
        assert_eq!(metrics.open.get().to_string(), "0");
        assert_eq!(windows.busiest(), Some(ClosedWindow { start: at("01:00"), events: 2 }));
    }

    #[test]
    fn an_event_from_the_far_future_makes_the_rest_late_and_stops_nothing() {
        let (mut windows, metrics) = windows();
        windows.place(at("00:10"));
        windows.place(EventTime::parse("9999-12-31T23:59").unwrap());
        assert_eq!(windows.place(at("00:20")), Placement::Missed);
        assert_eq!(metrics.closed_total.get(), 1);
    }
}
