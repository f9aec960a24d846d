//! What was built: the program's version, its revision, and the compiler.

use std::borrow::Cow;

use nilometer_core::{Info, MetricsRegistry, RegisterError};

/// What is running: the name, the version and the revision of a program, and the compiler that built it.
///
/// [`build_info!`](crate::build_info!) makes it for the crate that it is called in; everything can be said otherwise with
/// `with_*`. [`register`](BuildInfo::register) shows it as the info metric `build_info`, whose value is always 1:
///
/// | name | kind | unit | labels | meaning |
/// |---|---|---|---|---|
/// | `build_info` | info | - | `name`, `version`, `revision`, `rustc` | What is running. |
///
/// What is not known is no label. The label names are those that the Prometheus project has for its own programs, with
/// `rustc` in place of `goversion`.
///
/// # Queries
///
/// The version beside any other metric, and how many versions there are, which is for long above 1 only where a
/// deployment is stuck:
///
/// ```promql
/// rate(process_cpu_seconds_total[5m]) * on (instance) group_left (version) build_info
///
/// count(count by (version) (build_info{name="shop"})) > 1
/// ```
///
/// # What it does not do
///
/// It runs no `git`: a revision comes from the environment of the build, or from the program. It does not tell when the
/// program was built, as a build that is repeated should give the same program.
///
/// # Examples
///
/// ```
/// use nilometer::{MetricsRegistry, build_info};
///
/// let registry = MetricsRegistry::new();
/// let build = build_info!().with_revision("0f3a9c1");
/// let info = build.register(&registry)?;
/// assert_eq!(info.labels().get("name"), Some(env!("CARGO_PKG_NAME")));
/// assert_eq!(info.labels().get("revision"), Some("0f3a9c1"));
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is on no page until it is registered"]
pub struct BuildInfo {
    name: Cow<'static, str>,
    version: Cow<'static, str>,
    revision: Option<Cow<'static, str>>,
    rustc: Option<Cow<'static, str>>,
}

impl BuildInfo {
    /// A program with its name and version, of an unknown revision, and the compiler that built this crate, which is the
    /// one that built the program.
    ///
    /// # Examples
    ///
    /// ```
    /// let build = nilometer::BuildInfo::new("shop", "1.4.2");
    /// assert_eq!((build.name(), build.version(), build.revision()), ("shop", "1.4.2", None));
    /// assert!(build.rustc().is_some_and(|version| version.starts_with("1.")));
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>, version: impl Into<Cow<'static, str>>) -> BuildInfo {
        let rustc = option_env!("NILOMETER_RUSTC_VERSION").map(Cow::Borrowed);
        BuildInfo { name: name.into(), version: version.into(), revision: None, rustc }
    }

    /// Says which revision of its sources was built; an empty one is as if it were not known.
    pub fn with_revision(mut self, revision: impl Into<Cow<'static, str>>) -> BuildInfo {
        self.revision = Some(revision.into()).filter(|revision| !revision.is_empty());
        self
    }

    /// Says which compiler built it; an empty version is as if it were not known.
    pub fn with_rustc(mut self, version: impl Into<Cow<'static, str>>) -> BuildInfo {
        self.rustc = Some(version.into()).filter(|version| !version.is_empty());
        self
    }

    /// The first of these that is a revision, for [`build_info!`](crate::build_info!).
    #[doc(hidden)]
    pub fn with_first_revision(self, variables: &[Option<&'static str>]) -> BuildInfo {
        // What vergen leaves in place of what it could not find out.
        let is_known = |revision: &&str| !revision.is_empty() && *revision != "VERGEN_IDEMPOTENT_OUTPUT";
        match variables.iter().copied().flatten().find(is_known) {
            Some(revision) => self.with_revision(revision),
            None => self,
        }
    }

    /// What the program is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The revision of its sources, where it is known.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The compiler's version, such as `1.95.0`, where it is known.
    #[must_use]
    pub fn rustc(&self) -> Option<&str> {
        self.rustc.as_deref()
    }

    /// Registers the info metric `build_info`, after the registry's namespace.
    ///
    /// The series belongs to the registry, so the handle can be dropped. Registering another program besides adds a
    /// series: for a plugin that has a version of its own.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: the name is taken by something else, or what is to be said cannot be a label value. Nothing has
    /// changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "prometheus")] {
    /// use nilometer::{BuildInfo, MetricsRegistry, PrometheusRenderer};
    ///
    /// let registry = MetricsRegistry::new();
    /// BuildInfo::new("shop", "1.4.2").with_rustc("").register(&registry)?;
    /// let page = PrometheusRenderer::render_all(&registry);
    /// assert!(page.ends_with("\nbuild_info{name=\"shop\",version=\"1.4.2\"} 1\n"));
    /// # }
    /// # Ok::<(), nilometer::RegisterError>(())
    /// ```
    #[track_caller]
    pub fn register(&self, registry: &MetricsRegistry) -> Result<Info, RegisterError> {
        // A label with an empty value is no label.
        let labels = [
            ("name", self.name()),
            ("version", self.version()),
            ("revision", self.revision().unwrap_or_default()),
            ("rustc", self.rustc().unwrap_or_default()),
        ];
        registry.register_info("build_info", "What is running.", &labels)
    }
}

/// Makes the [`BuildInfo`] of the crate that calls it.
///
/// The name and the version are those of its package, as cargo gives them. The revision is the first of these that is set
/// and not empty when that crate is compiled:
///
/// | variable | who sets it |
/// |---|---|
/// | `NILOMETER_REVISION` | you, for instance by `NILOMETER_REVISION=$(git rev-parse HEAD) cargo build` |
/// | `VERGEN_GIT_SHA` | a build script with the crate `vergen` |
/// | `GIT_COMMIT` | Jenkins, and many image builds |
/// | `GITHUB_SHA` | GitHub Actions |
/// | `CI_COMMIT_SHA` | GitLab CI, Woodpecker |
/// | `BITBUCKET_COMMIT` | Bitbucket Pipelines |
/// | `CIRCLE_SHA1` | Circle CI |
/// | `BUILDKITE_COMMIT` | Buildkite |
/// | `BUILD_SOURCEVERSION` | Azure Pipelines |
/// | `TRAVIS_COMMIT` | Travis CI |
/// | `SOURCE_COMMIT` | Docker Hub |
///
/// Cargo compiles the crate again when one of them changes. None of them reaches a crate of which a build has the result
/// cached under other values; a pull request's revision is that of the merge, where the service says so.
///
/// # Examples
///
/// ```
/// let build = nilometer::build_info!();
/// assert_eq!(build.version(), env!("CARGO_PKG_VERSION"));
/// ```
#[macro_export]
macro_rules! build_info {
    () => {
        $crate::BuildInfo::new(::core::env!("CARGO_PKG_NAME"), ::core::env!("CARGO_PKG_VERSION"))
            .with_first_revision(&[
                ::core::option_env!("NILOMETER_REVISION"),
                ::core::option_env!("VERGEN_GIT_SHA"),
                ::core::option_env!("GIT_COMMIT"),
                ::core::option_env!("GITHUB_SHA"),
                ::core::option_env!("CI_COMMIT_SHA"),
                ::core::option_env!("BITBUCKET_COMMIT"),
                ::core::option_env!("CIRCLE_SHA1"),
                ::core::option_env!("BUILDKITE_COMMIT"),
                ::core::option_env!("BUILD_SOURCEVERSION"),
                ::core::option_env!("TRAVIS_COMMIT"),
                ::core::option_env!("SOURCE_COMMIT"),
            ])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_revision_that_is_known_counts() {
        let revision_of = |variables: &[Option<&'static str>]| {
            let build = BuildInfo::new("shop", "1.0.0").with_first_revision(variables);
            build.revision().map(str::to_owned)
        };
        assert_eq!(revision_of(&[]), None);
        assert_eq!(revision_of(&[None, Some("")]), None);
        assert_eq!(
            revision_of(&[Some("VERGEN_IDEMPOTENT_OUTPUT"), Some("a1"), Some("b2")]),
            Some("a1".into())
        );
    }
}
