//! The labels that tell an instrument's scope.

use nilometer_core::collect::EscapingScheme;
use opentelemetry::InstrumentationScope;

use super::name::Naming;
use super::value::push_value;

/// What the names of these labels begin with.
const PREFIX: &str = "otel_scope_";

/// The labels of a scope: none where they are off.
///
/// SPEC: OpenTelemetry, "Prometheus and OpenMetrics Compatibility", "Instrumentation Scope": name, version, schema URL and
/// attributes are labels of every point by default, and an attribute cannot take the place of the former three.
pub(super) fn labels(scope: &InstrumentationScope, naming: Naming) -> Box<[(String, String)]> {
    let known =
        [("name", Some(scope.name())), ("version", scope.version()), ("schema_url", scope.schema_url())];
    let mut labels: Vec<(String, String)> = Vec::new();
    for (name, value) in known {
        labels.extend(value.map(|value| (format!("{PREFIX}{name}"), value.to_owned())));
    }
    // Where names can hold any characters, a registry takes no two that are one where they are escaped: with both, every
    // series of the scope would be refused.
    let form = |name: &str| EscapingScheme::Underscores.label_name(name).into_owned();
    let is_known = |name: &str| known.iter().any(|(known, _)| form(name).strip_prefix(PREFIX) == Some(known));
    let mut attributes: Vec<_> = scope.attributes().collect();
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    for (index, attribute) in attributes.iter().enumerate() {
        // Of several with one key, the last counts.
        if attributes.get(index + 1).is_some_and(|next| next.key == attribute.key) {
            continue;
        }
        let mut name = String::new();
        naming.push_label(&format!("{PREFIX}{}", attribute.key), &mut name);
        let mut value = String::new();
        push_value(&attribute.value, &mut value);
        match labels.iter_mut().find(|(taken, _)| form(taken) == form(&name)) {
            _ if is_known(&name) => {}
            Some((_, taken)) => {
                taken.push(';');
                taken.push_str(&value);
            }
            None => labels.push((name, value)),
        }
    }
    // A label without a value is none.
    labels.retain(|(_, value)| !value.is_empty());
    labels.into()
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;

    fn labels_of(scope: &InstrumentationScope) -> Vec<(String, String)> {
        labels(scope, Naming { is_utf8: false, has_suffixes: true }).into()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn all_that_a_scope_has_is_a_label() {
        let scope =
            InstrumentationScope::builder("lib").with_version("1.2").with_schema_url("https://schema");
        let scope = scope.with_attributes([KeyValue::new("shard.id", 7), KeyValue::new("a", true)]).build();
        let expected = [
            ("otel_scope_name", "lib"),
            ("otel_scope_version", "1.2"),
            ("otel_scope_schema_url", "https://schema"),
            ("otel_scope_a", "true"),
            ("otel_scope_shard_id", "7"),
        ];
        assert_eq!(labels_of(&scope), owned(&expected));
    }

    #[test]
    fn what_a_scope_does_not_have_is_no_label() {
        assert_eq!(
            labels_of(&InstrumentationScope::builder("lib").build()),
            owned(&[("otel_scope_name", "lib")])
        );
        assert_eq!(labels_of(&InstrumentationScope::builder("").with_version("").build()), owned(&[]));
    }

    #[test]
    fn attributes_are_joined_where_they_become_one_and_take_no_place_of_another() {
        let attributes = [
            KeyValue::new("a_b", "2"),
            KeyValue::new("a.b", "0"),
            KeyValue::new("a.b", "1"),
            KeyValue::new("name", "other"),
            KeyValue::new("version", "9"),
        ];
        let scope = InstrumentationScope::builder("lib").with_attributes(attributes).build();
        assert_eq!(labels_of(&scope), owned(&[("otel_scope_name", "lib"), ("otel_scope_a_b", "1;2")]));
    }

    #[test]
    fn attributes_are_joined_where_they_become_one_on_some_pages() {
        let attributes =
            [KeyValue::new("a_b", "2"), KeyValue::new("a.b", "1"), KeyValue::new("schema.url", "other")];
        let scope = InstrumentationScope::builder("").with_schema_url("s").with_attributes(attributes);
        let labels: Vec<_> = labels(&scope.build(), Naming { is_utf8: true, has_suffixes: true }).into();
        assert_eq!(labels, owned(&[("otel_scope_schema_url", "s"), ("otel_scope_a.b", "1;2")]));
    }
}
