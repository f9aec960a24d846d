use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
enum Route {
    Home,
}

fn main() {
    let _ = <Route as nilometer_core::label::TypedLabels>::NAMES;
}
