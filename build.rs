//! Builds again when a migration is added: they are embedded in the binary.

#![expect(clippy::print_stdout, reason = "how a build script speaks to Cargo")]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
