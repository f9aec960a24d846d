//! The memory that a series takes, with as many threads as have recorded on each and are still there.
//!
//! Everybody is measured in a process of its own, so that nobody finds memory that somebody else has left.

use std::env;
use std::error::Error;
use std::process::Command;

use super::page::held_by;
use super::{Board, Effort};
use crate::labels::Labels;
use crate::memory::Usage;
use crate::report::{Figures, Row};
use crate::stores::{EVERYBODY, Kind};

/// The argument that makes the program measure one store and print what it found.
pub(crate) const CHILD: &str = "--bytes-of";

impl Board {
    /// Bytes per series, for each kind.
    pub(super) fn bytes(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        for kind in Kind::ALL {
            for threads in [1, 8, 64] {
                let id = format!("bytes/{}/holders={threads}", kind.name());
                let skipped =
                    self.effort == Effort::Quick && (threads == 8 || threads > 1 && kind == Kind::Gauge);
                if self.wants(&id) && !skipped {
                    rows.push(self.bytes_of(&id, kind, threads)?);
                }
            }
        }
        Ok(())
    }

    fn bytes_of(&self, id: &str, kind: Kind, threads: usize) -> Result<Row, Box<dyn Error>> {
        let series = match kind {
            Kind::Counter | Kind::Gauge => 100_000,
            Kind::Histogram => 10_000,
        };
        let series = match (self.effort, threads) {
            (Effort::Full, _) => series,
            (Effort::Quick, 1) => series / 2,
            (Effort::Quick, _) => series / 20,
        };
        let mut figures = Figures::new();
        let mut resident = Figures::new();
        for (name, _) in EVERYBODY {
            let usage = in_child(kind, name, threads, series)?;
            figures.insert(name.to_owned(), usage.allocated / series as f64);
            resident.insert(name.to_owned(), usage.resident / series as f64);
        }
        let ours = figures.remove("nilometer").unwrap_or(f64::NAN);
        Ok(Row::counted(id, "bytes", ours, figures, resident))
    }
}

/// Measures one store in a process of its own.
fn in_child(kind: Kind, name: &str, threads: usize, series: usize) -> Result<Usage, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child.args([CHILD, kind.name(), name, &threads.to_string(), &series.to_string()]);
    // Blocks that are free but kept for the thread that freed them would count as in use.
    child.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let output = child.output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [allocated, resident] = figures[..] else {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("no bytes of `{name}` as {}: {error}", kind.name()).into());
    };
    Ok(Usage { allocated, resident })
}

/// What a process does that measures one store: the arguments are those of [`in_child`].
pub(crate) fn report_child(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let [kind, name, threads, series] = arguments else {
        return Err("a kind, a name, threads and series are needed".into());
    };
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or("there is no such kind")?;
    let (_, make) = EVERYBODY.into_iter().find(|(known, _)| known == name).ok_or("nobody has that name")?;
    let (threads, series): (usize, usize) = (threads.parse()?, series.parse()?);
    let labels = Labels::many(series);
    let before = Usage::now();
    let store = make(series);
    held_by(
        threads,
        || kind.record(&*store, labels),
        || {
            store.settle();
            let now = Usage::now();
            kind.check(&store.page(), series, threads)?;
            Ok(format!("{} {}", now.allocated - before.allocated, now.resident - before.resident))
        },
    )
}
