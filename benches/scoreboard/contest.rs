//! Who is measured.

use std::sync::Arc;

use nilometer_benches::opaque;

/// What a contestant stands for in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nilometer itself.
    Ours,
    /// Another crate.
    Rival,
    /// What the machine can do at best.
    Baseline,
}

/// Takes turns from `first` on, as many as the second number says.
type Run = Box<dyn Fn(u64, u64) + Send + Sync>;

/// One operation under one name.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// The loop is inside of the box, so that the operation is inlined into it.
    pub(crate) run: Run,
    /// The same, but nothing that it takes is worked out before the loop.
    pub(crate) run_anew: Run,
    /// What has to be done now and then, outside of the measured time.
    pub(crate) settle: Box<dyn Fn() + Send + Sync>,
    /// How many turns it has counted, where that can be asked.
    pub(crate) total: Option<Box<dyn Fn() -> u64 + Send + Sync>>,
}

impl Contestant {
    fn new(name: &'static str, role: Role, operation: impl Fn(u64) + Send + Sync + 'static) -> Contestant {
        let operation = Arc::new(operation);
        let held = Arc::clone(&operation);
        let run = Box::new(move |first, turns| repeat(&*held, first, turns));
        let run_anew = Box::new(move |first, turns| repeat(&|turn| opaque(&*operation)(turn), first, turns));
        Contestant { name, role, run, run_anew, settle: Box::new(|| ()), total: None }
    }

    /// Nilometer's operation.
    pub(crate) fn ours(operation: impl Fn(u64) + Send + Sync + 'static) -> Contestant {
        Contestant::new("nilometer", Role::Ours, operation)
    }

    /// A rival's operation.
    pub(crate) fn rival(name: &'static str, operation: impl Fn(u64) + Send + Sync + 'static) -> Contestant {
        Contestant::new(name, Role::Rival, operation)
    }

    /// A baseline's operation.
    pub(crate) fn baseline(
        name: &'static str,
        operation: impl Fn(u64) + Send + Sync + 'static,
    ) -> Contestant {
        Contestant::new(name, Role::Baseline, operation)
    }

    /// With a way to ask how many turns were counted.
    pub(crate) fn counting(mut self, total: impl Fn() -> u64 + Send + Sync + 'static) -> Contestant {
        self.total = Some(Box::new(total));
        self
    }

    /// With something to do between slices.
    pub(crate) fn settling(mut self, settle: impl Fn() + Send + Sync + 'static) -> Contestant {
        self.settle = Box::new(settle);
        self
    }
}

/// Takes turns from `first` on.
///
/// The operation is a parameter, as it is in a program's own function: the compiler may take for granted that nobody
/// else changes what it refers to, and works out before the loop what it can.
#[inline(never)]
fn repeat(operation: &impl Fn(u64), first: u64, turns: u64) {
    for turn in first..first + turns {
        operation(turn);
    }
}

/// The sum of the values of all samples with this name on a page in the text format.
pub(crate) fn page_total(page: &str, name: &str) -> u64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with([' ', '{']) {
            return None;
        }
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    };
    let sum: f64 = page.lines().filter_map(value).sum();
    // The values are counts: whole, and far from where f64 has gaps.
    sum as u64
}
