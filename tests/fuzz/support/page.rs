//! A page of labels alone, which a server is asked for.

use http::Request;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};

/// A collector whose series have these texts, each a number of times.
#[derive(Debug)]
pub struct Texts {
    /// The texts.
    pub texts: Vec<String>,
    /// How many times.
    pub times: usize,
}

impl Collector for Texts {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("texts", "T.", MetricType::Gauge)?)?;
        for number in 0..self.times {
            for (index, text) in self.texts.iter().enumerate() {
                let (number, index) = (number.to_string(), index.to_string());
                let labels =
                    LabelSet::try_from_pairs(&[("number", &number), ("index", &index), ("text", text)])?;
                visitor.point(SeriesLabels::of(&labels), GaugePoint::new(1.0).into())?;
            }
        }
        Ok(())
    }
}

/// The coding of the answer to a request with these `Accept-Encoding` lines, those that no header can have aside, and the
/// page, decoded by what shares nothing with the encoders.
///
/// # Panics
///
/// When the answer is not 200, or its body is not of its coding and length.
#[must_use]
pub fn ask(collector: &impl Collector, lines: &[&[u8]]) -> (Option<String>, Vec<u8>) {
    let mut request = Request::get("/metrics");
    for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        request = request.header(ACCEPT_ENCODING, line);
    }
    let response = nilometer_prometheus::respond(collector, &request.body(()).expect("a request"));
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_LENGTH], response.body().len().to_string());
    let coding =
        response.headers().get(CONTENT_ENCODING).map(|coding| coding.to_str().expect("a word").to_owned());
    let page = decoded(coding.as_deref(), response.into_body());
    (coding, page)
}

/// A body in this coding, decoded by what shares nothing with the encoders.
///
/// # Panics
///
/// When it is not in that coding.
#[must_use]
pub fn decoded(coding: Option<&str>, body: Vec<u8>) -> Vec<u8> {
    match coding {
        None => body,
        Some("gzip") => {
            let options = zune_inflate::DeflateOptions::default().set_confirm_checksum(true);
            zune_inflate::DeflateDecoder::new_with_options(&body, options)
                .decode_gzip()
                .expect("a gzip stream")
        }
        Some("zstd") => {
            let mut page = Vec::new();
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(&*body).expect("a zstd frame");
            std::io::Read::read_to_end(&mut decoder, &mut page).expect("a zstd stream");
            page
        }
        Some(other) => panic!("nobody knows the coding {other}"),
    }
}
