//! What a label set may hold, and what is wrong with one that may not.

use thiserror::Error;

use crate::name::{NameError, check_label_name, check_utf8_label_name};

/// The most labels that a series can have, whatever its limits say.
pub const MAX_LABELS: usize = 64;

/// The longest label value in bytes, whatever a series' limits say: 16 MiB.
pub const MAX_VALUE_LENGTH: usize = 1 << 24;

/// Limits on one series' labels.
///
/// # Examples
///
/// ```
/// use nilometer_core::label::LabelLimits;
///
/// let limits = LabelLimits::default().with_max_labels(8).with_max_value_length(64);
/// assert_eq!((limits.max_labels(), limits.max_value_length()), (8, 64));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelLimits {
    max_labels: usize,
    max_value_length: usize,
    utf8_names: bool,
}

impl Default for LabelLimits {
    /// 32 labels of at most 1,024 bytes each.
    fn default() -> Self {
        LabelLimits { max_labels: 32, max_value_length: 1024, utf8_names: false }
    }
}

impl LabelLimits {
    /// Sets how many labels a series may have: at most [`MAX_LABELS`], which a larger number is taken for.
    #[must_use]
    pub fn with_max_labels(mut self, count: usize) -> Self {
        self.max_labels = count.min(MAX_LABELS);
        self
    }

    /// Sets how long a label value may be, in bytes of UTF-8 before escaping: at most [`MAX_VALUE_LENGTH`], which a
    /// larger number is taken for.
    #[must_use]
    pub fn with_max_value_length(mut self, bytes: usize) -> Self {
        self.max_value_length = bytes.min(MAX_VALUE_LENGTH);
        self
    }

    /// Sets whether names may hold any characters: a registry's configuration says so, or a family's declaration.
    pub(crate) fn with_utf8_names(mut self, on: bool) -> Self {
        self.utf8_names = on;
        self
    }

    pub(crate) fn utf8_names(self) -> bool {
        self.utf8_names
    }

    /// Checks one name.
    pub(crate) fn check_name(self, name: &str) -> Result<(), LabelError> {
        let checked = if self.utf8_names { check_utf8_label_name(name) } else { check_label_name(name) };
        checked.map_err(|source| LabelError::InvalidName { name: name.to_owned(), source })
    }

    /// The most labels that a series may have.
    #[must_use]
    pub fn max_labels(&self) -> usize {
        self.max_labels
    }

    /// The longest label value, in bytes.
    #[must_use]
    pub fn max_value_length(&self) -> usize {
        self.max_value_length
    }
}

/// Says why a label set was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A name is outside the alphabet or reserved.
    #[error("invalid label name `{name}`")]
    InvalidName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// A name stands twice.
    #[error("duplicate label name `{name}`")]
    DuplicateName {
        /// The name that stands twice.
        name: String,
    },
    /// Two names, of one series or of a family's series, are the same where names are escaped.
    #[error("label names `{name}` and `{other}` are the same where names are escaped")]
    Collision {
        /// One of the names.
        name: String,
        /// The one that it collides with.
        other: String,
    },
    /// There are more labels than the limit allows.
    #[error("{count} labels where {max} are allowed")]
    TooMany {
        /// How many were given.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// A value is longer than the limit allows.
    #[error("the value of label `{name}` has {length} bytes where {max} are allowed")]
    ValueTooLong {
        /// The label's name.
        name: String,
        /// The value's length in bytes.
        length: usize,
        /// The longest that is allowed.
        max: usize,
    },
    /// The names are not the ones that the family declares.
    #[error("labels {given:?} where the family declares {declared:?}")]
    UndeclaredNames {
        /// The names that were given, sorted.
        given: Vec<String>,
        /// The names that the family declares, sorted.
        declared: Vec<String>,
    },
    /// The name is one of the constant labels that every series of the family has.
    #[error("label `{name}` is already a constant label of the family")]
    Constant {
        /// The name that is taken.
        name: String,
    },
}

/// Why a lookup went to the overflow series: the value of the label `reason` in `nilometer_overflow_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    SeriesLimit,
    RegistryLimit,
    InvalidName,
    DuplicateName,
    TooManyLabels,
    ValueTooLong,
    UndeclaredNames,
    ConstantLabel,
    NameCollision,
}

/// Every reason, in the order of its number, with its spelling.
pub(crate) const REASONS: [(Reason, &str); 9] = [
    (Reason::SeriesLimit, "series_limit"),
    (Reason::RegistryLimit, "registry_limit"),
    (Reason::InvalidName, "invalid_name"),
    (Reason::DuplicateName, "duplicate_name"),
    (Reason::TooManyLabels, "too_many_labels"),
    (Reason::ValueTooLong, "value_too_long"),
    (Reason::UndeclaredNames, "undeclared_names"),
    (Reason::ConstantLabel, "constant_label"),
    (Reason::NameCollision, "name_collision"),
];

impl LabelError {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            LabelError::InvalidName { .. } => Reason::InvalidName,
            LabelError::DuplicateName { .. } => Reason::DuplicateName,
            LabelError::Collision { .. } => Reason::NameCollision,
            LabelError::TooMany { .. } => Reason::TooManyLabels,
            LabelError::ValueTooLong { .. } => Reason::ValueTooLong,
            LabelError::UndeclaredNames { .. } => Reason::UndeclaredNames,
            LabelError::Constant { .. } => Reason::ConstantLabel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stay_within_what_a_set_can_hold() {
        let limits = LabelLimits::default().with_max_labels(usize::MAX).with_max_value_length(usize::MAX);
        assert_eq!((limits.max_labels(), limits.max_value_length()), (MAX_LABELS, MAX_VALUE_LENGTH));
    }

    #[test]
    fn each_reason_stands_at_its_own_number() {
        for (index, (reason, _)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
