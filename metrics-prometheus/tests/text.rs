//! Whole pages of the text format.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Closure, LINE, ROWS_HEAD, Rows, row};
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, HistogramPoint, LabelSet, MetricType,
    Point, SeriesLabels, Stopped, UpDownCounterPoint, Visitor,
};
use nilometer_prometheus::{PrometheusRenderer, RenderError, TextEncoder};

fn family(visitor: &mut dyn Visitor, name: &str, help: &str, kind: MetricType) -> Result<(), CollectError> {
    Ok(visitor.family(&Descriptor::try_new(name, help, kind)?)?)
}

fn point<'a>(
    visitor: &mut dyn Visitor,
    labels: &[(&str, &str)],
    point: impl Into<Point<'a>>,
) -> Result<(), Stopped> {
    visitor.point(SeriesLabels::of(&LabelSet::from_pairs(labels)), point.into())
}

#[test]
fn every_kind_has_its_lines() {
    let collector = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "requests_total", "Requests, by method.", MetricType::Counter)?;
        point(visitor, &[("method", "GET"), ("code", "200")], CounterPoint::new(u64::MAX))?;
        point(visitor, &[("method", "PUT"), ("code", "500")], CounterPoint::new(0_u64))?;
        family(visitor, "cpu_seconds_total", "", MetricType::Counter)?;
        point(visitor, &[], CounterPoint::new(12.5))?;
        family(visitor, "temperature_celsius", "It may be anything.", MetricType::Gauge)?;
        for (place, value) in [
            ("cellar", -3.0),
            ("hell", f64::INFINITY),
            ("space", f64::NEG_INFINITY),
            ("nowhere", f64::NAN),
            ("sun", 15_000_000.0),
            ("lab", 1e-9),
        ] {
            point(visitor, &[("place", place)], GaugePoint::new(value))?;
        }
        family(visitor, "balance", "A whole number.", MetricType::Gauge)?;
        point(visitor, &[], GaugePoint::new(i64::MIN))?;
        family(visitor, "jobs", "It comes and goes.", MetricType::UpDownCounter)?;
        point(visitor, &[("queue", "a")], UpDownCounterPoint::new(-3_i64))?;
        point(visitor, &[], UpDownCounterPoint::new(i64::MAX))?;
        family(visitor, "wait_seconds", "Waiting.", MetricType::Histogram)?;
        let bounds = [0.000_01, 0.1, 1.0, 2.5, 1_000_000.0, 1_234_567.0];
        point(visitor, &[], HistogramPoint::try_new(&bounds, &[1, 2, 0, 3, 0, 0, 4], 17.25)?)?;
        point(visitor, &[("queue", "a")], HistogramPoint::try_new(&bounds, &[0; 7], 0.0)?)?;
        family(visitor, "change_bytes", "Below zero.", MetricType::Histogram)?;
        point(visitor, &[], HistogramPoint::try_new(&[-0.5], &[1, 1], -1.5)?)?;
        Ok(())
    });
    assert_eq!(
        PrometheusRenderer::try_render_all(&collector).unwrap(),
        r#"# HELP requests_total Requests, by method.
# TYPE requests_total counter
requests_total{code="200",method="GET"} 18446744073709551615
requests_total{code="500",method="PUT"} 0
# HELP cpu_seconds_total 
# TYPE cpu_seconds_total counter
cpu_seconds_total 12.5
# HELP temperature_celsius It may be anything.
# TYPE temperature_celsius gauge
temperature_celsius{place="cellar"} -3
temperature_celsius{place="hell"} +Inf
temperature_celsius{place="space"} -Inf
temperature_celsius{place="nowhere"} NaN
temperature_celsius{place="sun"} 15000000
temperature_celsius{place="lab"} 1e-9
# HELP balance A whole number.
# TYPE balance gauge
balance -9223372036854775808
# HELP jobs It comes and goes.
# TYPE jobs gauge
jobs{queue="a"} -3
jobs 9223372036854775807
# HELP wait_seconds Waiting.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1e-05"} 1
wait_seconds_bucket{le="0.1"} 3
wait_seconds_bucket{le="1.0"} 3
wait_seconds_bucket{le="2.5"} 6
wait_seconds_bucket{le="1e+06"} 6
wait_seconds_bucket{le="1.234567e+06"} 6
wait_seconds_bucket{le="+Inf"} 10
wait_seconds_sum 17.25
wait_seconds_count 10
wait_seconds_bucket{queue="a",le="1e-05"} 0
wait_seconds_bucket{queue="a",le="0.1"} 0
wait_seconds_bucket{queue="a",le="1.0"} 0
wait_seconds_bucket{queue="a",le="2.5"} 0
wait_seconds_bucket{queue="a",le="1e+06"} 0
wait_seconds_bucket{queue="a",le="1.234567e+06"} 0
wait_seconds_bucket{queue="a",le="+Inf"} 0
wait_seconds_sum{queue="a"} 0
wait_seconds_count{queue="a"} 0
# HELP change_bytes Below zero.
# TYPE change_bytes histogram
change_bytes_bucket{le="-0.5"} 1
change_bytes_bucket{le="+Inf"} 2
change_bytes_sum -1.5
change_bytes_count 2
"#
    );
}

#[test]
fn help_and_label_values_cannot_leave_their_line() {
    let collector = Closure(|visitor: &mut dyn Visitor| {
        family(
            visitor,
            "a_total",
            "back\\slash \"quoted\"\nforged_total 99\n\r\u{85}\u{2028}",
            MetricType::Counter,
        )?;
        point(visitor, &[("v", "a\"} 99\nforged_total{x=\"y\\")], CounterPoint::new(1_u64))?;
        point(visitor, &[("v", "\u{1}\t\r\u{7f}\u{85}\u{2028}é")], CounterPoint::new(2_u64))?;
        Ok(())
    });
    assert_eq!(
        PrometheusRenderer::try_render_all(&collector).unwrap(),
        "# HELP a_total back\\\\slash \"quoted\"\\nforged_total 99\\n\r\u{85}\u{2028}\n\
         # TYPE a_total counter\n\
         a_total{v=\"a\\\"} 99\\nforged_total{x=\\\"y\\\\\"} 1\n\
         a_total{v=\"\u{1}\t\r\u{7f}\u{85}\u{2028}é\"} 2\n"
    );
}

#[test]
fn a_family_without_series_is_not_on_the_page() {
    let collector = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "empty_total", "Nothing.", MetricType::Counter)?;
        family(visitor, "one", "Something.", MetricType::Gauge)?;
        point(visitor, &[], GaugePoint::new(1_i64))?;
        family(visitor, "quantiles", "Nothing either.", MetricType::Summary)
    });
    assert_eq!(
        PrometheusRenderer::try_render_all(&collector).unwrap(),
        "# HELP one Something.\n# TYPE one gauge\none 1\n"
    );
}

/// Shows two points that have no place, and one that has.
fn misplaced(visitor: &mut dyn Visitor) -> Result<(), CollectError> {
    point(visitor, &[], GaugePoint::new(1_i64))?;
    family(visitor, "a_total", "A.", MetricType::Counter)?;
    point(visitor, &[], GaugePoint::new(2_i64))?;
    point(visitor, &[], CounterPoint::new(3_u64))?;
    Ok(())
}

#[test]
fn points_without_a_family_of_their_kind_are_skipped_and_counted() {
    let mut encoder = TextEncoder::new(|_: Vec<u8>| Ok(()));
    misplaced(&mut encoder).unwrap();
    assert_eq!(encoder.skipped(), 2);

    let collector = Closure(misplaced);
    assert_eq!(
        PrometheusRenderer::render_all(&collector),
        "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n"
    );
    let error = PrometheusRenderer::try_render_all(&collector).unwrap_err();
    assert!(matches!(error, RenderError::Skipped { points: 2 }));
}

#[test]
fn a_family_whose_name_cannot_be_written_is_left_out() {
    let forged = nilometer_core::Gauge::new("x 1\nforged", "Forged.", nilometer_core::Labels::empty());
    let collector = Closure(|visitor: &mut dyn Visitor| {
        visitor.family(forged.metadata())?;
        point(visitor, &[], GaugePoint::new(1.0))?;
        family(visitor, "true_name", "True.", MetricType::Gauge)?;
        point(visitor, &[], GaugePoint::new(2.0))?;
        Ok(())
    });
    let page = "# HELP true_name True.\n# TYPE true_name gauge\ntrue_name 2\n";
    assert_eq!(PrometheusRenderer::render_all(&collector), page);
}

#[test]
fn a_failed_collection_leaves_what_it_showed() {
    let collector = Rows { series: 2, end: || Err(CollectError::failed("no source")) };
    let page = PrometheusRenderer::render_all(&collector);
    assert_eq!(page, format!("{ROWS_HEAD}{}{}", row(0), row(1)));
    let error = PrometheusRenderer::try_render_all(&collector).unwrap_err();
    assert!(matches!(error, RenderError::Collect(CollectError::Failed(_))));
}

#[test]
fn a_family_of_another_kind_leaves_the_output_unchanged() {
    let collector = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "a_total", "A.", MetricType::Counter)?;
        point(visitor, &[], CounterPoint::new(1_u64))?;
        family(visitor, "b", "B.", MetricType::Gauge)?;
        point(visitor, &[], GaugePoint::new(1_u64))?;
        Ok(())
    });
    let mut output = String::from("before\n");
    let error = PrometheusRenderer::render_counter_family(&mut output, &collector).unwrap_err();
    assert_eq!(error.to_string(), "`b` is a gauge, not a counter");
    let error = PrometheusRenderer::render_histogram_family(&mut output, &collector).unwrap_err();
    assert_eq!(error.to_string(), "`a_total` is a counter, not a histogram");
    assert_eq!(output, "before\n");
}

#[test]
fn families_are_appended_one_by_one() {
    let counter = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "a_total", "A.", MetricType::Counter)?;
        Ok(point(visitor, &[], CounterPoint::new(1_u64))?)
    });
    let gauge = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "b", "B.", MetricType::Gauge)?;
        Ok(point(visitor, &[], GaugePoint::new(0.5))?)
    });
    let up_down = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "u", "U.", MetricType::UpDownCounter)?;
        Ok(point(visitor, &[], UpDownCounterPoint::new(-2_i64))?)
    });
    let histogram = Closure(|visitor: &mut dyn Visitor| {
        family(visitor, "c", "C.", MetricType::Histogram)?;
        Ok(point(visitor, &[], HistogramPoint::try_new(&[1.0], &[1, 0], 1.0)?)?)
    });
    let mut output = String::new();
    PrometheusRenderer::render_counter_family(&mut output, &counter).unwrap();
    PrometheusRenderer::render_gauge_family(&mut output, &gauge).unwrap();
    PrometheusRenderer::render_gauge_family(&mut output, &up_down).unwrap();
    PrometheusRenderer::render_histogram_family(&mut output, &histogram).unwrap();
    assert_eq!(
        output,
        "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n\
         # HELP b B.\n# TYPE b gauge\nb 0.5\n\
         # HELP u U.\n# TYPE u gauge\nu -2\n\
         # HELP c C.\n# TYPE c histogram\nc_bucket{le=\"1.0\"} 1\nc_bucket{le=\"+Inf\"} 1\nc_sum 1\nc_count 1\n"
    );
}

#[test]
fn a_page_is_the_same_in_pieces_of_any_size() {
    let collector = Rows { series: 50, end: || Ok(()) };
    let whole = PrometheusRenderer::render_all(&collector);
    assert_eq!(whole.len(), ROWS_HEAD.len() + 50 * LINE);
    for size in [0, 1, 2, 7, 63, 64, 65, 1000, whole.len(), whole.len() + 1] {
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut encoder = TextEncoder::with_chunk_size(
            |piece| {
                pieces.push(piece);
                Ok(())
            },
            size,
        );
        collector.collect(&mut encoder).unwrap();
        encoder.finish().unwrap();
        assert!(pieces.iter().all(|piece| piece.len() <= size.max(4)), "{size}");
        assert_eq!(String::from_utf8(pieces.concat()).unwrap(), whole, "{size}");
    }
}

#[test]
fn an_output_that_stops_ends_the_collection() {
    let mut pieces = 0;
    let mut encoder = TextEncoder::with_chunk_size(
        |_| {
            pieces += 1;
            if pieces == 3 { Err(Stopped) } else { Ok(()) }
        },
        LINE,
    );
    let endless = Rows { series: u64::MAX, end: || Ok(()) };
    assert!(matches!(endless.collect(&mut encoder), Err(CollectError::Stopped(_))));
    assert!(encoder.finish().is_err());
    assert_eq!(pieces, 3);
}
