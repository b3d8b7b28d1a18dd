//! Tasks of the project: `cargo xtask test`, `architecture`, `words`, `module-graph`, `threat-model-check`, `deps`,
//! `features`, `public-api`, `interleavings`, `interop-tools`, `clients`, `bench`, `soak`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod architecture;
mod bench;
mod bench_before;
mod clients;
mod deps;
mod features;
mod interleavings;
mod interop_tools;
mod licence;
mod module_graph;
mod packages;
mod promtool;
mod public_api;
mod python_package;
mod rust_source;
mod soak;
mod test;
mod threat_model;
mod valkey;
mod verification_cost;
mod words;
mod workspace;

/// Tasks of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need, runs all tests, and checks architecture, text and threat model.
    Test(test::Options),
    /// Checks which module may import which, and which code only one file may contain.
    Architecture,
    /// Checks that documents, comments, messages and names use plain words.
    Words,
    /// Measures functions, files and comments, and refuses import cycles.
    ModuleGraph(module_graph::Options),
    /// Checks that every test that the threat model names exists, and lists what is open.
    ThreatModelCheck,
    /// Checks the dependencies: banned crates, licences, the size of the verifier.
    Deps,
    /// Checks that `counterfoil` builds with each of its features alone, and without `pages` or `redis`.
    Features,
    /// Compares the public items of the library crates with the lists in `docs/public-api`.
    PublicApi(public_api::Options),
    /// Tests the structures that threads share over many schedules of their threads.
    Interleavings,
    /// Installs the programs and libraries of other projects that the interoperability tests use.
    InteropTools,
    /// Builds, packs and tests the JavaScript packages.
    Clients,
    /// Measures Counterfoil next to a bare axum application.
    Bench(bench::Options),
    /// Runs the long fault-injection scenarios (crashes, failing disks, load spikes, slow clients) and models.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    if let Some(code) = public_api::run_as_rustdoc() {
        return code;
    }
    let result = match Arguments::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Architecture => architecture::run(),
        Task::Words => words::run(),
        Task::ModuleGraph(options) => module_graph::run(&options),
        Task::ThreatModelCheck => threat_model::run(),
        Task::Deps => deps::run(),
        Task::Features => features::run(),
        Task::PublicApi(options) => public_api::run(&options),
        Task::Interleavings => interleavings::run(),
        Task::InteropTools => interop_tools::run(),
        Task::Clients => clients::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Soak(options) => soak::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
