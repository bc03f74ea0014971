//! How a file is written.

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Text for programs: names as headers, times in UTC, the same to the byte every time.
    Csv,
    /// A workbook for people who count: titles, real numbers and dates, filters.
    Xlsx,
    /// A report for people who read.
    Pdf,
    /// Records as the database has them, for one person.
    Json,
}

impl Format {
    /// Its name in the payload; also the end of the file's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Pdf => "pdf",
            Self::Json => "json",
        }
    }

    /// Whether people read it, who want times as their clocks show them.
    pub(super) const fn is_for_people(self) -> bool {
        matches!(self, Self::Xlsx | Self::Pdf)
    }
}
