//! The sections of a configuration, as a file has them.

use serde::{Deserialize, Serialize};

use super::setting::{
    Aggregation, Compression, Count, FilePath, Flag, Headers, Pairs, Port, Protocol, Ratio, Sampler,
    Temporality, Text, Texts, Time,
};

/// Declares a section: every key may be missing, and there are no others. What is missing is not written.
macro_rules! section {
    ($(#[$about:meta])* $name:ident { $($key:ident: $type:ty,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $name {
            $(
                #[serde(skip_serializing_if = "is_default")]
                pub(crate) $key: $type,
            )+
        }
    };
}

/// The same with what there is to say about a receiver: of both signals, or of one.
macro_rules! receiver {
    ($(#[$about:meta])* $name:ident { $($key:ident: $type:ty,)+ }) => {
        section! {
            $(#[$about])*
            $name {
                enabled: Option<Flag>,
                endpoint: Option<Text>,
                protocol: Option<Protocol>,
                headers: Option<Headers>,
                timeout: Option<Time>,
                compression: Option<Compression>,
                insecure: Option<Flag>,
                certificate: Option<FilePath>,
                client_certificate: Option<FilePath>,
                client_key: Option<FilePath>,
                $($key: $type,)+
            }
        }
    };
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

section! {
    /// All of it.
    Sections {
        service: Service,
        registry: Registry,
        prometheus: Prometheus,
        process: Switch,
        tokio: Switch,
        otlp: Otlp,
        shutdown: Shutdown,
    }
}

section! {
    /// Whose metrics and spans they are.
    Service {
        name: Option<Text>,
        version: Option<Text>,
        namespace: Option<Text>,
        instance: Option<Text>,
        attributes: Option<Pairs>,
    }
}

section! {
    /// How the registry names, limits and selects.
    Registry {
        namespace: Option<Text>,
        labels: Option<Pairs>,
        series_limit: Option<Count>,
        total_series_limit: Option<Count>,
        label_limit: Option<Count>,
        label_value_limit: Option<Count>,
        collector_time_limit: Option<Time>,
        expire_after: Option<Time>,
        disabled: Option<Texts>,
        self_metrics: Option<Flag>,
    }
}

section! {
    /// The page.
    Prometheus {
        enabled: Option<Flag>,
        host: Option<Text>,
        port: Option<Port>,
        path: Option<Text>,
        compression: Option<Flag>,
        created_lines: Option<Flag>,
        own_metrics: Option<Flag>,
        scrape_limit: Option<Count>,
        connection_limit: Option<Count>,
        tls: Tls,
        auth: Auth,
    }
}

section! {
    /// The certificates of the page.
    Tls {
        certificate: Option<FilePath>,
        key: Option<FilePath>,
        client_ca: Option<FilePath>,
    }
}

section! {
    /// Who may see the page.
    Auth {
        users: Option<Pairs>,
        tokens: Option<Texts>,
    }
}

section! {
    /// What has nothing to be said about but whether it is there.
    Switch {
        enabled: Option<Flag>,
    }
}

receiver! {
    /// Who receives metrics and traces.
    Otlp {
        metrics: OtlpMetrics,
        traces: OtlpTraces,
    }
}

receiver! {
    /// Who receives metrics, and when.
    OtlpMetrics {
        interval: Option<Time>,
        export_timeout: Option<Time>,
        temporality: Option<Temporality>,
        histogram_aggregation: Option<Aggregation>,
    }
}

receiver! {
    /// Who receives spans, and which.
    OtlpTraces {
        sampler: Option<Sampler>,
        sampler_ratio: Option<Ratio>,
        exemplars: Option<Flag>,
    }
}

section! {
    /// The end.
    Shutdown {
        timeout: Option<Time>,
    }
}
