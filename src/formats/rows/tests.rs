use std::io::Write;

use proptest::prelude::*;

use super::super::render::render;
use super::csv::Csv;
use super::jsonl::JsonLines;
use super::*;
use crate::units::Diagnostics;

fn lines(bytes: &[u8]) -> Lines {
    Lines::from_reader("trace.csv", Cursor::new(bytes.to_vec())).expect("lines")
}

fn table(bytes: &[u8]) -> Csv {
    Csv::new(lines(bytes)).expect("a header")
}

type Texts = Vec<(u64, Vec<String>)>;

/// All rows as text with their lines, up to the first fault.
fn rows(bytes: &[u8]) -> (Texts, Option<Box<Fault>>) {
    let mut csv = match Csv::new(lines(bytes)) {
        Ok(csv) => csv,
        Err(f) => return (Vec::new(), Some(f)),
    };
    let columns: Vec<_> = csv.header().to_vec().iter().map(|h| csv.column(h).expect("it is there")).collect();
    let mut out = Vec::new();
    loop {
        match csv.next_row() {
            Ok(Some(row)) => out.push((row.line(), columns.iter().map(|c| row.text(*c).to_owned()).collect())),
            Ok(None) => return (out, None),
            Err(f) => return (out, Some(f)),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(bytes).expect("memory");
    e.finish().expect("memory")
}

#[allow(clippy::boxed_local, reason = "faults come in boxes")]
fn shown(fault: Box<Fault>) -> String {
    let mut sources = SourceMap::default();
    let d = fault.into_diagnostic(&mut sources);
    render(&Diagnostics::from(d), &sources, false)
}

#[test]
fn rows_keep_their_line_whatever_lies_between() {
    let text = "\u{feff}a, b\r\n1,2\r\n\r\n\n\"x\ny\",\"q\"\"r\"\n,é\n5,6";
    let (got, fault) = rows(text.as_bytes());
    assert_eq!(fault, None);
    let want = [(2, ["1", "2"]), (5, ["x\ny", "q\"r"]), (7, ["", "é"]), (8, ["5", "6"])];
    assert_eq!(got.len(), want.len());
    for ((line, fields), (l, f)) in got.iter().zip(want) {
        assert_eq!((*line, fields.as_slice()), (l, f.map(str::to_owned).as_slice()));
    }
}

#[test]
fn compression_is_told_by_the_first_bytes() {
    let text = b"a,b\n1,2\n3,4\n";
    let mut members = gzip(b"a,b\n1,2\n");
    members.extend(gzip(b"3,4\n"));
    let mut frames = zstd::encode_all(&b"a,b\n1,"[..], 3).expect("memory");
    frames.extend(zstd::encode_all(&b"2\n3,4\n"[..], 3).expect("memory"));
    for bytes in [text.to_vec(), gzip(text), members, zstd::encode_all(&text[..], 3).expect("memory"), frames] {
        let (got, fault) = rows(&bytes);
        assert_eq!(fault, None);
        assert_eq!(got, [(2, vec!["1".to_owned(), "2".to_owned()]), (3, vec!["3".to_owned(), "4".to_owned()])]);
    }
}

#[test]
fn a_file_that_is_cut_short_says_where() {
    let mut text = "a,b,c\n".to_owned();
    for i in 0..2000 {
        text.push_str(&format!("{i},{},{}\n", i * 7919 % 1000, i * 104_729 % 997));
    }
    let zipped = gzip(text.as_bytes());
    let packed = zstd::encode_all(text.as_bytes(), 3).expect("memory");
    for bytes in [&zipped[..zipped.len() / 2], &packed[..packed.len() - 3], &zipped[..zipped.len() - 4]] {
        let fault = rows(bytes).1.expect("a fault");
        assert!(fault.message.starts_with("file is cut short at line "), "{}", fault.message);
    }
    let fault = rows(b"a,b,c\n1,2,3\n4,5").1.expect("a fault");
    assert_eq!(fault.message, "file is cut short at line 3");
    assert_eq!(fault.label, "2 of 3 fields, and no end of line");
    let fault = rows(b"a,b\n1,\"2\n3\n").1.expect("a fault");
    assert_eq!(
        (fault.message.as_str(), fault.label.as_str()),
        ("file is cut short at line 3", "this quote is never closed")
    );
    // The last line may well lack its end.
    assert_eq!(rows(b"a,b\n1,2").1, None);
    let mut damaged = zipped.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0xff);
    let fault = rows(&damaged).1.expect("a fault");
    assert!(fault.message.contains("damaged") || fault.message.contains("cut short"), "{}", fault.message);
}

#[test]
fn faults_show_the_true_line_and_column() {
    assert_eq!(
        shown(rows(b"name,gpus\na,1\n\nb,1,x\n").1.expect("a fault")),
        "\
error: line 4 has 3 fields, the header has 2
 --> trace.csv:4:5
  |
4 | b,1,x
  |     ^ beyond the last column
  |
  = help: a field that holds a comma goes in double quotes

1 error
"
    );
    let mut csv = table("name,gpus,when\n\"a,é\",-1,\n".as_bytes());
    let (gpus, when) = (csv.column("gpus").expect("it"), csv.column("when").expect("it"));
    let row = csv.next_row().expect("a row").expect("a row");
    assert_eq!(
        shown(row.f64(gpus).expect_err("negative")),
        "\
error: column `gpus` needs a number of 0 or more, line 2 has \"-1\"
 --> trace.csv:2:7
  |
2 | \"a,é\",-1,
  |       ^^ not a number of 0 or more

1 error
"
    );
    assert_eq!(
        row.u64(when).expect_err("empty").message,
        "column `when` needs a whole number of 0 or more, line 2 has nothing"
    );
    assert_eq!(row.optional_u64(when), Ok(None));
    assert_eq!(row.signed(gpus), Ok(-1.0));
}

#[test]
fn a_missing_column_names_the_nearest_and_all_there_are() {
    let csv = table(b"job_id,gpu_num,duration\n");
    let fault = csv.column("gpu_nums").expect_err("none");
    assert_eq!(fault.message, "no column `gpu_nums` in `trace.csv`");
    assert_eq!(fault.help, ["is it `gpu_num`?", "columns found: job_id, gpu_num, duration"]);
    assert_eq!(fault.line, 1);
    assert_eq!(csv.optional_column("x"), None);
}

#[test]
fn numbers_are_finite_and_in_range() {
    for (text, number, whole) in [
        ("1.5", Some(1.5), None),
        (" 7 ", Some(7.0), Some(7)),
        ("1e3", Some(1000.0), None),
        ("NaN", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        ("-0", Some(0.0), None),
        ("18446744073709551616", Some(18_446_744_073_709_551_616.0), None),
        ("0x10", None, None),
        ("", None, None),
    ] {
        let mut csv = table(format!("a,b\n{text},\n").as_bytes());
        let a = csv.column("a").expect("it");
        let row = csv.next_row().expect("a row").expect("a row");
        assert_eq!(row.f64(a).ok().map(f64::to_bits), number.map(f64::to_bits), "{text}");
        assert_eq!(row.u64(a).ok(), whole, "{text}");
    }
}

#[test]
fn bad_headers_and_bytes_are_faults() {
    assert_eq!(rows(b"").1.expect("a fault").message, "`trace.csv` is empty");
    assert_eq!(rows(b"\n\n").1.expect("a fault").message, "`trace.csv` is empty");
    assert_eq!(rows(&gzip(b"")).1.expect("a fault").message, "`trace.csv` is empty");
    assert_eq!(rows(b"a,b,a\n").1.expect("a fault").message, "two columns are named `a`");
    let fault = rows(b"a,b\n1,2\nx,\xff\xfe\n").1.expect("a fault");
    assert_eq!((fault.line, fault.message.as_str()), (3, "line 3 is not UTF-8 text: its byte 2 is 0xFF"));
    assert!(shown(fault).contains("trace.csv:3:3"));
    assert_eq!(rows(b"a,b\n\"x\"y,1\n").1.expect("a fault").message, "text after a closing quote in line 2");
    let long = [b"a\n".to_vec(), vec![b'x'; MAX_ROW_BYTES + 2]].concat();
    assert_eq!(rows(&long).1.expect("a fault").message, "line 2 is longer than 16 MiB");
    let never = [b"a\n\"".to_vec(), b"x\n".repeat(MAX_ROW_BYTES / 2 + 1)].concat();
    assert_eq!(rows(&never).1.expect("a fault").message, "a quoted field in line 2 is longer than 16 MiB");
    let fault = Csv::open(Path::new("/nowhere/trace.csv")).expect_err("no file");
    assert_eq!(fault.message, "cannot read `/nowhere/trace.csv`: no such file or directory");
    let fault = Csv::open(Path::new("/")).expect_err("a folder");
    assert!(fault.message.contains("directory"), "{}", fault.message);
}

#[test]
fn json_lines_are_objects() {
    let text = "\u{feff}{\"a\": 1, \"t\": \"x\"}\n\n{\"a\": -1, \"n\": null}\n";
    let mut file = JsonLines::new(lines(text.as_bytes()));
    let r = file.next_record().expect("fine").expect("one");
    assert_eq!((r.line(), r.u64("a"), r.f64("a"), r.text("t")), (1, Ok(1), Ok(1.0), Ok("x")));
    let r = file.next_record().expect("fine").expect("one");
    assert_eq!(r.line(), 3);
    assert_eq!(r.u64("a").expect_err("negative").message, "field `a` needs a whole number of 0 or more, line 3 has -1");
    let fault = r.f64("n").expect_err("null");
    assert_eq!(fault.message, "no field `n` in line 3");
    assert!(!r.has("n"));
    assert!(file.next_record().expect("fine").is_none());
    for (text, message) in [
        ("{\"a\": 1}\n{\"a\": ", "file is cut short at line 2"),
        ("[1]\n", "line 1 is not an object"),
        ("{\"a\" 1}\n", "line 1 is not JSON"),
        ("{\"a\": \n1}\n", "line 1 is not JSON"),
    ] {
        let mut file = JsonLines::new(lines(text.as_bytes()));
        let fault = loop {
            match file.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{text}"),
                Err(f) => break f,
            }
        };
        assert_eq!(fault.message, message);
    }
    let deep = format!("{{\"a\": {}}}\n", "[".repeat(100_000));
    assert!(JsonLines::new(lines(deep.as_bytes())).next_record().is_err());
}

proptest! {
    #[test]
    fn what_the_crate_csv_writes_we_read(
        table in (1usize..5).prop_flat_map(|n| proptest::collection::vec(proptest::collection::vec("[a-c,\"\n\ré ]{0,5}", n), 0..6)),
    ) {
        let width = table.first().map_or(1, Vec::len);
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record((0..width).map(|i| format!("c{i}"))).expect("memory");
        for row in &table {
            writer.write_record(row).expect("memory");
        }
        let bytes = writer.into_inner().expect("memory");
        let (got, fault) = rows(&bytes);
        prop_assert_eq!(fault, None);
        let fields: Vec<_> = got.into_iter().map(|(_, f)| f).collect();
        prop_assert_eq!(fields, table);
    }

    #[test]
    fn what_we_read_the_crate_csv_reads_the_same(text in "[a,\"\n]{0,20}") {
        let text = format!("x,y\n{text}");
        let (got, fault) = rows(text.as_bytes());
        if fault.is_none() {
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> = reader
                .records()
                .map(|r| r.expect("we read it").iter().map(str::to_owned).collect())
                .collect();
            let ours: Vec<Vec<String>> = got.into_iter().map(|(_, f)| f).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), any::<u8>()], 0..60)) {
        if let Some(fault) = rows(&bytes).1 {
            let _ = shown(fault);
        }
    }
}
