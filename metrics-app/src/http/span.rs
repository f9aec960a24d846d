//! The span that a request came in: its observations are made there, whenever that is, so that exemplars lead to it.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// The context of a sampled span, if there was one.
#[derive(Debug)]
pub(super) struct Span(Option<Context>);

impl Span {
    /// That of the calling thread.
    pub(super) fn current() -> Span {
        let is_sampled =
            |context: &Context| context.has_active_span() && context.span().span_context().is_sampled();
        if Context::map_current(is_sampled) { Span(Some(Context::current())) } else { Span(None) }
    }

    /// Calls `f` in the span.
    pub(super) fn within<R>(&mut self, f: impl FnOnce() -> R) -> R {
        // A thread that ends may have no context any more, and asking for one would panic.
        let is_there = || HAS_CONTEXT.try_with(|_| ()).is_ok();
        let _attached = self.0.take().filter(|_| is_there()).map(Context::attach);
        f()
    }
}

thread_local! {
    /// It is made after the thread's context, and so dropped before it.
    static HAS_CONTEXT: HasContext = {
        Context::map_current(|_| ());
        HasContext
    };
}

struct HasContext;

/// Without it, a thread would not tell that it is gone.
impl Drop for HasContext {
    fn drop(&mut self) {}
}
