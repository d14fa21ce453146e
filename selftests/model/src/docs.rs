// SPDX-License-Identifier: GPL-2.0-only
//! The parts of docs/ that are made from the code: between `<!-- made: NAME -->` and
//! `<!-- end -->`. A test says when they are out of date; `ocfs2-lock-model docs` renews them.

use crate::alternatives::{findings, table};
use crate::cluster::Variant;
use crate::run::{picture, search};
use crate::scheme::Scheme;
use crate::suite::wrong;
use std::path::PathBuf;

/// The files that have such parts.
pub const FILES: [&str; 2] = ["locking.md", "alternatives.md"];

/// Where docs/ is.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))
}

fn fenced(kind: &str, text: &str) -> String {
    format!("```{kind}\n{}\n```\n", text.trim_end())
}

fn variant(variant: Variant) -> String {
    let config = wrong(variant);
    let (graph, fault) = search(&config);
    fault.map_or(String::new(), |fault| picture(&config, &graph, &fault))
}

fn scheme(scheme: Scheme) -> String {
    let (found, _) = findings(scheme);
    let traces = found.iter().map(|f| format!("{}:\n\n{}", f.what, f.trace));
    traces.collect::<Vec<_>>().join("\n\n")
}

/// The text of a part.
pub fn part(name: &str) -> Option<String> {
    let text = match name {
        "states" => return Some(fenced("mermaid", &ocfs2_lockres_host::diagram::mermaid())),
        "alternatives" => return Some(table()),
        "naive" => variant(Variant::Naive),
        "spin" => variant(Variant::Spin),
        "queued" => variant(Variant::Queued),
        "no-ticket" => variant(Variant::NoTicket),
        "guard" => scheme(Scheme::Guard),
        "hand-over" => scheme(Scheme::HandOver),
        "truncate-first" => scheme(Scheme::TruncateFirst),
        "invalidate-sleep" => scheme(Scheme::InvalidateSleep),
        _ => return None,
    };
    Some(fenced("text", &text))
}

/// A file with its parts renewed; names a part that nobody knows.
pub fn renewed(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- made: ") {
        let (name, after) = after.split_once(" -->\n").ok_or("a part without a name")?;
        let (_, after) = after.split_once("<!-- end -->").ok_or(name)?;
        let made = part(name).ok_or_else(|| format!("unknown part: {name}"))?;
        out.push_str(&format!(
            "{before}<!-- made: {name} -->\n\n{made}\n<!-- end -->"
        ));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
