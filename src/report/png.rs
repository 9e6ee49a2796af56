//! PNG from a buffer of pixels, in memory (PNG specification, third edition; plotters writes files only).

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Encodes 8-bit RGB rows as PNG. `rgb` has `3 · width · height` bytes. Same bytes in, same bytes out.
///
/// # Panics
/// When `rgb` has another length.
#[must_use]
pub fn encode(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let stride = width as usize * 3;
    assert_eq!(rgb.len(), stride * height as usize);
    // Filter 2 (up): a chart's rows mostly repeat the row above, so differences are mostly zero.
    let mut rows = Vec::with_capacity(rgb.len() + height as usize);
    let zero = vec![0u8; stride];
    let mut above: &[u8] = &zero;
    for row in rgb.chunks_exact(stride) {
        rows.push(2);
        rows.extend(row.iter().zip(above).map(|(a, b)| a.wrapping_sub(*b)));
        above = row;
    }
    let mut z = ZlibEncoder::new(Vec::with_capacity(rgb.len() / 32), Compression::new(3));
    z.write_all(&rows).expect("writing to a vector cannot fail");
    let data = z.finish().expect("writing to a vector cannot fail");

    let mut out = Vec::with_capacity(data.len() + 64);
    out.extend(b"\x89PNG\r\n\x1a\n");
    let mut head = Vec::with_capacity(13);
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 2, 0, 0, 0]);
    chunk(&mut out, *b"IHDR", &head);
    chunk(&mut out, *b"IDAT", &data);
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut crc = flate2::Crc::new();
    crc.update(&kind);
    crc.update(data);
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(kind);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    #[test]
    fn the_pixels_come_back() {
        let rgb: Vec<u8> = (0..4 * 3 * 5).map(|i| (i * 37 % 251) as u8).collect();
        let png = super::encode(&rgb, 4, 5);
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        // IHDR: length 13 at 8, kind at 12, data at 16, CRC at 29; then IDAT.
        assert_eq!(&png[12..16], b"IHDR");
        assert_eq!(png[29..33], crc(b"IHDR", &png[16..29]));
        let n = u32::from_be_bytes(png[33..37].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&png[41..41 + n]).read_to_end(&mut rows).unwrap();
        let mut back: Vec<u8> = Vec::new();
        for row in rows.chunks(13) {
            assert_eq!(row[0], 2);
            let above: Vec<u8> = if back.is_empty() { vec![0; 12] } else { back[back.len() - 12..].to_vec() };
            back.extend(row[1..].iter().zip(above).map(|(d, a)| d.wrapping_add(a)));
        }
        assert_eq!(back, rgb);
        // The CRC of an empty IEND is the same in every PNG.
        assert_eq!(&png[png.len() - 4..], [0xae, 0x42, 0x60, 0x82]);
    }

    fn crc(kind: &[u8], data: &[u8]) -> [u8; 4] {
        let mut c = flate2::Crc::new();
        c.update(kind);
        c.update(data);
        c.sum().to_be_bytes()
    }
}
