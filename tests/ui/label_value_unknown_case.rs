use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core", rename_all = "loud")]
enum Method {
    Get,
}

fn main() {
    let _ = <Method as nilometer_core::label::ClosedLabelValue>::VALUES;
}
