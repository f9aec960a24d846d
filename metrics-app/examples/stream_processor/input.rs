//! What an event loop reads from.

use std::sync::mpsc::Receiver;

use csv::ByteRecord;

use crate::source::SourceError;

/// What came of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A row, which is to be processed.
    Row,
    /// Nothing for now: it is time to look whether the loop is to stop.
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "a file has a row or an end"))]
    Idle,
    /// Nothing any more.
    End,
}

/// Rows, one after the other.
pub(crate) trait Input: Send + 'static {
    /// The names of the columns.
    ///
    /// # Errors
    ///
    /// The header is unfit, or cannot be read.
    fn header(&mut self) -> Result<ByteRecord, SourceError>;

    /// Reads the next row into `record`; the one before has been processed.
    ///
    /// # Errors
    ///
    /// The input broke off.
    fn next(&mut self, record: &mut ByteRecord) -> Result<Next, SourceError>;

    /// Processes the row that was read last.
    fn process<R>(&mut self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// Bytes read so far.
    fn position(&self) -> u64;

    /// Bytes in all, where that is known.
    fn length(&self) -> Option<u64>;

    /// All rows that were read have been processed, and there will be no more.
    fn finish(&mut self) {}

    /// Keeps alive what there is to be seen of the input, until the sender of `stop` is gone.
    fn linger(&mut self, stop: &Receiver<()>) {
        let _ = stop;
    }
}
