//! The last test target: says what the run could not test on this machine, so that nobody takes silence for success.

#[path = "it/harness/programs.rs"]
#[allow(dead_code, reason = "the harness uses the rest")]
mod programs;

fn main() {
    let mut is_complete = true;
    println!();
    for (program, untested) in programs::Program::ALL {
        if !program.is_here() {
            is_complete = false;
            println!("LEFT OUT, {program:?} is not on this machine: {untested}");
        }
    }
    if is_complete {
        println!("Nothing was left out.");
    } else {
        println!("`tests/run` installs what is missing and runs everything.");
        assert!(!programs::is_everything_required(), "PARLOR_TESTS_REQUIRE_ALL is set");
    }
}
