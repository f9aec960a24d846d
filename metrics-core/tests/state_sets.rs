//! State sets: which states are on, what cannot be a state, and the label that has the family's name.
#![expect(clippy::panic, reason = "what fails here fails the test")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::page;
use nilometer_core::collect::{Collector, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::label::{ClosedLabelValue, LabelError, LabelValue, ValueBuffer};
use nilometer_core::{
    Descriptor, MetricsRegistry, RegisterError, RegistryConfig, SeriesError, StateError, StateSet,
    StateSetFamily,
};

/// What `#[derive(LabelValue)]` makes of an enum.
macro_rules! states {
    ($name:ident: $($values:expr),*) => {
        #[derive(Debug, Clone, Copy)]
        struct $name(usize);

        impl LabelValue for $name {
            fn as_value<'a>(&'a self, _: &'a mut ValueBuffer) -> &'a str {
                Self::VALUES[self.0]
            }
        }

        impl ClosedLabelValue for $name {
            const VALUES: &'static [&'static str] = &[$($values),*];

            fn index(&self) -> usize {
                self.0
            }
        }
    };
}
states!(Phase: "starting", "running", "stopping");
states!(OtherPhase: "starting", "running", "stopping");
states!(OtherStates: "starting", "running");
states!(Nothing:);
states!(Unnamed: "a", "");
states!(Twice: "a", "b", "a");

#[test]
fn one_state_is_on_after_it_was_set_and_none_before() {
    let registry = MetricsRegistry::new();
    let phase = registry.register_state_set::<Phase>("phase", "Phase.").unwrap().default();
    assert_eq!(page(&registry), ["phase stateset", "  {} starting=0,running=0,stopping=0"]);
    phase.set(Phase(0));
    phase.set(Phase(2));
    assert_eq!(page(&registry), ["phase stateset", "  {} starting=0,running=0,stopping=1"]);
    assert_eq!(phase.enabled().collect::<Vec<_>>(), ["stopping"]);
}

#[test]
fn several_states_are_switched_each_for_itself() {
    let registry = MetricsRegistry::new();
    let family = registry.register_state_set::<Phase>("phase", "Phase.").unwrap();
    let phase = family.get_or_create(&[("job", "a")]);
    phase.enable(Phase(0));
    phase.enable(Phase(2));
    phase.enable(Phase(2));
    phase.disable(Phase(1));
    assert_eq!([0, 1, 2].map(|index| phase.is_enabled(Phase(index))), [true, false, true]);
    phase.disable(Phase(0));
    family.get_or_create(&[("job", "b")]).set(Phase(1));
    let expected = [
        "phase stateset",
        "  {job=\"a\"} starting=0,running=0,stopping=1",
        "  {job=\"b\"} starting=0,running=1,stopping=0",
    ];
    assert_eq!(page(&registry), expected);
    phase.clear();
    assert_eq!(phase.enabled().count(), 0);
}

#[test]
fn a_value_that_is_none_of_the_values_is_no_state() {
    let phase = StateSet::<Phase>::new("phase", "Phase.", nilometer_core::Labels::empty());
    for index in [3, 63, 64, usize::MAX] {
        phase.enable(Phase(index));
        assert!(!phase.is_enabled(Phase(index)), "{index}");
    }
    phase.set(Phase(1));
    phase.set(Phase(64));
    assert_eq!(phase.enabled().count(), 0);
}

#[derive(Debug, Clone, Copy)]
struct Many<const N: usize>(usize);

impl<const N: usize> LabelValue for Many<N> {
    fn as_value<'a>(&'a self, buffer: &'a mut ValueBuffer) -> &'a str {
        buffer.format(self.0).unwrap_or_default()
    }
}

impl<const N: usize> ClosedLabelValue for Many<N> {
    const VALUES: &'static [&'static str] = {
        const NAMES: [&str; 65] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17",
            "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33",
            "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47", "48", "49",
            "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63", "64",
        ];
        NAMES.split_at(N).0
    };

    fn index(&self) -> usize {
        self.0
    }
}

#[test]
fn there_can_be_64_states_and_no_more() {
    let registry = MetricsRegistry::new();
    let states = registry.register_state_set::<Many<64>>("a", "A.").unwrap().default();
    states.enable(Many(63));
    states.enable(Many(0));
    assert_eq!(states.enabled().collect::<Vec<_>>(), ["0", "63"]);
    let error = registry.register_state_set::<Many<65>>("b", "B.").unwrap_err();
    assert_eq!(
        error,
        RegisterError::States { name: "b".to_owned(), source: StateError::TooMany { count: 65 } }
    );
}

#[test]
fn values_that_are_no_states_are_refused_and_nothing_is_registered() {
    let registry = MetricsRegistry::new();
    let source = |result: Result<(), RegisterError>| match result.unwrap_err() {
        RegisterError::States { source, .. } => source,
        other => panic!("{other:?}"),
    };
    let none = source(registry.register_state_set::<Nothing>("a", "A.").map(drop));
    let unnamed = source(registry.register_state_set::<Unnamed>("a", "A.").map(drop));
    let twice = source(registry.register_state_set::<Twice>("a", "A.").map(drop));
    assert_eq!(
        (none, unnamed, twice),
        (StateError::None, StateError::Unnamed, StateError::Duplicate { name: "a" })
    );
    assert_eq!(page(&registry), [""; 0]);
    let alone = StateSetFamily::<Nothing>::new("a", "A.");
    assert!(matches!(registry.register(&alone), Err(RegisterError::States { .. })));
    assert_eq!(page(&alone), ["error: the collector failed"]);
}

#[test]
fn a_name_that_is_no_label_name_is_refused() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("n:s"));
    for (registry, name) in
        [(&MetricsRegistry::new(), "a:b"), (&MetricsRegistry::new(), "le"), (&registry, "a")]
    {
        let error = registry.register_state_set::<bool>(name, "A.").unwrap_err();
        let RegisterError::Labels { source: LabelError::InvalidName { .. }, .. } = error else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(page(registry), [""; 0], "{name}");
    }
    let alone = StateSetFamily::<bool>::new("a:b", "A.");
    assert!(matches!(MetricsRegistry::new().register(&alone), Err(RegisterError::Labels { .. })));
}

#[test]
fn no_other_label_has_the_name_of_the_family() {
    let duplicate = || LabelError::DuplicateName { name: "phase".to_owned() };
    let registry = MetricsRegistry::new();
    let family = registry.register_state_set::<Phase>("phase", "Phase.").unwrap();
    let error = family.try_get_or_create(&[("phase", "x"), ("job", "a")]).unwrap_err();
    assert_eq!(error, SeriesError::Labels { family: "phase".to_owned(), source: duplicate() });
    family.get_or_create(&[("phase", "x")]).set(Phase(0));
    let page = page(&registry);
    assert_eq!(page[1], "  {nilometer_overflow=\"true\"} starting=1,running=0,stopping=0");
    assert_eq!(page[3], "  {family=\"phase\",reason=\"duplicate_name\"} 1");

    let declared = MetricsRegistry::new();
    let error = declared.family::<StateSet<Phase>>("phase", "P.").with_labels(&["a", "phase"]).register();
    assert_eq!(error.unwrap_err(), RegisterError::Labels { name: "phase".to_owned(), source: duplicate() });
    let constant = RegistryConfig::new().with_constant_labels(&[("phase", "x")]);
    let error = MetricsRegistry::with_config(constant).register_state_set::<Phase>("phase", "P.");
    assert_eq!(error.unwrap_err(), RegisterError::Labels { name: "phase".to_owned(), source: duplicate() });
    // A gauge of that name has no such label.
    let gauge = MetricsRegistry::new().register_gauge("phase", "P.").unwrap();
    assert!(gauge.try_get_or_create(&[("phase", "x")]).is_ok());
}

#[test]
fn a_state_set_of_another_type_is_another_kind() {
    let registry = MetricsRegistry::new();
    registry.register_state_set::<Phase>("phase", "Phase.").unwrap().default().set(Phase(1));
    let again = registry.register_state_set::<Phase>("phase", "Phase.").unwrap().default();
    assert!(again.is_enabled(Phase(1)));
    let conflict = |result: Result<(), RegisterError>| match result.unwrap_err() {
        RegisterError::Conflict { what, existing, requested, .. } => (what, existing, requested),
        other => panic!("{other:?}"),
    };
    let (what, existing, requested) =
        conflict(registry.register_state_set::<OtherStates>("phase", "Phase.").map(drop));
    assert_eq!(
        (what, &*existing, &*requested),
        ("states", "starting, running, stopping", "starting, running")
    );
    let (what, existing, requested) =
        conflict(registry.register_state_set::<OtherPhase>("phase", "Phase.").map(drop));
    assert_eq!(what, "kind");
    assert!(existing.contains("Phase") && requested.contains("OtherPhase"), "{existing}, {requested}");
}

/// Counts the states that are on.
struct Census;

impl Visitor for Census {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::StateSet(point) = point else { panic!("{point:?}") };
        assert_eq!(point.states().iter().filter(|(_, is_on)| *is_on).count(), 1, "{point:?}");
        Ok(())
    }
}

#[test]
fn no_reader_sees_two_states_on_or_none_while_threads_set_them() {
    let family = StateSetFamily::<Phase>::new("phase", "Phase.");
    let phase = family.default();
    phase.set(Phase(0));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for start in 0..2 {
            let (phase, over) = (&phase, &over);
            scope.spawn(move || {
                for index in (start..).take_while(|_| !over.load(Ordering::Relaxed)) {
                    phase.set(Phase(index % 3));
                }
            });
        }
        for _ in 0..2_000 {
            family.collect(&mut Census).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
}
