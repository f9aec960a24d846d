//! Collectors that the tests share.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod served;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};

/// A collector made of a closure.
pub(crate) struct Closure<F>(pub(crate) F);

impl<F> Collector for Closure<F>
where
    F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync,
{
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        (self.0)(visitor)
    }
}

/// Shows one counter family of `series` series, each of them a line of [`LINE`] bytes, and returns `end`.
pub(crate) struct Rows<E> {
    pub(crate) series: u64,
    pub(crate) end: E,
}

/// Rows that all come.
pub(crate) fn rows(series: u64) -> impl Collector + 'static {
    Rows { series, end: || Ok(()) }
}

/// The length of a line of [`Rows`], in bytes.
pub(crate) const LINE: usize = 64;

/// The head of the page of [`Rows`].
pub(crate) const ROWS_HEAD: &str = "# HELP rows_total Rows.\n# TYPE rows_total counter\n";

/// A line of [`Rows`].
pub(crate) fn row(index: u64) -> String {
    format!("rows_total{{pad=\"aaaaaaaaaaaaaaaa\",row=\"{index:020}\"}} 1\n")
}

impl<E: Fn() -> Result<(), CollectError> + Send + Sync> Collector for Rows<E> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("rows_total", "Rows.", MetricType::Counter)?)?;
        for index in 0..self.series {
            let row = format!("{index:020}");
            let labels = LabelSet::from_pairs(&[("row", &row), ("pad", "aaaaaaaaaaaaaaaa")]);
            visitor.point(SeriesLabels::of(&labels), CounterPoint::new(1_u64).into())?;
        }
        (self.end)()
    }
}

/// A door that a collector waits at.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let guard = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(guard, |open| !*open).unwrap());
    }
}

/// Shows one counter, once its gate is open; tells when it waits.
pub(crate) fn gated() -> (impl Collector + 'static, Gate, mpsc::Receiver<()>) {
    let gate = Gate::default();
    let (entered, waits) = mpsc::channel();
    let entered = Mutex::new(entered);
    let door = gate.clone();
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        entered.lock().unwrap().send(()).unwrap();
        door.wait();
        visitor.family(&Descriptor::try_new("passed_total", "Passed.", MetricType::Counter)?)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(1_u64).into())?)
    });
    (collector, gate, waits)
}

/// The page of [`gated`].
pub(crate) const GATED: &str = "# HELP passed_total Passed.\n# TYPE passed_total counter\npassed_total 1\n";

/// Shows series without end; tells when it was stopped.
pub(crate) fn endless() -> (impl Collector + 'static, mpsc::Receiver<()>) {
    let (stopped, told) = mpsc::channel();
    let stopped = Mutex::new(stopped);
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        let rows = Rows { series: u64::MAX, end: || Ok(()) };
        let result = rows.collect(visitor);
        assert!(matches!(result, Err(CollectError::Stopped(_))));
        let _ = stopped.lock().unwrap().send(());
        result
    });
    (collector, told)
}

/// Waits for a message of a collector without holding up the runtime.
pub(crate) async fn told(receiver: mpsc::Receiver<()>) -> mpsc::Receiver<()> {
    tokio::task::spawn_blocking(move || {
        receiver.recv().unwrap();
        receiver
    })
    .await
    .unwrap()
}
