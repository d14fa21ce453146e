// SPDX-License-Identifier: GPL-2.0-only
//! The sets that `make test` and `make model` explore, by name.

use crate::cluster::{Config, Variant};
use crate::dlm::Flavour;
use crate::node::Role;
use ocfs2_lockres_host::lockres::Policy;

use Role::{Mapper, Reader, Writer};

const R: &[Role] = &[Reader];
const W: &[Role] = &[Writer];
const M: &[Role] = &[Mapper];
const RW: &[Role] = &[Reader, Writer];
const RM: &[Role] = &[Reader, Mapper];
const RWM: &[Role] = &[Reader, Writer, Mapper];

/// Refusals come from the call itself.
const O2DLM: Flavour = Flavour {
    late_refusals: false,
    busy: false,
    deadlk: false,
};

/// Two nodes; part of `make test`.
pub fn quick() -> Vec<Config> {
    [without_deaths(), with_deaths()].concat()
}

fn with_deaths() -> Vec<Config> {
    let new = Config::new;
    vec![
        Config {
            deaths: 1,
            ..new("reader, writer | writer; a death", &[RW, W])
        },
        Config {
            declared_dead: 1,
            ..new("reader | writer; declared dead", &[R, W])
        },
        Config {
            strangers: &[false],
            ..coarse(new("mapper | writer; a harmless death", &[M, W]))
        },
        Config {
            strangers: &[false, false, true],
            kills: true,
            evictions: true,
            ..new("reader, writer; harmless deaths, then another", &[RW])
        },
        Config {
            strangers: &[true],
            recover: 0b10,
            ..coarse(new(
                "reader, writer | writer, which recovers; a death",
                &[RW, W],
            ))
        },
        Config {
            deaths: 1,
            strangers: &[false],
            reported_first: false,
            ..new("reader | writer; deaths, reported late", &[R, W])
        },
        Config {
            deaths: 1,
            evictions: true,
            ..coarse(new("reader | writer; a death, evictions", &[R, W]))
        },
        Config {
            declared_dead: 1,
            kills: true,
            evictions: true,
            ..new("reader, writer; declared dead, kills, evictions", &[RW])
        },
    ]
}

fn without_deaths() -> Vec<Config> {
    let new = Config::new;
    let slices = Policy {
        slice_ns: 2,
        idle_ns: 1,
        ticket_ns: 1,
    };
    vec![
        new("reader, writer | reader, writer", &[RW, RW]),
        Config {
            flavour: O2DLM,
            ..coarse(new("reader, writer, mapper | writer; o2dlm", &[RWM, W]))
        },
        coarse(new("reader, mapper | reader, mapper", &[RM, RM])),
        new("mapper | mapper", &[M, M]),
        Config {
            async_reads: false,
            ..coarse(new(
                "reader, mapper | mapper; reads under the lock",
                &[RM, M],
            ))
        },
        Config {
            kills: true,
            ..new("reader, writer | writer; kills", &[RW, W])
        },
        Config {
            hurried: true,
            kills: true,
            ..coarse(new("reader, mapper | writer; tickets run out", &[RM, W]))
        },
        Config {
            policy: slices,
            ..new("reader, writer | writer; slices", &[RW, W])
        },
        Config {
            kills: true,
            evictions: true,
            ..new("reader | writer; kills, evictions", &[R, W])
        },
        Config {
            faults: 2,
            ..new("reader, writer | writer; faults", &[RW, W])
        },
        Config {
            flavour: Flavour {
                busy: true,
                ..Config::ANY
            },
            ..new("reader, writer | writer; fs/dlm", &[RW, W])
        },
        Config {
            flavour: Flavour {
                deadlk: true,
                ..O2DLM
            },
            ..new("reader, writer | writer; -EDEADLK", &[RW, W])
        },
    ]
}

/// Three nodes, and two with more tasks: `make model`.
pub fn long() -> Vec<Config> {
    let new = Config::new;
    vec![
        new("reader | writer | writer", &[R, W, W]),
        coarse(new("reader | writer | mapper", &[R, W, M])),
        coarse(new("mapper | mapper | writer", &[M, M, W])),
        coarse(new("reader, writer | writer | mapper", &[RW, W, M])),
        Config {
            deaths: 1,
            kills: true,
            ..coarse(new("reader | writer | writer; kills, a death", &[R, W, W]))
        },
        Config {
            deaths: 1,
            recover: 0b100,
            ..coarse(new(
                "reader | writer | writer, which recovers; a death",
                &[R, W, W],
            ))
        },
        Config {
            declared_dead: 1,
            ..coarse(new("reader | writer | writer; declared dead", &[R, W, W]))
        },
        Config {
            strangers: &[false, false],
            ..coarse(new("reader | writer; harmless deaths", &[R, W]))
        },
        Config {
            strangers: &[true],
            recover: 0b10,
            ..new(
                "reader, writer | writer, which recovers; a death, calls take time",
                &[RW, W],
            )
        },
        Config {
            strangers: &[true, false],
            recover: 0b10,
            ..coarse(new("reader | writer, which recovers; deaths", &[R, W]))
        },
        Config {
            declared_dead: 1,
            evictions: true,
            ..coarse(new("reader | writer; declared dead, evictions", &[R, W]))
        },
        coarse(Config {
            at_once: 2,
            ..new(
                "reader, writer, mapper on each of three nodes; two at once",
                &[RWM, RWM, RWM],
            )
        }),
        alike(coarse(Config {
            at_once: 3,
            ..new(
                "reader, writer, mapper on each of three nodes; three at once",
                &[RWM, RWM, RWM],
            )
        })),
        alike(coarse(new(
            "reader, writer, mapper | reader, writer, mapper",
            &[RWM, RWM],
        ))),
    ]
}

/// Calls reach the master in the step that makes them, and retries aren't counted.
fn coarse(config: Config) -> Config {
    Config {
        coarse: true,
        counted: false,
        ..config
    }
}

/// Nodes with the same tasks are merged, which excludes the check for starvation.
fn alike(config: Config) -> Config {
    Config {
        alike: true,
        ..config
    }
}

/// The smallest cluster in which a variant shows its fault.
pub fn wrong(variant: Variant) -> Config {
    let name = match variant {
        Variant::Right => "as it is meant to be",
        Variant::Naive => "naive: waits with the folio locked",
        Variant::Spin => "spin: retries without blocking",
        Variant::Queued => "queued: a try-lock that runs a queued downconvert",
        Variant::NoTicket => "no-ticket: the retry has no claim to the lock",
    };
    let nodes: &[&[Role]] = match variant {
        Variant::Queued => &[RW, W],
        _ => &[R, W],
    };
    Config {
        variant,
        counted: false,
        eager: false,
        ..coarse(Config::new(name, nodes))
    }
}
