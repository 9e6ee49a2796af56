//! Reclamation: the generators of the market against their laws, and the recorded traces against what is known of them.
//!
//! - `laws`: needs no data. Closed forms are held to the published digits; means of draws to four standard errors; the
//!   hyper-exponential's mean and coefficient of variation to 2 % at 100,000 draws.
//! - `recorded`: the files of `spot/` in the data folder (skypilot-org/spot-traces, uclasystem/bamboo,
//!   stanford-futuredata/training_on_a_dime). Without them that part is left out.
//!
//! Figures of the recorded traces are an independent program's on the same files; each is held to its last digit.

mod laws;
mod published;
mod recorded;

use super::{Case, NoCases, Options};

/// The suite's name.
const SUITE: &str = "reclaim";

/// Runs the suite. Given traces are read as skypilot-org/spot-traces (1 is available) and their statistics are printed
/// unchecked; nothing else runs then. Seeds do not matter: the number of draws is part of what is checked.
///
/// # Errors
/// [`NoCases::Bad`] for files that cannot be used. There is always something to run.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    if !options.traces.is_empty() {
        return recorded::given(&options.traces);
    }
    let mut cases = laws::cases();
    if let Some(data) = &options.data {
        cases.extend(recorded::cases(&data.join("spot"))?);
    }
    Ok(cases)
}

/// A case held to half a unit of the last of so many decimals, with a hair for what lies on the edge.
fn digits(case: impl Into<String>, published: f64, ours: f64, decimals: i32) -> Case {
    Case::checked(SUITE, case, published, ours, 0.5 * 10_f64.powi(-decimals) * (1.0 + 1e-6))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::verify::Verdict;

    fn failing(cases: &[Case]) -> Vec<String> {
        cases.iter().filter(|c| c.verdict == Verdict::Fail).map(|c| format!("{c:?}")).collect()
    }

    #[test]
    fn generators_follow_their_laws() {
        let cases = run(&Options::default()).expect("needs no data");
        assert!(cases.len() > 60);
        assert_eq!(failing(&cases), Vec::<String>::new());
    }

    #[test]
    fn recorded_traces_are_as_published() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        if !data.join("spot").is_dir() {
            return;
        }
        let cases = recorded::cases(&data.join("spot")).expect("good files");
        assert_eq!(failing(&cases), Vec::<String>::new());
        assert_eq!(recorded::all_columns(&data.join("spot")), Vec::<String>::new());
    }

    #[test]
    fn given_traces_are_told_and_not_judged() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("mine.json");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write(r#"{"metadata": {"gap_seconds": 3600}, "data": [1, 1, 0, 1]}"#);
        let options = Options { traces: vec![path.clone()], ..Options::default() };
        let cases = run(&options).expect("a good trace");
        assert!(cases.iter().all(|c| c.verdict == Verdict::Unchecked));
        assert_eq!((cases[0].case.as_str(), cases[0].ours), ("mine/availability", 0.75));
        assert_eq!((cases[1].case.as_str(), cases[1].ours), ("mine/up mean (h)", 1.5));
        write("{}");
        assert!(matches!(run(&options), Err(NoCases::Bad(..))));
    }

    #[test]
    fn a_folder_without_the_files_leaves_them_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let options = Options { data: Some(dir.path().to_path_buf()), ..Options::default() };
        let with = run(&options).expect("the laws").len();
        assert_eq!(with, run(&Options::default()).expect("the laws").len());
    }
}
