//! Lengths of time for people.

/// Units, the larger ones first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A length in ms, in its largest unit, cut: `59m`, `2d`, `120ms`.
pub fn span(ms: u64) -> String {
    let fits = UNITS.iter().find(|(_, size)| ms >= *size);
    let (name, size) = fits.unwrap_or(&UNITS[4]);
    format!("{}{name}", ms / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_its_largest_unit() {
        let told: Vec<String> = [0, 999, 1000, 3_599_999, 3_600_000, 200_000_000]
            .map(span)
            .to_vec();
        assert_eq!(told, ["0ms", "999ms", "1s", "59m", "1h", "2d"]);
    }
}
