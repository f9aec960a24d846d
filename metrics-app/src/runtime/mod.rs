//! Metrics of tokio: of runtimes, and of tasks.
//!
//! - here: [`RuntimeCollector`], which asks runtimes whenever it is collected.
//! - `metrics`: [`RuntimeMetrics`] and [`UnstableRuntimeMetrics`], the names.
//! - `page`: families of several runtimes; `stable`, `unstable`: what is asked, the latter where
//!   tokio has it, and `stable_only` where not. `error`: [`RuntimeError`].
//! - `task`: [`TaskMetrics`], for futures whose polls are counted.
//!
#![doc = include_str!("page.md")]

mod error;
mod metrics;
mod page;
mod stable;
mod task;
#[cfg_attr(not(tokio_unstable), path = "stable_only.rs")]
mod unstable;

use nilometer_core::collect::{CollectError, Collector, LabelSet, Visitor};
use tokio::runtime::Handle;

pub use self::error::RuntimeError;
pub use self::metrics::{RuntimeMetrics, UnstableRuntimeMetrics};
use self::page::Page;
pub use self::task::{Instrumented, TaskMetrics};

/// The label that tells runtimes apart.
const RUNTIME: &str = "runtime";

/// Shows the metrics of tokio runtimes, as they are when it is collected.
///
/// It asks each runtime through a handle, and keeps no values, so that any number of exporters can collect it. A handle
/// keeps the runtime's memory, though not its threads: what belongs to a runtime that has ended is to be
/// [unregistered](nilometer_core::Registration::unregister).
///
/// # Concurrency
///
/// Several threads can collect it at once. Asking takes no lock of the scheduler but that of the queue's length, and does
/// not need the runtime to run anything: a runtime whose workers are all blocked is shown as it is.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::runtime::RuntimeCollector;
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
/// let registry = MetricsRegistry::new();
/// registry.register_collector("tokio", RuntimeCollector::new(runtime.handle()))?;
/// # #[cfg(feature = "prometheus")] {
/// let page = nilometer::PrometheusRenderer::render_all(&registry);
/// assert!(page.contains("\ntokio_workers 2\n"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Several runtimes, which a label tells apart:
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::runtime::RuntimeCollector;
///
/// let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
/// let background = tokio::runtime::Builder::new_current_thread().build()?;
/// let collector = RuntimeCollector::named("serving", serving.handle())?
///     .with_runtime("background", background.handle())?;
///
/// let registry = MetricsRegistry::new();
/// registry.register_collector("tokio", collector)?;
/// # #[cfg(feature = "prometheus")] {
/// let page = nilometer::PrometheusRenderer::render_all(&registry);
/// assert!(page.contains("\ntokio_workers{runtime=\"background\"} 1\n"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RuntimeCollector {
    runtimes: Vec<Watched>,
    /// What describes the families; their series are never made.
    metrics: RuntimeMetrics,
    unstable: UnstableRuntimeMetrics,
}

/// A runtime with the labels of its series.
#[derive(Debug, Clone)]
struct Watched {
    handle: Handle,
    /// Of what there is once in a runtime.
    labels: LabelSet,
    /// Of what each worker has, in the order of their numbers.
    workers: Vec<LabelSet>,
}

impl RuntimeCollector {
    /// A collector of one runtime, whose series have no label that names it: for a program that has no other.
    #[must_use]
    pub fn new(handle: &Handle) -> RuntimeCollector {
        RuntimeCollector::of(vec![Watched::unnamed(handle)])
    }

    /// A collector of one runtime, whose series have the label `runtime` with this name.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Name`] when the name cannot be a label value, or is empty.
    pub fn named(name: &str, handle: &Handle) -> Result<RuntimeCollector, RuntimeError> {
        Ok(RuntimeCollector::of(vec![Watched::named(name, handle)?]))
    }

    /// Collects one more runtime, whose series have the label `runtime` with this name.
    ///
    /// One collector has to have all runtimes of a program, as a registry serves no family that several collectors have.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Name`] when the name cannot be a label value, or is empty; [`RuntimeError::NameTaken`] when the
    /// collector has a runtime of that name.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::runtime::RuntimeCollector;
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// let collector = RuntimeCollector::named("main", runtime.handle())?;
    /// let twice = collector.with_runtime("main", runtime.handle());
    /// assert_eq!(twice.unwrap_err().to_string(), "there is a runtime `main` already");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_runtime(mut self, name: &str, handle: &Handle) -> Result<RuntimeCollector, RuntimeError> {
        let watched = Watched::named(name, handle)?;
        if self.runtimes.iter().any(|known| known.labels == watched.labels) {
            return Err(RuntimeError::NameTaken { name: name.to_owned() });
        }
        self.runtimes.push(watched);
        Ok(self)
    }

    fn of(runtimes: Vec<Watched>) -> RuntimeCollector {
        RuntimeCollector {
            runtimes,
            metrics: RuntimeMetrics::noop(),
            unstable: UnstableRuntimeMetrics::noop(),
        }
    }
}

impl Watched {
    fn unnamed(handle: &Handle) -> Watched {
        let workers = numbers(handle).map(|number| LabelSet::from_pairs(&[("worker", &number)])).collect();
        Watched { handle: handle.clone(), labels: LabelSet::empty(), workers }
    }

    fn named(name: &str, handle: &Handle) -> Result<Watched, RuntimeError> {
        let wrong = |source| RuntimeError::Name { name: name.to_owned(), source };
        let labels = LabelSet::try_from_pairs(&[(RUNTIME, name)]).map_err(wrong)?;
        if labels.is_empty() {
            return Err(RuntimeError::NoName);
        }
        let of_worker = |number: String| LabelSet::try_from_pairs(&[(RUNTIME, name), ("worker", &number)]);
        let workers = numbers(handle).map(of_worker).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Watched { handle: handle.clone(), labels, workers })
    }
}

/// The workers' numbers, as they are in labels.
fn numbers(handle: &Handle) -> impl Iterator<Item = String> {
    (0..handle.metrics().num_workers()).map(|number| number.to_string())
}

impl Collector for RuntimeCollector {
    /// Asks the runtimes, and shows what they tell.
    ///
    /// # Errors
    ///
    /// [`CollectError::Stopped`] when the visitor wants no more.
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let mut page = Page::new(&self.runtimes, visitor);
        stable::show(&self.metrics, &mut page)?;
        unstable::show(&self.unstable, &mut page)?;
        Ok(())
    }
}
