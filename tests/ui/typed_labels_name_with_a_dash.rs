use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
struct Route {
    #[label(name = "status-code")]
    status: u16,
}

fn main() {
    let _ = <Route as nilometer_core::label::TypedLabels>::NAMES;
}
