//! Loading a scenario: its text, the overrides, its variants; checked, resolved, ready to run.

use super::curve::{Curve, curves};
use super::decode::{self, DefaultTaken};
use super::file::Scenario;
use super::model::Model;
use super::resolve::{Env, resolve, unknown_version};
use crate::formats::set::Override;
use crate::formats::{Node, Syntax, parse};
use crate::units::{Diagnostic, Diagnostics, SourceId};

/// A scenario that may run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it was written, defaults filled in.
    pub scenario: Scenario,
    /// What runs.
    pub model: Model,
    /// Its variants, in their order.
    pub variants: Vec<Model>,
    /// Its curves: each with the scenario's own settings first, then with those of each variant.
    pub curves: Vec<Curve>,
    /// Defaults that were taken.
    pub defaults: Vec<DefaultTaken>,
    /// Warnings.
    pub warnings: Diagnostics,
}

/// Loads the text `id`. With `only`, that variant takes the place of the scenario itself and there are no others.
///
/// # Errors
/// All that is wrong, warnings included.
pub fn load(
    id: SourceId,
    syntax: Syntax,
    sets: &[String],
    only: Option<&str>,
    env: &mut Env<'_>,
) -> Result<Loaded, Diagnostics> {
    let (node, mut out) = parse(id, env.sources, syntax);
    let Some(mut tree) = node else { return Err(out) };
    for text in sets {
        match Override::from_argument(text, env.sources) {
            Ok(o) => {
                if let Err(d) = o.apply(&mut tree) {
                    out.extend(d);
                }
            }
            Err(d) => out.extend(d),
        }
    }
    // A file of another version may have other fields: its version is all there is to say about it.
    if let Some(d) = other_version(&tree) {
        return Err(d.into());
    }
    let plain = decode::decode::<Scenario>(&tree);
    out.extend(plain.diagnostics);
    if out.has_errors() {
        // Meaning is checked as far as the form allows, so that one run of `check` shows as much as possible.
        if let Some(s) = &plain.value {
            out.extend(resolve(s, None, env).1);
        }
        return Err(without_repeats(out));
    }
    let Some(scenario) = plain.value else { return Err(out) };
    if let Some(name) = only {
        return one_variant(name, &scenario, &tree, env, out);
    }
    let (model, found) = resolve(&scenario, None, env);
    out.extend(found);
    let mut variants = Vec::new();
    let mut seen = Vec::new();
    for v in &scenario.variants {
        if seen.contains(&&v.name.value) {
            out.push(
                Diagnostic::error(format!("two variants are called `{}`", *v.name))
                    .at(v.name.at.0, v.name.at.1, "the same name again")
                    .help("a name says which one is meant: give this one another"),
            );
        }
        seen.push(&v.name.value);
        let (model, decoded, found) = variant(v.name.as_str(), &scenario, &tree, env);
        for d in found.list {
            // A fault of the scenario itself is told once; one that only the variant's settings bring says so.
            if decoded.is_none() || out.list.contains(&d) {
                out.push(d);
            } else {
                out.push(d.help(format!("this comes from the settings of the variant `{}`", *v.name)));
            }
        }
        variants.extend(model);
    }
    let curves = if out.has_errors() { Vec::new() } else { curves(&scenario, &tree, None, env, &mut out) };
    match model {
        Some(model) if !out.has_errors() => {
            Ok(Loaded { scenario, model, variants, curves, defaults: plain.defaults, warnings: without_repeats(out) })
        }
        _ => Err(without_repeats(out)),
    }
}

/// A file whose version is a whole number that this program does not read.
pub(super) fn other_version(tree: &Node) -> Option<Diagnostic> {
    let node = tree.get("version")?;
    match &node.value {
        crate::formats::Value::Number(text) => unknown_version(text.parse().ok()?, node.at),
        _ => None,
    }
}

/// The tree with a variant's settings.
pub(super) fn with_variant(name: &str, scenario: &Scenario, tree: &Node, env: &Env<'_>, out: &mut Diagnostics) -> Node {
    let mut tree = tree.clone();
    // The texts are taken from the tree, so that carets point into the file.
    let items = tree.get("variants").and_then(list).unwrap_or_default();
    let index = scenario.variants.iter().position(|v| v.name.as_str() == name);
    let sets = index.and_then(|i| items.get(i)).and_then(|n| n.get("set")).and_then(list).unwrap_or_default();
    for node in &sets {
        match Override::from_node(node, env.sources) {
            Ok(o) => {
                if let Err(d) = o.apply(&mut tree) {
                    out.extend(d);
                }
            }
            Err(d) => out.extend(d),
        }
    }
    tree
}

/// The scenario with a variant's settings, resolved.
fn variant(
    name: &str,
    scenario: &Scenario,
    tree: &Node,
    env: &mut Env<'_>,
) -> (Option<Model>, Option<decode::Decoded<Scenario>>, Diagnostics) {
    let mut out = Diagnostics::default();
    let tree = with_variant(name, scenario, tree, env, &mut out);
    if out.has_errors() {
        return (None, None, out);
    }
    let decoded = decode::decode::<Scenario>(&tree);
    out.extend(decoded.diagnostics.clone());
    let model = match &decoded.value {
        Some(s) if !out.has_errors() => {
            let (model, found) = resolve(s, Some(name), env);
            out.extend(found);
            model
        }
        _ => None,
    };
    (model, Some(decoded), out)
}

fn one_variant(
    name: &str,
    scenario: &Scenario,
    tree: &Node,
    env: &mut Env<'_>,
    mut out: Diagnostics,
) -> Result<Loaded, Diagnostics> {
    if let Err(d) = knows_variant(name, scenario) {
        out.extend(d);
        return Err(out);
    }
    let (model, decoded, found) = variant(name, scenario, tree, env);
    out.extend(found);
    let curves = if out.has_errors() { Vec::new() } else { curves(scenario, tree, Some(name), env, &mut out) };
    match (model, decoded.and_then(|d| d.value.map(|v| (v, d.defaults)))) {
        (Some(model), Some((scenario, defaults))) if !out.has_errors() => {
            Ok(Loaded { scenario, model, variants: Vec::new(), curves, defaults, warnings: without_repeats(out) })
        }
        _ => Err(without_repeats(out)),
    }
}

/// Whether the scenario has a variant of the name.
pub(super) fn knows_variant(name: &str, scenario: &Scenario) -> Result<(), Diagnostics> {
    if scenario.variants.iter().any(|v| v.name.as_str() == name) {
        return Ok(());
    }
    let names: Vec<&str> = scenario.variants.iter().map(|v| v.name.as_str()).collect();
    let mut d = Diagnostic::error(format!("the scenario has no variant `{name}`"));
    if let Some(near) = crate::units::nearest(name, names.iter().copied()) {
        d = d.help(format!("did you mean `{near}`?"));
    }
    Err(d.help(format!("its variants: {}", names.join(", "))).into())
}

fn list(n: &Node) -> Option<Vec<Node>> {
    match &n.value {
        crate::formats::Value::List(items) => Some(items.clone()),
        _ => None,
    }
}

/// A variant repeats what the scenario itself has: once is enough.
fn without_repeats(d: Diagnostics) -> Diagnostics {
    let mut out = Diagnostics::default();
    for one in d.list {
        if !out.list.contains(&one) {
            out.push(one);
        }
    }
    out
}
