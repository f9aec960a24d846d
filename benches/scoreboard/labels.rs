//! Three labels, in the shape in which each rival takes them.
//!
//! Rivals that want a struct get one of `&'static str`: to look a series up costs them no allocation.

use fastmetrics::encoder::{EncodeLabelSet as FastEncode, LabelSetEncoder as FastEncoder};
use fastmetrics::raw::LabelSetSchema;
use measured::LabelGroup;
use measured::lasso::ThreadedRodeo;
use nilometer_benches::Random;
use prometheus_client::encoding::EncodeLabelSet;

/// The names, sorted.
pub(crate) const NAMES: [&str; 3] = ["method", "path", "status"];

/// Three label values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) status: &'static str,
}

/// The same for `measured`, which interns them.
#[derive(LabelGroup)]
#[label(set = InternedSet)]
pub(crate) struct Interned<'a> {
    #[label(dynamic_with = ThreadedRodeo, default)]
    pub(crate) method: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    pub(crate) path: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    pub(crate) status: &'a str,
}

impl Labels {
    pub(crate) fn values(&self) -> [&'static str; 3] {
        [self.method, self.path, self.status]
    }

    /// Names and values, by name.
    pub(crate) fn pairs(&self) -> [(&'static str, &'static str); 3] {
        [("method", self.method), ("path", self.path), ("status", self.status)]
    }

    pub(crate) fn interned(&self) -> Interned<'static> {
        Interned { method: self.method, path: self.path, status: self.status }
    }

    /// As many different label sets as are asked for, one label of each unlike all others, in random order.
    pub(crate) fn many(count: usize) -> &'static [Labels] {
        const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
        const STATUSES: [&str; 5] = ["200", "201", "400", "404", "500"];
        let mut all: Vec<Labels> = (0..count)
            .map(|index| Labels {
                method: METHODS[index % METHODS.len()],
                path: format!("/api/v1/resource/{index}").leak(),
                status: STATUSES[index % STATUSES.len()],
            })
            .collect();
        Random::new().shuffle(&mut all);
        all.leak()
    }
}

impl LabelSetSchema for Labels {
    fn names() -> Option<&'static [&'static str]> {
        Some(&NAMES)
    }
}

impl FastEncode for Labels {
    fn encode(&self, encoder: &mut dyn FastEncoder) -> fastmetrics::error::Result<()> {
        self.pairs().iter().try_for_each(|pair| encoder.encode(pair))
    }
}

/// The same for rivals whose store would otherwise not own the values, which is not what is compared where it is about
/// memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Owned {
    method: String,
    path: String,
    status: String,
}

impl Labels {
    pub(crate) fn owned(&self) -> Owned {
        let [method, path, status] = self.values().map(str::to_owned);
        Owned { method, path, status }
    }
}

impl LabelSetSchema for Owned {
    fn names() -> Option<&'static [&'static str]> {
        Some(&NAMES)
    }
}

impl FastEncode for Owned {
    fn encode(&self, encoder: &mut dyn FastEncoder) -> fastmetrics::error::Result<()> {
        let values = [&self.method, &self.path, &self.status];
        NAMES.iter().zip(values).try_for_each(|(name, value)| encoder.encode(&(*name, value.as_str())))
    }
}
