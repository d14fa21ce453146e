// SPDX-License-Identifier: GPL-2.0-only
//! See lib.rs.
use ocfs2_lock_model::cluster::*;
use ocfs2_lock_model::dlm;
use ocfs2_lock_model::graph::*;
use ocfs2_lock_model::node::*;
use ocfs2_lock_model::steps::Log;

fn main() {
    use Role::*;
    let configs = [
        Config::new("r/w", &[&[Reader], &[Writer]]),
        Config::new("r/r", &[&[Reader], &[Reader]]),
        Config::new("w/w", &[&[Writer], &[Writer]]),
        Config::new("m/w", &[&[Mapper], &[Writer]]),
        Config::new("m/m", &[&[Mapper], &[Mapper]]),
        Config::new("rw/w", &[&[Reader, Writer], &[Writer]]),
        Config {
            hurried: true,
            kills: true,
            ..Config::new("r/w hurried kills", &[&[Reader], &[Writer]])
        },
        Config {
            deaths: 1,
            losses: 1,
            ..Config::new("rw/w death", &[&[Reader, Writer], &[Writer]])
        },
        Config {
            kills: true,
            evictions: true,
            faults: 1,
            ..Config::new("r/w all", &[&[Reader], &[Writer]])
        },
        Config {
            flavour: dlm::Flavour {
                busy: true,
                ..Config::ANY
            },
            ..Config::new("rw/w busy", &[&[Reader, Writer], &[Writer]])
        },
        Config {
            flavour: dlm::Flavour {
                deadlk: true,
                ..Config::ANY
            },
            ..Config::new("rw/w deadlk", &[&[Reader, Writer], &[Writer]])
        },
        Config::new("r/w/w", &[&[Reader], &[Writer], &[Writer]]),
        Config::new("r/w/m", &[&[Reader], &[Writer], &[Mapper]]),
        Config::new("rr/w", &[&[Reader, Reader], &[Writer]]),
        Config::new("rm/w", &[&[Reader, Mapper], &[Writer]]),
        Config {
            hurried: true,
            ..Config::new("rw/w hurried", &[&[Reader, Writer], &[Writer]])
        },
        Config {
            kills: true,
            ..Config::new("rw/w kills", &[&[Reader, Writer], &[Writer]])
        },
        Config {
            evictions: true,
            ..Config::new("r/w evict", &[&[Reader], &[Writer]])
        },
        Config {
            faults: 2,
            ..Config::new("r/w faults", &[&[Reader], &[Writer]])
        },
        Config {
            deaths: 1,
            losses: 1,
            ..Config::new("r/w death", &[&[Reader], &[Writer]])
        },
        Config::new("rw/rw", &[&[Reader, Writer], &[Reader, Writer]]),
    ];
    for c in configs {
        let t = std::time::Instant::now();
        let g = explore(&c);
        println!(
            "{}: {} states, {} edges, {:?}, {:?}",
            c.name,
            g.len(),
            g.edges.len(),
            t.elapsed(),
            g.broken
        );
        if let Some((id, _)) = g.broken {
            let mut log = Log::on();
            let end = play(&c, Cluster::new(&c), &g.way(id), &mut log);
            for l in log.lines {
                println!("{} {:?}: {}", l.0, l.1, l.2);
            }
            println!("{end:?}");
            return;
        }
        let t0 = std::time::Instant::now();
        if !c.hurried {
            for (n, roles) in c.nodes.iter().enumerate() {
                for t in 0..roles.len() {
                    if let Some(l) = ocfs2_lock_model::live::starves(&g, task(n, t)) {
                        println!("starves: node {n} task {t}");
                        let mut log = Log::on();
                        let s = play(&c, Cluster::new(&c), &g.way(l.start), &mut log);
                        for l in log.lines.drain(..) {
                            println!("{} {:?}: {}", l.0, l.1, l.2);
                        }
                        println!("-- cycle");
                        let _ = play(&c, s, &l.cycle, &mut log);
                        for l in log.lines.drain(..) {
                            println!("{} {:?}: {}", l.0, l.1, l.2);
                        }
                        return;
                    }
                }
                if ocfs2_lock_model::live::starves(&g, eviction(n)).is_some() {
                    println!("evict starves");
                }
            }
        }
        println!("   live {:?}", t0.elapsed());
    }
}
