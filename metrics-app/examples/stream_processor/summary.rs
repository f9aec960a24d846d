//! What is printed at the end.

use std::fmt;

use nilometer::label::ClosedLabelValue;

use crate::flight::DropReason;
use crate::metrics::StreamMetrics;
use crate::processor::Report;

/// The counts, which are read from the metrics themselves, and the report of a loop that came to its end.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) metrics: &'a StreamMetrics,
    pub(crate) report: Option<&'a Report>,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = &self.metrics.processor;
        let dropped: Vec<(&str, u64)> = DropReason::VALUES
            .iter()
            .map(|&reason| {
                (reason, processor.events_dropped_total.get_or_create(&[("reason", reason)]).get())
            })
            .filter(|&(_, count)| count > 0)
            .collect();
        let total: u64 = dropped.iter().map(|(_, count)| count).sum();
        writeln!(f, "received   {}", processor.events_received_total.get())?;
        writeln!(f, "processed  {}", processor.events_processed_total.get())?;
        writeln!(f, "dropped    {total}")?;
        for (reason, count) in dropped {
            writeln!(f, "           {count} {reason}")?;
        }
        write!(f, "windows    {} closed", self.metrics.window.closed_total.get())?;
        if let Some(busiest) = self.report.and_then(|report| report.busiest) {
            write!(f, ", the busiest from {} with {} flights", busiest.start, busiest.events)?;
        }
        write!(f, "\nairports   {} in state", self.metrics.state.entries.get())?;
        if let Some(most) = self.report.and_then(|report| report.most_delayed) {
            let (airport, minutes) = (most.airport.as_str(), most.mean_seconds / 60.0);
            write!(f, ", the most delayed {airport} with {minutes:.1} min over {} flights", most.flights)?;
        }
        Ok(())
    }
}
