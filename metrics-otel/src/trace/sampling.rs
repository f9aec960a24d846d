//! Which spans are recorded.

use opentelemetry_sdk::trace::Sampler;

use super::OtelConfigError;

/// Decides which spans are recorded and sent.
///
/// # Examples
///
/// ```
/// use nilometer_otel::trace::Sampling;
///
/// // One trace in ten of those that begin here; what arrives from elsewhere stays as it was decided there.
/// let sampling = Sampling::try_ratio(0.1)?.parent_based();
/// assert_eq!(sampling, Sampling::ParentBased(Box::new(Sampling::Ratio(0.1))));
/// assert!(Sampling::try_ratio(1.5).is_err());
/// # Ok::<(), nilometer_otel::trace::OtelConfigError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Tracing SDK", "Built-in samplers".
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Sampling {
    /// Every span.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// Of all traces this fraction, 0 to 1, chosen by the trace id. [`try_ratio`](Self::try_ratio) checks it; one from
    /// elsewhere is clamped, and NaN is 0.
    Ratio(f64),
    /// What the parent says, and this for a span that has none.
    ParentBased(Box<Sampling>),
}

impl Default for Sampling {
    /// The specification's: always on, parent based.
    fn default() -> Self {
        Sampling::AlwaysOn.parent_based()
    }
}

impl Sampling {
    /// This fraction of all traces.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidRatio`] unless the ratio is from 0 to 1.
    pub fn try_ratio(ratio: f64) -> Result<Sampling, OtelConfigError> {
        if (0.0..=1.0).contains(&ratio) {
            Ok(Sampling::Ratio(ratio))
        } else {
            Err(OtelConfigError::InvalidRatio { ratio: ratio.to_string() })
        }
    }

    /// What the parent of a span says, and this for a span that has none.
    #[must_use]
    pub fn parent_based(self) -> Sampling {
        Sampling::ParentBased(Box::new(self))
    }

    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub(super) fn from_name(name: &str, argument: Option<&str>) -> Result<Sampling, OtelConfigError> {
        // SPEC: OpenTelemetry specification, "Environment variables", OTEL_TRACES_SAMPLER; without an argument the
        // ratio is 1.
        let ratio = || match argument {
            None => Ok(Sampling::Ratio(1.0)),
            Some(text) => {
                let refused = || OtelConfigError::InvalidRatio { ratio: text.to_owned() };
                text.trim().parse().map_err(|_| refused()).and_then(Sampling::try_ratio)
            }
        };
        // SPEC: the same, "Enum": in upper or lower case.
        match name.to_ascii_lowercase().as_str() {
            "always_on" => Ok(Sampling::AlwaysOn),
            "always_off" => Ok(Sampling::AlwaysOff),
            "traceidratio" => ratio(),
            "parentbased_always_on" => Ok(Sampling::AlwaysOn.parent_based()),
            "parentbased_always_off" => Ok(Sampling::AlwaysOff.parent_based()),
            "parentbased_traceidratio" => Ok(ratio()?.parent_based()),
            _ => Err(OtelConfigError::UnknownSampler { name: name.to_owned() }),
        }
    }

    pub(super) fn to_sampler(&self) -> Sampler {
        match self {
            Sampling::AlwaysOn => Sampler::AlwaysOn,
            Sampling::AlwaysOff => Sampler::AlwaysOff,
            Sampling::Ratio(ratio) if ratio.is_nan() => Sampler::TraceIdRatioBased(0.0),
            Sampling::Ratio(ratio) => Sampler::TraceIdRatioBased(ratio.clamp(0.0, 1.0)),
            Sampling::ParentBased(root) => Sampler::ParentBased(Box::new(root.to_sampler())),
        }
    }
}
