use nilometer_macros::LabelValue;

#[derive(LabelValue)]
#[label(crate = "nilometer_core", utf8)]
enum Outcome {
    Ok,
}

fn main() {
    let _ = Outcome::Ok;
}
