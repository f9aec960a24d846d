//! What one foreign collector shows in one scrape.

use std::collections::HashMap;
use std::sync::Arc;

use super::owned::{self, OwnedPoint};
use super::value::is_possible;
use crate::collect::{Point, SeriesLabels, Stopped, Visitor};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::LabelSet;

/// About what a family and a series take beside their text and counts.
const OVERHEAD: usize = 64;

/// Families and points, up to a number of bytes.
pub(super) struct Buffer<'a> {
    families: Vec<(Descriptor, Vec<(LabelSet, OwnedPoint)>)>,
    /// Where in `families` each name and type is.
    known: HashMap<(Box<str>, MetricType), usize>,
    /// Which of `families` points belong to now; none before the first family.
    current: Option<usize>,
    room: usize,
    full: bool,
    /// Whether somebody still waits for it; once nobody does, nobody will.
    is_wanted: &'a dyn Fn() -> bool,
    wrong_type: u64,
    impossible: u64,
}

/// One family and its points, which those that read one buffer share.
#[derive(Clone)]
pub(super) struct BufferedFamily {
    pub(super) descriptor: Descriptor,
    pub(super) points: Arc<Vec<(LabelSet, OwnedPoint)>>,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bound: usize, is_wanted: &'a dyn Fn() -> bool) -> Buffer<'a> {
        Buffer {
            families: Vec::new(),
            known: HashMap::new(),
            current: None,
            room: bound,
            full: false,
            is_wanted,
            wrong_type: 0,
            impossible: 0,
        }
    }

    /// Whether something had to be left out for want of room.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether its collector was told to show no more.
    pub(super) fn has_stopped(&self) -> bool {
        self.full || !(self.is_wanted)()
    }

    /// How many points were left out because they came before any family or were of another kind.
    pub(super) fn wrong_type(&self) -> u64 {
        self.wrong_type
    }

    /// How many points were left out because no metric of their kind could have their value.
    pub(super) fn impossible(&self) -> u64 {
        self.impossible
    }

    pub(super) fn into_families(self) -> Vec<BufferedFamily> {
        let families = self.families.into_iter();
        families.map(|(descriptor, points)| BufferedFamily { descriptor, points: Arc::new(points) }).collect()
    }

    fn take(&mut self, bytes: usize) -> Result<(), Stopped> {
        if !(self.is_wanted)() {
            return Err(Stopped);
        }
        match self.room.checked_sub(bytes) {
            Some(room) if !self.full => {
                self.room = room;
                Ok(())
            }
            _ => {
                self.full = true;
                Err(Stopped)
            }
        }
    }
}

impl Visitor for Buffer<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        let label_names = descriptor.label_names().unwrap_or_default();
        let names = descriptor.name().len() + label_names.iter().map(|name| name.len()).sum::<usize>();
        self.take(OVERHEAD + names + descriptor.help().len())?;
        // A family that is shown in pieces is one family all the same.
        let key = (descriptor.name().into(), descriptor.metric_type());
        let place = *self.known.entry(key).or_insert(self.families.len());
        if place == self.families.len() {
            self.families.push((descriptor.clone(), Vec::new()));
        }
        self.current = Some(place);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let text: usize = labels.sets().map(|set| set.as_prometheus().len()).sum();
        self.take(OVERHEAD + text + owned::bytes(&point))?;
        let Some((descriptor, points)) = self.current.map(|current| &mut self.families[current]) else {
            self.wrong_type += 1;
            return Ok(());
        };
        if descriptor.metric_type() != point.metric_type() {
            self.wrong_type += 1;
        } else if is_possible(&point) {
            points.push((labels.to_set(), point.into()));
        } else {
            self.impossible += 1;
        }
        Ok(())
    }
}
