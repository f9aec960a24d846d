use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
struct Route {
    status: f64,
}

fn main() {
    let _ = <Route as nilometer_core::label::TypedLabels>::NAMES;
}
