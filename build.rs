//! Builds again when a migration is added: the compiler sees only changes of those that it knows.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
