use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core")]
enum Method {
    Get,
    #[label(rename = "Get")]
    Other,
}

fn main() {
    let _ = <Method as nilometer_core::label::ClosedLabelValue>::VALUES;
}
