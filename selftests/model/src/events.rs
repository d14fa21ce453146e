// SPDX-License-Identifier: GPL-2.0-only
//! The steps of the worker, of eviction and of the DLM, and the end of a node.

use crate::node::{Evict, Folio, Node, Who, Worker};
use crate::steps::{level_name, name, Run};
use ocfs2_lockres_host::lockres::{Flushed, Level, Refusal, Work};

impl Run<'_> {
    // --- the worker, eviction ---

    pub(crate) fn work(&mut self, n: usize, how: Flushed) {
        let now = self.c.now;
        let node = self.node(n);
        match node.worker {
            Worker::Idle => {
                node.timer = None;
                let step = node.machine.work(now);
                if let Work::Flush { from, to } = self.carry(n, Who::Worker, step) {
                    self.say(n, Who::Worker, || {
                        let names = (level_name(from), level_name(to));
                        format!(
                            "is to bring {} down to {}: blocks new holders",
                            names.0, names.1
                        )
                    });
                    self.node(n).worker = Worker::Flushing(to == Level::Nl);
                }
            }
            Worker::Flushing(drop) => {
                node.worker = Worker::Idle;
                if !matches!(how, Flushed::NotYet(_)) {
                    node.folio.dirty = false;
                    node.folio.mapped = false;
                    node.folio.uptodate &= !drop;
                    self.say(n, Who::Worker, || match drop {
                        true => "locks the folio, writes it back, drops it".into(),
                        false => "locks the folio, writes it back".into(),
                    });
                }
                match self.node(n).machine.flushed(how, now) {
                    Ok(step) => self.carry(n, Who::Worker, step),
                    Err(unexpected) => self.c.misuse = Some(unexpected.event),
                }
            }
        }
    }

    pub(crate) fn evict(&mut self, n: usize) {
        let now = self.c.now;
        let policy = self.config.policy;
        let node = self.node(n);
        match node.evict {
            Evict::No => node.evict = Evict::Truncating,
            Evict::Truncating => {
                node.folio = Folio::default();
                node.evict = Evict::Closing(true);
            }
            Evict::Closing(_) => {
                node.evict = Evict::Closing(false);
                let step = node.machine.shutdown(now);
                if self.carry(n, Who::Evict, step) {
                    self.say(n, Who::Evict, || "the inode is gone".into());
                    let roles = self.config.nodes[n].as_slice();
                    let worker = self.c.nodes[n].worker;
                    assert_eq!(worker, Worker::Idle, "gone with the worker at work");
                    *self.node(n) = Node::new(roles, policy);
                }
            }
        }
    }

    // --- the DLM ---

    pub(crate) fn arrive(&mut self, n: usize) {
        let Some(mut calling) = self.c.nodes[n].calling else {
            return;
        };
        let before = self.c.dlm.locks[n].level;
        let answer = self.c.dlm.arrive(n, calling.call, self.config.flavour);
        calling.answer = Some(answer);
        self.node(n).calling = Some(calling);
        // The lock was taken away: retries are counted from here.
        if before > Level::Nl && self.c.dlm.locks[n].level == Level::Nl {
            for task in &mut self.node(n).tasks {
                task.retries = 0;
            }
        }
    }

    pub(crate) fn ret(&mut self, n: usize) {
        let now = self.c.now;
        let Some(calling) = self.node(n).calling.take() else {
            return;
        };
        let answer = calling.answer.unwrap_or(Ok(()));
        let kick = self.node(n).machine.returned(answer, now);
        self.checked(n, kick);
        if calling.by == Who::Evict {
            if let Evict::Closing(woken) = &mut self.node(n).evict {
                *woken = true;
            }
        }
    }

    pub(crate) fn ast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(answer) = self.c.dlm.locks[n].ast.take() else {
            return;
        };
        let before = self.c.nodes[n].machine.level();
        let kick = self.node(n).machine.ast(answer, now);
        let after = self.c.nodes[n].machine.level();
        if after > before {
            self.node(n).late_tickets = 0;
            self.c.dlm.locks[n].lksb = self.c.dlm.lvb;
        }
        self.say(n, Who::Worker, || match answer {
            Ok(()) => format!("(ast: this node has {})", level_name(after)),
            Err(refusal) => format!("(ast: refused, {refusal:?})"),
        });
        self.checked(n, kick);
    }

    pub(crate) fn bast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(asked) = self.c.dlm.locks[n].bast.take() else {
            return;
        };
        self.say(n, Who::Worker, || {
            format!("(bast: another node asks for {})", name(asked))
        });
        let kick = self.node(n).machine.bast(asked, now);
        self.kick(n, kick);
    }

    pub(crate) fn unlock_ast(&mut self, n: usize) {
        let now = self.c.now;
        let Some(answer) = self.c.dlm.locks[n].unlock_ast.take() else {
            return;
        };
        if !self.c.dlm.locks[n].exists {
            self.c.dlm.locks[n].bast = None;
        }
        let kick = self.node(n).machine.unlock_ast(answer, now);
        self.say(n, Who::Worker, || "(unlock ast)".into());
        self.checked(n, kick);
    }

    // --- the end of a node ---

    pub(crate) fn die(&mut self, n: usize) {
        self.say(n, Who::Worker, || "the node dies".into());
        self.c.deaths -= 1;
        self.c.dlm.bury(n);
        *self.node(n) = Node::new(&[], self.config.policy);
        self.node(n).alive = false;
    }

    pub(crate) fn lose(&mut self, n: usize) {
        self.say(n, Who::Worker, || "the node loses the cluster".into());
        self.c.losses -= 1;
        self.c.dlm.bury(n);
        let now = self.c.now;
        let node = self.node(n);
        node.lost = true;
        if let Some(calling) = &mut node.calling {
            calling.answer = Some(Err(Refusal::Other(-107)));
        }
        let kick = node.machine.fail(-107, now);
        self.kick(n, kick);
    }
}
