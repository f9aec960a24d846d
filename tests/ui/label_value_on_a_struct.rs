use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core")]
struct Method {
    name: String,
}

fn main() {
    let _ = <Method as nilometer_core::label::ClosedLabelValue>::VALUES;
}
