//! The attributes `metrics`, of the struct, and `metric`, of its fields.

use syn::punctuated::Punctuated;
use syn::{DeriveInput, Expr, Field, LitBool, LitStr, Path, Token, bracketed};

use crate::attr::{self, Keyed};
use crate::check::Alphabet;
use crate::error::Errors;
use crate::path::CratePath;

/// What `#[metrics(..)]` says.
pub(super) struct Container {
    pub(super) krate: CratePath,
    pub(super) prefix: Option<LitStr>,
    /// Whether `new` is generated.
    pub(super) new: bool,
    /// Which names it takes.
    pub(super) alphabet: Alphabet,
}

impl Container {
    pub(super) fn read(input: &DeriveInput, errors: &mut Errors) -> Container {
        let (mut krate, mut prefix, mut new, mut utf8) = (None, None, None, None);
        attr::read(&input.attrs, "metrics", errors, |meta, errors| {
            let key = &meta.path;
            if key.is_ident("prefix") {
                attr::set(&mut prefix, key, attr::string(meta)?, errors);
            } else if key.is_ident("crate") {
                attr::set(&mut krate, key, attr::crate_path(meta)?, errors);
            } else if key.is_ident("new") {
                attr::set(&mut new, key, meta.value()?.parse::<LitBool>()?.value, errors);
            } else if key.is_ident("utf8") {
                attr::set(&mut utf8, key, (), errors);
            } else {
                attr::unknown(meta, "the struct takes `prefix`, `crate`, `new` and `utf8`", errors)?;
            }
            Ok(())
        });
        attr::misplaced(&input.attrs, "metric", "`metric` is for fields: the struct takes `metrics`", errors);
        Container {
            krate: krate.map(|keyed| keyed.value).unwrap_or_default(),
            prefix: prefix.map(|keyed| keyed.value),
            new: new.is_none_or(|keyed| keyed.value),
            alphabet: Alphabet::new(utf8.is_some()),
        }
    }
}

/// What `#[metric(..)]` says.
#[derive(Default)]
pub(super) struct FieldAttributes {
    pub(super) name: Option<Keyed<LitStr>>,
    pub(super) help: Option<Keyed<LitStr>>,
    pub(super) unit: Option<Keyed<LitStr>>,
    pub(super) buckets: Option<Keyed<Expr>>,
    /// Without an expression, the defaults.
    pub(super) exponential: Option<Keyed<Option<Expr>>>,
    pub(super) labels: Option<Keyed<Vec<LitStr>>>,
    pub(super) expire_after: Option<Keyed<Expr>>,
    pub(super) init: Option<Keyed<()>>,
    pub(super) window: Option<Keyed<Expr>>,
    pub(super) quantiles: Option<Keyed<Expr>>,
    pub(super) max_age: Option<Keyed<Expr>>,
    pub(super) age_buckets: Option<Keyed<Expr>>,
    pub(super) relative_error: Option<Keyed<Expr>>,
    pub(super) flatten: Option<Keyed<()>>,
    pub(super) prefix: Option<Keyed<LitStr>>,
    /// Whether all of them were understood: where one was not, what seems wrong besides follows from it.
    pub(super) understood: bool,
}

impl FieldAttributes {
    pub(super) fn read(field: &Field, errors: &mut Errors) -> FieldAttributes {
        let before = errors.count();
        let mut read = FieldAttributes::default();
        attr::read(&field.attrs, "metric", errors, |meta, errors| {
            let key = &meta.path;
            if key.is_ident("name") {
                attr::set(&mut read.name, key, attr::string(meta)?, errors);
            } else if key.is_ident("help") {
                attr::set(&mut read.help, key, attr::string(meta)?, errors);
            } else if key.is_ident("unit") {
                attr::set(&mut read.unit, key, attr::string(meta)?, errors);
            } else if key.is_ident("buckets") {
                attr::set(&mut read.buckets, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("exponential") {
                let config = if meta.input.peek(Token![=]) { Some(meta.value()?.parse()?) } else { None };
                attr::set(&mut read.exponential, key, config, errors);
            } else if key.is_ident("labels") {
                let names;
                let value = meta.value()?;
                bracketed!(names in value);
                let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&names)?;
                attr::set(&mut read.labels, key, names.into_iter().collect(), errors);
            } else if key.is_ident("expire_after") {
                attr::set(&mut read.expire_after, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("init") {
                attr::set(&mut read.init, key, (), errors);
            } else if key.is_ident("window") {
                attr::set(&mut read.window, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("quantiles") {
                attr::set(&mut read.quantiles, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("max_age") {
                attr::set(&mut read.max_age, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("age_buckets") {
                attr::set(&mut read.age_buckets, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("relative_error") {
                attr::set(&mut read.relative_error, key, meta.value()?.parse()?, errors);
            } else if key.is_ident("flatten") {
                attr::set(&mut read.flatten, key, (), errors);
            } else if key.is_ident("prefix") {
                attr::set(&mut read.prefix, key, attr::string(meta)?, errors);
            } else {
                let known = "a field takes `name`, `help`, `unit`, `buckets`, `exponential`, `labels`, \
                             `expire_after`, `init`, `window`, `quantiles`, `max_age`, `age_buckets`, \
                             `relative_error`, `flatten` and `prefix`";
                attr::unknown(meta, known, errors)?;
            }
            Ok(())
        });
        attr::misplaced(&field.attrs, "metrics", "`metrics` is for the struct: fields take `metric`", errors);
        read.understood = errors.count() == before;
        read
    }

    /// The keys that describe a metric of the field's own, of those that stand there.
    pub(super) fn of_a_metric(&self) -> impl Iterator<Item = &Path> {
        let strings = [&self.name, &self.help, &self.unit].into_iter().flatten().map(|keyed| &keyed.key);
        let buckets = self.buckets.iter().map(|keyed| &keyed.key);
        let exponential = self.exponential.iter().map(|keyed| &keyed.key);
        let labels = self.labels.iter().map(|keyed| &keyed.key);
        let expire_after = self.expire_after.iter().map(|keyed| &keyed.key);
        let init = self.init.iter().map(|keyed| &keyed.key);
        let window = self.window.iter().map(|keyed| &keyed.key);
        let buckets = buckets.chain(exponential);
        let summary = self.of_a_summary();
        strings.chain(buckets).chain(labels).chain(expire_after).chain(init).chain(window).chain(summary)
    }

    /// The keys that describe a summary, of those that stand there.
    pub(super) fn of_a_summary(&self) -> impl Iterator<Item = &Path> {
        let keys = [&self.quantiles, &self.max_age, &self.age_buckets, &self.relative_error];
        keys.into_iter().flatten().map(|keyed| &keyed.key)
    }
}
