use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core", rename_all = "Train-Case")]
struct Route {
    status: u16,
}

fn main() {
    let _ = <Route as nilometer_core::label::TypedLabels>::NAMES;
}
