//! A scenario whose settings are changed again and again: read once, resolved for each point.

use super::decode;
use super::file::Scenario;
use super::load::{knows_variant, other_version, with_variant};
use super::model::Model;
use super::resolve::{Env, resolve};
use crate::formats::set::Override;
use crate::formats::{Node, Syntax, parse};
use crate::units::{Diagnostics, SourceId};

/// A scenario that may run, with the tree that further settings are put into.
#[derive(Clone, Debug)]
pub struct Settings {
    tree: Node,
    variant: Option<String>,
    /// As it was written, defaults filled in.
    pub scenario: Scenario,
    /// What runs without further settings.
    pub model: Model,
    /// Warnings.
    pub warnings: Diagnostics,
}

impl Settings {
    /// Loads the text `id` with these overrides and, where one is named, with the settings of a variant.
    ///
    /// # Errors
    /// All that is wrong, warnings included. Variants and curves that nobody asked for are not looked at.
    pub fn load(
        id: SourceId,
        syntax: Syntax,
        sets: &[String],
        variant: Option<&str>,
        env: &mut Env<'_>,
    ) -> Result<Settings, Diagnostics> {
        let (node, mut out) = parse(id, env.sources, syntax);
        let Some(mut tree) = node else { return Err(out) };
        for text in sets {
            let applied = Override::from_argument(text, env.sources).and_then(|o| o.apply(&mut tree));
            if let Err(d) = applied {
                out.extend(d);
            }
        }
        if let Some(d) = other_version(&tree) {
            return Err(d.into());
        }
        if let Some(name) = variant {
            let plain = decode::decode::<Scenario>(&tree);
            let Some(scenario) = plain.value.filter(|_| !plain.diagnostics.has_errors() && !out.has_errors()) else {
                out.extend(plain.diagnostics);
                return Err(out);
            };
            knows_variant(name, &scenario)?;
            tree = with_variant(name, &scenario, &tree, env, &mut out);
        }
        let decoded = decode::decode::<Scenario>(&tree);
        out.extend(decoded.diagnostics);
        let Some(scenario) = decoded.value else { return Err(out) };
        let (model, found) = resolve(&scenario, variant, env);
        out.extend(found);
        match model {
            Some(model) if !out.has_errors() => {
                Ok(Settings { tree, variant: variant.map(str::to_owned), scenario, model, warnings: out })
            }
            _ => Err(out),
        }
    }

    /// The scenario with further settings, the later over the earlier. The model is there only when nothing is wrong;
    /// warnings may come with it.
    pub fn with(&self, sets: &[Override], env: &mut Env<'_>) -> (Option<Model>, Diagnostics) {
        let mut out = Diagnostics::default();
        let mut tree = self.tree.clone();
        for o in sets {
            if let Err(d) = o.apply(&mut tree) {
                out.extend(d);
            }
        }
        if out.has_errors() {
            return (None, out);
        }
        let decoded = decode::decode::<Scenario>(&tree);
        out.extend(decoded.diagnostics);
        let Some(scenario) = decoded.value else { return (None, out) };
        let (model, found) = resolve(&scenario, self.variant.as_deref(), env);
        out.extend(found);
        (model.filter(|_| !out.has_errors()), out)
    }
}
