//! What stands for a span where the feature `otel` is off.

/// Nothing.
#[derive(Debug)]
pub(super) struct Span;

impl Span {
    pub(super) fn current() -> Span {
        Span
    }

    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "the other one has something")]
    pub(super) fn within<R>(&mut self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
