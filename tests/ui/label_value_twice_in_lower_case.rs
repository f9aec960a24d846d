use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core", rename_all = "lowercase")]
enum Method {
    GetAll,
    Getall,
}

fn main() {
    let _ = <Method as nilometer_core::label::ClosedLabelValue>::VALUES;
}
