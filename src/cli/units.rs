//! Sizes, times and counts for people.

use std::time::Duration;

/// Bytes in decimal units: 1.11 GB.
pub(super) fn bytes(bytes: u64) -> String {
    scaled(bytes as f64, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A count: 278 M.
pub(super) fn count(count: u64) -> String {
    scaled(count as f64, &["", "k", "M", "G", "T", "P"]).trim_end().to_owned()
}

/// Seconds with as many digits as one cares for.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

/// Bytes a second.
pub(super) fn rate(bytes: u64, time: Duration) -> u64 {
    (u128::from(bytes) * 1_000_000 / time.as_micros().max(1)) as u64
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", units[unit])
}

/// A size as people write it: `5GB`, `500 MiB`, `1.5g`, `1000000`. Units are decimal unless they have an `i`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.replace('_', "").parse().map_err(|_| format!("`{text}` is not a size such as 5GB"))?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1_048_576.0,
        "gi" | "gib" => 1_073_741_824.0,
        "ti" | "tib" => 1_099_511_627_776.0,
        other => return Err(format!("`{other}` is not a unit of size; use kB, MB, GB, KiB, MiB or GiB")),
    };
    #[expect(clippy::cast_sign_loss, reason = "digits and a point are not negative")]
    Ok((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_bytes("5GB"), Ok(5_000_000_000));
        assert_eq!(parse_bytes("1.5 MiB"), Ok(1_572_864));
        assert_eq!(parse_bytes("5b"), Ok(5));
        assert_eq!(parse_bytes("20k"), Ok(20_000));
        assert!(parse_bytes("5 apples").is_err());
        assert!(parse_bytes("GB").is_err());
    }

    #[test]
    fn sizes_are_shown_with_three_digits() {
        assert_eq!(bytes(1_112_197_000), "1.11 GB");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(999_999), "1.00 MB");
        assert_eq!(count(22_713_216), "22.7 M");
        assert_eq!(count(12), "12");
    }
}
