//! A page as a `String`.

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, MetricType, Point, SeriesLabels, Stopped, Visitor,
};
use thiserror::Error;

use crate::chunk::Nowhere;
use crate::format::Exposition;
use crate::page::PageEncoder;
use crate::text::TextEncoder;

/// Renders collectors as pages, whole and in memory: of the text format 0.0.4 as a `String`, of any format as bytes.
///
/// For tests, command lines and pages that are known to be short; [`PageEncoder`] and the
/// [server](crate::MetricsServer) write pages of any size in bounded memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrometheusRenderer;

impl PrometheusRenderer {
    /// Renders all that `collector` shows.
    ///
    /// When it fails, the page holds what it showed before; [`try_render_all`](Self::try_render_all) tells.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_core::collect::*;
    /// # struct Uptime;
    /// # impl Collector for Uptime {
    /// #     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
    /// #         visitor.family(&Descriptor::try_new("uptime_seconds", "Time since start.", MetricType::Gauge)?)?;
    /// #         Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(2.5).into())?)
    /// #     }
    /// # }
    /// use nilometer_prometheus::PrometheusRenderer;
    ///
    /// let page = PrometheusRenderer::render_all(&Uptime);
    /// assert_eq!(page, "# HELP uptime_seconds Time since start.\n# TYPE uptime_seconds gauge\nuptime_seconds 2.5\n");
    /// ```
    #[must_use]
    pub fn render_all<C: Collector + ?Sized>(collector: &C) -> String {
        render(collector, None).0
    }

    /// Renders all that `collector` shows in any format.
    ///
    /// # Errors
    ///
    /// As [`try_render_all`](Self::try_render_all).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_core::collect::*;
    /// # struct Uptime;
    /// # impl Collector for Uptime {
    /// #     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
    /// #         visitor.family(&Descriptor::try_new("uptime_seconds", "Time since start.", MetricType::Gauge)?)?;
    /// #         Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(2.5).into())?)
    /// #     }
    /// # }
    /// use nilometer_prometheus::{Exposition, Format, PrometheusRenderer};
    ///
    /// let page = PrometheusRenderer::render_as(&Uptime, Exposition::new(Format::OpenMetrics))?;
    /// assert!(page.ends_with(b"uptime_seconds 2.5\n# EOF\n"));
    /// # Ok::<(), nilometer_prometheus::RenderError>(())
    /// ```
    pub fn render_as<C: Collector + ?Sized>(
        collector: &C,
        exposition: Exposition,
    ) -> Result<Vec<u8>, RenderError> {
        let mut encoder = PageEncoder::whole(exposition);
        collector.collect(&mut encoder)?;
        match encoder.skipped() {
            0 => Ok(encoder.into_page()),
            points => Err(RenderError::Skipped { points }),
        }
    }

    /// Renders all that `collector` shows, or says why that is not possible.
    ///
    /// # Errors
    ///
    /// [`RenderError::Collect`] when the collector fails, [`RenderError::Skipped`] when it shows points that do not
    /// belong to a family of their kind.
    pub fn try_render_all<C: Collector + ?Sized>(collector: &C) -> Result<String, RenderError> {
        let (page, result) = render(collector, None);
        result.map(|()| page)
    }

    /// Appends a counter family to `output`.
    ///
    /// # Errors
    ///
    /// As [`try_render_all`](Self::try_render_all), and [`RenderError::Kind`] when the collector shows a family of
    /// another kind. `output` is then unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_core::collect::*;
    /// # struct Uptime;
    /// # impl Collector for Uptime {
    /// #     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
    /// #         visitor.family(&Descriptor::try_new("uptime_seconds", "Time since start.", MetricType::Gauge)?)?;
    /// #         Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(2.5).into())?)
    /// #     }
    /// # }
    /// use nilometer_prometheus::PrometheusRenderer;
    ///
    /// let mut output = String::new();
    /// assert!(PrometheusRenderer::render_counter_family(&mut output, &Uptime).is_err(), "it is a gauge");
    /// PrometheusRenderer::render_gauge_family(&mut output, &Uptime)?;
    /// # Ok::<(), nilometer_prometheus::RenderError>(())
    /// ```
    pub fn render_counter_family<C: Collector + ?Sized>(
        output: &mut String,
        family: &C,
    ) -> Result<(), RenderError> {
        append(output, family, MetricType::Counter)
    }

    /// Appends a gauge family to `output`, or one of up-down counters, which are gauges on a page.
    ///
    /// # Errors
    ///
    /// As [`render_counter_family`](Self::render_counter_family).
    pub fn render_gauge_family<C: Collector + ?Sized>(
        output: &mut String,
        family: &C,
    ) -> Result<(), RenderError> {
        append(output, family, MetricType::Gauge)
    }

    /// Appends a histogram family to `output`.
    ///
    /// # Errors
    ///
    /// As [`render_counter_family`](Self::render_counter_family).
    pub fn render_histogram_family<C: Collector + ?Sized>(
        output: &mut String,
        family: &C,
    ) -> Result<(), RenderError> {
        append(output, family, MetricType::Histogram)
    }

    /// Appends a summary family to `output`.
    ///
    /// # Errors
    ///
    /// As [`render_counter_family`](Self::render_counter_family).
    pub fn render_summary_family<C: Collector + ?Sized>(
        output: &mut String,
        family: &C,
    ) -> Result<(), RenderError> {
        append(output, family, MetricType::Summary)
    }
}

/// Says why a page could not be rendered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The collector did not show all that it has.
    #[error("the page is not complete")]
    Collect(#[from] CollectError),
    /// A family was of another kind than the one asked for.
    #[error("`{name}` is a {}, not a {}", found.as_str(), expected.as_str())]
    Kind {
        /// The family's name.
        name: String,
        /// The kind that was asked for.
        expected: MetricType,
        /// The kind that the family has.
        found: MetricType,
    },
    /// Points stood before any family, or were of another kind than their family, or state sets that cannot be written.
    #[error("{points} points do not belong to a family of their kind, or are no state sets")]
    Skipped {
        /// How many.
        points: u64,
    },
}

fn append<C: Collector + ?Sized>(
    output: &mut String,
    family: &C,
    expected: MetricType,
) -> Result<(), RenderError> {
    let (page, result) = render(family, Some(expected));
    result.map(|()| output.push_str(&page))
}

/// What could be rendered, and whether that is all.
fn render<C: Collector + ?Sized>(
    collector: &C,
    expected: Option<MetricType>,
) -> (String, Result<(), RenderError>) {
    let mut visitor = OfKind { encoder: TextEncoder::whole(), expected, refused: None };
    let collected = collector.collect(&mut visitor);
    let OfKind { encoder, refused, .. } = visitor;
    let points = encoder.skipped();
    let result = match (refused, collected) {
        (Some(refused), _) => Err(refused),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) if points > 0 => Err(RenderError::Skipped { points }),
        (None, Ok(())) => Ok(()),
    };
    (encoder.into_page(), result)
}

/// Lets families of the expected kind through and stops at any other.
struct OfKind {
    encoder: TextEncoder<Nowhere>,
    expected: Option<MetricType>,
    refused: Option<RenderError>,
}

impl Visitor for OfKind {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        let found = descriptor.metric_type();
        match self.expected {
            Some(expected) if expected.as_str() != found.as_str() => {
                self.refused =
                    Some(RenderError::Kind { name: descriptor.name().to_owned(), expected, found });
                Err(Stopped)
            }
            _ => self.encoder.family(descriptor),
        }
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.encoder.point(labels, point)
    }
}
