//! The font of reports: how wide a text is, where it breaks, which glyphs it is drawn with.
//!
//! `DejaVu` has the letters of Latin, Greek and Cyrillic scripts, the euro and the tick. Arabic and
//! Hebrew letters appear unjoined and from left to right; what it lacks appears as a box.

use std::collections::HashMap;

use anyhow::Context;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// The two faces.
static REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf");
/// What stands for a character without a glyph.
const MISSING: char = '□';

/// One face of the font.
pub(super) struct Face {
    pub(super) font: Font,
    reader: FontRef<'static>,
    /// Glyph and width, as a part of the size, of the characters met so far.
    known: HashMap<char, (u32, f32)>,
}

impl Face {
    /// The face of most text.
    pub(super) fn regular() -> anyhow::Result<Self> {
        Self::read(REGULAR)
    }

    /// The face of titles.
    pub(super) fn bold() -> anyhow::Result<Self> {
        Self::read(BOLD)
    }

    fn read(data: &'static [u8]) -> anyhow::Result<Self> {
        Ok(Self {
            font: Font::new(data.into(), 0).context("read the font")?,
            reader: FontRef::new(data).context("read the font")?,
            known: HashMap::new(),
        })
    }

    fn glyph(&mut self, character: char) -> (u32, f32) {
        if let Some(known) = self.known.get(&character) {
            return *known;
        }
        let charmap = self.reader.charmap();
        let id = charmap
            .map(character)
            .or_else(|| charmap.map(MISSING))
            .unwrap_or_default();
        let metrics = self
            .reader
            .glyph_metrics(Size::unscaled(), LocationRef::default());
        let em = self.font.units_per_em();
        let glyph = (id.to_u32(), metrics.advance_width(id).unwrap_or(0.0) / em);
        self.known.insert(character, glyph);
        glyph
    }

    /// The width of a text.
    pub(super) fn width(&mut self, text: &str, size: f32) -> f32 {
        let widths: f32 = text.chars().map(|character| self.glyph(character).1).sum();
        widths * size
    }

    /// The glyphs of a text, one after the other.
    pub(super) fn glyphs(&mut self, text: &str) -> Vec<KrillaGlyph> {
        let place = |(at, character): (usize, char)| {
            let (id, width) = self.glyph(character);
            KrillaGlyph::new(
                GlyphId::new(id),
                width,
                0.0,
                0.0,
                0.0,
                at..at + character.len_utf8(),
                None,
            )
        };
        text.char_indices().map(place).collect()
    }

    /// The lines of a text in a column: broken between words, inside a word that is too long, and
    /// cut with an ellipsis after `most` lines.
    pub(super) fn wrap(&mut self, text: &str, size: f32, width: f32, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let joined = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&joined, size) <= width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line = self.break_word(word, size, width, &mut lines);
            if lines.len() > most {
                break;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                self.end_with_ellipsis(last, size, width);
            }
        }
        lines
    }

    /// Pushes all but the last piece of the word, and returns that one.
    fn break_word(&mut self, word: &str, size: f32, width: f32, lines: &mut Vec<String>) -> String {
        let (mut piece, mut so_far) = (String::new(), 0.0);
        for character in word.chars() {
            let next = self.glyph(character).1 * size;
            if so_far + next > width && !piece.is_empty() {
                lines.push(std::mem::take(&mut piece));
                so_far = 0.0;
            }
            piece.push(character);
            so_far += next;
        }
        piece
    }

    fn end_with_ellipsis(&mut self, line: &mut String, size: f32, width: f32) {
        while self.width(line, size) + self.width("…", size) > width && line.pop().is_some() {}
        line.push('…');
    }
}

/// The text without what cannot be drawn: control characters, joiners, marks of direction.
pub(super) fn drawable(text: &str) -> String {
    let is_invisible = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}');
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars()
        .filter(|c| !is_invisible(c))
        .map(blank)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_european_languages_has_a_glyph_and_so_have_the_euro_and_the_tick() {
        let mut face = Face::regular().unwrap();
        let missing = face.glyph(MISSING).0;
        for character in "ÀÉÎÕÜçœŒßŁřşğİαΩжЯ€✓✗«»–—…’\u{a0}\u{202f}".chars()
        {
            let glyph = face.glyph(character).0;
            assert!(glyph != 0 && glyph != missing, "{character}");
        }
        assert_eq!(face.glyph('\u{1F680}').0, missing);
    }

    #[test]
    fn a_line_breaks_between_words_and_a_long_word_inside() {
        let mut face = Face::regular().unwrap();
        let width = face.width("Hautecombe Dette", 9.0) + 0.5;
        assert_eq!(
            face.wrap("Hautecombe Dette Privée II", 9.0, width, 4),
            ["Hautecombe Dette", "Privée II"]
        );
        let word = "a".repeat(100);
        let lines = face.wrap(&word, 9.0, width, 100);
        assert!(lines.len() > 2 && lines.concat() == word);
        for line in lines {
            assert!(face.width(&line, 9.0) <= width);
        }
    }

    #[test]
    fn a_text_that_is_too_long_ends_in_an_ellipsis_that_fits() {
        let mut face = Face::regular().unwrap();
        let lines = face.wrap(&"mot ".repeat(200), 9.0, 60.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(
            lines[2].ends_with('…') && face.width(&lines[2], 9.0) <= 60.0,
            "{lines:?}"
        );
    }

    #[test]
    fn nothing_invisible_is_drawn() {
        assert_eq!(drawable("a\tb\u{200d}c\u{202e}d\r\n"), "a bcd  ");
    }
}
