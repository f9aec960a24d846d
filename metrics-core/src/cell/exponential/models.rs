//! Models of a copy's protocol: loom runs each in every order of its threads' steps.

use loom::thread;

use super::copy::Copy;
use super::merged::Exponentials;
use super::shape::Shape;
use crate::cell::Bounds;
use crate::exponential::ExponentialConfig;
use crate::sync::AtomicU64;

/// Cells of one copy, at scale 0, with the explicit bound 1 and room for so many buckets on either side of zero.
fn copy(limit: usize) -> Copy<'static> {
    let config = ExponentialConfig::new().with_scale(0).with_bucket_limit(limit);
    let bounds = Bounds::try_new(&[1.0]).unwrap();
    let shape: &'static Shape = Box::leak(Box::new(Shape::laid_out(&config, bounds, false, 2)));
    let cells: Vec<AtomicU64> = (0..shape.cells()).map(|_| AtomicU64::new(0)).collect();
    Copy::new(cells.leak(), shape)
}

/// The explicit buckets, how many observations the exponential ones have, and the sum.
fn read(copy: Copy<'static>) -> ([u64; 2], u64, f64) {
    let (mut explicit, mut read) = ([0; 2], Exponentials::default());
    let sum = read.read_copies([copy].into_iter(), copy.shape(), &mut explicit);
    (explicit, read.get(0, copy.shape()).count(), sum)
}

/// Who sees an observation counted sees its value in the sum, and both kinds of buckets are always one.
#[test]
fn exponential() {
    loom::model(|| {
        let copy = copy(2);
        let observer = thread::spawn(move || {
            copy.observe(1.5);
            assert!(copy.observe_by_bounds(1.5));
        });
        let (explicit, count, sum) = read(copy);
        assert_eq!((explicit[0], explicit[1]), (0, count));
        assert!(sum >= 1.5 * f64::from(u32::try_from(count).unwrap()), "{sum} of {count}");
        let (_, later, _) = read(copy);
        assert!(count <= later && later <= 2, "{count}, then {later}");
        observer.join().unwrap();
        assert_eq!(read(copy), ([0, 2], 2, 3.0));
    });
}

/// Joining buckets loses none of what is in them, to no reader, and does not take it for something else.
#[test]
fn exponential_join() {
    loom::model(|| {
        let copy = copy(1);
        // It has a bucket of its own, and then shares one with the bound.
        copy.observe(0.3);
        let observer = thread::spawn(move || copy.observe(0.75));
        let (explicit, count, _) = read(copy);
        assert_eq!(explicit[1], 0);
        assert_eq!(explicit[0], count);
        assert!((1..=2).contains(&count), "{count}");
        observer.join().unwrap();
        assert_eq!(read(copy).0, [2, 0]);
    });
}

/// Threads that share a copy write to it in turn.
#[test]
fn exponential_shared() {
    loom::model(|| {
        let copy = copy(1);
        let observers =
            [0.3, 0.75].map(|value| thread::spawn(move || copy.locked(|copy| copy.observe(value))));
        for observer in observers {
            observer.join().unwrap();
        }
        assert_eq!(read(copy).0, [2, 0]);
    });
}
