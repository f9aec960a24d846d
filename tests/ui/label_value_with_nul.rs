use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core")]
enum Method {
    #[label(rename = "a\0")]
    Get,
}

fn main() {
    let _ = <Method as nilometer_core::label::ClosedLabelValue>::VALUES;
}
