//! Properties: families of any kind, with any labels and values, are read back from a page in any format as what was
//! shown, by parsers that share nothing with the encoders.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod any;

use nilometer_core::collect::{Collector, EscapingScheme};
use nilometer_prometheus::{Exposition, Format, PageEncoder, PrometheusRenderer};
use nilometer_tests::read_back::judge;
use nilometer_tests::shown::Shown;
use proptest::prelude::*;
use proptest::sample::select;

use any::shown;

fn scheme() -> impl Strategy<Value = EscapingScheme> {
    select(EscapingScheme::ALL.to_vec())
}

fn render(shown: &Shown, exposition: Exposition) -> Vec<u8> {
    PrometheusRenderer::render_as(shown, exposition).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_read_back_as_what_was_shown(shown in shown(), scheme in scheme()) {
        for format in [Format::Text, Format::Text1] {
            judge(&shown, Exposition::new(format).with_escaping(scheme), usize::MAX);
        }
    }

    #[test]
    fn open_metrics_is_read_back_as_what_was_shown(shown in shown(), scheme in scheme()) {
        let exposition = Exposition::new(Format::OpenMetrics).with_escaping(scheme);
        judge(&shown, exposition, usize::MAX);
        judge(&shown, exposition.with_created(true), usize::MAX);
    }

    #[test]
    fn protobuf_is_read_back_as_what_was_shown(shown in shown(), scheme in scheme()) {
        judge(&shown, Exposition::new(Format::Protobuf).with_escaping(scheme), usize::MAX);
    }

    #[test]
    fn a_page_is_the_same_in_pieces_of_any_size(shown in shown(), size in 0..5000_usize) {
        for format in [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf] {
            let exposition = Exposition::new(format).with_created(true);
            let mut pieces: Vec<Vec<u8>> = Vec::new();
            let mut encoder = PageEncoder::with_chunk_size(exposition, |piece| {
                pieces.push(piece);
                Ok(())
            }, size);
            shown.collect(&mut encoder).unwrap();
            encoder.finish().unwrap();
            prop_assert!(pieces.iter().all(|piece| piece.len() <= size.max(4)));
            prop_assert!(pieces.concat() == render(&shown, exposition));
        }
    }
}
