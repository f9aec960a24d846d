//! Compressed pages of any length are, decoded by decoders that share nothing with the encoders, the page as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nilometer_fuzz::page::{Texts, ask};

/// The longest value of a label.
const TEXT: usize = 256;

/// The longest page, about: one that leaves in several pieces.
const PAGE: usize = 96 << 10;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (times, is_long, data) = input;
    let texts = data.chunks(TEXT).map(|text| String::from_utf8_lossy(text).into_owned());
    let most = if is_long { PAGE / (data.len() + 64) } else { 4 };
    let times = usize::from(times).min(most);
    let texts = Texts { texts: texts.collect(), times };
    let (plain, page) = ask(&texts, &[]);
    assert_eq!(plain, None);
    for coding in ["gzip", "zstd"] {
        let (answered, decoded) = ask(&texts, &[coding.as_bytes()]);
        assert_eq!(answered.as_deref(), Some(coding));
        assert!(decoded == page, "{coding}: {} bytes instead of {}", decoded.len(), page.len());
    }
});
