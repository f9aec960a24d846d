//! The group that a push to a Pushgateway replaces.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::push::GroupingError;

/// The name of the label that every group has.
const JOB: &str = "job";

/// What a Pushgateway keeps apart: the job, and labels besides, such as the instance. Prometheus sees them on every series
/// of the group, in place of labels of the same name that a series has.
///
/// Values may be any text, empty and with `/` too: what a URL has no place for is sent in base64.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::push::GroupingKey;
///
/// let group = GroupingKey::try_new("backup")?.try_with_label("instance", "db-1")?.try_with_label("path", "/var/lib")?;
/// assert_eq!(group.job(), "backup");
/// assert_eq!(group.path(), "/metrics/job/backup/instance/db-1/path@base64/L3Zhci9saWI");
/// # Ok::<(), nilometer_prometheus::push::GroupingError>(())
/// ```
///
/// # Specification
///
/// Pushgateway 1.5, README, "URL".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupingKey {
    /// The job first.
    labels: Vec<(String, String)>,
}

impl GroupingKey {
    /// The group of this job, without other labels.
    ///
    /// # Errors
    ///
    /// [`GroupingError::EmptyJob`] where the job is empty.
    pub fn try_new(job: impl Into<String>) -> Result<GroupingKey, GroupingError> {
        let job = job.into();
        if job.is_empty() {
            return Err(GroupingError::EmptyJob);
        }
        Ok(GroupingKey { labels: vec![(JOB.to_owned(), job)] })
    }

    /// Adds a label.
    ///
    /// # Errors
    ///
    /// [`GroupingError::LabelName`] where the name cannot be one, [`GroupingError::Duplicate`] where the key has it.
    pub fn try_with_label(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, GroupingError> {
        let name = name.into();
        let of_label = |(at, byte): (usize, u8)| {
            byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit())
        };
        if name.is_empty() || !name.bytes().enumerate().all(of_label) || name.starts_with("__") || name == JOB
        {
            return Err(GroupingError::LabelName { name });
        }
        if self.labels.iter().any(|(before, _)| *before == name) {
            return Err(GroupingError::Duplicate { name });
        }
        self.labels.push((name, value.into()));
        Ok(self)
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &str {
        self.labels.first().map_or("", |(_, job)| job)
    }

    /// All labels, the job first.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The path of the group below the URL of a Pushgateway.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::from("/metrics");
        for (name, value) in self.labels() {
            path.push('/');
            path.push_str(name);
            if is_segment(value) {
                path.push('/');
                path.push_str(value);
            } else {
                path.push_str("@base64/");
                URL_SAFE_NO_PAD.encode_string(value, &mut path);
                if value.is_empty() {
                    // What is padded away entirely would be no segment.
                    path.push('=');
                }
            }
        }
        path
    }
}

/// Whether a value can stand in a URL's path as it is, and is not taken for something else there.
///
/// SPEC: RFC 3986, sections 2.3 and 3.3.
fn is_segment(value: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !value.is_empty() && value.bytes().all(is_unreserved) && value != "." && value != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_no_segment_of_a_path_are_base64() {
        let path =
            |value: &str| GroupingKey::try_new("a").unwrap().try_with_label("b", value).unwrap().path();
        assert_eq!(path("c-1.2_~"), "/metrics/job/a/b/c-1.2_~");
        for (value, expected) in [
            ("", "="),
            ("/", "Lw"),
            (".", "Lg"),
            ("..", "Li4"),
            ("a b", "YSBi"),
            ("é", "w6k"),
            ("\u{3ff}?", "z78_"),
        ] {
            assert_eq!(path(value), format!("/metrics/job/a/b@base64/{expected}"), "{value:?}");
        }
        assert_eq!(GroupingKey::try_new("a/b").unwrap().path(), "/metrics/job@base64/YS9i");
    }

    #[test]
    fn labels_that_cannot_be_part_of_a_key_are_refused() {
        assert_eq!(GroupingKey::try_new("").unwrap_err(), GroupingError::EmptyJob);
        let key = GroupingKey::try_new("a").unwrap().try_with_label("b", "c").unwrap();
        for name in ["", "job", "__a", "1a", "a-b", "a/b", "é"] {
            let error = key.clone().try_with_label(name, "").unwrap_err();
            assert_eq!(error, GroupingError::LabelName { name: name.to_owned() });
        }
        let error = key.try_with_label("b", "d").unwrap_err();
        assert_eq!(error, GroupingError::Duplicate { name: "b".to_owned() });
    }
}
