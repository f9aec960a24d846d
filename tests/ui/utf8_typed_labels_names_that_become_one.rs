use nilometer_macros::TypedLabels;

#[derive(TypedLabels)]
#[label(crate = "nilometer_core", utf8)]
struct Job {
    #[label(name = "queue.name")]
    queue: String,
    queue_name: String,
}

fn main() {
    let _ = Job { queue: String::new(), queue_name: String::new() };
}
