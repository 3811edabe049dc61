//! Has the program built again when the console it holds was changed.

fn main() {
    println!("cargo:rerun-if-changed=console");
}
