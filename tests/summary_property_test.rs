//! Properties of summaries: every quantile is within the relative error of the true one, whatever is observed, and the
//! window has what it has to have, whenever it is read.

#![expect(clippy::panic, reason = "what fails here fails the test")]

use std::f64::consts::TAU;
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Descriptor, Labels, ManualClock, MetricsRegistry, RegistryConfig, Summary, SummaryConfig,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers that look like chance, the same for the same seed.
struct Random(u64);

impl Random {
    /// From 0 to 1, neither of which it is.
    fn unit(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let number = (mixed >> 11) as f64;
        (number + 0.5) / 2_f64.powi(53)
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

#[derive(Debug, Clone, Copy)]
enum Distribution {
    Uniform,
    /// So far above zero that nothing is below it.
    Normal,
    LogNormal,
    Exponential,
    Pareto,
    /// Two values, far apart, and a few others around them.
    Bimodal,
    Constant,
    /// Over twelve decades, as often in each.
    TwelveDecades,
    /// The same on either side of zero, and zeros.
    AroundZero,
}

const DISTRIBUTIONS: [Distribution; 9] = [
    Distribution::Uniform,
    Distribution::Normal,
    Distribution::LogNormal,
    Distribution::Exponential,
    Distribution::Pareto,
    Distribution::Bimodal,
    Distribution::Constant,
    Distribution::TwelveDecades,
    Distribution::AroundZero,
];

impl Distribution {
    fn draw(self, random: &mut Random) -> f64 {
        match self {
            Distribution::Uniform => random.unit(),
            Distribution::Normal => 20.0 + random.normal().clamp(-10.0, 10.0),
            Distribution::LogNormal => (2.0 * random.normal()).exp(),
            Distribution::Exponential => -random.unit().ln(),
            Distribution::Pareto => random.unit().powf(-1.0 / 1.2),
            Distribution::Bimodal => {
                let around = if random.unit() < 0.7 { 1.0 } else { 1e6 };
                around * (1.0 + 0.01 * random.normal().clamp(-10.0, 10.0))
            }
            Distribution::Constant => 0.7,
            Distribution::TwelveDecades => 10_f64.powf(random.unit() * 12.0 - 6.0),
            Distribution::AroundZero => {
                let decades = 10_f64.powf(random.unit() * 12.0 - 6.0);
                [decades, -decades, 0.0][usize::from(random.unit() < 0.5) + usize::from(random.unit() < 0.1)]
            }
        }
    }
}

/// Quantiles in increasing order, and the errors that one may ask for.
fn quantiles() -> impl Strategy<Value = Vec<f64>> {
    let edges = select(vec![0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]);
    vec(prop_oneof![edges, 0.0..=1.0_f64], 1..8).prop_map(|mut quantiles| {
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        quantiles
    })
}

fn errors() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.01), Just(0.001), Just(0.25), 0.001..=0.25_f64]
}

/// The observation that has the rank of a quantile: the `⌈q·n⌉`-th, or the first.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "few observations"
)]
fn true_quantile(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted[rank.max(1) - 1]
}

/// The quantiles of the last series that is shown.
#[derive(Default)]
struct Shown(Vec<(f64, f64)>);

impl Visitor for Shown {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Summary(point) = point else { panic!("{point:?}") };
        point.quantiles().clone_into(&mut self.0);
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_quantile_is_within_the_relative_error_of_the_true_one(
        seed: u64,
        distribution in select(&DISTRIBUTIONS[..]),
        len in 1..1500_usize,
        quantiles in quantiles(),
        error in errors(),
        scale in select(vec![1e-9, 1e-3, 1.0, 1e6]),
    ) {
        let config = SummaryConfig::new().with_quantiles(&quantiles).with_relative_error(error);
        let registry = MetricsRegistry::new();
        let family = registry.family::<Summary>("x", "X.").with_summary(config).register().expect("it can be had");
        let summary = family.default();
        let mut random = Random(seed);
        let mut observed: Vec<f64> = (0..len).map(|_| scale * distribution.draw(&mut random)).collect();
        for &value in &observed {
            summary.observe(value);
        }
        observed.sort_by(f64::total_cmp);
        let mut shown = Shown::default();
        registry.collect(&mut shown).expect("nothing stops it");
        prop_assert_eq!(shown.0.len(), quantiles.len());
        let snapshot = summary.snapshot();
        for (&quantile, (shown_quantile, value)) in quantiles.iter().zip(shown.0) {
            prop_assert_eq!(quantile.to_bits(), shown_quantile.to_bits());
            prop_assert_eq!(value.to_bits(), snapshot.quantile(quantile).to_bits());
            let expected = true_quantile(&observed, quantile);
            prop_assert!(
                (value - expected).abs() <= error * expected.abs(),
                "{} of {}: {} for {}", quantile, len, value, expected
            );
        }
        prop_assert_eq!(snapshot.count(), len as u64);
    }

    #[test]
    fn neither_the_order_nor_the_thread_of_an_observation_matters(
        seed: u64,
        distribution in select(&DISTRIBUTIONS[..]),
        len in 1..500_usize,
    ) {
        let mut random = Random(seed);
        let observed: Vec<f64> = (0..len).map(|_| distribution.draw(&mut random)).collect();
        let [one, other] = [(); 2].map(|()| Summary::new("x", "X.", Labels::empty()));
        for &value in &observed {
            one.observe(value);
        }
        thread::scope(|scope| {
            for part in observed.chunks(len.div_ceil(3)) {
                scope.spawn(|| part.iter().rev().for_each(|&value| other.observe(value)));
            }
        });
        let (one, other) = (one.snapshot(), other.snapshot());
        prop_assert_eq!(one.count(), other.count());
        for percent in 0..=100 {
            let quantile = f64::from(percent) / 100.0;
            prop_assert_eq!(one.quantile(quantile).to_bits(), other.quantile(quantile).to_bits());
        }
    }

    /// Each observation is larger than all before it, so that the smallest one in the window says which ones are.
    #[test]
    fn the_window_has_what_is_young_and_nothing_that_is_old(
        age_buckets in 1..=12_u32,
        part in 1..100_u64,
        steps in vec((0..40_u64, 0..3_u32), 1..200),
    ) {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
        let (max_age, shortest) = (part * u64::from(age_buckets), part * u64::from(age_buckets - 1));
        let config = SummaryConfig::new().with_age_buckets(age_buckets).with_max_age(Duration::from_secs(max_age));
        let config = config.with_quantiles(&[0.0, 1.0]);
        let family = registry.family::<Summary>("x", "X.").with_summary(config).register().expect("it can be had");
        let summary = family.default();
        let (mut now, mut observations, mut collections): (u64, Vec<u64>, Vec<u64>) = (0, vec![], vec![]);
        for (seconds, count) in steps {
            clock.advance(Duration::from_secs(seconds));
            now += seconds;
            for _ in 0..count {
                summary.observe(1.05_f64.powi(i32::try_from(observations.len()).expect("few")));
                observations.push(now);
            }
            let mut shown = Shown::default();
            registry.collect(&mut shown).expect("nothing stops it");
            let is_in = |observation: usize| {
                shown.0[0].1 <= 1.02 * 1.05_f64.powi(i32::try_from(observation).expect("few"))
            };
            for (at, &observed) in observations.iter().enumerate() {
                let age = now - observed;
                prop_assert!(age >= shortest || is_in(at), "{} is gone after {}", at, age);
                // The collection by which it is dated at the latest.
                let dated = collections.iter().find(|&&collected| collected >= observed + part);
                let is_old = dated.is_some_and(|dated| now - dated >= shortest.max(1));
                prop_assert!(!is_old || !is_in(at), "{} is there after {}", at, age);
            }
            collections.push(now);
        }
    }
}
