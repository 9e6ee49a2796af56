//! Profiles: what a step costs for one model on one kind of GPU with one engine, and how that is known.
//!
//! - [`model`]: architectures: layers, KV, parameters, experts;
//! - [`table`]: the bundled profiles, found by name.
//!
//! There are four ways to a profile: a measured table of concurrencies ([`crate::serving::fit::from_benchmark`]), a
//! timed run ([`crate::serving::fit::from_trace`]), a data sheet ([`Profile::from_physics`]), and coefficients of one's
//! own ([`Profile::explicit`]).

pub mod model;
pub mod table;

pub use model::{Dtype, Kv, Model, UnknownModel};
pub use table::{UnknownProfile, bundled, find};

use std::borrow::Cow;

use serde::Serialize;

use crate::catalog::{Catalog, Device, Evidence};
use crate::serving::cost::StepCost;
use crate::serving::fit::Ttft;
use crate::serving::memory::{self, Budget, DoesNotFit};
use crate::serving::physics::{Setup, from_physics};

/// Text that is part of the bundled table, or a user's own.
pub type Text = Cow<'static, str>;

/// How good a fit is, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Measured rows that it was fitted to, where known.
    pub rows: Option<u32>,
    /// The highest concurrency among them: beyond it the profile extrapolates.
    pub concurrency_max: Option<u32>,
    /// Mean absolute error on them, per cent.
    pub mape: f64,
    /// The same, each row foretold by the others.
    pub loo: Option<f64>,
}

/// A replica's cost of a step, with what it is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Name, e.g. `llama-3.1-70b-fp8-h100-vllm-tp2`.
    pub name: Text,
    /// The model, a name in [`model::MODELS`].
    pub model: Text,
    /// The GPU, a name in the catalogue.
    pub device: Text,
    /// GPUs of a replica, all sharing every layer.
    pub tp: u32,
    /// The engine, e.g. `vllm`; `kernels` where only kernels were timed.
    pub engine: Text,
    /// Its version; empty where it was not recorded.
    pub version: Text,
    /// How weights are stored.
    pub dtype: Dtype,
    /// How KV is stored (an assumption but where `kv_tokens` is given).
    pub kv_dtype: Dtype,
    /// The coefficients, ms.
    pub cost: StepCost,
    /// KV tokens that the engine reported; else they are computed ([`Profile::kv_tokens`]).
    pub kv_tokens: Option<u64>,
    /// The engine's cap on sequences at a time in the run that it was fitted to.
    pub max_sequences: Option<u32>,
    /// How good the fit is; `None` for priors and what was replayed.
    pub quality: Option<Quality>,
    /// TTFT at low concurrency, where it was measured: base and ms a prompt token.
    pub ttft: Option<Ttft>,
    /// How sure it is.
    pub evidence: Evidence,
    /// Where the measurements come from.
    pub source: Text,
    /// What to know about it; may be empty.
    pub note: Text,
}

/// What a profile refers to and does not exist, or does not go together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Misfit {
    /// No such model.
    #[error(transparent)]
    Model(#[from] UnknownModel),
    /// No such GPU.
    #[error(transparent)]
    Device(#[from] crate::catalog::LookupError),
    /// Too large.
    #[error(transparent)]
    Memory(#[from] DoesNotFit),
}

impl Misfit {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> crate::units::Diagnostic {
        match self {
            Misfit::Model(e) => e.to_diagnostic(),
            Misfit::Device(e) => e.to_diagnostic(),
            Misfit::Memory(e) => e.to_diagnostic(),
        }
    }
}

impl Profile {
    /// A prior from a data sheet and an architecture.
    ///
    /// # Errors
    /// [`DoesNotFit`] where the weights leave no room for KV.
    pub fn from_physics(s: &Setup<'_>) -> Result<Profile, DoesNotFit> {
        let budget = Budget::of(s.engine);
        memory::kv_tokens(s.model, s.weights, s.kv, s.device.memory_gb, s.tp, budget)?;
        Ok(Profile {
            evidence: Evidence::Prior,
            source: "data sheet and architecture".into(),
            note: "an estimate: 10 to 15 % off in the time between tokens, more on stacks that were not tried".into(),
            ..Profile::explicit(s, from_physics(s))
        })
    }

    /// Coefficients of one's own.
    #[must_use]
    pub fn explicit(s: &Setup<'_>, cost: StepCost) -> Profile {
        let gpu = s.device.aliases.first().copied().unwrap_or(s.device.name);
        let name = format!("{}-{}-{gpu}-{}-tp{}", s.model.name, s.weights.key(), s.engine, s.tp).to_lowercase();
        Profile {
            name: name.into(),
            model: s.model.name.into(),
            device: s.device.name.into(),
            tp: s.tp,
            engine: s.engine.to_owned().into(),
            version: "".into(),
            dtype: s.weights,
            kv_dtype: s.kv,
            cost,
            kv_tokens: None,
            max_sequences: None,
            quality: None,
            ttft: None,
            evidence: Evidence::Guess,
            source: "given".into(),
            note: "".into(),
        }
    }

    /// The model's architecture.
    ///
    /// # Errors
    /// [`UnknownModel`].
    pub fn architecture(&self) -> Result<&'static Model, UnknownModel> {
        Model::find(&self.model)
    }

    /// KV tokens of a replica: as the engine reported them, else by the memory that weights and engine leave.
    ///
    /// # Errors
    /// A model or GPU without a name in the tables; a model that does not fit.
    pub fn kv_tokens(&self) -> Result<u64, Misfit> {
        if let Some(n) = self.kv_tokens {
            return Ok(n);
        }
        let (model, device): (_, &Device) = (self.architecture()?, Catalog::embedded().device(&self.device)?);
        let budget = Budget::of(&self.engine);
        Ok(memory::kv_tokens(model, self.dtype, self.kv_dtype, device.memory_gb, self.tp, budget)?)
    }
}
