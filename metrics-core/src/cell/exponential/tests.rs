//! What is read of copies is what was observed.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeMap;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::copy::Copy;
use super::grid;
use super::merged::Exponentials;
use super::shape::{MAX_SHIFT, Shape};
use crate::cell::local::STORE;
use crate::cell::page::CELLS;
use crate::cell::{Bounds, Run};
use crate::collect::ExponentialRange;
use crate::exponential::{ExponentialConfig, ExponentialError};
use crate::sync::AtomicU64;

fn cells(shape: &Shape) -> Vec<AtomicU64> {
    (0..shape.cells()).map(|_| AtomicU64::new(0)).collect()
}

fn shape(config: &ExponentialConfig, bounds: &[f64]) -> Shape {
    let bounds = if bounds.is_empty() { Bounds::default() } else { Bounds::try_new(bounds).unwrap() };
    Shape::try_new(config, bounds).unwrap()
}

/// Observes as a handle does.
fn observe(copy: Copy<'_>, value: f64) {
    let is_done =
        if copy.shape().is_fallback() { copy.observe_fast(value) } else { copy.observe_by_bounds(value) };
    if !is_done {
        copy.observe(value);
    }
}

/// Exponential buckets by their index, without those that are empty.
fn by_index(range: ExponentialRange<'_>) -> BTreeMap<i32, u64> {
    (range.offset()..).zip(range.counts().iter().copied()).filter(|(_, count)| *count > 0).collect()
}

/// The buckets that values belong to, and the scale at which they fit.
fn expected(config: &ExponentialConfig, values: &[f64]) -> (i32, u64, [BTreeMap<i32, u64>; 2]) {
    let far = |value: &f64| value.abs() > config.zero_threshold;
    let side = |is_positive: bool| -> Vec<i32> {
        let of_side = values.iter().filter(|value| far(value) && (**value > 0.0) == is_positive);
        of_side.map(|value| grid::index(value.abs())).collect()
    };
    let sides = [side(true), side(false)];
    let span = |shift: u32| {
        let span = |side: &Vec<i32>| {
            let (low, high) = (side.iter().min()?, side.iter().max()?);
            Some(usize::try_from((high >> shift) - (low >> shift)).unwrap() + 1)
        };
        sides.iter().filter_map(span).max().unwrap_or(0)
    };
    let mut shift = u32::try_from(8 - config.scale).unwrap();
    while shift < MAX_SHIFT && span(shift) > config.bucket_limit {
        shift += 1;
    }
    let counted = sides.each_ref().map(|side| {
        let mut counts = BTreeMap::new();
        for index in side {
            *counts.entry(index >> shift).or_default() += 1;
        }
        counts
    });
    let zero = values.iter().filter(|value| !far(value)).count() as u64;
    (8 - i32::try_from(shift).unwrap(), zero, counted)
}

/// Some values that are near each other, some that are far, and some on the bounds of buckets.
fn value() -> impl Strategy<Value = f64> {
    let sign = prop_oneof![4 => Just(1.0), 1 => Just(-1.0)];
    let size = prop_oneof![
        4 => 0.5..20.0_f64,
        2 => (-40..40).prop_map(|power| 2_f64.powi(power)),
        1 => (-300.0..300.0_f64).prop_map(|power| 10_f64.powf(power)),
        1 => prop_oneof![Just(0.0), Just(f64::MIN_POSITIVE), Just(f64::from_bits(1)), Just(f64::MAX)],
        1 => (any::<u8>(), -4..=8).prop_map(|(index, scale)| grid::upper_bound(i64::from(index), scale).min(1e300)),
    ];
    (sign, size).prop_map(|(sign, size): (f64, f64)| sign * size)
}

fn config() -> impl Strategy<Value = ExponentialConfig> {
    let threshold = prop_oneof![Just(0.0), Just(2_f64.powi(-128)), Just(1e-3), Just(3.0)];
    (-4..=8, threshold, 8..=216_usize, -20..10).prop_map(|(scale, threshold, limit, first)| {
        let config = ExponentialConfig::new().with_scale(scale).with_zero_threshold(threshold);
        config.with_bucket_limit(limit).with_fallback(first..=first + 20)
    })
}

fn bounds() -> impl Strategy<Value = Vec<f64>> {
    let bound = prop_oneof![value(), Just(1.0), Just(0.0), (-40..40).prop_map(f64::from)];
    prop_oneof![
        Just(Vec::new()),
        vec(bound, 1..20).prop_map(|mut bounds| {
            bounds.sort_by(f64::total_cmp);
            bounds.dedup();
            bounds
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever was observed, in whichever copy: both kinds of buckets are what one would count, at the scale that has
    /// room for all of them together.
    #[test]
    fn all_buckets_hold_what_was_observed(
        config in config(),
        bounds in bounds(),
        copies in vec(vec(value(), 0..60), 1..4),
    ) {
        let shape = shape(&config, &bounds);
        let all: Vec<Vec<AtomicU64>> = copies.iter().map(|_| cells(&shape)).collect();
        for (cells, values) in all.iter().zip(&copies) {
            for &value in values {
                observe(Copy::new(cells, &shape), value);
            }
        }
        let values: Vec<f64> = copies.concat();
        let (mut explicit, mut read) = (vec![7; shape.bounds().buckets()], Exponentials::default());
        let copies = all.iter().map(|cells| Copy::new(cells, &shape));
        let sum = read.read_copies(copies, &shape, &mut explicit);
        let mut counted = vec![0_u64; shape.bounds().buckets()];
        for &value in &values {
            counted[shape.bounds().bucket(value) as usize] += 1;
        }
        prop_assert_eq!(&explicit, &counted);
        let buckets = read.get(0, &shape);
        let found = [by_index(buckets.positive()), by_index(buckets.negative())];
        prop_assert_eq!((buckets.scale(), buckets.zero_count(), found), expected(&config, &values));
        prop_assert_eq!(buckets.count(), values.len() as u64);
        prop_assert!(sum.is_finite());
    }

    /// An infinite value is counted, and makes nothing else less exact.
    #[test]
    fn infinite_values_are_in_the_outermost_bucket_for_good(before in vec(0.5..20.0_f64, 1..20), after in vec(1.0..1e6_f64, 0..20)) {
        let config = ExponentialConfig::new();
        let shape = shape(&config, &[1.0, 8.0]);
        let cells = cells(&shape);
        let copy = Copy::new(&cells, &shape);
        for &value in &before {
            observe(copy, value);
        }
        observe(copy, f64::INFINITY);
        for &value in &after {
            observe(copy, value);
        }
        observe(copy, f64::INFINITY);
        observe(copy, f64::NEG_INFINITY);
        let (mut explicit, mut read) = (vec![0; 3], Exponentials::default());
        let sum = read.read_copies([copy].into_iter(), &shape, &mut explicit);
        let mut outermost = before.clone();
        let largest = before.iter().copied().fold(0.0, f64::max);
        outermost.extend(&after);
        outermost.extend([largest; 2]);
        let (scale, zero, [positive, _]) = expected(&config, &outermost);
        let buckets = read.get(0, &shape);
        prop_assert_eq!((buckets.scale(), buckets.zero_count(), by_index(buckets.positive())), (scale, zero, positive));
        prop_assert_eq!(buckets.negative().counts().iter().sum::<u64>(), 1);
        prop_assert_eq!(explicit.iter().sum::<u64>(), buckets.count());
        prop_assert!(explicit[2] >= 2 && explicit[0] >= 1);
        prop_assert!(sum.is_finite());
    }
}

#[test]
fn infinite_values_that_come_before_any_other_stay_where_they_are() {
    let shape = shape(&ExponentialConfig::new(), &[1.0, 8.0]);
    let copies = [cells(&shape), cells(&shape), cells(&shape)];
    let copies = copies.each_ref().map(|cells| Copy::new(cells, &shape));
    observe(copies[1], f64::INFINITY);
    observe(copies[1], f64::NEG_INFINITY);
    for (copy, value) in [(1, 100.0), (0, 1e4), (2, -30.0), (1, 1e3), (1, f64::INFINITY), (1, -20.0)] {
        observe(copies[copy], value);
        let mut read = Exponentials::default();
        read.read_copies(copies.into_iter(), &shape, &mut [0; 3]);
        let buckets = read.get(0, &shape);
        for side in [buckets.positive(), buckets.negative()] {
            let (index, count) = by_index(side).into_iter().next().unwrap();
            // That of 1.
            assert_eq!(index, -1, "after {value}");
            assert!(count >= 1, "after {value}");
        }
    }
}

#[test]
fn what_is_observed_later_takes_nothing_from_a_bucket() {
    let shape = shape(&ExponentialConfig::new().with_bucket_limit(8), &[0.3, 3.0, 30.0]);
    let cells = cells(&shape);
    let copy = Copy::new(&cells, &shape);
    let mut before: Vec<u64> = vec![0; 4];
    let mut read = Exponentials::default();
    for step in 0..400 {
        observe(copy, 1.02_f64.powi(step) * if step % 3 == 0 { 0.001 } else { 1.0 });
        let mut explicit = vec![0; 4];
        read.read_copies([copy].into_iter(), &shape, &mut explicit);
        let grown: u64 = explicit.iter().zip(&before).map(|(now, before)| now - before).sum();
        assert_eq!(grown, 1, "at {step}: {before:?}, then {explicit:?}");
        before = explicit;
    }
}

#[test]
fn more_bounds_than_there_is_room_for_are_refused() {
    let bounds: Vec<f64> = (0..200).map(f64::from).collect();
    let bounds = Bounds::try_new(&bounds).unwrap();
    let error = Shape::try_new(&ExponentialConfig::new(), bounds.clone()).unwrap_err();
    assert_eq!(error, ExponentialError::Room { bounds: 200, buckets: 160, most: 182 });
    assert!(error.to_string().contains("room for 182 bounds"), "{error}");
    Shape::try_new(&ExponentialConfig::new().with_bucket_limit(100), bounds).unwrap();
    // For the most buckets and the longest fallback there is always room: what `check` allows can be had.
    let most = ExponentialConfig::new().with_bucket_limit(216).with_fallback(0..=63);
    most.check().unwrap();
    Shape::try_new(&most, Bounds::default()).unwrap();
}

#[test]
fn threads_with_cells_of_their_own_and_threads_that_share_some_are_read_together() {
    let shape = shape(&ExponentialConfig::new().with_bucket_limit(20), &[2.0, 700.0]);
    let run = Run::new(shape.cells());
    let values = |thread: i32| (0..2_000).map(move |step| f64::from(1 + (step * 7 + thread) % 1_000));
    thread::scope(|scope| {
        for thread in 0..4 {
            let shape = &shape;
            let slot = run.first();
            scope.spawn(move || {
                let base = STORE.base(slot as usize / CELLS);
                let shared = Copy::new(base.cells(slot, shape.cells()), shape);
                for value in values(thread) {
                    if thread % 2 == 0 {
                        super::observe(slot, shape, value);
                    } else {
                        shared.locked(|copy| copy.observe(value));
                    }
                }
            });
        }
        // What is read meanwhile never goes down, and is one.
        let mut before = vec![0; 3];
        while before.iter().sum::<u64>() < 8_000 {
            let (mut explicit, mut read) = (vec![0; 3], Exponentials::default());
            let sum = super::get(run.first(), &shape, &mut explicit, &mut read);
            assert_eq!(explicit.iter().sum::<u64>(), read.get(0, &shape).count());
            assert!(
                explicit.iter().zip(&before).all(|(now, before)| now >= before),
                "{before:?}, {explicit:?}"
            );
            assert!(sum >= to_f64(explicit.iter().sum()), "{sum} of {explicit:?}");
            before = explicit;
        }
    });
    let all: Vec<f64> = (0..4).flat_map(values).collect();
    let (mut explicit, mut read) = (vec![0; 3], Exponentials::default());
    let sum = super::get(run.first(), &shape, &mut explicit, &mut read);
    assert_eq!(sum.to_bits(), all.iter().sum::<f64>().to_bits());
    let buckets = read.get(0, &shape);
    let found = [by_index(buckets.positive()), by_index(buckets.negative())];
    let config = ExponentialConfig::new().with_bucket_limit(20);
    assert_eq!((buckets.scale(), buckets.zero_count(), found), expected(&config, &all));
}

#[expect(clippy::cast_precision_loss, reason = "there are few")]
fn to_f64(count: u64) -> f64 {
    count as f64
}
