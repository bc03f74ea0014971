//! The text of the engine's scripts, as a worker sends them.

/// Joins the prelude and the named files as `engine/src/scripts.rs` does.
macro_rules! script {
    ($($name:literal)+) => {
        concat!(
            include_str!("../../src/scripts/prelude.lua"), "\n",
            $(include_str!(concat!("../../src/scripts/", $name, ".lua")), "\n"),+
        )
    };
}
