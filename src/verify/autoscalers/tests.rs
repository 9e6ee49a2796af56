use super::*;
use crate::verify::Verdict;

#[test]
fn every_published_vector_is_exact() {
    let cases = match run(&Options::default()) {
        Ok(cases) => cases,
        Err(NoCases::Bad(d, _)) => panic!("{d:#?}"),
        Err(other) => panic!("{other:?}"),
    };
    for c in &cases {
        assert_eq!(c.verdict, Verdict::Pass, "{c:?}");
        assert_eq!(c.tolerance, Some(0.0));
    }
    let mut names: Vec<_> = cases.iter().map(|c| &c.case).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "a name of its own for each");
}
