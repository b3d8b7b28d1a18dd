//! What a server is put through: crashes, failing disks, storms; and a client that remembers what it was promised.
//!
//! A [`Ledger`](ledger::Ledger) holds every answer that [`clients`] were given. What must hold afterwards is worked
//! out from it ([`promise`]), and [`check`] asks the server whether it does: nothing acknowledged is lost, nothing
//! ended is alive, each family of refresh tokens has one living successor, and nobody sees another's name.
//!
//! Everything here talks to the real binary, from outside: over HTTP, with signals, and through the disk
//! ([`disk`]). A trial gives a [`Report`](report::Report); the tests of the command line run short forms of what
//! `cargo xtask soak` runs at length.

pub mod check;
pub mod clients;
pub mod crowd;
pub mod dice;
pub mod disk;
pub mod endurance;
pub mod herd;
pub mod http;
pub mod kill;
pub mod ledger;
pub mod power;
pub mod program;
pub mod promise;
pub mod report;
pub mod slow;
pub mod storm;
pub mod sync;
pub mod timing;
