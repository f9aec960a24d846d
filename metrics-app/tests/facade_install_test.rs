//! Installing a recorder, once for the process: a test binary of its own.

use nilometer::facade::{FacadeRecorder, InstallError};
use nilometer::{MetricsRegistry, assert_metric, assert_no_metric};

#[test]
fn a_recorder_is_installed_once_and_a_second_one_is_refused_and_changes_nothing() {
    let (first, second) = (MetricsRegistry::new(), MetricsRegistry::new());
    metrics::counter!("too_early").increment(1);
    let recorder = FacadeRecorder::try_new(&first).unwrap();
    assert_eq!(recorder.install(), Ok(()));
    let refused = FacadeRecorder::try_new(&second).unwrap().install().unwrap_err();
    assert_eq!(refused, InstallError::AlreadyInstalled);
    assert!(refused.to_string().contains("installed in this process already"));
    assert_eq!(recorder.install(), Err(InstallError::AlreadyInstalled));

    drop(recorder);
    std::thread::spawn(|| metrics::counter!("jobs").increment(1)).join().unwrap();
    assert_metric!(first, "jobs" == 1);
    assert_no_metric!(first, "too_early");
    assert_no_metric!(second, "jobs");
}
