//! The body of a message: carried as base64 or text, perhaps compressed, always JSON.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::envelope::{Envelope, text};
use super::{Limits, Reason};

/// The text of the body. Its content type is checked first, before anything is decoded.
pub(crate) fn decode(envelope: &Envelope, limits: &Limits) -> Result<String, Reason> {
    check_content(envelope)?;
    let carried = match envelope.member("body") {
        None => return Err(Reason::NoBody),
        Some(raw) => text(raw).ok_or(Reason::BodyShape)?,
    };
    let bytes = uncarry(envelope, carried)?;
    let bytes = match envelope.header("compression") {
        None => bytes,
        Some(name) => {
            let name = text(name).ok_or(Reason::InvalidHeader("compression"))?;
            inflate(&name, &bytes, limits)?
        }
    };
    if bytes.len() > limits.inflated_bytes {
        return Err(Reason::InflatedTooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Reason::BodyNotJson)
}

fn check_content(envelope: &Envelope) -> Result<(), Reason> {
    let kind = envelope.member("content-type").and_then(text);
    if kind.as_deref() != Some("application/json") {
        return Err(Reason::ContentType);
    }
    let encoding = match envelope.member("content-encoding") {
        None => return Ok(()),
        Some(raw) => text(raw).ok_or(Reason::ContentEncoding)?,
    };
    match encoding.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" | "binary" | "ascii-8bit" => Ok(()),
        _ => Err(Reason::ContentEncoding),
    }
}

fn uncarry(envelope: &Envelope, carried: String) -> Result<Vec<u8>, Reason> {
    let encoding = match envelope.property("body_encoding") {
        None => return Ok(carried.into_bytes()),
        Some(raw) => text(raw).ok_or(Reason::BodyEncoding)?,
    };
    match encoding.as_str() {
        "utf-8" => Ok(carried.into_bytes()),
        "base64" => {
            let mut carried = carried;
            // Some libraries break base64 into lines; Python reads over that.
            carried.retain(|sign| !sign.is_ascii_whitespace());
            BASE64.decode(carried).map_err(|_| Reason::InvalidBase64)
        }
        _ => Err(Reason::BodyEncoding),
    }
}

/// kombu's `application/x-gzip` is zlib's format; real gzip is taken as well.
fn inflate(name: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Reason> {
    match name {
        "application/x-gzip" | "gzip" | "zlib" => {
            if bytes.starts_with(&[0x1f, 0x8b]) {
                bounded(flate2::read::GzDecoder::new(bytes), limits)
            } else {
                bounded(flate2::read::ZlibDecoder::new(bytes), limits)
            }
        }
        "application/x-bz2" | "bzip2" | "bzip" => {
            bounded(bzip2::read::BzDecoder::new(bytes), limits)
        }
        "application/x-brotli" | "brotli" => Err(Reason::Compression("brotli")),
        "application/x-lzma" | "lzma" | "xz" => Err(Reason::Compression("lzma")),
        "application/zstd" | "zstd" | "zstandard" => Err(Reason::Compression("zstd")),
        _ => Err(Reason::Compression("an unknown")),
    }
}

fn bounded(stream: impl Read, limits: &Limits) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    stream
        .take(limits.inflated_bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| Reason::CorruptCompression)?;
    if bytes.len() > limits.inflated_bytes {
        return Err(Reason::InflatedTooLarge);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inflates to more and more, and notes how much was taken.
    struct Endless<'a>(&'a mut usize);

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            *self.0 += buffer.len();
            if *self.0 > 1_000_000 {
                return Err(std::io::Error::other("read far beyond the limit"));
            }
            buffer.fill(b'0');
            Ok(buffer.len())
        }
    }

    #[test]
    fn inflating_stops_at_the_limit() {
        let limits = Limits {
            inflated_bytes: 10_000,
            ..Limits::default()
        };
        let mut taken = 0;
        let refused = bounded(Endless(&mut taken), &limits).unwrap_err();
        assert_eq!(refused, Reason::InflatedTooLarge);
        assert!(
            taken <= 2 * limits.inflated_bytes,
            "{taken} bytes were inflated"
        );
    }
}
