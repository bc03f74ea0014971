//! The icons: strokes of 16 by 16, one shape for each state, put into every page once.

use std::fmt::Write;

/// Name and shape.
const ICONS: [(&str, &str); 22] = [
    (
        "scheduled",
        r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/>"#,
    ),
    ("available", r#"<path d="M3 4h10M3 8h10M3 12h6"/>"#),
    ("running", r#"<path d="M5 3.2v9.6L13 8z"/>"#),
    (
        "retrying",
        r#"<path d="M13 5.5A5.5 5.5 0 1 0 13.4 9"/><path d="M13.5 2.5v3.2h-3.2"/>"#,
    ),
    (
        "held",
        r#"<path d="M8 1.8 14.2 8 8 14.2 1.8 8z"/><path d="M8 5v3.4M8 10.8v.1"/>"#,
    ),
    ("completed", r#"<path d="m3 8.5 3.4 3.4L13 4.8"/>"#),
    (
        "cancelled",
        r#"<circle cx="8" cy="8" r="6"/><path d="m4 12 8-8"/>"#,
    ),
    ("discarded", r#"<path d="m4 4 8 8M12 4l-8 8"/>"#),
    (
        "overview",
        r#"<path d="M2.5 13V8M6.5 13V3M10.5 13V6M14 13H2"/>"#,
    ),
    (
        "queues",
        r#"<rect x="2.5" y="3" width="11" height="3" rx="1"/><rect x="2.5" y="10" width="11" height="3" rx="1"/>"#,
    ),
    ("jobs", r#"<path d="M3 4h10M3 8h10M3 12h10"/>"#),
    (
        "workers",
        r#"<rect x="3.5" y="3.5" width="9" height="9" rx="2"/><path d="M6.5 1v2.5M9.5 1v2.5M6.5 12.5V15M9.5 12.5V15M1 6.5h2.5M1 9.5h2.5M12.5 6.5H15M12.5 9.5H15"/>"#,
    ),
    (
        "limits",
        r#"<path d="M2.5 11.5a6 6 0 1 1 11 0"/><path d="m8 9 2.5-3"/>"#,
    ),
    (
        "batches",
        r#"<path d="M8 2 14 5 8 8 2 5z"/><path d="m2 8 6 3 6-3M2 11l6 3 6-3"/>"#,
    ),
    (
        "operations",
        r#"<path d="M2.5 4.5h6M2.5 8h6M2.5 11.5h6M11 4l1.2 1.2L14.5 3M11 11l1.2 1.2 2.3-2.2"/>"#,
    ),
    (
        "system",
        r#"<ellipse cx="8" cy="4" rx="5" ry="2"/><path d="M3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2"/>"#,
    ),
    (
        "audit",
        r#"<path d="M4 2h6l3 3v9H4z"/><path d="M6.5 7h4M6.5 9.5h4M6.5 12h2"/>"#,
    ),
    ("pause", r#"<path d="M5.5 3.5v9M10.5 3.5v9"/>"#),
    ("play", r#"<path d="M5 3.2v9.6L13 8z"/>"#),
    ("menu", r#"<path d="M2 4h12M2 8h12M2 12h12"/>"#),
    (
        "well",
        r#"<circle cx="8" cy="8" r="6.2"/><path d="m5.2 8.2 2 2 3.6-4"/>"#,
    ),
    (
        "trouble",
        r#"<path d="M8 2 14.5 13.5h-13z"/><path d="M8 6.5v3.2M8 11.6v.1"/>"#,
    ),
];

/// The mark of the product, 22 by 22: a cogwheel.
const BRAND: &str = r#"<circle cx="11" cy="11" r="5.4" fill="none" stroke="currentColor" stroke-width="2.4"/><path d="M11 1.6v3.2M11 17.2v3.2M1.6 11h3.2M17.2 11h3.2M4.4 4.4l2.2 2.2M15.4 15.4l2.2 2.2M4.4 17.6l2.2-2.2M15.4 6.6l2.2-2.2" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>"#;

/// All icons as symbols.
pub(crate) fn sprite() -> String {
    let mut sprite = String::from(
        r#"<svg width="0" height="0" class="visually-hidden" aria-hidden="true" focusable="false">"#,
    );
    for (name, shape) in ICONS {
        // Writing to a String does not fail.
        let _ = write!(
            sprite,
            r#"<symbol id="i-{name}" viewBox="0 0 16 16">{shape}</symbol>"#
        );
    }
    let _ = write!(
        sprite,
        r#"<symbol id="i-brand" viewBox="0 0 22 22">{BRAND}</symbol></svg>"#
    );
    sprite
}
