use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
struct Route {
    le: u16,
}

fn main() {
    let _ = <Route as nilometer_core::label::TypedLabels>::NAMES;
}
