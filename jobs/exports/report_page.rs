//! Pages of a report: where things are, and how they are drawn. Lengths are points.

use anyhow::Context;
use krilla::Document;
use krilla::color::rgb::Color;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;

use crate::exports::report_font::Face;

/// The short and the long side of A4.
const A4: (f32, f32) = (595.28, 841.89);
const MARGIN: f32 = 42.0;
/// From the bottom of the page to the line of page numbers.
const FOOT: f32 = 26.0;
/// Space between a cell's border and its text.
pub(super) const PADDING: f32 = 4.5;
/// Line height as a part of the size of the text.
pub(super) const LEADING: f32 = 1.25;
const TITLE_SIZE: f32 = 24.0;
const HEADER_SIZE: f32 = 10.0;
const SMALL_SIZE: f32 = 8.0;
const GRID_WIDTH: f32 = 0.5;

/// The colours of the CRM's reports.
const INK: (u8, u8, u8) = (0x2c, 0x3e, 0x50);
const HEADER: (u8, u8, u8) = (0x34, 0x49, 0x5e);
const STRIPE: (u8, u8, u8) = (0xec, 0xf0, 0xf1);
const GREY: (u8, u8, u8) = (0x80, 0x80, 0x80);
const WHITE: (u8, u8, u8) = (0xff, 0xff, 0xff);

/// Where a cell's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A column of the table.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) title: Vec<String>,
    pub(super) align: Align,
    pub(super) width: f32,
}

/// A row, broken into lines.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) cells: Vec<Vec<String>>,
    pub(super) height: f32,
}

/// What is the same on every page.
pub(super) struct Sheet {
    pub(super) size: (f32, f32),
    pub(super) lanes: Vec<Lane>,
    pub(super) body: f32,
    pub(super) regular: Face,
    pub(super) bold: Face,
}

/// What stands above the table on the first page.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
}

impl Sheet {
    /// Upright for as many columns as it has room for, else on its side.
    pub(super) fn of(columns: usize, body: f32) -> anyhow::Result<Self> {
        let (short, long) = A4;
        Ok(Self {
            size: if columns > 6 {
                (long, short)
            } else {
                (short, long)
            },
            lanes: Vec::new(),
            body,
            regular: Face::regular()?,
            bold: Face::bold()?,
        })
    }

    /// The width between the margins.
    pub(super) fn width(&self) -> f32 {
        self.size.0 - 2.0 * MARGIN
    }

    /// The lines of a title of a column.
    pub(super) fn title_lines(&mut self, title: &str, width: f32) -> Vec<String> {
        self.bold.wrap(title, HEADER_SIZE, width - 2.0 * PADDING, 2)
    }

    fn header_height(&self) -> f32 {
        let lines = self
            .lanes
            .iter()
            .map(|lane| lane.title.len())
            .max()
            .unwrap_or(1);
        lines as f32 * HEADER_SIZE * LEADING + 2.0 * PADDING
    }

    /// The height that rows may take on a page.
    pub(super) fn room(&self, heading: Option<&Heading>) -> f32 {
        self.size.1 - 2.0 * MARGIN - self.header_height() - heading.map_or(0.0, height_of)
    }

    /// Draws a page.
    pub(super) fn draw(
        &mut self,
        document: &mut Document,
        heading: Option<&Heading>,
        lines: &[Line],
        foot: &str,
    ) -> anyhow::Result<()> {
        let settings = PageSettings::from_wh(self.size.0, self.size.1).context("size the page")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let mut top = MARGIN;
        if let Some(heading) = heading {
            self.draw_heading(&mut surface, heading, top);
            top += height_of(heading);
        }
        self.draw_table(&mut surface, lines, top)?;
        let middle = self.size.0 / 2.0;
        let at = (middle, self.size.1 - FOOT);
        text(
            &mut surface,
            &mut self.regular,
            foot,
            at,
            SMALL_SIZE,
            Align::Center,
            GREY,
        );
        surface.finish();
        page.finish();
        Ok(())
    }

    fn draw_heading(&mut self, surface: &mut Surface<'_>, heading: &Heading, top: f32) {
        let middle = self.size.0 / 2.0;
        let at = (middle, top + TITLE_SIZE * 0.8);
        text(
            surface,
            &mut self.bold,
            &heading.title,
            at,
            TITLE_SIZE,
            Align::Center,
            INK,
        );
        let mut baseline = top + TITLE_SIZE + 14.0;
        for (index, line) in heading.lines.iter().enumerate() {
            let (face, color) = if index == 0 {
                (&mut self.regular, GREY)
            } else {
                (&mut self.bold, INK)
            };
            text(
                surface,
                face,
                line,
                (middle, baseline),
                10.0,
                Align::Center,
                color,
            );
            baseline += 10.0 * 1.5;
        }
    }

    fn draw_table(
        &mut self,
        surface: &mut Surface<'_>,
        lines: &[Line],
        top: f32,
    ) -> anyhow::Result<()> {
        let (width, header) = (self.width(), self.header_height());
        fill(surface, (MARGIN, top, width, header), HEADER)?;
        let mut left = MARGIN;
        let mut lefts = vec![left];
        for lane in &self.lanes {
            let place = (left, top, lane.width);
            cell(
                surface,
                &mut self.bold,
                &lane.title,
                place,
                HEADER_SIZE,
                lane.align,
                WHITE,
            );
            left += lane.width;
            lefts.push(left);
        }
        let mut tops = vec![top, top + header];
        let mut row_top = top + header;
        for (index, line) in lines.iter().enumerate() {
            if index % 2 == 1 {
                fill(surface, (MARGIN, row_top, width, line.height), STRIPE)?;
            }
            for ((lane, left), lines) in self.lanes.iter().zip(&lefts).zip(&line.cells) {
                let place = (*left, row_top, lane.width);
                cell(
                    surface,
                    &mut self.regular,
                    lines,
                    place,
                    self.body,
                    lane.align,
                    INK,
                );
            }
            row_top += line.height;
            tops.push(row_top);
        }
        grid(surface, &lefts, &tops)
    }
}

fn height_of(heading: &Heading) -> f32 {
    TITLE_SIZE + 14.0 + heading.lines.len() as f32 * 15.0 + 4.0
}

/// The lines of a cell whose left, top and width are given.
fn cell(
    surface: &mut Surface<'_>,
    face: &mut Face,
    lines: &[String],
    (left, top, width): (f32, f32, f32),
    size: f32,
    align: Align,
    color: (u8, u8, u8),
) {
    let x = match align {
        Align::Left => left + PADDING,
        Align::Center => left + width / 2.0,
        Align::Right => left + width - PADDING,
    };
    let mut baseline = top + PADDING + size * 0.95;
    for line in lines {
        text(surface, face, line, (x, baseline), size, align, color);
        baseline += size * LEADING;
    }
}

fn text(
    surface: &mut Surface<'_>,
    face: &mut Face,
    text: &str,
    (x, baseline): (f32, f32),
    size: f32,
    align: Align,
    color: (u8, u8, u8),
) {
    if text.is_empty() {
        return;
    }
    let x = match align {
        Align::Left => x,
        Align::Center => x - face.width(text, size) / 2.0,
        Align::Right => x - face.width(text, size),
    };
    surface.set_stroke(None);
    surface.set_fill(Some(paint(color)));
    let glyphs = face.glyphs(text);
    let font = face.font.clone();
    surface.draw_glyphs(
        Point::from_xy(x, baseline),
        &glyphs,
        font,
        text,
        size,
        false,
    );
}

fn fill(
    surface: &mut Surface<'_>,
    (left, top, width, height): (f32, f32, f32, f32),
    color: (u8, u8, u8),
) -> anyhow::Result<()> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(left, top, width, height).context("draw a box")?);
    surface.set_stroke(None);
    surface.set_fill(Some(paint(color)));
    surface.draw_path(&path.finish().context("draw a box")?);
    Ok(())
}

/// All lines of the table in one path.
fn grid(surface: &mut Surface<'_>, lefts: &[f32], tops: &[f32]) -> anyhow::Result<()> {
    let (Some(left), Some(right)) = (lefts.first(), lefts.last()) else {
        return Ok(());
    };
    let (Some(top), Some(bottom)) = (tops.first(), tops.last()) else {
        return Ok(());
    };
    let mut path = PathBuilder::new();
    for x in lefts {
        path.move_to(*x, *top);
        path.line_to(*x, *bottom);
    }
    for y in tops {
        path.move_to(*left, *y);
        path.line_to(*right, *y);
    }
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke {
        paint: color(GREY).into(),
        width: GRID_WIDTH,
        ..Stroke::default()
    }));
    surface.draw_path(&path.finish().context("draw the grid")?);
    Ok(())
}

fn paint(of: (u8, u8, u8)) -> Fill {
    Fill {
        paint: color(of).into(),
        opacity: NormalizedF32::ONE,
        ..Fill::default()
    }
}

fn color((red, green, blue): (u8, u8, u8)) -> Color {
    Color::new(red, green, blue)
}
