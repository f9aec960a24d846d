//! `Accept-Encoding` headers: whatever they hold, there is a page in a coding that they name, and well-formed ones get
//! none that they refuse, nor one that they want less than another.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nilometer_fuzz::accept::{Coding, Input, Named, input, lines};
use nilometer_fuzz::page::{Texts, ask};

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts { texts: vec!["a text".to_owned()], times: 3 });
static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| ask(&*TEXTS, &[]).1);

fn answer(lines: &[&[u8]]) -> Option<String> {
    let (coding, page) = ask(&*TEXTS, lines);
    assert!(page == *PLAIN, "another page");
    coding
}

fn hostile(lines: &[&[u8]]) {
    if let Some(coding) = answer(lines) {
        let has = |text: &str| {
            lines
                .iter()
                .any(|line| line.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes())))
        };
        // Any coding will do for who refuses the page as it is.
        assert!(has(&coding) || (has("identity") && has("*")), "{coding} was not asked for");
    }
}

fn formed(lists: &[Vec<Coding>]) {
    let said = |named: Named| {
        lists
            .iter()
            .flatten()
            .find(|coding| coding.named() == named)
            .map(|coding| coding.quality.thousandths())
    };
    let any = said(Named::Any);
    let identity = said(Named::Identity).or(any);
    let lines = lines(lists, Coding::text);
    let answer = answer(&lines.iter().map(String::as_bytes).collect::<Vec<_>>());
    // SPEC: RFC 9110, section 12.5.3.
    let quality = |named| said(named).or(any).unwrap_or(0);
    let named = [Named::Zstd, Named::Gzip].map(|named| said(named).unwrap_or(0));
    match answer.as_deref() {
        None => {
            let most = named.into_iter().max().unwrap_or(0);
            assert!(most == 0 || most < identity.unwrap_or(0), "{lines:?} is served plain");
            let takes_another = [Named::Zstd, Named::Gzip].into_iter().any(|named| quality(named) > 0);
            assert!(identity != Some(0) || !takes_another, "{lines:?} refuses the page as it is");
        }
        Some(coding) => {
            let chosen = if coding == "gzip" { Named::Gzip } else { Named::Zstd };
            assert!(quality(chosen) > 0, "{lines:?} refuses {coding}");
            assert!(quality(chosen) >= identity.unwrap_or(0), "{lines:?} wants the page as it is");
            match said(chosen) {
                // Of two that are wanted as much, the better one.
                Some(quality) => {
                    let [zstd, gzip] = named;
                    assert!(
                        quality >= zstd.max(gzip) && (chosen == Named::Zstd || gzip > zstd),
                        "{lines:?}: {coding}"
                    );
                }
                None => assert!(identity == Some(0) && named == [0, 0], "{lines:?} names no {coding}"),
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    match input::<Coding>(data) {
        Ok(Input::Hostile(lines)) => hostile(&lines),
        Ok(Input::Formed(lists)) => formed(&lists),
        Err(_) => {}
    }
});
